"""The picture of a run for a README: an SVG of plain text, drawn without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from rfgen.record.loader import Run
from rfgen.record.summary import summary_from_run, write_whole
from rfgen.report.series import (
    Band,
    Chart,
    Floats,
    Indices,
    Line,
    Mark,
    bands,
    chart_time_s,
    charts,
    kept_ticks,
    marks,
    thin,
)
from rfgen.report.words import outcome_text

WIDTH, HEIGHT = 900, 560
_LEFT, _RIGHT = 54, 884
_TOP, _BOTTOM = 78, 526
_GAP = 34
_SHARES = {"temperature": 2.1, "power": 1.0, "impedance": 1.0}
_MOST_TICKS = 760
"""Of a line: about its width in pixels; ten lines of it stay below 120 kB."""
_HALO = 'paint-order="stroke" stroke="#ffffff" stroke-width="3" stroke-opacity="0.8"'
_MOST_TITLE = 58
"""Characters: what has room before the word SIMULATED."""
_MOST_LINES = 6
_MOST_MARKS = 6


def write_picture(run: Run, path: Path) -> None:
    """Write the picture. Raises OSError where the file cannot be written."""
    write_whole(path, render_picture(run))


def render_picture(run: Run) -> str:
    """The picture as SVG text."""
    panels = [chart for chart in charts(run) if chart.id in _SHARES]
    time_s = chart_time_s(run)
    first, last = (float(time_s[0]), float(time_s[-1])) if run.ticks else (0.0, 1.0)
    if last <= first:
        last = first + 1.0
    title = _clean(run.info.title or run.info.scenario, _MOST_TITLE)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="system-ui, Segoe UI, Roboto, Liberation Sans, sans-serif" '
        f'font-size="12" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="28" font-size="18" font-weight="600" fill="#0f172a">{title}</text>',
        f'<text x="{_LEFT}" y="47" fill="#475569">{_clean(run.info.device, 40)} · '
        f"{_clean(outcome_text(run, summary_from_run(run)), 80)}</text>",
    ]
    if run.info.simulated:
        parts.append(
            f'<rect x="{_RIGHT - 138}" y="10" width="138" height="26" rx="5" fill="#fef3c7" stroke="#f59e0b"/>'
            f'<text x="{_RIGHT - 69}" y="28" font-size="15" font-weight="700" letter-spacing="2" '
            f'text-anchor="middle" fill="#78350f">SIMULATED</text>'
        )
    room = _BOTTOM - _TOP - _GAP * max(0, len(panels) - 1)
    total = sum(_SHARES[panel.id] for panel in panels) or 1.0
    top = float(_TOP)
    for number, panel in enumerate(panels):
        height = room * _SHARES[panel.id] / total
        frame = _Frame(first, last, panel.least, panel.most, top, top + height)
        parts += _panel(run, panel, frame, time_s, number == 0)
        top += height + _GAP
    parts.append(
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{HEIGHT - 5}" text-anchor="middle" fill="#475569">time, s</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a value of one panel lies on the picture."""

    first: float
    last: float
    least: float
    most: float
    top: float
    bottom: float

    def x(self, time_s: float) -> float:
        share = (time_s - self.first) / (self.last - self.first)
        return _LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0)

    def y(self, value: float) -> float:
        share = (value - self.least) / (self.most - self.least)
        return self.bottom - (self.bottom - self.top) * min(max(share, 0.0), 1.0)


def _panel(run: Run, chart: Chart, frame: _Frame, time_s: Floats, leading: bool) -> Iterator[str]:
    for band in bands(run)[:50]:
        yield from _band(band, frame, leading)
    for value in _round_values(frame.least, frame.most, 5 if leading else 3):
        y = frame.y(value)
        yield f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="#cbd5e1" stroke-width="0.6" stroke-opacity="0.7"/>'
        yield _text(_LEFT - 7, y + 4, f"{value:g}", "#475569", 'text-anchor="end"')
    for value in _round_values(frame.first, frame.last, 9):
        yield _text(frame.x(value), frame.bottom + 14, f"{value:g}", "#475569", 'text-anchor="middle" font-size="11"')
    yield _text(_LEFT, frame.top - 6, f"{chart.title}, {chart.unit}", "#0f172a", 'font-weight="600"')
    yield from _legend(chart.lines[:_MOST_LINES], frame)
    for limit in chart.limits:
        if frame.least < limit.value < frame.most:
            y = frame.y(limit.value)
            label = f"{_clean(limit.label, 30)} {limit.value:g} {chart.unit}"
            yield f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="#d92d20" stroke-dasharray="7 4"/>'
            yield _text(_RIGHT - 5, y - 4, label, "#b42318", 'text-anchor="end" font-size="11" ' + _HALO)
    for row, mark in enumerate(marks(run, ("trip",))[:_MOST_MARKS]):
        yield from _mark(mark, frame, row if leading else -1)
    keep = kept_ticks(run)[:100]
    for line in chart.lines[:_MOST_LINES]:
        yield _curve(line, thin([line.values], keep, _MOST_TICKS), time_s, frame)
    yield (
        f'<rect x="{_LEFT}" y="{frame.top:.1f}" width="{_RIGHT - _LEFT}" height="{frame.bottom - frame.top:.1f}" '
        f'fill="none" stroke="#94a3b8" stroke-width="0.8"/>'
    )


def _text(x: float, y: float, text: str, colour: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {style}>{text}</text>'


def _band(band: Band, frame: _Frame, named: bool) -> Iterator[str]:
    left, right = frame.x(band.start_s), frame.x(band.end_s)
    yield (
        f'<rect x="{left:.1f}" y="{frame.top:.1f}" width="{right - left:.1f}" '
        f'height="{frame.bottom - frame.top:.1f}" fill="{band.colour}"/>'
    )
    name = band.state.replace("_", " ")
    if named and right - left > 7.5 * len(name):
        yield _text(left + 5, frame.top + 13, _clean(name, 20), "#64748b", 'font-size="10"')


def _mark(mark: Mark, frame: _Frame, row: int) -> Iterator[str]:
    x = frame.x(mark.time_s)
    yield f'<path d="M{x:.1f} {frame.top:.1f}V{frame.bottom:.1f}" stroke="#b42318" stroke-width="1.6"/>'
    if row >= 0:
        end = x > (_LEFT + _RIGHT) / 2 + 200
        style = f'font-weight="700" text-anchor="{"end" if end else "start"}"'
        yield _text(x + (-5 if end else 5), frame.top + 36 + 14 * row, _clean(mark.label, 40), "#b42318", style)


def _legend(lines: tuple[Line, ...], frame: _Frame) -> Iterator[str]:
    x = float(_RIGHT)
    for line in reversed(lines):
        label = _clean(line.label, 26)
        x -= 6.6 * min(len(line.label), 26) + 4
        yield f'<text x="{x:.0f}" y="{frame.top - 6:.1f}" font-size="11" fill="#334155">{label}</text>'
        dash = ' stroke-dasharray="4 3"' if line.dashed else ""
        yield f'<path d="M{x - 22:.0f} {frame.top - 10:.1f}h17" stroke="{line.colour}" stroke-width="2.2"{dash}/>'
        x -= 34


def _curve(line: Line, picked: Indices, time_s: Floats, frame: _Frame) -> str:
    out: list[str] = []
    pen = "M"
    before = ""
    for time, value in zip(time_s[picked].tolist(), line.values[picked].tolist(), strict=True):
        if math.isnan(value):
            pen = "M"
            continue
        here = f"{frame.x(time):.1f} {frame.y(value):.1f}"
        if here != before or pen == "M":
            out.append(pen + here)
        before, pen = here, "L"
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    return (
        f'<path d="{"".join(out)}" fill="none" stroke="{line.colour}" stroke-width="{line.width:g}" '
        f'stroke-linejoin="round"{dash}/>'
    )


def _round_values(least: float, most: float, about: int) -> list[float]:
    """Round values inside the range, two or more: steps of 1, 2 or 5 times a power of ten."""
    values: list[float] = []
    while len(values) < 2 and about < 100:
        values = _values(least, most, about)
        about *= 2
    return values


def _values(least: float, most: float, about: int) -> list[float]:
    raw = (most - least) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    start = math.ceil(least / step)
    return [n * step for n in range(start, math.floor(most / step) + 1)]


def _clean(text: str, most: int) -> str:
    """Text for XML: escaped, without the control characters that XML forbids, cut to a length."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return escape("".join(c if c.isprintable() else " " for c in short), {'"': "&quot;"})
