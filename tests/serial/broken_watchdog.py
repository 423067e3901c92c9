"""Rigs whose watchdog is broken."""

from __future__ import annotations

from broken import found_by

from hal import Sample
from hal.serveprotocol import RigProtocol
from hal.wiremessages import Exchange, Header

WATCHDOG_GONE = ("watchdog-in-time", "watchdog-own-timer", "watchdog-latched", "watchdog-repeats", "watchdog-noise")


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
