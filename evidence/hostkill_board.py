"""A host killed at a random moment of ramp or hold: the emulated board switches RF off within its watchdog.

    python -m evidence.hostkill_board --runs 20

The same treatment and the same moments as `evidence.hostkill`, on a Cortex-M3 that QEMU emulates (needs
`qemu-system-arm` and `gcc-arm-none-eabi`). Between host and board a tap reads every frame: the last SAMPLE before the
kill carries, in the board's own time, the moment at which its watchdog was fed. The output is looked at through the
debug port of the emulator, not over the line and not by the rig's word: the stage's own record of when it was last
switched (`dummy_witness` in firmware/plant), and how long before that its timer had come last. RF must be off within
`watchdog_ms`, by the board's clock, and stay off though the next host links and only watches. An emulator that this
machine held up for longer than the watchdog's allowance tells nothing of the board: such a run is void, as there.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence.asked import exit_code
from evidence.hostkill import WATCHDOG_MS, Kill, kill_a_host, killed, next_host_sees, options
from hal.wire import FrameDecoder

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build/firmware"
SAMPLE_KIND = 0x83


class Tap:
    """A pseudo-terminal in front of the board's, which passes everything on and reads what comes from the board."""

    def __init__(self, port: str) -> None:
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.fed_us = 0
        """Of the last SAMPLE: the board's time."""
        self.rf_seen = False
        """A SAMPLE has read back RF on."""
        self._decoder = FrameDecoder()
        self._stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            ready, _, _ = select.select([self._board, self._master], [], [], 0.1)
            for source in ready:
                data = os.read(source, 4096)
                if source == self._board:
                    self._look(data)
                while data:
                    data = data[os.write(self._master if source == self._board else self._board, data) :]

    def _look(self, data: bytes) -> None:
        for payload in self._decoder.feed(data):
            if payload is not None and payload[1] == SAMPLE_KIND:
                self.fed_us = struct.unpack_from("<Q", payload, 10)[0]
                self.rf_seen = self.rf_seen or bool(payload[18] & 1)

    def close(self) -> None:
        self._stopped = True
        self._thread.join()
        for handle in (self._board, self._master, self._slave):
            os.close(handle)


class DebugPort:
    """The emulator's monitor: memory of the board, read without its doing."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.settimeout(10.0)
        self._read()
        self._at = {
            words[3]: int(words[0], 16) for words in (line.split() for line in _nm().splitlines()) if len(words) == 4
        }

    def _read(self) -> str:
        text = b""
        while not text.endswith(b"(qemu) "):
            text += self._socket.recv(4096)
        return text.decode()

    def words(self, name: str, count: int) -> list[int]:
        """32-bit words from the start of a variable."""
        self._socket.sendall(f"xp /{count}xw {self._at[name]:#x}\n".encode())
        lines = [line.split(":", 1)[1] for line in self._read().splitlines() if ": 0x" in line]
        return [int(word, 16) for line in lines for word in line.split()]

    def output(self) -> tuple[bool, int, int]:
        """Whether the stage is enabled, when it was last switched, and how long before that it had last been looked at
        (the board's time, in us)."""
        enabled, low, high, since_us = self.words("dummy_witness", 4)
        return bool(enabled), low | high << 32, since_us

    def close(self) -> None:
        self._socket.close()


def _nm() -> str:
    return subprocess.run(
        ["arm-none-eabi-nm", "-S", OUT / "rig.elf"], capture_output=True, text=True, check=True
    ).stdout


@contextmanager
def board(folder: Path) -> Iterator[tuple[str, DebugPort]]:
    """A board newly booted: its port, and its debug port."""
    link, monitor = folder / "board", folder / "monitor"
    with subprocess.Popen(
        ["sh", ROOT / "firmware/port/mps2/run.sh", OUT / "rig.elf", link],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "MONITOR": f"unix:{monitor},server=on,wait=off"},
    ) as process:  # fmt: skip
        debug = None
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("rig on "):
                raise RuntimeError(f"the emulated board does not start: {line}")
            debug = DebugPort(monitor)
            yield line.removeprefix("rig on ").strip(), debug
        finally:
            if debug is not None:
                debug.close()
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def kill_once(seed: int) -> Kill:
    """One host, killed at a moment that `seed` draws. Raises Void where nothing was tried."""
    with tempfile.TemporaryDirectory() as name, board(Path(name)) as (port, debug):
        tap = Tap(port)
        try:
            after_s = kill_a_host(seed, Path(name), tap.port, lambda: tap.rf_seen)
            time.sleep(5 * WATCHDOG_MS / 1000)
            enabled, switched_us, since_us = debug.output()
            off_after_ms = float("inf") if enabled else (switched_us - tap.fed_us) / 1000
        finally:
            tap.close()
        tripped, stays_off = _after(port, debug)
        return Kill(after_s, off_after_ms, since_us / 1000, tripped, stays_off and not enabled)


def _after(port: str, debug: DebugPort) -> tuple[bool, bool]:
    """Whether the status says that the watchdog tripped, and whether the next host that only watches sees no RF."""
    tripped = bool(debug.words("dummy_witness", 1)[0] == 0) and _status_tripped(port)
    return tripped, all(next_host_sees(port)) and not debug.output()[0]


def _status_tripped(port: str) -> bool:
    """RF_OFF of no link at all: it changes nothing, and its reply shows the status."""
    from hal.serialport import BAUD, Line
    from hal.wiremessages import HEADER_BYTES, Kind, message

    line = Line(port, BAUD)
    try:
        line.write(b"\0" + message(Kind.RF_OFF, 0, 0))
        decoder = FrameDecoder()
        until_s = time.monotonic() + 5.0
        while time.monotonic() < until_s:
            for payload in decoder.feed(line.read(0.1)):
                if payload is not None and payload[1] == Kind.RF_OFF | 0x80:
                    return bool(payload[HEADER_BYTES] & 4)
    finally:
        line.close()
    return False


def main() -> int:
    """All of them; exit 1 if any left RF on for longer."""
    asked = options(20, __doc__ or "")
    subprocess.run(["make", "-s", "-C", ROOT / "firmware", f"OUT={OUT}", "arm"], check=True)
    return killed(kill_once, asked.runs, asked.seed)


if __name__ == "__main__":
    sys.exit(exit_code(main))
