"""When RF is off: commanded off, reads back off and delivered off, followed and judged each by itself.

A sound stage meets all three at once. One that is stuck on can be met by the first alone, unless the rig has a second
cut: then by the third as well, once the rig has seen it for 0.1 s and its relay has opened.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

OUTCOMES = ("commanded", "read back", "delivered")


class Was(enum.Enum):
    """What became of one of the outcomes."""

    IN_TIME = "in time"
    LATE = "later"
    NEVER = "not at all"
    UNTOLD = "not told"
    """No sample came that could tell."""


class Off(NamedTuple):
    """The three outcomes of one run that had RF to be off."""

    commanded: Was
    read_back: Was
    delivered: Was


class Follow:
    """One outcome, tick by tick, from when it is due."""

    def __init__(self) -> None:
        self.due = -1
        """The first tick in which it must be so; -1 while nothing is due."""
        self._last_on = -1
        self._last = -1

    def see(self, tick: int, on: bool) -> bool:
        """A tick. True where it is on although it is due to be off."""
        self._last = tick
        if on:
            self._last_on = tick
        return on and 0 <= self.due <= tick

    @property
    def was(self) -> Was:
        """What became of it."""
        if self._last < self.due:
            return Was.UNTOLD
        if self._last_on < self.due:
            return Was.IN_TIME
        return Was.NEVER if self._last_on == self._last else Was.LATE
