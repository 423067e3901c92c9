"""The exact upper bound on a rate, from what a campaign has counted (Clopper and Pearson 1934)."""

from __future__ import annotations

import math


def at_most(found: int, tries: int, rate: float) -> float:
    """Chance of seeing `found` or fewer in `tries`, each with chance `rate`."""
    if rate <= 0.0:
        return 1.0
    if rate >= 1.0:
        return 1.0 if found >= tries else 0.0
    log_rate, log_rest = math.log(rate), math.log1p(-rate)
    log_ways = math.lgamma(tries + 1)
    total = 0.0
    for k in range(found + 1):
        log_share = log_ways - math.lgamma(k + 1) - math.lgamma(tries - k + 1) + k * log_rate + (tries - k) * log_rest
        total += math.exp(log_share)
    return min(total, 1.0)


def upper_bound(found: int, tries: int, confidence: float = 0.95) -> float:
    """One-sided: the greatest rate at which so few are not rarer than 1 - `confidence`.

    The beta quantile in closed form where none was found, by bisection of the binomial sum otherwise. Raises
    ValueError for counts or a confidence that cannot be.
    """
    if not 0 <= found <= tries or tries < 1:
        raise ValueError(f"{found} of {tries} cannot be")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence of {confidence!r}; it must be between 0 and 1")
    rest = 1.0 - confidence
    if found == tries:
        return 1.0
    if found == 0:
        return -math.expm1(math.log(rest) / tries)
    low, high = found / tries, 1.0
    while high - low > 1e-15 * high:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if at_most(found, tries, middle) > rest:
            low = middle
        else:
            high = middle
    return high


def interval(found: int, tries: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided: least and greatest rate, each one-sided at half of what is left of `confidence`. Raises ValueError."""
    each = 0.5 * (1.0 + confidence)
    return 1.0 - upper_bound(tries - found, tries, each), upper_bound(found, tries, each)
