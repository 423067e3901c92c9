"""Speed and step error of the field plant: `make bench-field`.

On the shipped `vertebra-field`, from cold to the end of its hold. All times are CPU time of one process, contestants
alternate, and the median round counts; so the ratios hold on a busy machine too. `--loop` prints the first table alone
(of the compiled program, which shares the rest with the interpreted one).
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rfgen.assemble import SimulatedAssembly, assemble
from rfgen.fieldparts import PlantKind
from rfgen.fieldwatch import watch_field
from rfgen.record.recorder import Recorder
from rfgen.records import State
from rfgen.runs import is_compiled, run_info
from rfgen.scenario import load_scenario
from sim.field.current import CurrentField
from sim.field.grid import grading_of
from sim.field.lesion import zone
from sim.field.options import FieldOptions
from sim.field.plant import FieldPlant
from sim.field.problem import make_problem
from sim.network import Site
from sim.plant import Disturbance

SCENARIO = "vertebra-field"
ROUNDS = 5
WANTED = 200.0
SIZES_MM = (0.16, 0.12, 0.085, 0.06, 0.045, 0.032)
"""Finest cells of the grids whose cost is compared."""
COST_FOR_S = 40.0
PACES = (0.25, 0.5, 1.0)


class Drive(NamedTuple):
    """What a plant was given in a tick."""

    power_w: float
    flow_ml_min: float
    coolant_c: float


class Told(NamedTuple):
    """What a plant answered in a tick."""

    site_c: tuple[float, ...]
    resistance_ohm: float
    reactance_ohm: float
    hottest_c: float
    coolant_out_c: float
    energy_j: tuple[float, float, float]


class Noted:
    """A plant that notes what it is given and what it answers."""

    def __init__(self, plant: FieldPlant, drives: list[Drive], answers: list[Told]) -> None:
        self._plant, self._drives, self._answers = plant, drives, answers

    def __getattr__(self, name: str) -> object:
        return getattr(self._plant, name)

    def advance(self, power_w: float, flow_ml_min: float, coolant_in_c: float) -> Sequence[float]:
        """A tick."""
        on = self._plant
        sites = on.advance(power_w, flow_ml_min, coolant_in_c)
        self._drives.append(Drive(power_w, flow_ml_min, coolant_in_c))
        ledger = on.energy_in_j, on.energy_stored_j, on.energy_out_j
        self._answers.append(Told(sites, on.resistance_ohm, on.reactance_ohm, on.hottest_c, on.coolant_out_c, ledger))
        return sites


class Echo:
    """A plant that answers what another answered: all that a closed loop costs but the plant."""

    def __init__(self, site_c: tuple[float, ...], resistance_ohm: float, reactance_ohm: float, answers: list[Told]):
        self._answers = iter(answers)
        self.site_c, self.resistance_ohm, self.reactance_ohm = site_c, resistance_ohm, reactance_ohm
        self.hottest_c = self.coolant_out_c = 37.0
        self.energy_in_j = self.energy_stored_j = self.energy_out_j = 0.0

    def disturb(self, disturbance: Disturbance) -> None:
        """Nothing disturbs the shipped run."""

    def advance(self, power_w: float, flow_ml_min: float, coolant_in_c: float) -> Sequence[float]:
        """A tick."""
        told = next(self._answers)
        self.site_c, self.resistance_ohm, self.reactance_ohm, self.hottest_c, self.coolant_out_c, ledger = told
        self.energy_in_j, self.energy_stored_j, self.energy_out_j = ledger
        return self.site_c


def loop(
    model: PlantKind, change: Callable[[SimulatedAssembly], None] | None = None
) -> tuple[float, int, SimulatedAssembly]:
    """(CPU seconds, ticks, what ran) of the shipped treatment with firmware and recording, to the end of its hold."""
    scenario = load_scenario(SCENARIO)
    assembly = assemble(scenario.model_copy(update={"plant": scenario.plant.model_copy(update={"model": model})}))
    assert isinstance(assembly, SimulatedAssembly)
    watch = watch_field(assembly)
    if change is not None:
        change(assembly)
        watch = None
    session = assembly.session
    ticks, held = 0, False
    with tempfile.TemporaryDirectory(prefix="rfgen-bench-") as folder:
        rig = session.open()
        with Recorder(Path(folder), run_info(assembly, SCENARIO, rig)) as recorder:
            session.recording = recorder
            session.on_tick = None if watch is None else watch.tick
            began = time.process_time()
            for _ in session.ticks():
                ticks += 1
                state = session.generator.state
                held |= state is State.HOLD
                if held and state is not State.HOLD:
                    break
        seconds = time.process_time() - began
        session.hal.close()
    return seconds, ticks, assembly


class Course(NamedTuple):
    """A plant alone under a given drive."""

    plant: FieldPlant
    seconds: float
    rows: np.ndarray
    """Site temperatures and resistance, five times a second."""


@dataclass
class Run:
    """The shipped run, noted once: what every contestant repeats."""

    model: PlantKind
    drives: list[Drive]
    answers: list[Told]
    plant: FieldPlant
    start: tuple[tuple[float, ...], float, float]
    sites: tuple[Site, ...]
    tick_s: float

    @property
    def for_s(self) -> float:
        """Its length."""
        return len(self.drives) * self.tick_s


def alone(run: Run, options: FieldOptions | None = None, for_s: float = math.inf) -> Course:
    """The plant alone, with other options than the run's, under the run's drive for so long."""
    problem, tick_s = run.plant.problem, run.tick_s
    if options is not None:
        problem = make_problem(problem.electrode, problem.anatomy, options)
    plant = FieldPlant(problem.electrode, problem.anatomy, run.sites, tick_s, problem=problem)
    drives = run.drives if for_s >= run.for_s else run.drives[: round(for_s / tick_s)]
    every = round(0.2 / tick_s)
    rows = []
    advance = plant.advance
    began = time.process_time()
    for tick, drive in enumerate(drives, 1):
        site_c = advance(*drive)
        if tick % every == 0:
            rows.append((*site_c, plant.resistance_ohm))
    seconds = time.process_time() - began
    plant.settle()
    return Course(plant, seconds, np.array(rows))


def noted(model: PlantKind) -> Run:
    """The shipped run on this plant. Compiles what has not been compiled."""
    drives: list[Drive] = []
    answers: list[Told] = []
    found: list[tuple[FieldPlant, tuple[tuple[float, ...], float, float]]] = []

    def listen(assembly: SimulatedAssembly) -> None:
        plant = assembly.bench.plant
        assert isinstance(plant, FieldPlant)
        found.append((plant, (plant.site_c, plant.resistance_ohm, plant.reactance_ohm)))
        assembly.bench.plant = Noted(plant, drives, answers)  # type: ignore[assignment]

    assembly = loop(model, listen)[2]
    device = assembly.scenario.device
    sites = tuple(Site(t.place, t.offset_mm) for t in device.thermocouples)
    return Run(model, drives, answers, *found[0], sites, device.period_ms * 1e-3)


def loops(run: Run) -> None:
    """Closed loop, plant alone, and all but the plant."""

    def echo(assembly: SimulatedAssembly) -> None:
        assembly.bench.plant = Echo(*run.start, run.answers)

    def plant_alone() -> float:
        return alone(run).seconds

    contestants: dict[str, Callable[[], float]] = {
        f"closed loop: {run.model}, firmware, recording": lambda: loop(run.model)[0],
        f"{run.model} plant alone": plant_alone,
        "firmware and recording alone": lambda: loop(run.model, echo)[0],
    }
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, one in contestants.items():
            times[name].append(one())
    cells = run.plant.problem.grid.cells
    print(
        f"{SCENARIO}, cold to the end of hold: {run.for_s:.1f} s, {len(run.drives)} ticks, {cells} cells; the program "
        f"{'compiled' if is_compiled() else 'as it stands, interpreted'}; median of {ROUNDS} rounds"
    )
    print(f"{'':<42}{'CPU s':>8}{'us a tick':>11}{'x real time':>13}")
    for name, found in times.items():
        seconds = statistics.median(found)
        wanted = f"   at least {WANTED:g}, aim 1000" if name.startswith("closed loop: field") else ""
        print(f"{name:<42}{seconds:>8.2f}{1e6 * seconds / len(run.drives):>11.1f}{run.for_s / seconds:>13.0f}{wanted}")
    print()


def work(run: Run) -> None:
    """Steps, solves and iterations by stretch of the run, and what one costs."""
    solver_type = type(run.plant.solver)
    timed = {(CurrentField, "solve"): 0.0, (solver_type, "begin"): 0.0, (solver_type, "finish"): 0.0}
    kept = {(owner, name): getattr(owner, name) for owner, name in timed}

    def clocked(what: tuple[type, str]) -> Callable[..., object]:
        def called(*given: object) -> object:
            began = time.process_time()
            try:
                return kept[what](*given)
            finally:
                timed[what] += time.process_time() - began

        return called

    for owner, name in timed:
        setattr(owner, name, clocked((owner, name)))
    try:
        solver = alone(run).plant.solver
    finally:
        for (owner, name), method in kept.items():
            setattr(owner, name, method)
    print("work of the plant, by simulated second")
    print(f"{'stretch':>14}{'steps':>8}{'solves':>8}{'iterations':>12}")
    ends = [30.0, 60.0, 120.0, 240.0, run.for_s]
    start_s, before = 0.0, (0, 0, 0)
    for end_s in ends:
        on = alone(run, for_s=end_s).plant.solver
        now = on.steps, on.current.solves, on.current.iterations
        rates = [(b - a) / (end_s - start_s) for a, b in zip(before, now, strict=True)]
        print(f"{start_s:>6.0f} - {end_s:>3.0f} s{rates[0]:>8.2f}{rates[1]:>8.2f}{rates[2]:>12.1f}")
        start_s, before = end_s, now
    rates = [n / run.for_s for n in (solver.steps, solver.current.solves, solver.current.iterations)]
    print(f"{'whole':>14}{rates[0]:>8.2f}{rates[1]:>8.2f}{rates[2]:>12.1f}")
    iterations = solver.current.iterations / solver.current.solves
    solving = timed[CurrentField, "solve"]
    stepping = sum(timed.values()) - 2.0 * solving
    print(
        f"{1e3 * solving / solver.current.solves:.2f} ms a solve ({iterations:.1f} iterations), "
        f"{1e3 * stepping / solver.steps:.2f} ms a step of the heat without it\n"
    )


def cost(run: Run) -> None:
    """Cost against cells: the same steps on every grid."""
    print(f"cost against cells: the first {COST_FOR_S:g} s of the same drive, 0.2 s a step")
    print(f"{'finest, mm':>11}{'cells':>8}{'ns a cell and step':>20}{'iterations a solve':>20}{'solves':>8}")
    found = []
    for finest_mm in SIZES_MM:
        options = replace(run.plant.problem.options, grading=grading_of(finest_mm), step_s=0.2)
        best = min((alone(run, options, COST_FOR_S) for _ in range(3)), key=lambda c: c.seconds)
        cells, solver = best.plant.problem.grid.cells, best.plant.solver
        solves, iterations = solver.current.solves, solver.current.iterations
        found.append((cells, best.seconds))
        each = 1e9 * best.seconds / cells / solver.steps
        print(f"{finest_mm:>11g}{cells:>8}{each:>20.1f}{iterations / solves:>20.1f}{solves:>8}")
    logs = np.log(np.array(found))
    slope = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
    print(f"time goes as cells to the power {slope:.2f}\n")


def step_error(run: Run) -> None:
    """The shipped run against itself at half and at quarter steps, under the same drive."""
    courses = {}
    for pace in PACES:
        options = replace(run.plant.problem.options, pace=pace)
        courses[pace] = alone(run, options)
    finest = courses[PACES[0]]
    names = [name for name, _ in zip(("control thermocouple", "sentinel"), run.sites, strict=False)]
    print("step error: the same drive with all that bounds a step, and asks for a solve, times 1, 1/2, and 1/4")
    head = "".join(f"{name + ', C':>26}" for name in names)
    print(f"{'pace':>6}{'steps':>7}{'solves':>8}{head}{'resistance, %':>20}{'lesion, mm':>17}{'mm3':>8}")
    for pace in reversed(PACES):
        course = courses[pace]
        off = course.rows - finest.rows
        off[:, -1] *= 100.0 / finest.rows[:, -1]
        cells = [f"{np.abs(one).max():.3f} ({math.sqrt(np.mean(one**2)):.4f})" for one in off.T]
        solver = course.plant.solver
        lesion = zone(course.plant.problem, solver.damage_now()[0], 1.0, logarithmic=True)
        print(
            f"{pace:>6g}{solver.steps:>7}{solver.current.solves:>8}"
            + "".join(f"{cell:>26}" for cell in cells[:-1])
            + f"{cells[-1]:>20}{lesion.width_mm:>8.2f} x{lesion.length_mm:>6.2f}{lesion.volume_mm3:>8.0f}"
        )
    print(
        "greatest and (root mean square) difference from 1/4; allowed in all: 0.3 C, 1 %; lesion: Omega 1, at the end"
    )


def main() -> int:
    """0; a speed is told and not judged."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--loop", action="store_true", help="the loops alone")
    given = parser.parse_args()
    run = noted("field")
    loops(run)
    loops(noted("reduced"))
    if not given.loop:
        work(run)
        cost(run)
        step_error(run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
