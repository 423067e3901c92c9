"""One panel for every fault: the same fault at the same tick gives the same bytes, whoever puts it on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hal.linefault import LINE_FAULTS
from hal.serve import PtyServer
from rfgen.assemble import SimulatedAssembly, assemble, assemble_on, simulated_rig
from rfgen.faultpanel import FaultPanel, has_end
from rfgen.hostfaults import HOST_FAULTS
from rfgen.problems import InputError
from rfgen.record.info import RunInfo
from rfgen.record.recorder import Recorder
from rfgen.rigside import rig_side
from rfgen.runs import run_info
from rfgen.scenario import parse_scenario
from rfgen.scenarioparts import fault_kinds
from sim.faults import FAULTS

TICKS = 330
"""6.6 s: a baseline, a check and the beginning of a ramp."""
HEAD = """\
title: t
device: bench
treatment: {target_c: 60, hold_s: 60}
plant: {target: lytic_tumour, wall: {distance_mm: 15}}
"""
START = "{at: 0.5 s, do: start}"


def words(kind: str, channel: int | None, size: float | None) -> str:
    """A fault's channel and size, as they stand in a line."""
    found = "" if channel is None else f", channel: {channel}"
    return found + ("" if size is None else f", size: {size!r}")


@lru_cache(maxsize=1)
def same_info() -> RunInfo:
    """What a recording says of the run differs, as the scenarios do; what happened in it must not."""
    assembly = assemble(parse_scenario(HEAD, "t.yaml"))
    return run_info(assembly, "t", assembly.session.open())


def recorded(assembly: SimulatedAssembly, at: Callable[[int], None] = lambda tick: None) -> bytes:
    """The first seconds of a treatment; `at` is called before every tick."""
    session = assembly.session
    with TemporaryDirectory() as folder:
        with Recorder(Path(folder), same_info()) as recorder:
            session.recording = recorder
            ticks = session.ticks()
            for tick in range(TICKS):
                at(tick)
                next(ticks)
            session.hal.close()
        return (Path(folder) / "run.mcap").read_bytes()


@st.composite
def faults(draw: st.DrawFn) -> tuple[str, int | None, float | None, int, int | None]:
    """A kind, its channel and size, the tick that it is put on at and the one that it comes off at."""
    kind = draw(st.sampled_from(fault_kinds()))
    spec = FAULTS.get(kind) or LINE_FAULTS.get(kind)
    channel = draw(st.integers(0, 2)) if getattr(spec, "channel", False) else None
    span = None if spec is None else spec.size
    size = None if span is None else round(draw(st.floats(span.least, span.most)), 3)
    on = draw(st.integers(30, TICKS - 20))
    return kind, channel, size, on, draw(st.integers(on + 1, TICKS + 10)) if has_end(kind) else None


@settings(deadline=None, max_examples=12)
@given(st.lists(faults(), min_size=1, max_size=3, unique_by=lambda fault: fault[0]))
@example([("impedance_stuck", None, None, 30, 31), ("thermocouple_open", 0, None, 31, 32)])
def test_by_the_panel_by_the_operator_and_by_the_time_line_it_is_the_same(
    put: list[tuple[str, int | None, float | None, int, int | None]],
) -> None:
    put = sorted(put, key=lambda fault: fault[3])
    line, hand = [], []
    for kind, channel, size, on, off in put:
        ends = "" if off is None else f", for: {(off - on) * 20} ms"
        line.append(f"{{at: {on * 20} ms, kind: {kind}{words(kind, channel, size)}{ends}}}")
        hand.append((on, f"fault_on: {kind}{words(kind, channel, size)}"))
        if off is not None:
            hand.append((off, f"fault_off: {kind}{words(kind, channel, None)}"))
    # of what is due in one tick, a time line does first what belongs to the fault that was written first
    hands = [START, *(f"{{at: {tick * 20} ms, {what}}}" for tick, what in sorted(hand, key=lambda due: due[0]))]
    on_line = parse_scenario(HEAD + f"operator: [{START}]\nfaults: [{', '.join(line)}]\n", "line.yaml")
    by_operator = parse_scenario(HEAD + f"operator: [{', '.join(hands)}]\n", "hand.yaml")
    plain = assemble(parse_scenario(HEAD, "plain.yaml"), line_faults=True)
    panel = plain.panel

    def by_hand(tick: int) -> None:
        for kind, channel, size, on, off in put:
            if tick == on:
                panel.put(kind, channel, size)
            if tick == off:
                assert panel.take_off(kind, channel) == 1

    wanted = recorded(assemble(on_line))
    assert recorded(assemble(by_operator)) == wanted
    assert recorded(plain, by_hand) == wanted


def panel_of(text: str = HEAD, **how: bool) -> FaultPanel:
    return assemble(parse_scenario(text, "t.yaml"), **how).panel


def test_every_fault_that_there_is_can_be_put_on_and_taken_off_a_running_treatment() -> None:
    assembly = assemble(parse_scenario(HEAD, "t.yaml"), line_faults=True)
    panel = assembly.panel
    assert panel.kinds == fault_kinds()
    assert set(fault_kinds()) == {*FAULTS, *LINE_FAULTS, *HOST_FAULTS}
    ticks = assembly.session.ticks()
    next(ticks)
    for kind in panel.kinds:
        if not has_end(kind):
            continue
        fault = panel.put(kind, "tip" if kind in FAULTS and FAULTS[kind].channel else None)
        next(ticks)
        assert panel.faults == (fault,)
        fault.take_off()
        fault.take_off()  # harmless to repeat
        assert panel.faults == ()
    for kind in ("firmware_exception", "limits_overwritten"):
        with panel.put(kind) as fault:  # at the end of the block it stays: it has no end
            pass
        with pytest.raises(ValueError, match=f"{kind} has no end"):
            fault.take_off()
    panel.clear()
    assert {fault.kind for fault in panel.faults} == {"firmware_exception", "limits_overwritten"}
    assert len(panel.history) == len(fault_kinds())


def test_taking_off_a_kind_takes_off_all_of_it_on_that_channel() -> None:
    panel = panel_of()
    for channel in (0, 1, 1):
        panel.put("thermocouple_offset", channel, 1.0)
    assert panel.take_off("thermocouple_offset", 1) == 2
    assert panel.take_off("thermocouple_offset", "tissue") == 0
    assert [fault.channel for fault in panel.faults] == [0]
    panel.clear()
    assert panel.faults == ()


@pytest.mark.parametrize(
    ("kind", "channel", "size", "said"),
    [
        ("pump_stoped", None, None, "did you mean 'pump_stopped'"),
        ("thermocouple_open", None, None, "channel is missing"),
        ("thermocouple_open", 3, None, "bench has channels 0 to 2"),
        ("thermocouple_open", "nose", None, "bench has tip, tissue, wall"),
        ("pump_slow", None, 7.0, "0 to 1 x"),
        ("pump_slow", 0, None, "concerns no channel"),
        ("line_silent", None, None, "this line takes no faults"),
    ],
)
def test_what_cannot_be_put_on_is_a_value_error(
    kind: str, channel: int | str | None, size: float | None, said: str
) -> None:
    panel = panel_of()
    with pytest.raises(ValueError, match=said):
        panel.put(kind, channel, size)
    assert panel.history == ()


def test_on_a_served_rig_a_fault_is_put_on_from_another_thread() -> None:
    side = rig_side(parse_scenario(HEAD, "t.yaml"), lockstep=True, boot_count=1)
    with PtyServer(side.protocol, real_time=False) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            fault = server.do(lambda: side.panel.put("pump_stopped")).result(20.0)
            assert [put.kind for put in side.rig.bench.faults.values()] == ["pump_stopped"]
            server.do(fault.take_off).result(20.0)
            assert side.rig.bench.faults == {}
            with pytest.raises(ValueError, match="no thermocouple 'nose'"):
                server.do(lambda: side.panel.put("thermocouple_open", "nose")).result(20.0)
        finally:
            server.stop()
            thread.join(20.0)


def test_on_a_rig_only_its_line_and_its_host_can_be_given_a_fault() -> None:
    scenario = parse_scenario(HEAD, "t.yaml")
    here = assemble(scenario)
    rig = simulated_rig(scenario.device, here.bench, 1)
    panel = assemble_on(rig, scenario, line_faults=True).panel
    assert panel.kinds == (*LINE_FAULTS, *HOST_FAULTS)
    with pytest.raises(ValueError, match="a simulation alone"):
        panel.put("pump_stopped")
    by_hand = HEAD + f"operator: [{START}, {{at: 1 s, fault_on: pump_stopped}}]\n"
    with pytest.raises(ValueError, match="a simulation alone"):
        assemble_on(rig, parse_scenario(by_hand, "t.yaml"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{at: 2 s}", "t.yaml:7: operator[1].do: is missing; say what is done"),
        ("{at: 2 s, do: stop, fault_on: loop_open}", "operator[1].fault_on: 'loop_open' stands beside `do`"),
        ("{at: 2 s, fault_on: lop_open}", "operator[1].fault_on: 'lop_open' is no fault; did you mean 'loop_open'?"),
        ("{at: 2 s, fault_on: pump_slow, size: 3}", "t.yaml:7: operator[1].size: 3 is out of range; 0 to 1 x"),
        ("{at: 2 s, fault_on: thermocouple_open}", "operator[1].channel: is missing"),
        ("{at: 2 s, fault_on: thermocouple_open, channel: 5}", "operator[1].channel: 5 is no channel; bench has"),
        ("{at: 2 s, fault_off: loop_open}", "operator[1].fault_off: 'loop_open' is never put on"),
        ("{at: 2 s, fault_off: firmware_exception}", "'firmware_exception' cannot be taken off; it has no end"),
        ("{at: 2 s, fault_off: pump_slow, size: 0.5}", "operator[1].size: 0.5 means nothing here"),
        ("{at: 2 s, do: stop, size: 0.5}", "operator[1].size: 0.5 means nothing here"),
    ],
)
def test_a_line_of_the_operators_that_is_wrong_is_told_where_it_stands(line: str, said: str) -> None:
    with pytest.raises(InputError) as told:
        parse_scenario(HEAD + f"operator:\n  - {START}\n  - {line}\n", "t.yaml")
    assert said in str(told.value)


def test_taking_off_what_is_not_on_any_more_is_noted() -> None:
    hand = f"operator: [{START}, {{at: 1 s, fault_off: charring}}]\n"
    text = HEAD + hand + "faults: [{at: 0.2 s, kind: charring, for: 0.2 s}]\n"
    assembly = assemble(parse_scenario(text, "t.yaml"))
    told: list[str] = []
    assembly.session.on_event = lambda event: told.append(event.text)
    ticks = assembly.session.ticks()
    for _ in range(60):
        next(ticks)
    assert "charring is not on: there is nothing to take off" in told
