"""Which interlock must see which fault, in which state, and by when: written from the interlock catalogue and from what
each fault does, not from what the firmware was seen to do.

A rule says for which sizes and circumstances a fault must be seen, by which rows, and how long after it was put on at
the latest. The first trip must be one of `rows`, or of `also`: rows that the same fault may trip sooner. `through` is
what the rows look through; a second fault that disturbs any of it (`DISTURBS`) takes the demand away, for then the
first one need not show. What no rule claims need not be seen; `evidence.campaign_rest` gives the
reason, and the rows that it may trip nevertheless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from evidence.campaign_context import Context
from evidence.campaign_runs import Injection
from evidence.campaign_sees import (
    always,
    at_least,
    delivers_less_or_more,
    delivers_off_in_check,
    drying_out,
    early,
    far_displaced,
    far_from_twin,
    from_check,
    impedance_beyond_limit,
    impedance_jumps,
    impedance_shakes,
    jumps,
    meters_disagree,
    most,
    nothing_delivered,
    on_electrode,
    power_low_in_check,
    sentinel_shows_electrode,
    sentinel_too_warm,
    unpowered,
)
from rfgen.records import State

I, C, R, H, X = State  # noqa: E741 - the letters of the catalogue
ALL = (I, C, R, H, X)
CRH = (C, R, H)
RH = (R, H)

HEAT = (
    "TC_INVALID OVER_TEMP OVER_TEMP_HARD OVERSHOOT UNDER_TEMP SENTINEL_TEMP SENTINEL_DOSE SENTINEL_FORECAST TC_RATE "
    "TC_DISAGREE TC_BASELINE HEATING_STALL"
)
LOAD = (
    "Z_HIGH Z_LOW Z_UNMEASURED Z_UNSTABLE Z_ROLL_OFF Z_JUMP POWER_DEVIATION OVER_POWER OVER_CURRENT OVER_VOLTAGE "
    "METER_DISAGREE"
)
OFF = "RF_STUCK_ON POWER_WHEN_OFF STAGE_FAULT"
LINE = "LINK_LOST SAMPLE_STALE RIG_REBOOT"


class Rule(NamedTuple):
    """A fault that must be seen."""

    kind: str
    states: tuple[State, ...]
    sizes: str
    """For which sizes and circumstances, in words."""
    sees: Callable[[Context, Injection], bool]
    rows: str
    by_s: float
    """Latest, from the tick in which it is put on; 0 is that very tick."""
    through: str = ""
    also: str = ""


RULES: tuple[Rule, ...] = (
    # --- thermocouples
    *(
        Rule(f"thermocouple_{how}", CRH, "any", always, "TC_INVALID", 0.0, "tc")
        for how in ("open", "short_to_ground", "short_to_supply")
    ),
    Rule("thermocouple_stuck", RH, "on the electrode", on_electrode, "TC_STUCK", 2.04, "tc", HEAT),
    Rule("thermocouple_stuck", (C,), "on the electrode", on_electrode, "TC_STUCK", 6.5, "everything", HEAT),
    Rule("thermocouple_offset", CRH, "moves the reading by 4.5 C or more", jumps, "TC_RATE", 0.04, "tc", HEAT),
    Rule("thermocouple_gain", CRH, "moves the reading by 4.5 C or more", jumps, "TC_RATE", 0.04, "tc", HEAT),
    Rule("thermocouple_reversed", CRH, "at body temperature and above", jumps, "TC_RATE", 0.04, "tc", HEAT),
    Rule("thermocouple_noise", CRH, "8 C and more", at_least(8.0), "TC_RATE", 3.0, "tc", f"{HEAT} POWER_DEVIATION"),
    Rule(
        "thermocouple_intermittent", CRH, "half the time and more", at_least(0.5), "TC_INVALID", 10.5, "tc", "TC_RATE"
    ),
    Rule(
        "thermocouple_swapped",
        RH,
        "the sentinel with an electrode of 50 C and more",
        sentinel_shows_electrode,
        "SENTINEL_TEMP",
        3.0,
        "everything",
        HEAT,
    ),
    Rule(
        "thermocouple_displaced",
        (H,),
        "the control thermocouple, 0.15 and less, temperature mode",
        far_displaced,
        "UNDER_TEMP",
        13.0,
        "everything",
        f"{HEAT} {LOAD}",
    ),
    Rule(
        "thermocouple_displaced",
        RH,
        "one of a co-located pair, 12.5 C apart and more",
        far_from_twin,
        "TC_DISAGREE",
        5.0,
        "everything",
        HEAT,
    ),
    # --- impedance meter
    Rule("impedance_nan", RH, "any", always, "Z_JUMP OVER_CURRENT OVER_VOLTAGE", 0.0, "volts", LOAD),
    Rule("impedance_nan", (C,), "any", always, "OVER_CURRENT OVER_VOLTAGE", 0.0, "volts", LOAD),
    Rule(
        "impedance_noise",
        RH,
        "0.5 and more, of at least 150 ohm",
        impedance_shakes,
        "Z_JUMP",
        2.0,
        "volts load stage",
        LOAD,
    ),
    Rule(
        "impedance_noise",
        (C,),
        "0.5 and more, of at least 150 ohm",
        impedance_shakes,
        "Z_UNSTABLE",
        6.5,
        "everything",
        LOAD,
    ),
    Rule("impedance_stuck", (C,), "before the test power", unpowered, "Z_HIGH", 4.5, "volts load stage flow", LOAD),
    # --- impedance: meter, tissue, electrode
    *(
        rule
        for kind in (
            "impedance_offset",
            "open_load",
            "short_load",
            "charring",
            "steam_pop",
            "electrode_withdrawn",
            "conductivity",
        )
        for rule in (
            Rule(
                kind,
                RH,
                "moves the impedance by 60 ohm and 40 % or more",
                impedance_jumps,
                "Z_JUMP",
                0.1 if kind == "steam_pop" else 0.04,
                "volts load stage",
                LOAD,
            ),
            Rule(
                kind,
                RH,
                "brings the impedance 10 % beyond a limit",
                impedance_beyond_limit,
                "Z_HIGH Z_LOW",
                0.3,
                "volts load stage",
                LOAD,
            ),
            Rule(
                kind,
                (C,),
                "brings the impedance 10 % beyond a limit",
                impedance_beyond_limit,
                "Z_HIGH Z_LOW",
                4.5,
                "volts load stage flow",
                LOAD,
            ),
        )
    ),
    Rule(
        "impedance_offset",
        RH,
        "moves voltage x current by 4.4 W and 30 % or more, noise apart",
        meters_disagree,
        "METER_DISAGREE",
        0.6,
        "everything",
        LOAD,
    ),
    Rule(
        "dry_out",
        CRH,
        "100 ohm/s and more",
        drying_out,
        "Z_HIGH Z_ROLL_OFF Z_JUMP",
        16.0,
        "volts load stage flow",
        f"{LOAD} UNDER_TEMP",
    ),
    Rule(
        "sentinel_close",
        RH,
        "the sentinel comes to 48 C and more",
        sentinel_too_warm,
        "SENTINEL_TEMP SENTINEL_FORECAST",
        3.5,
        "everything",
        "TC_RATE",
    ),
    # --- output stage
    *(
        rule
        for kind, off in (
            ("stage_stuck_on", f" {OFF}"),
            ("stage_stuck_power", ""),
            ("stage_gain", ""),
            ("stage_saturated", ""),
        )
        for rule in (
            Rule(
                kind,
                RH,
                "delivers 2 W and 30 % less or more than commanded, noise apart",
                delivers_less_or_more,
                "POWER_DEVIATION",
                3.0,
                "volts load stage",
                f"{LOAD} {HEAT}{off}",
            ),
            Rule(kind, RH, "delivers nothing", nothing_delivered, "Z_HIGH", 0.3, "volts load stage", f"{LOAD}{off}"),
            Rule(
                kind,
                (C,),
                "delivers nothing",
                nothing_delivered,
                "Z_HIGH",
                4.5,
                "volts load stage flow",
                f"{LOAD}{off}",
            ),
        )
    ),
    Rule(
        "stage_stuck_on",
        (C,),
        "0.1 s and more before any power",
        early,
        OFF,
        0.3,
        "everything",
        f"{LOAD} {HEAT}",
    ),
    Rule("stage_stuck_on", (I, X), "any", always, OFF, 0.14, "stage volts"),
    *(
        Rule(
            kind,
            (C,),
            "delivers 2 W and 30 % less or more than the test power",
            delivers_off_in_check,
            "POWER_DEVIATION",
            5.5,
            "volts load stage flow",
            f"{LOAD} {HEAT}",
        )
        for kind in ("stage_stuck_power", "stage_gain")
    ),
    Rule(
        "stage_slow",
        (C,),
        "2 s and more, before a test power of 2 W and more",
        power_low_in_check,
        "POWER_DEVIATION",
        4.7,
        "volts load stage flow",
        LOAD,
    ),
    Rule("stage_over_temperature", ALL, "any", always, "STAGE_FAULT", 0.0),
    Rule("stage_refuses", RH, "any", always, "RF_STUCK_OFF", 0.24, "stage"),
    Rule("stage_refuses", (C,), "any", always, "RF_STUCK_OFF", 4.5, "stage flow"),
    # --- pump
    *(
        rule
        for kind, sees, sizes in (
            ("pump_stopped", always, "any"),
            ("pump_slow", most(0.7), "0.7 and less"),
            ("air_bubble", always, "any"),
        )
        for rule in (
            Rule(kind, RH, sizes, sees, "FLOW_LOW", 1.2, "flow"),
            Rule(kind, (C,), sizes, sees, "FLOW_LOW", 4.6, "flow"),
        )
    ),
    Rule("coolant_warm", CRH, "36 C and more", at_least(36.0), "COOLANT_TEMP", 1.04, "coolant"),
    # --- switches
    Rule("emergency_stop", ALL, "any", always, "ESTOP", 0.0),
    Rule("loop_open", ALL, "any", always, "LOOP_OPEN", 0.0),
    Rule("return_electrode_lost", CRH, "any", always, "RETURN_ELECTRODE", 0.0),
    Rule("start_released", CRH, "any", always, "START_RELEASED", 0.12, "start"),
    Rule("start_bouncing", CRH, "any", always, "START_RELEASED", 10.5, "start"),
    # --- line
    Rule("line_drop", ALL, "0.3 and more", at_least(0.3), "LINK_LOST", 6.0, "line", LINE),
    Rule("line_corrupt", ALL, "0.3 and more", at_least(0.3), "LINK_LOST", 6.0, "line", LINE),
    Rule("line_delay", ALL, "any", always, "LINK_LOST", 0.04, "line", LINE),
    Rule("line_garbage", ALL, "any", always, "LINK_LOST", 0.04, "line", LINE),
    Rule("line_silent", ALL, "any", always, "LINK_LOST", 0.04, "line", LINE),
    Rule("line_unplugged", ALL, "any", always, "LINK_LOST", 0.04, "line", LINE),
    Rule("line_replugged", ALL, "any", always, "LINK_LOST", 0.04, "line", LINE),
    Rule("rig_reboot", ALL, "any", always, "LINK_LOST RIG_REBOOT", 0.04, "line", LINE),
    Rule("clock_skew", ALL, "stands still", most(-1.0), "SAMPLE_STALE", 0.04, "line"),
    Rule("clock_skew", CRH, "0.55 and more", from_check(at_least(0.55)), "SAMPLE_LATE", 0.1, "line", "CLOCK_SKEW"),
    Rule("clock_skew", CRH, "-0.55 and less", from_check(most(-0.55)), "SAMPLE_LATE", 0.1, "line", "SAMPLE_STALE"),
    Rule("clock_skew", CRH, "0.025 and more", from_check(at_least(0.025)), "CLOCK_SKEW", 10.6, "line", "SAMPLE_LATE"),
    Rule("clock_skew", CRH, "-0.025 and less", from_check(most(-0.025)), "CLOCK_SKEW", 10.6, "line", "SAMPLE_LATE"),
    # --- host
    Rule("firmware_exception", CRH, "any", always, "INTERNAL_ERROR", 0.0),
    # the limits in force are looked at every fifth tick
    Rule("limits_overwritten", CRH, "any", always, "CONFIG_CHANGED", 0.1),
    Rule("tick_overrun", CRH, "any", always, "TICK_OVERRUN", 0.02),
)

DISTURBS: dict[str, str] = {
    "thermocouple_": "tc",
    "sentinel_close": "tc",
    "impedance_": "volts",
    "open_load": "load",
    "short_load": "load",
    "charring": "load",
    "dry_out": "load",
    "steam_pop": "load",
    "electrode_withdrawn": "load",
    "conductivity": "load",
    "stage_": "stage",
    "pump_": "flow",
    "air_bubble": "flow",
    "coolant_warm": "coolant",
    "start_": "start",
    "line_": "everything",
    "clock_skew": "everything",
    "rig_reboot": "everything",
}
"""What a fault disturbs, by its kind or the beginning of it. A fault of the line disturbs all that comes over it."""


def disturbs(kind: str) -> str:
    """What this kind of fault disturbs; nothing for one that only adds to what is read elsewhere."""
    return next((what for start, what in DISTURBS.items() if kind.startswith(start)), "")
