"""Moments of a run: absolute, or counted from a state's entry."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from rfgen.records import State

ANCHORS = {
    "check": State.IMPEDANCE_CHECK,
    "impedance_check": State.IMPEDANCE_CHECK,
    "ramp": State.RAMP,
    "hold": State.HOLD,
    "cutoff": State.CUTOFF,
    "idle": State.IDLE,
}
NAMES = {
    State.IMPEDANCE_CHECK: "check",
    State.RAMP: "ramp",
    State.HOLD: "hold",
    State.CUTOFF: "cutoff",
    State.IDLE: "idle",
}
MOST_S = 1e9
UNITS_S = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0}
NUMBER = r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?P<unit>s|ms|min)?"
_DURATION = re.compile(NUMBER, re.ASCII)
_WHEN = re.compile(
    rf"(?:(?P<anchor>[a-z_]{{1,20}})(?:\s+(?P<occurrence>[0-9]{{1,3}}))?(?:\s*\+\s*(?=[0-9]))?)?\s*(?:{NUMBER})?",
    re.ASCII,
)
REMEDY = "write `12 s`, `hold + 12 s`, or `hold 2 + 1.5 min`"


def parse_duration(text: str | float) -> float:
    """Seconds, from `2 s`, `200 ms`, `1.5 min` or a plain number of seconds; to the nanosecond. Raises ValueError."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _seconds(text, 1.0)
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("is not a time; write `2 s`, `200 ms` or `1.5 min`")
    return _from(found)


def _from(found: re.Match[str]) -> float:
    return _seconds(float(found["number"]), UNITS_S[found["unit"] or ""])


def _seconds(number: float, unit_s: float) -> float:
    if 0 <= number < MOST_S:
        # rounded to the nanosecond: 0.2 min is 12 s, not 12.000000000000002; and no -0
        seconds = round(number * unit_s, 9) + 0.0
        if seconds < MOST_S:
            return seconds
    raise ValueError(f"must be 0 s or more, and below {MOST_S:g} s")


class When(NamedTuple):
    """A moment. `anchor` None: counted from the first tick; else from the `occurrence`-th entry of that state."""

    anchor: State | None
    occurrence: int
    offset_s: float

    @staticmethod
    def parse(text: object) -> When:
        """From `12 s`, `12`, `hold`, `hold + 12 s`, `ramp 2 + 3 s`. Raises ValueError."""
        if isinstance(text, When):
            return text
        if isinstance(text, (int, float)) and not isinstance(text, bool):
            return When(None, 1, parse_duration(text))
        if not isinstance(text, str):
            raise ValueError(f"is not a moment; {REMEDY}")
        found = _WHEN.fullmatch(text.strip())
        if found is None or (found["anchor"] is None and found["number"] is None):
            raise ValueError(f"is not a moment; {REMEDY}")
        offset_s = 0.0 if found["number"] is None else _from(found)
        if found["anchor"] is None:
            return When(None, 1, offset_s)
        if found["number"] is not None and "+" not in text:
            raise ValueError(f"is not a moment; {REMEDY}")
        anchor = ANCHORS.get(found["anchor"])
        if anchor is None:
            raise ValueError(f"is counted from no state; use one of {', '.join(sorted(ANCHORS))}")
        occurrence = int(found["occurrence"] or 1)
        if occurrence < 1:
            raise ValueError("counts entries of a state from 1")
        return When(anchor, occurrence, offset_s)

    def __str__(self) -> str:
        seconds = f"{self.offset_s:.9f}".rstrip("0").rstrip(".") + " s"
        if self.anchor is None:
            return seconds
        name = NAMES[self.anchor] + (f" {self.occurrence}" if self.occurrence > 1 else "")
        return name if self.offset_s == 0.0 else f"{name} + {seconds}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            When.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )
