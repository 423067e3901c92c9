"""The field plant by itself: its ledger, its electricity, its symmetries."""

import copy
import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from sim.field.faces import Faces
from sim.field.grid import GRADINGS
from sim.field.options import FieldOptions
from sim.field.problem import make_problem
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy, Wall
from sim.tissue import TISSUES

BIPOLAR = Electrode(kind="bipolar", diameter_mm=1.8, active_length_mm=8, gap_mm=4, cooled=True)
MONOPOLAR = Electrode(kind="monopolar", diameter_mm=1.6, active_length_mm=10)
LIVER = Anatomy(target=TISSUES["liver"], surrounding=TISSUES["liver"])


def study(electrode: Electrode, anatomy: Anatomy, **options: object) -> Study:
    return Study(electrode, anatomy, FieldOptions(grading=GRADINGS["coarse"], **options))  # type: ignore[arg-type]


CASES = {
    "monopolar": lambda: study(MONOPOLAR, LIVER),
    "monopolar to a grounded boundary": lambda: study(MONOPOLAR, LIVER, ground="far", far_mm=40.0),
    "a cold far boundary": lambda: study(MONOPOLAR, LIVER, far_c=20.0, far_mm=30.0),
    "bipolar before a wall": lambda: study(BIPOLAR, Anatomy(wall=Wall(12.0))),
    "bipolar before a plane": lambda: study(BIPOLAR, Anatomy(wall=Wall(15.0, eroded=True)), wall_shape="plane"),
    "a pointed tip": lambda: study(MONOPOLAR, LIVER, tip="pointed"),
    "heat capacity that rises": lambda: study(MONOPOLAR, LIVER, heat_rise_per_c=0.002),
}


@pytest.mark.parametrize("case", CASES)
def test_heat_is_where_the_ledger_says(case: str) -> None:
    # 25 W boils next to the electrode within seconds; then power stops, and heat spreads
    s = CASES[case]()
    if s.problem.electrode.cooled:
        s.flow_ml_min = 20.0
    for power_w, for_s in ((25.0, 20.0), (0.0, 10.0), (3.0, 5.0)):
        for _ in range(round(for_s / 2.5)):
            s.advance(2.5, power_w=power_w)
            assert s.ledger.error < 1e-9, s.ledger
    assert s.ledger.in_j == pytest.approx(25.0 * 20.0 + 3.0 * 5.0, rel=1e-9)
    assert s.hottest_c > 60.0


@pytest.mark.parametrize("case", CASES)
def test_volts_times_amperes_are_the_joule_integral(case: str) -> None:
    s = CASES[case]()
    for power_w in (1.0, 5.0, 20.0):
        for _ in range(20):
            s.advance(s.tick_s, power_w=power_w)
            stated_s, joule_s = s.audit()
            assert stated_s == pytest.approx(joule_s, rel=1e-4)
    # and the current through the poles' surface against the heat in the cells, at every solve
    assert 0.0 < s.solver.current.power_error < 1e-4


@pytest.mark.parametrize(("tolerance", "within_c"), [(1e-9, 1e-6), (None, 0.01)])
def test_a_symmetric_problem_has_a_symmetric_answer(
    tolerance: float | None, within_c: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what is left of asymmetry is the electric solve's tolerance: it goes away with it
    if tolerance is not None:
        monkeypatch.setattr("sim.field.current.TOLERANCE", tolerance)
    # the shaft beyond the proximal pole is all that differs between the two sides: the distal side replaces it
    electrode = Electrode(kind="bipolar", diameter_mm=1.8, active_length_mm=8, gap_mm=4)
    problem = make_problem(electrode, LIVER, FieldOptions(grading=GRADINGS["coarse"]))
    z = problem.grid.z_m
    assert np.allclose(z, -z[::-1], atol=1e-12), "the grid itself is symmetric"
    half = problem.grid.nz // 2
    assert problem.grid.nz == 2 * half
    mirrored: dict[str, Any] = {}
    for field in dataclasses.fields(problem):
        value = getattr(problem, field.name)
        if isinstance(value, np.ndarray) and value.shape == problem.grid.shape:
            low = value[:half]
            high = np.where(low == 1, 2, low)[::-1] if field.name == "kind" else low[::-1]
            mirrored[field.name] = np.concatenate([low, high])
    for name in ("heat_faces", "current_faces"):
        on_r, on_z = np.ones((2 * half, problem.grid.nr + 1)), np.ones((2 * half + 1, problem.grid.nr))
        getattr(problem, name).correct(on_r, on_z)
        on_r[half:], on_z[half + 1 :] = on_r[:half][::-1], on_z[:half][::-1]
        mirrored[name] = Faces.of(on_r, on_z)
    s = Study(electrode, LIVER, problem=dataclasses.replace(problem, **mirrored))
    assert np.allclose(s.solver.current.phi, -s.solver.current.phi[::-1], rtol=0.0, atol=1e-4), (
        "volts, of one between the poles"
    )
    s.advance(20.0, power_w=6.0)
    assert s.hottest_c > 60.0
    assert np.allclose(s.temperature_c, s.temperature_c[::-1], rtol=0.0, atol=within_c)


def test_below_boiling_nothing_is_colder_than_the_coldest_or_hotter_than_its_heat() -> None:
    s = study(MONOPOLAR, LIVER)
    s.advance(20.0, power_w=3.0)
    before = s.hottest_c
    assert 50.0 < before < 99.0
    assert s.temperature_c.min() > 37.0 - 0.01
    hottest = [before]
    for _ in range(40):
        s.advance(0.2, power_w=0.0)
        hottest.append(s.hottest_c)
        assert s.temperature_c.min() > 37.0 - 0.01
    assert all(b <= a + 0.01 for a, b in itertools.pairwise(hottest)), "without power the hottest only cools"


def test_a_copy_goes_on_alike_and_by_itself() -> None:
    s = study(BIPOLAR, Anatomy(wall=Wall(12.0)))
    s.advance(1.1, power_w=8.0)
    twin = copy.deepcopy(s)
    s.advance(3.0, power_w=8.0)
    kept = s.temperature_c
    twin.advance(1.0, power_w=0.0)
    assert np.array_equal(s.temperature_c, kept)
    other = study(BIPOLAR, Anatomy(wall=Wall(12.0)))
    other.advance(4.1, power_w=8.0)
    assert np.array_equal(other.temperature_c, kept)


def test_a_held_tip_is_held() -> None:
    s = study(MONOPOLAR, LIVER)
    s.advance(20.0, tip_c=80.0)
    assert s.tip_c == pytest.approx(80.0, abs=0.1)
    small = s.lesion(60.0)
    s.advance(60.0, tip_c=80.0)
    assert s.tip_c == pytest.approx(80.0, abs=0.01)
    grown = s.lesion(60.0)
    assert 2.0 < small.width_mm < grown.width_mm < grown.length_mm
    assert s.lesion(80.5).volume_mm3 <= grown.volume_mm3


def test_volts_make_their_watts() -> None:
    s = study(MONOPOLAR, LIVER)
    s.advance(0.1, voltage_v=20.0)
    assert s.last.voltage_v == pytest.approx(20.0)
    assert s.last.power_w == pytest.approx(s.last.current_a**2 * (s.resistance_ohm + 11.0), rel=1e-2)
