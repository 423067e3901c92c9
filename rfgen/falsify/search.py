"""The search: points tried block by block, each told how close it came, until one breaks the promise.

A block is asked for before any of it has run, so that its runs may be shared out over processes; it is always as long,
so that the points are the same however many there are.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rfgen.extras import install_command
from rfgen.falsify.draws import ByChance
from rfgen.falsify.guide import Guide
from rfgen.falsify.one import Outcome
from rfgen.falsify.space import Space, Value
from rfgen.falsify.tries import Tries
from rfgen.problems import InputError, Problem

BLOCK = 8
"""Runs asked for at once."""
NOT_RUN = Outcome(1.0, "no run", 0.0)


def need_optuna() -> None:
    """Raises InputError where the optimiser is not installed."""
    if importlib.util.find_spec("optuna") is None:
        said = "needs Optuna, which is not installed"
        remedy = f"{install_command('falsify')}, or search by chance with --uniform"
        raise InputError([Problem("rfgen falsify", None, None, "", "", said, remedy)])


@dataclass
class Found:
    """What a search came to."""

    point: dict[str, Value]
    outcome: Outcome
    run: int
    """From 1; the run that came closest, or broke the promise."""
    runs: int
    interrupted: bool = False


class Points(Protocol):
    """What chooses the points."""

    def ask(self, count: int) -> list[dict[str, Value]]:
        """The points of a block."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """What became of them, in the same order."""


class _ByChance:
    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed, self._run = space, seed, 0

    def ask(self, count: int) -> list[dict[str, Value]]:
        runs = range(self._run, self._run + count)
        self._run += count
        return [self._space.draw(ByChance(self._seed, run)) for run in runs]

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Chance has no memory."""


def search(
    space: Space,
    budget: int,
    seed: int,
    *,
    uniform: bool = False,
    jobs: int = 1,
    closer: Callable[[int, Outcome], None] | None = None,
    ran: Callable[[int], None] | None = None,
) -> Found:
    """At most `budget` runs, `jobs` at a time; ends with the first, in the order asked for, that breaks the promise.

    The same seed gives the same points and the same end, whatever `jobs` is. `closer`: told of every run that came
    closer than those before; `ran`: of every run. An interruption ends it with the closest so far. Raises WorkerDied.
    """
    best = Found({}, NOT_RUN, 0, 0)
    points: Points = _ByChance(space, seed) if uniform else Guide(space, seed)
    with Tries(space, jobs) as tries:
        try:
            while best.runs < budget and not best.outcome.broken:
                asked = points.ask(min(BLOCK, budget - best.runs))
                outcomes = []
                for point, outcome in zip(asked, tries.each(asked), strict=True):
                    outcomes.append(outcome)
                    best.runs += 1
                    if ran is not None:
                        ran(best.runs)
                    if outcome.robustness < best.outcome.robustness or not best.point:
                        best.point, best.outcome, best.run = point, outcome, best.runs
                        if closer is not None:
                            closer(best.runs, outcome)
                    if outcome.broken:
                        return best
                points.tell(outcomes)
        except KeyboardInterrupt:
            best.interrupted = True
    return best
