"""Bytes damaged on the line: a run completes, or is cut off by a row of the line; no sample is invented, no command is
carried out twice, and RF is not left on."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from served import BRIEF, Between, scenario_of, served

from hal import Reply, Sample
from hal.serialrig import SerialHal
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


KINDS: dict[str, Callable[[], Damage]] = {
    "lose": lambda: lose,
    "corrupt": lambda: corrupt,
    "cut": lambda: cut,
    "twice": lambda: twice,
    "noise": lambda: noise,
    "old": Old,
}


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_on_a_damaged_line(kind: str, rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
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
        way, draw = ways[down]
        return way(data, draw, rate)

    with served(scenario, lockstep=True) as (port, side):
        cable = Between(port)
        try:
            hal = SerialHal(cable.port, reply_s=0.1)
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
        right = LINE_ROWS | OFF_ROWS if kind == "old" else LINE_ROWS
        assert reason == "hold_complete" or reason in right, f"{seed}: {reason}"
        assert len(carried_out) == len(set(carried_out)), f"{seed}: a command was carried out twice"
        for reply in heard:
            if isinstance(reply, Sample):
                told = [repr(sample) for sample in sent[reply.tick]]
                assert repr(reply) in told, f"{seed}: the rig never sent {reply}"
        assert not side.protocol.rf_on, f"{seed}: RF is left on"
        if kind == "twice":
            assert reason == "hold_complete"
