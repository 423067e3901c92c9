"""Speed of an exchange over a pseudo-terminal.

    python bench/exchange.py               exchanges against bare pyserial round trips of the same size, in turns
    python bench/exchange.py --minutes 10  exchanges at 1 kHz, with the misses counted

The other end answers at once in both: a process that sends back a reply of the same length, and for the exchange the
rig's side of the protocol over a rig that costs nothing. So what is measured is line, framing and the host's side.
The target is a third of the bare round trips, and a p99 under 0.3 ms on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import time
import tty
from collections.abc import Callable
from multiprocessing import get_context

import serial

from hal import Absence, Capability, Command, NoSample, Reply, RigConfig, RigIdentity, RigInfo, Sample
from hal.serialrig import SerialHal
from hal.serve import PtyServer
from hal.serveprotocol import RigProtocol
from hal.serveworks import LockStepWorks
from hal.wire import encode_frame
from hal.wiremessages import exchange_body, sample_bytes
from rfgen.pacing import real_time_priority

THERMOCOUPLES = 4
INFO = RigInfo(
    RigIdentity("bench", "1", "1"), True, THERMOCOUPLES, Capability.SIMULATION, 1, 2, 60_000, 50.0
)  # fmt: skip
CONFIG = RigConfig(1000, 1000, 10.0, 100.0, 0b1111, False)
REQUEST_BYTES = len(encode_frame(bytes(6) + exchange_body(0, True, 1.0, 0.0)))
REPLY_BYTES = len(encode_frame(bytes(6 + sample_bytes(THERMOCOUPLES))))


class Costless:
    """A rig that says the same over and over: nothing is simulated."""

    def __init__(self) -> None:
        self._now_us = 0

    def open(self, config: RigConfig) -> RigInfo:
        return INFO

    def exchange(self, command: Command) -> Reply:
        self._now_us += 1000
        flags = (command.rf_on, False, False, True, False, False, True, False)
        return Sample(command.tick, self._now_us, *flags, 0, 0, 0, *[1.0] * 7, (37.0,) * THERMOCOUPLES)

    def rf_off(self) -> None:
        """Nothing radiates."""

    def close(self) -> None:
        """Nothing to give back."""


def _serve_rig(say: Callable[[str], None]) -> None:
    with PtyServer(RigProtocol(LockStepWorks(Costless()), INFO), real_time=False) as server:
        say(server.port)
        server.run()


def _serve_bare(say: Callable[[str], None]) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    reply = bytes(range(1, REPLY_BYTES)) + b"\0"
    say(os.ttyname(slave))
    held = 0
    while True:
        select.select([master], [], [])
        held += len(os.read(master, 4096))
        while held >= REQUEST_BYTES:
            held -= REQUEST_BYTES
            os.write(master, reply)


class Served:
    """The other end, in a process of its own."""

    def __init__(self, serve: Callable[[Callable[[str], None]], None]) -> None:
        here, there = get_context("fork").Pipe()
        self._process = get_context("fork").Process(target=serve, args=(there.send,), daemon=True)
        self._process.start()
        self.port: str = here.recv()

    def end(self) -> None:
        """It is gone."""
        self._process.kill()
        self._process.join()


def spread(taken_s: list[float]) -> dict[str, float]:
    """Median, p99 and most, in ms."""
    taken = sorted(taken_s)
    places = {"median_ms": len(taken) // 2, "p99_ms": min(len(taken) - 1, len(taken) * 99 // 100), "most_ms": -1}
    return {name: 1000.0 * taken[place] for name, place in places.items()}


def ratio(rounds: int, count: int) -> dict[str, object]:
    """Exchanges and bare round trips in turns, so that both see the same machine."""
    rig, bare = Served(_serve_rig), Served(_serve_bare)
    try:
        hal = SerialHal(rig.port, reply_s=1.0)
        hal.open(CONFIG)
        port = serial.Serial(bare.port, 921_600, timeout=1.0)
        request = bytes(range(1, REQUEST_BYTES)) + b"\0"
        tick = 0
        exchanges: list[float] = []
        trips: list[float] = []
        for _ in range(rounds):
            for _ in range(count):
                began_s = time.perf_counter()
                reply = hal.exchange(Command(tick, True, 1.0, 0.0))
                exchanges.append(time.perf_counter() - began_s)
                tick += 1
                assert isinstance(reply, Sample), reply
            for _ in range(count):
                began_s = time.perf_counter()
                port.write(request)
                answer = port.read(REPLY_BYTES)
                trips.append(time.perf_counter() - began_s)
                assert len(answer) == REPLY_BYTES
        hal.close()
        port.close()
    finally:
        rig.end()
        bare.end()
    per_s, bare_per_s = len(exchanges) / sum(exchanges), len(trips) / sum(trips)
    return {
        "exchanges_per_s": per_s,
        "bare_round_trips_per_s": bare_per_s,
        "ratio": per_s / bare_per_s,
        "exchange": spread(exchanges),
        "bare": spread(trips),
        "request_bytes": REQUEST_BYTES,
        "reply_bytes": REPLY_BYTES,
    }


def sustained(minutes: float) -> dict[str, object]:
    """1 kHz: how many ticks had no sample, and how many began more than a period late."""
    rig = Served(_serve_rig)
    period_s = 0.001
    try:
        hal = SerialHal(rig.port)
        hal.open(CONFIG)
        ticks = round(minutes * 60 / period_s)
        taken: list[float] = []
        missing = late = left_out = 0
        with real_time_priority() as priority:
            began_s = time.monotonic()
            moment = 0
            for tick in range(ticks):
                now_s = time.monotonic()
                due_s = began_s + moment * period_s
                if now_s < due_s:
                    time.sleep(due_s - now_s)
                elif now_s - due_s > period_s:
                    late += 1
                    left_out += int((now_s - due_s) / period_s)
                    moment += int((now_s - due_s) / period_s)
                moment += 1
                began = time.perf_counter()
                reply = hal.exchange(Command(tick, True, 1.0, 0.0))
                taken.append(time.perf_counter() - began)
                if isinstance(reply, NoSample):
                    missing += 1
                    if reply.reason is not Absence.TIMEOUT:
                        hal.open(CONFIG)
        hal.close()
    finally:
        rig.end()
    return {
        "ticks": ticks,
        "without_a_sample": missing,
        "late_by_more_than_a_period": late,
        "left_out": left_out,
        "resent": hal.resent,
        "exchange": spread(taken),
        "priority": priority,
    }


def main() -> int:
    """Figures as JSON; exit 1 where the ratio is under a third."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, help="at 1 kHz for so long, instead of the ratio")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--count", type=int, default=500, help="of each kind in a round")
    options = parser.parse_args()
    if options.rounds < 1 or options.count < 1 or not (options.minutes is None or 0.0 < options.minutes <= 1440.0):
        parser.error("--rounds and --count must be 1 or more, --minutes above 0 and at most 1440")
    if options.minutes is not None:
        print(json.dumps(sustained(options.minutes), indent=2))
        return 0
    figures = ratio(options.rounds, options.count)
    print(json.dumps(figures, indent=2))
    assert isinstance(figures["ratio"], float)
    return 0 if figures["ratio"] >= 1 / 3 else 1


if __name__ == "__main__":
    sys.exit(main())
