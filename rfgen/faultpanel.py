"""Puts faults on a running treatment and takes them off: on what is simulated, on the line, and on the host.

The one way to a fault. A scenario's two time lines use it (`faults`, and the operator's `fault_on` and `fault_off`), a
test (`rfgen.testing`), a served rig (`rfgen.rigside`), and a program by hand:

    assembly = assemble(load_scenario("vertebra-metastasis"), line_faults=True)
    ticks = assembly.session.ticks()
    ...
    slow = assembly.panel.put("pump_slow", size=0.5)  # from the next tick on
    ...
    slow.take_off()

It does not know when: whoever puts a fault on does. What a fault does is said by `rfgen faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from pydantic import ValidationError

from hal.linefault import LINE_FAULTS, FaultyLine
from rfgen import hostfaults
from rfgen.crosscheck import Parts, cross_faults
from rfgen.device import DeviceProfile
from rfgen.hostfaults import HOST_FAULTS
from rfgen.problems import Refusal
from rfgen.records import Event
from rfgen.scenario import FaultLine, OperatorLine
from rfgen.scenarioparts import fault_kinds
from rfgen.session import Happening
from rfgen.when import When
from sim.bench import Bench
from sim.faults import FAULTS, Fault


def on_the_bench(kind: str) -> bool:
    """It is put on what is simulated: neither on the line nor on the host."""
    return kind not in LINE_FAULTS and kind not in HOST_FAULTS


def has_end(kind: str) -> bool:
    """It can be taken off again."""
    return kind not in HOST_FAULTS or HOST_FAULTS[kind].ends


class Host(hostfaults.Host, Protocol):
    """What runs the firmware, a tick at a time: a `Session`."""

    tick: int
    """The one that comes next."""

    def tell(self, event: Event) -> None:
        """Record something that happens before the tick that comes next."""


class PutFault:
    """A fault that is on until it is taken off. As a context manager it comes off at the end of the block."""

    def __init__(self, line: FaultLine, host: Host, take_off: Callable[[], None], by_hand: bool) -> None:
        self.kind = line.kind
        self.channel = line.channel
        self.size = line.size
        """None for the kind's usual size, and for one that has none."""
        self.by_hand = by_hand
        """Not by a scenario's time line."""
        self.from_tick = host.tick
        """The first tick that it was on in."""
        self.to_tick: int | None = None
        """The first one that it was off in again; None while it is on."""
        self._host = host
        self._take_off = take_off

    @property
    def is_on(self) -> bool:
        """It has not been taken off."""
        return self.to_tick is None

    def take_off(self) -> None:
        """Take it off, from the next tick on. Harmless to repeat. Raises ValueError for one that has no end."""
        if not self.is_on:
            return
        if not has_end(self.kind):
            raise ValueError(f"{self.kind} has no end: it stays until the next start, or longer")
        self._take_off()
        self.to_tick = self._host.tick
        self._tell("taken off", False)

    def __str__(self) -> str:
        return self.kind + ("" if self.channel is None else f" on channel {self.channel}")

    def _tell(self, what: str, on: bool) -> None:
        data: dict[str, object] = {"kind": self.kind, "channel": self.channel, "size": self.size, "on": on}
        self._host.tell(Event(0, 0, "fault", f"{self} {what}", data))

    def __enter__(self) -> PutFault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if has_end(self.kind):
            self.take_off()


@dataclass(frozen=True)
class FaultPanel:
    """Where faults are put on in one treatment. `on` None: nothing is simulated; `line` None: the line takes none."""

    device: DeviceProfile
    host: Host
    on: Bench | None
    line: FaultyLine | None
    _put: list[PutFault] = field(default_factory=list)

    @property
    def faults(self) -> tuple[PutFault, ...]:
        """Those that are on, in the order in which they were put on."""
        return tuple(fault for fault in self._put if fault.is_on)

    @property
    def history(self) -> tuple[PutFault, ...]:
        """All that were put on, those that were taken off again among them."""
        return tuple(self._put)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that can be put on here."""
        return tuple(kind for kind in fault_kinds() if self._lack(kind) is None and self._fits(kind))

    def put(self, kind: str, channel: int | str | None = None, size: float | None = None) -> PutFault:
        """Put a fault on, from the next tick on. `channel`: of a thermocouple, by number or name.

        Raises ValueError for a kind that there is not, a channel or size that it cannot have, what the device has
        nothing for, and where there is nothing here that it could be put on.
        """
        return self._put_on(checked(self.device, kind, self._channel(channel), size), True)

    def _put_on(self, line: FaultLine, by_hand: bool) -> PutFault:
        lack = self._lack(line.kind)
        if lack is not None:
            raise ValueError(lack)
        fault = PutFault(line, self.host, self._apply(line), by_hand)
        self._put.append(fault)
        fault._tell("put on" + ("" if line.size is None else f", size {line.size:g}"), True)
        return fault

    def take_off(self, kind: str, channel: int | str | None = None) -> int:
        """Take off every fault of this kind, and on this channel where it concerns one, whoever put it on: how many.

        Raises ValueError for one that has no end, or a channel that there is not.
        """
        number = self._channel(channel)
        found = [fault for fault in self.faults if fault.kind == kind and fault.channel == number]
        for fault in found:
            fault.take_off()
        return len(found)

    def clear(self) -> None:
        """Take off every fault that has an end."""
        for fault in self.faults:
            if has_end(fault.kind):
                fault.take_off()

    def _channel(self, channel: int | str | None) -> int | None:
        if not isinstance(channel, str):
            return channel
        names = [t.name for t in self.device.thermocouples]
        if channel not in names:
            raise ValueError(f"no thermocouple {channel!r}: {self.device.name} has {', '.join(names)}")
        return names.index(channel)

    def _lack(self, kind: str) -> str | None:
        """Why this kind cannot be put on here, whatever the device."""
        if kind in LINE_FAULTS and self.line is None:
            return f"{kind}: this line takes no faults"
        if on_the_bench(kind) and self.on is None:
            return f"{kind} can be put on a simulation alone; a rig has its own"
        return None

    def _fits(self, kind: str) -> bool:
        try:
            checked(self.device, kind, 0 if kind in FAULTS and FAULTS[kind].channel else None, None)
        except ValueError:
            return False
        return True

    def _apply(self, line: FaultLine) -> Callable[[], None]:
        """Do it; what undoes it."""
        kind, host = line.kind, self.host
        if kind in HOST_FAULTS:
            hostfaults.put(host, kind)
            return lambda: hostfaults.take_off(host, kind)
        if kind in LINE_FAULTS:
            on_line = self.line
            assert on_line is not None
            number = on_line.put(kind, line.size)
            return lambda: on_line.take_off(number)
        on = self.on
        assert on is not None
        handle = on.put(Fault(kind, line.channel, line.size))
        return lambda: on.take_off(handle)

    # --- time lines -------------------------------------------------------------------------------------------------

    def happenings(self, line: FaultLine) -> Iterator[Happening]:
        """A line of a scenario's `faults`: putting it on, and taking it off where it has an end."""
        now_on: list[PutFault] = []

        def put() -> None:
            now_on.append(self._put_on(line, False))

        def take_off() -> None:
            if now_on:
                now_on.pop().take_off()

        yield Happening(line.at, put, line.kind)
        if line.for_s is not None:
            at = When(line.at.anchor, line.at.occurrence, line.at.offset_s + line.for_s)
            yield Happening(at, take_off, line.kind)

    def by_hand(self, line: OperatorLine) -> Happening:
        """A line of the operator's that puts a fault on, or takes it off."""
        kind = line.fault
        assert kind is not None

        def act() -> None:
            if line.fault_on is not None:
                self._put_on(FaultLine(at=line.at, kind=kind, channel=line.channel, size=line.size), False)
            elif not self.take_off(kind, line.channel):
                where = "" if line.channel is None else f" on channel {line.channel}"
                self.host.tell(Event(0, 0, "note", f"{kind}{where} is not on: there is nothing to take off", {}))

        return Happening(line.at, act, kind)


def checked(device: DeviceProfile, kind: str, channel: int | None, size: float | None) -> FaultLine:
    """The fault as a line of a scenario. Raises ValueError where there is no such fault, or none on this device."""
    try:
        line = FaultLine(at=When(None, 1, 0.0), kind=kind, channel=channel, size=size)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Refusal):
            said = "; ".join(f"{f.path[0]} {f.message}; {f.remedy}" for f in cause.faults)
            raise ValueError(f"fault {kind!r}: {said}") from None
        raise ValueError(f"fault {kind!r} {cause or detail['msg']}") from None
    for fault in cross_faults(Parts(device, None, None, [line], [], None)):
        raise ValueError(f"fault {kind!r} {fault.message}; {fault.remedy}")
    return line
