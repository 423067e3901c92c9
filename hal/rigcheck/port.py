"""The line to a real port, with this machine's clock."""

from __future__ import annotations

import time
from typing import Protocol

from hal.serialport import BAUD, Line


class Transport(Protocol):
    """Bytes to a rig and back, and the time on this side. Raises OSError where the line has gone."""

    def write(self, data: bytes) -> None:
        """Send."""

    def read(self, wait_s: float) -> bytes:
        """What has come; waits for a first byte for `wait_s` at most."""

    def now_s(self) -> float:
        """Never going back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass, at least so much."""


class PortTransport:
    """A port that pyserial opens. Raises RigUnavailable where it does not open."""

    def __init__(self, port: str, baud: int = BAUD) -> None:
        self._line = Line(port, baud)

    def write(self, data: bytes) -> None:
        self._line.write(data)

    def read(self, wait_s: float) -> bytes:
        return self._line.read(wait_s)

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def close(self) -> None:
        """Give the port back."""
        self._line.close()
