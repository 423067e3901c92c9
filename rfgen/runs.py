"""Runs a scenario into a folder: recording, summary, resolved scenario, timing, report."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hal import Reply, RigInfo
from rfgen import generator
from rfgen.assemble import Assembly
from rfgen.expect import judge
from rfgen.falsify.one import broken_promises, watch_promises
from rfgen.fieldwatch import watch_field
from rfgen.pacing import RealTimePacer, real_time_priority
from rfgen.record.info import RunInfo
from rfgen.record.loader import Run, load_run
from rfgen.record.recorder import Recorder
from rfgen.record.summary import summary_from_run, write_json, write_whole
from rfgen.records import Decision
from rfgen.safety.catalogue import ROW_IDS
from rfgen.safety.limits import LIMITS
from rfgen.scenario import Scenario, resolved_yaml
from rfgen.session import Ending


@dataclass
class Finished:
    """A run that has ended, read back from its own recording."""

    run: Run
    summary: dict[str, Any]
    problems: list[str]
    """What is not as the scenario expects."""
    interrupted: bool
    timing: dict[str, Any]
    """Wall-clock figures, as in timing.json."""


def is_compiled() -> bool:
    """Whether the inner loop runs as a C extension (`make fast`): quicker, to the same bytes."""
    return not (generator.__file__ or "").endswith(".py")


def versions() -> dict[str, str]:
    """What it ran on: enough to repeat it."""
    return {
        "rfgen": version("rfgen"),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "numpy": version("numpy"),
    }


def treatment_table(scenario: Scenario) -> dict[str, str]:
    """The treatment in words, for a report."""
    treatment, device = scenario.treatment, scenario.device
    table = {"Device": device.title, "Mode": treatment.mode}
    for place, step in enumerate(treatment.steps, 1):
        what = f"{step.power_w:g} W" if step.target_c is None else f"{step.target_c:g} °C"
        table[f"Step {place}"] = f"{what} for {step.hold_s:g} s"
    most_w = device.stage.max_power_w if treatment.max_power_w is None else treatment.max_power_w
    table["Most power"] = f"{most_w:g} W"
    if device.pump is not None:
        flow = device.pump.flow_ml_min if treatment.flow_ml_min is None else treatment.flow_ml_min
        table["Coolant"] = f"{flow:g} ml/min"
    plant = scenario.plant
    table["Tissue"] = f"{plant.target}, radius {plant.target_radius_mm:g} mm, in {plant.surrounding}"
    if plant.wall is not None:
        eroded = ", eroded" if plant.wall.eroded else ""
        table["Posterior wall"] = f"{plant.wall.distance_mm:g} mm from the axis{eroded}"
    for fault in scenario.faults:
        table.setdefault("Faults", "")
        table["Faults"] += ("; " if table["Faults"] else "") + f"{fault.kind} at {fault.at}"
    for line in scenario.operator:
        if line.fault is not None:
            table.setdefault("Faults", "")
            what = f"{line.fault} {'off ' if line.fault_off else ''}by hand at {line.at}"
            table["Faults"] += ("; " if table["Faults"] else "") + what
    return table


def numbered(base: Path, name: str) -> Path:
    """A new folder in `base`: NAME, NAME-2, NAME-3 and so on."""
    base.mkdir(parents=True, exist_ok=True)
    folder, number = base / name, 1
    while True:
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1
        folder = base / f"{name}-{number}"


def run_info(assembly: Assembly, name: str, rig: RigInfo, backend: str = "sim") -> RunInfo:
    """What the recording says about the run."""
    scenario = assembly.scenario
    device = scenario.device
    limits = assembly.session.generator.supervisor.limits
    return RunInfo(
        scenario=name,
        title=scenario.title,
        device=device.name,
        seed=assembly.seed,
        backend=backend,
        simulated=rig.simulated,
        model=rig.identity.model,
        serial=rig.identity.serial,
        firmware=rig.identity.firmware,
        period_us=device.period_ms * 1000,
        thermocouples=tuple(t.name for t in device.thermocouples),
        electrodes=len(device.electrode_channels),
        limits=dict(limits),
        limit_units={limit: LIMITS[limit].unit for limit in limits},
        row_ids=ROW_IDS,
        treatment=treatment_table(scenario),
        scenario_yaml=resolved_yaml(scenario.model_copy(update={"seed": assembly.seed})),
        versions=versions(),
    )


def run_into(
    folder: Path,
    name: str,
    assembly: Assembly,
    *,
    backend: str = "sim",
    realtime: bool = False,
    progress: Callable[[int, Reply, Decision], None] | None = None,
    report: bool = True,
) -> Finished:
    """Run it, recording into `folder`, which is made where it is missing.

    An interruption (KeyboardInterrupt) ends it with RF off and the recording whole. Raises HalError where the rig
    cannot be opened.
    """
    session = assembly.session
    session.progress = progress
    expect = assembly.scenario.expect
    promised = () if expect is None else expect.kept
    monitors = watch_promises(assembly, promised)
    rig = session.open()  # refused before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    info = run_info(assembly, name, rig, backend)
    ran_on = "".join(f"# {name} {value}\n" for name, value in info.versions.items())
    write_whole(folder / "scenario.yaml", ran_on + info.scenario_yaml)
    pacer = RealTimePacer(info.period_us) if realtime else None
    session.pacer = pacer
    interrupted = False
    priority = ""
    ending: Ending | None = None
    began = time.perf_counter()
    watch = watch_field(assembly)
    with Recorder(folder, info) as recorder:
        session.recording = recorder
        # a simulation waits for nobody: only a rig's ticks are worth the machine's attention
        urgent = real_time_priority() if session.own_time and realtime else nullcontext("")
        try:
            with urgent as priority:
                ending = session.run()
        except KeyboardInterrupt:
            interrupted = True
        for view in () if watch is None else watch.views():
            recorder.field(view)
    wall_s = time.perf_counter() - began
    run = load_run(folder)
    summary = summary_from_run(run)
    problems = judge(expect, summary) + broken_promises(promised, monitors)
    if ending is not None and ending.ran_out:
        problems.append(f"it had not ended after {session.max_time_s:g} s, and was stopped")
    summary["as_expected"] = not problems and not interrupted
    summary["not_as_expected"] = problems
    write_json(folder / "summary.json", summary)
    timing: dict[str, Any] = {
        "wall_s": wall_s,
        "ticks_per_s": run.ticks / wall_s if wall_s > 0.0 else None,
        "realtime_factor": run.ticks * info.period_us * 1e-6 / wall_s if wall_s > 0.0 else None,
        "compiled": is_compiled(),
    }
    if pacer is not None:
        timing |= pacer.figures()
    if priority:
        timing["real_time_priority"] = priority
    write_json(folder / "timing.json", timing)
    if report:
        from rfgen.report.page import write_report

        write_report(run, folder / "report.html")
    return Finished(run, summary, problems, interrupted, timing)
