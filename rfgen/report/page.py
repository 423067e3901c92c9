"""The report: one HTML file that opens anywhere, without a network, and shows a run, or several over each other.

Everything in a recording may come from a stranger. Text reaches the page through the template's escaping or as JSON
with every `<` escaped, and the page's own policy lets no script run but the two whose hashes it names.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from rfgen.record.jsonsafe import to_json
from rfgen.record.loader import Run
from rfgen.record.summary import summary_from_run, write_whole
from rfgen.report.fieldpicture import field_picture
from rfgen.report.series import (
    RUN_COLOURS,
    Chart,
    Line,
    bands,
    chart_time_s,
    charts,
    kept_ticks,
    marks,
    start_s,
    thin,
)
from rfgen.report.words import Figure, TripView, figures, outcome_text, plain, trip_rows, unit_text

MOST_RUNS = len(RUN_COLOURS)
_MOST_VALUES = 900_000
"""Of all lines together: four bytes each, a third more as text, so 4.8 MB at most."""
_MOST_TICKS_A_CHART = 48_000
_MOST_EVENTS = 400
_MOST_TEXT = 400
_MOST_SCENARIO = 60_000
_MOST_PANELS = 2


class RunView(NamedTuple):
    """What the template shows of one run."""

    letter: str
    colour: str
    info: Any
    summary: dict[str, Any]
    outcome: str
    good: bool
    figures: list[Figure]
    states: list[tuple[str, str]]
    trips: list[TripView]
    events: list[tuple[str, str, str, str]]
    events_left_out: int
    limits: list[tuple[str, str, str]]
    treatment: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    scenario_yaml: str
    complete: bool
    field: str
    """The picture of the field as SVG; empty where the run had none."""


def write_report(runs: Run | Sequence[Run], path: Path) -> None:
    """Write the page. Raises ValueError for no run or more than six, OSError where the file cannot be written."""
    many = [runs] if isinstance(runs, Run) else list(runs)
    if not 1 <= len(many) <= MOST_RUNS:
        raise ValueError(f"{len(many)} runs: a report shows 1 to {MOST_RUNS}")
    write_whole(path, render(many))


def render(runs: Sequence[Run]) -> str:
    """The page as text."""
    views = [_view(run, n) for n, run in enumerate(runs)]
    data = _single_data(runs[0]) if len(runs) == 1 else _overlay_data(runs)
    scripts = [_library(), _source("page.js")]
    environment = Environment(
        loader=PackageLoader("rfgen.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        views=views,
        title=" / ".join(view.info.title or view.info.scenario for view in views)[:_MOST_TEXT],
        simulated=any(view.info.simulated for view in views),
        comparison=_comparison(views) if len(views) > 1 else [],
        charts=[(chart["id"], chart["title"], chart["unit"]) for chart in data["charts"]],
        data=_script_safe(to_json(data)),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        style=page_style(),
    )


@cache
def _library() -> str:
    """dygraphs, licence header and all, from the package that carries it."""
    spec = importlib.util.find_spec("dygraphs")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the dygraphs package is not installed; reinstall rfgen")
    folder = Path(next(iter(spec.submodule_search_locations)))
    text = (folder / "assets" / "dygraph-combined.js").read_text("utf-8")
    return text.replace("</script", "<\\/script").replace("\r", "")


@cache
def _source(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text("utf-8")


def page_style() -> str:
    """The look that every page here has."""
    return _source("page.css")


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _script_safe(text: str) -> str:
    """JSON that cannot end the element it stands in."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _view(run: Run, n: int) -> RunView:
    info = run.info
    summary = summary_from_run(run)
    period_s = info.period_us / 1e6
    events = [
        (f"{event.tick * period_s:.2f}", event.kind, event.text[:_MOST_TEXT], _details(event.data))
        for event in run.events[:_MOST_EVENTS]
    ]
    return RunView(
        letter="ABCDEF"[n],
        colour=RUN_COLOURS[n],
        info=info,
        summary=summary,
        outcome=outcome_text(run, summary),
        good=summary["outcome"] == "completed",
        figures=figures(run, summary),
        states=[(state["name"], f"{state['t_s']:.2f}") for state in summary["states"][:_MOST_EVENTS]],
        trips=trip_rows(run)[:_MOST_EVENTS],
        events=events,
        events_left_out=max(0, len(run.events) - _MOST_EVENTS),
        limits=[
            (name[:_MOST_TEXT], plain(value), unit_text(info.limit_units.get(name, "")))
            for name, value in list(info.limits.items())[:_MOST_EVENTS]
        ],
        treatment=_pairs(info.treatment),
        versions=_pairs(info.versions),
        scenario_yaml=info.scenario_yaml[:_MOST_SCENARIO],
        complete=run.complete,
        field=_field(run, n),
    )


def _field(run: Run, n: int) -> str:
    if not run.fields:
        return ""
    title = "Temperature and lesion, as they truly were"
    return field_picture(run.fields[:_MOST_PANELS], title, simulated=run.info.simulated, prefix=f"field{n}-")


def _pairs(mapping: dict[str, str]) -> list[tuple[str, str]]:
    return [(key[:_MOST_TEXT], value[:_MOST_TEXT]) for key, value in list(mapping.items())[:_MOST_EVENTS]]


def _details(data: dict[str, object]) -> str:
    said = {key: value for key, value in data.items() if value is not None}
    return json.dumps(said, ensure_ascii=False)[:_MOST_TEXT] if said else ""


def _comparison(views: Sequence[RunView]) -> list[tuple[str, list[str]]]:
    """A row per figure that any run has, a cell per run."""
    labels = list(dict.fromkeys(figure.label for view in views for figure in view.figures))
    cells = [{figure.label: f"{figure.value} {figure.unit}".strip() for figure in view.figures} for view in views]
    return [("Outcome", [view.outcome for view in views])] + [
        (label, [cell.get(label, "–") for cell in cells]) for label in labels[:_MOST_EVENTS]
    ]


def _single_data(run: Run) -> dict[str, Any]:
    made = charts(run)
    budget = _MOST_VALUES // max(1, sum(len(chart.lines) + 1 for chart in made))
    return {
        "charts": [_chart_data(chart, [(run, chart.lines)], min(budget, _MOST_TICKS_A_CHART), 0.0) for chart in made],
        "bands": [band._asdict() for band in bands(run)],
        "marks": [mark._asdict() | {"colour": ""} for mark in marks(run)],
        "overlay": False,
    }


def _overlay_data(runs: Sequence[Run]) -> dict[str, Any]:
    """The same panels with every run's leading lines, in the run's own colour, each from its first RF on."""
    by_id: dict[str, list[tuple[Run, Chart, str, str]]] = {}
    for n, run in enumerate(runs):
        for chart in charts(run):
            by_id.setdefault(chart.id, []).append((run, chart, "ABCDEF"[n], RUN_COLOURS[n]))
    made = []
    for group in by_id.values():
        parts = [(run, tuple(_overlaid(run, chart, letter, colour))) for run, chart, letter, colour in group]
        first = group[0][1]
        same = all(chart.limits == first.limits for _, chart, _, _ in group)
        merged = first._replace(
            least=min(chart.least for _, chart, _, _ in group),
            most=max(chart.most for _, chart, _, _ in group),
            limits=first.limits if same else (),
        )
        made.append((merged, parts))
    budget = _MOST_VALUES // max(1, sum(len(lines) + 1 for _, parts in made for _, lines in parts))
    budget = min(budget, _MOST_TICKS_A_CHART // len(runs))
    ended = [
        mark._asdict() | {"time_s": mark.time_s - start_s(run), "label": f"{'ABCDEF'[n]}: {mark.label}"}
        | {"colour": RUN_COLOURS[n]}
        for n, run in enumerate(runs)
        for mark in marks(run, ("trip",))
    ]  # fmt: skip
    return {
        "charts": [_chart_data(chart, parts, budget, None) for chart, parts in made],
        "bands": [],
        "marks": ended,
        "overlay": True,
    }


def _overlaid(run: Run, chart: Chart, letter: str, colour: str) -> list[Line]:
    lines = []
    for line in chart.lines:
        sentinels = run.info.thermocouples[run.info.electrodes :]
        leading = line.label in (run.info.thermocouples[0], "delivered", "impedance", "measured")
        if leading or line.label in sentinels:
            lines.append(line._replace(label=f"{letter} {line.label}", colour=colour, dashed=not leading))
    return lines


def _chart_data(
    chart: Chart, parts: Sequence[tuple[Run, tuple[Line, ...]]], most: int, zero_s: float | None
) -> dict[str, Any]:
    drawn = []
    for run, lines in parts:
        picked = thin([line.values for line in lines], kept_ticks(run), most)
        time_s = chart_time_s(run) - (start_s(run) if zero_s is None else zero_s)
        drawn.append(
            {
                "x": _packed(time_s[picked]),
                "lines": [
                    {
                        "label": line.label,
                        "colour": line.colour,
                        "width": line.width,
                        "dashed": line.dashed,
                        "y": _packed(line.values[picked]),
                    }
                    for line in lines
                ],
            }
        )
    return {
        "id": chart.id,
        "title": chart.title,
        "unit": chart.unit,
        "least": chart.least,
        "most": chart.most,
        "limits": [limit._asdict() for limit in chart.limits],
        "runs": drawn,
    }


def _packed(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Little-endian float32 as base64."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()
