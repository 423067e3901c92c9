"""Runs the catalogue's rows: persistence, trips, and when a cause is gone.

Every armed row is evaluated on every tick with a sample; none is skipped because another tripped. What it
cannot do is permit anything: it only says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rfgen.records import State
from rfgen.safety.catalogue import ROWS, applicable
from rfgen.safety.compile import AllWell, Channels, Judge, compile_rows
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.signals import Signals

CLEAR_AFTER_US = 1_000_000
"""A reading must have been good on every valid sample for this long before its cause counts as gone."""


CUTOFF: Final = State.CUTOFF


def _bits(mask: int) -> list[int]:
    """The places of a mask's ones, the least first."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


class _Armed:
    """The rows of one state, compiled."""

    __slots__ = ("all_well", "armed", "judge", "source")

    def __init__(
        self, rows: list[tuple[int, Row]], armed: int, limits: Mapping[str, float], channels: Channels
    ) -> None:
        self.armed = armed
        self.all_well: AllWell
        self.judge: Judge
        self.all_well, self.judge, self.source = compile_rows(
            [(bit, row.condition) for bit, row in rows], limits, channels
        )


class Supervisor:
    """The interlocks in force for one treatment. Bits in every mask are places in `rows`.

    Raises KeyError for a limit that a row reads and `limits` does not hold.
    """

    def __init__(
        self,
        limits: Mapping[str, float],
        channels: Channels,
        features: frozenset[Needs],
        rows: Sequence[Row] = ROWS,
    ) -> None:
        self.rows = tuple(rows)
        self.limits = dict(limits)
        self.applicable = applicable(rows, features)
        present = [(bit, row) for bit, row in enumerate(rows) if row.id in self.applicable and not row.refuses]
        self._by_state: list[_Armed] = []
        for state in State:
            armed = sum(1 << bit for bit, row in present if state in row.armed)
            seen = [
                (bit, row)
                for bit, row in present
                # in CUTOFF a row that clears by reading is read even where it is not armed
                if state in row.armed or (state is State.CUTOFF and row.clears is Clears.READING)
            ]
            self._by_state.append(_Armed(seen, armed, limits, channels))  # in the order of `State`, which counts from 0
        line = [(bit, row) for bit, row in present if row.on_the_line]
        # in a tick without a sample no row is held and none persists: which are violated is all that is asked
        self._line = {
            state: compile_rows([(bit, row.condition) for bit, row in line if state in row.armed], limits, channels)[1]
            for state in State
        }
        self._persist_us = tuple(row.persist_us for row in rows)
        self._by_reading = sum(1 << bit for bit, row in present if row.clears is Clears.READING)
        self._by_relink = sum(1 << bit for bit, row in present if row.clears is Clears.RELINK)
        self._state: State | None = None  # of the last tick
        self._since_us: dict[int, int] = {}
        self._last_true_us: dict[int, int] = {}
        self._last_us = 0
        self._relinked = False
        self._new_clock = True
        self.latched = 0
        """Rows that have tripped and have not been acknowledged."""

    def __deepcopy__(self, memo: dict[int, object]) -> Supervisor:
        twin = object.__new__(Supervisor)
        twin.__dict__.update(self.__dict__)  # the compiled rows are fixed and shared
        twin.limits = dict(self.limits)  # what writes over them in one must not in the other
        twin._since_us = dict(self._since_us)
        twin._last_true_us = dict(self._last_true_us)
        return twin

    def bit(self, row_id: str) -> int:
        """A row's place in the masks."""
        return next(bit for bit, row in enumerate(self.rows) if row.id == row_id)

    def row(self, row_id: str) -> Row:
        """A row by its id."""
        return self.rows[self.bit(row_id)]

    def source(self, state: State) -> str:
        """The code that a state's rows were compiled to."""
        return self._by_state[state].source

    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        """A tick with a sample: (mask of armed rows that read true, mask of rows that trip in this tick)."""
        if state is not self._state:
            self._enter(state)
        here = self._by_state[state]
        if not self._since_us and state is not CUTOFF and here.all_well(signals):
            self._last_us = now_us
            self._new_clock = False
            return 0, 0
        return self._count(here, signals, now_us)

    def _count(self, here: _Armed, signals: Signals, now_us: int) -> tuple[int, int]:
        """The tick in full: something is true, or counting, or waits to be clear."""
        violated, held = here.judge(signals)
        passed_us = now_us - self._last_us
        self._last_us = now_us
        last_true = self._last_true_us
        if self._new_clock:
            # the rig's clock may have started again: what was counted on the old one starts again
            self._new_clock = False
            passed_us = 0
            self._since_us = dict.fromkeys(self._since_us, now_us)
            for bit in last_true:
                last_true[bit] = now_us
        for bit in last_true:
            if violated >> bit & 1:
                last_true[bit] = now_us
            elif held >> bit & 1:
                last_true[bit] += passed_us
        armed_true = violated & here.armed
        since = self._since_us
        for bit in [b for b in since if not armed_true >> b & 1]:
            if held >> bit & 1:
                since[bit] += passed_us
            else:
                del since[bit]
        tripped = 0
        for bit in _bits(armed_true):
            if now_us - since.setdefault(bit, now_us) >= self._persist_us[bit]:
                tripped |= 1 << bit
        return armed_true, self._latch(tripped, now_us)

    def missed(self, state: State, signals: Signals) -> tuple[int, int]:
        """A tick without a sample: only rows on the line are evaluated; all others go on as they were."""
        if state is not self._state:
            self._enter(state)
        violated, _ = self._line[state](signals)
        return violated, self._latch(violated, self._last_us)

    def trip(self, row_id: str) -> int:
        """Trip a row from outside the rows (the firmware's own exception). The mask of what is new."""
        return self._latch(1 << self.bit(row_id), self._last_us)

    def _latch(self, tripped: int, now_us: int) -> int:
        new = tripped & ~self.latched
        if tripped & self._by_relink:
            self._relinked = False
        if new:
            self.latched |= new
            for bit in _bits(new & self._by_reading):
                self._last_true_us[bit] = now_us
        return new

    def _enter(self, state: State) -> None:
        """Rows not armed in the new state forget what they counted."""
        self._state = state
        armed = self._by_state[state].armed
        self._since_us = {bit: us for bit, us in self._since_us.items() if armed >> bit & 1}

    def held_us(self, bit: int) -> int:
        """How long a row has been true, up to the last sample; 0 where it is not, and for a row on the line."""
        return self._last_us - self._since_us.get(bit, self._last_us)

    def relinked(self) -> None:
        """A new `open` succeeded."""
        self._relinked = True
        self._new_clock = True

    def not_gone(self) -> tuple[str, ...]:
        """Ids of the latched rows whose cause is not gone, as their `clears` says."""
        found = []
        for bit, row in enumerate(self.rows):
            if not self.latched >> bit & 1:
                continue
            if row.clears is Clears.READING:
                gone = not self._new_clock and self._last_us - self._last_true_us[bit] >= CLEAR_AFTER_US
            elif row.clears is Clears.RELINK:
                gone = self._relinked
            else:
                gone = True
            if not gone:
                found.append(row.id)
        return tuple(found)

    def acknowledge(self) -> None:
        """Unlatch. The caller has made sure that nothing is left of `not_gone`."""
        self.latched = 0
        self._last_true_us.clear()
        self._since_us.clear()
