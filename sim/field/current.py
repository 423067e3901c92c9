"""The current field: one volt across the electrode, and what comes of it in every cell.

Solved at given conductivities, warm-started, and good in between as long as their moves do not spread.
"""

from __future__ import annotations

import copy
import math

import numpy as np

from sim.field import conjugate, electric
from sim.field.grid import Floats
from sim.field.problem import DISTAL, INSULATED, PROXIMAL, Problem

TOLERANCE = 2e-5
"""Of the electric solve: square root of the error's share of the energy."""
MOST_ITERATIONS = 2000
PIVOTS_LAST = 4
"""The preconditioner is made anew once a solve takes this many iterations more than the best since."""


class CurrentField:
    """One volt lies across the electrode in `phi`. Powers and heats are shares of the whole; arrays (nz, nr)."""

    def __init__(self, problem: Problem) -> None:
        self.problem = p = problem
        shape = nz, nr = p.grid.shape

        def zeros(*lead: int) -> Floats:
            return np.zeros((*lead, *shape))

        self.phi = zeros()
        high, low = (0.5, -0.5) if p.electrode.poles == 2 else (1.0, 0.0)
        self.phi[p.kind == DISTAL] = high
        self.phi[p.kind == PROXIMAL] = low
        self._e_r, self._e_z = np.zeros((nz, nr + 1)), np.zeros((nz + 1, nr))
        self._resists_r, self._resists_z = np.ones((nz, nr + 1)), np.ones((nz + 1, nr))
        p.current_faces.correct(self._resists_r, self._resists_z)
        self._resists_r, self._resists_z = 1.0 / self._resists_r, 1.0 / self._resists_z
        self._e_far, self._diag, self._root, self._ohm_m = zeros(), zeros(), zeros(), zeros()
        self._cg = conjugate.workspace(shape)
        self._moves, self._phi_before = zeros(3), zeros()
        self._pivots_due, self._least_count = True, 0
        blocked = p.kind == INSULATED
        metal = p.kind != 0
        self._surface = np.concatenate(
            [
                np.insert(np.argwhere((metal[a] != metal[b]) & ~blocked[a] & ~blocked[b]) + offset, 0, across, axis=1)
                for a, b, offset, across in (
                    (np.s_[:, 1:], np.s_[:, :-1], (0, 1), 1),
                    (np.s_[1:, :], np.s_[:-1, :], (1, 0), 0),
                )
            ]
        )
        self.heat_share, self.contact_share = zeros(), zeros()
        self._move_share = zeros()
        """Share of the power that scales with each cell's conductivity: its own, and beyond the far boundary."""
        self.far_share = 0.0
        self._inv_scale_of_field = np.ones(shape)
        self._conductance_of_field = 0.0
        self.conductance_s = 0.0
        self.reactance_ratio = 0.0
        self.power_error = 0.0
        """Greatest seen |V I - heat| / heat, of independent sums: current through the poles' surface, and heat."""
        self.solves = self.iterations = 0
        self._none = zeros()

    def moved(self, sigma_scale: Floats) -> tuple[float, float]:
        """(the conductance's change since the solve, to first order; the spread of the conductivity's moves)."""
        return electric.moved(sigma_scale, self._inv_scale_of_field, self._move_share)

    def conductance_now(self, change: float) -> None:
        """Takes the conductance as changed by this share since the solve."""
        self.conductance_s = self._conductance_of_field * (1.0 + change)

    def fresh(self, sigma_scale: Floats) -> tuple[float, float]:
        """Conductance by the current through the poles' surface, and by the integral of Joule heat, from a new solve.
        The state stays as it is."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(twin, name, value.copy())
        twin.power_error = 0.0
        by_current_s = twin.solve(sigma_scale)
        return by_current_s, twin.conductance_s

    def flows(self) -> tuple[Floats, Floats]:
        """Current from each cell to the next across, (nz, nr - 1), and along, (nz - 1, nr), A at one volt."""
        return (
            self._e_r[:, 1:-1] * (self.phi[:, :-1] - self.phi[:, 1:]),
            self._e_z[1:-1] * (self.phi[:-1] - self.phi[1:]),
        )

    def solve(self, sigma_scale: Floats) -> float:
        """Solves for one volt at these shares of the 37 C conductivity; the conductance by the current through the
        poles' surface.

        Raises ValueError where it does not converge (no tissue between the poles).
        """
        p, grid = self.problem, self.problem.grid
        electric.resistivities(p.sigma_s_m, sigma_scale, p.kind, self._ohm_m)
        electric.electrify(self._ohm_m, p.r_in, p.r_out, p.half_z, p.inv_ring, grid.dz_m, self._e_r, self._e_z)
        p.current_faces.correct(self._e_r, self._e_z)
        if p.electrode.poles == 1:
            self._far_conductance(sigma_scale)
        conjugate.diagonal(self._e_r, self._e_z, self._e_far, self._diag)
        moves, number = self._moves, self.solves % len(self._moves)
        self._phi_before[:] = self.phi
        conjugate.best_sum(self._e_r, self._e_z, self._e_far, self.phi, moves)
        count = -1
        while count < 0:
            made = self._pivots_due
            if made:
                conjugate.pivots(p.kind, self._e_r, self._e_z, self._diag, self._root)
            count = conjugate.solve_field(
                p.kind, self._e_r, self._e_z, self._diag, self._root, self.phi, self._cg, TOLERANCE, MOST_ITERATIONS
            )
            if made:
                break
            self._pivots_due = count < 0
        if count < 0:
            raise ValueError(f"field: the electric field did not converge in {MOST_ITERATIONS} iterations")
        conjugate.scale_to_feed(p.kind, self._e_r, self._e_z, self._e_far, self.phi)
        if self.solves:
            np.subtract(self.phi, self._phi_before, out=moves[number])
        whole_w, far_w = electric.joule(
            self._ohm_m,
            p.kind,
            p.r_in,
            p.r_out,
            p.half_z,
            p.inv_ring,
            grid.dz_m,
            self._e_r,
            self._e_z,
            self._e_far,
            self._resists_r,
            self._resists_z,
            self.phi,
            self.heat_share,
        )
        in_a, back_a = electric.surface_current(
            self._surface, p.kind, self._e_r, self._e_z, self.phi, self.contact_share
        )
        if p.options.ground == "far" and p.electrode.poles == 1:
            # the last half cell ends at the ground, so its heat is tissue's
            self.heat_share += self._e_far * self.phi**2
            whole_w, far_w = whole_w + far_w, 0.0
        total_w = whole_w + far_w
        current_a = 0.5 * (in_a + back_a) if p.electrode.poles == 2 else in_a
        self.power_error = max(self.power_error, abs(current_a - total_w) / total_w)
        self.far_share = far_w / total_w
        self.reactance_ratio = electric.shares(
            total_w,
            p.loss,
            self._e_far if far_w > 0.0 else self._none,
            self.phi,
            sigma_scale,
            self.heat_share,
            self._move_share,
            self._inv_scale_of_field,
        )
        self._conductance_of_field = self.conductance_s = total_w
        # a solve that takes long says that the pivots are of a field that is gone
        self._least_count = count if made else min(self._least_count, count)
        self._pivots_due = count > self._least_count + PIVOTS_LAST
        self.solves += 1
        self.iterations += count
        return current_a

    def _far_conductance(self, scale: Floats) -> None:
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
        sigma = p.sigma_s_m * (p.kind == 0)
        far[:, -1] += sigma[:, -1] * scale[:, -1] / (to_side + side_beyond)
        far[0] += sigma[0] * scale[0] / (to_end[0] + low_beyond)
        far[-1] += sigma[-1] * scale[-1] / (to_end[1] + high_beyond)
