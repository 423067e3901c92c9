"""Frames on the line: COBS( payload + CRC-32 ) 00, both ways.

A zero byte ends a frame and never stands inside one, so a receiver that has lost its place finds it again at the next
zero. Whatever is not a whole valid frame changes nothing and is counted. What a payload says is in
`hal.wiremessages`.

COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999; the
`cobs` package does it. The CRC is CRC-32/ISO-HDLC, which is zlib's.
"""

from __future__ import annotations

import zlib

from cobs import cobs

LEAST_PAYLOAD = 6
"""A header alone."""
MOST_PAYLOAD = 246
MOST_FRAME = MOST_PAYLOAD + 6
"""Payload, CRC (4), COBS (1 for a frame this short), and the zero at its end."""
_CRC = 4
_MOST_ENCODED = MOST_FRAME - 1


def encode_frame(payload: bytes) -> bytes:
    """The bytes on the line, the ending zero included. Raises ValueError for a payload that no frame holds."""
    if not LEAST_PAYLOAD <= len(payload) <= MOST_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes: a frame holds {LEAST_PAYLOAD} to {MOST_PAYLOAD}")
    encoded: bytes = cobs.encode(payload + zlib.crc32(payload).to_bytes(4, "little"))
    return encoded + b"\0"


def decode_frame(encoded: bytes) -> bytes | None:
    """The payload of what stood before a zero; None where it is no valid frame."""
    if len(encoded) > _MOST_ENCODED:
        return None
    try:
        raw: bytes = cobs.decode(encoded)
    except cobs.DecodeError:
        return None
    payload = raw[:-_CRC]
    if len(payload) < LEAST_PAYLOAD or zlib.crc32(payload) != int.from_bytes(raw[-_CRC:], "little"):
        return None
    return payload


class FrameDecoder:
    """Takes bytes as they come, in pieces of any size; gives whole frames. Keeps at most one frame in memory."""

    def __init__(self) -> None:
        self.bad_frames = 0
        """How many bad frames have ended since this was made; an empty frame is none."""
        self._begun = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """What ended within `data`, in order: a frame's payload, or None for a bad frame."""
        if 0 not in data:
            self._keep(data)
            return []
        first, *rest = data.split(b"\0")
        self._keep(first)
        *whole, last = [self._begun, *rest]
        found: list[bytes | None] = []
        if self._too_long:
            found.append(None)
            del whole[0]
        for encoded in whole:
            if encoded:
                found.append(decode_frame(encoded))
        self._begun, self._too_long = b"", False
        self._keep(last)
        self.bad_frames += found.count(None)
        return found

    def forget(self) -> None:
        """Drop what has begun and not ended: the line was opened anew."""
        self._begun, self._too_long = b"", False

    @property
    def begun(self) -> int:
        """Bytes kept of a frame that has not ended."""
        return len(self._begun)

    @property
    def within(self) -> bool:
        """Something has come since the last zero."""
        return self._too_long or bool(self._begun)

    def _keep(self, data: bytes) -> None:
        if self._too_long:
            return
        if len(self._begun) + len(data) > _MOST_ENCODED:
            # it can be no frame any more: what matters is where it ends
            self._begun, self._too_long = b"", True
        else:
            self._begun += data
