"""For each row and each armed state, through the supervisor: what the catalogue says of when it trips and when not.

The tests are made from the rows: a new row is tested by all of this, and fails by its name until its figures stand in
`figures.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.limits import LIMITS, resolve_limits
from rfgen.safety.row import Needs, Row
from rfgen.safety.signals import MAY_BE_ABSENT, Signals
from rfgen.safety.supervisor import Supervisor
from tests.interlocks import checks
from tests.interlocks.edges import CALM, CHANNELS, absent_signals, edge_at, merged, wanted
from tests.interlocks.figures import FIGURES, Figure, figure_of

SEEDS = st.integers(0, 2**32)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
Check = Callable[[Supervisor, Row, Figure, int], None]


def test_every_row_stands_in_the_catalogues_order() -> None:
    built = [row.id for row in ROWS]
    assert built == [row_id for row_id in FIGURES if row_id in built]


@each_row
def test_a_row_has_the_catalogues_figures(row: Row) -> None:
    checks.check_figures(row, figure_of(row.id))


@each_row
@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_a_row_in_every_state_over_any_background(row: Row, check: Check) -> None:
    figure = figure_of(row.id)
    supervisor = checks.supervisor_of(ROWS)

    @settings(deadline=None, max_examples=3)
    @given(seed=SEEDS)
    def holds(seed: int) -> None:
        check(supervisor, row, figure, seed)

    holds()


@each_row
def test_a_row_that_is_not_applicable_is_silent(row: Row) -> None:
    figure = figure_of(row.id)

    @settings(deadline=None, max_examples=3)
    @given(seed=SEEDS)
    def holds(seed: int) -> None:
        checks.check_not_applicable(ROWS, row, figure, seed)

    holds()


@settings(deadline=None, max_examples=5)
@given(data=st.data())
def test_every_edge_is_where_the_limits_in_force_put_it(data: st.DataObject) -> None:
    """Any limits within their hard ranges; the compiled rows against the tree evaluated as it is written."""
    drawn = {name: data.draw(st.floats(spec.hard_min, spec.hard_max), name) for name, spec in LIMITS.items()}
    limits = resolve_limits(drawn)
    supervisor = Supervisor(limits, CHANNELS, frozenset(Needs))
    found = 0
    for row in ROWS:
        bit = supervisor.bit(row.id)
        for leaf, key in wanted(row):
            edge = edge_at(row, leaf, key, limits, tries=60)
            if edge is None or row.refuses:
                continue
            found += 1
            for state in row.armed:
                for value, wrong in ((edge.fine, False), (edge.wrong, True)):
                    signals = merged(CALM, {**edge.others, edge.key: value})
                    violated, _ = supervisor.evaluate(state, signals, 20_000)
                    assert bool(violated >> bit & 1) is wrong, f"{row.id}: {value!r} at {edge}"
    assert found >= 48, "an edge for each row, at the least"


def test_the_signals_that_may_be_absent_are_those_whose_type_says_so() -> None:
    assert absent_signals() == MAY_BE_ABSENT
    assert set(get_type_hints(Signals)) == set(Signals._fields)


def test_when_all_is_well_no_row_reads_true() -> None:
    supervisor = checks.supervisor_of(ROWS)
    for state in State:
        assert supervisor.evaluate(state, CALM, 20_000) == (0, 0)
