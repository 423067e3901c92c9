"""A thermal and electrical network of lumps round a needle electrode, made from geometry and tissue alone.

Heat: the electrode's metal, then confocal shells (see `sim.geometry`) of target tissue and of what surrounds it;
beyond the inner face of a bony wall the shells part into two sectors that share no heat: an open one (surrounding
tissue) and one with the wall, epidural fat and the fluid of the canal. Each lump has heat capacity, conduction to
its neighbours, blood perfusion (Pennes) and, past 100 C, latent heat. Electricity: the shells in series, each with
a conductivity that rises with temperature and collapses as its water boils off; permittivity gives the phase.

What it does not model: direction (all of a shell has one temperature; the wall is part of a shell, not a plane);
current through the wall's sector; heat along the shaft; vapour that travels; coagulation (perfusion and
conductivity have no memory); lateral heat between the sectors. The two poles of a bipolar electrode are alike. The
field plant is the one to ask where heat goes; this one is for running the firmware fast against a load that
behaves.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import NamedTuple

from sim.geometry import Electrode, ShellFrame
from sim.tissue import BODY_C, TISSUES, VACUUM_PERMITTIVITY_F_M, Tissue

METAL_VOLUMETRIC_HEAT_J_M3_K = 4.0e6
"""Steel (about 8000 kg/m3 x 500 J/kg/K, assumed) and the water in a cooled shaft (4.2e6) are close to each other."""

WALL_SECTOR = 0.25
"""Share of the solid angle that the wall's sector takes (assumed; only the heat drawn through the wall scales with
it)."""

COOLANT_NUSSELT = 4.36
"""Laminar tube flow at uniform heat flux (Incropera, Fundamentals of Heat and Mass Transfer, section 8.4)."""

COOLANT_CONDUCTIVITY_W_M_K = 0.6
"""Water near 25 C."""

COOLANT_HEAT_J_ML_K = 4.18
"""Water, per millilitre."""

WETTED_FRACTION = 0.5
"""Share of the active length along which the return water touches the metal (assumed)."""

FREQUENCY_HZ = 480e3


@dataclass(frozen=True, slots=True)
class Wall:
    """The bony wall between the target and the spinal canal. `eroded`: lysed, target tissue in its place."""

    distance_mm: float
    """From the electrode's axis to the inner face."""
    thickness_mm: float = 2.0
    tissue: Tissue = TISSUES["cortical_bone"]
    eroded: bool = False
    fat_mm: float = 3.0
    fat: Tissue = TISSUES["fat"]
    fluid: Tissue = TISSUES["cerebrospinal_fluid"]


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What the electrode stands in. Scales multiply the table's conductivity and perfusion."""

    target: Tissue = TISSUES["lytic_tumour"]
    target_radius_mm: float = 12.0
    surrounding: Tissue = TISSUES["cancellous_bone"]
    wall: Wall | None = None
    body_c: float = BODY_C
    conductivity_scale: float = 1.0
    perfusion_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where a thermocouple is: in the metal, on the shaft, in tissue off the axis, or behind the wall.

    `offset_mm`: along the shaft from the probe's centre, off the axis, or beyond the wall's outer face.
    """

    place: str
    """electrode, shaft, tissue or posterior_wall"""
    offset_mm: float = 0.0


class Lump(NamedTuple):
    """One thermal node."""

    name: str
    heat_capacity_j_k: float
    boil_off_j: float
    """Latent heat of its water; 0 where it does not boil."""
    perfusion_w_k: float
    """To blood at body temperature."""
    far_w_k: float
    """Conduction to far tissue at body temperature."""
    shell_ohm: float
    """Electrical resistance of its shell at 37 C; 0 where it carries no current."""
    centre_m: float
    """Equatorial radius of its middle; 0 for the metal."""


class Edge(NamedTuple):
    """Conduction between two lumps."""

    a: int
    b: int
    conductance_w_k: float


class Blend(NamedTuple):
    """A temperature between two lumps: `weight` of `a`, the rest of `b`."""

    a: int
    b: int
    weight: float


@dataclass(frozen=True)
class Network:
    """The elements, ready to be stepped. Lump 0 is the metal of the electrode."""

    lumps: tuple[Lump, ...]
    edges: tuple[Edge, ...]
    sites: tuple[Blend, ...]
    lead_ohm: float
    """Lead, and the remaining circuit of a monopolar one: heats no lump."""
    reactance_ohm: float
    body_c: float
    coolant_film_w_k: float
    """Metal to coolant while it flows; 0 for an uncooled electrode."""
    shortest_time_s: float = field(default=0.0)
    """Shortest time constant of a lump: the step at which an explicit method begins to ring."""

    @property
    def body_ohm(self) -> float:
        """Resistance at body temperature as the generator measures it."""
        return self.lead_ohm + sum(lump.shell_ohm for lump in self.lumps)


SHELL_GROWTH = 1.6
FIRST_SHELL_MM = 0.35
OUTERMOST_MM = 30.0


LEAST_SHELL_MM = 0.15
"""Boundaries nearer to each other than this are one: a sliver of tissue has a time constant that costs hundreds of
steps a tick."""


def shell_radii_m(frame: ShellFrame, anatomy: Anatomy) -> list[float]:
    """Equatorial radii of the shell boundaries from the electrode outward.

    Widths grow by `SHELL_GROWTH`; the wall's inner face, the touching shell and the target's edge are boundaries
    themselves, in that order where two of them nearly coincide.
    """
    wanted = [] if anatomy.wall is None else [anatomy.wall.distance_mm * 1e-3]
    if not math.isinf(frame.touch_m):
        wanted.append(frame.touch_m)
    wanted.append(anatomy.target_radius_mm * 1e-3)
    marks: list[float] = []
    for mark in wanted:
        inside = frame.surface_m + LEAST_SHELL_MM * 1e-3 < mark < OUTERMOST_MM * 1e-3
        if inside and all(abs(mark - other) >= LEAST_SHELL_MM * 1e-3 for other in marks):
            marks.append(mark)
    marks.sort()
    radii = [frame.surface_m]
    width_m = FIRST_SHELL_MM * 1e-3
    while radii[-1] < OUTERMOST_MM * 1e-3:
        step = radii[-1] + width_m
        due = [m for m in marks if radii[-1] < m < step + 0.5 * width_m]
        radii.append(due[0] if due else step)
        width_m *= SHELL_GROWTH
    return radii


CANAL_M = 12e-3
"""Depth of the fluid-filled canal (assumed); beyond it the chain goes on to far tissue."""


def _wall_layers(anatomy: Anatomy, wall: Wall) -> list[tuple[str, float, Tissue]]:
    """(name, outer equatorial radius, tissue) from the wall's inner face outward."""
    face_m = wall.distance_mm * 1e-3
    wall_m = wall.thickness_mm * 1e-3
    fat_m = wall.fat_mm * 1e-3
    inside = anatomy.target if wall.eroded else wall.tissue
    outer_m = face_m + wall_m + fat_m
    return [
        ("wall", face_m + wall_m, inside),
        ("fat", outer_m, wall.fat),
        ("canal", outer_m + CANAL_M, wall.fluid),
    ]


def build_network(electrode: Electrode, anatomy: Anatomy, sites: tuple[Site, ...]) -> Network:
    """Elements of the network from geometry and tissue.

    Raises ValueError where the geometry cannot be: a wall inside the electrode, a sentinel without a wall.
    """
    frame = ShellFrame.of(electrode)
    wall = anatomy.wall
    if wall is not None and wall.distance_mm * 1e-3 <= frame.surface_m + FIRST_SHELL_MM * 1e-3:
        raise ValueError(f"wall.distance_mm is {wall.distance_mm!r}: that is inside the electrode")
    if anatomy.target_radius_mm * 1e-3 <= frame.surface_m:
        raise ValueError(f"target_radius_mm is {anatomy.target_radius_mm!r}: that is inside the electrode")
    build = _Builder(frame, electrode, anatomy)
    radii = shell_radii_m(frame, anatomy)
    face_m = wall.distance_mm * 1e-3 if wall is not None else math.inf
    trunk: list[tuple[str, float, Tissue]] = []
    open_sector: list[tuple[str, float, Tissue]] = []
    for inner_m, outer_m in itertools.pairwise(radii):
        in_target = 0.5 * (inner_m + outer_m) < anatomy.target_radius_mm * 1e-3
        layer = ("shell", outer_m, anatomy.target if in_target else anatomy.surrounding)
        (trunk if inner_m < face_m else open_sector).append(layer)
    last = build.chain(0, frame.surface_m, trunk, share=1.0, carries_current=True)
    if wall is None:
        build.to_far(last, anatomy.surrounding, 1.0)
    else:
        last_open = build.chain(last, face_m, open_sector, share=1.0 - WALL_SECTOR, carries_current=True)
        build.to_far(last_open, anatomy.surrounding, 1.0 - WALL_SECTOR)
        layers = _wall_layers(anatomy, wall)
        last_wall = build.chain(last, face_m, layers, share=WALL_SECTOR, carries_current=False)
        build.to_far(last_wall, anatomy.surrounding, WALL_SECTOR)
    return build.finish(sites)


class _Builder:
    """Grows chains of lumps outward from the metal."""

    def __init__(self, frame: ShellFrame, electrode: Electrode, anatomy: Anatomy) -> None:
        self.frame = frame
        self.electrode = electrode
        self.anatomy = anatomy
        metal_m3 = electrode.poles * math.pi * (electrode.diameter_mm * 0.5e-3) ** 2 * electrode.active_length_mm * 1e-3
        self.lumps = [Lump("metal", metal_m3 * METAL_VOLUMETRIC_HEAT_J_M3_K, 0.0, 0.0, 0.0, 0.0, 0.0)]
        self.edges: list[Edge] = []
        self.chains: list[list[int]] = []
        self.half_out_k_w = [0.0]
        """Thermal resistance from each lump's middle to its outer face."""
        self.outer_m = [frame.surface_m]
        self.reactance_ohm = 0.0

    def chain(
        self,
        start: int,
        inner_m: float,
        layers: list[tuple[str, float, Tissue]],
        *,
        share: float,
        carries_current: bool,
    ) -> int:
        """Append the layers, joined to lump `start`, over `share` of the solid angle; the last lump's index."""
        frame, anatomy = self.frame, self.anatomy
        previous, members = start, [start]
        for name, outer_m, tissue in layers:
            volume_m3 = frame.volume_m3(inner_m, outer_m) * share
            centre_m = 0.5 * (inner_m + outer_m)
            k_w_m_k = tissue.thermal_conductivity_w_m_k * share
            to_centre_k_w = frame.thermal_shape_m(inner_m, centre_m) / k_w_m_k
            index = len(self.lumps)
            # where chains part, the trunk's last half-shell is shared in proportion to the solid angle
            inward_k_w = self.half_out_k_w[previous] / (share if previous == start else 1.0)
            self.edges.append(Edge(previous, index, 1.0 / (inward_k_w + to_centre_k_w)))
            shell_ohm = 0.0
            if carries_current:
                shell_ohm = self._shell_ohm(inner_m, outer_m, tissue)
            self.lumps.append(
                Lump(
                    name,
                    volume_m3 * tissue.volumetric_heat_j_m3_k,
                    volume_m3 * tissue.boil_off_j_m3,
                    volume_m3 * tissue.perfusion_w_m3_k * anatomy.perfusion_scale,
                    0.0,
                    shell_ohm,
                    centre_m,
                )
            )
            self.half_out_k_w.append(frame.thermal_shape_m(centre_m, outer_m) / k_w_m_k)
            self.outer_m.append(outer_m)
            members.append(index)
            previous, inner_m = index, outer_m
        self.chains.append(members)
        return previous

    def _shell_ohm(self, inner_m: float, outer_m: float, tissue: Tissue) -> float:
        """Series resistance of a shell at 37 C; its reactance is added up apart (fixed at its 37 C value)."""
        sigma = tissue.conductivity_s_m * self.anatomy.conductivity_scale
        omega_eps = 2.0 * math.pi * FREQUENCY_HZ * tissue.permittivity_rel * VACUUM_PERMITTIVITY_F_M
        shape_m = self.frame.electrical_shape_m(inner_m, outer_m)
        magnitude2 = sigma**2 + omega_eps**2
        self.reactance_ohm -= shape_m * omega_eps / magnitude2
        return shape_m * sigma / magnitude2

    def to_far(self, index: int, tissue: Tissue, share: float) -> None:
        """Conduction from a chain's last lump to tissue far away, at body temperature."""
        beyond_k_w = self.frame.thermal_shape_m(self.outer_m[index], math.inf) / (
            tissue.thermal_conductivity_w_m_k * share
        )
        self.lumps[index] = self.lumps[index]._replace(far_w_k=1.0 / (self.half_out_k_w[index] + beyond_k_w))

    def blend(self, site: Site) -> Blend:
        """The two lumps a site lies between, weighted along the shells' harmonic coordinate."""
        frame = self.frame
        wall = self.anatomy.wall
        chain = self.chains[0] + (self.chains[1][1:] if wall is not None else [])
        if site.place == "electrode":
            return Blend(0, 0, 1.0)
        if site.place == "shaft":
            radius_m = frame.radius_on_shaft_m(site.offset_mm * 1e-3)
        elif site.place == "tissue":
            radius_m = max(site.offset_mm * 1e-3, frame.surface_m)
        elif site.place == "posterior_wall":
            if wall is None:
                raise ValueError("a thermocouple behind the posterior wall needs a wall in the plant")
            radius_m = (wall.distance_mm + wall.thickness_mm + site.offset_mm) * 1e-3
            chain = self.chains[0] + self.chains[2][1:]
        else:
            raise ValueError(f"thermocouple place {site.place!r}: use electrode, shaft, tissue or posterior_wall")
        inner = 0
        for index in chain[1:]:
            if self.lumps[index].centre_m >= radius_m:
                break
            inner = index
        else:
            return Blend(inner, inner, 1.0)
        at_inner_m = self.lumps[inner].centre_m or frame.surface_m
        whole = frame.thermal_shape_m(at_inner_m, self.lumps[index].centre_m)
        part = frame.thermal_shape_m(radius_m, self.lumps[index].centre_m)
        return Blend(inner, index, part / whole)

    def finish(self, sites: tuple[Site, ...]) -> Network:
        electrode = self.electrode
        lead_ohm = electrode.lead_ohm
        if electrode.kind == "monopolar":
            sigma = self.anatomy.surrounding.conductivity_s_m * self.anatomy.conductivity_scale
            lead_ohm += electrode.return_ohm + self.frame.own.shape_m(max(self.outer_m), math.inf) / sigma
        film_w_k = 0.0
        if electrode.cooled:
            # h = Nu k / d over pi d l: the bore's diameter cancels, only the length it wets remains.
            wetted_m = electrode.poles * electrode.active_length_mm * 1e-3 * WETTED_FRACTION
            film_w_k = COOLANT_NUSSELT * COOLANT_CONDUCTIVITY_W_M_K * math.pi * wetted_m
        leaving = [lump.perfusion_w_k + lump.far_w_k for lump in self.lumps]
        leaving[0] += film_w_k
        for edge in self.edges:
            leaving[edge.a] += edge.conductance_w_k
            leaving[edge.b] += edge.conductance_w_k
        shortest_s = min(lump.heat_capacity_j_k / g for lump, g in zip(self.lumps, leaving, strict=True))
        return Network(
            lumps=tuple(self.lumps),
            edges=tuple(self.edges),
            sites=tuple(self.blend(site) for site in sites),
            lead_ohm=lead_ohm,
            reactance_ohm=self.reactance_ohm,
            body_c=self.anatomy.body_c,
            coolant_film_w_k=film_w_k,
            shortest_time_s=shortest_s,
        )
