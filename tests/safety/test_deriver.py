"""The deriver, tick by tick, with values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from hal import Command, Sample
from rfgen.records import State
from rfgen.safety.compile import Channels
from rfgen.safety.deriver import DEFAULT_NOISE_C, Deriver, DeriverConfig
from rfgen.safety.signals import NOTHING_KNOWN, Signals
from rfgen.safety.thermal import Forecast
from tests.properties.streams import sample_of

PERIOD_US = 20_000
CONFIG = DeriverConfig(
    channels=Channels((0, 1), (2,)),
    period_us=PERIOD_US,
    max_power_w=20.0,
    max_current_a=1.0,
    max_voltage_v=100.0,
    sense_power_w=0.5,
    prime_s=1.0,
)
OFF = Command(0, False, 0.0, 0.0)
ON = Command(0, True, 10.0, 0.0)


class Line:
    """A deriver, and the rig's clock."""

    def __init__(self, config: DeriverConfig = CONFIG) -> None:
        self.deriver = Deriver(config)
        self.ticks = 0

    def tick(
        self,
        gives: Command = OFF,
        *,
        state: State = State.IDLE,
        step: int = 0,
        target_c: float | None = None,
        ramp_c: float | None = None,
        baseline: bool = False,
        spread: float | None = None,
        cut: bool = False,
        **changes: Any,
    ) -> Signals:
        """One tick with a sample; then this is given."""
        sample: Sample = sample_of(self.ticks, **changes)
        self.ticks += 1
        found = self.deriver.derive(sample, state, step, target_c, ramp_c, baseline, spread)
        self.deriver.gave(gives, cut)
        return found

    def missed(self, gives: Command = OFF, *, cut: bool = False, **reasons: bool) -> Signals:
        """One tick without a sample; then this is given."""
        self.ticks += 1
        found = self.deriver.missed(reasons.get("failed", False), reasons.get("wrong_tick", False))
        self.deriver.gave(gives, cut)
        return found

    def radiating(self, power_w: float = 10.0, **changes: Any) -> Signals:
        """A tick in HOLD with RF on, its command as before."""
        given = {"rf_on": True, "power_w": power_w, "voltage_v": 30.0, "current_a": 0.3, **changes}
        return self.tick(ON._replace(power_w=power_w), state=State.HOLD, **given)


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


def settled(config: DeriverConfig = CONFIG, power_w: float = 10.0) -> Line:
    """RF on for a second."""
    line = Line(config)
    for n in range(52):
        line.radiating(power_w, rf_on=n >= 2, rig_time_us=(n + 1) * PERIOD_US)
    return line


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
    assert found.sentinel_climb_c == pytest.approx(0.3 + 160.0 * 0.5, rel=0.01)
    line.deriver.relinked()
    assert line.tick(rig_time_us=20_000).sentinel_climb_c is None


def test_the_limits_changed_is_what_the_firmware_says() -> None:
    line = Line()
    assert line.tick().config_changed is False
    line.deriver.config_changed = True
    assert line.tick().config_changed is True


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


# --- what a power is held against -----------------------------------------------------------------------------------


def test_after_a_missed_tick_no_power_is_compared() -> None:
    """The sample tells of two intervals at once."""
    line = Line()
    assert [line.radiating().power_off_by_w for _ in range(40)][-1] == 0.0
    line.missed(ON)
    assert line.radiating(power_w=10.0).power_off_by_w is None
    assert line.radiating(power_w=10.0).power_off_by_w == 0.0


def test_commands_that_keep_jumping_are_compared_after_a_second() -> None:
    line = Line()
    line.tick(ON)
    line.tick(ON, rf_on=True)
    seen = [line.radiating(power_w=(5.0, 10.0)[n % 2]).power_off_by_w for n in range(120)]
    assert [off is None for off in seen] == [True] * 50 + [False] * 70


def test_in_a_ramp_without_rf_nothing_is_allowed() -> None:
    line = Line()
    for n in range(103):
        found = line.tick(rig_time_us=n * 100_000, state=State.RAMP, target_c=60.0, ramp_c=40.0)
    assert (found.stall_power_w, found.stall_allowed_w) == (0.0, 0.0)


def test_the_heating_is_as_old_as_the_first_ramp_of_the_treatment() -> None:
    line, alone = Line(), Forecast()
    states = [State.IDLE] * 30 + [State.IMPEDANCE_CHECK] * 5 + [State.RAMP] * 60 + [State.HOLD] * 20 + [State.RAMP] * 60
    for n, state in enumerate(states):
        now_us, sentinel_c = n * 500_000, 37.0 + 0.02 * n
        if n == 35:
            alone.begin(now_us)
        found = line.tick(rig_time_us=now_us, state=state, temperature_c=(50.0, 50.0, sentinel_c))
        assert (found.sentinel_level_c, found.sentinel_climb_c) == alone.update(now_us, sentinel_c), n
