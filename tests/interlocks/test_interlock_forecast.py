"""The forecast of the sentinel's peak: noise must not make it, a rise must, and more of either is never less."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.safety.thermal import Forecast, Slope

NOISE_C = 0.1
POINT_US = 500_000


def peaks(period_us: int, rise_c_s: float, streams: int) -> tuple[list[float], list[float]]:
    """What is forecast at 12 s, before any heating, less the truth: by the forecast, and by a single reading with
    single readings' slope."""
    rng = random.Random(7)
    by_line, by_reading = [], []
    for _ in range(streams):
        forecast, slope, due_us = Forecast(), Slope(10_000_000), 0
        error: tuple[float, float] | None = None
        for now_us in range(0, 10_300_000, period_us):
            true_c = 40.0 + rise_c_s * now_us * 1e-6
            reading_c = true_c + rng.gauss(0.0, NOISE_C)
            level_c, climb_c = forecast.update(now_us, reading_c)
            if now_us < due_us:
                continue
            due_us = now_us + 100_000
            single_c_s = slope.update(now_us, reading_c)
            if level_c is not None and climb_c is not None and single_c_s is not None:
                peak_c = true_c + 150.0 * rise_c_s + 0.2
                error = level_c + climb_c - peak_c, reading_c + 150.0 * single_c_s + 0.2 - peak_c
        assert error is not None
        by_line.append(error[0])
        by_reading.append(error[1])
    return by_line, by_reading


@pytest.mark.parametrize("period_us", [20_000, 7_003])
def test_it_has_less_than_half_the_noise_of_single_readings(period_us: int) -> None:
    by_line, by_reading = peaks(period_us, 0.2, 60)
    # by the theory of the straight line 155 s from the middle of 10 s of points, 1 / sqrt(readings in a point): 0.45
    assert statistics.pstdev(by_line) < 0.6 * statistics.pstdev(by_reading)
    assert abs(statistics.fmean(by_line)) < 0.1


def peak_after(readings: list[float], begins: int, powers_w: Sequence[float] = ()) -> tuple[float, float]:
    """(level, forecast peak) after these readings, each with its power; heating begins with one of them."""
    forecast = Forecast()
    for n, reading_c in enumerate(readings):
        if n == begins:
            forecast.begin(n * POINT_US)
        level_c, climb_c = forecast.update(n * POINT_US, reading_c, powers_w[n] if powers_w else math.nan)
    assert level_c is not None
    assert climb_c is not None
    return level_c, level_c + climb_c


CURVES = st.lists(st.floats(-0.05, 0.4), min_size=43, max_size=60)
"""By how much the sentinel rises from one point to the next."""


@settings(max_examples=40, deadline=None)
@given(rises=CURVES, begins=st.integers(0, 20), more=st.floats(0.0, 2.0))
def test_a_sentinel_that_was_hotter_from_the_start_peaks_so_much_higher(
    rises: list[float], begins: int, more: float
) -> None:
    """What it had before the heating is no part of the climb, and all of it is in the peak."""
    cool = [37.0 + sum(rises[:n]) for n in range(len(rises))]
    (level_c, peak_c), (warm_level_c, warm_peak_c) = (
        peak_after(cool, begins),
        peak_after([c + more for c in cool], begins),
    )
    assert warm_level_c == pytest.approx(level_c + more, abs=1e-6)
    assert warm_peak_c == pytest.approx(peak_c + more, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(rises=CURVES, begins=st.integers(0, 20))
def test_what_is_there_is_never_taken_back(rises: list[float], begins: int) -> None:
    """However far it has risen, the peak is never forecast below the level and the margin."""
    level_c, peak_c = peak_after([37.0 + sum(rises[:n]) for n in range(len(rises))], begins)
    assert peak_c >= level_c + 0.2 - 1e-9


@settings(max_examples=40, deadline=None)
@given(rises=CURVES, begins=st.integers(0, 20), more=st.floats(0.0, 0.2))
def test_a_faster_rise_is_never_forecast_less(rises: list[float], begins: int, more: float) -> None:
    """The same level now, come to by a steeper line over the last 10 s."""
    slow = [37.0 + sum(rises[:n]) for n in range(len(rises))]
    middle = len(slow) - 11
    fast = [c + (more * (n - middle) if n >= len(slow) - 21 else 0.0) for n, c in enumerate(slow)]
    (_, slow_peak_c), (_, fast_peak_c) = peak_after(slow, begins), peak_after(fast, begins)
    assert fast_peak_c >= slow_peak_c - 1e-6


@settings(max_examples=40, deadline=None)
@given(rises=CURVES, begins=st.integers(0, 20), times=st.floats(1.0, 3.0))
def test_twice_the_heat_is_twice_the_climb(rises: list[float], begins: int, times: float) -> None:
    """Heat conduction is linear, and so is the forecast but for its margin."""
    curve = [sum(rises[:n]) for n in range(len(rises))]
    _, once = peak_after(curve, begins)
    _, more = peak_after([times * c for c in curve], begins)
    assert more - 0.2 == pytest.approx(times * (once - 0.2), abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    rises=CURVES,
    begins=st.integers(0, 20),
    powers_w=st.lists(st.floats(0.0, 20.0), min_size=60, max_size=60),
    share=st.floats(0.0, 1.0),
)
def test_less_power_of_late_is_never_forecast_more_nor_less_than_half(
    rises: list[float], begins: int, powers_w: list[float], share: float
) -> None:
    """However much less is put in over the last 5 s, what it takes off the climb is half of it at most."""
    curve = [37.0 + sum(rises[:n]) for n in range(len(rises))]
    last = len(curve) - 10
    less_w = [w * (share if n > last else 1.0) for n, w in enumerate(powers_w)]
    (level_c, unknown_c), (_, peak_c), (_, less_c) = (
        peak_after(curve, begins),
        peak_after(curve, begins, powers_w),
        peak_after(curve, begins, less_w),
    )
    assert less_c <= peak_c + 1e-9 <= unknown_c + 2e-9
    assert less_c - level_c >= 0.5 * (unknown_c - level_c) - 1e-9


def test_a_fall_is_not_carried_on() -> None:
    forecast = Forecast()
    for now_us in range(0, 12_000_001, 20_000):
        level_c, climb_c = forecast.update(now_us, 44.0 - 0.5 * now_us * 1e-6)
    assert climb_c == 0.2
    assert level_c == pytest.approx(38.0)
