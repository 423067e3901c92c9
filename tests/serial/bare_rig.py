"""A rig's protocol with a host that says what it is told to, and a clock that is moved by hand."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

from served import BRIEF, scenario_of

from hal.simulated import SimulatedHal
from rfgen.rigside import rig_side

sys.path.insert(0, str(Path(__file__).parents[1] / "wire"))
from plain_frames import plain_frame, plain_payload

FITTED = "bench-self-test"
"""A rig with everything fitted: pump, return monitor, three thermocouples."""
LINK = 0x1234


class Bare:
    """A rig and a host that says what it is told to, byte by byte; time is moved by hand."""

    def __init__(self, scenario: str = BRIEF, *, lockstep: bool = False) -> None:
        side = rig_side(scenario_of(scenario), lockstep=lockstep, boot_count=7)
        self.rig: SimulatedHal = side.rig
        self.protocol = side.protocol
        self.protocol.listener = None
        self.now_us = 0
        self.seq = 0

    def pass_ms(self, milliseconds: int) -> None:
        """Time passes as the server lets it: the rig is polled every millisecond."""
        for _ in range(milliseconds):
            self.now_us += 1000
            self.protocol.poll(self.now_us)

    def raw(self, payload: bytes) -> bytes | None:
        """A whole frame; the payload of what comes back."""
        back = self.protocol.receive(plain_frame(payload), self.now_us)
        if not back:
            return None
        assert back.count(0) == 1
        return plain_payload(back[:-1])

    def say(self, kind: int, body: bytes = b"", *, link: int = LINK, seq: int | None = None) -> tuple[int, bytes]:
        """A request; the kind and body of its reply, which echoes link and sequence."""
        if seq is None:
            self.seq = seq = (self.seq + 1) % 65536
        back = self.raw(struct.pack("<BBHH", 1, kind, link, seq) + body)
        assert back is not None
        version, answered, echoed, number = struct.unpack_from("<BBHH", back)
        assert (version, echoed, number) == (1, link, seq)
        return answered, back[6:]

    def linked(self, *, power_w: float = 8.0, limit_c: float = 112.0, channels: int = 1, flags: int = 0) -> None:
        """HELLO and CONFIGURE."""
        assert self.say(1)[0] == 0x81
        body = struct.pack("<HHffBB", 200, 20, power_w, limit_c, channels, flags)
        assert self.say(2, body) == (0x82, body)

    def exchange(self, on: bool = False, power_w: float = 2.0, flow: float = 0.0, *, tick: int = 1) -> dict[str, Any]:
        """EXCHANGE that must be answered with SAMPLE."""
        kind, body = self.say(3, command(on, power_w, flow, tick=tick))
        assert kind == 0x83, f"answered {kind:#x} {body.hex()}"
        head = struct.unpack_from("<IQBBHH", body)
        floats = struct.unpack_from(f"<{(len(body) - 18) // 4}f", body, 18)
        names = ("tick", "time_us", "status", "trip", "bad_frames", "tc_fault")
        return {
            **dict(zip(names, head, strict=True)),
            "power_w": floats[0],
            "flow": floats[4],
            "temperature": floats[7:],
        }

    def radiate(self) -> None:
        """RF on, and seen to be."""
        self.exchange(True)
        self.pass_ms(20)
        assert self.exchange(True)["status"] & 1
        assert self.radiates()

    def radiates(self) -> bool:
        """A look past the protocol: does the bench deliver in its next step?"""
        self.pass_ms(2)
        return self.rig.bench.power_w > 0.05


def command(on: bool, power_w: float, flow: float = 0.0, *, tick: int = 1, key: int | None = None) -> bytes:
    """EXCHANGE's body."""
    return struct.pack("<IBBff", tick, (0xC3 if on else 0x3C) if key is None else key, 0, power_w, flow)


def error(kind: int, code: int) -> tuple[int, bytes]:
    """What an ERROR reads as."""
    return 0xFF, bytes([kind, code])
