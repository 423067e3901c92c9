"""Rigs that read frames wrongly."""

from __future__ import annotations

import zlib
from typing import Any

from broken import found_by
from cobs import cobs

from hal.serveprotocol import RigProtocol
from hal.wire import FrameDecoder
from hal.wiremessages import Kind, message

UNCOUNTED = ("damage-counted", "frame-lengths", "no-request", "resynchronises")


class _Careless(FrameDecoder):
    """Looks at no CRC."""

    def feed(self, data: bytes) -> list[bytes | None]:
        found: list[bytes | None] = []
        for part in self._split(data):
            try:
                raw = cobs.decode(part)
            except cobs.DecodeError:
                raw = b""
            found.append(raw[:-4] if 10 <= len(raw) <= 250 and len(part) <= 251 else None)
        return found

    def _split(self, data: bytes) -> list[bytes]:
        *whole, self._begun = (self._begun + data).split(b"\0")
        return [part for part in whole if part]


@found_by("damage-ignored", "damage-counted", "watchdog-noise")
class DamagedFramesAreActedOn(RigProtocol):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.decoder = _Careless()


@found_by(*UNCOUNTED)
class BadFramesAreNotCounted(RigProtocol):
    def bad_frame(self) -> bytes | None:
        return None


@found_by("damage-counted", "frame-lengths", "no-request", "resynchronises")
class BadFramesCountTwice(RigProtocol):
    def bad_frame(self) -> bytes | None:
        self.bad_frames += 1
        return super().bad_frame()


@found_by("damage-counted", "damage-ignored", "frame-lengths", "no-request")
class BadFramesAreAnswered(RigProtocol):
    def bad_frame(self) -> bytes | None:
        super().bad_frame()
        return message(Kind.ERROR, self.link, 0, b"\0\3")


@found_by("empty-frames")
class EmptyFramesAreCounted(RigProtocol):
    def receive(self, data: bytes, now_us: int) -> bytes:
        reply = super().receive(data, now_us)
        if b"\0\0" in data and len(data) != 9:
            self.bad_frames += data.count(b"\0") - 1
        return reply


class _AnyLength(FrameDecoder):
    """Looks at the CRC alone."""

    def feed(self, data: bytes) -> list[bytes | None]:
        *whole, self._begun = (self._begun + data).split(b"\0")
        found: list[bytes | None] = []
        for part in filter(None, whole):
            try:
                raw = cobs.decode(part)
            except cobs.DecodeError:
                raw = b""
            sound = len(raw) >= 10 and zlib.crc32(raw[:-4]) == int.from_bytes(raw[-4:], "little")
            found.append(raw[:-4] if sound else None)
        return found


@found_by("frame-lengths")
class FramesTooLongAreTaken(RigProtocol):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.decoder = _AnyLength()


class _Overrun(FrameDecoder):
    """Past its buffer it waits for two zeros."""

    skip = False

    def feed(self, data: bytes) -> list[bytes | None]:
        found = super().feed(data)
        if self.skip and found:
            found, self.skip = found[1:], False
        self.skip = self.skip or len(data) > 1000
        return found


@found_by("frame-lengths")
class AnOverlongFrameTakesTheNextWithIt(RigProtocol):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.decoder = _Overrun()


@found_by("longest-frame")
class TheBufferIsTooSmall(RigProtocol):
    def receive(self, data: bytes, now_us: int) -> bytes:
        return super().receive(data if len(data) != 252 else b"\x01\0", now_us)


@found_by("pieces", "resynchronises")
class WhatIsReadIsTakenForAWholeFrame(RigProtocol):
    def receive(self, data: bytes, now_us: int) -> bytes:
        reply = super().receive(data, now_us)
        self.decoder.forget()
        return reply


@found_by("two-at-once")
class OnlyTheLastOfTwoIsAnswered(RigProtocol):
    def receive(self, data: bytes, now_us: int) -> bytes:
        replies = super().receive(data, now_us)
        return replies[:-1].rpartition(b"\0")[2] + b"\0" if replies else b""


@found_by("no-request")
class RepliesAreTakenForRequests(RigProtocol):
    def request(self, payload: bytes, now_us: int) -> bytes | None:
        if payload[1] == 0x83:
            return None
        return super().request(payload, now_us)


@found_by("one-reply")
class AnswersTwice(RigProtocol):
    def request(self, payload: bytes, now_us: int) -> bytes | None:
        reply = super().request(payload, now_us)
        return None if reply is None else reply + reply
