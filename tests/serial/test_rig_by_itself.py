"""The rig's side: what it does by itself, and what its samples say."""

from __future__ import annotations

import math
import random
import struct

import pytest
from bare_rig import FITTED, LINK, Bare, command, error
from plain_frames import plain_stream

from hal import Capability
from hal.wiremessages import message
from sim.faults import Fault

# --- what the rig does by itself ------------------------------------------------------------------------------------


def test_the_watchdog_fires_by_its_own_timer_and_is_latched_until_hello() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.exchange(True)
    bare.pass_ms(189)  # it fires a twentieth of 200 ms early, no earlier and no later
    assert bare.rig.bench.power_w > 0.05
    bare.pass_ms(2)
    assert bare.rig.bench.power_w < 0.05
    bare.pass_ms(9)
    assert bare.rig.bench.power_w < 0.05
    sample = bare.exchange(True)
    assert sample["trip"] == 1
    assert sample["status"] & 4
    assert not bare.radiates()
    bare.linked()
    sample = bare.exchange(False)
    assert (sample["trip"], sample["status"] & 4) == (0, 0)
    bare.radiate()


def test_neither_repetitions_nor_refusals_nor_noise_feed_the_watchdog() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.seq += 1
    request = struct.pack("<BBHH", 1, 3, LINK, bare.seq) + command(True, 3.0)
    bare.raw(request)
    for _ in range(20):
        bare.pass_ms(10)
        bare.raw(request)
        bare.protocol.receive(b"noise\0", bare.now_us)
    assert bare.rig.bench.power_w < 0.05
    assert bare.exchange(True)["trip"] == 1


def test_the_watchdog_runs_only_while_rf_is_on() -> None:
    bare = Bare()
    bare.linked()
    bare.exchange(False)
    bare.pass_ms(1000)
    assert bare.exchange(True)["trip"] == 0
    assert bare.radiates()


def test_a_server_that_was_held_up_still_switches_off_at_the_watchdogs_moment() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.exchange(True, 4.0)
    bare.now_us += 400_000  # nobody polled
    sample = bare.exchange(False)
    assert sample["trip"] == 1
    # half of the 400 ms passed with RF off
    assert sample["power_w"] < 0.6 * 4.0


@pytest.mark.parametrize(
    ("fault", "trip"),
    [
        (Fault("thermocouple_open", 0), 3),
        (Fault("loop_open"), 4),
        (Fault("emergency_stop"), 5),
        (Fault("return_electrode_lost"), 7),
    ],
)
def test_rf_goes_off_without_the_host_and_the_cause_is_latched(fault: Fault, trip: int) -> None:
    bare = Bare(FITTED)
    bare.linked(flags=1)
    bare.radiate()
    handle = bare.rig.bench.put(fault)
    assert not bare.radiates()
    bare.rig.bench.take_off(handle)
    bare.pass_ms(20)
    assert bare.exchange(True)["trip"] == trip
    assert not bare.radiates()
    bare.linked(flags=1)
    assert bare.exchange(False)["trip"] == 0
    bare.radiate()


def test_a_cause_with_rf_off_by_command_is_shown_and_not_latched_until_rf_is_asked_for() -> None:
    bare = Bare(FITTED)
    bare.linked()
    handle = bare.rig.bench.put(Fault("emergency_stop"))
    bare.pass_ms(5)
    assert bare.exchange(False)["trip"] == 5
    bare.rig.bench.take_off(handle)
    bare.pass_ms(5)
    assert bare.exchange(False)["trip"] == 0
    handle = bare.rig.bench.put(Fault("emergency_stop"))
    bare.pass_ms(5)
    assert bare.exchange(True)["trip"] == 5
    bare.rig.bench.take_off(handle)
    bare.pass_ms(5)
    assert bare.exchange(False)["trip"] == 5


def test_a_latched_trip_whose_cause_is_still_there_outlives_hello() -> None:
    bare = Bare(FITTED)
    bare.linked()
    bare.radiate()
    handle = bare.rig.bench.put(Fault("emergency_stop"))
    bare.pass_ms(5)
    bare.linked()
    bare.rig.bench.take_off(handle)
    bare.pass_ms(5)
    assert bare.exchange(True)["trip"] == 5
    assert not bare.radiates()
    bare.linked()
    bare.radiate()


def test_its_own_temperature_limit_holds_on_channels_in_use_alone() -> None:
    for limit_c, trip in ((31.0, 0), (29.0, 2)):
        bare = Bare()  # its load is at 30 C
        bare.linked(limit_c=limit_c)
        bare.pass_ms(50)
        assert bare.exchange(True, 0.0)["trip"] == trip
    bare = Bare()
    bare.linked(channels=1)
    bare.rig.bench.put(Fault("thermocouple_open", 1))
    bare.radiate()
    assert bare.exchange(True)["trip"] == 0


def test_rf_that_is_there_while_it_should_be_off_is_a_fault_of_the_stage() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.rig.bench.put(Fault("stage_stuck_on"))
    bare.exchange(False)
    bare.pass_ms(60)
    assert not bare.exchange(False)["status"] & 128
    bare.pass_ms(60)
    sample = bare.exchange(False)
    assert sample["status"] & 128
    assert sample["trip"] == 6


def test_the_pump_goes_on_through_errors_and_trips_and_stops_at_hello_bye_and_after_two_minutes() -> None:
    def flows(bare: Bare) -> float:
        for _ in range(30):
            bare.pass_ms(100)
        return bare.rig.bench._flow_ml_min

    def pumping() -> Bare:
        bare = Bare(FITTED)
        bare.linked()
        bare.exchange(True, 2.0, 10.0)
        assert flows(bare) > 9.0  # and the watchdog has fired meanwhile
        return bare

    bare = pumping()
    assert bare.protocol.trip == 1
    bare.say(4)
    bare.say(3, command(True, math.nan))
    assert flows(bare) > 9.0
    bare.say(1)
    assert flows(bare) < 0.1
    bare = pumping()
    bare.say(5)
    assert flows(bare) < 0.1
    bare = pumping()
    bare.pass_ms(116_000)
    assert bare.rig.bench._flow_ml_min > 9.0
    bare.pass_ms(4_000)
    assert flows(bare) < 0.1


# --- samples --------------------------------------------------------------------------------------------------------


def test_a_sample_is_the_mean_over_its_interval_and_time_never_stands_still() -> None:
    bare = Bare()
    bare.linked()
    bare.exchange(True, 4.0)
    bare.pass_ms(200 - 20)
    on = bare.exchange(True, 4.0)
    assert on["power_w"] == pytest.approx(4.0, rel=0.2)
    bare.pass_ms(100)
    bare.say(4)
    bare.pass_ms(100)
    half = bare.exchange(False, 0.0)
    assert half["power_w"] == pytest.approx(2.0, rel=0.15)
    times = [bare.exchange(False)["time_us"] for _ in range(5)]  # the clock in the test's hand stands still
    assert times == sorted(set(times))


def test_a_rig_without_a_reading_says_so_and_is_off() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.protocol.works.exchange = lambda command, now_us: None  # type: ignore[method-assign]
    assert bare.say(3, command(True, 1.0)) == error(3, 7)
    assert not bare.radiates()


def test_a_million_bytes_of_noise_do_nothing_and_are_counted() -> None:
    bare = Bare()
    bare.linked()
    bare.exchange(False)
    random_ = random.Random(3)
    calls: list[bytes] = []
    obey = bare.protocol.request
    bare.protocol.request = lambda payload, now_us: calls.append(payload) or obey(payload, now_us)  # type: ignore[func-returns-value,method-assign]
    stream = bytearray()
    while len(stream) < 1_000_000:
        frame = bytearray(message(random_.choice((1, 3, 4)), LINK, random_.randrange(65536), random_.randbytes(14)))
        frame[random_.randrange(len(frame) - 1)] ^= random_.randrange(1, 256)
        stream += frame if random_.random() < 0.5 else random_.randbytes(random_.randrange(40))
    valid, bad = plain_stream(bytes(stream) + b"\0")
    assert valid == []
    sent = b""
    for at in range(0, len(stream), 3000):
        sent += bare.protocol.receive(bytes(stream[at : at + 3000]), 0)
    bare.protocol.receive(b"\0", 0)
    assert (sent, calls) == (b"", [])
    assert bare.protocol.bad_frames == bad
    assert bare.exchange(False)["bad_frames"] == min(bad, 65535)


def test_what_hello_says_of_the_rig() -> None:
    bare = Bare(FITTED)
    kind, body = bare.say(1)
    assert kind == 0x81
    least, most, thermocouples, reserved, capabilities, boots = struct.unpack_from("<BBBBII", body)
    assert (least, most, thermocouples, reserved, boots) == (1, 1, 3, 0, 7)
    wanted = (
        Capability.PUMP | Capability.PHASE | Capability.SENTINEL | Capability.SIMULATION | Capability.RETURN_MONITOR
    )
    assert capabilities & wanted == wanted


def test_lock_step_moves_by_a_period_an_exchange_and_by_nothing_else() -> None:
    bare = Bare(lockstep=True)
    body = struct.pack("<HHffBB", 300, 50, 8.0, 112.0, 1, 0)
    bare.say(1)
    bare.say(2, body)
    times = []
    for _ in range(4):
        times.append(bare.exchange(True)["time_us"])
        bare.pass_ms(5000)
        bare.say(4)
        bare.protocol.receive(b"noise\0", bare.now_us)
    assert times == [50_000, 100_000, 150_000, 200_000]


def test_hello_clears_a_latched_trip_whose_cause_is_gone_though_another_cause_is_there() -> None:
    bare = Bare(FITTED)
    bare.linked()
    bare.radiate()
    bare.exchange(True)
    bare.pass_ms(210)
    assert bare.exchange(False)["trip"] == 1
    handle = bare.rig.bench.put(Fault("emergency_stop"))
    bare.pass_ms(5)
    assert bare.exchange(False)["trip"] == 1  # the first is kept
    bare.linked()
    # the watchdog's cause is gone; the other is there, and not latched while RF is off by command
    assert bare.exchange(False)["trip"] == 5
    bare.rig.bench.take_off(handle)
    bare.pass_ms(5)
    assert bare.exchange(False)["trip"] == 0
    bare.radiate()
