"""What a test did by hand and when, so that `rfgen run` can do it again; and the report of a run that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rfgen.faultpanel import FaultPanel
from rfgen.record.loader import load_run
from rfgen.record.summary import summary_from_run, write_json
from rfgen.scenario import FaultLine
from rfgen.when import When


def lines_of(panel: FaultPanel, period_s: float) -> Iterator[FaultLine]:
    """The faults that were put on by hand, as lines of a scenario. One that came off before any tick had passed was
    never there."""
    for fault in panel.history:
        if not fault.by_hand or fault.to_tick == fault.from_tick:
            continue
        for_s = None if fault.to_tick is None else round((fault.to_tick - fault.from_tick) * period_s, 9)
        at = When(None, 1, round(fault.from_tick * period_s, 9))
        line = FaultLine(at=at, kind=fault.kind, channel=fault.channel, size=fault.size)
        yield line.model_copy(update={"for_s": for_s})


def kept_report(folder: Path) -> Path:
    """`summary.json` and `report.html` of a recorded run that has been closed; its folder."""
    from rfgen.report.page import write_report

    run = load_run(folder)
    write_json(folder / "summary.json", summary_from_run(run))
    if run.ticks:
        write_report(run, folder / "report.html")
    return folder
