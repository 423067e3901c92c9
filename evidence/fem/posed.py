"""A problem round a needle, posed apart from the field plant: what is where, and the lines of a mesh that resolves it.

Lengths in metres, z along the needle with 0 in the middle of its active part, the tip at negative z.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.tissue import TISSUES, VACUUM_PERMITTIVITY_F_M, Tissue

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

OMEGA_RAD_S = 2.0 * math.pi * 480e3


@dataclass(frozen=True, slots=True)
class Layer:
    """One tissue in a shape; a later one covers an earlier. Lengths in mm; infinite where not given."""

    shape: Literal["all", "sphere", "ring", "plane"]
    tissue: Tissue
    from_mm: float = -math.inf
    to_mm: float = math.inf
    reach_mm: float = math.inf
    """Half length of a ring along z; radius of a plane across."""

    def holds(self, r_m: Floats, z_m: Floats) -> Bools:
        """True where a point is in it."""
        r_mm, z_mm = r_m * 1e3, z_m * 1e3
        if self.shape == "all":
            return np.ones(np.broadcast(r_m, z_m).shape, dtype=bool)
        if self.shape == "sphere":
            return np.asarray(np.hypot(r_mm, z_mm) < self.to_mm)
        if self.shape == "ring":
            return np.asarray((r_mm > self.from_mm) & (r_mm < self.to_mm) & (np.abs(z_mm) < self.reach_mm))
        return np.asarray((z_mm > self.from_mm) & (z_mm < self.to_mm) & (r_mm < self.reach_mm))


@dataclass(frozen=True)
class Posed:
    """A needle in tissue. `power_w` is the power in tissue, from time 0 on."""

    name: str
    layers: tuple[Layer, ...]
    power_w: float
    diameter_mm: float = 1.5
    active_mm: float = 10.0
    gap_mm: float = 0.0
    """Above 0: bipolar."""
    far_mm: float = 60.0
    ground: Literal["open", "far"] = "open"
    body_c: float = 37.0
    perfusion_scale: float = 1.0
    conductivity_rise_per_c: float = 0.0
    thermal_rise_per_c: float = 0.0
    pole_w_m_k: float = 15.0
    shaft_w_m_k: float = 7.5
    gap_w_m_k: float = 0.25
    metal_heat_j_m3_k: float = 4.0e6
    film_w_k: float = 0.0
    coolant_c: float = 37.0

    @property
    def bipolar(self) -> bool:
        """Two poles."""
        return self.gap_mm > 0.0

    @property
    def radius_m(self) -> float:
        """Of the needle."""
        return 0.5e-3 * self.diameter_mm

    @property
    def poles_m(self) -> tuple[tuple[float, float], ...]:
        """From and to along z, the distal one first."""
        a, g = self.active_mm * 1e-3, self.gap_mm * 1e-3
        if not self.bipolar:
            return ((-0.5 * a, 0.5 * a),)
        return ((-0.5 * g - a, -0.5 * g), (0.5 * g, 0.5 * g + a))

    @property
    def tip_m(self) -> float:
        """Where the needle ends."""
        return self.poles_m[0][0]

    def in_needle(self, r_m: Floats, z_m: Floats) -> Bools:
        """True inside the needle."""
        return np.asarray((r_m < self.radius_m) & (z_m > self.tip_m))

    def in_poles(self, r_m: Floats, z_m: Floats) -> Bools:
        """True inside the metal of a pole."""
        found = np.zeros(np.broadcast(r_m, z_m).shape, dtype=bool)
        for start, end in self.poles_m:
            found |= (r_m < self.radius_m) & (z_m > start) & (z_m < end)
        return found

    def by_tissue(self, r_m: Floats, z_m: Floats, column: str) -> Floats:
        """A property of the tissue at points; the needle is not cut out."""
        found = np.zeros(np.broadcast(r_m, z_m).shape)
        for layer in self.layers:
            found = np.where(layer.holds(r_m, z_m), getattr(layer.tissue, column), found)
        return found

    def sigma_s_m(self, r_m: Floats, z_m: Floats) -> Floats:
        """Conductivity that makes the resistance of a lossy dielectric, at 37 C."""
        sigma = self.by_tissue(r_m, z_m, "conductivity_s_m")
        omega_eps = OMEGA_RAD_S * VACUUM_PERMITTIVITY_F_M * self.by_tissue(r_m, z_m, "permittivity_rel")
        return np.asarray((sigma**2 + omega_eps**2) / sigma)

    def k_w_m_k(self, r_m: Floats, z_m: Floats) -> Floats:
        """Thermal conductivity at 37 C, metal included."""
        k = self.by_tissue(r_m, z_m, "thermal_conductivity_w_m_k")
        k = np.where(self.in_needle(r_m, z_m), self.shaft_w_m_k, k)
        k = np.where(self.in_poles(r_m, z_m), self.pole_w_m_k, k)
        if self.bipolar:
            middle = (r_m < self.radius_m) & (np.abs(z_m) < 0.5e-3 * self.gap_mm)
            k = np.where(middle, self.gap_w_m_k, k)
        return np.asarray(k)

    def heat_j_m3_k(self, r_m: Floats, z_m: Floats) -> Floats:
        """Heat capacity by volume, metal included."""
        return np.where(
            self.in_needle(r_m, z_m), self.metal_heat_j_m3_k, self.by_tissue(r_m, z_m, "volumetric_heat_j_m3_k")
        )

    def perfusion_w_m3_k(self, r_m: Floats, z_m: Floats) -> Floats:
        """Pennes' sink; none in metal."""
        w = self.by_tissue(r_m, z_m, "perfusion_w_m3_k") * self.perfusion_scale
        return np.where(self.in_needle(r_m, z_m), 0.0, w)

    def film_w_m3_k(self, r_m: Floats, z_m: Floats) -> Floats:
        """The coolant's film, spread over the metal of the poles."""
        volume = math.pi * self.radius_m**2 * sum(end - start for start, end in self.poles_m)
        return np.where(self.in_poles(r_m, z_m), self.film_w_k / volume, 0.0)

    def r_lines_m(self, fineness: float = 1.0) -> Floats:
        """Lines across: geometric from the needle's surface outward."""
        a = self.radius_m
        marks = [0.0, a, self.far_mm * 1e-3]
        for layer in self.layers:
            if layer.shape == "ring":
                marks += [mm * 1e-3 for mm in (layer.from_mm, layer.to_mm) if 0.0 < mm * 1e-3 < marks[2]]
            if layer.shape == "plane" and math.isfinite(layer.reach_mm):
                marks.append(layer.reach_mm * 1e-3)
        return graded_lines(marks, [(a, EDGE_M)], fineness)

    def z_lines_m(self, fineness: float = 1.0) -> Floats:
        """Lines along: geometric to both sides of every end of a pole."""
        far = self.far_mm * 1e-3
        ends = [end for pole in self.poles_m for end in pole]
        marks = [-far, *ends, 0.0, far]
        for layer in self.layers:
            found: tuple[float, ...] = ()
            if layer.shape == "ring" and math.isfinite(layer.reach_mm):
                found = (-layer.reach_mm, layer.reach_mm)
            if layer.shape == "plane":
                found = (layer.from_mm, layer.to_mm)
            marks += [mm * 1e-3 for mm in found if abs(mm * 1e-3) < far]
        return graded_lines(marks, [(end, EDGE_M) for end in ends], fineness)

    def with_power(self, power_w: float) -> Posed:
        """The same with another power."""
        return replace(self, power_w=power_w)


EDGE_M = 4e-6
"""Element next to a singular edge."""
GROWTH = 0.5
"""An element's width per distance from the edge (geometric towards it, as corner singularities ask for)."""
NEAR_M, NEAR_WIDTH_M = 18e-3, 0.9e-3
FAR_GROWTH = 0.25


def graded_lines(
    marks_m: list[float],
    edges_m: list[tuple[float, float]],
    fineness: float,
    growth: float = GROWTH,
    near_width_m: float = NEAR_WIDTH_M,
    near_m: float = NEAR_M,
) -> Floats:
    """Lines through all marks, spaced as the nearest edge asks for."""
    marks = sorted({round(mark, 9) for mark in marks_m})
    lines = [marks[0]]
    for left, right in itertools.pairwise(marks):
        at = np.linspace(left, right, 20001)
        width = np.full(at.size, near_width_m)
        width += FAR_GROWTH * np.maximum(np.abs(at) - near_m, 0.0)
        for place, least in edges_m:
            width = np.minimum(width, least + growth * np.abs(at - place))
        density = fineness / width
        steps = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(at))])
        count = max(2 if growth == GROWTH else 1, math.ceil(steps[-1]))
        lines += np.interp(np.linspace(0.0, steps[-1], count + 1)[1:-1], steps, at).tolist()
        lines.append(right)
    return np.array(lines)


def _named(name: str) -> Tissue:
    return TISSUES[name]


def shells_of_vertebra(wall_mm: float = 12.0, eroded: bool = False) -> tuple[Layer, ...]:
    """Tumour of 12 mm in cancellous bone; a cortical ring of 2 mm, epidural fat of 3 mm, 12 mm of fluid."""
    tumour, bone = _named("lytic_tumour"), _named("cancellous_bone")
    out = [wall_mm, wall_mm + 2.0, wall_mm + 5.0, wall_mm + 17.0]
    layers = [
        Layer("all", bone),
        Layer("sphere", tumour, to_mm=12.0),
        Layer("ring", bone, from_mm=out[3], to_mm=1e4),
        Layer("ring", _named("cortical_bone"), from_mm=out[0], to_mm=out[1]),
        Layer("ring", _named("fat"), from_mm=out[1], to_mm=out[2]),
        Layer("ring", _named("cerebrospinal_fluid"), from_mm=out[2], to_mm=out[3]),
    ]
    if eroded:
        layers.append(Layer("ring", tumour, from_mm=out[0], to_mm=out[1], reach_mm=12.0))
    return tuple(layers)


LIVER = (Layer("all", _named("liver")),)
POSED = {
    "monopolar": Posed("monopolar", LIVER, power_w=5.0),
    "bipolar": Posed("bipolar", LIVER, power_w=8.0, gap_mm=10.0),
    "layered": Posed(
        "layered",
        shells_of_vertebra(),
        power_w=8.0,
        gap_mm=10.0,
        diameter_mm=1.65,
    ),
    "temperature-dependent": Posed(
        "temperature-dependent", LIVER, power_w=5.0, conductivity_rise_per_c=0.018, thermal_rise_per_c=0.002
    ),
}
