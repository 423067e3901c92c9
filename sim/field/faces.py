"""Faces whose conductance the plain formula gets wrong, each with a factor that puts it right.

The plain conductance of a face is that of its two half cells in series, each of one material. Two kinds need more:

- **Cut cells.** Where the edge of a sphere passes through a cell, what a face lets through depends on how the edge
  runs: across the flow tissues lie one behind the other, along it side by side. Each half cell is cut into slabs
  across the flow; within a slab tissues are side by side (arithmetic mean), slabs follow one another (harmonic mean).
- **Singular edges.** At the end of a pole the potential goes as a power of the distance, and what two neighbours differ
  by says too little about the current between them. Close by, the field is the edge's own to leading order:
  rho^(1/2) where metal and insulation meet in one line, rho^(2/3) at the corner of a blunt tip. The factor makes the
  plain formula exact for that field: its stream function's difference gives the current, its potential's the drop
  (as in static-field corrections at conducting edges: Mur, IEEE Trans. Microwave Theory Tech. 29, 1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.field.grid import Floats, Grid, Ints
from sim.field.regions import RASTER, Raster


@dataclass(frozen=True)
class Faces:
    """Factors on conductances of faces across, (nz, nr + 1), and along, (nz + 1, nr), by flat index."""

    r: Ints
    r_factor: Floats
    z: Ints
    z_factor: Floats

    @staticmethod
    def of(on_r: Floats, on_z: Floats) -> Faces:
        """Those of two whole arrays that are not 1."""
        r, z = np.flatnonzero(on_r != 1.0), np.flatnonzero(on_z != 1.0)
        return Faces(r, on_r.ravel()[r], z, on_z.ravel()[z])

    def correct(self, g_r: Floats, g_z: Floats) -> None:
        """Puts plain conductances right, in place."""
        g_r.reshape(-1)[self.r] *= self.r_factor
        g_z.reshape(-1)[self.z] *= self.z_factor


def cut_factors(
    raster: Raster, grid: Grid, column: Floats, plain: Floats, metal: Ints, *, resists: bool
) -> tuple[Floats, Floats]:
    """Factors where cells hold several tissues, on faces across and along.

    `column`: the property, by region; `plain`: what each cell is taken to have; `metal`: True where a cell keeps that.
    `resists`: metal has a resistance of its own (to heat; none to the current).
    """
    on_r, on_z = np.ones((grid.nz, grid.nr + 1)), np.ones((grid.nz + 1, grid.nr))
    cells = np.nonzero(raster.cut & ~metal)
    if cells[0].size == 0:
        return on_r, on_z
    parts = column[raster.numbers[cells]]  # (cells, along, across)
    faces, columns = grid.r_faces_m, cells[1]
    r = faces[columns, None] + np.diff(faces)[columns, None] * np.arange(RASTER + 1) / RASTER
    # of the innermost cells the inner half ends on the axis, where nothing crosses: any finite length will do
    length = np.log(r[:, 1:] / np.maximum(r[:, :-1], 1e-3 * r[:, 1:]))
    across = length / parts.mean(axis=1)
    ring = r[:, 1:] + r[:, :-1]
    along = ring.sum(axis=1)[:, None] / (parts * ring[:, None, :]).sum(axis=2)
    half = RASTER // 2
    low, high = slice(0, half), slice(half, RASTER)

    def halves(part: slice) -> tuple[Floats, Floats]:
        """Conductivity of one half of every cell, across and along."""
        of_r, of_z = plain.copy(), plain.copy()
        of_r[cells] = length[:, part].sum(axis=1) / across[:, part].sum(axis=1)
        of_z[cells] = half / along[:, part].sum(axis=1)
        return of_r, of_z

    (inner, south), (outer, north) = halves(low), halves(high)
    tissue = np.where(metal & (not resists), 0.0, 1.0)
    to_face, from_face = np.log(faces[1:-1] / grid.r_m[:-1]), np.log(grid.r_m[1:] / faces[1:-1])
    on_r[:, 1:-1] = _series(
        to_face * tissue[:, :-1], plain[:, :-1], outer[:, :-1], from_face * tissue[:, 1:], plain[:, 1:], inner[:, 1:]
    )
    dz = grid.dz_m[:, None]
    on_z[1:-1] = _series(dz[:-1] * tissue[:-1], plain[:-1], north[:-1], dz[1:] * tissue[1:], plain[1:], south[1:])
    return on_r, on_z


def _series(
    length_a: Floats, plain_a: Floats, true_a: Floats, length_b: Floats, plain_b: Floats, true_b: Floats
) -> Floats:
    """Conductance of two halves one behind the other over what the plain figures say; 1 where neither resists."""
    true = length_a / true_a + length_b / true_b
    plain = length_a / plain_a + length_b / plain_b
    changed = (true > 0.0) & ((true_a != plain_a) | (true_b != plain_b))
    return np.where(changed, plain / np.where(changed, true, 1.0), 1.0)


class Edge(NamedTuple):
    """An edge of a pole. `metal`: 1 where the pole lies above it along z, -1 below. `near_m`: how near its own field
    rules. A corner is the end of a blunt tip, with tissue where the other edges have insulation."""

    z_m: float
    metal: int
    corner: bool
    near_m: float


class Wedge(NamedTuple):
    """The field rho^power (a cos(power theta) + b sin(power theta)) round an edge, by quadrant of insulation (theta
    from -pi/2), tissue (0 to pi) and metal (to 3 pi / 2); `ohm`: resistivity of each, to scale."""

    power: float
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    ohm: tuple[float, float, float]


ENDS = np.array([-0.5, 0.0, 1.0, 1.5]) * math.pi
BARE = Wedge(0.5, (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (math.inf, 1.0, 0.0))
"""Current where metal meets insulation: none across the one, no potential on the other."""
CORNER = Wedge(
    2.0 / 3.0,
    (math.sin(2.0 * math.pi / 3.0), math.sin(2.0 * math.pi / 3.0), 0.0),
    (-math.cos(2.0 * math.pi / 3.0), -math.cos(2.0 * math.pi / 3.0), 0.0),
    (1.0, 1.0, 0.0),
)
"""Current at the corner of a blunt tip: sin(2/3 (pi - theta))."""


def wedge(conductivities: tuple[float, float, float]) -> Wedge | None:
    """The most singular field round three finite conductivities, for insulation, tissue and metal; None where it is
    about as smooth as in one material."""

    def turned(power: float) -> tuple[Floats, list[Floats]]:
        """(f, k f' / power) once round, as a matrix; and from the start to where each quadrant begins."""
        whole, starts = np.eye(2), []
        for k, start, end in zip(conductivities, ENDS[:-1], ENDS[1:], strict=True):
            starts.append(whole)
            c, s = math.cos(power * (end - start)), math.sin(power * (end - start))
            whole = np.array([[c, s / k], [-k * s, c]]) @ whole
        return whole, starts

    def closes(power: float) -> float:
        return float(np.trace(turned(power)[0])) - 2.0

    powers = np.linspace(0.3, SMOOTH, 40)
    signs = [closes(power) < 0.0 for power in powers]
    if not signs[0] or all(signs):
        return None
    first = signs.index(False)
    low, high = float(powers[first - 1]), float(powers[first])
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if closes(middle) < 0.0 else (low, middle)
    power = 0.5 * (low + high)
    whole, starts = turned(power)
    # the state that comes round to itself
    start = np.array([-(whole[0, 1]), whole[0, 0] - 1.0])
    a, b = [], []
    for k, begin, through in zip(conductivities, ENDS[:-1], starts, strict=True):
        value, slope = through @ start
        c, s = math.cos(power * begin), math.sin(power * begin)
        a.append(float(value * c - slope / k * s))
        b.append(float(value * s + slope / k * c))
    return Wedge(power, (a[0], a[1], a[2]), (b[0], b[1], b[2]), tuple(1.0 / k for k in conductivities))  # type: ignore[arg-type]


SMOOTH = 0.95
"""Powers above this need nothing: 1 is a field without an edge."""
LEAST, MOST = 0.4, 2.5
"""A factor outside is not believed: there the drop is small and says nothing. At an even edge the greatest is 1.55."""


def edge_factors(grid: Grid, radius_m: float, edges: list[tuple[Edge, Wedge | None]]) -> tuple[Floats, Floats]:
    """Factors near edges of a needle, each with the field that rules there, on faces across and along."""
    on_r, on_z = np.ones((grid.nz, grid.nr + 1)), np.ones((grid.nz + 1, grid.nr))
    for edge, field in edges:
        if field is None:
            continue
        j = _window(grid.z_faces_m, edge.z_m, edge.near_m)
        i = _window(grid.r_faces_m, radius_m, edge.near_m)
        # x away from the metal, y out of the needle
        x_faces = -edge.metal * (grid.z_faces_m[j.start : j.stop + 1] - edge.z_m)
        y_faces = grid.r_faces_m[i.start : i.stop + 1] - radius_m
        x, y = 0.5 * (x_faces[1:] + x_faces[:-1]), 0.5 * (y_faces[1:] + y_faces[:-1])
        potential, ohm, _ = _at(field, x[:, None], y[None, :])
        stream = _at(field, x_faces[:, None], y_faces[None, :])[2]
        turn = -edge.metal
        near = np.hypot(x[:, None], y_faces[None, 1:-1]) < edge.near_m
        found = _factors(potential, ohm, -turn * stream, y_faces, np.abs(np.diff(x_faces)))
        _multiply(on_r[j, i.start + 1 : i.stop], found, near)
        near = np.hypot(x_faces[1:-1, None], y[None, :]) < edge.near_m
        found = _factors(potential.T, ohm.T, turn * stream.T, turn * x_faces, np.diff(y_faces)).T
        _multiply(on_z[j.start + 1 : j.stop, i], found, near)
    return on_r, on_z


def _multiply(on: Floats, found: Floats, near: Ints) -> None:
    with np.errstate(invalid="ignore"):
        near = near & (found >= LEAST) & (found <= MOST)
    on[near] *= found[near]


def _window(faces_m: Floats, at_m: float, near_m: float) -> slice:
    """Cells that reach within `near_m`, and one more to each side where there is one."""
    first = int(np.searchsorted(faces_m, at_m - near_m)) - 2
    last = int(np.searchsorted(faces_m, at_m + near_m)) + 1
    return slice(max(first, 0), min(last, faces_m.size - 1))


def _at(field: Wedge, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """(potential, resistivity, stream function) at points."""
    # a face on the surface is the tissue's
    y = np.where(np.abs(y) < 1e-12, 0.0, y)
    x = np.where(np.abs(x) < 1e-12, 0.0, x)
    angle = np.arctan2(y, x)
    angle = np.where(angle < -0.5 * math.pi, angle + 2.0 * math.pi, angle)
    part = np.where(angle < 0.0, 0, np.where(angle <= math.pi, 1, 2))
    size = np.hypot(x, y) ** field.power
    a, b, ohm = np.array(field.a)[part], np.array(field.b)[part], np.array(field.ohm)[part]
    c, s = np.cos(field.power * angle), np.sin(field.power * angle)
    with np.errstate(divide="ignore", invalid="ignore"):
        return size * (a * c + b * s), ohm, size * (a * s - b * c) / ohm


def _factors(potential: Floats, ohm: Floats, stream: Floats, faces: Floats, widths: Floats) -> Floats:
    """Current through the faces between neighbours in a row, over what the plain formula makes of the potential. NaN or
    infinite where nothing passes."""
    half = 0.5 * np.diff(faces)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = half[None, :-1] * ohm[:, :-1] + half[None, 1:] * ohm[:, 1:]
        current = np.diff(stream[:, 1:-1], axis=0)
        return np.asarray(current * apart / (widths[:, None] * np.diff(potential, axis=1)))
