"""The file as another program's reader sees it: indexes that lead to every message, sums that hold, a whole summary."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.reader import NonSeekingReader, SeekingReader
from mcap.stream_reader import StreamReader

from rfgen.record.writing import ChunkWriter, message_record

Told = list[tuple[str, int, int, bytes]]
ticks = st.lists(st.tuples(st.integers(1, 2), st.binary(max_size=40), st.booleans()), max_size=60)


def written(messages: list[tuple[int, bytes, bool]]) -> tuple[bytes, Told]:
    """A file of these (channel, data, is a flush due), a microsecond apart, and what a reader must tell of it."""
    out = io.BytesIO()
    writer = ChunkWriter(out, "ros2", "a test")
    writer.metadata("about", {"a": "b"})
    assert [writer.channel(name, "cdr", f"m/{name}", "ros2msg", "uint8 x\n") for name in ("one", "two")] == [1, 2]
    told: Told = []
    for number, (channel, data, flush) in enumerate(messages):
        writer.add(message_record(channel, number, 1000 * number, data))
        told.append((("one", "two")[channel - 1], number, 1000 * number, data))
        if flush:
            writer.flush()
    writer.finish()
    return out.getvalue(), told


@given(ticks)
def test_every_message_is_found_by_the_index_and_without_it(messages: list[tuple[int, bytes, bool]]) -> None:
    file, told = written(messages)
    for reader in (
        SeekingReader(io.BytesIO(file), validate_crcs=True),
        NonSeekingReader(io.BytesIO(file), validate_crcs=True),
    ):
        found = [(c.topic, m.sequence, m.log_time, m.data) for _, c, m in reader.iter_messages()]
        assert found == told


@given(ticks)
def test_the_summary_counts_what_is_there(messages: list[tuple[int, bytes, bool]]) -> None:
    file, told = written(messages)
    summary = SeekingReader(io.BytesIO(file), validate_crcs=True).get_summary()
    assert summary is not None
    assert summary.statistics is not None
    statistics = summary.statistics
    assert statistics.message_count == len(told)
    assert statistics.chunk_count == len(summary.chunk_indexes)
    assert (statistics.message_start_time, statistics.message_end_time) == (0, 1000 * max(0, len(told) - 1))
    assert [m.name for m in summary.metadata_indexes] == ["about"]
    for index in summary.chunk_indexes:
        (length,) = struct.unpack_from("<Q", file, index.chunk_start_offset + 1)
        assert length + 9 == index.chunk_length


def test_a_time_with_no_place_in_a_record_is_refused() -> None:
    with pytest.raises(struct.error):
        message_record(1, 0, -1, b"")


def test_the_data_sections_sum_is_of_all_before_its_end() -> None:
    file, _ = written([(1, b"abc", True), (2, b"", False)])
    (end,) = [r for r in StreamReader(io.BytesIO(file)).records if type(r).__name__ == "DataEnd"]
    at = file.rindex(struct.pack("<BQI", 0x0F, 4, end.data_section_crc))
    assert zlib.crc32(file[:at]) == end.data_section_crc
