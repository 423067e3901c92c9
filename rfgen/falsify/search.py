"""The search: points tried one after the other, each told how close it came, until one breaks the promise."""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rfgen.extras import install_command
from rfgen.falsify.one import Outcome, try_scenario
from rfgen.falsify.space import Space, Value
from rfgen.problems import InputError, Problem

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

STARTUP = 10
"""Points by chance before the optimiser has anything to go by."""
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


class ByChance:
    """Every value drawn evenly."""

    def __init__(self, seed: int, run: int) -> None:
        self._random = np.random.default_rng([seed, run])

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        return choices[int(self._random.integers(len(choices)))]

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        return float(self._random.uniform(least, most))


class ByTrial:
    """Values that an optimiser chooses."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        return str(self._trial.suggest_categorical(name, list(choices)))

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        return self._trial.suggest_float(name, least, most)


def search(
    space: Space,
    budget: int,
    seed: int,
    *,
    uniform: bool = False,
    closer: Callable[[int, Outcome], None] | None = None,
    ran: Callable[[int], None] | None = None,
) -> Found:
    """At most `budget` runs; ends with the first that breaks the promise. The same seed gives the same points.

    `closer`: told of every run that came closer than those before; `ran`: of every run. An interruption ends it with
    the closest so far.
    """
    best = Found({}, NOT_RUN, 0, 0)
    points = _by_chance(space, budget, seed) if uniform else _guided(space, budget, seed)
    try:
        for run, (point, tell) in enumerate(points, 1):
            outcome = try_scenario(partial(space.scenario, point), space.promise)
            tell(outcome)
            best.runs = run
            if ran is not None:
                ran(run)
            if outcome.robustness < best.outcome.robustness or not best.point:
                best.point, best.outcome, best.run = point, outcome, run
                if closer is not None:
                    closer(run, outcome)
            if outcome.broken:
                break
    except KeyboardInterrupt:
        best.interrupted = True
    return best


Points = Iterator[tuple[dict[str, Value], Callable[[Outcome], None]]]


def _by_chance(space: Space, budget: int, seed: int) -> Points:
    for run in range(budget):
        yield space.draw(ByChance(seed, run)), lambda outcome: None


def _guided(space: Space, budget: int, seed: int) -> Points:
    """Tree-structured Parzen estimator (Bergstra et al. 2011), all values of a point together."""
    import optuna

    with _quiet():
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True, group=True)
        study = optuna.create_study(sampler=sampler, direction="minimize")
    for _ in range(budget):
        with _quiet():
            trial = study.ask()
            point = space.draw(ByTrial(trial))
        yield point, partial(_tell, study, trial)


def _tell(study: Study, trial: Trial, outcome: Outcome) -> None:
    with _quiet():
        study.tell(trial, outcome.robustness)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the optimiser says of itself."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
