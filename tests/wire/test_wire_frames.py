"""Frames: round trip, damage, finding the way back, and whatever a line may send."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_frames import plain_frame, plain_stream

from hal.wire import FrameDecoder, decode_frame, encode_frame

payloads = st.binary(min_size=6, max_size=246)


def fed(data: bytes, sizes: list[int]) -> tuple[list[bytes], int, FrameDecoder]:
    """Payloads and bad frames of `data`, fed in pieces of these sizes over and over."""
    decoder = FrameDecoder()
    found: list[bytes | None] = []
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        found += decoder.feed(data[at : at + size])
        assert decoder.begun <= 251
        at, turn = at + size, turn + 1
    assert decoder.bad_frames == found.count(None)
    return [payload for payload in found if payload is not None], decoder.bad_frames, decoder


@settings(deadline=None)
@given(payloads)
def test_a_payload_comes_back_and_its_frame_is_the_plain_one(payload: bytes) -> None:
    frame = encode_frame(payload)
    assert frame == plain_frame(payload)
    assert frame.count(0) == 1
    assert len(frame) == len(payload) + 6 <= 252
    assert decode_frame(frame[:-1]) == payload


def test_a_worked_frame() -> None:
    # HELLO on link 0x1234, seq 1; the CRC of 01 01 34 12 01 00 is 0x3E0E721F by any CRC-32 calculator
    assert encode_frame(bytes.fromhex("010134120100")).hex() == "060101341201051f720e3e00"
    with pytest.raises(ValueError, match="a payload of 5 bytes: a frame holds 6 to 246"):
        encode_frame(b"12345")
    with pytest.raises(ValueError, match="a payload of 247 bytes"):
        encode_frame(bytes(247))


@settings(deadline=None, max_examples=300)
@given(payloads, st.data())
def test_any_burst_of_damage_is_found_and_counted_once(payload: bytes, data: st.DataObject) -> None:
    """A CRC-32 finds every burst within 32 bits: here in the stuffed bytes, and never making a zero."""
    frame = bytearray(encode_frame(payload))
    at = data.draw(st.integers(0, len(frame) - 2))
    damage = data.draw(st.integers(1, 255).filter(lambda x: frame[at] != x))
    frame[at] ^= damage
    good = plain_frame(b"sound frame")
    found, bad, _ = fed(bytes(frame) + good, [len(frame) + len(good)])
    assert found == [b"sound frame"]
    assert bad == 1


@settings(deadline=None, max_examples=300)
@given(payloads, st.data())
def test_a_frame_cut_anywhere_is_bad_and_the_next_is_sound(payload: bytes, data: st.DataObject) -> None:
    frame = encode_frame(payload)
    keep = data.draw(st.integers(1, len(frame) - 2))
    found, bad, _ = fed(frame[:keep] + b"\0" + frame, [7])
    assert (found, bad) == ([payload], 1)
    # its own zero lost too: both run into each other, and the one after is sound
    found, bad, _ = fed(frame[:keep] + frame + frame, [7])
    assert (found, bad) == ([payload], 1)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(payloads.map(plain_frame), st.binary(max_size=600), st.just(b"\0"), st.just(b"\0\0\0")), max_size=12
    ),
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
)
def test_it_does_not_matter_how_a_stream_is_cut_into_pieces(parts: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(parts)
    found, bad, _ = fed(stream, sizes)
    assert (found, bad) == plain_stream(stream)


def test_empty_frames_are_nothing() -> None:
    assert fed(b"\0" * 100 + plain_frame(b"sound frame") + b"\0\0", [3])[:2] == ([b"sound frame"], 0)


@pytest.mark.parametrize("payload_bytes", [5, 247])
def test_a_frame_too_short_or_too_long_is_bad_though_its_crc_holds(payload_bytes: int) -> None:
    frame = plain_frame(b"x" * payload_bytes)
    assert fed(frame, [1000])[:2] == ([], 1)
    assert fed(frame, [1])[:2] == ([], 1)


def test_a_line_that_never_sends_a_zero_takes_no_memory() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"x" * 4096)
    tracemalloc.start()
    for _ in range(2000):
        assert decoder.feed(b"x" * 4096) == []
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 20_000
    assert decoder.feed(b"\0" + plain_frame(b"sound frame")) == [None, b"sound frame"]
    assert decoder.bad_frames == 1


def test_what_had_begun_is_forgotten() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"x" * 100)
    decoder.forget()
    assert decoder.feed(plain_frame(b"sound frame")) == [b"sound frame"]
    decoder.feed(b"x" * 1000)
    decoder.forget()
    assert decoder.feed(plain_frame(b"sound frame")) == [b"sound frame"]
    assert decoder.bad_frames == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_million_random_bytes_are_counted_to_the_frame(seed: int) -> None:
    """Bytes as noise has them, then with zeros so thick that short chunks abound, then damaged real frames."""
    random_ = random.Random(seed)
    noise = random_.randbytes(400_000)
    thick = bytes(random_.choice((0, 1, 2, 3, 255)) for _ in range(200_000))
    frames = bytearray()
    while len(frames) < 400_000:
        frame = bytearray(plain_frame(random_.randbytes(random_.randint(6, 246))))
        if random_.random() < 0.5:
            frame[random_.randrange(len(frame))] = random_.randrange(256)
        frames += frame
    stream = noise + thick + bytes(frames)
    assert len(stream) >= 1_000_000
    found, bad, _ = fed(stream, [random_.randint(1, 5000) for _ in range(50)])
    plain_found, plain_bad = plain_stream(stream)
    assert (found, bad) == (plain_found, plain_bad), f"seed {seed}"
    assert len(found) > 1000
