"""The forecast of the sentinel's peak: noise must not make it, and a rise must."""

from __future__ import annotations

import random
import statistics

import pytest

from rfgen.safety.thermal import Rise, Slope

NOISE_C = 0.1


def forecasts(period_us: int, rise_c_s: float, streams: int) -> tuple[list[float], list[float]]:
    """What is carried 10 s on, less the truth: from the line, and from a single reading with single readings' slope."""
    rng = random.Random(7)
    by_line, by_reading = [], []
    for _ in range(streams):
        rise, slope, due_us = Rise(), Slope(5_000_000), 0
        error: tuple[float, float] | None = None
        for now_us in range(0, 5_300_000, period_us):
            true_c = 40.0 + rise_c_s * now_us * 1e-6
            reading_c = true_c + rng.gauss(0.0, NOISE_C)
            level_c, found_c_s = rise.update(now_us, reading_c)
            if now_us < due_us:
                continue
            due_us = now_us + 100_000
            single_c_s = slope.update(now_us, reading_c)
            if level_c is not None and found_c_s is not None and single_c_s is not None:
                peak_c = true_c + 10.0 * rise_c_s
                error = level_c + 10.0 * found_c_s - peak_c, reading_c + 10.0 * single_c_s - peak_c
        assert error is not None
        by_line.append(error[0])
        by_reading.append(error[1])
    return by_line, by_reading


@pytest.mark.parametrize("period_us", [20_000, 7_003])
def test_it_has_less_than_half_the_noise_of_single_readings(period_us: int) -> None:
    by_line, by_reading = forecasts(period_us, 0.2, 150)
    # 0.14 sigma: by the theory of the straight line, 12.5 s from the middle of 5 s of means of five
    assert statistics.pstdev(by_line) < 0.5 * statistics.pstdev(by_reading)
    assert abs(statistics.fmean(by_line)) < 0.02


def test_a_steady_rise_is_carried_on_as_it_is() -> None:
    rise = Rise()
    for now_us in range(0, 8_000_001, 20_000):
        found = rise.update(now_us, 38.0 + 0.25 * now_us * 1e-6)
    assert found == (pytest.approx(40.0), pytest.approx(0.25))


def test_a_fall_is_not_carried_on() -> None:
    rise = Rise()
    for now_us in range(0, 6_000_001, 20_000):
        level_c, rise_c_s = rise.update(now_us, 44.0 - 0.5 * now_us * 1e-6)
    assert rise_c_s == 0.0
    assert level_c == pytest.approx(41.0)
