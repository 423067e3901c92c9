"""A fork is the run it was taken from: to the bit, and without a trace in it."""

from __future__ import annotations

import random

import pytest

from evidence.campaign_context import Context, context_of
from evidence.campaign_demand import KINDS, draw_fault, possible
from evidence.campaign_runs import Injection, Moment, Run, Snapshot, snapshots, with_faults
from evidence.campaign_treatments import Kind, sound_scenario
from evidence.campaign_whole import Tick, as_text, whole
from hal.linefault import FaultyLine
from rfgen.records import State
from rfgen.scenario import parse_scenario, resolved_yaml

TICKS = 90
MOMENTS = [
    Moment(State.IMPEDANCE_CHECK, 1, 60),
    Moment(State.RAMP, 1, 150),
    Moment(State.HOLD, 1, 40),
]


def go_on(run: Run) -> list[Tick]:
    return [as_text(*run.step()) for _ in range(TICKS)]


def whole_run(snapshot: Snapshot, faults: tuple[Injection, ...]) -> list[Tick]:
    """The same treatment from its start, from the scenario's own text."""
    text = resolved_yaml(with_faults(snapshot, faults, 600.0))
    return whole(snapshot, parse_scenario(text, "fork.yaml"), TICKS)


@pytest.fixture(scope="module")
def taken() -> list[Snapshot]:
    found: list[Snapshot] = []
    for kind, number in ((Kind("bench", "temperature", "dead-man"), 1), (Kind("cosman-like", "temperature"), 2)):
        found += snapshots(sound_scenario(kind, 5, number), MOMENTS)
    assert len(found) == 6
    return found


def test_forked_without_a_fault_is_the_unforked_run(taken: list[Snapshot]) -> None:
    for snapshot in taken:
        assert go_on(snapshot.run.fork()) == whole_run(snapshot, ())


@pytest.mark.parametrize(
    "kinds", [(kind,) for kind in KINDS] + [("dry_out", "line_drop"), ("vessel", "charring")], ids=" and ".join
)
def test_forked_with_faults_is_the_whole_run_of_its_scenario(taken: list[Snapshot], kinds: tuple[str, ...]) -> None:
    draw = random.Random(str(kinds))
    able = [s for s in taken if set(kinds) <= set(possible(s.run.scenario))]
    snapshot = draw.choice(able)
    here: Context = context_of(snapshot)
    faults = tuple(draw_fault(kind, here.channels, draw) for kind in kinds)
    run = snapshot.run.fork()
    before = go_on(snapshot.run.fork())
    for fault in faults:
        run.put(fault)
    forked = go_on(run)
    assert forked == whole_run(snapshot, faults)
    # and what it was taken from knows nothing of it
    assert go_on(snapshot.run.fork()) == before


def test_a_fork_shares_nothing_that_changes(taken: list[Snapshot]) -> None:
    run = taken[0].run
    twin = run.fork()
    assert isinstance(twin.line, FaultyLine)
    assert twin.bench is twin.line.hal.bench  # type: ignore[attr-defined]
    for mine, other in (
        (run.bench, twin.bench),
        (run.line, twin.line),
        (run.generator, twin.generator),
        (run.generator.supervisor.limits, twin.generator.supervisor.limits),
        (run.bench._noise.rows, twin.bench._noise.rows),
    ):
        assert mine is not other
