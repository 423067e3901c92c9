"""`rfgen falsify`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rfgen.cli import INTERRUPTED, NOT_AS_EXPECTED, OK
from rfgen.commands.output import say, showable, target
from rfgen.extras import install_command
from rfgen.falsify.one import Outcome, run_once
from rfgen.falsify.promises import PROMISES, Promise, promise
from rfgen.falsify.search import Found, need_optuna, search
from rfgen.falsify.shrink import Shrunk, shrink
from rfgen.falsify.space import Space, yaml_of
from rfgen.fieldparts import field_installed
from rfgen.problems import InputError, Problem
from rfgen.record.summary import write_whole
from rfgen.scenario import parse_scenario

FOLDER = Path("falsified")
MOST_SHRINKING = 120
"""Runs that shrinking may take beside the budget."""


def listed(as_json: bool) -> int:
    """The promises."""
    if as_json:
        say(json.dumps([{"name": p.name, "says": p.says, "formula": p.formula} for p in PROMISES], indent=2))
        return OK
    wide = max(len(p.name) for p in PROMISES)
    for p in PROMISES:
        say(f"{p.name:<{wide}}  {p.says}\n{'':<{wide}}    {p.formula}")
    return OK


def falsify(
    name: str | None,
    device: str,
    budget: int,
    seed: int,
    uniform: bool,
    jobs: int,
    plant: str,
    out: Path | None,
    as_json: bool,
) -> int:
    """Search for a run that breaks the promise; shrink what is found, and write it."""
    if name is None:
        said = "is not given"
        raise InputError([Problem("PROMISE", None, None, "", "", said, "`rfgen falsify --list` lists them")])
    promised = promise(name)
    if plant == "field" and not field_installed():
        said = "needs numba, which is not installed"
        raise InputError([Problem("--plant field", None, None, "", "", said, install_command("field"))])
    space = Space(promised, device, plant)
    if not uniform:
        need_optuna()
    path = _path(out, f"{name}-{device}-{seed}.yaml")
    tell = _Teller(not as_json, budget)
    tell.say(f"{name} on {device}, seed {seed}: {promised.says}")
    tell.say(f"  {promised.formula}")
    found = search(space, budget, seed, uniform=uniform, jobs=jobs, closer=tell.closer, ran=tell.ran)
    tell.end()
    if not found.point:
        say("interrupted before the first run had ended", err=True)
        return INTERRUPTED
    broken = found.outcome.broken
    if broken and not found.interrupted:
        tell.say(f"broken in run {found.run}: {found.outcome.said}; shrinking")
        simplest = shrink(space, found.point, found.outcome, MOST_SHRINKING, tell.shrinking)
        tell.end()
    else:
        simplest = Shrunk(found.point, found.outcome, 0)
    if not broken and out is None:
        path = path.with_name(f"{path.stem}-closest.yaml")
    outcome = written(path, space, simplest, found)
    interrupted = found.interrupted or simplest.interrupted
    again = f"rfgen run {showable(str(path))}"
    if as_json:
        figures = {
            "promise": name,
            "formula": promised.formula,
            "device": device,
            "seed": seed,
            "runs": found.runs,
            "shrinking_runs": simplest.runs,
            "broken": broken,
            "interrupted": interrupted,
            "robustness": round(outcome.robustness, 6),
            "closest": outcome.said,
            "scenario": str(path),
        }
        say(json.dumps(figures, indent=2))
    elif broken:
        say(f"broken: {outcome.said}")
        say(f"  shrunk in {simplest.runs} runs to: {_described(simplest)}")
        say(f"  again: {again}")
    else:
        say(f"not broken in {found.runs} runs; closest: {outcome.said}, {outcome.robustness:.3f} of a scale left")
        say(f"  again: {again}")
    if interrupted:
        say(f"interrupted after {found.runs} of {budget} runs; the closest so far is kept", err=True)
        return INTERRUPTED
    return NOT_AS_EXPECTED if broken else OK


def _path(out: Path | None, name: str) -> Path:
    """Where the scenario goes; refused before the search, not after it."""
    if out is not None:
        return target(out)
    try:
        FOLDER.mkdir(exist_ok=True)
    except OSError as error:
        said = f"cannot be made ({error.strerror})"
        raise InputError([Problem(str(FOLDER), None, None, "", "", said, "give a file with --out")]) from None
    return target(FOLDER / name)


def written(path: Path, space: Space, simplest: Shrunk, found: Found) -> Outcome:
    """Write the scenario, and run what was written: it is the file that has to repeat the break."""
    promised: Promise = space.promise
    what = "breaks" if simplest.outcome.broken else "comes closest to breaking"
    text = yaml_of(space.tree(simplest.point, f"What {what} {promised.name} on {space.device_name}"))
    outcome = run_once(parse_scenario(text, str(path)), promised)
    if outcome != simplest.outcome:
        raise RuntimeError(f"the file's run differs: {outcome} instead of {simplest.outcome}")
    write_whole(path, f"# rfgen falsify: run {found.run}; {promised.formula}\n# {outcome.said}\n{text}")
    return outcome


def _described(simplest: Shrunk) -> str:
    """The point on one line."""
    parts = []
    for name, value in simplest.point.items():
        shown = f"{value:g}" if isinstance(value, float) else "yes" if value is True else str(value)
        parts.append(f"{name} {shown}")
    return ", ".join(parts) or "every default"


class _Teller:
    """Tells of each run that came closer, and of nothing where JSON was asked for; a counter on a terminal."""

    def __init__(self, on: bool, budget: int) -> None:
        self.on = on
        self._live = on and sys.stderr.isatty()
        self._budget = budget

    def say(self, text: str) -> None:
        """A line, at once."""
        if self.on:
            self.end()
            say(text)
            sys.stdout.flush()

    def closer(self, run: int, outcome: Outcome) -> None:
        """A run that came closer than those before."""
        self.say(f"  run {run:>4}  {outcome.robustness:7.3f}  {outcome.said}")

    def ran(self, run: int) -> None:
        """A run has ended."""
        self._count(f"{run} of {self._budget} runs")

    def shrinking(self, run: int) -> None:
        """A simpler one is tried."""
        self._count(f"shrinking: run {run}")

    def _count(self, text: str) -> None:
        if self._live:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def end(self) -> None:
        """The counter goes."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
