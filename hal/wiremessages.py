"""What a frame's payload says: a header of six bytes, then the body of a request or of its reply.

Each body has a record with `pack` and a strict `parse`, which raises WireError for what the contract does not allow.
Numbers are little-endian, floats IEEE 754 binary32, and -0.0 is sent and taken as 0.
"""

from __future__ import annotations

import enum
import math
import struct
from typing import Any, NamedTuple

from hal.types import Capability, RigConfig, RigIdentity, RigInfo, Sample
from hal.wire import encode_frame

VERSION = 1
REPLY = 0x80
"""Set in a reply's kind."""
LEAST_WRONG_KIND = 0x7F
"""From here on a kind is no request."""
RF_ON, RF_OFF_KEY = 0xC3, 0x3C
"""The two values of `rf_key`: every bit differs, so that no damaged or forgotten byte means on."""
MOST_THERMOCOUPLES = 8
RETURN_REQUIRED = 1
"""CONFIGURE's only flag."""
_CAPABILITIES = sum(Capability)

new_record = tuple.__new__


class Kind(enum.IntEnum):
    """Requests; a reply has the same number with bit 7 set."""

    HELLO = 0x01
    CONFIGURE = 0x02
    EXCHANGE = 0x03
    RF_OFF = 0x04
    BYE = 0x05
    ERROR = 0xFF


class ErrorCode(enum.IntEnum):
    """Why a request was not carried out."""

    VERSION = 1
    NO_SUCH_LINK = 2
    KIND_OR_LENGTH = 3
    NOT_CONFIGURED = 4
    VALUE_REFUSED = 5
    OLD_SEQUENCE = 6
    NOT_NOW = 7


class WireError(ValueError):
    """A message that the contract does not allow; says what is wrong with it."""


class Header(NamedTuple):
    """In front of every body."""

    version: int
    kind: int
    link: int
    seq: int


_HEADER = struct.Struct("<BBHH")
HEADER_BYTES = _HEADER.size


def parse_header(payload: bytes) -> Header:
    """A payload's header; every valid frame has one."""
    return Header._make(_HEADER.unpack_from(payload))


def message(kind: int, link: int, seq: int, body: bytes = b"", version: int = VERSION) -> bytes:
    """A whole frame, ready for the line."""
    return encode_frame(_HEADER.pack(version, kind, link, seq) + body)


def newer(seq: int, last: int) -> bool:
    """Whether `seq` comes after `last`, both counting in 16 bits."""
    return 1 <= (seq - last) % 65536 <= 32767


def binary32(value: float) -> float:
    """As the line carries it. Raises WireError for a finite number too large for it."""
    try:
        carried: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        raise WireError(f"{value!r} is too large for the line") from None
    return carried + 0.0  # -0.0 becomes 0


def _unpack(layout: struct.Struct, body: bytes, name: str) -> tuple[Any, ...]:
    if len(body) != layout.size:
        raise WireError(f"{name} has a body of {len(body)} bytes; it has {layout.size}")
    return layout.unpack(body)


def _pack(layout: struct.Struct, name: str, *values: object) -> bytes:
    try:
        return layout.pack(*values)
    except (struct.error, OverflowError) as error:
        raise WireError(f"{name} cannot be sent: {error}") from None


# --- HELLO's reply -------------------------------------------------------------------------------------------------

_IDENTIFICATION = struct.Struct("<BBBBIIHHf16s16s16s")
_NAME_BYTES = 16


class Identification(NamedTuple):
    """HELLO's reply: what the rig is."""

    protocol_min: int
    protocol_max: int
    thermocouples: int
    capabilities: Capability
    boot_count: int
    watchdog_min_ms: int
    watchdog_max_ms: int
    max_power_w: float
    model: str
    serial: str
    firmware: str

    @classmethod
    def of(cls, info: RigInfo) -> Identification:
        """For a rig that speaks this version alone. Names too long for the line lose their end."""
        names = (_shortened(name) for name in info.identity)
        return cls(
            VERSION, VERSION, info.thermocouples, info.capabilities, info.boot_count,
            info.watchdog_min_ms, info.watchdog_max_ms, info.max_power_w, *names,
        )  # fmt: skip

    def rig_info(self) -> RigInfo:
        """The same at the seam."""
        return RigInfo(
            identity=RigIdentity(self.model, self.serial, self.firmware),
            simulated=Capability.SIMULATION in self.capabilities,
            thermocouples=self.thermocouples,
            capabilities=self.capabilities,
            boot_count=self.boot_count,
            watchdog_min_ms=self.watchdog_min_ms,
            watchdog_max_ms=self.watchdog_max_ms,
            max_power_w=self.max_power_w,
        )

    def pack(self) -> bytes:
        """The body. Raises WireError for what has no place in it."""
        names = [name.encode() for name in (self.model, self.serial, self.firmware)]
        if any(len(name) > _NAME_BYTES for name in names):
            raise WireError(f"a name of more than {_NAME_BYTES} bytes: {max(names, key=len)!r}")
        return _pack(
            _IDENTIFICATION, "HELLO's reply", self.protocol_min, self.protocol_max, self.thermocouples, 0,
            int(self.capabilities), self.boot_count, self.watchdog_min_ms, self.watchdog_max_ms, self.max_power_w,
            *names,
        )  # fmt: skip

    @classmethod
    def parse(cls, body: bytes) -> Identification:
        """Raises WireError. A rig that does not speak this version is told by the caller, from the two versions."""
        least, most, thermocouples, reserved, capabilities, boots, dog_min, dog_max, power_w, *raw = _unpack(
            _IDENTIFICATION, body, "HELLO's reply"
        )
        names = [_name(part) for part in raw]
        wrong = [
            said
            for holds, said in (
                (least <= most, f"speaks versions {least} to {most}"),
                (1 <= thermocouples <= MOST_THERMOCOUPLES, f"has {thermocouples} thermocouples; 1 to 8 are possible"),
                (reserved == 0, f"has {reserved} where 0 is reserved"),
                (not capabilities & ~_CAPABILITIES, f"claims unknown capabilities {capabilities & ~_CAPABILITIES:#x}"),
                (1 <= dog_min <= dog_max, f"takes a watchdog of {dog_min} to {dog_max} ms"),
                (0.0 < power_w < math.inf, f"gives {power_w!r} W at most"),
            )
            if not holds
        ]
        if wrong:
            raise WireError(f"HELLO's reply {'; '.join(wrong)}")
        return cls(least, most, thermocouples, Capability(capabilities), boots, dog_min, dog_max, power_w, *names)


def _shortened(name: str) -> str:
    return name.encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore")


def _name(raw: bytes) -> str:
    text, zero, rest = raw.partition(b"\0")
    if zero and rest.strip(b"\0"):
        raise WireError(f"HELLO's reply has a name with bytes after its end: {raw!r}")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise WireError(f"HELLO's reply has a name that is not UTF-8: {raw!r}") from None


# --- CONFIGURE, both ways ------------------------------------------------------------------------------------------

_CONFIGURATION = struct.Struct("<HHffBB")


class Configuration(NamedTuple):
    """CONFIGURE and its reply."""

    watchdog_ms: int
    period_ms: int
    power_limit_w: float
    temperature_limit_c: float
    channels: int
    flags: int

    @classmethod
    def of(cls, config: RigConfig) -> Configuration:
        """Raises WireError for a period that is not of whole milliseconds."""
        if config.period_us % 1000:
            raise WireError(f"a period of {config.period_us} us: the line carries whole milliseconds")
        flags = RETURN_REQUIRED if config.return_electrode_required else 0
        return cls(
            config.watchdog_ms, config.period_us // 1000, config.power_limit_w, config.temperature_limit_c,
            config.channels, flags,
        )  # fmt: skip

    def rig_config(self) -> RigConfig:
        """The same at the seam."""
        return RigConfig(
            watchdog_ms=self.watchdog_ms,
            period_us=self.period_ms * 1000,
            power_limit_w=self.power_limit_w,
            temperature_limit_c=self.temperature_limit_c,
            channels=self.channels,
            return_electrode_required=bool(self.flags & RETURN_REQUIRED),
        )

    def pack(self) -> bytes:
        """The body. Raises WireError for what has no place in it."""
        watchdog_ms, period_ms, power_w, limit_c, channels, flags = self
        return _pack(_CONFIGURATION, "CONFIGURE", watchdog_ms, period_ms, power_w + 0.0, limit_c + 0.0, channels, flags)

    @classmethod
    def parse(cls, body: bytes) -> Configuration:
        """By its length alone: whether a rig can do it is `refusal`'s question. Raises WireError."""
        watchdog_ms, period_ms, power_w, limit_c, channels, flags = _unpack(_CONFIGURATION, body, "CONFIGURE")
        return cls(watchdog_ms, period_ms, power_w + 0.0, limit_c + 0.0, channels, flags)

    def refusal(self, info: RigInfo) -> str | None:
        """Why this rig cannot do it; None where it can."""
        least_ms = max(info.watchdog_min_ms, 2 * self.period_ms)
        for holds, said in (
            (self.period_ms >= 1, "a period of 0 ms"),
            (least_ms <= self.watchdog_ms <= info.watchdog_max_ms, f"a watchdog of {self.watchdog_ms} ms"),
            (0.0 < self.power_limit_w <= binary32(info.max_power_w), f"a power limit of {self.power_limit_w:g} W"),
            (0.0 < self.temperature_limit_c <= 150.0, f"a temperature limit of {self.temperature_limit_c:g} C"),
            (self.channels & 1 and not self.channels >> info.thermocouples, f"channels {self.channels:#b}"),
            (not self.flags & ~RETURN_REQUIRED, f"flags {self.flags:#x}"),
            (
                not self.flags & RETURN_REQUIRED or Capability.RETURN_MONITOR in info.capabilities,
                "a return electrode to be watched",
            ),
        ):
            if not holds:
                return said
        return None


# --- EXCHANGE and SAMPLE -------------------------------------------------------------------------------------------

_EXCHANGE = struct.Struct("<IBBff")


class Exchange(NamedTuple):
    """EXCHANGE: one tick's command."""

    tick: int
    rf_key: int
    reserved: int
    power_w: float
    flow_ml_min: float

    def pack(self) -> bytes:
        """The body. Raises WireError for what has no place in it."""
        tick, key, reserved, power_w, flow = self
        return _pack(_EXCHANGE, "EXCHANGE", tick, key, reserved, power_w + 0.0, flow + 0.0)

    @classmethod
    def parse(cls, body: bytes) -> Exchange:
        """By its length alone. Raises WireError."""
        tick, key, reserved, power_w, flow = _unpack(_EXCHANGE, body, "EXCHANGE")
        return cls(tick, key, reserved, power_w + 0.0, flow + 0.0)

    def refusal(self, power_limit_w: float, pump: bool) -> str | None:
        """Why a rig with this limit cannot do it; None where it can."""
        if self.rf_key not in (RF_ON, RF_OFF_KEY):
            return f"rf_key {self.rf_key:#x}"
        if self.reserved:
            return f"{self.reserved} where 0 is reserved"
        if not 0.0 <= self.power_w <= power_limit_w:
            return f"{self.power_w:g} W"
        if not 0.0 <= self.flow_ml_min < math.inf or (self.flow_ml_min > 0.0 and not pump):
            return f"{self.flow_ml_min:g} ml/min"
        return None


def exchange_body(tick: int, rf_on: bool, power_w: float, flow_ml_min: float) -> bytes:
    """EXCHANGE's body without a record in between, for the one message that is sent every tick."""
    key = RF_ON if rf_on else RF_OFF_KEY
    return _pack(_EXCHANGE, "EXCHANGE", tick, key, 0, power_w + 0.0, flow_ml_min + 0.0)


_SAMPLES = [struct.Struct(f"<IQBBHH{7 + n}f") for n in range(MOST_THERMOCOUPLES + 1)]


def pack_status(sample: Sample) -> int:
    """SAMPLE's and RF_OFF's status byte."""
    return (
        sample.rf_on
        | sample.pump_on << 1
        | sample.watchdog_tripped << 2
        | sample.loop_closed << 3
        | sample.start_pressed << 4
        | sample.estop_pressed << 5
        | sample.return_attached << 6
        | sample.stage_fault << 7
    )


def pack_sample(sample: Sample) -> bytes:
    """SAMPLE's body. Raises WireError for what has no place in it."""
    numbers = [value + 0.0 for value in (*sample[13:20], *sample.temperature_c)]
    return _pack(
        _SAMPLES[len(sample.temperature_c)], "SAMPLE", sample.tick, sample.rig_time_us, pack_status(sample),
        sample.rig_trip, min(sample.bad_frames, 65535), sample.tc_fault, *numbers,
    )  # fmt: skip


def parse_sample(body: bytes, thermocouples: int, capabilities: Capability) -> Sample:
    """SAMPLE as this rig means it: what it does not claim carries no information, and reads as absent or harmless.

    A number that is not finite stays what it is, for the interlocks to judge. Raises WireError for a body of another
    length than a rig with so many `thermocouples` sends.
    """
    layout = _SAMPLES[thermocouples]
    if len(body) != layout.size:
        raise WireError(
            f"SAMPLE has a body of {len(body)} bytes; with {thermocouples} thermocouples it has {layout.size}"
        )
    (tick, time_us, status, trip, bad, faults, power_w, voltage_v, current_a, phase, flow, coolant, stage, *read) = (
        layout.unpack(body)
    )
    caps = int(capabilities)
    nan = math.nan
    return new_record(
        Sample,
        (
            tick, time_us,
            status & 1 != 0,
            status & 2 != 0 and caps & 1 != 0,
            status & 4 != 0,
            status & 8 != 0,
            status & 16 != 0 and caps & 8 != 0,
            status & 32 != 0,
            status & 64 != 0 or not caps & 4,
            status & 128 != 0,
            trip, bad, faults & ((1 << 2 * thermocouples) - 1),
            power_w, voltage_v, current_a,
            phase if caps & 2 else nan,
            flow if caps & 1 else nan,
            coolant if caps & 128 else nan,
            stage if caps & 64 else nan,
            tuple(read),
        ),
    )  # fmt: skip


def sample_bytes(thermocouples: int) -> int:
    """Length of a SAMPLE's body."""
    return _SAMPLES[thermocouples].size


# --- RF_OFF's reply, and ERROR -------------------------------------------------------------------------------------


def parse_status(body: bytes) -> int:
    """RF_OFF's reply: the status byte. Raises WireError."""
    if len(body) != 1:
        raise WireError(f"RF_OFF's reply has a body of {len(body)} bytes; it has 1")
    return body[0]


class Refusal(NamedTuple):
    """ERROR: which kind of request was not carried out, and why. RF is off on the rig's side."""

    kind: int
    code: int

    def pack(self) -> bytes:
        """The body."""
        return bytes(self)

    @classmethod
    def parse(cls, body: bytes) -> Refusal:
        """Raises WireError for another length, or a code that there is not."""
        if len(body) != 2:
            raise WireError(f"ERROR has a body of {len(body)} bytes; it has 2")
        if body[1] not in ErrorCode.__members__.values():
            raise WireError(f"ERROR has the code {body[1]}; there are 1 to 7")
        return cls(body[0], body[1])
