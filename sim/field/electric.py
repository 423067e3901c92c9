"""Compiled kernels of the quasi-static electric field: div(sigma grad phi) = 0.

Finite volumes on the heat's own grid. A pole is a perfect conductor, insulation lets nothing through, and the far
boundary is insulated, grounded, or open (the potential falls off as that of a point: d phi / d rho = -phi / rho).
Solved by conjugate gradients, preconditioned by a modified incomplete factorisation (Gustafsson, BIT 18, 1978),
starting from the field before.
"""

from __future__ import annotations

import math

from sim.field.compiled import compiled
from sim.field.grid import Floats, Ints

RELAXED = 0.97
"""Share of the fill-in put back on the diagonal: 1 is Gustafsson's; a little less is safe near the poles."""


@compiled
def electrify(
    sigma: Floats,
    kind: Ints,
    r_in: Floats,
    r_out: Floats,
    half_z: Floats,
    inv_ring: Floats,
    dz_m: Floats,
    g_r: Floats,
    g_z: Floats,
) -> None:
    """Electrical conductance of every face. `kind`: 0 tissue, 1 and 2 the poles, 3 insulated. A pole adds no
    resistance of its own, and faces within metal or at insulation carry nothing."""
    nz, nr = sigma.shape
    for j in range(nz):
        g_r[j, 0] = 0.0
        g_r[j, nr] = 0.0
        for i in range(1, nr):
            ka, kb = kind[j, i - 1], kind[j, i]
            ohm_m = 0.0
            if ka == 0:
                ohm_m += r_out[i - 1] / sigma[j, i - 1]
            if kb == 0:
                ohm_m += r_in[i] / sigma[j, i]
            g_r[j, i] = dz_m[j] / ohm_m if ka != 3 and kb != 3 and ohm_m > 0.0 else 0.0
    for i in range(nr):
        g_z[0, i] = 0.0
        g_z[nz, i] = 0.0
    for j in range(1, nz):
        for i in range(nr):
            ka, kb = kind[j - 1, i], kind[j, i]
            ohm_m = 0.0
            if ka == 0:
                ohm_m += half_z[j - 1] / sigma[j - 1, i]
            if kb == 0:
                ohm_m += half_z[j] / sigma[j, i]
            g_z[j, i] = 1.0 / (inv_ring[i] * ohm_m) if ka != 3 and kb != 3 and ohm_m > 0.0 else 0.0


@compiled
def precondition(kind: Ints, g_r: Floats, g_z: Floats, g_far: Floats, diag: Floats, inv: Floats) -> None:
    """The diagonal, and the inverse pivots of the modified incomplete factorisation; 0 where nothing is unknown."""
    nz, nr = diag.shape
    for j in range(nz):
        for i in range(nr):
            whole = g_r[j, i] + g_r[j, i + 1] + g_z[j, i] + g_z[j + 1, i] + g_far[j, i]
            diag[j, i] = whole
            if kind[j, i] != 0 or whole == 0.0:
                inv[j, i] = 0.0
                continue
            pivot = whole
            if i > 0 and kind[j, i - 1] == 0:
                west = g_r[j, i]
                fill = g_z[j + 1, i - 1] if j + 1 < nz and kind[j + 1, i - 1] == 0 else 0.0
                pivot -= west * (west + RELAXED * fill) * inv[j, i - 1]
            if j > 0 and kind[j - 1, i] == 0:
                south = g_z[j, i]
                fill = g_r[j - 1, i + 1] if i + 1 < nr and kind[j - 1, i + 1] == 0 else 0.0
                pivot -= south * (south + RELAXED * fill) * inv[j - 1, i]
            inv[j, i] = 1.0 / pivot


@compiled
def _solved(kind: Ints, g_r: Floats, g_z: Floats, inv: Floats, rest: Floats, z: Floats) -> float:
    """z = M^-1 rest; returns rest . z. What is not unknown has `inv` 0 and stays 0."""
    nz, nr = rest.shape
    for j in range(nz):
        west = 0.0
        for i in range(nr):
            south = z[j - 1, i] if j > 0 else 0.0
            west = inv[j, i] * (rest[j, i] + g_r[j, i] * west + g_z[j, i] * south)
            z[j, i] = west
    product = 0.0
    for j in range(nz - 1, -1, -1):
        east = 0.0
        for i in range(nr - 1, -1, -1):
            north = z[j + 1, i] if j < nz - 1 else 0.0
            east = z[j, i] + inv[j, i] * (g_r[j, i + 1] * east + g_z[j + 1, i] * north)
            z[j, i] = east
            product += east * rest[j, i]
    return product


@compiled
def _applied(kind: Ints, g_r: Floats, g_z: Floats, diag: Floats, p: Floats, out: Floats) -> float:
    """out = A p on the unknowns, 0 elsewhere; returns p . out."""
    nz, nr = p.shape
    product = 0.0
    for j in range(nz):
        south = j - 1 if j > 0 else 0
        north = j + 1 if j < nz - 1 else j
        for i in range(nr):
            if kind[j, i] != 0:
                out[j, i] = 0.0
                continue
            west = p[j, i - 1] if i > 0 else 0.0
            east = p[j, i + 1] if i < nr - 1 else 0.0
            value = (
                diag[j, i] * p[j, i]
                - g_r[j, i] * west
                - g_r[j, i + 1] * east
                - g_z[j, i] * p[south, i]
                - g_z[j + 1, i] * p[north, i]
            )
            out[j, i] = value
            product += value * p[j, i]
    return product


@compiled
def solve_field(
    kind: Ints,
    g_r: Floats,
    g_z: Floats,
    diag: Floats,
    inv: Floats,
    phi: Floats,
    work: Floats,
    tolerance: float,
    most: int,
) -> int:
    """Moves `phi` (poles at their potential, 0 in insulation) to the solution; the number of iterations.

    Ends when the energy that the error still holds, as the preconditioner judges it, is below `tolerance` squared
    of the field's. -1: it did not get there in `most`. `work`: (4, nz, nr).
    """
    nz, nr = phi.shape
    rest, z, p, ap = work[0], work[1], work[2], work[3]
    energy = abs(_applied(kind, g_r, g_z, diag, phi, ap))
    for j in range(nz):
        for i in range(nr):
            rest[j, i] = -ap[j, i]
    # the power that the poles feed in sets the scale: also from a field that is nothing yet
    fed = 0.0
    for j in range(nz):
        for i in range(nr):
            if kind[j, i] != 0 and phi[j, i] != 0.0:
                fed += diag[j, i] * phi[j, i] * phi[j, i]
    scale = fed if fed > energy else energy
    rz = _solved(kind, g_r, g_z, inv, rest, z)
    for j in range(nz):
        for i in range(nr):
            p[j, i] = z[j, i]
    count = 0
    while rz > tolerance * tolerance * scale:
        if count == most:
            return -1
        alpha = rz / _applied(kind, g_r, g_z, diag, p, ap)
        for j in range(nz):
            for i in range(nr):
                phi[j, i] += alpha * p[j, i]
                rest[j, i] -= alpha * ap[j, i]
        before = rz
        rz = _solved(kind, g_r, g_z, inv, rest, z)
        beta = rz / before
        for j in range(nz):
            for i in range(nr):
                p[j, i] = z[j, i] + beta * p[j, i]
        count += 1
    return count


@compiled
def joule(
    sigma: Floats,
    kind: Ints,
    r_in: Floats,
    r_out: Floats,
    half_z: Floats,
    g_r: Floats,
    g_z: Floats,
    g_far: Floats,
    phi: Floats,
    heat_w: Floats,
    contact: Floats,
) -> tuple[float, float, float, float]:
    """Heat of the field in every cell, and of each cell its share of the current that leaves the poles' surface.

    Returns (heat in all cells, power through the far boundary, current out of pole 1, current into pole 2). A face's
    heat is parted between its two cells as their resistances are.
    """
    nz, nr = phi.shape
    far_w, current_1, current_2, surface = 0.0, 0.0, 0.0, 0.0
    for j in range(nz):
        for i in range(nr):
            heat_w[j, i] = 0.0
            contact[j, i] = 0.0
            far_w += g_far[j, i] * phi[j, i] * phi[j, i]
    for across in (True, False):
        for j in range(0 if across else 1, nz):
            for i in range(1 if across else 0, nr):
                jj, ii = (j, i - 1) if across else (j - 1, i)
                g = g_r[j, i] if across else g_z[j, i]
                if g == 0.0:
                    continue
                drop = phi[jj, ii] - phi[j, i]
                ka, kb = kind[jj, ii], kind[j, i]
                if ka == 0 and kb == 0:
                    if across:
                        a, b = r_out[ii] / sigma[jj, ii], r_in[i] / sigma[j, i]
                    else:
                        a, b = half_z[jj] / sigma[jj, ii], half_z[j] / sigma[j, i]
                    watts = g * drop * drop
                    heat_w[jj, ii] += watts * a / (a + b)
                    heat_w[j, i] += watts * b / (a + b)
                elif ka == 0 or kb == 0:
                    tj, ti = (jj, ii) if ka == 0 else (j, i)
                    flow = g * drop if kb == 0 else -g * drop
                    heat_w[tj, ti] += g * drop * drop
                    contact[tj, ti] += abs(flow)
                    surface += abs(flow)
                    if ka + kb == 1:
                        current_1 += flow
                    else:
                        current_2 -= flow
    whole = 0.0
    for j in range(nz):
        for i in range(nr):
            whole += heat_w[j, i]
            contact[j, i] /= surface
    return whole, far_w, current_1, current_2


@compiled
def moved(scale: Floats, reference: Floats, share: Floats, kind: Ints) -> tuple[float, float]:
    """(mean of the conductivity's relative moves since `reference`, weighted by share of the power; their spread).

    The mean is the change of the electrodes' conductance to first order: the field is where its heat is least, so the
    change of the field itself enters in second order, as the square of the spread (moves that are alike everywhere
    leave the field as it is).
    """
    nz, nr = scale.shape
    total, squares = 0.0, 0.0
    for j in range(nz):
        for i in range(nr):
            if kind[j, i] == 0:
                change = scale[j, i] / reference[j, i] - 1.0
                part = share[j, i] * change
                total += part
                squares += part * change
    return total, math.sqrt(max(0.0, squares - total * total))
