"""The quasi-static electric field and the transient bio-heat equation of a posed problem.

In time: second-order backward differences of variable step (BDF2), started by small steps of the first order, with
temperature-dependent figures extrapolated from the two steps before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu
from skfem import condense

from evidence.fem.axisym import CUT_QUADRATURE, QUADRATURE, Floats, Mesh
from evidence.fem.posed import Posed


@dataclass
class Course:
    """What a transient gave. `probe_c`: (times, probes)."""

    time_s: list[float] = field(default_factory=list)
    probe_c: list[Floats] = field(default_factory=list)
    ohm: list[float] = field(default_factory=list)
    tip_c: list[float] = field(default_factory=list)

    def at(self, time_s: float) -> tuple[Floats, float]:
        """Probes and resistance at one of the times."""
        found = int(np.argmin(np.abs(np.array(self.time_s) - time_s)))
        if abs(self.time_s[found] - time_s) > 1e-6:
            raise ValueError(f"finite elements: nothing was kept at {time_s:g} s")
        return self.probe_c[found], self.ohm[found]


class Reference:
    """Finite elements of one posed problem. `fineness` scales the number of elements in each direction."""

    def __init__(self, posed: Posed, fineness: float = 1.0) -> None:
        self.posed = posed
        round_ones = any(layer.shape == "sphere" for layer in posed.layers)
        order = CUT_QUADRATURE if round_ones else QUADRATURE
        self.mesh = Mesh.tensor(posed.r_lines_m(fineness), posed.z_lines_m(fineness), order)
        mesh = self.mesh
        middle = mesh.quads.p[:, mesh.quads.t].mean(axis=1)
        self.tissue_elements = np.flatnonzero(~posed.in_needle(middle[0], middle[1]))
        self.outside = np.zeros(mesh.quads.t.shape[1], dtype=bool)
        self.outside[self.tissue_elements] = True
        self.sigma = mesh.values(posed.sigma_s_m)
        self.k = mesh.values(posed.k_w_m_k)
        self.heat = mesh.values(posed.heat_j_m3_k)
        self.sink = mesh.values(posed.perfusion_w_m3_k) + mesh.values(posed.film_w_m3_k)
        self.sink_heat = mesh.values(posed.film_w_m3_k) * (posed.coolant_c - posed.body_c)
        far = posed.far_mm * 1e-3
        tiny = 1e-9
        self.far_facets = mesh.facets(lambda x: (x[0] > far - tiny) | (x[1] < -far + tiny) | (x[1] > far - tiny))
        self._fixed, self._potential = self._electric_boundary()
        self._tip = self._tip_weights()

    def _electric_boundary(self) -> tuple[Any, Floats]:
        """Unknowns of the potential that are given: the poles, and what no tissue touches."""
        mesh, posed = self.mesh, self.posed
        potential = np.zeros(mesh.size)
        x = np.asarray(mesh.basis.doflocs)
        tiny = 1e-9
        touched = np.unique(mesh.basis.element_dofs[:, self.tissue_elements])
        given = np.ones(mesh.size, dtype=bool)
        given[touched] = False
        volts = (0.5, -0.5) if posed.bipolar else (1.0,)
        for (start, end), volt in zip(posed.poles_m, volts, strict=True):
            on = (x[0] < posed.radius_m + tiny) & (x[1] > start - tiny) & (x[1] < end + tiny)
            potential[on] = volt
            given |= on
        if posed.ground == "far" and not posed.bipolar:
            given[mesh.on(self.far_facets)] = True
        return np.flatnonzero(given), potential

    def _tip_weights(self) -> Floats:
        """Mean over the last millimetre of metal: what a thermocouple in the tip reads."""
        posed = self.posed

        def bead(r: Floats, z: Floats) -> Floats:
            return np.where((r < posed.radius_m) & (z > posed.tip_m) & (z < posed.tip_m + 1e-3), 1.0, 0.0)

        weights = self.mesh.source(self.mesh.values(bead))
        return np.asarray(weights / weights.sum())

    def electric(self, scale: Floats | None = None, sigma: Floats | None = None) -> tuple[float, Floats]:
        """(conductance, heat by volume at the quadrature points for 1 V), conductivity times `scale`."""
        mesh, posed = self.mesh, self.posed
        if sigma is None:
            sigma = self.sigma if scale is None else self.sigma * scale
        matrix = mesh.conduction(sigma, self.tissue_elements)
        if posed.ground == "open" and not posed.bipolar:
            far = posed.far_mm * 1e-3

            def falls(r: Floats, z: Floats) -> Floats:
                # d phi / d rho = -phi / rho, so -d phi / dn = phi (n . x) / rho^2; n . x is the far distance
                return far / (r * r + z * z)

            matrix = matrix + mesh.robin(self.far_facets, posed.sigma_s_m, falls)
        phi = self._potential.copy()
        a, b, _x, inner = condense(matrix, np.zeros(mesh.size), x=phi, D=self._fixed)
        phi[inner] = splu(sp.csc_matrix(a)).solve(b)
        self.phi = phi
        joule = sigma * mesh.squared_gradient(phi)
        joule[~self.outside] = 0.0
        return float(phi @ (matrix @ phi)), joule

    def transient(
        self,
        end_s: float,
        keep_s: tuple[float, ...],
        probes_m: list[tuple[float, float]],
        step_s: float,
        on_step: Callable[[float, Floats], None] | None = None,
        rise: float = 1.3,
    ) -> Course:
        """Temperatures at probes, at the times to keep; the step grows from a fiftieth to `step_s`."""
        mesh, posed = self.mesh, self.posed
        read = mesh.probes(probes_m)
        fixed = mesh.on(self.far_facets)
        inner = np.setdiff1d(np.arange(mesh.size), fixed)
        varies = posed.conductivity_rise_per_c != 0.0 or posed.thermal_rise_per_c != 0.0
        storage = mesh.storage(self.heat)
        sinks = mesh.storage(self.sink)
        given = mesh.source(self.sink_heat)
        conduction = mesh.conduction(self.k)
        conductance, joule = self.electric()
        load = mesh.source(joule) * (posed.power_w / conductance) + given
        before, now = np.zeros(mesh.size), np.zeros(mesh.size)
        times = _times(end_s, keep_s, step_s, rise)
        course = Course()
        solver: Any = None
        made_for = (0.0, 0.0)
        last_s, h_before = 0.0, 0.0
        for time_s in times:
            h = time_s - last_s
            ratio = h / h_before if h_before else 0.0
            if varies and h_before:
                guess = mesh.at_quadrature(now + ratio * (now - before))
                scale = 1.0 + posed.conductivity_rise_per_c * guess
                conductance, joule = self.electric(scale)
                load = mesh.source(joule) * (posed.power_w / conductance) + given
                k = np.where(self.outside[:, None], self.k * (1.0 + posed.thermal_rise_per_c * guess), self.k)
                conduction = mesh.conduction(k)
            # BDF2 of variable step; BDF1 in the first
            lead = (1.0 + 2.0 * ratio) / (1.0 + ratio)
            old = (1.0 + ratio) * now - (ratio * ratio / (1.0 + ratio)) * before if ratio else now
            if varies or solver is None or abs(made_for[0] - h) > 1e-9 * h or abs(made_for[1] - lead) > 1e-9:
                system = sp.csc_matrix((lead / h * storage + conduction + sinks)[inner][:, inner])
                solver, made_for = splu(system), (h, lead)
            right = storage @ old / h + load
            fresh = np.zeros(mesh.size)
            fresh[inner] = solver.solve(right[inner])
            before, now = now, fresh
            last_s, h_before = time_s, h
            if on_step is not None:
                on_step(time_s, now)
            if any(abs(time_s - keep) < 1e-9 for keep in keep_s):
                ohm = 1.0 / conductance
                if varies:
                    at = mesh.at_quadrature(now)
                    ohm = 1.0 / self.electric(1.0 + posed.conductivity_rise_per_c * at)[0]
                course.time_s.append(time_s)
                course.probe_c.append(posed.body_c + np.asarray(read @ now))
                course.tip_c.append(posed.body_c + float(self._tip @ now))
                course.ohm.append(ohm)
        self.t = now
        return course


def _times(end_s: float, keep_s: tuple[float, ...], step_s: float, rise: float) -> list[float]:
    """Times of steps: growing to `step_s`, then even, each kept time among them."""
    stops = sorted({*[k for k in keep_s if k <= end_s], end_s})
    found: list[float] = []
    at, h = 0.0, step_s / 50.0
    for stop in stops:
        while at < stop - 1e-9:
            left = stop - at
            if h >= step_s * (1 - 1e-9):
                h = step_s
            count = max(1, round(left / h)) if h == step_s else 0
            take = left / count if count else min(h, left)
            if left - take < 0.5 * take and not count:
                take = left if left < 1.5 * take else take
            at = stop if left - take < 1e-9 else at + take
            found.append(at)
            h = min(step_s, h * rise)
    return found
