"""The finite elements that the field plant is held against: right by closed forms, and settled in mesh and step."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evidence.fem.analytic import every_check
from evidence.fem.posed import POSED
from evidence.fem.solve import Reference

RELATIVE = {
    "sphere electrode in an infinite medium": 1e-3,  # straight-sided elements round a circle
    "coaxial cylinders": 1e-4,
    "Pennes steady state round a sphere": 2e-3,
    "1-D conduction through two slabs": 1e-6,
    "slowest decay of heat in a cylinder": 1e-4,
}


def test_closed_forms():
    checks = every_check()
    assert {check.name for check in checks} == set(RELATIVE)
    for check in checks:
        assert check.error < RELATIVE[check.name], check
        exact = check.exact
        coarse, fine = (abs(found / exact - 1.0) for found in check.found)
        assert fine < max(0.35 * coarse, 1e-6), check


def test_resistance_is_between_the_spheroids_of_the_needle():
    """A needle's resistance lies between those of the spheroids inside and round it, in closed form."""
    posed = replace(POSED["monopolar"], far_mm=120.0)
    conductance, _ = Reference(posed, 0.5).electric()
    sigma = float(posed.sigma_s_m(np.array(1e-2), np.array(0.0)))

    def spheroid_ohm(half_m: float, radius_m: float) -> float:
        focus = math.sqrt(half_m**2 - radius_m**2)
        return math.log((half_m + focus) / (half_m - focus)) / (8.0 * math.pi * sigma * focus)

    assert spheroid_ohm(7.1e-3, 1.06e-3) < 1.0 / conductance < spheroid_ohm(5e-3, 0.75e-3)


def test_second_order_in_time_and_all_heat_accounted_for():
    """Steps of 4, 2 and 1 s: the error falls fourfold. Without blood, far from the boundary, what is fed is stored."""
    posed = replace(POSED["monopolar"], perfusion_scale=0.0)
    reference = Reference(posed, 0.35)
    probe = [(posed.radius_m + 1e-3, 0.0)]
    found = [float(reference.transient(48.0, (48.0,), probe, step).at(48.0)[0][0]) for step in (4.0, 2.0, 1.0)]
    first, second = found[0] - found[1], found[1] - found[2]
    assert abs(second) < 0.4 * abs(first) + 2e-3
    joule = reference.electric()[1]
    stored_j = reference.mesh.integral(reference.heat * reference.mesh.at_quadrature(reference.t))
    fed_j = 48.0 * posed.power_w * reference.mesh.integral(joule) * (1.0 / reference.electric()[0])
    # what the current heats in the last, wide elements goes to the cold boundary: a few thousandths
    assert stored_j == pytest.approx(fed_j, rel=4e-3)


@pytest.mark.parametrize("name", ["bipolar", "layered"])
def test_mesh_has_settled(name):
    coarse, fine = (1.0 / Reference(POSED[name], fineness).electric()[0] for fineness in (0.5, 0.8))
    assert coarse == pytest.approx(fine, rel=1e-3)
