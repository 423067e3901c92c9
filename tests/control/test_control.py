"""Control: what it may never ask for, and that its pieces do their work."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.control.check import ImpedanceCheck, Phase
from rfgen.control.controller import Controller
from rfgen.control.plan import Mode, Plan, Step
from rfgen.control.power import PowerLoop, PullBack
from rfgen.control.temperature import TemperatureLoop
from tests.properties.streams import TUNING

READINGS = st.one_of(st.floats(0.0, 150.0), st.sampled_from([math.nan, math.inf, -math.inf]))


@settings(deadline=None, max_examples=200)
@given(
    readings=st.lists(READINGS, min_size=1, max_size=300),
    target_c=st.floats(40.0, 95.0),
    ramp_c_s=st.floats(0.05, 5.0),
    start_c=st.floats(20.0, 42.0),
)
def test_the_set_point_never_moves_faster_than_its_ramp_nor_past_its_target(
    readings: list[float], target_c: float, ramp_c_s: float, start_c: float
) -> None:
    loop = TemperatureLoop(TUNING)
    loop.begin(start_c, target_c, ramp_c_s, 1.0)
    before = loop.setpoint_c
    assert before == start_c
    for reading in readings:
        loop.update(reading, 0.02, 12.0)
        assert loop.setpoint_c <= max(target_c, start_c)
        assert loop.setpoint_c - before <= ramp_c_s * 0.02 + 0.005 + 1e-9
        before = loop.setpoint_c


@settings(deadline=None, max_examples=200)
@given(
    readings=st.lists(st.floats(0.0, 150.0), min_size=1, max_size=200),
    most_w=st.lists(st.floats(0.5, 250.0), min_size=200, max_size=200),
)
def test_temperature_control_asks_for_no_more_than_is_allowed_now(readings: list[float], most_w: list[float]) -> None:
    loop = TemperatureLoop(TUNING)
    loop.begin(37.0, 70.0, 1.0, 1.0)
    for reading, most in zip(readings, most_w, strict=False):
        assert 0.5 <= loop.update(reading, 0.02, most) <= most


def test_an_integral_does_not_wind_up_against_the_stage() -> None:
    """Held at its limit for a minute, it lets go as soon as the target is passed."""
    loop = TemperatureLoop(TUNING)
    loop.begin(37.0, 60.0, 5.0, 1.0)
    for _ in range(3000):
        assert loop.update(50.0, 0.02, 4.0) <= 4.0
    asked = [loop.update(61.0, 0.02, 4.0) for _ in range(50)]
    assert min(asked) < 4.0  # within a second


def test_the_set_point_waits_for_a_reading_that_cannot_follow() -> None:
    loop = TemperatureLoop(TUNING)
    loop.begin(37.0, 90.0, 1.0, 1.0)
    for _ in range(6000):
        loop.update(40.0, 0.02, 4.0)
    assert loop.setpoint_c <= 40.0 + 4.0 + 0.1  # the ramp of 1 C/s over an approach of 4 s


def plan_of(mode: Mode, **step: float) -> Plan:
    return Plan(mode, (Step(hold_s=1.0, **step),), 12.0, 10.0)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=150)
@given(
    mode=st.sampled_from(list(Mode)),
    seen=st.lists(
        st.tuples(READINGS, st.one_of(st.none(), st.floats(0.0, 1e6)), st.booleans()), min_size=1, max_size=200
    ),
)
def test_a_controller_asks_for_its_sensing_power_at_least_and_its_limit_at_most(
    mode: Mode, seen: list[tuple[float, float | None, bool]]
) -> None:
    step = {"target_c": 60.0} if mode is Mode.TEMPERATURE else {"power_w": 8.0}
    controller = Controller(plan_of(mode, **step), TUNING, 0.02)
    controller.begin_ramp(37.0, first=True)
    for reading, ohm, rf_on in seen:
        controller.ramping(reading, ohm)
        if not math.isnan(controller.asked_w):
            assert 0.5 <= controller.asked_w <= 12.0
        controller.holding(reading, ohm, rf_on)
        if ohm is not None and 0.01 < ohm < 1e5 and not math.isnan(controller.asked_w):
            assert controller.asked_w <= max(0.5, min(12.0, 0.8**2 * ohm, 80.0**2 / ohm) * (1 + 1e-12))


def test_hold_time_counts_only_in_band_with_rf_on() -> None:
    controller = Controller(plan_of(Mode.TEMPERATURE, target_c=60.0), TUNING, 0.02)
    controller.begin_ramp(37.0, first=True)
    for reading, rf_on, counts in [
        (60.0, True, True),
        (58.0, True, True),
        (62.0, True, True),
        (57.9, True, False),
        (62.1, True, False),
        (60.0, False, False),
        (math.nan, True, False),
    ]:
        before = controller.held_s
        controller.holding(reading, 100.0, rf_on)
        assert (controller.held_s > before) is counts


def test_in_the_power_modes_hold_counts_rf_on_time() -> None:
    controller = Controller(plan_of(Mode.POWER, power_w=8.0), TUNING, 0.02)
    controller.begin_ramp(37.0, first=True)
    done = [controller.holding(120.0, 100.0, rf_on) for rf_on in [True, False] * 49 + [True] * 3]
    assert done.index(True) == 98  # the 50th tick with RF on; the others do not count
    assert controller.held_s == pytest.approx(1.04)


def test_power_rises_at_its_rate_and_falls_at_once() -> None:
    loop = PowerLoop(replace(TUNING, ramp_w_s=5.0))
    loop.begin(8.0, 1.0)
    assert loop.update(0.02, 100.0) == pytest.approx(1.1)
    assert not loop.arrived
    assert loop.update(0.02, 0.7) == 0.7
    for _ in range(80):
        loop.update(0.02, 100.0)
    assert loop.arrived
    assert loop.update(0.02, 100.0) == 8.0


def test_power_is_pulled_back_at_roll_off_and_recovers() -> None:
    pull = PullBack(replace(TUNING, pull_back_ratio=1.3, pull_back_share=0.3, recover_s=2.0, ramp_w_s=5.0))
    pull.begin()
    assert pull.update(150.0, 10.0, 0.02, 20.0) == 20.0
    assert pull.update(110.0, 10.0, 0.02, 20.0) == 20.0
    assert pull.update(143.0, 10.0, 0.02, 20.0) == 20.0  # 1.3 times the least is not yet past it
    assert pull.update(144.0, 10.0, 0.02, 20.0) == 3.0
    waited = 0
    while pull.update(120.0, 3.0, 0.02, 20.0) == 3.0:
        waited += 1
    assert 99 <= waited <= 101  # 2 s
    for _ in range(200):
        last = pull.update(120.0, 3.0, 0.02, 20.0)
    assert last == 20.0


@settings(deadline=None, max_examples=100)
@given(
    flows=st.lists(st.floats(0.0, 12.0), min_size=1, max_size=400),
    ohms=st.lists(st.one_of(st.none(), st.floats(10.0, 900.0)), min_size=400, max_size=400),
)
def test_the_check_gives_no_power_before_the_flow_has_been_good_for_half_a_second(
    flows: list[float], ohms: list[float | None]
) -> None:
    check = ImpedanceCheck(TUNING, 10.0)
    good_s = 0.0
    order = [Phase.BASELINE]
    for tick, (flow, ohm) in enumerate(zip(flows, ohms, strict=False)):
        asked_w, asked_flow = check.update(flow, ohm, 0.02)
        if check.phase is not order[-1]:
            order.append(check.phase)
        if tick < 24:
            assert (asked_w, asked_flow) == (0.0, 0.0)  # the baseline: no pump, no power
            continue
        good_s = good_s + 0.02 if flow >= 8.0 else 0.0
        if check.phase is Phase.PRIME:
            assert asked_w == 0.0
            assert good_s < 0.5 + 1e-9
        if asked_w > 0.0:
            assert asked_w == 2.0
            assert asked_flow == 10.0
    assert order == [Phase.BASELINE, Phase.PRIME, Phase.TEST, Phase.VERDICT][: len(order)]


def test_the_checks_spread_is_the_range_over_the_mean() -> None:
    check = ImpedanceCheck(TUNING, 0.0)
    ohms = [100.0, 110.0, 90.0, 100.0]
    tick = 0
    while check.phase is not Phase.VERDICT:
        check.update(0.0, ohms[tick % 4], 0.02)
        tick += 1
    assert check.spread == pytest.approx(0.2, rel=0.01)
    assert check.impedance_ohm == pytest.approx(100.0, rel=0.01)
    assert tick <= 25 + 25 + 2  # half a second of baseline, half of window: bounded


@pytest.mark.parametrize("mode", list(Mode))
def test_a_step_of_the_wrong_kind_is_refused(mode: Mode) -> None:
    wrong = {"power_w": 5.0} if mode is Mode.TEMPERATURE else {"target_c": 60.0}
    with pytest.raises(ValueError, match="belongs to every step"):
        plan_of(mode, **wrong)
