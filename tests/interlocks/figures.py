"""The catalogue's figures, restated row by row: persistence, armed states, clears, needs, and what is wrong.

Written from the catalogue's text with literal bounds (the defaults), not from the rows. A row that is not here fails
the suite by its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from rfgen.safety.signals import Signals

Wrong = Callable[[Signals], bool]


class Figure(NamedTuple):
    """One row of the catalogue at its default limits, with electrodes on channels 0 and 1 and a sentinel on 2."""

    persist_us: int
    armed: str
    """Letters of the catalogue: I idle, C impedance check, R ramp, H hold, X cutoff."""
    clears: str
    needs: str
    wrong: Wrong
    """What trips it, where nothing that it reads is absent."""
    absent: frozenset[str] = frozenset()
    """Signals whose absence holds it."""
    refuses: bool = False
    """It refuses a start instead of tripping."""
    covered: int = 0
    """Comparisons that can decide nothing, because another of the row is true wherever they are."""


def above(value: float, bound: float) -> bool:
    """Above the bound, or no number on either side."""
    return not (math.isfinite(value) and math.isfinite(bound) and value <= bound)


def below(value: float, bound: float) -> bool:
    """Below the bound, or no number on either side."""
    return not (math.isfinite(value) and math.isfinite(bound) and value >= bound)


def at_least(value: float, bound: float) -> bool:
    """At the bound or above, or no number on either side."""
    return not (math.isfinite(value) and math.isfinite(bound) and value < bound)


def num(value: float | None) -> float:
    """A signal that is there."""
    assert value is not None
    return value


def electrodes(s: Signals) -> Iterable[float]:
    return s.temperature_c[0], s.temperature_c[1]


def sentinel(s: Signals) -> float:
    return s.temperature_c[2]


def _tc_invalid(s: Signals) -> bool:
    return s.tc_reports_fault or any(above(c, 150.0) or below(c, 0.0) for c in (*electrodes(s), sentinel(s)))


def _tc_baseline(s: Signals) -> bool:
    if not s.baseline_due:
        return False
    if any(above(c, 42.0) or below(c, 0.0) for c in electrodes(s)):
        return True
    # a sentinel below 0 C is below 15 C as well
    if above(sentinel(s), 42.0) or below(sentinel(s), 15.0):
        return True
    if s.coolant_flowing:
        return False
    return any(below(c, 15.0) for c in electrodes(s)) or above(s.electrode_spread_c, 5.0)


def _heating_stall(s: Signals) -> bool:
    little = below(num(s.stall_gain_c), 0.25 * num(s.stall_asked_c))
    return little and at_least(num(s.stall_power_w), 0.5 * num(s.stall_allowed_w))


def _z_jump(s: Signals) -> bool:
    return above(num(s.z_jump_ohm), 50.0) and above(num(s.z_jump_ohm), 0.3 * num(s.z_before_ohm))


def _power_deviation(s: Signals) -> bool:
    return above(num(s.power_off_by_w), 1.0) and above(num(s.power_off_by_w), 0.2 * num(s.power_expected_w))


def _meter_disagree(s: Signals) -> bool:
    return above(num(s.meter_off_by_w), 1.0) and above(num(s.meter_off_by_w), 0.2 * s.power_w)


def _forecast(s: Signals) -> bool:
    return above(num(s.sentinel_level_c) + num(s.sentinel_climb_c), 45.0)


NO = frozenset[str]()
STALL = frozenset({"stall_gain_c", "stall_asked_c", "stall_power_w", "stall_allowed_w"})
TEMPERATURE = "temperature mode"
OHM = frozenset({"impedance_ohm"})

FIGURES: dict[str, Figure] = {
    # temperature
    "TC_INVALID": Figure(0, "CRH", "R", "nothing", _tc_invalid),
    "OVER_TEMP": Figure(60_000, "CRH", "R", "nothing", lambda s: any(above(c, 95.0) for c in electrodes(s))),
    "OVER_TEMP_HARD": Figure(0, "CRH", "R", "nothing", lambda s: any(above(c, 110.0) for c in electrodes(s))),
    "OVERSHOOT": Figure(
        500_000, "RH", "A", TEMPERATURE, lambda s: above(num(s.over_target_c), 5.0), frozenset({"over_target_c"})
    ),
    "UNDER_TEMP": Figure(
        10_000_000, "H", "A", TEMPERATURE, lambda s: above(num(s.under_target_c), 5.0), frozenset({"under_target_c"})
    ),
    "SENTINEL_TEMP": Figure(0, "CRH", "R", "sentinel", lambda s: above(sentinel(s), 45.0)),
    "SENTINEL_DOSE": Figure(0, "CRH", "A", "sentinel", lambda s: above(num(s.dose_min), 10.0), frozenset({"dose_min"})),
    "SENTINEL_FORECAST": Figure(
        0, "RH", "A", "sentinel", _forecast, frozenset({"sentinel_level_c", "sentinel_climb_c"})
    ),
    "TC_RATE": Figure(0, "CRH", "R", "nothing", lambda s: above(num(s.tc_rate_c_s), 40.0), frozenset({"tc_rate_c_s"})),
    "TC_STUCK": Figure(0, "RH", "A", "nothing", lambda s: at_least(s.tc_stuck_share, 1.0)),
    "TC_DISAGREE": Figure(
        500_000,
        "CRH",
        "R",
        "co-located pair",
        lambda s: above(num(s.tc_disagree_c), 10.0),
        frozenset({"tc_disagree_c"}),
    ),
    "TC_BASELINE": Figure(0, "C", "R", "nothing", _tc_baseline, frozenset({"baseline_due"}), covered=1),
    "HEATING_STALL": Figure(0, "R", "A", TEMPERATURE, _heating_stall, STALL),
    # load and power
    "Z_HIGH": Figure(100_000, "CRH", "A", "nothing", lambda s: above(num(s.impedance_ohm), 800.0), OHM),
    "Z_LOW": Figure(50_000, "CRH", "A", "nothing", lambda s: below(num(s.impedance_ohm), 25.0), OHM),
    "Z_UNMEASURED": Figure(500_000, "CRH", "A", "nothing", lambda s: s.impedance_unmeasured),
    "Z_UNSTABLE": Figure(
        0, "C", "A", "nothing", lambda s: above(num(s.check_spread), 0.2), frozenset({"check_spread"})
    ),
    "Z_ROLL_OFF": Figure(
        3_000_000,
        "RH",
        "A",
        "nothing",
        lambda s: above(num(s.impedance_ohm), 2.0 * num(s.least_ohm)),
        OHM | {"least_ohm"},
    ),
    "Z_JUMP": Figure(0, "RH", "A", "nothing", _z_jump, frozenset({"z_jump_ohm", "z_before_ohm"})),
    "POWER_DEVIATION": Figure(
        300_000, "CRH", "A", "nothing", _power_deviation, frozenset({"power_off_by_w", "power_expected_w"})
    ),
    "POWER_WHEN_OFF": Figure(
        100_000,
        "ICRHX",
        "R",
        "nothing",
        lambda s: above(num(s.power_while_off_w), 0.3),
        frozenset({"power_while_off_w"}),
    ),
    "RF_STUCK_ON": Figure(100_000, "ICRHX", "R", "nothing", lambda s: s.on_while_off),
    "RF_STUCK_OFF": Figure(200_000, "CRH", "A", "nothing", lambda s: s.off_while_on),
    # the three maxima are the profile's; these are the widest that any profile may have, times 1.1
    "OVER_POWER": Figure(0, "CRH", "A", "nothing", lambda s: above(s.power_w, 440.0)),
    "OVER_CURRENT": Figure(0, "CRH", "A", "nothing", lambda s: above(s.current_a, 22.0)),
    "OVER_VOLTAGE": Figure(0, "CRH", "A", "nothing", lambda s: above(s.voltage_v, 1100.0)),
    "ENERGY_LIMIT": Figure(0, "RH", "A", "nothing", lambda s: above(s.energy_j, 200_000.0)),
    "METER_DISAGREE": Figure(500_000, "CRH", "A", "phase", _meter_disagree, frozenset({"meter_off_by_w"})),
    "STAGE_FAULT": Figure(0, "ICRHX", "R", "nothing", lambda s: s.stage_fault or above(s.stage_c, 85.0)),
    # cooling, switches, patient circuit
    "FLOW_LOW": Figure(
        500_000,
        "CRH",
        "A",
        "pump",
        lambda s: below(s.flow_ml_min, 0.8 * num(s.flow_due_ml_min)),
        frozenset({"flow_due_ml_min"}),
    ),
    "COOLANT_TEMP": Figure(1_000_000, "CRH", "R", "coolant temperature", lambda s: above(s.coolant_c, 35.0)),
    "ESTOP": Figure(0, "ICRHX", "R", "nothing", lambda s: s.estop_pressed),
    "LOOP_OPEN": Figure(0, "ICRHX", "R", "nothing", lambda s: s.loop_open),
    "RETURN_ELECTRODE": Figure(0, "CRH", "R", "return monitor", lambda s: s.return_lost),
    "START_RELEASED": Figure(100_000, "CRH", "A", "dead-man switch", lambda s: s.start_released),
    "START_STUCK": Figure(0, "I", "R", "start switch", lambda s: s.start_stuck, refuses=True),
    # line and time: "n ticks" are counted by the signal
    "LINK_LOST": Figure(0, "ICRHX", "L", "nothing", lambda s: at_least(s.missed_ticks, 3) or s.exchange_failed),
    "SAMPLE_STALE": Figure(0, "ICRHX", "L", "nothing", lambda s: s.sample_stale),
    "CLOCK_SKEW": Figure(0, "CRH", "A", "nothing", lambda s: above(num(s.skew_share), 0.02), frozenset({"skew_share"})),
    "SAMPLE_LATE": Figure(0, "CRH", "A", "nothing", lambda s: at_least(s.late_ticks, 3)),
    "RIG_REBOOT": Figure(0, "ICRHX", "L", "nothing", lambda s: s.rig_rebooted),
    "RIG_TRIP": Figure(0, "CRH", "L", "nothing", lambda s: s.rig_tripped),
    "TICK_OVERRUN": Figure(0, "CRH", "A", "nothing", lambda s: at_least(s.overrun_ticks, 2)),
    "CHECK_TIMEOUT": Figure(0, "C", "A", "nothing", lambda s: above(num(s.check_s), 15.0), frozenset({"check_s"})),
    "RAMP_TIMEOUT": Figure(0, "R", "A", "nothing", lambda s: above(num(s.ramp_s), 180.0), frozenset({"ramp_s"})),
    "TREATMENT_TIMEOUT": Figure(0, "CRH", "A", "nothing", lambda s: above(s.on_s, 1800.0)),
    "CONFIG_CHANGED": Figure(0, "CRH", "L", "nothing", lambda s: s.config_changed),
    "INTERNAL_ERROR": Figure(0, "ICRHX", "A", "nothing", lambda s: s.internal_error),
}
"""By row id, in the catalogue's order."""


def figure_of(row_id: str) -> Figure:
    """The figures of a row; fails by its name where there are none."""
    figure = FIGURES.get(row_id)
    if figure is None:
        raise AssertionError(
            f"interlock {row_id} has no figures: add {row_id} to FIGURES in tests/interlocks/figures.py with its "
            "persistence, armed states, clears, needs and condition, as the catalogue's text has them"
        )
    return figure
