"""Where the values of a point come from by chance alone."""

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
