"""Axisymmetric weak forms on a mesh of quadrilaterals in (r, z), biquadratic elements.

All integrals carry the weight 2 pi r, so a stiffness form of conductivity is a conductance and a load is in watts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from skfem import (
    Basis,
    BilinearForm,
    ElementQuad2,
    FacetBasis,
    LinearForm,
    MeshQuad,
    asm,
)
from skfem.helpers import dot, grad

Floats = npt.NDArray[np.float64]
Field = Callable[[Floats, Floats], Floats]
"""A value by (r, z), metres."""

QUADRATURE = 6
"""Order of the rule: exact for biquadratic elements with the weight r."""
CUT_QUADRATURE = 12
"""Where the edge of a sphere passes through elements, so that they hold two tissues."""


@BilinearForm  # type: ignore[untyped-decorator]
def stiffness(u: Any, v: Any, w: Any) -> Any:
    """Conduction: k grad u . grad v."""
    return 2.0 * np.pi * w.x[0] * w["k"] * dot(grad(u), grad(v))


@BilinearForm  # type: ignore[untyped-decorator]
def mass(u: Any, v: Any, w: Any) -> Any:
    """Storage or sink: c u v."""
    return 2.0 * np.pi * w.x[0] * w["c"] * u * v


@LinearForm  # type: ignore[untyped-decorator]
def load(v: Any, w: Any) -> Any:
    """Source: q v."""
    return 2.0 * np.pi * w.x[0] * w["q"] * v


class Mesh:
    """A mesh, its basis, and values at its quadrature points. `quads` may be any mesh of quadrilaterals in (r, z)."""

    def __init__(self, quads: MeshQuad, order: int = QUADRATURE) -> None:
        self.quads = quads
        self.order = order
        self.basis = Basis(quads, ElementQuad2(), intorder=order)
        at = np.asarray(self.basis.global_coordinates())
        self.r_m, self.z_m = at[0], at[1]

    @staticmethod
    def tensor(r_lines_m: Floats, z_lines_m: Floats, order: int = QUADRATURE) -> Mesh:
        """A tensor mesh of these lines."""
        return Mesh(MeshQuad.init_tensor(r_lines_m, z_lines_m), order)

    @property
    def size(self) -> int:
        """Unknowns, boundary included."""
        return int(self.basis.N)

    def values(self, field: Field) -> Floats:
        """A field at the quadrature points, (elements, points)."""
        return np.asarray(field(self.r_m, self.z_m), dtype=np.float64)

    def conduction(self, k: Floats, elements: Any = None) -> sp.csr_matrix:
        """Stiffness matrix with conductivity `k` at the quadrature points."""
        if elements is None:
            return asm(stiffness, self.basis, k=k)
        part = Basis(self.quads, ElementQuad2(), intorder=self.order, elements=elements)
        return asm(stiffness, part, k=k[elements])

    def storage(self, c: Floats) -> sp.csr_matrix:
        """Mass matrix with `c` at the quadrature points."""
        return asm(mass, self.basis, c=c)

    def source(self, q: Floats) -> Floats:
        """Load vector of `q` at the quadrature points."""
        return np.asarray(asm(load, self.basis, q=q))

    def robin(self, facets: Any, c: Field, weight: Field) -> sp.csr_matrix:
        """Boundary matrix of c (weight) u v on facets."""
        side = FacetBasis(self.quads, ElementQuad2(), facets=facets, intorder=self.order)
        at = np.asarray(side.global_coordinates())
        return asm(mass, side, c=c(at[0], at[1]) * weight(at[0], at[1]))

    def integral(self, q: Floats) -> float:
        """Integral of values at quadrature points over the whole solid of revolution."""
        return float((2.0 * np.pi * self.r_m * q * self.basis.dx).sum())

    def squared_gradient(self, u: Floats) -> Floats:
        """|grad u|^2 at the quadrature points."""
        g = np.asarray(self.basis.interpolate(u).grad)
        return np.asarray((g * g).sum(axis=0))

    def at_quadrature(self, u: Floats) -> Floats:
        """u at the quadrature points."""
        return np.asarray(self.basis.interpolate(u))

    def probes(self, points_m: list[tuple[float, float]]) -> sp.csr_matrix:
        """Matrix that takes unknowns to values at points (r, z)."""
        return self.basis.probes(np.array(points_m, dtype=np.float64).T)

    def facets(self, where: Callable[[Any], Any]) -> Any:
        """Boundary facets whose middles meet a condition on (r, z)."""
        return self.quads.facets_satisfying(where, boundaries_only=True)

    def on(self, facets: Any) -> Any:
        """Unknowns on facets."""
        return self.basis.get_dofs(facets).flatten()
