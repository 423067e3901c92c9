"""One run under the eyes of monitors: of a search, without a recording; or of a scenario that expects promises kept."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from pydantic import ValidationError

from hal import Reply
from rfgen.assemble import Assembly, assemble
from rfgen.falsify.monitor import FAR, Met, Monitor, scene
from rfgen.falsify.promises import Promise, promise
from rfgen.records import Decision, Event
from rfgen.scenario import Scenario

HELD_ON_S = 180.0
"""The forecast counts on 160 s more of the rise at first (`docs/forecast.md`)."""
UNSPARED_S = 60.0
"""Heat on its way to the sentinel has come by then (`docs/forecast.md`)."""


class Outcome(NamedTuple):
    """What one run says of a promise."""

    robustness: float
    """Over the bound's scale, at most 1; negative is broken."""
    said: str
    """What was closest, in words."""
    at_s: float
    parts: tuple[tuple[str, float], ...] = ()
    """How close each comparison of the promise came, by name; not cut at 1."""
    met: tuple[Met, ...] = ()
    """The faults that were put on."""

    @property
    def broken(self) -> bool:
        """It is a run that breaks the promise."""
        return self.robustness < 0.0


class _VerdictIn(Exception):
    """Nothing that follows can change what is known."""


def watch_promises(assembly: Assembly, names: Sequence[str]) -> list[Monitor]:
    """Monitors of these promises on a session that has not begun; whoever else looks at its ticks goes on doing so."""
    if not names:
        return []
    monitors = _watch(assembly, [promise(name) for name in names])
    assembly.session.settle_s = max(assembly.session.settle_s, *(monitor.settle_s for monitor in monitors))
    return monitors


def _watch(assembly: Assembly, promises: Sequence[Promise]) -> list[Monitor]:
    session = assembly.session
    on = scene(assembly.scenario)
    if session.truth is not None and on.sentinels:
        on = replace(on, unspared_c=partial(unspared_c, assembly.scenario))
    monitors = [promised.monitor(on) for promised in promises]
    truth = session.truth if any(monitor.wants_truth for monitor in monitors) else None
    tick_before, event_before = session.on_tick, session.on_event

    def on_tick(tick: int, reply: Reply, decision: Decision) -> None:
        known = truth() if truth is not None else None
        for monitor in monitors:
            monitor.tick(tick, reply, decision, known)
        if tick_before is not None:
            tick_before(tick, reply, decision)

    def on_event(event: Event) -> None:
        for monitor in monitors:
            monitor.event(event)
        if event_before is not None:
            event_before(event)

    session.on_tick, session.on_event = on_tick, on_event
    return monitors


def unspared_c(scenario: Scenario, enough_c: float) -> float:
    """The sentinel's true peak, C, where the forecast does not end the treatment and each hold goes on for
    `HELD_ON_S`: what the forecast could not know would not be. Ends once it is past `enough_c`.
    """
    treatment = scenario.treatment
    steps = tuple(step.model_copy(update={"hold_s": max(step.hold_s, HELD_ON_S)}) for step in treatment.steps)
    limits = {**treatment.limits, "forecast_share": 0.1}  # the least that may be set
    update = {"treatment": treatment.model_copy(update={"limits": limits, "steps": steps})}
    longest_s = scenario.max_time_s + HELD_ON_S * len(steps)
    session = assemble(scenario.model_copy(update={**update, "max_time_s": longest_s})).session
    truth = session.truth
    assert truth is not None
    session.settle_s = UNSPARED_S
    peak_c = -math.inf

    def on_tick(tick: int, reply: Reply, decision: Decision) -> None:
        nonlocal peak_c
        peak_c = max(peak_c, truth().sentinel_c)
        if peak_c > enough_c:
            raise _VerdictIn

    session.on_tick = on_tick
    with contextlib.suppress(_VerdictIn):
        session.run()
    return peak_c


def broken_promises(names: Sequence[str], monitors: Sequence[Monitor]) -> list[str]:
    """The promises that were broken, one sentence each."""
    return [
        f"{name} is broken: {monitor.text()}"
        for name, monitor in zip(names, monitors, strict=True)
        if monitor.least < 0.0
    ]


def run_once(scenario: Scenario, promised: Promise) -> Outcome:
    """The run, for as long as the verdict may change. Raises ValueError where the plant cannot be."""
    assembly = assemble(scenario)
    session = assembly.session
    monitor = _watch(assembly, [promised])[0]
    session.settle_s = monitor.settle_s
    looked = session.on_tick
    assert looked is not None

    def on_tick(tick: int, reply: Reply, decision: Decision) -> None:
        looked(tick, reply, decision)
        if monitor.over:
            raise _VerdictIn

    session.on_tick = on_tick
    with contextlib.suppress(_VerdictIn):
        session.run()
    return Outcome(monitor.least, monitor.text(), monitor.at_s, tuple(monitor.parts.items()), tuple(monitor.met))


def try_scenario(make: Callable[[], Scenario], promised: Promise) -> Outcome:
    """`make()`'s scenario run once; as far from a break as can be where it cannot be made."""
    try:
        return run_once(make(), promised)
    except (ValidationError, ValueError) as error:
        return Outcome(FAR, f"not run: {' '.join(str(error).split())[:160]}", 0.0)
