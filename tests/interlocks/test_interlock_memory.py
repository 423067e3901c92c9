"""Derived signals of thermocouples, load and line against a plain second one, on random streams."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.safety.electrical import Energy, Jumps, Late, Least, Skew, meter_off_by_w
from rfgen.safety.thermal import Dose, Forecast, Rate, Slope, Stuck, disagreement_c
from tests.interlocks import plain
from tests.interlocks.figures import above
from tests.interlocks.random_streams import ODD, compares, one_of, random_streams, readings, same, steps_us


@compares(Dose)
@random_streams(60)
def test_dose(rng: random.Random) -> None:
    under_test = Dose()
    history: list[tuple[float, int]] = []
    for _ in range(100):
        reading_c = rng.choice((*ODD, 37.0, 42.9999, 43.0, 60.0, 95.0, rng.uniform(30.0, 62.0)))
        history.append((reading_c, rng.randrange(1, 2_000_000)))
        found = under_test.update(*history[-1])
        if not -300.0 < reading_c < 1000.0:
            assert math.isnan(found)
            continue
        # what is below 37 C may be left out: 0.25 ** 6 of the time at most
        little = 0.000245 * sum(dt_us for _, dt_us in history) / 60e6
        expected = plain.dose_min(history)
        assert expected * (1 - 1e-12) - little <= found <= expected * (1 + 1e-12), history
    under_test.new_patient()
    assert under_test.update(37.0, 20_000) == 0.0


@compares(Slope)
@random_streams(60)
def test_slope(rng: random.Random) -> None:
    window_us = rng.choice((100_000, 1_000_000))
    under_test = Slope(window_us)
    step, read = steps_us(rng), readings(rng)
    now_us = rng.randrange(10**9)
    history: list[tuple[int, float]] = []
    for _ in range(150):
        now_us += step()
        history.append((now_us, read()))
        assert same(under_test.update(*history[-1]), plain.slope(history, window_us), 1e-6), history


@compares(Forecast)
@random_streams(12)
def test_forecast(rng: random.Random) -> None:
    under_test = Forecast()
    step, read = steps_us(rng), readings(rng, odd=rng.choice((0.0, 0.002)))
    now_us = rng.randrange(10**9)
    begins = rng.choice((None, rng.randrange(700)))
    began_us = None
    history: list[tuple[int, float]] = []
    powers_w: list[float] = []
    power_w, odd = 10.0, rng.choice((0.0, 0.0005))
    for n in range(900):
        now_us += step()
        history.append((now_us, read()))
        if n == begins:
            began_us = now_us
            under_test.begin(now_us)
        if rng.random() < 0.02:
            power_w = rng.choice((0.0, 0.5, 10.0, 20.0, 12.0 * rng.random()))
        powers_w.append(math.nan if rng.random() < odd else power_w + rng.gauss(0.0, 0.05))
        found = under_test.update(*history[-1], powers_w[-1])
        if n % 149 == 0 or n == 899:
            expected = plain.forecast(history, began_us, powers_w)
            # the climb is up to 578 s of the rise
            assert all(same(f, e, 1e-4) for f, e in zip(found, expected, strict=True)), history


@compares(Rate)
@random_streams(60)
def test_rate(rng: random.Random) -> None:
    period_us = rng.choice((20_000, 5_000, 33_333, 50_000, 97_003))
    noise_c = [rng.choice((0.0, 0.01, 0.05, 0.5)) for _ in range(3)]
    under_test = Rate((0, 1, 2), noise_c, period_us)
    clock = rng.choice(("even", "uneven", "swings"))
    swung = False
    reads = [readings(rng) for _ in range(3)]
    now_us = rng.randrange(10**9)
    history: list[tuple[int, Sequence[float]]] = []
    for _ in range(100):
        if clock == "swings":
            now_us += period_us + (period_us // 10 if swung else -(period_us // 10))
            swung = not swung
        else:
            now_us += period_us if clock == "even" else rng.randrange(1, 3 * period_us)
        history.append((now_us, tuple(read() for read in reads)))
        found = under_test.update(*history[-1])
        middle = history[-(max(3, -(-100_000 // period_us)) // 2) - 1 :][0][1]
        if not all(math.isfinite(c) for c in middle):
            continue  # the middle of even points has no weight in a slope; it was no number in its own tick
        assert same(found, plain.rate_c_s(history, (0, 1, 2), noise_c, period_us), 1e-6), history


@compares(Stuck)
@random_streams(30)
def test_stuck(rng: random.Random) -> None:
    step_c = [rng.choice((0.0078125, 0.02, 0.0625)) for _ in range(3)]
    under_test = Stuck((0, 1), (2,), step_c)
    step = one_of(rng, lambda: 20_000, lambda: 150_000, lambda: rng.randrange(1, 2_000_000))
    values = [37.0, 40.0, 38.0]
    moving = [rng.choice((0.0, 0.01, 0.3)) for _ in values]
    now_us = rng.randrange(10**9)
    history: list[tuple[int, Sequence[float]]] = []
    for _ in range(250):
        now_us += step()
        for channel, often in enumerate(moving):
            if rng.random() < often:
                values[channel] = rng.choice((math.nan, rng.uniform(20.0, 90.0), values[channel] + 0.0078125))
        history.append((now_us, tuple(values)))
        expected = plain.stuck_share(history, (0, 1), (2,), step_c)
        assert same(under_test.update(*history[-1]), expected), history


@compares(disagreement_c)
@random_streams(150)
def test_disagreement(rng: random.Random) -> None:
    pairs = rng.sample([(0, 1), (0, 2), (1, 2)], rng.randrange(4))
    for _ in range(20):
        now = [rng.choice((math.nan, rng.uniform(20.0, 90.0), rng.uniform(20.0, 90.0))) for _ in range(3)]
        assert same(disagreement_c(now, pairs), plain.disagreement(now, pairs)), (now, pairs)


OHMS = (None, math.nan, math.inf, 0.0, 1e9, 60.0, 80.0, 100.0, 120.0, 130.1, 150.1, 175.0, 400.0)


@compares(Least)
@random_streams(80)
def test_least(rng: random.Random) -> None:
    under_test = Least()
    history: list[float | None] = []
    for _ in range(40):
        history.append(rng.choice((*OHMS, rng.uniform(0.0, 500.0))))
        assert same(under_test.update(history[-1]), plain.least_ohm(history)), history


@compares(Jumps)
@random_streams(200)
def test_jumps(rng: random.Random) -> None:
    """The first jump of a stream past 50 ohm and 30 %, against any value of the last 100 ms, is seen in its tick."""
    under_test = Jumps()
    step = one_of(rng, lambda: 20_000, lambda: 33_333, lambda: rng.randrange(1, 150_000))
    wander = rng.choice((3.0, 15.0, 40.0))
    ohm = 150.0
    now_us = rng.randrange(10**9)
    history: list[tuple[int, float | None]] = []
    for _ in range(60):
        now_us += step()
        ohm = max(0.0, ohm + rng.gauss(0.0, wander))
        history.append((now_us, rng.choice(OHMS) if rng.random() < 0.05 else ohm))
        now = history[-1][1]
        moved, was = under_test.update(*history[-1])
        pairs = plain.jumps(history)
        if now is None or (not pairs and not math.isnan(now)):
            assert moved is None
            assert was is None
            continue
        assert moved is not None
        assert was is not None
        expected = math.isnan(now) or any(above(m, 50.0) and above(m, 0.3 * w) for m, w in pairs)
        assert (above(moved, 50.0) and above(moved, 0.3 * was)) is expected, history
        if expected:
            break


@compares(Energy)
@random_streams(60)
def test_energy(rng: random.Random) -> None:
    under_test = Energy()
    history: list[tuple[float, int]] = []
    for _ in range(100):
        watts = rng.choice((math.nan, math.inf, -math.inf, 0.0, rng.uniform(0.0, 200.0), rng.uniform(0.0, 20.0)))
        history.append((watts, rng.randrange(1, 100_000)))
        found = under_test.update(*history[-1])
        assert math.isnan(found) if not math.isfinite(watts) else same(found, plain.energy_j(history)), history


@compares(meter_off_by_w)
@settings(deadline=None)
@given(
    volts=st.one_of(st.sampled_from(ODD), st.floats(0.0, 1000.0)),
    amperes=st.one_of(st.sampled_from(ODD), st.floats(0.0, 20.0)),
    degrees=st.one_of(st.sampled_from(ODD), st.floats(-180.0, 180.0)),
    watts=st.one_of(st.sampled_from(ODD), st.floats(0.0, 400.0)),
)
def test_meters(volts: float, amperes: float, degrees: float, watts: float) -> None:
    """By another way to the same: the real part of a complex product."""
    found = meter_off_by_w(volts, amperes, degrees, watts)
    if not all(math.isfinite(x) for x in (volts, amperes, degrees, watts, volts * amperes)):
        assert not math.isfinite(found)
    elif abs(degrees) <= 360.0:
        expected = abs(volts * amperes * math.sin(math.pi / 2.0 - degrees * math.pi / 180.0) - watts)
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9 * (1.0 + abs(volts * amperes) + abs(watts)))


@compares(Skew)
@random_streams(25)
def test_skew(rng: random.Random) -> None:
    under_test = Skew()
    rig_us = rng.randrange(10**9)
    host_us = 0
    history: list[tuple[int, int]] = []
    period_us = rng.choice((20_000, 33_333, 7_003))
    faster = rng.choice((1.0, 1.019, 1.021, 0.979, 0.981, 1.5))
    for n in range(900):
        host_us += period_us
        rig_us += round(period_us * faster) + rng.randrange(-500, 500)
        under_test.passed(period_us)
        if rng.random() < 0.05:
            continue  # a tick without a sample
        history.append((host_us, rig_us))
        found = under_test.update(rig_us)
        if n % 23 == 0:
            assert same(found, plain.skew_share(history)), history


@compares(Late)
@random_streams(80)
def test_late(rng: random.Random) -> None:
    under_test = Late()
    period_us = rng.choice((20_000, 7_003))
    history: list[int | None] = []
    for _ in range(60):
        odd = rng.choice((None, period_us // 2, period_us // 2 - 1, period_us * 3 // 2 + 1, 3 * period_us, 1))
        history.append(odd if rng.random() < 0.6 else period_us)
        assert under_test.update(history[-1], period_us) == plain.late_ticks(history, period_us), history
