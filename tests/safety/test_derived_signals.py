"""Derived signals, each by itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.safety.derived import (
    OPEN_OHM,
    SHORT_OHM,
    Blanking,
    FlowDue,
    Impedance,
    Interval,
    OvershootArm,
    Stall,
    allowed_power_w,
)

WATTS = st.floats(0.0, 250.0)


@settings(deadline=None, max_examples=200)
@given(commands=st.lists(WATTS, min_size=1, max_size=800), period_us=st.sampled_from([5_000, 20_000, 33_000]))
def test_no_sequence_of_commands_blanks_more_than_one_second_in_any_five(commands: list[float], period_us: int) -> None:
    blanking = Blanking()
    blanked: list[tuple[int, int]] = []
    now_us = 0
    for watts in commands:
        if blanking.update(watts, now_us, now_us + period_us):
            blanked.append((now_us, now_us + period_us))
        now_us += period_us
    for _, end_us in blanked:
        inside = sum(max(0, min(b, end_us) - max(a, end_us - 5_000_000)) for a, b in blanked)
        assert inside <= 1_000_000


def test_a_large_jump_is_blanked_for_half_a_second_and_a_small_one_not() -> None:
    blanking = Blanking()
    assert [blanking.update(10.0, n * 20_000, (n + 1) * 20_000) for n in range(26)] == [True] * 25 + [False]
    assert not blanking.update(11.9, 10_000_000, 10_020_000)  # 1.9 W: under 2 W
    assert blanking.update(15.0, 20_000_000, 20_020_000)
    assert not blanking.update(17.5, 30_000_000, 30_020_000)  # 2.5 W of 15 W: under 20 %


def test_impedance_is_measured_only_after_a_tenth_of_a_second_of_power() -> None:
    impedance = Impedance(0.5, 0.002, 0.2)
    seen = [impedance.update(5.0, True, 20.0, 0.2, 20_000) for _ in range(6)]
    assert seen == [None, None, None, None, 100.0, 100.0]
    assert impedance.update(0.49, True, 20.0, 0.2, 20_000) is None  # too little asked for
    assert impedance.update(5.0, True, 20.0, 0.2, 20_000) is None  # and the tenth begins again
    assert impedance.update(5.0, False, 20.0, 0.2, 200_000) is None


@given(volts=st.floats(0.2, 200.0), amperes=st.floats(0.002, 5.0))
def test_impedance_is_voltage_over_current(volts: float, amperes: float) -> None:
    impedance = Impedance(0.5, 0.002, 0.2)
    assert impedance.update(5.0, True, volts, amperes, 100_000) == volts / amperes


def test_too_small_a_current_is_open_and_too_small_a_voltage_a_short() -> None:
    impedance = Impedance(0.5, 0.002, 0.2)
    assert impedance.update(5.0, True, 50.0, 0.0019, 100_000) == OPEN_OHM
    assert impedance.update(5.0, True, 0.19, 1.0, 20_000) == SHORT_OHM


@pytest.mark.parametrize(("volts", "amperes"), [(math.nan, 1.0), (1.0, math.nan), (math.nan, 0.0), (0.0, math.nan)])
def test_a_meter_that_reads_no_number_gives_no_number(volts: float, amperes: float) -> None:
    impedance = Impedance(0.5, 0.002, 0.2)
    found = impedance.update(5.0, True, volts, amperes, 100_000)
    assert found is not None
    assert math.isnan(found)


@given(
    most_w=st.floats(1.0, 250.0),
    most_a=st.floats(0.1, 3.0),
    most_v=st.floats(10.0, 200.0),
    ohm=st.floats(0.1, 1e5),
)
def test_the_output_law_allows_neither_more_power_nor_current_nor_voltage(
    most_w: float, most_a: float, most_v: float, ohm: float
) -> None:
    watts = allowed_power_w(most_w, most_a, most_v, ohm)
    assert watts <= most_w
    assert math.sqrt(watts / ohm) <= most_a * (1 + 1e-12)
    assert math.sqrt(watts * ohm) <= most_v * (1 + 1e-12)
    assert watts in (most_w, most_a * most_a * ohm, most_v * most_v / ohm)


@pytest.mark.parametrize("ohm", [None, OPEN_OHM, SHORT_OHM, math.nan])
def test_without_a_load_to_go_by_the_full_power_is_allowed(ohm: float | None) -> None:
    assert allowed_power_w(20.0, 0.8, 80.0, ohm) == 20.0


def stalled(gain_c_s: float, seconds: float, *, period_us: int = 20_000) -> list[tuple[float | None, ...]]:
    stall = Stall()
    stall.reset(0)
    found = []
    for n in range(round(seconds * 1e6 / period_us)):
        now_s = n * period_us * 1e-6
        view = stall.update(n * period_us, period_us, 37.0 + gain_c_s * now_s, 37.0 + now_s, False, 6.0, 10.0)
        found.append(view)
    return found


@given(gain_c_s=st.floats(-1.0, 2.0))
@settings(deadline=None, max_examples=20)
def test_a_stall_is_judged_over_ten_seconds_and_not_before(gain_c_s: float) -> None:
    views = stalled(gain_c_s, 12.0)
    assert all(view == (None, None, None, None) for view in views[:499])
    gain, asked, power, allowed = views[-1]
    assert gain == pytest.approx(10.0 * gain_c_s, abs=0.15)
    assert asked == pytest.approx(10.0, abs=0.15)
    assert power == pytest.approx(6.0, rel=0.01)
    assert allowed == pytest.approx(10.0, rel=0.01)


def test_a_ramp_that_has_arrived_asks_for_nothing_more() -> None:
    stall = Stall()
    stall.reset(0)
    for n in range(600):
        stall.update(n * 20_000, 20_000, 37.0, 37.0 + n * 0.02, False, 6.0, 10.0)
    assert stall.update(600 * 20_000, 20_000, 37.0, 49.0, True, 6.0, 10.0) == (None, None, None, None)


def test_flow_is_due_after_priming_and_only_while_asked_for() -> None:
    due = FlowDue(3.0)
    assert due.update(10.0, 1_000_000) is None
    assert due.update(10.0, 3_999_999) is None
    assert due.update(10.0, 4_000_000) == 10.0
    assert due.update(12.0, 4_020_000) is None
    assert due.update(0.0, 9_000_000) is None


def test_overshoot_is_armed_after_a_step_down_once_it_has_come_near() -> None:
    arm = OvershootArm(5.0)
    assert not arm.update(None, 37.0, 0)
    assert arm.update(90.0, 40.0, 20_000)
    assert not arm.update(60.0, 88.0, 40_000)
    assert not arm.update(60.0, 65.0, 60_000)
    assert not arm.update(60.0, 65.0, 559_999)
    assert not arm.update(60.0, 65.01, 560_000)  # near for just less than half a second: starts again
    assert not arm.update(60.0, 65.0, 580_000)
    assert not arm.update(60.0, 65.0, 1_079_999)
    assert arm.update(60.0, 65.0, 1_080_000)
    assert arm.update(60.0, 70.0, 1_100_000)  # and stays so
    assert arm.update(80.0, 100.0, 1_120_000)  # a step up: at once


@given(noise_c=st.lists(st.floats(-0.3, 0.3), min_size=60, max_size=60))
def test_noise_on_the_old_steps_heat_does_not_arm_overshoot(noise_c: list[float]) -> None:
    """After a step down, with readings on both sides of the limit: the old step's heat is no overshoot."""
    arm = OvershootArm(5.0)
    arm.update(65.1, 65.1, 0)
    for k, noise in enumerate(noise_c):
        # each 0.4 s the noise takes one reading over the limit
        reading_c = 65.01 if k % 20 == 0 else 65.0 + noise
        assert not arm.update(60.0, reading_c, (k + 1) * 20_000)


@given(limit_c=st.floats(1.0, 10.0), excess_c=st.floats(0.01, 5.0))
def test_overshoot_is_armed_by_its_own_limit(limit_c: float, excess_c: float) -> None:
    """With a limit of less than 5 C a reading between the two is still on its way down."""
    arm = OvershootArm(limit_c)
    arm.update(90.0, 90.0, 0)
    for now_us in range(20_000, 2_000_000, 20_000):
        assert not arm.update(60.0, 60.0 + limit_c + excess_c, now_us)


@pytest.mark.parametrize("reading", [math.nan])
def test_a_reading_that_is_no_number_arms_overshoot(reading: float) -> None:
    arm = OvershootArm(5.0)
    arm.update(90.0, 40.0, 0)
    assert arm.update(60.0, reading, 20_000)


@given(commands=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6))
def test_an_interval_is_on_or_off_only_if_all_of_it_was(commands: list[tuple[bool, bool]]) -> None:
    interval = Interval()
    interval.take()
    for rf_on, cut in commands:
        interval.drove(rf_on, cut)
    on, off = interval.take()
    assert on is all(rf_on and not cut for rf_on, cut in commands)
    assert off is all(not rf_on for rf_on, cut in commands)
