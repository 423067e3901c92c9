"""Electrical signals and clocks at the edges of their own figures, to the microsecond and a ten-thousandth."""

from __future__ import annotations

import math

import pytest

from rfgen.safety.electrical import Energy, Jumps, Late, Least, Skew, meter_off_by_w


def close(value: float | None) -> object:
    """This number, but for rounding."""
    return pytest.approx(value, rel=1e-9)


def test_the_least_impedance_of_a_ramp() -> None:
    least = Least()
    seen = [least.update(ohm) for ohm in (None, math.nan, 100.0, 90.0, 95.0, math.nan, None, 0.0)]
    assert seen == [None, None, 100.0, 90.0, 90.0, 90.0, 90.0, 0.0]
    least.reset()
    assert least.update(None) is None
    assert least.update(120.0) == 120.0


def test_a_jump_within_a_tenth_of_a_second_to_the_microsecond() -> None:
    for now_us, found in ((99_999, (20.0, 100.0)), (100_000, (20.0, 100.0)), (100_001, (None, None))):
        jumps = Jumps()
        assert jumps.update(0, 100.0) == (None, None)
        assert jumps.update(now_us, 120.0) == found


def test_a_jump_is_from_the_value_it_is_farthest_from() -> None:
    def jump(*values: float | None) -> tuple[float | None, float | None]:
        jumps = Jumps()
        for n, ohm in enumerate(values):
            found = jumps.update(n * 1000, ohm)
        return found

    assert jump(100.0, 150.0, 110.0) == (40.0, 150.0)
    assert jump(100.0, 150.0, 140.0) == (40.0, 100.0)
    assert jump(100.0, 150.0, 120.0) == (30.0, 150.0)  # both a fifth of what they were from
    assert jump(100.0, 60.0) == (40.0, 100.0)
    assert jump(0.0, 30.0, 10.0) == (10.0, 0.0)
    assert jump(-0.0005, 30.0, 10.0) == (10.0005, -0.0005)
    assert jump(0.0005, 1.0, 0.0005) == (0.9995, 1.0)
    assert jump(100.0, None) == (None, None)
    assert jump(100.0, None, 130.0) == (30.0, 100.0)
    moved, before = jump(100.0, math.nan)
    assert moved is not None
    assert before is not None
    assert moved != moved
    assert before != before
    assert jump(100.0, math.nan, 130.0) == (30.0, 100.0)
    assert jump(math.nan, 130.0) == (None, None)
    jumps = Jumps()
    jumps.update(0, 100.0)
    jumps.reset()
    assert jumps.update(1, 200.0) == (None, None)
    assert jumps.update(2, 200.0) == (0.0, 200.0)


def test_energy_adds_up_and_leaves_out_what_is_no_number() -> None:
    energy = Energy()
    assert energy.update(0.0, 20_000) == 0.0
    assert energy.update(10.0, 20_000) == close(0.2)
    assert math.isnan(energy.update(math.nan, 20_000))
    assert math.isnan(energy.update(math.inf, 20_000))
    assert energy.update(10.0, 500_000) == close(5.2)
    energy.reset()
    assert energy.update(0.0, 20_000) == 0.0


def test_how_far_the_meters_are_apart() -> None:
    assert meter_off_by_w(10.0, 2.0, 60.0, 7.0) == close(3.0)
    assert meter_off_by_w(10.0, 2.0, 60.0, 13.0) == close(3.0)
    assert meter_off_by_w(10.0, 2.0, 0.0, 20.0) == 0.0
    for odd in (math.nan, math.inf, -math.inf):
        assert math.isnan(meter_off_by_w(10.0, 2.0, odd, 7.0))
    assert math.isnan(meter_off_by_w(math.nan, 2.0, 0.0, 7.0))


def skewed(period_us: int, rig_us: int, ticks: int, skew: Skew | None = None) -> list[float | None]:
    """The signal of these ticks, the rig's clock going on by `rig_us` in each."""
    skew = skew or Skew()
    found = []
    for n in range(ticks):
        skew.passed(period_us)
        found.append(skew.update(1_000 + n * rig_us))
    return found


def test_the_clocks_over_ten_seconds() -> None:
    assert skewed(500_000, 500_000, 21) == [None] * 20 + [0.0]
    assert skewed(500_000, 510_000, 21) == [None] * 20 + [close(0.02)]
    assert skewed(500_000, 490_000, 21) == [None] * 20 + [close(0.02)]
    assert skewed(499_999, 499_999, 24) == [None] * 22 + [0.0] * 2  # judged each half second: every other of these
    # the span is the last 10 s alone
    skew = Skew()
    first = skewed(500_000, 510_000, 21, skew)
    assert first[-1] == close(0.02)
    rig_us = 1_000 + 20 * 510_000
    seen = []
    for _ in range(20):
        skew.passed(500_000)
        rig_us += 500_000
        seen.append(skew.update(rig_us))
    assert seen[0] == close(0.019)
    assert seen[-1] == close(0.0)
    # between two judgements it stays
    skew.passed(499_999)
    assert skew.update(0) == seen[-1]
    skew.passed(1)
    assert skew.update(rig_us + 500_000) == close(0.0)
    skew.reset()
    skew.passed(20_000)
    assert skew.update(0) is None


def test_ten_seconds_of_clocks_to_the_microsecond() -> None:
    for last_us, found in ((999_999, None), (1_000_000, 0.0)):
        skew = Skew()
        for passed_us in (*[500_000] * 19, last_us):
            skew.passed(passed_us)
            seen = skew.update(skew._ticks_us)
        assert seen == found


def test_time_that_passed_without_samples_is_time() -> None:
    skew = Skew()
    for n in range(25):
        skew.passed(500_000)
        if n in (0, 24):
            found = skew.update(n * 500_000)
    assert found == 0.0


def test_what_is_late() -> None:
    def late(*intervals_us: int | None) -> int:
        counter = Late()
        for interval_us in intervals_us:
            found = counter.update(interval_us, 20_000)
        return found

    assert late(30_000) == late(29_995) == late(10_000) == late(10_005) == late(20_000) == late(None) == 0
    assert late(30_001) == late(30_005) == late(9_999) == late(9_995) == 1
    assert late(30_001, 5_000, 40_000) == 3
    assert late(30_001, None, 40_000) == 2
    assert late(30_001, 20_000, 40_000) == 1
    counter = Late()
    counter.update(50_000, 20_000)
    counter.reset()
    assert counter.update(None, 20_000) == 0
