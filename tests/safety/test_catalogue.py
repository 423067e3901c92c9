"""The catalogue, restated row by row as one table of literals: no figure, name or place in it changes unseen."""

from __future__ import annotations

import pytest

from rfgen.records import State
from rfgen.safety.catalogue import ALL, RADIATING, ROW_IDS, ROWS, applicable
from rfgen.safety.compile import sentence
from rfgen.safety.expr import any_channel, flag, signal
from rfgen.safety.limits import LIMITS
from rfgen.safety.row import Clears, Needs, Row

LETTERS = {"IDLE": "I", "IMPEDANCE_CHECK": "C", "RAMP": "R", "HOLD": "H", "CUTOFF": "X"}
NAMES = {name: name for name in LIMITS}

# id: (persistence in microseconds, armed, clears, needs, what else it is, what trips it)
TABLE = {
    "TC_INVALID": (
        0,
        "CRH",
        "R",
        "nothing",
        "",
        "tc reports fault or a thermocouple: (reading > tc_most_c or reading < tc_least_c)",
    ),
    "OVER_TEMP": (60_000, "CRH", "R", "nothing", "", "an electrode thermocouple: reading > over_temp_c"),
    "OVER_TEMP_HARD": (0, "CRH", "R", "nothing", "", "an electrode thermocouple: reading > over_temp_hard_c"),
    "OVERSHOOT": (500_000, "RH", "A", "temperature mode", "", "over_target_c > overshoot_c"),
    "UNDER_TEMP": (10_000_000, "H", "A", "temperature mode", "", "under_target_c > under_c"),
    "SENTINEL_TEMP": (0, "CRH", "R", "sentinel", "", "a sentinel: reading > sentinel_c"),
    "SENTINEL_DOSE": (0, "CRH", "A", "sentinel", "", "dose_min > dose_min"),
    "SENTINEL_FORECAST": (
        0,
        "RH",
        "A",
        "sentinel",
        "",
        "sentinel_level_c + forecast_share * sentinel_climb_c > sentinel_c",
    ),
    "TC_RATE": (0, "CRH", "R", "nothing", "", "tc_rate_c_s > tc_rate_c_s"),
    "TC_STUCK": (0, "RH", "A", "nothing", "", "tc_stuck_share >= 1"),
    "TC_DISAGREE": (500_000, "CRH", "R", "co-located pair", "", "tc_disagree_c > disagree_c"),
    "TC_BASELINE": (
        0,
        "C",
        "R",
        "nothing",
        "",
        "baseline due and (not coolant flowing and a thermocouple: reading < baseline_least_c or a sentinel: "
        "reading < baseline_least_c or a thermocouple: (reading < tc_least_c or reading > baseline_most_c) or"
        " not coolant flowing and electrode_spread_c > baseline_spread_c)",
    ),
    "HEATING_STALL": (
        0,
        "R",
        "A",
        "temperature mode",
        "",
        "stall_gain_c < stall_share * stall_asked_c and stall_power_w >= stall_power_share * stall_allowed_w",
    ),
    "Z_HIGH": (100_000, "CRH", "A", "nothing", "", "impedance_ohm > z_high_ohm"),
    "Z_LOW": (50_000, "CRH", "A", "nothing", "", "impedance_ohm < z_low_ohm"),
    "Z_UNMEASURED": (500_000, "CRH", "A", "nothing", "", "impedance unmeasured"),
    "Z_UNSTABLE": (0, "C", "A", "nothing", "", "check_spread > z_spread_share"),
    "Z_ROLL_OFF": (3_000_000, "RH", "A", "nothing", "", "impedance_ohm > roll_off_ratio * least_ohm"),
    "Z_JUMP": (0, "RH", "A", "nothing", "", "z_jump_ohm > z_jump_ohm and z_jump_ohm > z_jump_share * z_before_ohm"),
    "POWER_DEVIATION": (
        300_000,
        "CRH",
        "A",
        "nothing",
        "",
        "power_off_by_w > deviation_w and power_off_by_w > deviation_share * power_expected_w",
    ),
    "POWER_WHEN_OFF": (100_000, "ICRHX", "R", "nothing", "", "power_while_off_w > off_power_w"),
    "RF_STUCK_ON": (100_000, "ICRHX", "R", "nothing", "", "on while off"),
    "RF_STUCK_OFF": (200_000, "CRH", "A", "nothing", "", "off while on"),
    "OVER_POWER": (0, "CRH", "A", "nothing", "", "power_w > over_power_w"),
    "OVER_CURRENT": (0, "CRH", "A", "nothing", "", "current_a > over_current_a"),
    "OVER_VOLTAGE": (0, "CRH", "A", "nothing", "", "voltage_v > over_voltage_v"),
    "ENERGY_LIMIT": (0, "RH", "A", "nothing", "", "energy_j > energy_limit_j"),
    "METER_DISAGREE": (
        500_000,
        "CRH",
        "A",
        "phase",
        "",
        "meter_off_by_w > meter_w and meter_off_by_w > meter_share * power_w",
    ),
    "STAGE_FAULT": (0, "ICRHX", "R", "nothing", "", "stage fault or stage_c > stage_c"),
    "FLOW_LOW": (500_000, "CRH", "A", "pump", "pump", "flow_ml_min < flow_share * flow_due_ml_min"),
    "COOLANT_TEMP": (1_000_000, "CRH", "R", "coolant temperature", "", "coolant_c > coolant_c"),
    "ESTOP": (0, "ICRHX", "R", "nothing", "", "estop pressed"),
    "LOOP_OPEN": (0, "ICRHX", "R", "nothing", "", "loop open"),
    "RETURN_ELECTRODE": (0, "CRH", "R", "return monitor", "", "return lost"),
    "START_RELEASED": (100_000, "CRH", "A", "dead-man switch", "", "start released"),
    "START_STUCK": (0, "I", "R", "start switch", "refuses", "start stuck"),
    "LINK_LOST": (0, "ICRHX", "L", "nothing", "line", "missed_ticks >= 3 or exchange failed"),
    "SAMPLE_STALE": (0, "ICRHX", "L", "nothing", "line", "sample stale"),
    "CLOCK_SKEW": (0, "CRH", "A", "nothing", "", "skew_share > skew_share"),
    "SAMPLE_LATE": (0, "CRH", "A", "nothing", "", "late_ticks >= 3"),
    "RIG_REBOOT": (0, "ICRHX", "L", "nothing", "line", "rig rebooted"),
    "RIG_TRIP": (0, "CRH", "L", "nothing", "", "rig tripped"),
    "TICK_OVERRUN": (0, "CRH", "A", "nothing", "", "overrun_ticks >= 2"),
    "CHECK_TIMEOUT": (0, "C", "A", "nothing", "", "check_s > check_timeout_s"),
    "RAMP_TIMEOUT": (0, "R", "A", "nothing", "", "ramp_s > ramp_timeout_s"),
    "TREATMENT_TIMEOUT": (0, "CRH", "A", "nothing", "", "on_s > treatment_timeout_s"),
    "CONFIG_CHANGED": (0, "CRH", "L", "nothing", "", "config changed"),
    "INTERNAL_ERROR": (0, "ICRHX", "A", "nothing", "line", "internal error"),
}


def words(row: Row) -> str:
    """The condition, with the names of its limits."""
    said = sentence(row.condition, dict.fromkeys(NAMES, 1.0), NAMES)
    return said.replace("1 ", "").replace(" x ", " * ")


def what_else(row: Row) -> str:
    """Which of three it is."""
    kinds = {"pump": row.pump_is_cause, "refuses": row.refuses, "line": row.on_the_line}
    return " ".join(name for name, is_one in kinds.items() if is_one)


def test_these_are_all_in_this_order() -> None:
    assert [row.id for row in ROWS] == list(TABLE)
    assert list(TABLE) == list(ROW_IDS)


@pytest.mark.parametrize("place", range(len(TABLE)), ids=list(TABLE))
def test_a_row_is_what_the_table_says(place: int) -> None:
    row_id = list(TABLE)[place]
    row = next(row for row in ROWS if row.id == row_id)
    armed = "".join(letter for name, letter in LETTERS.items() if State[name] in row.armed)
    found = (row.persist_us, armed, row.clears.value, row.needs.value, what_else(row), words(row))
    assert found == TABLE[row_id]
    assert len(row.armed) == len(armed)
    assert row.hazard
    assert row.usually.endswith((".", "!"))


def test_the_sets_of_states() -> None:
    assert {state.name for state in RADIATING} == {"IMPEDANCE_CHECK", "RAMP", "HOLD"}
    assert {state.name for state in ALL} == set(LETTERS)


def test_what_a_row_is_unless_it_says_otherwise() -> None:
    row = Row("PLAIN", "none", flag.loop_open, ALL, Clears.READING, "Look.")
    assert (row.persist_us, row.needs, row.pump_is_cause, row.refuses) == (0, Needs.NOTHING, False, False)


def test_a_row_is_on_the_line_where_it_reads_the_line_alone() -> None:
    line = flag.exchange_failed | flag.sample_stale | flag.rig_rebooted | flag.internal_error
    every = line | (signal.missed_ticks >= 3)
    for condition, on_it in (
        (every, True),
        (line, True),
        (every | flag.loop_open, False),
        (any_channel("used", flag.sample_stale), False),
    ):
        assert Row("PLAIN", "none", condition, ALL, Clears.READING, "Look.").on_the_line is on_it


def test_a_row_applies_where_its_need_is_met() -> None:
    plain = Row("PLAIN", "none", flag.loop_open, ALL, Clears.READING, "Look.")
    pump = Row("PUMP", "none", flag.loop_open, ALL, Clears.READING, "Look.", needs=Needs.PUMP)
    assert applicable((plain, pump), frozenset()) == {"PLAIN"}
    assert applicable((plain, pump), frozenset({Needs.SENTINEL})) == {"PLAIN"}
    assert applicable((plain, pump), frozenset({Needs.PUMP})) == {"PLAIN", "PUMP"}
