"""One run of a campaign: the summary's figures without a recording, as one flat row."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from rfgen.assemble import assemble
from rfgen.campaign.spec import CampaignSpec, drawn
from rfgen.campaign.tally import Tally
from rfgen.expect import judge
from rfgen.falsify.one import broken_promises, watch_promises
from rfgen.fieldwatch import final_figures
from rfgen.record.summary import COMPLETED
from rfgen.records import State
from rfgen.scenario import Scenario

COLUMNS = {
    "run": "BIGINT",
    "seed": "BIGINT",
    "device": "VARCHAR",
    "mode": "VARCHAR",
    "target": "VARCHAR",
    "target_radius_mm": "DOUBLE",
    "conductivity_scale": "DOUBLE",
    "perfusion_scale": "DOUBLE",
    "target_c": "DOUBLE",
    "power_w": "DOUBLE",
    "hold_s": "DOUBLE",
    "fault": "VARCHAR",
    "fault_at": "VARCHAR",
    "fault_size": "DOUBLE",
    "fault_channel": "INTEGER",
    "fault_on_s": "DOUBLE",
    "outcome": "VARCHAR",
    "reason": "VARCHAR",
    "tripped": "VARCHAR",
    "state_tripped": "VARCHAR",
    "trip_tick": "BIGINT",
    "trip_s": "DOUBLE",
    "to_trip_s": "DOUBLE",
    "t_end_s": "DOUBLE",
    "ticks": "BIGINT",
    "peak_tip_c": "DOUBLE",
    "peak_true_control_c": "DOUBLE",
    "peak_true_sentinel_c": "DOUBLE",
    "hottest_tissue_c": "DOUBLE",
    "lesion_width_mm": "DOUBLE",
    "lesion_volume_mm3": "DOUBLE",
    "peak_dura_c": "DOUBLE",
    "dura_cem43_min": "DOUBLE",
    "peak_cord_c": "DOUBLE",
    "cord_cem43_min": "DOUBLE",
    "energy_j": "DOUBLE",
    "rf_on_s": "DOUBLE",
    "as_expected": "BOOLEAN",
    "problems": "VARCHAR",
}
"""A row's columns and their types in the results. `to_trip_s`: from the fault to the first trip after it."""


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


@contextmanager
def _collector_off() -> Iterator[None]:
    """No garbage collection meanwhile: a tick leaves no cycles, and looking for some costs 3 % of a run. What was made
    meanwhile is looked through at the end: what a run leaves is then gone before the next, and memory stays flat."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.collect(1)
            gc.enable()


def summarised(scenario: Scenario) -> tuple[dict[str, Any], list[str]]:
    """The run's summary, as far as `rfgen.campaign.spec.MEASURED` goes, and what is not as expected.

    Raises ValueError where the plant cannot be.
    """
    assembly = assemble(scenario)
    session = assembly.session
    period_s = session.rig_config.period_us / 1e6
    names = [t.name for t in scenario.device.thermocouples]
    keys = tuple(name if names.index(name) == n else f"{name} ({n})" for n, name in enumerate(names))
    tally = Tally(keys)
    session.recording = tally
    promised = () if scenario.expect is None else scenario.expect.kept
    monitors = watch_promises(assembly, promised)
    with _collector_off():
        ending = session.run()
    states = [e for e in tally.events if e.kind == "state"]
    trips = [e for e in tally.events if e.kind == "trip"]
    reason = next((str(e.data.get("reason")) for e in states if e.data.get("to") == State.CUTOFF.name), None)
    faults = [e for e in tally.events if e.kind == "fault"]
    true = [_finite(value) for value in tally.true_c]
    summary: dict[str, Any] = {
        "outcome": "interrupted" if reason is None else "completed" if reason == COMPLETED else "cutoff",
        "reason": reason,
        "tripped": list(dict.fromkeys(str(e.data.get("id")) for e in trips)),
        "states": [{"name": str(e.data["to"]), "t_s": round(e.tick * period_s, 6)} for e in states],
        "peak_c": {name: _finite(value) for name, value in zip(keys, tally.peak_c, strict=True)},
        "peak_true_c": {"control": true[0], "control_site": true[1], "sentinel": true[2]},
        "hottest_tissue_c": true[3],
        "energy_j": round(tally.energy_w * period_s, 6),
        "rf_on_s": round(tally.on * period_s, 6),
        "t_end_s": round((ending.ticks - 1) * period_s, 6),
        "ticks": ending.ticks,
        "trip_tick": trips[0].tick if trips else None,
        "trip_s": round(trips[0].tick * period_s, 6) if trips else None,
        "fault_on_s": round(faults[0].tick * period_s, 6) if faults else None,
        "state_tripped": next(
            (str(e.data.get("from")) for e in states if e.data.get("to") == State.CUTOFF.name and trips), None
        ),
    }
    figures = final_figures(assembly)
    if figures is not None:
        summary["field"] = asdict(figures)
    problems = judge(scenario.expect, summary) + broken_promises(promised, monitors)
    if ending.ran_out:
        problems.append(f"it had not ended after {session.max_time_s:g} s, and was stopped")
    return summary, problems


def _of_field(field: dict[str, Any] | None) -> dict[str, Any]:
    """A row's columns of the field; none where the plant was a network."""
    if field is None:
        return {}
    found = {
        "lesion_width_mm": _finite(field["lesion"]["width_mm"]),
        "lesion_volume_mm3": _finite(field["lesion"]["volume_mm3"]),
    }
    for name in ("dura", "cord"):
        if field[name] is not None:
            found[f"peak_{name}_c"] = _finite(field[name]["peak_c"])
            found[f"{name}_cem43_min"] = _finite(field[name]["cem43_min"])
    return found


def row_of(spec: CampaignSpec, seed: int, number: int) -> dict[str, Any]:
    """Run `number`, as a row of the results. What could not be run says so in `outcome` and `problems`."""
    with _collector_off():
        return _row_of(spec, seed, number)


def _row_of(spec: CampaignSpec, seed: int, number: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"run": number}
    try:
        scenario = drawn(spec, seed, number).scenario
        step, plant = scenario.treatment.steps[0], scenario.plant
        row |= {
            "seed": scenario.seed,
            "device": scenario.device.name,
            "mode": str(scenario.treatment.mode),
            "target": plant.target,
            "target_radius_mm": plant.target_radius_mm,
            "conductivity_scale": plant.conductivity_scale,
            "perfusion_scale": plant.perfusion_scale,
            "target_c": step.target_c,
            "power_w": step.power_w,
            "hold_s": step.hold_s,
        }
        for fault in scenario.faults:
            row |= {"fault": fault.kind, "fault_at": str(fault.at)}
            row |= {"fault_size": fault.size, "fault_channel": fault.channel}
        summary, problems = summarised(scenario)
    except (ValidationError, ValueError) as error:
        return row | not_run(number, "not_run", " ".join(str(error).split())[:400])
    row |= {name: summary[name] for name in COLUMNS if name in summary}
    row["tripped"] = ",".join(summary["tripped"])
    row["peak_tip_c"] = next(iter(summary["peak_c"].values()), None)
    row["peak_true_control_c"] = summary["peak_true_c"]["control"]
    row["peak_true_sentinel_c"] = summary["peak_true_c"]["sentinel"]
    row |= _of_field(summary.get("field"))
    if row["trip_s"] is not None and row["fault_on_s"] is not None and row["trip_s"] >= row["fault_on_s"]:
        row["to_trip_s"] = round(row["trip_s"] - row["fault_on_s"], 6)
    return row | {"as_expected": not problems, "problems": "; ".join(problems)}


def not_run(number: int, outcome: str, why: str) -> dict[str, Any]:
    """What is said of a run that gave no figures."""
    return {"run": number, "outcome": outcome, "as_expected": False, "problems": why}
