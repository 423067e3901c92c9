"""Every limit an interlock compares against: unit, default, and the hard range no profile or treatment may leave.

A device profile or a treatment may move a limit inside its hard range; `resolve_limits` refuses anything else. The
figures are this project's own choices of default unless a source stands beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class LimitSpec(NamedTuple):
    """One limit. `hard_min <= value <= hard_max` always holds in a running supervisor."""

    name: str
    unit: str
    default: float
    hard_min: float
    hard_max: float
    meaning: str


_SPECS = (
    LimitSpec("tc_least_c", "C", 0.0, -10.0, 15.0, "a thermocouple in use may not read less"),
    LimitSpec("tc_most_c", "C", 150.0, 110.0, 150.0, "a thermocouple in use may not read more"),
    LimitSpec("over_temp_c", "C", 95.0, 45.0, 108.0, "an electrode thermocouple may not read more for long"),
    LimitSpec("over_temp_hard_c", "C", 110.0, 50.0, 110.0, "an electrode thermocouple may never read more"),
    LimitSpec("overshoot_c", "C", 5.0, 1.0, 10.0, "control thermocouple above the step's target by this much"),
    # 45 C: the figure at which published spinal treatments stopped RF (Nakatsuka 2009)
    LimitSpec("sentinel_c", "C", 45.0, 38.0, 45.0, "a sentinel thermocouple may not read more"),
    LimitSpec("baseline_least_c", "C", 15.0, 0.0, 30.0, "before pump and power, no thermocouple below"),
    LimitSpec("baseline_most_c", "C", 42.0, 38.0, 45.0, "before pump and power, no thermocouple above"),
    LimitSpec("baseline_spread_c", "C", 5.0, 1.0, 10.0, "before pump and power, two of one kind this far apart"),
    LimitSpec("stall_share", "1", 0.25, 0.05, 0.9, "least share of the asked rise to be gained over the window"),
    LimitSpec("stall_power_share", "1", 0.5, 0.1, 0.9, "share of the power allowed from which a stall counts"),
    LimitSpec("z_high_ohm", "ohm", 800.0, 60.0, 5000.0, "impedance may not read more"),
    LimitSpec("z_low_ohm", "ohm", 25.0, 5.0, 400.0, "impedance may not read less"),
    LimitSpec("z_spread_share", "1", 0.2, 0.02, 0.5, "spread of the impedance over the check's window"),
    LimitSpec("deviation_share", "1", 0.2, 0.05, 0.5, "delivered power off the expected one, as a share"),
    LimitSpec("deviation_w", "W", 1.0, 0.2, 5.0, "delivered power off the expected one"),
    LimitSpec("off_power_w", "W", 0.3, 0.05, 1.0, "most power that may be read while commanded off"),
    LimitSpec("flow_share", "1", 0.8, 0.5, 0.95, "least share of the coolant flow asked for"),
    LimitSpec("check_timeout_s", "s", 15.0, 2.0, 60.0, "time of the impedance check; never below prime_s + 5 s"),
    LimitSpec("ramp_timeout_s", "s", 180.0, 5.0, 1800.0, "time from entering RAMP to the step's target"),
    LimitSpec("treatment_timeout_s", "s", 1800.0, 10.0, 7200.0, "time commanded on, by host ticks"),
)

LIMITS: dict[str, LimitSpec] = {spec.name: spec for spec in _SPECS}


def resolve_limits(*overrides: Mapping[str, float]) -> dict[str, float]:
    """The limits in force: defaults, then each mapping in turn.

    Raises ValueError for an unknown name and for a value outside its hard range (NaN is).
    """
    values = {name: spec.default for name, spec in LIMITS.items()}
    for given in overrides:
        for name, value in given.items():
            problem = limit_problem(name, value)
            if problem is not None:
                raise ValueError(problem)
            values[name] = float(value)
    return values


def limit_problem(name: str, value: float) -> str | None:
    """What is wrong with this value for this limit; None where nothing is."""
    spec = LIMITS.get(name)
    if spec is None:
        return f"unknown limit {name!r}"
    if math.isfinite(value) and spec.hard_min <= value <= spec.hard_max:
        return None
    return f"limit {name} is {value!r} {spec.unit}; it must be within {spec.hard_min:g}..{spec.hard_max:g} {spec.unit}"
