"""The catalogue's text a second time, as solver formulas: when each row trips, written by hand, row by
row.

Nothing here is made from the rows' expressions, and no helper is shared with what reads those: only the
names of signals and limits are the same. A row without an entry here has no proof, and the suite says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.terms import Inputs, Layout

FIGURES: dict[str, float] = {
    "tc_least_c": 0.0,
    "tc_most_c": 150.0,
    "over_temp_c": 95.0,
    "over_temp_hard_c": 110.0,
    "overshoot_c": 5.0,
    "under_c": 5.0,
    "sentinel_c": 45.0,
    "dose_min": 10.0,
    "tc_rate_c_s": 40.0,
    "disagree_c": 10.0,
    "baseline_least_c": 15.0,
    "baseline_most_c": 42.0,
    "baseline_spread_c": 5.0,
    "stall_share": 0.25,
    "stall_power_share": 0.5,
    "z_high_ohm": 800.0,
    "z_low_ohm": 25.0,
    "z_spread_share": 0.2,
    "roll_off_ratio": 2.0,
    "z_jump_ohm": 50.0,
    "z_jump_share": 0.3,
    "deviation_share": 0.2,
    "deviation_w": 1.0,
    "off_power_w": 0.3,
    "meter_share": 0.2,
    "meter_w": 1.0,
    "stage_c": 85.0,
    "flow_share": 0.8,
    "coolant_c": 35.0,
    "skew_share": 0.02,
}
"""The defaults that the catalogue's page states as figures (of the bench, where it names one).

A limit that is not here is the profile's or the treatment's own, and stays a variable.
"""


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick's signals, under the names that the catalogue's signals have."""

    inputs: Inputs
    layout: Layout
    limits: Mapping[str, z3.FPRef]

    def __getitem__(self, name: str) -> z3.ExprRef:
        """A signal's value. Raises KeyError for a signal that is not there."""
        return self.inputs.value[name]

    def limit(self, name: str) -> z3.FPRef:
        """A limit in force. Raises KeyError for one that is not there."""
        return self.limits[name]

    def some(self, group: str, wrong: Callable[[z3.FPRef], z3.BoolRef]) -> z3.BoolRef:
        """At least one thermocouple of the group reads wrong."""
        members = self.layout.member(group)
        return z3.Not(
            z3.And([z3.Implies(in_it, z3.Not(wrong(tc))) for in_it, tc in zip(members, self.inputs.tc, strict=True)])
        )

    def missing(self, *names: str) -> z3.BoolRef:
        """One of these is not measured, or not applicable."""
        return z3.Or([self.inputs.absent[name] for name in names])


def number(x: z3.FPRef) -> z3.BoolRef:
    """A number, and not without end."""
    return z3.And(z3.Not(z3.fpIsNaN(x)), z3.Not(z3.fpIsInf(x)))


def above(x: z3.FPRef, most: z3.FPRef) -> z3.BoolRef:
    """It cannot be shown to be at most that much."""
    return z3.Not(z3.And(number(x), number(most), z3.fpLEQ(x, most)))


def below(x: z3.FPRef, least: z3.FPRef) -> z3.BoolRef:
    """It cannot be shown to be at least that much."""
    return z3.Not(z3.And(number(x), number(least), z3.fpLEQ(least, x)))


def at_least(x: z3.FPRef, from_there: z3.FPRef) -> z3.BoolRef:
    """It cannot be shown to be less."""
    return z3.Not(z3.And(number(x), number(from_there), z3.fpLT(x, from_there)))


def times(factor: z3.FPRef, x: z3.FPRef) -> z3.FPRef:
    """Rounded to the nearest double, as every product is."""
    return z3.fpMul(z3.RoundNearestTiesToEven(), factor, x)


def plus(x: z3.FPRef, y: z3.FPRef) -> z3.FPRef:
    """Likewise."""
    return z3.fpAdd(z3.RoundNearestTiesToEven(), x, y)


def count(n: int) -> z3.FPRef:
    """A number of ticks."""
    return z3.FPVal(float(n), z3.Float64())


def tc_invalid(t: Tick) -> z3.BoolRef:
    """Open, shorted, not finite, or outside 0..150."""
    return z3.Or(
        t["tc_reports_fault"],
        t.some("used", lambda c: z3.Or(below(c, t.limit("tc_least_c")), above(c, t.limit("tc_most_c")))),
    )


def tc_baseline(t: Tick) -> z3.BoolRef:
    """Outside 15..42 or two of one kind more than 5 apart; with coolant flowing, electrodes within 0..42
    alone."""
    warm, cold = t.limit("baseline_most_c"), t.limit("baseline_least_c")
    flowing = t["coolant_flowing"]
    electrodes = t.some(
        "electrodes",
        lambda c: z3.Or(above(c, warm), below(c, t.limit("tc_least_c")), z3.And(z3.Not(flowing), below(c, cold))),
    )
    sentinels = t.some("sentinel", lambda c: z3.Or(above(c, warm), below(c, cold), below(c, t.limit("tc_least_c"))))
    apart = z3.And(z3.Not(flowing), above(t["electrode_spread_c"], t.limit("baseline_spread_c")))
    return z3.And(t["baseline_due"], z3.Or(electrodes, sentinels, apart))


def heating_stall(t: Tick) -> z3.BoolRef:
    """Gained less than 25 % of what was asked, with power at 50 % or more of what is allowed."""
    return z3.And(
        below(t["stall_gain_c"], times(t.limit("stall_share"), t["stall_asked_c"])),
        at_least(t["stall_power_w"], times(t.limit("stall_power_share"), t["stall_allowed_w"])),
    )


def off_by(distance: str, of: str, watts: str, share: str) -> Callable[[Tick], z3.BoolRef]:
    """Off by more than a share and more than so much."""
    return lambda t: z3.And(above(t[distance], t.limit(watts)), above(t[distance], times(t.limit(share), t[of])))


def over(name: str, most: str) -> Callable[[Tick], z3.BoolRef]:
    """One signal above one limit."""
    return lambda t: above(t[name], t.limit(most))


def reads(name: str) -> Callable[[Tick], z3.BoolRef]:
    """One switch, or one verdict."""
    return lambda t: t[name]


@dataclass(frozen=True, slots=True)
class Text:
    """What the catalogue says of a row."""

    trips: Callable[[Tick], z3.BoolRef]
    held_without: tuple[str, ...] = ()
    """Signals that are a third value beside good and bad when not measured or not applicable."""


TEXTS: dict[str, Text] = {
    "TC_INVALID": Text(tc_invalid),
    "OVER_TEMP": Text(lambda t: t.some("electrodes", lambda c: above(c, t.limit("over_temp_c")))),
    "OVER_TEMP_HARD": Text(lambda t: t.some("electrodes", lambda c: above(c, t.limit("over_temp_hard_c")))),
    "OVERSHOOT": Text(over("over_target_c", "overshoot_c"), ("over_target_c",)),
    "UNDER_TEMP": Text(over("under_target_c", "under_c"), ("under_target_c",)),
    "SENTINEL_TEMP": Text(lambda t: t.some("sentinel", lambda c: above(c, t.limit("sentinel_c")))),
    "SENTINEL_DOSE": Text(over("dose_min", "dose_min"), ("dose_min",)),
    "SENTINEL_FORECAST": Text(
        lambda t: above(
            plus(t["sentinel_level_c"], times(t.limit("forecast_share"), t["sentinel_climb_c"])), t.limit("sentinel_c")
        ),
        ("sentinel_level_c", "sentinel_climb_c"),
    ),
    "TC_RATE": Text(over("tc_rate_c_s", "tc_rate_c_s"), ("tc_rate_c_s",)),
    "TC_STUCK": Text(lambda t: at_least(t["tc_stuck_share"], count(1))),
    "TC_DISAGREE": Text(over("tc_disagree_c", "disagree_c"), ("tc_disagree_c",)),
    "TC_BASELINE": Text(tc_baseline, ("baseline_due",)),
    "HEATING_STALL": Text(heating_stall, ("stall_gain_c", "stall_asked_c", "stall_power_w", "stall_allowed_w")),
    "Z_HIGH": Text(over("impedance_ohm", "z_high_ohm"), ("impedance_ohm",)),
    "Z_LOW": Text(lambda t: below(t["impedance_ohm"], t.limit("z_low_ohm")), ("impedance_ohm",)),
    "Z_UNMEASURED": Text(reads("impedance_unmeasured")),
    "Z_UNSTABLE": Text(over("check_spread", "z_spread_share"), ("check_spread",)),
    "Z_ROLL_OFF": Text(
        lambda t: above(t["impedance_ohm"], times(t.limit("roll_off_ratio"), t["least_ohm"])),
        ("impedance_ohm", "least_ohm"),
    ),
    "Z_JUMP": Text(off_by("z_jump_ohm", "z_before_ohm", "z_jump_ohm", "z_jump_share"), ("z_jump_ohm", "z_before_ohm")),
    "POWER_DEVIATION": Text(
        off_by("power_off_by_w", "power_expected_w", "deviation_w", "deviation_share"),
        ("power_off_by_w", "power_expected_w"),
    ),
    "POWER_WHEN_OFF": Text(over("power_while_off_w", "off_power_w"), ("power_while_off_w",)),
    "RF_STUCK_ON": Text(reads("on_while_off")),
    "RF_STUCK_OFF": Text(reads("off_while_on")),
    "OVER_POWER": Text(over("power_w", "over_power_w")),
    "OVER_CURRENT": Text(over("current_a", "over_current_a")),
    "OVER_VOLTAGE": Text(over("voltage_v", "over_voltage_v")),
    "ENERGY_LIMIT": Text(over("energy_j", "energy_limit_j")),
    "METER_DISAGREE": Text(off_by("meter_off_by_w", "power_w", "meter_w", "meter_share"), ("meter_off_by_w",)),
    "STAGE_FAULT": Text(lambda t: z3.Or(t["stage_fault"], above(t["stage_c"], t.limit("stage_c")))),
    "FLOW_LOW": Text(
        lambda t: below(t["flow_ml_min"], times(t.limit("flow_share"), t["flow_due_ml_min"])), ("flow_due_ml_min",)
    ),
    "COOLANT_TEMP": Text(over("coolant_c", "coolant_c")),
    "ESTOP": Text(reads("estop_pressed")),
    "LOOP_OPEN": Text(reads("loop_open")),
    "RETURN_ELECTRODE": Text(reads("return_lost")),
    "START_RELEASED": Text(reads("start_released")),
    "START_STUCK": Text(reads("start_stuck")),
    "LINK_LOST": Text(lambda t: z3.Or(t["exchange_failed"], at_least(t["missed_ticks"], count(3)))),
    "SAMPLE_STALE": Text(reads("sample_stale")),
    "CLOCK_SKEW": Text(over("skew_share", "skew_share"), ("skew_share",)),
    "SAMPLE_LATE": Text(lambda t: at_least(t["late_ticks"], count(3))),
    "RIG_REBOOT": Text(reads("rig_rebooted")),
    "RIG_TRIP": Text(reads("rig_tripped")),
    "TICK_OVERRUN": Text(lambda t: at_least(t["overrun_ticks"], count(2))),
    "CHECK_TIMEOUT": Text(over("check_s", "check_timeout_s"), ("check_s",)),
    "RAMP_TIMEOUT": Text(over("ramp_s", "ramp_timeout_s"), ("ramp_s",)),
    "TREATMENT_TIMEOUT": Text(over("on_s", "treatment_timeout_s")),
    "CONFIG_CHANGED": Text(reads("config_changed")),
    "INTERNAL_ERROR": Text(reads("internal_error")),
}
"""By row id, in the catalogue's order: all of its rows."""
