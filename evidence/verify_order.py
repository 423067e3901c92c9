"""Orders of the field plant's discretisation, by solutions made up beforehand (manufactured) and in closed form."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve
from scipy.special import j0, jn_zeros

from sim.field import conjugate, electric, heat
from sim.field.grid import Grid
from sim.field.options import FieldOptions, Metal
from sim.field.problem import make_problem
from sim.field.solver import FieldSolver
from sim.geometry import Electrode
from sim.network import Anatomy
from sim.tissue import TISSUES, Tissue

Floats = npt.NDArray[np.float64]


class Orders(NamedTuple):
    """Errors as something is halved again and again, and the orders between them."""

    name: str
    of: str
    sizes: tuple[str, ...]
    errors: tuple[float, ...]

    @property
    def orders(self) -> tuple[float, ...]:
        """log2 of each error over the next."""
        return tuple(math.log2(a / b) for a, b in zip(self.errors[:-1], self.errors[1:], strict=True))


def _graded(n: int, end: float, beta: float = 1.0) -> Floats:
    """Faces from 0 to `end`, the last cell about exp(beta) times as wide as the first."""
    return np.asarray(end * np.expm1(beta * np.linspace(0.0, 1.0, n + 1)) / math.expm1(beta))


def _geometry(grid: Grid) -> tuple[Floats, Floats, Floats, Floats]:
    faces = grid.r_faces_m
    with np.errstate(divide="ignore"):
        r_in = np.log(grid.r_m / faces[:-1]) / (2.0 * math.pi)
    r_in[0] = 0.0
    return r_in, np.log(faces[1:] / grid.r_m) / (2.0 * math.pi), 0.5 * grid.dz_m, 1.0 / grid.ring_m2


def electric_space(sizes: tuple[int, ...] = (16, 32, 64, 128)) -> Orders:
    """div(sigma grad phi) = 0 with phi = h(u), sigma = 1 / h'(u), u = z^2 - r^2 / 2 harmonic: sigma grad phi is grad u,
    which has no divergence. Here h(u) = (exp(a u) - 1) / a. Solved by the plant's own kernels; the given potential sits
    in a rim of pole cells."""
    a = 1.5
    errors = []
    for n in sizes:
        r_faces, z_faces = _graded(n, 1.0), _graded(n, 1.0)
        rim = 1e-3
        grid = Grid(np.append(r_faces, 1.0 + rim), np.concatenate([[-rim], z_faces, [1.0 + rim]]))
        r, z = grid.r_m[None, :], grid.z_m[:, None]
        # what a pole holds counts at its face
        r_at = np.minimum(r, 1.0)
        z_at = np.clip(z, 0.0, 1.0)
        u = z_at**2 - 0.5 * r_at**2
        exact = np.expm1(a * u) / a
        sigma = np.ascontiguousarray(np.exp(-a * u))
        kind = np.zeros(grid.shape, dtype=np.int64)
        kind[0], kind[-1], kind[:, -1] = 1, 1, 1
        r_in, r_out, half_z, inv_ring = _geometry(grid)
        nz, nr = grid.shape
        g_r, g_z = np.zeros((nz, nr + 1)), np.zeros((nz + 1, nr))
        ohm_m, far, diag, root = (np.zeros(grid.shape) for _ in range(4))
        electric.resistivities(sigma, np.ones(grid.shape), kind, ohm_m)
        electric.electrify(ohm_m, r_in, r_out, half_z, inv_ring, grid.dz_m, g_r, g_z)
        conjugate.diagonal(g_r, g_z, far, diag)
        conjugate.pivots(kind, g_r, g_z, diag, root)
        phi = np.where(kind == 1, exact, 0.0)
        work = conjugate.workspace(grid.shape)
        count = conjugate.solve_field(kind, g_r, g_z, diag, root, phi, work, 1e-12, 5000)
        if count < 0:
            raise ArithmeticError("verify: the electric solve did not converge")
        inside = kind == 0
        weight = grid.volume_m3[inside]
        errors.append(math.sqrt(float((weight * (phi - exact)[inside] ** 2).sum() / weight.sum())))
    return Orders(
        "electric field, conductivity varying in space, graded grid", "mean square", _cells(sizes), tuple(errors)
    )


def _cells(sizes: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{n} x {n}" for n in sizes)


def conduction_space(sizes: tuple[int, ...] = (16, 32, 64, 128)) -> Orders:
    """Steady heat with conductivity k(r, z) and a sink, T = cos(pi z / 2) (1 - r^2)(1 + r^2 z / 2): the matrix is the
    plant's face conductances, its boundary as the plant has it (given temperature on the last faces); the source that
    T needs is the mean over each cell, by a Gauss rule."""
    errors = []
    for n in sizes:
        grid = Grid(_graded(n, 1.0), _graded(n, 1.0) - 0.0)
        r, z = grid.r_m[None, :], grid.z_m[:, None]
        r_in, r_out, half_z, inv_ring = _geometry(grid)
        nz, nr = grid.shape
        k = np.ascontiguousarray(_k(r, z))
        g_r, g_z = np.zeros((nz, nr + 1)), np.zeros((nz + 1, nr))
        heat.conductances(k, r_in, r_out, half_z, inv_ring, grid.dz_m, g_r, g_z)
        far = np.zeros(grid.shape)
        far[:, -1] += grid.dz_m * k[:, -1] / r_out[-1]
        far[0] += k[0] / (half_z[0] * inv_ring)
        far[-1] += k[-1] / (half_z[-1] * inv_ring)
        number = np.arange(nz * nr).reshape(nz, nr)
        rows, columns, values = [], [], []
        for a, b, g in (
            (number[:, :-1], number[:, 1:], g_r[:, 1:-1]),
            (number[:-1], number[1:], g_z[1:-1]),
        ):
            rows += [a, b, a, b]
            columns += [b, a, a, b]
            values += [-g, -g, g, g]
        flat = [np.concatenate([part.ravel() for part in parts]) for parts in (values, rows, columns)]
        matrix = coo_matrix((flat[0], (flat[1], flat[2])), shape=(nz * nr, nz * nr)).tocsr()
        sink = SINK * grid.volume_m3
        matrix.setdiag(matrix.diagonal() + (far + sink).ravel())
        edge = np.zeros(grid.shape)
        edge[:, -1] += (grid.dz_m * k[:, -1] / r_out[-1]) * _t(np.ones(nz), grid.z_m)
        edge[0] += k[0] / (half_z[0] * inv_ring) * _t(grid.r_m, np.zeros(nr))
        edge[-1] += k[-1] / (half_z[-1] * inv_ring) * _t(grid.r_m, np.ones(nr))
        right = _cell_mean(grid) * grid.volume_m3 + edge
        found = spsolve(matrix.tocsc(), right.ravel()).reshape(grid.shape)
        error = found - _t(r, z)
        weight = grid.volume_m3 / grid.volume_m3.sum()
        errors.append(math.sqrt(float((weight * error**2).sum())))
    return Orders("heat, conductivity varying in space, graded grid", "mean square", _cells(sizes), tuple(errors))


SINK = 2.0


def _t(r: Floats, z: Floats) -> Floats:
    return np.asarray(np.cos(0.5 * math.pi * z) * (1.0 - r**2) * (1.0 + 0.5 * r**2 * z) + 0.3 * z)


def _k(r: Floats, z: Floats) -> Floats:
    return np.asarray(1.0 + 0.5 * np.sin(2.0 * z) * (1.0 + r**2))


def _source(r: Floats, z: Floats) -> Floats:
    """-div(k grad T) + sink T, by the derivatives written out."""
    c, s = np.cos(0.5 * math.pi * z), np.sin(0.5 * math.pi * z)
    p, q = 1.0 - r**2, 1.0 + 0.5 * r**2 * z
    p_r, q_r, q_z = -2.0 * r, r * z, 0.5 * r**2
    t_r = c * (p_r * q + p * q_r)
    t_z = -0.5 * math.pi * s * p * q + c * p * q_z + 0.3
    # (1 / r) d/dr (r T_r): T_r / r is smooth on the axis
    t_r_over_r = c * (-2.0 * q + p * z)
    t_rr = c * (-2.0 * q + 2.0 * p_r * q_r + p * z)
    t_zz = -0.25 * math.pi**2 * c * p * q - math.pi * s * p * q_z
    k = _k(r, z)
    k_r, k_z = np.sin(2.0 * z) * r, np.cos(2.0 * z) * (1.0 + r**2)
    return np.asarray(-(k_r * t_r + k_z * t_z + k * (t_rr + t_r_over_r + t_zz)) + SINK * _t(r, z))


def _cell_mean(grid: Grid) -> Floats:
    points, weights = np.polynomial.legendre.leggauss(3)
    found = np.zeros(grid.shape)
    half_r, half_z = 0.5 * np.diff(grid.r_faces_m), 0.5 * grid.dz_m
    for x, wx in zip(points, weights, strict=True):
        for y, wy in zip(points, weights, strict=True):
            r = (grid.r_m + x * half_r)[None, :]
            z = (grid.z_m + y * half_z)[:, None]
            found += 0.25 * wx * wy * _source(r, z) * r
    return found / grid.r_m[None, :]


# --- through the whole solver ----------------------------------------------------------------------------------------

FAR_MM = 12.0
PLAIN = Tissue("plain", 1000.0, 3700.0, 0.5, 0.0, 0.2, 0.0, 0.0)


def _mode_solver(n: int, step_s: float) -> tuple[FieldSolver, Floats, float]:
    """A solver whose needle is thermally tissue, warm as the slowest mode of its cylinder; (solver, mode, rate)."""
    far = FAR_MM * 1e-3
    grid = Grid(np.linspace(0.0, far, n + 1), np.linspace(-far, far, 2 * n + 1))
    options = FieldOptions(
        far_mm=FAR_MM,
        boils=False,
        perfusion_stops=False,
        conductivity_rise_per_c=0.0,
        thermal_rise_per_c=0.0,
        metal=Metal(pole_w_m_k=0.5, shaft_share=1.0, heat_j_m3_k=3.7e6),
    )
    electrode = Electrode("monopolar", 3.0, 4.0)
    solver = FieldSolver(make_problem(electrode, Anatomy(target=PLAIN, surrounding=PLAIN), options, grid), step_s)
    first = float(jn_zeros(0, 1)[0])
    mode = j0(first * grid.r_m / far)[None, :] * np.cos(0.5 * math.pi * grid.z_m / far)[:, None]
    rate = 0.5 / 3.7e6 * ((first / far) ** 2 + (0.5 * math.pi / far) ** 2)
    solver.t_c[:] = 40.0 * mode
    solver.heat_j[:] = solver.problem.cap_j_k * solver.t_c
    return solver, mode, rate


def _decayed(n: int, step_s: float, for_s: float) -> tuple[Floats, Floats, Floats]:
    """(found, exact, volumes) after `for_s`."""
    solver, mode, rate = _mode_solver(n, step_s)
    for _ in range(round(for_s / step_s)):
        solver.begin()
        solver.finish(0.0, 0.0)
    return solver.t_c.copy(), 40.0 * mode * math.exp(-rate * for_s), solver.problem.grid.volume_m3


def mode_space(sizes: tuple[int, ...] = (12, 24, 48)) -> Orders:
    """The slowest mode of heat in a cylinder dying away for 48 s, by the whole solver at short steps."""
    errors = []
    for n in sizes:
        found, exact, volume = _decayed(n, 0.25, 48.0)
        errors.append(math.sqrt(float((volume * (found - exact) ** 2).sum() / volume.sum())))
    return Orders(
        "heat mode dying away, whole solver", "mean square, C", tuple(f"{n} x {2 * n}" for n in sizes), tuple(errors)
    )


def mode_time(steps_s: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125), n: int = 24) -> Orders:
    """A rough start (the mode cubed, and a hot core) for 8 s on one grid, against the same at a step of 1/64 s."""

    def run(step_s: float) -> Floats:
        solver, mode, _ = _mode_solver(n, step_s)
        solver.t_c[:] = 40.0 * mode**3
        solver.t_c[:, :3] += 10.0
        solver.heat_j[:] = solver.problem.cap_j_k * solver.t_c
        for _ in range(round(8.0 / step_s)):
            solver.begin()
            solver.finish(0.0, 0.0)
        return solver.t_c.copy()

    best = run(1.0 / 64.0)
    errors = tuple(float(np.sqrt(np.mean((run(step) - best) ** 2))) for step in steps_s)
    return Orders("heat alone, fixed coefficients", "mean square, C", tuple(f"{s:g} s" for s in steps_s), errors)


def coupled_time(refresh: float, steps_s: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125), for_s: float = 20.0) -> Orders:
    """Heating by 5 W with conductivities that follow temperature, tip temperature against the same at 1/64 s."""
    liver = TISSUES["liver"]
    electrode = Electrode("monopolar", 1.5, 10.0, lead_ohm=0.0, return_ohm=0.0)
    options = FieldOptions(refresh=refresh, boils=False, perfusion_stops=False)
    problem = make_problem(electrode, Anatomy(target=liver, surrounding=liver), options)

    def run(step_s: float) -> Floats:
        solver = FieldSolver(problem, step_s)
        for _ in range(round(for_s / step_s)):
            solver.begin()
            solver.finish(5.0, 0.0)
        return solver.t_c.copy()

    best = run(1.0 / 64.0)
    errors = tuple(float(np.abs(run(step) - best).max()) for step in steps_s)
    return Orders(
        f"coupled, field solved again at a change of {refresh * 100:g} %",
        "greatest anywhere, C",
        tuple(f"{s:g} s" for s in steps_s),
        errors,
    )
