"""Runs the real code on solver terms, along every path that it can take.

A value here stands for all values at once. Where the code asks whether something is so, and both answers
are possible, it is run once for each. What comes back is each path's condition with what the code did on
it: together they are the code, with no model between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.terms import double

T = TypeVar("T")


class Undecided(Exception):
    """The solver could not say whether a path can be taken."""


class _Run:
    """One run: the answers given so far, and the runs still to be made."""

    def __init__(self, answers: list[bool], given: Sequence[z3.BoolRef], todo: list[list[bool]]) -> None:
        self.answers = answers
        self.todo = todo
        self.taken: list[z3.BoolRef] = []
        self.solver = z3.Solver()
        self.solver.set("timeout", 10_000)
        self.solver.add(*given)

    def ask(self, question: z3.BoolRef) -> bool:
        """Is it so? Both answers are followed, where both are possible."""
        place = len(self.taken)
        if place == len(self.answers):
            possible = [answer for answer in (True, False) if self._possible(question, answer)]
            if not possible:
                raise Undecided("a run that cannot happen")
            if len(possible) == 2:
                self.todo.append([*self.answers, False])
            self.answers.append(possible[0])
        answer = self.answers[place]
        self.taken.append(question if answer else z3.Not(question))
        self.solver.add(self.taken[-1])
        return answer

    def _possible(self, question: z3.BoolRef, answer: bool) -> bool:
        found = self.solver.check(question if answer else z3.Not(question))
        if found == z3.unknown:
            raise Undecided(str(question))
        return bool(found == z3.sat)


_runs: list[_Run] = []


def every_path(run: Callable[[], T], given: Sequence[z3.BoolRef] = ()) -> Iterator[tuple[z3.BoolRef, T]]:
    """(condition, what `run` returned) for each path. `run` must begin anew each time it is called."""
    todo: list[list[bool]] = [[]]
    while todo:
        now = _Run(todo.pop(), given, todo)
        _runs.append(now)
        try:
            result = run()
        finally:
            _runs.pop()
        yield z3.And(now.taken), result


class Truth:
    """A comparison's outcome."""

    def __init__(self, term: z3.BoolRef) -> None:
        self.term = term

    def __bool__(self) -> bool:
        return _runs[-1].ask(self.term)


class Whole:
    """A whole number, of any size."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, term: z3.ArithRef) -> None:
        self.term = term

    def __add__(self, other: Whole | int) -> Whole:
        return Whole(self.term + whole(other))

    __radd__ = __add__

    def __sub__(self, other: Whole | int) -> Whole:
        return Whole(self.term - whole(other))

    def __rsub__(self, other: int) -> Whole:
        return Whole(whole(other) - self.term)

    def __lt__(self, other: Whole | int) -> Truth:
        return Truth(self.term < whole(other))

    def __le__(self, other: Whole | int) -> Truth:
        return Truth(self.term <= whole(other))

    def __gt__(self, other: Whole | int) -> Truth:
        return Truth(self.term > whole(other))

    def __ge__(self, other: Whole | int) -> Truth:
        return Truth(self.term >= whole(other))

    def __bool__(self) -> bool:
        return bool(Truth(self.term != 0))


def whole(value: Whole | int) -> z3.ArithRef:
    """Its term."""
    return value.term if isinstance(value, Whole) else z3.IntVal(value)


class Double:
    """A double, NaN and the infinities too."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, term: z3.FPRef) -> None:
        self.term = term

    def __lt__(self, other: Double | float) -> Truth:
        return Truth(z3.fpLT(self.term, double_of(other)))

    def __le__(self, other: Double | float) -> Truth:
        return Truth(z3.fpLEQ(self.term, double_of(other)))

    def __gt__(self, other: Double | float) -> Truth:
        return Truth(z3.fpGT(self.term, double_of(other)))

    def __ge__(self, other: Double | float) -> Truth:
        return Truth(z3.fpGEQ(self.term, double_of(other)))

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        if not isinstance(other, (Double, float, int)):
            return NotImplemented
        return Truth(z3.fpEQ(self.term, double_of(other)))

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        if not isinstance(other, (Double, float, int)):
            return NotImplemented
        return Truth(z3.Not(z3.fpEQ(self.term, double_of(other))))


def double_of(value: Double | float) -> z3.FPRef:
    """Its term."""
    return value.term if isinstance(value, Double) else double(float(value))
