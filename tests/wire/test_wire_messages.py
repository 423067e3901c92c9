"""Messages: each body to the byte, there and back, and what is refused."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Capability, RigConfig, RigIdentity, RigInfo, Sample
from hal.wiremessages import (
    Configuration,
    Exchange,
    Header,
    Identification,
    Refusal,
    WireError,
    binary32,
    exchange_body,
    message,
    newer,
    pack_sample,
    pack_status,
    parse_header,
    parse_sample,
    parse_status,
    sample_bytes,
)

ALL = Capability(0x1FF)
f32 = st.floats(width=32)
finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
u16 = st.integers(0, 65535)
u32 = st.integers(0, 2**32 - 1)
INFO = RigInfo(RigIdentity("m", "s", "f"), False, 4, Capability(0), 7, 20, 1000, 50.0)
CONFIG = Configuration(200, 20, 15.0, 112.0, 0b1, 0)


def same(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    """Equal, NaN being equal to itself."""
    return repr(a) == repr(b)


@settings(deadline=None)
@given(st.integers(0, 255), u16, u16, st.binary(max_size=240), st.integers(0, 255))
def test_a_header_is_six_bytes_in_the_order_of_the_page(
    kind: int, link: int, seq: int, body: bytes, version: int
) -> None:
    from hal.wire import decode_frame

    payload = decode_frame(message(kind, link, seq, body, version)[:-1])
    assert payload == struct.pack("<BBHH", version, kind, link, seq) + body
    assert parse_header(payload) == Header(version, kind, link, seq)


@pytest.mark.parametrize(
    ("seq", "last", "is_newer"),
    [
        (1, 0, True),
        (0, 0, False),
        (0, 1, False),
        (32767, 0, True),
        (32768, 0, False),
        (0, 65535, True),
        (65535, 0, False),
    ],
)  # fmt: skip
def test_sequence_numbers_wrap(seq: int, last: int, is_newer: bool) -> None:
    assert newer(seq, last) is is_newer


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=16).filter(
    lambda text: len(text.encode()) <= 16
)


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 8), st.integers(0, 0x1FF), u32, st.integers(1, 500), st.integers(500, 65535)),
    st.floats(0.5, 400.0, width=32),
    st.tuples(names, names, names),
)
def test_what_a_rig_is_comes_back(fixed: tuple[int, ...], power_w: float, told: tuple[str, str, str]) -> None:
    thermocouples, bits, boots, least, most = fixed
    info = RigInfo(RigIdentity(*told), bool(bits & 32), thermocouples, Capability(bits), boots, least, most, power_w)
    body = Identification.of(info).pack()
    assert len(body) == 68
    assert body[:4] == bytes([1, 1, thermocouples, 0])
    assert struct.unpack_from("<IIHHf", body, 4) == (bits, boots, least, most, power_w)
    assert body[20:36] == told[0].encode().ljust(16, b"\0")
    assert Identification.parse(body).rig_info() == info


def test_a_name_too_long_loses_its_end_at_a_character() -> None:
    info = INFO._replace(identity=RigIdentity("x" * 15 + "°", "s" * 40, ""))
    parsed = Identification.parse(Identification.of(info).pack())
    assert (parsed.model, parsed.serial) == ("x" * 15, "s" * 16)
    with pytest.raises(WireError, match="more than 16 bytes"):
        Identification.of(INFO)._replace(model="x" * 17).pack()


@pytest.mark.parametrize(
    ("at", "put", "said"),
    [
        (0, b"\2", "speaks versions 2 to 1"),
        (2, b"\0", "has 0 thermocouples"),
        (2, b"\x09", "has 9 thermocouples"),
        (3, b"\1", "has 1 where 0 is reserved"),
        (5, b"\2", "claims unknown capabilities 0x200"),
        (12, b"\0\0", "takes a watchdog of 0 to 1000 ms"),
        (14, b"\1\0", "takes a watchdog of 20 to 1 ms"),
        (16, struct.pack("<f", math.nan), "gives nan W"),
        (16, struct.pack("<f", math.inf), "gives inf W"),
        (16, bytes(4), "gives 0.0 W"),
        (20, b"a\0b" + bytes(13), "bytes after its end"),
        (20, b"\xff" + bytes(15), "not UTF-8"),
    ],
)
def test_what_no_rig_can_be_is_refused(at: int, put: bytes, said: str) -> None:
    body = bytearray(Identification.of(INFO).pack())
    body[at : at + len(put)] = put
    with pytest.raises(WireError, match=said):
        Identification.parse(bytes(body))


@settings(deadline=None)
@given(u16, u16, f32, f32, st.integers(0, 255), st.integers(0, 255))
def test_a_configuration_comes_back(
    watchdog_ms: int, period_ms: int, power_w: float, limit_c: float, channels: int, flags: int
) -> None:
    sent = Configuration(watchdog_ms, period_ms, power_w, limit_c, channels, flags)
    body = sent.pack()
    assert len(body) == 14
    assert same(
        Configuration.parse(body), sent._replace(power_limit_w=power_w + 0.0, temperature_limit_c=limit_c + 0.0)
    )


def test_a_configuration_crosses_the_seam() -> None:
    config = RigConfig(200, 20_000, 15.0, 112.0, 0b101, True)
    assert Configuration.of(config) == Configuration(200, 20, 15.0, 112.0, 0b101, 1)
    assert Configuration.of(config).rig_config() == config
    with pytest.raises(WireError, match="a period of 20500 us: the line carries whole milliseconds"):
        Configuration.of(config._replace(period_us=20_500))
    for field in ("watchdog_ms", "channels"):
        with pytest.raises(WireError, match="CONFIGURE cannot be sent"):
            Configuration.of(config._replace(**{field: 70_000})).pack()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"period_ms": 0}, "a period of 0 ms"),
        ({"watchdog_ms": 39}, "a watchdog of 39 ms"),
        ({"watchdog_ms": 19, "period_ms": 1}, "a watchdog of 19 ms"),
        ({"watchdog_ms": 1001}, "a watchdog of 1001 ms"),
        ({"power_limit_w": 0.0}, "a power limit of 0 W"),
        ({"power_limit_w": -0.0}, "a power limit of -0 W"),
        ({"power_limit_w": 50.01}, "a power limit of 50.01 W"),
        ({"power_limit_w": math.nan}, "a power limit of nan W"),
        ({"power_limit_w": math.inf}, "a power limit of inf W"),
        ({"temperature_limit_c": 0.0}, "a temperature limit of 0 C"),
        ({"temperature_limit_c": 150.1}, "a temperature limit of 150.1 C"),
        ({"temperature_limit_c": math.nan}, "a temperature limit of nan C"),
        ({"channels": 0b10}, "channels 0b10"),
        ({"channels": 0b10001}, "channels 0b10001"),
        ({"flags": 2}, "flags 0x2"),
        ({"flags": 1}, "a return electrode to be watched"),
    ],
)
def test_what_a_rig_cannot_do_is_refused(change: dict[str, float], said: str) -> None:
    assert CONFIG.refusal(INFO) is None
    assert CONFIG._replace(**change).refusal(INFO) == said


@pytest.mark.parametrize(
    "change",
    [
        {"watchdog_ms": 40}, {"watchdog_ms": 1000}, {"power_limit_w": 50.0}, {"temperature_limit_c": 150.0},
        {"channels": 0b1111},
    ],
)  # fmt: skip
def test_the_edges_of_what_it_can_do_are_taken(change: dict[str, float]) -> None:
    assert CONFIG._replace(**change).refusal(INFO) is None


@settings(deadline=None)
@given(u32, st.booleans(), f32, f32)
def test_a_command_comes_back(tick: int, rf_on: bool, power_w: float, flow: float) -> None:
    body = exchange_body(tick, rf_on, power_w, flow)
    assert len(body) == 14
    assert body[4] == (0xC3 if rf_on else 0x3C)
    parsed = Exchange.parse(body)
    assert same(parsed, Exchange(tick, body[4], 0, power_w + 0.0, flow + 0.0))
    assert parsed.pack() == body


def test_minus_nothing_is_sent_and_taken_as_nothing() -> None:
    assert exchange_body(1, True, -0.0, -0.0) == exchange_body(1, True, 0.0, 0.0)
    taken = Exchange.parse(struct.pack("<IBBff", 1, 0xC3, 0, -0.0, -0.0))
    assert math.copysign(1.0, taken.power_w) == math.copysign(1.0, taken.flow_ml_min) == 1.0
    assert taken.refusal(10.0, pump=False) is None
    assert math.copysign(1.0, binary32(-0.0)) == 1.0


@pytest.mark.parametrize(
    ("change", "pump", "said"),
    [
        ({}, False, None),
        ({"power_w": 10.0}, False, None),
        ({"power_w": 10.0001}, False, "10.0001 W"),
        ({"power_w": -0.01}, False, "-0.01 W"),
        ({"power_w": math.nan}, False, "nan W"),
        ({"power_w": math.inf}, False, "inf W"),
        ({"flow_ml_min": 1.0}, True, None),
        ({"flow_ml_min": 1.0}, False, "1 ml/min"),
        ({"flow_ml_min": -1.0}, True, "-1 ml/min"),
        ({"flow_ml_min": math.nan}, True, "nan ml/min"),
        ({"flow_ml_min": math.inf}, True, "inf ml/min"),
        ({"rf_key": 0xC2}, False, "rf_key 0xc2"),
        ({"rf_key": 0}, False, "rf_key 0x0"),
        ({"reserved": 1}, False, "1 where 0 is reserved"),
    ],
)
def test_a_value_is_taken_or_refused(change: dict[str, float], pump: bool, said: str | None) -> None:
    command = Exchange(1, 0xC3, 0, 5.0, 0.0)._replace(**change)  # type: ignore[arg-type]
    assert command.refusal(10.0, pump) == said


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    count = draw(st.integers(1, 8))
    return Sample(
        draw(u32), draw(st.integers(0, 2**64 - 1)), *(draw(st.booleans()) for _ in range(8)),
        draw(st.integers(0, 7)), draw(u16), draw(st.integers(0, 4**count - 1)),
        *(draw(f32) for _ in range(7)), tuple(draw(st.lists(f32, min_size=count, max_size=count))),
    )  # fmt: skip


@settings(deadline=None)
@given(samples())
def test_a_sample_comes_back_to_the_bit(sample: Sample) -> None:
    body = pack_sample(sample)
    count = len(sample.temperature_c)
    assert len(body) == sample_bytes(count) == 18 + 28 + 4 * count
    back = parse_sample(body, count, ALL)
    plus = [value + 0.0 for value in sample[13:20]]
    assert same(back, Sample(*sample[:13], *plus, tuple(value + 0.0 for value in sample.temperature_c)))


@settings(deadline=None)
@given(samples(), st.integers(0, 0x1FF))
def test_what_is_not_claimed_says_nothing(sample: Sample, bits: int) -> None:
    claimed = Capability(bits)
    read = parse_sample(pack_sample(sample), len(sample.temperature_c), claimed)
    if Capability.PUMP not in claimed:
        assert math.isnan(read.flow_ml_min)
        assert read.pump_on is False
    if Capability.PHASE not in claimed:
        assert math.isnan(read.phase_deg)
    if Capability.RETURN_MONITOR not in claimed:
        assert read.return_attached is True
    if Capability.START_SWITCH not in claimed:
        assert read.start_pressed is False
    if Capability.STAGE_TEMPERATURE not in claimed:
        assert math.isnan(read.stage_c)
    if Capability.COOLANT_TEMPERATURE not in claimed:
        assert math.isnan(read.coolant_c)
    for name in ("tick", "rig_time_us", "rf_on", "loop_closed", "estop_pressed", "stage_fault", "rig_trip", "tc_fault"):
        assert getattr(read, name) == getattr(sample, name)


def test_faults_of_channels_that_it_has_not_say_nothing() -> None:
    body = bytearray(pack_sample(Sample(1, 2, *[False] * 8, 0, 0, 0b01, *[1.0] * 7, (20.0,))))
    body[16:18] = b"\xfd\xff"
    assert parse_sample(bytes(body), 1, ALL).tc_fault == 0b01


def test_status_bits_stand_where_the_page_says() -> None:
    names = (
        "rf_on", "pump_on", "watchdog_tripped", "loop_closed", "start_pressed", "estop_pressed", "return_attached",
        "stage_fault",
    )  # fmt: skip
    none = Sample(0, 0, *[False] * 8, 0, 0, 0, *[0.0] * 7, (20.0,))
    for bit, name in enumerate(names):
        assert pack_status(none._replace(**{name: True})) == 1 << bit
    assert parse_status(b"\x81") == 0x81


@pytest.mark.parametrize("extra", [-1, 1])
def test_bodies_of_another_length_are_refused(extra: int) -> None:
    def cut(body: bytes) -> bytes:
        return body[:-1] if extra < 0 else body + b"\0"

    sample = Sample(0, 0, *[False] * 8, 0, 0, 0, *[0.0] * 7, (20.0, 21.0))
    for attempt in (
        lambda: Identification.parse(cut(Identification.of(INFO).pack())),
        lambda: Configuration.parse(cut(CONFIG.pack())),
        lambda: Exchange.parse(cut(exchange_body(1, True, 1.0, 0.0))),
        lambda: parse_sample(cut(pack_sample(sample)), 2, ALL),
        lambda: parse_status(cut(b"\1")),
        lambda: Refusal.parse(cut(b"\3\5")),
    ):
        with pytest.raises(WireError, match="has a body of"):
            attempt()


def test_errors_have_the_codes_there_are() -> None:
    for code in range(1, 8):
        assert Refusal.parse(Refusal(3, code).pack()) == (3, code)
    for code in (0, 8, 255):
        with pytest.raises(WireError, match=f"ERROR has the code {code}"):
            Refusal.parse(bytes([3, code]))


@settings(deadline=None)
@given(finite32)
def test_a_number_on_the_line_is_what_it_is(value: float) -> None:
    assert binary32(value) == value


def test_a_number_too_large_for_the_line_is_an_error() -> None:
    with pytest.raises(WireError, match="too large for the line"):
        binary32(1e300)
    with pytest.raises(WireError, match="EXCHANGE cannot be sent"):
        exchange_body(1, True, 1e300, 0.0)
