"""Rigs that are wrong in a value or in its check."""

from __future__ import annotations

import struct

from broken import found_by

from hal import Sample
from hal.serveprotocol import RigProtocol
from hal.wiremessages import RF_ON, Configuration, Exchange, Header


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
