"""A graded grid in (r, z): fine at the electrode's surface and at the ends of its poles, coarse far away.

The width of a cell at a place is the least of what is asked for there. A source at `s` with width `h` asks for
`h + growth * |x - s|`, and past 10 mm for twice that growth. A layer asks for its width throughout, and off its edges
for four times the growth: there heat and current bend, but are not singular. Marks are places where a face must be, so
that a region's edge or the end of a pole is never inside a cell.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Grading:
    """How fine a grid is. `finest_m`: width at a pole's ends and surface; `growth`: rise of width per distance."""

    finest_m: float
    growth: float
    widest_m: float = 5e-3

    def __post_init__(self) -> None:
        if not 1e-5 <= self.finest_m <= 2e-3:
            raise ValueError(f"grid: its finest cell is {self.finest_m * 1e3:g} mm; it must be 0.01 to 2 mm")
        if not 0.01 <= self.growth <= 1.0:
            raise ValueError(f"grid: growth is {self.growth!r}; it must be 0.01 to 1")


def grading_of(finest_mm: float) -> Grading:
    """The grading with this finest cell; its growth follows, so that halving the one about halves all widths."""
    return Grading(finest_mm * 1e-3, min(1.0, GROWTH_PER_MM * finest_mm))


GROWTH_PER_MM = 2.5
FAR_M = 10e-3
LAYER_GROWTH = 4.0
GRADINGS = {"coarse": grading_of(0.12), "default": grading_of(0.06), "fine": grading_of(0.03)}


@dataclass(frozen=True)
class Grid:
    """Faces of a tensor grid. Arrays over cells have the shape (nz, nr), r contiguous."""

    r_faces_m: Floats
    z_faces_m: Floats

    def __post_init__(self) -> None:
        for name, faces in (("r", self.r_faces_m), ("z", self.z_faces_m)):
            if faces.ndim != 1 or faces.size < 4 or not np.all(np.diff(faces) > 0.0):
                raise ValueError(f"grid: its {name} faces must rise, and be 4 or more")
        if self.r_faces_m[0] != 0.0:
            raise ValueError(f"grid: its first r face is {self.r_faces_m[0]!r}; it must be the axis, 0")

    @property
    def nr(self) -> int:
        """Cells across."""
        return self.r_faces_m.size - 1

    @property
    def nz(self) -> int:
        """Cells along."""
        return self.z_faces_m.size - 1

    @property
    def shape(self) -> tuple[int, int]:
        """(nz, nr)."""
        return self.nz, self.nr

    @property
    def cells(self) -> int:
        """How many."""
        return self.nr * self.nz

    @property
    def r_m(self) -> Floats:
        """Middles across."""
        return np.asarray(0.5 * (self.r_faces_m[1:] + self.r_faces_m[:-1]))

    @property
    def z_m(self) -> Floats:
        """Middles along."""
        return np.asarray(0.5 * (self.z_faces_m[1:] + self.z_faces_m[:-1]))

    @cached_property
    def dz_m(self) -> Floats:
        """Lengths along."""
        return np.asarray(np.diff(self.z_faces_m))

    @property
    def ring_m2(self) -> Floats:
        """Area of each cell's face across the axis, by r."""
        return np.asarray(math.pi * np.diff(self.r_faces_m**2))

    @property
    def volume_m3(self) -> Floats:
        """Volume of each cell, (nz, nr)."""
        return np.outer(self.dz_m, self.ring_m2)


def graded_faces(
    start_m: float,
    end_m: float,
    marks_m: list[float],
    sources_m: list[tuple[float, float]],
    layers_m: list[tuple[float, float, float]],
    grading: Grading,
) -> Floats:
    """Faces from start to end, one at each mark, with widths as sources (place, width) and layers (from, to, width)
    ask for.

    Between two marks the faces share out the integral of 1/width evenly, so a grid of half the widths splits each
    cell in about two.
    """
    least_gap_m = 0.2 * grading.finest_m
    kept = [start_m]
    for mark in sorted(marks_m):
        if start_m + least_gap_m < mark < end_m - least_gap_m and mark - kept[-1] > least_gap_m:
            kept.append(mark)
    kept.append(end_m)
    faces = [start_m]
    for left, right in itertools.pairwise(kept):
        at = np.linspace(left, right, 401)
        width = np.full(at.size, grading.widest_m)
        for place, fine in sources_m:
            off = np.abs(at - place)
            width = np.minimum(width, fine + grading.growth * (off + np.maximum(0.0, off - FAR_M)))
        for low, high, fine in layers_m:
            off = np.maximum(0.0, np.maximum(low - at, at - high))
            width = np.minimum(width, fine + LAYER_GROWTH * grading.growth * off)
        density = 1.0 / width
        steps = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(at))])
        count = max(1, math.ceil(float(steps[-1]) - 1e-9))
        inner = np.interp(np.linspace(0.0, float(steps[-1]), count + 1)[1:-1], steps, at)
        faces += [*inner.tolist(), right]
    return np.array(faces)
