"""`rfgen check`."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from rfgen.checking import Verdict, check_all, default_jobs, junit, scenarios_in
from rfgen.cli import BAD_INPUT, NOT_AS_EXPECTED, OK
from rfgen.commands.output import say, showable, target
from rfgen.extras import install_command
from rfgen.fieldparts import PlantKind, field_installed
from rfgen.problems import nearest
from rfgen.record.summary import write_whole
from rfgen.scenario import load_scenario, scenario_names
from rfgen.selecting import LastCheck, Source, shard
from rfgen.yamlsource import InputError, Problem


def check(
    folders: tuple[Path, ...],
    jobs: int | None,
    junit_file: Path | None,
    share: str | None,
    only_failed: bool,
    plant: PlantKind | None,
) -> int:
    """Run them all; one line each."""
    if plant not in (None, "network") and not field_installed():
        said = "needs numba, which is not installed"
        raise InputError([Problem("--plant", None, None, "", repr(plant), said, install_command("field"))])
    if junit_file is not None:
        junit_file = target(junit_file)
    part = None if share is None else _part(share)
    last = LastCheck()
    known = last.failed() if only_failed else None
    if only_failed and known is None:
        say("no check is known of in this folder: all are run")
    # what failed last time may lie anywhere: the shipped ones are not asked for, nor told of what they need
    sources = [] if known is not None and not folders else _named(folders)
    if known is not None:
        sources = _failed_last(known, sources, bool(folders))
    if part is not None:
        sources = shard(sources, *part)
    verdicts = check_all(sources, jobs or default_jobs(), _tell, plant)
    if junit_file is not None:
        write_whole(junit_file, junit(verdicts))
    try:
        last.update(sources, [(v.name, v.source) for v in verdicts if not v.passed])
    except OSError as error:
        say(f"{last.path}: cannot be written ({error.strerror or error}): `--failed` will not know of this", err=True)
    failed = sum(1 for v in verdicts if v.problems)
    wrong = sum(1 for v in verdicts if v.bad_input)
    said = f"{len(verdicts)} scenarios: {len(verdicts) - failed - wrong} as expected"
    if failed:
        said += f", {failed} not as expected"
    if wrong:
        said += f", {wrong} could not be run"
    say(said if part is None else f"shard {part[0]} of {part[1]}, {said}")
    return BAD_INPUT if wrong else NOT_AS_EXPECTED if failed else OK


def _named(folders: tuple[Path, ...]) -> list[Source]:
    """Every scenario of the folders, or every shipped one. Raises InputError."""
    sources: list[Source] = []
    problems = []
    for folder in folders:
        if folder.is_file():
            sources.append((folder.stem, str(folder)))
            continue
        if str(folder) in scenario_names() and not folder.exists():
            sources.append((str(folder), str(folder)))
            continue
        found = scenarios_in(folder) if folder.is_dir() else []
        if not found:
            if folder.is_dir():
                what, remedy = "holds no scenario (.yaml)", "give a folder of scenarios"
            else:
                close = nearest(str(folder), scenario_names())
                what = "is no folder, no file and no shipped scenario"
                remedy = f"did you mean {close!r}?" if close else "give a folder of scenarios"
            problems.append(Problem(str(folder), None, None, "", "", what, remedy))
        sources += found if len(folders) == 1 else [(str(folder / name), path) for name, path in found]
    if problems:
        raise InputError(problems)
    if folders:
        return sources
    names = scenario_names()
    if not field_installed():
        left_out = [name for name in names if load_scenario(name).plant.on_field]
        say(f"left out, for they need numba ({install_command('field')}): {', '.join(left_out)}")
        names = tuple(name for name in names if name not in left_out)
    return [(name, name) for name in names]


def _failed_last(failed: list[Source], sources: list[Source], of_these: bool) -> list[Source]:
    """What failed last time, of the sources asked for or, where no folder is given, wherever it was."""
    asked = {path for _, path in sources}
    found = [source for source in failed if not of_these or source[1] in asked]
    gone = [path for _, path in found if path not in scenario_names() and not Path(path).is_file()]
    if gone:
        say(f"no longer there: {', '.join(map(showable, gone))}")
    if not found:
        say("nothing failed at the last check in this folder")
    return [source for source in found if source[1] not in gone]


def _part(share: str) -> tuple[int, int]:
    """`2/5` as (2, 5). Raises InputError."""
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", share, re.ASCII)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise InputError([Problem("--shard", None, None, "", repr(share), "is no share", "write `2/5`: 1 to 5, of 5")])
    return number, count


def _tell(verdict: Verdict) -> None:
    name = showable(verdict.name)
    if verdict.bad_input:
        say(f"error  {name}")
        say(textwrap.indent(showable(verdict.bad_input), " " * 7), err=True)
        return
    outcome = f"{verdict.summary['outcome']}, {verdict.summary['reason']}"
    say(f"{'ok    ' if verdict.passed else 'FAIL  '} {name:<36} {outcome:<32} {verdict.seconds:5.1f} s")
    for line in verdict.told:
        say(f"       {showable(line)}")
