"""A recording from a stranger: read, or refused by name; never another error, never without bound."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.data_stream import RecordBuilder
from mcap.records import Chunk, Metadata
from mcap.writer import CompressionType, Writer

from hal import Command, Sample
from rfgen.record.chunks import chunk_items
from rfgen.record.info import info_to_metadata
from rfgen.record.loader import RecordingError, Run, load_run
from rfgen.record.recorder import Recorder, RunInfo
from rfgen.record.schema import EVENT_TEXT, pack_event, tick_layout, unpack_event
from rfgen.record.summary import summary_from_run
from rfgen.records import Decision, Event, State

MAGIC = b"\x89MCAP0\r\n"
INFO = RunInfo(
    "s", "t", "bench", 1, "sim", True, "m", "n", "f", 100_000, ("a", "b"), 1, {}, {}, ("X",), {}, "", {}
)  # fmt: skip


def sample(tick: int) -> Sample:
    status = (True, True, False, True, False, False, True, False)
    return Sample(tick, tick * 100_000, *status, 0, 0, 0, 9.5, 40.0, 0.25, 0.0, 12.0, 20.0, 31.0, (60.0, 37.0))


def decision(tick: int) -> Decision:
    return Decision(Command(tick, True, 10.0, 12.0), False, State.HOLD, 0, 10.0, 70.0, 70.0, 0, 0)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording of 2.5 s: three chunks of ten ticks or fewer, two events."""
    folder = tmp_path_factory.mktemp("good")
    with Recorder(folder, INFO) as recorder:
        for tick in range(25):
            recorder.tick(sample(tick), decision(tick), None)
            if tick in (3, 17):
                recorder.event(Event(tick, tick * 100_000, "note", "said", {"n": tick}))
    return (folder / "run.mcap").read_bytes()


def load(folder: Path, content: bytes) -> Run | None:
    """The run, or None where it is refused as it should be; anything else fails the test."""
    path = folder / "x.mcap"
    path.write_bytes(content)
    refused: RecordingError | None = None
    try:
        run = load_run(path)
    except RecordingError as error:
        refused = error
    if refused is not None:
        assert refused.file == str(path)
        assert refused.message
        assert str(refused) == f"{path}: {refused.message}"
        return None
    assert len(list(run.replies())) == len(list(run.decisions())) == run.ticks
    json.dumps(summary_from_run(run), allow_nan=False)
    return run


def test_a_file_cut_at_any_byte_gives_a_beginning_of_the_run(good: bytes, tmp_path: Path) -> None:
    whole = [sample(n) for n in range(25)]
    kept = set()
    last = 0
    for length in range(len(good)):
        run = load(tmp_path, good[:length])
        ticks = run.ticks if run else 0
        assert ticks >= last
        last = ticks
        kept.add(ticks)
        if run:
            assert list(run.replies()) == whole[:ticks]
    assert kept == {0, 10, 20, 25}


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_flipped_bits_never_pass_for_the_run(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    flips = data.draw(
        st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 7)), min_size=1, max_size=4, unique=True)
    )
    altered = bytearray(good)
    for at, bit in flips:
        altered[at] ^= 1 << bit
    run = load(_folder(tmp_path_factory), bytes(altered))
    if run is not None:
        # the checksums leave two ways to be read: nothing that was lost was altered, or it was in the index
        assert list(run.replies()) == [sample(n) for n in range(run.ticks)]
        assert not run.complete or (run.ticks == 25 and run.info == INFO)


def _folder(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    return folder


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=400), magic=st.booleans())
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bool) -> None:
    assert load(_folder(tmp_path_factory), (MAGIC if magic else b"") + content) is None


@settings(deadline=None, max_examples=300)
@given(cuts=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=20)), max_size=4))
def test_spliced_bytes_are_read_or_refused(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, bytes]]
) -> None:
    content = good
    for at, new in cuts:
        content = content[:at] + new + content[at + len(new) // 2 :]
    load(_folder(tmp_path_factory), content)


@settings(deadline=None, max_examples=300)
@given(data=st.binary(max_size=200))
def test_any_chunk_and_any_event_is_read_or_a_value_error(data: bytes) -> None:
    for read in (
        lambda: list(chunk_items(data)),
        lambda: unpack_event(data),
        lambda: unpack_event(b"\0\1\0\0" + data),
    ):
        _read_or_value_error(read)


def _read_or_value_error(read: Callable[[], object]) -> None:
    with contextlib.suppress(ValueError):  # and nothing else
        read()


@settings(deadline=None, max_examples=150)
@given(
    metadata=st.dictionaries(
        st.sampled_from(sorted(info_to_metadata(INFO))),
        st.text(max_size=20) | st.sampled_from(["1e999", "NaN", "[" * 9000, "9" * 5000]),
        min_size=1,
        max_size=3,
    )
)
def test_any_information_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, metadata: dict[str, str]) -> None:
    load(_folder(tmp_path_factory), _file(metadata=info_to_metadata(INFO) | metadata))


def _file(*chunks: Chunk, metadata: dict[str, str] | None = None) -> bytes:
    out = RecordBuilder()
    out.write(MAGIC)
    Metadata("rfgen", info_to_metadata(INFO) if metadata is None else metadata).write(out)
    for chunk in chunks:
        chunk.write(out)
    return bytes(out.end())  # type: ignore[no-untyped-call]


def _refusal(folder: Path, content: bytes) -> str:
    path = folder / "hostile.mcap"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError) as caught:
            load_run(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024**2
    return caught.value.message


BOMB = bytes(300 * 1024**2)


@pytest.mark.parametrize("claimed", [16 * 1024**2, 1000, 300 * 1024**2])
@pytest.mark.parametrize("kind", ["lz4", "zstd"])
def test_a_chunk_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, kind: str, claimed: int) -> None:
    packed = lz4.frame.compress(BOMB) if kind == "lz4" else zstandard.compress(BOMB)
    assert len(packed) < 2 * 1024**2
    chunk = Chunk(kind, packed, 0, 0, 0, claimed)
    message = _refusal(tmp_path, _file(chunk))
    limit = "at most 16777216 are read" if claimed > 16 * 1024**2 else "not as long as it says"
    assert limit in message


def test_a_record_that_claims_too_much_is_not_read(tmp_path: Path) -> None:
    record = b"\x0c" + (2**40).to_bytes(8, "little") + b"rest"
    assert "exceeds limit 8388608" in _refusal(tmp_path, _file() + record)
    text = b"\x0c" + (40).to_bytes(8, "little") + (0xFFFFFFF0).to_bytes(4, "little") + b"rest" * 9
    assert "at most 8388608 are read" in _refusal(tmp_path, MAGIC + text)
    message = b"\x05" + (3).to_bytes(8, "little") + bytes(40)
    assert "damaged near byte" in _refusal(tmp_path, _file() + message)


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.mcap"
    with path.open("wb") as file:
        file.write(MAGIC)
        os.ftruncate(file.fileno(), 2 * 1024**3 + 1)
    with pytest.raises(RecordingError, match="2147483649 bytes; at most 2147483648 are read"):
        load_run(path)


def test_an_endless_run_of_tiny_records_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = b"\x7f" + (4).to_bytes(8, "little") + bytes(4)
    assert load(tmp_path, _file() + unknown * 300) is not None
    monkeypatch.setattr("rfgen.record.chunks.MOST_READS", 200)
    assert "it has more than 200 pieces" in _refusal(tmp_path, _file() + unknown * 300)


def test_what_is_not_there_or_not_a_recording_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="there is no such recording; give the folder of a run"):
        load_run(tmp_path / "none.mcap")
    with pytest.raises(RecordingError, match=r"run\.mcap: there is no such recording"):
        load_run(tmp_path)
    (tmp_path / "run.mcap").write_text("hello, this is not a recording")
    with pytest.raises(RecordingError, match="not a valid MCAP file"):
        load_run(tmp_path)
    foreign = io.BytesIO()
    writer = Writer(foreign)
    writer.start()
    writer.finish()  # type: ignore[no-untyped-call]
    assert _refusal(tmp_path, foreign.getvalue()) == "not a recording of rfgen: it does not say which run it holds"


def _with_tick(**changes: int) -> bytes:
    """A well-formed file, checksums and all, whose one tick holds values that no run has."""
    layout = tick_layout(2)
    values = [changes.get(field.name, 0) for field in layout.fields]
    raw = layout.packer.pack(b"\0\1\0\0", *values)
    return _written(("rfgen/msg/Tick", layout.text, "/tick", raw))


def _written(*said: tuple[str, str, str, bytes]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out, compression=CompressionType.ZSTD)
    writer.start()
    writer.add_metadata("rfgen", info_to_metadata(INFO))
    for name, text, topic, raw in said:
        schema = writer.register_schema(name, "ros2msg", text.encode())
        channel = writer.register_channel(topic, "cdr", schema)
        writer.add_message(channel, 0, raw, 0)
    writer.finish()  # type: ignore[no-untyped-call]
    return out.getvalue()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": 5}, "a tick in a state that does not exist"),
        ({"absent": 6}, "absent for a reason that does not exist"),
        ({"cmd_tick": 2**63}, "a tick beyond any run"),
    ],
)
def test_values_that_no_run_has_are_refused(tmp_path: Path, changes: dict[str, int], said: str) -> None:
    assert load(tmp_path, _with_tick()) is not None
    assert said in _refusal(tmp_path, _with_tick(**changes))


@pytest.mark.parametrize("data", ["[1]", "{", '{"a":' * 100_000, "9" * 5000])
def test_an_event_whose_data_is_not_an_object_is_refused(tmp_path: Path, data: str) -> None:
    raw = pack_event(0, 0, "note", "", data)
    assert "event 0 is damaged" in _refusal(tmp_path, _written(("rfgen/msg/Event", EVENT_TEXT, "/event", raw)))


def test_a_chunk_without_a_checksum_still_has_to_fit(tmp_path: Path) -> None:
    inside = b"\x05" + (500).to_bytes(8, "little") + b"short"
    chunk = Chunk("", inside, 0, 0, zlib.crc32(inside), len(inside))
    assert "a record longer than its chunk" in _refusal(tmp_path, _file(chunk))
    chunk = Chunk("", inside, 0, 0, 1, len(inside))
    assert "a chunk whose checksum is wrong" in _refusal(tmp_path, _file(chunk))
    chunk = Chunk("brotli", inside, 0, 0, 0, len(inside))
    assert "unknown compression 'brotli'" in _refusal(tmp_path, _file(chunk))
