"""The few figures of a run that a person, or a test, asks for first."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfgen.record.jsonsafe import json_safe
from rfgen.record.loader import Run
from rfgen.records import Event, OperatorAction, State

_LEAST_CURRENT_A = 0.002
_OFF_POWER_W = 0.3
"""Below this and with RF off, what the power meter reads is its own noise (POWER_WHEN_OFF's limit)."""
COMPLETED = "hold_complete"


def summary_from_run(run: Run) -> dict[str, Any]:
    """A run's summary, JSON-safe. Times in s, tick 0 being 0."""
    info, columns, present = run.info, run.columns, run.present
    period_s = info.period_us / 1e6
    reason = _reason(run)
    on = present & columns["rf_on"]
    delivering = present & (columns["rf_on"] | (columns["power_w"] > _OFF_POWER_W))
    summary: dict[str, Any] = {
        "scenario": info.scenario,
        "title": info.title,
        "device": info.device,
        "outcome": "interrupted" if reason is None else "completed" if reason == COMPLETED else "cutoff",
        "reason": reason,
        "tripped": tripped_ids(run),
        "trips": trips(run),
        "rf_off": rf_off(run),
        "states": [{"name": name, "t_s": t_s} for name, t_s in state_times(run)],
        "t_end_s": float(run.time_s[-1]) if run.ticks else 0.0,
        "ticks": run.ticks,
        "peak_c": {name: _most(columns[f"tc{n}_c"][present]) for n, name in enumerate(_unique(info.thermocouples))},
        "energy_j": float(np.nansum(columns["power_w"][delivering]) * period_s),
        "impedance_ohm": _impedance(run, on),
        "rf_on_s": int(np.count_nonzero(on)) * period_s,
        "seed": info.seed,
        "simulated": info.simulated,
        "complete": run.complete,
    }
    if info.simulated:
        summary["hottest_tissue_c"] = _most(columns["true_hottest_c"])
        summary["peak_true_c"] = {
            name: _most(columns[f"true_{name}_c"]) for name in ("control", "control_site", "sentinel")
        }
        dose = _cem43_min(columns["true_sentinel_c"], period_s)
        if dose is not None:
            summary["sentinel_cem43_min"] = dose
    figures = next((view.scene.figures for view in reversed(run.fields) if view.scene.figures is not None), None)
    if figures is not None:
        summary["field"] = asdict(figures)
    safe: dict[str, Any] = json_safe(_rounded(summary))
    return safe


def state_times(run: Run) -> list[tuple[str, float]]:
    """Each state entered and when, in s; from the events, or from the ticks where no event tells."""
    period_s = run.info.period_us / 1e6
    entered: list[tuple[str, float]] = []
    for event in run.events:
        if event.kind != "state" or not isinstance(event.data.get("to"), str):
            continue
        if not entered and isinstance(event.data.get("from"), str):
            start = float(run.time_s[0]) if run.ticks else 0.0
            entered.append((str(event.data["from"]), min(start, event.tick * period_s)))
        entered.append((str(event.data["to"]), event.tick * period_s))
    if entered or not run.ticks:
        return entered
    states = run.columns["state"]
    changes = np.flatnonzero(np.diff(states)) + 1
    return [(State(int(states[n])).name, float(run.time_s[n])) for n in (0, *changes.tolist())]


def tripped_ids(run: Run) -> list[str]:
    """Interlocks that tripped before the first acknowledge, in order."""
    ids: list[str] = []
    for event in run.events:
        if acknowledged(event):
            break
        name = event.data.get("id")
        if event.kind == "trip" and isinstance(name, str) and name not in ids:
            ids.append(name)
    return ids


def trips(run: Run) -> list[dict[str, Any]]:
    """Of each of them when it tripped, what was read, for how long it had been so, and what it usually means."""
    period_s = run.info.period_us / 1e6
    found: list[dict[str, Any]] = []
    for event in run.events:
        if acknowledged(event):
            break
        name = event.data.get("id")
        if event.kind == "trip" and isinstance(name, str) and name not in [trip["id"] for trip in found]:
            found.append(
                {
                    "id": name,
                    "t_s": event.tick * period_s,
                    "read": _text(event.data.get("read")),
                    "held_s": event.data.get("held_s"),
                    "usually": _text(event.data.get("usually")),
                }
            )
    return found


def _text(value: object) -> str:
    """What a damaged recording, or one made before it was recorded, does not hold is empty."""
    return value if isinstance(value, str) else ""


def rf_off(run: Run) -> dict[str, float | None]:
    """When RF was off for good after the first cut-off, up to the next start: commanded, read back, and delivered
    (by the power meter), each by itself; None where it was not.

    A stage that is stuck on can be met by the first alone.
    """
    none: dict[str, float | None] = {"commanded_s": None, "reads_back_s": None, "delivered_s": None}
    entered = [(name, round(t_s * 1e6 / run.info.period_us)) for name, t_s in state_times(run)]
    begun = next((tick for name, tick in entered if name == State.CUTOFF.name), None)
    if begun is None or not run.ticks:
        return none
    ended = next((tick for name, tick in entered if tick > begun and name == State.IMPEDANCE_CHECK.name), None)
    ticks = np.rint(run.time_s * 1e6 / run.info.period_us).astype(np.int64)
    during = (ticks >= begun) if ended is None else (ticks >= begun) & (ticks < ended)
    columns, seen = run.columns, during & run.present
    limit_w = run.info.limits.get("off_power_w", _OFF_POWER_W)
    return {
        "commanded_s": _off_from(run.time_s[during], columns["cmd_rf_on"][during]),
        "reads_back_s": _off_from(run.time_s[seen], columns["rf_on"][seen]),
        "delivered_s": _off_from(run.time_s[seen], ~(columns["power_w"][seen] <= limit_w)),
    }


def _off_from(time_s: NDArray[np.float64], on: NDArray[np.bool_]) -> float | None:
    """From when on it stayed off; None where it was on at the end, or nothing is known."""
    if not len(on) or on[-1]:
        return None
    last = np.flatnonzero(on)
    return float(time_s[0 if not len(last) else last[-1] + 1])


def acknowledged(event: Event) -> bool:
    """Whether the event is an operator's acknowledge that was accepted."""
    return (
        event.kind == "operator"
        and event.data.get("action") == OperatorAction.ACKNOWLEDGE.value
        and event.data.get("accepted") is not False
    )


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write strict JSON, whole or not at all: a reader never sees half a file."""
    text = json.dumps(json_safe(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step, or leave it as it was. Raises OSError with the file's name, which a write lacks."""
    name: Path | None = None
    try:
        handle, name = _beside(path)
        with open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException as error:
        if name is not None:
            name.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def _beside(path: Path) -> tuple[int, Path]:
    """A new file in the same folder, open for writing, with the mode that the user's umask gives any new file."""
    for number in count():
        name = path.with_name(f".{path.name}.{os.getpid()}-{number}.tmp")
        with contextlib.suppress(FileExistsError):
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), name
    raise AssertionError("unreachable: the count has no end")


def _reason(run: Run) -> str | None:
    for event in run.events:
        if event.kind == "state" and event.data.get("to") == State.CUTOFF.name:
            return str(event.data.get("reason"))
    return None


def _impedance(run: Run, on: NDArray[np.bool_]) -> dict[str, float | None]:
    measured = on & (run.columns["current_a"] > _LEAST_CURRENT_A)
    with np.errstate(all="ignore"):
        ohms = run.columns["voltage_v"][measured] / run.columns["current_a"][measured]
    ohms = ohms[np.isfinite(ohms)]
    if not len(ohms):
        return {"first": None, "least": None, "last": None}
    return {"first": float(ohms[0]), "least": float(ohms.min()), "last": float(ohms[-1])}


def _cem43_min(values_c: NDArray[np.float64], period_s: float) -> float | None:
    """Cumulative equivalent minutes at 43 C (factor 2 per C above, 4 below); None where nothing is known."""
    finite = values_c[np.isfinite(values_c)]
    if not len(finite):
        return None
    over = np.minimum(finite - 43.0, 100.0)
    return float(np.where(over > 0.0, 2.0**over, 4.0**over).sum() * period_s / 60.0)


def _most(values: NDArray[np.float64]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else None


def _unique(names: tuple[str, ...]) -> list[str]:
    """Names fit to be keys: a second thermocouple of the same name gets its channel's number."""
    return [name if names.index(name) == n else f"{name} ({n})" for n, name in enumerate(names)]


def _rounded(value: Any) -> Any:
    """To a millionth, so that a person can read the file."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
