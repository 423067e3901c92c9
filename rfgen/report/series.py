"""From a recording to what is drawn: lines thinned without losing an extreme, bands of states, marks of trips.

Shared by the page and the picture, so that both show the same figures in the same colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfgen.record.loader import Run
from rfgen.record.summary import state_times
from rfgen.records import State

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_TOO_LARGE = 1e30
"""No quantity here; drawn as a gap, so that nothing overflows on the way to the screen."""
RUN_COLOURS = ("#1d4ed8", "#d97706", "#0f766e", "#7c3aed", "#be185d", "#475569")
_ELECTRODES = ("#1d4ed8", "#0891b2", "#6366f1", "#0f766e", "#64748b", "#3b82f6", "#0e7490", "#4338ca")
_SENTINELS = ("#9333ea", "#c026d3", "#7e22ce", "#a21caf", "#86198f", "#6b21a8", "#d946ef")
SETPOINT, TRUE, ASKED, COMMANDED = "#111827", "#d97706", "#94a3b8", "#111827"
IMPEDANCE, FLOW = "#0f766e", "#0891b2"
BAND_COLOURS = {
    State.IDLE.name: "#f8fafc",
    State.IMPEDANCE_CHECK.name: "#f1eefe",
    State.RAMP.name: "#fef8e1",
    State.HOLD.name: "#e8fbef",
    State.CUTOFF.name: "#eef2f6",
}


class Line(NamedTuple):
    """One curve: a value a tick."""

    label: str
    values: Floats
    colour: str
    width: float = 1.5
    dashed: bool = False


class Limit(NamedTuple):
    """A horizontal line: a limit in force."""

    label: str
    value: float


class Chart(NamedTuple):
    """One panel."""

    id: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...]
    least: float
    most: float


class Band(NamedTuple):
    """A time in one state, in s."""

    start_s: float
    end_s: float
    state: str
    colour: str


class Mark(NamedTuple):
    """Something that happened, in s. `kind` is the event's."""

    time_s: float
    kind: str
    label: str


def chart_time_s(run: Run) -> Floats:
    """Time of each tick, never going back (a recording that does is drawn as if it stood still)."""
    return np.asarray(np.maximum.accumulate(run.time_s) if run.ticks else run.time_s)


def start_s(run: Run) -> float:
    """When RF was first commanded on; the run's first tick if it never was. Runs are aligned there."""
    on = np.flatnonzero(run.columns["cmd_rf_on"])
    if len(on):
        return float(run.time_s[on[0]])
    return float(run.time_s[0]) if run.ticks else 0.0


def charts(run: Run) -> list[Chart]:
    """The panels of one run. A quantity that was never measured has no line; a panel without lines is left out."""
    made = [_temperatures(run), _power(run), _impedance(run), _flow(run)]
    return [chart for chart in made if chart.lines]


def bands(run: Run) -> list[Band]:
    """The states one after another, to the end of the run."""
    entered = state_times(run)
    end = float(chart_time_s(run)[-1]) if run.ticks else 0.0
    ends = [t for _, t in entered[1:]] + [end]
    return [
        Band(start, stop, name, BAND_COLOURS.get(name, BAND_COLOURS["IDLE"]))
        for (name, start), stop in zip(entered, ends, strict=False)
        if stop >= start
    ]


def marks(run: Run, kinds: Sequence[str] = ("trip", "fault"), most: int = 200) -> list[Mark]:
    """Trips, faults put on and off, in the order they happened."""
    period_s = run.info.period_us / 1e6
    found = [event for event in run.events if event.kind in kinds][:most]
    return [Mark(event.tick * period_s, event.kind, str(event.data.get("id") or event.text)) for event in found]


def thin(columns: Sequence[Floats], keep: Indices, most: int) -> Indices:
    """Which ticks to draw: all, or in each of many equal stretches every column's least and most, and every gap's ends.

    `keep` is always among them; the result is sorted, without repeats, and at most `most + len(keep)` long.
    """
    count = len(columns[0]) if columns else 0
    keep = keep[(keep >= 0) & (keep < count)]
    if count <= most:
        return np.arange(count)
    edges = np.unique(np.concatenate([np.flatnonzero(np.diff(np.isnan(column))) for column in columns]))
    few = len(edges) <= most // 8
    # where gaps come and go too often for all of them, each stretch keeps a column's first and last
    share = (most - 2 - 2 * len(edges)) // (2 * len(columns)) if few else (most - 2) // (5 * len(columns))
    width = -(-count // max(1, share))
    stretches = -(-count // width)
    starts = np.arange(stretches) * width
    chosen = [keep, np.array([0, count - 1])]
    if few:
        chosen += [edges, edges + 1]
    for column in columns:
        padded = np.full(stretches * width, np.nan)
        padded[:count] = column
        table = padded.reshape(stretches, width)
        gaps = np.isnan(table)
        chosen.append(starts + np.where(gaps, np.inf, table).argmin(axis=1))
        chosen.append(starts + np.where(gaps, -np.inf, table).argmax(axis=1))
        if not few:
            with_gap = gaps.any(axis=1)
            first = (starts + gaps.argmax(axis=1))[with_gap]
            last = (starts + width - 1 - gaps[:, ::-1].argmax(axis=1))[with_gap]
            chosen += [first, first - 1, last + 1]
    picked = np.unique(np.concatenate(chosen))
    return np.asarray(picked[(picked >= 0) & (picked < count)])


def kept_ticks(run: Run) -> Indices:
    """Ticks that a thinned line must show: where a state changed and where an interlock tripped, and one before."""
    states = np.flatnonzero(np.diff(run.columns["state"])) + 1
    trips = np.flatnonzero(run.columns["tripped"])[:1000]
    at = np.concatenate([states[:1000], trips])
    return np.asarray(np.concatenate([at, at - 1]))


def clean(values: NDArray[np.generic], where: NDArray[np.bool_] | None = None) -> Floats:
    """Values as drawn: NaN where there is nothing to draw."""
    out = np.array(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        out[~(np.abs(out) < _TOO_LARGE)] = np.nan
    if where is not None:
        out[~where] = np.nan
    return out


def _temperatures(run: Run) -> Chart:
    info, columns = run.info, run.columns
    lines = []
    for n, name in enumerate(info.thermocouples):
        electrode = n < info.electrodes
        colour = _ELECTRODES[n] if electrode else _SENTINELS[n - info.electrodes]
        lines.append(Line(name, clean(columns[f"tc{n}_c"]), colour, 2.0 if n == 0 or not electrode else 1.3))
    if info.simulated:
        lines.append(Line("hottest tissue (true)", clean(columns["true_hottest_c"]), TRUE, 1.0))
    lines.append(Line("set-point", clean(columns["setpoint_c"]), SETPOINT, 1.2, True))
    wanted = [("over_temp_c", "over-temperature")]
    if info.electrodes < len(info.thermocouples):
        wanted.append(("sentinel_c", "sentinel"))
    heading = ("temperature", "Temperature", "°C")
    return _chart(run, heading, lines, wanted=wanted, bounds=(-20.0, 160.0), show_limits=True)


def _power(run: Run) -> Chart:
    columns = run.columns
    lines = [
        Line("asked by control", clean(columns["asked_w"]), ASKED, 1.2),
        Line("commanded", clean(columns["cmd_power_w"]), COMMANDED, 1.0, True),
        Line("delivered", clean(columns["power_w"], run.present), RUN_COLOURS[0], 1.6),
    ]
    return _chart(run, ("power", "Power", "W"), lines, wanted=[("max_power_w", "most")], bounds=(-5.0, 1000.0))


def _impedance(run: Run) -> Chart:
    lines = [Line("impedance", clean(run.columns["impedance_ohm"]), IMPEDANCE, 1.6)]
    wanted = [("z_high_ohm", "Z high"), ("z_low_ohm", "Z low")]
    ceiling = _limit(run, "z_high_ohm") or 2000.0
    return _chart(run, ("impedance", "Impedance", "Ω"), lines, wanted=wanted, bounds=(0.0, 1.3 * ceiling))


def _flow(run: Run) -> Chart:
    columns = run.columns
    if not np.any(columns["cmd_flow_ml_min"] > 0) and not np.any(columns["flow_ml_min"] > 0):
        return Chart("flow", "Coolant flow", "ml/min", (), (), 0.0, 1.0)
    lines = [
        Line("asked", clean(columns["cmd_flow_ml_min"]), COMMANDED, 1.0, True),
        Line("measured", clean(columns["flow_ml_min"], run.present), FLOW, 1.6),
    ]
    return _chart(run, ("flow", "Coolant flow", "ml/min"), lines, wanted=[], bounds=(-5.0, 1000.0))


def _limit(run: Run, key: str) -> float | None:
    value = run.info.limits.get(key)
    return value if value is not None and abs(value) < _TOO_LARGE else None


def _chart(
    run: Run,
    heading: tuple[str, str, str],
    lines: Sequence[Line],
    *,
    wanted: Sequence[tuple[str, str]],
    bounds: tuple[float, float],
    show_limits: bool = False,
) -> Chart:
    """A panel over its own values, inside `bounds`; its limits in view too where `show_limits`."""
    name, title, unit = heading
    drawn = tuple(line for line in lines if np.isfinite(line.values).any())
    known = [(label, _limit(run, key)) for key, label in wanted]
    limits = tuple(Limit(label, value) for label, value in known if value is not None)
    values = [float(most(line.values)) for line in drawn for most in (np.nanmin, np.nanmax)]
    values += [limit.value for limit in limits if show_limits]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if unit != "°C":
        low = min(low, 0.0) if unit != "Ω" else low
    low, high = max(low, bounds[0]), min(high, bounds[1])
    room = max(0.06 * (high - low), 0.5)
    headroom = 2.5 * room if show_limits else room  # for the names of states, above the uppermost limit
    return Chart(name, title, unit, drawn, limits, float(low - room), float(max(high, low) + headroom))
