"""Puts faults on a treatment and takes them off: on what is simulated, on the line, and on the host.

A scenario's time line uses it, and a test by hand. It does not know when: the session does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hal.linefault import LINE_FAULTS, FaultyLine
from rfgen import hostfaults
from rfgen.records import Event
from rfgen.scenario import FaultLine
from rfgen.session import Happening, Session
from rfgen.when import When
from sim.bench import Bench
from sim.faults import Fault


def on_the_bench(kind: str) -> bool:
    """It is put on what is simulated: neither on the line nor on the host."""
    return kind not in LINE_FAULTS and kind not in hostfaults.HOST_FAULTS


@dataclass(frozen=True)
class Put:
    """A fault that was put on: what to record of it, and how it comes off."""

    event: Event
    take_off: Callable[[], Event]


@dataclass(frozen=True)
class FaultPanel:
    """Where faults are put on in one treatment. `on` None: nothing is simulated; `line` None: the line takes none."""

    session: Session
    on: Bench | None
    line: FaultyLine | None

    def put(self, kind: str, channel: int | None = None, size: float | None = None) -> Put:
        """Put a fault on, from the next tick on.

        Raises ValueError for one that there is not, that the bench has no channel for, or whose size is out of range,
        and where nothing is simulated that it could be put on.
        """
        take_off: Callable[[], None]
        if kind in LINE_FAULTS:
            line = self.line
            if line is None:
                raise ValueError(f"{kind}: this line takes no faults")
            handle = line.put(kind, size)
            take_off = lambda: line.take_off(handle)  # noqa: E731
        elif kind in hostfaults.HOST_FAULTS:
            hostfaults.put(self.session, kind)
            take_off = lambda: hostfaults.take_off(self.session, kind)  # noqa: E731
        else:
            on = self.on
            if on is None:
                raise ValueError(f"{kind} can be put on a simulation alone; a rig has its own")
            handle = on.put(Fault(kind, channel, size))
            take_off = lambda: on.take_off(handle)  # noqa: E731
        name = kind + ("" if channel is None else f" on channel {channel}")
        data: dict[str, object] = {"kind": kind, "channel": channel, "size": size}
        much = "" if size is None else f", size {size:g}"

        def off() -> Event:
            take_off()
            return Event(0, 0, "fault", f"{name} taken off", {**data, "on": False})

        return Put(Event(0, 0, "fault", f"{name} put on{much}", {**data, "on": True}), off)

    def happenings(self, fault: FaultLine) -> list[Happening]:
        """A line of a scenario's `faults`: putting it on, and taking it off where it has an end."""
        now_on: list[Put] = []

        def put() -> Event:
            now_on.append(self.put(fault.kind, fault.channel, fault.size))
            return now_on[-1].event

        def take_off() -> Event | None:
            return now_on.pop().take_off() if now_on else None

        found = [Happening(fault.at, put, fault.kind)]
        if fault.for_s is not None:
            at = When(fault.at.anchor, fault.at.occurrence, fault.at.offset_s + fault.for_s)
            found.append(Happening(at, take_off, fault.kind))
        return found
