"""Where the values of a point come from without an optimiser: chance, and chance spread evenly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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


STRATA = 16
"""A number's range in so many parts, each drawn from once before any is drawn from again."""


class Spread:
    """Chance without repetition: of each value's choices (of a number's range: parts) all come before one comes again.

    Latin hypercube sampling (McKay et al. 1979), a value at a time and without end. What belongs to a kind of fault
    is spread for each kind by itself: so each kind meets every state.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng([seed, 0])
        self._left: dict[tuple[str, str, int], list[int]] = {}
        self._kinds: dict[str, str] = {}

    def begin(self) -> None:
        """A point begins."""
        self._kinds.clear()

    def _next(self, name: str, count: int) -> int:
        key = (name, self._kinds.get(name.partition(".")[0], ""), count)
        left = self._left.get(key)
        if not left:
            left = self._left[key] = [int(n) for n in self._random.permutation(count)]
        return left.pop()

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        chosen = choices[self._next(name, len(choices))]
        of, _, what = name.partition(".")
        if what == "kind":
            self._kinds[of] = chosen
        return chosen

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        share = (self._next(name, STRATA) + float(self._random.uniform())) / STRATA
        return least + share * (most - least)
