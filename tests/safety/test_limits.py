"""The limits, restated: unit, default and hard range of each; and that nothing outside its hard range is let in."""

from __future__ import annotations

import math

import pytest

from rfgen.safety.limits import LIMITS, limit_problem, resolve_limits

# name: (unit, default, hard range)
FIGURES = {
    "tc_least_c": ("C", 0.0, -10.0, 15.0),
    "tc_most_c": ("C", 150.0, 110.0, 150.0),
    "over_temp_c": ("C", 95.0, 45.0, 108.0),
    "over_temp_hard_c": ("C", 110.0, 50.0, 110.0),
    "overshoot_c": ("C", 5.0, 1.0, 10.0),
    "sentinel_c": ("C", 45.0, 38.0, 45.0),
    "baseline_least_c": ("C", 15.0, 0.0, 30.0),
    "baseline_most_c": ("C", 42.0, 38.0, 45.0),
    "baseline_spread_c": ("C", 5.0, 1.0, 10.0),
    "stall_share": ("1", 0.25, 0.05, 0.9),
    "stall_power_share": ("1", 0.5, 0.1, 0.9),
    "z_high_ohm": ("ohm", 800.0, 60.0, 5000.0),
    "z_low_ohm": ("ohm", 25.0, 5.0, 400.0),
    "z_spread_share": ("1", 0.2, 0.02, 0.5),
    "deviation_share": ("1", 0.2, 0.05, 0.5),
    "deviation_w": ("W", 1.0, 0.2, 5.0),
    "off_power_w": ("W", 0.3, 0.05, 1.0),
    "flow_share": ("1", 0.8, 0.5, 0.95),
    "under_c": ("C", 5.0, 1.0, 20.0),
    "dose_min": ("min", 10.0, 0.1, 10.0),
    "forecast_share": ("1", 1.0, 0.1, 1.25),
    "tc_rate_c_s": ("C/s", 40.0, 5.0, 40.0),
    "disagree_c": ("C", 10.0, 1.0, 10.0),
    "roll_off_ratio": ("1", 2.0, 1.2, 3.0),
    "z_jump_ohm": ("ohm", 50.0, 10.0, 200.0),
    "z_jump_share": ("1", 0.3, 0.1, 0.5),
    "over_power_w": ("W", 440.0, 0.5, 440.0),
    "over_current_a": ("A", 22.0, 0.05, 22.1),
    "over_voltage_v": ("V", 1100.0, 5.0, 1110.0),
    "energy_limit_j": ("J", 200000.0, 10.0, 1000000.0),
    "meter_share": ("1", 0.2, 0.05, 0.5),
    "meter_w": ("W", 1.0, 0.2, 5.0),
    "stage_c": ("C", 85.0, 40.0, 85.0),
    "coolant_c": ("C", 35.0, 25.0, 40.0),
    "skew_share": ("1", 0.02, 0.005, 0.1),
    "check_timeout_s": ("s", 15.0, 2.0, 60.0),
    "ramp_timeout_s": ("s", 180.0, 5.0, 1800.0),
    "treatment_timeout_s": ("s", 1800.0, 10.0, 7200.0),
}
each = pytest.mark.parametrize("name", FIGURES)


def test_these_are_all() -> None:
    assert list(LIMITS) == list(FIGURES)


@each
def test_a_limit_has_these_figures(name: str) -> None:
    spec = LIMITS[name]
    assert spec.name == name
    assert (spec.unit, spec.default, spec.hard_min, spec.hard_max) == FIGURES[name]
    assert spec.hard_min <= spec.default <= spec.hard_max


def test_without_overrides_the_defaults_are_in_force() -> None:
    assert resolve_limits() == {name: default for name, (_, default, _, _) in FIGURES.items()}


@each
def test_a_limit_may_be_anything_in_its_hard_range_and_nothing_beside(name: str) -> None:
    unit, _, low, high = FIGURES[name]
    for value in (low, high, (low + high) / 2.0):
        assert limit_problem(name, value) is None
        assert resolve_limits({name: value})[name] == value
    for value in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf), math.nan, math.inf, -math.inf):
        told = f"limit {name} is {value!r} {unit}; it must be within {low:g}..{high:g} {unit}"
        assert limit_problem(name, value) == told
        with pytest.raises(ValueError, match="it must be within"):
            resolve_limits({name: value})


def test_the_last_override_counts_and_leaves_the_others_alone() -> None:
    found = resolve_limits({"under_c": 2.0, "sentinel_c": 40.0}, {"under_c": 3}, {})
    assert found == {**resolve_limits(), "under_c": 3.0, "sentinel_c": 40.0}
    assert isinstance(found["under_c"], float)


def test_an_unknown_limit_is_named() -> None:
    assert limit_problem("sentinel", 40.0) == "unknown limit 'sentinel'"
    with pytest.raises(ValueError, match="unknown limit 'sentinel'"):
        resolve_limits({"sentinel": 40.0})
