"""The parts of a scenario: treatment, plant, time line, what is expected. Each is checked by itself here; what must
hold between them is in `rfgen.crosscheck`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rfgen.deviceparts import Mode, Span
from rfgen.falsify.names import NAMES as PROMISE_NAMES
from rfgen.fieldparts import FieldModel
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
    conductivity_s_m: float = Field(gt=0, le=10)
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

    model: Literal["network", "field"] = "network"
    field: FieldModel | None = None
    """Choices of the field plant, with `model: field` alone."""
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
        if self.field is not None and self.model != "field":
            faults.append(Fault(("field",), "means nothing here", "add `model: field`, or leave it out"))
        refuse(faults)
        return self


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
        from rfgen.hostfaults import HOST_FAULTS

        spec = _fault_specs()[self.kind]
        faults = []
        on_channel = getattr(spec, "channel", False)
        if self.kind in HOST_FAULTS and self.for_s is not None and not HOST_FAULTS[self.kind].ends:
            faults.append(Fault(("for",), "means nothing here", f"{self.kind} has no end: leave it out"))
        if on_channel and self.channel is None:
            faults.append(Fault(("channel",), "is missing", "name the thermocouple's channel, from 0"))
        if not on_channel and self.channel is not None:
            faults.append(Fault(("channel",), "means nothing here", f"{self.kind} concerns no channel: leave it out"))
        if self.size is not None and spec.size is None:
            faults.append(Fault(("size",), "means nothing here", f"{self.kind} has no size: leave it out"))
        elif self.size is not None and spec.size is not None and not spec.size.least <= self.size <= spec.size.most:
            remedy = f"{spec.size.least:g} to {spec.size.most:g} {spec.size.unit}"
            faults.append(Fault(("size",), "is out of range", remedy))
        refuse(faults)
        return self


class OperatorLine(Strict):
    """What the operator does, and when."""

    at: When
    do: Literal["start", "stop", "acknowledge", "new_patient"]


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
