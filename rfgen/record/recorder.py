"""Writes a run as it happens: one MCAP message a tick, events as messages of their own.

The same run gives the same bytes: a message's time is its tick times the period, counted from the run's first
tick, and nothing here reads a clock. What was written is handed to the operating system once a second of ticks, so a
killed process leaves all but its last second.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType

from mcap.opcode import Opcode

from hal import Absence, NoSample, Reply
from rfgen.record.fieldview import FIELD_SCHEMA, FIELD_TEXT, FIELD_TOPIC, FieldView, pack_field
from rfgen.record.info import RunInfo, info_problem, info_to_metadata
from rfgen.record.jsonsafe import to_json
from rfgen.record.schema import (
    CDR_HEADER,
    EVENT_SCHEMA,
    EVENT_TEXT,
    EVENT_TOPIC,
    MESSAGE_ENCODING,
    METADATA_NAME,
    SCHEMA_ENCODING,
    TICK_SCHEMA,
    TICK_TOPIC,
    pack_event,
    tick_layout,
)
from rfgen.record.writing import HEAD_BYTES, MESSAGE_HEAD, ChunkWriter, message_length, message_record
from rfgen.records import Decision, Event, Truth

__all__ = ["FILE_NAME", "Recorder", "RunInfo"]

FILE_NAME = "run.mcap"
_LIBRARY = "rfgen"
_NAN = float("nan")
_LEAST_CURRENT_A = 0.002
"""Below this, voltage over current is noise over noise."""
_NO_TRUTH = (_NAN,) * 5
_ABSENT = {reason: number for number, reason in enumerate(Absence, 1)}


class Recorder:
    """Writes `folder/run.mcap`. A context manager; `close` may be repeated.

    Raises ValueError for information that no recording can hold, OSError where the folder cannot be written.
    """

    def __init__(self, folder: Path, info: RunInfo) -> None:
        problem = info_problem(info)
        if problem is not None:
            raise ValueError(problem)
        folder.mkdir(parents=True, exist_ok=True)
        layout = tick_layout(len(info.thermocouples))
        self.path = folder / FILE_NAME
        # a message's whole record in one packing: its head, then the fields
        whole = struct.Struct("<" + MESSAGE_HEAD + layout.packer.format.removeprefix("<"))
        self._pack = whole.pack
        self._length = message_length(whole.size - HEAD_BYTES)
        self._no_temperatures = (_NAN,) * len(info.thermocouples)
        self._period_ns = info.period_us * 1000
        self._period_us = info.period_us
        self._ticks_a_flush = max(1, 1_000_000 // info.period_us)
        self._until_flush = self._ticks_a_flush
        self._first_tick: int | None = None
        """The first command's tick; it goes down a tick after the reply that it answers to, which is tick 0."""
        self._last_ns = 0
        self._closed = False
        self._file = self.path.open("wb", buffering=1 << 20)
        self._writer = ChunkWriter(self._file, "ros2", _LIBRARY)
        self._writer.metadata(METADATA_NAME, info_to_metadata(info))
        channel = self._writer.channel
        self._tick_channel = channel(TICK_TOPIC, MESSAGE_ENCODING, TICK_SCHEMA, SCHEMA_ENCODING, layout.text)
        self._event_channel = channel(EVENT_TOPIC, MESSAGE_ENCODING, EVENT_SCHEMA, SCHEMA_ENCODING, EVENT_TEXT)
        self._field_channel = 0
        self._fields = 0
        self._writer.flush()
        self._add = self._writer.add

    def tick(self, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        """Record one tick. Raises ValueError for a value that has no place in the recording."""
        (
            (cmd_tick, cmd_rf_on, cmd_power_w, cmd_flow),
            rf_off,
            state,
            step,
            asked_w,
            setpoint_c,
            target_c,
            bad,
            trip,
        ) = decision
        impedance = _NAN
        if isinstance(reply, NoSample):
            tick, reason, error_code = reply
            absent = _ABSENT[reason]
            rig_time_us = rig_trip = bad_frames = tc_fault = 0
            on = pump = watchdog = loop = start = estop = attached = stage_fault = False
            power_w = voltage_v = current_a = phase = flow = coolant_c = stage_c = _NAN
            temperatures = self._no_temperatures
        else:
            absent = error_code = 0
            (tick, rig_time_us, on, pump, watchdog, loop, start, estop, attached, stage_fault,
             rig_trip, bad_frames, tc_fault, power_w, voltage_v, current_a, phase, flow, coolant_c, stage_c,
             temperatures) = reply  # fmt: skip
            if on and current_a > _LEAST_CURRENT_A:
                impedance = voltage_v / current_a
        if self._first_tick is None:
            self._first_tick = cmd_tick
        own_tick = cmd_tick - self._first_tick
        if own_tick < 0:
            own_tick = 0
        time_ns = own_tick * self._period_ns
        try:
            record = self._pack(
                Opcode.MESSAGE, self._length, self._tick_channel, cmd_tick & 0xFFFFFFFF, time_ns, time_ns,
                CDR_HEADER, own_tick * self._period_us / 1e6,
                power_w, voltage_v, current_a, phase, flow, coolant_c, stage_c, *temperatures,
                impedance, cmd_power_w, cmd_flow, asked_w, setpoint_c, target_c, *(truth or _NO_TRUTH),
                tick, rig_time_us, cmd_tick, bad, trip, tc_fault, bad_frames, rig_trip, error_code, step,
                on, pump, watchdog, loop, start, estop, attached, stage_fault, cmd_rf_on,
                rf_off, state, absent,
            )  # fmt: skip
        except struct.error as error:
            raise ValueError(f"tick {cmd_tick} cannot be recorded: {error}") from error
        self._add(record)
        self._last_ns = time_ns
        self._until_flush -= 1
        if not self._until_flush:
            self._until_flush = self._ticks_a_flush
            self._flush()

    def _flush(self) -> None:
        try:
            self._writer.flush()
        except OSError as error:  # a write does not say to which file
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def event(self, event: Event) -> None:
        """Record something that happened once. Raises ValueError for a time that has no place in the recording."""
        try:
            raw = pack_event(event.tick, event.time_us, event.kind, event.text, to_json(event.data))
            time_ns = event.tick * self._period_ns
            self._add(message_record(self._event_channel, event.tick & 0xFFFFFFFF, time_ns, raw))
        except struct.error as error:
            raise ValueError(f"the event {event.text!r} cannot be recorded: {error}") from error

    def field(self, view: FieldView) -> None:
        """Record the field at one moment; logged with the last tick, wherever its moment was."""
        if self._field_channel == 0:
            channel = self._writer.channel
            self._field_channel = channel(FIELD_TOPIC, MESSAGE_ENCODING, FIELD_SCHEMA, SCHEMA_ENCODING, FIELD_TEXT)
        self._fields += 1
        self._add(message_record(self._field_channel, self._fields, self._last_ns, pack_field(view)))

    def close(self) -> None:
        """Write the index and give the file back."""
        if self._closed:
            return
        self._closed = True
        try:
            try:
                self._writer.finish()
            finally:
                self._file.close()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
