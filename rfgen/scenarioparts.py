"""The parts of a scenario: treatment, plant, time line, what is expected. Each is checked by itself here; what must
hold between them is in `rfgen.crosscheck`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rfgen.deviceparts import Mode, Span
from rfgen.falsify.names import NAMES as PROMISE_NAMES
from rfgen.fieldparts import FieldModel, PlantKind
from rfgen.problems import Fault, PathPart, refuse, suggestion
from rfgen.safety.catalogue import ROW_IDS
from rfgen.validation import Strict, as_tuple
from rfgen.when import When, parse_duration

if TYPE_CHECKING:
    from hal.linecatalogue import LineFaultSpec
    from rfgen.hostfaults import HostFaultSpec
    from sim.faults import FaultSpec

REASONS = ("hold_complete", "operator_stop", *ROW_IDS)


class Step(Strict):
    """One set-point: `target_c` in temperature mode, `power_w` in the power modes."""

    target_c: float | None = Field(None, gt=0, le=150)
    power_w: float | None = Field(None, gt=0, le=400)
    hold_s: float = Field(gt=0, le=7200)
    ramp_c_s: float | None = Field(None, gt=0, le=10)


STEP_KEYS = tuple(Step.model_fields)
DIRECT_LIMITS = ("ramp_timeout_s", "treatment_timeout_s")
"""Limits that may stand in the treatment itself."""


class Treatment(Strict):
    """What is to be done. A single step may stand in the treatment itself."""

    also_known = STEP_KEYS
    mode: Mode = "temperature"
    steps: Annotated[tuple[Step, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=20)
    max_power_w: float | None = Field(None, gt=0, le=400)
    flow_ml_min: float | None = Field(None, gt=0, le=1000)
    ramp_timeout_s: float | None = None
    treatment_timeout_s: float | None = None
    limits: dict[str, float] = {}

    @model_validator(mode="after")
    def _once(self) -> Treatment:
        twice = [name for name in DIRECT_LIMITS if getattr(self, name) is not None and name in self.limits]
        refuse(Fault(("limits", name), f"stands in treatment.{name} too", "keep one") for name in twice)
        return self

    @property
    def overrides(self) -> dict[str, float]:
        """The limits that the treatment sets itself."""
        found = dict(self.limits)
        for name in DIRECT_LIMITS:
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


class TissueModel(Strict):
    """A tissue of the scenario's own, at 37 C; columns as in the plant's table."""

    density_kg_m3: float = Field(gt=0, le=20000)
    heat_capacity_j_kg_k: float = Field(gt=0, le=10000)
    thermal_conductivity_w_m_k: float = Field(gt=0, le=10)
    perfusion_ml_min_kg: float = Field(ge=0, le=20000)
    conductivity_s_m: float = Field(ge=1e-6, le=10)
    permittivity_rel: float = Field(ge=0, le=1e6)
    water_fraction: float = Field(ge=0, le=1)


class WallModel(Strict):
    """The posterior wall, and the epidural fat behind it."""

    distance_mm: float = Field(gt=0, le=29)
    thickness_mm: float = Field(2.0, ge=0.5, le=20)
    tissue: str = "cortical_bone"
    eroded: bool = False
    fat_mm: float = Field(3.0, ge=0.5, le=20)


def known_tissues() -> tuple[str, ...]:
    """The tissues of the simulation's own table, by name."""
    from sim.tissue import TISSUES

    return tuple(TISSUES)


class PlantModel(Strict):
    """What the electrode stands in."""

    model: PlantKind = "network"
    field: FieldModel | None = None
    """Choices of the field, with `model: field` or `reduced` alone."""
    target: str = "lytic_tumour"
    target_radius_mm: float = Field(12.0, gt=0, le=29)
    surrounding: str = "cancellous_bone"
    wall: WallModel | None = None
    body_c: float = Field(37.0, ge=20, le=42)
    conductivity_scale: float = Field(1.0, ge=0.05, le=20)
    perfusion_scale: float = Field(1.0, ge=0, le=20)
    tissues: dict[str, TissueModel] = {}

    @model_validator(mode="after")
    def _known(self) -> PlantModel:
        known = {*known_tissues(), *self.tissues}
        named: list[tuple[tuple[PathPart, ...], str]] = [
            (("target",), self.target),
            (("surrounding",), self.surrounding),
        ]
        if self.wall is not None:
            named.append((("wall", "tissue"), self.wall.tissue))
        if self.field is not None:
            named += [(("field", "regions", n, "tissue"), r.tissue) for n, r in enumerate(self.field.regions)]
        faults = [Fault(path, "is no tissue", suggestion(name, known)) for path, name in named if name not in known]
        if self.field is not None and not self.on_field:
            faults.append(Fault(("field",), "means nothing here", "add `model: field`, or leave it out"))
        refuse(faults)
        return self

    @property
    def on_field(self) -> bool:
        """It is the field, whole or reduced, and needs numba."""
        return self.model != "network"


def _fault_specs() -> dict[str, FaultSpec | LineFaultSpec | HostFaultSpec]:
    """Every fault that there is: of the bench, of the line, of the host."""
    from hal.linecatalogue import LINE_FAULTS
    from rfgen.hostfaults import HOST_FAULTS
    from sim.faults import FAULTS

    return {**FAULTS, **LINE_FAULTS, **HOST_FAULTS}


def fault_kinds() -> tuple[str, ...]:
    """The names of all faults."""
    return tuple(_fault_specs())


def _known(words: Sequence[str], what: str) -> Callable[[str], str]:
    def check(word: str) -> str:
        if word not in words:
            raise ValueError(f"is no {what}; {suggestion(word, words)}")
        return word

    return check


def _fault_kind(kind: str) -> str:
    kinds = _fault_specs()
    if kind not in kinds:
        raise ValueError(f"is no fault; {suggestion(kind, kinds)} (`rfgen faults` lists them)")
    return kind


class FaultLine(Strict):
    """One fault on the time line."""

    at: When
    kind: Annotated[str, AfterValidator(_fault_kind)]
    for_s: Annotated[float, BeforeValidator(parse_duration)] | None = Field(None, alias="for", gt=0, le=36000)
    channel: int | None = Field(None, ge=0, le=7)
    size: float | None = None

    @model_validator(mode="after")
    def _possible(self) -> FaultLine:
        if self.for_s is not None and not _has_end(self.kind):
            refuse([Fault(("for",), "means nothing here", f"{self.kind} has no end: leave it out")])
        refuse(_fault_faults(self.kind, self.channel, self.size))
        return self


def _has_end(kind: str) -> bool:
    from rfgen.hostfaults import HOST_FAULTS

    return kind not in HOST_FAULTS or HOST_FAULTS[kind].ends


def _fault_faults(kind: str, channel: int | None, size: float | None) -> Iterator[Fault]:
    """What is wrong with a fault's channel and size."""
    spec = _fault_specs()[kind]
    on_channel = getattr(spec, "channel", False)
    if on_channel and channel is None:
        yield Fault(("channel",), "is missing", "name the thermocouple's channel, from 0")
    if not on_channel and channel is not None:
        yield Fault(("channel",), "means nothing here", f"{kind} concerns no channel: leave it out")
    if size is not None and spec.size is None:
        yield Fault(("size",), "means nothing here", f"{kind} has no size: leave it out")
    elif size is not None and spec.size is not None and not spec.size.least <= size <= spec.size.most:
        yield Fault(("size",), "is out of range", f"{spec.size.least:g} to {spec.size.most:g} {spec.size.unit}")


ACTS = ("do", "fault_on", "fault_off")
"""One of these stands in every line of the operator's."""


class OperatorLine(Strict):
    """What the operator does, and when: at the generator (`do`), or at the panel that faults are put on by."""

    at: When
    do: Literal["start", "stop", "acknowledge", "new_patient"] | None = None
    fault_on: Annotated[str, AfterValidator(_fault_kind)] | None = None
    fault_off: Annotated[str, AfterValidator(_fault_kind)] | None = None
    channel: int | None = Field(None, ge=0, le=7)
    size: float | None = None

    @property
    def fault(self) -> str | None:
        """The kind of fault that it puts on or takes off."""
        return self.fault_on or self.fault_off

    @model_validator(mode="after")
    def _one(self) -> OperatorLine:
        given = [name for name in ACTS if getattr(self, name) is not None]
        if not given:
            refuse([Fault(("do",), "is missing", "say what is done: `do`, `fault_on` or `fault_off`")])
        refuse(Fault((name,), f"stands beside `{given[0]}`", "give it a line of its own") for name in given[1:])
        if self.fault_off is not None and not _has_end(self.fault_off):
            remedy = "it has no end: it stays until the next start, or longer"
            refuse([Fault(("fault_off",), "cannot be taken off", remedy)])
        loose = [name for name in ("channel", "size") if getattr(self, name) is not None]
        if self.fault is None:
            refuse(Fault((name,), "means nothing here", "it is of a fault: leave it out") for name in loose)
        elif self.fault_off is not None and self.size is not None:
            refuse([Fault(("size",), "means nothing here", "a fault is taken off whatever its size: leave it out")])
        else:
            refuse(_fault_faults(self.fault, self.channel, self.size))
        return self


class OffExpect(Strict):
    """RF off for good, from the cut-off to the end or the next start: as commanded, as read back, as delivered."""

    commanded: bool | None = None
    reads_back: bool | None = None
    delivered: bool | None = None


class Expect(Strict):
    """What a check holds the run against. `by_s`, `not_before_s`: when CUTOFF was entered. `bounds`: of the summary.
    `kept`: promises (`rfgen falsify --list`), looked at tick by tick."""

    outcome: Literal["completed", "cutoff", "interrupted"] | None = None
    reason: Annotated[str, AfterValidator(_known(REASONS, "reason to end"))] | None = None
    tripped: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] | None = None
    by_s: float | None = Field(None, ge=0)
    not_before_s: float | None = Field(None, ge=0)
    rf_off: OffExpect | None = None
    bounds: dict[str, Span] = {}
    kept: Annotated[
        tuple[Annotated[str, AfterValidator(_known(PROMISE_NAMES, "promise"))], ...], BeforeValidator(as_tuple)
    ] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Expect:
        bad = (key for key, (low, high) in self.bounds.items() if not low <= high)
        unknown = ((place, row) for place, row in enumerate(self.tripped or ()) if row not in ROW_IDS)
        refuse(
            chain(
                (Fault(("tripped", place), "is no interlock", suggestion(row, ROW_IDS)) for place, row in unknown),
                (Fault(("bounds", key), "is not a range", "give [least, most]") for key in bad),
            )
        )
        return self


START = OperatorLine(at=When(None, 1, 0.5), do="start")
