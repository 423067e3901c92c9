"""Rigs that radiate, or do not, against what they were told."""

from __future__ import annotations

import struct

from broken import found_by

from hal import Command, Sample
from hal.serveprotocol import RigProtocol
from hal.wiremessages import RF_ON, ErrorCode, Exchange, Header, Kind, Refusal, message


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
