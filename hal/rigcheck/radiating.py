"""RF: what it needs to come, and everything that must switch it off."""

from __future__ import annotations

from collections.abc import Callable

from hal.rigcheck.answers import said
from hal.rigcheck.talk import FLOW_ML_MIN, LIMIT_C, Talk
from hal.rigcheck.verdicts import Check, LeftOut, Undecided
from hal.types import Capability, RigTrip
from hal.wiremessages import REPLY, Kind

PUMP_SETTLES_S = 3.0
"""For a pump to turn, or to stop (assumed)."""


def rf_comes(talk: Talk) -> None:
    talk.fresh()
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    sample = talk.sample(answer)
    holds = sample is not None and not sample.rf_on
    talk.see("HELLO, CONFIGURE, EXCHANGE with RF off", sample or said(answer), "SAMPLE with RF off", holds)
    talk.exchange(True)
    talk.pause(0.03)
    since = talk.exchange(True)
    if since.trip:
        raise Undecided(f"the rig holds RF off: {since}; take away what holds it off")
    talk.see("EXCHANGE with RF on, twice", since, "SAMPLE with RF on, rig_trip 0", since.rf_on)
    talk.pause(0.03)
    sample = talk.exchange(False)
    talk.reference_w = sample.power_w
    due = "power above 0 while RF is on (is the dummy load connected?)"
    talk.see("EXCHANGE with RF on, 30 ms ago", sample, due, sample.power_w > 0.0)
    talk.see_off_since("EXCHANGE with RF off", sample, sample.got_s)


def the_command_acts_on_the_next_interval(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    talk.request(Kind.RF_OFF)
    talk.pause(0.02)
    before = talk.exchange(False)
    talk.pause(0.02)
    sample = talk.exchange(True)
    on_s = talk.on_s(before, sample)
    talk.see(
        "EXCHANGE with RF on, after off",
        sample,
        "SAMPLE with RF off: of the interval before",
        not sample.rf_on and on_s < 0.005,
    )
    talk.pause(0.03)
    sample = talk.exchange(False)
    talk.see("EXCHANGE with RF off, after on", sample, "SAMPLE with RF on: of the interval before", sample.rf_on)


def hello_switches_off(talk: Talk) -> None:
    for sent, ahead in (("HELLO by the same host", 0), ("HELLO by another host", 40_000)):
        talk.fresh()
        talk.radiate()
        talk.seq = talk.seq + ahead & 0xFFFF
        talk.hello()
        hello_s = talk.wire.now_s()
        # the interval of the first SAMPLE begins at HELLO: any power in it is too much
        answer = talk.request(Kind.CONFIGURE, talk.configuration().pack())
        holds = answer is not None and answer.kind == Kind.CONFIGURE | REPLY
        talk.see(f"{sent} while RF is on, CONFIGURE", said(answer), "CONFIGURE accepted: RF is off", holds)
        talk.pause(0.03)
        sample = talk.exchange(False)
        share = sample.power_w / talk.reference_w if talk.measures() else 0.0
        holds = not sample.rf_on and sample.trip == 0 and share < 0.5
        what = f"{sent} while RF is on, and EXCHANGE {1000 * (sample.sent_s - hello_s):.0f} ms later"
        talk.see(what, f"{sample} on the mean since HELLO", "RF off since HELLO, rig_trip 0", holds)


def configure_does_not_radiate(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    talk.request(Kind.RF_OFF)
    talk.fresh()
    talk.pause(0.05)
    sample = talk.exchange(False)
    talk.see(
        "HELLO and CONFIGURE after RF was on", sample, "RF off until an EXCHANGE with the on key", not sample.rf_on
    )
    talk.configure()
    talk.pause(0.03)
    sample = talk.exchange(False)
    talk.see("CONFIGURE again", sample, "RF off", not sample.rf_on)


def configure_needs_rf_off(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    answer = talk.request(Kind.CONFIGURE, talk.configuration().pack())
    talk.see_error("CONFIGURE while RF is on", answer, Kind.CONFIGURE, 7)


def every_error_switches_off(talk: Talk) -> None:
    def other(link: int) -> int:
        return link % 65535 + 1

    # kind, body, link, seq and version, made once RF is on
    cases: list[tuple[str, int, Callable[[int, int], tuple[int, bytes, int, int, int]]]] = [
        ("a version unknown", 1, lambda link, seq: (Kind.EXCHANGE, talk.command(True), link, seq + 1, 2)),
        ("HELLO on link 0", 2, lambda link, seq: (Kind.HELLO, b"", 0, seq + 1, 1)),
        ("another link", 2, lambda link, seq: (Kind.EXCHANGE, talk.command(True), other(link), seq + 1, 1)),
        ("HELLO with a body", 3, lambda link, seq: (Kind.HELLO, b"x", link, seq + 1, 1)),
        ("an unknown kind", 3, lambda link, seq: (0x42, b"", link, seq + 1, 1)),
        ("EXCHANGE of a wrong length", 3, lambda link, seq: (Kind.EXCHANGE, b"", link, seq + 1, 1)),
        ("-1 W", 5, lambda link, seq: (Kind.EXCHANGE, talk.command(False, power_w=-1.0), link, seq + 1, 1)),
        ("rf_key 0", 5, lambda link, seq: (Kind.EXCHANGE, talk.command(False)[:4] + bytes(10), link, seq + 1, 1)),
        ("an old number", 6, lambda link, seq: (Kind.EXCHANGE, talk.command(True), link, seq - 1, 1)),
        ("the last number", 6, lambda link, seq: (Kind.EXCHANGE, talk.command(True), link, seq, 1)),
        ("CONFIGURE", 7, lambda link, seq: (Kind.CONFIGURE, talk.configuration().pack(), link, seq + 1, 1)),
    ]  # fmt: skip
    tried = 0
    for what, code, made in cases:
        talk.fresh()
        since = talk.radiate()
        kind, body, link, seq, version = made(talk.link, talk.seq)
        seq &= 0xFFFF
        answer = talk.ask(kind, body, link=link, seq=seq, version=version)
        if link == talk.link and seq == talk.seq + 1 & 0xFFFF:
            talk.seq = seq
        if answer is None or answer.kind != Kind.ERROR:
            continue  # for other checks to say
        tried += 1
        answered_s = answer.got_s
        talk.see_off_since(f"{what} while RF is on (ERROR {code})", since, answered_s)

    if not tried:
        raise Undecided("nothing is answered by an ERROR")


def rf_off_is_obeyed(talk: Talk) -> None:
    for what, link, ahead, body in (
        ("RF_OFF", None, 1, b""),
        ("RF_OFF with a body", None, 1, b"anything"),
        ("RF_OFF with the last number", None, 0, b""),
        ("RF_OFF with an old number", None, -5, b""),
        ("RF_OFF of another link", 1, 3, b""),
        ("RF_OFF of link 0", 0, 9, b""),
    ):
        talk.fresh()
        since = talk.radiate()
        number = talk.link if link is None else (talk.link % 65535 + 1 if link else 0)
        answer = talk.ask(Kind.RF_OFF, body, link=number, seq=talk.seq + ahead & 0xFFFF)
        status = (
            None if answer is None or answer.kind != Kind.RF_OFF | REPLY or len(answer.body) != 1 else answer.body[0]
        )
        came = said(answer) if status is None else f"status {status:#04x}"
        talk.see(f"{what} while RF is on", came, "a status with bit 0 clear", status is not None and not status & 1)
        if ahead == 1:
            talk.seq = talk.seq + 1 & 0xFFFF
        assert answer is not None
        talk.see_off_since(f"{what} while RF is on", since, answer.got_s)


def rf_off_changes_nothing_else(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    talk.ask(Kind.RF_OFF, link=talk.link % 65535 + 1, seq=talk.seq + 100 & 0xFFFF)
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see(
        "RF_OFF of another link, EXCHANGE",
        said(answer),
        "SAMPLE: link, number and configuration stay",
        talk.sample(answer) is not None,
    )
    talk.ask(Kind.RF_OFF, seq=talk.seq - 5 & 0xFFFF)
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see(
        "RF_OFF with an old number, EXCHANGE", said(answer), "SAMPLE: the number stays", talk.sample(answer) is not None
    )
    for _ in range(3):
        talk.request(Kind.RF_OFF)
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see("RF_OFF three times, EXCHANGE", said(answer), "SAMPLE", talk.sample(answer) is not None)


def a_delayed_exchange_does_not_undo_rf_off(talk: Talk) -> None:
    talk.fresh()
    since = talk.radiate()
    body = talk.command(True)
    delayed = talk.seq + 1 & 0xFFFF
    talk.seq = talk.seq + 1 & 0xFFFF
    off = talk.request(Kind.RF_OFF)
    off_s = talk.wire.now_s() if off is None else off.got_s
    answer = talk.ask(Kind.EXCHANGE, body, seq=delayed)
    sent = "RF_OFF, then an EXCHANGE with RF on that was numbered before it"
    talk.see_error(sent, answer, Kind.EXCHANGE, 6)
    talk.see_off_since(sent, since, off_s)


def a_cause_holds_rf_off(talk: Talk) -> None:
    low_c = _below(talk)
    talk.fresh(temperature_limit_c=low_c)
    sample = talk.exchange(False)
    sent = f"a temperature limit of {low_c:.1f} C, below what is read"
    talk.see(f"{sent}, EXCHANGE with RF off", sample, "rig_trip 2: the present cause is shown", sample.trip == 2)
    before = talk.exchange(True)
    talk.see(f"{sent}, EXCHANGE with RF on", before, "SAMPLE with rig_trip 2", before.trip == 2)
    talk.pause(0.03)
    sample = talk.exchange(True)
    came = f"{sample}; on for {1000 * talk.on_s(before, sample):.0f} ms"
    talk.see(
        f"{sent}, EXCHANGE with RF on again",
        came,
        "RF off, rig_trip 2",
        not sample.rf_on and sample.trip == 2 and talk.on_s(before, sample) < 0.02,
    )
    talk.hello()


def a_cause_is_latched_when_rf_is_asked_for(talk: Talk) -> None:
    low_c = _below(talk)
    sent = (
        f"a temperature limit of {low_c:.1f} C, below what is read, EXCHANGE with RF on, then a limit of {LIMIT_C:g} C"
    )
    talk.fresh(temperature_limit_c=low_c)
    talk.exchange(True)
    talk.exchange(False)
    talk.configure()
    talk.exchange(True)
    talk.pause(0.03)
    sample = talk.exchange(True)
    talk.see(
        f"{sent}, EXCHANGE with RF on", sample, "RF off, rig_trip 2: latched", not sample.rf_on and sample.trip == 2
    )
    talk.request(Kind.RF_OFF)
    sample = talk.exchange(False)
    talk.see(f"{sent}, RF_OFF", sample, "rig_trip 2: latched until HELLO", sample.trip == 2)
    talk.fresh()
    sample = talk.exchange(False)
    talk.see("HELLO, its cause gone", sample, "rig_trip 0", sample.trip == 0)


def a_cause_is_not_latched_with_rf_off(talk: Talk) -> None:
    low_c = _below(talk)
    sent = (
        f"a temperature limit of {low_c:.1f} C, below what is read, EXCHANGE with RF off, then a limit of {LIMIT_C:g} C"
    )
    talk.fresh(temperature_limit_c=low_c)
    talk.exchange(False)
    talk.configure()
    sample = talk.exchange(False)
    talk.see(sent, sample, "rig_trip 0: with RF off by command nothing is latched", sample.trip == 0)


def _below(talk: Talk) -> float:
    """A limit below what channel 0 reads. Raises LeftOut where there is none."""
    talk.fresh()
    sample = talk.exchange(False)
    read_c = sample.temperature_c[0]
    if not read_c >= 4.0:
        raise LeftOut(f"channel 0 reads {read_c:g} C: the limit cannot be set well below that")
    return max(2.0, read_c - 5.0)


def a_faulty_channel_holds_rf_off(talk: Talk) -> None:
    talk.fresh()
    sample = talk.exchange(False)
    faulty = [n for n in range(talk.info.thermocouples) if sample.tc_fault >> 2 * n & 3]
    if not faulty:
        raise LeftOut("every thermocouple is good; unplug the last one, then check again")
    if faulty[0] == 0:
        raise LeftOut("channel 0 itself is not good")
    talk.exchange(True)
    talk.pause(0.03)
    sample = talk.exchange(True)
    talk.see(
        f"channel 0 alone in use, channel {faulty[0]} faulty, EXCHANGE with RF on",
        sample,
        "RF on, rig_trip 0",
        sample.rf_on and not sample.trip,
    )
    talk.fresh(channels=1 | 1 << faulty[0])
    before = talk.exchange(True)
    talk.pause(0.03)
    sample = talk.exchange(True)
    holds = not sample.rf_on and sample.trip == RigTrip.THERMOCOUPLE and talk.on_s(before, sample) < 0.02
    talk.see(f"faulty channel {faulty[0]} in use, EXCHANGE with RF on", sample, "RF off, rig_trip 3", holds)


def the_pump_keeps_its_flow(talk: Talk) -> None:
    talk.needs(Capability.PUMP, "pump")
    talk.fresh()
    talk.exchange(False, flow=FLOW_ML_MIN)
    talk.pause(PUMP_SETTLES_S)
    sample = talk.exchange(False, flow=FLOW_ML_MIN)
    talk.see(f"EXCHANGE with {FLOW_ML_MIN:g} ml/min", _pump(sample.status), "pump turning", bool(sample.status & 2))
    talk.request(Kind.RF_OFF)
    talk.request(Kind.EXCHANGE, talk.command(False, power_w=-1.0))
    talk.pause(PUMP_SETTLES_S)
    sample = talk.exchange(False, flow=FLOW_ML_MIN)
    talk.see(
        "RF_OFF and a request that is refused", _pump(sample.status), "pump still turning", bool(sample.status & 2)
    )
    talk.fresh()
    talk.pause(PUMP_SETTLES_S)
    sample = talk.exchange(False)
    talk.see("HELLO and CONFIGURE", _pump(sample.status), "pump stopped", not sample.status & 2)


def the_pump_stops_by_itself(talk: Talk) -> None:
    talk.needs(Capability.PUMP, "pump")
    talk.fresh()
    talk.exchange(False, flow=FLOW_ML_MIN)
    talk.silence(105.0)
    status = talk.request(Kind.RF_OFF)
    turns = status is not None and bool(status.body[0] & 2)
    talk.see(
        f"{FLOW_ML_MIN:g} ml/min, 105 s of silence, RF_OFF",
        f"pump {'turning' if turns else 'stopped'}",
        "pump turning",
        turns,
    )
    talk.silence(15.0 + PUMP_SETTLES_S)
    sample = talk.exchange(False)
    talk.see(
        f"{FLOW_ML_MIN:g} ml/min, 120 s without EXCHANGE", _pump(sample.status), "pump stopped", not sample.status & 2
    )


def _pump(status: int) -> str:
    return f"pump {'turning' if status & 2 else 'stopped'}"


CHECKS = (
    Check(
        "rf-comes",
        "RF comes with HELLO, CONFIGURE and an EXCHANGE with the on key, and goes with the off key",
        rf_comes,
        timed=True,
    ),
    Check(
        "next-interval",
        "the sample is of the interval before; the command acts on the next",
        the_command_acts_on_the_next_interval,
        timed=True,
    ),
    Check("hello-off", "RF is off after HELLO", hello_switches_off, timed=True),
    Check("configure-off", "CONFIGURE brings no RF", configure_does_not_radiate),
    Check("configure-not-now", "CONFIGURE while RF is on is ERROR 7", configure_needs_rf_off),
    Check("errors-off", "every ERROR is sent with RF off", every_error_switches_off, timed=True),
    Check("rf-off", "RF_OFF is obeyed from anybody, and reads back", rf_off_is_obeyed, timed=True),
    Check(
        "rf-off-only", "RF_OFF changes neither link nor configuration nor an old number", rf_off_changes_nothing_else
    ),
    Check(
        "rf-off-delayed",
        "an EXCHANGE sent before RF_OFF that comes after it is ERROR 6",
        a_delayed_exchange_does_not_undo_rf_off,
        timed=True,
    ),
    Check(
        "temperature-limit",
        "its own temperature limit holds RF off, and an EXCHANGE is answered still",
        a_cause_holds_rf_off,
    ),
    Check(
        "latched",
        "a cause present when RF is asked for is latched until HELLO",
        a_cause_is_latched_when_rf_is_asked_for,
    ),
    Check(
        "unlatched", "a cause present with RF off by command is shown, not latched", a_cause_is_not_latched_with_rf_off
    ),
    Check(
        "thermocouple",
        "a thermocouple fault holds RF off on a channel in use, and on no other",
        a_faulty_channel_holds_rf_off,
    ),
    Check("pump", "the pump keeps its flow through RF_OFF and ERROR; HELLO stops it", the_pump_keeps_its_flow),
    Check("pump-alone", "the pump stops 120 s after the last EXCHANGE", the_pump_stops_by_itself, long=True),
)
