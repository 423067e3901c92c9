"""Requests down a line and replies up, with account kept of what came otherwise than it was asked for.

Whatever is concluded from time is concluded from bounds: a reply was made after its request was sent and before it was
received, however late this host was about either.
"""

from __future__ import annotations

import struct

from hal.rigcheck.answers import Answer, named, said
from hal.rigcheck.port import Transport
from hal.wire import FrameDecoder, encode_frame
from hal.wiremessages import HEADER_BYTES, VERSION, Kind, parse_header

REPLY_S = 3.0
"""A rig that has not answered by then does not answer."""


class Line:
    """The frames of one host."""

    def __init__(self, wire: Transport) -> None:
        self.wire = wire
        self.link = 0
        self.seq = 0
        self.round_trip_s = 0.0
        self.strays: list[str] = []
        """Frames that answer nothing."""
        self.after_noise: list[str] = []
        """Frames that came after what no reply is due to, ahead of the next reply."""
        self.misechoed: list[str] = []
        """Replies whose header is not that of their request."""
        self._noisy = False
        self._decoder = FrameDecoder()

    def ask(
        self,
        kind: int,
        body: bytes = b"",
        *,
        link: int | None = None,
        seq: int | None = None,
        version: int = VERSION,
        wait_s: float = REPLY_S,
        ahead: bytes = b"",
    ) -> Answer | None:
        """One request as told, and its reply; None where nothing came."""
        link = self.link if link is None else link
        seq = self.seq if seq is None else seq
        return self.ask_raw(struct.pack("<BBHH", version, kind, link, seq) + body, wait_s=wait_s, ahead=ahead)

    def request(self, kind: int, body: bytes = b"", *, link: int | None = None) -> Answer | None:
        """The next request of this link."""
        self.seq = (self.seq + 1) % 65536
        return self.ask(kind, body, link=link)

    def ask_raw(
        self, payload: bytes, *, wait_s: float = REPLY_S, ahead: bytes = b"", behind: bytes = b""
    ) -> Answer | None:
        """This payload as a frame, and its reply. One with another header counts if no better comes."""
        self.drain()
        sent_s = self.wire.now_s()
        self.wire.write(ahead + encode_frame(payload) + behind)
        return self.await_reply(payload, sent_s, wait_s)

    def await_reply(self, payload: bytes, sent_s: float, wait_s: float = REPLY_S) -> Answer | None:
        """The reply to what was sent before."""
        asked = parse_header(payload)
        until_s = sent_s + wait_s
        found: Answer | None = None
        others: list[Answer] = []
        while found is None:
            now_s = self.wire.now_s()
            frames = self._decoder.feed(self.wire.read(max(0.0, until_s - now_s)))
            got_s = self.wire.now_s()
            for frame in frames:
                if frame is None:
                    continue
                header = parse_header(frame)
                answer = Answer(header.kind, header.link, header.seq, frame[HEADER_BYTES:], frame, sent_s, got_s)
                echoes = (header.version, header.link, header.seq) == (VERSION, asked.link, asked.seq)
                if found is not None:
                    self.strays.append(f"{said(answer)} behind {said(found)}")
                elif echoes and header.kind in (asked.kind | 0x80, Kind.ERROR):
                    found = answer
                else:
                    others.append(answer)
                    until_s = min(until_s, got_s + max(0.05, 5 * self.round_trip_s))
            if now_s >= until_s and found is None:  # and it was read once more since
                break
        if found is None and others:
            found = others.pop()
            if (found.link, found.seq) != (asked.link, asked.seq):
                self.misechoed.append(
                    f"to {named(asked.kind)} of link {asked.link} and seq {asked.seq}: {said(found)} of link "
                    f"{found.link} and seq {found.seq}"
                )
        unasked = self.after_noise if self._noisy else self.strays
        unasked += [f"{said(other)} ahead of {said(found)}" for other in others]
        self._noisy = False
        return found

    def drain(self, wait_s: float = 0.0) -> int:
        """Take what has come unasked; how many frames. With `wait_s`, listen for so long."""
        until_s = self.wire.now_s() + wait_s
        count = 0
        while True:
            now_s = self.wire.now_s()
            data = self.wire.read(max(0.0, until_s - now_s))
            for frame in self._decoder.feed(data):
                if frame is not None:
                    unasked = self.after_noise if self._noisy else self.strays
                    unasked.append(f"{named(parse_header(frame).kind)} unasked")
                    count += 1
            if now_s >= until_s and not data:
                return count

    def send(self, data: bytes) -> None:
        """Bytes that no reply is due to."""
        self.drain()
        self.wire.write(data)
        self._noisy = True

    @property
    def damaged(self) -> int:
        """Frames from the rig that came damaged."""
        return self._decoder.bad_frames
