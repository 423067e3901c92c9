"""Every rule of the expectation table, run once; and a table that speaks of every fault and every row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evidence.campaign_cells import Cell, Place, cells, places, run_cell, table
from evidence.campaign_context import context_of
from evidence.campaign_demand import BY_KIND, KINDS, Demand, demand_of
from evidence.campaign_forks import judge
from evidence.campaign_off import Was
from evidence.campaign_rest import ONLY_IN_TIME, REST, rest_of
from evidence.campaign_runs import Injection, Moment, Snapshot, snapshots
from evidence.campaign_table import DISTURBS, RULES, Rule, disturbs
from evidence.campaign_treatments import Kind, sound_scenario
from hal.linefault import LINE_FAULTS
from rfgen.hostfaults import HOST_FAULTS
from rfgen.records import State
from rfgen.safety.catalogue import ROW_IDS, ROWS
from rfgen.safety.supervisor import Supervisor
from sim.bench import Bench
from sim.faults import FAULTS


@pytest.fixture(scope="module")
def among() -> list[Place]:
    return places()


def one_of_each() -> list[Cell]:
    """Every rule, and what no rule claims of every fault, in one of its states; `make cells` runs all, everywhere."""
    groups: dict[tuple[str, Rule | None], list[Cell]] = {}
    for cell in cells():
        groups.setdefault((cell.kind, cell.rule), []).append(cell)
    return [of_one[number % len(of_one)] for number, of_one in enumerate(groups.values())]


def test_every_rule_is_as_it_says(among: list[Place]) -> None:
    wrong = []
    ran = 0
    chosen = one_of_each()
    assert {cell.state for cell in chosen} == set(State)
    for cell in chosen:
        done = run_cell(cell, among)
        if done is None:
            wrong.append(f"{cell}: no moment was found for it")
            continue
        ran += 1
        if done.judged.problems:
            wrong.append(f"{cell}: {done.fault}, {done.kind}: {'; '.join(done.judged.problems)}")
    assert not wrong, "\n".join(wrong)
    assert ran == len(chosen) > 130
    assert {cell.rule for cell in chosen} == {*RULES, None}


def test_every_fault_that_can_be_put_on_has_its_lines() -> None:
    every = {*FAULTS, *LINE_FAULTS, *HOST_FAULTS}
    assert set(REST) == every, "add a line to REST, and rules to RULES"
    assert {rule.kind for rule in RULES} <= every
    assert set(KINDS) == {cell.kind for cell in cells()}
    for kind in every:
        for state in State:
            assert any(cell.kind == kind and cell.state is state for cell in cells())
    assert all(any(kind.startswith(start) for kind in every) for start in DISTURBS)


def test_every_row_is_demanded_of_some_fault_or_said_not_to_be() -> None:
    demanded = {row for rule in RULES for row in rule.rows.split()}
    named = demanded | {row for rule in RULES for row in rule.also.split()}
    named |= {row for rest in REST.values() for row in rest.may.split()}
    assert named <= set(ROW_IDS)
    missing = set(ROW_IDS) - demanded - set(ONLY_IN_TIME)
    assert not missing, f"{missing}: add a rule for a fault that they must see, or a line to ONLY_IN_TIME"
    assert not demanded & set(ONLY_IN_TIME)
    assert set(ONLY_IN_TIME) <= set(ROW_IDS)


def test_a_demanded_row_is_armed_where_it_is_demanded() -> None:
    armed = {row.id: row.armed for row in ROWS}
    for rule in RULES:
        for state in rule.states:
            # from the check on, a row may be met in the states that follow
            reached = {State.IMPEDANCE_CHECK: (1, 2, 3), State.RAMP: (2, 3), State.HOLD: (2, 3)}.get(state, (state,))
            assert any(armed[row] & set(map(State, reached)) for row in rule.rows.split()), rule


def test_the_table_as_text() -> None:
    lines = list(table())
    assert len(lines) > 150
    assert "| emergency_stop | IDLE, check, RAMP, HOLD, CUTOFF | any | ESTOP | the same tick |" in lines
    assert "| line_silent | IDLE, check, RAMP, HOLD, CUTOFF | any | LINK_LOST | 0.04 s |" in lines
    assert any(line.startswith("| vessel | check, RAMP, HOLD | any | need not be seen: ") for line in lines)


# --- the judge finds out a firmware that misses


@pytest.fixture(scope="module")
def held() -> Snapshot:
    scenario = sound_scenario(Kind("cosman-like", "temperature"), 5, 2, (60.0, 60.0))
    return snapshots(scenario, [Moment(State.HOLD, 1, 50)])[0]


def judged(snapshot: Snapshot, fault: Injection, demand: Demand | None = None) -> tuple[str, ...]:
    here = context_of(snapshot)
    return judge(snapshot, here, (fault,), demand or demand_of(here, (fault,))).problems


def test_a_firmware_without_the_row_is_found_out(held: Snapshot) -> None:
    fault = Injection("emergency_stop")
    assert judged(held, fault) == ()
    lame = Snapshot(held.run.fork(), held.state, held.ticks)
    config = lame.run.generator.config
    rows = [
        row for row in ROWS if row.id not in ("ESTOP", "RIG_TRIP", "RF_STUCK_OFF", "Z_UNMEASURED", "POWER_DEVIATION")
    ]
    lame.run.generator.supervisor = Supervisor(config.limits, config.channels, config.features, rows)
    problems = judged(lame, fault, demand_of(context_of(held), (fault,)))
    assert any("it must within 0 s" in problem for problem in problems)


def test_too_late_and_by_another_row_are_told(held: Snapshot) -> None:
    stuck = Injection("thermocouple_stuck", 0)
    demand = demand_of(context_of(held), (stuck,))
    assert judged(held, stuck, demand) == ()
    assert "tripped 2 s after; it must within 1.5 s" in judged(held, stuck, demand._replace(by_s=1.5))
    other = demand._replace(rows=frozenset({"ESTOP"}))
    assert "TC_STUCK tripped first, which is not expected" in judged(held, stuck, other)


def test_power_that_goes_on_is_told(held: Snapshot) -> None:
    """A stage that is stuck on goes on delivering; only because the fault is known to is it let pass."""
    here = context_of(held)
    fault = Injection("stage_stuck_on", None, 30.0)
    demand = demand_of(here, (fault,))
    assert judged(held, fault, demand) == ()
    lying = Snapshot(held.run.fork(), held.state, held.ticks)
    lying.run.put(fault)
    problems = judge(lying, here, (Injection("start_pressed"),), demand).problems
    assert {"power was delivered after the trip", "RF read back on after the trip"} <= set(problems)


def numb(snapshot: Snapshot, name: str) -> Snapshot:
    """The same run by a firmware in which this row takes minutes."""
    lame = Snapshot(snapshot.run.fork(), snapshot.state, snapshot.ticks)
    config = lame.run.generator.config
    rows = [replace(row, persist_us=10**9) if row.id == name else row for row in ROWS]
    lame.run.generator.supervisor = Supervisor(config.limits, config.channels, config.features, rows)
    return lame


def test_a_stage_that_is_stuck_on_must_be_told_by_both_rows_and_cut_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = sound_scenario(Kind("bench", "temperature", "second cut"), 5, 1, (60.0, 60.0))
    held = snapshots(scenario, [Moment(State.HOLD, 1, 50)])[0]
    here = context_of(held)
    fault = Injection("stage_stuck_on", None, 12.0)
    demand = demand_of(here, (fault,))
    ran = judge(held, here, (fault,), demand)
    assert ran.problems == ()
    assert ran.off == (Was.IN_TIME, Was.NEVER, Was.LATE)  # commanded, read back, delivered
    stop = (Injection("emergency_stop"),)
    assert judge(held, here, stop, demand_of(here, stop)).off == (Was.IN_TIME, Was.IN_TIME, Was.IN_TIME)
    power = judge(numb(held, "POWER_WHEN_OFF"), here, (fault,), demand).problems
    assert power == ("POWER_WHEN_OFF did not tell of a stage that is stuck on",)
    reads = judge(numb(held, "RF_STUCK_ON"), here, (fault,), demand).problems
    assert reads == ("RF_STUCK_ON did not tell of a stage that is stuck on",)
    monkeypatch.setattr(Bench, "open_cut", lambda self: None)
    assert judge(held, here, (fault,), demand).problems == ("power was delivered through the second cut",)


def test_a_second_fault_takes_away_only_what_it_hides() -> None:
    scenario = sound_scenario(Kind("bench", "temperature"), 5, 1, (60.0, 60.0))
    here = context_of(snapshots(scenario, [Moment(State.HOLD, 1, 50)])[0])

    def by_s(*faults: Injection) -> float | None:
        return demand_of(here, faults).by_s

    opened = Injection("open_load")
    assert by_s(opened) == 0.04
    assert by_s(opened, Injection("impedance_stuck")) is None
    assert by_s(opened, Injection("thermocouple_open", 0)) == 0.0
    assert by_s(opened, Injection("pump_stopped")) == 0.04
    assert by_s(Injection("pump_stopped"), Injection("vessel", None, 3.0)) == 1.2
    assert by_s(Injection("thermocouple_open", 0), Injection("thermocouple_stuck", 0)) is None
    assert by_s(Injection("thermocouple_open", 0), Injection("thermocouple_stuck", 1)) == 0.0
    assert by_s(opened, Injection("line_duplicate", None, 0.5)) is None
    assert by_s(opened, Injection("line_silent")) == 0.04


def test_rules_and_rest_know_their_groups() -> None:
    assert disturbs("stage_gain") == "stage"
    assert disturbs("line_drop") == "everything"
    assert disturbs("emergency_stop") == ""
    assert rest_of("vessel", State.HOLD).why == REST["vessel"].why
    assert rest_of("vessel", State.IDLE).why != REST["vessel"].why
    assert BY_KIND["vessel"] == ()
