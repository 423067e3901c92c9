"""Which points to try next: what was not met yet; and where how close the others came has a slope, down that."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rfgen.falsify.cover import Cover
from rfgen.falsify.descent import FORETOLD, line, step
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
"""So many of the closest runs lend their patient and treatment to other faults."""
IN_VAIN = 8
"""Tries to come closer to a part that did not; then it rests until some run comes closer."""
CLOSER, CLOSER_AT_LEAST = 0.01, 0.002
"""Closer counts from this share of the distance left on, and from this distance."""
TURNS = ("cover", "climb", "descend", "near", "descend", "climb", "descend", "near")
"""What the points of a block are for, where there is a slope."""
FIRST = 16
"""Runs that cover before there is anything to go by."""


class Guide:
    """Points that cover what was not met yet (`cover`); and, where there is a slope, seven of eight that go down it.

    A promise is as near to its break as the nearest of its parts, and that one can hide the part that a defect has
    moved (Zhang, Hasuo and Arcaini 2019): so each part is looked at by itself, and they take turns. A part has a slope
    where a line through the closest runs foretells runs that it was not laid through. Where none has (a deadline of no
    time; what is true or false), every point covers. Where one has, a point may

    - *climb*: by an optimiser of that part's own, a tree-structured Parzen estimator (Bergstra et al. 2011) over all
      values of a point together, which learns from every run;
    - *descend*: from one of the closest runs along the line;
    - be *near*: one of the closest runs, with a fault that was not met yet.

    A part that comes no closer rests. All is settled by the seed and what is told.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._cover = Cover(seed)
        self._studies: dict[str, Study] = {}
        self._told: list[tuple[_Noted, Outcome]] = []
        self._asked: list[tuple[dict[str, Value], _Noted, str | None, Trial | None]] = []
        self._least: dict[str, float] = {}
        """How close any run came, by part."""
        self._in_vain: dict[str, int] = {}
        """Tries since any run came closer, by part."""
        self._slopes: dict[str, Mapping[str, float]] = {}
        """Of the parts that have one."""
        self._random = np.random.default_rng([seed, 1])
        self._turn = self._near_turn = 0

    def ask(self, count: int) -> list[dict[str, Value]]:
        """The points of a block."""
        points = []
        self._asked = []
        ran = len(self._told)
        for place in range(count):
            trial = part = None
            near: Mapping[str, float | str] = {}
            values = None
            turn = TURNS[(ran + place) % len(TURNS)] if ran + place >= FIRST and self._slopes else "cover"
            if turn == "near":
                if self._space.promise.most_faults:
                    part, near = self._near()
                else:
                    turn = "climb"
            if turn == "climb":
                part = self._next_part()
                with _quiet():
                    trial = self._study(part).ask()
                values = _Noted(_ByTrial(trial))
            elif turn == "descend":
                part = self._next_part()
                values = _Noted(self._downhill(part))
            if values is None:
                self._cover.begin(near)
                values = _Noted(self._cover)
            with _quiet():
                points.append(self._space.draw(values))
            self._asked.append((points[-1], values, part, trial))
        return points

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """What became of them: told to every optimiser."""
        self._cover.forget_expected()
        with _quiet():
            for (point, values, part, trial), outcome in zip(self._asked, outcomes, strict=True):
                self._cover.heard(point, outcome.met)
                for name in dict.fromkeys((WHOLE, *self._least, *dict(outcome.parts))):
                    self._note(name, _of(outcome, name), tried=name == part)
                for name, study in self._studies.items():
                    if trial is not None and name == part:
                        study.tell(trial, _of(outcome, name))
                    else:
                        _add(study, name, values, outcome)
                self._told.append((values, outcome))
        self._find_slopes()

    def _note(self, name: str, robustness: float, tried: bool) -> None:
        before = self._least.get(name, PART_FAR)
        if robustness < before - max(CLOSER * before, CLOSER_AT_LEAST):
            self._in_vain[name] = 0
        else:
            self._in_vain[name] = self._in_vain.get(name, 0) + tried
        self._least[name] = min(robustness, before)

    def _find_slopes(self) -> None:
        """Which parts have one, and how steep; without those that rest, or whose bound was passed without a break."""
        self._slopes.clear()
        numbers = [values.numbers() for values, _ in self._told]
        for name, least in self._least.items():
            if least <= 0.0 or self._in_vain[name] >= IN_VAIN:
                continue
            runs = zip(numbers, (_of(outcome, name) for _, outcome in self._told), strict=True)
            found = line([run for run in runs if run[1] < PART_FAR])
            if found is not None and found.foretold > FORETOLD:
                self._slopes[name] = found.slopes

    def _next_part(self) -> str:
        """Each that has a slope in turn."""
        self._turn += 1
        return list(self._slopes)[self._turn % len(self._slopes)]

    def _close(self, name: str, turn: int) -> _Noted:
        """One of the runs that came closest to a part."""
        told = sorted(self._told, key=lambda told: _of(told[1], name))
        return told[min(turn % NEAREST, len(told) - 1)][0]

    def _near(self) -> tuple[str, Mapping[str, float | str]]:
        """A part, each in turn, and the values of a run that came close to it."""
        self._near_turn += 1
        turn, place = divmod(self._near_turn, len(self._slopes))
        name = list(self._slopes)[place]
        return name, self._close(name, turn).values

    def _downhill(self, name: str) -> _Downhill:
        """From a run that came close."""
        at = self._close(name, int(self._random.integers(NEAREST)))
        return _Downhill(at.values, step(at.numbers(), self._slopes[name], self._random), self._random)

    def _study(self, name: str) -> Study:
        """A part's optimiser, told of every run."""
        import optuna

        if name not in self._studies:
            seed = (self._seed + 1_000_003 * len(self._studies)) % 2**32
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True, group=True)
            self._studies[name] = optuna.create_study(sampler=sampler, direction="minimize")
            for before in self._told:
                _add(self._studies[name], name, *before)
        return self._studies[name]


class _Noted:
    """Another's values, and what is needed to tell an optimiser of them."""

    def __init__(self, of: Chooser) -> None:
        self._of = of
        self.values: dict[str, float | str] = {}
        self.ranges: dict[str, BaseDistribution] = {}
        self._spans: dict[str, tuple[float, float]] = {}

    def numbers(self) -> dict[str, float]:
        """Where each number is in its range; those of a fault under the name of its kind."""
        found = {}
        for name, value in self.values.items():
            if not isinstance(value, str):
                least, most = self._spans[name]
                found[_of_kind(name, self.values)] = (value - least) / (most - least) if most > least else 0.5
        return found

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
        self._spans[name] = (least, most)
        value = self.values[name] = min(max(self._of.number(name, least, most), least), most)
        return value


class _Downhill:
    """A close run's choices, and numbers further down the slope."""

    def __init__(
        self, at: Mapping[str, float | str], numbers: Mapping[str, float], random: np.random.Generator
    ) -> None:
        self._at, self._numbers, self._random = at, numbers, random

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        if name in self._at and ("fault" in name or self._random.uniform() < 0.9):
            return str(self._at[name])
        return choices[int(self._random.integers(len(choices)))]

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        share = self._numbers.get(_of_kind(name, self._at))
        return least + (float(self._random.uniform()) if share is None else share) * (most - least)


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


def _of_kind(name: str, values: Mapping[str, float | str]) -> str:
    """A fault's number means something else for each kind."""
    of, dot, what = name.partition(".")
    return f"{of} {values[f'{of}.kind']}.{what}" if dot and f"{of}.kind" in values else name


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
