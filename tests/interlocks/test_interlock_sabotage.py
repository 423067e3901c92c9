"""The properties can fail: each of these broken rows and broken supervisors is found by one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.expr import Both, Compare, Const, Either, any_channel, channel, flag, limit, signal
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.signals import Signals
from rfgen.safety.supervisor import Supervisor, _Armed
from tests.interlocks import checks
from tests.interlocks.edges import CHANNELS
from tests.interlocks.figures import FIGURES, figure_of


def row_of(row_id: str) -> Row:
    """A row as it is."""
    return next(row for row in ROWS if row.id == row_id)


def found_by(supervisor: Supervisor, row_ids: list[str]) -> set[str]:
    """Names of the checks that fail for these rows; the rows' own trees are those of the catalogue."""
    found = set()
    for check in checks.CHECKS:
        for row_id in row_ids:
            for seed in range(3):
                try:
                    check(supervisor, row_of(row_id), FIGURES[row_id], seed)
                except AssertionError:
                    found.add(check.__name__)
    return found


def stricter(row: Row, op: str) -> Row:
    """The same comparison with another operator."""
    condition = row.condition
    assert isinstance(condition, Compare)
    return replace(row, condition=Compare(op, condition.left, condition.right))  # type: ignore[arg-type]


def either(row: Row) -> Row:
    """`or` for `and`."""
    condition = row.condition
    assert isinstance(condition, Both)
    return replace(row, condition=Either(condition.left, condition.right))


BROKEN_ROWS: list[tuple[str, str, Callable[[Row], Row], str]] = [
    ("one microsecond too long", "Z_HIGH", lambda r: replace(r, persist_us=100_001), "check_persistence"),
    ("one microsecond too short", "Z_HIGH", lambda r: replace(r, persist_us=99_999), "check_to_the_microsecond"),
    ("not armed in HOLD", "OVERSHOOT", lambda r: replace(r, armed=r.armed - {State.HOLD}), "check_edges"),
    ("armed in IDLE too", "RIG_TRIP", lambda r: replace(r, armed=r.armed | {State.IDLE}), "check_unarmed"),
    ("at the limit is above it", "OVERSHOOT", lambda r: stricter(r, ">="), "check_edges"),
    ("the other way round", "Z_LOW", lambda r: stricter(r, ">"), "check_edges"),
    ("or for and", "HEATING_STALL", either, "check_edges"),
    ("a bound one float off", "COOLANT_TEMP",
     lambda r: replace(r, condition=signal.coolant_c > Const(math.nextafter(35.0, 36.0))), "check_edges"),
    ("sentinel for electrode", "OVER_TEMP",
     lambda r: replace(r, condition=any_channel("sentinel", channel > limit.over_temp_c)), "check_edges"),
    ("the reported fault left out", "TC_INVALID",
     lambda r: replace(r, condition=any_channel("used", (channel > 150.0) | (channel < 0.0))), "check_edges"),
    ("another flag", "LOOP_OPEN", lambda r: replace(r, condition=flag.estop_pressed), "check_edges"),
    ("gone at once", "ESTOP", lambda r: replace(r, clears=Clears.ACKNOWLEDGE), "check_clears"),
    ("never gone", "ENERGY_LIMIT", lambda r: replace(r, clears=Clears.RELINK), "check_clears"),
]  # fmt: skip


@pytest.mark.parametrize(("row_id", "broken", "check"), [b[1:] for b in BROKEN_ROWS], ids=[b[0] for b in BROKEN_ROWS])
def test_a_broken_row_is_found(row_id: str, broken: Callable[[Row], Row], check: str) -> None:
    rows = tuple(broken(row) if row.id == row_id else row for row in ROWS)
    assert check in found_by(checks.supervisor_of(rows), [row_id])


class NanIsFine(Supervisor):
    """Reads a value that is no number as a harmless one."""

    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        harmless = [37.0 if isinstance(value, float) and not math.isfinite(value) else value for value in signals[1:]]
        readings = tuple(c if math.isfinite(c) else 37.0 for c in signals.temperature_c)
        return super().evaluate(state, Signals(readings, *harmless), now_us)  # type: ignore[arg-type]


class FirstAlone(Supervisor):
    """Stops at the first row that trips."""

    def _latch(self, tripped: int, now_us: int) -> int:
        return super()._latch(tripped & -tripped, now_us)


class GoesOn(Supervisor):
    """A good sample does not start the count again."""

    def _count(self, here: _Armed, signals: Signals, now_us: int) -> tuple[int, int]:
        before = dict(self._since_us)
        found = super()._count(here, signals, now_us)
        self._since_us = {**before, **self._since_us}
        return found


class HeldClears(Supervisor):
    """What is not measured starts the count again."""

    def _count(self, here: _Armed, signals: Signals, now_us: int) -> tuple[int, int]:
        found = super()._count(here, signals, now_us)
        self._since_us = {bit: us for bit, us in self._since_us.items() if found[0] >> bit & 1}
        return found


class HeldCounts(Supervisor):
    """What is not measured counts on."""

    def _count(self, here: _Armed, signals: Signals, now_us: int) -> tuple[int, int]:
        before = dict(self._since_us)
        found = super()._count(here, signals, now_us)
        self._since_us = {bit: min(us, before.get(bit, us)) for bit, us in self._since_us.items()}
        return found


class Remembers(Supervisor):
    """A count survives a state in which the row is not armed."""

    def _enter(self, state: State) -> None:
        self._state = state


class ClearedOnRecovery(Supervisor):
    """A cause is gone with the first good sample."""

    def not_gone(self) -> tuple[str, ...]:
        last = self._last_true_us
        return tuple(i for i in super().not_gone() if last.get(self.bit(i), self._last_us) >= self._last_us)


class BlindWhileMissed(Supervisor):
    """A tick without a sample is nobody's business."""

    def missed(self, state: State, signals: Signals) -> tuple[int, int]:
        return 0, 0


BROKEN_SUPERVISORS = [
    (NanIsFine, ["OVER_TEMP"], "check_no_number"),
    (FirstAlone, ["TREATMENT_TIMEOUT"], "check_persistence"),
    (GoesOn, ["OVER_TEMP"], "check_persistence"),
    (HeldClears, ["Z_HIGH"], "check_stream"),
    (HeldCounts, ["Z_HIGH"], "check_stream"),
    (Remembers, ["FLOW_LOW"], "check_unarmed"),
    (ClearedOnRecovery, ["ESTOP"], "check_clears"),
    (BlindWhileMissed, ["LINK_LOST"], "check_line"),
]


@pytest.mark.parametrize(("kind", "row_ids", "check"), BROKEN_SUPERVISORS, ids=lambda x: getattr(x, "__name__", None))
def test_a_broken_supervisor_is_found(kind: type[Supervisor], row_ids: list[str], check: str) -> None:
    under_test = kind(resolve_limits(), CHANNELS, frozenset(Needs))

    def copied(memo: dict[int, object]) -> Supervisor:
        twin = Supervisor.__deepcopy__(under_test, memo)
        twin.__class__ = kind
        return twin

    under_test.__deepcopy__ = copied  # type: ignore[method-assign]
    assert check in found_by(under_test, row_ids)


def test_a_new_row_without_its_figures_fails_by_its_name() -> None:
    new = replace(ROWS[0], id="BRAND_NEW")
    with pytest.raises(AssertionError, match="add BRAND_NEW to FIGURES"):
        figure_of(new.id)


def test_a_figure_that_is_not_the_rows_fails_by_its_name() -> None:
    wrong = [
        replace(row_of("FLOW_LOW"), persist_us=400_000),
        replace(row_of("FLOW_LOW"), armed=frozenset({State.HOLD})),
        replace(row_of("FLOW_LOW"), clears=Clears.READING),
        replace(row_of("FLOW_LOW"), needs=Needs.NOTHING),
        replace(row_of("FLOW_LOW"), condition=signal.flow_ml_min < 1.0),
    ]
    for row in wrong:
        with pytest.raises(AssertionError, match="FLOW_LOW"):
            checks.check_figures(row, figure_of("FLOW_LOW"))
