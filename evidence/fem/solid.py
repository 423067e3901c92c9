"""Finite elements in three dimensions: a needle beside a wall that lies on one side of it.

Trilinear hexahedra in rings round the needle, over half of space (the plane through the needle across the wall is one
of symmetry). What lies where is asked at the quadrature points, so that the wall need not follow the mesh. Constant
properties: what is compared is geometry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import splu
from skfem import Basis, BilinearForm, ElementHex1, LinearForm, MeshHex, asm
from skfem.helpers import dot, grad

from evidence.fem.posed import OMEGA_RAD_S, graded_lines
from sim.tissue import TISSUES, VACUUM_PERMITTIVITY_F_M, Tissue

Floats = npt.NDArray[np.float64]
Which = Callable[[Floats, Floats, Floats], Floats]
"""Number of the tissue at points (x, y, z), mm."""

BORE_M = 0.1e-3
"""A hole along the axis, insulated, so that no element ends in an edge: 1 % of the needle's cross-section."""
TISSUE_NAMES = ("cancellous_bone", "lytic_tumour", "cortical_bone", "fat", "cerebrospinal_fluid", "spinal_cord")
BONE, TUMOUR, CORTEX, FAT, FLUID, CORD = range(6)
LAYERS_MM = (2.0, 3.0, 2.0, 8.0, 2.0)
"""Wall, fat, fluid, cord, fluid."""
LAYER_TISSUES = (CORTEX, FAT, FLUID, CORD, FLUID)


@BilinearForm  # type: ignore[untyped-decorator]
def stiffness(u: Any, v: Any, w: Any) -> Any:
    """k grad u . grad v."""
    return w["k"] * dot(grad(u), grad(v))


@BilinearForm  # type: ignore[untyped-decorator]
def mass(u: Any, v: Any, w: Any) -> Any:
    """c u v."""
    return w["c"] * u * v


@LinearForm  # type: ignore[untyped-decorator]
def load(v: Any, w: Any) -> Any:
    """q v."""
    return w["q"] * v


@dataclass(frozen=True)
class Vertebra:
    """Bipolar needle in a tumour, canal at `wall_mm`: on one side, or all round as the field plant's ring has it."""

    wall_mm: float = 12.0
    target_mm: float = 12.0
    eroded: bool = True
    ring: bool = False
    radius_mm: float = 0.9
    pole_mm: float = 7.0
    gap_mm: float = 4.0
    far_mm: float = 60.0

    @property
    def ends_mm(self) -> tuple[float, float, float, float]:
        """Of the poles, the tip first."""
        half = 0.5 * self.gap_mm
        return -half - self.pole_mm, -half, half, half + self.pole_mm

    def which(self, x_mm: Floats, y_mm: Floats, z_mm: Floats) -> Floats:
        """Number of the tissue; the needle is not cut out."""
        off = np.hypot(x_mm, y_mm) if self.ring else x_mm
        found = np.where(np.sqrt(x_mm**2 + y_mm**2 + z_mm**2) < self.target_mm, TUMOUR, BONE)
        found = np.where(off >= self.wall_mm, BONE, found)
        at = self.wall_mm
        for thick, tissue in zip(LAYERS_MM, LAYER_TISSUES, strict=True):
            layer = (off >= at) & (off < at + thick)
            if tissue == CORTEX and self.eroded:
                across = np.abs(z_mm) if self.ring else np.hypot(y_mm, z_mm)
                found = np.where(layer, np.where(across < self.target_mm, TUMOUR, CORTEX), found)
            else:
                found = np.where(layer, tissue, found)
            at += thick
        return np.asarray(found)


class Solid:
    """The mesh and its matrices."""

    def __init__(self, posed: Vertebra, fineness: float = 1.0, sectors: int = 12) -> None:
        self.posed = posed
        a, far = posed.radius_mm * 1e-3, posed.far_mm * 1e-3
        ends = [mm * 1e-3 for mm in posed.ends_mm]
        marks = np.cumsum([posed.wall_mm, *LAYERS_MM]) * 1e-3
        r = _coarse([BORE_M, a, *marks.tolist(), far], [a], fineness)
        z = _coarse([-far, *ends, 0.0, far], ends, fineness)
        # sectors crowd towards the wall
        theta = math.pi * np.linspace(0.0, 1.0, sectors + 1) ** 1.3
        flat = MeshHex.init_tensor(r, theta, z)
        p = flat.p.copy()
        p[0], p[1] = flat.p[0] * np.cos(flat.p[1]), flat.p[0] * np.sin(flat.p[1])
        self.mesh = MeshHex(p, flat.t)
        self.basis = Basis(self.mesh, ElementHex1(), intorder=4)
        at = np.asarray(self.basis.global_coordinates()) * 1e3
        middle = flat.p[:, flat.t].mean(axis=1) * 1e3
        tip, _, _, top = posed.ends_mm
        needle = (middle[0] < posed.radius_mm) & (middle[2] > tip)
        metal = needle & (middle[2] < top) & (np.abs(middle[2]) > 0.5 * posed.gap_mm)
        gap = needle & (np.abs(middle[2]) < 0.5 * posed.gap_mm)
        number = posed.which(at[0], at[1], at[2])

        def column(of: Callable[[Tissue], float]) -> Floats:
            return np.array([of(TISSUES[name]) for name in TISSUE_NAMES])[number]

        def effective(t: Tissue) -> float:
            tan = OMEGA_RAD_S * VACUUM_PERMITTIVITY_F_M * t.permittivity_rel / t.conductivity_s_m
            return t.conductivity_s_m * (1.0 + tan * tan)

        self.tissue = ~needle
        self.sigma = column(effective)
        k = column(lambda t: t.thermal_conductivity_w_m_k)
        k[needle] = 7.5
        k[metal], k[gap] = 15.0, 0.25
        c = column(lambda t: t.volumetric_heat_j_m3_k)
        c[needle] = 4.0e6
        w = column(lambda t: t.perfusion_w_m3_k)
        w[needle] = 0.0
        self._stiff = sp.csr_matrix(asm(stiffness, self.basis, k=k) + asm(mass, self.basis, c=w))
        self._store = sp.csr_matrix(asm(mass, self.basis, c=c))
        x = np.asarray(flat.p) * 1e3
        tiny = 1e-6
        self.ohm = math.nan
        self._far = (x[0] > posed.far_mm - tiny) | (np.abs(x[2]) > posed.far_mm - tiny)
        on = x[0] < posed.radius_mm + tiny
        self._low = on & (x[2] > posed.ends_mm[0] - tiny) & (x[2] < posed.ends_mm[1] + tiny)
        self._high = on & (x[2] > posed.ends_mm[2] - tiny) & (x[2] < posed.ends_mm[3] + tiny)

    @property
    def size(self) -> int:
        """Unknowns."""
        return int(self.basis.N)

    def electric(self) -> Floats:
        """Heat by volume at the quadrature points for 1 W in all of space; notes the resistance in `ohm`."""
        elements = np.flatnonzero(self.tissue)
        part = Basis(self.mesh, ElementHex1(), intorder=4, elements=elements)
        matrix = sp.csr_matrix(asm(stiffness, part, k=self.sigma[elements]))
        phi = np.where(self._low, 0.5, np.where(self._high, -0.5, 0.0))
        touched = np.zeros(self.size, dtype=bool)
        touched[np.unique(self.basis.element_dofs[:, elements])] = True
        free = np.flatnonzero(touched & ~self._low & ~self._high)
        inner = matrix[free][:, free]
        right = -(matrix @ phi)[free]
        phi[free] = _factors(inner).solve(right)
        # half of space carries half of the current
        siemens = 2.0 * float(phi @ (matrix @ phi))
        self.ohm = 1.0 / siemens
        gradient = np.asarray(self.basis.interpolate(phi).grad)
        joule = self.sigma * (gradient**2).sum(axis=0) / siemens
        joule[~self.tissue] = 0.0
        return np.asarray(joule)

    def heated(
        self, power_w: float, end_s: float, step_s: float, points_mm: list[tuple[float, float, float]]
    ) -> Floats:
        """Temperatures above the start at points, (times, points), every step, by backward differences of order 2."""
        joule = self.electric()
        right = power_w * np.asarray(asm(load, self.basis, q=joule))
        free = np.flatnonzero(~self._far)
        stiff, store = self._stiff[free][:, free], self._store[free][:, free]
        right = right[free]
        before, now = np.zeros(free.size), np.zeros(free.size)
        read = self.basis.probes(np.array(points_mm, dtype=np.float64).T * 1e-3)
        read = sp.csr_matrix(read)[:, free]
        found = []
        for number in range(round(end_s / step_s)):
            lead, old = (1.0, now) if number == 0 else (1.5, 2.0 * now - 0.5 * before)
            if number < 2:
                system = sp.csr_matrix(lead / step_s * store + stiff)
                factors = _factors(system)
            fresh = factors.solve(store @ old / step_s + right)
            before, now = now, fresh
            found.append(np.asarray(read @ now))
        return np.array(found)


def _coarse(marks_m: list[float], edges_m: list[float], fineness: float) -> Floats:
    """Lines through all marks: 0.12 mm at an edge, growing by a third of the distance, at most 1.2 mm out to 30 mm."""
    return graded_lines(marks_m, [(edge, 0.12e-3) for edge in edges_m], fineness, 0.33, 1.2e-3, 30e-3)


def _factors(matrix: sp.csr_matrix) -> Any:
    """Of a symmetric matrix."""
    return splu(
        sp.csc_matrix(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
