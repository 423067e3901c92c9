"""Rigs that are broken, each in one way, and the checks that must find it: these, and no other."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from cobs import cobs

from hal import Command, Sample
from hal.serveprotocol import RigProtocol
from hal.wire import FrameDecoder
from hal.wiremessages import RF_ON, Configuration, ErrorCode, Exchange, Header, Kind, Refusal, message


class BrokenRig(NamedTuple):
    """One of them."""

    make: Callable[..., RigProtocol]
    found_by: frozenset[str]


BROKEN: dict[str, BrokenRig] = {}


def found_by(*checks: str) -> Callable[[type[RigProtocol]], type[RigProtocol]]:
    """Lists the rig with the checks that must find it."""

    def take(rig: type[RigProtocol]) -> type[RigProtocol]:
        BROKEN[rig.__name__] = BrokenRig(rig, frozenset(checks))
        return rig

    return take


WATCHDOG_GONE = ("watchdog-in-time", "watchdog-own-timer", "watchdog-latched", "watchdog-repeats", "watchdog-noise")
UNCOUNTED = ("damage-counted", "frame-lengths", "no-request", "resynchronises")

# --- watchdog -------------------------------------------------------------------------------------------------------


@found_by(*WATCHDOG_GONE)
class WatchdogNeverFires(RigProtocol):
    def watchdog_due_us(self) -> int | None:
        return None


@found_by(*WATCHDOG_GONE)
class WatchdogIgnoresWhatWasConfigured(RigProtocol):
    def watchdog_due_us(self) -> int | None:
        return self.fed_us + 1000 * self.info.watchdog_max_ms if self.rf_on else None


@found_by("watchdog-own-timer")
class WatchdogLooksOnlyWhenAFrameComes(RigProtocol):
    def poll(self, now_us: int) -> None:
        self.pass_time(now_us)

    def receive(self, data: bytes, now_us: int) -> bytes:
        self.pass_time(now_us)
        due_us = self.watchdog_due_us()
        if due_us is not None and now_us >= due_us:
            self.watchdog_fires()
        return super().receive(data, now_us)


@found_by("watchdog-in-time", "watchdog-own-timer")
class WatchdogTakesTwiceItsTime(RigProtocol):
    def watchdog_due_us(self) -> int | None:
        due_us = super().watchdog_due_us()
        return None if due_us is None else 2 * due_us - self.fed_us


@found_by("watchdog-repeats")
class WatchdogFedByRepetitions(RigProtocol):
    now_us = 0

    def request(self, payload: bytes, now_us: int) -> bytes | None:
        self.now_us = now_us
        return super().request(payload, now_us)

    def repeated(self, header: Header, payload: bytes) -> bytes:
        self.fed_us = self.now_us
        return super().repeated(header, payload)


@found_by("watchdog-noise")
class WatchdogFedByBadFrames(RigProtocol):
    def receive(self, data: bytes, now_us: int) -> bytes:
        self.poll(now_us)
        bad = self.bad_frames
        reply = super().receive(data, now_us)
        if self.bad_frames > bad:
            self.fed_us = now_us
        return reply


@found_by("watchdog-repeats", "watchdog-noise")
class WatchdogFedByAnyByte(RigProtocol):
    def receive(self, data: bytes, now_us: int) -> bytes:
        self.poll(now_us)
        self.fed_us = now_us
        return super().receive(data, now_us)


@found_by("watchdog-off", "watchdog-rf-off")
class WatchdogRunsWithRfOff(RigProtocol):
    def watchdog_due_us(self) -> int | None:
        return None if self.config is None or not self.fed_us else self.fed_us + 1000 * self.config.watchdog_ms

    def poll(self, now_us: int) -> None:
        due_us = self.watchdog_due_us()
        if due_us is not None and now_us >= due_us and not self.trip:
            self.watchdog_fires()
        super().poll(now_us)

    def configure(self, header: Header, body: bytes) -> bytes:
        self.fed_us = 0
        return super().configure(header, body)


@found_by("watchdog-from-on")
class WatchdogRunsFromTheExchangeBefore(RigProtocol):
    before_us = 0

    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        was_on = self.rf_on
        before_us, self.before_us = self.before_us or now_us, now_us
        sample = super().drive(asked, now_us)
        if self.rf_on and not was_on:
            self.fed_us = before_us
        return sample

    def configure(self, header: Header, body: bytes) -> bytes:
        self.before_us = 0
        return super().configure(header, body)


@found_by("watchdog-latched")
class WatchdogForgottenByTheNextExchange(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        if self.trip == 1:
            self.trip, self.watchdog_tripped = 0, False
        return sample


@found_by("watchdog-latched")
class WatchdogForgottenAtRfOff(RigProtocol):
    def asked_off(self, header: Header, payload: bytes) -> bytes:
        if self.trip == 1:
            self.trip, self.watchdog_tripped = 0, False
        return super().asked_off(header, payload)


@found_by("watchdog-latched")
class WatchdogForgottenAtConfigure(RigProtocol):
    def configure(self, header: Header, body: bytes) -> bytes:
        if self.trip == 1:
            self.trip, self.watchdog_tripped = 0, False
        return super().configure(header, body)


@found_by("watchdog-cleared")
class WatchdogStaysTrippedAfterHello(RigProtocol):
    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        tripped = self.watchdog_tripped
        reply = super().hello(header, body, payload, now_us)
        self.watchdog_tripped = tripped
        return reply


# --- RF -------------------------------------------------------------------------------------------------------------


class _StaysOn(RigProtocol):
    """RF that is on stays on through what is done while `keeping`."""

    keeping = False

    def switch_off(self) -> Sample | None:
        return None if self.keeping else super().switch_off()


@found_by("hello-off")
class RfOnAfterHello(_StaysOn):
    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        if body or not header.link:
            return super().hello(header, body, payload, now_us)
        rf_on, idle = self.rf_on, self.works.idle
        self.keeping = True
        self.works.idle = lambda: None  # type: ignore[method-assign]
        try:
            return super().hello(header, body, payload, now_us)
        finally:
            self.keeping = False
            self.works.idle = idle  # type: ignore[method-assign]
            self.rf_on = rf_on


@found_by("rf-comes")
class RfNeverComes(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        self.works.rf_off()
        return sample


@found_by("rf-comes")
class TheOffKeyIsOverlooked(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        if self.rf_on and asked.rf_key != RF_ON:
            asked = asked._replace(rf_key=RF_ON, power_w=0.8)
        return super().drive(asked, now_us)


@found_by("configure-off")
class ConfiguringAgainBringsThePowerBack(RigProtocol):
    def configure(self, header: Header, body: bytes) -> bytes:
        again = self.config is not None and not self.trip and not self.rf_on
        reply = super().configure(header, body)
        if again and self.config is not None and body[8:12] == struct.pack("<f", 90.0):
            self.works.exchange(Command(0, True, 0.8, 0.0), 0)
        return reply


@found_by("errors-off")
class ErrorsLeaveRfOn(RigProtocol):
    def error(self, header: Header, code: ErrorCode) -> bytes:
        return message(Kind.ERROR, header.link, header.seq, Refusal(header.kind, code).pack())


@found_by("errors-off")
class ErrorTwoLeavesRfOn(RigProtocol):
    def error(self, header: Header, code: ErrorCode) -> bytes:
        if code == ErrorCode.NO_SUCH_LINK:
            return message(Kind.ERROR, header.link, header.seq, Refusal(header.kind, code).pack())
        return super().error(header, code)


@found_by("rf-off-delayed")
class DelayedExchangeUndoesRfOff(RigProtocol):
    def asked_off(self, header: Header, payload: bytes) -> bytes:
        kept = self.last_seq, self.last_request, self.last_reply
        reply = super().asked_off(header, payload)
        self.last_seq, self.last_request, self.last_reply = kept
        return reply


@found_by("rf-off")
class RfOffOfAnotherLinkIsAnsweredAndNotObeyed(_StaysOn):
    def asked_off(self, header: Header, payload: bytes) -> bytes:
        self.keeping = header.link != self.link
        try:
            return super().asked_off(header, payload)
        finally:
            self.keeping = False


@found_by("rf-off")
class RfOffTellsTheCommandBefore(RigProtocol):
    def asked_off(self, header: Header, payload: bytes) -> bytes:
        was_on = self.rf_on
        super().asked_off(header, payload)
        reply = self.reply(header, bytes([0x48 | was_on]))
        if self.last_request == payload:
            self.last_reply = reply
        return reply


@found_by("rf-off-only")
class RfOffUnconfigures(RigProtocol):
    def asked_off(self, header: Header, payload: bytes) -> bytes:
        self.config = None
        return super().asked_off(header, payload)


@found_by("rf-off-only")
class RfOffTakesTheLink(RigProtocol):
    def asked_off(self, header: Header, payload: bytes) -> bytes:
        reply = super().asked_off(header, payload)
        self.link = header.link
        return reply


@found_by("next-interval")
class TheSampleIsOfTheCommandItCarries(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        return None if sample is None else sample._replace(rf_on=self.rf_on)


@found_by("temperature-limit", "latched")
class NoTemperatureLimit(RigProtocol):
    def causes_in(self, sample: Sample) -> list[int]:
        return [cause for cause in super().causes_in(sample) if cause != 2]


@found_by("latched")
class CausesAreNotLatched(RigProtocol):
    def hold_off(self, cause: int) -> None:
        super().hold_off(cause)
        if cause != 1:
            self.trip = 0


@found_by("unlatched")
class CausesAreLatchedWithRfOff(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        if self.cause:
            self.hold_off(self.cause)
        return sample


# --- frames ---------------------------------------------------------------------------------------------------------


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


# --- repetition, order, links ---------------------------------------------------------------------------------------


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


# --- values ---------------------------------------------------------------------------------------------------------


@found_by("power-refuses")
class PowerIsClamped(RigProtocol):
    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        if len(body) == 14 and self.config is not None:
            power_w = struct.unpack_from("<f", body, 6)[0]
            power_w = min(max(power_w, 0.0), self.config.power_limit_w) if power_w == power_w else 0.0
            body = body[:6] + struct.pack("<f", power_w) + body[10:]
        return super().exchange(header, body, now_us)


@found_by("configure-refuses")
class ConfigureIsClamped(RigProtocol):
    def configure(self, header: Header, body: bytes) -> bytes:
        if len(body) == 14:
            asked = Configuration.parse(body)
            body = asked._replace(power_limit_w=min(asked.power_limit_w, self.info.max_power_w)).pack()
        return super().configure(header, body)


@found_by("configure-reads-back")
class ConfigureIsRounded(RigProtocol):
    def configure(self, header: Header, body: bytes) -> bytes:
        if len(body) == 14:
            asked = Configuration.parse(body)
            if 1.0 < asked.temperature_limit_c < 150.0:
                body = asked._replace(temperature_limit_c=float(round(asked.temperature_limit_c))).pack()
        return super().configure(header, body)


@found_by("unconfigures")
class ARefusedConfigureLeavesTheOldOne(RigProtocol):
    def configure(self, header: Header, body: bytes) -> bytes:
        config = self.config
        reply = super().configure(header, body)
        if self.config is None and config is not None:
            self.works.configure(config)
            self.config = config
        return reply


@found_by("configure-not-now", "order")
class ConfigureIsTakenWhileRfIsOn(RigProtocol):
    def configure(self, header: Header, body: bytes) -> bytes:
        self.switch_off()
        return super().configure(header, body)


@found_by("key-refuses")
class AnyKeyButOffIsOn(RigProtocol):
    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        if len(body) == 14 and body[4] != 0x3C:
            body = body[:4] + bytes([RF_ON]) + body[5:]
        return super().exchange(header, body, now_us)


@found_by("flow-refuses")
class FlowIsIgnored(RigProtocol):
    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        return super().exchange(header, body[:10] + bytes(4) if len(body) == 14 else body, now_us)


@found_by("body-lengths", "order")
class LongerBodiesAreTaken(RigProtocol):
    def obey(self, header: Header, body: bytes, now_us: int) -> bytes:
        if header.kind in (2, 3):
            body = body[:14].ljust(14, b"\0")
        return super().obey(header, body, now_us)


@found_by("tick-echo")
class TheTickIsTheOneBefore(RigProtocol):
    before = 0

    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        before, self.before = self.before, asked.tick
        return None if sample is None else sample._replace(tick=before)


class _Clock(RigProtocol):
    def told_us(self, time_us: int) -> int:
        raise NotImplementedError

    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        return None if sample is None else sample._replace(rig_time_us=self.told_us(sample.rig_time_us))


@found_by("rig-time")
class TheClockGoesBack(_Clock):
    def told_us(self, time_us: int) -> int:
        return time_us % 50_000


@found_by("rig-time")
class TheClockStartsAtHello(_Clock):
    hello_us = 0

    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        self.hello_us = now_us
        return super().hello(header, body, payload, now_us)

    def told_us(self, time_us: int) -> int:
        return time_us - self.hello_us


@found_by("rig-time")
class TheClockRunsATenthFast(_Clock):
    def told_us(self, time_us: int) -> int:
        return time_us * 11 // 10


@found_by("sample")
class NotMeasuredIsNought(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        sample = super().drive(asked, now_us)
        return None if sample is None else sample._replace(phase_deg=0.0)


@found_by("power-mean")
class PowerIsOfTheMoment(RigProtocol):
    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        was_on = self.rf_on
        sample = super().drive(asked, now_us)
        if sample is None or not sample.power_w:
            return sample
        return sample._replace(power_w=sample.power_w if was_on else 0.0)


@found_by("hello")
class HelloCountsAsABoot(RigProtocol):
    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        self.info = self.info._replace(boot_count=self.info.boot_count + 1)
        return super().hello(header, body, payload, now_us)
