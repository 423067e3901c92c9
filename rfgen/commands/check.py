"""`rfgen check`."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rfgen.checking import Verdict, check_all, default_jobs, junit, scenarios_in
from rfgen.cli import BAD_INPUT, NOT_AS_EXPECTED, OK
from rfgen.commands.output import say, showable, target
from rfgen.fieldparts import field_installed
from rfgen.record.summary import write_whole
from rfgen.scenario import load_scenario, scenario_names
from rfgen.yamlsource import InputError, Problem


def check(folders: tuple[Path, ...], jobs: int | None, junit_file: Path | None) -> int:
    """Run them all; one line each."""
    if junit_file is not None:
        junit_file = target(junit_file)
    sources: list[tuple[str, str]] = []
    problems = []
    for folder in folders:
        if folder.is_file():
            sources.append((folder.stem, str(folder)))
            continue
        found = scenarios_in(folder) if folder.is_dir() else []
        if not found:
            what = "holds no scenario (.yaml)" if folder.is_dir() else "there is no such folder"
            problems.append(Problem(str(folder), None, None, "", "", what, "give a folder of scenarios"))
        sources += found if len(folders) == 1 else [(str(folder / name), path) for name, path in found]
    if problems:
        raise InputError(problems)
    if not folders:
        names = scenario_names()
        if not field_installed():
            left_out = [name for name in names if load_scenario(name).plant.model == "field"]
            say(f"left out, for they need numba (pip install 'rfgen[field]'): {', '.join(left_out)}")
            names = tuple(name for name in names if name not in left_out)
        sources = [(name, name) for name in names]
    verdicts = check_all(sources, jobs or default_jobs(), _tell)
    if junit_file is not None:
        write_whole(junit_file, junit(verdicts))
    failed = sum(1 for v in verdicts if v.problems)
    wrong = sum(1 for v in verdicts if v.bad_input)
    said = f"{len(verdicts)} scenarios: {len(verdicts) - failed - wrong} as expected"
    if failed:
        said += f", {failed} not as expected"
    if wrong:
        said += f", {wrong} could not be run"
    say(said)
    return BAD_INPUT if wrong else NOT_AS_EXPECTED if failed else OK


def _tell(verdict: Verdict) -> None:
    name = showable(verdict.name)
    if verdict.bad_input:
        say(f"error  {name}")
        say(textwrap.indent(showable(verdict.bad_input), " " * 7), err=True)
        return
    outcome = f"{verdict.summary['outcome']}, {verdict.summary['reason']}"
    say(f"{'ok    ' if verdict.passed else 'FAIL  '} {name:<36} {outcome:<32} {verdict.seconds:5.1f} s")
    for problem in verdict.problems:
        say(f"       {problem}")
    if verdict.problems:
        say(f"       again: {showable(verdict.again)}")
