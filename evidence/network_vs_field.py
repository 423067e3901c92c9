# ruff: noqa: E501 (prose for a page)
"""`make network-vs-field`: the network plant held against the field plant over the shipped network scenarios."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evidence.asked import exit_code, nothing
from evidence.page import Page
from rfgen.assemble import SimulatedAssembly, anatomy, assemble, electrode
from rfgen.scenario import Scenario, load_scenario, scenario_names
from sim.field.options import FieldOptions, Metal
from sim.field.plant import FieldPlant
from sim.field.sites import point
from sim.network import Site
from sim.plant import NetworkPlant, Plant
from sim.tissue import BODY_C

DOCS = Path(__file__).parent.parent / "docs"
TIP_WITHIN_C, SENTINEL_WITHIN_C = 2.0, 1.0
EVERY_S = 0.2
"""How often temperatures are compared."""


@dataclass(frozen=True)
class Case:
    """A geometry that shipped network scenarios have: one of them without its faults, and how many more have it."""

    name: str
    scenario: Scenario
    others: int


class Tick(NamedTuple):
    """What a plant was given, and what it came to."""

    power_w: float
    flow_ml_min: float
    coolant_c: float
    site_c: tuple[float, ...]
    ohm: float


def cases(models: Sequence[str] = ("network",)) -> list[Case]:
    """Each geometry that shipped scenarios on these plants have, once, by the first without a trip to test."""
    found: dict[object, list[str]] = {}
    for name in scenario_names():
        scenario = load_scenario(name)
        if scenario.plant.model in models:
            found.setdefault((geometry(scenario), scenario.plant.field), []).append(name)
    made = []
    for names in found.values():
        name = next((n for n in names if not n.startswith("trip-")), names[0])
        scenario = load_scenario(name)
        # without its faults, and without what the operator does beside starting
        plain = scenario.model_copy(update={"faults": (), "operator": scenario.operator[:1], "expect": None})
        made.append(Case(name, plain, len(names) - 1))
    return made


def geometry(scenario: Scenario) -> object:
    """What a plant is made from."""
    return electrode(scenario.device), anatomy(scenario.plant), sites_of(scenario)


def sites_of(scenario: Scenario) -> tuple[Site, ...]:
    """Where the thermocouples are."""
    return tuple(Site(t.place, t.offset_mm) for t in scenario.device.thermocouples)


def field_of(scenario: Scenario, options: FieldOptions | None = None) -> FieldPlant:
    """The scenario's geometry as a field, default grid."""
    period_s = scenario.device.period_ms * 1e-3
    return FieldPlant(
        electrode(scenario.device), anatomy(scenario.plant), sites_of(scenario), period_s, options or FieldOptions()
    )


def network_of(scenario: Scenario) -> NetworkPlant:
    """And as a network."""
    period_s = scenario.device.period_ms * 1e-3
    return NetworkPlant(electrode(scenario.device), anatomy(scenario.plant), sites_of(scenario), period_s)


def treated(scenario: Scenario) -> list[Tick]:
    """The treatment under the firmware: what its plant got and came to, tick by tick."""
    assembly: SimulatedAssembly = assemble(scenario)
    plant = assembly.bench.plant
    given: list[Tick] = []
    advance = plant.advance

    def watched(power_w: float, flow_ml_min: float, coolant_c: float) -> Sequence[float]:
        sites = advance(power_w, flow_ml_min, coolant_c)
        given.append(Tick(power_w, flow_ml_min, coolant_c, tuple(sites), plant.resistance_ohm))
        return sites

    assembly.bench.plant = _Watched(plant, watched)
    assembly.session.run()
    return given


class _Watched:
    """A plant whose `advance` is somebody else's."""

    def __init__(self, plant: Plant, advance: Callable[[float, float, float], Sequence[float]]) -> None:
        self._plant = plant
        self.advance = advance

    def __getattr__(self, name: str) -> object:
        return getattr(self._plant, name)


def driven(plant: Plant, history: Sequence[Tick]) -> list[Tick]:
    """Another plant given the same power, flow and coolant."""
    found = []
    for tick in history:
        sites = plant.advance(tick.power_w, tick.flow_ml_min, tick.coolant_c)
        found.append(tick._replace(site_c=tuple(sites), ohm=plant.resistance_ohm))
    return found


class Apart(NamedTuple):
    """How far network and field are apart at a site, network less field, C."""

    most_c: float
    """Where furthest."""
    at_s: float
    last_c: float
    """As RF goes off."""
    rms_c: float
    """Root mean square while RF is on."""
    field_most_c: float
    """What the field came to there."""


def apart(one: Sequence[Tick], other: Sequence[Tick], site: int, tick_s: float, *, while_on: bool = False) -> Apart:
    """Network against field over the time that both have; compared five times a second. `while_on`: up to the last tick
    in which both have RF on; two treatments end seconds apart, and then one is cooling."""
    step = max(1, round(EVERY_S / tick_s))
    count = min(len(one), len(other))
    if while_on:
        count = 1 + max(n for n in range(count) if one[n].power_w > 0.0 and other[n].power_w > 0.0)
    picked = range(0, count, step)
    off = np.array([one[n].site_c[site] - other[n].site_c[site] for n in picked])
    on = np.array([one[n].power_w > 0.0 or other[n].power_w > 0.0 for n in picked])
    most = int(np.abs(off).argmax())
    last = int(np.flatnonzero(on)[-1]) if on.any() else len(off) - 1
    rms_c = math.sqrt(float((off[on] ** 2).mean())) if on.any() else 0.0
    return Apart(
        float(off[most]), picked[most] * tick_s, float(off[last]), rms_c, max(other[n].site_c[site] for n in picked)
    )


class Compared(NamedTuple):
    """One geometry, both ways."""

    case: Case
    power: tuple[Apart, ...]
    """Of each thermocouple, the field given the power that the firmware gave the network."""
    firmware: tuple[Apart, ...]
    """The field treated by the firmware itself."""
    mean_w: tuple[float, float]
    """Network, field: while RF was on, under the firmware."""
    least_ohm: tuple[float, float]


def compared(case: Case) -> Compared:
    """Network and field of a case, given the same power, and each under the firmware."""
    scenario = case.scenario
    tick_s = scenario.device.period_ms * 1e-3
    network = treated(scenario)
    same_power = driven(field_of(scenario), network)
    field = treated(scenario.model_copy(update={"plant": scenario.plant.model_copy(update={"model": "field"})}))
    count = range(len(scenario.device.thermocouples))

    def mean_w(ticks: Sequence[Tick]) -> float:
        return float(np.mean([t.power_w for t in ticks if t.power_w > 0.0] or [0.0]))

    return Compared(
        case,
        tuple(apart(network, same_power, n, tick_s) for n in count),
        tuple(apart(network, field, n, tick_s, while_on=True) for n in count),
        (mean_w(network), mean_w(field)),
        (min(t.ohm for t in network), min(t.ohm for t in field)),
    )


WITHOUT: dict[str, dict[str, object]] = {
    "the field as it is": {},
    "no heat along shaft and gap": {"metal": Metal(shaft_share=0.001, cooled_share=0.001, gap_w_m_k=0.01)},
    "perfusion has no memory": {"perfusion_stops": False},
    "thermal conductivity does not rise": {"thermal_rise_per_c": 0.0},
    "none of the three": {
        "metal": Metal(shaft_share=0.001, cooled_share=0.001, gap_w_m_k=0.01),
        "perfusion_stops": False,
        "thermal_rise_per_c": 0.0,
    },
}
"""What the network leaves out, taken out of the field."""
LOOKED_INTO = ("vertebra-fusion", "bench-self-test", "nerve-lesion", "liver-monopolar")


PLACES = (
    "far end of the distal pole",
    "its middle",
    "its near end",
    "middle of the needle",
    "proximal: near end",
    "middle",
    "far end",
)
"""Of a bipolar needle; a monopolar one's pole in seven places alike."""


def along(plant: FieldPlant) -> list[str]:
    """The surface's temperatures at those places, C."""
    needle = plant.problem.needle
    ends = [end for pole in needle.poles_m for end in pole]
    if len(ends) == 2:
        at = [float(z) for z in np.linspace(ends[0] + 0.3e-3, ends[1] - 0.3e-3, 7)]
    else:
        inside = 0.3e-3
        at = [ends[0] + inside, 0.5 * (ends[0] + ends[1]), ends[1] - inside, 0.0]
        at += [ends[2] + inside, 0.5 * (ends[2] + ends[3]), ends[3] - inside]
    reads = [point(plant.problem, needle.radius_m, z).of(plant.solver.t_c) + BODY_C for z in at]
    return [f"{c:.0f}" for c in reads]


def sentinel_of(case: Case) -> int | None:
    """Its channel; None without one."""
    channels = case.scenario.device.sentinel_channels
    return channels[0] if channels else None


def judge(page: Page, words: str, found: Sequence[tuple[Case, tuple[Apart, ...]]]) -> None:
    """How many geometries keep to the two promises, over what was found by thermocouple; the worst."""
    for within_c, name, ones in (
        (TIP_WITHIN_C, "tip", [each[0] for _, each in found]),
        (SENTINEL_WITHIN_C, "sentinel", [each[n] for case, each in found if (n := sentinel_of(case)) is not None]),
    ):
        near = sum(abs(one.most_c) <= within_c for one in ones)
        worst = max(ones, key=lambda one: abs(one.most_c)).most_c
        said = f"{name} within {within_c:g} °C at all times: {near} of {len(ones)}, worst {worst:+.1f} °C"
        page.verdict(near == len(ones), f"{words}, {said}")


def main() -> int:
    """The page."""
    page = Page("The network plant against the field plant", "make network-vs-field")
    everyone = cases()
    shipped = sum(case.others + 1 for case in everyone)
    page.say(
        f"The {shipped} shipped scenarios on the [network plant](plant.md) stand in {len(everyone)} geometries (electrode, anatomy, thermocouples). Of each, one scenario is run without its "
        "faults on the network, and on the [field plant](field.md), default grid: once given the power, tick by tick, that the firmware gave the network, and once under "
        "the firmware itself. Differences are network less field, at the true temperature of the thermocouple's place; *tip* is the control thermocouple."
    )
    found = [compared(case) for case in everyone]
    page.section("Under the same firmware")
    page.say(
        "As long as both have RF on. The control holds the tip, so what differs at it is ramp, noise and lag; what it takes to hold it differs more."
    )
    rows = []
    for c in found:
        n = sentinel_of(c.case)
        tip, sentinel = c.firmware[0], None if n is None else c.firmware[n]
        rows.append(
            (
                c.case.name + (f" (and {c.case.others} more)" if c.case.others else ""),
                f"{tip.most_c:+.1f} at {tip.at_s:.0f} s",
                f"{tip.rms_c:.1f}",
                "" if sentinel is None else f"{sentinel.most_c:+.1f} at {sentinel.at_s:.0f} s",
                f"{c.mean_w[0]:.1f} / {c.mean_w[1]:.1f}",
                f"{c.least_ohm[0]:.0f} / {c.least_ohm[1]:.0f}",
            )
        )
    page.table(
        ("scenario", "tip, °C: furthest", "rms", "sentinel, °C: furthest", "mean W, network / field", "least Ω"), rows
    )
    judge(page, "same firmware", [(c.case, c.firmware) for c in found])
    page.section("Given the same power")
    rows = []
    for c in found:
        n = sentinel_of(c.case)
        tip, sentinel = c.power[0], None if n is None else c.power[n]
        rows.append(
            (
                c.case.name,
                f"{tip.most_c:+.1f} at {tip.at_s:.0f} s",
                f"{tip.last_c:+.1f}",
                f"{tip.rms_c:.1f}",
                f"{tip.field_most_c:.1f}",
                "" if sentinel is None else f"{sentinel.most_c:+.1f} at {sentinel.at_s:.0f} s",
                "" if sentinel is None else f"{sentinel.field_most_c:.1f}",
            )
        )
    page.table(
        ("scenario", "tip, °C: furthest", "as RF goes off", "rms", "field's highest", "sentinel, °C: furthest", "field's highest"), rows
    )  # fmt: skip
    judge(page, "same power", [(c.case, c.power) for c in found])
    page.section("Where the difference comes from")
    page.say("The same power again, into a field from which was taken what the network leaves out.")
    names = [name for name in LOOKED_INTO if any(c.case.name == name for c in found)]
    histories = {c.case.name: treated(c.case.scenario) for c in found if c.case.name in names}
    rows = []
    for what, changes in WITHOUT.items():
        cells = [what]
        for name in names:
            scenario = load_scenario(name)
            other = driven(field_of(scenario, FieldOptions(**changes)), histories[name])  # type: ignore[arg-type]
            tip = apart(histories[name], other, 0, scenario.device.period_ms * 1e-3)
            cells += [f"{tip.most_c:+.1f} at {tip.at_s:.0f} s", f"{tip.last_c:+.1f}"]
        rows.append(tuple(cells))
    page.table(("tip, °C", *[word for name in names for word in (f"{name}: furthest", "as RF goes off")]), rows)
    page.say(
        "In liver it is blood: in the field it stops where tissue is coagulated, in the network it runs on, and the power that holds the one boils the other dry. In bone and tumour, which have little blood, none of these "
        "brings the two nearer. There it is direction: the network has one temperature for the metal and one for each shell. In the field current crowds at the poles' ends, between two poles above all, and along "
        "one bipolar needle the surface is tens of degrees apart; a thermocouple at the tip, or on the shaft beyond a pole, reads the cool end of that. A monopolar needle's surface is even, and the two agree best "
        "there. This is the needle's surface as RF goes off, at the same power:"
    )
    rows = []
    for name in names:
        scenario = load_scenario(name)
        plant = field_of(scenario)
        driven(plant, histories[name][: 1 + max(n for n, t in enumerate(histories[name]) if t.power_w > 0.0)])
        rows.append((name, *along(plant)))
    page.table(("surface, °C", *PLACES), rows)
    page.section("What follows")
    power = [c.mean_w[1] / c.mean_w[0] for c in found]
    ohm = [c.least_ohm[1] / c.least_ohm[0] for c in found]
    cooled = [p for p, c in zip(power, found, strict=True) if c.case.scenario.device.electrode.cooled]
    page.say(
        f"The network is there to run the firmware fast against a load that behaves. Its least impedance is within {100 * max(max(ohm) - 1.0, 1.0 - min(ohm)):.0f} % of the field's, the power that holds a tip is {min(power):.1f} to {max(power):.1f} "
        f"times as much in the field (at a cooled probe {min(cooled):.1f} to {max(cooled):.1f} times: its thermocouple is on the shaft beyond a pole), and a held tip is held in both. "
        "What it says of a place away from the control thermocouple tests the firmware, and is no temperature to believe."
    )
    page.say(
        "Its elements all follow from geometry and tissue, and none is fitted: no factor on them gives back the spread along the needle. So it stays as it is, and a scenario whose "
        "point is a temperature (the forecast, the canal, the lesion) belongs on the field plant, `plant: {model: field}`, or on lumps that follow from it, `model: reduced`: "
        "[Reduced against field](reduced-vs-field.md) makes the same comparison for those."
    )
    page.say(
        "One sign differs and not only a size. In the network a sentinel behind an eroded wall is hotter than behind a whole one. In the field it is a little cooler "
        "([The Fusion profile near the cord](fusion.md)): tumour in the wall's place carries more heat on, and more blood through."
    )
    page.write(DOCS / "network-vs-field.md")
    return 1 if page.missed else 0


if __name__ == "__main__":
    nothing("evidence.network_vs_field", __doc__)
    sys.exit(exit_code(main))
