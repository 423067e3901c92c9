"""A rig's side of the protocol: bytes in, bytes out, the rig's clock given, any `Hal` behind.

The rig obeys, measures, and switches RF off by itself. Nothing here reads a clock, opens a port or sleeps: `hal.serve`
does. What may come to a rig is answered in one order (`request`), each step a method of its own.
"""

from __future__ import annotations

import math
from typing import Protocol

from hal.serveworks import Works
from hal.types import Capability, Command, RigConfig, RigInfo, RigRefused, RigTrip, Sample
from hal.wire import FrameDecoder
from hal.wiremessages import (
    HEADER_BYTES,
    LEAST_WRONG_KIND,
    REPLY,
    RF_ON,
    VERSION,
    Configuration,
    ErrorCode,
    Exchange,
    Header,
    Identification,
    Kind,
    Refusal,
    WireError,
    message,
    newer,
    pack_sample,
    pack_status,
    parse_header,
    parse_sample,
)

PUMP_STOPS_AFTER_US = 120_000_000
EARLY_US = 2000
EARLY_SHARE = 20
"""The watchdog fires a twentieth of its time early, and 2 ms at least (assumed): switching off takes time, a process
may be held up, and the host's clock is not the rig's."""
NOTHING_READ = 0b0100_1000
"""Status before anything was read: RF off, loop closed, return electrode attached."""


class Listener(Protocol):
    """Follows a treatment from the rig's side (to put faults on at their moment)."""

    def before(self, tick: int) -> None:
        """An EXCHANGE of this tick has been accepted, and its sample is not taken yet."""

    def after(self, sample: Sample) -> None:
        """The sample as the host will read it."""


class RigProtocol:
    """One rig, as a host sees it over a line. `info` is what HELLO says; its boot count is this boot's."""

    def __init__(self, works: Works, info: RigInfo, listener: Listener | None = None) -> None:
        self.works = works
        self.info = info
        self.listener = listener
        self.decoder = FrameDecoder()
        self.bad_frames = 0
        self.link = 0
        """The link in force; 0 for none."""
        self.last_seq = 0
        self.last_request = b""
        self.last_reply = b""
        self.ended_link = 0
        """The link that BYE ended: it is known only for repeating the reply."""
        self.config: RigConfig | None = None
        self.judged_by: RigConfig | None = None
        """The last configuration that was in force: HELLO and BYE end it, but a fault is not forgotten with the limits
        that it passed."""
        self.rf_on = False
        """By command, and not held off."""
        self.trip = 0
        """Latched: a `RigTrip`."""
        self.causes: list[int] = []
        """What would hold RF off now, each a `RigTrip`, the first to be told first."""
        self.watchdog_tripped = False
        self.fed_us = 0
        """When the last EXCHANGE came that was answered with a new SAMPLE."""
        self.pump_runs = False

    # --- time ------------------------------------------------------------------------------------------------------

    def poll(self, now_us: int) -> None:
        """Let time pass up to now. Called often, whether or not bytes come: the watchdog runs on this alone."""
        due_us = self.watchdog_due_us()
        if due_us is not None and now_us >= due_us:
            self.pass_time(due_us)
            if self.rf_on:
                self.watchdog_fires()
        self.pass_time(now_us)
        if self.pump_runs and now_us - self.fed_us >= PUMP_STOPS_AFTER_US:
            self.works.pump_off()
            self.pump_runs = False

    def watchdog_due_us(self) -> int | None:
        """When RF goes off unless an EXCHANGE comes; None while RF is off."""
        if not self.rf_on or self.config is None:
            return None
        allowed_us = self.config.watchdog_ms * 1000
        return self.fed_us + allowed_us - max(EARLY_US, allowed_us // EARLY_SHARE)

    def watchdog_fires(self) -> None:
        """Off and latched."""
        self.watchdog_tripped = True
        self.hold_off(RigTrip.WATCHDOG)

    def pass_time(self, until_us: int) -> None:
        """Let it pass, watching what is read."""
        for sample in self.works.advance(until_us):
            self.watch(sample)

    def watch(self, sample: Sample) -> None:
        """RF goes off without the host where there is a cause."""
        held = self.look_at(sample)
        if held and self.rf_on:
            self.hold_off(held)

    def look_at(self, sample: Sample) -> int:
        """What holds RF off now; 0 for nothing. What is behind may have a reason of its own."""
        self.causes = self.causes_in(sample)
        return self.cause or sample.rig_trip

    @property
    def cause(self) -> int:
        """The first of the present causes; 0 where nothing is wrong."""
        return self.causes[0] if self.causes else 0

    def causes_in(self, sample: Sample) -> list[int]:
        """Why RF must be off now, of the rig's own. What cannot be read comes before what is read."""
        limits = self.judged_by
        channels = [] if limits is None else [n for n in range(self.info.thermocouples) if limits.channels >> n & 1]
        limit_c = math.inf if limits is None else limits.temperature_limit_c
        read_c = [sample.temperature_c[n] for n in channels]
        unread = any(sample.tc_fault >> 2 * n & 3 for n in channels) or not all(map(math.isfinite, read_c))
        present = (
            (unread, RigTrip.THERMOCOUPLE),
            (any(value_c > limit_c for value_c in read_c if math.isfinite(value_c)), RigTrip.TEMPERATURE_LIMIT),
            (not sample.loop_closed, RigTrip.INTERLOCK_LOOP),
            (sample.estop_pressed, RigTrip.EMERGENCY_STOP),
            (sample.stage_fault, RigTrip.OUTPUT_STAGE),
            (
                limits is not None and limits.return_electrode_required and not sample.return_attached,
                RigTrip.RETURN_ELECTRODE,
            ),
        )
        return [int(cause) for there, cause in present if there]

    def hold_off(self, cause: int) -> None:
        """RF off and latched; the first cause is kept."""
        self.switch_off()
        if not self.trip:
            self.trip = cause

    def switch_off(self) -> Sample | None:
        """RF off now; what reads back."""
        self.rf_on = False
        return self.works.rf_off()

    # --- frames ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now_us: int) -> bytes:
        """Bytes from the host; what goes back."""
        self.poll(now_us)
        replies = []
        for payload in self.decoder.feed(data):
            reply = self.bad_frame() if payload is None else self.request(payload, now_us)
            if reply is not None:
                replies.append(reply)
        return b"".join(replies)

    def bad_frame(self) -> bytes | None:
        """Counted; changes nothing else, and gets no reply."""
        self.bad_frames += 1
        return None

    def request(self, payload: bytes, now_us: int) -> bytes | None:
        """One whole frame. The first of these steps that matches answers."""
        header = parse_header(payload)
        body = payload[HEADER_BYTES:]
        if header.kind == 0 or header.kind >= LEAST_WRONG_KIND:
            return self.bad_frame()
        if header.version != VERSION:
            return self.error(header, ErrorCode.VERSION)
        if header.kind == Kind.RF_OFF:
            return self.asked_off(header, payload)
        if header.kind == Kind.HELLO:
            return self.hello(header, body, payload, now_us)
        if self.link == 0 or header.link != self.link:
            if header.link == self.ended_link != 0 and payload == self.last_request:
                return self.last_reply
            return self.error(header, ErrorCode.NO_SUCH_LINK)
        if header.seq == self.last_seq:
            return self.repeated(header, payload)
        if not newer(header.seq, self.last_seq):
            return self.error(header, ErrorCode.OLD_SEQUENCE)
        reply = self.obey(header, body, now_us)
        self.remember(header, payload, reply)
        return reply

    def repeated(self, header: Header, payload: bytes) -> bytes:
        """A request that came before: its reply again, without carrying it out again."""
        if payload == self.last_request:
            return self.last_reply
        return self.error(header, ErrorCode.OLD_SEQUENCE)

    def obey(self, header: Header, body: bytes, now_us: int) -> bytes:
        """A new request on the link in force."""
        if header.kind == Kind.CONFIGURE:
            return self.configure(header, body)
        if header.kind == Kind.EXCHANGE:
            return self.exchange(header, body, now_us)
        if header.kind == Kind.BYE and not body:
            return self.bye(header)
        return self.error(header, ErrorCode.KIND_OR_LENGTH)

    def remember(self, header: Header, payload: bytes, reply: bytes) -> None:
        """The request and its reply become the last."""
        self.last_seq, self.last_request, self.last_reply = header.seq, payload, reply

    def reply(self, header: Header, body: bytes = b"") -> bytes:
        """The reply to a request."""
        return message(header.kind | REPLY, header.link, header.seq, body)

    def error(self, header: Header, code: ErrorCode) -> bytes:
        """ERROR, with RF off before it is sent."""
        self.switch_off()
        return message(Kind.ERROR, header.link, header.seq, Refusal(header.kind, code).pack())

    # --- requests --------------------------------------------------------------------------------------------------

    def asked_off(self, header: Header, payload: bytes) -> bytes:
        """RF_OFF: obeyed whatever its link, sequence or body."""
        sample = self.switch_off()
        reply = self.reply(header, bytes([NOTHING_READ if sample is None else self.status(sample)]))
        if header.link == self.link != 0 and newer(header.seq, self.last_seq):
            self.remember(header, payload, reply)
        return reply

    def status(self, sample: Sample) -> int:
        """The status byte, with what this side knows."""
        return pack_status(sample._replace(watchdog_tripped=self.watchdog_tripped or sample.watchdog_tripped))

    def hello(self, header: Header, body: bytes, payload: bytes, now_us: int) -> bytes:
        """HELLO: everything from the start, but for a trip whose cause is still there."""
        if body:
            return self.error(header, ErrorCode.KIND_OR_LENGTH)
        if header.link == 0:
            return self.error(header, ErrorCode.NO_SUCH_LINK)
        self.switch_off()
        self.works.idle()
        self.pump_runs = False
        if self.trip not in self.causes:
            self.trip = 0
        self.watchdog_tripped = False
        self.config = None
        self.bad_frames = 0
        self.link, self.ended_link = header.link, 0
        reply = self.reply(header, Identification.of(self.info).pack())
        self.remember(header, payload, reply)
        return reply

    def configure(self, header: Header, body: bytes) -> bytes:
        """CONFIGURE: all of it or none."""
        try:
            asked = Configuration.parse(body)
        except WireError:
            return self.error(header, ErrorCode.KIND_OR_LENGTH)
        if self.rf_on:
            return self.error(header, ErrorCode.NOT_NOW)
        self.config = None
        try:
            if asked.refusal(self.info) is not None:
                raise RigRefused("beyond this rig")
            self.works.configure(asked.rig_config())
        except RigRefused:
            return self.error(header, ErrorCode.VALUE_REFUSED)
        self.config = self.judged_by = asked.rig_config()
        return self.reply(header, asked.pack())

    def exchange(self, header: Header, body: bytes, now_us: int) -> bytes:
        """EXCHANGE: the sample of the interval that ends now; the command acts on the next."""
        try:
            asked = Exchange.parse(body)
        except WireError:
            return self.error(header, ErrorCode.KIND_OR_LENGTH)
        if self.config is None:
            return self.error(header, ErrorCode.NOT_CONFIGURED)
        pump = Capability.PUMP in self.info.capabilities
        if asked.refusal(self.config.power_limit_w, pump) is not None:
            return self.error(header, ErrorCode.VALUE_REFUSED)
        if self.listener is not None:
            self.listener.before(asked.tick)
        sample = self.drive(asked, now_us)
        if sample is None:  # nothing could be read: a sample is never made up
            return self.error(header, ErrorCode.NOT_NOW)
        packed = pack_sample(sample)
        if self.listener is not None:
            self.listener.after(parse_sample(packed, self.info.thermocouples, self.info.capabilities))
        return self.reply(header, packed)

    def drive(self, asked: Exchange, now_us: int) -> Sample | None:
        """Carry the command out; the sample, with what this side adds to it."""
        wanted = asked.rf_key == RF_ON
        on = wanted and not self.trip
        sample = self.works.exchange(Command(asked.tick, on, asked.power_w, asked.flow_ml_min), now_us)
        if sample is None:
            return None
        held = self.look_at(sample)
        if held and (self.rf_on or wanted):
            # present while RF is on, or when RF is asked for
            self.hold_off(held)
        self.rf_on = on and not self.trip
        self.fed_us = now_us
        self.pump_runs = asked.flow_ml_min > 0.0
        return sample._replace(
            watchdog_tripped=self.watchdog_tripped or sample.watchdog_tripped,
            rig_trip=self.trip or held,
            bad_frames=min(self.bad_frames, 65535),
        )

    def bye(self, header: Header) -> bytes:
        """BYE: RF off, pump off, link ended."""
        self.switch_off()
        self.works.idle()
        self.pump_runs = False
        self.config = None
        self.link, self.ended_link = 0, header.link
        return self.reply(header)
