"""The conformance suite: sound rigs keep every promise, and each way of breaking one is caught by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minirig import ALL, CONFIG, NOTHING, MiniRig
from rogues import (
    NEED_A_LOOK,
    ROGUES,
    CloseTwiceRaises,
    EchoesItsOwnCount,
    HasNoFirstSample,
    LacksRfOff,
    NeverGetsThere,
)

from hal import Capability, Command, Hal, HalError, Reply, RigConfig, RigInfo, RigTrip, RigUnavailable
from hal.conformance import CHECKS, Check, conformance_checks
from hal.linefault import FaultyLine
from hal.replay import ReplayHal
from hal.simulated import SimulatedHal
from sim.bench import Bench, BenchSpec, PumpSpec
from sim.geometry import Electrode
from sim.network import Anatomy, Site
from sim.plant import NetworkPlant
from sim.sensors import MeterSpec, ThermocoupleSpec
from sim.stage import StageSpec

NAMES = {
    "four_verbs",
    "info_is_possible",
    "opens_with_rf_off",
    "opens_again_with_rf_off",
    "close_switches_rf_off",
    "exchange_needs_open",
    "refuses_the_impossible",
    "echoes_the_tick",
    "one_tick_of_delay",
    "power_follows",
    "off_key_is_off",
    "power_stays_below_the_limit",
    "refuses_bad_values",
    "rf_off_at_once",
    "rf_off_in_any_state",
    "time_advances_by_the_period",
    "never_the_same_sample_twice",
    "temperatures_by_channel",
    "only_what_is_claimed",
}

each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)


def radiates(hal: Hal) -> bool:
    """A look at the output of a rig in memory, past whatever line it is behind."""
    while isinstance(hal, FaultyLine):
        hal = hal.hal
    assert isinstance(hal, MiniRig)
    return hal.rf_on


def broken(make: Callable[[], Hal], look: bool = True) -> dict[str, str]:
    """What the suite complains of, by check."""
    verdicts = conformance_checks(make, CONFIG, radiating=radiates if look else None)
    return {verdict.name: verdict.broken for verdict in verdicts if verdict.broken is not None}


def test_the_suite_is_whole_and_each_check_says_what_it_promises() -> None:
    assert [check.name for check in CHECKS if check.name not in NAMES] == []
    assert len(CHECKS) == len(NAMES) == 19
    for check in CHECKS:
        assert check.promise.endswith((".", ")."))
        assert len(check.promise) <= 110


# --- sound rigs -------------------------------------------------------------------------------------------


@each_check
@pytest.mark.parametrize("capabilities", [NOTHING, ALL], ids=["bare", "fitted"])
def test_a_sound_rig_keeps_every_promise(check: Check, capabilities: Capability) -> None:
    check.run(lambda: MiniRig(capabilities), CONFIG, radiating=radiates)


@each_check
def test_a_line_without_faults_keeps_them_too(check: Check) -> None:
    check.run(lambda: FaultyLine(MiniRig(ALL), 1), CONFIG, radiating=radiates)


def _once_faulty() -> Hal:
    line = FaultyLine(MiniRig(ALL), 1)
    for kind in ("line_drop", "line_delay", "line_unplugged", "rig_reboot", "clock_skew"):
        line.take_off(line.put(kind))
    return line


@each_check
def test_a_line_that_faults_have_been_on_keeps_them_after_a_new_link(check: Check) -> None:
    check.run(_once_faulty, CONFIG, radiating=radiates)


def _simulated() -> Hal:
    tick_s = 0.02
    sites = (Site("electrode"), Site("tissue", 5.0))
    spec = BenchSpec(
        StageSpec(max_power_w=50.0, max_voltage_v=120.0, max_current_a=1.5, slew_w_s=100.0),
        MeterSpec(phase=True),
        (ThermocoupleSpec(),) * 2,
        PumpSpec(20.0),
        stage_temperature=True,
        coolant_temperature=True,
    )
    electrode = Electrode("bipolar", 1.8, 7.0, 4.0, cooled=True)
    return SimulatedHal(Bench(spec, NetworkPlant(electrode, Anatomy(), sites, tick_s), tick_s, 1))


@each_check
@pytest.mark.parametrize("behind_a_line", [False, True], ids=["directly", "behind a line"])
def test_the_simulated_rig_keeps_every_promise(check: Check, behind_a_line: bool) -> None:
    check.run(lambda: FaultyLine(_simulated(), 1) if behind_a_line else _simulated(), CONFIG)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, int(ALL)).map(lambda bits: Capability(bits & int(ALL))),
    st.integers(1, 8),
    st.sampled_from([5_000, 10_000, 20_000, 33_000, 100_000]),
    st.floats(0.5, 50.0),
    st.tuples(st.floats(60.0, 1e4), st.floats(5.0, 2000.0)),
)
def test_any_sound_rig_keeps_every_promise(
    capabilities: Capability, thermocouples: int, period_us: int, limit_w: float, stage: tuple[float, float]
) -> None:
    def make() -> Hal:
        rig = MiniRig(capabilities, thermocouples)
        rig.slew_w_s, rig.load_ohm = stage
        return rig

    config = CONFIG._replace(watchdog_ms=300, period_us=period_us, power_limit_w=limit_w, channels=1)
    assert [v for v in conformance_checks(make, config, radiating=radiates) if v.broken is not None] == []


class Notes:
    """A rig that keeps what it said, to be played back."""

    def __init__(self) -> None:
        self._rig = MiniRig(ALL)
        self.infos: list[RigInfo] = []
        self.replies: list[Reply] = []

    def open(self, config: RigConfig) -> RigInfo:
        self.infos.append(self._rig.open(config))
        return self.infos[-1]

    def exchange(self, command: Command) -> Reply:
        self.replies.append(self._rig.exchange(command))
        return self.replies[-1]

    def rf_off(self) -> None:
        self._rig.rf_off()

    def close(self) -> None:
        self._rig.close()


@each_check
def test_a_recording_of_a_sound_rig_keeps_all_but_refusals(check: Check) -> None:
    """A recording says again what the rig said; it can judge no configuration."""
    notes = Notes()
    check.run(lambda: notes, CONFIG)

    def make() -> Hal:
        return ReplayHal(notes.replies, notes.infos or MiniRig(ALL).info)

    if check.name == "refuses_the_impossible":
        with pytest.raises(AssertionError, match=r"^a channel it lacks was taken: RigConfig"):
            check.run(make, CONFIG)
    else:
        check.run(make, CONFIG)


# --- rogues -----------------------------------------------------------------------------------------------


each_rogue = pytest.mark.parametrize("rogue", ROGUES, ids=lambda rogue: rogue.__name__)


@each_rogue
def test_a_rogue_fails_the_checks_of_what_it_breaks_and_no_other(rogue: type[MiniRig]) -> None:
    assert set(broken(rogue)) == ROGUES[rogue]


@each_rogue
def test_a_rogue_is_caught_behind_a_sound_line(rogue: type[MiniRig]) -> None:
    rig = rogue()
    if isinstance(rig, LacksRfOff):
        with pytest.raises(TypeError, match="not callable"):
            FaultyLine(cast("Hal", rig), 1).rf_off()
    else:
        assert set(broken(lambda: FaultyLine(rogue(), 1))) == ROGUES[rogue]


@each_rogue
def test_a_rogue_is_caught_without_an_independent_look(rogue: type[MiniRig]) -> None:
    assert bool(broken(rogue, look=False)) == (rogue not in NEED_A_LOOK)


def test_every_check_catches_a_rogue() -> None:
    assert set().union(*ROGUES.values()) == NAMES


def test_a_rig_without_a_first_sample_fails_wherever_a_sample_is_needed() -> None:
    unhurt = {"four_verbs", "info_is_possible", "power_stays_below_the_limit"}
    assert set(broken(HasNoFirstSample)) == NAMES - unhurt


def test_a_complaint_says_what_was_seen() -> None:
    assert broken(NeverGetsThere) == {"power_follows": "commanded 5 W for a second, 3 W are delivered"}
    assert broken(EchoesItsOwnCount) == {"echoes_the_tick": "tick 1000 was echoed as 3"}
    said = broken(CloseTwiceRaises)["close_switches_rf_off"]
    assert said == "close raised HalError: closed already"


# --- how a check is run -----------------------------------------------------------------------------------


class HeldOff(MiniRig):
    """Its emergency stop is pressed."""

    def open(self, config: RigConfig) -> RigInfo:
        info = super().open(config)
        self.trip = RigTrip.EMERGENCY_STOP
        return info


def test_a_rig_that_holds_rf_off_is_told_from_one_that_is_late() -> None:
    said = broken(HeldOff)["one_tick_of_delay"]
    assert said == "RF commanded on reads back off a tick later: the rig holds it off (EMERGENCY_STOP)"


class Absent(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        raise RigUnavailable("no rig on this port")


def test_a_rig_that_is_not_there_breaks_no_promise() -> None:
    with pytest.raises(RigUnavailable, match="no rig on this port"):
        broken(Absent)


class Crashes(MiniRig):
    closed = 0

    def open(self, config: RigConfig) -> RigInfo:
        raise ZeroDivisionError("division by zero")

    def close(self) -> None:
        self.closed += 1
        raise OSError("the port is gone")


@each_check
def test_a_failing_backend_is_closed_and_the_first_failure_is_told(check: Check) -> None:
    rig = Crashes()
    with pytest.raises((ZeroDivisionError, AssertionError)) as caught:
        check.run(lambda: rig, CONFIG)
    assert rig.closed >= 1
    if isinstance(caught.value, AssertionError):
        assert "OSError: the port is gone" in str(caught.value)


def test_a_crash_is_a_broken_promise() -> None:
    said = broken(Crashes)
    assert set(said) == NAMES
    assert said["echoes_the_tick"] == "ZeroDivisionError: division by zero"


def test_a_pass_is_followed_by_close() -> None:
    for check in CHECKS:
        rig = MiniRig()
        check.run(lambda rig=rig: rig, CONFIG)  # type: ignore[misc]
        assert rig.config is None
        assert not rig.rf_on


def test_each_exchange_between_open_and_close_is_paced() -> None:
    notes = Notes()
    waits = 0

    def wait() -> None:
        nonlocal waits
        assert waits == len(notes.replies)
        waits += 1

    for check in CHECKS:
        if check.name != "exchange_needs_open":  # two of its exchanges reach no rig
            check.run(lambda: notes, CONFIG, pace=wait)
    assert waits == len(notes.replies) > 400


def test_a_verdict_carries_name_and_promise() -> None:
    verdicts = list(conformance_checks(MiniRig, CONFIG))
    assert [(v.name, v.promise) for v in verdicts] == [(c.name, c.promise) for c in CHECKS]
    assert all(v.broken is None for v in verdicts)


def test_a_configuration_that_the_rig_does_not_take_is_told() -> None:
    with pytest.raises(HalError, match="it cannot do"):
        CHECKS[-1].run(MiniRig, CONFIG._replace(power_limit_w=math.inf))
