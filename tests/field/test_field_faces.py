"""Faces that the plain formula gets wrong: cells that hold two tissues, and the singular edges of the poles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.field.faces import BARE, CORNER, Edge, Wedge, cut_factors, edge_factors, wedge
from sim.field.grid import Grid, grading_of
from sim.field.options import FieldOptions
from sim.field.problem import make_problem
from sim.field.regions import Region, painted
from sim.field.solver import FieldSolver
from sim.geometry import Electrode
from sim.network import Anatomy
from sim.tissue import TISSUES

BONE, TUMOUR = TISSUES["cortical_bone"], TISSUES["muscle"]
GRID = Grid(np.linspace(0.0, 20e-3, 21), np.linspace(-10e-3, 10e-3, 21))
FINE = Grid(np.linspace(0.0, 2e-3, 41), np.linspace(-1e-3, 1e-3, 41))
NOWHERE = np.zeros(GRID.shape, dtype=bool)


def factors(inner: Region, plain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Of 4 S/m in `inner` and 1 S/m round it, where every cell is taken as `plain`."""
    raster = painted((Region("half_space", BONE), inner), GRID)
    return cut_factors(raster, GRID, np.array([1.0, 4.0]), np.full(GRID.shape, plain), NOWHERE, resists=True)


@pytest.mark.parametrize("sixths", [1, 2, 4, 5])
def test_a_layer_is_in_series_across_the_flow_and_side_by_side_along_it(sixths: int) -> None:
    # a disc's edge at so many sixths of the cell from 2 to 3 mm
    part = sixths / 6.0
    on_r, on_z = factors(Region("plane", TUMOUR, from_mm=-9.0, to_mm=2.0 + part))
    cut = 12
    assert on_r[cut, 5] == pytest.approx(4.0 * part + 1.0 - part)
    # halves of the cell on either side of its middle, each with the half of its neighbour
    below = min(part, 0.5) / 4.0 + max(0.5 - part, 0.0)
    above = max(part - 0.5, 0.0) / 4.0 + min(1.0 - part, 0.5)
    assert on_z[cut, 5] == pytest.approx(1.0 / (0.5 / 1.0 + below)), "the neighbour below is plain: it is not cut"
    assert on_z[cut + 1, 5] == pytest.approx(1.0 / (above + 0.5))


@given(st.floats(2.0, 9.0), st.floats(-3.0, 3.0))
def test_no_factor_leaves_what_the_tissues_allow(outer_mm: float, z_mm: float) -> None:
    for on in factors(Region("sphere", TUMOUR, outer_mm, z_mm=z_mm)):
        assert np.all((on >= 1.0 - 1e-12) & (on <= 4.0 + 1e-12))


def test_one_tissue_in_all_of_space_needs_none() -> None:
    raster = painted((Region("half_space", BONE), Region("sphere", TUMOUR, 6.0)), GRID)
    same = cut_factors(raster, GRID, np.array([2.0, 2.0]), np.full(GRID.shape, 2.0), NOWHERE, resists=True)
    assert all(np.allclose(on, 1.0, rtol=1e-12, atol=0.0) for on in same)


@pytest.mark.parametrize(
    ("field", "most"), [(BARE, 1.55), (CORNER, 1.26), (wedge((0.25, 0.5, 15.0)), 1.35), (wedge((0.5, 0.5, 15.0)), 1.24)]
)
def test_edges_act_near_themselves_and_the_same_turned_over(field: Wedge, most: float) -> None:
    corner = field is CORNER
    (up_r, up_z), (down_r, down_z) = (
        edge_factors(FINE, 1e-3, [(Edge(0.0, metal, corner, 0.2e-3), field)]) for metal in (1, -1)
    )
    assert np.allclose(up_r, down_r[::-1], rtol=1e-9)
    assert np.allclose(up_z, down_z[::-1], rtol=1e-9)
    assert most - 0.05 < max(up_r.max(), up_z.max()) < most + 0.05
    far_r = np.hypot(FINE.z_m[:, None], FINE.r_faces_m[None, :] - 1e-3) > 0.2e-3
    assert np.all(up_r[far_r] == 1.0)


def power(conductivities: tuple[float, float, float]) -> float:
    found = wedge(conductivities)
    return 1.0 if found is None else found.power


def test_wedges_of_heat_have_the_powers_they_must() -> None:
    assert power((0.5, 0.5, 0.5)) == 1.0, "one material has no edge"
    assert power((0.5, 0.5, 1e6)) == pytest.approx(2.0 / 3.0, abs=1e-4), "a corner of 90 degrees that conducts"
    assert power((1e-6, 0.5, 1e6)) == pytest.approx(0.5, abs=1e-2), "metal beside what lets nothing through"


@pytest.mark.parametrize(("first", "second", "angle"), [(0, 1, 0.0), (1, 2, math.pi)])
def test_value_and_flow_agree_where_two_materials_meet(first: int, second: int, angle: float) -> None:
    found = wedge((0.25, 0.5, 15.0))
    assert found is not None
    c, s = math.cos(found.power * angle), math.sin(found.power * angle)
    values = [found.a[n] * c + found.b[n] * s for n in (first, second)]
    flows = [(found.a[n] * s - found.b[n] * c) / found.ohm[n] for n in (first, second)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    assert flows[0] == pytest.approx(flows[1], rel=1e-6)


def test_resistance_of_coarse_and_fine_grids_agrees() -> None:
    """Without the edges' own field these two are 1.3 % apart."""
    electrode = Electrode("bipolar", 1.8, 7.0, 4.0)
    anatomy = Anatomy(target=TISSUES["liver"], surrounding=TISSUES["liver"])
    ohms = [
        1.0
        / FieldSolver(make_problem(electrode, anatomy, FieldOptions(grading=grading_of(mm))), 0.2).current.conductance_s
        for mm in (0.12, 0.03)
    ]
    assert ohms[0] == pytest.approx(ohms[1], rel=5e-3)
