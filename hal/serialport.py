"""Opening a rig's port, and saying what is wrong with one that does not open."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import select
import time
from pathlib import Path
from typing import Any

import serial

from hal.types import RigUnavailable

BAUD = 921_600
"""Unless configured; on a USB port, and on a pseudo-terminal, it means nothing."""


class Line:
    """A port as bytes. `read` waits no longer than it is told; what the port raises when it has gone is an OSError."""

    def __init__(self, port: str, baud: int) -> None:
        self.port = port
        try:
            self._port: Any = serial.serial_for_url(
                port, baudrate=baud, timeout=0, write_timeout=0.5, do_not_open=True, **_exclusive(port)
            )
            self._port.open()
        except (serial.SerialException, OSError, ValueError) as error:
            raise RigUnavailable(explain(port, error)) from None
        self._handle: int | None = None
        with contextlib.suppress(Exception):  # a port without one (loop://) is asked over and over
            self._handle = int(self._port.fileno())
        with contextlib.suppress(Exception):  # FTDI and like: answers at once, not every 16 ms
            self._port.set_low_latency_mode(True)

    def write(self, data: bytes) -> None:
        """Send. Raises OSError where the port has gone, or takes nothing for half a second."""
        try:
            self._port.write(data)
        except TypeError as error:  # pyserial, of a port closed under it
            raise OSError(str(error)) from None

    def read(self, wait_s: float) -> bytes:
        """What has come, waiting for a first byte for `wait_s` at most. Raises OSError where the port has gone."""
        try:
            if self._handle is not None:
                if not select.select([self._handle], [], [], max(0.0, wait_s))[0]:
                    return b""
                data: bytes = self._port.read(max(1, self._port.in_waiting))
                if not data:
                    raise OSError(errno.EIO, "the port has gone")
                return data
            until_s = time.monotonic() + wait_s
            while not self._port.in_waiting and time.monotonic() < until_s:
                time.sleep(0.0005)
            return bytes(self._port.read(self._port.in_waiting))
        except (TypeError, ValueError) as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(Exception):
            self._port.close()


def _exclusive(port: str) -> dict[str, bool]:
    """A port of this machine is nobody else's meanwhile: two hosts on one rig would cut into each other."""
    return {} if "://" in port or os.name != "posix" else {"exclusive": True}


def explain(port: str, error: Exception) -> str:
    """Why the port did not open, and what to do."""
    if "://" in port:
        return f"{port} cannot be opened: {error}; see that its address is right and that something answers there"
    path = Path(port)
    number = getattr(error, "errno", None)
    if not path.exists():
        near = ", ".join(sorted(ports_there())) or "none"
        return f"there is no port {port}; this machine has: {near} (`rfgen ports`). Plug the rig in, or name another"
    if not path.is_char_device():
        return f"{port} is not a serial port but {'a folder' if path.is_dir() else 'a file'}; `rfgen ports` lists ports"
    if number == errno.EACCES or not os.access(path, os.R_OK | os.W_OK):
        return _not_permitted(port, path)
    if number == errno.ENOTTY or "Inappropriate ioctl" in str(error):
        return f"{port} is a device, but not a serial port; `rfgen ports` lists ports"
    if number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY) or "exclusively lock" in str(error):
        return f"{port} is busy: {holders(path)}. End it, then try again"
    return f"{port} cannot be opened: {error}"


def _not_permitted(port: str, path: Path) -> str:
    """Joining the group helps where the group may read and write; nobody is told to join root."""
    there, group = path.stat(), group_of(path)
    if there.st_mode & 0o060 == 0o060 and there.st_gid != 0:
        return (
            f"{port} may not be opened by you: it belongs to the group {group}. "
            f"Become a member (`sudo usermod -aG {group} $USER`, then log in again)"
        )
    return (
        f"{port} may not be opened by you: it belongs to the group {group}, and joining that does not help. Have a "
        'udev rule give it to one that you are in (`SUBSYSTEM=="tty", GROUP="dialout", MODE="0660"`)'
    )


def ports_there() -> list[str]:
    """The serial ports that this machine knows of."""
    from serial.tools import list_ports

    return [port.device for port in list_ports.comports()]


def ports_by_serial(number: str) -> list[str]:
    """The ports whose USB device has this serial number."""
    from serial.tools import list_ports

    return sorted(port.device for port in list_ports.comports() if port.serial_number == number)


def group_of(path: Path) -> str:
    """The group that may open it."""
    gid = path.stat().st_gid
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def holders(path: Path) -> str:
    """Who has the port open, as far as this user may see. The one that locked it is named alone where it is known."""
    pids = locked_by(path) or open_in(path)
    told = [f"process {pid} ({_name(pid)})" for pid in pids if pid != os.getpid()]
    if os.getpid() in pids and not told:
        return "this process has it open already"
    return f"held by {', '.join(told)}" if told else "another process has it, which is not to be seen by this user"


def locked_by(path: Path) -> list[int]:
    """Ids of the processes with a lock on it (Linux)."""
    found = []
    with contextlib.suppress(OSError):
        there = path.stat()
        place = f"{os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}:{there.st_ino}"
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if "FLOCK" in words and place in words:
                found.append(int(words[words.index(place) - 1]))
    return sorted({pid for pid in found if pid > 0})


def open_in(path: Path) -> list[int]:
    """Ids of the processes that have it open (Linux)."""
    real = os.path.realpath(path)
    found = set()
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(handle) == real:
                found.add(int(handle.parts[2]))
    return sorted(found)


def _name(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "gone by now"
    said = b" ".join(words[:4]).decode("utf-8", "replace")
    return " ".join(said.split())[:80] or "no name"
