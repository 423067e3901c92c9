"""The field reduced to about a thousand lumps, for what has to be quick: the network that follows from the field.

The lumps are blocks of the field's own cells, so heat capacity, perfusion, coolant film and latent heat are sums of
theirs. What a coarse grid gets wrong is the current: it is singular at the poles' ends, inside one lump. So the field
of one volt is solved on the fine grid, at body temperature, and the conductance between two lumps is the current that
passes between them there over the difference of their mean potentials (flow-based upscaling: Durlofsky, Water Resour.
Res. 27, 1991). At body temperature the lumps' impedance is then the field's. Conduction of heat keeps the coarse grid's
own formula: fitted to a field of temperatures in the same way it came out worse, for what fits one moment of a
transient misses the next.

Everything else (time steps, boiling, damage, electric solves as conductivity moves) is the field's own code.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.field import electric
from sim.field.current import CurrentField
from sim.field.faces import Faces
from sim.field.grid import Floats, Grading, Grid, Ints
from sim.field.problem import DISTAL, PROXIMAL, TISSUE, Problem, make_grid, make_problem

LUMPS = Grading(0.16e-3, 0.5)
"""How wide lumps are at the poles' ends, and how they grow from there: of those tried (0.12 to 0.4 mm, 0.4 to 1), the
fastest that keeps a tip within 2 C of the field's at given power (`make reduced-vs-field`)."""
LEAST, MOST = 0.2, 5.0
"""A factor on the coarse grid's conductance outside is not believed: there hardly any current passes."""


def reduced(field: Problem, lumps: Grading = LUMPS) -> Problem:
    """The problem on lumps. `field`: on the grid that the electric field is solved on.

    Raises ValueError where the electric solve does not converge (no tissue between the poles).
    """
    options = replace(field.options, grading=lumps)
    wanted, fine = make_grid(field.needle, field.regions, options), field.grid
    grid = Grid(_snapped(wanted.r_faces_m, fine.r_faces_m), _snapped(wanted.z_faces_m, fine.z_faces_m))
    blocks = _Blocks(
        np.searchsorted(fine.z_faces_m, grid.z_faces_m[:-1]), np.searchsorted(fine.r_faces_m, grid.r_faces_m[:-1])
    )
    coarse = make_problem(field.electrode, field.anatomy, options, grid)
    return replace(
        coarse,
        cap_j_k=blocks.sums(field.cap_j_k),
        perfusion_w_k=blocks.sums(field.perfusion_w_k),
        film_share=blocks.sums(field.film_share),
        current_faces=_current_faces(field, coarse, blocks),
    )


class _Blocks:
    """Which cells of the fine grid each lump is made of: its first row and column."""

    def __init__(self, rows: Ints, columns: Ints) -> None:
        self.rows, self.columns = rows, columns

    def sums(self, values: Floats) -> Floats:
        """Over the cells of each lump."""
        return np.asarray(np.add.reduceat(np.add.reduceat(values, self.rows, axis=0), self.columns, axis=1))

    def across(self, flows: Floats) -> Floats:
        """From flows between neighbours across, (nz, nr - 1), those between lumps."""
        return np.asarray(np.add.reduceat(flows, self.rows, axis=0)[:, self.columns[1:] - 1])

    def along(self, flows: Floats) -> Floats:
        """From flows between neighbours along, (nz - 1, nr), those between lumps."""
        return np.asarray(np.add.reduceat(flows, self.columns, axis=1)[self.rows[1:] - 1])


def _snapped(wanted: Floats, faces: Floats) -> Floats:
    """The faces nearest to the wanted ones, each once."""
    above = np.clip(np.searchsorted(faces, wanted), 1, faces.size - 1)
    nearest = np.where(wanted - faces[above - 1] < faces[above] - wanted, above - 1, above)
    return np.asarray(faces[np.unique(nearest)])


def _current_faces(field: Problem, coarse: Problem, blocks: _Blocks) -> Faces:
    """Factors with which the lumps conduct what the field does, at body temperature."""
    current = CurrentField(field)
    current.solve(np.ones(field.grid.shape))
    flow_r, flow_z = current.flows()
    tissue_m3 = field.grid.volume_m3 * (field.kind == TISSUE)
    whole_m3 = blocks.sums(tissue_m3)
    mean = blocks.sums(tissue_m3 * current.phi) / np.where(whole_m3 > 0.0, whole_m3, 1.0)
    high, low = (0.5, -0.5) if field.electrode.poles == 2 else (1.0, 0.0)
    mean = np.select([coarse.kind == DISTAL, coarse.kind == PROXIMAL], [high, low], mean)

    grid = coarse.grid
    plain_r, plain_z = np.zeros((grid.nz, grid.nr + 1)), np.zeros((grid.nz + 1, grid.nr))
    ohm_m = np.zeros(grid.shape)
    electric.resistivities(coarse.sigma_s_m, np.ones(grid.shape), coarse.kind, ohm_m)
    electric.electrify(ohm_m, coarse.r_in, coarse.r_out, coarse.half_z, coarse.inv_ring, grid.dz_m, plain_r, plain_z)
    on_r, on_z = np.ones(plain_r.shape), np.ones(plain_z.shape)
    coarse.current_faces.correct(on_r, on_z)
    _fit(on_r[:, 1:-1], blocks.across(flow_r), mean[:, :-1] - mean[:, 1:], plain_r[:, 1:-1])
    _fit(on_z[1:-1], blocks.along(flow_z), mean[:-1] - mean[1:], plain_z[1:-1])
    return Faces.of(on_r, on_z)


def _fit(factors: Floats, flow: Floats, drop: Floats, plain: Floats) -> None:
    """Puts the factor flow / (plain drop) where it is to be believed, relative to the one that is there; in place."""
    carries = (plain > 0.0) & (drop != 0.0)
    found = flow[carries] / (plain[carries] * drop[carries])
    there = factors[carries]
    good = (found > LEAST * there) & (found < MOST * there)
    factors[carries] = np.where(good, found, there)
