"""`rfgen replay` and `rfgen report`: what is done with a recorded run."""

from __future__ import annotations

from pathlib import Path

import click

from rfgen.cli import NOT_AS_EXPECTED, OK
from rfgen.commands.output import say, showable, target
from rfgen.record.loader import RecordingError, load_run
from rfgen.records import Event, OperatorAction
from rfgen.replaying import replay as replay_run


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


def report(folders: tuple[Path, ...], out: Path | None, picture: Path | None) -> int:
    """One run's report again, or several side by side."""
    from rfgen.report.page import write_report
    from rfgen.report.picture import write_picture

    if picture is not None:
        if len(folders) != 1:
            raise click.UsageError("a picture shows one run")
        if out is not None:
            raise click.UsageError("--picture says where to by itself: leave --out out")
        write_picture(load_run(folders[0]), target(picture))
        say(str(picture))
        return OK
    runs = [load_run(folder) for folder in folders]
    if out is None:
        base = folders[0] if folders[0].is_dir() else folders[0].parent
        out = base / ("report.html" if len(runs) == 1 else "comparison.html")
    write_report(runs[0] if len(runs) == 1 else runs, target(out))
    say(str(out))
    return OK
