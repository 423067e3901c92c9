"""`rfgen replay` and `rfgen report`: what is done with a recorded run."""

from __future__ import annotations

from pathlib import Path

import click

from rfgen.cli import NOT_AS_EXPECTED, OK
from rfgen.commands.output import say, showable, target
from rfgen.record.loader import RecordingError, Run, load_run
from rfgen.record.summary import write_whole
from rfgen.records import Event, OperatorAction
from rfgen.replaying import replay as replay_run
from rfgen.yamlsource import InputError, Problem


def replay(folder: Path) -> int:
    """Identical, or the first difference."""
    run = load_run(folder)
    for event in run.events:
        if not _can_be_asked(event):
            raise RecordingError(str(run.path), f"at tick {event.tick} the {event.kind} event is damaged")
    difference = replay_run(run)
    if difference is None:
        say(f"{folder}: identical over {run.ticks} ticks")
        return OK
    say(f"{folder}: differs at {showable(str(difference))}")
    return NOT_AS_EXPECTED


def _can_be_asked(event: Event) -> bool:
    """What the replay asks of the firmware again is something that the firmware knows."""
    if event.kind == "fault":
        return isinstance(event.data.get("kind"), str)
    if event.kind != "operator":
        return True
    boot_count = event.data.get("boot_count")
    known = event.data.get("action") in [action.value for action in OperatorAction]
    return known and (boot_count is None or (isinstance(boot_count, int) and 0 <= boot_count < 2**32))


def _field_picture(run: Run, field: Path) -> None:
    """Raises InputError for a run that has none."""
    from rfgen.report.fieldpicture import field_picture

    if not run.fields:
        why = "it was no run on the field plant" if run.complete else "it was killed before its end, or had none"
        raise InputError([Problem(str(run.path), None, None, "", "", f"has no field: {why}", "leave --field out")])
    title = run.info.title or run.info.scenario
    write_whole(target(field), field_picture(run.fields[:2], title, simulated=run.info.simulated))
    say(str(field))


def report(folders: tuple[Path, ...], out: Path | None, picture: Path | None, field: Path | None) -> int:
    """One run's report again, or several side by side; or a picture, of the run or of its field."""
    from rfgen.report.page import write_report
    from rfgen.report.picture import write_picture

    if picture is not None or field is not None:
        if len(folders) != 1:
            raise click.UsageError("a picture shows one run")
        if out is not None:
            raise click.UsageError(
                f"--{'field' if picture is None else 'picture'} says where to by itself: leave --out out"
            )
        run = load_run(folders[0])
        if field is not None:
            _field_picture(run, field)
        if picture is not None:
            write_picture(run, target(picture))
            say(str(picture))
        return OK
    runs = [load_run(folder) for folder in folders]
    if out is None:
        base = folders[0] if folders[0].is_dir() else folders[0].parent
        out = base / ("report.html" if len(runs) == 1 else "comparison.html")
    write_report(runs[0] if len(runs) == 1 else runs, target(out))
    say(str(out))
    return OK
