"""A host that says what it is told to, written from the protocol's page alone; it shares no code with the product."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import termios
import time
import tty
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

HELLO, CONFIGURE, EXCHANGE, RF_OFF, BYE, ERROR = 1, 2, 3, 4, 5, 0xFF
ON, OFF = 0xC3, 0x3C
ANSWER_S = 3.0
"""How long a reply may take here: a busy machine, not a rig, is waited for."""


def cobs(data: bytes) -> bytes:
    """Consistent overhead byte stuffing, without the closing zero."""
    out = bytearray()
    for block in data.split(b"\0"):
        rest = block
        while len(rest) >= 254:
            out += b"\xff" + rest[:254]
            rest = rest[254:]
        out += bytes([len(rest) + 1]) + rest
    return bytes(out)


def uncobs(data: bytes) -> bytes:
    """The reverse; ValueError where it is not COBS."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        block = data[at + 1 : at + code]
        if code == 0 or len(block) != code - 1:
            raise ValueError("not COBS")
        out += block
        at += code
        if code < 255 and at < len(data):
            out.append(0)
    return bytes(out)


def frame(payload: bytes) -> bytes:
    """What goes on the wire for a payload."""
    return cobs(payload + struct.pack("<I", zlib.crc32(payload))) + b"\0"


def request(kind: int, link: int, seq: int, body: bytes = b"", version: int = 1) -> bytes:
    """A payload."""
    return struct.pack("<BBHH", version, kind, link, seq & 0xFFFF) + body


class Reply(NamedTuple):
    """A payload taken apart."""

    version: int
    kind: int
    link: int
    seq: int
    body: bytes

    def error(self) -> tuple[int, int] | None:
        """(kind of the request, code), where it is an ERROR."""
        return (self.body[0], self.body[1]) if self.kind == ERROR and len(self.body) == 2 else None


class Sample(NamedTuple):
    """A SAMPLE's body."""

    tick: int
    rig_time_us: int
    status: int
    rig_trip: int
    bad_frames: int
    tc_fault: int
    power_w: float
    voltage_v: float
    current_a: float
    phase_deg: float
    flow_ml_min: float
    coolant_c: float
    stage_c: float
    temperature_c: tuple[float, ...]

    @property
    def rf_on(self) -> bool:
        return bool(self.status & 1)


def sample_of(body: bytes) -> Sample:
    """Strictly: the length must be that of a whole number of thermocouples."""
    values = struct.unpack_from("<IQBBHH7f", body)
    count, rest = divmod(len(body) - 46, 4)
    assert rest == 0, f"a SAMPLE of {len(body)} bytes"
    return Sample(*values, struct.unpack_from(f"<{count}f", body, 46))


class Host:
    """One end of a line. `link` and `seq` are what the next request carries."""

    def __init__(self, port: str) -> None:
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)
        self.pending = b""
        self.link = 0x1234
        self.seq = 100

    def close(self) -> None:
        os.close(self.fd)

    def send_raw(self, data: bytes) -> None:
        while data:
            select.select([], [self.fd], [])
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.fd, data) :]

    def receive(self, within_s: float = ANSWER_S) -> Reply | None:
        """The next frame; None if there is none in that time."""
        until = time.monotonic() + within_s
        while b"\0" not in self.pending:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            self.pending += os.read(self.fd, 4096)
        raw, self.pending = self.pending.split(b"\0", 1)
        whole = uncobs(raw)
        payload, crc = whole[:-4], whole[-4:]
        assert struct.pack("<I", zlib.crc32(payload)) == crc, f"a reply with a wrong CRC: {raw.hex()}"
        return Reply(*struct.unpack_from("<BBHH", payload), payload[6:])

    def ask(self, payload: bytes) -> Reply:
        """Send it, and have its reply."""
        self.send_raw(frame(payload))
        reply = self.receive()
        assert reply is not None, f"no reply to {payload.hex()}"
        sent = struct.unpack_from("<BBHH", payload)
        assert (reply.version, reply.link, reply.seq) == (1, sent[2], sent[3]), f"{reply} to {payload.hex()}"
        return reply

    def next(self, kind: int, body: bytes = b"") -> Reply:
        """A new request on the link."""
        self.seq = (self.seq + 1) & 0xFFFF
        return self.ask(request(kind, self.link, self.seq, body))

    def hello(self) -> Reply:
        return self.next(HELLO)

    def configure(
        self,
        watchdog_ms: int = 1000,
        period_ms: int = 20,
        power_w: float = 10.0,
        limit_c: float = 90.0,
        channels: int = 1,
        flags: int = 0,
    ) -> Reply:
        return self.next(CONFIGURE, struct.pack("<HHffBB", watchdog_ms, period_ms, power_w, limit_c, channels, flags))

    def exchange(self, key: int = OFF, power_w: float = 0.0, flow: float = 0.0, tick: int = 7) -> Reply:
        return self.next(EXCHANGE, exchange_body(key, power_w, flow, tick))

    def sample(self, key: int = OFF, power_w: float = 0.0, flow: float = 0.0, tick: int = 7) -> Sample:
        """An EXCHANGE that must be answered with a SAMPLE."""
        reply = self.exchange(key, power_w, flow, tick)
        assert reply.kind == EXCHANGE | 0x80, reply
        return sample_of(reply.body)

    def connect(self, **configuration: int | float) -> None:
        """HELLO and CONFIGURE, both accepted."""
        assert self.hello().kind == HELLO | 0x80
        reply = self.configure(**configuration)  # type: ignore[arg-type]
        assert reply.kind == CONFIGURE | 0x80, reply


def exchange_body(key: int = OFF, power_w: float = 0.0, flow: float = 0.0, tick: int = 7, reserved: int = 0) -> bytes:
    return struct.pack("<IBBff", tick, key, reserved, power_w, flow)


class Rig:
    """The rig's process, and what it says of itself on its standard output."""

    def __init__(self, program: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [str(program), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first.startswith("rig on "):
            _, said = self.process.communicate()
            raise AssertionError(f"the rig did not start: {first!r} {said!r}")
        self.port = first.removeprefix("rig on ").strip()

    def line(self, text: str) -> str:
        """A line to its standard input; the line it answers with."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def fault(self, text: str) -> None:
        assert self.line(text) == "ok"
        time.sleep(0.01)  # a few of its polls

    def state(self) -> dict[str, float]:
        """The truth of the dummy load, not over the wire."""
        return {name: float(value) for name, value in (pair.split("=") for pair in self.line("state").split())}

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        _, said = self.process.communicate(timeout=20)
        if kind is None:
            assert self.process.returncode == 0, f"exit {self.process.returncode}: {said}"
            assert said == "", said


@contextlib.contextmanager
def rig_and_host(program: Path, *options: str) -> Iterator[tuple[Rig, Host]]:
    """A rig with a host on its line, not yet connected."""
    with Rig(program, *options) as rig:
        host = Host(rig.port)
        try:
            yield rig, host
        finally:
            host.close()
