"""Regions of tissue: where one tissue ends and another begins.

A region is painted over those before it. A cell that an edge passes through gets the share of each tissue that a fine
raster of its area, weighted by radius, finds in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.field.grid import Floats, Grid
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

    def holds(self, r_m: Floats, z_m: Floats) -> Floats:
        """1.0 where a point is inside, else 0.0."""
        r_mm, z_mm = r_m * 1e3, z_m * 1e3
        if self.shape in ("sphere", "shell"):
            from_centre_mm = np.hypot(r_mm, z_mm - self.z_mm)
            inside = (from_centre_mm < self.outer_mm) & (from_centre_mm >= self.inner_mm)
        else:
            inside = (z_mm >= self.from_mm) & (z_mm < self.to_mm) & (r_mm < self.outer_mm) & (r_mm >= self.inner_mm)
        return inside.astype(np.float64)

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


def share(region: Region, grid: Grid) -> Floats:
    """Share of each cell's volume inside the region, (nz, nr)."""
    offsets = (np.arange(RASTER) + 0.5) / RASTER
    r = (grid.r_faces_m[:-1, None] + np.diff(grid.r_faces_m)[:, None] * offsets).ravel()
    z = (grid.z_faces_m[:-1, None] + grid.dz_m[:, None] * offsets).ravel()
    inside = region.holds(r[None, :], z[:, None]) * r[None, :]
    whole = np.broadcast_to(r[None, :], inside.shape)

    def pooled(values: Floats) -> Floats:
        return np.asarray(values.reshape(grid.nz, RASTER, grid.nr, RASTER).sum(axis=(1, 3)))

    return np.asarray(pooled(inside) / pooled(np.ascontiguousarray(whole)))
