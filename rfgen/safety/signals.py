"""What the interlocks look at in one tick: one immutable record, made before the rows are evaluated."""

from __future__ import annotations

from typing import Final, NamedTuple

NAN: Final = float("nan")


class Signals(NamedTuple):
    """Measured and derived signals of one tick.

    `None` means *absent*: not measured, not applicable, window not yet full. Rows that read an absent signal are
    held. A value that should be there and is not is NaN, and a violation.
    """

    temperature_c: tuple[float, ...]
    tc_reports_fault: bool
    """A thermocouple in use reports open or short."""
    over_target_c: float | None
    """Control thermocouple less the step's target."""
    under_target_c: float | None
    ramp_s: float | None
    """Since this ramp began."""
    stall_gain_c: float | None
    """Gained by the control thermocouple over the stall window."""
    stall_asked_c: float | None
    """Asked by the set-point ramp over the same window."""
    stall_power_w: float | None
    """Mean power delivered over the window."""
    stall_allowed_w: float | None
    """Mean of what the output law allowed over the window."""
    impedance_ohm: float | None
    impedance_unmeasured: bool
    """RF is commanded on and the impedance is not measured."""
    check_spread: float | None
    """Spread of the impedance over the check's window, as a share of its mean; present in the tick the window ends."""
    power_off_by_w: float | None
    """Delivered power's distance from the expected one."""
    power_expected_w: float | None
    power_while_off_w: float | None
    """Delivered over an interval commanded off."""
    on_while_off: bool
    """Reads back on over an interval commanded off."""
    flow_ml_min: float
    flow_due_ml_min: float | None
    """Coolant flow asked for, once it has had `prime_s` to settle."""
    baseline_due: bool | None
    """True while the baseline is taken, and in IDLE and CUTOFF; absent otherwise."""
    coolant_flowing: bool
    electrode_spread_c: float
    """Largest difference between electrode thermocouples."""
    estop_pressed: bool
    loop_open: bool
    missed_ticks: float
    """Ticks in a row without a valid sample. (Counts are floats here: all that a row compares is.)"""
    exchange_failed: bool
    """The rig answered an EXCHANGE with an ERROR, or the line is gone."""
    sample_stale: bool
    """Rig time did not advance, or the reply echoes another tick."""
    power_w: float
    """Delivered over the interval, as measured."""
    voltage_v: float
    current_a: float
    energy_j: float
    """Delivered in this treatment."""
    dose_min: float | None
    """CEM43 of the sentinel."""
    sentinel_level_c: float | None
    """The sentinel now, by the straight line through its last 10 s: what noise is left of it is small."""
    sentinel_climb_c: float | None
    """How much further the sentinel is forecast to climb after an RF off now."""
    tc_rate_c_s: float | None
    """Fastest slope of a thermocouple over 100 ms that stands out of its noise."""
    tc_stuck_share: float
    """How long a reading has stood bit-identical, over what is too long."""
    tc_disagree_c: float | None
    """Largest difference between two thermocouples declared to be in one place."""
    least_ohm: float | None
    """Least impedance since this ramp began."""
    z_jump_ohm: float | None
    """How far the impedance moved within 100 ms..."""
    z_before_ohm: float | None
    """...and from what."""
    off_while_on: bool
    """Reads back off over an interval commanded on at sensing power or more, and the rig gives no reason."""
    meter_off_by_w: float | None
    """Voltage x current x cos(phase), distance from the measured power, while RF is on."""
    stage_fault: bool
    stage_c: float
    """Temperature of the output stage; 0 where it is not fitted."""
    coolant_c: float
    return_lost: bool
    start_released: bool
    """On a dead-man profile, the start switch is not pressed."""
    start_stuck: bool
    """The start switch read pressed within the last 0.5 s (on a dead-man profile: before it was pressed)."""
    skew_share: float | None
    """Rig time against host ticks over the last 10 s."""
    late_ticks: float
    """Samples in a row that came off the period by more than half of it."""
    rig_tripped: bool
    """The rig holds RF off by itself, or its watchdog fired."""
    rig_rebooted: bool
    """The rig answered as one that has booted: it knows of no link, or of no configuration."""
    overrun_ticks: float
    """Ticks in a row that the host itself missed by more than a period."""
    config_changed: bool
    """The limits in force are not those that were armed."""
    on_s: float
    """Ticks commanded on in this treatment, times the period."""
    check_s: float | None
    """Since the impedance check began."""
    internal_error: bool


MAY_BE_ABSENT = frozenset(
    {
        "over_target_c",
        "under_target_c",
        "ramp_s",
        "stall_gain_c",
        "stall_asked_c",
        "stall_power_w",
        "stall_allowed_w",
        "impedance_ohm",
        "check_spread",
        "power_off_by_w",
        "power_expected_w",
        "power_while_off_w",
        "flow_due_ml_min",
        "baseline_due",
        "check_s",
        "dose_min",
        "least_ohm",
        "meter_off_by_w",
        "sentinel_climb_c",
        "sentinel_level_c",
        "skew_share",
        "tc_disagree_c",
        "tc_rate_c_s",
        "z_before_ohm",
        "z_jump_ohm",
    }
)

LINE_SIGNALS = frozenset({"missed_ticks", "exchange_failed", "sample_stale", "rig_rebooted", "internal_error"})
"""Known in a tick without a sample too."""

NOTHING_KNOWN = Signals(
    temperature_c=(),
    tc_reports_fault=False,
    over_target_c=None,
    under_target_c=None,
    ramp_s=None,
    stall_gain_c=None,
    stall_asked_c=None,
    stall_power_w=None,
    stall_allowed_w=None,
    impedance_ohm=None,
    impedance_unmeasured=False,
    check_spread=None,
    power_off_by_w=None,
    power_expected_w=None,
    power_while_off_w=None,
    on_while_off=False,
    flow_ml_min=NAN,
    flow_due_ml_min=None,
    baseline_due=None,
    coolant_flowing=False,
    electrode_spread_c=NAN,
    estop_pressed=False,
    loop_open=False,
    missed_ticks=0,
    exchange_failed=False,
    sample_stale=False,
    power_w=NAN,
    voltage_v=NAN,
    current_a=NAN,
    energy_j=0.0,
    dose_min=None,
    sentinel_level_c=None,
    sentinel_climb_c=None,
    tc_rate_c_s=None,
    tc_stuck_share=0.0,
    tc_disagree_c=None,
    least_ohm=None,
    z_jump_ohm=None,
    z_before_ohm=None,
    off_while_on=False,
    meter_off_by_w=None,
    stage_fault=False,
    stage_c=0.0,
    coolant_c=NAN,
    return_lost=False,
    start_released=False,
    start_stuck=False,
    skew_share=None,
    late_ticks=0,
    rig_tripped=False,
    rig_rebooted=False,
    overrun_ticks=0,
    config_changed=False,
    on_s=0.0,
    check_s=None,
    internal_error=False,
)
"""A tick without a sample, before the line's own signals are filled in. Only rows that read the line alone see it."""
