"""How long a step of the heat is: longer where less happens, cut where the drive departs, again where it boils."""

from __future__ import annotations

import numpy as np
import pytest

from sim.field.grid import GRADINGS
from sim.field.options import FieldOptions
from sim.field.plant import FieldPlant
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy, Site, Wall
from sim.plant import Disturbance
from sim.tissue import TISSUES

BIPOLAR = Electrode(kind="bipolar", diameter_mm=1.8, active_length_mm=8, gap_mm=4, cooled=True)
LIVER = Anatomy(target=TISSUES["liver"], surrounding=TISSUES["liver"])
COARSE = FieldOptions(grading=GRADINGS["coarse"])
TICK_S = 0.02


def plant() -> FieldPlant:
    sites = Site("shaft", 10.0), Site("posterior_wall", 0.5)
    return FieldPlant(BIPOLAR, Anatomy(wall=Wall(14.0)), sites, TICK_S, COARSE)


def test_tissue_that_boils_at_long_steps_is_never_colder_than_the_body() -> None:
    electrode = Electrode(kind="bipolar", diameter_mm=1.8, active_length_mm=8, gap_mm=4)
    s = Study(electrode, LIVER, COARSE, tick_s=1.0)
    coldest_c, hottest_c = 37.0, 37.0
    for _ in range(40):
        s.advance(1.0, power_w=20.0)
        coldest_c, hottest_c = min(coldest_c, float(np.min(s.temperature_c))), max(hottest_c, s.hottest_c)
    assert hottest_c > 100.0
    assert coldest_c > 36.9
    assert s.ledger.error < 1e-9


def test_steps_are_long_where_little_happens_and_end_where_the_power_does() -> None:
    p = plant()
    for _ in range(6000):
        p.advance(2.0, 0.0, 22.0)
    steps, ticks = p.solver.steps, 6000
    while ticks < 6500 or ticks - p.solver.time_s / TICK_S < 20:
        p.advance(2.0, 0.0, 22.0)
        ticks += 1
    assert p.solver.steps - steps <= 12, "of a second each"
    at_c = p.site_c[0]
    p.advance(0.0, 0.0, 22.0)
    assert p.solver.time_s == pytest.approx(ticks * TICK_S), "the step ended with the power it was begun for"
    assert abs(p.site_c[0] - at_c) < 0.02
    for _ in range(9):
        p.advance(0.0, 0.0, 22.0)
    assert p.solver.time_s == pytest.approx((ticks + 10) * TICK_S), "and a short one follows"
    assert p.site_c[0] < at_c


def test_a_step_ends_with_a_disturbance_and_the_heat_is_kept() -> None:
    p = plant()
    for _ in range(1507):
        p.advance(4.0, 10.0, 22.0)
    p.disturb(Disturbance(perfusion_scale=20.0, contact=0.5))
    assert p.solver.time_s == pytest.approx(1507 * TICK_S)
    for _ in range(100):
        p.advance(4.0, 10.0, 22.0)
    p.settle()
    assert p.energy_stored_j + p.energy_out_j == pytest.approx(p.energy_in_j, rel=1e-9)


def test_a_quarter_of_the_step_gives_the_same() -> None:
    found = []
    for pace in (1.0, 0.25):
        options = FieldOptions(grading=GRADINGS["coarse"], pace=pace)
        s = Study(BIPOLAR, LIVER, options, probes_mm=((0.9, 4.0), (2.0, 4.0), (5.0, 0.0)), tick_s=TICK_S)
        for power_w in (8.0, 8.0, 4.0, 0.0):
            s.advance(5.0, power_w=power_w)
            found.append((pace, *s.probe_c, s.tip_c, 10.0 * s.impedance_ohm / 100.0))
    whole, quarter = np.array(found[:4]), np.array(found[4:])
    assert s.hottest_c > 50.0
    assert np.abs(whole - quarter)[:, 1:].max() < 0.1, "C, and 0.1 of 10 is 1 %"
