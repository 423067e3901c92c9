"""What a test did by hand and when, so that `rfgen run` can do it again; and the report of a run that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rfgen.record.loader import load_run
from rfgen.record.summary import summary_from_run, write_json
from rfgen.records import OperatorAction
from rfgen.scenario import FaultLine
from rfgen.when import When


class Chronicle:
    """By tick: each action and each fault, from the moment it was put on to the one it was taken off."""

    def __init__(self) -> None:
        self.operator: list[tuple[int, OperatorAction]] = []
        self._faults: list[tuple[int, int | None, FaultLine]] = []

    def did(self, tick: int, action: OperatorAction) -> None:
        """The operator did something before this tick."""
        self.operator.append((tick, action))

    def put(self, tick: int, line: FaultLine) -> int:
        """A fault was put on before this tick; the number to take it off by."""
        self._faults.append((tick, None, line))
        return len(self._faults) - 1

    def took_off(self, number: int, tick: int) -> None:
        """It was taken off before this tick."""
        began, _, line = self._faults[number]
        self._faults[number] = (began, tick, line)

    def faults(self, period_s: float) -> Iterator[FaultLine]:
        """As lines of a scenario. One that came off before any tick had passed was never there."""
        for began, ended, line in self._faults:
            if ended == began:
                continue
            for_s = None if ended is None else round((ended - began) * period_s, 9)
            yield line.model_copy(update={"at": When(None, 1, round(began * period_s, 9)), "for_s": for_s})


def kept_report(folder: Path) -> Path:
    """`summary.json` and `report.html` of a recorded run that has been closed; its folder."""
    from rfgen.report.page import write_report

    run = load_run(folder)
    write_json(folder / "summary.json", summary_from_run(run))
    if run.ticks:
        write_report(run, folder / "report.html")
    return folder
