"""The exact bound on a rate."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.campaign.bound import upper_bound


@pytest.mark.parametrize(
    ("found", "tries", "bound"),
    [
        # tables of the one-sided 95 % limit
        (0, 1, 0.95),
        (0, 10, 0.258866),
        (0, 100, 0.0295130),
        (0, 1_000_000, 2.995728e-6),
        (1, 10, 0.394163),
        (2, 20, 0.282619),
        (10, 10, 1.0),
    ],
)
def test_known_values(found: int, tries: int, bound: float) -> None:
    assert upper_bound(found, tries) == pytest.approx(bound, rel=2e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 300), st.data(), st.sampled_from([0.9, 0.95, 0.99]))
def test_at_the_bound_so_few_are_as_rare_as_was_asked(tries: int, data: st.DataObject, confidence: float) -> None:
    found = data.draw(st.integers(0, tries - 1))
    rate = upper_bound(found, tries, confidence)
    chance = sum(math.comb(tries, k) * rate**k * (1.0 - rate) ** (tries - k) for k in range(found + 1))
    assert chance == pytest.approx(1.0 - confidence, rel=1e-6)


def test_the_closed_form_and_the_bisection_meet() -> None:
    """None found is the limit of the sum with its first term alone."""
    rate = upper_bound(0, 5000)
    assert (1.0 - rate) ** 5000 == pytest.approx(0.05, rel=1e-9)
    assert rate < upper_bound(1, 5000) < upper_bound(2, 5000)


@pytest.mark.parametrize(("found", "tries", "confidence"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (0, 5, 1.0)])
def test_what_cannot_be_is_refused(found: int, tries: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="be"):
        upper_bound(found, tries, confidence)
