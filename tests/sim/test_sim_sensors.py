"""Thermocouples and meters: lag, quantisation, noise, cold junction."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_setups import QUIET, SPEC, bench, run

from sim.sensors import MeterSpec, NoiseSource, ThermocoupleSpec, thermocouple_reader

SILENT = (0.0,) * 6


def _exact(lag_s: float = 0.3, resolution_c: float = 1e-9) -> ThermocoupleSpec:
    return ThermocoupleSpec(lag_s=lag_s, noise_c=0.0, resolution_c=resolution_c, cold_junction_c=0.0)


@settings(deadline=None)
@given(st.floats(0.05, 5.0), st.sampled_from([0.005, 0.02, 0.1]), st.floats(-40.0, 120.0))
def test_a_junction_follows_a_step_exactly(lag_s: float, tick_s: float, step_c: float) -> None:
    read = thermocouple_reader((_exact(lag_s),), tick_s)
    junctions: tuple[float, ...] = (37.0,)
    for tick in range(1, 101):
        junctions, readings = read(junctions, (37.0 + step_c,), SILENT)
        expected_c = 37.0 + step_c * (1.0 - math.exp(-tick * tick_s / lag_s))
        assert junctions[0] == pytest.approx(expected_c, rel=1e-12, abs=1e-10)
        assert readings[0] == pytest.approx(junctions[0], abs=1e-9)


def test_without_lag_it_follows_at_once() -> None:
    read = thermocouple_reader((_exact(0.0),), 0.02)
    assert read((37.0,), (80.0,), SILENT)[0] == (80.0,)


@settings(deadline=None)
@given(st.floats(-50.0, 200.0), st.sampled_from([0.0078125, 0.0625, 0.25, 1.0]))
def test_a_reading_is_the_nearest_whole_step(site_c: float, resolution_c: float) -> None:
    read = thermocouple_reader((_exact(0.0, resolution_c),), 0.02)
    (reading_c,) = read((site_c,), (site_c,), SILENT)[1]
    assert abs(reading_c - site_c) <= resolution_c / 2.0
    assert reading_c / resolution_c == int(reading_c / resolution_c)


def test_each_channel_is_its_own() -> None:
    read = thermocouple_reader((_exact(0.0), _exact(0.5), _exact(0.0, 1.0)), 0.02)
    junctions, readings = read((37.0, 37.0, 37.0), (50.0, 60.0, 70.4), (*SILENT, 0.0, 0.0))
    assert junctions[0] == 50.0
    assert 37.0 < junctions[1] < 38.0
    assert readings[2] == 70.0


def test_noise_has_the_sigma_stated() -> None:
    thermocouples = (ThermocoupleSpec(noise_c=0.05, cold_junction_c=0.0), ThermocoupleSpec(0.3, 0.4, 0.01, 0.0))
    source = NoiseSource(7, thermocouples, MeterSpec(), 0.02)
    rows = np.array([source.next_row() for _ in range(40960)])
    expected = np.array([0.05, 0.4, 0.05, 0.0005, 0.02, 0.3, 0.05])
    assert rows.std(axis=0) == pytest.approx(expected, rel=0.03)
    assert np.abs(rows.mean(axis=0) / expected).max() < 0.03
    # independent between channels, and white from tick to tick
    assert np.abs(np.corrcoef(rows.T) - np.eye(7)).max() < 0.03
    assert abs(np.corrcoef(rows[1:, 0], rows[:-1, 0])[0, 1]) < 0.03


def test_one_cold_junction_errs_on_all_channels_alike() -> None:
    spec = ThermocoupleSpec(noise_c=0.0, cold_junction_c=0.5)
    errors = []
    for seed in range(200):
        row = NoiseSource(seed, (spec, spec), MeterSpec(), 0.02).next_row()
        assert row[0] == row[1]
        errors.append(row[0])
    # constant part 0.5 and a drift of amplitude 0.25 at a random phase: sqrt(0.5^2 + 0.25^2 / 2) = 0.53
    assert float(np.std(errors)) == pytest.approx(0.53, rel=0.2)


def test_the_cold_junction_drifts_slowly() -> None:
    source = NoiseSource(3, (ThermocoupleSpec(noise_c=0.0, cold_junction_c=0.5),), MeterSpec(), 0.5)
    errors = [source.next_row()[0] for _ in range(1200)]  # one period of 600 s
    assert max(errors) - min(errors) == pytest.approx(0.5, rel=0.01)
    assert max(abs(b - a) for a, b in itertools.pairwise(errors)) < 0.002


def test_meters_read_the_load() -> None:
    readings = run(bench(spec=QUIET), 50, 10.0)[-1]
    subject = bench(spec=QUIET)
    start_ohm = math.hypot(subject.plant.resistance_ohm, subject.plant.reactance_ohm)
    assert readings.power_w == pytest.approx(10.0, rel=1e-6)
    assert 0.8 * start_ohm < readings.voltage_v / readings.current_a < start_ohm
    cosine = math.cos(math.radians(readings.phase_deg))
    assert readings.voltage_v * readings.current_a * cosine == pytest.approx(readings.power_w, rel=1e-6)
    assert readings.phase_deg < 0.0


def test_meters_step_and_never_go_below_zero() -> None:
    for readings in run(bench(), 300, 0.0):
        assert min(readings.power_w, readings.voltage_v, readings.current_a, readings.flow_ml_min) >= 0.0
    steps = [r.voltage_v / SPEC.meters.voltage_resolution_v for r in run(bench(), 300, 5.0)]
    assert all(abs(step - round(step)) < 1e-6 for step in steps)
    assert len(set(steps)) > 5
