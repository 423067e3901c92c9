"""The field behind the plant's seam: same stage, sensors and faults as the network plant."""

from __future__ import annotations

import math

from sim.field.options import FieldOptions
from sim.field.problem import Problem, make_problem
from sim.field.sites import Reading, reading_of
from sim.field.solver import FieldSolver
from sim.geometry import Electrode
from sim.network import COOLANT_HEAT_J_ML_K, Anatomy, Site
from sim.plant import Disturbance
from sim.tissue import BODY_C


class FieldPlant:
    """Moves `tick_s` at a time; the field beneath in steps of several ticks.

    In a step, a site's temperature goes from the field's value at its start along what the tissue does without
    power, plus what the power so far adds; at its end both are the field's own. Resistance is the field's at the
    start of the step. A deep copy is an independent continuation; the problem's arrays are shared.

    Raises ValueError for a tick that is not above 0 and for a geometry that cannot be.
    """

    def __init__(
        self,
        electrode: Electrode,
        anatomy: Anatomy,
        sites: tuple[Site, ...],
        tick_s: float,
        options: FieldOptions | None = None,
        problem: Problem | None = None,
        readings: tuple[Reading, ...] = (),
    ) -> None:
        if not 0.0 < tick_s < math.inf:
            raise ValueError(f"plant: tick_s is {tick_s!r}; it must be finite and above 0")
        if problem is None:
            problem = make_problem(electrode, anatomy, FieldOptions() if options is None else options)
        self.problem = problem
        self._tick_s = tick_s
        self._ticks = max(1, int(problem.options.step_s / tick_s + 1e-9))
        self._readings = tuple(reading_of(problem, site) for site in sites) + readings
        self.solver = FieldSolver(problem, self._ticks * tick_s)
        self._in_series_ohm = electrode.lead_ohm + (electrode.return_ohm if electrode.poles == 1 else 0.0)
        self._disturbance = Disturbance()
        self._tick = 0
        self._begun = False
        self._tissue_ws = self._contact_ws = 0.0
        self._at_c: tuple[float, ...] = tuple(r.of(self.solver.t_c) + BODY_C for r in self._readings)
        self._site_c = self._at_c
        self._free_c = self._unit_c = self._touch_c = tuple(0.0 for _ in self._readings)
        self._stream = (math.nan, math.nan)
        self._film_w_k, self._rise_share = 0.0, 0.0
        self._coolant_c = self._coolant_out_c = math.nan
        self._energy_in_j = self._lead_j = 0.0
        self._electric()

    # --- electricity -------------------------------------------------------------------------------------------------

    def _electric(self) -> None:
        disturbance = self._disturbance
        scale = disturbance.conductivity_scale * disturbance.contact
        tissue_ohm = 1.0 / (self.solver.conductance_s * scale)
        self.tissue_ohm = tissue_ohm
        self.resistance_ohm = self._in_series_ohm + disturbance.series_ohm + tissue_ohm
        self.reactance_ohm = -tissue_ohm * self.solver.reactance_ratio
        self._tissue_share = tissue_ohm / self.resistance_ohm
        self._contact_share = disturbance.series_ohm / self.resistance_ohm

    def disturb(self, disturbance: Disturbance) -> None:
        before = self._disturbance
        if disturbance == before:
            return
        self._disturbance = disturbance
        if (disturbance.perfusion_scale, disturbance.contact) != (before.perfusion_scale, before.contact):
            self.solver.perfusion_scale = disturbance.perfusion_scale
            self.solver.contact = disturbance.contact
            self.solver.refresh_heat()
            self._responses()
        elif disturbance.series_ohm > 0.0 and before.series_ohm == 0.0:
            self._responses()
        self._electric()

    # --- a tick ------------------------------------------------------------------------------------------------------

    def _responses(self) -> None:
        """What a watt adds at the sites over a step."""
        solver = self.solver
        per_k = solver.unit_j / solver.apparent_j_k
        self._unit_c = tuple(r.of(per_k) for r in self._readings)
        if self._disturbance.series_ohm > 0.0:
            per_k = solver.contact_response() / solver.apparent_j_k
            self._touch_c = tuple(r.of(per_k) for r in self._readings)

    def _begin(self) -> None:
        solver = self.solver
        solver.set_coolant(self._film_w_k, self._coolant_c)
        free_j = solver.begin()
        per_k = free_j / solver.apparent_j_k
        self._free_c = tuple(r.of(per_k) for r in self._readings)
        self._at_c = tuple(r.of(solver.t_c) + BODY_C for r in self._readings)
        self._responses()
        self._tissue_ws = self._contact_ws = 0.0
        self._begun = True

    def outlook(self, flow_ml_min: float, coolant_in_c: float) -> tuple[float, float, float]:
        """Of the first site in the step that has begun or begins now: temperature at its start, change without power,
        change for each watt at the terminals throughout."""
        if not self._begun:
            self._cool(flow_ml_min, coolant_in_c)
            self._begin()
        per_w_c = self._unit_c[0] * self._tissue_share + self._touch_c[0] * self._contact_share
        return self._at_c[0], self._free_c[0], per_w_c

    def advance(self, power_w: float, flow_ml_min: float, coolant_in_c: float) -> tuple[float, ...]:
        if not self._begun:
            self._cool(flow_ml_min, coolant_in_c)
            self._begin()
        self._tick += 1
        energy_j = power_w * self._tick_s
        tissue_j, contact_j = energy_j * self._tissue_share, energy_j * self._contact_share
        self._energy_in_j += energy_j
        self._lead_j += energy_j - tissue_j - contact_j
        self._tissue_ws += tissue_j
        self._contact_ws += contact_j
        step_s = self.solver.step_s
        if self._tick == self._ticks:
            solver = self.solver
            solver.finish(self._tissue_ws / step_s, self._contact_ws / step_s)
            self._tick = 0
            self._begun = False
            self._site_c = tuple([r.of(solver.t_c) + BODY_C for r in self._readings])
            self._electric()
            if self._film_w_k > 0.0:
                self._coolant_out_c = coolant_in_c + self._rise_share * (solver.metal_c - coolant_in_c)
            return self._site_c
        part = self._tick / self._ticks
        watts = self._tissue_ws / step_s
        touch = self._contact_ws / step_s
        self._site_c = tuple(
            [
                at + part * free + watts * unit + touch * near
                for at, free, unit, near in zip(self._at_c, self._free_c, self._unit_c, self._touch_c, strict=True)
            ]
        )
        return self._site_c

    def _cool(self, flow_ml_min: float, coolant_in_c: float) -> None:
        if (flow_ml_min, coolant_in_c) == self._stream:
            return
        self._stream = (flow_ml_min, coolant_in_c)
        self._coolant_c = self._coolant_out_c = coolant_in_c
        self._film_w_k = self._rise_share = 0.0
        if flow_ml_min > 1e-6 and self.problem.film_w_k > 0.0:
            # the water warms on its way through, so a small flow carries less than the film would
            stream_w_k = flow_ml_min / 60.0 * COOLANT_HEAT_J_ML_K
            self._rise_share = -math.expm1(-self.problem.film_w_k / stream_w_k)
            self._film_w_k = stream_w_k * self._rise_share

    # --- what it holds -----------------------------------------------------------------------------------------------

    @property
    def site_c(self) -> tuple[float, ...]:
        return self._site_c

    @property
    def hottest_c(self) -> float:
        return self.solver.hottest_c

    @property
    def coolant_out_c(self) -> float:
        return self._coolant_out_c

    @property
    def energy_in_j(self) -> float:
        return self._energy_in_j + self.solver.made_j

    @property
    def energy_stored_j(self) -> float:
        """The field's, at the end of its last step, and what came in since."""
        return self.solver.stored_j + self._tissue_ws_now + self._contact_ws_now

    @property
    def energy_out_j(self) -> float:
        return sum(self.solver.out) + self._lead_j

    @property
    def lead_j(self) -> float:
        """Of what went out: in leads and the return electrode."""
        return self._lead_j

    @property
    def _tissue_ws_now(self) -> float:
        return self._tissue_ws if self._tick else 0.0

    @property
    def _contact_ws_now(self) -> float:
        return self._contact_ws if self._tick else 0.0
