"""Looks at the field plant while a run goes on, and keeps what its recording, summary and picture need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hal import Reply
from rfgen.assemble import Assembly, SimulatedAssembly
from rfgen.record.fieldview import (
    FARTHEST_MM,
    FieldView,
    Figures,
    Place,
    Scene,
    Shape,
    Size,
    Spared,
    kept,
    kept_log10,
)
from rfgen.records import Decision
from sim.field.grid import Floats, Ints
from sim.field.lesion import zone
from sim.field.problem import Problem
from sim.network import Site
from sim.tissue import BODY_C

if TYPE_CHECKING:
    from sim.field.damage import Moment
    from sim.field.plant import FieldPlant

ROOM_MM = 14.0
"""What is kept beyond the poles' ends along the needle."""
BESIDE_MM = 24.0
"""And beside it, where no canal reaches further."""
MARGIN_MM = 3.0
"""Kept beyond what is shown, so that a line does not end inside the picture."""


class Watched(NamedTuple):
    """A thermocouple of the device: its name, and where it is."""

    label: str
    site: Site


class Frozen(NamedTuple):
    """The state of the field at the end of a step."""

    time_s: float
    moment: Moment
    hottest_c: float


class FieldWatch:
    """Called once a tick; looks once a step of the field, and keeps it when the tissue has never been so hot."""

    def __init__(self, plant: FieldPlant, watched: Sequence[Watched], tick_s: float) -> None:
        self.plant = plant
        self._tick_s = tick_s
        self._watched = tuple(watched)
        self._seen_steps = -1
        self._hottest_c = -math.inf
        self._hottest: Frozen | None = None
        self._spared_c = -math.inf
        self._spared_s: float | None = None

    @classmethod
    def of(cls, assembly: Assembly) -> FieldWatch | None:
        """Of a simulated run; None where there is no field."""
        if not isinstance(assembly, SimulatedAssembly) or not assembly.scenario.plant.on_field:
            return None
        from sim.field.plant import FieldPlant

        plant = assembly.bench.plant
        assert isinstance(plant, FieldPlant)
        thermocouples = assembly.scenario.device.thermocouples
        return cls(plant, [Watched(t.name, Site(t.place, t.offset_mm)) for t in thermocouples], assembly.bench.tick_s)

    def tick(self, tick: int, reply: Reply, decision: Decision) -> None:
        """A `Session.on_tick`."""
        solver = self.plant.solver
        if solver.steps == self._seen_steps:
            return
        self._seen_steps = solver.steps
        if solver.spared_c > self._spared_c:  # NaN, where there is no canal, is not
            self._spared_c, self._spared_s = solver.spared_c, self._time_s
        if solver.hottest_c > self._hottest_c:
            self._hottest_c = solver.hottest_c
            self._hottest = freeze(self.plant, self._time_s, None if self._hottest is None else self._hottest.moment)

    @property
    def _time_s(self) -> float:
        """Of the field's last whole step, as the recording counts: the run's first tick ends at 0."""
        return max(0.0, self.plant.solver.time_s - self._tick_s)

    def views(self) -> list[FieldView]:
        """The field when its tissue was hottest, and now: the latter with the run's figures."""
        now = freeze(self.plant, self._time_s)
        views = [] if self._hottest is None else [view_of(self.plant.problem, self._hottest, "hottest", self._watched)]
        return [*views, view_of(self.plant.problem, now, "end", self._watched, figures_of(self.plant, self._spared_s))]


def watch_field(assembly: Assembly) -> FieldWatch | None:
    """What looks at the field of a simulated run, from its next tick on; None where there is no field."""
    watch = FieldWatch.of(assembly)
    if watch is None:
        return None
    session, before = assembly.session, assembly.session.on_tick
    if before is None:
        session.on_tick = watch.tick
        return watch

    def on_tick(tick: int, reply: Reply, decision: Decision) -> None:
        watch.tick(tick, reply, decision)
        before(tick, reply, decision)

    session.on_tick = on_tick
    return watch


def final_figures(assembly: SimulatedAssembly) -> Figures | None:
    """The figures of a run that was not watched, at its end; None where there is no field."""
    watch = FieldWatch.of(assembly)
    return None if watch is None else figures_of(watch.plant, None)


def freeze(plant: FieldPlant, time_s: float, into: Moment | None = None) -> Frozen:
    """The field as it is now, at the end of its last whole step. `into`: a moment of it that is not wanted any more."""
    from sim.field.damage import Moment

    solver = plant.solver
    if into is None:
        into = Moment(solver.t_c, solver.damage)
    else:
        into.take(solver.t_c, solver.damage)
    return Frozen(time_s, into, solver.hottest_c)


def place_of(problem: Problem, site: Site) -> tuple[float, float]:
    """(r, z) of a thermocouple, mm, as `sim.field.sites` reads it."""
    needle, wall = problem.needle, problem.anatomy.wall
    if site.place == "electrode":
        return 0.0, needle.tip_m * 1e3 + 0.5
    if site.place == "shaft":
        return needle.radius_m * 1e3, site.offset_mm
    if site.place == "posterior_wall" and wall is not None:
        out_mm = wall.distance_mm + wall.thickness_mm + site.offset_mm
        return (out_mm, 0.0) if problem.options.wall_shape == "ring" else (0.0, -out_mm)
    return max(site.offset_mm, needle.radius_m * 1e3), 0.0


def view_of(
    problem: Problem,
    frozen: Frozen,
    moment: str,
    watched: Sequence[Watched],
    figures: Figures | None = None,
    probes_mm: Sequence[tuple[float, float]] = (),
) -> FieldView:
    """The field at one moment, cut to what a picture shows."""
    omega, cem43_min = frozen.moment.damage()
    temperature_c = frozen.moment.t_c + BODY_C
    grid = problem.grid
    rows, columns = _window(problem)
    cut = np.ix_(rows, columns)
    places = [(told.label, *place_of(problem, told.site)) for told in watched]
    places += [(f"({r:g}, {z:g})", r, z) for r, z in probes_mm]
    needle = problem.needle
    return FieldView(
        moment=moment,
        time_s=frozen.time_s,
        scene=Scene(
            radius_mm=needle.radius_m * 1e3,
            tip_mm=needle.tip_m * 1e3,
            cone_mm=needle.cone_m * 1e3,
            poles_mm=tuple((start * 1e3, end * 1e3) for start, end in needle.poles_m),
            wall_shape="none" if problem.anatomy.wall is None else problem.options.wall_shape,
            shapes=tuple(
                Shape(
                    region.shape,
                    region.tissue.name,
                    region.name,
                    *(_near(mm) for mm in (region.inner_mm, region.outer_mm)),
                    *(_near(mm) for mm in (region.z_mm, region.from_mm, region.to_mm)),
                )
                for region in problem.regions
            ),
            places=tuple(Place(label, r, z, _at(problem, temperature_c, r, z)) for label, r, z in places),
            hottest_c=frozen.hottest_c,
            figures=figures,
        ),
        r_mm=np.asarray(grid.r_m[columns] * 1e3, dtype=np.float32),
        z_mm=np.asarray(grid.z_m[rows] * 1e3, dtype=np.float32),
        temperature_c=kept(temperature_c[cut]),
        log10_omega=kept_log10(omega[cut]),
        log10_cem43_min=kept_log10(cem43_min[cut]),
    )


def figures_of(plant: FieldPlant, spared_peak_s: float | None) -> Figures:
    """The run's figures, now."""
    problem, solver = plant.problem, plant.solver
    omega, cem43_min = solver.damage_now()
    peak_c = solver.peak_c + BODY_C
    names = np.array([region.name for region in problem.regions])
    cord = problem.spared & (names[problem.dominant] == "cord")

    def spared(cells: Ints) -> Spared | None:
        return Spared(float(peak_c[cells].max()), float(cem43_min[cells].max())) if np.any(cells) else None

    out_j = sum(solver.out) + plant.lead_j
    parts = [plant.energy_in_j, plant.energy_stored_j, *solver.out, plant.lead_j]
    scale = max(map(abs, parts)) or 1.0
    return Figures(
        lesion=Size(*zone(problem, omega, 1.0, logarithmic=True)),
        isotherm_50_c=Size(*zone(problem, peak_c, 50.0)),
        isotherm_60_c=Size(*zone(problem, peak_c, 60.0)),
        dura=spared(problem.spared & ~cord),
        cord=spared(cord),
        cord_and_dura_peak_s=spared_peak_s,
        cells=problem.grid.cells,
        steps=solver.steps,
        electric_solves=solver.current.solves,
        heat_balance_error=abs(plant.energy_in_j - plant.energy_stored_j - out_j) / scale,
    )


def _near(mm: float) -> float:
    return min(max(mm, -FARTHEST_MM), FARTHEST_MM)


def _at(problem: Problem, temperature_c: Floats, r_mm: float, z_mm: float) -> float:
    from sim.field.sites import point

    return point(problem, r_mm * 1e-3, z_mm * 1e-3).of(temperature_c)


def _window(problem: Problem) -> tuple[Ints, Ints]:
    """Rows and columns that are kept."""
    needle, grid = problem.needle, problem.grid
    beside_mm, ahead_mm = BESIDE_MM, -needle.tip_m * 1e3 + ROOM_MM
    behind_mm = needle.poles_m[-1][1] * 1e3 + ROOM_MM
    for region in problem.regions:
        if region.name == "cord":  # to its far side
            beside_mm = max(beside_mm, region.outer_mm if math.isfinite(region.outer_mm) else 0.0)
            ahead_mm = max(ahead_mm, -region.from_mm if math.isfinite(region.from_mm) else 0.0)
    z_mm = grid.z_m * 1e3
    rows = np.flatnonzero((z_mm >= -ahead_mm - MARGIN_MM) & (z_mm <= behind_mm + MARGIN_MM))
    return rows, np.flatnonzero(grid.r_m * 1e3 <= beside_mm + MARGIN_MM)
