"""Being told to end (Ctrl-C, SIGTERM, a closed terminal) in the middle of a treatment: taken between two ticks.

In the middle of one, half a message might stand in the recording, and nothing after it could be read.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

from hal import Command, Hal, Reply, RigConfig, RigInfo

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """Within its context a signal that would raise is kept until the next exchange, which raises
    KeyboardInterrupt in its stead; a second one raises at once, for a rig that no longer answers.

    Signals that are ignored, or that end the process, stay what they are.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        for number in SIGNALS:
            before = signal.getsignal(number)
            if callable(before):
                self._before[number] = before
                signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def guard(self, hal: Hal) -> Hal:
        """The same rig, whose exchange raises KeyboardInterrupt once that was asked for."""
        return _Guarded(self, hal)


class _Guarded:
    """A rig between whose ticks an interruption is taken."""

    def __init__(self, interruption: Interruption, hal: Hal) -> None:
        self._interruption = interruption
        self._hal = hal
        self._exchange = hal.exchange
        self.rf_off = hal.rf_off
        self.close = hal.close

    def open(self, config: RigConfig) -> RigInfo:
        """As the rig's own."""
        return self._hal.open(config)

    def exchange(self, command: Command) -> Reply:
        """As the rig's own. Raises KeyboardInterrupt before the command goes down."""
        if self._interruption.asked:
            raise KeyboardInterrupt
        return self._exchange(command)
