"""Random streams for derived signals, and what "the same" means of their values."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)
ODD = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, -1e9)
COMPARED: set[str] = set()
Test = Callable[..., None]


def compares(*parts: object) -> Callable[[Test], Test]:
    """Says which derived signals a test holds against their second implementation."""
    COMPARED.update(part.__name__ for part in parts)  # type: ignore[attr-defined]
    return lambda test: test


def random_streams(examples: int) -> Callable[[Test], Test]:
    """The test runs on so many seeded streams."""

    def decorate(test: Callable[[random.Random], None]) -> Test:
        @settings(deadline=None, max_examples=examples)
        @given(seed=SEEDS)
        def run(seed: int) -> None:
            test(random.Random(seed))

        run.__name__ = test.__name__
        return run

    return decorate


def same(found: float | None, expected: float | None, tolerance: float = 1e-9) -> bool:
    """Both absent, both no number, or the same number."""
    if found is None or expected is None:
        return found is None and expected is None
    if not math.isfinite(found) or not math.isfinite(expected):
        return not math.isfinite(found) and not math.isfinite(expected)
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)


def one_of(rng: random.Random, *clocks: Callable[[], int]) -> Callable[[], int]:
    """One of these clocks."""
    return rng.choice(clocks)


def steps_us(rng: random.Random) -> Callable[[], int]:
    """A clock: even at 50 Hz, 1 kHz or a period that divides nothing, or uneven."""
    period_us = rng.choice((20_000, 1_000, 7_003, 33_333))
    if rng.random() < 0.5:
        return lambda: period_us
    return lambda: rng.choice((period_us, period_us, 2 * period_us, rng.randrange(1, 300_000)))


def readings(rng: random.Random, *, odd: float = 0.02) -> Callable[[], float]:
    """A thermocouple: wanders, jumps, stands still, or reads no number."""
    value = rng.uniform(20.0, 90.0)
    still = rng.random()

    def read() -> float:
        nonlocal value
        if rng.random() < odd:
            return rng.choice((math.nan, math.inf, -math.inf))
        if rng.random() > still:
            value += rng.gauss(0.0, 0.3) + (rng.uniform(-30.0, 30.0) if rng.random() < 0.05 else 0.0)
        return value

    return read
