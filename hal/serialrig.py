"""A rig on a serial line: the host's side of the protocol behind the four verbs.

What it promises: one EXCHANGE a tick, repeated once to the byte while there is time; nothing but the reply to the
outstanding request is taken for one; RF_OFF goes out at once, and again until it is answered or the rig's watchdog must
have fired; an ERROR, or a reply that echoes another tick, ends the link, and so does a port that has gone. A link that
has ended resumes nothing: only `open` makes a new one.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable

from hal.serialport import BAUD, Line
from hal.types import (
    Absence,
    Command,
    HalError,
    NoSample,
    Reply,
    RigConfig,
    RigInfo,
    RigRefused,
    RigUnavailable,
)
from hal.wire import FrameDecoder
from hal.wiremessages import (
    HEADER_BYTES,
    REPLY,
    VERSION,
    Configuration,
    ErrorCode,
    Header,
    Identification,
    Kind,
    Refusal,
    WireError,
    exchange_body,
    message,
    parse_header,
    parse_sample,
    parse_status,
)

OPEN_FOR_S = 3.0
"""A board that boots when its port is opened answers within this (assumed)."""
HELLO_EVERY_S = 0.25
ANSWER_S = 0.5
"""Time for the reply to a request that no tick waits for."""
RESEND_SHARE, REPLY_SHARE, OFF_SHARE = 0.4, 0.8, 0.15
"""Of the period: when EXCHANGE is repeated, when its reply is too late, and how long RF_OFF is waited for."""


class SerialHal:
    """The rig on `port`, anything that pyserial's `serial_for_url` takes.

    `reply_s`: how long EXCHANGE waits for its reply, instead of a share of the period (for a rig in lock-step, which
    has no time of its own to be late by). `new_link`: link numbers, never 0 and never to be guessed from the last.
    """

    def __init__(
        self,
        port: str,
        baud: int = BAUD,
        *,
        reply_s: float | None = None,
        new_link: Callable[[], int] = lambda: secrets.randbelow(65535) + 1,
    ) -> None:
        self.port = port
        self.baud = baud
        self.discarded = 0
        """Whole frames that were not the reply to the outstanding request."""
        self.resent = 0
        """Requests repeated for want of a reply."""
        self._reply_s = reply_s
        self._new_link = new_link
        self._line: Line | None = None
        self._decoder = FrameDecoder()
        self._link = 0
        self._seq = 0
        self._info: RigInfo | None = None
        self._config: RigConfig | None = None
        self._lost: tuple[Absence, int] | None = None
        self._off_until_s = 0.0
        self._watchdog_s = 1.0
        self._wait_s = self._resend_s = self._off_wait_s = ANSWER_S

    @property
    def bad_frames(self) -> int:
        """Frames from the rig that were damaged."""
        return self._decoder.bad_frames

    # --- the four verbs --------------------------------------------------------------------------------------------

    def identify(self) -> RigInfo:
        """HELLO alone: what the rig is. RF is off, nothing is configured. Raises RigUnavailable, RigRefused."""
        self._config = None
        self._lost = None
        self._off_until_s = 0.0
        try:
            if self._line is None:
                self._line = Line(self.port, self.baud)
                self._decoder.forget()
            self._link = self._new_link()
            self._info = self._hello()
        except OSError as error:
            self._drop()
            raise RigUnavailable(f"{self.port} has gone: {error}; plug the rig in again") from None
        except HalError:
            self._give_back()
            raise
        return self._info

    def open(self, config: RigConfig) -> RigInfo:
        """HELLO, CONFIGURE, and a look at how fast it answers. Raises RigUnavailable, RigRefused."""
        info = self.identify()
        try:
            self._configure(config)
            self._try_speed(config)
        except OSError as error:
            self._drop()
            raise RigUnavailable(f"{self.port} has gone: {error}; plug the rig in again") from None
        period_s = config.period_us * 1e-6
        self._watchdog_s = config.watchdog_ms * 1e-3
        self._wait_s = REPLY_SHARE * period_s if self._reply_s is None else self._reply_s
        self._resend_s = RESEND_SHARE / REPLY_SHARE * self._wait_s
        self._off_wait_s = OFF_SHARE * period_s if self._reply_s is None else self._reply_s
        self._config = config
        return info

    def exchange(self, command: Command) -> Reply:
        """One tick. Raises HalError outside open..close."""
        info = self._info
        if self._config is None or info is None:
            raise HalError("exchange before open or after close")
        try:
            if self._off_until_s:
                self._off_again()
            if self._lost is not None:
                return NoSample(command.tick, *self._lost)
            try:
                body = exchange_body(command.tick, command.rf_on, command.power_w, command.flow_ml_min)
            except WireError:
                self._lose(Absence.RIG_ERROR, ErrorCode.VALUE_REFUSED)
                self.rf_off()
                return NoSample(command.tick, Absence.RIG_ERROR, ErrorCode.VALUE_REFUSED)
            answer = self._ask(Kind.EXCHANGE, body, self._wait_s, self._resend_s)
        except OSError:
            self._drop()
            self._lose(Absence.LINE_DOWN)
            return NoSample(command.tick, Absence.LINE_DOWN)
        if answer is None:
            return NoSample(command.tick, Absence.TIMEOUT)
        kind, replied = answer
        if kind == Kind.ERROR:
            self._lose(Absence.RIG_ERROR, Refusal.parse(replied).code)
            return NoSample(command.tick, *(self._lost or (Absence.RIG_ERROR, 0)))
        try:
            sample = parse_sample(replied, info.thermocouples, info.capabilities)
        except WireError:
            return NoSample(command.tick, Absence.TIMEOUT)
        if sample.tick != command.tick:
            self._lose(Absence.WRONG_TICK)
            self.rf_off()
            return NoSample(command.tick, Absence.WRONG_TICK)
        return sample

    def rf_off(self) -> None:
        """RF_OFF now, and again ahead of every exchange until it is answered or the watchdog must have fired."""
        if self._line is None:
            return
        self._off_until_s = time.monotonic() + self._watchdog_s
        try:
            self._send_off(self._off_wait_s)
        except OSError:
            self._drop()
            self._lose(Absence.LINE_DOWN)

    def close(self) -> None:
        """RF off, BYE, and the port given back; where the line is dead, the rig's watchdog is relied on."""
        self._config = None
        self._give_back()

    # --- linking ---------------------------------------------------------------------------------------------------

    def _hello(self) -> RigInfo:
        """HELLO until it is answered."""
        bad = self._decoder.bad_frames
        heard = 0
        self._seq = (self._seq + 1) % 65536
        frame = message(Kind.HELLO, self._link, self._seq)
        began_s = time.monotonic()
        while time.monotonic() - began_s < OPEN_FOR_S:
            self._write(b"\0" + frame)
            header, body, count, other = self._listen(Kind.HELLO, HELLO_EVERY_S)
            heard += count
            if other is not None:
                raise RigRefused(
                    f"the rig on {self.port} speaks version {other} of the protocol; this speaks {VERSION}"
                )
            if header is None:
                continue
            if header.kind == Kind.ERROR:
                code = Refusal.parse(body).code
                what = "another version of the protocol" if code == ErrorCode.VERSION else f"ERROR {code} to HELLO"
                raise RigRefused(f"the rig on {self.port} answers with {what}; bring its firmware to version {VERSION}")
            try:
                told = Identification.parse(body)
            except WireError as error:
                raise RigRefused(f"the rig on {self.port} does not keep to the protocol: {error}") from None
            if not told.protocol_min <= VERSION <= told.protocol_max:
                raise RigRefused(
                    f"the rig on {self.port} ({told.model} {told.firmware}) speaks versions {told.protocol_min} to "
                    f"{told.protocol_max} of the protocol; this speaks {VERSION}: bring one of them up to date"
                )
            return told.rig_info()
        if heard or self._decoder.bad_frames > bad or self._decoder.within:
            raise RigUnavailable(
                f"what answers on {self.port} is not a rig, or its line is not set to {self.baud} baud 8N1: "
                "see which port the rig is on (`rfgen ports`)"
            )
        raise RigUnavailable(
            f"nothing answers on {self.port} within {OPEN_FOR_S:g} s: see that the rig has power, that the cable is "
            "in, and that this is its port (`rfgen ports`)"
        )

    def _configure(self, config: RigConfig) -> None:
        """CONFIGURE, its reply held against what was sent. Raises RigRefused, RigUnavailable, OSError."""
        try:
            body = Configuration.of(config).pack()
        except WireError as error:
            raise RigRefused(f"the rig on {self.port} cannot be configured: {error}") from None
        answer = self._ask(Kind.CONFIGURE, body, 4 * ANSWER_S, ANSWER_S)
        if answer is None:
            raise RigUnavailable(f"the rig on {self.port} answered HELLO but not CONFIGURE: see that the line is sound")
        kind, replied = answer
        if kind == Kind.ERROR:
            code = Refusal.parse(replied).code
            raise RigRefused(f"the rig on {self.port} refuses (ERROR {code}) {_said(config)}")
        if replied != body:
            raise RigRefused(
                f"the rig on {self.port} was configured with {body.hex()} and has {replied.hex()} in force: "
                "its firmware changes values in silence, and is not to be used"
            )

    def _try_speed(self, config: RigConfig) -> None:
        """RF_OFF is harmless: how fast is it answered? The quickest of five is what the line can do."""
        if self._reply_s is not None:
            return
        limit_s = REPLY_SHARE * config.period_us * 1e-6
        quickest_s = ANSWER_S
        for _ in range(5):
            began_s = time.monotonic()
            self._send_off(ANSWER_S)
            quickest_s = min(quickest_s, time.monotonic() - began_s)
            if quickest_s <= limit_s:
                return
        raise RigRefused(
            f"the rig on {self.port} answers in {1000 * quickest_s:.1f} ms at best, too slow for a period of "
            f"{config.period_us / 1000:g} ms: a reply must come within {1000 * limit_s:g} ms. Raise the baud rate, set "
            "the USB adapter's latency timer to 1 ms, or give the profile a longer period_ms"
        )

    # --- the line --------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._line is None:
            raise OSError("the port is closed")
        self._line.write(data)

    def _ask(self, kind: Kind, body: bytes, wait_s: float, resend_s: float) -> tuple[int, bytes] | None:
        """A new request and its reply's kind and body; None where none came in time. Repeated once, to the byte."""
        self._seq = (self._seq + 1) % 65536
        frame = message(kind, self._link, self._seq, body)
        began_s = time.monotonic()
        self._write(frame)
        header, replied, _, _ = self._listen(kind, resend_s)
        if header is None:
            left_s = began_s + wait_s - time.monotonic()
            if left_s <= 0.0:
                return None
            self.resent += 1
            self._write(frame)
            header, replied, _, _ = self._listen(kind, left_s)
        return None if header is None else (header.kind, replied)

    def _listen(self, kind: Kind, wait_s: float) -> tuple[Header | None, bytes, int, int | None]:
        """The reply to the outstanding request, if it comes in time: header, body; how many other frames came, and
        the version of one that answers in another."""
        line = self._line
        if line is None:
            raise OSError("the port is closed")
        until_s = time.monotonic() + wait_s
        others = 0
        found: tuple[Header, bytes] | None = None
        while found is None:
            left_s = until_s - time.monotonic()
            data = line.read(left_s)
            for payload in self._decoder.feed(data):
                if payload is None:
                    continue
                header = parse_header(payload)
                answers = header.link == self._link and header.seq == self._seq
                if answers and header.version != VERSION and kind == Kind.HELLO:
                    return None, b"", others, header.version
                if (
                    found is not None
                    or not answers
                    or header.version != VERSION
                    or not _is_reply(header.kind, kind, payload[HEADER_BYTES:])
                ):
                    self.discarded += 1
                    others += 1
                else:
                    found = header, payload[HEADER_BYTES:]
            if left_s <= 0.0:
                break  # also where the line never falls silent
        return (None, b"", others, None) if found is None else (*found, others, None)

    # --- RF off ----------------------------------------------------------------------------------------------------

    def _send_off(self, wait_s: float) -> bool:
        """One RF_OFF; True where it was answered."""
        self._seq = (self._seq + 1) % 65536
        self._write(message(Kind.RF_OFF, self._link, self._seq))
        header, body, _, _ = self._listen(Kind.RF_OFF, wait_s)
        if header is None or header.kind == Kind.ERROR:
            return False
        parse_status(body)
        self._off_until_s = 0.0
        return True

    def _off_again(self) -> None:
        if time.monotonic() >= self._off_until_s:
            self._off_until_s = 0.0  # the watchdog must have fired
        else:
            self._send_off(self._off_wait_s)

    def _give_back(self) -> None:
        """RF_OFF till it is answered or the watchdog must have fired, BYE, and the port closed. Never raises."""
        if self._line is None:
            return
        with contextlib.suppress(OSError, WireError):
            until_s = time.monotonic() + self._watchdog_s
            while not self._send_off(0.05) and time.monotonic() < until_s:
                pass
            if self._info is not None:
                self._ask(Kind.BYE, b"", 0.2, 0.1)
        self._info = None
        self._drop()

    def _drop(self) -> None:
        """The port is closed."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _lose(self, why: Absence, code: int = 0) -> None:
        """The link has ended; the first reason is kept until a new one is made."""
        if self._lost is None:
            self._lost = why, code


def _is_reply(kind: int, asked: Kind, body: bytes) -> bool:
    """Whether a frame of this kind and body may answer that request at all."""
    if kind == Kind.ERROR:
        return len(body) == 2 and body[0] == asked and 1 <= body[1] <= 7
    if kind != asked | REPLY:
        return False
    return asked != Kind.RF_OFF or len(body) == 1


def _said(config: RigConfig) -> str:
    watched = ", a return electrode to be watched" if config.return_electrode_required else ""
    return (
        f"a watchdog of {config.watchdog_ms} ms, a period of {config.period_us / 1000:g} ms, "
        f"{config.power_limit_w:g} W, {config.temperature_limit_c:g} C, channels {config.channels:#b}{watched}"
    )
