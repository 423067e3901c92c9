"""Faults, and sizes of them, that no interlock must see within seconds: why not, and what they may trip nevertheless.

NOT COVERED says that the fault is one to be afraid of, and that the catalogue has no row that must see it.
"""

from __future__ import annotations

from typing import NamedTuple

from evidence.campaign_table import HEAT, LINE, LOAD, OFF
from rfgen.records import State


class Rest(NamedTuple):
    """What no rule claims of a kind of fault, in check, ramp and hold."""

    why: str
    may: str = ""
    """Rows that it may trip, all the same."""


ALL_SIZES = "every size is seen, wherever the profile has what it concerns"

REST: dict[str, Rest] = {
    "thermocouple_open": Rest(ALL_SIZES),
    "thermocouple_short_to_ground": Rest(ALL_SIZES),
    "thermocouple_short_to_supply": Rest(ALL_SIZES),
    "thermocouple_stuck": Rest(
        "NOT COVERED on the sentinel: tissue to be spared may well stand still, and counts as stuck only once an "
        "electrode moved by 10 C",
        f"TC_STUCK {HEAT}",
    ),
    "thermocouple_offset": Rest(
        "NOT COVERED: a bias under 4.5 C looks like tissue; treat its limit as that much less strict",
        HEAT,
    ),
    "thermocouple_gain": Rest(
        "NOT COVERED: a drift under 4.5 C looks like tissue; treat its limit as that much less strict",
        HEAT,
    ),
    "thermocouple_noise": Rest("control averages it; it moves no heat", f"{HEAT} POWER_DEVIATION"),
    "thermocouple_slow": Rest(
        "NOT COVERED by itself: a lag looks like slow tissue, which in a ramp runs ahead of the reading by the rate "
        "times the lag, up to boiling; OVERSHOOT, HEATING_STALL, an impedance row or a time-out sees what comes of it",
        f"{HEAT} TC_STUCK RAMP_TIMEOUT",
    ),
    "thermocouple_swapped": Rest(
        "NOT COVERED by itself: the other reading looks like tissue too; where control then heats too far, OVER_TEMP, "
        "an impedance row or the sentinel sees what comes of it",
        f"{HEAT} {LOAD}",
    ),
    "thermocouple_reversed": Rest(ALL_SIZES),
    "thermocouple_displaced": Rest(
        "NOT COVERED by itself: without a second reading in its place, a share of the rise looks like a smaller rise, "
        "and control heats past what is read, up to boiling; HEATING_STALL, UNDER_TEMP, an impedance row or a time-out "
        "sees what comes of it",
        f"{HEAT} {LOAD}",
    ),
    "thermocouple_intermittent": Rest("as long as the contact is closed, the reading is right", "TC_INVALID TC_RATE"),
    "impedance_offset": Rest("an error within the impedance limits' margins", LOAD),
    "impedance_noise": Rest("a mean that is right, within the impedance limits' margins", LOAD),
    "impedance_stuck": Rest(
        "while the power asked for stays where it was, the stuck meters are right; POWER_DEVIATION sees them once it "
        "has moved by 20 % and 1 W",
        f"{LOAD} {HEAT}",
    ),
    "impedance_nan": Rest(ALL_SIZES, LOAD),
    "open_load": Rest(ALL_SIZES, LOAD),
    "short_load": Rest(ALL_SIZES, LOAD),
    "charring": Rest("an impedance that stays within its limits still heats where it should", f"{LOAD} {HEAT}"),
    "dry_out": Rest("slower than control's own pull-back and the interlocks' windows", f"{LOAD} {HEAT}"),
    "steam_pop": Rest("an impedance that stays within its limits still heats where it should", f"{LOAD} {HEAT}"),
    "electrode_withdrawn": Rest("what is left in tissue still heats where it should", f"{LOAD} {HEAT}"),
    "vessel": Rest("blood cools: it can leave too little heat, never too much", f"{HEAT} {LOAD}"),
    "conductivity": Rest("an impedance that stays within its limits still heats where it should", f"{LOAD} {HEAT}"),
    "sentinel_close": Rest("the tissue to be spared is still below its limit", HEAT),
    "stage_stuck_on": Rest(
        "it delivers what is asked for, or what is within the meter's margin; RF_STUCK_ON and POWER_WHEN_OFF see it as "
        "soon as RF is commanded off",
        f"{LOAD} {HEAT} {OFF}",
    ),
    "stage_stuck_power": Rest("it delivers what is asked for, within the meter's margin", f"{LOAD} {HEAT}"),
    "stage_gain": Rest("it delivers what is asked for, within the meter's margin", f"{LOAD} {HEAT}"),
    "stage_slow": Rest("control asks for changes slower than this", f"{LOAD} {HEAT}"),
    "stage_saturated": Rest("what is asked for is below it, or within the meter's margin", f"{LOAD} {HEAT}"),
    "stage_over_temperature": Rest(ALL_SIZES),
    "stage_refuses": Rest(ALL_SIZES),
    "stage_unlimited": Rest("a load within its limits never needs more than the stage's own current and voltage", LOAD),
    "pump_stopped": Rest(ALL_SIZES),
    "pump_slow": Rest("four fifths of the flow asked for cool enough", "FLOW_LOW"),
    "air_bubble": Rest(ALL_SIZES),
    "coolant_warm": Rest(
        "below the coolant's limit, or without a sensor for it: the tip's own rows hold", "COOLANT_TEMP"
    ),
    "emergency_stop": Rest(ALL_SIZES),
    "loop_open": Rest(ALL_SIZES),
    "return_electrode_lost": Rest("a bipolar electrode has no return electrode, or the profile no monitor"),
    "start_released": Rest("only on a dead-man profile does the start switch have to be held"),
    "start_pressed": Rest("once started, a pressed start switch asks for nothing"),
    "start_bouncing": Rest("only on a dead-man profile does the start switch have to be held"),
    "line_drop": Rest("up to two ticks without a sample in a row are bridged", LINE),
    "line_corrupt": Rest("up to two ticks without a sample in a row are bridged", LINE),
    "line_delay": Rest(ALL_SIZES),
    "line_duplicate": Rest("a request or a reply that comes twice is the same one, by its sequence number"),
    "line_reorder": Rest(
        "no two frames in a row are overtaken, and the rig switches RF off by itself on an old request",
        f"{LINE} {LOAD} RF_STUCK_OFF",
    ),
    "line_garbage": Rest(ALL_SIZES),
    "line_silent": Rest(ALL_SIZES),
    "line_unplugged": Rest(ALL_SIZES),
    "line_replugged": Rest(ALL_SIZES),
    "rig_reboot": Rest(ALL_SIZES),
    "clock_skew": Rest("two per cent are within every time's margin", "CLOCK_SKEW SAMPLE_LATE"),
    "firmware_exception": Rest(ALL_SIZES),
    "limits_overwritten": Rest(ALL_SIZES),
    "tick_overrun": Rest(ALL_SIZES),
}
"""One for every kind. A new kind of fault needs its line here, and its rules in the table."""

NOT_RADIATING = dict.fromkeys(
    (State.IDLE, State.CUTOFF), "RF is off, and no row that is armed then reads it; the next check looks at it"
)
"""For a fault that no rule claims in these states."""
OFF_MAY = f"{OFF} {LINE}"
"""Rows armed with RF off; any of them may join in."""


UNSAID = Rest("NOT COVERED: it has no line in evidence/campaign_rest.py yet", "")
"""A new kind of fault, as the table shows it; the tests refuse it."""


def rest_of(kind: str, state: State) -> Rest:
    """Why this kind need not be seen where no rule claims it."""
    rest = REST.get(kind, UNSAID)
    return Rest(NOT_RADIATING[state], OFF_MAY) if state in NOT_RADIATING else rest


ONLY_IN_TIME = {
    "OVER_TEMP": "TC_RATE or another row is first, or it takes a hot patient, not a fault of these",
    "OVER_TEMP_HARD": "as OVER_TEMP",
    "OVERSHOOT": "a matter of control over many seconds; no fault must bring it about",
    "SENTINEL_DOSE": "a matter of minutes; SENTINEL_TEMP and SENTINEL_FORECAST come long before",
    "TC_BASELINE": "of the first half second alone; what is put on later moves a reading, and TC_RATE sees it",
    "HEATING_STALL": "of ten seconds of a ramp at full power; whether it comes to that is control's affair",
    "Z_UNMEASURED": "RF_STUCK_OFF sees the same stage 0.3 s sooner",
    "OVER_POWER": "POWER_DEVIATION sees the same stage wherever it matters; this one is sooner where it is gross",
    "ENERGY_LIMIT": "a matter of minutes",
    "START_STUCK": "it refuses a start, and never trips",
    "RIG_TRIP": "the rig's own trip comes with a row that says why",
    "CHECK_TIMEOUT": "FLOW_LOW, Z_HIGH or RF_STUCK_OFF says sooner what the check waits for",
    "RAMP_TIMEOUT": "a matter of minutes",
    "TREATMENT_TIMEOUT": "a matter of many minutes",
}
"""Rows that no rule of the table demands, and why: their evidence is not a fork of seconds."""
