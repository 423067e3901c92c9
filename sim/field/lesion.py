"""Size of a zone: width across, length along and volume of what is at or above a level.

Between the middles of two cells a value is taken as linear, so a zone grows smoothly and not cell by cell. A width is
twice the furthest radius, a length is measured along z where the zone is longest, needle included, as a pathologist
measures; the volume is tissue alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.field.grid import Floats
from sim.field.problem import Problem

LEAST = 1e-30
"""Damage below this counts as none."""


class Zone(NamedTuple):
    """Width and length in mm, volume in mm3; all 0 where nothing reaches the level."""

    width_mm: float
    length_mm: float
    volume_mm3: float


def zone(problem: Problem, values: Floats, level: float, *, logarithmic: bool = False) -> Zone:
    """The zone where `values` (nz, nr) are at or above `level`. `logarithmic`: interpolate between logarithms, right
    for damage, which changes by orders of magnitude from cell to cell.

    Raises ValueError for a level that is not finite, or not above 0 where `logarithmic`.
    """
    if not math.isfinite(level) or (logarithmic and level <= 0.0):
        raise ValueError(f"field: a zone's level is {level!r}; it must be finite{' and above 0' * logarithmic}")
    over = np.log(np.maximum(values, LEAST)) - math.log(level) if logarithmic else values - level
    if not np.any(over >= 0.0):
        return Zone(0.0, 0.0, 0.0)
    grid = problem.grid
    r, z, faces = grid.r_m, grid.z_m, grid.r_faces_m
    widest_m = 0.0
    area_m2 = np.zeros(grid.nz)
    for j in range(grid.nz):
        for start, end in _spans(over[j], r, 0.0, float(faces[-1])):
            widest_m = max(widest_m, end)
            area_m2[j] += math.pi * (end**2 - start**2)
    needle_m2 = np.where(problem.tissue, 0.0, grid.ring_m2[None, :] * (over >= 0.0)).sum(axis=1)
    length_m = 0.0
    for i in range(grid.nr):
        spans = _spans(over[:, i], z, float(grid.z_faces_m[0]), float(grid.z_faces_m[-1]))
        if spans:
            length_m = max(length_m, spans[-1][1] - spans[0][0])
    volume_m3 = float(np.maximum(area_m2 - needle_m2, 0.0) @ grid.dz_m)
    return Zone(2e3 * widest_m, 1e3 * length_m, 1e9 * volume_m3)


def _spans(over: Floats, at: Floats, first: float, last: float) -> list[tuple[float, float]]:
    """From and to of each run of values at or above 0, ends interpolated."""
    inside = over >= 0.0
    if not inside.any():
        return []
    change = np.flatnonzero(inside[1:] != inside[:-1])
    crossings = at[change] + (at[change + 1] - at[change]) * over[change] / (over[change] - over[change + 1])
    edges = crossings.tolist()
    if inside[0]:
        edges.insert(0, first)
    if inside[-1]:
        edges.append(last)
    return list(zip(edges[::2], edges[1::2], strict=True))
