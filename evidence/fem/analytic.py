"""The finite elements themselves against solutions in closed form, before anything is held against them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import spsolve
from scipy.special import j0, jn_zeros
from skfem import MeshQuad, condense

from evidence.fem.axisym import Floats, Mesh


class Check(NamedTuple):
    """One solution in closed form: what the elements gave on meshes of twice as many lines each, and what is true."""

    name: str
    unit: str
    elements: tuple[int, ...]
    found: tuple[float, ...]
    exact: float

    @property
    def error(self) -> float:
        """Of the finest mesh, relative."""
        return abs(self.found[-1] / self.exact - 1.0)


def _polar(inner_m: float, outer_m: float, rings: int, sectors: int) -> Mesh:
    """Quadrilaterals between two half circles; rings grow geometrically."""
    rho = np.geomspace(inner_m, outer_m, rings + 1)
    theta = np.linspace(0.0, math.pi, sectors + 1)
    flat = MeshQuad.init_tensor(rho, theta)
    p = flat.p.copy()
    p[0], p[1] = flat.p[0] * np.sin(flat.p[1]), flat.p[0] * np.cos(flat.p[1])
    p[0] = np.where(np.abs(p[0]) < 1e-15, 0.0, p[0])
    return Mesh(MeshQuad(p, flat.t))


def _on_sphere(mesh: Mesh, radius_m: float, size: float) -> np.ndarray:
    # chords of the straight-sided elements lie a little inside the circle
    return np.asarray(mesh.facets(lambda x: np.abs(np.hypot(x[0], x[1]) / radius_m - 1.0) < size))


def sphere_electrode(rings: int = 16) -> Check:
    """A sphere in an infinite medium, whose resistance is 1 / (4 pi sigma a); the boundary at 10 a is open."""
    a, sigma = 1e-3, 0.2
    found, counts = [], []
    for n in (rings, 2 * rings):
        mesh = _polar(a, 10 * a, n, n)
        inner = _on_sphere(mesh, a, 1.0 / n)
        outer = _on_sphere(mesh, 10 * a, 1.0 / n)
        k = np.full(mesh.r_m.shape, sigma)
        open_end = mesh.robin(outer, lambda r, z: np.full(r.shape, sigma), lambda r, z: 1.0 / np.hypot(r, z))
        matrix = mesh.conduction(k) + open_end
        phi = np.zeros(mesh.size)
        given = mesh.on(inner)
        phi[given] = 1.0
        phi = _solved(matrix, np.zeros(mesh.size), phi, given)
        found.append(1.0 / float(phi @ (matrix @ phi)))
        counts.append(int(mesh.quads.t.shape[1]))
    return Check(
        "sphere electrode in an infinite medium", "ohm", tuple(counts), tuple(found), 1 / (4 * math.pi * sigma * a)
    )


def coaxial(lines: int = 8) -> Check:
    """Two coaxial cylinders: R = ln(b / a) / (2 pi sigma L)."""
    a, b, length, sigma = 1e-3, 20e-3, 10e-3, 0.3
    found, counts = [], []
    for n in (lines, 2 * lines):
        mesh = Mesh.tensor(np.geomspace(a, b, n + 1), np.linspace(0.0, length, 3))
        phi = np.zeros(mesh.size)
        x = np.asarray(mesh.basis.doflocs)[0]
        given = np.flatnonzero((x < a * (1 + 1e-9)) | (x > b * (1 - 1e-9)))
        phi[x < a * (1 + 1e-9)] = 1.0
        matrix = mesh.conduction(np.full(mesh.r_m.shape, sigma))
        phi = _solved(matrix, np.zeros(mesh.size), phi, given)
        found.append(1.0 / float(phi @ (matrix @ phi)))
        counts.append(int(mesh.quads.t.shape[1]))
    return Check(
        "coaxial cylinders", "ohm", tuple(counts), tuple(found), math.log(b / a) / (2 * math.pi * sigma * length)
    )


def pennes_sphere(rings: int = 16) -> Check:
    """Steady state round a hot sphere in perfused tissue, T = T_a (a / rho) exp(-(rho - a) sqrt(w / k)), at 3 a."""
    a, k, w, hot_c = 2e-3, 0.5, 4e4, 40.0
    depth = math.sqrt(k / w)
    found, counts = [], []
    for n in (rings, 2 * rings):
        mesh = _polar(a, a + 20 * depth, n, n)
        matrix = mesh.conduction(np.full(mesh.r_m.shape, k)) + mesh.storage(np.full(mesh.r_m.shape, w))
        hot = mesh.on(_on_sphere(mesh, a, 1.0 / n))
        cold = mesh.on(_on_sphere(mesh, a + 20 * depth, 1.0 / n))
        t = np.zeros(mesh.size)
        t[hot] = hot_c
        t = _solved(matrix, np.zeros(mesh.size), t, np.concatenate([hot, cold]))
        found.append(float((mesh.probes([(3 * a, 1e-7)]) @ t)[0]))
        counts.append(int(mesh.quads.t.shape[1]))
    return Check(
        "Pennes steady state round a sphere", "C", tuple(counts), tuple(found), hot_c / 3 * math.exp(-2 * a / depth)
    )


def conduction_1d(lines: int = 4) -> Check:
    """Heat through two slabs of different conductivity, one after the other: the temperature at their joint."""
    found, counts = [], []
    k_1, k_2, half = 0.5, 0.2, 10e-3
    for n in (lines, 2 * lines):
        mesh = Mesh.tensor(np.linspace(0.0, 5e-3, 3), np.linspace(0.0, 2 * half, 2 * n + 1))
        k = mesh.values(lambda r, z: np.where(z < half, k_1, k_2))
        z = np.asarray(mesh.basis.doflocs)[1]
        t = np.where(z < 1e-9, 50.0, 0.0)
        given = np.flatnonzero((z < 1e-9) | (z > 2 * half - 1e-9))
        t = _solved(mesh.conduction(k), np.zeros(mesh.size), t, given)
        found.append(float((mesh.probes([(2e-3, half - 1e-9)]) @ t)[0]))
        counts.append(int(mesh.quads.t.shape[1]))
    return Check("1-D conduction through two slabs", "C", tuple(counts), tuple(found), 50.0 * k_1 / (k_1 + k_2))


def decay(lines: int = 8) -> Check:
    """A heat mode that dies away in a cylinder, J0(a r / R) cos(pi z / 2 Z): the rate of the slowest, from an
    eigenvalue of the matrices that the transient uses."""
    radius, half, k, c = 10e-3, 8e-3, 0.5, 3.7e6
    first = float(jn_zeros(0, 1)[0])
    found, counts = [], []
    for n in (lines, 2 * lines):
        mesh = Mesh.tensor(np.linspace(0.0, radius, n + 1), np.linspace(-half, half, n + 1))
        r, z = np.asarray(mesh.basis.doflocs)
        mode = j0(first * r / radius) * np.cos(0.5 * math.pi * z / half)
        stiff, store = mesh.conduction(np.full(mesh.r_m.shape, k)), mesh.storage(np.full(mesh.r_m.shape, c))
        found.append(float(mode @ (stiff @ mode)) / float(mode @ (store @ mode)))
        counts.append(int(mesh.quads.t.shape[1]))
    exact = k / c * ((first / radius) ** 2 + (0.5 * math.pi / half) ** 2)
    return Check("slowest decay of heat in a cylinder", "1/s", tuple(counts), tuple(found), exact)


def _solved(matrix: object, right: Floats, x: Floats, given: np.ndarray) -> Floats:
    a, b, full, inner = condense(matrix, right, x=x, D=np.unique(given))
    out = np.asarray(full).copy()
    out[inner] = spsolve(a.tocsc(), b)
    return out


def every_check() -> list[Check]:
    """All of them."""
    return [sphere_electrode(), coaxial(), pennes_sphere(), conduction_1d(), decay()]
