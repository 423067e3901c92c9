"""Steepest descent over runs that were made anyway: a straight line through the closest of them (Box and Wilson 1951).

A search has tens of runs, and a point a dozen numbers: a line is what can be told from so few. Whether it can be told
is judged by leaving each run out in turn (Allen 1974): where the line foretells no run, there is no slope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = Mapping[str, float]
"""By name: where in its range, 0 to 1."""
LEAST_RUNS = 12
CLOSEST = 0.67
"""The share of the runs that the line is laid through: far from the bound another comparison may rule."""
RIDGE = 0.5
"""Pulls what few runs say of a number towards nothing, in runs at a quarter of the range from its middle."""
FORETOLD = 0.3
"""The least share of the scatter that a line must foretell."""


class Line(NamedTuple):
    """How a robustness falls with each number."""

    slopes: dict[str, float]
    foretold: float
    """Share of the scatter of runs left out that it foretells; negative where a mean does better."""


def line(runs: Sequence[tuple[Numbers, float]]) -> Line | None:
    """Through the closest runs; None where there are too few. A number that a run has not counts as mid-range."""
    kept = sorted(runs, key=lambda run: run[1])[: max(LEAST_RUNS, round(CLOSEST * len(runs)))]
    if len(kept) < LEAST_RUNS:
        return None
    names = sorted({name for numbers, _ in kept for name in numbers})
    x = np.array([[numbers.get(name, 0.5) - 0.5 for name in names] for numbers, _ in kept])
    y = np.array([robustness for _, robustness in kept])
    if float(np.ptp(y)) <= 1e-9:
        return None
    x1 = np.column_stack([np.ones(len(kept)), x])
    penalty = np.diag([1e-9, *([RIDGE * 0.25] * len(names))])
    to_fit: NDArray[np.float64] = np.linalg.solve(x1.T @ x1 + penalty, x1.T)
    fit = to_fit @ y
    left_out = (y - x1 @ fit) / (1.0 - np.sum(x1 * to_fit.T, axis=1))
    n = len(kept)
    alone = (y - float(np.mean(y))) * n / (n - 1)
    foretold = 1.0 - float(left_out @ left_out) / float(alone @ alone)
    return Line(dict(zip(names, map(float, fit[1:]), strict=True)), foretold)


def step(at: Numbers, slopes: Numbers, random: np.random.Generator) -> dict[str, float]:
    """Downhill from a close run: the steepest number by up to its whole range, the others as much less as they are
    less steep; and some of them astray, for what the line does not know.
    """
    steepest = max((abs(slopes.get(name, 0.0)) for name in at), default=0.0)
    far = float(random.uniform())
    found = {}
    for name, where in at.items():
        down = -slopes.get(name, 0.0) / steepest if steepest > 0.0 else 0.0
        astray = float(random.normal(0.0, 0.15)) if random.uniform() < 0.4 else 0.0
        found[name] = min(max(where + far * down + astray, 0.0), 1.0)
    return found
