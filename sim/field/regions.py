"""Regions of tissue: where one tissue ends and another begins.

A region is painted over those before it, on a fine raster of points in every cell; a cell that an edge passes through
has each tissue by its share of the points, weighted by radius.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.field.grid import Floats, Grid, Ints
from sim.tissue import Tissue

Shape = Literal["sphere", "shell", "cylinder", "ring", "plane", "half_space"]

RASTER = 6
"""Points a side in a cell that an edge may pass through."""


@dataclass(frozen=True, slots=True)
class Region:
    """One tissue in one shape. Lengths in mm, from the middle of the electrode's active part.

    sphere: `outer_mm` about `z_mm`; shell: between `inner_mm` and `outer_mm` of such spheres; cylinder: `outer_mm`
    across, from `from_mm` to `to_mm` along; ring: the same between two radii; plane: a layer across the axis, from
    `from_mm` to `to_mm`; half_space: all beyond `from_mm` along.
    """

    shape: Shape
    tissue: Tissue
    outer_mm: float = math.inf
    inner_mm: float = 0.0
    z_mm: float = 0.0
    from_mm: float = -math.inf
    to_mm: float = math.inf
    name: str = ""
    """What it is: target, wall, fat, csf, cord, extension, window; empty for what is only a tissue."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.inner_mm < self.outer_mm:
            raise ValueError(f"region {self.shape}: inner_mm {self.inner_mm!r} is not below outer_mm {self.outer_mm!r}")
        if not self.from_mm < self.to_mm:
            raise ValueError(f"region {self.shape}: from_mm {self.from_mm!r} is not below to_mm {self.to_mm!r}")
        if self.shape in ("sphere", "shell", "cylinder", "ring") and math.isinf(self.outer_mm):
            raise ValueError(f"region {self.shape}: outer_mm is missing; it must be a length above 0")

    def holds(self, r_m: Floats, z_m: Floats) -> Ints:
        """True where a point is inside."""
        r_mm, z_mm = r_m * 1e3, z_m * 1e3
        if self.shape in ("sphere", "shell"):
            from_centre_mm = np.hypot(r_mm, z_mm - self.z_mm)
            inside = (from_centre_mm < self.outer_mm) & (from_centre_mm >= self.inner_mm)
        else:
            inside = (z_mm >= self.from_mm) & (z_mm < self.to_mm) & (r_mm < self.outer_mm) & (r_mm >= self.inner_mm)
        return np.asarray(inside)

    def r_marks_m(self) -> list[float]:
        """Radii where the grid needs a face."""
        if self.shape in ("sphere", "shell"):
            return []
        return [mm * 1e-3 for mm in (self.inner_mm, self.outer_mm) if 0.0 < mm < math.inf]

    def z_marks_m(self) -> list[float]:
        """Heights where the grid needs a face."""
        if self.shape in ("sphere", "shell"):
            return []
        return [mm * 1e-3 for mm in (self.from_mm, self.to_mm) if math.isfinite(mm)]


@dataclass(frozen=True)
class Raster:
    """Which region is where, at RASTER x RASTER points of every cell."""

    numbers: Ints
    """(nz, nr, along, across), by number of the region."""
    cut: Ints
    """(nz, nr): True where a cell holds more than one region."""

    def shares(self, count: int, grid: Grid) -> Floats:
        """Share of each of `count` regions in each cell's volume, (regions, nz, nr)."""
        found: Floats = (self.numbers[None, :, :, 0, 0] == np.arange(count)[:, None, None]).astype(np.float64)
        rows, columns = np.nonzero(self.cut)
        if rows.size:
            weights = points(grid.r_faces_m).reshape(grid.nr, RASTER)[columns]
            blocks = self.numbers[rows, columns]
            for number in range(count):
                inside = ((blocks == number) * weights[:, None, :]).sum(axis=(1, 2))
                found[number, rows, columns] = inside / (RASTER * weights.sum(axis=1))
        return found


def points(faces_m: Floats) -> Floats:
    """RASTER points in every cell between these faces."""
    offsets = (np.arange(RASTER) + 0.5) / RASTER
    return np.asarray((faces_m[:-1, None] + np.diff(faces_m)[:, None] * offsets).ravel())


def painted(regions: tuple[Region, ...], grid: Grid) -> Raster:
    """The regions on a grid; later ones cover earlier ones.

    Raises ValueError where a point is in no region.
    """
    r, z = points(grid.r_faces_m)[None, :], points(grid.z_faces_m)[:, None]
    numbers = np.full((z.size, r.size), -1, dtype=np.int16)
    for number, region in enumerate(regions):
        numbers[region.holds(r, z)] = number
    if int(numbers.min()) < 0:
        raise ValueError("field: the regions leave a part of space without tissue")
    cells = np.ascontiguousarray(numbers.reshape(grid.nz, RASTER, grid.nr, RASTER).transpose(0, 2, 1, 3))
    return Raster(cells, (cells != cells[:, :, :1, :1]).any(axis=(2, 3)))
