"""The field plant against finite elements: the same problems, posed twice."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evidence.fem.posed import POSED, Posed
from evidence.fem.solve import Reference
from sim.field.grid import grading_of
from sim.field.options import FieldOptions, Metal
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy, Wall
from sim.tissue import TISSUES

TIMES_S = (10.0, 30.0, 60.0)
OFF_MM = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0)
"""Probes beside the middle of the (distal) pole: from the needle's surface outward."""


def probes_mm(posed: Posed) -> dict[str, tuple[float, float]]:
    """Where both are read: off the surface at the pole's middle and between the poles, at the edges, before the tip."""
    a = 0.5 * posed.diameter_mm
    (start, end) = (1e3 * z for z in posed.poles_m[0])
    found = {f"{off:g} mm off the pole": (a + off, 0.5 * (start + end)) for off in OFF_MM}
    if posed.bipolar:
        found |= {f"{off:g} mm off the gap": (a + off, 0.0) for off in (0.0, 2.0, 15.0)}
    found |= {
        "0.3 mm off the tip's edge": (a + 0.3, start),
        "0.3 mm off the shaft's edge": (a + 0.3, end),
        "1 mm before the tip": (0.0, start - 1.0),
        "5 mm before the tip": (0.0, start - 5.0),
        "12 mm before the tip": (0.0, start - 12.0),
    }
    return found


class Compared(NamedTuple):
    """One problem by both. Arrays by (time, probe); the last probe is the thermocouple in the tip."""

    posed: Posed
    cells: int
    unknowns: int
    names: tuple[str, ...]
    field_c: np.ndarray
    fem_c: np.ndarray
    field_ohm: np.ndarray
    fem_ohm: np.ndarray

    @property
    def worst_c(self) -> float:
        """Greatest difference of a temperature."""
        return float(np.abs(self.field_c - self.fem_c).max())

    @property
    def worst_ohm(self) -> float:
        """Greatest relative difference of the resistance."""
        return float(np.abs(self.field_ohm / self.fem_ohm - 1.0).max())


FINENESS = {"layered": 1.5, "temperature-dependent": 0.6}
"""Of the finite elements; 1 where nothing is said. The layered problem's elements are cut by the edge of a sphere and
settle slowly: between 1 and 1.5 a temperature at the pole moves by 0.13 C."""


def fem(posed: Posed, fineness: float | None = None, step_s: float = 1.0) -> tuple[np.ndarray, np.ndarray, int]:
    """(temperatures, resistances, unknowns) of the finite elements."""
    reference = Reference(posed, FINENESS.get(posed.name, 1.0) if fineness is None else fineness)
    points = [(r * 1e-3, z * 1e-3) for r, z in probes_mm(posed).values()]
    course = reference.transient(TIMES_S[-1], TIMES_S, points, step_s)
    temperatures = np.column_stack([np.array(course.probe_c), np.array(course.tip_c)])
    return temperatures, np.array(course.ohm), reference.mesh.size


def study(posed: Posed, finest_mm: float = 0.06) -> Study:
    """The same problem for the field plant."""
    electrode = Electrode(
        "bipolar" if posed.bipolar else "monopolar",
        posed.diameter_mm,
        posed.active_mm,
        posed.gap_mm,
        cooled=posed.film_w_k > 0.0,
        lead_ohm=0.0,
        return_ohm=0.0,
    )
    liver = TISSUES["liver"]
    layered = any(layer.shape != "all" for layer in posed.layers)
    anatomy = Anatomy(wall=Wall(12.0)) if layered else Anatomy(target=liver, surrounding=liver)
    options = FieldOptions(
        grading=grading_of(finest_mm),
        conductivity_rise_per_c=posed.conductivity_rise_per_c,
        thermal_rise_per_c=posed.thermal_rise_per_c,
        boils=False,
        perfusion_stops=False,
        far_mm=posed.far_mm,
        ground=posed.ground,
        metal=Metal(),
        # the posed canal is fluid throughout
        csf_mm=6.0,
        cord_mm=0.0,
    )
    flow = FLOW_ML_MIN if posed.film_w_k > 0.0 else 0.0
    return Study(
        electrode,
        anatomy,
        options,
        probes_mm=tuple(probes_mm(posed).values()),
        flow_ml_min=flow,
        coolant_c=posed.coolant_c,
    )


FLOW_ML_MIN = 10.0


def cooled() -> Posed:
    """A cooled bipolar needle: the film of laminar flow along half of both poles, in series with the stream's own
    heat capacity, written out here from the figures in docs/plant.md."""
    film_w_k = 4.36 * 0.6 * math.pi * 2 * 7e-3 * 0.5
    stream_w_k = FLOW_ML_MIN / 60.0 * 4.18
    taken_w_k = stream_w_k * (1.0 - math.exp(-film_w_k / stream_w_k))
    return Posed(
        "cooled bipolar",
        POSED["bipolar"].layers,
        power_w=8.0,
        diameter_mm=1.8,
        active_mm=7.0,
        gap_mm=4.0,
        shaft_w_m_k=4.5,
        film_w_k=taken_w_k,
        coolant_c=22.0,
    )


def problems() -> list[Posed]:
    """All that are compared."""
    return [*POSED.values(), cooled()]


def compare(
    posed: Posed, finest_mm: float = 0.06, reference: tuple[np.ndarray, np.ndarray, int] | None = None
) -> Compared:
    """Both, at the times and probes."""
    fem_c, fem_ohm, unknowns = fem(posed) if reference is None else reference
    s = study(posed, finest_mm)
    rows, ohms = [], []
    for time_s in TIMES_S:
        s.advance(time_s - s.time_s, power_w=posed.power_w)
        rows.append([*s.probe_c, s.tip_c])
        ohms.append(s.resistance_ohm)
    names = (*probes_mm(posed), "thermocouple in the tip")
    return Compared(posed, s.problem.grid.cells, unknowns, names, np.array(rows), fem_c, np.array(ohms), fem_ohm)
