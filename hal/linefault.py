"""Faults of the line between host and rig, put on any backend.

`FaultyLine` works on exchanges, with the meaning that the wire's contract gives each fault: which request
reaches the rig, which reply comes back, and in which tick. A request that is lost leaves the rig on its
last command, its watchdog counting; a reply that is lost leaves a rig that did as it was told. A whole tick
is the deadline of a reply, and there is no time left in it for a retransmission: the hardest case the
contract allows.

A simulated rig must be told of a period in which it hears nothing (`Unheard.miss`); on a rig whose time
runs by itself, nothing is sent. Each kind draws from a stream of its own, from the seed: putting one fault
on does not move the moments of another.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hal.linecatalogue import LINE_FAULTS, LineFault, LineFaultSpec, LineSize
from hal.protocol import Hal
from hal.types import (
    Absence,
    Command,
    NoSample,
    Reply,
    RigConfig,
    RigInfo,
    RigUnavailable,
    Sample,
)

__all__ = ["LINE_FAULTS", "FaultyLine", "LineFault", "LineFaultSpec", "LineSize", "Unheard"]

ERROR_NOT_LINKED = 2
OPEN_TRIES = 5
"""How often `open` says HELLO and CONFIGURE before it gives up."""
MOST_BAD_FRAMES = 65535
"""The wire's counter saturates."""


RANDOM_KINDS = ("line_drop", "line_corrupt", "line_duplicate", "line_reorder")


@runtime_checkable
class Unheard(Protocol):
    """A rig whose time moves only when it is told to."""

    def miss(self) -> None:
        """A period in which no request reached the rig."""


def bad_frames_of(burst: bytes) -> int:
    """How many bad frames a burst makes that runs into a request: every 00 in it ends one, and the request
    ends the last. An empty frame is ignored."""
    *ended, _ = burst.split(b"\0")
    return sum(map(bool, ended)) + 1


@dataclass(slots=True)
class _Way:
    """What happens to one frame."""

    lost: bool = False
    spoilt: bool = False
    twice: bool = False
    overtaken: bool = False

    @property
    def arrives(self) -> bool:
        return not (self.lost or self.spoilt)


class _Clock:
    """What the rig's clock shows, from what it would show without a fault."""

    def __init__(self) -> None:
        self._rate = self._next_rate = 1.0
        self._true_us = self._shown_us = 0
        self._up_us: int | None = None

    def run_at(self, rate: float) -> None:
        """From the next sample on. The clock does not jump: only its rate changes."""
        self._next_rate = rate

    def boot(self) -> None:
        """It counts from 0 again."""
        self._up_us = 0

    def let_pass(self, period_us: int) -> None:
        """A period went by."""
        if self._up_us is not None:
            self._up_us += period_us

    def tell(self, true_us: int) -> int:
        """The time shown in a sample."""
        if self._up_us is not None:
            shown_us = round(self._up_us * self._rate)
        elif true_us < self._true_us:
            shown_us = true_us  # the rig behind the line booted by itself
        else:
            shown_us = self._shown_us + round((true_us - self._true_us) * self._rate)
        if self._up_us is not None or true_us < self._true_us or self._rate != self._next_rate:
            self._true_us, self._shown_us, self._rate = true_us, shown_us, self._next_rate
            self._up_us = None
        return shown_us


class FaultyLine:
    """Any `hal`, behind a line that faults can be put on. Without one it passes everything on untouched.

    After a fault that costs the link (unplugged, a reboot, a link that could not be made), exchanges are
    absences until an `open` succeeds, as they are on a real port: LINE_DOWN where the port is gone,
    RIG_ERROR 2 where the rig knows of no link.

    Raises ValueError for a negative seed. A deep copy is an independent continuation.
    """

    def __init__(self, hal: Hal, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"seed is {seed!r}; it must be 0 or more")
        self.hal = hal
        self.discarded = 0
        """Frames that reached the host and were thrown away: damaged, late or twice."""
        self._active: dict[int, LineFault] = {}
        self._handles = 0
        self._random = {kind: random.Random(f"{seed} {kind}") for kind in (*RANDOM_KINDS, "line_garbage")}
        self._off_random = random.Random(f"{seed} rf_off")
        # asked for and not closed since; the port as opened still works; the rig knows this link
        self._open = False
        self._port = True
        self._linked = True
        self._back_in: dict[int, int] = {}
        # replies under way, as ticks still to go; a request that the next one overtakes
        self._late: list[int] = []
        self._overtaken: Command | None = None
        self._swapped = False
        # ticks for which an RF_OFF that was lost is still repeated, and for how long it would be
        self._off_owed = 0
        self._off_repeats = 0
        self._bad_frames = 0
        self._boots = 0
        self._clock = _Clock()
        self._period_us = 0
        self._touched = False

    # --- faults ---------------------------------------------------------------------------------------

    @property
    def faults(self) -> dict[int, LineFault]:
        """The faults in force, by handle."""
        return dict(self._active)

    def put(self, kind: str, size: float | None = None) -> int:
        """Put a fault on, from the next frame on; the handle takes it off again. Raises ValueError as
        `LineFault` does. Several shares of one kind act one after the other; delays and bursts add up."""
        fault = LineFault(kind, size)
        self._handles += 1
        handle = self._handles
        self._active[handle] = fault
        self._touched = True
        if kind in ("line_unplugged", "line_replugged"):
            self._port = False
            if kind == "line_replugged":
                self._back_in[handle] = math.ceil(fault.amount)
        elif kind == "rig_reboot":
            self._reboot()
        elif kind == "clock_skew":
            self._clock.run_at(self._clock_rate())
        return handle

    def take_off(self, handle: int) -> None:
        """Take a fault off; one that is not on is no error. What it did to the link stays done, and a
        reboot is not undone."""
        fault = self._active.pop(handle, None)
        self._back_in.pop(handle, None)
        if fault is not None and fault.kind == "clock_skew":
            self._clock.run_at(self._clock_rate())

    def _reboot(self) -> None:
        # closing is what a boot does to a rig: RF off, pump off, link and configuration gone
        self.hal.close()
        self._boots += 1
        self._linked = False
        self._overtaken = None
        self._clock.boot()

    def _sum(self, kind: str) -> float:
        return sum(fault.amount for fault in self._active.values() if fault.kind == kind)

    def _clock_rate(self) -> float:
        return math.prod(1.0 + fault.amount for fault in self._active.values() if fault.kind == "clock_skew")

    def _on(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self._active.values())

    @property
    def _pulled(self) -> bool:
        """The cable is out."""
        return self._on("line_unplugged") or any(left > 0 for left in self._back_in.values())

    # --- the four verbs -------------------------------------------------------------------------------

    def open(self, config: RigConfig) -> RigInfo:
        """A new link, tried as often as a host tries.

        Raises RigUnavailable where the cable is out or no try got through. Such a rig is taken to have heard
        nothing: RF is off at its watchdog, or at the next request that reaches it, as an ERROR.
        """
        if self._pulled:
            raise RigUnavailable("the port is gone: plug the cable in, then open again")
        self._port = True
        self._linked = False
        self._overtaken = None
        if not any(self._handshake() for _ in range(OPEN_TRIES)):
            raise RigUnavailable(
                f"no rig answered in {OPEN_TRIES} tries: see that it has power and that the line is sound"
            )
        self._open = False
        info = self.hal.open(config)
        self._open = self._linked = True
        self._period_us = config.period_us
        self._off_owed = self._bad_frames = 0
        self._off_repeats = math.ceil(1000 * config.watchdog_ms / max(1, config.period_us))
        return info._replace(boot_count=(info.boot_count + self._boots) % 2**32) if self._boots else info

    def _handshake(self) -> bool:
        """HELLO and CONFIGURE, each with its reply. Not bound to a tick, they can wait for a late reply."""
        if self._on("line_silent") or self._on("line_garbage"):
            return False
        frames = [way for _ in range(2) for way in self._ways()]
        return all(way.arrives for way in frames)

    def exchange(self, command: Command) -> Reply:
        """One tick on the line as it is. Raises HalError outside open..close, as the backend does."""
        if not self._touched or not self._open:
            return self.hal.exchange(command)
        self._let_tick_pass()
        request, answer = self._ways()
        if self._off_owed:
            self._off_owed -= 1
            self._send_rf_off()
        if not self._port or self._on("line_silent"):
            self._overtaken = None
            self.miss()
            return NoSample(command.tick, Absence.TIMEOUT if self._port else Absence.LINE_DOWN)
        if self._on("line_garbage"):
            burst = self._random["line_garbage"].randbytes(math.ceil(self._sum("line_garbage")))
            self._bad_frames += bad_frames_of(burst)
            request.lost = True
        elif request.spoilt and not request.lost:
            self._bad_frames += 1
        self._pair_up(request, answer)
        reply = self._heard_by_rig(command, request)
        return self._heard_by_host(command, request, answer, reply)

    def rf_off(self) -> None:
        """RF off, if the line carries it. Lost, it is sent again ahead of every exchange until it arrives or
        the watchdog must have fired. On an unplugged or silent line it reaches nobody."""
        if not self._touched:
            self.hal.rf_off()
        elif not self._send_rf_off():
            self._off_owed = self._off_repeats

    def close(self) -> None:
        """Closes the backend whatever the line is like: a rig is given back with RF off."""
        self._open = False
        self.hal.close()

    def miss(self) -> None:
        """A period in which nothing reached the rig; only a rig whose time stands still is told."""
        if isinstance(self.hal, Unheard):
            self.hal.miss()

    # --- the way there --------------------------------------------------------------------------------

    def _heard_by_rig(self, command: Command, request: _Way) -> Reply | None:
        """What the rig answers to this tick's request; None where the request did not come."""
        held, self._overtaken = self._overtaken, None
        if not request.arrives:
            if held is None:
                self.miss()
            else:
                # nothing overtook it after all: the rig obeys it a tick late, and its reply is old
                self.hal.exchange(held)
                self.discarded += 1
            return None
        if not self._linked:
            # an ERROR is sent with RF off, and does not count for the watchdog
            self.hal.rf_off()
            self.miss()
            return NoSample(command.tick, Absence.RIG_ERROR, ERROR_NOT_LINKED)
        if request.overtaken:
            self._overtaken = command
            self.miss()
            return None
        reply = self.hal.exchange(command)
        if held is not None:
            # an old sequence number is ERROR 6, sent with RF off; the host discards it
            self.hal.rf_off()
            self.discarded += 1
        return reply

    def _pair_up(self, request: _Way, answer: _Way) -> None:
        """Frames trade places in pairs: what overtakes is not itself overtaken."""
        if self._swapped:
            request.overtaken = answer.overtaken = False
        self._swapped = request.overtaken or answer.overtaken

    def _send_rf_off(self) -> bool:
        """One RF_OFF; True where it arrived."""
        arrives = self._port and not self._on("line_silent") and not self._on("line_garbage")
        for kind in ("line_drop", "line_corrupt"):
            share = self._share(kind)
            if share and self._off_random.random() < share:
                arrives = False
        if arrives:
            self._off_owed = 0
            self.hal.rf_off()
        return arrives

    # --- the way back ---------------------------------------------------------------------------------

    def _heard_by_host(self, command: Command, request: _Way, answer: _Way, reply: Reply | None) -> Reply:
        """What the tick comes to."""
        timeout = NoSample(command.tick, Absence.TIMEOUT)
        if reply is None:
            return timeout
        if isinstance(reply, NoSample) and reply.reason not in (Absence.RIG_ERROR, Absence.WRONG_TICK):
            return reply  # no frame came, so none can be lost
        if isinstance(reply, Sample):
            # the rig's clock and count go on whether or not the reply arrives
            reply = self._as_told(reply)
        if answer.spoilt and not answer.lost:
            self.discarded += 1
        # a request that came twice is answered twice: the rig sends its stored reply again
        copies = answer.arrives + (answer.arrives and answer.twice) + request.twice
        if not copies:
            return timeout
        self.discarded += copies - 1
        late = math.ceil(self._sum("line_delay")) + answer.overtaken
        if late:
            self._late.append(late)
            return timeout
        return reply

    def _as_told(self, sample: Sample) -> Sample:
        """The sample with the clock and the count of bad frames that the line's faults leave the rig with."""
        time_us = self._clock.tell(sample.rig_time_us)
        bad_frames = min(sample.bad_frames + self._bad_frames, MOST_BAD_FRAMES)
        if time_us == sample.rig_time_us and bad_frames == sample.bad_frames:
            return sample
        return sample._replace(rig_time_us=time_us, bad_frames=bad_frames)

    # --- each tick ------------------------------------------------------------------------------------

    def _let_tick_pass(self) -> None:
        self._clock.let_pass(self._period_us)
        if self._late:
            waiting = [ticks - 1 for ticks in self._late]
            self._late = [ticks for ticks in waiting if ticks > 0]
            self.discarded += len(waiting) - len(self._late)
        for handle, left in self._back_in.items():
            self._back_in[handle] = max(0, left - 1)

    def _share(self, kind: str) -> float:
        """The share of frames that faults of this kind hit, one after the other."""
        spared = 1.0
        for fault in self._active.values():
            if fault.kind == kind:
                spared *= 1.0 - fault.amount
        return 1.0 - spared

    def _ways(self) -> tuple[_Way, _Way]:
        """What happens to a request and to its reply. Draws two numbers for each kind that is on."""
        request, answer = _Way(), _Way()
        for kind, name in zip(RANDOM_KINDS, ("lost", "spoilt", "twice", "overtaken"), strict=True):
            share = self._share(kind)
            if share:
                draw = self._random[kind].random
                setattr(request, name, draw() < share)
                setattr(answer, name, draw() < share)
        return request, answer
