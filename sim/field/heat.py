"""Compiled kernels of the heat equation.

State: heat of every cell in joules above 37 C (`heat_j`), so that nothing is lost in boiling. In time the method is
ROS2, the two-stage Rosenbrock method of order 2 with g = 1/2, with the linear system factorised by direction
(Verwer, Spee, Blom and Hundsdorfer, SIAM J. Sci. Comput. 20, 1999: order 2 is
kept whatever approximates the Jacobian). Each factor is a set of tridiagonal systems.
"""

from __future__ import annotations

import math

from sim.field.compiled import compiled
from sim.field.grid import Floats, Ints
from sim.tissue import BODY_C, BOILING_C, VAPOUR_CONDUCTIVITY_FRACTION, VAPOUR_SPAN_C

GAMMA = 0.5
"""Any value keeps order 2. 1 - 1/sqrt(2) would damp fully were nothing split, but split, between steel and tissue, it
grows without bound: past 0.3 s a step on the default grid, at 0.2 s on the fine one."""
BOIL_C = BOILING_C - BODY_C
"""Boiling, above 37 C."""
SPAN_C = VAPOUR_SPAN_C
DRY_LEFT = VAPOUR_CONDUCTIVITY_FRACTION


@compiled
def warm(
    heat_j: Floats,
    inv_cap_k_j: Floats,
    latent_c: Floats,
    heat_rise: Floats,
    sigma_rise: float,
    t_c: Floats,
    sigma_scale: Floats,
    phase: Ints,
) -> int:
    """From heat to temperature above 37 C, share of the 37 C conductivity, and phase (0 wet, 1 boiling, 2 dry).

    `latent_c`: heat of vaporisation over heat capacity at 37 C; 0 where nothing boils. `heat_rise`: rise of heat
    capacity per Celsius, of its value at 37 C. Returns how many cells changed phase.
    """
    nz, nr = heat_j.shape
    changed = 0
    for j in range(nz):
        for i in range(nr):
            x = heat_j[j, i] * inv_cap_k_j[j, i]
            rise = heat_rise[j, i]
            boil_x = BOIL_C * (1.0 + 0.5 * rise * BOIL_C)
            now = 0
            if latent_c[j, i] == 0.0 or x < boil_x:
                t = x
                if rise != 0.0:
                    t = 2.0 * x / (1.0 + math.sqrt(1.0 + 2.0 * rise * x))
                s = 1.0 + sigma_rise * t
            else:
                span_x = latent_c[j, i] + SPAN_C
                over = x - boil_x
                now = 1
                dry = over / span_x
                t = BOIL_C + dry * SPAN_C
                if over >= span_x:
                    now = 2
                    dry = 1.0
                    t = BOIL_C + SPAN_C + (over - span_x)
                s = (1.0 + sigma_rise * BOIL_C) * (1.0 - (1.0 - DRY_LEFT) * dry)
            t_c[j, i] = t
            sigma_scale[j, i] = s if s > DRY_LEFT else DRY_LEFT
            if now != phase[j, i]:
                changed += 1
                phase[j, i] = now
    return changed


STAYS = 4.0
"""A cell counts as boiling throughout the next step where this many times its last gain would not end its boiling."""


@compiled
def capacities(
    heat_j: Floats,
    gain_j: Floats,
    t_c: Floats,
    phase: Ints,
    cap_j_k: Floats,
    latent_c: Floats,
    heat_rise: Floats,
    apparent_j_k: Floats,
) -> None:
    """Heat capacity of every cell as the next step takes it: with latent heat where it boils and goes on boiling.

    A cell that is about to begin or end boiling is given the capacity without latent heat, the lesser one. What it
    holds stays exact, for heat is the state; but a step that takes a capacity for greater than it turns out to be
    overshoots, and one that takes it for less is stable (the linear schemes for enthalpy of Berger, Brezis and
    Rogers, RAIRO Anal. Numer. 13, 1979, need just that). `gain_j`: what each cell gained in the step before.
    """
    nz, nr = t_c.shape
    for j in range(nz):
        for i in range(nr):
            if phase[j, i] == 1:
                over = heat_j[j, i] / cap_j_k[j, i] - BOIL_C * (1.0 + 0.5 * heat_rise[j, i] * BOIL_C)
                room = min(over, latent_c[j, i] + SPAN_C - over)
                apparent_j_k[j, i] = cap_j_k[j, i]
                if STAYS * abs(gain_j[j, i]) < room * cap_j_k[j, i]:
                    apparent_j_k[j, i] = cap_j_k[j, i] * (1.0 + latent_c[j, i] / SPAN_C)
            elif phase[j, i] == 2:
                apparent_j_k[j, i] = cap_j_k[j, i]
            else:
                apparent_j_k[j, i] = cap_j_k[j, i] * (1.0 + heat_rise[j, i] * t_c[j, i])


@compiled
def conductances(
    k: Floats, r_in: Floats, r_out: Floats, half_z: Floats, inv_ring: Floats, dz_m: Floats, g_r: Floats, g_z: Floats
) -> None:
    """Conductance of every face between two cells; the two halves in series. Faces on the boundary get 0.

    `r_in`, `r_out`: ln of radii over 2 pi, from a cell's inner face to its middle and on to its outer face. `g_r`
    (nz, nr + 1), `g_z` (nz + 1, nr). A cell with k = 0 lets nothing through.
    """
    nz, nr = k.shape
    for j in range(nz):
        g_r[j, 0] = 0.0
        g_r[j, nr] = 0.0
        for i in range(1, nr):
            a, b = k[j, i - 1], k[j, i]
            g_r[j, i] = dz_m[j] * a * b / (r_out[i - 1] * b + r_in[i] * a) if a * b > 0.0 else 0.0
    for i in range(nr):
        g_z[0, i] = 0.0
        g_z[nz, i] = 0.0
    for j in range(1, nz):
        for i in range(nr):
            a, b = k[j - 1, i], k[j, i]
            g_z[j, i] = a * b / (inv_ring[i] * (half_z[j - 1] * b + half_z[j] * a)) if a * b > 0.0 else 0.0


@compiled
def factorise(
    cap_j_k: Floats,
    g_r: Floats,
    g_z: Floats,
    gdt_s: float,
    factors: Floats,
) -> None:
    """Factors of the tridiagonal systems across and along, (6, nz, nr): low, up and inverse pivot of each.

    Sinks are not stiff and stay explicit.
    """
    nz, nr = cap_j_k.shape
    r_low, r_up, r_inv, z_low, z_up, z_inv = factors[0], factors[1], factors[2], factors[3], factors[4], factors[5]
    for j in range(nz):
        carry = 0.0
        for i in range(nr):
            low = gdt_s * g_r[j, i]
            up = gdt_s * g_r[j, i + 1]
            inv = 1.0 / (cap_j_k[j, i] + low + up - low * carry)
            r_inv[j, i] = inv
            r_low[j, i] = low * inv
            carry = up * inv
            r_up[j, i] = carry
    for i in range(nr):
        z_up[0, i] = 0.0
    for j in range(nz):
        for i in range(nr):
            low = gdt_s * g_z[j, i]
            up = gdt_s * g_z[j + 1, i]
            carry = z_up[j - 1, i] if j > 0 else 0.0
            inv = 1.0 / (cap_j_k[j, i] + low + up - low * carry)
            z_inv[j, i] = inv
            z_low[j, i] = low * inv
            z_up[j, i] = up * inv


@compiled
def _flow(t: Floats, source_w: Floats, g_r: Floats, g_z: Floats, sink_w_k: Floats, out_w: Floats) -> None:
    """Net heat into every cell: source, conduction from its four neighbours, less what its sink takes."""
    nz, nr = t.shape
    for j in range(nz):
        south = j - 1 if j > 0 else 0
        north = j + 1 if j < nz - 1 else j
        for i in range(1, nr - 1):
            here = t[j, i]
            out_w[j, i] = (
                source_w[j, i]
                - sink_w_k[j, i] * here
                + g_r[j, i] * (t[j, i - 1] - here)
                + g_r[j, i + 1] * (t[j, i + 1] - here)
                + g_z[j, i] * (t[south, i] - here)
                + g_z[j + 1, i] * (t[north, i] - here)
            )
        for i in (0, nr - 1):
            here = t[j, i]
            flow = source_w[j, i] - sink_w_k[j, i] * here
            if i == 0:
                flow += g_r[j, 1] * (t[j, 1] - here)
            else:
                flow += g_r[j, i] * (t[j, i - 1] - here)
            flow += g_z[j, i] * (t[south, i] - here) + g_z[j + 1, i] * (t[north, i] - here)
            out_w[j, i] = flow


@compiled
def _across(y: Floats, r_low: Floats, r_up: Floats, r_inv: Floats) -> None:
    """Solves the systems across, in place; four rows at a time, because each waits for itself."""
    nz, nr = y.shape
    j = 0
    while j + 4 <= nz:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for i in range(nr):
            a = y[j, i] * r_inv[j, i] + r_low[j, i] * a
            b = y[j + 1, i] * r_inv[j + 1, i] + r_low[j + 1, i] * b
            c = y[j + 2, i] * r_inv[j + 2, i] + r_low[j + 2, i] * c
            d = y[j + 3, i] * r_inv[j + 3, i] + r_low[j + 3, i] * d
            y[j, i], y[j + 1, i], y[j + 2, i], y[j + 3, i] = a, b, c, d
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for i in range(nr - 1, -1, -1):
            a = y[j, i] + r_up[j, i] * a
            b = y[j + 1, i] + r_up[j + 1, i] * b
            c = y[j + 2, i] + r_up[j + 2, i] * c
            d = y[j + 3, i] + r_up[j + 3, i] * d
            y[j, i], y[j + 1, i], y[j + 2, i], y[j + 3, i] = a, b, c, d
        j += 4
    while j < nz:
        a = 0.0
        for i in range(nr):
            a = y[j, i] * r_inv[j, i] + r_low[j, i] * a
            y[j, i] = a
        a = 0.0
        for i in range(nr - 1, -1, -1):
            a = y[j, i] + r_up[j, i] * a
            y[j, i] = a
        j += 1


@compiled
def _along(y: Floats, cap_j_k: Floats, z_low: Floats, z_up: Floats, z_inv: Floats) -> None:
    """Solves the systems along for capacity times y, in place."""
    nz, nr = y.shape
    for i in range(nr):
        y[0, i] = y[0, i] * cap_j_k[0, i] * z_inv[0, i]
    for j in range(1, nz):
        for i in range(nr):
            y[j, i] = y[j, i] * cap_j_k[j, i] * z_inv[j, i] + z_low[j, i] * y[j - 1, i]
    for j in range(nz - 2, -1, -1):
        for i in range(nr):
            y[j, i] = y[j, i] + z_up[j, i] * y[j + 1, i]


@compiled
def weighted(a: Floats, b: Floats, c: Floats, values: Floats) -> tuple[float, float, float]:
    """Sums of `values` weighted by each of three arrays, in the order of the cells: the same bits everywhere, and
    without the threads of a linear algebra library."""
    nz, nr = values.shape
    in_a, in_b, in_c = 0.0, 0.0, 0.0
    for j in range(nz):
        for i in range(nr):
            value = values[j, i]
            in_a += a[j, i] * value
            in_b += b[j, i] * value
            in_c += c[j, i] * value
    return in_a, in_b, in_c


@compiled
def increments(
    t_c: Floats,
    source_w: Floats,
    g_r: Floats,
    g_z: Floats,
    sink_w_k: Floats,
    cap_j_k: Floats,
    factors: Floats,
    dt_s: float,
    work: Floats,
    dheat_j: Floats,
    mean_c: Floats,
) -> None:
    """Heat that every cell gains in one step, and the temperature at which its sink acts over the step.

    Linear in (`t_c`, `source_w`): increments of several sources add up. The sum of `dheat_j` is exactly dt times
    (the sum of `source_w` less the sum of `sink_w_k * mean_c`), which is the ledger. `work`: (2, nz, nr).
    """
    nz, nr = t_c.shape
    r_low, r_up, r_inv, z_low, z_up, z_inv = factors[0], factors[1], factors[2], factors[3], factors[4], factors[5]
    y = work[0]
    stage = work[1]
    _flow(t_c, source_w, g_r, g_z, sink_w_k, y)
    _across(y, r_low, r_up, r_inv)
    _along(y, cap_j_k, z_low, z_up, z_inv)
    for j in range(nz):
        for i in range(nr):
            k1 = y[j, i]
            stage[j, i] = t_c[j, i] + dt_s * k1
            mean_c[j, i] = 0.5 * (t_c[j, i] + stage[j, i])
            dheat_j[j, i] = cap_j_k[j, i] * k1
    _flow(stage, source_w, g_r, g_z, sink_w_k, y)
    for j in range(nz):
        for i in range(nr):
            y[j, i] -= 2.0 * dheat_j[j, i]
    _across(y, r_low, r_up, r_inv)
    _along(y, cap_j_k, z_low, z_up, z_inv)
    for j in range(nz):
        for i in range(nr):
            dheat_j[j, i] = dt_s * (1.5 * dheat_j[j, i] + 0.5 * cap_j_k[j, i] * y[j, i])
