"""Serves a rig on a pseudo-terminal: the one place where a served rig touches the clock and the line."""

from __future__ import annotations

import contextlib
import os
import select
import time
import tty
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from hal.servelink import ServedLink
from hal.serveprotocol import RigProtocol

T = TypeVar("T")

POLL_S = 0.001
"""The rig looks at its sensors and its watchdog at least this often."""
MOST_BYTES = 4096
"""Taken from the line at a time."""


def monotonic_us() -> int:
    """The machine's monotonic clock, in microseconds."""
    return time.monotonic_ns() // 1000


class PtyServer:
    """A rig on a pseudo-terminal of its own, in the calling thread. A context manager.

    `link`: a name that leads to the terminal, made on entry and removed at the end; FileExistsError where something
    else has it. In lock-step (`real_time` false) it sleeps until bytes come. RF is off on every way out.
    """

    def __init__(
        self,
        protocol: RigProtocol,
        *,
        link: Path | None = None,
        real_time: bool = True,
        clock_us: Callable[[], int] = monotonic_us,
    ) -> None:
        self.protocol = protocol
        self._link = link
        self._served: ServedLink | None = None
        self._real_time = real_time
        self._clock_us = clock_us
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        # written to by `stop`, from any thread or from a signal's handler
        self._waker, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._to_do: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._booted_us = clock_us()
        self._stopped = False

    def __enter__(self) -> PtyServer:
        if self._link is not None:
            try:
                self._served = ServedLink(self._link, self.port)
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self) -> None:
        """Serve until `stop`."""
        protocol = self.protocol
        while not self._stopped:
            ready, _, _ = select.select([self._master, self._waker], [], [], POLL_S if self._real_time else None)
            if self._waker in ready:
                os.read(self._waker, MOST_BYTES)  # before what there is to do: more may come meanwhile
            while not self._to_do.empty():
                self._to_do.get()()
            now_us = self._clock_us() - self._booted_us if self._real_time else 0
            if self._master in ready:
                with contextlib.suppress(BlockingIOError):
                    self._send(protocol.receive(os.read(self._master, MOST_BYTES), now_us))
            else:
                protocol.poll(now_us)

    def do(self, act: Callable[[], T]) -> Future[T]:
        """Have the serving thread do this, between two looks at the line; may be called from any thread."""
        done: Future[T] = Future()

        def now() -> None:
            try:
                done.set_result(act())
            except Exception as error:
                done.set_exception(error)

        self._to_do.put(now)
        with contextlib.suppress(OSError):
            os.write(self._wake, b"x")
        return done

    def stop(self) -> None:
        """Make `run` return; may be called from a signal's handler, or another thread."""
        self._stopped = True
        with contextlib.suppress(OSError):
            os.write(self._wake, b"x")

    def close(self) -> None:
        """RF off, pump off, terminal gone. Harmless to repeat."""
        self._stopped = True
        if self._master < 0:
            return
        try:
            self.protocol.switch_off()
            self.protocol.works.close()
        finally:
            for handle in (self._master, self._slave, self._waker, self._wake):
                os.close(handle)
            self._master = self._slave = -1
            if self._served is not None:
                self._served.remove()

    def _send(self, data: bytes) -> None:
        """What the line does not take is lost, as on any line: to wait for a host would stop the watchdog."""
        if data:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)
