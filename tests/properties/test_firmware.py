"""What must hold of the firmware on any stream of samples at all."""

from __future__ import annotations

import copy
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Sample
from rfgen.control.plan import Mode
from rfgen.records import Decision, Event, OperatorAction, State
from tests.properties.streams import LINKED, Moment, Rig, new_generator, run, sample_of, streams

MODES = st.sampled_from(list(Mode))
RADIATING = {State.IMPEDANCE_CHECK, State.RAMP, State.HOLD}


@settings(deadline=None, max_examples=150)
@given(stream=streams(), mode=MODES)
def test_rf_is_commanded_only_in_check_ramp_and_hold(stream: list[Moment], mode: Mode) -> None:
    for _, decision in run(new_generator(mode), stream):
        if decision.command.rf_on:
            assert decision.state in RADIATING
            assert decision.command.power_w > 0.0
        else:
            assert decision.command.power_w == 0.0


@settings(deadline=None, max_examples=150)
@given(stream=streams(), mode=MODES)
def test_a_trip_puts_rf_off_in_the_same_tick(stream: list[Moment], mode: Mode) -> None:
    for _, decision in run(new_generator(mode), stream):
        if decision.tripped:
            assert decision.rf_off
            assert not decision.command.rf_on
            assert decision.state is State.CUTOFF


@settings(deadline=None, max_examples=150)
@given(stream=streams(), mode=MODES, most_w=st.floats(0.6, 30.0), max_power_w=st.floats(0.6, 30.0))
def test_commanded_power_never_exceeds_either_limit(
    stream: list[Moment], mode: Mode, most_w: float, max_power_w: float
) -> None:
    for _, decision in run(new_generator(mode, most_w, max_power_w), stream):
        assert 0.0 <= decision.command.power_w <= min(most_w, max_power_w)


@settings(deadline=None, max_examples=150)
@given(stream=streams(), mode=MODES)
def test_entering_cutoff_switches_rf_off_in_the_same_tick(stream: list[Moment], mode: Mode) -> None:
    before = State.IDLE
    for _, decision in run(new_generator(mode), stream):
        if decision.state is State.CUTOFF and before is not State.CUTOFF:
            assert decision.rf_off
        before = decision.state


@settings(deadline=None, max_examples=300)
@given(stream=streams(), mode=MODES)
def test_cutoff_is_left_only_by_an_acknowledge_with_the_cause_gone(stream: list[Moment], mode: Mode) -> None:
    """A cause that clears by reading is gone after a second of good samples: none of its rows may read true in that
    second."""
    generator = new_generator(mode)
    rows = generator.supervisor.rows
    by_reading = sum(1 << bit for bit, row in enumerate(rows) if row.clears.value == "R" and State.CUTOFF in row.armed)
    before, tripped = State.IDLE, 0
    history: list[tuple[int, Decision]] = []
    for moment, (reply, decision) in zip(stream, run(generator, stream), strict=True):
        if isinstance(reply, Sample):
            history.append((reply.rig_time_us, decision))
        if before is State.CUTOFF and decision.state is not State.CUTOFF:
            assert moment.action is OperatorAction.ACKNOWLEDGE
            assert moment.linked
            assert decision.state is State.IDLE
            recent = [d for time_us, d in history[:-1] if history[-1][0] - 1_000_000 < time_us]
            for one in recent:
                assert not one.violated & tripped & by_reading
            tripped = 0
        tripped |= decision.tripped
        before = decision.state


def reasons(events: list[Event]) -> list[str]:
    return [str(e.data["reason"]) for e in events if e.kind == "state" and e.data["to"] == "CUTOFF"]


@settings(deadline=None, max_examples=150)
@given(stream=streams(), mode=MODES)
def test_the_first_reason_is_kept(stream: list[Moment], mode: Mode) -> None:
    generator = new_generator(mode)
    rig = Rig()
    reason: str | None = None
    for moment in stream:
        if moment.action is not None:
            generator.request(moment.action, LINKED if moment.linked else None)
        decision = generator.tick(rig.answer()._replace(**moment.change))
        rig.obey(decision)
        events = generator.take_events()
        if any(e.kind == "state" and e.data["to"] == "IDLE" for e in events):
            reason = None  # acknowledged; another may follow in the same tick
        entered = reasons(events)
        assert len(entered) <= (reason is None)
        reason = entered[0] if entered else reason
        assert (reason is not None) is (decision.state is State.CUTOFF)
        assert generator.reason == reason


def as_bytes(history: list[tuple[object, Decision]]) -> bytes:
    parts = []
    for _, d in history:
        parts.append(
            struct.pack(
                "<q??ddqqddd",
                d.command.tick,
                d.command.rf_on,
                d.rf_off,
                d.command.power_w,
                d.command.flow_ml_min,
                d.violated,
                d.tripped,
                d.asked_w,
                d.setpoint_c,
                d.target_c,
            )
        )
    return b"".join(parts)


@settings(deadline=None, max_examples=100)
@given(stream=streams(), mode=MODES)
def test_the_same_inputs_give_the_same_bytes(stream: list[Moment], mode: Mode) -> None:
    first, second = run(new_generator(mode), stream), run(new_generator(mode), stream)
    assert as_bytes(list(first)) == as_bytes(list(second))


@settings(deadline=None, max_examples=60)
@given(stream=streams(), at=st.integers(0, 200))
def test_a_deep_copy_continues_alike(stream: list[Moment], at: int) -> None:
    generator = new_generator()
    cut = min(at, len(stream))
    rig = Rig()
    for moment in stream[:cut]:
        decision = generator.tick(rig.answer()._replace(**moment.change))
        rig.obey(decision)
    twin = copy.deepcopy(generator)
    here, there = copy.deepcopy(rig), copy.deepcopy(rig)
    for moment in stream[cut:]:
        a = generator.tick(here.answer()._replace(**moment.change))
        b = twin.tick(there.answer()._replace(**moment.change))
        here.obey(a)
        there.obey(b)
        assert as_bytes([(None, a)]) == as_bytes([(None, b)])


@settings(deadline=None, max_examples=60)
@given(junk=st.one_of(st.none(), st.integers(), st.text(), st.tuples(), st.builds(object)))
def test_what_is_not_a_reply_at_all_is_an_internal_error(junk: object) -> None:
    generator = new_generator()
    rig = Rig()
    generator.tick(rig.answer())
    generator.request(OperatorAction.START)
    for _ in range(100):
        rig.obey(generator.tick(rig.answer()))
    assert generator.state in RADIATING
    decision = generator.tick(junk)  # type: ignore[arg-type]
    assert decision.rf_off
    assert not decision.command.rf_on
    assert decision.state is State.CUTOFF
    assert generator.reason == "INTERNAL_ERROR"


def test_a_sane_rig_gets_its_whole_treatment() -> None:
    """The streams above are worth something only if an undisturbed one goes all the way."""
    generator = new_generator()
    rig = Rig()
    seen = []
    for tick in range(4000):
        if tick == 5:
            generator.request(OperatorAction.START)
        decision = generator.tick(rig.answer())
        if decision.rf_off:
            rig.rf_on = False
        rig.obey(decision)
        if not seen or seen[-1] is not decision.state:
            seen.append(decision.state)
        if decision.state is State.CUTOFF:
            break
    assert seen == [
        State.IDLE,
        State.IMPEDANCE_CHECK,
        State.RAMP,
        State.HOLD,
        State.RAMP,
        State.HOLD,
        State.CUTOFF,
    ]
    assert generator.reason == "hold_complete"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_temperature_that_is_not_a_number_trips_at_once(channel: int, value: float) -> None:
    generator = new_generator()
    rig = Rig()
    generator.tick(rig.answer())
    generator.request(OperatorAction.START)
    for _ in range(20):
        rig.obey(generator.tick(rig.answer()))
    readings = [37.0, 37.0, 37.0]
    readings[channel] = value
    decision = generator.tick(sample_of(21, rig_time_us=22 * 20_000, temperature_c=tuple(readings)))
    assert decision.rf_off
    assert decision.tripped & 1  # the catalogue's first row, TC_INVALID
    assert generator.reason == "TC_INVALID"
