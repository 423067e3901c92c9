"""The interlocks, one row each. The row is the only place that knows.

The supervisor runs these rows, `rfgen interlocks` and the docs list them, and the tests are generated from them. To
add an interlock, add a row; if it needs a memory, add a derived signal first.
"""

from __future__ import annotations

from collections.abc import Sequence

from rfgen.records import State
from rfgen.safety.expr import any_channel, channel, flag, limit, signal
from rfgen.safety.row import Clears, Needs, Row

I, C, R, H, X = State  # noqa: E741 - the letters of the catalogue's own column
RADIATING = frozenset({C, R, H})
ALL = frozenset(State)
OVER_HEAT = "burns what must be spared"
BLIND = "the generator no longer sees what it does"
UNCOMMANDED = "energy nobody asked for"
CIRCUIT = "energy does not go where it should"

ROWS: tuple[Row, ...] = (
    Row(
        "TC_INVALID",
        BLIND,
        flag.tc_reports_fault | any_channel("used", (channel > limit.tc_most_c) | (channel < limit.tc_least_c)),
        RADIATING,
        Clears.READING,
        "A thermocouple is broken, unplugged or shorted. Look at its connector and its lead.",
    ),
    Row(
        "OVER_TEMP",
        OVER_HEAT,
        any_channel("electrodes", channel > limit.over_temp_c),
        RADIATING,
        Clears.READING,
        "The electrode is hotter than its limit. Look for lost coolant, a displaced thermocouple or gains too high.",
        persist_us=60_000,
    ),
    Row(
        "OVER_TEMP_HARD",
        OVER_HEAT,
        any_channel("electrodes", channel > limit.over_temp_hard_c),
        RADIATING,
        Clears.READING,
        "The electrode is past boiling, or its reading jumped. Look at the thermocouple first.",
    ),
    Row(
        "OVERSHOOT",
        OVER_HEAT,
        signal.over_target_c > limit.overshoot_c,
        frozenset({R, H}),
        Clears.ACKNOWLEDGE,
        "Control cannot hold the temperature: lag, gain or a change of the load. Look at the power before it.",
        persist_us=500_000,
        needs=Needs.TEMPERATURE_MODE,
    ),
    Row(
        "UNDER_TEMP",
        "what is to be treated is not",
        signal.under_target_c > limit.under_c,
        frozenset({H}),
        Clears.ACKNOWLEDGE,
        "The temperature cannot be held. Look for blood flow near by, power at its limit, a thermocouple that moved.",
        persist_us=10_000_000,
        needs=Needs.TEMPERATURE_MODE,
    ),
    Row(
        "SENTINEL_TEMP",
        "heat reaches the spinal cord",
        any_channel("sentinel", channel > limit.sentinel_c),
        RADIATING,
        Clears.READING,
        "Heat reached the tissue to be spared. Let it cool; aim lower, shorter, or place the electrode further away.",
        needs=Needs.SENTINEL,
    ),
    Row(
        "SENTINEL_DOSE",
        "heat reaches the spinal cord",
        signal.dose_min > limit.dose_min,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The tissue to be spared has had its dose, from this treatment and those before. Declare a new patient only "
        "if there is one.",
        needs=Needs.SENTINEL,
    ),
    Row(
        "SENTINEL_FORECAST",
        "heat reaches the spinal cord",
        signal.sentinel_level_c + limit.forecast_share * signal.sentinel_climb_c > limit.sentinel_c,
        frozenset({R, H}),
        Clears.ACKNOWLEDGE,
        "Heat on its way would take the sentinel past its limit after RF is off. Aim lower, ramp slower, or move away.",
        needs=Needs.SENTINEL,
    ),
    Row(
        "TC_RATE",
        BLIND,
        signal.tc_rate_c_s > limit.tc_rate_c_s,
        RADIATING,
        Clears.READING,
        "A thermocouple moved faster than tissue can. Look for a loose contact, or a neighbour's interference.",
    ),
    Row(
        "TC_STUCK",
        BLIND,
        signal.tc_stuck_share >= 1.0,
        frozenset({R, H}),
        Clears.ACKNOWLEDGE,
        "A reading has not changed by a single bit. Look at the converter, not at the thermocouple.",
    ),
    Row(
        "TC_DISAGREE",
        BLIND,
        signal.tc_disagree_c > limit.disagree_c,
        RADIATING,
        Clears.READING,
        "Two thermocouples in one place differ. One of them is not where it should be, or is failing.",
        persist_us=500_000,
        needs=Needs.CO_LOCATED,
    ),
    Row(
        "TC_BASELINE",
        BLIND,
        flag.baseline_due
        & (
            (~flag.coolant_flowing & any_channel("used", channel < limit.baseline_least_c))
            | any_channel("sentinel", channel < limit.baseline_least_c)
            | any_channel("used", (channel < limit.tc_least_c) | (channel > limit.baseline_most_c))
            | (~flag.coolant_flowing & (signal.electrode_spread_c > limit.baseline_spread_c))
        ),
        frozenset({C}),
        Clears.READING,
        "Before any heat, a thermocouple does not read near body temperature. Look for the wrong "
        "channel, type or polarity.",
    ),
    Row(
        "HEATING_STALL",
        "power goes in and the thermocouple does not see it: it is not where the heat is",
        (signal.stall_gain_c < limit.stall_share * signal.stall_asked_c)
        & (signal.stall_power_w >= limit.stall_power_share * signal.stall_allowed_w),
        frozenset({R}),
        Clears.ACKNOWLEDGE,
        "The control thermocouple does not follow the power. Look whether it sits at the electrode.",
        needs=Needs.TEMPERATURE_MODE,
    ),
    Row(
        "Z_HIGH",
        CIRCUIT,
        signal.impedance_ohm > limit.z_high_ohm,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "Open circuit, dried-out tissue or an electrode out of tissue. Look at the cable, then at "
        "the return electrode.",
        persist_us=100_000,
    ),
    Row(
        "Z_LOW",
        CIRCUIT,
        signal.impedance_ohm < limit.z_low_ohm,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "Short circuit, or electrodes that touch. Look at the cable and the insulation of the shaft.",
        persist_us=50_000,
    ),
    Row(
        "Z_UNMEASURED",
        BLIND,
        flag.impedance_unmeasured,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "RF is commanded on, and the rig does not read it back on. Look at the output stage and its enable line.",
        persist_us=500_000,
    ),
    Row(
        "Z_UNSTABLE",
        CIRCUIT,
        signal.check_spread > limit.z_spread_share,
        frozenset({C}),
        Clears.ACKNOWLEDGE,
        "The impedance does not settle under a test power. Look for a loose contact or a moving electrode.",
    ),
    Row(
        "Z_ROLL_OFF",
        CIRCUIT,
        signal.impedance_ohm > limit.roll_off_ratio * signal.least_ohm,
        frozenset({R, H}),
        Clears.ACKNOWLEDGE,
        "Tissue at the electrode has dried out, and pulling power back did not help. Use less power, or more coolant.",
        persist_us=3_000_000,
    ),
    Row(
        "Z_JUMP",
        CIRCUIT,
        (signal.z_jump_ohm > limit.z_jump_ohm) & (signal.z_jump_ohm > limit.z_jump_share * signal.z_before_ohm),
        frozenset({R, H}),
        Clears.ACKNOWLEDGE,
        "The impedance jumped: steam popped, or the electrode moved. Look at the electrode's place before going on.",
    ),
    Row(
        "POWER_DEVIATION",
        UNCOMMANDED,
        (signal.power_off_by_w > limit.deviation_w)
        & (signal.power_off_by_w > limit.deviation_share * signal.power_expected_w),
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The stage does not deliver what it is told. Look at its gain, its supply, and the power meter.",
        persist_us=300_000,
    ),
    Row(
        "POWER_WHEN_OFF",
        UNCOMMANDED,
        signal.power_while_off_w > limit.off_power_w,
        ALL,
        Clears.READING,
        "REMOVE MAINS POWER FROM THE STAGE: it delivers power although RF is commanded off, and no "
        "command can stop it.",
        persist_us=100_000,
    ),
    Row(
        "RF_STUCK_ON",
        UNCOMMANDED,
        flag.on_while_off,
        ALL,
        Clears.READING,
        "REMOVE MAINS POWER FROM THE STAGE: it reads back on although RF is commanded off, and no command can switch "
        "it off. If POWER_WHEN_OFF is true as well, the power is in the tissue.",
        persist_us=100_000,
    ),
    Row(
        "RF_STUCK_OFF",
        BLIND,
        flag.off_while_on,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The stage does not turn on, and the rig gives no reason. Look at the enable line and the stage's supply.",
        persist_us=200_000,
    ),
    Row(
        "OVER_POWER",
        UNCOMMANDED,
        signal.power_w > limit.over_power_w,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The stage delivers more than it should be able to. Look at its power loop.",
    ),
    Row(
        "OVER_CURRENT",
        UNCOMMANDED,
        signal.current_a > limit.over_current_a,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The current is beyond the stage's own limit. Look for a short, then at the current limiter.",
    ),
    Row(
        "OVER_VOLTAGE",
        UNCOMMANDED,
        signal.voltage_v > limit.over_voltage_v,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The voltage is beyond the stage's own limit. Look for an open circuit, then at the limiter and the meter.",
    ),
    Row(
        "ENERGY_LIMIT",
        "more energy than the treatment is to have",
        signal.energy_j > limit.energy_limit_j,
        frozenset({R, H}),
        Clears.ACKNOWLEDGE,
        "The treatment's energy is used up. Look why it took so much, before allowing more.",
    ),
    Row(
        "METER_DISAGREE",
        BLIND,
        (signal.meter_off_by_w > limit.meter_w) & (signal.meter_off_by_w > limit.meter_share * signal.power_w),
        RADIATING,
        Clears.ACKNOWLEDGE,
        "Voltage, current and phase do not make the power that is measured. One of the meters is wrong.",
        persist_us=500_000,
        needs=Needs.PHASE,
    ),
    Row(
        "STAGE_FAULT",
        UNCOMMANDED,
        flag.stage_fault | (signal.stage_c > limit.stage_c),
        ALL,
        Clears.READING,
        "The output stage reports a fault, or is too hot. Look at its fan and heat sink.",
    ),
    Row(
        "FLOW_LOW",
        "an electrode without coolant burns along its shaft",
        signal.flow_ml_min < limit.flow_share * signal.flow_due_ml_min,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The pump does not deliver. Look for a kinked tube, an empty bag, air, or a stopped pump.",
        persist_us=500_000,
        needs=Needs.PUMP,
        pump_is_cause=True,
    ),
    Row(
        "COOLANT_TEMP",
        "an electrode without coolant burns along its shaft",
        signal.coolant_c > limit.coolant_c,
        RADIATING,
        Clears.READING,
        "The coolant is warm. Look at the bag, and whether it runs in a circle.",
        persist_us=1_000_000,
        needs=Needs.COOLANT_TEMPERATURE,
    ),
    Row(
        "ESTOP",
        "somebody wants it off",
        flag.estop_pressed,
        ALL,
        Clears.READING,
        "The emergency stop is pressed. Find out why before it is released.",
    ),
    Row(
        "LOOP_OPEN",
        "a door or a plug of the set-up is open",
        flag.loop_open,
        ALL,
        Clears.READING,
        "The hardware interlock loop is open. Look at every switch in it.",
    ),
    Row(
        "RETURN_ELECTRODE",
        "the current finds another way out, and burns the skin there",
        flag.return_lost,
        RADIATING,
        Clears.READING,
        "The return electrode has come off. Put it back whole, on dry skin.",
        needs=Needs.RETURN_MONITOR,
    ),
    Row(
        "START_RELEASED",
        "nobody is holding it any more",
        flag.start_released,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The start switch was let go. Acknowledge, and press it again.",
        persist_us=100_000,
        needs=Needs.DEAD_MAN,
    ),
    Row(
        "START_STUCK",
        "a switch that is stuck would start by itself",
        flag.start_stuck,
        frozenset({I}),
        Clears.READING,
        "The start switch was pressed just before the start was asked for. Release it for half a second.",
        needs=Needs.START_SWITCH,
        refuses=True,
    ),
    Row(
        "LINK_LOST",
        BLIND,
        (signal.missed_ticks >= 3) | flag.exchange_failed,
        ALL,
        Clears.RELINK,
        "The rig does not answer, or refused a command. Look at the cable and at the rig's power; then acknowledge.",
    ),
    Row(
        "SAMPLE_STALE",
        BLIND,
        flag.sample_stale,
        ALL,
        Clears.RELINK,
        "The rig's clock stands still or went back, or it answered another tick. Its firmware hangs or restarted.",
    ),
    Row(
        "CLOCK_SKEW",
        BLIND,
        signal.skew_share > limit.skew_share,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The rig's clock and the host's do not agree: every time and every rate is wrong by as much. Look at both.",
    ),
    Row(
        "SAMPLE_LATE",
        BLIND,
        signal.late_ticks >= 3,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "Samples do not come at their period. Look at the rig's load, and at the line.",
    ),
    Row(
        "RIG_REBOOT",
        BLIND,
        flag.rig_rebooted,
        ALL,
        Clears.RELINK,
        "The rig has booted, and knows nothing of this treatment. Look at its supply, then acknowledge twice.",
    ),
    Row(
        "RIG_TRIP",
        "the rig itself found something wrong",
        flag.rig_tripped,
        RADIATING,
        Clears.RELINK,
        "The rig holds RF off by itself. What else tripped says why; if nothing did, look at the rig's trip number.",
    ),
    Row(
        "TICK_OVERRUN",
        BLIND,
        signal.overrun_ticks >= 2,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "The host does not keep its own time. Look at what else it is doing.",
    ),
    Row(
        "CHECK_TIMEOUT",
        "a check that never ends",
        signal.check_s > limit.check_timeout_s,
        frozenset({C}),
        Clears.ACKNOWLEDGE,
        "The impedance check found no verdict. Look at what it waited for: flow, then a measurable impedance.",
    ),
    Row(
        "RAMP_TIMEOUT",
        "heats without end towards a temperature it cannot reach",
        signal.ramp_s > limit.ramp_timeout_s,
        frozenset({R}),
        Clears.ACKNOWLEDGE,
        "The target was not reached in time. Look at power, blood flow near by, and the thermocouple's place.",
    ),
    Row(
        "TREATMENT_TIMEOUT",
        "RF without end",
        signal.on_s > limit.treatment_timeout_s,
        RADIATING,
        Clears.ACKNOWLEDGE,
        "RF was on longer than the treatment allows. Look at the hold's band: time out of band does not count as held.",
    ),
    Row(
        "CONFIG_CHANGED",
        "limits that nobody agreed to",
        flag.config_changed,
        RADIATING,
        Clears.RELINK,
        "The limits in force are not those that were armed. Something wrote over them; please report it.",
    ),
    Row(
        "INTERNAL_ERROR",
        BLIND,
        flag.internal_error,
        ALL,
        Clears.ACKNOWLEDGE,
        "The firmware itself failed. The event beside the trip says where; please report it.",
    ),
)

ROW_IDS: tuple[str, ...] = tuple(row.id for row in ROWS)
"""In the catalogue's order; a row's place is its bit in the masks of a recording."""


def applicable(rows: Sequence[Row], features: frozenset[Needs]) -> frozenset[str]:
    """Ids of the rows whose need the profile and the treatment meet. Fixed when a treatment is armed."""
    return frozenset(row.id for row in rows if row.needs is Needs.NOTHING or row.needs in features)
