"""A line with a rig at its far end, and words for what comes over it."""

from __future__ import annotations

from collections.abc import Callable

from minirig import CONFIG, MiniRig, on

from hal import Absence, Command, Hal, Reply, Sample
from hal.linefault import FaultyLine

TIMEOUT, RIG_ERROR, LINE_DOWN = Absence.TIMEOUT, Absence.RIG_ERROR, Absence.LINE_DOWN


def line_to(seed: int = 1) -> tuple[FaultyLine, MiniRig]:
    """An open line, and the rig at its far end."""
    rig = MiniRig()
    line = FaultyLine(rig, seed)
    line.open(CONFIG)
    return line, rig


def run(line: Hal, ticks: int, first: int = 0, make: Callable[[int], Command] = on) -> list[Reply]:
    return [line.exchange(make(tick)) for tick in range(first, first + ticks)]


def why_not(replies: list[Reply]) -> list[Absence | None]:
    """The reason of each absence, None for a sample."""
    return [None if isinstance(reply, Sample) else reply.reason for reply in replies]


def samples(replies: list[Reply]) -> list[Sample]:
    return [reply for reply in replies if isinstance(reply, Sample)]


def alike(a: object, b: object) -> bool:
    """Equal, with NaN equal to NaN."""
    return repr(a) == repr(b)
