"""A safety run: a fork from a moment of a sound treatment, with faults put on, judged against the expectation table."""

from __future__ import annotations

import math
import traceback
from typing import NamedTuple

from evidence.campaign_context import Context
from evidence.campaign_demand import Demand
from evidence.campaign_off import Follow, Off
from evidence.campaign_runs import Injection, Run, Snapshot, with_faults
from evidence.campaign_table import disturbs
from hal import Sample
from rfgen.records import State
from rfgen.scenario import resolved_yaml

LOOK_AFTER_S = 2.0
"""A run ends this long after the latest trip that is expected."""
STUCK_SEEN_S = 0.14
"""A stage that is stuck on reads back on: RF_STUCK_ON trips this long after RF is commanded off, and POWER_WHEN_OFF
where it delivers."""
PLAIN_W = 0.5
"""Delivered, it is plainly above POWER_WHEN_OFF's 0.3 W."""
SECOND_CUT_S = 0.16
"""The rig looks for 0.1 s, a relay takes 0.02 s, and each begins with a tick."""


class Judged(NamedTuple):
    """What came of one fork."""

    problems: tuple[str, ...]
    """What was not as it must be; a miss where there is any."""
    first: str
    """The row that tripped first; empty where none did."""
    after_s: float
    """Time from the faults to it; NaN where none did."""
    ticks: int
    off: Off | None
    """What became of RF off; None where it was not due."""
    stuck: bool
    """A stage that is stuck on was among the faults."""


def ticks_in(seconds: float, period_us: int) -> int:
    """Whole ticks within a time."""
    return math.floor(seconds * 1e6 / period_us + 1e-6)


def _first(mask: int, run: Run) -> str:
    return run.generator.supervisor.rows[(mask & -mask).bit_length() - 1].id


def judge(snapshot: Snapshot, here: Context, faults: tuple[Injection, ...], demand: Demand) -> Judged:
    """Fork, put the faults on, and look until 2 s after the latest trip that is expected."""
    run = snapshot.run.fork()
    for fault in faults:
        run.put(fault)
    try:
        return _watch(run, here, faults, demand)
    except Exception:
        return Judged((f"the run failed:\n{traceback.format_exc()}",), "", math.nan, 0, None, False)


def _watch(run: Run, here: Context, faults: tuple[Injection, ...], demand: Demand) -> Judged:
    period_us = run.period_us
    ends = ticks_in(demand.latest_s + LOOK_AFTER_S, period_us)
    kinds = {fault.kind for fault in faults}
    stuck = "stage_stuck_on" in kinds
    # on a faulty line RF_OFF may not arrive; then the rig's own watchdog does it
    watchdog_us = run.scenario.device.watchdog_ms * 1000
    late = any(disturbs(kind) == "everything" for kind in kinds)
    off_within = 1 + (math.ceil(watchdog_us / period_us) + 1 if late else 0)
    stuck_within = ticks_in(STUCK_SEEN_S, period_us)
    radiating = here.state in (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD)
    bench = run.bench
    second_cut = "second_cut" in run.scenario.device.fitted
    problems: dict[str, None] = {}
    first, at = "", -1
    commanded, read_back, delivered = Follow(), Follow(), Follow()
    if not radiating:
        commanded.due = read_back.due = delivered.due = 0
    unseen = bool(kinds & {"impedance_stuck"})
    flowed = True
    """The stuck stage has plainly delivered in every tick since the trip."""
    for tick in range(ends):
        reply, decision = run.step()
        if decision.tripped and at < 0:
            at = tick
            first = _first(decision.tripped, run)
            if radiating:
                commanded.due, read_back.due, delivered.due = at, at + off_within, at + off_within
            if not decision.rf_off:
                problems["no immediate RF off was ordered with the trip"] = None
            if radiating and run.generator.reason != first:
                problems[f"the reason is {run.generator.reason}, but {first} tripped first"] = None
        if commanded.see(tick, decision.command.rf_on):
            problems["RF was commanded on after the trip"] = None
        if delivered.see(tick, bench.power_w > 0.0) and not stuck:
            problems["power was delivered after the trip"] = None
        if isinstance(reply, Sample) and read_back.see(tick, reply.rf_on) and not stuck:
            problems["RF read back on after the trip"] = None
        if stuck and at >= 0:
            flowed = flowed and (tick == at or bench.power_w > PLAIN_W)
            if tick == at + stuck_within and not late:
                supervisor = run.generator.supervisor
                for row, told in (("RF_STUCK_ON", True), ("POWER_WHEN_OFF", flowed and not unseen)):
                    if told and not supervisor.latched >> supervisor.bit(row) & 1:
                        problems[f"{row} did not tell of a stage that is stuck on"] = None
            if second_cut and tick >= at + off_within + ticks_in(SECOND_CUT_S, period_us) and bench.power_w > 0.0:
                problems["power was delivered through the second cut"] = None
    if demand.by_s is not None and not 0 <= at <= ticks_in(demand.by_s, period_us):
        when = "never tripped" if at < 0 else f"tripped {at * period_us * 1e-6:g} s after"
        problems[f"{when}; it must within {demand.by_s:g} s"] = None
    if at >= 0 and first not in demand.rows:
        problems[f"{first} tripped first, which is not expected"] = None
    if at < 0 and radiating and run.state is State.CUTOFF:
        problems[f"it ended in {run.generator.reason} without a trip"] = None
    off = Off(commanded.was, read_back.was, delivered.was) if commanded.due >= 0 else None
    return Judged(tuple(problems), first, at * period_us * 1e-6 if at >= 0 else math.nan, ends, off, stuck)


def yaml_of(snapshot: Snapshot, faults: tuple[Injection, ...], demand: Demand) -> str:
    """A scenario that repeats the run from its start."""
    return resolved_yaml(with_faults(snapshot, faults, demand.latest_s + LOOK_AFTER_S))
