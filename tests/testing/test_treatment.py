"""A treatment driven by a test: time, operator, faults, what is told, and what is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import HalError
from rfgen.assemble import assemble
from rfgen.record.loader import load_run
from rfgen.runs import run_into
from rfgen.scenario import Scenario, load_scenario, parse_scenario
from rfgen.testing import Lacking, NotReached, NotRead, Refused, SimulatedRig, State, Treatment

SHORT = """\
title: Short
device: bench
treatment: {target_c: 50, hold_s: 5}
plant: {target: lytic_tumour, wall: {distance_mm: 15}}
"""


@pytest.fixture(name="short", scope="module")
def _short() -> Scenario:
    return parse_scenario(SHORT, "short.yaml")


def test_from_start_to_acknowledge(short: Scenario) -> None:
    with Treatment(short) as now:
        assert (now.state, now.time_s, now.commanded.rf_on, now.tripped, now.reason) == (
            State.IDLE,
            0.0,
            False,
            (),
            None,
        )
        with pytest.raises(NotRead, match="no sample before the first tick"):
            _ = now.read
        now.start()
        assert (now.state, now.time_s) == (State.IMPEDANCE_CHECK, 0.52)
        took_s = now.advance_until("hold", within_s=120)
        assert now.time_s == pytest.approx(0.52 + took_s)
        assert now.time_in_state_s == 0.02
        assert now.advance_until(State.HOLD, within_s=0) == 0.0
        assert 48 < now.read_c("tip") < 52
        assert 50 < now.impedance_ohm < 400
        assert now.commanded.rf_on
        with now.fault("pump_stopped"):
            assert now.advance_until("cutoff", within_s=1.5) < 1.0
        assert (now.tripped, now.reason, now.commanded.rf_on) == (("FLOW_LOW",), "FLOW_LOW", False)
        now.advance(0.02)
        assert not now.read.rf_on
        now.advance(5)
        now.acknowledge()
        assert (now.state, now.tripped, now.reason) == (State.IDLE, (), None)
    with pytest.raises(RuntimeError, match="has been closed"):
        now.advance(1)


def test_what_is_kept_repeats_the_treatment_bit_for_bit(short: Scenario, tmp_path: Path) -> None:
    """`rfgen run` of the scenario that a treatment leaves: the operator and the faults come in the same ticks."""
    with Treatment(short, folder=tmp_path / "by hand", seed=7) as now:
        now.start()
        with now.fault("thermocouple_noise", channel="tissue", size=0.5), now.fault("line_duplicate"):
            now.advance(3.01)
        now.fault("line_drop", size=0.02)
        now.fault("stage_slow").take_off()  # before any tick: it never was
        now.advance_until("ramp", within_s=30)
        now.advance(1.5)
        now.fault("emergency_stop")
        now.advance(1)
        with pytest.raises(Refused, match="the cause is not gone: ESTOP"):
            now.acknowledge()
    assert now.report() == tmp_path / "by hand"
    assert {p.name for p in now.folder.iterdir()} == {"run.mcap", "scenario.yaml", "summary.json", "report.html"}  # type: ignore[union-attr]
    left = load_scenario(str(tmp_path / "by hand/scenario.yaml"))
    assert left.seed == 7
    again = run_into(tmp_path / "again", "again", assemble(left), report=False).run
    by_hand = load_run(tmp_path / "by hand")
    ticks = by_hand.ticks
    assert 200 < ticks <= again.ticks
    for name, column in by_hand.columns.items():
        assert np.array_equal(column, again.columns[name][:ticks], equal_nan=column.dtype.kind == "f"), name
    told = [sorted((e.tick, e.text) for e in run.events if e.tick < ticks) for run in (by_hand, again)]
    assert [event for event in told[0] if "stage_slow" not in event[1]] == told[1]
    assert (289, "RAMP to CUTOFF: ESTOP") in told[1]


@settings(max_examples=15)
@given(st.lists(st.integers(0, 40), max_size=5))
def test_time_is_whole_ticks_however_it_is_asked_for(parts: list[int]) -> None:
    scenario = parse_scenario(SHORT, "short.yaml")
    with Treatment(scenario) as one, Treatment(scenario) as other:
        for part in parts:
            one.advance(part * 0.02)
        for _ in other.ticks(sum(parts) * 0.02):
            pass
        assert one.time_s == other.time_s == round(sum(parts) * 0.02, 9)
        assert one.reply == other.reply


@pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf"), 2e6])
def test_what_is_no_time_is_refused(seconds: float, short: Scenario) -> None:
    with Treatment(short) as now, pytest.raises(ValueError, match="is no time to let pass"):
        now.advance(seconds)


def test_what_is_not_reached_says_expected_got_when_and_why(short: Scenario) -> None:
    with Treatment(short) as now:
        with pytest.raises(NotReached, match=r"expected RAMP within 0.5 s\ngot      IDLE after 0.5 s\nwhen     0.5 s"):
            now.advance_until("ramp", within_s=0.5)
        now.start()
        now.fault("loop_open")
        with pytest.raises(NotReached) as told:
            now.advance_until("hold", within_s=60)
        lines = str(told.value).splitlines()
        assert lines[:5] == [
            "expected HOLD within 60 s",
            "got      CUTOFF after 0.02 s",
            "when     0.54 s, 0.02 s in CUTOFF",
            "why      LOOP_OPEN",
            "         0.52 s loop_open put on",
        ]
        assert lines[5].startswith("         0.52 s LOOP_OPEN: ")
        assert lines[-1] == "command  RF off"
        with pytest.raises(NotReached, match=r"expected a warm tip within 0.1 s"):
            now.advance_until(a_warm_tip, within_s=0.1)
        with pytest.raises(ValueError, match="no state 'holding': there are idle, impedance_check, ramp, hold, cutoff"):
            now.advance_until("holding", within_s=1)


def a_warm_tip(now: Treatment) -> bool:
    """a warm tip"""
    return now.read_c("tip") > 45


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (("pump_stoped",), "'pump_stoped' is no fault; did you mean 'pump_stopped'"),
        (("thermocouple_open",), "channel is missing; name the thermocouple's channel, from 0"),
        (("thermocouple_open", 5), "is no channel; bench has channels 0 to 2"),
        (("thermocouple_open", "tipp"), "no thermocouple 'tipp': bench has tip, tissue, wall"),
        (("pump_stopped", 0), "channel means nothing here"),
        (("pump_slow", None, 3.0), "size is out of range; 0 to 1 x"),
    ],
)
def test_a_fault_that_there_is_not_is_told(fault: tuple[object, ...], told: str, short: Scenario) -> None:
    with Treatment(short) as now, pytest.raises(ValueError, match=told):
        now.fault(*fault)  # type: ignore[arg-type]


def test_a_fault_of_the_host_that_has_no_end_cannot_be_taken_off(short: Scenario) -> None:
    with Treatment(short) as now:
        now.start()
        with now.fault("firmware_exception") as put:
            now.advance_until("cutoff", within_s=10)
            with pytest.raises(ValueError, match="firmware_exception has no end"):
                put.take_off()
        assert now.reason == "INTERNAL_ERROR"
        with now.fault("tick_overrun"):
            pass


def test_a_dead_man_switch_is_pressed_and_let_go() -> None:
    scenario = parse_scenario(
        SHORT.replace("device: bench", "device: {profile: bench, dead_man: true}"), "dead-man.yaml"
    )
    with Treatment(scenario) as now:
        now.start()
        assert now.state is State.IMPEDANCE_CHECK
        assert now.read.start_pressed
        now.advance(1)
        now.stop()
        assert now.reason == "START_RELEASED"


def test_rf_is_off_on_every_way_out(short: Scenario) -> None:
    for error in (AssertionError, KeyboardInterrupt, SystemExit):
        left = []
        with pytest.raises(error):
            _left_by(error, short, left)
        (now,) = left
        hal = now._opened().session.hal
        with pytest.raises(HalError, match="exchange before open or after close"):
            hal.exchange(now.commanded)
        assert now._opened().panel.on.power_w > 1.0  # the stage, as it stood
        hal.open(now._opened().session.rig_config)
        sample = hal.exchange(now.commanded._replace(rf_on=False))
        assert (sample.rf_on, sample.power_w) == (False, pytest.approx(0.0, abs=0.3))


def _left_by(error: type[BaseException], scenario: Scenario, left: list[Treatment]) -> None:
    with Treatment(scenario) as now:
        left.append(now)
        now.start()
        now.advance_until("ramp", within_s=30)
        assert now.read.rf_on
        raise error


def test_ctrl_c_is_taken_between_two_ticks(short: Scenario, tmp_path: Path) -> None:
    def in_the_third_tick(now: Treatment) -> bool:
        if now.time_s == 0.06:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    now = Treatment(short, folder=tmp_path)
    with pytest.raises(KeyboardInterrupt), now:
        now.advance_until(in_the_third_tick, within_s=1)
    assert load_run(tmp_path).ticks == 3
    assert load_run(tmp_path).complete


def test_a_simulation_begins_at_baseline_and_has_everything(short: Scenario) -> None:
    with Treatment(short, SimulatedRig()) as now:
        assert now.cool_down(within_s=1) == 0.0
        assert now.info is not None
        assert now.info.simulated


def test_a_shipped_scenario_by_name_with_the_test_as_its_operator() -> None:
    with Treatment("operator-stops-and-starts-again") as now:
        now.advance(2)
        assert now.state is State.IDLE  # the scenario's own operator starts at 0.5 s
        assert not [event for event in now.events if event.kind == "operator"]


def test_lacking_is_a_skip_for_unittest_too() -> None:
    import unittest

    assert issubclass(Lacking, unittest.SkipTest)
