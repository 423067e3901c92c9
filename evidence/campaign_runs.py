"""A treatment that can be stopped at any tick, copied, and gone on with: what a campaign forks from.

The loop is the session's own, one tick at a time. A fork is an independent continuation: what it does, and the faults
that are put on it, leave the run it came from as it was.
"""

from __future__ import annotations

import copy
import random
from typing import NamedTuple

from hal import Reply
from hal.linefault import FaultyLine
from hal.simulated import SimulatedHal
from rfgen.assemble import assemble, generator_config, rig_checker, rig_config
from rfgen.falsify.space import START_S
from rfgen.faultpanel import FaultPanel
from rfgen.generator import Generator
from rfgen.records import Decision, Event, OperatorAction, State
from rfgen.scenario import FaultLine, OperatorLine, Scenario
from rfgen.when import When
from sim.bench import Bench


class Injection(NamedTuple):
    """A fault to put on: of the bench, of the line or of the host."""

    kind: str
    channel: int | None = None
    size: float | None = None

    def __str__(self) -> str:
        where = "" if self.channel is None else f" on channel {self.channel}"
        return self.kind + where + ("" if self.size is None else f", size {self.size:.6g}")


class Run:
    """One treatment, tick by tick."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        config = generator_config(scenario)
        assembly = assemble(scenario)
        rig = assembly.session.hal
        assert isinstance(rig, SimulatedHal)
        self.bench: Bench = assembly.bench
        self.line = FaultyLine(rig, assembly.seed)
        self.generator: Generator = assembly.session.generator
        info = self.line.open(rig_config(scenario, config))
        rig_checker(scenario.device)(info)
        self.generator.linked(info)
        self.period_us = config.period_us
        self.command = self.generator.first_command()
        self.tick = 0
        """The one that comes next."""
        self.overruns = False

    @property
    def state(self) -> State:
        """Where the generator is."""
        return self.generator.state

    @property
    def now_s(self) -> float:
        """The moment of the tick that comes next."""
        return self.tick * self.period_us * 1e-6

    def operator(self, action: OperatorAction) -> None:
        """Start or stop, as a person does it on this profile."""
        if self.scenario.device.dead_man:
            self.bench.start_pressed = action is OperatorAction.START
        else:
            self.generator.request(action)

    def put(self, fault: Injection) -> None:
        """From the next tick on. Raises ValueError where the bench has no such channel."""
        FaultPanel(self.scenario.device, self, self.bench, self.line).put(*fault)

    def tell(self, event: Event) -> None:
        """Nothing is recorded."""

    def step(self) -> tuple[Reply, Decision]:
        """One tick, as the session does it."""
        reply = self.exchange()
        return reply, self.decide(reply)

    def exchange(self) -> Reply:
        """A tick's first half: the rig has gone on by a period."""
        if self.overruns:
            self.generator.overran()
        return self.line.exchange(self.command)

    def decide(self, reply: Reply) -> Decision:
        """A tick's second half: what the firmware makes of it."""
        generator, line = self.generator, self.line
        decision = generator.tick(reply)
        if decision.rf_off:
            line.rf_off()
        self.command = decision.command
        if generator.happened:
            generator.take_events()
        self.tick += 1
        return decision

    def fork(self) -> Run:
        """An independent continuation."""
        twin = object.__new__(Run)
        twin.__dict__.update(self.__dict__)
        memo: dict[int, object] = {}
        # what never changes is shared, and long lists of tuples are copied as lists: a fork then costs a millisecond
        for fixed in (self.bench.spec, self.generator.config, self.scenario):
            memo[id(fixed)] = fixed
        rows = self.bench._noise.rows
        memo[id(rows)] = list(rows)
        for stream in (*self.line._random.values(), self.line._off_random):
            memo[id(stream)] = _same_stream(stream)
        twin.line = copy.deepcopy(self.line, memo)
        twin.generator = copy.deepcopy(self.generator, memo)
        # the limits in force may be written over by a fault of the host
        twin.generator.supervisor.limits = dict(self.generator.supervisor.limits)
        rig = twin.line.hal
        assert isinstance(rig, SimulatedHal)
        twin.bench = rig.bench
        return twin


def _same_stream(stream: random.Random) -> random.Random:
    twin = random.Random()
    twin.setstate(stream.getstate())
    return twin


class Moment(NamedTuple):
    """When to stop and copy: this many ticks after a state was entered for the n-th time."""

    state: State
    occurrence: int
    ticks: int


class Snapshot(NamedTuple):
    """A run stopped before a tick. Nobody steps it: forks are taken."""

    run: Run
    state: State
    ticks: int
    """Since that state was entered."""


def snapshots(scenario: Scenario, moments: list[Moment], stop_after: Moment | None = None) -> list[Snapshot]:
    """The treatment at these moments, as far as they come. A moment in IDLE lies before the start.

    `stop_after`: where the operator stops it. The treatment is not run beyond what is asked for.
    """
    run = Run(scenario)
    found: list[Snapshot] = []
    waiting = set(moments)
    entered: dict[State, int] = {State.IDLE: 1}
    state, since = State.IDLE, 0
    start_tick = round(START_S * 1e6 / run.period_us)
    last_tick = round(scenario.max_time_s * 1e6 / run.period_us)
    while waiting and run.tick < last_tick:
        if run.tick == start_tick:
            run.operator(OperatorAction.START)
        here = Moment(state, entered[state], run.tick - since)
        if here == stop_after:
            run.operator(OperatorAction.STOP)
            stop = OperatorLine(at=When(None, 1, round(run.now_s, 6)), do="stop")
            run.scenario = scenario.model_copy(update={"operator": (*scenario.operator, stop)})
        if here in waiting:
            waiting.discard(here)
            found.append(Snapshot(run.fork(), state, here.ticks))
        run.step()
        if run.state is not state:
            waiting = {moment for moment in waiting if moment[:2] != here[:2]}
            state, since = run.state, run.tick
            entered[state] = entered.get(state, 0) + 1
            if state is State.CUTOFF:
                waiting = {moment for moment in waiting if moment.state is State.CUTOFF}
    return found


def with_faults(snapshot: Snapshot, faults: tuple[Injection, ...], for_s: float) -> Scenario:
    """The whole run that a fork is a part of: the same treatment with these faults, to be run from its start."""
    run = snapshot.run
    at = When(None, 1, round(run.now_s, 6))
    update: dict[str, object] = {
        "faults": tuple(FaultLine(at=at, kind=f.kind, channel=f.channel, size=f.size) for f in faults),
        "max_time_s": at.offset_s + for_s,
    }
    if snapshot.state is State.IDLE:
        update["operator"] = ()  # a fork from IDLE is never started
    return run.scenario.model_copy(update=update)
