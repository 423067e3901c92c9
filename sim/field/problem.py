"""From electrode, anatomy and options to the arrays that the solver works on.

Along z: the needle's active part is centred on 0, its tip points to negative z. A posterior wall beside the needle
cannot be axisymmetric: it is taken as a ring round the needle, or as a plane across its axis ahead of the tip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.field.faces import BARE, CORNER, Edge, Faces, Wedge, cut_factors, edge_factors, wedge
from sim.field.grid import Floats, Grid, Ints, graded_faces
from sim.field.options import FieldOptions
from sim.field.regions import Region, painted
from sim.geometry import Electrode
from sim.network import (
    COOLANT_CONDUCTIVITY_W_M_K,
    COOLANT_NUSSELT,
    FREQUENCY_HZ,
    WETTED_FRACTION,
    Anatomy,
)
from sim.tissue import BODY_C, TISSUES, VACUUM_PERMITTIVITY_F_M, Tissue

TISSUE, DISTAL, PROXIMAL, INSULATED = 0, 1, 2, 3
LAYER_CELLS = 4
"""Cells at least across a layer or a radius of a region."""


@dataclass(frozen=True)
class Needle:
    """Where the electrode's parts are, metres."""

    radius_m: float
    tip_m: float
    poles_m: tuple[tuple[float, float], ...]
    """From and to along z, the distal one first."""
    cone_m: float
    """Length of the pointed tip; 0 for a blunt one."""

    @staticmethod
    def of(electrode: Electrode, options: FieldOptions) -> Needle:
        """The needle of an electrode."""
        length_m, gap_m = electrode.active_length_mm * 1e-3, electrode.gap_mm * 1e-3
        if electrode.poles == 1:
            poles: tuple[tuple[float, float], ...] = ((-0.5 * length_m, 0.5 * length_m),)
        else:
            poles = ((-0.5 * gap_m - length_m, -0.5 * gap_m), (0.5 * gap_m, 0.5 * gap_m + length_m))
        cone_mm = 0.0
        if options.tip == "pointed":
            cone_mm = 1.5 * electrode.diameter_mm if options.point_mm is None else options.point_mm
            if not 0.0 < cone_mm < electrode.active_length_mm:
                raise ValueError(f"field: point_mm is {cone_mm!r}; it must be above 0 and below active_length_mm")
        return Needle(electrode.diameter_mm * 0.5e-3, poles[0][0], poles, cone_mm * 1e-3)

    def edges(self) -> tuple[Edge, ...]:
        """The singular edges: where metal meets insulation, and the corner of a blunt tip."""
        gap_m = self.poles_m[1][0] - self.poles_m[0][1] if len(self.poles_m) == 2 else math.inf
        near_m = 0.5 * min(self.radius_m, 0.5 * gap_m, 0.5 * (self.poles_m[0][1] - self.tip_m))
        found = [
            Edge(end, 1 if end == start else -1, False, near_m) for start, top in self.poles_m for end in (start, top)
        ]
        tip = [] if self.cone_m > 0.0 else [found[0]._replace(corner=True)]
        return (*tip, *found[1:])

    def inside(self, r_m: Floats, z_m: Floats) -> Ints:
        """True where a point is in the needle."""
        radius = np.full(np.broadcast(r_m, z_m).shape, self.radius_m)
        if self.cone_m > 0.0:
            radius = np.minimum(radius, self.radius_m * (z_m - self.tip_m) / self.cone_m)
        return np.asarray((z_m > self.tip_m) & (r_m < radius))


def canal_layers(anatomy: Anatomy, options: FieldOptions) -> list[tuple[str, Tissue, float, float]]:
    """(name, tissue, from, to) of the wall and what lies behind it, mm from the middle of the electrode."""
    wall = anatomy.wall
    if wall is None:
        return []
    canal = [("csf", wall.fluid, options.csf_mm), ("cord", TISSUES["spinal_cord"], options.cord_mm)]
    canal.append(("csf", wall.fluid, options.csf_mm))
    found = []
    at_mm = wall.distance_mm
    for name, tissue, thick_mm in (("wall", wall.tissue, wall.thickness_mm), ("fat", wall.fat, wall.fat_mm), *canal):
        if thick_mm > 0.0:
            found.append((name, tissue, at_mm, at_mm + thick_mm))
        at_mm += thick_mm
    return found


def anatomy_regions(anatomy: Anatomy, options: FieldOptions) -> tuple[Region, ...]:
    """The anatomy as regions, in the order in which they are painted; the scenario's own come last.

    An eroded wall is lysed over a window of the target's radius to both sides, and whole beyond it; an epidural
    extension has the same window.
    """
    found = [Region("half_space", anatomy.surrounding)]
    found.append(Region("sphere", anatomy.target, outer_mm=anatomy.target_radius_mm, name="target"))
    wall = anatomy.wall
    if wall is None:
        return (*found, *options.regions)
    ring, reach = options.wall_shape == "ring", anatomy.target_radius_mm

    def layer(name: str, tissue: Tissue, from_mm: float, to_mm: float, *, window: bool = False) -> Region:
        if ring:
            ends = {"from_mm": -reach, "to_mm": reach} if window else {}
            return Region("ring", tissue, to_mm, from_mm, name=name, **ends)
        if window:
            return Region("cylinder", tissue, reach, from_mm=-to_mm, to_mm=-from_mm, name=name)
        return Region("plane", tissue, from_mm=-to_mm, to_mm=-from_mm, name=name)

    layers = canal_layers(anatomy, options)
    # what the sphere would put beyond the wall is not there: the wall stops it
    found.append(layer("", anatomy.surrounding, layers[-1][3], 1e4))
    found += [layer(*one) for one in layers]
    face_mm = wall.distance_mm + wall.thickness_mm
    if wall.eroded:
        found.append(layer("window", anatomy.target, wall.distance_mm, face_mm, window=True))
    if options.extension_mm > 0.0:
        out_mm = face_mm + min(options.extension_mm, wall.fat_mm)
        found.append(layer("extension", anatomy.target, face_mm, out_mm, window=True))
    return (*found, *options.regions)


def make_grid(needle: Needle, regions: tuple[Region, ...], options: FieldOptions) -> Grid:
    """The graded grid of a problem."""
    grading = options.grading
    far_m = options.far_mm * 1e-3
    fine = grading.finest_m
    ends = [end for pole in needle.poles_m for end in pole]
    along = [(end, fine) for end in ends]
    if needle.cone_m > 0.0:
        along.append((needle.tip_m + needle.cone_m, fine))
        # the slope of a point is a staircase: cells as fine as the edges' all along it
        along += [(needle.tip_m + needle.cone_m * n / 8.0, fine) for n in range(1, 8)]
    across = [(needle.radius_m, fine)]
    r_marks, z_marks = [needle.radius_m], [*ends, needle.tip_m + needle.cone_m]
    r_layers: list[tuple[float, float, float]] = []
    z_layers: list[tuple[float, float, float]] = []
    scale = fine / 0.06e-3
    for region in regions:
        for marks, layers, found in (
            (r_marks, r_layers, region.r_marks_m()),
            (z_marks, z_layers, region.z_marks_m()),
        ):
            inside = [mark for mark in found if abs(mark) < far_m]
            marks.extend(inside)
            if len(inside) == 2 and inside[1] - inside[0] < 8e-3:
                width = max(fine, scale * (inside[1] - inside[0]) / LAYER_CELLS)
                layers.append((inside[0], inside[1], width))
    return Grid(
        graded_faces(0.0, far_m, r_marks, across, r_layers, grading),
        graded_faces(-far_m, far_m, z_marks, along, z_layers, grading),
    )


@dataclass(frozen=True)
class Problem:
    """The arrays of a problem, (nz, nr) unless said otherwise; properties at 37 C. Read, never written."""

    grid: Grid
    needle: Needle
    electrode: Electrode
    anatomy: Anatomy
    options: FieldOptions
    regions: tuple[Region, ...]
    kind: Ints
    """0 tissue, 1 distal or only pole, 2 proximal pole, 3 insulated."""
    dominant: Ints
    """Which region a cell is mostly of."""
    cap_j_k: Floats
    latent_c: Floats
    heat_rise: Floats
    k_w_m_k: Floats
    k_rise: Floats
    perfusion_w_k: Floats
    sigma_s_m: Floats
    """Effective: what makes the resistance of a lossy dielectric, (sigma^2 + (omega eps)^2) / sigma."""
    loss: Floats
    """omega eps / sigma: reactance over resistance."""
    spared: Ints
    """True where a cell is mostly cord, or touches the dura: the fluid's or cord's first cells behind the fat."""
    film_share: Floats
    """Each metal cell's share of the coolant's film; sums to 1 where there is one."""
    film_w_k: float
    r_in: Floats
    r_out: Floats
    half_z: Floats
    inv_ring: Floats
    start_c: float
    heat_faces: Faces
    """Faces whose thermal conductance cut cells change."""
    current_faces: Faces
    """Faces whose electrical conductance cut cells and the singular edges of the poles change."""

    def __deepcopy__(self, memo: dict[int, object]) -> Problem:
        return self  # never written, so copies of what works on it share it

    @property
    def tissue(self) -> Ints:
        """True where a cell is tissue."""
        return np.asarray(self.kind == TISSUE)


def make_problem(electrode: Electrode, anatomy: Anatomy, options: FieldOptions, grid: Grid | None = None) -> Problem:
    """The arrays of electrode, anatomy and options. `grid`: instead of the graded one.

    Raises ValueError where the geometry cannot be.
    """
    needle = Needle.of(electrode, options)
    wall = anatomy.wall
    if wall is not None:
        least_mm = needle.radius_m * 1e3 if options.wall_shape == "ring" else -needle.tip_m * 1e3
        if wall.distance_mm <= least_mm + 0.3:
            raise ValueError(
                f"wall.distance_mm is {wall.distance_mm!r}: as a {options.wall_shape} that is in the needle "
                f"(least {least_mm + 0.3:g} mm)"
            )
    furthest_mm = max(-needle.tip_m, needle.poles_m[-1][1]) * 1e3
    if options.far_mm < furthest_mm + 5.0:
        raise ValueError(f"field: far_mm is {options.far_mm!r}; the electrode reaches {furthest_mm:g} mm")
    regions = anatomy_regions(anatomy, options)
    if grid is None:
        grid = make_grid(needle, regions, options)
    r_m, z_m = grid.r_m[None, :], grid.z_m[:, None]
    volume = grid.volume_m3
    raster = painted(regions, grid)
    shares = raster.shares(len(regions), grid)
    inside = needle.inside(r_m, z_m)
    kind = np.where(inside, INSULATED, TISSUE).astype(np.int8)
    for number, (start, end) in enumerate(needle.poles_m):
        kind[inside & (z_m > start) & (z_m < end)] = DISTAL + number

    def mixed(column: list[float]) -> Floats:
        return np.asarray(np.tensordot(np.array(column), shares, axes=1))

    tissues = [region.tissue for region in regions]
    heat = mixed([t.volumetric_heat_j_m3_k for t in tissues])
    boil = mixed([t.boil_off_j_m3 if options.boils else 0.0 for t in tissues])
    of_heat = [t.thermal_conductivity_w_m_k for t in tissues]
    perfusion = mixed([t.perfusion_w_m3_k * anatomy.perfusion_scale for t in tissues])
    electric = [_electric(t, anatomy.conductivity_scale) for t in tissues]
    of_current = [s for s, _ in electric]
    sigma = np.ascontiguousarray(mixed(of_current))
    loss = mixed([tan for _, tan in electric])
    metal = options.metal
    steel_share = metal.cooled_share if electrode.cooled else metal.shaft_share
    needle_k = np.where(kind == INSULATED, steel_share * metal.pole_w_m_k, metal.pole_w_m_k)
    if electrode.poles == 2:
        gap = (z_m > needle.poles_m[0][1]) & (z_m < needle.poles_m[1][0])
        needle_k = np.where(gap & inside, metal.gap_w_m_k, needle_k)
    wet = (kind == DISTAL) | (kind == PROXIMAL)
    film_w_k = 0.0
    if electrode.cooled:
        wetted_m = electrode.poles * electrode.active_length_mm * 1e-3 * WETTED_FRACTION
        film_w_k = COOLANT_NUSSELT * COOLANT_CONDUCTIVITY_W_M_K * math.pi * wetted_m
    whole = np.where(wet, volume, 0.0)
    k = np.where(inside, needle_k, mixed(of_heat))
    edges = needle.edges()
    cut_r, cut_z = cut_factors(raster, grid, np.array(of_heat), k, inside, resists=True)
    edge_r, edge_z = edge_factors(grid, needle.radius_m, [(edge, _round(edge, needle, grid, k)) for edge in edges])
    heat_faces = Faces.of(cut_r * edge_r, cut_z * edge_z)
    cut_r, cut_z = cut_factors(raster, grid, np.array(of_current), sigma, inside, resists=False)
    edge_r, edge_z = edge_factors(grid, needle.radius_m, [(edge, CORNER if edge.corner else BARE) for edge in edges])
    r_faces = grid.r_faces_m
    with np.errstate(divide="ignore"):
        r_in = np.log(grid.r_m / r_faces[:-1]) / (2.0 * math.pi)
    r_in[0] = 0.0
    return Problem(
        grid=grid,
        needle=needle,
        electrode=electrode,
        anatomy=anatomy,
        options=options,
        regions=regions,
        kind=kind,
        dominant=np.argmax(shares, axis=0),
        cap_j_k=np.where(inside, metal.heat_j_m3_k, heat) * volume,
        latent_c=np.where(inside, 0.0, boil / heat),
        heat_rise=np.where(inside, 0.0, options.heat_rise_per_c),
        k_w_m_k=k,
        k_rise=np.where(inside, 0.0, options.thermal_rise_per_c),
        perfusion_w_k=np.where(inside, 0.0, perfusion * volume),
        sigma_s_m=sigma,
        loss=np.where(inside, 0.0, loss),
        spared=_spared(regions, shares, kind),
        film_share=whole / float(whole.sum()),
        film_w_k=film_w_k,
        r_in=r_in,
        r_out=np.log(r_faces[1:] / grid.r_m) / (2.0 * math.pi),
        half_z=0.5 * grid.dz_m,
        inv_ring=1.0 / grid.ring_m2,
        start_c=anatomy.body_c - BODY_C,
        heat_faces=heat_faces,
        current_faces=Faces.of(cut_r * edge_r, cut_z * edge_z),
    )


def _round(edge: Edge, needle: Needle, grid: Grid, k: Floats) -> Wedge | None:
    """The field of heat round an edge, by the conductivities that meet there."""
    i = int(np.argmin(np.abs(grid.r_faces_m - needle.radius_m)))
    j = int(np.argmin(np.abs(grid.z_faces_m - edge.z_m)))
    beyond, metal = (j - 1, j) if edge.metal > 0 else (j, j - 1)
    return wedge((float(k[beyond, i - 1]), float(k[beyond, i]), float(k[metal, i - 1])))


def _spared(regions: tuple[Region, ...], shares: Floats, kind: Ints) -> Ints:
    """Cells of the cord, and those along the dura: where fluid or cord borders on anything else."""
    names = [region.name for region in regions]
    cord = np.zeros(kind.shape)
    canal = np.zeros(kind.shape)
    for name, part in zip(names, shares, strict=True):
        if name == "cord":
            cord += part
        if name in ("cord", "csf"):
            canal += part
    inside = canal > 0.5
    edge = np.zeros(kind.shape, dtype=bool)
    edge[:, 1:] |= inside[:, 1:] & ~inside[:, :-1]
    edge[:, :-1] |= inside[:, :-1] & ~inside[:, 1:]
    edge[1:] |= inside[1:] & ~inside[:-1]
    edge[:-1] |= inside[:-1] & ~inside[1:]
    return np.asarray(((cord > 0.5) | edge) & (kind == TISSUE))


def _electric(tissue: Tissue, scale: float) -> tuple[float, float]:
    """(effective conductivity, loss angle's tangent) at the generator's frequency."""
    sigma = tissue.conductivity_s_m * scale
    tan = 2.0 * math.pi * FREQUENCY_HZ * tissue.permittivity_rel * VACUUM_PERMITTIVITY_F_M / sigma
    return sigma * (1.0 + tan * tan), tan
