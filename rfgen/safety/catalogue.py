"""The interlocks, one row each. The row is the only place that knows.

The supervisor runs these rows, `rfgen interlocks` and the docs list them, and the tests are generated from them. To
add an interlock, add a row; if it needs a memory, add a derived signal first.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from rfgen.records import State
from rfgen.safety.expr import Condition, any_channel, channel, flag, limit, names_in, signal
from rfgen.safety.signals import LINE_SIGNALS


class Clears(enum.Enum):
    """When the cause of a trip counts as gone."""

    READING = "R"
    """False on every valid sample for the last second."""
    ACKNOWLEDGE = "A"
    """With the acknowledge itself: accumulated, timed, or meaningful only under power."""
    RELINK = "L"
    """A new `open` succeeded."""


class Needs(enum.Enum):
    """What the profile must have for a row to be applicable."""

    NOTHING = "nothing"
    TEMPERATURE_MODE = "temperature mode"
    SENTINEL = "sentinel"
    PUMP = "pump"


@dataclass(frozen=True, slots=True)
class Row:
    """One interlock. It trips on the first sample at or after `persist_us` since its condition first held without a
    gap."""

    id: str
    hazard: str
    condition: Condition
    armed: frozenset[State]
    clears: Clears
    usually: str
    """What it usually means on a bench, and what to look at next."""
    persist_us: int = 0
    needs: Needs = Needs.NOTHING

    @property
    def on_the_line(self) -> bool:
        """It reads nothing but what is known in a tick without a sample too."""
        signals, _, channels = names_in(self.condition)
        return not channels and signals <= LINE_SIGNALS


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
        "SENTINEL_TEMP",
        "heat reaches the spinal cord",
        any_channel("sentinel", channel > limit.sentinel_c),
        RADIATING,
        Clears.READING,
        "Heat reached the tissue to be spared. Let it cool; aim lower, shorter, or place the electrode further away.",
        needs=Needs.SENTINEL,
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
        "The stage reads back on although RF is commanded off. If POWER_WHEN_OFF is true as well, remove mains power.",
        persist_us=100_000,
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
