"""What the proofs are made of stands for the real thing: terms, constants, the rule of counting, rounding."""

from __future__ import annotations

import math
import typing
from fractions import Fraction
from typing import Any

import z3  # type: ignore[import-untyped, unused-ignore]
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.prove_count import Count, Verdict, step
from evidence.prove_order import FACTOR, LARGE
from evidence.prove_reals import OverReals
from evidence.prove_solver import Claim, over_reals, solve
from evidence.terms import DOUBLE, Conditions, Inputs, Layout, double
from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels, compile_rows
from rfgen.safety.expr import Limit, Scaled, Term, flag, names_in, signal
from rfgen.safety.limits import LIMITS, resolve_limits
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.signals import MAY_BE_ABSENT, NOTHING_KNOWN, Signals
from rfgen.safety.supervisor import Supervisor

ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -1.7976931348623157e308, 1.7976931348623157e308]
NEAR = sorted(spec.default for spec in LIMITS.values())
VALUES = st.one_of(st.sampled_from(ODD), st.sampled_from(NEAR), st.floats(-200.0, 2000.0))
ANY = st.floats(allow_nan=True, allow_infinity=True)
CHANNELS = Channels((0, 2), (1,))
LIMITS_IN_FORCE = resolve_limits()
JUDGES = [compile_rows([(0, row.condition)], LIMITS_IN_FORCE, CHANNELS)[1] for row in ROWS]
INPUTS = Inputs()
LAYOUT = Layout(CHANNELS.electrodes, CHANNELS.sentinel)
TERMS = Conditions(INPUTS, {name: double(value) for name, value in LIMITS_IN_FORCE.items()}, LAYOUT)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), place=st.integers(0, len(ROWS) - 1))
def test_a_term_means_what_the_compiled_row_does(data: st.DataObject, place: int) -> None:
    row = ROWS[place]
    names, _, channels = names_in(row.condition)
    values: dict[str, Any] = {}
    pairs = []
    for name in sorted(names):
        boolean = z3.is_bool(INPUTS.value[name])
        value = data.draw(st.booleans() if boolean else VALUES, name)
        pairs.append((INPUTS.value[name], z3.BoolVal(value) if boolean else double(float(value))))
        absent = name in MAY_BE_ABSENT and data.draw(st.integers(0, 3)) == 0
        if name in MAY_BE_ABSENT:
            pairs.append((INPUTS.absent[name], z3.BoolVal(absent)))
        values[name] = None if absent else value
    readings = tuple(data.draw(st.lists(VALUES, min_size=3, max_size=3))) if channels else (37.0, 37.0, 37.0)
    pairs += [(tc, double(value)) for tc, value in zip(INPUTS.tc, (*readings, *[0.0] * 5), strict=True)]
    signals = NOTHING_KNOWN._replace(temperature_c=readings, **values)
    fires, held = (
        z3.is_true(z3.simplify(z3.substitute(term(row.condition), *pairs))) for term in (TERMS.fires, TERMS.held)
    )
    assert JUDGES[place](signals) == (int(fires), int(held))


def test_a_signal_may_be_absent_when_and_only_when_its_type_says_so() -> None:
    hints = typing.get_type_hints(Signals)
    assert {name for name, kind in hints.items() if type(None) in typing.get_args(kind)} == MAY_BE_ABSENT


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_constant_is_the_same_number_over_the_reals(value: float) -> None:
    assert Fraction(str(OverReals().number(double(value)).real)) == Fraction(value)


@settings(deadline=None, max_examples=30)
@given(a=ANY, b=ANY)
def test_doubles_compare_over_the_reals_as_python_compares_them(a: float, b: float) -> None:
    """Proved where it is so, and not proved where it is not."""
    for compare, says in ((z3.fpLEQ, a <= b), (z3.fpLT, a < b), (z3.fpGEQ, a >= b), (z3.fpGT, a > b)):
        x, y = z3.FP("x", DOUBLE), z3.FP("y", DOUBLE)
        term = compare(double(a), double(b)) if says else z3.Not(compare(double(a), double(b)))
        assert over_reals(Claim("", "", term))
        assert not over_reals(Claim("", "", z3.Not(term)))
        assert not over_reals(Claim("", "", compare(x, y)))


def test_the_reals_refute_nothing_and_leave_it_to_the_bits() -> None:
    """No double lies between 1 and the next: true of doubles, not of reals."""
    x = z3.FP("x", DOUBLE)
    between = z3.And(z3.fpLT(double(1.0), x), z3.fpLT(x, double(math.nextafter(1.0, 2.0))))
    claim = Claim("", "nothing lies between", z3.Not(between))
    assert not over_reals(claim)
    assert solve(claim).proved


@given(factor=st.floats(0.0, 1e6, exclude_min=True), x=ANY, y=ANY, z=st.floats(-1e300, 1e300))
def test_doubles_keep_to_the_laws_of_rounding(factor: float, x: float, y: float, z: float) -> None:
    if abs(x) <= 1e300 and abs(y) <= 1e300:
        low, high = min(x, y), max(x, y)
        assert factor * low <= factor * high
        assert abs(factor * x) <= 1e300 * 1e6
        assert low + z <= high + z
    elif not math.isfinite(x):
        assert not math.isfinite(factor * x)
        assert not math.isfinite(x + z)


def factors(node: object) -> set[str]:
    """Limits that something is multiplied by."""
    found = {node.by.name} if isinstance(node, Scaled) and isinstance(node.by, Limit) else set()
    parts = [getattr(node, name) for name in getattr(type(node), "__slots__", ())]
    return found.union(*(factors(part) for part in parts if not isinstance(part, str)))


def test_what_multiplies_is_above_zero_and_at_most_a_million() -> None:
    assert (LARGE, FACTOR) == (1e300, 1e6)
    used = set[str]().union(*(factors(row.condition) for row in ROWS))
    assert {"stall_share", "flow_share", "deviation_share"} <= used
    for name in used:
        assert 0.0 < LIMITS[name].hard_min <= LIMITS[name].hard_max <= 1e6, name


def test_every_persistence_is_a_whole_number_of_microseconds_and_none_is_negative() -> None:
    for row in ROWS:
        assert isinstance(row.persist_us, int), row.id
        assert row.persist_us >= 0, row.id


# --- the rule of counting against the real supervisor ---------------------------------------------------------------

RUN = frozenset({State.IMPEDANCE_CHECK, State.RAMP, State.HOLD})
COUNTED = (
    Row("A", "", flag.loop_open, frozenset(State), Clears.READING, "", 50_000),
    Row("B", "", signal.impedance_ohm > 800.0, RUN, Clears.ACKNOWLEDGE, "", 100_000),
    Row("C", "", flag.estop_pressed, frozenset({State.HOLD, State.CUTOFF}), Clears.RELINK, ""),
    Row("D", "", signal.check_s > 5.0, frozenset({State.RAMP}), Clears.ACKNOWLEDGE, "", 33_333),
)
VERDICTS = st.tuples(*[st.sampled_from(list(Verdict))] * 4)
TICKS = st.tuples(
    st.sampled_from([State.RAMP] * 4 + list(State)),
    st.one_of(st.just((Verdict.TRUE,) * 4), VERDICTS),
    st.sampled_from([20_000, 20_000, 1_000, 7_001]),
    st.sampled_from(["sample"] * 12 + ["missed", "missed", "relinked", "acknowledged"]),
)


def told(verdicts: tuple[Verdict, ...]) -> Signals:
    a, b, c, d = verdicts
    return NOTHING_KNOWN._replace(
        temperature_c=(37.0,),
        loop_open=a is Verdict.TRUE,
        impedance_ohm={Verdict.TRUE: 900.0, Verdict.HELD: None, Verdict.FINE: 100.0}[b],
        estop_pressed=c is Verdict.TRUE,
        check_s={Verdict.TRUE: math.nan, Verdict.HELD: None, Verdict.FINE: 1.0}[d],
    )


def whole_of(term: z3.ArithRef) -> int:
    return int(z3.simplify(term).as_long())


@settings(deadline=None, max_examples=25)
@given(ticks=st.lists(TICKS, min_size=5, max_size=40))
def test_the_rule_of_counting_is_what_the_supervisor_does(ticks: list[tuple[State, Any, int, str]]) -> None:
    supervisor = Supervisor(LIMITS_IN_FORCE, Channels((0,), ()), frozenset(Needs), COUNTED)
    counts = [(False, 0)] * 4
    latched, now_us, last_us, new_clock = 0, 0, 0, True
    for state, verdicts, dt_us, kind in ticks:
        now_us += dt_us
        counts = [c if state in row.armed else (False, 0) for c, row in zip(counts, COUNTED, strict=True)]
        if kind == "missed":
            assert supervisor.missed(state, NOTHING_KNOWN) == (0, 0)
            continue
        if kind == "relinked":
            supervisor.relinked()
            new_clock = True
        if kind == "acknowledged":
            supervisor.acknowledge()
            counts, latched = [(False, 0)] * 4, 0
        trips = 0
        for n, (row, verdict) in enumerate(zip(COUNTED, verdicts, strict=True)):
            # a flag is never absent
            said = Verdict.FINE if verdict is Verdict.HELD and n in (0, 2) else verdict
            before = Count(z3.BoolVal(counts[n][0]), z3.IntVal(counts[n][1]))
            after, due = step(
                before, said, state in row.armed, new_clock, z3.IntVal(now_us - last_us), z3.IntVal(row.persist_us)
            )
            counts[n] = (z3.is_true(z3.simplify(after.running)), whole_of(after.elapsed))
            trips |= z3.is_true(z3.simplify(due)) << n
        _, tripped = supervisor.evaluate(state, told(verdicts), now_us)
        assert tripped == trips & ~latched
        latched |= trips
        assert supervisor.latched == latched
        last_us, new_clock = now_us, False


def test_terms_are_terms() -> None:
    """The walk over a tree above reaches the parts that it looks for."""
    assert isinstance(limit_times(), Term)
    assert factors(limit_times() > 1.0) == {"flow_share"}


def limit_times() -> Term:
    return Limit("flow_share") * signal.flow_due_ml_min
