"""`check-rig`: sound rigs keep every promise, each broken one is found out by the checks that it is listed with."""

from __future__ import annotations

import json
import random
import signal
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_rigs import BROKEN
from plain_rig import INFO, plain_protocol
from served import BRIEF, PROGRAM, rfgen, rig_process, scenario_of
from virtual_line import VirtualLine

from hal import RigRefused, RigUnavailable
from hal.rigcheck.running import CHECKS, run
from hal.rigcheck.talk import Talk
from hal.rigcheck.verdicts import Result, Verdict
from hal.serveprotocol import RigProtocol
from hal.wire import decode_frame
from hal.wiremessages import message
from rfgen.rigside import rig_side
from sim.faults import Fault

FITTED = "bench-self-test"


def checked(protocol: RigProtocol, *, long: bool = False, **line: Any) -> dict[str, Result]:
    """What comes of every check on it."""
    talk = Talk(VirtualLine(protocol, **line), "virtual", least_watchdog_ms=20, new_link=_links().__next__)
    talk.first_hello()
    return {result.id: result for result in run(talk, long=long)}


def _links() -> Any:
    draw = random.Random(4)
    while True:
        yield draw.randrange(1, 65536)


def verdicts(results: dict[str, Result], verdict: Verdict) -> set[str]:
    """The checks that it came to."""
    return {result.id for result in results.values() if result.verdict is verdict}


def told(results: dict[str, Result]) -> str:
    """All but what was kept."""
    return "\n".join(result.line() for result in results.values() if result.verdict is not Verdict.KEPT)


def simulated(scenario: str) -> RigProtocol:
    """The served rig's protocol."""
    protocol = rig_side(scenario_of(scenario), lockstep=False, boot_count=7).protocol
    protocol.listener = None
    return protocol


# --- sound rigs -----------------------------------------------------------------------------------------------------


def test_a_sound_rig_keeps_every_promise() -> None:
    results = checked(plain_protocol(), long=True)
    assert verdicts(results, Verdict.LEFT_OUT) == {"thermocouple", "pump", "pump-alone"}, told(results)
    assert len(verdicts(results, Verdict.KEPT)) == len(CHECKS) - 3, told(results)


@pytest.mark.parametrize(
    ("scenario", "left_out"),
    [
        (BRIEF, {"thermocouple", "pump", "pump-alone", "count-saturates"}),
        (FITTED, {"thermocouple", "pump-alone", "count-saturates"}),
    ],
)
def test_the_served_rig_keeps_every_promise(scenario: str, left_out: set[str]) -> None:
    results = checked(simulated(scenario))
    assert verdicts(results, Verdict.LEFT_OUT) == left_out, told(results)
    assert len(verdicts(results, Verdict.KEPT)) == len(CHECKS) - len(left_out), told(results)


def test_a_thermocouple_that_is_not_plugged_in_is_made_use_of() -> None:
    side = rig_side(scenario_of(BRIEF), lockstep=False, boot_count=7)
    side.protocol.listener = None
    side.rig.bench.put(Fault("thermocouple_open", 1))
    side.protocol.poll(5000)
    results = checked(side.protocol)
    assert results["thermocouple"].verdict is Verdict.KEPT, told(results)
    assert not verdicts(results, Verdict.BROKEN) | verdicts(results, Verdict.UNDECIDED), told(results)


# --- broken rigs ----------------------------------------------------------------------------------------------------


def test_there_are_enough_of_them_and_every_check_finds_one() -> None:
    assert len(BROKEN) >= 60
    found = set().union(*(rig.found_by for rig in BROKEN.values()))
    needs_more = {"thermocouple", "pump", "pump-alone", "count-saturates"}
    assert {check.id for check in CHECKS} - found == needs_more


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rig_is_found_out_and_by_no_accident(name: str) -> None:
    rig = BROKEN[name]
    results = checked(plain_protocol(rig.make))
    assert verdicts(results, Verdict.BROKEN) == rig.found_by, told(results)
    for result in results.values():
        assert result.verdict is not Verdict.BROKEN or result.came != result.due


class PumpStopsAtRfOff(RigProtocol):
    def asked_off(self, header: Any, payload: bytes) -> bytes:
        self.works.pump_off()
        return super().asked_off(header, payload)


class PumpRunsOn(RigProtocol):
    def poll(self, now_us: int) -> None:
        self.pump_runs = False
        super().poll(now_us)


class ThermocouplesDoNotMatter(RigProtocol):
    def causes_in(self, sample: Any) -> list[int]:
        return super().causes_in(sample._replace(tc_fault=0, temperature_c=(30.0,) * len(sample.temperature_c)))


class CountsTo16Bits(RigProtocol):
    def drive(self, asked: Any, now_us: int) -> Any:
        sample = super().drive(asked, now_us)
        return None if sample is None else sample._replace(bad_frames=self.bad_frames % 65536)


@pytest.mark.parametrize(
    ("make", "fitted", "found_by"),
    [
        (PumpStopsAtRfOff, {"pump": True}, "pump"),
        (PumpRunsOn, {"pump": True, "step_us": 20_000}, "pump-alone"),
        (ThermocouplesDoNotMatter, {"faulty": True}, "thermocouple"),
        (CountsTo16Bits, {}, "count-saturates"),
    ],
)
def test_what_needs_a_pump_a_fault_or_minutes_is_found_out_too(
    make: Callable[..., RigProtocol], fitted: dict[str, Any], found_by: str
) -> None:
    for rig, verdict in ((RigProtocol, Verdict.KEPT), (make, Verdict.BROKEN)):
        talk = Talk(VirtualLine(plain_protocol(rig, **fitted)), "virtual", least_watchdog_ms=20)
        talk.first_hello()
        (result,) = run(talk, [check for check in CHECKS if check.id == found_by], long=True)
        assert result.verdict is verdict, result.line()


# --- what it may say of a rig, and what not -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_late_host_calls_no_sound_rig_broken(seed: int) -> None:
    draw = random.Random(seed)

    def late(seconds: float) -> float:
        return draw.choice((0.0, 0.0, 0.0, 0.0, 0.003, 0.015, 0.04, 0.7))

    results = checked(plain_protocol(), late=late)
    assert not verdicts(results, Verdict.BROKEN), f"seed {seed}\n{told(results)}"


def test_a_host_that_is_always_late_decides_nothing_and_passes_nothing_in_silence() -> None:
    talk = Talk(VirtualLine(plain_protocol(), late=lambda seconds: 2.5), "virtual", least_watchdog_ms=20)
    talk.first_hello()
    timed = {"watchdog-in-time", "watchdog-from-on", "errors-off", "hello-off"}
    results = list(run(talk, [check for check in CHECKS if check.id in timed]))
    assert [result.verdict for result in results] == [Verdict.UNDECIDED] * 4, [result.line() for result in results]


def test_a_slow_rig_is_not_a_broken_one() -> None:
    results = checked(plain_protocol(), turn_us=8_000)
    assert not verdicts(results, Verdict.BROKEN) | verdicts(results, Verdict.UNDECIDED), told(results)


def test_a_damaged_line_is_not_the_rigs_fault() -> None:
    draw = random.Random(1)

    def damage(data: bytes) -> bytes:
        if not data or draw.random() > 0.01:
            return data
        spoilt = bytearray(data)
        spoilt[draw.randrange(len(data) - 1)] ^= 1
        return bytes(spoilt)

    results = checked(plain_protocol(), damage=damage)
    assert not verdicts(results, Verdict.BROKEN), told(results)


class Noting(VirtualLine):
    """Keeps the most that any EXCHANGE with the on key asked for, and the last kinds that were sent."""

    most_w = 0.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kinds: list[int] = []
        self.gone_after: int | None = None

    def write(self, data: bytes) -> None:
        if self.gone_after is not None and len(self.kinds) > self.gone_after:
            raise OSError(5, "the port has gone")
        for part in filter(None, data.split(b"\0")):
            payload = decode_frame(part)
            if payload is None or len(payload) < 6:
                continue
            self.kinds.append(payload[1])
            # anything that is not the off key might be taken for on
            if payload[1] == 3 and len(payload) == 20 and payload[10] != 0x3C:
                power_w = struct.unpack_from("<f", payload, 12)[0]
                assert power_w == power_w
                self.most_w = max(self.most_w, power_w)
        super().write(data)


@pytest.mark.parametrize("make", [RigProtocol, *(rig.make for rig in list(BROKEN.values())[:3])])
def test_it_never_asks_for_more_than_it_says_and_leaves_with_rf_off(make: Callable[..., RigProtocol]) -> None:
    line = Noting(plain_protocol(make))
    talk = Talk(line, "virtual", least_watchdog_ms=20)
    talk.first_hello()
    list(run(talk))
    assert 0.5 < line.most_w <= 1.0
    assert line.kinds[-2:] == [4, 5]
    assert not line.protocol.rf_on


def test_a_rig_of_less_than_a_watt_is_asked_for_less() -> None:
    small = INFO._replace(max_power_w=0.4)

    def make(works: Any, info: Any) -> RigProtocol:
        return RigProtocol(works, small)

    line = Noting(plain_protocol(make))
    talk = Talk(line, "virtual", least_watchdog_ms=20)
    talk.first_hello()
    results = {result.id: result for result in run(talk)}
    assert not verdicts(results, Verdict.BROKEN) | verdicts(results, Verdict.UNDECIDED), told(results)
    assert line.most_w <= 0.41


def test_it_stops_with_rf_off_where_it_is_interrupted() -> None:
    line = Noting(plain_protocol())
    talk = Talk(line, "virtual", least_watchdog_ms=20)
    talk.first_hello()
    running = run(talk)
    for result in running:
        if result.id == "next-interval":
            break
    running.close()
    assert line.kinds[-2:] == [4, 5]


def test_a_rig_with_nothing_connected_is_told_so() -> None:
    class NoLoad(RigProtocol):
        def drive(self, asked: Any, now_us: int) -> Any:
            sample = super().drive(asked, now_us)
            return None if sample is None else sample._replace(power_w=0.0, voltage_v=0.0, current_a=0.0)

    results = checked(plain_protocol(NoLoad))
    assert "is the dummy load connected?" in results["rf-comes"].due
    assert results["watchdog-own-timer"].verdict is Verdict.UNDECIDED


def test_what_is_no_rig_and_what_speaks_another_version() -> None:
    class Mute(RigProtocol):
        answer: bytes | None = None

        def receive(self, data: bytes, now_us: int) -> bytes:
            return self.answer or b""

    class Newer(RigProtocol):
        def request(self, payload: bytes, now_us: int) -> bytes | None:
            _, kind, link, seq = struct.unpack_from("<BBHH", payload)
            return message(0xFF, link, seq, bytes([kind, 1]))

    for make, answer, error, said in (
        (Mute, None, RigUnavailable, "nothing answers on virtual within 3 s"),
        (Mute, b"AT+OK\r\n\0", RigUnavailable, "what answers on virtual is not a rig"),
        (Newer, None, RigRefused, "speaks another version of the protocol than 1"),
    ):
        Mute.answer = answer
        with pytest.raises(error, match=said):
            Talk(VirtualLine(plain_protocol(make)), "virtual").first_hello()


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_on_a_served_rig(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text(BRIEF, encoding="utf-8")
    with rig_process("brief.yaml", "--link", "rig", folder=tmp_path):
        code, out, err = rfgen("check-rig", "rig", "--json", folder=tmp_path)
        told_ = json.loads(out)
        assert err == ""
        bad = [check for check in told_["checks"] if check["verdict"] not in ("kept", "left_out")]
        # a machine too busy for a check says so, and nothing else
        assert code == (3 if bad else 0), bad
        assert all(check["verdict"] == "undecided" for check in bad), bad
        assert told_["most_power_w"] == 1.0
        assert [check["id"] for check in told_["checks"]] == [check.id for check in CHECKS]
        assert {"sent", "came", "due", "promise"} <= told_["checks"][0].keys()


def test_interrupted_it_switches_off_and_says_bye(tmp_path: Path) -> None:
    (tmp_path / "brief.yaml").write_text(BRIEF, encoding="utf-8")
    with rig_process("brief.yaml", folder=tmp_path) as (port, rig):
        with subprocess.Popen([*PROGRAM, "check-rig", port], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as check:
            assert check.stdout is not None
            for line in check.stdout:  # in the middle of what radiates
                if b"next-interval" in line:
                    break
            check.send_signal(signal.SIGINT)
            _, err = check.communicate(timeout=20)
        assert (check.returncode, err.strip()) == (130, b"interrupted")
        rig.send_signal(signal.SIGINT)
        out, _ = rig.communicate(timeout=20)
        assert b"ended with RF off" in out
        assert b"held RF off" not in out


def test_ports_that_are_none(tmp_path: Path) -> None:
    code, out, err = rfgen("check-rig", "/dev/nothing", folder=tmp_path)
    assert (code, out) == (3, "")
    assert err.startswith("rig: there is no port /dev/nothing; ")
    code, _, err = rfgen("check-rig", folder=tmp_path)
    assert code == 2
    assert "Missing argument 'PORT'" in err
    assert rfgen("check-rig", "x", "--baud", "none", folder=tmp_path)[0] == 2
