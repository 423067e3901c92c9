"""Where a thermocouple is in the field, and which cells it reads.

Between the middles of two cells temperature is taken linear in thermal resistance, so that a site next to metal or
bone is right on either side of the boundary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.field.grid import Floats, Ints
from sim.field.problem import DISTAL, Problem
from sim.network import Site

BEAD_MM = 1.0
"""Length of metal that the thermocouple in the tip reads, from the distal end (assumed)."""


@dataclass(frozen=True)
class Reading:
    """A weighted mean of cells. `cells` index the flattened (nz, nr) arrays."""

    cells: Ints
    weights: Floats

    def __deepcopy__(self, memo: dict[int, object]) -> Reading:
        return self

    def of(self, values: Floats) -> float:
        """The mean of an array over cells."""
        return float(np.add.reduce(values.take(self.cells) * self.weights))

    def per(self, values: Floats, by: Floats) -> float:
        """The mean of one array over another."""
        return float(np.add.reduce(values.take(self.cells) / by.take(self.cells) * self.weights))


def point(problem: Problem, r_m: float, z_m: float, size_m: float = 0.0) -> Reading:
    """The temperature at a point, or its mean over a bead of `size_m` along z.

    Raises ValueError where it lies outside the grid.
    """
    grid = problem.grid
    if not (0.0 <= r_m <= grid.r_faces_m[-1] and grid.z_faces_m[0] <= z_m <= grid.z_faces_m[-1]):
        raise ValueError(
            f"field: a probe at r {r_m * 1e3:g} mm, z {z_m * 1e3:g} mm lies beyond the far boundary "
            f"({grid.r_faces_m[-1] * 1e3:g} mm)"
        )
    at = [z_m] if size_m == 0.0 else [z_m - size_m / 3.0, z_m, z_m + size_m / 3.0]
    found: dict[int, float] = {}
    for z in at:
        for j, row_weight in _along(problem, r_m, z):
            for i, weight in _across(problem, j, r_m):
                cell = j * grid.nr + i
                found[cell] = found.get(cell, 0.0) + row_weight * weight / len(at)
    return Reading(np.array(list(found), dtype=np.int64), np.array(list(found.values())))


def _across(problem: Problem, j: int, r_m: float) -> list[tuple[int, float]]:
    r = problem.grid.r_m
    i = int(np.searchsorted(r, r_m)) - 1
    if i < 0:
        return [(0, 1.0)]
    if i >= r.size - 1:
        return [(r.size - 1, 1.0)]
    k = problem.k_w_m_k[j]
    face = float(problem.grid.r_faces_m[i + 1])
    inner, outer = problem.r_out[i] / k[i], problem.r_in[i + 1] / k[i + 1]
    if r_m <= face:
        part = math.log(r_m / r[i]) / (2.0 * math.pi * k[i])
    else:
        part = inner + math.log(r_m / face) / (2.0 * math.pi * k[i + 1])
    share = float(part / (inner + outer))
    return [(i, 1.0 - share), (i + 1, share)]


def _along(problem: Problem, r_m: float, z_m: float) -> list[tuple[int, float]]:
    grid = problem.grid
    z = grid.z_m
    j = int(np.searchsorted(z, z_m)) - 1
    if j < 0:
        return [(0, 1.0)]
    if j >= z.size - 1:
        return [(z.size - 1, 1.0)]
    i = min(int(np.searchsorted(grid.r_faces_m, r_m, side="right")) - 1, grid.nr - 1)
    k_low, k_high = problem.k_w_m_k[j, i], problem.k_w_m_k[j + 1, i]
    face = float(grid.z_faces_m[j + 1])
    low, high = (face - z[j]) / k_low, (z[j + 1] - face) / k_high
    part = (z_m - z[j]) / k_low if z_m <= face else low + (z_m - face) / k_high
    share = float(part / (low + high))
    return [(j, 1.0 - share), (j + 1, share)]


def reading_of(problem: Problem, site: Site) -> Reading:
    """The cells that a thermocouple site of the bench reads.

    electrode: metal at the tip; shaft: the needle's surface, `offset_mm` from its middle towards the handle; tissue:
    off the axis in the middle; posterior_wall: beyond the wall's outer face.
    """
    grid, needle = problem.grid, problem.needle
    if site.place == "electrode":
        bead_m = min(BEAD_MM * 1e-3 + needle.cone_m, 0.5 * problem.electrode.active_length_mm * 1e-3)
        metal = (problem.kind == DISTAL) & (grid.z_m[:, None] < needle.tip_m + bead_m)
        cells = np.flatnonzero(metal.ravel())
        weights = grid.volume_m3.ravel()[cells]
        return Reading(cells, weights / weights.sum())
    if site.place == "shaft":
        return point(problem, needle.radius_m, site.offset_mm * 1e-3)
    if site.place == "tissue":
        return point(problem, max(site.offset_mm * 1e-3, needle.radius_m), 0.0)
    if site.place == "posterior_wall":
        wall = problem.anatomy.wall
        if wall is None:
            raise ValueError("a thermocouple behind the posterior wall needs a wall in the plant")
        out_m = (wall.distance_mm + wall.thickness_mm + site.offset_mm) * 1e-3
        return point(problem, out_m, 0.0) if problem.options.wall_shape == "ring" else point(problem, 0.0, -out_m)
    raise ValueError(f"thermocouple place {site.place!r}: use electrode, shaft, tissue or posterior_wall")
