"""Bytes damaged on the line: a run completes, or is cut off by a row of the line; no sample is invented, no command is
carried out twice, and RF is not left on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from served import BRIEF, Between, scenario_of, served, until

from hal import Command, NoSample, Reply, RigConfig, RigTrip, Sample
from hal.serialrig import SerialHal
from hal.serveprotocol import RigProtocol
from hal.wiremessages import ErrorCode, Header
from rfgen.assemble import assemble_on
from rfgen.rigside import Follower

LINE_ROWS = {"LINK_LOST", "SAMPLE_STALE", "SAMPLE_LATE", "CLOCK_SKEW", "RIG_REBOOT", "RIG_TRIP"}

OFF_ROWS = {
    "RF_STUCK_OFF", "Z_UNMEASURED", "POWER_DEVIATION", "CHECK_TIMEOUT", "HEATING_STALL", "RAMP_TIMEOUT", "UNDER_TEMP",
}  # fmt: skip
"""An old request is ERROR 6, sent with RF off. The host discards that reply, as it must, and is left with RF that reads
back off while it wants it on: every row that says so is a right reason."""

Damage = Callable[[bytes, random.Random, float], bytes]


def lose(data: bytes, draw: random.Random, rate: float) -> bytes:
    """Whole pieces."""
    return b"" if draw.random() < rate else data


def corrupt(data: bytes, draw: random.Random, rate: float) -> bytes:
    """One byte, any value, the ending zero included."""
    if draw.random() >= rate:
        return data
    spoilt = bytearray(data)
    spoilt[draw.randrange(len(spoilt))] = draw.randrange(256)
    return bytes(spoilt)


def cut(data: bytes, draw: random.Random, rate: float) -> bytes:
    """The end, or the start."""
    if draw.random() >= rate:
        return data
    at = draw.randrange(len(data))
    return data[:at] if draw.random() < 0.5 else data[at:]


def twice(data: bytes, draw: random.Random, rate: float) -> bytes:
    """Repeated."""
    return data + data if draw.random() < rate else data


def noise(data: bytes, draw: random.Random, rate: float) -> bytes:
    """A burst ahead of it."""
    return draw.randbytes(draw.randint(1, 400)) + data if draw.random() < rate else data


class Old:
    """Comes again, much later: replies and requests of ticks gone by."""

    __name__ = "old"

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def __call__(self, data: bytes, draw: random.Random, rate: float) -> bytes:
        self._kept.append(data)
        return draw.choice(self._kept) + data if draw.random() < rate else data


class Overtaken:
    """Held back until the next has gone."""

    __name__ = "overtaken"

    def __init__(self) -> None:
        self._held = b""

    def __call__(self, data: bytes, draw: random.Random, rate: float) -> bytes:
        if not self._held and draw.random() < rate:
            self._held = data
            return b""
        held, self._held = self._held, b""
        return data + held


def late(data: bytes, draw: random.Random, rate: float) -> bytes:
    """Held up for longer than any reply is waited for."""
    if draw.random() < rate:
        time.sleep(1.3 * REPLY_S)
    return data


KINDS: dict[str, Callable[[], Damage]] = {
    "lose": lambda: lose,
    "corrupt": lambda: corrupt,
    "cut": lambda: cut,
    "twice": lambda: twice,
    "noise": lambda: noise,
    "old": Old,
    "overtaken": Overtaken,
    "late": lambda: late,
}
REPLY_S = 0.1
"""What the host waits for a reply, in all."""


# three in five overtaken is half a minute of waiting for replies, and shows nothing that one in five does not
@pytest.mark.parametrize(
    ("kind", "rate"),
    [(kind, rate) for kind in KINDS for rate in (0.02, 0.2, 0.6) if (kind, rate) != ("overtaken", 0.6)],
)
def test_a_run_on_a_damaged_line(kind: str, rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    run_damaged(kind, rate, (True, False), monkeypatch)


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("kind", ["lose", "corrupt"])
def test_a_run_on_a_line_damaged_one_way(kind: str, down: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    run_damaged(kind, 0.15, (down,), monkeypatch)


def run_damaged(kind: str, rate: float, damaged: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A brief treatment, damaged towards the rig (True), towards the host (False), or both ways."""
    scenario = scenario_of(BRIEF)
    sent: dict[int, list[Sample]] = {}
    before = Follower.before
    after = Follower.after
    carried_out: list[int] = []

    def note_before(self: Follower, tick: int) -> None:
        carried_out.append(tick)
        before(self, tick)

    def note_after(self: Follower, sample: Sample) -> None:
        sent.setdefault(sample.tick, []).append(sample)
        after(self, sample)

    monkeypatch.setattr(Follower, "before", note_before)
    monkeypatch.setattr(Follower, "after", note_after)
    seed = f"{kind} {rate}"
    ways = {down: (KINDS[kind](), random.Random(f"{seed} {down}")) for down in (True, False)}

    def damage(data: bytes, down: bool) -> bytes:
        if down not in damaged:
            return data
        way, draw = ways[down]
        return way(data, draw, rate)

    with served(scenario, lockstep=True) as (port, side):
        cable = Between(port)
        try:
            hal = SerialHal(cable.port, reply_s=REPLY_S)
            session = assemble_on(hal, scenario).session
            session.open()  # a link is made on a sound line, and damage comes in the treatment
            cable.damage = damage
            heard: list[Reply] = []

            def look(tick: int, reply: Reply, decision: object) -> None:
                heard.append(reply)

            session.on_tick = look
            session.run()
        finally:
            cable.close()
        reason = session.generator.reason
        right = LINE_ROWS | OFF_ROWS if kind in ("old", "overtaken", "late") else LINE_ROWS
        assert reason == "hold_complete" or reason in right, f"{seed}: {reason}"
        assert len(carried_out) == len(set(carried_out)), f"{seed}: a command was carried out twice"
        for reply in heard:
            if isinstance(reply, Sample):
                told = [repr(sample) for sample in sent[reply.tick]]
                assert repr(reply) in told, f"{seed}: the rig never sent {reply}"
        assert not side.protocol.rf_on, f"{seed}: RF is left on"
        if kind == "twice":
            assert reason == "hold_complete"


class BootsInTheMiddle(RigProtocol):
    """Everything is forgotten, once, as at a reset."""

    left = 30

    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        self.left -= 1
        if self.left:
            return super().exchange(header, body, now_us)
        self.switch_off()
        self.link = self.ended_link = 0
        self.config = None
        return self.error(header, ErrorCode.NO_SUCH_LINK)


def test_a_rig_that_boots_in_the_middle_cuts_off_and_resumes_nothing() -> None:
    scenario = scenario_of(BRIEF)
    with served(scenario, lockstep=True, make=BootsInTheMiddle) as (port, side):
        session = assemble_on(SerialHal(port, reply_s=5.0), scenario).session
        session.open()
        session.run()
        assert session.generator.reason == "LINK_LOST"
        assert not side.protocol.rf_on


@pytest.mark.parametrize("kind", ["silent", "unplugged"])
def test_on_a_line_that_is_dead_the_rigs_watchdog_switches_off(kind: str) -> None:
    with served(scenario_of(BRIEF), lockstep=False) as (port, side):
        cable = Between(port)
        hal = SerialHal(cable.port, reply_s=0.05)
        try:
            hal.open(RigConfig(300, 50_000, 8.0, 112.0, 0b11, False))
            hal._wait_s = hal._resend_s = 2.0  # the first are to arrive, however busy the machine
            hal.exchange(Command(0, True, 2.0, 0.0))
            assert side.protocol.rf_on or side.protocol.trip == RigTrip.WATCHDOG
            hal._wait_s = hal._resend_s = 0.05
            if kind == "silent":
                cable.damage = lambda data, down: b""
            else:
                cable.close()
            reply = hal.exchange(Command(1, True, 2.0, 0.0))
            assert isinstance(reply, NoSample)
            hal.rf_off()
            until(lambda: not side.protocol.rf_on, "RF is left on")
            assert side.protocol.trip == RigTrip.WATCHDOG
            assert side.protocol.watchdog_tripped
        finally:
            hal._watchdog_s = 0.0
            hal.close()
            if kind == "silent":
                cable.close()
