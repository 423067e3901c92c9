"""Writes a run as it happens: one MCAP message a tick, events as messages of their own.

The same run gives the same bytes: a message's time is its tick times the period, counted from the run's first
tick, and nothing here reads a clock. What was written is handed to the operating system once a second of ticks, so a
killed process leaves all but its last second.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType

from mcap.writer import CompressionType, Writer

from hal import Absence, NoSample, Reply
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
from rfgen.records import Decision, Event, Truth

__all__ = ["FILE_NAME", "Recorder", "RunInfo"]

FILE_NAME = "run.mcap"
_LIBRARY = "rfgen"
_CHUNK_LIMIT = 4 * 1024 * 1024
"""Above anything a second of ticks needs: the flush decides where a chunk ends, not the size."""
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
        self._pack = layout.packer.pack
        self._no_temperatures = (_NAN,) * len(info.thermocouples)
        self._period_ns = info.period_us * 1000
        self._period_us = info.period_us
        self._ticks_a_flush = max(1, 1_000_000 // info.period_us)
        self._until_flush = self._ticks_a_flush
        self._first_tick: int | None = None
        """The first command's tick; it goes down a tick after the reply that it answers to, which is tick 0."""
        self._closed = False
        self._file = self.path.open("wb", buffering=1 << 20)
        # lz4: a tick costs a quarter less than with zstd. Message indexes stay, because tools seek by them.
        self._writer = Writer(
            self._file, chunk_size=_CHUNK_LIMIT, compression=CompressionType.LZ4, enable_data_crcs=True
        )
        self._writer.start(profile="ros2", library=_LIBRARY)
        self._writer.add_metadata(METADATA_NAME, info_to_metadata(info))
        tick_schema = self._writer.register_schema(TICK_SCHEMA, SCHEMA_ENCODING, layout.text.encode())
        event_schema = self._writer.register_schema(EVENT_SCHEMA, SCHEMA_ENCODING, EVENT_TEXT.encode())
        self._tick_channel = self._writer.register_channel(TICK_TOPIC, MESSAGE_ENCODING, tick_schema)
        self._event_channel = self._writer.register_channel(EVENT_TOPIC, MESSAGE_ENCODING, event_schema)
        self._writer.flush()  # type: ignore[no-untyped-call]
        self._add = self._writer.add_message

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
        try:
            raw = self._pack(
                CDR_HEADER, own_tick * self._period_us / 1e6,
                power_w, voltage_v, current_a, phase, flow, coolant_c, stage_c, *temperatures,
                impedance, cmd_power_w, cmd_flow, asked_w, setpoint_c, target_c, *(truth or _NO_TRUTH),
                tick, rig_time_us, cmd_tick, bad, trip, tc_fault, bad_frames, rig_trip, error_code, step,
                on, pump, watchdog, loop, start, estop, attached, stage_fault, cmd_rf_on,
                rf_off, state, absent,
            )  # fmt: skip
        except struct.error as error:
            raise ValueError(f"tick {cmd_tick} cannot be recorded: {error}") from error
        time_ns = own_tick * self._period_ns
        self._add(self._tick_channel, time_ns, raw, time_ns, cmd_tick & 0xFFFFFFFF)
        self._until_flush -= 1
        if not self._until_flush:
            self._until_flush = self._ticks_a_flush
            self._writer.flush()  # type: ignore[no-untyped-call]

    def event(self, event: Event) -> None:
        """Record something that happened once. Raises ValueError for a time that has no place in the recording."""
        try:
            raw = pack_event(event.tick, event.time_us, event.kind, event.text, to_json(event.data))
        except struct.error as error:
            raise ValueError(f"the event {event.text!r} cannot be recorded: {error}") from error
        time_ns = event.tick * self._period_ns
        self._add(self._event_channel, time_ns, raw, time_ns, event.tick & 0xFFFFFFFF)

    def close(self) -> None:
        """Write the index and give the file back."""
        if self._closed:
            return
        self._closed = True
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
        finally:
            self._file.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
