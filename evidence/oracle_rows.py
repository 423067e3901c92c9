"""The catalogue's rows as the oracle reads them: a table of armed states, persistence and need, and a condition each.

Every figure is restated from the catalogue's page; limits are those in the recording. A comparison with a value that is
not finite is a violation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from evidence.oracle_recording import CHECK, CUTOFF, HOLD, IDLE, RAMP, Device, Flags, Floats, Timeline
from evidence.oracle_signals import Signals
from evidence.oracle_windows import Windows

REBOOTED = (2, 4)
"""ERROR codes of a rig that knows of no link, or of no configuration."""
CONFIG_LOOK_TICKS = 5
"""The page says that the row trips at once; the firmware looks at its limits in each fifth tick."""
TIMEOUT, RIG_ERROR, WRONG_TICK, LINE_DOWN = 1, 2, 3, 4


class Reading(NamedTuple):
    """A row at every sample: it is met, and it applies. Where it does not apply it is held."""

    met: Flags
    applies: Flags


class World:
    """What a condition looks at."""

    def __init__(self, timeline: Timeline) -> None:
        self.t = timeline
        self.d = timeline.device
        self.s = Signals(timeline)
        self.w = Windows(timeline)
        self.limit = timeline.limits
        self.always: Flags = np.ones(timeline.samples, dtype=np.bool_)

    def column(self, name: str) -> Floats:
        return np.asarray(self.t.column(name).astype(np.float64))

    def flag(self, name: str) -> Flags:
        return np.asarray(self.t.column(name).astype(np.bool_))

    def since_s(self, by_step: bool) -> Floats:
        """Rig time since the first sample that was read in its state (and step)."""
        t = self.t
        place = t.state * 1000 + (t.step if by_step else 0)
        first, entered = 0, np.zeros(t.samples, dtype=np.int64)
        for k in range(t.samples):
            if k and (place[k] != place[k - 1] or t.tick[k] in t.started):
                first = k
            entered[k] = first
        return np.asarray((t.now_us - t.now_us[entered]) * 1e-6, dtype=np.float64)


def above(value: Floats, bound: Floats | float) -> Flags:
    """More than the bound, or not a number to compare."""
    return np.asarray(~np.isfinite(value) | ~np.isfinite(bound) | (value > bound))


def below(value: Floats, bound: Floats | float) -> Flags:
    """Less than the bound, or not a number to compare."""
    return np.asarray(~np.isfinite(value) | ~np.isfinite(bound) | (value < bound))


def electrodes_above(w: World, limit: str) -> Reading:
    over = above(w.t.temperature_c[:, list(w.d.electrodes)], w.limit[limit])
    return Reading(np.asarray(over.any(axis=1)), w.always)


def sentinel(w: World) -> Floats:
    assert w.d.sentinel is not None
    return np.asarray(w.t.temperature_c[:, w.d.sentinel])


def tc_invalid(w: World) -> Reading:
    used = (1 << (2 * w.d.channels)) - 1
    reported = (w.t.column("tc_fault").astype(np.int64) & used) != 0
    least, most = w.limit["tc_least_c"], w.limit["tc_most_c"]
    outside = (above(w.t.temperature_c, most) | below(w.t.temperature_c, least)).any(axis=1)
    return Reading(reported | outside, w.always)


def overshoot(w: World) -> Reading:
    return Reading(above(w.t.control_c - w.t.target_c, w.limit["overshoot_c"]), w.s.overshoot_armed)


def under_temp(w: World) -> Reading:
    return Reading(above(w.t.target_c - w.t.control_c, w.limit["under_c"]), np.isfinite(w.t.target_c))


def sentinel_forecast(w: World) -> Reading:
    level, climb = w.w.sentinel_forecast
    peak_c = level.value + w.limit["forecast_share"] * climb.value
    return Reading(above(peak_c, w.limit["sentinel_c"]), climb.applies)


def tc_rate(w: World) -> Reading:
    fastest = w.w.fastest_c_s
    return Reading(above(fastest.value, w.limit["tc_rate_c_s"]), fastest.applies)


def tc_baseline(w: World) -> Reading:
    """Before the check's pump and power."""
    t = w.t
    began = np.maximum(t.since(t.started), 0)
    warm = (np.asarray(t.run.columns["cmd_flow_ml_min"]) > 0.0) | np.asarray(t.run.columns["cmd_rf_on"])
    sums = np.concatenate(([0], np.cumsum(warm.astype(np.int64))))
    before = (t.state == CHECK) & (sums[t.tick] == sums[began])
    flowing = t.command_flow > 0.0
    electrode_c = t.temperature_c[:, list(w.d.electrodes)]
    most, least, cold = w.limit["baseline_most_c"], w.limit["baseline_least_c"], w.limit["tc_least_c"]
    hot = above(t.temperature_c, most).any(axis=1)
    cool = np.where(flowing[:, None], below(electrode_c, cold), below(electrode_c, least)).any(axis=1)
    apart = above(electrode_c.max(axis=1) - electrode_c.min(axis=1), w.limit["baseline_spread_c"]) & ~flowing
    met = hot | cool | apart
    if w.d.sentinel is not None:
        met = met | below(sentinel(w), least)
    return Reading(met, before)


def heating_stall(w: World) -> Reading:
    applies, gained, asked, power_w, allowed_w = w.s.stall
    little = below(gained, w.limit["stall_share"] * asked)
    strong = below(-power_w, -w.limit["stall_power_share"] * allowed_w) | (
        power_w == w.limit["stall_power_share"] * allowed_w
    )
    return Reading(little & strong, applies)


def z_roll_off(w: World) -> Reading:
    z, least = w.s.impedance, w.s.least_ohm
    met = np.isnan(z.value) | (z.value > w.limit["roll_off_ratio"] * least.value)
    return Reading(met, z.applies & (least.applies | np.isnan(z.value)))


def z_unstable(w: World) -> Reading:
    spread = w.s.check_spread
    return Reading(above(spread.value, w.limit["z_spread_share"]), spread.applies)


def power_deviation(w: World) -> Reading:
    off_by, expected = w.s.deviation
    met = above(off_by.value, w.limit["deviation_w"]) & above(off_by.value, w.limit["deviation_share"] * expected)
    return Reading(met, off_by.applies)


def rf_stuck_off(w: World) -> Reading:
    asked = w.t.on & (w.t.command_w >= w.d.sense_w)
    return Reading(asked & ~w.flag("rf_on") & (w.t.column("rig_trip") == 0), w.always)


def meter_disagree(w: World) -> Reading:
    apart = w.s.meters_apart_w
    met = above(apart, w.limit["meter_w"]) & above(apart, w.limit["meter_share"] * w.column("power_w"))
    return Reading(met, w.t.on)


def stage_fault(w: World) -> Reading:
    met = w.flag("stage_fault")
    if w.d.stage_temperature:
        met = met | above(w.column("stage_c"), w.limit["stage_c"])
    return Reading(met, w.always)


def flow_low(w: World) -> Reading:
    due = w.s.flow_due
    return Reading(below(w.column("flow_ml_min"), w.limit["flow_share"] * due.value), due.applies)


def treatment_timeout(w: World) -> Reading:
    t = w.t
    sums = np.concatenate(([0], np.cumsum(np.asarray(t.run.columns["cmd_rf_on"]).astype(np.int64))))
    on_s = (sums[t.tick] - sums[np.maximum(t.since(t.started), 0)]) * t.period_us * 1e-6
    return Reading(above(on_s, w.limit["treatment_timeout_s"]), w.always)


def config_changed(w: World) -> Reading:
    """Limits that were written over after they were armed, once they have been looked at since."""
    looked = w.t.tick - w.t.tick % CONFIG_LOOK_TICKS
    while True:  # a tick without a sample looks at nothing
        missing = (looked >= 0) & ~w.t.tick_present[np.maximum(looked, 0)]
        if not missing.any():
            break
        looked = np.where(missing, looked - CONFIG_LOOK_TICKS, looked)
    written = w.t.since(w.t.marked("fault", kind="limits_overwritten", on=True))
    return Reading((written > w.t.since(w.t.started)) & (looked >= written), w.always)


def of_column(name: str, limit: str) -> Callable[[World], Reading]:
    return lambda w: Reading(above(w.column(name), w.limit[limit]), w.always)


def of_flag(name: str, when: bool = True) -> Callable[[World], Reading]:
    return lambda w: Reading(w.flag(name) ^ (not when), w.always)


def never(w: World) -> Reading:
    return Reading(~w.always, w.always)


C, R, H = frozenset({CHECK}), frozenset({RAMP}), frozenset({HOLD})
RH = R | H
CRH = C | RH
ALL = CRH | {IDLE, CUTOFF}


class Rule(NamedTuple):
    """One row of the page. `on_line`: read at ticks, not at samples; `needs`: the device has it."""

    armed: frozenset[int]
    persist_us: int
    condition: Callable[[World], Reading]
    needs: Callable[[Device], bool] = lambda d: True


def has_sentinel(d: Device) -> bool:
    return d.sentinel is not None


def by_temperature(d: Device) -> bool:
    return d.temperature_mode


RULES: dict[str, Rule] = {
    "TC_INVALID": Rule(CRH, 0, tc_invalid),
    "OVER_TEMP": Rule(CRH, 60_000, lambda w: electrodes_above(w, "over_temp_c")),
    "OVER_TEMP_HARD": Rule(CRH, 0, lambda w: electrodes_above(w, "over_temp_hard_c")),
    "OVERSHOOT": Rule(RH, 500_000, overshoot, by_temperature),
    "UNDER_TEMP": Rule(H, 10_000_000, under_temp, by_temperature),
    "SENTINEL_TEMP": Rule(CRH, 0, lambda w: Reading(above(sentinel(w), w.limit["sentinel_c"]), w.always), has_sentinel),
    "SENTINEL_DOSE": Rule(CRH, 0, lambda w: Reading(above(w.w.dose_min, w.limit["dose_min"]), w.always), has_sentinel),
    "SENTINEL_FORECAST": Rule(RH, 0, sentinel_forecast, has_sentinel),
    "TC_RATE": Rule(CRH, 0, tc_rate),
    "TC_STUCK": Rule(RH, 0, lambda w: Reading(w.w.stuck, w.always)),
    "TC_DISAGREE": Rule(
        CRH, 500_000, lambda w: Reading(above(w.w.disagree_c, w.limit["disagree_c"]), w.always), lambda d: bool(d.pairs)
    ),
    "TC_BASELINE": Rule(C, 0, tc_baseline),
    "HEATING_STALL": Rule(R, 0, heating_stall, by_temperature),
    "Z_HIGH": Rule(
        CRH, 100_000, lambda w: Reading(above(w.s.impedance.value, w.limit["z_high_ohm"]), w.s.impedance.applies)
    ),
    "Z_LOW": Rule(
        CRH, 50_000, lambda w: Reading(below(w.s.impedance.value, w.limit["z_low_ohm"]), w.s.impedance.applies)
    ),
    "Z_UNMEASURED": Rule(CRH, 500_000, lambda w: Reading(w.t.on & ~w.s.impedance.applies, w.always)),
    "Z_UNSTABLE": Rule(C, 0, z_unstable),
    "Z_ROLL_OFF": Rule(RH, 3_000_000, z_roll_off),
    "Z_JUMP": Rule(RH, 0, lambda w: Reading(*w.s.jumped(w.limit["z_jump_ohm"], w.limit["z_jump_share"]))),
    "POWER_DEVIATION": Rule(CRH, 300_000, power_deviation),
    "POWER_WHEN_OFF": Rule(
        ALL, 100_000, lambda w: Reading(above(w.column("power_w"), w.limit["off_power_w"]), w.t.off)
    ),
    "RF_STUCK_ON": Rule(ALL, 100_000, lambda w: Reading(w.t.off & w.flag("rf_on"), w.always)),
    "RF_STUCK_OFF": Rule(CRH, 200_000, rf_stuck_off),
    "OVER_POWER": Rule(CRH, 0, of_column("power_w", "over_power_w")),
    "OVER_CURRENT": Rule(CRH, 0, of_column("current_a", "over_current_a")),
    "OVER_VOLTAGE": Rule(CRH, 0, of_column("voltage_v", "over_voltage_v")),
    "ENERGY_LIMIT": Rule(RH, 0, lambda w: Reading(above(w.s.energy_j, w.limit["energy_limit_j"]), w.always)),
    "METER_DISAGREE": Rule(CRH, 500_000, meter_disagree, lambda d: d.phase),
    "STAGE_FAULT": Rule(ALL, 0, stage_fault),
    "FLOW_LOW": Rule(CRH, 500_000, flow_low, lambda d: d.pump),
    "COOLANT_TEMP": Rule(CRH, 1_000_000, of_column("coolant_c", "coolant_c"), lambda d: d.coolant_temperature),
    "ESTOP": Rule(ALL, 0, of_flag("estop_pressed")),
    "LOOP_OPEN": Rule(ALL, 0, of_flag("loop_closed", False)),
    "RETURN_ELECTRODE": Rule(CRH, 0, of_flag("return_attached", False), lambda d: d.return_monitor),
    "START_RELEASED": Rule(CRH, 100_000, of_flag("start_pressed", False), lambda d: d.dead_man),
    "START_STUCK": Rule(frozenset(), 0, never),  # it refuses a start, and never trips
    "LINK_LOST": Rule(frozenset(), 0, never),  # read at ticks: `line_trips`
    "SAMPLE_STALE": Rule(ALL, 0, lambda w: Reading(w.t.stale, w.always)),  # at ticks without a sample too
    "CLOCK_SKEW": Rule(CRH, 0, lambda w: Reading(above(w.w.skew.value, w.limit["skew_share"]), w.w.skew.applies)),
    "SAMPLE_LATE": Rule(CRH, 0, lambda w: Reading(w.w.late_ticks >= 3, w.always)),
    "RIG_REBOOT": Rule(frozenset(), 0, never),  # read at ticks
    "RIG_TRIP": Rule(CRH, 0, lambda w: Reading((w.t.column("rig_trip") != 0) | w.flag("watchdog_tripped"), w.always)),
    "TICK_OVERRUN": Rule(CRH, 0, lambda w: Reading(w.w.overrun_ticks >= 2, w.always)),
    "CHECK_TIMEOUT": Rule(C, 0, lambda w: Reading(above(w.since_s(False), w.limit["check_timeout_s"]), w.always)),
    "RAMP_TIMEOUT": Rule(R, 0, lambda w: Reading(above(w.since_s(True), w.limit["ramp_timeout_s"]), w.always)),
    "TREATMENT_TIMEOUT": Rule(CRH, 0, treatment_timeout),
    "CONFIG_CHANGED": Rule(CRH, 0, config_changed),
    "INTERNAL_ERROR": Rule(frozenset(), 0, never),  # read last: `error_trips`
}


def line_readings(t: Timeline) -> dict[str, Flags]:
    """The rows that a tick without a sample can meet, at every tick. All are armed in every state, and trip at once."""
    absent = np.asarray(t.run.columns["absent"])
    code = np.asarray(t.run.columns["error_code"])
    present = absent == 0
    starts = np.zeros(t.ticks, dtype=np.bool_)
    starts[[tick for tick in t.relinked if tick < t.ticks]] = True
    sums = np.cumsum(~present)
    before = np.concatenate(([0], sums))[: t.ticks]
    base = np.maximum.accumulate(np.where(present, sums, np.where(starts, before, 0))) if t.ticks else sums
    in_a_row = sums - base
    failed = (absent == RIG_ERROR) | (absent == LINE_DOWN)
    return {
        "LINK_LOST": ~present & ((in_a_row >= 3) | failed),
        "SAMPLE_STALE": absent == WRONG_TICK,
        "RIG_REBOOT": (absent == RIG_ERROR) & np.isin(code, REBOOTED),
    }
