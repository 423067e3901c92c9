"""Which points to try next, from how close those before came: half of them spread, half led by an optimiser."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rfgen.falsify.draws import Spread
from rfgen.falsify.one import Outcome
from rfgen.falsify.space import Chooser, Space, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import Trial

WHOLE = ""
"""Stands for the promise itself, beside the parts that it is made of."""
PART_FAR = 4.0
"""The most that a part's robustness says: farther away than this there is nothing to tell apart."""
NEAREST = 3
"""So many parts take turns: of those that a promise may have, most are far away."""
FIRST = 16
"""Runs that are spread before an optimiser has anything to go by."""


class Guide:
    """Every second point is spread evenly over the space, whatever was found: so no hill, however steep, takes all.

    The others climb. A promise is as near to its break as the nearest of its parts, and that one can hide the part
    that a defect has moved (Zhang, Hasuo and Arcaini 2019): so each of the nearest parts has an optimiser of its own, a
    tree-structured Parzen estimator (Bergstra et al. 2011) over all values of a point together, and they take turns.
    All learn from every run.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._spread = Spread(seed)
        self._studies: dict[str, Study] = {}
        self._told: list[tuple[_Noted, Outcome]] = []
        self._asked: list[tuple[_Noted, str | None, Trial | None]] = []
        self._least: dict[str, float] = {}
        """How close any run came, by part."""
        self._turn = 0

    def ask(self, count: int) -> list[dict[str, Value]]:
        """The points of a block."""
        points = []
        self._asked = []
        ran = len(self._told)
        for place in range(count):
            trial = None
            part = None
            if ran + place < FIRST or place % 2 == 0 or not self._studies:
                self._spread.begin()
                values = _Noted(self._spread)
            else:
                part = self._next_part()
                with _quiet():
                    trial = self._studies[part].ask()
                values = _Noted(_ByTrial(trial))
            with _quiet():
                points.append(self._space.draw(values))
            self._asked.append((values, part, trial))
        return points

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """What became of them: told to every optimiser."""
        with _quiet():
            for (values, part, trial), outcome in zip(self._asked, outcomes, strict=True):
                for name, _ in ((WHOLE, 0.0), *outcome.parts):
                    if name not in self._studies:
                        self._studies[name] = self._begun(len(self._studies))
                        for before in self._told:
                            _add(self._studies[name], name, *before)
                for name, study in self._studies.items():
                    self._least[name] = min(self._least.get(name, PART_FAR), _of(outcome, name))
                    if trial is not None and name == part:
                        study.tell(trial, _of(outcome, name))
                    else:
                        _add(study, name, values, outcome)
                self._told.append((values, outcome))

    def _next_part(self) -> str:
        """The nearest ones in turn, and each fourth time the next of all."""
        self._turn += 1
        names = list(self._studies)
        turn, place = divmod(self._turn, NEAREST + 1)
        if place == NEAREST:
            return names[turn % len(names)]
        # one whose bound was passed, and nothing broke, is as near as it can come
        near = sorted(names, key=lambda name: (self._least[name] <= 0.0, self._least[name]))
        return near[place % len(near)]

    def _begun(self, number: int) -> Study:
        import optuna

        sampler = optuna.samplers.TPESampler(
            seed=(self._seed + 1_000_003 * number) % 2**32, n_startup_trials=0, multivariate=True, group=True
        )
        return optuna.create_study(sampler=sampler, direction="minimize")


class _Noted:
    """Another's values, and what is needed to tell an optimiser of them."""

    def __init__(self, of: Chooser) -> None:
        self._of = of
        self.values: dict[str, float | str] = {}
        self.ranges: dict[str, BaseDistribution] = {}

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        import optuna

        self.ranges[name] = optuna.distributions.CategoricalDistribution(tuple(choices))
        chosen = self.values[name] = self._of.pick(name, choices)
        return chosen

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        import optuna

        self.ranges[name] = optuna.distributions.FloatDistribution(least, most)
        value = self.values[name] = min(max(self._of.number(name, least, most), least), most)
        return value


class _ByTrial:
    """Values that an optimiser chooses."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        return str(self._trial.suggest_categorical(name, list(choices)))

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        return self._trial.suggest_float(name, least, most)


def _of(outcome: Outcome, name: str) -> float:
    """How close a run came, by one of the parts; as far as can be where the run had none of it."""
    if name == WHOLE:
        return outcome.robustness
    return min(dict(outcome.parts).get(name, PART_FAR), PART_FAR)


def _add(study: Study, name: str, values: _Noted, outcome: Outcome) -> None:
    import optuna

    trial = optuna.trial.create_trial(
        params=dict(values.values), distributions=dict(values.ranges), value=_of(outcome, name)
    )
    study.add_trial(trial)


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
