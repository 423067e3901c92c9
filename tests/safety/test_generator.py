"""The firmware, case by case: what it does in a treatment, what it says of a trip, and how it fails."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest

from hal import Absence, Command
from rfgen.control.plan import Mode
from rfgen.generator import Generator, GeneratorConfig
from rfgen.records import Decision, Event, State
from rfgen.safety.catalogue import ROW_IDS
from rfgen.safety.compile import Channels
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs
from tests.properties.streams import LINKED, TUNING, plan
from tests.safety.generators import (
    ACKNOWLEDGE,
    NEW_PATIENT,
    RADIATING,
    START,
    STOP,
    TEMPERATURE,
    Bench,
    config,
    ids,
    in_state,
    shown,
)

# --- a treatment ----------------------------------------------------------------------------------------------------


def test_before_anything_it_is_idle_and_rf_is_off() -> None:
    generator = Generator(config())
    assert generator.state is State.IDLE
    assert generator.reason is None
    assert not generator.happened
    assert generator.first_command() == Command(0, False, 0.0, 0.0)


def test_optional_parts_of_a_device_are_absent_unless_said() -> None:
    given = GeneratorConfig(plan(), TUNING, Channels((0,), ()), resolve_limits(), frozenset(), 20_000, 20.0)
    assert given.prime_s == 0.0
    assert given.stage_temperature is False
    assert (given.noise_c, given.step_c, given.co_located) == ((), (), ())


def test_the_tick_of_idle() -> None:
    bench = Bench()
    for n in range(3):
        decision = bench.tick()
        assert decision.command == Command(n + 1, False, 0.0, 0.0)
        assert (decision.rf_off, decision.state, decision.step) == (False, State.IDLE, 0)
        assert decision.asked_w == 0.0
        assert math.isnan(decision.setpoint_c)
        assert math.isnan(decision.target_c)
        assert (decision.violated, decision.tripped) == (0, 0)


def moves(bench: Bench) -> Iterator[tuple[str, str, int]]:
    """From, to and step of each move."""
    for event in bench.told("state"):
        assert event.text.startswith(f"{event.data['from']} to {event.data['to']}")
        yield str(event.data["from"]), str(event.data["to"]), int(str(event.data["step"]))


class Listening:
    """A deriver that keeps what the firmware tells it it is about."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.told: list[tuple[Any, ...]] = []

    def derive(self, sample: Any, *about: Any) -> Any:
        self.told.append(about)
        return self.real.derive(sample, *about)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_interlocks_are_told_what_the_firmware_is_about(mode: Mode) -> None:
    bench = Bench(config(mode))
    heard = bench.generator.deriver = Listening(bench.generator.deriver)  # type: ignore[assignment]
    assert isinstance(heard, Listening)
    bench.until(State.CUTOFF)
    bench.tick()
    of: dict[State, list[tuple[Any, ...]]] = {state: [] for state in State}
    for state, *about in heard.told:
        of[state].append(tuple(about))
    targets = (60.0, 50.0) if mode is Mode.TEMPERATURE else (None, None)
    for state in (State.IDLE, State.CUTOFF):  # nothing: no step, target, ramp, baseline or verdict
        assert set(of[state]) == {(0, None, None, False, None)}
    for state in (State.RAMP, State.HOLD):
        assert list(dict.fromkeys(about[:2] for about in of[state])) == [(0, targets[0]), (1, targets[1])]
        assert {about[3:] for about in of[state]} == {(False, None)}
        assert {about[2] is None for about in of[state]} == {mode is not Mode.TEMPERATURE}
    check = of[State.IMPEDANCE_CHECK]
    assert {about[:3] for about in check} == {(0, None, None)}
    # the baseline first, until the pump has had its time; the verdict once, at the end
    assert [about[3] for about in check] == sorted([about[3] for about in check], reverse=True)
    assert [about[3] for about in check].count(True) > 1
    assert [about[4] is None for about in check] == [True] * (len(check) - 1) + [False]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_treatment_goes_its_way_and_says_so(mode: Mode) -> None:
    bench = Bench(config(mode))
    seen: dict[State, list[Decision]] = {state: [] for state in State}
    for n in range(4000):
        decision = bench.tick(*([START] if n == 3 else []))
        assert decision.command.tick == n + 1
        seen[decision.state].append(decision)
        if len(seen[State.CUTOFF]) == 60:
            break
    assert list(moves(bench)) == [
        ("IDLE", "IMPEDANCE_CHECK", 0),
        ("IMPEDANCE_CHECK", "RAMP", 0),
        ("RAMP", "HOLD", 0),
        ("HOLD", "RAMP", 1),
        ("RAMP", "HOLD", 1),
        ("HOLD", "CUTOFF", 1),
    ]
    first, last = bench.told("state")[0], bench.told("state")[-1]
    assert (first.tick, first.time_us, first.text) == (3, 60_000, "IDLE to IMPEDANCE_CHECK")
    assert "reason" not in first.data
    assert last.text == "HOLD to CUTOFF: hold_complete"
    assert last.data["reason"] == "hold_complete"
    assert bench.generator.reason == "hold_complete"
    assert not bench.told("trip")
    assert not any(d.command.rf_on for state in (State.IDLE, State.CUTOFF) for d in seen[state])
    assert all(d.command.rf_on and d.command.power_w == d.asked_w for d in seen[State.RAMP] + seen[State.HOLD])
    for decision in seen[State.RAMP] + seen[State.HOLD]:
        if mode is Mode.TEMPERATURE:
            assert decision.target_c == (60.0, 50.0)[decision.step]
            assert 37.0 <= decision.setpoint_c <= 60.5
        else:
            assert math.isnan(decision.target_c)
            assert math.isnan(decision.setpoint_c)
    for decision in seen[State.IMPEDANCE_CHECK] + seen[State.CUTOFF]:
        assert math.isnan(decision.target_c)
        assert math.isnan(decision.setpoint_c)
    check = seen[State.IMPEDANCE_CHECK]
    assert check[0].command.flow_ml_min == 0.0  # the baseline comes before the pump
    assert check[-1].command.flow_ml_min == 10.0
    assert check[-1].asked_w == 2.0
    # RF is ordered off in the tick of the move, once
    assert [d.rf_off for d in seen[State.CUTOFF]] == [True] + [False] * 59
    assert not any(d.rf_off for state in State if state is not State.CUTOFF for d in seen[state])
    # the pump goes on for 1 s
    assert [d.command.flow_ml_min for d in seen[State.CUTOFF]] == [10.0] * 50 + [0.0] * 10
    assert {d.asked_w for d in seen[State.CUTOFF]} == {0.0}


def test_the_lesser_of_both_maxima_is_commanded_at_most() -> None:
    def most(plan_w: float, stage_w: float) -> float:
        bench = Bench(config(Mode.POWER, max_power_w=stage_w, plan=plan(Mode.POWER, plan_w)))
        bench.until(State.RAMP)
        return max(bench.tick().command.power_w for _ in range(100))

    assert most(3.0, 20.0) == 3.0
    assert most(20.0, 3.0) == 3.0
    assert most(3.0, 3.0) == 3.0


@pytest.mark.parametrize(("plan_w", "stage_w"), [(math.nan, 20.0), (3.0, math.nan), (math.nan, math.nan)])
def test_a_maximum_that_is_no_number_permits_nothing(plan_w: float, stage_w: float) -> None:
    generator = Generator(config(Mode.POWER, max_power_w=stage_w, plan=plan(Mode.POWER, plan_w)))
    assert math.isnan(generator._most_w)


# --- what trips, and how it is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", RADIATING)
def test_the_first_row_of_a_tick_is_the_reason_and_each_is_told(state: State) -> None:
    bench = in_state(state)
    decision = bench.tick(estop_pressed=True, loop_closed=False)
    assert ids(decision.tripped) == ["ESTOP", "LOOP_OPEN"]
    assert decision.violated == decision.tripped
    assert (decision.state, decision.rf_off, decision.command.rf_on) == (State.CUTOFF, True, False)
    assert bench.generator.reason == "ESTOP"
    bit = ROW_IDS.index("ESTOP")
    assert [shown(event) for event in bench.told("trip")] == [
        ("ESTOP", bit, True, "emergency stop pressed", 0.0),
        ("LOOP_OPEN", bit + 1, False, bench.told("trip")[1].data["read"], 0.0),
    ]
    assert [event.text.split(":")[0] for event in bench.told("trip")] == ["ESTOP", "LOOP_OPEN"]
    later = bench.tick(estop_pressed=True, stage_fault=True)
    assert ids(later.tripped) == ["STAGE_FAULT"]
    assert later.rf_off
    assert bench.told("trip")[-1].data["first"] is False
    assert bench.generator.reason == "ESTOP"
    assert not bench.tick(estop_pressed=True).rf_off


def test_a_trip_in_idle_is_a_cutoff_too() -> None:
    bench = Bench()
    bench.tick()
    decision = bench.tick(estop_pressed=True)
    assert (decision.state, decision.rf_off) == (State.CUTOFF, True)
    assert bench.told("trip")[-1].data["first"] is True
    assert bench.told("state")[-1].text == "IDLE to CUTOFF: ESTOP"


@pytest.mark.parametrize("others", [{}, {"estop_pressed": True}])
def test_a_pump_that_is_the_cause_does_not_go_on(others: dict[str, Any]) -> None:
    bench = in_state(State.HOLD)
    decisions = [bench.tick(flow_ml_min=0.0) for _ in range(25)]
    assert not any(d.tripped for d in decisions)
    decision = bench.tick(flow_ml_min=0.0, **others)
    assert ids(decision.tripped) == ["FLOW_LOW", *(["ESTOP"] if others else [])]
    assert decision.command.flow_ml_min == 0.0
    assert bench.told("trip")[0].data["held_s"] == 0.5
    assert bench.tick().command.flow_ml_min == 0.0


def test_the_cooling_of_a_second_cutoff_is_as_long() -> None:
    bench = in_state(State.RAMP)
    flows = [bench.tick(estop_pressed=n == 0).command.flow_ml_min for n in range(52)]
    assert flows == [10.0] * 50 + [0.0] * 2
    bench.tick(ACKNOWLEDGE, linked=LINKED)
    bench.until(State.RAMP)
    assert [bench.tick(estop_pressed=n == 0).command.flow_ml_min for n in range(52)] == [10.0] * 50 + [0.0] * 2


@pytest.mark.parametrize(
    ("reason", "code", "tripped"),
    [
        (Absence.TIMEOUT, 0, []),
        (Absence.TIMEOUT, 2, []),
        (Absence.END_OF_RECORDING, 0, []),
        (Absence.WRONG_TICK, 0, ["SAMPLE_STALE"]),
        (Absence.LINE_DOWN, 0, ["LINK_LOST"]),
        (Absence.LINE_DOWN, 4, ["LINK_LOST"]),
        (Absence.RIG_ERROR, 1, ["LINK_LOST"]),
        (Absence.RIG_ERROR, 2, ["LINK_LOST", "RIG_REBOOT"]),
        (Absence.RIG_ERROR, 3, ["LINK_LOST"]),
        (Absence.RIG_ERROR, 4, ["LINK_LOST", "RIG_REBOOT"]),
        (Absence.RIG_ERROR, 5, ["LINK_LOST"]),
    ],
)
def test_a_tick_without_a_sample_says_what_is_known_of_the_line(reason: Absence, code: int, tripped: list[str]) -> None:
    bench = in_state(State.RAMP)
    asked_w = bench.tick().asked_w
    decision = bench.missed(reason, code)
    assert ids(decision.tripped) == tripped
    assert decision.state is (State.CUTOFF if tripped else State.RAMP)
    assert decision.rf_off is bool(tripped)
    if not tripped:
        assert decision.asked_w == asked_w  # control does not go on without a reading


def test_a_host_that_misses_two_ticks_in_a_row_trips() -> None:
    bench = in_state(State.HOLD)
    bench.generator.overran()
    now = bench.rig.tick
    (event,) = bench.generator.take_events()
    assert event == Event(now, now * 20_000, "host", "the host missed its tick by more than a period", {})
    assert not bench.tick().tripped
    bench.generator.overran()
    assert ids(bench.tick().tripped) == ["TICK_OVERRUN"]


def test_limits_that_are_not_those_armed_trip_within_five_ticks() -> None:
    for offset in range(5):
        bench = in_state(State.RAMP)
        for _ in range(offset):
            bench.tick()
        bench.generator.supervisor.limits["z_high_ohm"] = 801.0
        for _ in range(5):
            now = bench.rig.tick
            decision = bench.tick()
            assert bool(decision.tripped) is (now % 5 == 0)
            if decision.tripped:
                break
        assert ids(decision.tripped) == ["CONFIG_CHANGED"]


def test_limits_are_armed_anew_by_a_start() -> None:
    bench = Bench()
    bench.tick()
    bench.generator.supervisor.limits["z_high_ohm"] = 801.0
    for _ in range(5):
        assert not bench.tick().tripped
    assert bench.generator.deriver.config_changed
    for n in range(12):
        assert not bench.tick(*([START] if n == 0 else [])).tripped
    assert bench.generator.state is State.IMPEDANCE_CHECK


def test_limits_as_built_are_those_armed() -> None:
    bench = Bench()
    for _ in range(6):
        bench.tick()
    assert bench.generator.deriver.config_changed is False


def test_a_profile_without_phase_compares_no_meters() -> None:
    for features, expected in ((TEMPERATURE, []), (TEMPERATURE | {Needs.PHASE}, ["METER_DISAGREE"])):
        bench = in_state(State.RAMP, config(features=features))
        tripped = []
        for _ in range(28):
            tripped += ids(bench.tick(phase_deg=90.0).tripped)
        assert tripped == expected


def test_the_period_is_in_seconds_for_control() -> None:
    assert Generator(config())._tick_s == pytest.approx(0.02, rel=1e-12)
    assert Generator(config()).controller.tick_s == pytest.approx(0.02, rel=1e-12)


def test_the_control_thermocouple_is_the_first_electrode() -> None:
    assert Generator(config(channels=Channels((1, 0), (2,))))._control == 1


# --- when the firmware itself fails ---------------------------------------------------------------------------------


class Broken:
    """A deriver that fails."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def derive(self, *arguments: Any) -> Any:
        raise RuntimeError("a defect")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize("state", [State.IDLE, *RADIATING])
def test_a_failure_of_its_own_is_a_cutoff(state: State) -> None:
    bench = in_state(state)
    bench.generator.deriver = Broken(bench.generator.deriver)  # type: ignore[assignment]
    now = bench.rig.tick
    decision = bench.tick(NEW_PATIENT)
    assert ids(decision.tripped) == ["INTERNAL_ERROR"]
    assert decision.violated == decision.tripped
    assert (decision.state, decision.rf_off, decision.command.rf_on) == (State.CUTOFF, True, False)
    assert decision.command.tick == now + 1
    assert bench.generator.reason == "INTERNAL_ERROR"
    (note,) = bench.told("note")
    assert (note.tick, note.text) == (now, "the firmware failed: RuntimeError: a defect")
    bit = ROW_IDS.index("INTERNAL_ERROR")
    assert shown(bench.told("trip")[-1]) == ("INTERNAL_ERROR", bit, True, "RuntimeError: a defect", 0.0)
    # again: told, cut, nothing new
    decision = bench.tick()
    assert (decision.tripped, decision.rf_off, decision.state) == (0, True, State.CUTOFF)
    assert len(bench.told("note")) == 2
    assert len(bench.told("trip")) == 1


def test_a_failure_forgets_what_was_asked() -> None:
    bench = in_state(State.HOLD)
    real = bench.generator._take_requests

    def fails() -> None:
        raise RuntimeError("a defect")

    bench.generator._take_requests = fails  # type: ignore[method-assign]
    assert bench.tick(STOP).state is State.CUTOFF
    bench.generator._take_requests = real  # type: ignore[method-assign]
    bench.tick()
    assert len(bench.told("operator")) == 1  # the start
    assert bench.refusal(ACKNOWLEDGE, LINKED) is None


def test_a_failure_with_its_row_latched_already_is_a_cutoff_all_the_same() -> None:
    bench = in_state(State.HOLD)
    bench.generator.supervisor.trip("INTERNAL_ERROR")
    bench.generator.deriver = Broken(bench.generator.deriver)  # type: ignore[assignment]
    decision = bench.tick()
    assert (decision.tripped, decision.rf_off, decision.state) == (0, True, State.CUTOFF)
    assert bench.generator.reason == "INTERNAL_ERROR"


@pytest.mark.parametrize("reason", [None, "ESTOP"])
def test_the_last_resort_needs_nothing_that_can_fail(reason: str | None) -> None:
    bench = in_state(State.HOLD)
    generator = bench.generator
    generator.reason = reason
    generator.supervisor = None  # type: ignore[assignment]
    now = bench.rig.tick
    decision = generator.tick(bench.rig.answer())
    assert decision[1:5] == (True, State.CUTOFF, 0, 0.0)
    assert decision.command == Command(now + 1, False, 0.0, 0.0)
    assert math.isnan(decision.setpoint_c)
    assert math.isnan(decision.target_c)
    assert (decision.violated, decision.tripped) == (0, 0)
    assert generator.reason == (reason or "INTERNAL_ERROR")


# --- copies ---------------------------------------------------------------------------------------------------------


def test_a_deep_copy_shares_nothing_that_moves() -> None:
    bench = in_state(State.RAMP)
    one = bench.generator
    one.request(STOP)
    one.overran()
    two = copy.deepcopy(one)
    assert two.config is one.config
    for name in ("machine", "supervisor", "deriver", "controller"):
        assert getattr(two, name) is not getattr(one, name)
    two.request(STOP)
    assert len(two._requests) == 2
    assert len(one._requests) == 1
    assert len(two.take_events()) == 1
    assert one.happened
    sample = bench.rig.answer()
    assert two.tick(sample).state is State.CUTOFF
    assert one.state is State.RAMP
    assert one.reason is None
    two.overran()
    two.take_events()
    two.overran()
    two._event("note", "", {})
    assert len(one.take_events()) == 1
