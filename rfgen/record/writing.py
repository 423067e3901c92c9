"""Writes MCAP in chunks of ready-made message records: what a tick costs is one packing and one list entry.

The mcap package's own writer builds each message from its parts, which costs more than all else that is done with a
tick. Here a message comes as the bytes of its whole record, and chunks, indexes and summary are made once a flush.
Records that hold something of every message are packed here, the others are the package's own. The format:
https://mcap.dev/spec (version 0).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import lz4.frame  # type: ignore[import-untyped]
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC = b"\x89MCAP0\r\n"
MESSAGE_HEAD = "BQHIQQ"
"""Of a message's record: opcode, length after these nine bytes, channel, sequence, log time, publish time (ns)."""
HEAD_BYTES = struct.calcsize("<" + MESSAGE_HEAD)
_HEAD = struct.Struct("<" + MESSAGE_HEAD)
_CHANNEL_AND_TIME = struct.Struct("<9xH4xQ")
"""Of a message's record."""
_FOOTER_HEAD = struct.Struct("<BQQQ")


def message_length(data_bytes: int) -> int:
    """What stands as the length in a message's record that carries this many bytes."""
    return HEAD_BYTES - 9 + data_bytes


def message_record(channel: int, sequence: int, time_ns: int, data: bytes) -> bytes:
    """A message's whole record. Raises struct.error for a time or a number that has no place in one."""
    return _HEAD.pack(Opcode.MESSAGE, message_length(len(data)), channel, sequence, time_ns, time_ns) + data


def _message_index(channel: int, times_and_offsets: list[int]) -> bytes:
    """The record that says where in a chunk a channel's messages are: log time and offset of each, in turn."""
    length = 8 * len(times_and_offsets)
    layout = f"<BQHI{len(times_and_offsets)}Q"
    return struct.pack(layout, Opcode.MESSAGE_INDEX, 6 + length, channel, length, *times_and_offsets)


class ChunkWriter:
    """Writes to `file`, which stays the caller's. `add` takes whole message records, in the order of their time."""

    def __init__(self, file: BinaryIO, profile: str, library: str) -> None:
        self._file = file
        self._at = 0
        self._crc = 0
        self._records: list[bytes] = []
        self.add = self._records.append
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._chunks: list[ChunkIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._counts: dict[int, int] = {}
        self._span_ns: tuple[int, int] | None = None
        self._write(MAGIC)
        self._put(Header(profile, library))

    def metadata(self, name: str, data: dict[str, str]) -> None:
        """A metadata record."""
        offset = self._at
        self._put(Metadata(name=name, metadata=data))
        self._metadata.append(MetadataIndex(offset=offset, length=self._at - offset, name=name))

    def channel(self, topic: str, message_encoding: str, schema_name: str, schema_encoding: str, text: str) -> int:
        """A channel and its schema; the channel's number."""
        number = len(self._channels) + 1
        self._schemas.append(Schema(id=number, name=schema_name, encoding=schema_encoding, data=text.encode()))
        self._channels.append(
            Channel(id=number, schema_id=number, topic=topic, message_encoding=message_encoding, metadata={})
        )
        self._put(self._schemas[-1])
        self._put(self._channels[-1])
        return number

    def flush(self) -> None:
        """What was added goes out as one chunk, and to the operating system."""
        if self._records:
            self._chunk()
        self._file.flush()

    def finish(self) -> None:
        """The last chunk, the summary, the end."""
        if self._records:
            self._chunk()
        self._put(DataEnd(self._crc))
        summary_start = self._at
        groups: list[tuple[Opcode, Iterable[McapRecord]]] = [
            (Opcode.SCHEMA, self._schemas),
            (Opcode.CHANNEL, self._channels),
            (Opcode.STATISTICS, [self._statistics()]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.METADATA_INDEX, self._metadata),
        ]
        summary = RecordBuilder()
        offsets = []
        for opcode, records in groups:
            start = summary.count
            for record in records:
                record.write(summary)
            if summary.count > start:
                offsets.append(SummaryOffset(opcode, summary_start + start, summary.count - start))
        offsets_start = summary_start + summary.count
        for offset in offsets:
            offset.write(summary)
        data: bytes = summary.end()  # type: ignore[no-untyped-call]
        crc = zlib.crc32(_FOOTER_HEAD.pack(Opcode.FOOTER, 20, summary_start, offsets_start), zlib.crc32(data))
        self._write(data)
        self._put(Footer(summary_start=summary_start, summary_offset_start=offsets_start, summary_crc=crc))
        self._write(MAGIC)

    def _chunk(self) -> None:
        records = self._records
        heads = [_CHANNEL_AND_TIME.unpack_from(record) for record in records]
        offsets = itertools.accumulate(map(len, records), initial=0)
        by_channel: dict[int, list[int]] = {channel: [] for channel, _ in heads}
        for (channel, time_ns), offset in zip(heads, offsets, strict=False):  # the last offset is the end
            by_channel[channel] += (time_ns, offset)
        times_ns = [time_ns for _, time_ns in heads]
        first_ns, last_ns = min(times_ns), max(times_ns)
        raw = b"".join(records)
        records.clear()  # the list stays the same one: `add` is its own method
        packed: bytes = lz4.frame.compress(raw)
        chunk = Chunk(
            compression="lz4",
            data=packed,
            message_start_time=first_ns,
            message_end_time=last_ns,
            uncompressed_crc=zlib.crc32(raw),
            uncompressed_size=len(raw),
        )
        chunk_at = self._at
        self._put(chunk)
        index_at = self._at
        at: dict[int, int] = {}
        for channel, entries in by_channel.items():
            at[channel] = self._at
            self._write(_message_index(channel, entries))
            self._counts[channel] = self._counts.get(channel, 0) + len(entries) // 2
        self._chunks.append(
            ChunkIndex(
                message_start_time=first_ns,
                message_end_time=last_ns,
                chunk_start_offset=chunk_at,
                chunk_length=index_at - chunk_at,
                message_index_offsets=at,
                message_index_length=self._at - index_at,
                compression="lz4",
                compressed_size=len(packed),
                uncompressed_size=len(raw),
            )
        )
        span = self._span_ns or (first_ns, last_ns)
        self._span_ns = min(span[0], first_ns), max(span[1], last_ns)

    def _statistics(self) -> Statistics:
        start_ns, end_ns = self._span_ns or (0, 0)
        return Statistics(
            attachment_count=0,
            channel_count=len(self._channels),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=sum(self._counts.values()),
            metadata_count=len(self._metadata),
            message_start_time=start_ns,
            message_end_time=end_ns,
            schema_count=len(self._schemas),
        )

    def _put(self, record: McapRecord) -> None:
        builder = RecordBuilder()
        record.write(builder)
        self._write(builder.end())  # type: ignore[no-untyped-call]

    def _write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._at += len(data)
        self._file.write(data)
