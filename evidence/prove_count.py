"""Persistence for runs of any length, by induction over the real `Supervisor.evaluate`.

One step of the real code is run along all its paths, from any state that the induction allows, with the
times, the persistence and the clock left open; it must do what `step` says: the catalogue's rule of
counting, written plainly, row by row. `rule_claims` then proves from the rule what a reader cares about.
Rows are taken two at a time: neither may change what becomes of the other.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_paths import Whole, every_path, whole
from evidence.prove_solver import Claim
from rfgen.records import State
from rfgen.safety.compile import Channels
from rfgen.safety.expr import flag
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.supervisor import Supervisor

GONE_AFTER_US = 1_000_000
"""The catalogue's last second."""


class Verdict(Enum):
    """What a row's condition says in a tick."""

    TRUE = "true"
    HELD = "not measured"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Count:
    """A row's count in the rule: is it running, and how much time of the condition has it seen."""

    running: z3.BoolRef
    elapsed: z3.ArithRef


def step(
    before: Count, verdict: Verdict, armed: bool, new_clock: bool, dt: z3.ArithRef, persist: z3.ArithRef
) -> tuple[Count, z3.BoolRef]:
    """The rule: (the count after this sample, it trips). `dt`: sample time since the last sample."""
    if not armed or verdict is Verdict.FINE:
        return Count(z3.BoolVal(False), z3.IntVal(0)), z3.BoolVal(False)
    kept = z3.IntVal(0) if new_clock else before.elapsed
    if verdict is Verdict.HELD:
        return Count(before.running, kept), z3.BoolVal(False)
    grown = kept if new_clock else kept + dt
    elapsed = z3.If(before.running, grown, 0)
    return Count(z3.BoolVal(True), elapsed), elapsed >= persist


def good_step(good: z3.ArithRef, verdict: Verdict, new_clock: bool, dt: z3.ArithRef) -> z3.ArithRef:
    """The rule of a cause that clears by reading: for how long it has been seen to be gone, after this
    sample."""
    if new_clock or verdict is Verdict.TRUE:
        return z3.IntVal(0)
    return good if verdict is Verdict.HELD else good + dt


# --- the real code, one step ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """How one row stands before a step, and what its condition says in it."""

    counting: bool
    verdict: Verdict
    armed: bool
    latched: bool

    def __str__(self) -> str:
        words = ["counting" if self.counting else "not counting", self.verdict.value]
        words += ["armed" if self.armed else "not armed"] + (["latched"] if self.latched else [])
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Case:
    """A step's setting."""

    state: State
    entered: bool
    """The state is another than in the last step."""
    new_clock: bool
    rows: tuple[Place, ...]

    def __str__(self) -> str:
        words = [self.state.name] + ["entered"] * self.entered + ["new clock"] * self.new_clock
        return ", ".join(words) + ": " + "; ".join(str(row) for row in self.rows)


def places(state: State, entered: bool) -> Iterator[Place]:
    """All that a row may be in.

    Nothing is latched outside CUTOFF, where a row not armed may still be read.
    """
    for counting, verdict, armed, latched in itertools.product((False, True), Verdict, (True, False), (False, True)):
        if counting and not (armed or entered):
            continue  # a count of a row not armed is dropped on entering
        if state is not State.CUTOFF and (latched or (not armed and verdict is not Verdict.FINE)):
            continue
        yield Place(counting, verdict, armed, latched)


def cases(others: Sequence[Place] | None = None) -> Iterator[Case]:
    """One row in every place, beside another in every place (or in those given)."""
    for state, entered, new_clock in itertools.product((State.RAMP, State.CUTOFF), (False, True), (False, True)):
        here = list(places(state, entered))
        beside = here if others is None else [place for place in here if place in others]
        for rows in itertools.product(here, beside):
            yield Case(state, entered, new_clock, rows)


FEW = (
    Place(False, Verdict.FINE, True, False),
    Place(True, Verdict.TRUE, True, False),
    Place(True, Verdict.HELD, True, False),
    Place(True, Verdict.FINE, True, True),
)
"""What the other row is in, where not everything is tried."""


class _Here:
    """Stands in for the compiled rows: gives the case's verdicts. `prove_code` proves the real ones."""

    def __init__(self, rows: Sequence[Place]) -> None:
        self.armed = mask(row.armed for row in rows)
        self.violated = mask(row.verdict is Verdict.TRUE for row in rows)
        self.held = mask(row.verdict is Verdict.HELD for row in rows)

    def all_well(self, _signals: object) -> bool:
        return self.violated == 0

    def judge(self, _signals: object) -> tuple[int, int]:
        return self.violated, self.held


def mask(bits: Iterator[bool]) -> int:
    """Bit n is set where the nth is true."""
    return sum(1 << n for n, bit in enumerate(bits) if bit)


NOW, LAST = z3.Ints("now_us last_us")
SINCE, PERSIST, ELAPSED, LAST_TRUE, GOOD = (
    z3.Ints(" ".join(f"{name}{n}" for n in range(2))) for name in ("since", "persist", "elapsed", "last_true", "good")
)


def new_supervisor(kind: type[Supervisor]) -> Any:
    """Two rows that clear by reading."""
    rows = [Row(f"ROW{n}", "", flag.loop_open, frozenset(State), Clears.READING, "") for n in range(2)]
    return kind(resolve_limits(), Channels((0,), ()), frozenset(Needs), rows)


def step_claims(kind: type[Supervisor] = Supervisor, others: Sequence[Place] | None = None) -> list[Claim]:
    """`Supervisor.evaluate` does what the rule says, in every case."""
    base = new_supervisor(kind)
    return [step_claim(base, case) for case in cases(others)]


def step_claim(base: Any, case: Case) -> Claim:
    """`base`, from `new_supervisor`, does what the rule says in this case."""
    here = _Here(case.rows)

    def run() -> tuple[int, int, Any]:
        supervisor = copy.deepcopy(base)
        supervisor._by_state = [here] * len(State)
        supervisor._persist_us = tuple(Whole(p) for p in PERSIST)
        supervisor._since_us = {n: Whole(SINCE[n]) for n, row in enumerate(case.rows) if row.counting}
        supervisor._last_true_us = {n: Whole(LAST_TRUE[n]) for n, row in enumerate(case.rows) if row.latched}
        supervisor._last_us = Whole(LAST)
        supervisor._new_clock = case.new_clock
        supervisor._state = State.HOLD if case.entered else case.state
        supervisor.latched = mask(row.latched for row in case.rows)
        true, tripped = supervisor.evaluate(case.state, None, Whole(NOW))
        return true, tripped, supervisor

    dt = NOW - LAST
    given = [dt >= 0]
    for n in range(2):
        given += [LAST - SINCE[n] == ELAPSED[n], ELAPSED[n] >= 0, PERSIST[n] >= 0, LAST - LAST_TRUE[n] == GOOD[n]]
    says, taken = [], []
    for path, (true, tripped, after) in every_path(run, given):
        taken.append(path)
        says.append(z3.Implies(path, z3.And(_after(case, true, tripped, after))))
    show = {str(x): x for x in (NOW, LAST, *SINCE, *PERSIST, *LAST_TRUE)}
    return Claim(
        "evaluate", f"one step does what the rule says ({case})", z3.And(*says, z3.Or(taken)), tuple(given), show
    )


def _after(case: Case, true: int, tripped: int, after: Any) -> list[z3.BoolRef]:
    """What must hold after the step."""
    dt = NOW - LAST
    latched = mask(row.latched for row in case.rows)
    found = [
        z3.BoolVal(true == mask(row.armed and row.verdict is Verdict.TRUE for row in case.rows)),
        z3.BoolVal(after.latched == latched | tripped),
        z3.BoolVal(after._new_clock is False),
        whole(after._last_us) == NOW,
    ]
    for n, row in enumerate(case.rows):
        counting = row.counting and row.armed  # where it is not armed, it forgets
        count, trips = step(
            Count(z3.BoolVal(counting), ELAPSED[n]), row.verdict, row.armed, case.new_clock, dt, PERSIST[n]
        )
        runs = n in after._since_us
        found.append(z3.BoolVal(runs) == count.running)
        if runs:
            found.append(NOW - whole(after._since_us[n]) == count.elapsed)
        newly = bool(tripped >> n & 1)
        found.append(z3.BoolVal(newly) == (z3.BoolVal(False) if row.latched else trips))
        if newly:
            found.append(whole(after._last_true_us[n]) == NOW)
        elif row.latched:
            good = good_step(GOOD[n], row.verdict, case.new_clock, dt)
            found.append(NOW - whole(after._last_true_us[n]) == good)
    return found


def other_claims(kind: type[Supervisor] = Supervisor) -> list[Claim]:
    """What a tick without a sample, `not_gone` and `acknowledge` do to a count, a latch and a cause."""
    base = new_supervisor(kind)
    claims = []
    for new_clock, latched in itertools.product((False, True), (False, True)):

        def prepared(new_clock: bool = new_clock, latched: bool = latched) -> Any:
            supervisor = copy.deepcopy(base)
            supervisor._state = State.CUTOFF
            supervisor._since_us = {1: Whole(SINCE[1])}
            supervisor._last_true_us = {0: Whole(LAST_TRUE[0])} if latched else {}
            supervisor._last_us = Whole(LAST)
            supervisor._new_clock = new_clock
            supervisor.latched = 1 if latched else 0
            return supervisor

        def missed(make: Any = prepared) -> Any:
            supervisor = make()
            return supervisor, supervisor.missed(State.CUTOFF, None)

        def gone(make: Any = prepared) -> Any:
            return make().not_gone()

        where = ("new clock, " if new_clock else "") + ("latched" if latched else "not latched")
        for path, (after, answer) in every_path(missed):
            same = z3.And(
                z3.BoolVal(answer == (0, 0) and after.latched == (1 if latched else 0)),
                z3.BoolVal(after._since_us.keys() == {1}),
                whole(after._since_us.get(1, -1)) == SINCE[1],
                whole(after._last_us) == LAST,
                whole(after._last_true_us[0]) == LAST_TRUE[0] if latched else z3.BoolVal(True),
            )
            claims.append(
                Claim("missed", f"a tick without a sample leaves every count as it was ({where})", same, (path,))
            )
        for path, left in every_path(gone):
            still = z3.BoolVal(latched) if new_clock else z3.And(latched, LAST - LAST_TRUE[0] < GONE_AFTER_US)
            text = f"a reading's cause is gone after a good second, and not before ({where})"
            claims.append(Claim("not_gone", text, z3.BoolVal("ROW0" in left) == still, (path,)))
    return claims


# --- what follows from the rule, for all lengths --------------------------------------------------------------------


def rule_claims() -> list[Claim]:
    """By induction: each is a first sample, or a step from any sample of which it held."""
    first, last, now, persist, elapsed, most, held = z3.Ints("first last now persist elapsed period_most held")
    dt = now - last
    idle, count = Count(z3.BoolVal(False), z3.IntVal(0)), Count(z3.BoolVal(True), elapsed)
    time = (dt >= 0, persist >= 0)
    begun, begun_trips = step(idle, Verdict.TRUE, True, False, dt, persist)
    true, trips = step(count, Verdict.TRUE, True, False, dt, persist)
    kept, held_trips = step(count, Verdict.HELD, True, False, dt, persist)
    fine, fine_trips = step(count, Verdict.FINE, True, False, dt, persist)
    # `first`: the first sample that met the condition without a gap; `held`: time in between that was not measured
    inductive = (elapsed == last - first - held, elapsed >= 0, held >= 0)
    show = {str(x): x for x in (first, last, now, persist, elapsed, held)}

    def claim(text: str, says: z3.BoolRef, *given: z3.BoolRef) -> Claim:
        return Claim("persistence", text, says, (*time, *given), show)

    return [
        claim("the first sample begins a count of nothing", z3.And(begun.running, begun.elapsed == 0)),
        claim("the first sample trips where persistence is 0, and only there", begun_trips == (persist == 0)),
        claim(
            "the count is the time since the first sample, less what was not measured",
            z3.And(true.running, true.elapsed == now - first - held),
            *inductive,
        ),
        claim(
            "without a gap, it trips on a sample at or after its persistence, and on no other",
            trips == (now - first >= persist),
            *inductive,
            held == 0,
        ),
        claim(
            "so with samples no further apart than a period it trips within persistence and a period",
            z3.Implies(trips, now - first < persist + most),
            *inductive,
            held == 0,
            dt < most,
            last - first < persist,
        ),
        claim(
            "what is not measured neither starts, counts nor clears",
            z3.And(kept.running, kept.elapsed == now - first - (held + dt), z3.Not(held_trips)),
            *inductive,
        ),
        claim(
            "what is not measured starts nothing",
            z3.Not(step(idle, Verdict.HELD, True, False, dt, persist)[0].running),
        ),
        claim("one good sample ends the count", z3.And(z3.Not(fine.running), z3.Not(fine_trips)), *inductive),
        claim(
            "a row that is not armed counts nothing and trips nothing",
            z3.And(
                [
                    z3.Not(z3.Or(after.running, tripped))
                    for verdict in Verdict
                    for after, tripped in [step(count, verdict, False, False, dt, persist)]
                ]
            ),
        ),
        claim(
            "once due, it stays due for as long as the condition holds",
            trips,
            *inductive,
            elapsed >= persist,
        ),
    ]
