"""A host that says what it is told to, and holds what came against what was due.

RF is seen in two ways: the stage's own read-back in a SAMPLE's status, and the power delivered since the SAMPLE before,
which tells for how long RF was on in between.
"""

from __future__ import annotations

import math
import secrets
import statistics
import struct
from collections.abc import Callable

from hal.rigcheck.answers import SAMPLE_HEAD, Answer, Seen, named, said
from hal.rigcheck.line import Line
from hal.rigcheck.port import Transport
from hal.rigcheck.verdicts import Broken, LeftOut, Undecided
from hal.types import Capability, RigInfo, RigRefused, RigTrip, RigUnavailable
from hal.wiremessages import (
    RF_OFF_KEY,
    RF_ON,
    VERSION,
    Configuration,
    Identification,
    Kind,
    WireError,
)

MOST_W = 1.0
"""No EXCHANGE asks for RF on with more than this, those that are to be refused included."""
RADIATED_W = 0.8
"""What is asked for where RF is to come; the power limit is the same, so that MOST_W is over it."""
LIMIT_C = 90.0
"""The rig's own cut-off in these checks (assumed: a dummy load stays below it)."""
PERIOD_MS = 20
"""The host's tick that CONFIGURE names; these checks send when they like."""
FLOW_ML_MIN = 5.0
"""What a pump is asked for."""
OPEN_FOR_S = 3.0
HELLO_EVERY_S = 0.25
SETTLE_S = 0.03
"""For the output to come up, and for a reading of it (assumed)."""
SEEN_W = 0.1
"""Less than this is no RF that a meter is sure to see."""


class Talk(Line):
    """One host on one rig. `least_watchdog_ms`: the watchdog that is asked for, or more where the line is slow."""

    def __init__(
        self,
        wire: Transport,
        port: str,
        *,
        least_watchdog_ms: int = 100,
        new_link: Callable[[], int] = lambda: secrets.randbelow(65535) + 1,
    ) -> None:
        super().__init__(wire)
        self.port = port
        self.tick = 0
        self.told: Identification
        self.info: RigInfo
        self.hello_body = b""
        self.short_ms = least_watchdog_ms
        """The watchdog where it is to fire."""
        self.long_ms = 1000
        """The watchdog where it is not."""
        self.watchdog_s = 1.0
        """In force now."""
        self.reference_w = 0.0
        """What the rig delivers and reads for RADIATED_W."""
        self.last = ("nothing", "nothing", "nothing")
        self.seen = 0
        self.was_late = False
        """This host has left RF on unattended for so long that the rig may have done something about it."""
        self._on_since_s: float | None = None
        self._new_link = new_link

    # --- verdicts --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A check begins, with RF off."""
        self.request(Kind.RF_OFF)
        self.last = ("nothing", "nothing", "nothing")
        self.seen = 0
        self.was_late = False
        self._on_since_s = None

    def see(self, sent: str, came: object, due: str, holds: bool) -> None:
        """Hold what came against what was due. Raises Broken."""
        self.last = (sent, str(came), due)
        self.seen += 1
        if not holds:
            raise Broken(sent, str(came), due)

    def see_error(self, sent: str, answer: Answer | None, kind: int, code: int) -> None:
        """ERROR, of this request's kind and with this code."""
        holds = answer is not None and answer.kind == Kind.ERROR and answer.body == bytes([kind, code])
        self.see(sent, said(answer), f"ERROR {code} to {named(kind)}", holds)

    # --- the first link --------------------------------------------------------------------------------------------

    def first_hello(self) -> None:
        """HELLO until something answers. Raises RigUnavailable, RigRefused."""
        began_s = self.wire.now_s()
        self.link, heard = self._new_link(), False
        while self.wire.now_s() - began_s < OPEN_FOR_S:
            self.seq = (self.seq + 1) % 65536
            answer = self.ask(Kind.HELLO, wait_s=HELLO_EVERY_S, ahead=b"\0")
            heard = heard or answer is not None or self._decoder.bad_frames > 0 or self._decoder.within
            if answer is None:
                continue
            if answer.kind == Kind.ERROR and answer.body[1:] == b"\1":
                raise RigRefused(
                    f"the rig on {self.port} speaks another version of the protocol than {VERSION}; bring one of "
                    "the two up to date"
                )
            if answer.kind != Kind.HELLO | 0x80:
                continue
            try:
                self.told = Identification.parse(answer.body)
            except WireError as error:
                raise RigRefused(f"the rig on {self.port} does not keep to the protocol: {error}") from None
            if not self.told.protocol_min <= VERSION <= self.told.protocol_max:
                raise RigRefused(
                    f"the rig on {self.port} speaks versions {self.told.protocol_min} to {self.told.protocol_max} of "
                    f"the protocol; this speaks {VERSION}: bring one of them up to date"
                )
            self.hello_body = answer.body
            self.info = self.told.rig_info()
            self.strays.clear()
            self.misechoed.clear()
            self._measure()
            return
        if heard:
            raise RigUnavailable(
                f"what answers on {self.port} is not a rig, or its line is set otherwise than 8N1 at this baud rate: "
                "see which port the rig is on (`rfgen ports`)"
            )
        raise RigUnavailable(
            f"nothing answers on {self.port} within {OPEN_FOR_S:g} s: see that the rig has power, that the cable is "
            "in, and that this is its port (`rfgen ports`)"
        )

    def _measure(self) -> None:
        """How fast it answers, and which watchdogs to ask for."""
        times = []
        for _ in range(15):
            answer = self.request(Kind.RF_OFF)
            if answer is not None:
                times.append(answer.got_s - answer.sent_s)
        self.round_trip_s = statistics.median(times) if times else 1.0
        most_ms = self.info.watchdog_max_ms
        wanted_ms = max(self.short_ms, math.ceil(25_000 * self.round_trip_s), self.info.watchdog_min_ms)
        self.short_ms = min(wanted_ms, most_ms)
        self.long_ms = min(max(self.long_ms, 4 * self.short_ms), most_ms)

    # --- links -----------------------------------------------------------------------------------------------------

    def hello(self) -> None:
        """A new link. Raises Undecided: that HELLO is answered is for the checks of HELLO to say, and so on below."""
        while True:
            link = self._new_link()
            if link not in (self.link, 0):
                break
        self.link = link
        answer = self.request(Kind.HELLO)
        if answer is None or answer.kind != Kind.HELLO | 0x80:
            raise Undecided(f"HELLO is answered by {said(answer)}: nothing can be tried")

    def configuration(self, **changes: float) -> Configuration:
        """What CONFIGURE asks for in these checks, with changes."""
        watchdog_ms = int(changes.get("watchdog_ms", self.long_ms))
        period_ms = max(1, min(PERIOD_MS, watchdog_ms // 2))
        usual = Configuration(watchdog_ms, period_ms, self.power_w(), LIMIT_C, 1, 0)
        return usual._replace(**changes)  # type: ignore[arg-type]

    def configure(self, **changes: float) -> None:
        """CONFIGURE, accepted. Raises Undecided."""
        asked = self.configuration(**changes)
        answer = self.request(Kind.CONFIGURE, asked.pack())
        if answer is None or answer.kind != Kind.CONFIGURE | 0x80:
            raise Undecided(f"CONFIGURE is answered by {said(answer)}: nothing can be tried")
        self.watchdog_s = asked.watchdog_ms / 1000

    def fresh(self, **changes: float) -> None:
        """HELLO and CONFIGURE."""
        self.hello()
        self.configure(**changes)

    # --- exchanges -------------------------------------------------------------------------------------------------

    def power_w(self) -> float:
        """What is asked for where RF is to come."""
        return min(RADIATED_W, self.info.max_power_w)

    def command(
        self, on: bool = False, *, power_w: float | None = None, flow: float = 0.0, key: int | None = None
    ) -> bytes:
        """EXCHANGE's body, as it is told. Raises AssertionError for more RF than these checks may ask for."""
        self.tick = (self.tick + 1) % 2**32
        key = (RF_ON if on else RF_OFF_KEY) if key is None else key
        power_w = (self.power_w() if on else 0.0) if power_w is None else power_w
        assert key == RF_OFF_KEY or 0.0 <= power_w <= MOST_W, f"{power_w} W with RF on"
        return struct.pack("<IBBff", self.tick, key, 0, power_w, flow)

    def exchange(self, on: bool = False, *, flow: float = 0.0) -> Seen:
        """EXCHANGE, answered with SAMPLE. Raises Undecided."""
        body = self.command(on, flow=flow)
        answer = self.request(Kind.EXCHANGE, body)
        sample = self.sample(answer)
        if sample is None:
            raise Undecided(f"EXCHANGE is answered by {said(answer)}: nothing can be seen")
        if self._on_since_s is not None and sample.got_s - self._on_since_s > 0.7 * self.watchdog_s:
            self.was_late = True
        self._on_since_s = sample.sent_s if on else None
        return sample

    def sample(self, answer: Answer | None) -> Seen | None:
        """A reply as SAMPLE; None where it is none of this rig's."""
        if answer is None or answer.kind != Kind.EXCHANGE | 0x80:
            return None
        count = self.info.thermocouples
        if len(answer.body) != SAMPLE_HEAD.size + 28 + 4 * count:
            return None
        floats = struct.unpack_from(f"<{7 + count}f", answer.body, SAMPLE_HEAD.size)
        tick, time_us, status, trip, bad, faults = SAMPLE_HEAD.unpack_from(answer.body)
        return Seen(
            tick, time_us, status, trip, bad, faults, floats[0], floats[7:], floats[4], answer.sent_s, answer.got_s
        )  # fmt: skip

    def radiate(self) -> Seen:
        """RF on, and seen to be: the last SAMPLE. What it delivers becomes the reference. Raises Undecided."""
        step_s = min(SETTLE_S, 0.3 * self.watchdog_s)
        for _ in range(1 + math.ceil(SETTLE_S / step_s)):
            self.exchange(True)
            self.pause(step_s)
        sample = self.exchange(True)
        if not sample.rf_on:
            raise Undecided(f"RF does not come: {sample}{_why(sample)}")
        self.reference_w = sample.power_w
        return sample

    def pause(self, seconds: float) -> None:
        """Let time pass while RF may be on."""
        self.wire.sleep(seconds)

    def silence(self, seconds: float) -> None:
        """Say nothing for so long, on purpose."""
        self.wire.sleep(seconds)
        self._on_since_s = None

    def measures(self) -> bool:
        """The rig's meter sees the RF that it delivers."""
        return self.reference_w >= SEEN_W

    def on_s(self, since: Seen, sample: Seen) -> float:
        """For how long RF was on between two SAMPLEs that follow each other, at least, by the power delivered."""
        if not self.measures() or not math.isfinite(sample.power_w):
            return 0.0
        return max(0.0, sample.power_w / self.reference_w * (sample.sent_s - since.got_s))

    def see_off_since(self, sent: str, since: Seen, answered_s: float, *, trip: int | None = 0) -> Seen:
        """RF went off by `answered_s` and has stayed off; `since` is the last SAMPLE before. Raises Broken."""
        most_on_s = answered_s - since.sent_s
        wait_s = max(3.0 * most_on_s, SETTLE_S)
        if most_on_s + wait_s > 0.7 * self.watchdog_s:
            raise Undecided(f"this host took {1000 * most_on_s:.0f} ms over a request")
        self._on_since_s = None
        self.pause(wait_s)
        sample = self.exchange(False)
        waited_s = sample.sent_s - answered_s
        on_s = self.on_s(since, sample)
        held = trip is None or sample.trip == trip
        due = "RF off" + ("" if trip is None else f", rig_trip {trip}")
        if on_s:
            due += f", and on for {1000 * most_on_s:.0f} ms at most after the last SAMPLE"
        came = f"{sample}; on for {1000 * on_s:.0f} ms by the power delivered" if self.measures() else str(sample)
        self.see(sent, came, due, not sample.rf_on and held and on_s <= most_on_s + 0.5 * waited_s)
        return sample

    def needs(self, capability: Capability, what: str) -> None:
        """Raises LeftOut where the rig does not claim it."""
        if capability not in self.info.capabilities:
            raise LeftOut(f"this rig has no {what}")

    def goodbye(self) -> None:
        """RF off and BYE, whatever state things are in."""
        for _ in range(3):
            self.seq = (self.seq + 1) % 65536
            if self.ask(Kind.RF_OFF, wait_s=0.2, ahead=b"\0") is not None:
                break
        self.seq = (self.seq + 1) % 65536
        self.ask(Kind.BYE, wait_s=0.2)


def _why(sample: Seen) -> str:
    if sample.trip == RigTrip.THERMOCOUPLE:
        return "; plug a thermocouple into channel 0"
    return "; take away what holds RF off" if sample.trip else ""
