"""The oracle and the firmware agree to the tick on what trips; and the oracle is able to disagree."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from evidence import oracle
from evidence.oracle_rows import RULES
from evidence.oracle_runs import random_scenario, record_random, record_shipped, shipped_names
from rfgen.record.loader import Run
from rfgen.records import Event

RANDOM_RUNS = 25
RANDOM_SEED = 1
INDEPENDENT = ("oracle.py", "oracle_recording.py", "oracle_rows.py", "oracle_signals.py", "oracle_windows.py")
WITHOUT_TRIP = {"trip-start-stuck"}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that an emergency stop ended."""
    return record_shipped("trip-estop", tmp_path_factory.mktemp("estop"))


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that OVER_TEMP ended, after its persistence."""
    return record_shipped("trip-over-temp", tmp_path_factory.mktemp("hot"))


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_scenario(name: str, tmp_path: Path) -> None:
    verdict = oracle.judge(name, record_shipped(name, tmp_path))
    assert verdict.agrees, str(verdict)
    if name.startswith("trip-") and name not in WITHOUT_TRIP:
        row_id = name.removeprefix("trip-").replace("-", "_").upper()
        assert row_id in {trip.row_id for trip in verdict.trips}


def test_random_faulted_runs(tmp_path: Path) -> None:
    trips: list[oracle.Trip] = []
    for number in range(RANDOM_RUNS):
        verdict = oracle.judge(str(number), record_random(number, RANDOM_SEED, tmp_path / str(number)))
        assert verdict.agrees, str(verdict)
        trips += verdict.trips
    assert len(trips) >= 25
    assert len({trip.row_id for trip in trips}) >= 10


def test_random_scenarios_are_repeatable() -> None:
    assert random_scenario(3, 9) == random_scenario(3, 9)
    assert random_scenario(3, 9) != random_scenario(4, 9)


@pytest.mark.parametrize("file", INDEPENDENT)
def test_it_shares_no_code_with_the_firmware(file: str) -> None:
    source = (Path(oracle.__file__).parent / file).read_text(encoding="utf-8")
    found = set()
    for node in ast.parse(source).body:  # what runs the scenarios is imported by the command alone, in its functions
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    own = {f"evidence.{name.removesuffix('.py')}" for name in INDEPENDENT}
    ours = {name for name in found if name.split(".")[0] in ("rfgen", "hal", "sim", "evidence")} - own
    assert ours <= {"rfgen.record.loader", "evidence.asked"}  # the recording, and the command line


def test_a_row_without_a_rule_fails_by_its_name(stopped: Run) -> None:
    info = dataclasses.replace(stopped.info, row_ids=(*stopped.info.row_ids, "NEW_ROW"))
    with pytest.raises(KeyError, match="NEW_ROW"):
        oracle.predict(dataclasses.replace(stopped, info=info))


def test_every_row_of_the_catalogue_has_a_rule(stopped: Run) -> None:
    assert set(stopped.info.row_ids) <= set(RULES)


def altered(run: Run, name: str, tick: int, value: object) -> Run:
    """The recording with one field changed in one tick."""
    column = np.array(run.columns[name])
    column[tick] = value
    return dataclasses.replace(run, columns={**run.columns, name: column})


def shifted(run: Run, by: int) -> Run:
    """The recording with every trip told `by` ticks later."""
    events = [e._replace(tick=e.tick + by) if e.kind == "trip" else e for e in run.events]
    return dataclasses.replace(run, events=tuple(events))


def first_trip(run: Run) -> Event:
    """The first trip that the recording tells."""
    return next(event for event in run.events if event.kind == "trip")


@pytest.mark.parametrize("by", [-1, 1])
def test_a_trip_told_a_tick_off_is_noticed(stopped: Run, by: int) -> None:
    verdict = oracle.judge("shifted", shifted(stopped, by))
    assert {trip.row_id for trip in verdict.missed} == {"ESTOP", "RIG_TRIP"}
    assert {trip.row_id for trip in verdict.false} == {"ESTOP", "RIG_TRIP"}


@pytest.mark.parametrize(
    ("field", "value", "row_id"),
    [
        ("estop_pressed", True, "ESTOP"),
        ("loop_closed", False, "LOOP_OPEN"),
        ("stage_fault", True, "STAGE_FAULT"),
        ("tc0_c", np.nan, "TC_INVALID"),
        ("tc0_c", 111.0, "OVER_TEMP_HARD"),
        ("tc_fault", 1, "TC_INVALID"),
        ("power_w", np.nan, "OVER_POWER"),
        ("rig_trip", 3, "RIG_TRIP"),
        ("rig_time_us", 0, "SAMPLE_STALE"),
        ("absent", 3, "SAMPLE_STALE"),
        ("absent", 2, "LINK_LOST"),
    ],
)
def test_a_violation_that_did_not_trip_is_noticed(stopped: Run, field: str, value: object, row_id: str) -> None:
    tick = first_trip(stopped).tick - 100
    verdict = oracle.judge("altered", altered(stopped, field, tick, value))
    assert (tick, row_id) in verdict.missed


@pytest.mark.parametrize("state", [0, 4])
def test_a_row_that_is_not_armed_is_not_predicted(stopped: Run, state: int) -> None:
    tick = int(np.flatnonzero(stopped.columns["state"] == state)[5])
    verdict = oracle.judge("altered", altered(stopped, "tc0_c", tick, 111.0))
    assert verdict.agrees, str(verdict)


def test_one_good_sample_starts_the_persistence_again(hot: Run) -> None:
    trip = first_trip(hot)
    assert (trip.tick, "OVER_TEMP") in oracle.predict(hot)
    cooled = altered(hot, "tc0_c", trip.tick - 1, 60.0)
    for channel in range(1, hot.info.electrodes):
        cooled = altered(cooled, f"tc{channel}_c", trip.tick - 1, 60.0)
    assert (trip.tick, "OVER_TEMP") not in oracle.predict(cooled)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("cmd_rf_on", True, "RF is commanded on"),
        ("cmd_power_w", 1.0, "RF is commanded on"),
        ("rf_off", False, "no RF_OFF was sent"),
        ("state", 3, "the state is HOLD"),
        ("tripped", 0, "tripped bits 0x0"),
    ],
)
def test_a_trip_without_its_consequence_is_noticed(stopped: Run, field: str, value: object, told: str) -> None:
    verdict = oracle.judge("altered", altered(stopped, field, first_trip(stopped).tick, value))
    assert told in " ".join(verdict.broken)


def test_another_reason_is_noticed(stopped: Run) -> None:
    events = tuple(
        event._replace(data={**event.data, "reason": "LOOP_OPEN"}) if event.data.get("to") == "CUTOFF" else event
        for event in stopped.events
    )
    verdict = oracle.judge("renamed", dataclasses.replace(stopped, events=events))
    assert "by the catalogue it is ESTOP" in " ".join(verdict.broken)


def test_a_start_with_the_switch_just_pressed_is_noticed(stopped: Run) -> None:
    asked = next(event.tick for event in stopped.events if event.data.get("action") == "start")
    verdict = oracle.judge("pressed", altered(stopped, "start_pressed", asked - 5, True))
    assert "the start switch had been pressed just before" in " ".join(verdict.broken)
