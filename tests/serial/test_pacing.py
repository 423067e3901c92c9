"""Keeping real time: one grid, no bursts, misses counted; on a clock that the test moves."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import BRIEF, scenario_of, served

from hal import Command, Reply
from hal.serialrig import SerialHal
from rfgen.assemble import assemble_on
from rfgen.pacing import RealTimePacer, real_time_priority


class Clock:
    """Time passes while one sleeps, and when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.now_s += seconds


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 0.019), min_size=1, max_size=200))
def test_work_shorter_than_a_period_never_adds_up(work_s: list[float]) -> None:
    clock = Clock()
    pacer = RealTimePacer(20_000, clock, clock.sleep)
    for tick, taken_s in enumerate(work_s):
        assert pacer.wait(tick) is False
        assert clock.now_s == pytest.approx(100.0 + 0.02 * tick, abs=1e-9)
        clock.now_s += taken_s
    assert (pacer.overruns, pacer.left_out) == (0, 0)


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=60))
def test_lateness_is_counted_and_never_made_up_for_by_a_burst(work_s: list[float]) -> None:
    clock = Clock()
    pacer = RealTimePacer(20_000, clock, clock.sleep)
    times = []
    missed = 0
    for tick, taken_s in enumerate(work_s):
        before_s = clock.now_s
        missed += pacer.wait(tick)
        times.append(clock.now_s)
        if tick:
            # a tick stands on the grid, or comes at once where its moment has passed
            place = (clock.now_s - 100.0) / 0.02
            assert clock.now_s == before_s or abs(place - round(place)) < 1e-6
        clock.now_s += taken_s
    assert pacer.overruns == missed
    # never more ticks than the grid has moments for
    for early, late in zip(times, times[2:], strict=False):
        assert late - early > 0.02 - 1e-9
    figures = pacer.figures()
    assert (figures["overruns"], figures["left_out"]) == (pacer.overruns, pacer.left_out)


def test_a_miss_by_three_periods_leaves_three_moments_out() -> None:
    clock = Clock()
    pacer = RealTimePacer(20_000, clock, clock.sleep)
    assert pacer.wait(0) is False
    clock.now_s = 100.085  # due at 100.020
    assert pacer.wait(1) is True
    assert (pacer.overruns, pacer.left_out) == (1, 3)
    assert pacer.wait(2) is False
    assert clock.now_s == pytest.approx(100.1)


class MissesFrom:
    """A pacer whose ticks are all missed from one on, as on a host that is too slow; it waits for nothing."""

    def __init__(self, tick: int) -> None:
        self._from = tick

    def wait(self, tick: int) -> bool:
        return tick >= self._from


def test_a_host_that_misses_its_ticks_on_a_rig_is_cut_off_though_the_rig_is_a_simulation() -> None:
    scenario = scenario_of(BRIEF)
    with served(scenario, lockstep=True) as (port, side):
        assembly = assemble_on(SerialHal(port, reply_s=20.0), scenario)
        session = assembly.session
        session.pacer = MissesFrom(40)
        on_at = []

        def look(tick: int, reply: Reply, decision: object) -> None:
            if side.protocol.rf_on:
                on_at.append(tick)

        session.on_tick = look
        session.run()
        assert session.generator.reason == "TICK_OVERRUN"
        assert on_at
        assert max(on_at) == 40  # missed twice in a row, at 40 and 41: off in the tick that decided it
        assert not side.protocol.rf_on


def test_priority_is_taken_and_given_back_and_said() -> None:
    before = os.sched_getscheduler(0)
    with real_time_priority() as said:
        if said == "SCHED_FIFO 10":
            assert os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
        else:
            assert said.startswith("none: ")
    assert os.sched_getscheduler(0) == before


def test_without_permission_it_says_how_to_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with real_time_priority() as said:
        assert said.startswith("none: Operation not permitted (allow it with `ulimit -r 10`")


def test_a_rig_is_fed_by_the_session_that_opened_it() -> None:
    scenario = scenario_of(BRIEF)
    with served(scenario, lockstep=True) as (port, side):
        hal = SerialHal(port, reply_s=20.0)
        session = assemble_on(hal, scenario).session
        session.run()
        assert session.generator.reason == "hold_complete"
        assert side.protocol.link == 0  # BYE
        with pytest.raises(Exception, match="after close"):
            hal.exchange(Command(0, True, 1.0, 0.0))
