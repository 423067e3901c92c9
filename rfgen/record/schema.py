"""The recorded messages: their fields, as ros2msg text, as one `struct.Struct` and as a numpy dtype.

Everything is made from one list of fields, in falling order of size, so that CDR's alignment (each value on a
multiple of its own size, counted after the four header bytes) never asks for padding and one `Struct` packs a
whole message.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rfgen.records import State

TICK_TOPIC = "/tick"
EVENT_TOPIC = "/event"
TICK_SCHEMA = "rfgen/msg/Tick"
EVENT_SCHEMA = "rfgen/msg/Event"
METADATA_NAME = "rfgen"
SCHEMA_ENCODING = "ros2msg"
MESSAGE_ENCODING = "cdr"
CDR_HEADER = b"\x00\x01\x00\x00"
"""Little-endian plain CDR."""
MOST_THERMOCOUPLES = 8

_CODES = {"float64": "d", "uint64": "Q", "uint32": "I", "int32": "i", "uint8": "B", "bool": "?"}

_MEASURED = (
    ("power_w", "real power delivered, mean over the interval"),
    ("voltage_v", ""),
    ("current_a", ""),
    ("phase_deg", ""),
    ("flow_ml_min", "coolant flow measured"),
    ("coolant_c", ""),
    ("stage_c", "output stage"),
)
_DECIDED = (
    ("impedance_ohm", "voltage over current while RF reads on and a current is measurable; else NaN"),
    ("cmd_power_w", "commanded for the next interval"),
    ("cmd_flow_ml_min", ""),
    ("asked_w", "what control asked for, before safety permitted it"),
    ("setpoint_c", "ramped set-point"),
    ("target_c", "the present step's target"),
)
_TRUE = (
    ("true_control_c", "simulation only: junction of the control thermocouple, without noise"),
    ("true_control_site_c", "simulation only: tissue or metal at the control thermocouple"),
    ("true_sentinel_c", "simulation only"),
    ("true_hottest_c", "simulation only: hottest tissue anywhere"),
    ("true_delivered_w", "simulation only"),
)
_SMALL = (
    ("uint64", "tick", "the command's tick as the sample echoed it"),
    ("uint64", "rig_time_us", ""),
    ("uint64", "cmd_tick", "the command's own tick, one more than that of the message"),
    ("uint64", "violated", "bit n: row n of the catalogue reads true"),
    ("uint64", "tripped", "bit n: row n tripped in this tick"),
    ("uint32", "tc_fault", "channel n in bits 2n and 2n+1"),
    ("uint32", "bad_frames", ""),
    ("uint32", "rig_trip", ""),
    ("uint32", "error_code", "the line's ERROR code, where the sample is absent for it"),
    ("int32", "step", "index of the treatment step"),
    ("bool", "rf_on", "read back from the output stage"),
    ("bool", "pump_on", ""),
    ("bool", "watchdog_tripped", ""),
    ("bool", "loop_closed", ""),
    ("bool", "start_pressed", ""),
    ("bool", "estop_pressed", ""),
    ("bool", "return_attached", ""),
    ("bool", "stage_fault", ""),
    ("bool", "cmd_rf_on", ""),
    ("bool", "rf_off", "RF_OFF was sent in this tick, at once"),
    ("uint8", "state", ""),
    (
        "uint8",
        "absent",
        "0: sample present; 1 timeout, 2 rig error, 3 wrong tick, 4 line down, 5 end of recording",
    ),
)


class Field(NamedTuple):
    """One field of a message: ros2msg type, name, and what it is where the name does not say."""

    type: str
    name: str
    note: str


class TickLayout(NamedTuple):
    """How a `/tick` message lies in memory, for one number of thermocouples."""

    fields: tuple[Field, ...]
    text: str
    """The ros2msg schema."""
    packer: struct.Struct
    """Header, then every field in the order of `fields`."""
    dtype: np.dtype[Any]
    """The same bytes as a numpy record."""


@lru_cache(maxsize=MOST_THERMOCOUPLES)
def tick_layout(thermocouples: int) -> TickLayout:
    """The layout for a rig with this many thermocouples. Raises ValueError outside 1 to 8."""
    if not 1 <= thermocouples <= MOST_THERMOCOUPLES:
        raise ValueError(f"{thermocouples} thermocouples: a recording holds 1 to {MOST_THERMOCOUPLES}")
    names = [("time_s", "from the first tick"), *_MEASURED]
    names += [(f"tc{n}_c", f"thermocouple {n}; NaN with a fault") for n in range(thermocouples)]
    names += [*_DECIDED, *_TRUE]
    fields = tuple(Field("float64", *named) for named in names) + tuple(Field(*small) for small in _SMALL)
    codes = "".join(_CODES[field.type] for field in fields)
    packer = struct.Struct("<4s" + codes)
    dtype = np.dtype(
        [("_header", "V4")] + [(f.name, "<" + _CODES[f.type]) for f in fields]  # packed: no padding
    )
    return TickLayout(fields, _schema_text(fields), packer, dtype)


def _schema_text(fields: tuple[Field, ...]) -> str:
    lines = []
    for field in fields:
        if field.name == "state":  # plotting tools show these names beside the number
            lines += [f"uint8 {state.name}={int(state)}" for state in State]
        lines.append(f"{field.type} {field.name}" + (f"  # {field.note}" if field.note else ""))
    return "\n".join(lines) + "\n"


EVENT_TEXT = """\
uint64 tick
uint64 time_us
string kind  # state, trip, operator, fault, link, note
string text
string data  # JSON
"""
_EVENT_HEAD = struct.Struct("<4sQQ")
_LENGTH = struct.Struct("<I")


def pack_event(tick: int, time_us: int, *texts: str) -> bytes:
    """An `/event` message."""
    out = bytearray(_EVENT_HEAD.pack(CDR_HEADER, tick, time_us))
    for text in texts:
        raw = text.encode("utf-8", "backslashreplace")
        out += bytes(-(len(out) - 4) % 4)
        out += _LENGTH.pack(len(raw) + 1) + raw + b"\0"
    return bytes(out)


def unpack_event(raw: bytes) -> tuple[int, int, str, str, str]:
    """What `pack_event` packed. Raises ValueError where the bytes are not such a message."""
    if len(raw) < _EVENT_HEAD.size:
        raise ValueError("an event cut short")
    header, tick, time_us = _EVENT_HEAD.unpack_from(raw)
    if header != CDR_HEADER:
        raise ValueError("an event in another encoding")
    at = _EVENT_HEAD.size
    texts = []
    for _ in range(3):
        at += -(at - 4) % 4
        if at + 4 > len(raw):
            raise ValueError("an event cut short")
        (length,) = _LENGTH.unpack_from(raw, at)
        at += 4
        if length < 1 or length > len(raw) - at:
            raise ValueError("an event with a text longer than itself")
        texts.append(raw[at : at + length - 1].decode("utf-8"))
        at += length
    return tick, time_us, texts[0], texts[1], texts[2]
