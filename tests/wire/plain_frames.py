"""Frames once more, written from the contract alone and as plainly as can be, to hold the product's against."""

from __future__ import annotations

import zlib


def plain_cobs(data: bytes) -> bytes:
    """Stuffed, for data of at most 253 bytes: no run reaches the longest block."""
    out = bytearray()
    for part in data.split(b"\0"):
        out.append(len(part) + 1)
        out += part
    return bytes(out)


def plain_uncobs(data: bytes) -> bytes | None:
    """The data again; None where it is no stuffing of any, as far as 250 bytes go."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        block = data[at + 1 : at + code]
        if len(block) != code - 1 or code == 255:
            return None
        out += block
        at += code
        if at < len(data):
            out.append(0)
    return bytes(out)


def plain_frame(payload: bytes) -> bytes:
    """A whole frame with its zero."""
    return plain_cobs(payload + zlib.crc32(payload).to_bytes(4, "little")) + b"\0"


def plain_payload(encoded: bytes) -> bytes | None:
    """What stood between two zeros; None where it is no frame."""
    if len(encoded) > 251:
        return None
    raw = plain_uncobs(encoded)
    if raw is None or len(raw) < 10 or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        return None
    return raw[:-4]


def plain_stream(data: bytes) -> tuple[list[bytes], int]:
    """The payloads of a stream, and how many bad frames ended in it."""
    *ended, _ = data.split(b"\0")
    found = [plain_payload(part) for part in ended if part]
    return [payload for payload in found if payload is not None], found.count(None)
