"""The compiled rows mean what their trees say; every row's own figures, restated."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels, compile_rows
from rfgen.safety.expr import (
    AnyChannel,
    Both,
    Channel,
    Compare,
    Condition,
    Const,
    Either,
    Flag,
    Limit,
    NotFlag,
    Scaled,
    Signal,
    Sum,
    Term,
    names_in,
)
from rfgen.safety.limits import LIMITS, resolve_limits
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.signals import MAY_BE_ABSENT, NOTHING_KNOWN, Signals

CHANNELS = Channels((0, 1), (2,))
COUNTS = ("missed_ticks", "late_ticks", "overrun_ticks")

# id: (persistence in s, armed states, clears, needs), restated from the catalogue
FIGURES = {
    "TC_INVALID": (0.0, "CRH", "R", "nothing"),
    "OVER_TEMP": (0.06, "CRH", "R", "nothing"),
    "OVER_TEMP_HARD": (0.0, "CRH", "R", "nothing"),
    "OVERSHOOT": (0.5, "RH", "A", "temperature mode"),
    "UNDER_TEMP": (10.0, "H", "A", "temperature mode"),
    "SENTINEL_TEMP": (0.0, "CRH", "R", "sentinel"),
    "SENTINEL_DOSE": (0.0, "CRH", "A", "sentinel"),
    "SENTINEL_FORECAST": (0.0, "RH", "A", "sentinel"),
    "TC_RATE": (0.0, "CRH", "R", "nothing"),
    "TC_STUCK": (0.0, "RH", "A", "nothing"),
    "TC_DISAGREE": (0.5, "CRH", "R", "co-located pair"),
    "TC_BASELINE": (0.0, "C", "R", "nothing"),
    "HEATING_STALL": (0.0, "R", "A", "temperature mode"),
    "Z_HIGH": (0.1, "CRH", "A", "nothing"),
    "Z_LOW": (0.05, "CRH", "A", "nothing"),
    "Z_UNMEASURED": (0.5, "CRH", "A", "nothing"),
    "Z_UNSTABLE": (0.0, "C", "A", "nothing"),
    "Z_ROLL_OFF": (3.0, "RH", "A", "nothing"),
    "Z_JUMP": (0.0, "RH", "A", "nothing"),
    "POWER_DEVIATION": (0.3, "CRH", "A", "nothing"),
    "POWER_WHEN_OFF": (0.1, "ICRHX", "R", "nothing"),
    "RF_STUCK_ON": (0.1, "ICRHX", "R", "nothing"),
    "RF_STUCK_OFF": (0.2, "CRH", "A", "nothing"),
    "OVER_POWER": (0.0, "CRH", "A", "nothing"),
    "OVER_CURRENT": (0.0, "CRH", "A", "nothing"),
    "OVER_VOLTAGE": (0.0, "CRH", "A", "nothing"),
    "ENERGY_LIMIT": (0.0, "RH", "A", "nothing"),
    "METER_DISAGREE": (0.5, "CRH", "A", "phase"),
    "STAGE_FAULT": (0.0, "ICRHX", "R", "nothing"),
    "FLOW_LOW": (0.5, "CRH", "A", "pump"),
    "COOLANT_TEMP": (1.0, "CRH", "R", "coolant temperature"),
    "ESTOP": (0.0, "ICRHX", "R", "nothing"),
    "LOOP_OPEN": (0.0, "ICRHX", "R", "nothing"),
    "RETURN_ELECTRODE": (0.0, "CRH", "R", "return monitor"),
    "START_RELEASED": (0.1, "CRH", "A", "dead-man switch"),
    "START_STUCK": (0.0, "I", "R", "start switch"),
    "LINK_LOST": (0.0, "ICRHX", "L", "nothing"),
    "SAMPLE_STALE": (0.0, "ICRHX", "L", "nothing"),
    "CLOCK_SKEW": (0.0, "CRH", "A", "nothing"),
    "SAMPLE_LATE": (0.0, "CRH", "A", "nothing"),
    "RIG_REBOOT": (0.0, "ICRHX", "L", "nothing"),
    "RIG_TRIP": (0.0, "CRH", "L", "nothing"),
    "TICK_OVERRUN": (0.0, "CRH", "A", "nothing"),
    "CHECK_TIMEOUT": (0.0, "C", "A", "nothing"),
    "RAMP_TIMEOUT": (0.0, "R", "A", "nothing"),
    "TREATMENT_TIMEOUT": (0.0, "CRH", "A", "nothing"),
    "CONFIG_CHANGED": (0.0, "CRH", "L", "nothing"),
    "INTERNAL_ERROR": (0.0, "ICRHX", "A", "nothing"),
}
LETTERS = {"I": State.IDLE, "C": State.IMPEDANCE_CHECK, "R": State.RAMP, "H": State.HOLD, "X": State.CUTOFF}


def test_every_row_has_the_catalogues_figures_in_the_catalogues_order() -> None:
    assert [row.id for row in ROWS] == list(FIGURES)
    for row in ROWS:
        persist_s, armed, clears, needs = FIGURES[row.id]
        assert row.persist_us == round(persist_s * 1e6), row.id
        assert row.armed == {LETTERS[letter] for letter in armed}, row.id
        assert row.clears is Clears(clears), row.id
        assert row.needs is Needs(needs), row.id


# --- the meaning of a tree, written a second time, as plainly as can be ---------------------------------------------


def number(term: Term, s: Signals, limits: dict[str, float], reading: float) -> float:
    match term:
        case Signal(name):
            return float(getattr(s, name))
        case Limit(name):
            return limits[name]
        case Const(value):
            return value
        case Channel():
            return reading
        case Sum(left, right):
            return number(left, s, limits, reading) + number(right, s, limits, reading)
        case Scaled(by, of):
            return number(by, s, limits, reading) * number(of, s, limits, reading)
    raise AssertionError(term)


def violated(node: Condition, s: Signals, limits: dict[str, float], reading: float = math.nan) -> bool:
    match node:
        case Flag(name):
            return bool(getattr(s, name))
        case NotFlag(name):
            return not getattr(s, name)
        case Both(left, right):
            return violated(left, s, limits, reading) and violated(right, s, limits, reading)
        case Either(left, right):
            return violated(left, s, limits, reading) or violated(right, s, limits, reading)
        case AnyChannel(group, each):
            return any(violated(each, s, limits, s.temperature_c[i]) for i in CHANNELS.group(group))
        case Compare(op, left, right):
            a, b = number(left, s, limits, reading), number(right, s, limits, reading)
            if not (math.isfinite(a) and math.isfinite(b)):
                return True
            return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[op]
    raise AssertionError(node)


VALUES = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 3.0, 5.0, 25.0, 45.0, 95.0, 110.0, 150.0, 800.0]),
    st.sampled_from(sorted({spec.default for spec in LIMITS.values()})),
    st.floats(-200.0, 2000.0),
)


@st.composite
def any_signals(draw: st.DrawFn) -> Signals:
    """Anything at all in every signal."""
    found: dict[str, Any] = {}
    for name, quiet in NOTHING_KNOWN._asdict().items():
        if name == "temperature_c":
            found[name] = tuple(draw(st.lists(VALUES, min_size=3, max_size=3)))
        elif name in MAY_BE_ABSENT and draw(st.booleans()):
            found[name] = None
        elif name == "baseline_due" or isinstance(quiet, bool):
            found[name] = draw(st.booleans())
        elif name in COUNTS:
            found[name] = draw(st.integers(0, 5))
        else:
            found[name] = draw(VALUES)
    return Signals(**found)


@settings(deadline=None, max_examples=400)
@given(s=any_signals())
def test_compiled_rows_mean_what_their_trees_say(s: Signals) -> None:
    limits = resolve_limits()
    all_well, judge, _ = compile_rows([(bit, row.condition) for bit, row in enumerate(ROWS)], limits, CHANNELS)
    found, held = judge(s)
    for bit, row in enumerate(ROWS):
        absent = any(getattr(s, name) is None for name in names_in(row.condition)[0])
        assert bool(held >> bit & 1) is absent, row.id
        expected = not absent and violated(row.condition, s, limits)
        assert bool(found >> bit & 1) is expected, row.id
    assert all_well(s) is (found == 0)


def nan_names(row: Row) -> list[str]:
    """Signals of a row that hold numbers."""
    return [
        name
        for name in sorted(names_in(row.condition)[0])
        if not isinstance(getattr(NOTHING_KNOWN, name), bool) and name not in ("baseline_due", *COUNTS)
    ]


@pytest.mark.parametrize("row", [row for row in ROWS if nan_names(row)], ids=lambda row: row.id)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_signal_that_is_not_a_number_is_never_fine(row: Row, value: float) -> None:
    """Alone, with every other part of the row arranged to be true, or absent where it may be."""
    good = dict.fromkeys(nan_names(row), 1000000.0)
    changes: dict[str, Any] = {**good, **dict.fromkeys(nan_names(row), value), "baseline_due": True}
    s = NOTHING_KNOWN._replace(temperature_c=(37.0, 37.0, 37.0), **changes)
    _, judge, _ = compile_rows([(0, row.condition)], resolve_limits(), CHANNELS)
    assert judge(s) == (1, 0)


# --- each row at its limit: the last value that is fine, and the first that is not ----------------------------------

TC = {"temperature_c": (37.0, 37.0, 37.0)}
BASE = {"baseline_due": True, "electrode_spread_c": 0.0, "coolant_flowing": False}
STALL = {"stall_asked_c": 10.0, "stall_power_w": 10.0, "stall_allowed_w": 20.0}
EDGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("TC_INVALID", {"temperature_c": (37.0, 150.0, 0.0)}, {"temperature_c": (37.0, 150.01, 0.0)}),
    ("TC_INVALID", {"temperature_c": (37.0, 0.0, 37.0)}, {"temperature_c": (37.0, -0.01, 37.0)}),
    ("TC_INVALID", {"temperature_c": (37.0, 37.0, 0.0)}, {"temperature_c": (37.0, 37.0, -0.01)}),
    ("TC_INVALID", TC, {**TC, "tc_reports_fault": True}),
    ("OVER_TEMP", {"temperature_c": (95.0, 37.0, 140.0)}, {"temperature_c": (37.0, 95.01, 37.0)}),
    ("OVER_TEMP_HARD", {"temperature_c": (110.0, 37.0, 140.0)}, {"temperature_c": (110.01, 37.0, 37.0)}),
    ("OVERSHOOT", {"over_target_c": 5.0}, {"over_target_c": 5.01}),
    ("SENTINEL_TEMP", {"temperature_c": (90.0, 90.0, 45.0)}, {"temperature_c": (37.0, 37.0, 45.01)}),
    ("TC_BASELINE", {"temperature_c": (15.0, 42.0, 37.0), **BASE}, {"temperature_c": (37.0, 42.01, 37.0), **BASE}),
    ("TC_BASELINE", {"temperature_c": (15.0, 37.0, 37.0), **BASE}, {"temperature_c": (14.99, 37.0, 37.0), **BASE}),
    ("TC_BASELINE", {**TC, **BASE, "electrode_spread_c": 5.0}, {**TC, **BASE, "electrode_spread_c": 5.01}),
    (
        "TC_BASELINE",
        {**BASE, "temperature_c": (2.0, 20.0, 37.0), "electrode_spread_c": 18.0, "coolant_flowing": True},
        {**BASE, "temperature_c": (2.0, 20.0, 14.9), "electrode_spread_c": 18.0, "coolant_flowing": True},
    ),
    ("HEATING_STALL", {**STALL, "stall_gain_c": 2.5}, {**STALL, "stall_gain_c": 2.49}),
    ("HEATING_STALL", {**STALL, "stall_gain_c": 0.0, "stall_power_w": 9.99}, {**STALL, "stall_gain_c": 0.0}),
    ("Z_HIGH", {"impedance_ohm": 800.0}, {"impedance_ohm": 800.1}),
    ("Z_LOW", {"impedance_ohm": 25.0}, {"impedance_ohm": 24.9}),
    ("Z_UNMEASURED", {}, {"impedance_unmeasured": True}),
    ("Z_UNSTABLE", {"check_spread": 0.2}, {"check_spread": 0.2001}),
    (
        "POWER_DEVIATION",
        {"power_off_by_w": 2.0, "power_expected_w": 10.0},
        {"power_off_by_w": 2.01, "power_expected_w": 10.0},
    ),
    (
        "POWER_DEVIATION",
        {"power_off_by_w": 1.0, "power_expected_w": 1.0},
        {"power_off_by_w": 1.01, "power_expected_w": 1.0},
    ),
    ("POWER_WHEN_OFF", {"power_while_off_w": 0.3}, {"power_while_off_w": 0.31}),
    ("RF_STUCK_ON", {}, {"on_while_off": True}),
    ("FLOW_LOW", {"flow_due_ml_min": 10.0, "flow_ml_min": 8.0}, {"flow_due_ml_min": 10.0, "flow_ml_min": 7.99}),
    ("ESTOP", {}, {"estop_pressed": True}),
    ("LOOP_OPEN", {}, {"loop_open": True}),
    ("LINK_LOST", {"missed_ticks": 2}, {"missed_ticks": 3}),
    ("LINK_LOST", {}, {"exchange_failed": True}),
    ("SAMPLE_STALE", {}, {"sample_stale": True}),
    ("CHECK_TIMEOUT", {"check_s": 15.0}, {"check_s": 15.01}),
    ("RAMP_TIMEOUT", {"ramp_s": 180.0}, {"ramp_s": 180.01}),
    ("TREATMENT_TIMEOUT", {"on_s": 1800.0}, {"on_s": 1800.01}),
    ("INTERNAL_ERROR", {}, {"internal_error": True}),
    ("UNDER_TEMP", {"under_target_c": 5.0}, {"under_target_c": 5.01}),
    ("SENTINEL_DOSE", {"dose_min": 10.0}, {"dose_min": 10.01}),
    (
        "SENTINEL_FORECAST",
        {"temperature_c": (90.0, 90.0, 44.9), "sentinel_level_c": 44.0, "sentinel_climb_c": 1.0},
        {"temperature_c": (37.0, 37.0, 37.0), "sentinel_level_c": 44.0, "sentinel_climb_c": 1.001},
    ),
    ("TC_RATE", {"tc_rate_c_s": 40.0}, {"tc_rate_c_s": 40.01}),
    ("TC_STUCK", {"tc_stuck_share": 0.999}, {"tc_stuck_share": 1.0}),
    ("TC_DISAGREE", {"tc_disagree_c": 10.0}, {"tc_disagree_c": 10.01}),
    (
        "Z_ROLL_OFF",
        {"impedance_ohm": 200.0, "least_ohm": 100.0},
        {"impedance_ohm": 200.1, "least_ohm": 100.0},
    ),
    ("Z_JUMP", {"z_jump_ohm": 50.0, "z_before_ohm": 100.0}, {"z_jump_ohm": 50.1, "z_before_ohm": 100.0}),
    ("Z_JUMP", {"z_jump_ohm": 90.0, "z_before_ohm": 300.0}, {"z_jump_ohm": 90.1, "z_before_ohm": 300.0}),
    ("RF_STUCK_OFF", {}, {"off_while_on": True}),
    ("OVER_POWER", {"power_w": 440.0}, {"power_w": 440.1}),
    ("OVER_CURRENT", {"current_a": 22.0}, {"current_a": 22.01}),
    ("OVER_VOLTAGE", {"voltage_v": 1100.0}, {"voltage_v": 1100.1}),
    ("ENERGY_LIMIT", {"energy_j": 200_000.0}, {"energy_j": 200_000.1}),
    ("METER_DISAGREE", {"meter_off_by_w": 2.0, "power_w": 10.0}, {"meter_off_by_w": 2.01, "power_w": 10.0}),
    ("METER_DISAGREE", {"meter_off_by_w": 1.0, "power_w": 2.0}, {"meter_off_by_w": 1.01, "power_w": 2.0}),
    ("STAGE_FAULT", {"stage_c": 85.0}, {"stage_c": 85.01}),
    ("STAGE_FAULT", {}, {"stage_fault": True}),
    ("COOLANT_TEMP", {"coolant_c": 35.0}, {"coolant_c": 35.01}),
    ("RETURN_ELECTRODE", {}, {"return_lost": True}),
    ("START_RELEASED", {}, {"start_released": True}),
    ("START_STUCK", {}, {"start_stuck": True}),
    ("CLOCK_SKEW", {"skew_share": 0.02}, {"skew_share": 0.0201}),
    ("SAMPLE_LATE", {"late_ticks": 2}, {"late_ticks": 3}),
    ("RIG_REBOOT", {}, {"rig_rebooted": True}),
    ("RIG_TRIP", {}, {"rig_tripped": True}),
    ("TICK_OVERRUN", {"overrun_ticks": 1}, {"overrun_ticks": 2}),
    ("CONFIG_CHANGED", {}, {"config_changed": True}),
]


@pytest.mark.parametrize(("row_id", "fine", "wrong"), EDGES)
def test_a_row_trips_past_its_limit_and_not_at_it(row_id: str, fine: dict[str, Any], wrong: dict[str, Any]) -> None:
    row = next(row for row in ROWS if row.id == row_id)
    _, judge, _ = compile_rows([(0, row.condition)], resolve_limits(), CHANNELS)
    assert judge(NOTHING_KNOWN._replace(**fine))[0] == 0
    assert judge(NOTHING_KNOWN._replace(**wrong))[0] == 1


def test_every_row_stands_at_its_limit_above() -> None:
    assert {row_id for row_id, _, _ in EDGES} == set(FIGURES)


@given(name=st.sampled_from(sorted(LIMITS)), value=VALUES)
def test_no_limit_leaves_its_hard_range(name: str, value: float) -> None:
    spec = LIMITS[name]
    assert spec.hard_min <= spec.default <= spec.hard_max
    if spec.hard_min <= value <= spec.hard_max:
        assert resolve_limits({name: value})[name] == value
    else:
        with pytest.raises(ValueError, match=name):
            resolve_limits({name: value})
