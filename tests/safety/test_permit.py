"""The permit, case by case: each way to lose it, and how much power is given where it is not lost."""

from __future__ import annotations

import math

import pytest

from rfgen.records import State
from rfgen.safety.permit import RADIATING, permit

C, R, H = State.IMPEDANCE_CHECK, State.RAMP, State.HOLD
LEAST = 5e-324
"""The smallest number above 0."""


def test_rf_is_for_three_states() -> None:
    assert {C, R, H} == RADIATING


@pytest.mark.parametrize("state", [C, R, H])
def test_what_is_asked_is_given_up_to_the_maximum(state: State) -> None:
    assert permit(state, 0, 5.0, 10.0) == 5.0
    assert permit(state, 0, LEAST, 10.0) == LEAST
    assert permit(state, 0, 10.0, 10.0) == 10.0
    assert permit(state, 0, math.nextafter(10.0, 11.0), 10.0) == 10.0
    assert permit(state, 0, math.inf, 10.0) == 10.0
    assert permit(state, 0, 5.0, LEAST) == LEAST


@pytest.mark.parametrize("state", [State.IDLE, State.CUTOFF])
def test_no_power_in_the_other_states(state: State) -> None:
    assert permit(state, 0, 5.0, 10.0) is None


@pytest.mark.parametrize("latched", [1, 2, 1 << 47, (1 << 48) - 1])
@pytest.mark.parametrize("state", list(State))
def test_no_power_while_anything_is_latched(state: State, latched: int) -> None:
    assert permit(state, latched, 5.0, 10.0) is None


@pytest.mark.parametrize("asked_w", [0.0, -0.0, -LEAST, -1.0, -math.inf, math.nan])
def test_what_is_no_power_is_refused(asked_w: float) -> None:
    assert permit(H, 0, asked_w, 10.0) is None


@pytest.mark.parametrize("most_w", [0.0, -0.0, -LEAST, -1.0, -math.inf, math.inf, math.nan])
def test_a_maximum_that_is_none_refuses_everything(most_w: float) -> None:
    assert permit(H, 0, 5.0, most_w) is None
