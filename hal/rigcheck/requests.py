"""Requests one by one: what they are answered with, and what is refused."""

from __future__ import annotations

import math
import struct

from hal.rigcheck.answers import said
from hal.rigcheck.talk import FLOW_ML_MIN, MOST_W, Talk
from hal.rigcheck.verdicts import Check, LeftOut, Undecided
from hal.types import Capability
from hal.wiremessages import REPLY, Configuration, Exchange, Identification, Kind, WireError


def hello_says_what_it_is(talk: Talk) -> None:
    for _ in range(2):
        talk.hello()
        answer = talk.ask(Kind.HELLO)  # HELLO has no retransmission: it is HELLO again
        body = b"" if answer is None else answer.body
        try:
            Identification.parse(body)
            wrong = ""
        except WireError as error:
            wrong = str(error)
        came = wrong or (
            "the same as before" if body == talk.hello_body else f"{body.hex()}, before {talk.hello_body.hex()}"
        )
        talk.see(
            "HELLO again",
            came,
            "HELLO's reply of 68 bytes in its ranges, always the same",
            not wrong and body == talk.hello_body,
        )


def configure_reads_back(talk: Talk) -> None:
    info = talk.info
    every = (1 << info.thermocouples) - 1
    talk.hello()
    for asked in (
        talk.configuration(),
        talk.configuration(watchdog_ms=info.watchdog_max_ms, power_limit_w=0.123, temperature_limit_c=LIMIT_ODD_C),
        talk.configuration(
            watchdog_ms=max(info.watchdog_min_ms, 2), period_ms=1, temperature_limit_c=150.0, channels=every
        ),
        talk.configuration(power_limit_w=info.max_power_w, period_ms=max(1, talk.long_ms // 2)),
    ):
        answer = talk.request(Kind.CONFIGURE, asked.pack())
        holds = answer is not None and answer.kind == Kind.CONFIGURE | REPLY and answer.body == asked.pack()
        came = said(answer) if answer is None or answer.kind == Kind.ERROR else answer.body.hex()
        talk.see(f"CONFIGURE {asked.pack().hex()}", came, "the same 14 bytes", holds)


LIMIT_ODD_C = 77.7
"""No value that a rig would round to."""


def configure_refuses(talk: Talk) -> None:
    info = talk.info
    usual = talk.configuration()
    wrong: list[tuple[str, Configuration]] = [
        ("a period of 0 ms", usual._replace(period_ms=0)),
        ("a watchdog under two periods", usual._replace(period_ms=usual.watchdog_ms // 2 + 1)),
        ("a power limit of 0 W", usual._replace(power_limit_w=0.0)),
        ("a power limit of -1 W", usual._replace(power_limit_w=-1.0)),
        ("a power limit over its stage's", usual._replace(power_limit_w=1.01 * info.max_power_w)),
        ("a power limit that is no number", usual._replace(power_limit_w=math.nan)),
        ("an endless power limit", usual._replace(power_limit_w=math.inf)),
        ("a temperature limit of 0 C", usual._replace(temperature_limit_c=0.0)),
        ("a temperature limit of 150.5 C", usual._replace(temperature_limit_c=150.5)),
        ("a temperature limit that is no number", usual._replace(temperature_limit_c=math.nan)),
        ("no channel 0", usual._replace(channels=2 if info.thermocouples > 1 else 0)),
        ("an unknown flag", usual._replace(flags=2)),
    ]
    if info.watchdog_min_ms > 2:
        wrong.append(("a watchdog under its least", usual._replace(watchdog_ms=info.watchdog_min_ms - 1, period_ms=1)))
    if info.watchdog_max_ms < 65535:
        wrong.append(("a watchdog over its most", usual._replace(watchdog_ms=info.watchdog_max_ms + 1)))
    if info.thermocouples < 8:
        wrong.append(("a channel that it has not", usual._replace(channels=1 | 1 << info.thermocouples)))
    if Capability.RETURN_MONITOR not in info.capabilities:
        wrong.append(("a return electrode that it cannot watch", usual._replace(flags=1)))
    talk.hello()
    for what, asked in wrong:
        answer = talk.request(Kind.CONFIGURE, asked.pack())
        talk.see_error(f"CONFIGURE with {what}", answer, Kind.CONFIGURE, 5)


def a_refused_configure_unconfigures(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    talk.request(Kind.CONFIGURE, talk.configuration(flags=2).pack())
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see_error("CONFIGURE, CONFIGURE with an unknown flag, EXCHANGE", answer, Kind.EXCHANGE, 4)


def power_is_refused(talk: Talk) -> None:
    talk.fresh(power_limit_w=0.9 * talk.power_w())
    answer = talk.request(Kind.EXCHANGE, talk.command(True))
    what = f"EXCHANGE with RF on and {talk.power_w():g} W under a limit of {0.9 * talk.power_w():.2f} W"
    talk.see_error(what, answer, Kind.EXCHANGE, 5)
    # what a rig might make anything of is sent with the off key
    for power_w in (MOST_W, -0.1, math.nan, math.inf, 1e9):
        answer = talk.request(Kind.EXCHANGE, talk.command(False, power_w=power_w))
        talk.see_error(f"EXCHANGE with RF off and {power_w:g} W", answer, Kind.EXCHANGE, 5)
    for edge_w in (-0.0, 0.0):
        body = Exchange(talk.tick, 0x3C, 0, 0.0, 0.0).pack()[:6] + struct.pack("<ff", edge_w, edge_w)
        answer = talk.request(Kind.EXCHANGE, body)
        talk.see(f"EXCHANGE with RF off and {edge_w} W", said(answer), "SAMPLE", talk.sample(answer) is not None)


def keys_are_refused(talk: Talk) -> None:
    talk.fresh()
    for key in (0x00, 0x01, 0xFF, 0xC2, 0x3D, 0x43):
        # a rig that takes any key but off for on gets no power with it
        answer = talk.request(Kind.EXCHANGE, talk.command(False, power_w=0.0)[:4] + bytes([key]) + bytes(9))
        talk.see_error(f"EXCHANGE with rf_key {key:#04x}", answer, Kind.EXCHANGE, 5)


def flows_are_refused(talk: Talk) -> None:
    talk.fresh()
    wrong = [-1.0, math.nan, math.inf]
    if Capability.PUMP not in talk.info.capabilities:
        wrong.append(FLOW_ML_MIN)
    for flow in wrong:
        answer = talk.request(Kind.EXCHANGE, talk.command(False, flow=flow))
        talk.see_error(f"EXCHANGE with {flow:g} ml/min", answer, Kind.EXCHANGE, 5)


def bodies_have_their_length(talk: Talk) -> None:
    talk.fresh()
    for kind, body in (
        (Kind.EXCHANGE, talk.command(False)[:-1]),
        (Kind.EXCHANGE, talk.command(False) + b"\0"),
        (Kind.EXCHANGE, b""),
        (Kind.CONFIGURE, talk.configuration().pack()[:-1]),
        (Kind.CONFIGURE, talk.configuration().pack() + b"\0"),
        (Kind.BYE, b"\0"),
        (Kind.HELLO, b"\0"),
        (0x06, b""),
        (0x42, b"abc"),
        (0x7E, b""),
    ):
        answer = talk.request(kind, body)
        talk.see_error(f"kind {kind:#04x} with {len(body)} bytes of body", answer, kind, 3)


def ticks_are_echoed(talk: Talk) -> None:
    talk.fresh()
    for tick in (0, 1, 0xFFFF, 0x10000, 0x12345678, 0xFFFFFFFF, 5, 5):
        talk.tick = (tick - 1) % 2**32
        sample = talk.exchange(False)
        talk.see(f"EXCHANGE of tick {tick}", f"SAMPLE of tick {sample.tick}", "the same tick", sample.tick == tick)


def time_goes_on(talk: Talk) -> None:
    talk.fresh()
    first = last = talk.exchange(False)
    for turn in range(12):
        talk.pause(0.02 if turn % 3 == 0 else 0.0)
        sample = talk.exchange(False)
        holds = sample.rig_time_us > last.rig_time_us
        came = f"rig_time_us {last.rig_time_us}, then {sample.rig_time_us}"
        talk.see("EXCHANGE over and over", came, "a time that goes on", holds)
        last = sample
    talk.fresh()
    sample = talk.exchange(False)
    came = f"rig_time_us {last.rig_time_us}, then {sample.rig_time_us}"
    talk.see(
        "HELLO, CONFIGURE, EXCHANGE", came, "a time since boot, not since HELLO", sample.rig_time_us > last.rig_time_us
    )
    least_s, most_s = last.sent_s - first.got_s, last.got_s - first.sent_s
    took_s = (last.rig_time_us - first.rig_time_us) / 1e6
    # assumed: two clocks agree to 2 %, and a rig reads its own to 2 ms
    holds = 0.98 * least_s - 0.002 <= took_s <= 1.02 * most_s + 0.002
    due = f"{1000 * least_s:.1f} to {1000 * most_s:.1f} ms, as this host's clock has it"
    talk.see(
        f"EXCHANGE, and again {1000 * most_s:.0f} ms later", f"{1000 * took_s:.1f} ms between the samples", due, holds
    )


def samples_say_what_there_is(talk: Talk) -> None:
    talk.fresh()
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    sample = talk.sample(answer)
    length = 46 + 4 * talk.info.thermocouples
    due = f"SAMPLE with {length} bytes of body"
    talk.see("EXCHANGE", said(answer), due, sample is not None)
    assert sample is not None
    assert answer is not None
    phase, flow, coolant, stage = struct.unpack_from("<4f", answer.body, 30)
    for bit, name, value in (
        (Capability.PHASE, "phase_deg", phase),
        (Capability.PUMP, "flow_ml_min", flow),
        (Capability.COOLANT_TEMPERATURE, "coolant_c", coolant),
        (Capability.STAGE_TEMPERATURE, "stage_c", stage),
    ):
        if bit not in talk.info.capabilities:
            talk.see("EXCHANGE", f"{name} {value:g}", f"{name} NaN: the rig does not claim it", math.isnan(value))
    for channel, value in enumerate(sample.temperature_c):
        fault = sample.tc_fault >> 2 * channel & 3
        came = f"channel {channel}: tc_fault {fault}, {value:g} C"
        talk.see(
            "EXCHANGE", came, "NaN on a channel with a fault, a number elsewhere", math.isnan(value) == bool(fault)
        )
    came = f"rig_trip {sample.trip}"
    talk.see("EXCHANGE", came, "rig_trip 0 to 7", sample.trip <= 7)


def power_is_a_mean(talk: Talk) -> None:
    talk.fresh()
    since = talk.radiate()
    if not talk.measures():
        raise LeftOut("the rig measures no power: is the dummy load connected?")
    talk.pause(0.05)
    off = talk.request(Kind.RF_OFF)
    if off is None:
        raise Undecided("RF_OFF is not answered")
    talk.pause(0.05 + (off.got_s - since.sent_s))
    sample = talk.exchange(False)
    # off at some moment between the request and its reply, and so are both ends of the interval
    least = (off.sent_s - since.got_s - 0.01) / (sample.got_s - since.sent_s)
    most = (off.got_s - since.sent_s + 0.01) / (sample.sent_s - since.got_s)
    share = sample.power_w / talk.reference_w
    due = f"{least * 0.9:.2f} to {most * 1.1:.2f} of it: the mean over the interval"
    sent = (
        f"RF on for {1000 * (off.sent_s - since.got_s):.0f} ms and off for the rest of "
        f"{1000 * (sample.got_s - since.sent_s):.0f} ms"
    )
    talk.see(sent, f"{share:.2f} of the power delivered while on", due, 0.9 * least <= share <= 1.1 * most)


CHECKS = (
    Check("hello", "HELLO says what the rig is, in its ranges, and always the same", hello_says_what_it_is),
    Check("configure-reads-back", "CONFIGURE's reply is the same body, to the byte", configure_reads_back),
    Check("configure-refuses", "CONFIGURE beyond the rig is ERROR 5, never clamped", configure_refuses),
    Check(
        "unconfigures", "after a CONFIGURE that was refused the rig is not configured", a_refused_configure_unconfigures
    ),
    Check(
        "power-refuses",
        "a set-point over the limit, negative or not finite is ERROR 5, never clamped",
        power_is_refused,
    ),
    Check("key-refuses", "an rf_key that is neither on nor off is ERROR 5", keys_are_refused),
    Check("flow-refuses", "a flow that cannot be is ERROR 5", flows_are_refused),
    Check("body-lengths", "an unknown kind, or a body of another length, is ERROR 3", bodies_have_their_length),
    Check("tick-echo", "SAMPLE echoes the tick of its EXCHANGE", ticks_are_echoed),
    Check("rig-time", "rig_time_us goes on, and as fast as time does", time_goes_on, timed=True),
    Check("sample", "SAMPLE has its length, and NaN where nothing is measured", samples_say_what_there_is),
    Check("power-mean", "SAMPLE's power is the mean over its interval", power_is_a_mean, timed=True),
)
