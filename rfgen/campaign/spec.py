"""What a campaign draws from: devices and treatments, patients, faults; and what is expected of every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from rfgen.device import DeviceProfile, device_names, load_device
from rfgen.deviceparts import Mode, Span
from rfgen.fieldparts import PlantKind
from rfgen.population import patient, population, scenario_of
from rfgen.problems import MAX_PROBLEMS, Fault, InputError, Problem, refuse, suggestion
from rfgen.scenario import Scenario, Step, Treatment
from rfgen.scenarioparts import Expect, FaultLine
from rfgen.validation import Strict, as_tuple, in_file_order, in_words, problem_at, validate
from rfgen.when import ANCHORS, MOST_S, When
from rfgen.yamlsource import compose, read_text

MEASURED = ("peak_c", "peak_true_c", "hottest_tissue_c", "energy_j", "rf_on_s", "t_end_s", "ticks", "field")
"""What `bounds` may name here: first words of the summary's figures that a run without a recording has."""


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if not span[0] <= span[1]:
        raise ValueError(f"goes from {span[0]:g} down to {span[1]:g}; give [least, most]")
    return span


def _moment(span: tuple[float, float]) -> tuple[float, float]:
    if not (span[0] >= 0.0 and span[1] < MOST_S):
        raise ValueError(f"goes from {span[0]:g} to {span[1]:g} s; a time is 0 s or more, and below {MOST_S:g} s")
    return span


Range = Annotated[Span, AfterValidator(_ordered)]
Moments = Annotated[Range, AfterValidator(_moment)]


class TreatmentSpread(Strict):
    """One kind of treatment, and its share of the runs; ranges are drawn evenly."""

    device: str
    share: float = Field(1.0, gt=0, le=1e6)
    mode: Mode = "temperature"
    target_c: Range | None = None
    power_w: Range | None = None
    hold_s: Range
    max_power_w: float | None = None

    @model_validator(mode="after")
    def _known(self) -> TreatmentSpread:
        if self.device not in population().devices:
            known = sorted(set(population().devices) & set(device_names()))
            refuse([Fault(("device",), "has no patients (rfgen/population.yaml)", suggestion(self.device, known))])
        return self


class FaultSpread(Strict):
    """One kind of fault, and its share of the runs that have one."""

    kind: str
    share: float = Field(1.0, gt=0, le=1e6)
    state: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(("ramp", "hold"), min_length=1, max_length=6)
    after_s: Moments = (0.0, 10.0)
    channel: Annotated[tuple[int, ...], BeforeValidator(as_tuple)] = ()
    size: Range | None = None
    for_s: Range | None = None

    @model_validator(mode="after")
    def _states(self) -> FaultSpread:
        refuse(
            Fault(("state", place), "is counted from no state", suggestion(name, ANCHORS))
            for place, name in enumerate(self.state)
            if name not in ANCHORS
        )
        return self


class Faults(Strict):
    """How many runs have a fault, and which."""

    share: float = Field(1.0, ge=0, le=1)
    kinds: Annotated[tuple[FaultSpread, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=200)


class PlantSpread(Strict):
    """Instead of the population's own: the plant's model, and ranges of what every patient has."""

    model: PlantKind = "network"
    target_radius_mm: Range | None = None
    conductivity_scale: Range | None = None
    perfusion_scale: Range | None = None


class CampaignSpec(Strict):
    """A campaign. Run k is fixed by (seed, k) and this alone."""

    title: str = Field(min_length=1, max_length=200)
    runs: int = Field(ge=1, le=100_000_000)
    seed: int = Field(1, ge=0, lt=2**63)
    treatments: Annotated[tuple[TreatmentSpread, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=100)
    plant: PlantSpread = PlantSpread()
    faults: Faults | None = None
    expect: Expect | None = None
    max_time_s: float = Field(3600.0, gt=0, le=36000)

    @model_validator(mode="after")
    def _measured(self) -> CampaignSpec:
        refuse(
            Fault(("expect", "bounds", key), "is not measured in a campaign", suggestion(key, MEASURED))
            for key in (self.expect.bounds if self.expect is not None else ())
            if key.split(".")[0] not in MEASURED
        )
        return self

    @property
    def digest(self) -> str:
        """What it means, in 64 digits: two files of one digest draw the same runs, `runs` and `seed` aside."""
        return sha256(self.model_dump_json(exclude={"runs", "seed", "title"}).encode()).hexdigest()


def load_spec(path: str) -> CampaignSpec:
    """A specification from its file. Raises InputError with every problem, each at its line."""
    return parse_spec(read_text(path), path)


def parse_spec(text: str, file: str) -> CampaignSpec:
    """A specification from its text. Raises InputError with every problem, each at its line.

    Both ends of every range are tried as scenarios, every fault on every device that it may meet.
    """
    node, problems = compose(text, file)
    if problems:
        raise InputError(in_file_order(problems, file))
    spec = validate(CampaignSpec, node)
    found: dict[tuple[object, ...], Problem] = {}
    for fault in _ends(spec):
        problem = problem_at(node, fault)
        found.setdefault((problem.line, problem.field, problem.message), problem)
        if len(found) > MAX_PROBLEMS:
            break
    if found:
        raise InputError(in_file_order(found.values(), file))
    return spec


def _ends(spec: CampaignSpec) -> Iterator[Fault]:
    """What the ends of the ranges are refused for."""
    for place, spread in enumerate(spec.treatments):
        sound = True
        for end in (0, 1):
            for fault in _refused(partial(_scenario, spec, spread, spec.seed, 0, end)):
                sound = False
                said = f"cannot be: {fault}"
                yield Fault(("treatments", place), said, "narrow its ranges")
        for at, line in enumerate(spec.faults.kinds if sound and spec.faults is not None else ()):
            for end in (0, 1):
                for fault in _refused(partial(_with_fault, spec, spread, line, end)):
                    said = f"cannot be put on {spread.device}: {fault}"
                    yield Fault(("faults", "kinds", at), said, "mend it, or leave that device out")


def _refused(make: Callable[[], object]) -> list[str]:
    try:
        make()
    except ValidationError as error:
        return in_words(error)
    return []


def _with_fault(spec: CampaignSpec, spread: TreatmentSpread, fault: FaultSpread, end: int) -> Scenario:
    for channel in fault.channel or (None,):
        for state in fault.state:
            line = _fault_line(fault, state, fault.after_s[end], channel, end=end)
            scenario = _checked(_scenario(spec, spread, spec.seed, 0, end), (line,))
    return scenario


def _checked(scenario: Scenario, faults: tuple[FaultLine, ...]) -> Scenario:
    """With the faults, checked again as a whole. Raises ValidationError."""
    return Scenario(**{**{name: getattr(scenario, name) for name in Scenario.model_fields}, "faults": faults})


def _fault_line(
    fault: FaultSpread,
    state: str,
    after_s: float,
    channel: int | None,
    *,
    end: int | None = None,
    draw: np.random.Generator | None = None,
) -> FaultLine:
    return FaultLine.model_validate(
        {
            "at": When(ANCHORS[state], 1, after_s),
            "kind": fault.kind,
            "channel": channel,
            "size": _one(fault.size, end, draw),
            "for": _one(fault.for_s, end, draw),
        }
    )


def _one(span: tuple[float, float] | None, end: int | None, draw: np.random.Generator | None) -> float | None:
    """An end of a range, or a value drawn from it; to a thousandth, so that a scenario file holds what ran."""
    if span is None:
        return None
    if draw is None:
        return span[end or 0]
    return min(max(round(float(draw.uniform(*span)), 3), span[0]), span[1])


def _scenario(
    spec: CampaignSpec,
    spread: TreatmentSpread,
    seed: int,
    number: int,
    end: int | None = None,
    draw: np.random.Generator | None = None,
) -> Scenario:
    """A patient under a treatment, without faults. Raises ValidationError."""
    step = Step(
        target_c=_one(spread.target_c, end, draw),
        power_w=_one(spread.power_w, end, draw),
        hold_s=_one(spread.hold_s, end, draw) or 0.0,
    )
    treatment = Treatment(mode=spread.mode, steps=(step,), max_power_w=spread.max_power_w)
    device: DeviceProfile = load_device(spread.device)
    scenario = scenario_of(patient(spread.device, seed, number), device, treatment)
    instead: dict[str, object] = {"model": spec.plant.model}
    for name in ("target_radius_mm", "conductivity_scale", "perfusion_scale"):
        value = _one(getattr(spec.plant, name), end, draw)
        if value is not None:
            instead[name] = value
    plant = type(scenario.plant).model_validate({**scenario.plant.model_dump(), **instead, "wall": scenario.plant.wall})
    given = {name: getattr(scenario, name) for name in Scenario.model_fields}
    own_seed = int(np.random.default_rng([seed, number, 2]).integers(2**53))
    given |= {"plant": plant, "expect": spec.expect, "seed": own_seed, "max_time_s": spec.max_time_s}
    return Scenario(**given)


@dataclass(frozen=True)
class Drawn:
    """Run `number` of a campaign."""

    number: int
    scenario: Scenario


def drawn(spec: CampaignSpec, seed: int, number: int) -> Drawn:
    """Run `number`: fixed by the specification, `seed` and `number` alone.

    Raises ValidationError where what was drawn inside the ranges cannot be although both ends can.
    """
    draw = np.random.default_rng([seed, number, 1])
    spread = spec.treatments[_picked(draw, [t.share for t in spec.treatments])]
    scenario = _scenario(spec, spread, seed, number, draw=draw)
    if spec.faults is not None and draw.random() < spec.faults.share:
        fault = spec.faults.kinds[_picked(draw, [f.share for f in spec.faults.kinds])]
        state = fault.state[int(draw.integers(len(fault.state)))]
        channel = fault.channel[int(draw.integers(len(fault.channel)))] if fault.channel else None
        line = _fault_line(fault, state, _one(fault.after_s, None, draw) or 0.0, channel, draw=draw)
        scenario = _checked(scenario, (line,))
    title = f"Run {number} of seed {seed}: {spread.device}"
    return Drawn(number, scenario.model_copy(update={"title": title}))


def _picked(draw: np.random.Generator, shares: list[float]) -> int:
    weights = np.array(shares)
    return int(draw.choice(len(shares), p=weights / weights.sum()))
