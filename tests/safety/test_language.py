"""The language of conditions: what its operators make, what it refuses, what it compiles to, and how it reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from rfgen.safety.compile import Channels, absent_names, compile_rows, sentence
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
    any_channel,
    channel,
    factor,
    flag,
    limit,
    names_in,
    signal,
    term,
)
from rfgen.safety.signals import NOTHING_KNOWN, Signals

CHANNELS = Channels((0, 1), (2,))
LIMITS = {"over_temp_c": 95.0, "under_c": 5.0, "flow_share": 0.8, "z_high_ohm": 800.0}
UNITS = {"over_temp_c": "C", "under_c": "C", "flow_share": "1", "z_high_ohm": "ohm"}
watts = Signal("power_w")
FINE = NOTHING_KNOWN._replace(
    temperature_c=(37.0, 37.0, 37.0), power_w=1.0, voltage_v=1.0, current_a=1.0, flow_ml_min=10.0
)
LARGEST = 1.7976931348623157e308


def judged(condition: Condition, signals: Signals, channels: Channels = CHANNELS) -> str:
    """violated, held or fine; and both compiled functions agree."""
    all_well, judge, _ = compile_rows([(0, condition), (3, condition)], LIMITS, channels)
    violated, held = judge(signals)
    assert (violated, held) in ((0, 0), (9, 0), (0, 9))
    assert bool(all_well(signals)) is (violated == 0)
    return "violated" if violated else "held" if held else "fine"


# --- trees ----------------------------------------------------------------------------------------------------------


def test_arithmetic_makes_sums_and_multiples() -> None:
    assert signal.power_w == watts
    assert limit.under_c == Limit("under_c")
    assert flag.loop_open == Flag("loop_open")
    assert watts + 2 == Sum(watts, Const(2.0))
    assert watts - limit.under_c == Sum(watts, Scaled(Const(-1.0), Limit("under_c")))
    assert watts * 2 == Scaled(Const(2.0), watts)
    assert watts * 2.5 == Scaled(Const(2.5), watts)
    assert watts * limit.under_c == Scaled(Limit("under_c"), watts)
    assert watts * Const(3.0) == Scaled(Const(3.0), watts)
    assert limit.under_c * watts == Scaled(Limit("under_c"), watts)
    assert Const(3.0) * watts == Scaled(Const(3.0), watts)
    assert isinstance(term(1).value, float)  # type: ignore[union-attr]
    assert isinstance(factor(2).value, float)  # type: ignore[union-attr]


def test_comparisons_and_combinations() -> None:
    one = Const(1.0)
    assert (watts > 1) == Compare(">", watts, one)
    assert (watts < 1) == Compare("<", watts, one)
    assert (watts >= 1) == Compare(">=", watts, one)
    assert (watts <= 1) == Compare("<=", watts, one)
    a, b = Flag("loop_open"), Flag("stage_fault")
    assert (a & b) == Both(a, b)
    assert (a | b) == Either(a, b)
    assert ~a == NotFlag("loop_open")
    assert any_channel("used", a) == AnyChannel("used", a)
    assert channel == Channel()


def test_a_product_of_two_signals_is_refused() -> None:
    with pytest.raises(TypeError, match="derived signal"):
        watts * signal.current_a
    with pytest.raises(TypeError, match="derived signal"):
        channel * watts


def test_a_tree_has_no_truth_value() -> None:
    trees = [watts, watts + 1.0, channel, flag.loop_open, watts > 1.0, ~flag.loop_open]
    for tree in trees:
        with pytest.raises(TypeError, match="no truth value"):
            bool(tree)


def test_names_in_a_tree() -> None:
    tree = (
        (signal.power_w + limit.under_c * signal.current_a > limit.z_high_ohm)
        & (flag.loop_open | ~flag.stage_fault)
        & (signal.flow_ml_min >= 2.0)
    )
    assert names_in(tree) == (
        {"power_w", "current_a", "loop_open", "stage_fault", "flow_ml_min"},
        {"under_c", "z_high_ohm"},
        False,
    )
    assert names_in(any_channel("used", channel > limit.over_temp_c)) == (set(), {"over_temp_c"}, True)
    assert names_in(channel > 1.0) == (set(), set(), True)
    assert names_in(any_channel("used", flag.loop_open)) == ({"loop_open"}, set(), True)


# --- code -----------------------------------------------------------------------------------------------------------

EDGES: list[tuple[str, Callable[[Term, Term], Condition], str, str, str]] = [
    # operator; less, equal, more
    (">", lambda a, b: a > b, "fine", "fine", "violated"),
    ("<", lambda a, b: a < b, "violated", "fine", "fine"),
    (">=", lambda a, b: a >= b, "fine", "violated", "violated"),
    ("<=", lambda a, b: a <= b, "violated", "violated", "fine"),
]


@pytest.mark.parametrize(("op", "make", "less", "equal", "more"), EDGES, ids=[edge[0] for edge in EDGES])
def test_a_comparison_at_its_bound(
    op: str, make: Callable[[Term, Term], Condition], less: str, equal: str, more: str
) -> None:
    low, high = math.nextafter(5.0, 0.0), math.nextafter(5.0, 6.0)
    for bound in (limit.under_c, signal.voltage_v, Const(5.0)):
        condition = make(watts, bound)
        for power_w, outcome in ((low, less), (5.0, equal), (high, more)):
            assert judged(condition, FINE._replace(power_w=power_w, voltage_v=5.0)) == outcome
    turned = make(limit.under_c, watts)
    for power_w, outcome in ((low, more), (5.0, equal), (high, less)):
        assert judged(turned, FINE._replace(power_w=power_w)) == outcome


@pytest.mark.parametrize("op", ["<", ">", "<=", ">="])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_violates_on_either_side(op: Any, odd: float) -> None:
    for condition in (Compare(op, watts, Limit("under_c")), Compare(op, Limit("under_c"), watts)):
        assert judged(condition, FINE._replace(power_w=odd)) == "violated"
    both = Compare(op, watts, Signal("voltage_v"))
    assert judged(both, FINE._replace(power_w=odd)) == "violated"
    assert judged(both, FINE._replace(voltage_v=odd)) == "violated"
    assert judged(Compare(op, watts, Limit("z_high_ohm")), FINE._replace(power_w=odd)) == "violated"


def test_the_largest_numbers_are_numbers() -> None:
    assert judged(watts < 5.0, FINE._replace(power_w=LARGEST)) == "fine"
    assert judged(watts > 5.0, FINE._replace(power_w=-LARGEST)) == "fine"


def test_sums_multiples_and_negatives_are_reckoned() -> None:
    condition = signal.power_w - signal.voltage_v * 2.0 > limit.under_c * Const(3.0) + 1.0
    assert judged(condition, FINE._replace(power_w=36.0, voltage_v=10.0)) == "fine"
    assert judged(condition, FINE._replace(power_w=36.1, voltage_v=10.0)) == "violated"
    assert judged(condition, FINE._replace(power_w=36.1, voltage_v=-10.0)) == "violated"
    assert "16.0" in compile_rows([(0, condition)], LIMITS, CHANNELS)[2]  # what holds no signal is one literal
    for mixed in (watts + 2.0 > limit.under_c, Sum(Const(2.0), watts) > limit.under_c):
        assert judged(mixed, FINE._replace(power_w=3.0)) == "fine"
        assert judged(mixed, FINE._replace(power_w=3.1)) == "violated"
    scaled = limit.flow_share * signal.voltage_v > 8.0
    assert judged(scaled, FINE._replace(voltage_v=10.0)) == "fine"
    assert judged(scaled, FINE._replace(voltage_v=10.1)) == "violated"


def test_flags_and_their_combinations() -> None:
    def both(loop_open: bool, stage_fault: bool) -> Signals:
        return FINE._replace(loop_open=loop_open, stage_fault=stage_fault)

    a, b = flag.loop_open, flag.stage_fault
    for x in (False, True):
        for y in (False, True):
            said = {
                a: x, ~a: not x, a & b: x and y, a | b: x or y, a & ~b: x and not y,
                (a | b) & a: x, a | (b & a): x, (a & b) | b: y,
            }  # fmt: skip
            for condition, violated in said.items():
                assert judged(condition, both(x, y)) == ("violated" if violated else "fine"), condition


@pytest.mark.parametrize(
    ("group", "members"), [("used", (0, 1, 2)), ("electrodes", (0, 1)), ("sentinel", (2,))], ids=str
)
def test_any_channel_looks_at_its_group_alone(group: Any, members: tuple[int, ...]) -> None:
    condition = any_channel(group, channel > limit.over_temp_c)
    assert judged(condition, FINE) == "fine"
    for place in range(3):
        for hot in (96.0, math.nan):
            readings = tuple(hot if n == place else 37.0 for n in range(3))
            found = judged(condition, FINE._replace(temperature_c=readings))
            assert found == ("violated" if place in members else "fine")
    assert judged(any_channel("sentinel", channel > 1.0), FINE, Channels((0, 1), ())) == "fine"


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no such group of thermocouples: 'tips'"):
        compile_rows([(0, any_channel("tips", channel > 1.0))], LIMITS, CHANNELS)  # type: ignore[arg-type]


def test_a_channel_and_a_signal_in_one_comparison() -> None:
    condition = any_channel("electrodes", channel + Const(10.0) * signal.power_w > limit.over_temp_c)
    assert judged(condition, FINE._replace(temperature_c=(37.0, 85.0, 99.0))) == "fine"
    assert judged(condition, FINE._replace(temperature_c=(37.0, 85.1, 37.0))) == "violated"


def test_what_is_absent_holds_the_row_whatever_else_it_says() -> None:
    condition = (signal.impedance_ohm > limit.z_high_ohm) | flag.loop_open | (signal.least_ohm < 1.0)
    assert absent_names(condition) == ("impedance_ohm", "least_ohm")
    here = FINE._replace(impedance_ohm=100.0, least_ohm=100.0)
    assert judged(condition, here) == "fine"
    assert judged(condition, here._replace(loop_open=True)) == "violated"
    assert judged(condition, here._replace(loop_open=True, impedance_ohm=None)) == "held"
    assert judged(condition, here._replace(least_ohm=None)) == "held"
    assert judged(condition, FINE) == "held"


def test_no_rows_are_no_trouble() -> None:
    all_well, judge, source = compile_rows([], LIMITS, CHANNELS)
    assert all_well(FINE)
    assert judge(FINE) == (0, 0)
    assert "temperature_c" not in source


def test_each_row_has_its_own_bit() -> None:
    rows = [(0, flag.loop_open), (2, signal.impedance_ohm > 800.0), (5, any_channel("used", channel > 95.0))]
    all_well, judge, source = compile_rows(rows, LIMITS, CHANNELS)
    assert "__" not in source
    held = FINE._replace(loop_open=True, temperature_c=(37.0, 37.0, 96.0))
    assert judge(held) == (0b100001, 0b100)
    assert judge(held._replace(impedance_ohm=900.0)) == (0b100101, 0)
    assert judge(FINE._replace(impedance_ohm=100.0)) == (0, 0)
    assert all_well(FINE)
    assert not all_well(held)


def test_a_signal_or_limit_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no such signal: a_c, b_c"):
        compile_rows([(0, (signal.b_c > 1.0) | (signal.a_c > 1.0))], LIMITS, CHANNELS)
    with pytest.raises(KeyError, match="unheard_of"):
        compile_rows([(0, watts > limit.unheard_of)], LIMITS, CHANNELS)


class Odd(Term, Condition):  # type: ignore[misc]
    """Neither a term nor a condition that is known."""


def test_what_the_language_does_not_have_is_refused() -> None:
    for wrong in (Odd(), Compare(">", Odd(), Const(1.0)), Compare(">", Sum(watts, Odd()), watts)):
        with pytest.raises(TypeError, match="not a"):
            compile_rows([(0, wrong)], LIMITS, CHANNELS)
    with pytest.raises(TypeError, match="not a term"):
        sentence(Compare(">", Odd(), watts), LIMITS, UNITS)
    with pytest.raises(TypeError, match="not a condition"):
        sentence("power", LIMITS, UNITS)  # type: ignore[arg-type]


# --- words ----------------------------------------------------------------------------------------------------------


def test_a_condition_in_words() -> None:
    words: list[tuple[Condition | Term, str]] = [
        (flag.loop_open, "loop open"),
        (~flag.stage_fault, "not stage fault"),
        (watts > limit.under_c, "power_w > 5 C"),
        (watts >= limit.flow_share, "power_w >= 0.8"),
        (watts < Const(2.5), "power_w < 2.5"),
        (Const(2.0) <= watts, "2 <= power_w"),
        (watts - limit.z_high_ohm > 1.0, "power_w - 800 ohm > 1"),
        (watts + signal.voltage_v > 1.0, "power_w + voltage_v > 1"),
        (watts * limit.flow_share > 1.0, "0.8 x power_w > 1"),
        (Scaled(Const(-1.0), watts) > 1.0, "-power_w > 1"),
        (flag.loop_open & flag.stage_fault, "loop open and stage fault"),
        (flag.loop_open | flag.stage_fault, "loop open or stage fault"),
        ((flag.loop_open | flag.stage_fault) & flag.estop_pressed, "(loop open or stage fault) and estop pressed"),
        (flag.estop_pressed & (flag.loop_open | flag.stage_fault), "estop pressed and (loop open or stage fault)"),
        (any_channel("used", channel > limit.over_temp_c), "a thermocouple: reading > 95 C"),
        (any_channel("electrodes", channel < 1.0), "an electrode thermocouple: reading < 1"),
        (any_channel("sentinel", (channel > 2.0) | (channel < 1.0)), "a sentinel: (reading > 2 or reading < 1)"),
        (watts, "power_w"),
    ]
    for tree, said in words:
        assert sentence(tree, LIMITS, UNITS) == said


def test_a_limit_without_a_unit_is_a_bare_number() -> None:
    assert sentence(watts > limit.under_c, LIMITS, {}) == "power_w > 5"
    assert sentence(watts > limit.under_c, LIMITS, {"under_c": ""}) == "power_w > 5"


def test_every_row_can_be_told() -> None:
    from rfgen.safety.catalogue import ROWS  # made by the language: without it, the other tests still say what is wrong

    units = dict.fromkeys((name for row in ROWS for name in names_in(row.condition)[1]), "u")
    limits = dict.fromkeys(units, 1.0)
    assert all(sentence(row.condition, limits, units) for row in ROWS)
