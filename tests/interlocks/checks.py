"""What must hold of any row in any supervisor, as checks that raise AssertionError with the row's name.

They are functions, not tests, so that the tests can also run them on rows that were broken on purpose.
"""

from __future__ import annotations

import copy
import math
import random
from functools import lru_cache
from typing import Any

from rfgen.records import State
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs, Row
from rfgen.safety.signals import NOTHING_KNOWN, Signals
from rfgen.safety.supervisor import Supervisor
from tests.interlocks.edges import (
    CALM,
    CHANNELS,
    NO_NUMBER,
    absent_signals,
    background,
    edges,
    keys_of,
    leaves,
    merged,
    wanted,
)
from tests.interlocks.figures import Figure

LETTERS = {"I": State.IDLE, "C": State.IMPEDANCE_CHECK, "R": State.RAMP, "H": State.HOLD, "X": State.CUTOFF}
CLOCKS_US = {"50 Hz": (20_000,), "1 kHz": (1_000,), "7.003 ms": (7_003,), "irregular": (19_700, 20_400, 41_000, 333)}
"""Steps of the sample's time, in a circle. 7.003 ms divides no persistence of the catalogue."""
POOL = 5
MISSED = NOTHING_KNOWN._replace(missed_ticks=1)


@lru_cache(maxsize=64)
def supervisor_of(rows: tuple[Row, ...], features: frozenset[Needs] = frozenset(Needs)) -> Supervisor:
    """The rows at the default limits. Compiled once; a drive takes a copy."""
    return Supervisor(resolve_limits(), CHANNELS, features, rows)


def armed_of(figure: Figure) -> list[State]:
    """States in which the catalogue has it armed and it may trip."""
    return [] if figure.refuses else [LETTERS[letter] for letter in figure.armed]


class Drive:
    """A copy of a supervisor, one row of it under test, and a clock."""

    def __init__(self, supervisor: Supervisor, row: Row, rng: random.Random, clock: str = "50 Hz") -> None:
        self.under_test = copy.deepcopy(supervisor)
        self.row = row
        self.bit = self.under_test.bit(row.id)
        self.clock = clock
        self.now_us = rng.randrange(1, 10**10)
        self._steps = CLOCKS_US[clock]
        self._place = rng.randrange(4)

    @property
    def step_us(self) -> int:
        """From the last sample to the next."""
        return self._steps[self._place % len(self._steps)]

    def tick(self, state: State, signals: Signals, step_us: int | None = None) -> tuple[bool, bool]:
        """(reads true, trips now) for the row, one sample on."""
        self.now_us += self.step_us if step_us is None else step_us
        self._place += 1
        violated, tripped = self.under_test.evaluate(state, signals, self.now_us)
        return bool(violated >> self.bit & 1), bool(tripped >> self.bit & 1)

    def missed(self, state: State, signals: Signals) -> tuple[bool, bool]:
        """The same for a tick without a sample."""
        violated, tripped = self.under_test.missed(state, signals)
        return bool(violated >> self.bit & 1), bool(tripped >> self.bit & 1)

    def until_due(self, state: State, pool: Pool, figure: Figure) -> None:
        """Wrong from now on: reads true at once, and trips in the very sample in which the persistence has passed."""
        since_us: int | None = None
        while True:
            found = self.tick(state, pool.any_wrong())
            since_us = self.now_us if since_us is None else since_us
            due = self.now_us - since_us >= figure.persist_us
            assert found == (True, due), f"{self.where(state)}: {self.now_us - since_us} us: {found}, {pool.edge}"
            if due:
                return

    def where(self, state: State) -> str:
        """For a message."""
        return f"{self.row.id} in {state.name} at {self.clock}"


class Pool:
    """Signals on both sides of one of a row's edges, and held, over backgrounds in which anything may be wrong."""

    def __init__(self, row: Row, rng: random.Random) -> None:
        self._rng = rng
        edge = self.edge = rng.choice(edges(row))
        others = [background(rng) for _ in range(POOL)]
        self.calm = merged(CALM, {**edge.others, edge.key: edge.fine})
        """Fine for the row, and little else is wrong."""
        self.fine = [merged(s, {**edge.others, edge.key: edge.fine}) for s in others]
        wrong: list[Any] = [edge.wrong]
        if isinstance(edge.wrong, float):
            wrong += NO_NUMBER
        self.wrong = [merged(s, {**edge.others, edge.key: rng.choice(wrong)}) for s in others]
        self.wrong.append(merged(others[0], {**edge.others, edge.key: edge.wrong}))
        absent = sorted(may_be_absent(row))
        self.held = [
            merged(s, {**edge.others, edge.key: edge.wrong, rng.choice(absent): None}) for s in others if absent
        ]

    def any_fine(self) -> Signals:
        """Fine for the row."""
        return self._rng.choice(self.fine)

    def any_wrong(self) -> Signals:
        """Wrong for the row."""
        return self._rng.choice(self.wrong)

    def any_held(self) -> Signals:
        """Something that the row reads is absent; the rest is wrong."""
        return self._rng.choice(self.held)


def may_be_absent(row: Row) -> frozenset[str]:
    """Signals of a row that their type lets be absent."""
    read = {key for leaf in leaves(row.condition) for key in keys_of(leaf)}
    return frozenset(key for key in read if isinstance(key, str)) & absent_signals()


def check_figures(row: Row, figure: Figure) -> None:
    """Persistence, armed states, clears, needs, what its absence holds, and leaves that decide nothing."""
    assert row.persist_us == figure.persist_us, f"{row.id}: persists {row.persist_us} us, not {figure.persist_us}"
    assert row.armed == {LETTERS[letter] for letter in figure.armed}, f"{row.id}: armed in {row.armed}"
    assert row.clears.value == figure.clears, f"{row.id}: clears by {row.clears}"
    assert row.needs.value == figure.needs, f"{row.id}: needs {row.needs}"
    assert row.refuses is figure.refuses, f"{row.id}: refuses is {row.refuses}"
    assert may_be_absent(row) == figure.absent, f"{row.id}: may be absent: {sorted(may_be_absent(row))}"
    if row.on_the_line:
        assert row.persist_us == 0, f"{row.id}: a row on the line trips at once, so it can have no persistence"
    dead = len(wanted(row)) - len(edges(row))
    assert dead == figure.covered, f"{row.id}: {dead} comparisons decide nothing, {figure.covered} are expected to"


def check_edges(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """At every limit, one float up and one down, in every armed state: what the catalogue's text says."""
    rng = random.Random(seed)
    for edge in edges(row):
        values = [edge.fine, edge.wrong]
        if isinstance(edge.wrong, float):
            values.append(math.nextafter(edge.wrong, edge.wrong + (edge.wrong - edge.fine) * 4.0))
            values.append(math.nextafter(edge.fine, edge.fine + (edge.fine - edge.wrong) * 4.0))
        for state in armed_of(figure):
            drive = Drive(supervisor, row, rng)
            for value in values:
                signals = merged(background(rng), {**edge.others, edge.key: value})
                expected = figure.wrong(signals)
                found, _ = drive.tick(state, signals)
                assert found is expected, f"{drive.where(state)}: {edge.key}={value!r}, {edge}"
            # the text and the tree have their edge at the same two neighbours
            for value, expected in ((edge.fine, False), (edge.wrong, True)):
                signals = merged(background(rng), {**edge.others, edge.key: value})
                assert figure.wrong(signals) is expected, f"{row.id}: the text says otherwise at {value!r}, {edge}"


def check_anything(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """On anything at all it reads what the catalogue's text says, and nothing where what it reads is absent."""
    rng = random.Random(seed)
    for state in armed_of(figure):
        drive = Drive(supervisor, row, rng)
        for _ in range(12):
            signals = background(rng)
            held = any(getattr(signals, name) is None for name in figure.absent)
            found, _ = drive.tick(state, signals)
            assert found is (not held and figure.wrong(signals)), f"{drive.where(state)}: {signals}"


def check_persistence(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """Just less than the persistence does not trip; one good sample starts again; the persistence trips, in the very
    sample in which it has passed. In every armed state, by every clock."""
    rng = random.Random(seed)
    for state in armed_of(figure):
        for clock in CLOCKS_US:
            drive = Drive(supervisor, row, rng, clock)
            pool = Pool(row, rng)
            for _ in range(rng.randrange(1, 4)):
                assert drive.tick(state, pool.any_fine()) == (False, False), f"{drive.where(state)}: {pool.edge}"
            if figure.persist_us:
                assert drive.tick(state, pool.any_wrong()) == (True, False), f"{drive.where(state)}: {pool.edge}"
                since_us = drive.now_us
                while drive.now_us + drive.step_us - since_us < figure.persist_us:
                    assert drive.tick(state, pool.any_wrong()) == (True, False), f"{drive.where(state)}: {pool.edge}"
                assert drive.tick(state, pool.any_fine()) == (False, False), f"{drive.where(state)}: {pool.edge}"
            drive.until_due(state, pool, figure)
            assert drive.under_test.latched >> drive.bit & 1, f"{drive.where(state)}: tripped and not latched"


def check_to_the_microsecond(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """One microsecond less than the persistence does not trip, and the next one does."""
    rng = random.Random(seed)
    for state in armed_of(figure) if figure.persist_us else []:
        drive = Drive(supervisor, row, rng)
        pool = Pool(row, rng)
        assert drive.tick(state, pool.any_wrong()) == (True, False), drive.where(state)
        assert drive.tick(state, pool.any_wrong(), figure.persist_us - 1) == (True, False), drive.where(state)
        assert drive.tick(state, pool.any_wrong(), 1) == (True, True), drive.where(state)


def check_unarmed(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """Where it is not armed it reads nothing and counts nothing, and what it had counted is forgotten."""
    rng = random.Random(seed)
    armed = armed_of(figure)
    for state in State:
        if state in armed:
            continue
        drive = Drive(supervisor, row, rng)
        pool = Pool(row, rng)
        for _ in range(figure.persist_us // 20_000 + 3):
            assert drive.tick(state, pool.any_wrong()) == (False, False), drive.where(state)
            assert drive.missed(state, pool.any_wrong()) == (False, False), drive.where(state)
        for again in armed:
            for leave in (Drive.tick, Drive.missed):
                drive = Drive(supervisor, row, rng)
                for _ in range(figure.persist_us // 20_000):
                    assert drive.tick(again, pool.any_wrong()) == (True, False), drive.where(again)
                assert leave(drive, state, pool.any_wrong()) == (False, False), drive.where(state)
                drive.until_due(again, pool, figure)


def check_no_number(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """A value that is missing or not finite reads true, and trips as any other value would."""
    rng = random.Random(seed)
    for edge in edges(row):
        if not isinstance(edge.fine, float):
            continue
        every = {key: math.nan for key, value in edge.others.items() if isinstance(value, float)}
        for state in armed_of(figure):
            for value in NO_NUMBER:
                for more in ({}, every):
                    drive = Drive(supervisor, row, rng)
                    signals = merged(background(rng), {**edge.others, **more, edge.key: value})
                    expected = (True, figure.persist_us == 0)
                    assert drive.tick(state, signals) == expected, f"{drive.where(state)}: {value} at {edge}"


def check_stream(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """Wrong, fine, held and missed in any order, with any steps, in and out of armed states, against a count kept
    here: an interval counts where it ends in a wrong sample and no fine one came since the count began."""
    rng = random.Random(seed)
    armed = armed_of(figure)
    unarmed = [state for state in State if state not in armed]
    for _ in range(4 if armed else 0):
        drive = Drive(supervisor, row, rng)
        pool = Pool(row, rng)
        counted_us: int | None = None
        passed_us = 0
        state = rng.choice(armed)
        for _ in range(60):
            step_us = rng.randrange(1, max(2, figure.persist_us // 3))
            what = rng.choices(["wrong", "fine", "held", "missed", "move", "leave"], [14, 1, 4, 3, 2, 0.5])[0]
            if what == "move":
                state = rng.choice(armed)
            elif what == "leave":
                if unarmed:
                    found = drive.tick(rng.choice(unarmed), pool.any_wrong(), step_us)
                    assert found == (False, False), drive.where(state)
                    counted_us, passed_us = None, 0
            elif what == "missed":
                if not row.on_the_line:
                    assert drive.missed(state, MISSED) == (False, False), drive.where(state)
                    drive.now_us += step_us
                    passed_us += step_us
            elif what == "held":
                if pool.held:
                    assert drive.tick(state, pool.any_held(), step_us) == (False, False), drive.where(state)
                    passed_us = 0
            elif what == "fine":
                assert drive.tick(state, pool.any_fine(), step_us) == (False, False), drive.where(state)
                counted_us, passed_us = None, 0
            else:
                counted_us = 0 if counted_us is None else counted_us + passed_us + step_us
                passed_us = 0
                due = counted_us >= figure.persist_us
                found = drive.tick(state, pool.any_wrong(), step_us)
                assert found == (True, due), f"{drive.where(state)}: {counted_us} us counted: {found}, {pool.edge}"
                if due:
                    break


def check_line(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """In a tick without a sample a row on the line trips at once, where it is armed; any other row reads nothing."""
    rng = random.Random(seed)
    for edge in edges(row):
        for state in State:
            drive = Drive(supervisor, row, rng)
            signals = merged(NOTHING_KNOWN._replace(temperature_c=(math.nan,) * 3), edge.others)
            trips = row.on_the_line and state in armed_of(figure)
            assert drive.missed(state, merged(signals, {edge.key: edge.fine})) == (False, False), drive.where(state)
            assert drive.missed(state, merged(signals, {edge.key: edge.wrong})) == (trips, trips), drive.where(state)


def check_not_applicable(rows: tuple[Row, ...], row: Row, figure: Figure, seed: int) -> None:
    """Where the profile does not have what the row needs, it is silent in every state."""
    needs = Needs(figure.needs)
    if needs is Needs.NOTHING:
        return
    rng = random.Random(seed)
    without = supervisor_of(rows, frozenset(Needs) - {needs})
    for state in State:
        drive = Drive(without, row, rng)
        pool = Pool(row, rng)
        for _ in range(figure.persist_us // 20_000 + 3):
            assert drive.tick(state, pool.any_wrong()) == (False, False), drive.where(state)


def check_clears(supervisor: Supervisor, row: Row, figure: Figure, seed: int) -> None:
    """When its cause is gone: after a second of good samples, at once, or with a new link."""
    rng = random.Random(seed)
    for state in armed_of(figure):
        drive = Drive(supervisor, row, rng)
        under_test = drive.under_test
        pool = Pool(row, rng)
        drive.until_due(state, pool, figure)
        gone = row.id not in under_test.not_gone()
        assert gone is (figure.clears == "A"), f"{drive.where(state)}: gone at once is {gone}"
        good_us = 0
        for _ in range(150):
            step_us = rng.randrange(1, 40_000)
            what = rng.choices(["wrong", "held", "fine"], [1, 6 if pool.held else 0, 60])[0]
            if what == "wrong":
                drive.tick(State.CUTOFF, pool.any_wrong(), step_us)
                good_us = 0
            elif what == "held":
                drive.tick(State.CUTOFF, pool.any_held(), step_us)
            else:
                drive.tick(State.CUTOFF, pool.any_fine(), step_us)
                good_us += step_us
            gone = row.id not in under_test.not_gone()
            expected = {"A": True, "L": False, "R": good_us >= 1_000_000}[figure.clears]
            assert gone is expected, f"{drive.where(state)}: {good_us} us good, gone is {gone}"
        under_test.relinked()
        gone = row.id not in under_test.not_gone()
        # a new link is a new clock: what is known by reading must be good for a second of it
        assert gone is (figure.clears != "R"), f"{drive.where(state)}: gone after a new link is {gone}"
        for _ in range(60):
            drive.tick(State.CUTOFF, pool.calm)
        assert row.id not in under_test.not_gone(), drive.where(state)
        under_test.acknowledge()
        assert under_test.latched == 0
        drive.until_due(state, pool, figure)


CHECKS = (
    check_edges,
    check_anything,
    check_persistence,
    check_to_the_microsecond,
    check_unarmed,
    check_no_number,
    check_stream,
    check_line,
    check_clears,
)
"""All that take (supervisor, row, figure, seed)."""
