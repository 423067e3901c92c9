"""Runs a treatment: one exchange, one firmware tick, again; and puts the scenario's time line in at its moments.

The session knows when; the firmware knows what to do. It never judges a sample. On a real rig, and with
`--realtime`, it is also the one place that looks at the wall clock, through the `Pacer` it is given.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from hal import Hal, HalError, Reply, RigConfig, RigInfo
from rfgen.generator import Generator
from rfgen.records import Decision, Event, OperatorAction, State, Truth
from rfgen.when import When

SETTLE_S = 1.0
"""A run goes on this long after the last thing that was to happen."""


class Recording(Protocol):
    """Where a run is written to."""

    def tick(self, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        """One tick."""

    def event(self, event: Event) -> None:
        """One event."""


class Pacer(Protocol):
    """Keeps real time."""

    def wait(self, tick: int) -> bool:
        """Return when tick `tick` is due; True where it was missed by more than a period."""


class Happening(NamedTuple):
    """Something on the time line. `act` does it and says what it did; None where it was not to be."""

    at: When
    act: Callable[[], Event | None]
    name: str


@dataclass
class TimeLine:
    """Happenings in order of their moment, which for many is known only once a state has been entered."""

    period_us: int
    waiting: list[Happening] = field(default_factory=list)
    _due: list[tuple[int, int, Happening]] = field(default_factory=list)
    _entered: dict[State, int] = field(default_factory=dict)
    _added: int = 0
    next_tick: int | None = None
    """The next moment known; None where none is."""

    @staticmethod
    def of(period_us: int, happenings: Sequence[Happening]) -> TimeLine:
        """A time line at its start: absolute moments are known."""
        line = TimeLine(period_us)
        for happening in happenings:
            if happening.at.anchor is None:
                line.add(happening, 0)
            else:
                line.waiting.append(happening)
        return line

    def add(self, happening: Happening, from_tick: int) -> None:
        """Its moment is its offset after `from_tick`."""
        tick = from_tick + -(-round(happening.at.offset_s * 1e6) // self.period_us)
        heapq.heappush(self._due, (tick, self._added, happening))
        self._added += 1
        self.next_tick = self._due[0][0]

    def entered(self, state: State, tick: int) -> None:
        """A state was entered: what is anchored to it gets its moment."""
        count = self._entered[state] = self._entered.get(state, 0) + 1
        still = []
        for happening in self.waiting:
            if happening.at.anchor is state and happening.at.occurrence == count:
                self.add(happening, tick)
            else:
                still.append(happening)
        self.waiting = still

    def pop(self, tick: int) -> Iterator[Happening]:
        """What is due by `tick`."""
        while self._due and self._due[0][0] <= tick:
            happening = heapq.heappop(self._due)[2]
            self.next_tick = self._due[0][0] if self._due else None
            yield happening

    @property
    def pending(self) -> bool:
        """A moment is known that has not come."""
        return bool(self._due)


@dataclass
class Ending:
    """How a session ended."""

    ticks: int
    state: State
    info: RigInfo
    ran_out: bool
    """The longest time allowed passed before the treatment ended."""


@dataclass
class Session:
    """One treatment on one rig. `truth`: what a simulation knows, per tick. `progress`: called once a second of the
    treatment."""

    generator: Generator
    hal: Hal
    rig_config: RigConfig
    happenings: Sequence[Happening] = ()
    max_time_s: float = 1800.0
    settle_s: float = SETTLE_S
    recording: Recording | None = None
    truth: Callable[[], Truth] | None = None
    pacer: Pacer | None = None
    progress: Callable[[int, Reply, Decision], None] | None = None
    on_tick: Callable[[int, Reply, Decision], None] | None = None
    """For one who looks at every tick (a benchmark)."""
    on_event: Callable[[Event], None] | None = None
    """For one who is told of every event."""
    overruns: bool = False
    """A fault of the host: each tick counts as missed."""
    own_time: bool = False
    """The rig's time runs by itself: a tick that the host is late for is missed."""
    check_rig: Callable[[RigInfo], None] | None = None
    """Raises RigRefused where the rig cannot do what the treatment needs."""

    line: TimeLine = field(default_factory=lambda: TimeLine(1))
    tick: int = 0
    """The tick that comes next."""
    _info: RigInfo | None = None

    def open(self) -> RigInfo:
        """Link, and refuse a rig that lacks what the treatment needs. Raises HalError."""
        info = self.hal.open(self.rig_config)
        if self.check_rig is not None:
            self.check_rig(info)
        self._info = info
        return info

    def operator(self, action: OperatorAction) -> None:
        """An operator's action, now: an acknowledge makes the new link first, as a person's button does."""
        linked: RigInfo | None = None
        if action is OperatorAction.ACKNOWLEDGE and self.generator.state is State.CUTOFF:
            with contextlib.suppress(HalError):
                linked = self.open()
        self.generator.request(action, linked)

    def run(self) -> Ending:
        """To the end: the treatment is over and nothing more is to happen, or `max_time_s` has passed.

        RF is off and the rig closed on every way out. Raises HalError where the rig cannot be opened.
        """
        try:
            return self._loop()
        finally:
            self.hal.close()

    def _loop(self) -> Ending:
        ticks = self.ticks()
        generator = self.generator
        period_us = self.rig_config.period_us
        line = self.line
        second = max(1, 1_000_000 // period_us)
        last_tick = round(self.max_time_s * 1e6 / period_us)
        settle_ticks = round(self.settle_s * 1e6 / period_us)
        state = generator.state
        tick = 0
        quiet_from: int | None = 0
        ran_out = False
        for reply, decision in ticks:
            if generator.state is not state:
                state = generator.state
                quiet_from = tick if state in (State.CUTOFF, State.IDLE) else None
            tick += 1
            if self.progress is not None and tick % second == 0:
                self.progress(tick, reply, decision)
            if line.pending:
                if quiet_from is not None:
                    quiet_from = max(quiet_from, line.next_tick or 0)
            elif quiet_from is not None and tick - quiet_from > settle_ticks:
                break
            if tick >= last_tick:
                if state in (State.CUTOFF, State.IDLE) or ran_out:
                    break
                ran_out = True
                last_tick = tick + settle_ticks
                self.tell(Event(0, 0, "note", f"{self.max_time_s:g} s have passed: stopped", {}))
                generator.request(OperatorAction.STOP)
        assert self._info is not None
        return Ending(tick, state, self._info, ran_out)

    def ticks(self) -> Iterator[tuple[Reply, Decision]]:
        """One tick a turn, with what came of it, for as long as it is asked for another. `run` is this with an end.

        Links at once. Whoever drives it closes the rig. Raises HalError where the rig cannot be opened.
        """
        self._info = self._info or self.open()
        self.generator.linked(self._info)
        self.line = TimeLine.of(self.rig_config.period_us, self.happenings)
        self.tick = 0
        return self._ticks()

    def _ticks(self) -> Iterator[tuple[Reply, Decision]]:
        generator, recording, truth, line = self.generator, self.recording, self.truth, self.line
        exchange = self.hal.exchange
        command = generator.first_command()
        tick = 0
        while True:
            if self.pacer is not None and self.pacer.wait(tick) and self.own_time:
                generator.overran()
            if line.next_tick is not None and line.next_tick <= tick:
                for happening in line.pop(tick):
                    event = happening.act()
                    if event is not None:
                        self.tell(event)
            if self.overruns:
                generator.overran()
            reply = exchange(command)
            decision = generator.tick(reply)
            if decision.rf_off:
                self.hal.rf_off()
            command = decision.command
            if recording is not None:
                recording.tick(reply, decision, truth() if truth is not None else None)
            if self.on_tick is not None:
                self.on_tick(tick, reply, decision)
            if generator.happened:
                for event in generator.take_events():
                    if recording is not None:
                        recording.event(event)
                    if self.on_event is not None:
                        self.on_event(event)
                    if event.kind == "state":
                        line.entered(State[str(event.data["to"])], tick)
            self.tick = tick = tick + 1
            yield reply, decision

    def tell(self, event: Event) -> None:
        """Record something that happens before the tick that comes next."""
        event = event._replace(tick=self.tick, time_us=self.tick * self.rig_config.period_us)
        if self.recording is not None:
            self.recording.event(event)
        if self.on_event is not None:
            self.on_event(event)
