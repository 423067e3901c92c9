"""The summary: the keys everyone relies on, from runs whose figures are known by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from hal import Absence, Command, NoSample, Sample
from rfgen.record.loader import load_run
from rfgen.record.recorder import Recorder, RunInfo
from rfgen.record.summary import summary_from_run, write_json
from rfgen.records import Decision, Event, State, Truth

INFO = RunInfo(
    "plain", "Plain", "bench", 11, "sim", True, "m", "n", "f", 20_000, ("tip", "wall", "tip"), 2, {}, {},
    ("A", "B"), {}, "", {},
)  # fmt: skip


def sample(tick: int, on: bool, power_w: float, amps: float, temps: tuple[float, ...]) -> Sample:
    status = (on, True, False, True, False, False, True, False)
    return Sample(tick, tick * 20_000, *status, 0, 0, 0, power_w, 40.0, amps, 0.0, 0.0, 20.0, 30.0, temps)


def decision(tick: int, state: State) -> Decision:
    return Decision(Command(tick, False, 0.0, 0.0), False, state, 0, 0.0, math.nan, math.nan, 0, 0)


def state(tick: int, old: str, new: str, **more: object) -> Event:
    return Event(tick, tick * 20_000, "state", f"{old} to {new}", {"from": old, "to": new, "step": 0, **more})


def trip(tick: int, name: str, first: bool) -> Event:
    return Event(tick, tick * 20_000, "trip", name, {"id": name, "row": 1, "first": first})


def operator(tick: int, action: str, accepted: bool = True) -> Event:
    why = None if accepted else "cause not gone"
    data: dict[str, object] = {"action": action, "accepted": accepted, "refused_because": why}
    return Event(tick, tick * 20_000, "operator", action, data)


def summary(folder: Path, events: list[Event], info: RunInfo = INFO) -> dict[str, Any]:
    """100 ticks: RF on in ticks 10..59 at 10 W, one of them (20) without a sample."""
    with Recorder(folder, info) as recorder:
        for tick in range(100):
            on = 10 <= tick < 60
            amps = 0.25 if tick != 30 else 0.5
            got = sample(tick, on, 10.0 if on else 0.1, amps if on else 0.0, (30.0 + tick, 37.0, math.nan))
            where = State.RAMP if on else State.IDLE if tick < 10 else State.CUTOFF
            reply = NoSample(tick, Absence.TIMEOUT) if tick == 20 else got
            recorder.tick(reply, decision(tick, where), Truth(50.0 + tick, math.nan, 38.0, 90.0, 9.0))
        for event in events:
            recorder.event(event)
    return summary_from_run(load_run(folder))


def test_a_tripped_run(tmp_path: Path) -> None:
    found = summary(
        tmp_path,
        [
            operator(9, "start"),
            state(10, "IDLE", "RAMP"),
            trip(60, "Z_HIGH", True),
            trip(60, "Z_UNMEASURED", False),
            state(60, "RAMP", "CUTOFF", reason="Z_HIGH"),
            operator(70, "acknowledge", accepted=False),
            trip(71, "ESTOP", False),
            trip(72, "Z_HIGH", False),
            operator(80, "acknowledge"),
            state(80, "CUTOFF", "IDLE"),
            trip(90, "LINK_LOST", True),
            state(90, "IDLE", "CUTOFF", reason="LINK_LOST"),
        ],
    )
    assert found["outcome"] == "cutoff"
    assert found["reason"] == "Z_HIGH"
    assert found["tripped"] == ["Z_HIGH", "Z_UNMEASURED", "ESTOP"]
    assert found["states"] == [
        {"name": "IDLE", "t_s": 0.0},
        {"name": "RAMP", "t_s": 0.2},
        {"name": "CUTOFF", "t_s": 1.2},
        {"name": "IDLE", "t_s": 1.6},
        {"name": "CUTOFF", "t_s": 1.8},
    ]
    assert found["ticks"] == 100
    assert found["t_end_s"] == 1.98
    assert found["peak_c"] == {"tip": 129.0, "wall": 37.0, "tip (2)": None}
    assert found["energy_j"] == pytest.approx(49 * 10.0 * 0.02, abs=1e-9)
    assert found["rf_on_s"] == pytest.approx(0.98, abs=1e-9)
    assert found["impedance_ohm"] == {"first": 160.0, "least": 80.0, "last": 160.0}
    assert found["seed"] == 11
    assert found["simulated"] is True
    assert found["hottest_tissue_c"] == 90.0
    assert found["peak_true_c"] == {"control": 149.0, "control_site": None, "sentinel": 38.0}


def test_a_completed_run_and_one_on_a_real_rig(tmp_path: Path) -> None:
    ended = [state(10, "IDLE", "RAMP"), state(60, "RAMP", "CUTOFF", reason="hold_complete")]
    found = summary(tmp_path / "a", ended)
    assert (found["outcome"], found["reason"], found["tripped"]) == ("completed", "hold_complete", [])
    real = RunInfo(**({name: getattr(INFO, name) for name in RunInfo.__slots__} | {"simulated": False}))
    found = summary(tmp_path / "b", ended, real)
    assert found["simulated"] is False
    assert "hottest_tissue_c" not in found
    stopped = [state(10, "IDLE", "RAMP"), state(60, "RAMP", "CUTOFF", reason="operator_stop")]
    found = summary(tmp_path / "c", stopped)
    assert (found["outcome"], found["reason"]) == ("cutoff", "operator_stop")


def test_a_run_without_events_takes_its_states_from_its_ticks(tmp_path: Path) -> None:
    found = summary(tmp_path, [])
    assert (found["outcome"], found["reason"]) == ("interrupted", None)
    assert [(s["name"], s["t_s"]) for s in found["states"]] == [("IDLE", 0.0), ("RAMP", 0.2), ("CUTOFF", 1.2)]


def test_a_run_killed_before_its_first_second_has_a_summary(tmp_path: Path) -> None:
    Recorder(tmp_path, INFO).close()
    found = summary_from_run(load_run(tmp_path))
    assert (found["ticks"], found["t_end_s"], found["energy_j"], found["states"]) == (0, 0.0, 0.0, [])
    assert found["peak_c"] == {"tip": None, "wall": None, "tip (2)": None}


def test_json_is_strict_and_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_json(path, {"a": math.nan, "b": [math.inf, 1.5], "c": State.HOLD, "d": "\u00b0"})
    assert json.loads(path.read_text("utf-8"), parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, 1.5],
        "c": 3,
        "d": "\u00b0",
    }
    before = path.read_bytes()

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(RuntimeError, match="no text"):
        write_json(path, {"a": Broken()})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]
