"""Scenarios: what is treated, with what, what goes wrong, and what is expected. YAML in, one validated record out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from itertools import chain, islice
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, model_validator

from rfgen.device import (
    OVER_TEMP_ABOVE_TARGET_C,
    DeviceProfile,
    Mode,
    Span,
    covered,
    device_node,
    given_leaves,
    plain,
    resolve_limits_for,
)
from rfgen.records import State
from rfgen.safety.catalogue import ROW_IDS
from rfgen.safety.limits import LIMITS, limit_problem
from rfgen.validation import Strict, as_tuple, validate
from rfgen.when import When, parse_duration
from rfgen.yamlsource import MAX_PROBLEMS, Fault, InputError, Node, Problem, Refusal, compose, read_text, suggestion

REASONS = ("hold_complete", "operator_stop", *ROW_IDS)
STEP_KEYS = ("target_c", "power_w", "hold_s", "ramp_c_s")
HOLD_SLACK = 3.0
"""A moment counted from a hold may lie this many times its length after it began: time out of band does not count
as held."""


class Step(Strict):
    """One set-point: `target_c` in temperature mode, `power_w` in the power modes."""

    target_c: float | None = Field(None, gt=0, le=150)
    power_w: float | None = Field(None, gt=0, le=400)
    hold_s: float = Field(gt=0, le=7200)
    ramp_c_s: float | None = Field(None, gt=0, le=10)


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

    @property
    def overrides(self) -> dict[str, float]:
        """The limits that the treatment sets itself."""
        found = dict(self.limits)
        for name in ("ramp_timeout_s", "treatment_timeout_s"):
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


class PlantModel(Strict):
    """What the electrode stands in."""

    model: Literal["network"] = "network"
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
        from sim.tissue import TISSUES

        known = {*TISSUES, *self.tissues}
        named = [(("target",), self.target), (("surrounding",), self.surrounding)]
        if self.wall is not None:
            named.append((("wall", "tissue"), self.wall.tissue))  # type: ignore[arg-type]
        faults = [Fault(path, "is no tissue", suggestion(name, known)) for path, name in named if name not in known]
        if faults:
            raise Refusal(faults)
        return self


class FaultLine(Strict):
    """One fault on the time line."""

    at: When
    kind: str
    for_s: Annotated[float, BeforeValidator(parse_duration)] | None = Field(None, alias="for", gt=0, le=36000)
    channel: int | None = Field(None, ge=0, le=7)
    size: float | None = None

    @model_validator(mode="after")
    def _possible(self) -> FaultLine:
        from hal.linefault import LINE_FAULTS
        from rfgen.hostfaults import HOST_FAULTS
        from sim.faults import FAULTS

        spec = FAULTS.get(self.kind) or LINE_FAULTS.get(self.kind) or HOST_FAULTS.get(self.kind)
        if spec is None:
            known = [*FAULTS, *LINE_FAULTS, *HOST_FAULTS]
            raise Refusal(
                [Fault(("kind",), "is no fault", f"{suggestion(self.kind, known)} (`rfgen faults` lists them)")]
            )
        faults = []
        on_channel = self.kind in FAULTS and FAULTS[self.kind].channel
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
        if faults:
            raise Refusal(faults)
        return self


class OperatorLine(Strict):
    """What the operator does, and when."""

    at: When
    do: Literal["start", "stop", "acknowledge", "new_patient"]


class Expect(Strict):
    """What a check holds the run against. `by_s`, `not_before_s`: when CUTOFF was entered. `bounds`: of the summary."""

    outcome: Literal["completed", "cutoff", "interrupted"] | None = None
    reason: str | None = None
    tripped: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] | None = None
    by_s: float | None = Field(None, ge=0)
    not_before_s: float | None = Field(None, ge=0)
    bounds: dict[str, Span] = {}

    @model_validator(mode="after")
    def _known(self) -> Expect:
        faults = []
        if self.reason is not None and self.reason not in REASONS:
            faults.append(Fault(("reason",), "is no reason to end", suggestion(self.reason, REASONS)))
        for place, row in enumerate((self.tripped or ())[:MAX_PROBLEMS]):
            if row not in ROW_IDS:
                faults.append(Fault(("tripped", place), "is no interlock", suggestion(row, ROW_IDS)))
        for key, (low, high) in self.bounds.items():
            if not low <= high:
                faults.append(Fault(("bounds", key), "is not a range", "give [least, most]"))
        if faults:
            raise Refusal(faults)
        return self


START = OperatorLine(at=When(None, 1, 0.5), do="start")


class Scenario(Strict):
    """One treatment to simulate."""

    title: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=4000)
    device: DeviceProfile
    treatment: Treatment
    plant: PlantModel = PlantModel()
    faults: Annotated[tuple[FaultLine, ...], BeforeValidator(as_tuple)] = Field((), max_length=200)
    operator: Annotated[tuple[OperatorLine, ...], BeforeValidator(as_tuple)] = Field((START,), max_length=100)
    expect: Expect | None = None
    seed: int = Field(1, ge=0, lt=2**63)
    max_time_s: float = Field(3600.0, gt=0, le=36000)

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        found = chain(self._treatment_faults(), self._step_faults(), self._plant_faults(), self._time_faults())
        faults = list(islice(found, MAX_PROBLEMS))
        if faults:
            raise Refusal(faults)
        return self

    def _treatment_faults(self) -> Iterator[Fault]:
        device, treatment = self.device, self.treatment
        if treatment.mode not in device.modes:
            yield Fault(("treatment", "mode"), f"is no mode of {device.name}", suggestion(treatment.mode, device.modes))
        if treatment.max_power_w is not None and treatment.max_power_w > device.stage.max_power_w:
            most = f"at most {device.stage.max_power_w:g} W, what {device.name} gives"
            yield Fault(("treatment", "max_power_w"), "is more than the stage gives", most)
        if treatment.flow_ml_min is not None:
            if device.pump is None:
                yield Fault(
                    ("treatment", "flow_ml_min"), f"is asked of {device.name}, which has no pump", "leave it out"
                )
            elif treatment.flow_ml_min > device.pump.max_flow_ml_min:
                most = f"at most {device.pump.max_flow_ml_min:g} ml/min"
                yield Fault(("treatment", "flow_ml_min"), "is more than the pump gives", most)
        for name, value in treatment.overrides.items():
            where: tuple[str | int, ...] = (
                ("treatment", "limits", name) if name in treatment.limits else ("treatment", name)
            )
            if name not in LIMITS:
                yield Fault(where, "is no limit", suggestion(name, LIMITS))
            elif limit_problem(name, value) is not None:
                spec = LIMITS[name]
                yield Fault(where, "is out of its hard range", f"{spec.hard_min:g} to {spec.hard_max:g} {spec.unit}")

    def _step_faults(self) -> Iterator[Fault]:
        device, treatment = self.device, self.treatment
        by_temperature = treatment.mode == "temperature"
        wanted, other = ("target_c", "power_w") if by_temperature else ("power_w", "target_c")
        most_w = treatment.max_power_w or device.stage.max_power_w
        over_c = treatment.limits.get("over_temp_c", device.limits.get("over_temp_c", LIMITS["over_temp_c"].default))
        for place, step in enumerate(treatment.steps):
            where = ("treatment", "steps", place)
            if getattr(step, wanted) is None:
                yield Fault((*where, wanted), "is missing", f"{treatment.mode} mode needs it in every step")
            if getattr(step, other) is not None:
                yield Fault((*where, other), "means nothing here", f"{treatment.mode} mode has none: leave it out")
            span = device.ranges.target_c
            if step.target_c is not None and span is not None and not span[0] <= step.target_c <= span[1]:
                yield Fault(
                    (*where, "target_c"), f"is outside what {device.name} allows", f"{span[0]:g} to {span[1]:g} C"
                )
            elif step.target_c is not None and step.target_c > over_c - OVER_TEMP_ABOVE_TARGET_C:
                most = f"at most {over_c - OVER_TEMP_ABOVE_TARGET_C:g} C, 8 below over_temp_c"
                yield Fault((*where, "target_c"), "is too near the over-temperature limit", most)
            low, high = device.ranges.power_w
            if step.power_w is not None and not low <= step.power_w <= min(high, most_w):
                yield Fault(
                    (*where, "power_w"), f"is outside what {device.name} allows", f"{low:g} to {min(high, most_w):g} W"
                )
            low, high = device.ranges.hold_s
            if not low <= step.hold_s <= high:
                yield Fault((*where, "hold_s"), f"is outside what {device.name} allows", f"{low:g} to {high:g} s")

    def _plant_faults(self) -> Iterator[Fault]:
        wall = self.plant.wall
        if wall is None and any(t.place == "posterior_wall" for t in self.device.thermocouples):
            yield Fault(
                ("plant",),
                f"has no wall, and {self.device.name} has a thermocouple behind it",
                "add `wall: {distance_mm: 12}`, or override device.thermocouples",
            )
        least_mm = self.device.electrode.diameter_mm * 0.5 * 1.5**0.5 + 0.35
        if self.plant.target_radius_mm <= least_mm:
            yield Fault(("plant", "target_radius_mm"), "is inside the electrode", f"it must be above {least_mm:.3g} mm")
        if wall is not None and wall.distance_mm <= least_mm:
            yield Fault(
                ("plant", "wall", "distance_mm"), "is inside the electrode", f"it must be above {least_mm:.3g} mm"
            )

    def _time_faults(self) -> Iterator[Fault]:
        channels = len(self.device.thermocouples)
        steps = self.treatment.steps
        lines = [(("faults", n), line.at) for n, line in enumerate(self.faults)]
        lines += [(("operator", n), line.at) for n, line in enumerate(self.operator)]
        for where, at in lines:
            if at.offset_s > self.max_time_s:
                yield Fault((*where, "at"), "is after the end", f"max_time_s is {self.max_time_s:g} s")
            elif at.anchor in (State.RAMP, State.HOLD) and at.occurrence > len(steps) and self._starts() <= 1:
                yield Fault((*where, "at"), "never comes", f"the treatment has {len(steps)} step(s)")
            elif at.anchor is State.HOLD and self._starts() <= 1:
                hold_s = steps[at.occurrence - 1].hold_s
                if at.offset_s > HOLD_SLACK * hold_s:
                    yield Fault((*where, "at"), "is long after that hold", f"it lasts {hold_s:g} s")
        for n, fault in enumerate(self.faults):
            if fault.channel is not None and fault.channel >= channels:
                remedy = f"{self.device.name} has channels 0 to {channels - 1}"
                yield Fault(("faults", n, "channel"), "is no channel", remedy)
            if fault.kind == "sentinel_close" and not self.device.sentinel_channels:
                yield Fault(("faults", n, "kind"), f"needs a sentinel, and {self.device.name} has none", "leave it out")
            if fault.kind in ("pump_stopped", "pump_slow", "air_bubble", "coolant_warm") and self.device.pump is None:
                yield Fault(("faults", n, "kind"), f"needs a pump, and {self.device.name} has none", "leave it out")

    def _starts(self) -> int:
        return sum(1 for line in self.operator if line.do == "start")


# --- reading ---------------------------------------------------------------------------------------------------------

FOLDER = files("rfgen") / "scenarios"
SOURCED_HERE = "this scenario"
DEFAULT_SOURCE = "assumed, the default"


@lru_cache(maxsize=1)
def scenario_names() -> tuple[str, ...]:
    """The shipped scenarios."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in FOLDER.iterdir() if p.name.endswith(".yaml")))


def load_scenario(name_or_path: str) -> Scenario:
    """A shipped scenario by its name, or any by its path. Raises InputError with every problem."""
    if name_or_path in scenario_names():
        text = (FOLDER / f"{name_or_path}.yaml").read_text(encoding="utf-8")
        return parse_scenario(text, f"{name_or_path}.yaml")
    if not name_or_path.endswith((".yaml", ".yml")) and "/" not in name_or_path:
        remedy = f"{suggestion(name_or_path, scenario_names())} (`rfgen scenarios` lists them)"
        raise InputError(
            [Problem(name_or_path or "''", None, None, "", "", "is no shipped scenario, nor a YAML file", remedy)]
        )
    return parse_scenario(read_text(name_or_path), name_or_path)


def parse_scenario(text: str, file: str) -> Scenario:
    """A scenario from its text. Raises InputError with every problem, each at its line."""
    node, problems = compose(text, file)
    asked = node.get("device")
    if isinstance(node.value, dict):
        try:
            node, stray = _with_step(_with_device(node))
            problems += stray
        except InputError as error:
            problems = [*problems, *error.problems]
            raise InputError(problems) from None
    try:
        scenario = validate(Scenario, node)
    except InputError as error:
        noted = {(p.file, p.line, p.column) for p in problems}
        found = [_at_override(p, node, asked) for p in error.problems]
        raise InputError([*problems, *(p for p in found if (p.file, p.line, p.column) not in noted)]) from None
    if problems:
        raise InputError(problems)
    return scenario


def _at_override(problem: Problem, node: Node, asked: Node | None) -> Problem:
    """A sound profile that overrides made wrong is told where the overrides stand."""
    if asked is None or not isinstance(asked.value, dict) or problem.file == node.file:
        return problem
    file, line, column = asked.place
    return problem._replace(file=file, line=line, column=column)


def _with_device(node: Node) -> Node:
    """The device's name, or its overrides, replaced by the whole profile."""
    device = node.get("device")
    if device is None:
        return node
    if isinstance(device.value, str):
        return node.with_key("device", device_node(device.value, device))
    if not isinstance(device.value, dict) or "profile" not in device.value:
        return node
    base = device.value["profile"]
    if not isinstance(base.value, str):
        raise InputError([base.problem("device.profile", "is not a name", "give a device profile's name")])
    overrides = device.without("profile")
    profile = device_node(base.value, base)
    validate(DeviceProfile, profile)  # a profile that is wrong by itself is told in its own file
    merged = _merged(profile, overrides)
    sources = merged.get("sources")
    if sources is not None and isinstance(sources.value, dict):
        here = Node(SOURCED_HERE, *overrides.place)
        given = dict.fromkeys(_leaves(overrides), here)
        at = dict.fromkeys(given, here.place)
        sources = replace(sources, value={**sources.value, **given}, key_at={**sources.key_at, **at})
        merged = merged.with_key("sources", sources)
    return node.with_key("device", merged)


def _merged(base: Node, over: Node) -> Node:
    """Mappings merge key by key; anything else is replaced."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    found = dict(base.value)
    for key, value in over.value.items():
        before = base.value.get(key)
        found[key] = value if before is None else _merged(before, value)
    return replace(base, value=found, key_at={**base.key_at, **over.key_at})


def _leaves(node: Node, path: str = "") -> Iterator[str]:
    assert isinstance(node.value, dict)
    for key, value in node.value.items():
        if not path and key in ("name", "title", "description", "sources"):
            continue
        if isinstance(value.value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def _with_step(node: Node) -> tuple[Node, list[Problem]]:
    """A single step that stands in the treatment itself, put into a list; what stands beside a list is a problem."""
    treatment = node.get("treatment")
    if treatment is None or not isinstance(treatment.value, dict):
        return node, []
    given = {key: value for key, value in treatment.value.items() if key in STEP_KEYS}
    if "steps" in treatment.value:
        stray = [
            treatment.problem(f"treatment.{key}", "stands beside `steps`", "move it into a step", key=key)
            for key in given
        ]
        return node.with_key("treatment", treatment.without(*given)), stray
    step = Node(given, *treatment.place, key_at={k: v for k, v in treatment.key_at.items() if k in given})
    steps = Node([step], *treatment.place, folded=True)
    return node.with_key("treatment", treatment.without(*given).with_key("steps", steps)), []


def resolved_yaml(scenario: Scenario) -> str:
    """The scenario in full, its device included: reads back to the same scenario."""
    tree = plain(scenario)
    device: dict[str, Any] = tree["device"]
    complete = DeviceProfile.model_validate({**device, "sources": _complete_sources(device, scenario.device.sources)})
    tree["device"] = plain(complete)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)


def _complete_sources(device: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, str]:
    """The sources, with the defaults named as what they are."""
    found = dict(sources)
    bare = DeviceProfile.model_construct(**_constructed(device))
    for leaf in given_leaves(bare):
        if not covered(leaf, found):
            found[leaf] = DEFAULT_SOURCE
    return found


def _constructed(device: Mapping[str, Any]) -> dict[str, Any]:
    """The device's parts as models, so that its figures can be walked before it is whole."""
    fields = DeviceProfile.model_fields
    found: dict[str, Any] = {}
    for key, value in device.items():
        annotation = fields[key].annotation
        kinds = [
            a
            for a in (annotation, *getattr(annotation, "__args__", ()))
            if isinstance(a, type) and issubclass(a, Strict)
        ]
        found[key] = kinds[0].model_validate(value) if isinstance(value, dict) and kinds else value
    return found


__all__ = [
    "Expect",
    "FaultLine",
    "OperatorLine",
    "PlantModel",
    "Scenario",
    "Step",
    "Treatment",
    "WallModel",
    "load_scenario",
    "parse_scenario",
    "resolve_limits_for",
    "resolved_yaml",
    "scenario_names",
]
