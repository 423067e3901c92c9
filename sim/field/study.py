"""The field plant by itself: pose a problem, drive it with watts, volts or a tip temperature, read what came of it.

    electrode = Electrode(kind="monopolar", diameter_mm=1.6, active_length_mm=10)
    anatomy = Anatomy(target=TISSUES["liver"], surrounding=TISSUES["liver"])
    study = Study(electrode, anatomy, FieldOptions(far_mm=50), probes_mm=((5.0, 0.0), (10.0, 0.0)))
    study.advance(60.0, power_w=10.0)
    study.probe_c, study.impedance_ohm, study.ledger, study.lesion(60.0)

Geometry: z along the needle with 0 in the middle of its active part (between the poles of a bipolar one), the tip at
negative z and the shaft at positive z; r from the axis. `FieldOptions.regions` paints tissues over the anatomy's.
Units are in the names. No firmware, no sensors: temperatures are true ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.field.grid import Floats
from sim.field.lesion import Zone, zone
from sim.field.options import FieldOptions
from sim.field.plant import FieldPlant
from sim.field.problem import Problem
from sim.field.sites import point
from sim.geometry import Electrode
from sim.network import Anatomy, Site
from sim.tissue import BODY_C

TIP = Site("electrode")
TIP_APPROACH_S = 2.0
"""Time constant with which a held tip temperature is approached."""


class Ledger(NamedTuple):
    """Heat since the start, J, each by a sum of its own: RF energy at the terminals; heat above the start (latent heat
    included) summed over all cells; what blood, coolant and the far boundary took, and what leads and return took."""

    in_j: float
    stored_j: float
    blood_j: float
    coolant_j: float
    boundary_j: float
    leads_j: float

    @property
    def out_j(self) -> float:
        """All that left."""
        return self.blood_j + self.coolant_j + self.boundary_j + self.leads_j

    @property
    def error(self) -> float:
        """|in - stored - out| over the greatest of the parts; 0 before anything happened."""
        scale = max(abs(part) for part in self)
        return abs(self.in_j - self.stored_j - self.out_j) / scale if scale > 0.0 else 0.0


class Electric(NamedTuple):
    """One tick's electricity at the terminals (RMS), and across the tissue alone: current times the voltage in phase
    with it."""

    voltage_v: float
    current_a: float
    power_w: float
    tissue_w: float


class Study:
    """A field problem by itself. `probes_mm`: (r, z) of each probe; `tick_s`: the shortest step that drive is held.

    `tip`: the thermocouple that a held temperature is read at.
    `problem`: instead of the one made from electrode, anatomy and options (for verification). `flow_ml_min` and
    `coolant_c` are the coolant's, for a cooled electrode, and may be set at any time.

    Raises ValueError for a geometry that cannot be, a probe beyond the far boundary, and where numba is missing.
    """

    def __init__(
        self,
        electrode: Electrode,
        anatomy: Anatomy,
        options: FieldOptions | None = None,
        *,
        probes_mm: tuple[tuple[float, float], ...] = (),
        tick_s: float = 0.1,
        flow_ml_min: float = 0.0,
        coolant_c: float = 22.0,
        tip: Site = TIP,
        problem: Problem | None = None,
    ) -> None:
        self.plant = FieldPlant(electrode, anatomy, (tip,), tick_s, options, problem)
        self.problem = self.plant.problem
        self.solver = self.plant.solver
        self.tick_s = tick_s
        self.flow_ml_min = flow_ml_min
        self.coolant_c = coolant_c
        self.time_s = 0.0
        self.last = Electric(0.0, 0.0, 0.0, 0.0)
        self._probes = tuple(point(self.problem, r * 1e-3, z * 1e-3) for r, z in probes_mm)

    def advance(
        self,
        for_s: float,
        *,
        power_w: float | None = None,
        voltage_v: float | None = None,
        tip_c: float | None = None,
        most_w: float = 200.0,
    ) -> None:
        """Goes on for `for_s` (to the nearest whole tick), at whose end a step of the field ends, with one of: real
        power at the terminals; RMS voltage at the terminals; a tip temperature that is approached and held with at most
        `most_w`.

        Raises ValueError unless exactly one is given, and for one that is not finite and 0 or more.
        """
        given = [value for value in (power_w, voltage_v, tip_c) if value is not None]
        if len(given) != 1 or not 0.0 <= given[0] < math.inf:
            raise ValueError("advance: give one of power_w, voltage_v and tip_c, finite and 0 or more")
        for _ in range(round(for_s / self.tick_s)):
            if power_w is not None:
                self.tick(power_w)
            elif voltage_v is not None:
                self.tick(voltage_v**2 * self.plant.resistance_ohm / self.impedance_ohm**2)
            elif tip_c is not None:
                self.tick(min(self._holding_w(tip_c), most_w))
        self.plant.settle()

    def tick(self, power_w: float) -> None:
        """One tick with this power at the terminals."""
        plant = self.plant
        current_a = math.sqrt(power_w / plant.resistance_ohm)
        self.last = Electric(current_a * self.impedance_ohm, current_a, power_w, current_a**2 * plant.tissue_ohm)
        plant.advance(power_w, self.flow_ml_min, self.coolant_c)
        self.time_s += self.tick_s

    def _holding_w(self, tip_c: float) -> float:
        """The power with which the tip goes a share of its way to `tip_c` within the step that has begun."""
        at_c, free_c, per_w_c = self.plant.outlook(self.flow_ml_min, self.coolant_c)
        share = min(1.0, self.solver.step_s / TIP_APPROACH_S)
        wanted_c = at_c + share * (tip_c - at_c)
        return max(0.0, (wanted_c - at_c - free_c) / per_w_c) if per_w_c > 0.0 else 0.0

    # --- what came of it ---------------------------------------------------------------------------------------------

    @property
    def tip_c(self) -> float:
        """The thermocouple that a held temperature is read at; unless posed otherwise, the metal at the tip."""
        return self.plant.site_c[0]

    @property
    def probe_c(self) -> tuple[float, ...]:
        """Every probe, at the end of the last whole step of the field."""
        return tuple(probe.of(self.solver.t_c) + BODY_C for probe in self._probes)

    @property
    def hottest_c(self) -> float:
        """Hottest tissue."""
        return self.plant.hottest_c

    @property
    def impedance_ohm(self) -> float:
        """Magnitude at the terminals, leads and return included."""
        return math.hypot(self.plant.resistance_ohm, self.plant.reactance_ohm)

    @property
    def resistance_ohm(self) -> float:
        """Of the tissue alone, from pole to pole (or to the ground): no lead, no return."""
        return self.plant.tissue_ohm

    def audit(self) -> tuple[float, float]:
        """(voltage times current across the tissue, the integral of Joule heat) per squared volt, siemens: the first as
        the plant states its load now, the second from a new electric solve at the present temperatures."""
        return 1.0 / self.plant.tissue_ohm, self.solver.fresh_conductance()[1]

    @property
    def ledger(self) -> Ledger:
        """Where the heat is."""
        plant, out = self.plant, self.solver.out
        return Ledger(
            plant.energy_in_j, plant.energy_stored_j, out.blood_j, out.coolant_j, out.boundary_j, plant.lead_j
        )

    @property
    def temperature_c(self) -> Floats:
        """Every cell, (nz, nr); middles at `problem.grid.r_m` and `z_m`."""
        return self.solver.temperature_c()

    @property
    def peak_c(self) -> Floats:
        """The hottest that every cell has been."""
        return np.asarray(self.solver.peak_c + BODY_C)

    @property
    def omega(self) -> Floats:
        """The Arrhenius integral of every cell; at 1, 63 % is denatured."""
        return self.solver.damage_now()[0]

    @property
    def cem43_min(self) -> Floats:
        """Cumulative equivalent minutes at 43 C of every cell."""
        return self.solver.damage_now()[1]

    def lesion(
        self, isotherm_c: float | None = None, *, omega: float | None = None, cem43: float | None = None
    ) -> Zone:
        """Width, length and volume of what has reached an isotherm at any time, a damage integral or a CEM43 (min).

        Raises ValueError unless exactly one is given.
        """
        given = [value for value in (isotherm_c, omega, cem43) if value is not None]
        if len(given) != 1:
            raise ValueError("lesion: give one of isotherm_c, omega and cem43")
        if isotherm_c is not None:
            return zone(self.problem, self.peak_c, isotherm_c)
        values = self.omega if omega is not None else self.cem43_min
        return zone(self.problem, values, given[0], logarithmic=True)
