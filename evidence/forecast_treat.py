"""One vertebra, treated twice from one seed: with SENTINEL_FORECAST and without it.

Both treatments are one up to the tick in which the forecast trips. So the treatment is run once, without the row; at
the tick in which the row would trip, everything (rig, plant, firmware) is copied, the copy has the row in force, and
both go on. Once RF is off and the pump has stopped, the plant goes on alone until sentinel and dura have peaked.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from evidence.campaign_runs import Run
from hal import Reply, Sample
from rfgen.records import OperatorAction, State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.signals import Signals
from rfgen.safety.supervisor import Supervisor
from rfgen.scenario import Scenario
from sim.field.plant import FieldPlant
from sim.field.sites import point
from sim.tissue import BODY_C

FORECAST = "SENTINEL_FORECAST"
START_S = 0.5
NEAR_C = 0.3
"""From a forecast this near its limit, and before the first one, the firmware is copied and asked at every tick in
which a forecast is made."""
POINT_US = 100_000
"""A forecast is made this often."""
FALLEN_C = 0.02
"""A curve has peaked where it is this far below its highest."""
COLD_C = 43.5
"""Nothing rises above what is hottest anywhere: from here on nobody looks."""
MOST_TAIL_S = 900.0
DURA_MM = tuple(range(-10, 11, 2))
"""Along the needle, from its middle: where the dura is looked at."""


class Watching(Supervisor):
    """The catalogue without the forecast's row; it notes what the row would compare."""

    def __init__(self, like: Supervisor, run: Run) -> None:
        config = run.generator.config
        rows = tuple(replace(row, armed=frozenset()) if row.id == FORECAST else row for row in ROWS)
        super().__init__(config.limits, config.channels, config.features, rows)
        self.whole = like
        self.peak_c = -math.inf
        self.armed = False

    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        level_c, climb_c = signals.sentinel_level_c, signals.sentinel_climb_c
        self.armed = state in (State.RAMP, State.HOLD)
        if level_c is not None and climb_c is not None:
            self.peak_c = level_c + self.limits["forecast_share"] * climb_c
        return super().evaluate(state, signals, now_us)

    def with_the_row(self) -> Supervisor:
        """What the whole catalogue's supervisor would be now."""
        twin = copy.copy(self.whole)
        for name in ("_state", "_last_us", "_relinked", "_new_clock", "latched"):
            setattr(twin, name, getattr(self, name))
        twin.limits = dict(self.limits)
        twin._since_us = dict(self._since_us)
        twin._last_true_us = dict(self._last_true_us)
        return twin


class Branch(NamedTuple):
    """How one of the two treatments went. Temperatures are true ones, the highest over the whole of it."""

    reason: str
    off_s: float
    """When RF went off for good."""
    off_c: float
    """The sentinel then."""
    sentinel_c: float
    dura_c: float
    """The hottest point of cord and dura; heat comes to the cord through the dura, so it is the dura's."""
    end_s: float
    """When nobody looked any longer."""


class Pair(NamedTuple):
    """Without the row, and with it; None where it never trips: then both are one."""

    without: Branch
    with_row: Branch | None

    @property
    def forecast(self) -> Branch:
        """The treatment with the row in force."""
        return self.without if self.with_row is None else self.with_row


class Followed:
    """A run, and the highest temperatures so far."""

    def __init__(self, run: Run, scenario: Scenario) -> None:
        self.run = run
        plant = run.bench.plant
        assert isinstance(plant, FieldPlant)
        self.sentinel = scenario.device.sentinel_channels[0]
        wall = plant.problem.anatomy.wall
        assert wall is not None
        dura_m = (wall.distance_mm + wall.thickness_mm + wall.fat_mm) * 1e-3
        points = [point(plant.problem, dura_m, z * 1e-3) for z in DURA_MM]
        self.cells = np.concatenate([one.cells for one in points])
        self.weights = np.concatenate([one.weights for one in points])
        self.begins = np.cumsum([0, *(one.cells.size for one in points[:-1])])
        self.sentinel_c = self.dura_c = -math.inf
        self.steps = -1

    @property
    def plant(self) -> FieldPlant:
        """The run's field."""
        plant = self.run.bench.plant
        assert isinstance(plant, FieldPlant)
        return plant

    def look(self) -> tuple[float, float]:
        """Sentinel and dura now: the first every tick, the second at the end of every step of the field."""
        plant = self.plant
        here_c = plant.site_c[self.sentinel]
        if here_c > self.sentinel_c:
            self.sentinel_c = here_c
        dura_c = math.nan
        if plant.solver.steps != self.steps:
            self.steps = plant.solver.steps
            dura_c = (
                float(np.add.reduceat(plant.solver.t_c.ravel()[self.cells] * self.weights, self.begins).max()) + BODY_C
            )
            if dura_c > self.dura_c:
                self.dura_c = dura_c
        return here_c, dura_c

    def fork(self) -> Followed:
        """An independent continuation."""
        twin = copy.copy(self)
        twin.run = self.run.fork()
        return twin

    def to_the_end(self) -> Branch:
        """From RF off: the firmware until the pump has stopped, then the plant alone until both have peaked."""
        run = self.run
        off_s, off_c = run.now_s, self.plant.site_c[self.sentinel]
        tick_s = run.period_us * 1e-6
        # the pump's flow falls off by its lag: gone after 20 of them
        pump = run.scenario.device.pump
        cool_s = 1.0 if pump is None else pump.after_cool_s + 20.0 * pump.lag_s
        for _ in range(round(cool_s / tick_s)):
            run.step()
            self.look()
        plant = self.plant
        coolant_c = 37.0 if pump is None else pump.coolant_c
        ticks = run.tick
        for _ in range(round(MOST_TAIL_S / tick_s)):
            ticks += 1
            plant.advance(0.0, 0.0, coolant_c)
            here_c, dura_c = self.look()
            if dura_c == dura_c:
                peaked = here_c < self.sentinel_c - FALLEN_C and dura_c < self.dura_c - FALLEN_C
                if peaked or plant.solver.hottest_c < COLD_C:
                    break
        return Branch(str(run.generator.reason), off_s, off_c, self.sentinel_c, self.dura_c, ticks * tick_s)


def treat(scenario: Scenario) -> Pair:
    """Both treatments of a vertebra. Raises RuntimeError where a forecast came to its limit unseen."""
    run = Run(scenario)
    watching = Watching(run.generator.supervisor, run)
    run.generator.supervisor = watching
    limit_c = run.generator.config.limits["sentinel_c"]
    every = -(-POINT_US // run.period_us)
    start_tick = round(START_S * 1e6 / run.period_us)
    last_tick = round(scenario.max_time_s * 1e6 / run.period_us)
    here = Followed(run, scenario)
    with_row: Followed | None = None
    peak_c, since = -math.inf, 0
    while run.tick < last_tick:
        if run.tick == start_tick:
            run.operator(OperatorAction.START)
        reply = run.exchange()
        near = watching.peak_c == -math.inf or not watching.peak_c < limit_c - NEAR_C
        if with_row is None and watching.armed and since >= every - 1 and near:
            with_row = _tripped(here, watching, reply)
        run.decide(reply)
        since = 0 if watching.peak_c != peak_c else since + 1
        peak_c = watching.peak_c
        if with_row is None and watching.armed and run.state is not State.CUTOFF and not peak_c <= limit_c:
            raise RuntimeError(f"a forecast of {peak_c:.2f} C at {run.now_s:.2f} s came unseen")
        here.look()
        if run.state is State.CUTOFF:
            break
    return Pair(here.to_the_end(), None if with_row is None else with_row.to_the_end())


def _tripped(here: Followed, watching: Watching, reply: Reply) -> Followed | None:
    """The continuation in which the row has just tripped; None where it does not."""
    if not isinstance(reply, Sample):
        return None
    asked = copy.deepcopy(here.run.generator)
    asked.supervisor = watching.with_the_row()
    asked.tick(reply)
    if asked.reason != FORECAST:
        return None
    twin = here.fork()
    twin.run.generator.supervisor = watching.with_the_row()
    twin.run.decide(reply)
    twin.look()
    return twin


def row_of(index: int, branches: Pair) -> dict[str, Any]:
    """A line of the journal."""
    found: dict[str, Any] = {"run": index, "without": _plain(branches.without)}
    found["with"] = None if branches.with_row is None else _plain(branches.with_row)
    return found


def pair_of(row: dict[str, Any]) -> Pair:
    """From a line of the journal."""
    return Pair(Branch(**row["without"]), None if row["with"] is None else Branch(**row["with"]))


def _plain(branch: Branch) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in branch._asdict().items()}
