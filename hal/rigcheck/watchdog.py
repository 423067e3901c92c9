"""The watchdog: that it fires, by a timer of its own, and what feeds it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from hal.rigcheck.answers import Seen
from hal.rigcheck.frames import damaged
from hal.rigcheck.talk import Talk
from hal.rigcheck.verdicts import Check, Undecided
from hal.wire import encode_frame
from hal.wiremessages import VERSION, Kind


def _lit(talk: Talk) -> Seen:
    """RF on under the short watchdog: the SAMPLE of the last EXCHANGE."""
    talk.fresh(watchdog_ms=talk.short_ms)
    talk.radiate()
    return talk.exchange(True)


def _tripped(talk: Talk, sent: str, sample: Seen) -> None:
    holds = not sample.rf_on and sample.trip == 1 and bool(sample.status & 4)
    talk.see(sent, sample, "RF off, rig_trip 1, watchdog tripped", holds)


def it_fires_in_time(talk: Talk) -> None:
    since = _lit(talk)
    watchdog_s = talk.watchdog_s
    talk.silence(1.02 * watchdog_s + 0.001)  # two clocks that differ by 2 % (assumed)
    sample = talk.exchange(False)
    quiet_s = sample.got_s - since.sent_s
    if quiet_s > 1.3 * watchdog_s:
        raise Undecided(f"this host was late: {1000 * quiet_s:.0f} ms of silence instead of {1020 * watchdog_s:.0f}")
    _tripped(talk, f"RF on, then {1000 * (sample.sent_s - since.got_s):.0f} ms of silence, EXCHANGE", sample)


def it_has_its_own_timer(talk: Talk) -> None:
    since = _lit(talk)
    if not talk.measures():
        raise Undecided("the rig measures no power: is the dummy load connected?")
    watchdog_s = talk.watchdog_s
    talk.silence(3.0 * watchdog_s)
    sample = talk.exchange(False)
    on_s = talk.on_s(since, sample)
    sent = f"RF on, then {1000 * (sample.sent_s - since.got_s):.0f} ms without a byte, EXCHANGE"
    due = f"on for {1000 * watchdog_s:.0f} ms at most (and what a reading of it is off by)"
    came = f"{sample}: on for {1000 * on_s:.0f} ms by the power delivered"
    talk.see(sent, came, due, on_s <= 1.3 * watchdog_s + 0.005)


def it_is_latched(talk: Talk) -> None:
    _lit(talk)
    talk.silence(2.5 * talk.watchdog_s)
    talk.exchange(True)
    talk.pause(0.01)
    sample = talk.exchange(True)
    _tripped(talk, "RF on, silence past the watchdog, EXCHANGE with RF on, twice", sample)
    talk.request(Kind.RF_OFF)
    _tripped(talk, "and RF_OFF", talk.exchange(True))
    talk.configure(watchdog_ms=talk.short_ms)
    talk.exchange(True)
    talk.pause(0.01)
    sample = talk.exchange(True)
    _tripped(talk, "and CONFIGURE, and EXCHANGE with RF on", sample)


def hello_clears_it(talk: Talk) -> None:
    _lit(talk)
    talk.silence(2.5 * talk.watchdog_s)
    talk.exchange(True)
    talk.fresh()
    sample = talk.exchange(False)
    holds = sample.trip == 0 and not sample.status & 4
    talk.see("the watchdog tripped, HELLO, CONFIGURE, EXCHANGE", sample, "rig_trip 0, watchdog not tripped", holds)
    talk.radiate()


def _keeps_firing(talk: Talk, what: str, since: Seen, feed: Callable[[], object]) -> None:
    """`feed` says something over and over past the watchdog's time: it must fire nevertheless."""
    watchdog_s = talk.watchdog_s
    times = 0
    last_s = since.got_s
    while last_s < since.got_s + 2.5 * watchdog_s:
        talk.wire.sleep(0.15 * watchdog_s)
        feed()
        times += 1
        last_s = talk.wire.now_s()
    talk.silence(0.0)
    sample = talk.exchange(False)
    if sample.got_s - last_s > 0.8 * watchdog_s:
        raise Undecided(f"this host was late by {1000 * (sample.got_s - last_s):.0f} ms")
    if not sample.rf_on and not sample.trip:
        raise Undecided("RF went off, and not by the watchdog")
    sent = f"RF on, then {what} {times} times in {1000 * (last_s - since.got_s):.0f} ms, EXCHANGE"
    _tripped(talk, sent, sample)


def repetitions_do_not_feed_it(talk: Talk) -> None:
    talk.fresh(watchdog_ms=talk.short_ms)
    talk.radiate()
    body = talk.command(True)
    answer = talk.request(Kind.EXCHANGE, body)
    since = talk.sample(answer)
    talk.see("EXCHANGE with RF on", "SAMPLE" if since else "no SAMPLE", "SAMPLE", since is not None)
    assert since is not None
    again = struct.pack("<BBHH", VERSION, Kind.EXCHANGE, talk.link, talk.seq) + body
    _keeps_firing(talk, "the same EXCHANGE again", since, lambda: talk.ask_raw(again))


def bad_frames_do_not_feed_it(talk: Talk) -> None:
    since = _lit(talk)

    def spoilt() -> None:
        talk.seq = talk.seq + 1 & 0xFFFF
        talk.send(damaged(struct.pack("<BBHH", VERSION, Kind.EXCHANGE, talk.link, talk.seq) + talk.command(True)))

    _keeps_firing(talk, "a damaged EXCHANGE", since, spoilt)
    since = _lit(talk)
    reply = struct.pack("<BBHH", VERSION, Kind.EXCHANGE | 0x80, talk.link, talk.seq)
    noise = b"\0\0\x01\0" + encode_frame(reply)
    _keeps_firing(talk, "zeros, a lone byte and a frame that is no request", since, lambda: talk.send(noise))


def it_runs_only_while_rf_is_on(talk: Talk) -> None:
    talk.fresh(watchdog_ms=talk.short_ms)
    talk.exchange(False)
    talk.silence(2.5 * talk.watchdog_s)
    sample = talk.exchange(False)
    talk.see("RF off, silence for 2.5 times the watchdog, EXCHANGE", sample, "rig_trip 0", sample.trip == 0)


def it_runs_from_the_exchange_that_switched_on(talk: Talk) -> None:
    talk.fresh(watchdog_ms=talk.short_ms)
    talk.radiate()
    talk.exchange(False)
    talk.silence(0.7 * talk.watchdog_s)
    on = talk.exchange(True)
    talk.silence(0.5 * talk.watchdog_s)
    sample = talk.exchange(True)
    if sample.got_s - on.sent_s > 0.75 * talk.watchdog_s:
        raise Undecided("this host was late")
    sent = "EXCHANGE with RF off, 0.7 of the watchdog later with RF on, 0.5 of it later EXCHANGE"
    talk.see(
        sent,
        sample,
        "RF on, rig_trip 0: it runs from the EXCHANGE that switched RF on",
        sample.rf_on and not sample.trip,
    )


def rf_off_stops_it(talk: Talk) -> None:
    _lit(talk)
    talk.request(Kind.RF_OFF)
    talk.silence(2.0 * talk.watchdog_s)
    sample = talk.exchange(False)
    holds = sample.trip == 0
    talk.see("RF on, RF_OFF, silence for twice the watchdog, EXCHANGE", sample, "rig_trip 0: RF was off", holds)


CHECKS = (
    Check(
        "watchdog-in-time",
        "RF goes off within watchdog_ms of the last EXCHANGE answered with a new SAMPLE",
        it_fires_in_time,
        timed=True,
    ),
    Check(
        "watchdog-own-timer",
        "its own timer, not the arrival of a frame, switches RF off",
        it_has_its_own_timer,
        timed=True,
    ),
    Check("watchdog-latched", "tripped, it is latched, and RF stays off", it_is_latched),
    Check("watchdog-cleared", "HELLO clears it", hello_clears_it),
    Check("watchdog-repeats", "retransmissions do not feed it", repetitions_do_not_feed_it, timed=True),
    Check(
        "watchdog-noise", "damaged frames and what is no request do not feed it", bad_frames_do_not_feed_it, timed=True
    ),
    Check("watchdog-off", "it does not run while RF is off", it_runs_only_while_rf_is_on),
    Check(
        "watchdog-from-on",
        "it runs from the EXCHANGE that switched RF on",
        it_runs_from_the_exchange_that_switched_on,
        timed=True,
    ),
    Check("watchdog-rf-off", "RF_OFF stops it", rf_off_stops_it),
)
