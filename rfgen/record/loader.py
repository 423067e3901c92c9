"""Reads a recording back: as columns for reports, as the very records of each tick for a replay.

A file from a stranger is refused with `RecordingError`, in bounded time and memory; a killed run's file,
which has no end and may be cut anywhere, is read as far as it goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mcap.records import Channel, Metadata, Schema
from numpy.typing import NDArray

from hal import Absence, Command, NoSample, Sample
from rfgen.record.chunks import End, RawMessage, RecordingError, read_items
from rfgen.record.fieldview import FIELD_SCHEMA, FIELD_TEXT, FIELD_TOPIC, FieldView, unpack_field
from rfgen.record.info import RunInfo, info_from_metadata
from rfgen.record.recorder import FILE_NAME
from rfgen.record.schema import (
    EVENT_SCHEMA,
    EVENT_TEXT,
    EVENT_TOPIC,
    MESSAGE_ENCODING,
    METADATA_NAME,
    SCHEMA_ENCODING,
    TICK_SCHEMA,
    TICK_TOPIC,
    tick_layout,
    unpack_event,
)
from rfgen.records import Decision, Event, State, Truth

__all__ = ["MOST_EVENTS", "MOST_TICKS", "RecordingError", "Run", "load_run"]

MOST_TICKS = 5_000_000
MOST_EVENTS = 100_000
MOST_EVENT_BYTES = 64 * 1024**2
MOST_FIELDS = 16
_LATEST_TICK = 2**40
"""Far beyond any run, and small enough that a time in microseconds is exact."""
_BLOCK = 4096
_ABSENCES = tuple(Absence)
_HEAD = ("tick", "rig_time_us")
_STATUS = (
    "rf_on", "pump_on", "watchdog_tripped", "loop_closed", "start_pressed", "estop_pressed",
    "return_attached", "stage_fault",
)  # fmt: skip
_TAIL = (
    "rig_trip", "bad_frames", "tc_fault",
    "power_w", "voltage_v", "current_a", "phase_deg", "flow_ml_min", "coolant_c", "stage_c",
)  # fmt: skip
_SAMPLE = _HEAD + _STATUS + _TAIL
_DECISION = (
    "cmd_tick", "cmd_rf_on", "cmd_power_w", "cmd_flow_ml_min",
    "rf_off", "state", "step", "asked_w", "setpoint_c", "target_c", "violated", "tripped",
)  # fmt: skip
_TRUTH = ("true_control_c", "true_control_site_c", "true_sentinel_c", "true_hottest_c", "true_delivered_w")


@dataclass(frozen=True)
class Run:
    """A recorded run."""

    path: Path
    info: RunInfo
    columns: dict[str, NDArray[Any]]
    """Every field of `/tick` by its name, one value a tick."""
    events: tuple[Event, ...]
    complete: bool
    """The recording was closed; False for a run that was killed."""
    fields: tuple[FieldView, ...] = ()
    """The field at its moments, where the run's plant was one."""

    @property
    def ticks(self) -> int:
        return len(self.columns["cmd_tick"])

    @cached_property
    def time_s(self) -> NDArray[np.float64]:
        """Time of each tick, s: 0 in the first one, as the events count; the command's own tick is one more."""
        ticks = self.columns["cmd_tick"].astype(np.float64)
        first = ticks[0] if len(ticks) else 0.0
        return np.asarray(np.maximum(ticks - first, 0.0) * self.info.period_us / 1e6)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Where a sample arrived."""
        return np.asarray(self.columns["absent"] == 0)

    def replies(self) -> Iterator[Sample | NoSample]:
        """What the rig answered, tick by tick, bit for bit."""
        temperatures = [f"tc{n}_c" for n in range(len(self.info.thermocouples))]
        names = ["absent", "error_code", *_SAMPLE, *temperatures]
        end = 2 + len(_SAMPLE)
        for row in self._rows(names):
            if row[0]:
                yield NoSample(row[2], _ABSENCES[row[0] - 1], row[1])
            else:
                yield Sample._make((*row[2:end], row[end:]))

    def decisions(self) -> Iterator[Decision]:
        """What the firmware decided, tick by tick, bit for bit."""
        for row in self._rows(_DECISION):
            state = State(row[5])
            yield Decision(Command(*row[:4]), row[4], state, *row[6:])

    def truths(self) -> Iterator[Truth]:
        """What the simulation knew; NaN on a real rig."""
        for row in self._rows(_TRUTH):
            yield Truth(*row)

    def _rows(self, names: list[str] | tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        columns = [self.columns[name] for name in names]
        for start in range(0, self.ticks, _BLOCK):
            # tolist gives Python's own bool, int and float, with every bit of the float
            yield from zip(*(column[start : start + _BLOCK].tolist() for column in columns), strict=True)


def load_run(source: Path | str) -> Run:
    """Read a run's folder, or its MCAP file. Raises RecordingError."""
    path = Path(source)
    if path.is_dir():
        path = path / FILE_NAME
    collector = _Collector(str(path))
    complete = False
    for item in read_items(path):
        if isinstance(item, RawMessage):
            collector.message(item)
        elif isinstance(item, Metadata):
            collector.metadata(item)
        elif isinstance(item, Schema):
            collector.schemas[item.id] = item
        elif isinstance(item, Channel):
            collector.channel(item)
        elif isinstance(item, End):
            complete = True
    return collector.run(path, complete)


class _Collector:
    """Gathers the records of one file, refusing what does not belong."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._info: RunInfo | None = None
        self.schemas: dict[int, Schema] = {}
        self._tick_channel = -1
        self._event_channel = -1
        self._field_channel = -1
        self._fields: list[FieldView] = []
        self._tick_size = 0
        self._ticks = bytearray()
        self._tick_count = 0
        self._events: list[Event] = []
        self._event_bytes = 0

    def _refuse(self, message: str) -> RecordingError:
        return RecordingError(self._name, message)

    def metadata(self, record: Metadata) -> None:
        if record.name != METADATA_NAME or self._info is not None:
            return
        try:
            self._info = info_from_metadata(record.metadata)
        except (ValueError, RecursionError) as error:
            raise self._refuse(f"not a usable recording: {error}") from None
        self._tick_size = tick_layout(len(self._info.thermocouples)).dtype.itemsize

    def channel(self, record: Channel) -> None:
        if record.topic not in (TICK_TOPIC, EVENT_TOPIC, FIELD_TOPIC):
            return
        if self._info is None:
            raise self._refuse("not a recording of rfgen: it does not say which run it holds")
        if record.topic == TICK_TOPIC:
            expected = (TICK_SCHEMA, tick_layout(len(self._info.thermocouples)).text)
            self._tick_channel = record.id
        elif record.topic == FIELD_TOPIC:
            expected = (FIELD_SCHEMA, FIELD_TEXT)
            self._field_channel = record.id
        else:
            expected = (EVENT_SCHEMA, EVENT_TEXT)
            self._event_channel = record.id
        schema = self.schemas.get(record.schema_id)
        found = schema is not None and (schema.name, schema.data) == (expected[0], expected[1].encode())
        if not found or schema is None or schema.encoding != SCHEMA_ENCODING:
            made_with = self._info.versions.get("rfgen", "unknown")[:40]
            raise self._refuse(
                f"{record.topic} has other fields than this version reads (recorded with rfgen {made_with})"
            )
        if record.message_encoding != MESSAGE_ENCODING:
            raise self._refuse(f"{record.topic} is encoded as {record.message_encoding[:20]!r}, not as cdr")

    def message(self, message: RawMessage) -> None:
        if message.channel == self._tick_channel:
            if len(message.data) != self._tick_size:
                raise self._refuse(f"tick {self._tick_count} has {len(message.data)} bytes, not {self._tick_size}")
            if self._tick_count >= MOST_TICKS:
                raise self._refuse(f"more than {MOST_TICKS} ticks")
            self._tick_count += 1
            self._ticks += message.data
        elif message.channel == self._event_channel:
            self._event_bytes += len(message.data)
            if len(self._events) >= MOST_EVENTS or self._event_bytes > MOST_EVENT_BYTES:
                raise self._refuse(f"more than {MOST_EVENTS} events, or more than {MOST_EVENT_BYTES} bytes of them")
            self._events.append(self._event(message.data))
        elif message.channel == self._field_channel:
            if len(self._fields) >= MOST_FIELDS:
                raise self._refuse(f"more than {MOST_FIELDS} fields")
            try:
                self._fields.append(unpack_field(message.data))
            except (ValueError, RecursionError) as error:
                raise self._refuse(f"field {len(self._fields)} is damaged: {error}") from None

    def _event(self, raw: bytes) -> Event:
        try:
            tick, time_us, kind, text, data_text = unpack_event(raw)
            data = json.loads(data_text)
        except (ValueError, RecursionError) as error:
            raise self._refuse(f"event {len(self._events)} is damaged: {error}") from None
        if not isinstance(data, dict) or tick > _LATEST_TICK:
            raise self._refuse(f"event {len(self._events)} is damaged")
        return Event(tick, time_us, kind, text, data)

    def run(self, path: Path, complete: bool) -> Run:
        """The run, once the file has been read. Raises RecordingError."""
        if self._info is None:
            raise self._refuse("not a recording of rfgen: it does not say which run it holds")
        layout = tick_layout(len(self._info.thermocouples))
        rows = np.frombuffer(self._ticks, dtype=layout.dtype)
        columns: dict[str, NDArray[Any]] = {field.name: rows[field.name] for field in layout.fields}
        if len(rows):
            if int(columns["state"].max()) > max(State):
                raise self._refuse("a tick in a state that does not exist")
            if int(columns["absent"].max()) > len(_ABSENCES):
                raise self._refuse("a tick whose sample is absent for a reason that does not exist")
            if int(columns["cmd_tick"].max()) > _LATEST_TICK:
                raise self._refuse("a tick beyond any run")
        return Run(path, self._info, columns, tuple(self._events), complete, tuple(self._fields))
