"""A line on which time is counted, not waited for: a rig's protocol at its end, polled every millisecond of it."""

from __future__ import annotations

from collections.abc import Callable

from hal.serveprotocol import RigProtocol

TURN_US = 150
"""Between a request's arrival and its reply's."""


class VirtualLine:
    """What `hal.rigcheck.port.Transport` asks for. `late`: what this host is late by, each time it sleeps."""

    def __init__(
        self,
        protocol: RigProtocol,
        *,
        late: Callable[[float], float] = lambda seconds: 0.0,
        damage: Callable[[bytes], bytes] = lambda data: data,
        turn_us: int = TURN_US,
    ) -> None:
        self.protocol = protocol
        self.now_us = 0
        self._coming = b""
        self._late = late
        self._damage = damage
        self._turn_us = turn_us

    def write(self, data: bytes) -> None:
        self.pass_us(self._turn_us)
        self._coming += self._damage(self.protocol.receive(data, self.now_us))
        self.pass_us(self._turn_us)

    def read(self, wait_s: float) -> bytes:
        if not self._coming and wait_s > 0.0:
            self.pass_us(round(wait_s * 1e6) + 1)
        data, self._coming = self._coming, b""
        return data

    def now_s(self) -> float:
        return self.now_us / 1e6

    def sleep(self, seconds: float) -> None:
        self.pass_us(round((seconds + self._late(seconds)) * 1e6))

    def pass_us(self, microseconds: int) -> None:
        """Time goes by; the rig is polled at each whole millisecond."""
        end_us = self.now_us + microseconds
        while self.now_us // 1000 < end_us // 1000:
            self.now_us = (self.now_us // 1000 + 1) * 1000
            self.protocol.poll(self.now_us)
        self.now_us = end_us
