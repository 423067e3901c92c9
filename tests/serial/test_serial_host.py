"""The host's side: what it takes for a reply, when it repeats, how it switches off, and how a link ends."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

import pytest
from served import BRIEF, Between, scenario_of, served, until

from hal import Absence, Command, HalError, NoSample, RigConfig, RigRefused, RigUnavailable, Sample
from hal import serialrig as serialrig_module
from hal.serialrig import SerialHal
from hal.serveprotocol import RigProtocol
from hal.wiremessages import ErrorCode, Header, message

CONFIG = RigConfig(300, 50_000, 8.0, 112.0, 0b11, False)


class Heard(RigProtocol):
    """Keeps every request, and may leave some unanswered or answer them otherwise."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.heard: list[bytes] = []
        self.deaf_to: set[int] = set()
        self.lose = 0
        """So many replies to EXCHANGE are lost from now on."""

    def request(self, payload: bytes, now_us: int) -> bytes | None:
        self.heard.append(payload)
        if payload[1] in self.deaf_to:
            return None
        reply = super().request(payload, now_us)
        if payload[1] == 3 and self.lose:
            self.lose -= 1
            return None
        return reply

    def kinds(self) -> list[int]:
        """What came, and forget it."""
        kinds = [payload[1] for payload in self.heard]
        self.heard.clear()
        return kinds


@contextlib.contextmanager
def linked(make: type[Heard] = Heard, **options: float) -> Iterator[tuple[SerialHal, Heard]]:
    """An open host, and the rig that it is linked to."""
    with served(scenario_of(BRIEF), lockstep=True, make=make) as (port, side):
        assert isinstance(side.protocol, Heard)
        hal = SerialHal(port, **{"reply_s": 10.0, **options})
        try:
            hal.open(CONFIG)
            side.protocol.heard.clear()
            yield hal, side.protocol
        finally:
            side.protocol.deaf_to.clear()
            hal.close()


def on(tick: int) -> Command:
    """Some power."""
    return Command(tick, True, 2.0, 0.0)


def test_opening_says_hello_and_configures_and_closing_says_off_and_bye() -> None:
    with served(scenario_of(BRIEF), lockstep=True, make=Heard) as (port, side):
        assert isinstance(side.protocol, Heard)
        hal = SerialHal(port, reply_s=10.0)
        info = hal.open(CONFIG)
        assert (info.thermocouples, info.boot_count, info.simulated) == (2, 7, True)
        assert side.protocol.kinds() == [1, 2]
        assert isinstance(hal.exchange(on(0)), Sample)
        assert side.protocol.rf_on
        hal.close()
        assert side.protocol.kinds() == [3, 4, 5]
        assert not side.protocol.rf_on
        hal.close()
        hal.rf_off()
        with pytest.raises(HalError, match="before open or after close"):
            hal.exchange(on(1))


def test_each_link_has_a_new_number_and_never_0() -> None:
    numbers = iter([5, 65535])
    with served(scenario_of(BRIEF), lockstep=True, make=Heard) as (port, side):
        hal = SerialHal(port, reply_s=10.0, new_link=lambda: next(numbers))
        hal.open(CONFIG)
        assert side.protocol.link == 5
        hal.open(CONFIG)
        assert side.protocol.link == 65535
        hal.close()
    drawn = {SerialHal("nowhere")._new_link() for _ in range(200)}
    assert 0 not in drawn
    assert len(drawn) > 150


def test_a_lost_reply_is_asked_for_once_more_to_the_byte_and_the_rig_acts_once() -> None:
    with linked(reply_s=2.0) as (hal, rig):
        first = hal.exchange(on(0))
        rig.lose = 1
        second = hal.exchange(on(1))
        assert isinstance(first, Sample)
        assert isinstance(second, Sample)
        assert second.rig_time_us - first.rig_time_us == 50_000
        assert rig.heard[-1] == rig.heard[-2]
        assert hal.resent == 1


def test_two_lost_replies_are_an_absence_and_the_next_tick_is_sound() -> None:
    with linked(reply_s=0.3) as (hal, rig):
        rig.lose = 2
        assert hal.exchange(on(0)) == NoSample(0, Absence.TIMEOUT)
        assert rig.kinds() == [3, 3]
        reply = hal.exchange(on(1))
        assert isinstance(reply, Sample)
        assert reply.tick == 1


class Chatters(Heard):
    """Sends frames besides its replies: old ones, of another link, kind or version, and noise."""

    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        link, seq = header.link, header.seq
        reply = super().exchange(header, body, now_us)
        sample = super().exchange(header._replace(seq=(seq - 1) % 65536), body, now_us)
        others = [
            sample,
            message(0x83, link ^ 1, seq, bytes(54)),
            message(0x84, link, seq, b"\0"),
            message(0x83, link, seq, bytes(54), version=2),
            message(0xFF, link, seq, b"\2\2"),
            message(0xFF, link, seq, b"\3\x08"),
            b"noise\0\0\0",
        ]
        return b"".join(others) + reply


def test_nothing_but_the_reply_to_the_outstanding_request_is_taken_for_one() -> None:
    with linked(Chatters) as (hal, _):
        for tick in range(5):
            reply = hal.exchange(on(tick))
            assert isinstance(reply, Sample)
            assert reply.tick == tick
        assert hal.discarded == 30
        assert hal.bad_frames == 5


@pytest.mark.parametrize("code", range(1, 8))
def test_any_error_to_an_exchange_ends_the_link_and_nothing_but_open_makes_a_new_one(code: int) -> None:
    class Errs(Heard):
        failing = True

        def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
            return self.error(header, ErrorCode(code)) if self.failing else super().exchange(header, body, now_us)

    with linked(Errs) as (hal, rig):
        assert hal.exchange(on(0)) == NoSample(0, Absence.RIG_ERROR, code)
        rig.failing = False  # type: ignore[attr-defined]
        assert hal.exchange(on(1)) == NoSample(1, Absence.RIG_ERROR, code)
        assert rig.kinds().count(3) == 1
        assert not rig.rf_on
        hal.open(CONFIG)
        assert isinstance(hal.exchange(on(2)), Sample)


class WrongTick(Heard):
    def reply(self, header: Header, body: bytes = b"") -> bytes:
        if header.kind == 3:
            body = struct.pack("<I", 77) + body[4:]
        return super().reply(header, body)


def test_another_tick_in_the_right_reply_ends_the_link_with_rf_off_at_once() -> None:
    with linked(WrongTick) as (hal, rig):
        assert hal.exchange(on(0)) == NoSample(0, Absence.WRONG_TICK)
        assert rig.kinds() == [3, 4]
        assert not rig.rf_on
        assert hal.exchange(on(1)) == NoSample(1, Absence.WRONG_TICK)


def test_rf_off_is_repeated_ahead_of_every_exchange_until_it_is_answered() -> None:
    with linked(reply_s=0.05) as (hal, rig):
        assert isinstance(hal.exchange(on(0)), Sample)
        rig.kinds()
        hal._watchdog_s = 60.0
        rig.deaf_to = {4}
        hal.rf_off()
        until(lambda: rig.heard, "RF_OFF")
        assert set(rig.kinds()) == {4}
        hal.exchange(Command(1, False, 0.0, 0.0))
        hal.exchange(Command(2, False, 0.0, 0.0))
        assert [kind for kind in rig.kinds() if kind == 4] == [4, 4]
        rig.deaf_to = set()
        hal.exchange(Command(3, False, 0.0, 0.0))
        hal.exchange(Command(4, False, 0.0, 0.0))
        assert rig.kinds().count(4) == 1


def test_rf_off_is_repeated_no_longer_than_the_watchdog_needs() -> None:
    with linked(reply_s=0.01) as (hal, rig):
        rig.deaf_to = {4}
        hal._watchdog_s = 0.0
        hal.rf_off()
        rig.kinds()
        hal.exchange(Command(1, False, 0.0, 0.0))
        assert 4 not in rig.kinds()


def test_a_pulled_cable_ends_the_link_and_plugged_in_again_it_resumes_nothing() -> None:
    with served(scenario_of(BRIEF), lockstep=True) as (port, side):
        cable = Between(port)
        hal = SerialHal(cable.port, reply_s=10.0)
        hal.open(CONFIG)
        assert isinstance(hal.exchange(on(0)), Sample)
        cable.close()
        reply = hal.exchange(on(1))
        assert reply == NoSample(1, Absence.LINE_DOWN)
        hal.rf_off()
        assert hal.exchange(on(2)) == NoSample(2, Absence.LINE_DOWN)
        cable = Between(port)
        try:
            hal.port = cable.port
            assert hal.exchange(on(3)) == NoSample(3, Absence.LINE_DOWN)
            hal.open(CONFIG)
            assert not side.protocol.rf_on
            assert isinstance(hal.exchange(on(4)), Sample)
            hal.close()
        finally:
            cable.close()


class Clamps(Heard):
    def configure(self, header: Header, body: bytes) -> bytes:
        super().configure(header, body)
        return self.reply(header, body[:4] + struct.pack("<f", 5.0) + body[8:])


def test_a_configuration_read_back_otherwise_is_refused() -> None:
    with served(scenario_of(BRIEF), lockstep=True, make=Clamps) as (port, _):
        hal = SerialHal(port, reply_s=10.0)
        with pytest.raises(RigRefused, match="its firmware changes values in silence"):
            hal.open(CONFIG)
        hal.close()


def test_what_the_rig_refuses_is_told() -> None:
    with served(scenario_of(BRIEF), lockstep=True) as (port, _):
        hal = SerialHal(port, reply_s=10.0)
        with pytest.raises(RigRefused, match=r"refuses \(ERROR 5\) a watchdog of 300 ms, a period of 50 ms, 9 W"):
            hal.open(CONFIG._replace(power_limit_w=9.0))
        with pytest.raises(RigRefused, match="whole milliseconds"):
            hal.open(CONFIG._replace(period_us=50_500))
        hal.close()


class AnotherVersion(Heard):
    """Speaks version 3 alone, in one of the ways in which a rig may say so."""

    way = "hello"

    def request(self, payload: bytes, now_us: int) -> bytes | None:
        header = Header(payload[0], payload[1], *struct.unpack_from("<HH", payload, 2))
        if self.way == "error":
            return self.error(header, ErrorCode.VERSION)
        if self.way == "header":
            return message(0x81, header.link, header.seq, b"who knows", version=3)
        body = bytearray(self.info_body())
        body[0:2] = b"\3\3"
        return self.reply(header, bytes(body))

    def info_body(self) -> bytes:
        from hal.wiremessages import Identification

        return Identification.of(self.info).pack()


@pytest.mark.parametrize("way", ["hello", "error", "header"])
def test_a_rig_of_another_version_is_told_from_what_is_no_rig(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnotherVersion, "way", way)
    with served(scenario_of(BRIEF), lockstep=True, make=AnotherVersion) as (port, _):
        hal = SerialHal(port)
        with pytest.raises(RigRefused, match="version"):
            hal.identify()
        hal.close()


class Slow(Heard):
    """Takes 80 ms over RF_OFF: no reply can come within a tick of 50 ms."""

    def asked_off(self, header: Header, payload: bytes) -> bytes:
        import time

        time.sleep(0.08)
        return super().asked_off(header, payload)


def test_a_rig_too_slow_for_the_period_is_refused() -> None:
    with served(scenario_of(BRIEF), lockstep=True, make=Slow) as (port, _):
        hal = SerialHal(port)
        with pytest.raises(RigRefused, match="too slow for a period of 50 ms: a reply must come within 40 ms"):
            hal.open(CONFIG)
        hal.close()


def test_what_is_silent_and_what_is_no_rig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialrig_module, "OPEN_FOR_S", 0.6)

    class Mute(Heard):
        answer: bytes | None = None

        def request(self, payload: bytes, now_us: int) -> bytes | None:
            return self.answer

    with served(scenario_of(BRIEF), lockstep=True, make=Mute) as (port, _):
        hal = SerialHal(port)
        with pytest.raises(RigUnavailable, match=r"nothing answers on .* see that the rig has power"):
            hal.identify()
        for answer in (b"AT+OK\r\n\0", b"login: ", b"x" * 300):
            Mute.answer = answer  # with a zero, without one, and more than any frame
            with pytest.raises(RigUnavailable, match=r"what answers on .* is not a rig"):
                hal.identify()
        hal.close()
