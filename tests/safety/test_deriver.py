"""What the deriver makes of one tick, with values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rfgen.records import State
from rfgen.safety.compile import Channels
from rfgen.safety.deriver import DEFAULT_NOISE_C
from rfgen.safety.signals import NOTHING_KNOWN, Signals
from tests.safety.derivers import CONFIG, OFF, ON, Line, settled


def test_what_a_device_does_not_say_is_assumed() -> None:
    assert DEFAULT_NOISE_C == 0.1
    assert (CONFIG.noise_c, CONFIG.step_c, CONFIG.co_located) == ((), (), ())
    assert (CONFIG.phase, CONFIG.stage_temperature, CONFIG.dead_man) == (False, False, False)
    assert CONFIG.overshoot_c == 5.0
    assert (CONFIG.least_current_a, CONFIG.least_voltage_v) == (0.002, 0.2)


def test_the_first_tick_of_all() -> None:
    found = Line().tick()
    assert found.temperature_c == (37.0, 37.0, 37.0)
    absent = {name for name in Signals._fields if getattr(found, name) is None}
    assert absent == {
        "over_target_c", "under_target_c", "ramp_s", "stall_gain_c", "stall_asked_c", "stall_power_w",
        "stall_allowed_w", "impedance_ohm", "check_spread", "power_off_by_w", "power_expected_w", "flow_due_ml_min",
        "sentinel_level_c", "sentinel_climb_c", "tc_rate_c_s", "tc_disagree_c", "least_ohm", "z_jump_ohm",
        "z_before_ohm", "meter_off_by_w", "skew_share", "check_s",
    }  # fmt: skip
    wrong = {name for name in Signals._fields if getattr(found, name) is True}
    assert wrong == {"baseline_due"}
    numbers = {
        name: getattr(found, name)
        for name in Signals._fields
        if isinstance(getattr(found, name), (int, float)) and not isinstance(getattr(found, name), bool)
    }
    assert numbers == {
        "power_while_off_w": 0.0, "flow_ml_min": 0.0, "electrode_spread_c": 0.0, "missed_ticks": 0, "power_w": 0.0,
        "voltage_v": 0.0, "current_a": 0.0, "energy_j": 0.0, "dose_min": 0.0, "tc_stuck_share": 0.0, "stage_c": 0.0,
        "coolant_c": 22.0, "late_ticks": 0, "overrun_ticks": 0, "on_s": 0.0,
    }  # fmt: skip


def test_nothing_known_is_nothing_wrong_and_no_reading() -> None:
    wrong = {name for name in Signals._fields if getattr(NOTHING_KNOWN, name) is True}
    assert not wrong
    unread = {name for name, value in NOTHING_KNOWN._asdict().items() if isinstance(value, float) and value != value}
    assert unread == {"flow_ml_min", "electrode_spread_c", "power_w", "voltage_v", "current_a", "coolant_c"}
    zero = {name for name, value in NOTHING_KNOWN._asdict().items() if value == 0 and not isinstance(value, bool)}
    assert zero == {
        "missed_ticks", "energy_j", "tc_stuck_share", "stage_c", "late_ticks", "overrun_ticks", "on_s",
    }  # fmt: skip
    assert NOTHING_KNOWN.temperature_c == ()


def test_a_tick_without_a_sample() -> None:
    line = Line()
    assert line.missed() == NOTHING_KNOWN._replace(missed_ticks=1)
    assert line.missed(failed=True) == NOTHING_KNOWN._replace(missed_ticks=2, exchange_failed=True)
    assert line.missed(wrong_tick=True) == NOTHING_KNOWN._replace(missed_ticks=3, sample_stale=True)
    assert line.deriver.missed(True, False, rebooted=True).rig_rebooted
    assert line.tick().missed_ticks == 0
    assert line.missed().missed_ticks == 1


def test_a_command_drives_the_interval_after_the_next() -> None:
    line = Line()
    line.tick(ON)
    assert line.tick(ON, rf_on=True, power_w=3.0).power_while_off_w == 3.0
    found = line.tick(OFF, rf_on=True, power_w=10.0)
    assert found.power_while_off_w is None
    assert found.on_while_off is False
    assert found.power_expected_w is None  # blanked: the command has just jumped
    assert line.tick(OFF, rf_on=True, power_w=10.0).power_while_off_w is None
    off = line.tick(OFF, rf_on=True, power_w=4.0)
    assert off.power_while_off_w == 4.0
    assert off.on_while_off is True


def test_an_interval_cut_in_the_middle_is_neither_on_nor_off() -> None:
    line = Line()
    line.tick(ON)
    line.tick(ON)
    line.tick(OFF, cut=True)
    found = line.tick(OFF, rf_on=True, power_w=4.0)
    assert found.power_while_off_w is None
    assert found.impedance_unmeasured is False
    assert line.tick(OFF, power_w=4.0).power_while_off_w == 4.0


def test_ticks_without_a_sample_are_part_of_the_interval() -> None:
    line = Line()
    line.tick(ON)
    line.tick(OFF)
    line.missed()  # ON is in force
    assert line.tick(power_w=4.0).power_while_off_w is None
    assert line.tick(power_w=4.0).power_while_off_w == 4.0
    line = Line()
    for _ in range(3):
        line.tick(ON)
    line.missed(ON)
    found = line.tick(ON, rf_on=False, power_w=10.0)
    assert found.off_while_on is True
    assert found.power_expected_w is None  # not compared over a gap
    line.missed(OFF, cut=True)
    assert line.tick(ON, rf_on=False).off_while_on is False
    line = Line()
    line.tick(OFF)
    line.missed(OFF)
    line.missed(OFF)
    assert line.tick(power_w=1.0).power_while_off_w == 1.0


def test_power_against_what_the_output_law_allows() -> None:
    found = settled().radiating(10.0)
    assert found.impedance_ohm == pytest.approx(100.0)
    assert found.power_expected_w == 10.0
    assert found.power_off_by_w == 0.0
    line = settled()
    assert line.radiating(10.0, voltage_v=2.0, current_a=0.5).power_expected_w == pytest.approx(4.0)  # 1 A into 4 ohm
    assert (
        line.tick(ON, state=State.HOLD, rf_on=True, power_w=13.5, voltage_v=30.0, current_a=0.3).power_off_by_w == 3.5
    )
    assert line.tick(ON, state=State.HOLD, rf_on=True, power_w=6.0, voltage_v=30.0, current_a=0.3).power_off_by_w == 4.0


def test_a_stage_that_reads_off() -> None:
    line = settled()
    assert line.radiating(rf_on=False).off_while_on is True
    assert line.radiating(rf_on=False, rig_trip=3).off_while_on is False
    assert line.radiating(rf_on=True).off_while_on is False
    assert line.radiating(rf_on=True).impedance_unmeasured is True
    at_sense = settled(power_w=0.5)
    assert at_sense.radiating(0.5, rf_on=False).off_while_on is True
    below = settled(power_w=0.49)
    assert below.radiating(0.49, rf_on=False).off_while_on is False


def test_faults_of_used_thermocouples_count() -> None:
    two = replace(CONFIG, channels=Channels((0, 3), (1,)))
    for bits, reported in ((1, True), (2, True), (3 << 2, True), (1 << 4, False), (2 << 4, False), (1 << 6, True),
                           (2 << 6, True), (1 << 8, False), (0, False)):  # fmt: skip
        readings = (37.0, 37.0, 37.0, 37.0)
        assert Line(two).tick(tc_fault=bits, temperature_c=readings).tc_reports_fault is reported


def test_a_channel_that_no_group_has_is_not_listened_to() -> None:
    line = Line(replace(CONFIG, channels=Channels((1, 2), (3,))))
    for bits, reported in ((1, False), (2, False), (1 << 2, True), (2 << 6, True), (1 << 8, False)):
        assert line.tick(tc_fault=bits, temperature_c=(37.0,) * 5).tc_reports_fault is reported


def test_the_first_sentinel_is_the_one_that_has_the_dose() -> None:
    line = Line(replace(CONFIG, channels=Channels((0,), (1, 2))))
    assert line.tick(temperature_c=(37.0, 43.0, 36.0)).dose_min == pytest.approx(0.02 / 60.0)


def test_the_targets_distance() -> None:
    line = Line()
    found = line.tick(state=State.RAMP, target_c=60.0, temperature_c=(50.0, 90.0, 37.0))
    assert (found.over_target_c, found.under_target_c) == (-10.0, 10.0)
    found = line.tick(state=State.HOLD, target_c=40.0, temperature_c=(50.0, 90.0, 37.0))
    assert (found.over_target_c, found.under_target_c) == (None, -10.0)
    found = line.tick(state=State.HOLD)
    assert (found.over_target_c, found.under_target_c) == (None, None)


def test_times_in_a_state() -> None:
    line = Line()
    line.tick(rig_time_us=1_000_000)
    found = line.tick(state=State.IMPEDANCE_CHECK, rig_time_us=1_020_000)
    assert (found.check_s, found.ramp_s) == (0.0, None)
    assert line.tick(state=State.IMPEDANCE_CHECK, rig_time_us=1_520_000).check_s == pytest.approx(0.5)
    found = line.tick(state=State.RAMP, rig_time_us=1_540_000)
    assert (found.check_s, found.ramp_s) == (None, 0.0)
    assert line.tick(state=State.RAMP, rig_time_us=2_540_000).ramp_s == pytest.approx(1.0)
    found = line.tick(state=State.HOLD, rig_time_us=2_560_000)
    assert (found.check_s, found.ramp_s) == (None, None)
    assert line.tick(state=State.RAMP, step=1, rig_time_us=2_580_000).ramp_s == 0.0


def test_the_baseline_is_due_while_it_is_taken_and_where_nothing_runs() -> None:
    hot = (40.0, 36.5, 37.0)
    for state in (State.IDLE, State.CUTOFF):
        found = Line().tick(state=state, temperature_c=hot)
        assert (found.baseline_due, found.electrode_spread_c) == (True, 3.5)
    for state in (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD):
        found = Line().tick(state=state, temperature_c=hot)
        assert (found.baseline_due, found.electrode_spread_c) == (None, 0.0)
    assert Line().tick(state=State.IMPEDANCE_CHECK, baseline=True, temperature_c=hot).electrode_spread_c == 3.5
    for readings in ((math.nan, 37.0, 37.0), (37.0, math.nan, 37.0)):
        assert math.isnan(Line().tick(temperature_c=readings).electrode_spread_c)
    alone = replace(CONFIG, channels=Channels((0,), (2,)))
    assert Line(alone).tick(temperature_c=hot).electrode_spread_c == 0.0
    assert Line(alone).tick(temperature_c=(math.nan, 37.0, 37.0)).electrode_spread_c == 0.0  # TC_INVALID's to say


def test_without_a_sentinel_there_is_no_dose() -> None:
    found = Line(replace(CONFIG, channels=Channels((0, 1), ()))).tick()
    assert (found.dose_min, found.sentinel_climb_c) == (None, None)


def test_parts_that_are_not_fitted_are_not_read() -> None:
    hot = {"stage_c": 99.0, "phase_deg": 60.0}
    line = settled()
    assert line.radiating(**hot).stage_c == 0.0
    assert line.radiating(**hot).meter_off_by_w is None
    assert line.radiating(start_pressed=False).start_released is False
    line = settled(replace(CONFIG, phase=True, stage_temperature=True, dead_man=True))
    found = line.radiating(**hot)
    assert found.stage_c == 99.0
    assert found.meter_off_by_w == pytest.approx(10.0 - 30.0 * 0.3 * 0.5)
    assert found.start_released is True
    assert line.radiating(start_pressed=True).start_released is False
    line.tick(OFF)
    line.tick(OFF)
    assert line.tick(**hot).meter_off_by_w is None


def test_two_thermocouples_in_one_place() -> None:
    line = Line(replace(CONFIG, co_located=((0, 1),)))
    assert line.tick(temperature_c=(40.0, 38.5, 37.0)).tc_disagree_c == 1.5
    assert Line().tick(temperature_c=(40.0, 38.5, 37.0)).tc_disagree_c is None


def test_switches_and_verdicts_of_the_rig() -> None:
    quiet = Line().tick()
    for change, name in (
        ({"estop_pressed": True}, "estop_pressed"),
        ({"loop_closed": False}, "loop_open"),
        ({"stage_fault": True}, "stage_fault"),
        ({"return_attached": False}, "return_lost"),
        ({"rig_trip": 1}, "rig_tripped"),
        ({"rig_trip": 7}, "rig_tripped"),
        ({"watchdog_tripped": True}, "rig_tripped"),
        ({"rf_on": True}, "on_while_off"),
    ):
        assert Line().tick(**change) == quiet._replace(**{name: True})
    assert Line().tick(spread=0.3, state=State.IMPEDANCE_CHECK).check_spread == 0.3
    assert Line().tick(coolant_c=30.0, flow_ml_min=7.0).coolant_c == 30.0
    assert Line().tick(flow_ml_min=7.0).flow_ml_min == 7.0


def test_time_that_stands_or_goes_back_is_stale_and_counts_as_a_period() -> None:
    line = Line()
    assert line.tick(rig_time_us=1_000_000).sample_stale is False
    for now_us in (1_000_000, 999_999):
        before = line.tick(rig_time_us=now_us, power_w=10.0)
        assert before.sample_stale is True
    assert before.energy_j == pytest.approx(2 * 10.0 * 0.02)
    found = line.tick(rig_time_us=1_000_000, power_w=10.0)
    assert found.sample_stale is False
    assert found.energy_j == pytest.approx(2 * 10.0 * 0.02 + 10.0 * 1e-6)
    line.deriver.relinked()
    assert line.tick(rig_time_us=5).sample_stale is False


def test_the_limits_changed_is_what_the_firmware_says() -> None:
    line = Line()
    assert line.tick().config_changed is False
    line.deriver.config_changed = True
    assert line.tick().config_changed is True


def test_after_a_missed_tick_no_power_is_compared() -> None:
    """The sample tells of two intervals at once."""
    line = Line()
    assert [line.radiating().power_off_by_w for _ in range(40)][-1] == 0.0
    line.missed(ON)
    assert line.radiating(power_w=10.0).power_off_by_w is None
    assert line.radiating(power_w=10.0).power_off_by_w == 0.0


def test_in_a_ramp_without_rf_nothing_is_allowed() -> None:
    line = Line()
    for n in range(103):
        found = line.tick(rig_time_us=n * 100_000, state=State.RAMP, target_c=60.0, ramp_c=40.0)
    assert (found.stall_power_w, found.stall_allowed_w) == (0.0, 0.0)
