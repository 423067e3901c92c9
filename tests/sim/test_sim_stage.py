"""The output stage: constant current, then constant power, then constant voltage; slew up, off at once."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_setups import QUIET, bench

from sim.stage import StageSpec, drive, most_power_w

specs = st.builds(
    StageSpec,
    max_power_w=st.floats(1.0, 400.0),
    max_voltage_v=st.floats(5.0, 300.0),
    max_current_a=st.floats(0.05, 5.0),
    slew_w_s=st.floats(1.0, 1000.0),
)
loads = st.tuples(st.floats(0.1, 1e7), st.floats(-1e4, 0.0))


@settings(deadline=None)
@given(specs, st.floats(1e-9, 400.0) | st.just(0.0), loads)
def test_no_limit_is_passed_and_one_of_them_is_met(spec: StageSpec, asked_w: float, load: tuple[float, float]) -> None:
    power_w, voltage_v, current_a = drive(spec, asked_w, *load)
    assert power_w <= asked_w * (1.0 + 1e-12)
    assert current_a <= spec.max_current_a * (1.0 + 1e-12)
    assert voltage_v <= spec.max_voltage_v * (1.0 + 1e-12)
    assert (
        math.isclose(power_w, asked_w, rel_tol=1e-9)
        or math.isclose(current_a, spec.max_current_a, rel_tol=1e-9)
        or math.isclose(voltage_v, spec.max_voltage_v, rel_tol=1e-9)
    )
    assert power_w == pytest.approx(current_a**2 * load[0], rel=1e-9)
    assert voltage_v == pytest.approx(current_a * math.hypot(*load), rel=1e-9)


@settings(deadline=None)
@given(specs, st.floats(0.01, 400.0), st.floats(0.1, 1e6), st.floats(1.0, 100.0))
def test_a_higher_load_draws_less_current_at_more_voltage(
    spec: StageSpec, asked_w: float, low_ohm: float, times: float
) -> None:
    _, low_v, low_a = drive(spec, asked_w, low_ohm, 0.0)
    _, high_v, high_a = drive(spec, asked_w, low_ohm * times, 0.0)
    assert high_a <= low_a * (1.0 + 1e-12)
    assert high_v >= low_v * (1.0 - 1e-12)


@pytest.mark.parametrize(
    ("load_ohm", "power_w", "voltage_v", "current_a"),
    [
        (1.0, 2.25, 1.5, 1.5),  # constant current
        (100.0, 25.0, 50.0, 0.5),  # constant power
        (1e6, 0.0144, 120.0, 1.2e-4),  # constant voltage
    ],
)
def test_the_three_regions(load_ohm: float, power_w: float, voltage_v: float, current_a: float) -> None:
    out = drive(StageSpec(50.0, 120.0, 1.5, 100.0), 25.0, load_ohm, 0.0)
    assert out == pytest.approx((power_w, voltage_v, current_a), rel=1e-12)


def test_reactance_costs_voltage_not_power() -> None:
    spec = StageSpec(50.0, 120.0, 1.5, 100.0)
    real_w, real_v, _ = drive(spec, 20.0, 100.0, 0.0)
    reactive_w, reactive_v, _ = drive(spec, 20.0, 100.0, -100.0)
    assert reactive_w == real_w == pytest.approx(20.0)
    assert reactive_v == pytest.approx(math.sqrt(2.0) * real_v)


@settings(deadline=None)
@given(specs, loads)
def test_the_most_power_is_what_the_law_allows(spec: StageSpec, load: tuple[float, float]) -> None:
    most_w = most_power_w(spec, *load)
    assert most_w <= spec.max_power_w * (1.0 + 1e-12)
    asked = (0.25 * spec.max_power_w, 0.5 * spec.max_power_w, spec.max_power_w)
    assert all(drive(spec, asked_w, *load)[0] <= most_w * (1.0 + 1e-12) for asked_w in asked)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 40.0)), min_size=1, max_size=30))
def test_power_rises_with_the_slew_and_falls_at_once(commands: list[tuple[bool, float]]) -> None:
    subject = bench(spec=replace(QUIET, stage=replace(QUIET.stage, slew_w_s=50.0)))
    last_w = 0.0
    for on, asked_w in commands:
        readings = subject.step(on, asked_w, 10.0)
        assert readings.rf_on is on
        assert readings.power_w <= last_w + 50.0 * 0.02 + 1e-9
        assert readings.power_w <= (asked_w if on else 0.0) + 1e-9
        if not on:
            assert readings.power_w == readings.voltage_v == readings.current_a == 0.0
        last_w = readings.power_w


def test_the_slew_is_used_in_full() -> None:
    subject = bench(spec=QUIET)
    power_w = [subject.step(True, 15.0, 10.0).power_w for _ in range(10)]
    assert power_w == pytest.approx([2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 15.0, 15.0, 15.0], rel=1e-9)


def test_the_stage_warms_by_its_loss() -> None:
    subject = bench(tick_s=0.1, spec=QUIET)
    assert subject.step(False, 0.0, 10.0).stage_c == 25.0
    warm_c = [subject.step(True, 8.0, 10.0).stage_c for _ in range(600)]
    assert all(b > a for a, b in itertools.pairwise(warm_c))
    # 8 W at 80 % efficiency loses 2 W; a minute is half a time constant: 2 x (1 - exp(-1/2)) = 0.79 C
    assert warm_c[-1] == pytest.approx(25.79, abs=0.02)
