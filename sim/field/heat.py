"""Compiled kernels of the heat equation.

State: heat of every cell in joules above 37 C (`heat_j`), so that nothing is lost in boiling. In time the method is
ROS2, the two-stage Rosenbrock method of order 2 with g = 1/2, with the linear system factorised by direction
(Verwer, Spee, Blom and Hundsdorfer, SIAM J. Sci. Comput. 20, 1999: order 2 is
kept whatever approximates the Jacobian). Each factor is a set of tridiagonal systems.
"""

from __future__ import annotations

import math

import numpy as np

from sim.field.compiled import compiled, summing
from sim.field.grid import Floats, Ints
from sim.tissue import BODY_C, BOILING_C, VAPOUR_CONDUCTIVITY_FRACTION, VAPOUR_SPAN_C

GAMMA = 0.5
"""Any value keeps order 2. 1 - 1/sqrt(2) would damp fully were nothing split, but split, between steel and tissue, it
grows without bound: past 0.3 s a step on the default grid, at 0.2 s on the fine one."""
BOIL_C = BOILING_C - BODY_C
"""Boiling, above 37 C."""
SPAN_C = VAPOUR_SPAN_C
DRY_LEFT = VAPOUR_CONDUCTIVITY_FRACTION
ROWS = 4
"""Rows swept at once."""
U = np.uint64
ZERO, ONE = U(0), U(1)
"""Places without a sign (see `sim.field.conjugate`)."""


@compiled
def warm(
    heat_j: Floats,
    inv_cap_k_j: Floats,
    latent_c: Floats,
    heat_rise: Floats,
    sigma_rise: float,
    kind: Ints,
    t_c: Floats,
    sigma_scale: Floats,
    phase: Ints,
    peak_c: Floats,
) -> tuple[int, float, float]:
    """From heat to temperature above 37 C, share of the 37 C conductivity, phase (0 wet, 1 boiling, 2 dry), and the
    hottest that every cell has been.

    `latent_c`: heat of vaporisation over heat capacity at 37 C; 0 where nothing boils. `heat_rise`: rise of heat
    capacity per Celsius, of its value at 37 C. `kind`: 0 is tissue. Returns (how many cells changed phase, the hottest
    tissue, NaN where anything is not a number; the greatest change of a temperature where nothing boils).
    """
    nz, nr = heat_j.shape
    changed = 0
    hottest, sound, most = -BODY_C, 0.0, 0.0
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
            if now == 0 and abs(t - t_c[j, i]) > most:
                most = abs(t - t_c[j, i])
            t_c[j, i] = t
            sigma_scale[j, i] = s if s > DRY_LEFT else DRY_LEFT
            peak_c[j, i] = t if t > peak_c[j, i] else peak_c[j, i]
            hottest = t if t > hottest and kind[j, i] == 0 else hottest
            sound += 0.0 * t
            if now != phase[j, i]:
                changed += 1
                phase[j, i] = now
    return changed, hottest + sound, most


@compiled
def capacities(
    t_c: Floats, phase: Ints, cap_j_k: Floats, latent_c: Floats, heat_rise: Floats, apparent_j_k: Floats
) -> bool:
    """Heat capacity of every cell as the next step takes it, with latent heat where it boils. True where one differs
    from what it was."""
    nz, nr = t_c.shape
    differs = False
    for j in range(nz):
        for i in range(nr):
            cap = cap_j_k[j, i]
            if phase[j, i] == 1:
                cap *= 1.0 + latent_c[j, i] / SPAN_C
            elif phase[j, i] == 0:
                cap *= 1.0 + heat_rise[j, i] * t_c[j, i]
            differs |= cap != apparent_j_k[j, i]
            apparent_j_k[j, i] = cap
    return differs


OVER_C = 0.5
"""So far beyond the end of its boiling a step may take a cell, in its heat."""


@compiled
def overshot(
    heat_j: Floats,
    gain_j: Floats,
    phase: Ints,
    cap_j_k: Floats,
    latent_c: Floats,
    heat_rise: Floats,
    apparent_j_k: Floats,
) -> int:
    """How many cells the step took for boiling throughout that it brings out of boiling; they get the capacity without
    latent heat, and the step is to be taken again.

    What a cell holds stays exact, for heat is the state; but a step that takes a capacity for greater than it turns
    out to be overshoots, and one that takes it for less is stable (the linear schemes for enthalpy of Berger, Brezis
    and Rogers, RAIRO Anal. Numer. 13, 1979, need just that).
    """
    nz, nr = heat_j.shape
    found = 0
    for j in range(nz):
        for i in range(nr):
            cap = cap_j_k[j, i]
            if phase[j, i] == 1 and apparent_j_k[j, i] > cap:
                after = (heat_j[j, i] + gain_j[j, i]) / cap - BOIL_C * (1.0 + 0.5 * heat_rise[j, i] * BOIL_C)
                if after < -OVER_C or after > latent_c[j, i] + SPAN_C + OVER_C:
                    apparent_j_k[j, i] = cap
                    found += 1
    return found


@compiled
def beyond(k: Floats, r_out: Floats, half_z: Floats, inv_ring: Floats, dz_m: Floats, far_w_k: Floats) -> None:
    """Conductance of the last cells to the far boundary. What is not at it stays as it is, 0."""
    nz, nr = k.shape
    for i in range(nr):
        far_w_k[0, i] = k[0, i] / (half_z[0] * inv_ring[i])
        far_w_k[nz - 1, i] = k[nz - 1, i] / (half_z[nz - 1] * inv_ring[i])
    for j in range(nz):
        side = dz_m[j] * k[j, nr - 1] / r_out[nr - 1]
        far_w_k[j, nr - 1] = far_w_k[j, nr - 1] + side if j in (0, nz - 1) else side


@summing
def sinks(
    blood_w_k: Floats,
    far_w_k: Floats,
    film_share: Floats,
    perfusion_scale: float,
    film_w_k: float,
    body_c: float,
    far_c: float,
    coolant_c: float,
    sink_w_k: Floats,
    sink_heat_w: Floats,
) -> tuple[float, float]:
    """What blood, far boundary and coolant take for each Celsius, and what they bring at their own; the sums of the
    first two's conductances, the blood's as it is at a scale of 1."""
    nz, nr = blood_w_k.shape
    blood, far = 0.0, 0.0
    for j in range(nz):
        for i in range(nr):
            a, b, c = perfusion_scale * blood_w_k[j, i], far_w_k[j, i], film_w_k * film_share[j, i]
            sink_w_k[j, i] = a + b + c
            sink_heat_w[j, i] = a * body_c + b * far_c + c * coolant_c
            blood += blood_w_k[j, i]
            far += b
    return blood, far


@compiled
def hottest_of(t_c: Floats, cells: Ints) -> float:
    """Hottest of some cells, given by row and column, (n, 2)."""
    found = -BODY_C
    for n in range(cells.shape[0]):
        found = max(found, t_c[cells[n, 0], cells[n, 1]])
    return found


@compiled
def conducts(k_w_m_k: Floats, k_rise: Floats, t_c: Floats, k: Floats) -> None:
    """Thermal conductivity of every cell at its temperature."""
    nz, nr = k.shape
    for j in range(nz):
        for i in range(nr):
            k[j, i] = k_w_m_k[j, i] * (1.0 + k_rise[j, i] * min(t_c[j, i], BOIL_C))


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
            one = dz_m[j] * a * b / (r_out[i - 1] * b + r_in[i] * a)
            g_r[j, i] = one if a * b > 0.0 else 0.0
    for i in range(nr):
        g_z[0, i] = 0.0
        g_z[nz, i] = 0.0
    for j in range(1, nz):
        for i in range(nr):
            a, b = k[j - 1, i], k[j, i]
            one = a * b / (inv_ring[i] * (half_z[j - 1] * b + half_z[j] * a))
            g_z[j, i] = one if a * b > 0.0 else 0.0


@compiled
def factorise(
    cap_j_k: Floats,
    g_r: Floats,
    g_z: Floats,
    gdt_s: float,
    factors: Floats,
) -> None:
    """Factors of the tridiagonal systems across and along, (4, nz, nr): low, up and inverse pivot across, inverse pivot
    along.

    Sinks are not stiff and stay explicit.
    """
    nz, nr = cap_j_k.shape
    r_low, r_up, r_inv, z_inv = factors[0], factors[1], factors[2], factors[3]
    for first in range(0, nz, ROWS):
        j, k, m, n = first, min(first + 1, nz - 1), min(first + 2, nz - 1), min(first + 3, nz - 1)
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for i in range(nr):
            # four rows at a time, because each waits for itself; a row past the last is the last again
            low_a, low_b, low_c, low_d = gdt_s * g_r[j, i], gdt_s * g_r[k, i], gdt_s * g_r[m, i], gdt_s * g_r[n, i]
            up_a, up_b = gdt_s * g_r[j, i + 1], gdt_s * g_r[k, i + 1]
            up_c, up_d = gdt_s * g_r[m, i + 1], gdt_s * g_r[n, i + 1]
            inv_a = 1.0 / (cap_j_k[j, i] + low_a + up_a - low_a * a)
            inv_b = 1.0 / (cap_j_k[k, i] + low_b + up_b - low_b * b)
            inv_c = 1.0 / (cap_j_k[m, i] + low_c + up_c - low_c * c)
            inv_d = 1.0 / (cap_j_k[n, i] + low_d + up_d - low_d * d)
            a, b, c, d = up_a * inv_a, up_b * inv_b, up_c * inv_c, up_d * inv_d
            r_inv[j, i], r_inv[k, i], r_inv[m, i], r_inv[n, i] = inv_a, inv_b, inv_c, inv_d
            r_low[j, i], r_low[k, i] = low_a * inv_a, low_b * inv_b
            r_low[m, i], r_low[n, i] = low_c * inv_c, low_d * inv_d
            r_up[j, i], r_up[k, i], r_up[m, i], r_up[n, i] = a, b, c, d
    for i in range(nr):
        z_inv[0, i] = 1.0 / (cap_j_k[0, i] + gdt_s * g_z[1, i])
    for j in range(1, nz):
        for i in range(nr):
            low = gdt_s * g_z[j, i]
            z_inv[j, i] = 1.0 / (cap_j_k[j, i] + low + gdt_s * g_z[j + 1, i] - low * low * z_inv[j - 1, i])


@compiled
def _flow_of_row(
    j: int,
    t: Floats,
    source_w: Floats,
    g_r: Floats,
    g_z: Floats,
    sink_w_k: Floats,
    less: float,
    gain: Floats,
    y: Floats,
) -> None:
    """Net heat into every cell of a row: source, conduction from its neighbours, less what its sink takes; less so
    much of `gain`."""
    # several short loops, because the compiler vectorises none that touches many arrays
    nz, nr = t.shape
    for i in range(nr):
        y[j, i] = source_w[j, i] - sink_w_k[j, i] * t[j, i]
    if less != 0.0:
        for i in range(nr):
            y[j, i] -= less * gain[j, i]
    if j > 0:
        for i in range(nr):
            y[j, i] += g_z[j, i] * (t[j - 1, i] - t[j, i])
    if j < nz - 1:
        for i in range(nr):
            y[j, i] += g_z[j + 1, i] * (t[j + 1, i] - t[j, i])
    y[j, 0] += g_r[j, 1] * (t[j, 1] - t[j, 0])
    for i in range(1, nr - 1):
        y[j, i] += g_r[j, i] * (t[j, i - 1] - t[j, i]) + g_r[j, i + 1] * (t[j, i + 1] - t[j, i])
    y[j, nr - 1] += g_r[j, nr - 1] * (t[j, nr - 2] - t[j, nr - 1])


@compiled
def _stage(
    t: Floats,
    source_w: Floats,
    g_r: Floats,
    g_z: Floats,
    sink_w_k: Floats,
    cap_j_k: Floats,
    factors: Floats,
    gdt_s: float,
    less: float,
    gain: Floats,
    y: Floats,
) -> None:
    """y: flow less so much of `gain`, its systems solved across, and along up to the way back, which `increments` goes.

    Four rows at a time, each beginning and ending while it is at hand.
    """
    nz, nr = t.shape
    r_low, r_up, r_inv, z_inv = factors[0], factors[1], factors[2], factors[3]
    for first in range(0, nz, ROWS):
        last = min(first + ROWS, nz)
        for j in range(first, last):
            _flow_of_row(j, t, source_w, g_r, g_z, sink_w_k, less, gain, y)
        if last - first == ROWS:
            j, k, m, n = first, first + 1, first + 2, first + 3
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for i in range(nr):
                a = y[j, i] * r_inv[j, i] + r_low[j, i] * a
                b = y[k, i] * r_inv[k, i] + r_low[k, i] * b
                c = y[m, i] * r_inv[m, i] + r_low[m, i] * c
                d = y[n, i] * r_inv[n, i] + r_low[n, i] * d
                y[j, i], y[k, i], y[m, i], y[n, i] = a, b, c, d
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            back = U(nr)
            while back > ZERO:
                back -= ONE
                a = y[j, back] + r_up[j, back] * a
                b = y[k, back] + r_up[k, back] * b
                c = y[m, back] + r_up[m, back] * c
                d = y[n, back] + r_up[n, back] * d
                y[j, back], y[k, back], y[m, back], y[n, back] = a, b, c, d
        else:
            for j in range(first, last):
                a = 0.0
                for i in range(nr):
                    a = y[j, i] * r_inv[j, i] + r_low[j, i] * a
                    y[j, i] = a
                a = 0.0
                back = U(nr)
                while back > ZERO:
                    back -= ONE
                    a = y[j, back] + r_up[j, back] * a
                    y[j, back] = a
        for j in range(first, last):
            if j == 0:
                for i in range(nr):
                    y[0, i] = y[0, i] * cap_j_k[0, i] * z_inv[0, i]
            else:
                for i in range(nr):
                    y[j, i] = (y[j, i] * cap_j_k[j, i] + gdt_s * g_z[j, i] * y[j - 1, i]) * z_inv[j, i]


@compiled
def weighted(values: Floats, cells: Ints, weights: Floats) -> float:
    """Sum over some cells, by flat index, in their order: the same bits everywhere, and without the threads of a linear
    algebra library."""
    flat = values.ravel()
    found = 0.0
    for n in range(cells.size):
        found += weights[n] * flat[cells[n]]
    return found


@summing
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
    blood_w_k: Floats,
    far_w_k: Floats,
    film_share: Floats,
    film_columns: int,
) -> tuple[float, float, float]:
    """Heat that every cell gains in one step; and the temperature at which its sink acts over the step, summed with
    each of three arrays as weights. `far_w_k` is 0 inside, `film_share` beyond the first so many columns.

    Linear in (`t_c`, `source_w`): increments of several sources add up. The sum of `dheat_j` is exactly dt times
    (the sum of `source_w` less the sum of the sinks at those temperatures), which is the ledger. `work`: (2, nz, nr).
    """
    nz, nr = t_c.shape
    z_inv = factors[3]
    y, stage = work[0], work[1]
    gdt_s = GAMMA * dt_s
    in_blood, in_far, in_film = 0.0, 0.0, 0.0
    _stage(t_c, source_w, g_r, g_z, sink_w_k, cap_j_k, factors, gdt_s, 0.0, t_c, y)
    for j in range(nz - 1, -1, -1):
        if j < nz - 1:
            for i in range(nr):
                y[j, i] += gdt_s * g_z[j + 1, i] * z_inv[j, i] * y[j + 1, i]
        for i in range(nr):
            stage[j, i] = t_c[j, i] + dt_s * y[j, i]
        for i in range(nr):
            dheat_j[j, i] = cap_j_k[j, i] * y[j, i]
        for i in range(nr):
            mean = t_c[j, i] + 0.5 * dt_s * y[j, i]
            in_blood += blood_w_k[j, i] * mean
        for i in range(0 if j in (0, nz - 1) else nr - 1, nr):
            in_far += far_w_k[j, i] * (t_c[j, i] + 0.5 * dt_s * y[j, i])
        for i in range(film_columns):
            in_film += film_share[j, i] * (t_c[j, i] + 0.5 * dt_s * y[j, i])
    _stage(stage, source_w, g_r, g_z, sink_w_k, cap_j_k, factors, gdt_s, 2.0, dheat_j, y)
    for j in range(nz - 1, -1, -1):
        if j < nz - 1:
            for i in range(nr):
                y[j, i] += gdt_s * g_z[j + 1, i] * z_inv[j, i] * y[j + 1, i]
        for i in range(nr):
            dheat_j[j, i] = dt_s * (1.5 * dheat_j[j, i] + 0.5 * cap_j_k[j, i] * y[j, i])
    return in_blood, in_far, in_film
