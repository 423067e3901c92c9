"""What may come of a check."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hal.rigcheck.talk import Talk


class Verdict(enum.Enum):
    """Of one check."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    UNDECIDED = "undecided"
    """Tried, and nothing can be said: this host was late each time, or the rig lets no RF out."""
    LEFT_OUT = "left out"
    """Not for this rig, or not in this run."""


class Broken(Exception):
    """A promise is broken: what was sent, what came, what should have come."""

    def __init__(self, sent: str, came: str, due: str) -> None:
        super().__init__(f"sent {sent}; came {came}; due {due}")
        self.sent, self.came, self.due = sent, came, due


class Undecided(Exception):
    """Nothing can be said this time, and why."""


class LeftOut(Exception):
    """Not for this rig, and why."""


class Check(NamedTuple):
    """One promise. `timed`: what comes depends on when this host sends."""

    id: str
    promise: str
    run: Callable[[Talk], None]
    timed: bool = False
    long: bool = False
    """Takes minutes: only when asked for."""


class Result(NamedTuple):
    """What came of a check."""

    id: str
    promise: str
    verdict: Verdict
    sent: str
    came: str
    due: str
    """What should have come."""
    seen: int
    """How many replies were held against what was due."""
    tries: int

    def line(self) -> str:
        """As a person reads it."""
        more = f" (the last of {self.seen})" if self.verdict is Verdict.KEPT and self.seen > 1 else ""
        return (
            f"{self.verdict.value:<9} {self.id}: {self.promise} | sent{more}: {self.sent} | came: {self.came} | "
            f"due: {self.due}"
        )
