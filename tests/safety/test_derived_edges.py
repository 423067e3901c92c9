"""Signals derived from commands and states, at the edges of their own figures, to the microsecond."""

from __future__ import annotations

import math

import pytest

from rfgen.safety.derived import Blanking, FlowDue, Impedance, Interval, OvershootArm, Stall, allowed_power_w

NONE_YET = (None, None, None, None)


def close(value: float | None) -> object:
    """This number, but for rounding."""
    return pytest.approx(value, rel=1e-9)


# --- impedance ------------------------------------------------------------------------------------------------------


def test_the_tenth_of_a_second_to_the_microsecond() -> None:
    assert Impedance(0.5, 0.002, 0.2).update(0.5, True, 20.0, 0.2, 100_000) == 100.0
    impedance = Impedance(0.5, 0.002, 0.2)
    assert impedance.update(0.5, True, 20.0, 0.2, 99_999) is None
    assert impedance.update(0.5, True, 20.0, 0.2, 1) == 100.0
    impedance.reset()
    assert impedance.update(0.5, True, 20.0, 0.2, 99_999) is None
    assert impedance.update(0.5, True, 20.0, 0.2, 1) == 100.0
    assert impedance.update(0.4999, True, 20.0, 0.2, 1) is None
    assert impedance.update(0.5, True, 20.0, 0.2, 99_999) is None
    assert impedance.update(0.5, False, 20.0, 0.2, 99_999) is None
    assert impedance.update(0.5, True, 20.0, 0.2, 99_999) is None


@pytest.mark.parametrize(
    ("voltage_v", "current_a", "ohm"),
    [
        (20.0, 0.002, 10_000.0),
        (20.0, 0.00199999, 1e9),
        (math.nan, 0.001, math.nan),
        (0.2, 0.5, 0.4),
        (0.1999999, 0.5, 0.0),
        (0.1, math.nan, math.nan),
        (math.nan, 0.5, math.nan),
        (20.0, math.nan, math.nan),
        (0.0, 0.0, 1e9),
    ],
)
def test_open_short_and_no_number(voltage_v: float, current_a: float, ohm: float) -> None:
    found = Impedance(0.5, 0.002, 0.2).update(1.0, True, voltage_v, current_a, 200_000)
    assert found == pytest.approx(ohm, nan_ok=True)


# --- blanking -------------------------------------------------------------------------------------------------------


def blanked(first_w: float, then_w: float) -> bool:
    """Is a move from one command to another blanked, long after the first?"""
    blanking = Blanking()
    blanking.update(first_w, 0, 20_000)
    return blanking.update(then_w, 20_000_000, 20_020_000)


@pytest.mark.parametrize(
    ("first_w", "then_w", "is_blanked"),
    [
        (0.0, 2.0, False), (0.0, 2.001, True), (0.0, 1.9995, False), (5.0, 2.999, True), (5.0, 3.0, False),
        (100.0, 120.0, False), (100.0, 120.01, True), (100.0, 119.99, False), (100.0, 79.99, True),
        (100.0, 80.01, False), (100.0, 100.0, False), (0.0, 0.0, False),
    ],
)  # fmt: skip
def test_what_is_a_jump(first_w: float, then_w: float, is_blanked: bool) -> None:
    assert blanked(first_w, then_w) is is_blanked


def test_blanking_ends_after_half_a_second() -> None:
    blanking = Blanking()
    assert blanking.update(10.0, 1_000_000, 1_000_001)
    assert blanking.update(10.0, 1_499_999, 1_500_000)
    assert not blanking.update(10.0, 1_500_000, 1_500_001)
    assert not Blanking().update(0.0, 0, 1)
    later = Blanking()
    later.update(10.0, 1_000_000, 1_000_001)
    later.update(20.0, 1_400_000, 1_400_001)
    assert later.update(20.0, 1_899_999, 1_900_000)
    assert not later.update(20.0, 1_900_000, 1_900_001)


def test_one_second_in_any_five_to_the_microsecond() -> None:
    assert Blanking().update(10.0, 0, 1_000_000)
    assert not Blanking().update(10.0, 0, 1_000_001)
    for from_us, is_blanked in ((5_000_000, True), (4_999_999, False)):
        blanking = Blanking()
        assert blanking.update(10.0, 0, 1_000_000)
        assert blanking.update(20.0, from_us, from_us + 1) is is_blanked
    # apart, joined, and partly out of the window
    blanking = Blanking()
    assert blanking.update(10.0, 0, 400_000)
    assert blanking.update(20.0, 400_000, 700_000)
    assert blanking.update(10.0, 2_000_000, 2_300_000)
    assert not blanking.update(20.0, 3_000_000, 3_000_001)
    assert not blanking.update(10.0, 5_000_000, 5_000_001 + 700_000)
    assert blanking.update(20.0, 5_000_000, 5_700_000)
    assert not blanking.update(10.0, 5_700_000, 5_700_001)


def test_blanked_spans_are_joined_with_the_last_one_alone() -> None:
    blanking = Blanking()
    assert blanking.update(10.0, 0, 400_000)
    assert blanking.update(20.0, 2_000_000, 2_200_000)
    assert blanking.update(10.0, 2_200_000, 2_400_000)
    assert blanking.update(20.0, 3_000_000, 3_200_000)
    assert not blanking.update(10.0, 3_200_000, 3_200_001)


def test_before_the_first_command_there_was_none() -> None:
    assert Blanking().update(2.0005, 0, 20_000)
    assert not Blanking().update(1.9995, 0, 20_000)


def test_a_command_that_keeps_jumping_is_blanked_one_second_in_five() -> None:
    blanking = Blanking()
    seen = [blanking.update(10.0 + 10.0 * (n % 2), n * 20_000, (n + 1) * 20_000) for n in range(560)]
    assert [n for n, hidden in enumerate(seen) if hidden] == [*range(50), *range(250, 300), *range(500, 550)]


# --- what the output law allows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ohm", "watts"),
    [(None, 20.0), (0.0, 20.0), (-0.0005, 20.0), (0.0005, 0.0005), (4.0, 4.0), (20.0, 20.0), (100.0, 20.0),
     (500.0, 20.0), (1000.0, 10.0), (9.995e8, 1e4 / 9.995e8), (1e9, 20.0), (1.0005e9, 20.0), (math.nan, 20.0),
     (math.inf, 20.0)],
)  # fmt: skip
def test_allowed_power(ohm: float | None, watts: float) -> None:
    """20 W, 1 A, 100 V."""
    assert allowed_power_w(20.0, 1.0, 100.0, ohm) == close(watts)


# --- stall ----------------------------------------------------------------------------------------------------------


def test_the_ten_seconds_of_a_stall_to_the_microsecond() -> None:
    for end_us, there in ((9_999_999, False), (10_000_000, True)):
        stall = Stall()
        stall.reset(0)
        assert stall.update(0, 20_000, 40.0, 50.0, False, 10.0, 20.0) == NONE_YET
        found = stall.update(end_us, end_us, 42.0, 53.0, False, 5.0, 8.0)
        assert found == ((close(2.0), close(3.0), close(5.0), close(8.0)) if there else NONE_YET)


def test_a_point_each_tenth_of_a_second() -> None:
    def last_c(after_us: int) -> float | None:
        """Gained since the point before the window's edge, where one more reading came this long after the first."""
        stall = Stall()
        stall.reset(0)
        stall.update(0, 20_000, 40.0, 50.0, False, 1.0, 1.0)
        stall.update(after_us, 20_000, 41.0, 50.0, False, 1.0, 1.0)
        return stall.update(10_200_000, 20_000, 45.0, 50.0, False, 1.0, 1.0)[0]

    assert last_c(99_999) == close(5.0)
    assert last_c(100_000) == close(4.0)
    assert last_c(200_000) == close(4.0)
    assert last_c(200_001) == close(5.0)


def test_a_stall_starts_again_with_its_ramp() -> None:
    stall = Stall()
    stall.reset(0)
    stall.update(0, 20_000, 40.0, 50.0, False, 10.0, 20.0)
    stall.update(10_000_000, 10_000_000, 42.0, 53.0, False, 5.0, 8.0)
    stall.reset(10_050_000)
    assert stall.update(10_050_000, 50_000, 43.0, 54.0, False, 5.0, 8.0) == NONE_YET
    assert stall.update(10_060_000, 10_000, 43.0, 54.0, False, 5.0, 8.0) == NONE_YET
    found = stall.update(20_050_000, 9_990_000, 44.0, 56.0, False, 4.0, 6.0)
    delivered_w, allowed_w = 5.0 * 0.001 + 4.0 * 0.999, 8.0 * 0.001 + 6.0 * 0.999
    assert found == (close(1.0), close(2.0), close(delivered_w), close(allowed_w))
    assert stall.update(20_060_000, 10_000, 44.0, 56.0, False, 4.0, 6.0) == found
    assert stall.update(20_070_000, 10_000, 44.0, 56.0, True, 4.0, 6.0) == NONE_YET
    assert stall.update(20_200_000, 10_000, 44.0, 56.0, True, 4.0, 6.0) == NONE_YET
    assert stall.update(20_210_000, 10_000, 44.0, 56.0, False, 4.0, 6.0) == NONE_YET


def test_a_new_stall_has_nothing() -> None:
    stall = Stall()
    assert stall.update(0, 20_000, 40.0, 50.0, False, 10.0, 20.0) == NONE_YET
    found = stall.update(10_000_000, 10_000_000, 42.0, 53.0, False, 5.0, 8.0)
    assert found == (close(2.0), close(3.0), close(5.0), close(8.0))


# --- flow, overshoot, interval --------------------------------------------------------------------------------------


def test_flow_is_due_after_its_priming_to_the_microsecond() -> None:
    flow = FlowDue(1.0)
    assert flow.update(0.001, 5_000_000) is None
    assert flow.update(0.001, 5_999_999) is None
    assert flow.update(0.001, 6_000_000) == 0.001
    assert flow.update(0.0005, 7_000_000) is None
    assert flow.update(0.0005, 8_000_000) == 0.0005
    assert flow.update(-0.0005, 8_000_001) is None
    assert flow.update(-0.0005, 10_000_000) is None
    assert flow.update(0.0, 12_000_000) is None
    assert flow.update(0.0, 14_000_000) is None
    assert FlowDue(0.0).update(3.0, 5) == 3.0
    assert FlowDue(0.0000015).update(3.0, 5) is None
    flow = FlowDue(1.0)
    flow.update(3.0, 0)
    flow.restart(500_000)
    assert flow.update(3.0, 1_499_999) is None
    assert flow.update(3.0, 1_500_000) == 3.0
    assert FlowDue(1.0).update(0.0, 2_000_000) is None


def test_overshoot_after_a_step_down_waits_for_five_degrees() -> None:
    for reading_c, armed in ((55.0, True), (55.003, False), (54.997, True), (54.0, True), (math.nan, True)):
        arm = OvershootArm(5.0)
        assert arm.update(60.0, 70.0, 0)
        assert not arm.update(50.0, 70.0, 20_000)
        assert arm.update(50.0, reading_c, 40_000) is math.isnan(reading_c)
        assert arm.update(50.0, reading_c, 540_000) is armed
    arm = OvershootArm(5.0)
    arm.update(60.0, 60.0, 0)
    assert not arm.update(50.0, 55.0, 0)
    assert arm.update(50.0, 55.0, 500_000)
    assert arm.update(50.0, 90.0, 520_000)  # once armed it stays so
    assert not arm.update(40.0, 44.0, 540_000)
    assert not arm.update(35.0, 39.0, 1_040_000)  # another step down counts anew
    assert arm.update(35.0, 39.0, 1_540_000)
    assert not arm.update(30.0, 90.0, 1_560_000)
    assert arm.update(35.0, 90.0, 1_580_000)  # a step up arms
    assert not arm.update(30.0, 90.0, 1_600_000)
    assert not arm.update(None, 30.0, 1_620_000)
    assert arm.update(30.0, 90.0, 1_640_000)  # a new treatment


def test_an_interval_is_on_off_or_neither() -> None:
    def taken(*commands: tuple[bool, bool]) -> tuple[bool, bool]:
        interval = Interval()
        interval.take()
        for rf_on, cut in commands:
            interval.drove(rf_on, cut)
        return interval.take()

    on, off, cut_on, cut_off = (True, False), (False, False), (True, True), (False, True)
    assert taken(on) == taken(on, on) == (True, False)
    assert taken(off) == taken(off, off) == taken(cut_off) == (False, True)
    assert taken(on, off) == taken(off, on) == taken(cut_on) == taken(cut_on, on) == taken(on, cut_on) == (False, False)
    assert Interval().take() == (False, True)
    interval = Interval()
    interval.take()
    assert interval.take() == (True, True)
