"""`rfgen plant`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rfgen.assemble import study
from rfgen.cli import OK
from rfgen.commands.output import say, target
from rfgen.interruption import Interruption
from rfgen.record.jsonsafe import to_json
from rfgen.record.summary import write_whole
from rfgen.scenario import load_scenario
from rfgen.yamlsource import InputError, Problem
from sim.network import Site

if TYPE_CHECKING:
    from sim.field.study import Study

ROWS = 12
"""Lines of the table on a screen; JSON has a hundred."""
SERIES = 100
GRIDS = ("fine", "default", "coarse", "reduced")


def plant(
    source: str,
    power_w: float | None,
    tip_c: float | None,
    for_s: float,
    probes: tuple[str, ...],
    grid: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Drives it, prints what came of it, draws the end."""
    if (power_w is None) == (tip_c is None):
        raise _wrong("--power", "", "and --tip-temperature: one of the two is needed", "give `--power 5`, say")
    places = tuple(_place(text) for text in probes)
    scenario = load_scenario(source)
    drawn = target(Path(f"{Path(source).stem}-field.svg") if out is None else out)
    # an interrupt that comes while a kernel is loaded would be lost in a callback of the compiler's
    with Interruption() as interruption:
        try:
            on = study(scenario, None if grid is None else _grid(grid), places)
        except ValueError as error:
            raise InputError([Problem(source, None, None, "plant", "", str(error), "")]) from None
        if for_s < on.tick_s:
            raise _wrong("--for", f"{for_s:g}", "s is less than the plant's step", f"give {on.tick_s:g} or more")
        rows = [_row(on)]
        ends = [for_s * n / SERIES for n in range(1, SERIES + 1)]
        for end_s in ends:
            if interruption.asked:
                raise KeyboardInterrupt
            more_s = end_s - on.time_s
            if round(more_s / on.tick_s) >= 1:
                on.advance(more_s, power_w=power_w, tip_c=tip_c, most_w=scenario.device.stage.max_power_w)
                rows.append(_row(on))
    if interruption.asked:
        raise KeyboardInterrupt
    found = _figures(on, rows, places)
    from rfgen.fieldwatch import Watched, figures_of, freeze, view_of
    from rfgen.report.fieldpicture import field_picture

    drive = f"{power_w:g} W" if power_w is not None else f"tip at {tip_c:g} °C"
    title = f"{Path(source).stem}: {drive} for {on.time_s:.6g} s, field plant, SIMULATED"
    tip = scenario.device.thermocouples[scenario.device.electrode_channels[0]]
    view = view_of(
        on.problem,
        freeze(on.plant, on.time_s),
        "end",
        [Watched(tip.name, Site(tip.place, tip.offset_mm))],
        figures_of(on.plant, None),
        places,
    )
    write_whole(drawn, field_picture([view], title))
    if as_json:
        say(to_json({"scenario": source, "simulated": True, **found, "picture": str(drawn)}))
    else:
        say(_text(title, on, found, places))
        say(f"  picture     {drawn}")
    return OK


def _wrong(field: str, value: str, message: str, remedy: str) -> InputError:
    return InputError([Problem(field, None, None, "", value, message, remedy)])


def _place(text: str) -> tuple[float, float]:
    try:
        r_mm, z_mm = (float(part) for part in text.split(","))
    except ValueError:
        raise _wrong("--probe", repr(text), "is no place", "give R,Z in mm, as `--probe 5,0`") from None
    if not (0.0 <= r_mm < math.inf and math.isfinite(z_mm)):
        raise _wrong("--probe", repr(text), "is no place", "R is 0 or more, and both are finite")
    return r_mm, z_mm


def _grid(text: str) -> str | float:
    if text in GRIDS:
        return text
    try:
        finest_mm = float(text)
    except ValueError:
        finest_mm = math.nan
    if not 0.01 <= finest_mm <= 2.0:
        said = f"give {', '.join(GRIDS)}, or its finest cell, 0.01 to 2 mm"
        raise _wrong("--grid", repr(text), "is no grid", said)
    return finest_mm


def _row(on: Study) -> dict[str, Any]:
    return {
        "t_s": round(on.time_s, 6),
        "power_w": on.last.power_w,
        "voltage_v": on.last.voltage_v,
        "impedance_ohm": on.impedance_ohm,
        "tip_c": on.tip_c,
        "hottest_c": on.hottest_c,
        "probe_c": list(on.probe_c),
    }


def _figures(on: Study, rows: list[dict[str, Any]], places: tuple[tuple[float, float], ...]) -> dict[str, Any]:
    ledger = on.ledger
    cells = on.problem.grid
    return {
        "probes_mm": [list(place) for place in places],
        "grid": {
            "cells": cells.cells,
            "across": cells.nr,
            "along": cells.nz,
            "steps": on.solver.steps,
            "electric_solves": on.solver.current.solves,
        },
        "series": rows,
        "peak_c": float(on.peak_c[on.problem.tissue].max()),
        "cord_and_dura_c": on.solver.spared_c,
        "energy_j": {**ledger._asdict(), "out_j": ledger.out_j, "relative_error": ledger.error},
        "lesion": {
            "omega_1": on.lesion(omega=1.0)._asdict(),
            "cem43_240_min": on.lesion(cem43=240.0)._asdict(),
            **{f"isotherm_{level:g}_c": on.lesion(level)._asdict() for level in (45.0, 50.0, 60.0)},
        },
    }


def _text(title: str, on: Study, found: dict[str, Any], places: tuple[tuple[float, float], ...]) -> str:
    head = "     t s     W   ohm  tip °C  hottest" + "".join(f"  {r:g},{z:g}".rjust(9) for r, z in places)
    rows = found["series"]
    kept = rows[:: max(1, len(rows) // ROWS)]
    if kept[-1] is not rows[-1]:
        kept.append(rows[-1])
    lines = [title, "", head]
    for row in kept:
        line = f"{row['t_s']:8.1f}{row['power_w']:6.2f}{row['impedance_ohm']:6.0f}"
        line += f"{row['tip_c']:8.1f}{row['hottest_c']:9.1f}"
        lines.append(line + "".join(f"{value:9.2f}" for value in row["probe_c"]))
    heat = found["energy_j"]
    lines += [
        "",
        f"  in          {heat['in_j']:.1f} J",
        f"  stored      {heat['stored_j']:.1f} J",
        f"  out         {heat['out_j']:.1f} J: blood {heat['blood_j']:.1f}, coolant {heat['coolant_j']:.1f}, "
        f"far {heat['boundary_j']:.1f}, leads and return {heat['leads_j']:.1f}",
        f"  balance     in = stored + out to {heat['relative_error']:.1e}",
        f"  peak        {found['peak_c']:.1f} °C anywhere in the tissue, at any time",
    ]
    if not math.isnan(found["cord_and_dura_c"]):
        lines.append(f"  cord, dura  {found['cord_and_dura_c']:.1f} °C at their hottest point, at the end")
    for name, words in (("omega_1", "Ω ≥ 1"), ("isotherm_60_c", "60 °C"), ("isotherm_50_c", "50 °C")):
        size = found["lesion"][name]
        lines.append(
            f"  lesion      {words:<6} {size['width_mm']:.1f} mm wide, {size['length_mm']:.1f} mm long, "
            f"{size['volume_mm3'] / 1000.0:.2f} ml"
        )
    grid = found["grid"]
    lines.append(
        f"  grid        {grid['cells']:,} cells, {grid['steps']} steps, {grid['electric_solves']} electric solves"
    )
    return "\n".join(lines)
