"""What was measured, in words and figures a person reads."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from rfgen.record.loader import Run
from rfgen.telling import for_how_long

_MOST_TEXT = 400


class Figure(NamedTuple):
    """One measured quantity, as shown. `leading` ones stand at the head of the page."""

    label: str
    value: str
    unit: str
    leading: bool


def shown(value: object, digits: int = 1) -> str:
    """A number as a person writes it; a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)[:_MOST_TEXT]
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    return f"{value:.{digits}f}"


def plain(value: float) -> str:
    """A number as it was set: no more digits than it has."""
    return f"{value:g}" if math.isfinite(value) else "–"


def unit_text(unit: str) -> str:
    """A unit as printed."""
    return {"C": "°C", "C/s": "°C/s", "ohm": "Ω", "1": ""}.get(unit, unit[:_MOST_TEXT])


def duration(seconds: float) -> str:
    """Seconds below two minutes, else minutes and seconds."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def outcome_text(run: Run, summary: dict[str, Any]) -> str:
    """One line: how the run ended."""
    if summary["outcome"] == "completed":
        return "Completed: every step held for its time"
    if summary["outcome"] == "interrupted":
        return "Interrupted: the recording ends before RF was cut off"
    at = next((state["t_s"] for state in summary["states"] if state["name"] == "CUTOFF"), 0.0)
    if summary["reason"] == "operator_stop":
        return f"Stopped by the operator at {at:.2f} s"
    return f"Cut off by {str(summary['reason'])[:_MOST_TEXT]} at {at:.2f} s"


def figures(run: Run, summary: dict[str, Any]) -> list[Figure]:
    """What was measured."""
    impedance = summary["impedance_ohm"]
    hottest = max((peak for peak in summary["peak_c"].values() if peak is not None), default=None)
    found = [
        Figure("Length of the recording", duration(summary["t_end_s"]), "", False),
        Figure("RF on", duration(summary["rf_on_s"]), "", True),
        Figure("Energy delivered", shown(summary["energy_j"] / 1000.0, 2), "kJ", True),
        Figure("Hottest thermocouple", shown(hottest), "°C", True),
    ]
    found += [Figure(f"Peak, {name[:60]}", shown(peak), "°C", False) for name, peak in summary["peak_c"].items()]
    if "hottest_tissue_c" in summary:
        found.append(Figure("Hottest tissue (true)", shown(summary["hottest_tissue_c"]), "°C", True))
        for name, label in (("control", "Peak at the control junction (true)"), ("sentinel", "Peak, sentinel (true)")):
            if summary["peak_true_c"][name] is not None:
                found.append(Figure(label, shown(summary["peak_true_c"][name]), "°C", False))
    if "sentinel_cem43_min" in summary:
        found.append(Figure("CEM43 at the sentinel (true)", dose(summary["sentinel_cem43_min"]), "min", False))
    found += field_figures(summary.get("field"))
    off = summary["rf_off"]
    if any(off_s is not None for off_s in off.values()):
        for label, key in (("commanded", "commanded_s"), ("read back", "reads_back_s"), ("delivered", "delivered_s")):
            at = "not before the end" if off[key] is None else f"at {off[key]:.2f} s"
            found.append(Figure(f"RF off, {label}", at, "", False))
    found += [
        Figure("Impedance, first", shown(impedance["first"]), "Ω", False),
        Figure("Least impedance", shown(impedance["least"]), "Ω", True),
        Figure("Impedance, last", shown(impedance["last"]), "Ω", False),
        Figure("Ticks", str(summary["ticks"]), "", False),
        Figure("Ticks without a sample", str(int((~run.present).sum())), "", False),
    ]
    return found


def dose(minutes: object) -> str:
    """CEM43 as a person writes it: it spans many powers of ten."""
    if not isinstance(minutes, int | float) or not math.isfinite(minutes):
        return shown(minutes)
    digits = 2 if minutes < 10.0 else 1 if minutes < 100.0 else 0
    return "below 0.01" if minutes < 0.01 else f"{minutes:,.{digits}f}"


def field_figures(field: dict[str, Any] | None) -> list[Figure]:
    """What the field came to: the lesion, and what dura and cord had."""
    if field is None:
        return []
    size = field["lesion"]
    found = [
        Figure("Lesion (Ω ≥ 1), mm", f"{shown(size['width_mm'])} × {shown(size['length_mm'])}", "", True),
        Figure("Volume of the lesion", shown(size["volume_mm3"] / 1000.0, 2), "ml", False),
    ]
    for name in ("dura", "cord"):
        part = field[name]
        if part is not None:
            found.append(Figure(f"Peak, {name} (true)", shown(part["peak_c"]), "°C", name == "cord"))
            found.append(Figure(f"CEM43, {name} (true)", dose(part["cem43_min"]), "min", False))
    return found


class TripView(NamedTuple):
    """One trip, as shown."""

    time: str
    id: str
    read: str
    """What was read, the limit, and for how long."""
    meaning: str
    first: bool
    """It is the reason of a cut-off."""


def trip_rows(run: Run) -> list[TripView]:
    """Every trip of the run."""
    period_s = run.info.period_us / 1e6
    found = []
    for event in run.events:
        if event.kind != "trip":
            continue
        data = event.data
        usually, read, held_s = data.get("usually"), data.get("read"), data.get("held_s")
        said = [str(read)] if read else []
        if isinstance(held_s, int | float) and math.isfinite(held_s):
            said.append(for_how_long(round(held_s * 1e6)))
        found.append(
            TripView(
                f"{event.tick * period_s:.2f}",
                str(data.get("id", ""))[:_MOST_TEXT],
                ", ".join(said)[:_MOST_TEXT],
                (event.text if usually is None else str(usually))[:_MOST_TEXT],
                data.get("first") is True,
            )
        )
    return found
