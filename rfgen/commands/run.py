"""`rfgen run`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hal import Hal, Reply, Sample
from hal.registry import backend as load_backend
from hal.registry import backends
from rfgen.assemble import Assembly, SimulatedAssembly, assemble
from rfgen.cli import INTERRUPTED, NOT_AS_EXPECTED, OK
from rfgen.commands.output import say
from rfgen.fieldparts import PlantKind
from rfgen.interruption import Interruption
from rfgen.onrig import assemble_fitted
from rfgen.record.jsonsafe import to_json
from rfgen.records import Decision
from rfgen.report.words import dose
from rfgen.runs import Finished, numbered, run_into
from rfgen.scenario import Scenario, load_scenario
from rfgen.telling import for_how_long
from rfgen.yamlsource import InputError, Problem, suggestion

MARKS = ("run.mcap", "scenario.yaml")
"""A folder that holds one of these holds a run already."""


def run(
    source: str,
    backend: str,
    port: str | None,
    baud: int | None,
    seed: int | None,
    plant: PlantKind | None,
    out: Path | None,
    as_json: bool,
    realtime: bool,
    quiet: bool,
) -> int:
    """One treatment into a folder; prints a summary."""
    if backend != "sim" and plant is not None:
        said = "is given, and a rig has what it has"
        raise InputError([Problem("--plant", None, None, "", repr(plant), said, "leave it out")])
    for option, given in (("--port", port), ("--baud", baud)):
        if backend == "sim" and given is not None:
            said = "is given, and the simulation has no port"
            raise InputError([Problem(option, None, None, "", repr(given), said, "leave it out")])
    scenario = load_scenario(source, plant=plant)
    name = Path(source).stem
    rig = None if backend == "sim" else _rig(backend, port, baud)
    try:
        return _on(rig, scenario, source, name, backend, seed, out, as_json, realtime, quiet)
    finally:
        if rig is not None:
            rig.close()  # on every way out, also before the treatment began


def _on(
    rig: Hal | None,
    scenario: Scenario,
    source: str,
    name: str,
    backend: str,
    seed: int | None,
    out: Path | None,
    as_json: bool,
    realtime: bool,
    quiet: bool,
) -> int:
    """The treatment, on this rig or, without one, in simulation."""
    assembly: Assembly
    try:
        assembly = assemble(scenario, seed) if rig is None else assemble_fitted(rig, scenario, seed)
    except ValueError as error:
        field = "plant" if backend == "sim" else "faults"
        raise InputError([Problem(source, None, None, field, "", str(error), "")]) from None
    realtime = realtime or backend != "sim"
    theirs = out is not None and out.exists()
    folder = _folder(name, out)
    talk = not (as_json or quiet)
    if talk:
        _announce(name, assembly)
    with _Progress(assembly, talk and sys.stdout.isatty()) as progress, Interruption() as interruption:
        assembly.session.hal = interruption.guard(assembly.session.hal)
        try:
            finished = run_into(folder, name, assembly, backend=backend, realtime=realtime, progress=progress)
        except BaseException:
            if not theirs:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # only where nothing was written
            raise
    if as_json:
        say(to_json(finished.summary))
    elif talk:
        say(summary_text(finished, folder))
    if finished.interrupted:
        say("interrupted; RF was switched off first", err=True)
        return INTERRUPTED
    if finished.problems:
        for problem in finished.problems:
            say(f"not as expected: {problem}", err=True)
        return NOT_AS_EXPECTED
    return OK


def _rig(name: str, port: str | None, baud: int | None) -> Hal:
    """A backend that some package registers, made with its port and the line's speed where they are given."""
    known = sorted(set(backends()) - {"replay"})  # a recording is fed to the firmware by `rfgen replay`
    if name not in known:
        problem = Problem(
            "--hal", None, None, "", repr(name), "is not a backend that a scenario can run on", suggestion(name, known)
        )
        raise InputError([problem])
    make = load_backend(name)
    try:
        line = {} if baud is None else {"baud": baud}
        return make(**line) if port is None else make(port, **line)
    except TypeError as error:
        if port is None:
            problem = Problem(
                "--port", None, None, "", "", f"is not given, and backend {name} needs one", "give it: `rfgen ports`"
            )
        else:
            said = f"backend {name} cannot be made with {port!r}{'' if baud is None else f' at {baud} baud'}: {error}"
            problem = Problem("--port", None, None, "", "", said, "leave out what it does not take")
        raise InputError([problem]) from None


def _folder(name: str, out: Path | None) -> Path:
    """Where the run goes, made now: nothing that is there already is written over, nor by a run beside this one."""
    try:
        if out is None:
            return numbered(Path("runs"), name)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            what = "holds a run already" if any((out / mark).exists() for mark in MARKS) else "is not an empty folder"
            raise InputError([Problem(str(out), None, None, "", "", what, "give a new folder")])
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        place = str(out or Path("runs"))
        problem = Problem(place, None, None, "", "", f"cannot be made ({reason})", "give another folder with --out")
        raise InputError([problem]) from None
    return out


def _announce(name: str, assembly: Assembly) -> None:
    scenario = assembly.scenario
    say(f"{name}: {scenario.title}")
    what = f"seed {assembly.seed}, SIMULATED" if isinstance(assembly, SimulatedAssembly) else "on a rig"
    say(f"{scenario.device.title}, {what}; a test tool, not a medical device")


class _Progress:
    """A line that says where the treatment is, on a terminal; nothing elsewhere."""

    def __init__(self, assembly: Assembly, show: bool) -> None:
        self._show = show
        self._period_s = assembly.scenario.device.period_ms * 1e-3
        self._status: Any = None

    def __enter__(self) -> Callable[[int, Reply, Decision], None] | None:
        if not self._show:
            return None
        from rich.console import Console

        self._status = Console().status("starting")
        self._status.__enter__()
        return self._tell

    def __exit__(self, *error: object) -> None:
        if self._status is not None:
            self._status.__exit__(None, None, None)

    def _tell(self, tick: int, reply: Reply, decision: Decision) -> None:
        now = f"{tick * self._period_s:7.1f} s  {decision.state.name:<15}"
        if isinstance(reply, Sample):
            now += f" {reply.temperature_c[0]:6.1f} °C {reply.power_w:6.1f} W"
        self._status.update(now)


def trip_lines(trip: dict[str, Any], label: str) -> list[str]:
    """One trip: what was read, the limit, for how long; then what it usually means and what to look at next."""
    held = for_how_long(round(trip["held_s"] * 1e6)) if isinstance(trip["held_s"], int | float) else ""
    read = ", ".join(part for part in (trip["read"], held) if part)
    lines = [f"  {label:<11} {trip['id']} at {trip['t_s']:.2f} s" + (f": {read}" if read else "")]
    if trip["usually"]:
        lines.append(f"  {'':<11}   {trip['usually']}")
    return lines


def field_lines(field: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Lesion, dura and cord, where the plant was a field."""
    if field is None:
        return []
    size = field["lesion"]
    volume_ml = size["volume_mm3"] / 1000.0
    lines = [("lesion", f"{size['width_mm']:.1f} mm wide, {size['length_mm']:.1f} mm long, {volume_ml:.2f} ml (Ω ≥ 1)")]
    spared = [
        f"{name} {field[name]['peak_c']:.1f} °C, CEM43 {dose(field[name]['cem43_min'])} min"
        for name in ("dura", "cord")
        if field[name] is not None
    ]
    return [*lines, ("canal", "; ".join(spared))] if spared else lines


def off_line(off: dict[str, Any]) -> str:
    """RF off after the cut-off: commanded, read back, delivered."""
    words = (("commanded off", "commanded_s"), ("reads back off", "reads_back_s"), ("delivers nothing", "delivered_s"))
    parts = [what + (" NOT BEFORE THE END" if off[key] is None else f" {off[key]:.2f} s") for what, key in words]
    return "  RF off      " + ", ".join(parts)


def summary_text(finished: Finished, folder: Path) -> str:
    """The summary as a person reads it."""
    s = finished.summary
    lines = [""]
    reason = {"hold_complete": "every step was held", "operator_stop": "the operator stopped it", None: "not ended"}
    why = reason.get(s["reason"], f"tripped by {s['reason']}")
    lines.append(f"  outcome     {s['outcome']}: {why}" + ("  SIMULATED" if s["simulated"] else ""))
    for place, trip in enumerate(s["trips"]):
        lines += trip_lines(trip, "interlocks" if place == 0 else "")
    states = "  ".join(f"{state['name']} {state['t_s']:.1f} s" for state in s["states"])
    lines.append(f"  states      {states}")
    peaks = ", ".join(f"{name} {value:.1f} °C" for name, value in s["peak_c"].items() if value is not None)
    lines.append(f"  peaks       {peaks}")
    if s.get("hottest_tissue_c") is not None:
        lines.append(
            f"  hottest     {s['hottest_tissue_c']:.1f} °C anywhere in the tissue (known to the simulation alone)"
        )
    lines += [f"  {label:<11} {text}" for label, text in field_lines(s.get("field"))]
    z = s["impedance_ohm"]
    if z["first"] is not None:
        lines.append(f"  impedance   {z['first']:.0f} ohm at first, least {z['least']:.0f}, last {z['last']:.0f}")
    lines.append(f"  RF on       {s['rf_on_s']:.1f} s, {s['energy_j']:.0f} J")
    if any(value is not None for value in s["rf_off"].values()):
        lines.append(off_line(s["rf_off"]))
    late = finished.timing.get("late_s")
    if late is not None:
        lines.append(
            f"  pacing      late by {1000 * late['median']:.2f} ms (median), {1000 * late['p99']:.2f} (p99), "
            f"{1000 * late['most']:.2f} at most; {finished.timing['overruns']} of {s['ticks']} ticks missed"
        )
    if "real_time_priority" in finished.timing:
        lines.append(f"  priority    {finished.timing['real_time_priority']}")
    lines.append(f"  as expected {'yes' if s['as_expected'] else 'NO'}")
    lines.append(f"  report      {folder / 'report.html'}")
    return "\n".join(lines)
