# ruff: noqa: E501 (prose for a page)
"""`make reduced-vs-field`: the reduced plant held against the field plant over every shipped scenario's geometry."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from evidence.asked import exit_code, nothing
from evidence.network_vs_field import (  # fmt: skip
    Apart,
    Case,
    Tick,
    apart,
    cases,
    driven,
    judge,
    sentinel_of,
    treated,
)
from evidence.page import Page
from rfgen.assemble import assemble
from rfgen.scenario import Scenario
from sim.field.plant import FieldPlant

MODELS = ("network", "reduced", "field")
"""Whose shipped scenarios are compared: all of them."""
DOCS = Path(__file__).parent.parent / "docs"


def on(scenario: Scenario, model: Literal["reduced", "field"]) -> Scenario:
    """The scenario on that plant."""
    return scenario.model_copy(update={"plant": scenario.plant.model_copy(update={"model": model})})


def plant_of(scenario: Scenario) -> FieldPlant:
    """Its plant, cold."""
    plant = assemble(scenario).bench.plant
    assert isinstance(plant, FieldPlant)
    return plant


@dataclass(frozen=True)
class Timed:
    """A plant under a given drive: what it came to, and the processor's time."""

    ticks: list[Tick]
    seconds: float


def timed(scenario: Scenario, history: list[Tick]) -> Timed:
    """The scenario's plant given this history's power, flow and coolant."""
    plant = plant_of(scenario)
    began = time.process_time()
    ticks = driven(plant, history)
    return Timed(ticks, time.process_time() - began)


class Compared(NamedTuple):
    """One geometry."""

    case: Case
    lumps: int
    firmware: tuple[Apart, ...]
    """Of each thermocouple, each plant treated by the firmware."""
    power: tuple[Apart, ...]
    """Both given the power that the firmware gave the field."""
    ohm: float
    """Greatest relative difference in resistance, at the same power."""
    mean_w: tuple[float, float]
    """Reduced, field: while RF was on, under the firmware."""
    off_s: tuple[float, float]
    """Reduced, field: when RF went off for good."""
    real_time: tuple[float, float]
    """Reduced, field: simulated over processor's time, at the same power."""


def compared(case: Case) -> Compared:
    """Reduced and field of a case, each under the firmware, and given the same power."""
    tick_s = case.scenario.device.period_ms * 1e-3
    on_field, on_lumps = on(case.scenario, "field"), on(case.scenario, "reduced")
    field, lumps = treated(on_field), treated(on_lumps)
    whole, quick = timed(on_field, field), timed(on_lumps, field)
    count = range(len(case.scenario.device.thermocouples))
    for_s = len(field) * tick_s

    def on_w(ticks: list[Tick]) -> list[float]:
        return [t.power_w for t in ticks if t.power_w > 0.0] or [0.0]

    def off_s(ticks: list[Tick]) -> float:
        return tick_s * max((n for n, t in enumerate(ticks, 1) if t.power_w > 0.0), default=0)

    return Compared(
        case,
        plant_of(on_lumps).problem.grid.cells,
        tuple(apart(lumps, field, n, tick_s, while_on=True) for n in count),
        tuple(apart(quick.ticks, field, n, tick_s) for n in count),
        max(abs(a.ohm / b.ohm - 1.0) for a, b in zip(quick.ticks, field, strict=True)),
        (sum(on_w(lumps)) / len(on_w(lumps)), sum(on_w(field)) / len(on_w(field))),
        (off_s(lumps), off_s(field)),
        (for_s / quick.seconds, for_s / whole.seconds),
    )


def main() -> int:
    """The page. 1 where a promise is missed."""
    page = Page("The reduced plant against the field plant", "make reduced-vs-field")
    everyone = cases(MODELS)
    shipped = sum(case.others + 1 for case in everyone)
    page.say(
        f"`plant: {{model: reduced}}` is the [field plant](field.md#reduced-to-lumps) on lumps that follow from it. The {shipped} shipped scenarios stand in {len(everyone)} geometries (electrode, anatomy, thermocouples, choices of the field). Of each, one "
        "scenario is run without its faults on both plants, default grid: each under the firmware, and both given the power, tick by tick, that the firmware gave the field. Differences are reduced less field, at the true "
        "temperature of the thermocouple's place, five times a second; *tip* is the control thermocouple."
    )
    found = [compared(case) for case in everyone]
    page.section("Under the same firmware")
    page.say("As long as both have RF on.")
    rows: list[tuple[str, ...]] = []
    for c in found:
        n = sentinel_of(c.case)
        tip, sentinel = c.firmware[0], None if n is None else c.firmware[n]
        rows.append(
            (
                c.case.name + (f" (and {c.case.others} more)" if c.case.others else ""),
                f"{tip.most_c:+.2f} at {tip.at_s:.0f} s",
                f"{tip.rms_c:.2f}",
                "" if sentinel is None else f"{sentinel.most_c:+.2f} at {sentinel.at_s:.0f} s",
                f"{c.mean_w[0]:.2f} / {c.mean_w[1]:.2f}",
                f"{c.off_s[0]:.1f} / {c.off_s[1]:.1f}",
            )
        )
    heads = ("scenario", "tip, °C: furthest", "rms", "sentinel, °C: furthest", "mean W, reduced / field", "RF off, s, reduced / field")  # fmt: skip
    page.table(heads, rows)
    judge(page, "same firmware", [(c.case, c.firmware) for c in found])
    page.section("Given the same power")
    page.say("Nothing holds the tip here, so differences add up; cooling after RF is counted too.")
    rows = []
    for c in found:
        n = sentinel_of(c.case)
        tip, sentinel = c.power[0], None if n is None else c.power[n]
        rows.append(
            (
                c.case.name,
                f"{tip.most_c:+.2f} at {tip.at_s:.0f} s",
                f"{tip.rms_c:.2f}",
                "" if sentinel is None else f"{sentinel.most_c:+.2f} at {sentinel.at_s:.0f} s",
                f"{100.0 * c.ohm:.1f}",
                f"{c.lumps:,}",
                f"{c.real_time[0]:,.0f} / {c.real_time[1]:,.0f}",
            )
        )
    heads = ("scenario", "tip, °C: furthest", "rms", "sentinel, °C: furthest", "resistance, %: furthest", "lumps", "plant alone, x real time, reduced / field")  # fmt: skip
    page.table(heads, rows)
    judge(page, "same power", [(c.case, c.power) for c in found])
    page.section("What it is not for")
    page.say(
        "What boils, boils from the poles' ends outward, and a lump there boils as a whole and late. So where tissue boils for long, resistance is off by most, and, with the power given, so is the tip. Under the firmware the tip is held and the "
        "difference goes into the power. Figures for a lesion's edge, and anything that is to be believed to a tenth of a degree, belong on the field itself."
    )
    page.write(DOCS / "reduced-vs-field.md")
    return 1 if page.missed else 0


if __name__ == "__main__":
    nothing("evidence.reduced_vs_field", __doc__)
    sys.exit(exit_code(main))
