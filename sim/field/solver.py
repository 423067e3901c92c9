"""The field's state, and what moves it: heat steps between electric solves.

Within a step everything is linear: what the tissue does without power and what one watt adds are computed apart, and
the power that turns up is multiplied in at the end. So a step may be several ticks long, and every tick in between
still sees what its own power does at the thermocouples.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim.field import electric, heat
from sim.field.damage import ARRHENIUS, GAS_J_MOL_K, hurt
from sim.field.grid import Floats
from sim.field.problem import DISTAL, PROXIMAL, Problem
from sim.tissue import BODY_C

TOLERANCE = 3e-6
"""Of the electric solve: square root of the error's share of the energy."""
MOST_ITERATIONS = 2000
DAMAGE_EVERY_S = 0.5
FILM_MOVED = 1e-3
"""Relative change of the coolant's film that is put into the step."""


class Out(NamedTuple):
    """Heat that left, by way: J, or J per watt and step."""

    blood_j: float = 0.0
    coolant_j: float = 0.0
    boundary_j: float = 0.0

    def plus(self, other: Out, scale: float = 1.0) -> Out:
        """The sum, the other scaled."""
        return Out(*(a + scale * b for a, b in zip(self, other, strict=True)))


class FieldSolver:
    """Temperatures above 37 C in `t_c`, heat in `heat_j`; (nz, nr). One volt lies across the electrode in `phi`.

    Raises ValueError where the electric solve does not converge (no tissue between the poles).
    """

    def __init__(self, problem: Problem, step_s: float) -> None:
        self.problem = problem
        self.step_s = step_s
        shape = problem.grid.shape
        p = problem

        def zeros(*lead: int) -> Floats:
            return np.zeros((*lead, *shape))

        start = p.start_c
        self.heat_j = p.cap_j_k * (start + 0.5 * p.heat_rise * start * start)
        self._start_j = self.heat_j.copy()
        self._inv_cap = 1.0 / p.cap_j_k
        self.t_c, self.sigma_scale = zeros(), zeros()
        self.phase = np.zeros(shape, dtype=np.int64)
        self.peak_c = np.full(shape, start)
        self.omega, self.cem43_min = zeros(), zeros()
        self._since_damage_s = 0.0
        arrhenius = ARRHENIUS[p.options.damage]
        self._ln_a, self._ea_r_k = math.log(arrhenius.a_1_s), arrhenius.ea_j_mol / GAS_J_MOL_K
        # heat
        nz, nr = shape
        self._g_r, self._g_z = np.zeros((nz, nr + 1)), np.zeros((nz + 1, nr))
        self._cap = zeros()
        self._factors = zeros(6)
        self._far_w_k = zeros()
        self._blood_w_k = p.perfusion_w_k.copy()
        self._sink, self._sink_heat = zeros(), zeros()
        self._film_w_k, self._coolant_c = 0.0, 0.0
        self._blood_sum_w_k, self._far_sum_w_k = 0.0, 0.0
        self.perfusion_scale, self.contact = 1.0, 1.0
        self._metal_r = (p.kind[:, 1:] == 0) != (p.kind[:, :-1] == 0)
        self._metal_z = (p.kind[1:, :] == 0) != (p.kind[:-1, :] == 0)
        self._work = zeros(4)
        self._free_j, self._free_mean, self._gain_j = zeros(), zeros(), zeros()
        self._made_j = 0.0
        self.unit_j, self._unit_mean = zeros(), zeros()
        self.contact_j, self._contact_mean = zeros(), zeros()
        self._contact_known = False
        self._free_out, self._unit_out, self._contact_out = Out(), Out(), Out()
        self.source_w = zeros()
        """Heat made in every cell by anything but RF (metabolism; a test's own); may be set between steps."""
        self.made_j = 0.0
        """What `source_w` has brought in."""
        # electricity
        self.phi = zeros()
        high, low = (0.5, -0.5) if p.electrode.poles == 2 else (1.0, 0.0)
        self.phi[p.kind == DISTAL] = high
        self.phi[p.kind == PROXIMAL] = low
        self._e_r, self._e_z = np.zeros((nz, nr + 1)), np.zeros((nz + 1, nr))
        self._e_far, self._diag, self._pivot = zeros(), zeros(), zeros()
        self.heat_share, self.contact_share = zeros(), zeros()
        self._move_share = zeros()
        """Share of the power that scales with each cell's conductivity: its own, and beyond the far boundary."""
        self.far_share = 0.0
        self._scale_of_field = np.ones(shape)
        self._conductance_of_field = 0.0
        self.conductance_s = 0.0
        self.reactance_ratio = 0.0
        self.power_error = 0.0
        """Greatest seen |V I - heat| / heat, of independent sums: current through the poles' surface, and heat."""
        self.solves = self.iterations = self.steps = 0
        self.out = Out()
        self.hottest_c = start + BODY_C
        """Hottest tissue, Celsius."""
        self.spared_c = math.nan
        """Hottest point of cord and dura, Celsius; NaN where there is no canal."""
        self._in_tissue = p.tissue
        self._spared = np.flatnonzero(p.spared)
        self._spares = self._spared.size > 0
        self._warm()
        self._note_peak()
        self.refresh()

    # --- between steps -----------------------------------------------------------------------------------------------

    def _warm(self) -> int:
        p = self.problem
        return heat.warm(
            self.heat_j,
            self._inv_cap,
            p.latent_c,
            p.heat_rise,
            p.options.conductivity_rise_per_c,
            self.t_c,
            self.sigma_scale,
            self.phase,
        )

    def refresh(self) -> None:
        """Electric field, conductances and factors anew, at the present temperatures."""
        self._solve_field()
        self.refresh_heat()

    def refresh_heat(self) -> None:
        """Conductances, capacities and factors at the present temperatures, and what one watt adds in a step."""
        p, grid = self.problem, self.problem.grid
        k = p.k_w_m_k * (1.0 + p.k_rise * np.minimum(self.t_c, heat.BOIL_C))
        heat.conductances(k, p.r_in, p.r_out, p.half_z, p.inv_ring, grid.dz_m, self._g_r, self._g_z)
        p.heat_faces.correct(self._g_r, self._g_z)
        if self.contact != 1.0:
            self._g_r[:, 1:-1][self._metal_r] *= self.contact
            self._g_z[1:-1, :][self._metal_z] *= self.contact
        self._far_w_k[:, -1] = grid.dz_m * k[:, -1] / p.r_out[-1]
        self._far_w_k[0] = k[0] / (p.half_z[0] * p.inv_ring)
        self._far_w_k[-1] = k[-1] / (p.half_z[-1] * p.inv_ring)
        self._far_w_k[0, -1] += grid.dz_m[0] * k[0, -1] / p.r_out[-1]
        self._far_w_k[-1, -1] += grid.dz_m[-1] * k[-1, -1] / p.r_out[-1]
        heat.capacities(self.heat_j, self._gain_j, self.t_c, self.phase, p.cap_j_k, p.latent_c, p.heat_rise, self._cap)
        self._sinks()
        heat.factorise(self._cap, self._g_r, self._g_z, heat.GAMMA * self.step_s, self._factors)
        self._unit_out = self._response(self.heat_share, self.unit_j, self._unit_mean)
        self._contact_known = False

    def _sinks(self) -> None:
        p = self.problem
        body_c = p.start_c
        far_c = body_c if p.options.far_c is None else p.options.far_c - BODY_C
        film = self._film_w_k * p.film_share
        self._blood_sum_w_k = float(self._blood_w_k.sum())
        self._far_sum_w_k = float(self._far_w_k.sum())
        self._sink = self._blood_w_k * self.perfusion_scale + self._far_w_k + film
        self._sink_heat = (
            self._blood_w_k * (self.perfusion_scale * body_c) + self._far_w_k * far_c + film * self._coolant_c
        )

    def _increments(self, t_c: Floats, source_w: Floats, gain_j: Floats, mean_c: Floats) -> None:
        heat.increments(
            t_c,
            source_w,
            self._g_r,
            self._g_z,
            self._sink,
            self._cap,
            self._factors,
            self.step_s,
            self._work,
            gain_j,
            mean_c,
        )

    def _response(self, source_w: Floats, gain_j: Floats, mean_c: Floats) -> Out:
        """What one watt, spread like this, adds in a step, and how much of it leaves."""
        self._increments(np.zeros_like(source_w), source_w, gain_j, mean_c)
        return self._outflow(mean_c, 0.0, 0.0, 0.0)

    def _outflow(self, mean_c: Floats, body_c: float, coolant_c: float, far_c: float) -> Out:
        share = self.problem.film_share
        blood_w, far_w, film_c = heat.weighted(self._blood_w_k, self._far_w_k, share, mean_c)
        blood_w = self.perfusion_scale * (blood_w - body_c * self._blood_sum_w_k)
        far_w -= far_c * self._far_sum_w_k
        coolant_w = self._film_w_k * (film_c - coolant_c)
        return Out(self.step_s * blood_w, self.step_s * coolant_w if self._film_w_k else 0.0, self.step_s * far_w)

    # --- electricity -------------------------------------------------------------------------------------------------

    def _solve_field(self) -> float:
        """Solves for one volt; the conductance by the current through the poles' surface."""
        p, grid = self.problem, self.problem.grid
        sigma = p.sigma_s_m * self.sigma_scale
        electric.electrify(sigma, p.kind, p.r_in, p.r_out, p.half_z, p.inv_ring, grid.dz_m, self._e_r, self._e_z)
        p.current_faces.correct(self._e_r, self._e_z)
        if p.electrode.poles == 1:
            self._far_conductance(sigma)
        electric.precondition(p.kind, self._e_r, self._e_z, self._e_far, self._diag, self._pivot)
        count = electric.solve_field(
            p.kind, self._e_r, self._e_z, self._diag, self._pivot, self.phi, self._work, TOLERANCE, MOST_ITERATIONS
        )
        if count < 0:
            raise ValueError(f"field: the electric field did not converge in {MOST_ITERATIONS} iterations")
        whole_w, far_w, in_a, back_a = electric.joule(
            sigma,
            p.kind,
            p.r_in,
            p.r_out,
            p.half_z,
            self._e_r,
            self._e_z,
            self._e_far,
            self.phi,
            self.heat_share,
            self.contact_share,
        )
        if p.options.ground == "far" and p.electrode.poles == 1:
            # the last half cell ends at the ground, so its heat is tissue's
            self.heat_share += self._e_far * self.phi**2
            whole_w, far_w = whole_w + far_w, 0.0
        total_w = whole_w + far_w
        current_a = 0.5 * (in_a + back_a) if p.electrode.poles == 2 else in_a
        self.power_error = max(self.power_error, abs(current_a - total_w) / total_w)
        self.heat_share /= total_w
        self.far_share = far_w / total_w
        np.multiply(self._e_far, self.phi**2 / total_w, out=self._move_share)
        if far_w == 0.0:
            self._move_share[:] = 0.0
        self._move_share += self.heat_share
        self._conductance_of_field = self.conductance_s = total_w
        self.reactance_ratio = float((self.heat_share * p.loss).sum())
        self._scale_of_field[:] = self.sigma_scale
        self.solves += 1
        self.iterations += count
        return current_a

    def _far_conductance(self, sigma: Floats) -> None:
        """The far boundary of a monopolar circuit: open (as from a point at 0), or at 0 V."""
        p, grid = self.problem, self.problem.grid
        r, z = grid.r_m, grid.z_m
        far = self._e_far
        far[:] = 0.0
        edge_r, low, high = grid.r_faces_m[-1], grid.z_faces_m[0], grid.z_faces_m[-1]
        to_side = p.r_out[-1] / grid.dz_m
        to_end = p.inv_ring * p.half_z[0], p.inv_ring * p.half_z[-1]
        side_beyond = low_beyond = high_beyond = np.zeros(1)
        if p.options.ground == "open":
            side_beyond = (edge_r**2 + z**2) / edge_r / (2.0 * math.pi * edge_r * grid.dz_m)
            low_beyond = (low**2 + r**2) / abs(low) * p.inv_ring
            high_beyond = (high**2 + r**2) / abs(high) * p.inv_ring
        tissue = p.kind == 0
        far[:, -1] += tissue[:, -1] * sigma[:, -1] / (to_side + side_beyond)
        far[0] += tissue[0] * sigma[0] / (to_end[0] + low_beyond)
        far[-1] += tissue[-1] * sigma[-1] / (to_end[1] + high_beyond)

    # --- a step ------------------------------------------------------------------------------------------------------

    def set_coolant(self, film_w_k: float, coolant_c: float) -> None:
        """The film's conductance and the temperature of what flows in, Celsius, from the next step on."""
        above_c = coolant_c - BODY_C if film_w_k > 0.0 else 0.0
        least = FILM_MOVED * self.problem.film_w_k
        if abs(film_w_k - self._film_w_k) <= least and (film_w_k > 0.0 or self._film_w_k == 0.0):
            if above_c == self._coolant_c:
                return
            film_w_k = self._film_w_k
        self._film_w_k, self._coolant_c = film_w_k, above_c
        self._sinks()

    def begin(self) -> Floats:
        """What every cell gains in the next step without power, J."""
        self._increments(self.t_c, self._sink_heat + self.source_w, self._free_j, self._free_mean)
        p = self.problem
        far_c = p.start_c if p.options.far_c is None else p.options.far_c - BODY_C
        self._free_out = self._outflow(self._free_mean, p.start_c, self._coolant_c, far_c)
        self._made_j = self.step_s * float(self.source_w.sum())
        return self._free_j

    def contact_response(self) -> Floats:
        """What every cell gains in a step from one watt at the poles' surface, J."""
        if not self._contact_known:
            self._contact_out = self._response(self.contact_share, self.contact_j, self._contact_mean)
            self._contact_known = True
        return self.contact_j

    def finish(self, tissue_w: float, contact_w: float) -> None:
        """Ends the step with the mean power through tissue and at the poles' surface; solves anew where due."""
        p = self.problem
        gain_j = self._gain_j
        gain_j[:] = self._free_j
        out = self._free_out
        if tissue_w != 0.0:
            gain_j += tissue_w * self.unit_j
            out = out.plus(self._unit_out, tissue_w)
            out = out.plus(Out(boundary_j=self.step_s * self.far_share), tissue_w)
        if contact_w != 0.0:
            gain_j += contact_w * self.contact_response()
            out = out.plus(self._contact_out, contact_w)
        self.heat_j += gain_j
        self.out = self.out.plus(out)
        self.made_j += self._made_j
        self.steps += 1
        changed = self._warm()
        self._note_peak()
        boils = self.hottest_c >= heat.BOIL_C + BODY_C
        self._since_damage_s += self.step_s
        if self._since_damage_s >= DAMAGE_EVERY_S - 1e-9:
            self._hurt()
        total, spread = electric.moved(self.sigma_scale, self._scale_of_field, self._move_share, p.kind)
        if spread > p.options.refresh:
            self.refresh()
            return
        self.conductance_s = self._conductance_of_field * (1.0 + total)
        if changed or boils:
            self.refresh_heat()

    def _note_peak(self) -> None:
        np.maximum(self.peak_c, self.t_c, out=self.peak_c)
        self.hottest_c = float(self.t_c.max(initial=-BODY_C, where=self._in_tissue)) + BODY_C
        if self._spares:
            self.spared_c = float(self.t_c.ravel()[self._spared].max()) + BODY_C

    def set_temperature(self, temperature_c: Floats) -> None:
        """Starts from these temperatures (Celsius, below boiling, (nz, nr)) instead of the body's. Before the first
        step.

        Raises ValueError where something boils at once.
        """
        above = np.asarray(temperature_c, dtype=np.float64) - BODY_C
        if float(above.max()) >= heat.BOIL_C:
            raise ValueError(
                f"field: a start at {float(above.max()) + BODY_C:g} C boils; give temperatures below 100 C"
            )
        p = self.problem
        self.heat_j = p.cap_j_k * (above + 0.5 * p.heat_rise * above**2)
        self._start_j = self.heat_j.copy()
        self._warm()
        self.peak_c[:] = self.t_c
        self._note_peak()
        self.refresh()

    def fresh_conductance(self) -> tuple[float, float]:
        """Conductance of the tissue from a new electric solve at the present temperatures, by the current through the
        poles' surface and by the integral of Joule heat. The state stays as it is."""
        twin = copy.copy(self)
        for name in ("phi", "_e_r", "_e_z", "_e_far", "_diag", "_pivot", "_work"):
            setattr(twin, name, getattr(self, name).copy())
        for name in ("heat_share", "contact_share", "_move_share", "_scale_of_field"):
            setattr(twin, name, np.zeros_like(self.phi))
        twin.power_error = 0.0
        by_current_s = twin._solve_field()
        return by_current_s, twin.conductance_s

    def damage_now(self) -> tuple[Floats, Floats]:
        """(Omega, CEM43 in minutes) of every cell, what has passed since they were last counted included."""
        omega, cem43_min = self.omega.copy(), self.cem43_min.copy()
        hurt(self.t_c, self._since_damage_s, self._ln_a, self._ea_r_k, omega, cem43_min)
        return omega, cem43_min

    def damage_later(self) -> Callable[[], tuple[Floats, Floats]]:
        """`damage_now` of this moment, worked out only when it is asked for."""
        twin = copy.copy(self)
        for name in ("t_c", "omega", "cem43_min"):
            setattr(twin, name, getattr(self, name).copy())
        return twin.damage_now

    def _hurt(self) -> None:
        hurt(self.t_c, self._since_damage_s, self._ln_a, self._ea_r_k, self.omega, self.cem43_min)
        self._since_damage_s = 0.0
        if self.problem.options.perfusion_stops:
            self._blood_w_k = self.problem.perfusion_w_k * np.exp(-np.minimum(self.omega, 50.0))
            self._sinks()

    # --- what it holds -----------------------------------------------------------------------------------------------

    @property
    def apparent_j_k(self) -> Floats:
        """Heat capacity of every cell as the step has it."""
        return self._cap

    @property
    def metal_c(self) -> float:
        """The metal that the coolant touches, Celsius."""
        share = self.problem.film_share
        return heat.weighted(share, share, share, self.t_c)[0] + BODY_C

    @property
    def stored_j(self) -> float:
        """Heat above the start, latent heat included."""
        return math.fsum((self.heat_j - self._start_j).ravel().tolist())

    def temperature_c(self) -> Floats:
        """Celsius, every cell."""
        return np.asarray(self.t_c + BODY_C)
