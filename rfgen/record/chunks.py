"""Reads the records of an MCAP file one by one, whoever wrote it, in bounded time and memory.

The mcap package does the framing and the fields. Around it stand three bounds that it does not have: no
read beyond a record's permitted size, no chunk that unpacks to more than `MOST_CHUNK_BYTES`, no endless run
of tiny records.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

import lz4.frame  # type: ignore[import-untyped]
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, DataEnd, Message, Metadata, Schema
from mcap.stream_reader import StreamReader

MOST_FILE_BYTES = 2 * 1024**3
MOST_RECORD_BYTES = 8 * 1024**2
MOST_CHUNK_BYTES = 16 * 1024**2
MOST_READS = 20_000_000
"""Pieces read from one file: a tick, by its entry in the index, makes two. Some 10 s of work at most."""

_RECORD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_DAMAGE = (
    McapError,
    ValueError,  # CRC, text that is not UTF-8
    struct.error,
    OverflowError,
    MemoryError,
    RuntimeError,  # what lz4 raises
    EOFError,
    zstandard.ZstdError,
)


class RecordingError(Exception):
    """A file that is not a recording, or one too damaged or too large to read."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(f"{file}: {message}")
        self.file = file
        self.message = message

    def __reduce__(self) -> tuple[type[RecordingError], tuple[str, str]]:
        """It goes to another process as what it was made of, not as its one line."""
        return RecordingError, (self.file, self.message)


class RawMessage(NamedTuple):
    """A message as it lies in the file."""

    channel: int
    data: bytes


class End(NamedTuple):
    """The last thing a finished recording says. A killed run's has none."""


Item = Metadata | Schema | Channel | RawMessage | End


class _BoundedFile:
    """Hands `StreamReader` exactly what it asks for, or refuses: never a huge read, never part of one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads = 0

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= MOST_RECORD_BYTES:
            raise ValueError(f"a record asks for {size} bytes; at most {MOST_RECORD_BYTES} are read")
        self._reads += 1
        if self._reads > MOST_READS:
            raise ValueError(f"it has more than {MOST_READS} pieces")
        data = self._file.read(size)
        if len(data) < size:
            raise EndOfFile
        return data


def read_items(path: Path) -> Iterator[Item]:
    """Every record that matters, in the order of the file; ends early where the file is cut short.

    Raises RecordingError for a file that cannot be read, is damaged, or goes beyond a bound.
    """
    name = str(path)
    try:
        # without waiting: to open a pipe that nobody writes to would never end
        with open(path, "rb", opener=lambda file, flags: os.open(file, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RecordingError(name, "is not a regular file; give a run's folder or its run.mcap")
            file.seek(0, io.SEEK_END)
            size = file.tell()
            file.seek(0)
            if size > MOST_FILE_BYTES:
                raise RecordingError(name, f"{size} bytes; at most {MOST_FILE_BYTES} are read")
            yield from _items(name, file)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            said = "there is no such recording; give the folder of a run, or its run.mcap"
        else:
            said = f"cannot be read: {error.strerror or error}"
        raise RecordingError(name, said) from error


def _items(name: str, file: BinaryIO) -> Iterator[Item]:
    reader = StreamReader(
        cast(IO[bytes], _BoundedFile(file)),
        emit_chunks=True,
        validate_crcs=True,
        record_size_limit=MOST_RECORD_BYTES,
    )
    try:
        for record in reader.records:
            if isinstance(record, Chunk):
                yield from chunk_items(unpack_chunk(record))
            elif isinstance(record, Message):
                yield RawMessage(record.channel_id, record.data)
            elif isinstance(record, Metadata | Schema | Channel):
                yield record
            elif isinstance(record, DataEnd):
                yield End()
                return  # what follows is an index of what was just read
    except EndOfFile:
        return
    except _DAMAGE as error:
        where = f" near byte {file.tell()}"
        raise RecordingError(name, f"damaged{where}: {error or type(error).__name__}") from error


def unpack_chunk(chunk: Chunk) -> bytes:
    """A chunk's records, decompressed and checked. Raises ValueError, or what the decompressor raises."""
    if chunk.uncompressed_size > MOST_CHUNK_BYTES:
        raise ValueError(f"a chunk of {chunk.uncompressed_size} bytes; at most {MOST_CHUNK_BYTES} are read")
    # one byte more than announced is asked for, so that a chunk that goes on is noticed without unpacking it
    if chunk.compression == "lz4":
        data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, chunk.uncompressed_size + 1)
    elif chunk.compression == "zstd":
        unpacker = zstandard.ZstdDecompressor(max_window_size=MOST_CHUNK_BYTES)
        with unpacker.stream_reader(chunk.data) as stream:
            data = stream.read(chunk.uncompressed_size + 1)
    elif chunk.compression == "":
        data = chunk.data
    else:
        raise ValueError(f"a chunk in an unknown compression {chunk.compression[:20]!r}")
    if len(data) != chunk.uncompressed_size:
        raise ValueError("a chunk that is not as long as it says")
    if chunk.uncompressed_crc not in (0, zlib.crc32(data)):
        raise ValueError("a chunk whose checksum is wrong")
    return bytes(data)


def chunk_items(data: bytes) -> Iterator[Item]:
    """The records inside a chunk. Raises ValueError where they do not fit into each other."""
    at, end = 0, len(data)
    while at < end:
        if end - at < _RECORD.size:
            raise ValueError("a chunk with half a record at its end")
        opcode, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if length > end - at:
            raise ValueError("a record longer than its chunk")
        if opcode == Opcode.MESSAGE:
            if length < _MESSAGE.size:
                raise ValueError("a message cut short")
            yield RawMessage(_MESSAGE.unpack_from(data, at)[0], data[at + _MESSAGE.size : at + length])
        elif opcode == Opcode.SCHEMA:
            yield _inside(Schema, data[at : at + length])
        elif opcode == Opcode.CHANNEL:
            yield _inside(Channel, data[at : at + length])
        at += length


def _inside(kind: type[Schema] | type[Channel], data: bytes) -> Schema | Channel:
    try:
        record: Schema | Channel = kind.read(ReadDataStream(io.BytesIO(data)))
    except EndOfFile:
        raise ValueError(f"a {kind.__name__.lower()} cut short") from None
    return record
