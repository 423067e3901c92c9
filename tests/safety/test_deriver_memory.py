"""What the deriver keeps from tick to tick, for how long, and when it starts again; by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hal import Command
from rfgen.records import State
from rfgen.safety.deriver import DeriverConfig
from rfgen.safety.signals import Signals
from rfgen.safety.thermal import Forecast
from tests.safety.derivers import CONFIG, ON, Line, settled


def test_half_a_second_of_a_released_switch_to_the_microsecond() -> None:
    line = Line()
    line.tick(rig_time_us=1_000_000, start_pressed=True)
    assert line.tick(rig_time_us=1_020_000).start_stuck is True
    assert line.tick(rig_time_us=1_519_999).start_stuck is True
    assert line.deriver.start_stuck is True
    assert line.tick(rig_time_us=1_520_000).start_stuck is False
    assert line.deriver.start_stuck is False


@pytest.mark.parametrize("relinked", [False, True])
def test_a_dead_mans_half_second_to_the_microsecond(relinked: bool) -> None:
    for last_us, stuck in ((499_999, True), (500_000, False)):
        line = Line(replace(CONFIG, dead_man=True))
        if relinked:
            line.tick()
            line.deriver.relinked()
        line.tick(rig_time_us=20_000)
        assert line.tick(rig_time_us=last_us).start_stuck is stuck


def test_a_new_link_whose_clock_goes_on_starts_every_memory_again() -> None:
    line = settled()
    before = [line.radiating() for _ in range(50)][-1]
    assert before.tc_stuck_share >= 1.0
    assert before.z_jump_ohm == 0.0
    line.missed()
    line.deriver.relinked()
    assert line.missed().missed_ticks == 1
    line.deriver.relinked()
    found = line.radiating()
    assert (found.tc_rate_c_s, found.tc_stuck_share, found.impedance_ohm) == (None, 0.0, None)
    line = settled()
    line.deriver.relinked()
    seen = [line.radiating() for _ in range(6)]
    assert [s.impedance_ohm is None for s in seen] == [True] * 4 + [False] * 2
    assert [s.z_jump_ohm for s in seen] == [None] * 5 + [0.0]


def test_a_new_treatment_knows_of_no_step_before() -> None:
    line = Line()
    hot = {"state": State.HOLD, "temperature_c": (70.0, 70.0, 37.0)}
    assert line.tick(target_c=60.0, **hot).over_target_c == 10.0
    assert line.tick(target_c=50.0, **hot).over_target_c is None
    line.deriver.new_treatment()
    assert line.tick(target_c=40.0, **hot).over_target_c == 30.0


def test_a_stall_over_ten_seconds_of_a_ramp() -> None:
    def ramp(n: int, **more: Any) -> Signals:
        given = {"target_c": 60.0, "ramp_c": 37.0 + n * 0.01, "power_w": 5.0, "rf_on": True, **more}
        return line.tick(ON, state=State.RAMP, temperature_c=(37.0 + n * 0.001, 37.0, 37.0), **given)

    line = Line()
    for n in range(500):
        assert ramp(n).stall_gain_c is None
    found = ramp(500)
    assert found.stall_gain_c == pytest.approx(0.5)
    assert found.stall_asked_c == pytest.approx(5.0)
    assert found.stall_power_w == pytest.approx(5.0)
    assert found.stall_allowed_w == pytest.approx(20.0, rel=0.01)
    assert ramp(501, ramp_c=60.0).stall_gain_c is None
    assert ramp(502, ramp_c=None).stall_gain_c is None
    assert ramp(503, target_c=None).stall_gain_c is None
    line.tick(state=State.HOLD)
    assert ramp(505).stall_gain_c is None


def test_the_dose_goes_on_and_a_new_patient_has_had_none() -> None:
    line = Line()
    for n in range(50):
        found = line.tick(temperature_c=(37.0, 37.0, 44.0))
        assert found.dose_min == pytest.approx((n + 1) * 0.02 / 60.0 * 2.0)
    line.deriver.new_treatment()
    assert line.tick().dose_min == pytest.approx(51 * 0.02 / 60.0 * 2.0, rel=0.05)
    line.deriver.new_patient()
    assert line.tick(temperature_c=(37.0, 37.0, 36.0)).dose_min == 0.0


def test_a_treatment_has_its_own_energy_and_time_and_memories() -> None:
    line = settled()
    found = line.radiating(10.0)
    assert found.energy_j == pytest.approx(53 * 0.02 * 10.0)
    assert found.on_s == pytest.approx(52 * 0.02)
    assert line.deriver.on_ticks == 53
    assert found.least_ohm == pytest.approx(100.0)
    line.deriver.new_treatment()
    assert line.deriver.on_ticks == 0
    found = line.radiating(10.0, voltage_v=60.0)
    assert found.energy_j == pytest.approx(0.2)
    assert found.least_ohm == pytest.approx(200.0)
    assert (found.z_jump_ohm, found.on_s) == (None, 0.0)
    assert found.power_expected_w is None  # the command jumps from nothing again


def test_a_ramp_has_its_own_least_impedance() -> None:
    line = settled()
    line.radiating(voltage_v=9.0)
    assert line.radiating().least_ohm == pytest.approx(30.0)
    more = {"rf_on": True, "power_w": 10.0, "voltage_v": 30.0, "current_a": 0.3}
    assert line.tick(ON, state=State.RAMP, step=1, **more).least_ohm == pytest.approx(100.0)
    line.tick(ON, state=State.RAMP, step=1, **{**more, "voltage_v": 9.0})
    assert line.tick(ON, state=State.HOLD, step=1, **more).least_ohm == pytest.approx(30.0)


def test_a_jump_is_told_with_what_it_was() -> None:
    line = settled()
    found = line.radiating(voltage_v=45.0)
    assert found.z_jump_ohm == pytest.approx(50.0)
    assert found.z_before_ohm == pytest.approx(100.0)


def test_flow_is_due_a_priming_time_after_it_was_asked_for() -> None:
    line = Line()
    pump = Command(0, False, 0.0, 9.0)
    line.tick(pump)
    assert line.tick(pump).coolant_flowing is False
    for n in range(50):
        found = line.tick(pump)
        assert found.coolant_flowing is True
        assert found.flow_due_ml_min is None, n
    assert line.tick(pump).flow_due_ml_min == 9.0
    drop = Command(0, False, 0.0, 0.0005)
    slow = Line()
    slow.tick(drop)
    slow.tick(drop)
    assert slow.tick(drop).coolant_flowing is True
    line.deriver.relinked()
    assert line.tick(pump, rig_time_us=100_000).flow_due_ml_min is None
    assert line.tick(pump, rig_time_us=999_999).flow_due_ml_min is None
    assert line.tick(pump, rig_time_us=1_000_000).flow_due_ml_min == 9.0


def test_late_samples_are_counted_and_gaps_are_not() -> None:
    line = Line()
    line.tick(rig_time_us=1_000_000)
    assert line.tick(rig_time_us=1_030_001).late_ticks == 1
    assert line.tick(rig_time_us=1_060_002).late_ticks == 2
    line.missed()
    assert line.tick(rig_time_us=1_200_000).late_ticks == 2
    assert line.tick(rig_time_us=1_230_000).late_ticks == 0
    assert line.tick(rig_time_us=1_239_999).late_ticks == 1
    line.deriver.relinked()
    assert line.tick(rig_time_us=50).late_ticks == 0


def test_the_rigs_clock_is_held_against_the_hosts_ticks() -> None:
    line = Line()
    found = [line.tick(rig_time_us=(n + 1) * 21_000).skew_share for n in range(501)]
    assert found[:500] == [None] * 500
    assert found[500] == pytest.approx(0.05)
    line = Line()
    for n in range(501):
        line.missed() if 100 < n < 400 else line.tick(rig_time_us=(n + 1) * 20_000)
    assert line.tick(rig_time_us=502 * 20_000).skew_share == pytest.approx(0.0)
    line.deriver.relinked()
    assert line.tick(rig_time_us=50).skew_share is None


def test_ticks_that_the_host_missed_are_counted_in_a_row() -> None:
    line = Line()
    for n in range(3):
        line.deriver.overran()
        assert line.tick().overrun_ticks == n + 1
    assert line.tick().overrun_ticks == 0
    line.deriver.overran()
    line.missed()
    line.deriver.overran()
    assert line.tick().overrun_ticks == 2
    line.missed()
    line.deriver.overran()
    assert line.tick().overrun_ticks == 1


def test_a_start_switch_just_pressed() -> None:
    line = Line()
    assert line.tick().start_stuck is False
    assert line.deriver.pressed is False
    assert line.tick(start_pressed=True).start_stuck is True
    assert line.deriver.pressed is True
    for n in range(25):
        assert line.tick().start_stuck is True, n
        assert line.deriver.start_stuck is True
    assert line.tick().start_stuck is False
    assert line.deriver.start_stuck is False
    line.tick(start_pressed=True)
    line.deriver.relinked()
    assert line.deriver.pressed is False
    assert line.deriver.start_stuck is False


def test_a_dead_mans_switch_must_first_be_seen_released() -> None:
    line = Line(replace(CONFIG, dead_man=True))
    assert line.deriver.start_stuck is True
    for n in range(25):
        assert line.tick().start_stuck is (n < 24), n
    assert line.tick(start_pressed=True).start_stuck is False  # the press that asks does not count
    assert line.tick(start_pressed=True).start_stuck is True
    for _ in range(30):
        line.tick()
    assert line.deriver.start_stuck is False
    line.deriver.relinked()
    assert line.deriver.start_stuck is True
    line = Line(replace(CONFIG, dead_man=True))
    assert line.tick(start_pressed=True).start_stuck is True


def test_a_new_link_forgets_what_was_read_on_the_old_one() -> None:
    line = settled()
    assert line.radiating().tc_rate_c_s == 0.0
    assert line.radiating().impedance_ohm == pytest.approx(100.0)
    assert line.radiating().sentinel_climb_c is None
    stuck = [line.radiating() for _ in range(100)][-1]
    assert stuck.tc_stuck_share > 1.0
    line.missed()
    line.deriver.relinked()
    found = line.radiating(rig_time_us=20_000)
    assert found.impedance_ohm is None
    assert found.tc_rate_c_s is None
    assert found.tc_stuck_share == 0.0
    assert found.z_jump_ohm is None
    assert line.missed().missed_ticks == 1


def test_the_sentinels_rise_is_forgotten_with_the_link() -> None:
    line = Line()
    for n in range(510):
        found = line.tick(temperature_c=(37.0, 37.0, 37.0 + n * 0.01))
    assert found.sentinel_climb_c == pytest.approx(0.2 + 150.0 * 0.5, rel=0.01)
    line.deriver.relinked()
    assert line.tick(rig_time_us=20_000).sentinel_climb_c is None


def test_a_rate_stands_out_of_the_declared_noise() -> None:
    def rates(config: DeriverConfig) -> float | None:
        line = Line(config)
        for n in range(8):
            found = line.tick(temperature_c=(37.0 + n * 0.05, 37.0, 37.0))
        return found.tc_rate_c_s

    assert rates(replace(CONFIG, noise_c=(0.001, 0.001, 0.001))) == pytest.approx(2.5)
    assert rates(replace(CONFIG, noise_c=(0.1, 0.001, 0.001))) == 0.0
    assert rates(CONFIG) == 0.0


def test_a_coarse_converter_may_stand_still_for_longer() -> None:
    fine, coarse = Line(), Line(replace(CONFIG, step_c=(0.25, 0.25, 0.25)))
    for _ in range(100):
        fine.tick()
        coarse.tick()
    assert fine.tick().tc_stuck_share == pytest.approx(1.0)
    assert coarse.tick().tc_stuck_share == pytest.approx(2.0 / 30.0)


def test_a_reading_that_stood_still_before_the_ramp_counts_from_the_ramp_on_and_across_steps() -> None:
    line = Line()
    share = 0.0
    for state, ticks in ((State.IDLE, 300), (State.IMPEDANCE_CHECK, 300), (State.RAMP, 60), (State.HOLD, 40)):
        for _ in range(ticks):
            share = line.tick(state=state).tc_stuck_share
        if state is State.RAMP:
            assert share == pytest.approx(59 / 100)  # 20 ms each, of 2 s
    assert share == pytest.approx(99 / 100)
    assert line.tick(state=State.RAMP, step=1).tc_stuck_share == pytest.approx(1.0)


def test_commands_that_keep_jumping_are_compared_after_a_second() -> None:
    line = Line()
    line.tick(ON)
    line.tick(ON, rf_on=True)
    seen = [line.radiating(power_w=(5.0, 10.0)[n % 2]).power_off_by_w for n in range(120)]
    assert [off is None for off in seen] == [True] * 50 + [False] * 70


def test_the_heating_is_as_old_as_the_first_ramp_of_the_treatment() -> None:
    line, alone = Line(), Forecast()
    states = [State.IDLE] * 30 + [State.IMPEDANCE_CHECK] * 5 + [State.RAMP] * 60 + [State.HOLD] * 20 + [State.RAMP] * 60
    for n, state in enumerate(states):
        now_us, sentinel_c = n * 500_000, 37.0 + 0.02 * n
        if n == 35:
            alone.begin(now_us)
        power_w = 10.0 if n < 60 else 2.0  # and it has the power
        found = line.tick(rig_time_us=now_us, state=state, temperature_c=(50.0, 50.0, sentinel_c), power_w=power_w)
        assert (found.sentinel_level_c, found.sentinel_climb_c) == alone.update(now_us, sentinel_c, power_w), n
