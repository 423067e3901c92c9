"""An oracle: says from a recording alone which interlocks must have tripped, and when.

It shares no code with the firmware, works on whole recordings as arrays, and is written from the catalogue's text.
`python -m evidence.oracle --runs N` holds it against every shipped scenario and N random faulted runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.oracle_recording import CHECK, CUTOFF, HOLD, RAMP, STATE_NAMES, Flags, Timeline
from evidence.oracle_rows import RULES, Reading, Rule, World, line_readings
from rfgen.record.loader import Run


class Trip(NamedTuple):
    """An interlock trips in a tick."""

    tick: int
    row_id: str


@dataclass(frozen=True)
class Verdict:
    """Trips recorded against trips predicted."""

    name: str
    trips: tuple[Trip, ...]
    """Those on which both agree."""
    missed: tuple[Trip, ...]
    """Predicted, and not recorded."""
    false: tuple[Trip, ...]
    """Recorded, and not predicted."""
    broken: tuple[str, ...]
    """What else the firmware owes at a trip and the recording does not show."""

    @property
    def agrees(self) -> bool:
        """Nothing differs."""
        return not (self.missed or self.false or self.broken)

    def __str__(self) -> str:
        missed = [f"tick {trip.tick}: {trip.row_id} predicted, not recorded" for trip in self.missed]
        false = [f"tick {trip.tick}: {trip.row_id} recorded, not predicted" for trip in self.false]
        return f"{self.name}: " + ("; ".join([*missed, *false, *self.broken]) or "agrees")


def fires(t: Timeline, rule: Rule, reading: Reading, acknowledged: Flags) -> Flags:
    """Where a row is met, armed, and has been for its persistence."""
    armed = np.isin(t.state, list(rule.armed))
    met = reading.met & reading.applies & armed
    good = (~reading.met & reading.applies) | ~armed
    # on a new link, and after an acknowledge, counting starts again
    part = np.cumsum(good | t.fresh | acknowledged)
    counted = np.cumsum(np.where(met, t.passed_us, 0))
    at = np.flatnonzero(met)
    found = np.zeros(t.samples, dtype=np.bool_)
    if len(at):
        first = np.concatenate(([True], part[at][1:] != part[at][:-1]))
        begun = np.maximum.accumulate(np.where(first, np.arange(len(at)), 0))
        found[at] = counted[at] - counted[at[begun]] >= rule.persist_us
    return found


def predict(run: Run) -> set[Trip]:
    """Every trip of the run, by the catalogue. Raises KeyError for a row of the recording that the oracle lacks."""
    t = Timeline(run)
    unknown = [row_id for row_id in run.info.row_ids if row_id not in RULES]
    if unknown:
        raise KeyError(f"{', '.join(unknown)}: write the oracle's rule, from the catalogue, in evidence/oracle_rows.py")
    world = World(t)
    acknowledged = t.first_after(t.acknowledged)
    candidates: list[Trip] = []
    for row_id in run.info.row_ids:
        rule = RULES[row_id]
        if rule.armed and rule.needs(t.device):
            fired = fires(t, rule, rule.condition(world), acknowledged)
            candidates += [Trip(tick, row_id) for tick in t.tick[fired].tolist()]
    for row_id, met in line_readings(t).items():
        candidates += [Trip(tick, row_id) for tick in np.flatnonzero(met).tolist()]
    candidates += [Trip(tick, "RIG_REBOOT") for tick in t.rebooted]
    trips = latched(candidates, t.acknowledged)
    return trips | latched(error_trips(t, {trip.tick for trip in trips}), t.acknowledged)


def latched(candidates: Iterable[Trip], acknowledged: Sequence[int]) -> set[Trip]:
    """The first of each row after each acknowledge: what has tripped stays tripped until then."""
    marks = np.array(acknowledged, dtype=np.int64)
    seen: set[tuple[str, int]] = set()
    found = set()
    for trip in sorted(candidates):
        key = (trip.row_id, int(np.searchsorted(marks, trip.tick, side="right")))
        if key not in seen:
            seen.add(key)
            found.add(trip)
    return found


def error_trips(t: Timeline, tripped: set[int]) -> Iterator[Trip]:
    """Control with a defect raises whenever it is called: in check, ramp and hold, unless an interlock trips first. A
    new start brings a sound one."""
    put = t.since(t.marked("fault", kind="firmware_exception", on=True))
    renewed = np.maximum(t.since(t.started), t.since(t.acknowledged))
    raises = (put > renewed) & np.isin(t.state, (CHECK, RAMP, HOLD))
    for tick in t.tick[raises].tolist():
        if tick not in tripped:
            yield Trip(tick, "INTERNAL_ERROR")


def recorded(run: Run) -> set[Trip]:
    """The trips that the recording tells as events."""
    return {Trip(event.tick, str(event.data.get("id"))) for event in run.events if event.kind == "trip"}


def owed(run: Run, predicted: set[Trip]) -> Iterator[str]:
    """What a trip must bring in its own tick, and the reason it must be told by; also the bits of each tick."""
    t = Timeline(run)
    order = {row_id: bit for bit, row_id in enumerate(run.info.row_ids)}
    columns = run.columns
    by_tick: dict[int, list[str]] = {}
    for trip in sorted(predicted, key=lambda trip: (trip.tick, order[trip.row_id])):
        by_tick.setdefault(trip.tick, []).append(trip.row_id)
    bits = np.zeros(run.ticks, dtype=np.uint64)
    for tick, ids in by_tick.items():
        own = [row_id for row_id in ids if not (row_id == "RIG_REBOOT" and tick in t.rebooted)]
        bits[tick] = sum(1 << order[row_id] for row_id in own)
        if columns["cmd_rf_on"][tick] or columns["cmd_power_w"][tick] != 0.0:
            yield f"tick {tick}: {ids[0]} tripped, and RF is commanded on"
        if own and not columns["rf_off"][tick]:
            yield f"tick {tick}: {ids[0]} tripped, and no RF_OFF was sent"
        if columns["state"][tick] != CUTOFF:
            yield f"tick {tick}: {ids[0]} tripped, and the state is {STATE_NAMES[int(columns['state'][tick])]}"
    for tick in np.flatnonzero(bits != columns["tripped"]).tolist():
        yield f"tick {tick}: tripped bits {int(columns['tripped'][tick]):#x}, predicted {int(bits[tick]):#x}"
    radiating = np.isin(columns["state"], (CHECK, RAMP, HOLD))
    for tick in np.flatnonzero(columns["cmd_rf_on"] & ~radiating)[:3].tolist():
        yield f"tick {tick}: RF is commanded on in {STATE_NAMES[int(columns['state'][tick])]}"
    yield from started_wrongly(t)
    for event in run.events:
        if event.kind != "state" or event.data.get("to") != "CUTOFF":
            continue
        ids = by_tick.get(event.tick, [])
        reason = str(event.data.get("reason"))
        if (ids and reason not in (ids[0], "operator_stop")) or (not ids and reason in order):
            yield f"tick {event.tick}: the reason told is {reason}, by the catalogue it is {ids[0] if ids else 'none'}"


def started_wrongly(t: Timeline) -> Iterator[str]:
    """START_STUCK never trips: it refuses the start where the switch read pressed in the half second before the ask.

    Where the switch itself is the ask, the press that asks does not count, and what was never read is not released.
    A sample that lies within two periods of the half second's edge may count either way.
    """
    if not t.device.start_switch:
        return
    pressed = t.column("start_pressed").astype(np.bool_)
    for event in t.run.events:
        if event.kind != "operator" or event.data.get("action") != "start":
            continue
        seen = (t.tick < event.tick) & (t.link == t.link[np.searchsorted(t.tick, event.tick, side="left") - 1])
        if t.device.dead_man:  # up to the press that asks
            released = np.flatnonzero(seen & ~pressed)
            seen &= t.tick <= (t.tick[released[-1]] if len(released) else -1)
        ago_us = np.where(seen, t.now_us[seen].max(initial=0) - t.now_us, np.iinfo(np.int64).max)
        stuck = bool((pressed & (ago_us <= 500_000 - 2 * t.period_us)).any())
        sure = 500_000 + 2 * t.period_us
        free = not (pressed & (ago_us <= sure)).any()
        if t.device.dead_man:
            free &= bool((seen & (ago_us >= sure)).any())
        refused = str(event.data.get("refused_because")).startswith("START_STUCK")
        if stuck and event.data.get("accepted") is True:
            yield f"tick {event.tick}: started, though the start switch had been pressed just before"
        if free and refused:
            yield f"tick {event.tick}: a start was refused for START_STUCK, though the switch had been released"


def judge(name: str, run: Run) -> Verdict:
    """Hold a recording against the oracle."""
    predicted, found = predict(run), recorded(run)
    return Verdict(
        name,
        tuple(sorted(predicted & found)),
        tuple(sorted(predicted - found)),
        tuple(sorted(found - predicted)),
        tuple(owed(run, predicted)),
    )


# --- the command ---------------------------------------------------------------------------------------------


def judge_shipped(name: str) -> Verdict:
    """Run a shipped scenario and judge its recording."""
    from evidence.oracle_runs import record_shipped

    with tempfile.TemporaryDirectory() as folder:
        return judge(name, record_shipped(name, Path(folder)))


def judge_random(number: int, seed: int) -> Verdict:
    """Run a random faulted scenario and judge its recording."""
    from evidence.oracle_runs import record_random

    with tempfile.TemporaryDirectory() as folder:
        return judge(f"random run {number} of seed {seed}", record_random(number, seed, Path(folder)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Shipped scenarios, then random runs; each disagreement on a line of its own. 0 where there is none."""
    from evidence.oracle_runs import shipped_names

    parser = argparse.ArgumentParser(prog="evidence.oracle", description=__doc__)
    parser.add_argument("--runs", type=one_or_more, default=1000, help="random faulted runs")
    parser.add_argument("--first", type=none_or_more, default=0, help="number of the first one")
    parser.add_argument("--seed", type=none_or_more, default=5)
    parser.add_argument("--jobs", type=one_or_more, default=2)
    options = parser.parse_args(arguments)
    numbers = range(options.first, options.first + options.runs)
    counts: Counter[str] = Counter()
    judged = wrong = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        shipped = pool.map(judge_shipped, shipped_names())
        random = pool.map(judge_random, numbers, [options.seed] * len(numbers))
        for verdict in (*shipped, *random):
            judged += 1
            counts.update(trip.row_id for trip in verdict.trips)
            if not verdict.agrees:
                wrong += 1
                print(verdict, flush=True)
    print(f"{judged} runs, {counts.total()} trips agreed on to the tick, {wrong} runs with a disagreement")
    print("trips by row: " + ", ".join(f"{row_id} {counts[row_id]}" for row_id in RULES))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
