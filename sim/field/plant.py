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

LEAST_STEP_S = 0.2
"""Of the heat; only ticks that are longer, and a scenario's own choice, make it another."""
FLOW_MOVED = 1e-3
"""Relative change of the coolant's flow at which a step ends early."""
NO_FLOW_ML_MIN = 1e-6
"""So little cools nothing: a pump that runs down gets there, and its flow never comes to 0."""
DEPARTS_C = 0.3
"""By so much, at the hottest place, another power than a step was begun for may tell before the step ends."""


class FieldPlant:
    """Moves `tick_s` at a time; the field beneath in steps of several ticks, longer where less happens.

    A step is cut short at the tick at which power or coolant depart from what it was begun for, and at a disturbance.
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
        least_s = problem.options.pace * min(LEAST_STEP_S, problem.options.step_s)
        self._least_ticks = self._ticks = max(1, int(least_s / tick_s + 1e-9))
        self._readings = tuple(reading_of(problem, site) for site in sites) + readings
        self.solver = FieldSolver(problem, self._ticks * tick_s)
        self._in_series_ohm = electrode.lead_ohm + (electrode.return_ohm if electrode.poles == 1 else 0.0)
        self._disturbance = Disturbance()
        self._tick = 0
        self._begun = False
        self._before_w = self._c_per_ws = 0.0
        self._per_s = 1.0
        self._lines: tuple[tuple[float, float, float, float], ...] = ()
        self._power_ws = self._tissue_ws = self._contact_ws = 0.0
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
        tissue_ohm = 1.0 / (self.solver.current.conductance_s * scale)
        self.tissue_ohm = tissue_ohm
        self.resistance_ohm = self._in_series_ohm + disturbance.series_ohm + tissue_ohm
        self.reactance_ohm = -tissue_ohm * self.solver.current.reactance_ratio
        self._tissue_share = tissue_ohm / self.resistance_ohm
        self._contact_share = disturbance.series_ohm / self.resistance_ohm

    def disturb(self, disturbance: Disturbance) -> None:
        before = self._disturbance
        if disturbance == before:
            return
        self._disturbance = disturbance
        if (disturbance.perfusion_scale, disturbance.contact) != (before.perfusion_scale, before.contact):
            self.settle()
            self._begun = False
            self._before_w = math.nan
            self.solver.perfusion_scale = disturbance.perfusion_scale
            self.solver.contact = disturbance.contact
            self.solver.refresh_heat()
        elif disturbance.series_ohm > 0.0 and before.series_ohm == 0.0 and self._begun:
            self._responses()
        self._electric()

    # --- a tick ------------------------------------------------------------------------------------------------------

    def _responses(self) -> None:
        """What a watt adds at the sites over a step."""
        solver = self.solver
        cap_j_k = solver.apparent_j_k
        self._unit_c = tuple([r.per(solver.unit_j, cap_j_k) for r in self._readings])
        if self._disturbance.series_ohm > 0.0:
            contact_j = solver.contact_response()
            self._touch_c = tuple([r.per(contact_j, cap_j_k) for r in self._readings])
        self._lines = tuple(zip(self._at_c, self._free_c, self._unit_c, self._touch_c, strict=True))

    def _begin(self, power_w: float) -> None:
        solver = self.solver
        solver.set_coolant(self._film_w_k, self._coolant_c)
        longest_s = solver.next_step_s(self._least_ticks * self._tick_s)
        if not self._as_before(power_w, longest_s):
            longest_s = 0.0
        ticks = max(1, int(longest_s / self._tick_s + 1e-9))
        # few lengths, so that what holds for one is used for several steps
        self._ticks = max(self._least_ticks, ticks if ticks < 16 else ticks - ticks % 10)
        free_j = solver.begin(self._ticks * self._tick_s)
        self._free_c = tuple([r.per(free_j, solver.apparent_j_k) for r in self._readings])
        self._at_c = tuple([r.of(solver.t_c) + BODY_C for r in self._readings])
        self._responses()
        self._power_ws = self._tissue_ws = self._contact_ws = 0.0
        self._per_s = 1.0 / solver.step_s
        self._c_per_ws = solver.most_per_watt_c() * self._per_s
        self._begun = True

    def _as_before(self, power_w: float, for_s: float) -> bool:
        """The power may go on for so long as if it were what it was before: it moves no temperature by much."""
        return abs(power_w - self._before_w) * self._c_per_ws * for_s < DEPARTS_C

    def settle(self) -> None:
        """Ends the step that has begun at this tick, so that the field is that of now."""
        if self._tick:
            self._ticks = self._tick
            self.solver.begin(self._tick * self._tick_s)
            self._end()

    def _end(self) -> None:
        solver, step_s = self.solver, self.solver.step_s
        solver.finish(self._tissue_ws / step_s, self._contact_ws / step_s)
        self._before_w = self._power_ws / step_s
        self._tick = 0
        self._begun = False
        self._site_c = tuple([r.of(solver.t_c) + BODY_C for r in self._readings])
        self._electric()
        if self._film_w_k > 0.0:
            self._coolant_out_c = self._coolant_c + self._rise_share * (solver.metal_c - self._coolant_c)

    def outlook(self, flow_ml_min: float, coolant_in_c: float) -> tuple[float, float, float]:
        """Of the first site in the step that has begun or begins now: temperature at its start, change without power,
        change for each watt at the terminals throughout."""
        if not self._begun:
            self._cool(flow_ml_min, coolant_in_c)
            self._begin(self._before_w)
        per_w_c = self._unit_c[0] * self._tissue_share + self._touch_c[0] * self._contact_share
        return self._at_c[0], self._free_c[0], per_w_c

    def advance(self, power_w: float, flow_ml_min: float, coolant_in_c: float) -> tuple[float, ...]:
        tick = self._tick
        if tick >= self._least_ticks:
            self._before_w = self._power_ws / (tick * self._tick_s)
            flow, coolant_c = self._stream
            cools = max(flow_ml_min, flow) > NO_FLOW_ML_MIN
            other = cools and (abs(flow_ml_min - flow) > FLOW_MOVED * flow or coolant_in_c != coolant_c)
            if other or not self._as_before(power_w, (self._ticks - tick) * self._tick_s):
                self.settle()
                tick = 0
        if not self._begun:
            self._cool(flow_ml_min, coolant_in_c)
            self._begin(power_w)
        self._tick = tick = tick + 1
        energy_j = power_w * self._tick_s
        tissue_j, contact_j = energy_j * self._tissue_share, energy_j * self._contact_share
        self._energy_in_j += energy_j
        self._lead_j += energy_j - tissue_j - contact_j
        self._power_ws += energy_j
        self._tissue_ws += tissue_j
        self._contact_ws += contact_j
        if tick == self._ticks:
            self._end()
            return self._site_c
        part = tick / self._ticks
        watts, touch = self._tissue_ws * self._per_s, self._contact_ws * self._per_s
        sites = tuple([at + part * free + watts * unit + touch * near for at, free, unit, near in self._lines])
        self._site_c = sites
        return sites

    def _cool(self, flow_ml_min: float, coolant_in_c: float) -> None:
        if (flow_ml_min, coolant_in_c) == self._stream:
            return
        self._stream = (flow_ml_min, coolant_in_c)
        self._coolant_c = self._coolant_out_c = coolant_in_c
        self._film_w_k = self._rise_share = 0.0
        if flow_ml_min > NO_FLOW_ML_MIN and self.problem.film_w_k > 0.0:
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
