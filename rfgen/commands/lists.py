"""`rfgen interlocks`, `scenarios`, `devices`, `faults`: what there is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rfgen.cli import OK
from rfgen.commands.output import say
from rfgen.record.jsonsafe import to_json
from rfgen.record.summary import write_whole
from rfgen.yamlsource import InputError, Problem

HOW_PUT_ON = """\
Any of them, alone or together:
  on a scenario's time line   faults: [{at: hold + 5 s, kind: pump_slow, size: 0.5, for: 10 s}]
  by the operator's hand      operator: [{at: 1 s, do: start}, {at: hold + 5 s, fault_on: pump_slow, size: 0.5},
                                         {at: cutoff + 1 s, fault_off: pump_slow}]
  in a test                   with treatment.fault("pump_slow", size=0.5): ...
  in a program                fault = assembly.panel.put("pump_slow", size=0.5); ...; fault.take_off()"""


def interlocks(device: str | None, as_json: bool) -> int:
    """The catalogue in force."""
    from rfgen.device import load_device, resolve_limits_for
    from rfgen.safety.listing import listing, text

    profile = None if device is None else load_device(device)
    limits = None if profile is None else resolve_limits_for(profile, {})
    features = None if profile is None else profile.features
    rows = listing(limits, features)
    say(to_json(rows) if as_json else text(rows))
    return OK


def scenarios(copy: Path | None) -> int:
    """The shipped scenarios; `copy`: put them into a folder to start one's own from."""
    from rfgen.scenario import load_scenario, scenario_names

    names = scenario_names()
    if copy is not None:
        taken = [name for name in names if (copy / f"{name}.yaml").exists()]
        if taken:
            problem = Problem(str(copy), None, None, "", "", f"holds {taken[0]}.yaml already", "give a new folder")
            raise InputError([problem])
        _copied(names, copy)
        say(f"{len(names)} scenarios copied into {copy}")
        return OK
    width = max(map(len, names))
    for name in names:
        scenario = load_scenario(name)
        expected = "" if scenario.expect is None else f"  [{scenario.expect.reason or scenario.expect.outcome}]"
        say(f"{name:<{width}}  {scenario.title}{expected}")
    return OK


def _copied(names: Sequence[str], folder: Path) -> None:
    """All of them into `folder`, or none: half of them would be in the way of the next try."""
    folder.mkdir(parents=True, exist_ok=True)
    done: list[Path] = []
    try:
        for name in names:
            text = (files("rfgen") / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8")
            done.append(folder / f"{name}.yaml")
            write_whole(done[-1], text)
    except BaseException:
        for path in done:
            path.unlink(missing_ok=True)
        raise


def devices() -> int:
    """The device profiles."""
    from rfgen.device import device_names, load_device

    names = device_names()
    width = max(map(len, names))
    for name in names:
        profile = load_device(name)
        say(
            f"{name:<{width}}  {profile.title}: {profile.electrode.kind}, {profile.stage.max_power_w:g} W, "
            f"{', '.join(profile.modes)}"
        )
    return OK


def faults() -> int:
    """The faults of the simulation and of the line."""
    from hal.linefault import LINE_FAULTS
    from rfgen.hostfaults import HOST_FAULTS
    from sim.faults import FAULTS

    rows = []
    for spec in FAULTS.values():
        size = "" if spec.size is None else f"size {spec.size.least:g}..{spec.size.most:g} {spec.size.unit}"
        size += "" if spec.size is None else f", usually {spec.size.default:g}"
        rows.append(
            (spec.kind, spec.group, spec.description, ", ".join(p for p in ("channel" * spec.channel, size) if p))
        )
    for line in LINE_FAULTS.values():
        size = "" if line.size is None else f"size {line.size.least:g}..{line.size.most:g} {line.size.unit}"
        size += "" if line.size is None else f", usually {line.size.default:g}"
        rows.append((line.kind, "line", line.description, size))
    for host in HOST_FAULTS.values():
        rows.append((host.kind, "host", host.description, "" if host.ends else "cannot be taken off"))
    width = max(len(row[0]) for row in rows)
    for kind, group, description, needs in rows:
        say(f"{kind:<{width}}  {group:<12}  {description}" + (f" ({needs})" if needs else ""))
    say("")
    say(HOW_PUT_ON)
    return OK
