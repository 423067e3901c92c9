# ruff: noqa: E501 (prose for a page)
"""A wall on one side of the needle, in three dimensions, against the ring and the plane that the field plant makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evidence.fem.solid import LAYERS_MM, Solid, Vertebra
from evidence.page import Page
from sim.field.options import FieldOptions
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy, Wall
from sim.tissue import BODY_C

POSED = Vertebra(wall_mm=7.0, target_mm=10.0)
POWER_W, END_S, STEP_S = 5.0, 120.0, 3.0
TIMES_S = (60.0, 120.0)
MOST_C = 1.0
"""How far the ring may be from the wall on one side, at sentinel and cord, at either time."""
PLACES_MM = {
    "tissue, 4 mm from the axis": 4.0,
    "sentinel, 1 mm behind the wall": POSED.wall_mm + LAYERS_MM[0] + 1.0,
    "dura": POSED.wall_mm + sum(LAYERS_MM[:2]),
    "cord": POSED.wall_mm + sum(LAYERS_MM[:3]),
}


class Courses(NamedTuple):
    """Temperatures by (time, place), Celsius."""

    wall: np.ndarray
    ring: np.ndarray
    unknowns: int
    wall_ohm: float
    ring_ohm: float


def solids(posed: Vertebra = POSED, fineness: float = 1.0, sectors: int = 12) -> Courses:
    """Finite elements in three dimensions, the wall on one side and all round."""
    found, ohms, size = [], [], 0
    for ring in (False, True):
        solid = Solid(replace(posed, ring=ring), fineness, sectors)
        course = solid.heated(POWER_W, END_S, STEP_S, [(mm, 0.0, 0.0) for mm in PLACES_MM.values()])
        found.append(BODY_C + np.array([course[round(t / STEP_S) - 1] for t in TIMES_S]))
        ohms.append(solid.ohm)
        size = solid.size
    return Courses(found[0], found[1], size, ohms[0], ohms[1])


def plant(shape: str, posed: Vertebra = POSED) -> tuple[np.ndarray, float]:
    """(temperatures by (time, place), resistance) of the field plant; a plane lies as far from the tip as the wall on
    one side from the needle's surface."""
    shift_mm = -posed.ends_mm[0] - posed.radius_mm if shape == "plane" else 0.0
    options = FieldOptions(
        wall_shape=shape,  # type: ignore[arg-type]
        boils=False,
        perfusion_stops=False,
        conductivity_rise_per_c=0.0,
        thermal_rise_per_c=0.0,
    )
    electrode = Electrode("bipolar", 2.0 * posed.radius_mm, posed.pole_mm, posed.gap_mm, lead_ohm=0.0)
    anatomy = Anatomy(target_radius_mm=posed.target_mm, wall=Wall(posed.wall_mm + shift_mm, eroded=posed.eroded))
    probes = tuple(
        (0.0, -(mm + shift_mm)) if shape == "plane" and mm > posed.wall_mm else (mm, 0.0) for mm in PLACES_MM.values()
    )
    s = Study(electrode, anatomy, options, probes_mm=probes)
    found = []
    for time_s in TIMES_S:
        s.advance(time_s - s.time_s, power_w=POWER_W)
        found.append(s.probe_c)
    return np.array(found), s.resistance_ohm


def section(page: Page) -> None:
    """The bound on what lies beside the needle."""
    page.section("A wall beside the needle: three dimensions against ring and plane")
    three = solids()
    ring, ring_ohm = plant("ring")
    plane, _ = plant("plane")
    page.say(
        f"A bipolar needle of {2 * POSED.radius_mm:g} mm (poles of {POSED.pole_mm:g} mm, {POSED.gap_mm:g} mm apart) in a tumour of {POSED.target_mm:g} mm radius; the posterior wall {POSED.wall_mm:g} mm from its axis, "
        f"lysed over a window of the tumour's radius; behind it fat, fluid and cord of {', '.join(f'{mm:g}' for mm in LAYERS_MM[1:4])} mm; {POWER_W:g} W, constant properties. In three dimensions the wall and what is behind it "
        f"lie on one side, in flat layers, and the window is round. Trilinear elements, {three.unknowns} unknowns over half of space (scikit-fem); temperatures at {TIMES_S[0]:g} and {TIMES_S[1]:g} s. The plane lies ahead of the tip, "
        "as far from it as the wall from the needle's surface."
    )
    page.table(
        ("where", "wall on one side, 3-D", "ring, 3-D", "ring, plant", "plane, plant"),
        [
            (name, *(f"{c[0, i]:.2f} / {c[1, i]:.2f}" for c in (three.wall, three.ring, ring, plane)))
            for i, name in enumerate(PLACES_MM)
        ],
    )
    shape_c = three.ring - three.wall
    at = [list(PLACES_MM).index(name) for name in ("sentinel, 1 mm behind the wall", "cord")]
    page.say(
        f"What the ring's shape alone does (3-D ring less 3-D wall, {TIMES_S[1]:g} s): {shape_c[1, at[0]]:+.2f} C at the sentinel, {shape_c[1, at[1]]:+.2f} C at the cord, {shape_c[1, 0]:+.2f} C in the tissue. The ring is the warm side to be wrong on: "
        f"bone, fat and fluid all round hold back both current and heat. Its resistance is {100 * (three.ring_ohm / three.wall_ohm - 1):+.1f} %. The plane is another case, not a substitute: a needle heats sideways and little ahead, so a wall beside "
        f"it posed as a plane ahead would read {plane[1, at[0]] - three.wall[1, at[0]]:+.1f} C at the sentinel. "
        f"The elements themselves, on the same ring, differ from the plant by at most {float(np.abs(three.ring - ring)[:, at].max()):.2f} C at sentinel and cord, and by {100 * (three.ring_ohm / ring_ohm - 1):+.1f} % in resistance: their mesh is coarse at the "
        "poles' ends, and the sphere and the layers pass through elements."
    )
    worst = float(np.abs(ring - three.wall)[:, at].max())
    page.verdict(
        worst <= MOST_C, f"ring: sentinel and cord within {MOST_C:g} C of a wall on one side in 3-D: {worst:.2f} C"
    )
