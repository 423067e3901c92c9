"""Rigs that are wrong in repetition, order or links."""

from __future__ import annotations

import struct

from broken import found_by

from hal.serveprotocol import RigProtocol
from hal.wiremessages import ErrorCode, Exchange, Header, Kind


@found_by("repeats-reply", "repeats-no-act", "watchdog-repeats")
class RepetitionsAreExecutedAgain(RigProtocol):
    now_us = 0

    def request(self, payload: bytes, now_us: int) -> bytes | None:
        self.now_us = now_us
        return super().request(payload, now_us)

    def repeated(self, header: Header, payload: bytes) -> bytes:
        if payload != self.last_request:
            return super().repeated(header, payload)
        reply = self.obey(header, payload[6:], self.now_us)
        self.remember(header, payload, reply)
        return reply


@found_by("repeats-no-act", "watchdog-repeats")
class RepetitionsAreExecutedAgainBehindTheStoredReply(RepetitionsAreExecutedAgain):
    def repeated(self, header: Header, payload: bytes) -> bytes:
        stored = self.last_reply
        super().repeated(header, payload)
        if payload == self.last_request:
            self.last_reply = stored
            return stored
        return super().repeated(header, payload)


@found_by("repeats-no-change")
class RepetitionsSwitchOff(RigProtocol):
    def repeated(self, header: Header, payload: bytes) -> bytes:
        self.switch_off()
        return super().repeated(header, payload)


@found_by("same-number", "hello-any-number", "errors-stored", "order")
class TheLastNumberGetsTheStoredReplyWhateverIsAsked(RigProtocol):
    def repeated(self, header: Header, payload: bytes) -> bytes:
        return self.last_reply


@found_by("old-number", "rf-off-delayed", "order")
class OldNumbersAreTaken(RigProtocol):
    def request(self, payload: bytes, now_us: int) -> bytes | None:
        link, seq = struct.unpack_from("<HH", payload, 2)
        if payload[0] == 1 and payload[1] not in (1, 4) and link == self.link and seq != self.last_seq:
            self.last_seq = (seq - 1) % 65536
        return super().request(payload, now_us)


@found_by("number-wraps", "old-number")
class NumbersDoNotWrap(RigProtocol):
    def request(self, payload: bytes, now_us: int) -> bytes | None:
        version, kind, link, seq = struct.unpack_from("<BBHH", payload)
        if (version, link) == (1, self.link) and kind in (2, 3, 5) and seq < self.last_seq:
            return self.error(Header(version, kind, link, seq), ErrorCode.OLD_SEQUENCE)
        if (version, link) == (1, self.link) and kind in (2, 3, 5) and seq - self.last_seq > 32767:
            self.last_seq = seq - 1
        return super().request(payload, now_us)


@found_by("errors-stored")
class ErrorsAreNotStored(RigProtocol):
    def remember(self, header: Header, payload: bytes, reply: bytes) -> None:
        if reply[2:3] != b"\xff":
            super().remember(header, payload, reply)


@found_by("errors-unstored")
class EarlyErrorsAreStored(RigProtocol):
    def error(self, header: Header, code: ErrorCode) -> bytes:
        if code in (ErrorCode.NO_SUCH_LINK, ErrorCode.VERSION) and header.kind == Kind.EXCHANGE and self.link:
            self.last_seq = header.seq
        return super().error(header, code)


@found_by("version")
class TheLinkIsLookedAtBeforeTheVersion(RigProtocol):
    def request(self, payload: bytes, now_us: int) -> bytes | None:
        version, kind, link, seq = struct.unpack_from("<BBHH", payload)
        if 0 < kind < 0x7F and kind not in (1, 4) and link not in (self.link, self.ended_link):
            return self.error(Header(version, kind, link, seq), ErrorCode.NO_SUCH_LINK)
        return super().request(payload, now_us)


@found_by("order")
class ValuesAreLookedAtBeforeTheConfiguration(RigProtocol):
    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        if self.config is None and len(body) == 14 and Exchange.parse(body).power_w < 0.0:
            return self.error(header, ErrorCode.VALUE_REFUSED)
        return super().exchange(header, body, now_us)


@found_by("link-needed", "link-replaced", "order", "bye")
class AnyLinkIsServed(RigProtocol):
    def request(self, payload: bytes, now_us: int) -> bytes | None:
        version, kind, link = struct.unpack_from("<BBH", payload)
        if version == 1 and kind in (2, 3, 5) and link:
            self.link, self.ended_link = link, 0
        return super().request(payload, now_us)


@found_by("hello-unconfigures")
class HelloKeepsTheConfiguration(RigProtocol):
    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        config = self.config
        reply = super().hello(header, body, payload, now_us)
        if config is not None:
            self.works.configure(config)
        self.config = config
        return reply


@found_by("hello-resets-count")
class HelloKeepsTheCount(RigProtocol):
    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        count = self.bad_frames
        reply = super().hello(header, body, payload, now_us)
        self.bad_frames = count
        return reply


@found_by("bye-repeats")
class ByeIsNotRepeated(RigProtocol):
    def bye(self, header: Header) -> bytes:
        reply = super().bye(header)
        self.ended_link = 0
        return reply


@found_by("bye")
class ByeKeepsTheLink(RigProtocol):
    def bye(self, header: Header) -> bytes:
        config = self.config
        reply = super().bye(header)
        self.link, self.ended_link, self.config = header.link, 0, config
        if config is not None:
            self.works.configure(config)
        return reply


@found_by("echo")
class ErrorsNameTheLinkInForce(RigProtocol):
    def error(self, header: Header, code: ErrorCode) -> bytes:
        return super().error(header._replace(link=self.link or header.link), code)
