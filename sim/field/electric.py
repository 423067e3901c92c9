"""Compiled kernels of the quasi-static electric field: div(sigma grad phi) = 0.

Finite volumes on the heat's own grid. A pole is a perfect conductor, insulation lets nothing through, and the far
boundary is insulated, grounded, or open (the potential falls off as that of a point: d phi / d rho = -phi / rho).
How the equations are solved is in `sim.field.conjugate`.
"""

from __future__ import annotations

import math

from sim.field.compiled import compiled, summing
from sim.field.grid import Floats, Ints

BLOCKED = 1e200
"""Resistivity, ohm m, of what lets nothing through."""


@compiled
def resistivities(sigma: Floats, scale: Floats, kind: Ints, ohm_m: Floats) -> None:
    """Of every cell. `sigma` at 37 C, `scale` its share now; `kind`: 0 tissue, 1 and 2 the poles (0 ohm m, for a pole
    adds no resistance of its own), 3 insulated."""
    nz, nr = sigma.shape
    for j in range(nz):
        for i in range(nr):
            tissue = 1.0 / (sigma[j, i] * scale[j, i])
            ohm_m[j, i] = tissue if kind[j, i] == 0 else (BLOCKED if kind[j, i] == 3 else 0.0)


@compiled
def electrify(
    ohm_m: Floats,
    r_in: Floats,
    r_out: Floats,
    half_z: Floats,
    inv_ring: Floats,
    dz_m: Floats,
    g_r: Floats,
    g_z: Floats,
) -> None:
    """Electrical conductance of every face; faces within metal, at insulation and on the boundary carry nothing."""
    nz, nr = ohm_m.shape
    for j in range(nz):
        g_r[j, 0] = 0.0
        g_r[j, nr] = 0.0
        for i in range(1, nr):
            whole = r_out[i - 1] * ohm_m[j, i - 1] + r_in[i] * ohm_m[j, i]
            one = dz_m[j] / whole
            g_r[j, i] = one if 0.0 < whole < 1e-9 * BLOCKED else 0.0
    for i in range(nr):
        g_z[0, i] = 0.0
        g_z[nz, i] = 0.0
    for j in range(1, nz):
        for i in range(nr):
            whole = inv_ring[i] * (half_z[j - 1] * ohm_m[j - 1, i] + half_z[j] * ohm_m[j, i])
            one = 1.0 / whole
            g_z[j, i] = one if 0.0 < whole < 1e-9 * BLOCKED else 0.0


@summing
def joule(
    ohm_m: Floats,
    kind: Ints,
    r_in: Floats,
    r_out: Floats,
    half_z: Floats,
    inv_ring: Floats,
    dz_m: Floats,
    g_r: Floats,
    g_z: Floats,
    g_far: Floats,
    resists_r: Floats,
    resists_z: Floats,
    phi: Floats,
    heat_w: Floats,
) -> tuple[float, float]:
    """Heat of the field in every cell; (heat in all cells, power through the far boundary).

    Each half of a way between two middles has the heat of the current through its face, I^2 R. `resists_r`,
    `resists_z`: of every face, by how much it resists more than its two halves (see `sim.field.faces`).
    """
    nz, nr = phi.shape
    whole, far_w = 0.0, 0.0
    for j in range(nz):
        south = j - 1 if j > 0 else 0
        north = j + 1 if j < nz - 1 else j
        along = half_z[j]
        per_m = 1.0 / dz_m[j]
        for i in range(nr):
            here = phi[j, i]
            low = g_z[j, i] * (phi[south, i] - here)
            high = g_z[j + 1, i] * (here - phi[north, i])
            heat_w[j, i] = (low * low * resists_z[j, i] + high * high * resists_z[j + 1, i]) * (along * inv_ring[i])
            far_w += g_far[j, i] * here * here
        for i in range(1, nr):
            flow = g_r[j, i] * (phi[j, i - 1] - phi[j, i])
            heat_w[j, i] += flow * flow * resists_r[j, i] * (r_in[i] * per_m)
        for i in range(nr - 1):
            flow = g_r[j, i + 1] * (phi[j, i] - phi[j, i + 1])
            heat_w[j, i] += flow * flow * resists_r[j, i + 1] * (r_out[i] * per_m)
        for i in range(nr):
            watts = heat_w[j, i] * ohm_m[j, i] if kind[j, i] == 0 else 0.0
            heat_w[j, i] = watts
            whole += watts
    return whole, far_w


@compiled
def surface_current(
    faces: Ints, kind: Ints, g_r: Floats, g_z: Floats, phi: Floats, contact: Floats
) -> tuple[float, float]:
    """(current out of pole 1, current into pole 2), through the faces between a pole and tissue.

    `faces`: (n, 3), across 1 or along 0, and the face's place. `contact`, 0 elsewhere already, gets each cell's share
    of the current that leaves the poles' surface.
    """
    current_1, current_2, surface = 0.0, 0.0, 0.0
    for passed in range(3):
        for n in range(faces.shape[0]):
            across, j, i = faces[n, 0], faces[n, 1], faces[n, 2]
            jj, ii = (j, i - 1) if across == 1 else (j - 1, i)
            g = g_r[j, i] if across == 1 else g_z[j, i]
            drop = phi[jj, ii] - phi[j, i]
            ka, kb = kind[jj, ii], kind[j, i]
            tj, ti = (jj, ii) if ka == 0 else (j, i)
            if passed == 0:
                contact[tj, ti] = 0.0
            elif passed == 1:
                flow = g * drop if kb == 0 else -g * drop
                contact[tj, ti] += abs(flow)
                surface += abs(flow)
                if ka + kb == 1:
                    current_1 += flow
                else:
                    current_2 -= flow
            elif contact[tj, ti] > 0.0:
                # a cell at two faces comes twice: minus marks what has been shared out
                contact[tj, ti] = -contact[tj, ti] / surface
    for n in range(faces.shape[0]):
        across, j, i = faces[n, 0], faces[n, 1], faces[n, 2]
        jj, ii = (j, i - 1) if across == 1 else (j - 1, i)
        tj, ti = (jj, ii) if kind[jj, ii] == 0 else (j, i)
        contact[tj, ti] = abs(contact[tj, ti])
    return current_1, current_2


@summing
def moved(scale: Floats, inv_reference: Floats, share: Floats) -> tuple[float, float]:
    """(mean of the conductivity's relative moves since the reference, weighted by share of the power; their spread).

    The mean is the change of the electrodes' conductance to first order: the field is where its heat is least, so the
    change of the field itself enters in second order, as the square of the spread (moves that are alike everywhere
    leave the field as it is).
    """
    nz, nr = scale.shape
    total, squares = 0.0, 0.0
    for j in range(nz):
        for i in range(nr):
            change = scale[j, i] * inv_reference[j, i] - 1.0
            part = share[j, i] * change
            total += part
            squares += part * change
    return total, math.sqrt(max(0.0, squares - total * total))


@summing
def shares(
    whole_w: float,
    loss: Floats,
    g_far: Floats,
    phi: Floats,
    sigma_scale: Floats,
    heat: Floats,
    move_share: Floats,
    inv_scale: Floats,
) -> float:
    """`heat` of the field becomes each cell's share of all power, `whole_w`; `move_share` is the share that scales with
    the cell's conductivity, what lies beyond the far boundary included. Returns the mean of `loss` by those shares of
    heat: reactance over resistance."""
    nz, nr = phi.shape
    ratio = 0.0
    per_w = 1.0 / whole_w
    for j in range(nz):
        for i in range(nr):
            share = heat[j, i] * per_w
            heat[j, i] = share
            ratio += share * loss[j, i]
        for i in range(nr):
            move_share[j, i] = heat[j, i] + g_far[j, i] * phi[j, i] * phi[j, i] * per_w
        for i in range(nr):
            inv_scale[j, i] = 1.0 / sigma_scale[j, i]
    return ratio
