"""A slice of `make fuzz`: no sample is invented, bad frames are counted exactly, memory is bounded."""

from __future__ import annotations

import pytest

from evidence.fuzz_host import fuzz
from hal import serialrig
from hal.wire import FrameDecoder


def test_a_million_bytes_bring_no_sample_but_the_true_ones() -> None:
    told = fuzz(1_000_000, seed=7)
    assert told.problems == []
    assert told.sent >= 1_000_000
    assert told.samples > 50
    assert told.absences > 100
    assert told.errors > 3
    assert told.bad_frames == told.bad_frames_due > 5000


def test_a_host_that_takes_any_kind_for_its_reply_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    is_reply = serialrig._is_reply
    monkeypatch.setattr(serialrig, "_is_reply", lambda *of: of[0] != 0xFF or is_reply(*of))
    assert fuzz(300_000, seed=7).problems


def test_a_decoder_that_counts_empty_frames_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FrameDecoder.feed

    def feed_and_count(self: FrameDecoder, data: bytes) -> list[bytes | None]:
        self.bad_frames += b"\0\0" in data
        return feed(self, data)

    monkeypatch.setattr(FrameDecoder, "feed", feed_and_count)
    assert "bad frames counted" in fuzz(100_000, seed=7).problems[-1]
