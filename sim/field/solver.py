"""The field's state, and what moves it: heat steps between electric solves.

Within a step everything is linear: what the tissue does without power and what one watt adds are computed apart, and
the power that turns up is multiplied in at the end. So a step may be several ticks long, and every tick in between
still sees what its own power does at the thermocouples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.field import heat
from sim.field.current import CurrentField
from sim.field.damage import Damage
from sim.field.grid import Floats
from sim.field.problem import Problem
from sim.tissue import BODY_C

DAMAGE_EVERY_S = 1.0
MOST_GROWTH = 1.5
"""Of a step over the one before."""
STEP_MOVES_C = 0.5
STEP_SPREADS = 0.008
"""What a step may move: the temperature of a cell that does not boil; the spread of the conductivity's moves."""
MOST_AGAIN = 6
"""A step in which cells end their boiling is taken again at most so often."""
FILM_MOVED = 1e-3
"""Relative change of the coolant's film that is put into the step."""


class Out(NamedTuple):
    """Heat that left, by way: J, or J per watt and step."""

    blood_j: float = 0.0
    coolant_j: float = 0.0
    boundary_j: float = 0.0

    def plus(self, other: Out, scale: float = 1.0) -> Out:
        """The sum, the other scaled."""
        return Out(
            self.blood_j + scale * other.blood_j,
            self.coolant_j + scale * other.coolant_j,
            self.boundary_j + scale * other.boundary_j,
        )


class FieldSolver:
    """Temperatures above 37 C in `t_c`, heat in `heat_j`; (nz, nr). `current` is the field of one volt.

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
        self.phase = np.zeros(shape, dtype=np.int8)
        self.peak_c = np.full(shape, start)
        self.damage = Damage(p.options.damage, self.peak_c)
        # heat
        nz, nr = shape
        self._g_r, self._g_z = np.zeros((nz, nr + 1)), np.zeros((nz + 1, nr))
        self._cap = zeros()
        self._factors = zeros(4)
        self._far_w_k = zeros()
        self._blood_w_k = p.perfusion_w_k.copy()
        self._sink, self._sink_heat = zeros(), zeros()
        self._film_w_k, self._coolant_c = 0.0, 0.0
        self._filmed = np.flatnonzero(p.film_share)
        self._film_shares = p.film_share.take(self._filmed)
        self._film_columns = int(np.flatnonzero(p.film_share.any(axis=0)).max(initial=-1)) + 1
        self._blood_sum_w_k, self._far_sum_w_k = 0.0, 0.0
        self.perfusion_scale, self.contact = 1.0, 1.0
        self._metal_r = (p.kind[:, 1:] == 0) != (p.kind[:, :-1] == 0)
        self._metal_z = (p.kind[1:, :] == 0) != (p.kind[:-1, :] == 0)
        self._work = zeros(2)
        self._free_j, self._gain_j = zeros(), zeros()
        self._k, self._cold = zeros(), zeros()
        self._made_j = 0.0
        self.unit_j = zeros()
        self.contact_j = zeros()
        self._contact_known = False
        self._free_out, self._unit_out, self._contact_out = Out(), Out(), Out()
        self.source_w: Floats | None = None
        """Heat made in every cell by anything but RF (metabolism; a test's own); may be set between steps."""
        self.made_j = 0.0
        """What `source_w` has brought in."""
        self.current = CurrentField(p)
        self.steps = 0
        self.time_s = self._since_solve_s = 0.0
        self._spread_per_s = self._moved_c = 0.0
        self._factors_due = self._unit_due = True
        self.out = Out()
        self.hottest_c = start + BODY_C
        """Hottest tissue, Celsius."""
        self.spared_c = math.nan
        """Hottest point of cord and dura, Celsius; NaN where there is no canal."""
        self._spared = np.argwhere(p.spared)
        self._spares = len(self._spared) > 0
        self._warm()
        self.refresh()

    # --- between steps -----------------------------------------------------------------------------------------------

    def _warm(self) -> int:
        p = self.problem
        changed, hottest_c, self._moved_c = heat.warm(
            self.heat_j,
            self._inv_cap,
            p.latent_c,
            p.heat_rise,
            p.options.conductivity_rise_per_c,
            p.kind,
            self.t_c,
            self.sigma_scale,
            self.phase,
            self.peak_c,
        )
        if not math.isfinite(hottest_c):
            raise ArithmeticError("field: its temperatures are not numbers any more")
        self.hottest_c = hottest_c + BODY_C
        if self._spares:
            self.spared_c = heat.hottest_of(self.t_c, self._spared) + BODY_C
        return changed

    def refresh(self) -> None:
        """Electric field, conductances and factors anew, at the present temperatures."""
        self.current.solve(self.sigma_scale)
        self._since_solve_s = 0.0
        self.refresh_heat()

    def refresh_heat(self) -> None:
        """Conductances and capacities at the present temperatures; factors and what one watt adds follow."""
        p, grid = self.problem, self.problem.grid
        k = self._k
        heat.conducts(p.k_w_m_k, p.k_rise, self.t_c, k)
        heat.conductances(k, p.r_in, p.r_out, p.half_z, p.inv_ring, grid.dz_m, self._g_r, self._g_z)
        p.heat_faces.correct(self._g_r, self._g_z)
        if self.contact != 1.0:
            self._g_r[:, 1:-1][self._metal_r] *= self.contact
            self._g_z[1:-1, :][self._metal_z] *= self.contact
        heat.beyond(k, p.r_out, p.half_z, p.inv_ring, grid.dz_m, self._far_w_k)
        self._capacities()
        self._sinks()
        self._factors_due = True

    def _capacities(self) -> None:
        p = self.problem
        if heat.capacities(self.t_c, self.phase, p.cap_j_k, p.latent_c, p.heat_rise, self._cap):
            self._factors_due = True

    def _factorise(self) -> None:
        heat.factorise(self._cap, self._g_r, self._g_z, heat.GAMMA * self.step_s, self._factors)
        self._factors_due = False
        self._unit_due = True

    def _sinks(self) -> None:
        p = self.problem
        body_c = p.start_c
        far_c = body_c if p.options.far_c is None else p.options.far_c - BODY_C
        self._blood_sum_w_k, self._far_sum_w_k = heat.sinks(
            self._blood_w_k,
            self._far_w_k,
            p.film_share,
            self.perfusion_scale,
            self._film_w_k,
            body_c,
            far_c,
            self._coolant_c,
            self._sink,
            self._sink_heat,
        )

    def _increments(self, t_c: Floats, source_w: Floats, gain_j: Floats) -> tuple[float, float, float]:
        return heat.increments(
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
            self._blood_w_k,
            self._far_w_k,
            self.problem.film_share,
            self._film_columns,
        )

    def _response(self, source_w: Floats, gain_j: Floats) -> Out:
        """What one watt, spread like this, adds in a step, and how much of it leaves."""
        return self._outflow(self._increments(self._cold, source_w, gain_j), 0.0, 0.0, 0.0)

    def _outflow(self, sums: tuple[float, float, float], body_c: float, coolant_c: float, far_c: float) -> Out:
        blood_w, far_w, film_c = sums
        blood_w = self.perfusion_scale * (blood_w - body_c * self._blood_sum_w_k)
        far_w -= far_c * self._far_sum_w_k
        coolant_w = self._film_w_k * (film_c - coolant_c)
        return Out(self.step_s * blood_w, self.step_s * coolant_w if self._film_w_k else 0.0, self.step_s * far_w)

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

    def next_step_s(self, least_s: float) -> float:
        """How long the next step may be: the last one's moves, at their pace, stay within what a step may move."""
        moved_c, spread = self._moved_c / self.step_s, self._spread_per_s
        options = self.problem.options
        longest_s = min(MOST_GROWTH * self.step_s, options.pace * options.step_s)
        for speed, most in ((moved_c, options.pace * STEP_MOVES_C), (spread, options.pace * STEP_SPREADS)):
            if speed * longest_s > most:
                longest_s = most / speed
        return max(longest_s, least_s)

    def begin(self, step_s: float | None = None) -> Floats:
        """What every cell gains in the next step, of this length, without power, J. May be called again."""
        if step_s is not None and step_s != self.step_s:
            self.step_s = step_s
            self._factors_due = True
        if self._factors_due:
            self._factorise()
        if self._unit_due:
            self._unit_out = self._response(self.current.heat_share, self.unit_j)
            self._contact_known = self._unit_due = False
        self._free_out = self._advanced(self._sink_heat, self._free_j)
        self._made_j = 0.0 if self.source_w is None else self.step_s * float(self.source_w.sum())
        return self._free_j

    def _advanced(self, source_w: Floats, gain_j: Floats) -> Out:
        """What every cell gains in the step from where it is, by this source and what else makes heat; what leaves."""
        p = self.problem
        if self.source_w is not None:
            source_w = source_w + self.source_w
        far_c = p.start_c if p.options.far_c is None else p.options.far_c - BODY_C
        return self._outflow(self._increments(self.t_c, source_w, gain_j), p.start_c, self._coolant_c, far_c)

    def most_per_watt_c(self) -> float:
        """The greatest rise of a temperature by one watt over the step that has begun."""
        return float(np.divide(self.unit_j, self._cap, out=self._work[0]).max())

    def contact_response(self) -> Floats:
        """What every cell gains in a step from one watt at the poles' surface, J."""
        if not self._contact_known:
            self._contact_out = self._response(self.current.contact_share, self.contact_j)
            self._contact_known = True
        return self.contact_j

    def _gain(self, tissue_w: float, contact_w: float) -> Out:
        """What every cell gains in the step, into `_gain_j`; what leaves."""
        gain_j, added_j = self._gain_j, self._work[0]
        gain_j[:] = self._free_j
        out = self._free_out
        if tissue_w != 0.0:
            gain_j += np.multiply(self.unit_j, tissue_w, out=added_j)
            out = out.plus(self._unit_out, tissue_w)
            out = out.plus(Out(boundary_j=self.step_s * self.current.far_share), tissue_w)
        if contact_w != 0.0:
            gain_j += np.multiply(self.contact_response(), contact_w, out=added_j)
            out = out.plus(self._contact_out, contact_w)
        return out

    def finish(self, tissue_w: float, contact_w: float) -> None:
        """Ends the step with the mean power through tissue and at the poles' surface; solves anew where due."""
        p = self.problem
        boils = self.hottest_c >= heat.BOIL_C + BODY_C
        out = self._gain(tissue_w, contact_w)
        for _ in range(MOST_AGAIN if boils else 0):
            if not heat.overshot(self.heat_j, self._gain_j, self.phase, p.cap_j_k, p.latent_c, p.heat_rise, self._cap):
                break
            self._factorise()
            source_w = self._sink_heat + tissue_w * self.current.heat_share
            if contact_w != 0.0:
                source_w += contact_w * self.current.contact_share
            out = self._advanced(source_w, self._gain_j)
            out = out.plus(Out(boundary_j=self.step_s * self.current.far_share), tissue_w)
        self.heat_j += self._gain_j
        self.out = self.out.plus(out)
        self.made_j += self._made_j
        self.steps += 1
        self.time_s += self.step_s
        changed = self._warm()
        self.damage.since_s += self.step_s
        if self.damage.since_s >= DAMAGE_EVERY_S - 1e-9:
            self._hurt()
        total, spread = self.current.moved(self.sigma_scale)
        self._since_solve_s += self.step_s
        self._spread_per_s = spread / self._since_solve_s
        if spread > p.options.pace * p.options.refresh:
            self.refresh()
            return
        self.current.conductance_now(total)
        if changed or boils:
            self._capacities()

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
        self.damage.start(self.t_c)
        self.refresh()

    def fresh_conductance(self) -> tuple[float, float]:
        """Conductance of the tissue from a new electric solve at the present temperatures, by the current through the
        poles' surface and by the integral of Joule heat. The state stays as it is."""
        return self.current.fresh(self.sigma_scale)

    def damage_now(self) -> tuple[Floats, Floats]:
        """(Omega, CEM43 in minutes) of every cell, what has passed since they were last counted included."""
        return self.damage.at(self.t_c)

    def _hurt(self) -> None:
        self.damage.count(self.t_c)
        if self.problem.options.perfusion_stops:
            left = np.minimum(self.damage.omega, 50.0, out=self._work[0])
            np.exp(np.negative(left, out=left), out=left)
            np.multiply(self.problem.perfusion_w_k, left, out=self._blood_w_k)
            self._sinks()

    # --- what it holds -----------------------------------------------------------------------------------------------

    @property
    def apparent_j_k(self) -> Floats:
        """Heat capacity of every cell as the step has it."""
        return self._cap

    @property
    def metal_c(self) -> float:
        """The metal that the coolant touches, Celsius."""
        return heat.weighted(self.t_c, self._filmed, self._film_shares) + BODY_C

    @property
    def stored_j(self) -> float:
        """Heat above the start, latent heat included."""
        return math.fsum((self.heat_j - self._start_j).ravel().tolist())

    def temperature_c(self) -> Floats:
        """Celsius, every cell."""
        return np.asarray(self.t_c + BODY_C)
