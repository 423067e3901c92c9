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
    LimitSpec("under_c", "C", 5.0, 1.0, 20.0, "control thermocouple below the step's target by this much"),
    # cord: no obvious complication after 10 to 30 min at 43 C (Haveman 2005); its lower end
    LimitSpec("dose_min", "min", 10.0, 0.1, 10.0, "dose of the sentinel, equivalent minutes at 43 C"),
    # published: stopped at 45 C, peaked at 48 C (Nakatsuka 2009)
    LimitSpec("forecast_share", "1", 1.0, 0.1, 1.25, "of the sentinel's climb after RF is off, this share counts"),
    LimitSpec("tc_rate_c_s", "C/s", 40.0, 5.0, 40.0, "a thermocouple may not move faster"),
    LimitSpec("disagree_c", "C", 10.0, 1.0, 10.0, "two thermocouples in one place, this far apart"),
    LimitSpec("roll_off_ratio", "1", 2.0, 1.2, 3.0, "impedance over its least since this ramp began"),
    LimitSpec("z_jump_ohm", "ohm", 50.0, 10.0, 200.0, "impedance moved by this much within 100 ms"),
    LimitSpec("z_jump_share", "1", 0.3, 0.1, 0.5, "and by this share of what it was"),
    LimitSpec("over_power_w", "W", 440.0, 0.5, 440.0, "delivered power; 1.1 x the stage's maximum unless set lower"),
    LimitSpec("over_current_a", "A", 22.0, 0.05, 22.1, "current; 1.1 x the stage's maximum and the meter's step"),
    LimitSpec("over_voltage_v", "V", 1100.0, 5.0, 1110.0, "voltage; 1.1 x the stage's maximum and the meter's step"),
    LimitSpec("energy_limit_j", "J", 200_000.0, 10.0, 1_000_000.0, "energy delivered in a treatment"),
    LimitSpec("meter_share", "1", 0.2, 0.05, 0.5, "meters off each other, as a share of the measured power"),
    LimitSpec("meter_w", "W", 1.0, 0.2, 5.0, "meters off each other"),
    LimitSpec("stage_c", "C", 85.0, 40.0, 85.0, "the output stage may not be hotter"),
    LimitSpec("coolant_c", "C", 35.0, 25.0, 40.0, "coolant may not be warmer"),
    LimitSpec("skew_share", "1", 0.02, 0.005, 0.1, "rig time off the host's ticks over 10 s"),
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
