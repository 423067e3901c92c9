"""From a run that breaks a promise to the simplest one near it that still does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from rfgen.falsify.one import Outcome, try_scenario
from rfgen.falsify.space import HOLD_S, LEAST_TARGET_C, Space, Value

PATIENT = (
    "target_radius_mm",
    "conductivity_scale",
    "perfusion_scale",
    "lag_s",
    "noise_c",
    "wall_mm",
    "wall_thickness_mm",
    "target",
    "surrounding",
    "eroded",
)
OPTIONAL = ("stop_s", "again_s", "ramp_c_s", "max_power_w")
SHORTEST = {"hold_s": HOLD_S[0], "target_c": LEAST_TARGET_C, "after_s": 0.0, "stop_s": 0.0, "again_s": 1.5}
"""Towards which a value makes a run shorter."""
NOTHING_BY = 1e-9


@dataclass
class Shrunk:
    """The simplest found, what it comes to, and how many runs that took."""

    point: dict[str, Value]
    outcome: Outcome
    runs: int
    interrupted: bool = False


def shrink(
    space: Space, point: Mapping[str, Value], outcome: Outcome, budget: int, told: Callable[[int], None] | None = None
) -> Shrunk:
    """`point` breaks the promise; so does what is returned. At most `budget` runs."""
    best = Shrunk(dict(point), outcome, 0)
    again = True
    try:
        while again:
            again = False
            for make in (_without, _rounded, _shorter):
                tried: set[tuple[tuple[str, Value], ...]] = set()
                simpler = make(space, best.point)
                while (candidate := next(simpler, None)) is not None:
                    key = tuple(sorted(candidate.items()))
                    if candidate == best.point or key in tried:
                        continue
                    if best.runs >= budget:
                        return best
                    tried.add(key)
                    best.runs += 1
                    if told is not None:
                        told(best.runs)
                    found = try_scenario(partial(space.scenario, candidate), space.promise)
                    if found.broken:
                        best.point, best.outcome, again = candidate, found, True
                        simpler = make(space, best.point)
    except KeyboardInterrupt:
        best.interrupted = True
    return best


def _left_out(point: Mapping[str, Value], names: set[str]) -> dict[str, Value]:
    return {name: value for name, value in point.items() if name not in names}


def _fault_names(point: Mapping[str, Value]) -> list[str]:
    return sorted({name.split(".")[0] for name in point if name.startswith("fault")})


def _without(space: Space, point: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Fewer faults, the default patient, the profile's own treatment."""
    faults = _fault_names(point)
    if len(faults) > space.promise.least_faults:
        for fault in faults:
            yield _left_out(point, {name for name in point if name.startswith(f"{fault}.")})
    yield _left_out(point, set(PATIENT))
    for name in (*PATIENT, *OPTIONAL, *(name for name in point if name.startswith("limit."))):
        if name in point:
            yield _left_out(point, {name})
    for fault in faults:
        if f"{fault}.for_s" in point:
            yield _left_out(point, {f"{fault}.for_s"})
        if point.get(f"{fault}.after_s"):
            yield {**point, f"{fault}.after_s": 0.0}
        if point.get(f"{fault}.channel"):
            yield {**point, f"{fault}.channel": 0.0}


def _rounded(space: Space, point: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Rounder numbers, the roundest first."""
    for name, value in point.items():
        if isinstance(value, float) and not name.endswith(".channel"):
            for digits in (1, 2, 3):
                rounder = _to_digits(value, digits)
                if abs(rounder - value) <= NOTHING_BY:
                    break  # it is as round as that
                yield {**point, name: rounder}


def _to_digits(value: float, digits: int) -> float:
    if value == 0.0:
        return 0.0
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def _shorter(space: Space, point: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Times and targets half-way to what makes the run short, to a round number."""
    for name, value in point.items():
        least = SHORTEST.get(name.split(".")[-1])
        if least is None or not isinstance(value, float) or value <= least:
            continue
        for shorter in (least, _to_digits(0.5 * (least + value), 2)):
            if least <= shorter < value:
                yield {**point, name: shorter}
