"""What comes from a rig, and how it is put into words."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hal.types import RigTrip
from hal.wiremessages import Kind

KINDS = range(1, 6)
"""The requests there are."""


class Answer(NamedTuple):
    """A reply, and the moments between which it was made."""

    kind: int
    link: int
    seq: int
    body: bytes
    payload: bytes
    sent_s: float
    got_s: float


class Seen(NamedTuple):
    """A SAMPLE as it stands on the line."""

    tick: int
    rig_time_us: int
    status: int
    trip: int
    bad_frames: int
    tc_fault: int
    power_w: float
    temperature_c: tuple[float, ...]
    flow_ml_min: float
    sent_s: float
    got_s: float

    @property
    def rf_on(self) -> bool:
        """As the stage reads back."""
        return bool(self.status & 1)

    def __str__(self) -> str:
        trip = RigTrip(self.trip).name.lower().replace("_", " ") if self.trip <= max(RigTrip) else "unknown"
        return (
            f"SAMPLE with RF {'on' if self.rf_on else 'off'}, rig_trip {self.trip} ({trip}), {self.power_w:.2f} W"
            + (", watchdog tripped" if self.status & 4 else "")
        )


SAMPLE_HEAD = struct.Struct("<IQBBHH")
"""Of SAMPLE's body, ahead of the numbers."""


def named(kind: int) -> str:
    """A kind by its name."""
    request = kind & 0x7F
    if kind == Kind.ERROR:
        return "ERROR"
    if request not in KINDS:
        return f"kind {kind:#04x}"
    if kind == Kind.EXCHANGE | 0x80:
        return "SAMPLE"
    return Kind(request).name + ("'s reply" if kind & 0x80 else "")


def said(answer: Answer | None) -> str:
    """What a reply says, as a person reads it."""
    if answer is None:
        return "nothing"
    if answer.kind == Kind.ERROR and len(answer.body) == 2:
        return f"ERROR {answer.body[1]} to {named(answer.body[0])}"
    if answer.kind == Kind.EXCHANGE | 0x80 and len(answer.body) >= SAMPLE_HEAD.size + 4:
        tick, _, status, trip, *_ = SAMPLE_HEAD.unpack_from(answer.body)
        return f"SAMPLE of tick {tick} with RF {'on' if status & 1 else 'off'}, rig_trip {trip}"
    return f"{named(answer.kind)} of {len(answer.body)} bytes"
