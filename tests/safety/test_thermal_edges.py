"""Thermal signals at the edges of their own figures, to the microsecond and to a ten-thousandth of a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from rfgen.safety.thermal import Dose, Forecast, Rate, Slope, Stuck, disagreement_c


def close(value: float | None) -> object:
    """This number, but for rounding."""
    return pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("reading_c", "minutes"),
    [
        (43.0, 1.0), (44.0, 2.0), (42.0, 0.25), (42.99, 0.25**0.01), (43.01, 0.5**-0.01), (60.0, 131_072.0),
        (60.05, 131_072.0), (59.95, 0.5**-16.95), (70.0, 131_072.0), (37.0, 0.0), (36.98, 0.0), (37.02, 0.25**5.98),
        (-299.9, 0.0), (999.5, 131_072.0),
    ],
)  # fmt: skip
def test_a_minute_at_a_temperature(reading_c: float, minutes: float) -> None:
    assert Dose().update(reading_c, 60_000_000) == close(minutes)


@pytest.mark.parametrize("reading_c", [math.nan, math.inf, -math.inf, -300.0, -300.1, 1000.0, 1000.5])
def test_a_reading_that_is_none_gives_no_dose_and_takes_none(reading_c: float) -> None:
    dose = Dose()
    assert dose.update(43.0, 60_000_000) == 1.0
    assert math.isnan(dose.update(reading_c, 60_000_000))
    assert dose.update(37.0, 60_000_000) == 1.0
    dose.new_patient()
    assert dose.update(30.0, 60_000_000) == 0.0


def test_a_slope_over_its_window_to_the_microsecond() -> None:
    slope = Slope(1_000_000)
    assert slope.update(0, 10.0) is None
    assert slope.update(999_999, 12.0) is None
    assert slope.update(1_000_000, 12.0) == pytest.approx(2.0, rel=1e-3)
    slope.reset()
    assert slope.update(5_000_000, 10.0) is None
    assert slope.update(6_000_000, 13.0) == close(3.0)
    assert slope.update(6_500_000, 14.5) == close(3.0)
    assert slope.level(6_500_000, 3.0) == close(14.5)
    assert slope.level(7_000_000, 3.0) == close(16.0)


def test_a_slope_is_as_good_after_eleven_days() -> None:
    slope = Slope(1_000_000)
    for n in range(40):
        slope.update(n * 100_000, 10.0 + n)
    for n in range(40):
        found = slope.update(10**12 + n * 100_000, 10.0 + 0.2 * n)
        if n > 25:
            assert found == close(2.0)
    short = Slope(10_000)
    short.update(0, 10.0)
    assert short.update(10_000, 10.1) == close(10.0)


def ramp_rate(c_s: float, *, noise_c: float = 0.1, points: int = 7, period_us: int = 20_000) -> float | None:
    """What a ramp on the second of two channels reads as."""
    rate = Rate((0, 1), (noise_c, noise_c), period_us)
    for n in range(points):
        found = rate.update(n * period_us, (37.0, 37.0 + c_s * n * period_us * 1e-6))
    return found


def test_a_rate_is_told_from_five_sigma_on() -> None:
    """Six points 20 ms apart: one sigma of the slope is the noise / sqrt(0.007) a second."""
    edge_c_s = 5.0 * 0.1 / math.sqrt(0.007)
    assert ramp_rate(edge_c_s * 1.0005) == close(edge_c_s * 1.0005)
    assert ramp_rate(-edge_c_s * 1.0005) == close(edge_c_s * 1.0005)
    assert ramp_rate(edge_c_s * 0.9995) == 0.0
    assert ramp_rate(40.0, points=5) is None
    assert ramp_rate(40.0, points=6) == close(40.0)
    assert ramp_rate(40.0, points=3, period_us=100_000) is None
    assert ramp_rate(40.0, points=4, period_us=100_000) == close(40.0)


def test_a_rate_of_samples_at_uneven_times() -> None:
    rate = Rate((0, 1), (0.001, 0.001), 20_000)
    for now_us in (0, 30_000, 45_000, 99_999):
        assert rate.update(now_us, (37.0, 37.0 + now_us * 20e-6)) is None or now_us == 99_999
    assert rate.update(100_000, (37.0, 39.0)) == close(20.0)
    rate.reset()
    assert rate.update(200_000, (37.0, 37.0)) is None
    edge_c_s = 5.0 * 0.001 / math.sqrt(0.00625)  # four points at 0, 25, 75 and 100 ms: sum of squares 0.00625 s2
    for share, told in ((1.0005, True), (0.9995, False)):
        rate = Rate((0,), (0.001,), 20_000)
        for now_us in (0, 25_000, 75_000, 100_000):
            found = rate.update(now_us, (edge_c_s * share * now_us * 1e-6,))
        assert found == (close(edge_c_s * share) if told else 0.0)


def test_one_uneven_interval_makes_a_window_uneven_to_its_end() -> None:
    rate = Rate((0,), (0.001,), 20_000)
    for now_us in (0, 30_000, 50_000, 70_000, 90_000, 110_000):
        found = rate.update(1_000_000 + now_us, (20e-6 * now_us,))
    assert found == close(20.0)


def test_the_smallest_rate_without_noise() -> None:
    assert ramp_rate(0.0005, noise_c=0.0) == pytest.approx(0.0005, rel=1e-6)
    assert ramp_rate(-0.0005, noise_c=0.0) == pytest.approx(0.0005, rel=1e-6)


def test_a_rate_of_no_number_is_none_until_it_has_left() -> None:
    rate = Rate((0, 1), (0.1, 0.1), 20_000)
    for n in range(20):
        found = rate.update(n * 20_000, (math.nan if n == 8 else 37.0, 50.0 * n))
        if n >= 5:
            assert found is not None
            assert math.isnan(found) is (8 <= n <= 13)


def test_the_sentinels_line_over_ten_seconds() -> None:
    forecast = Forecast()
    for n in range(1000):
        level_c, climb_c = forecast.update(n * 20_000, 37.0 + 0.02 * n * 0.02)
        if n < 500:
            assert (level_c, climb_c) == (None, None)
        elif n > 510:
            assert climb_c == pytest.approx(0.2 + 150.0 * 0.02, rel=1e-6)
            assert level_c == pytest.approx(37.0 + 0.02 * (n - n % 5) * 0.02, abs=1e-6)
    for last_us, there in ((9_999_999, False), (10_000_000, True)):
        edge = Forecast()
        edge.update(0, 37.0)
        assert (edge.update(last_us, 38.0) != (None, None)) is there
    falling = Forecast()
    for n in range(600):
        level_c, climb_c = falling.update(n * 20_000, 50.0 - n * 0.01)
    assert climb_c == 0.2
    assert level_c == pytest.approx(50.0 - 595 * 0.01, abs=1e-6)
    falling.begin(12_000_000)
    falling.reset()
    assert falling.update(0, 37.0) == (None, None)
    assert falling.update(10_000_000, 37.1)[1] == pytest.approx(0.2 + 150.0 * 0.01)


def risen(rise_c_s: float, age_s: float, before_c: float = 37.0) -> tuple[float | None, float | None]:
    """Level and climb after a steady rise that begins with the heating, a point each second."""
    forecast = Forecast()
    for n in range(12):
        forecast.update(n * 1_000_000, before_c)
    forecast.begin(12_000_000)
    for n in range(round(age_s) + 1):
        found = forecast.update(12_000_000 + n * 1_000_000, before_c + rise_c_s * n)
    return found


@pytest.mark.parametrize(
    ("age_s", "soon_s", "late_s"),
    # of a steady rise: soon 150 s less the age, at least 58; late 0.05 of the age up to 400 s, as 0.35 - 0.3 is more
    # than 1.3 - 1.7
    [(45, 105.0, 2.25), (91, 59.0, 4.55), (115, 58.0, 5.75), (400, 58.0, 20.0), (450, 58.0, 140.0 - 135.0)],
)
def test_a_steady_rise_climbs_further(age_s: int, soon_s: float, late_s: float) -> None:
    level_c, climb_c = risen(0.01, age_s)
    assert level_c == pytest.approx(37.0 + 0.01 * age_s)
    assert climb_c == pytest.approx(0.2 + 0.01 * (soon_s + late_s), rel=1e-4)


def test_a_rise_that_begins_late_climbs_the_furthest() -> None:
    forecast = Forecast()
    for n in range(12):
        forecast.update(n * 1_000_000, 37.0)
    forecast.begin(12_000_000)
    for n in range(101):
        found = forecast.update(12_000_000 + n * 1_000_000, 37.0 + max(0.0, 0.05 * (n - 80)))
    # 1 C in 20 s, 100 s after the beginning: 1.3 x 0.05 x 100 - 1.7 x 1, and 58 s of the rise
    assert found[1] == pytest.approx(0.2 + 6.5 - 1.7 + 58.0 * 0.05, rel=1e-4)


def test_of_a_rise_that_began_a_while_ago_the_steeper_line_counts() -> None:
    forecast = Forecast()
    forecast.begin(0)
    forecast._climb_c(0, 40.0, 0.0)
    # rise x age is 1.5 times what it has risen: 1.3 x 1.5 - 1.7 is more than 0.35 x 1.5 - 0.3
    assert forecast._climb_c(150_000_000, 42.0, 0.02) == pytest.approx(0.2 + 58.0 * 0.02 + 0.5, abs=1e-9)


def test_what_it_has_risen_counts_from_the_first_level_that_is_known() -> None:
    forecast = Forecast()
    forecast.begin(0)
    for n in range(41):
        found = forecast.update(n * 1_000_000, 40.0 + 0.01 * n)
    # known from 10 s on: it has risen 0.3 C since; the age is 40 s all the same: 0.35 x 0.4 - 0.3 x 0.3
    assert found[1] == pytest.approx(0.2 + 110.0 * 0.01 + 0.05, rel=1e-4)


def test_a_sentinel_that_has_cooled_has_not_risen() -> None:
    forecast = Forecast()
    for n in range(31):
        if n == 12:
            forecast.begin(12_000_000)
        found = forecast.update(n * 1_000_000, 40.0 - 0.1 * n if n <= 20 else 38.0 + 0.01 * (n - 20))
    # at 18 s: 132 s of the rise, and 1.3 x 18 s of it
    assert found[1] == pytest.approx(0.2 + (132.0 + 23.4) * 0.01, rel=1e-4)


def test_a_slow_fall_is_no_rise_either() -> None:
    forecast = Forecast()
    for n in range(12):
        found = forecast.update(n * 1_000_000, 40.0 - 0.0005 * n)
    assert found[1] == 0.2


def test_a_later_treatment_counts_its_rise_from_where_it_begins() -> None:
    forecast = Forecast()
    forecast.begin(0)
    for n in range(82):
        if n == 41:
            forecast.begin(41_000_000)
        found = forecast.update(n * 1_000_000, 37.0 + 0.01 * n)
    # 40 s old, 0.4 C risen: 110 s of the rise, and 0.35 x 0.4 - 0.3 x 0.4
    assert found[1] == pytest.approx(0.2 + 110.0 * 0.01 + 0.02, rel=1e-4)


def soon_left(powers_w: Sequence[float], before_w: float = 0.5) -> float:
    """What is left of *soon* after a heating of 200 s at most with these powers, one a second, at 0.001 C/s."""
    forecast = Forecast()
    for n in range(11):
        forecast.update(n * 1_000_000, 37.0, before_w)
    forecast.begin(11_000_000)
    forecast.update(11_000_000, 37.0, before_w)
    for n, power_w in enumerate(powers_w, 1):
        _, climb_c = forecast.update((11 + n) * 1_000_000, 37.0 + 0.001 * n, power_w)
    assert climb_c is not None
    late_c = (0.35 - 0.3) * 0.001 * len(powers_w)
    return (climb_c - 0.2 - late_c) / (max(150.0 - len(powers_w), 58.0) * 0.001)


def test_half_of_what_comes_soon_goes_with_the_power() -> None:
    # 100 s, the last 10 of them at 4 W; before that at 10 W: 4 W against a mean of 9.4
    assert soon_left([10.0] * 90 + [4.0] * 10) == pytest.approx(0.5 + 0.5 * 4.0 / 9.4, rel=1e-3)
    # 4 s of 4 W, and 6 s of 10 W: 7.6 W against 9.76
    assert soon_left([10.0] * 96 + [4.0] * 4) == pytest.approx(0.5 + 0.5 * 7.6 / 9.76, rel=1e-3)
    assert soon_left([10.0] * 90 + [0.0] * 10) == pytest.approx(0.5, rel=1e-3)
    assert soon_left([10.0] * 90 + [0.0] * 100) == pytest.approx(0.5, rel=1e-3)
    # of what came before the heating nothing counts, whatever it was
    for before_w in (0.0, 50.0):
        assert soon_left([10.0] * 90 + [4.0] * 10, before_w) == pytest.approx(0.5 + 0.5 * 4.0 / 9.4, rel=1e-3)


@pytest.mark.parametrize(
    "powers_w",
    [
        [10.0] * 100,
        [4.0] * 90 + [10.0] * 10,
        [10.0 - n for n in range(10)],  # as old as the window: there is nothing before it
        [0.0] * 100,
        [math.nan] + [10.0] * 89 + [1.0] * 10,
        [10.0] * 90 + [1.0] * 9 + [math.nan],
        [10.0] * 90 + [math.inf] + [1.0] * 20,
        [10.0] * 90 + [-1.0] * 10,
        [-10.0] * 90 + [-1.0] * 10,
        [],
    ],
)
def test_a_power_that_is_as_before_or_more_or_not_known_takes_nothing_off(powers_w: list[float]) -> None:
    assert soon_left(powers_w or [math.nan] * 50) == pytest.approx(1.0, rel=1e-3)


def test_a_later_treatment_counts_its_power_from_where_it_begins() -> None:
    forecast = Forecast()
    for n in range(122):
        if n in (0, 61):
            forecast.begin(n * 1_000_000)
        # 10 W, then half a watt from the second treatment on; one reading of the first is none
        found = forecast.update(n * 1_000_000, 37.0 + 0.001 * n, math.nan if n == 5 else 10.0 if n <= 61 else 0.5)
    assert found[1] == pytest.approx(0.2 + 0.001 * (90.0 + 0.05 * 60.0), rel=1e-3)


@pytest.mark.parametrize("risen_c", [0.0005, 0.0, -0.0005, -0.1])
def test_every_bit_of_a_rise_counts_and_none_of_a_fall(risen_c: float) -> None:
    forecast = Forecast()
    forecast.begin(0)
    forecast._climb_c(0, 40.0, 0.0)
    # 100 s old, at 0.001 C/s: 58 s of it, and 0.13 C less 1.7 of what it has risen
    expected_c = 0.2 + 0.058 + 0.13 - 1.7 * max(risen_c, 0.0)
    assert forecast._climb_c(100_000_000, 40.0 + risen_c, 0.001) == pytest.approx(expected_c, abs=1e-9)


def test_one_reading_that_is_none_leaves_no_trace_once_it_has_left_the_window() -> None:
    forecast = Forecast()
    forecast.begin(0)
    for n in range(30):
        level_c, climb_c = forecast.update(n * 1_000_000, math.nan if n == 11 else 37.0)
        if n >= 10:
            assert level_c is not None
            assert climb_c is not None
            assert math.isnan(level_c) is (11 <= n <= 21)
            assert math.isnan(climb_c) is (11 <= n <= 21)
    begun = Forecast()
    begun.update(0, math.nan)
    for n in range(1, 30):
        if n == 5:
            begun.begin(5_000_000)  # no level is known until 11 s: the rise counts from there
        found = begun.update(n * 1_000_000, 37.0 + 0.01 * n)
    # 24 s old, 0.18 C risen
    assert found[1] == pytest.approx(0.2 + 126.0 * 0.01 + 0.35 * 0.24 - 0.3 * 0.18, rel=1e-4)


def stood(period_us: int, ticks: int, step_c: float = 0.0, moved_c: float | None = None) -> float:
    """The share after the one channel has stood still for so many ticks; with `moved_c` it is a sentinel, and an
    electrode has moved by so much."""
    electrodes, sentinels = ((0,), ()) if moved_c is None else ((1,), (0,))
    stuck = Stuck(electrodes, sentinels, (step_c, step_c))
    for n in range(ticks + 1):
        away_c = 0.0 if moved_c is None or n == 0 else moved_c + (n % 2) * 1e-9
        found = stuck.update(1_000 + n * period_us, (37.0, 37.0 + away_c))
    return found


def test_what_is_stuck() -> None:
    assert stood(20_000, 100) == 1.0
    assert stood(20_000, 99) == close(0.99)
    assert stood(200_000, 19) == close(0.95)  # 3.8 s, but 19 updates
    assert stood(200_000, 20) == 1.0
    assert stood(100_000, 20) == 1.0
    assert stood(99_999, 20) == close(1.99998 / 2.0)
    assert stood(20_000, 100, 0.02) == 1.0
    assert stood(20_000, 100, 0.01999) == 1.0
    assert stood(20_000, 100, 0.02001) == close(2.0 / 30.0)
    assert stood(20_000, 0) == 0.0
    assert stood(20_000, 100, moved_c=10.005) == 1.0
    assert stood(20_000, 100, moved_c=-10.005) == 1.0
    assert stood(20_000, 100, moved_c=9.995) == 0.0
    assert stood(20_000, 100, moved_c=0.0) == 0.0


def test_the_most_stuck_of_several_and_from_the_start_again() -> None:
    stuck = Stuck((0, 1), (), (0.0, 0.0))
    for n in range(51):
        found = stuck.update(n * 20_000, (37.0, 37.0 + (n < 26) * n))
    assert found == close(0.5)
    for n in range(51, 76):
        found = stuck.update(n * 20_000, (37.0 + n, 37.0))
    assert found == close(0.49)  # the second alone, since it last moved
    assert math.isfinite(stuck.update(76 * 20_000, (math.nan, math.nan)))
    stuck.reset()
    assert stuck.update(77 * 20_000, (37.0, 37.0)) == 0.0
    assert stuck.update(78 * 20_000, (37.0, 37.0)) == close(0.01)
    stuck = Stuck((0,), (1,), (0.0, 0.0))
    for n in range(60):
        found = stuck.update(n * 20_000, (37.0 + n, 45.0))
    assert found == close(0.59)


def test_the_largest_disagreement() -> None:
    pairs = ((0, 1), (2, 3))
    assert disagreement_c((37.0, 38.0, 40.0, 37.0), pairs) == 3.0
    assert disagreement_c((37.0, 33.0, 40.0, 37.0), pairs) == 4.0
    assert disagreement_c((37.0, 37.0, 37.0, 37.0), pairs) == 0.0
    assert disagreement_c((37.0,), ()) is None
    for readings in ((math.nan, 37.0, 40.0, 37.0), (37.0, 37.0, 40.0, math.nan)):
        found = disagreement_c(readings, pairs)
        assert found is not None
        assert math.isnan(found)
    assert disagreement_c((37.0005, 37.0), ((0, 1),)) == pytest.approx(0.0005, rel=1e-6)
    assert disagreement_c((37.0, 37.0005), ((0, 1),)) == pytest.approx(0.0005, rel=1e-6)


def test_a_slow_rise_of_the_sentinel_is_told() -> None:
    forecast = Forecast()
    for n in range(110):
        found = forecast.update(n * 100_000, 37.0 + n * 0.00005)
    assert found[1] == pytest.approx(0.2 + 150.0 * 0.0005, rel=1e-5)


def test_what_was_first_read_is_not_stuck_whatever_it_is() -> None:
    assert Stuck((0,), (), (0.0,)).update(5_000_000, (0.0,)) == 0.0


def test_a_sentinel_counts_once_an_electrode_has_moved_by_more_than_ten_degrees() -> None:
    for last_c, share in ((40.0, 0.0), (40.001, 1.0)):
        stuck = Stuck((0,), (1,), (0.0, 0.0))
        for n in range(101):
            found = stuck.update(n * 20_000, (last_c if n == 100 else 30.0 + n * 0.01, 37.0))
        assert found == share


def test_each_of_several_sentinels_is_looked_at_by_itself() -> None:
    stuck = Stuck((0,), (1, 2), (0.0, 0.0, 0.0))
    for n in range(51):
        found = stuck.update(n * 20_000, (30.0 + n, 37.0, 37.0 + n))
    assert found == close(0.5)
    stuck = Stuck((0,), (1, 2), (0.0, 0.0, 0.0))
    for n in range(51):
        found = stuck.update(n * 20_000, (30.0 + n, 37.0 + n, 37.0))
    assert found == close(0.5)
