"""The faults that can be put on the line between host and rig, and what each means.

A line fault is data: a kind, and a size where it has one. What a kind does is in `hal.linefault`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineSize:
    """Range, unit and default of a line fault's size."""

    least: float
    most: float
    default: float
    unit: str


@dataclass(frozen=True, slots=True)
class LineFaultSpec:
    """One kind of line fault."""

    kind: str
    description: str
    size: LineSize | None = None


def _catalogue() -> dict[str, LineFaultSpec]:
    def share(default: float) -> LineSize:
        return LineSize(0.0, 1.0, default, "x")

    rows = [
        LineFaultSpec("line_drop", "this share of the frames is lost, either way", share(0.2)),
        LineFaultSpec("line_corrupt", "this share of the frames is damaged; the CRC drops them", share(0.2)),
        LineFaultSpec(
            "line_delay",
            "replies come this many ticks late, and are discarded as old",
            LineSize(1.0, 50.0, 1.0, "ticks"),
        ),
        LineFaultSpec("line_duplicate", "this share of the frames arrives twice", share(0.5)),
        LineFaultSpec("line_reorder", "this share of the frames is overtaken by the next one", share(0.2)),
        LineFaultSpec(
            "line_garbage",
            "a burst of this many bytes runs into every request, and spoils it",
            LineSize(1.0, 4096.0, 64.0, "bytes"),
        ),
        LineFaultSpec("line_silent", "nothing arrives, either way; the port stays"),
        LineFaultSpec("line_unplugged", "the port is gone; back in, it needs a new link"),
        LineFaultSpec(
            "line_replugged",
            "the port is gone for this many ticks; back in, it needs a new link",
            LineSize(0.0, 100_000.0, 10.0, "ticks"),
        ),
        LineFaultSpec("rig_reboot", "the rig boots, once: RF off, link and configuration forgotten"),
        LineFaultSpec(
            "clock_skew", "the rig's clock is fast by this share; at -1 it stands still", LineSize(-1.0, 1.0, 0.05, "x")
        ),
    ]
    return {row.kind: row for row in rows}


LINE_FAULTS: dict[str, LineFaultSpec] = _catalogue()


@dataclass(frozen=True, slots=True)
class LineFault:
    """A fault to put on a line.

    Raises ValueError for an unknown kind, a size where the kind has none, or one outside its range.
    """

    kind: str
    size: float | None = None

    def __post_init__(self) -> None:
        spec = LINE_FAULTS.get(self.kind)
        if spec is None:
            raise ValueError(f"unknown line fault {self.kind!r}; there are: {', '.join(LINE_FAULTS)}")
        if self.size is None:
            return
        if spec.size is None:
            raise ValueError(f"line fault {self.kind!r} has no size; leave `size` out")
        if not spec.size.least <= self.size <= spec.size.most:
            raise ValueError(
                f"line fault {self.kind!r}: size {self.size!r} is outside "
                f"{spec.size.least:g}..{spec.size.most:g} {spec.size.unit}"
            )

    @property
    def amount(self) -> float:
        """The size given, or the kind's default; NaN where it has none."""
        spec = LINE_FAULTS[self.kind].size
        if spec is None:
            return math.nan
        return spec.default if self.size is None else self.size
