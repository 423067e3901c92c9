"""A session on the simulated rig: when things happen, how it ends, and that RF is off on every way out."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Command, HalError, Reply, RigConfig, RigInfo, RigRefused, Sample
from rfgen.assemble import assemble, rig_checker
from rfgen.device import load_device
from rfgen.expect import judge
from rfgen.record.loader import load_run
from rfgen.record.recorder import Recorder
from rfgen.records import Decision, Event, OperatorAction, State
from rfgen.replaying import replay
from rfgen.runs import run_info, run_into
from rfgen.safety.catalogue import ROW_IDS
from rfgen.scenario import Scenario, load_scenario, parse_scenario, scenario_names
from rfgen.session import Happening, TimeLine
from rfgen.when import When

SHORT = """
title: Short
device: bench
treatment: {target_c: 45, hold_s: 3, limits: {}}
plant: {wall: {distance_mm: 15}}
"""


def short(extra: str = "") -> Scenario:
    return parse_scenario(SHORT + extra, "short.yaml")


@dataclass
class Watch:
    """A recording kept in memory."""

    replies: list[Reply] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def tick(self, reply: Reply, decision: Decision, truth: object) -> None:
        self.replies.append(reply)
        self.decisions.append(decision)

    def event(self, event: Event) -> None:
        self.events.append(event)


def watched(scenario: Scenario, seed: int | None = None) -> Watch:
    assembly = assemble(scenario, seed)
    watch = Watch()
    assembly.session.recording = watch
    assembly.session.run()
    return watch


def states(watch: Watch) -> list[tuple[int, str]]:
    return [(e.tick, str(e.data["to"])) for e in watch.events if e.kind == "state"]


def test_faults_and_operators_come_at_their_moments() -> None:
    watch = watched(
        short(
            "faults: [{at: hold + 1 s, kind: thermocouple_noise, channel: 1, size: 0.5, for: 0.5 s}]\n"
            "operator: [{at: 0.3 s, do: start}, {at: hold + 2 s, do: stop}]\n"
        )
    )
    entered = {name: tick for tick, name in reversed(states(watch))}
    told = {e.text: e.tick for e in watch.events if e.kind in ("fault", "operator")}
    assert entered["IMPEDANCE_CHECK"] == 15
    assert told["start"] == 15
    assert told["thermocouple_noise on channel 1 put on, size 0.5"] == entered["HOLD"] + 50
    assert told["thermocouple_noise on channel 1 taken off"] == entered["HOLD"] + 75
    assert entered["CUTOFF"] == entered["HOLD"] + 100


def test_an_emergency_stop_that_is_released_can_be_acknowledged_and_treatment_begins_again() -> None:
    watch = watched(
        short(
            "faults: [{at: hold + 1 s, kind: emergency_stop, for: 1 s}]\n"
            "operator: [{at: 0.5 s, do: start}, {at: cutoff + 1.5 s, do: acknowledge},"
            " {at: cutoff + 4 s, do: acknowledge},"
            " {at: cutoff + 20 s, do: start}]\n"
        )
    )
    names = [name for _, name in states(watch)]
    assert names == ["IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF", "IDLE", "IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF"]
    told = [e.text for e in watch.events if e.kind == "operator"]
    assert told == ["start", "acknowledge: refused, the cause is not gone: ESTOP", "acknowledge", "start"]


def test_rf_reads_off_one_tick_after_the_cut_and_the_pump_goes_on() -> None:
    watch = watched(short())
    cut = next(n for n, d in enumerate(watch.decisions) if d.state is State.CUTOFF)
    assert watch.decisions[cut].rf_off
    after = watch.replies[cut + 1]
    assert isinstance(after, Sample)
    assert not after.rf_on
    assert after.power_w < 0.3
    flows = [d.command.flow_ml_min for d in watch.decisions[cut:]]
    assert flows[: 5 * 50 - 1] == [10.0] * (5 * 50 - 1)  # after_cool_s of the bench
    assert flows[-1] == 0.0


@pytest.mark.parametrize("fault", ["emergency_stop", "line_silent", "pump_stopped"])
def test_rf_off_goes_out_before_the_tick_that_asks_for_it_is_recorded(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is slow or full must not keep RF on."""
    assembly = assemble(short(f"faults: [{{at: hold + 1 s, kind: {fault}}}]\n"))
    watch, sent = Watch(), []
    rig = assembly.session.hal
    rf_off = rig.rf_off

    def noted() -> None:
        sent.append(len(watch.decisions))
        rf_off()

    monkeypatch.setattr(rig, "rf_off", noted)
    assembly.session.recording = watch
    assembly.session.run()
    asked = [n for n, decision in enumerate(watch.decisions) if decision.rf_off]
    assert asked
    assert sent == asked


@pytest.mark.parametrize("row_id", ROW_IDS)
def test_an_interlock_that_ships_has_a_scenario_that_trips_it(row_id: str) -> None:
    name = "trip-" + row_id.lower().replace("_", "-")
    assert name in scenario_names()
    expect = load_scenario(name).expect
    assert expect is not None
    if row_id == "START_STUCK":  # it never trips: it refuses
        assert expect.outcome == "interrupted"
    elif row_id in ("RIG_REBOOT", "RIG_TRIP"):  # another row always trips with it, and stands before it
        assert row_id in (expect.tripped or ())
    else:
        assert expect.reason == row_id


# the four of docs/fusion.md are five minutes of field each, vertebra-field in another anatomy: `make check` runs them,
# and tests_long/test_field_pages.py
@pytest.mark.parametrize("name", [name for name in scenario_names() if not name.startswith("fusion-")])
def test_a_shipped_scenario_ends_as_it_says_and_replays_bit_for_bit(name: str, tmp_path: object) -> None:
    finished = run_into(tmp_path / "run", name, assemble(load_scenario(name)), report=False)  # type: ignore[operator]
    assert finished.problems == [], f"again: rfgen run {name}"
    assert replay(finished.run) is None


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    first, again, other = watched(short(), 7), watched(short(), 7), watched(short(), 8)
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


@pytest.mark.parametrize("at", [0, 40, 150, 400, 900])
def test_a_copy_in_the_middle_goes_on_alike(at: int) -> None:
    """Generator, rig and plant together: what look-ahead and search are built on."""
    assembly = assemble(short())
    hal, generator = assembly.session.hal, assembly.session.generator
    assembly.session.open()
    command = generator.first_command()
    for tick in range(at):
        if tick == 20:
            generator.request(OperatorAction.START)
        command = generator.tick(hal.exchange(command)).command
    hal2, generator2 = copy.deepcopy((hal, generator))
    here, there = command, command
    for _ in range(300):
        a, b = generator.tick(hal.exchange(here)), generator2.tick(hal2.exchange(there))
        assert repr(a) == repr(b)
        here, there = a.command, b.command


class Breaks:
    """The rig behind, until something raises in the middle."""

    def __init__(self, hal: object, after: int, error: BaseException) -> None:
        self._hal, self._left, self._error = hal, after, error
        self.closed = 0

    def open(self, config: RigConfig) -> RigInfo:
        return self._hal.open(config)  # type: ignore[attr-defined, no-any-return]

    def exchange(self, command: Command) -> Reply:
        self._left -= 1
        if self._left == 0:
            raise self._error
        return self._hal.exchange(command)  # type: ignore[attr-defined, no-any-return]

    def rf_off(self) -> None:
        self._hal.rf_off()  # type: ignore[attr-defined]

    def close(self) -> None:
        self.closed += 1
        self._hal.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), HalError("gone"), RuntimeError("defect"), SystemExit(1)])
def test_rf_is_off_and_the_rig_closed_whatever_ends_the_session(error: BaseException) -> None:
    assembly = assemble(short())
    rig = assembly.session.hal = Breaks(assembly.session.hal, 600, error)
    with pytest.raises(type(error)):
        assembly.session.run()
    assert rig.closed == 1
    assert not assembly.bench.step(False, 0.0, 0.0).rf_on
    assert assembly.bench.power_w == 0.0


def test_a_treatment_that_never_ends_is_stopped_and_said_so() -> None:
    scenario = short("max_time_s: 8\n")
    assembly = assemble(scenario)
    ending = assembly.session.run()
    assert ending.ran_out
    assert assembly.session.generator.reason == "operator_stop"


def test_a_rig_that_lacks_what_the_profile_needs_is_refused_naming_it() -> None:
    plain = assemble(parse_scenario("title: x\ndevice: cosman-like\ntreatment: {target_c: 60, hold_s: 1}\n", "x.yaml"))
    info = plain.session.open()
    with pytest.raises(RigRefused, match=r"pump.*phase.*3 thermocouples"):
        rig_checker(load_device("bench"))(info)


@settings(deadline=None)
@given(
    moments=st.lists(st.tuples(st.sampled_from([None, State.RAMP, State.HOLD]), st.integers(1, 2), st.integers(0, 50))),
    entries=st.lists(st.tuples(st.sampled_from([State.RAMP, State.HOLD]), st.integers(0, 5)), max_size=5),
)
def test_nothing_on_a_time_line_comes_early_twice_or_not_at_all(
    moments: list[tuple[State | None, int, int]], entries: list[tuple[State, int]]
) -> None:
    came: dict[int, int] = {}
    clock = {"tick": 0}

    def act(n: int) -> object:
        def now() -> None:
            assert n not in came
            came[n] = clock["tick"]

        return now

    happenings = [
        Happening(When(anchor, count, offset * 0.01), act(n), str(n))  # type: ignore[arg-type]
        for n, (anchor, count, offset) in enumerate(moments)
    ]
    line = TimeLine.of(20_000, happenings)
    entered: dict[tuple[State, int], int] = {}
    times = iter(entries)
    for tick in range(100):
        clock["tick"] = tick
        for happening in line.pop(tick):
            happening.act()
        if tick % 7 == 3:
            state, _ = next(times, (None, 0))
            if state is not None:
                entered[state, 1 + sum(1 for s, _ in entered if s is state)] = tick
                line.entered(state, tick)
    for n, (anchor, count, offset) in enumerate(moments):
        start = 0 if anchor is None else entered.get((anchor, count))
        if start is None:
            assert n not in came
        else:
            due = start + -(-offset * 10_000 // 20_000)
            assert came[n] == max(due, start + (anchor is not None and offset == 0))


def test_an_expectation_that_is_not_met_says_by_how_much(tmp_path: object) -> None:
    scenario = short(
        "expect: {outcome: cutoff, reason: ESTOP, tripped: [ESTOP], by_s: 1, bounds: {peak_c.tip: [90, 95]}}\n"
    )
    finished = run_into(tmp_path / "run", "short", assemble(scenario), report=False)  # type: ignore[operator]
    found = judge(scenario.expect, finished.summary)
    assert found == finished.problems
    assert found[:3] == [
        "outcome is completed, expected cutoff",
        "reason is hold_complete, expected ESTOP",
        "tripped: none; expected ESTOP",
    ]
    assert found[3].startswith("cut off at ")
    assert found[4].startswith("peak_c.tip is 45.")


def test_an_altered_recording_names_the_tick(tmp_path: object) -> None:
    """What the rig is said to have measured is changed in one tick: today's firmware decides otherwise there."""
    assembly = assemble(short())
    watch = Watch()
    assembly.session.recording = watch
    assembly.session.run()
    folder = tmp_path / "altered"  # type: ignore[operator]
    folder.mkdir()
    info = run_info(assembly, "short", assembly.session.hal.open(assembly.session.rig_config))
    with Recorder(folder, info) as recorder:
        for tick, (reply, decision) in enumerate(zip(watch.replies, watch.decisions, strict=True)):
            changed = reply
            if tick == 400:
                assert isinstance(reply, Sample)
                changed = reply._replace(temperature_c=(60.0, *reply.temperature_c[1:]))
            recorder.tick(changed, decision, None)
        for event in watch.events:
            recorder.event(event)
    difference = replay(load_run(folder))
    assert difference is not None
    assert difference.tick == 400
