"""Solves the electric field's equations: conjugate gradients, preconditioned by a modified incomplete factorisation.

The factorisation is Gustafsson's (BIT 18, 1978). Only its pivots are its own, the rest is the matrix's lower half, so
each iteration costs two sweeps and no product with the matrix (Eisenstat, SIAM J. Sci. Stat. Comput. 2, 1981). The
pivots may be those of an earlier conductivity: they only decide how many iterations it takes. Four rows are swept at
once, each a cell behind the one before, because each cell waits for its neighbour.

A solve starts from the best sum of the last few solutions, best by the energy (Fischer, Comput. Methods Appl. Mech.
Eng. 163, 1998).
"""

from __future__ import annotations

import numpy as np

from sim.field.compiled import compiled, summing
from sim.field.grid import Floats, Ints

RELAXED = 0.97
"""Share of the fill-in put back on the diagonal: 1 is Gustafsson's; a little less is safe near the poles."""
LEFT = 4
ROWS = 4
"""Empty columns left and right, and rows swept at once."""
U = np.uint64
ONE, TWO, THREE, FOUR = U(1), U(2), U(3), U(4)
"""Places without a sign: one that may be below 0 costs a look at every access, for it would count from the end."""


def workspace(shape: tuple[int, int]) -> Floats:
    """What `solve_field` works in, (8, rows, columns), for a grid of this shape (nz, nr)."""
    nz, nr = shape
    return np.zeros((8, -(-nz // ROWS) * ROWS + 2, nr + 2 * LEFT))


@compiled
def diagonal(g_r: Floats, g_z: Floats, g_far: Floats, diag: Floats) -> None:
    """The matrix's diagonal, of every cell."""
    nz, nr = diag.shape
    for j in range(nz):
        for i in range(nr):
            diag[j, i] = g_r[j, i] + g_r[j, i + 1] + g_z[j, i] + g_z[j + 1, i] + g_far[j, i]


@compiled
def pivots(kind: Ints, g_r: Floats, g_z: Floats, diag: Floats, root: Floats) -> None:
    """Roots of the inverse pivots; 0 where nothing is unknown."""
    nz, nr = diag.shape
    for j in range(nz):
        for i in range(nr):
            if kind[j, i] != 0 or diag[j, i] == 0.0:
                root[j, i] = 0.0
                continue
            pivot = diag[j, i]
            if i > 0 and kind[j, i - 1] == 0:
                west = g_r[j, i]
                fill = g_z[j + 1, i - 1] if j + 1 < nz and kind[j + 1, i - 1] == 0 else 0.0
                pivot -= west * (west + RELAXED * fill) * root[j, i - 1]
            if j > 0 and kind[j - 1, i] == 0:
                south = g_z[j, i]
                fill = g_r[j - 1, i + 1] if i + 1 < nr and kind[j - 1, i + 1] == 0 else 0.0
                pivot -= south * (south + RELAXED * fill) * root[j - 1, i]
            root[j, i] = 1.0 / pivot
    for j in range(nz):
        for i in range(nr):
            root[j, i] = np.sqrt(root[j, i])


@summing
def best_sum(g_r: Floats, g_z: Floats, g_far: Floats, phi: Floats, moves: Floats) -> None:
    """Adds to `phi` as much of each of three earlier moves, (3, nz, nr), as makes the energy least."""
    nz, nr = phi.shape
    one, two, three = moves[0], moves[1], moves[2]
    aa, bb, cc, ab, ac, bc, ap, bp, cp = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(nz):
        for i in range(1, nr):
            g = g_r[j, i]
            a = one[j, i] - one[j, i - 1]
            b = two[j, i] - two[j, i - 1]
            c = three[j, i] - three[j, i - 1]
            p = g * (phi[j, i] - phi[j, i - 1])
            aa += g * a * a
            bb += g * b * b
            cc += g * c * c
            ab += g * a * b
            ac += g * a * c
            bc += g * b * c
            ap += a * p
            bp += b * p
            cp += c * p
    for j in range(1, nz):
        for i in range(nr):
            g = g_z[j, i]
            a = one[j, i] - one[j - 1, i]
            b = two[j, i] - two[j - 1, i]
            c = three[j, i] - three[j - 1, i]
            p = g * (phi[j, i] - phi[j - 1, i])
            aa += g * a * a
            bb += g * b * b
            cc += g * c * c
            ab += g * a * b
            ac += g * a * c
            bc += g * b * c
            ap += a * p
            bp += b * p
            cp += c * p
    for j in range(nz):
        for i in range(nr):
            g = g_far[j, i]
            if g != 0.0:
                a, b, c, p = one[j, i], two[j, i], three[j, i], g * phi[j, i]
                aa += g * a * a
                bb += g * b * b
                cc += g * c * c
                ab += g * a * b
                ac += g * a * c
                bc += g * b * c
                ap += a * p
                bp += b * p
                cp += c * p
    # Cholesky of the three by three, a move that says nothing new left out
    x, y, z = 0.0, 0.0, 0.0
    if aa > 0.0:
        l_ba, l_ca = ab / aa, ac / aa
        left_b = bb - l_ba * ab
        bp -= l_ba * ap
        cp -= l_ca * ap
        left_bc = bc - l_ba * ac
        left_c = cc - l_ca * ac
        if left_b > 1e-9 * bb:
            l_cb = left_bc / left_b
            cp -= l_cb * bp
            left_c -= l_cb * left_bc
            if left_c > 1e-9 * cc:
                z = -cp / left_c
            y = -bp / left_b - l_cb * z
        x = -ap / aa - l_ba * y - l_ca * z
    for j in range(nz):
        for i in range(nr):
            phi[j, i] += x * one[j, i] + y * two[j, i] + z * three[j, i]


@summing
def _scale(
    kind: Ints, g_r: Floats, g_z: Floats, diag: Floats, root: Floats, phi: Floats, work: Floats
) -> tuple[float, float]:
    """Fills couplings and what is left of the right side, scaled; (energy that the poles feed, energy of `phi`)."""
    nz, nr = phi.shape
    west, south, twice, rest = work[0], work[1], work[2], work[3]
    fed, energy = 0.0, 0.0
    for j in range(nz):
        below = j - 1 if j > 0 else 0
        above = j + 1 if j < nz - 1 else j
        for i in range(nr):
            left = i - 1 if i > 0 else 0
            right = i + 1 if i < nr - 1 else i
            here = phi[j, i]
            scale = root[j, i]
            west[j + 1, i + LEFT] = g_r[j, i] * scale * root[j, left]
            south[j + 1, i + LEFT] = g_z[j, i] * scale * root[below, i]
            twice[j + 1, i + LEFT] = diag[j, i] * scale * scale - 2.0
            product = (
                diag[j, i] * here
                - g_r[j, i] * phi[j, left]
                - g_r[j, i + 1] * phi[j, right]
                - g_z[j, i] * phi[below, i]
                - g_z[j + 1, i] * phi[above, i]
            )
            rest[j + 1, i + LEFT] = -scale * product
            if kind[j, i] != 0:
                fed += diag[j, i] * here * here
            energy += here * product
    return fed, energy


@compiled
def _forward(west: Floats, south: Floats, z: Floats) -> None:
    """z = (I - L)^-1 z, in place."""
    rows, columns = U(z.shape[0]), U(z.shape[1])
    j = ONE
    while j + FOUR < rows:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        i = FOUR
        while i < columns - ONE:
            d = z[j + THREE, i - THREE] + south[j + THREE, i - THREE] * c + west[j + THREE, i - THREE] * d
            c = z[j + TWO, i - TWO] + south[j + TWO, i - TWO] * b + west[j + TWO, i - TWO] * c
            b = z[j + ONE, i - ONE] + south[j + ONE, i - ONE] * a + west[j + ONE, i - ONE] * b
            a = z[j, i] + south[j, i] * z[j - ONE, i] + west[j, i] * a
            z[j, i], z[j + ONE, i - ONE], z[j + TWO, i - TWO], z[j + THREE, i - THREE] = a, b, c, d
            i += ONE
        j += FOUR


@summing
def _backward(beta: float, rest: Floats, west: Floats, south: Floats, p: Floats, t: Floats) -> None:
    """The next direction, p = rest + beta p, and t = (I - L^T)^-1 p."""
    for row in range(p.shape[0]):
        for column in range(p.shape[1]):
            p[row, column] = rest[row, column] + beta * p[row, column]
    j = U(p.shape[0]) - TWO
    while j >= FOUR:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        i = U(p.shape[1]) - FOUR - ONE
        while i >= ONE:
            d = p[j - THREE, i + THREE] + south[j - TWO, i + THREE] * c + west[j - THREE, i + FOUR] * d
            c = p[j - TWO, i + TWO] + south[j - ONE, i + TWO] * b + west[j - TWO, i + THREE] * c
            b = p[j - ONE, i + ONE] + south[j, i + ONE] * a + west[j - ONE, i + TWO] * b
            a = p[j, i] + south[j + ONE, i] * t[j + ONE, i] + west[j, i + ONE] * a
            t[j, i], t[j - ONE, i + ONE], t[j - TWO, i + TWO], t[j - THREE, i + THREE] = a, b, c, d
            i -= ONE
        j -= FOUR


@summing
def _applied(west: Floats, south: Floats, twice: Floats, p: Floats, t: Floats, w: Floats) -> float:
    """w, of which w + t is the preconditioned matrix times `p`; returns p . (w + t)."""
    rows, columns = U(p.shape[0]), U(p.shape[1])
    in_a, in_b, in_c, in_d = 0.0, 0.0, 0.0, 0.0
    j = ONE
    while j + FOUR < rows:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        i = FOUR
        while i < columns - ONE:
            x, v = t[j + THREE, i - THREE], p[j + THREE, i - THREE]
            d = v + twice[j + THREE, i - THREE] * x + south[j + THREE, i - THREE] * c + west[j + THREE, i - THREE] * d
            in_d += v * (x + d)
            x, v = t[j + TWO, i - TWO], p[j + TWO, i - TWO]
            c = v + twice[j + TWO, i - TWO] * x + south[j + TWO, i - TWO] * b + west[j + TWO, i - TWO] * c
            in_c += v * (x + c)
            x, v = t[j + ONE, i - ONE], p[j + ONE, i - ONE]
            b = v + twice[j + ONE, i - ONE] * x + south[j + ONE, i - ONE] * a + west[j + ONE, i - ONE] * b
            in_b += v * (x + b)
            x, v = t[j, i], p[j, i]
            a = v + twice[j, i] * x + south[j, i] * w[j - ONE, i] + west[j, i] * a
            in_a += v * (x + a)
            w[j, i], w[j + ONE, i - ONE], w[j + TWO, i - TWO], w[j + THREE, i - THREE] = a, b, c, d
            i += ONE
        j += FOUR
    return in_a + in_b + in_c + in_d


@summing
def _go(alpha: float, p: Floats, t: Floats, w: Floats, y: Floats, rest: Floats) -> float:
    """One move along `p`; the rest's square."""
    total = 0.0
    for j in range(p.shape[0]):
        for i in range(p.shape[1]):
            y[j, i] += alpha * p[j, i]
            left = rest[j, i] - alpha * (t[j, i] + w[j, i])
            rest[j, i] = left
            total += left * left
    return total


@compiled
def solve_field(
    kind: Ints,
    g_r: Floats,
    g_z: Floats,
    diag: Floats,
    root: Floats,
    phi: Floats,
    work: Floats,
    tolerance: float,
    most: int,
) -> int:
    """Moves `phi` (poles at their potential, 0 in insulation) to the solution; the number of iterations.

    Ends when the energy that the error still holds, as the preconditioner judges it, is below `tolerance` squared
    of the field's. -1: it did not get there in `most`. `work`: `workspace`.
    """
    nz, nr = phi.shape
    west, south, twice, rest = work[0], work[1], work[2], work[3]
    p, t, w, y = work[4], work[5], work[6], work[7]
    fed, energy = _scale(kind, g_r, g_z, diag, root, phi, work)
    # the power that the poles feed in sets the scale: also from a field that is nothing yet
    scale = max(fed, abs(energy))
    _forward(west, south, rest)
    y[:] = 0.0
    p[:] = 0.0
    square = _go(0.0, p, t, w, y, rest)
    beta = 0.0
    count = 0
    while square > tolerance * tolerance * scale:
        if count == most:
            return -1
        _backward(beta, rest, west, south, p, t)
        alpha = square / _applied(west, south, twice, p, t, w)
        before = square
        square = _go(alpha, p, t, w, y, rest)
        beta = square / before
        count += 1
    _backward(0.0, y, west, south, p, t)
    for j in range(nz):
        for i in range(nr):
            phi[j, i] += root[j, i] * t[j + 1, i + LEFT]
    return count


@summing
def scale_to_feed(kind: Ints, g_r: Floats, g_z: Floats, g_far: Floats, phi: Floats) -> None:
    """Scales the unknowns by one factor, the one of least energy. With it the poles feed in what the field takes up, so
    the current through their surface is as good as the energy, whose error is the square of the field's."""
    nz, nr = phi.shape
    own, cross = 0.0, 0.0
    for j in range(nz):
        for i in range(1, nr):
            a = phi[j, i - 1] if kind[j, i - 1] == 0 else 0.0
            b = phi[j, i] if kind[j, i] == 0 else 0.0
            fixed = phi[j, i - 1] - a - phi[j, i] + b
            own += g_r[j, i] * (a - b) * (a - b)
            cross += g_r[j, i] * (a - b) * fixed
    for j in range(1, nz):
        for i in range(nr):
            a = phi[j - 1, i] if kind[j - 1, i] == 0 else 0.0
            b = phi[j, i] if kind[j, i] == 0 else 0.0
            fixed = phi[j - 1, i] - a - phi[j, i] + b
            own += g_z[j, i] * (a - b) * (a - b)
            cross += g_z[j, i] * (a - b) * fixed
    for j in range(nz):
        for i in range(nr):
            own += g_far[j, i] * phi[j, i] * phi[j, i]
    if own > 0.0:
        factor = -cross / own
        for j in range(nz):
            for i in range(nr):
                if kind[j, i] == 0:
                    phi[j, i] *= factor
