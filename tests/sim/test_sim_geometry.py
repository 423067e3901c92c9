"""Confocal shells: what is cut into shells adds up to the whole, and the limits are the textbook's."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sim_setups import COOLED, SITES, WALLED, anatomies, electrodes

from sim.geometry import Confocal, Electrode, ShellFrame
from sim.network import Anatomy, Site, Wall, build_network, shell_radii_m
from sim.tissue import TISSUES

cuts = st.lists(st.floats(1e-4, 0.03), min_size=1, max_size=6, unique=True)


@settings(deadline=None)
@given(electrodes, cuts)
def test_resistances_of_shells_add_up(electrode: Electrode, widths_m: list[float]) -> None:
    frame = ShellFrame.of(electrode)
    radii = [frame.surface_m]
    for width_m in widths_m:
        radii.append(radii[-1] + width_m)
    pairs = list(itertools.pairwise(radii))
    for shape_m in (frame.thermal_shape_m, frame.electrical_shape_m):
        whole = shape_m(radii[0], radii[-1])
        assert sum(shape_m(a, b) for a, b in pairs) == pytest.approx(whole, rel=1e-9)
        assert all(shape_m(a, b) >= 0.0 for a, b in pairs)


@settings(deadline=None)
@given(electrodes, anatomies)
# the wall lies 0.03 mm within the touching shell, which is then no boundary: one shell is of both families
@example(Electrode("bipolar", 1.0, 5.0, gap_mm=8.0), Anatomy(target_radius_mm=5.0, wall=Wall(distance_mm=6.0)))
def test_volumes_of_shells_add_up(electrode: Electrode, anatomy: Anatomy) -> None:
    frame = ShellFrame.of(electrode)
    radii = shell_radii_m(frame, anatomy)
    assert all(b > a for a, b in itertools.pairwise(radii))
    shells = [frame.volume_m3(a, b) for a, b in itertools.pairwise(radii)]
    assert all(volume > 0.0 for volume in shells)
    family = frame.own if frame.joint is None or radii[-1] < frame.touch_m else frame.joint
    outermost = family.volume_m3(radii[-1])
    assert sum(shells) == pytest.approx(outermost - frame.own.volume_m3(radii[0]), rel=1e-9)


@settings(deadline=None)
@given(electrodes)
def test_where_two_poles_meet_nothing_is_lost_or_counted_twice(electrode: Electrode) -> None:
    frame = ShellFrame.of(replace(electrode, kind="bipolar"))
    assert frame.joint is not None
    assert frame.joint.volume_m3(frame.touch_m) == pytest.approx(frame.own.volume_m3(frame.touch_m), rel=1e-9)


@settings(deadline=None)
@given(electrodes)
def test_a_pole_has_the_needle_s_length_and_volume(electrode: Electrode) -> None:
    frame = ShellFrame.of(replace(electrode, kind="monopolar"))
    radius_m, length_m = electrode.diameter_mm * 0.5e-3, electrode.active_length_mm * 1e-3
    assert frame.own.volume_m3(frame.surface_m) == pytest.approx(math.pi * radius_m**2 * length_m, rel=1e-9)
    assert 2.0 * frame.own.focus_m * frame.own.eta(frame.surface_m) == pytest.approx(length_m, rel=1e-9)


@pytest.mark.parametrize("radius_mm", [1.0, 5.0])
def test_a_nearly_round_electrode_has_the_sphere_s_resistance(radius_mm: float) -> None:
    """Foci close together: 1/(4 pi s a) to infinity, (1/a - 1/b)/(4 pi s) to a shell."""
    a_m = radius_mm * 1e-3
    family = Confocal(focus_m=1e-3 * a_m, count=1)
    assert family.shape_m(a_m, math.inf) == pytest.approx(1.0 / (4.0 * math.pi * a_m), rel=1e-5)
    assert family.shape_m(a_m, 3.0 * a_m) == pytest.approx(2.0 / 3.0 / (4.0 * math.pi * a_m), rel=1e-5)
    assert family.volume_m3(a_m) == pytest.approx(4.0 / 3.0 * math.pi * a_m**3, rel=1e-5)


@given(st.floats(1e-3, 0.05), st.floats(0.05, 0.99))
def test_resistance_to_infinity_is_the_spheroid_s_closed_form(half_m: float, slender: float) -> None:
    """ln((a + c)/(a - c)) / (8 pi c): the capacitance of a prolate spheroid, turned round."""
    radius_m = half_m * math.sqrt(1.0 - slender**2)
    focus_m = half_m * slender
    closed = math.log((half_m + focus_m) / (half_m - focus_m)) / (8.0 * math.pi * focus_m)
    assert Confocal(focus_m, 1).shape_m(radius_m, math.inf) == pytest.approx(closed, rel=1e-9)


@settings(deadline=None)
@given(electrodes)
def test_heat_leaves_two_poles_side_by_side(electrode: Electrode) -> None:
    one = ShellFrame.of(replace(electrode, kind="monopolar"))
    two = ShellFrame.of(replace(electrode, kind="bipolar"))
    single = one.thermal_shape_m(one.surface_m, two.touch_m)
    assert two.thermal_shape_m(two.surface_m, two.touch_m) == pytest.approx(single / 2.0, rel=1e-9)


@settings(deadline=None)
@given(electrodes)
def test_two_poles_resist_less_than_two_apart(electrode: Electrode) -> None:
    one = ShellFrame.of(replace(electrode, kind="monopolar"))
    two = ShellFrame.of(replace(electrode, kind="bipolar"))
    single = one.electrical_shape_m(one.surface_m, math.inf)
    pair = two.electrical_shape_m(two.surface_m, math.inf)
    assert 0.0 < pair < 2.0 * single


def test_two_poles_far_apart_resist_twice_one() -> None:
    """The mutual term falls off as one over the distance."""
    single = ShellFrame.of(replace(COOLED, kind="monopolar"))
    alone = single.electrical_shape_m(single.surface_m, math.inf)
    far = ShellFrame.of(replace(COOLED, gap_mm=900.0))
    assert far.electrical_shape_m(far.surface_m, math.inf) == pytest.approx(2.0 * alone, rel=5e-3)
    near = ShellFrame.of(replace(COOLED, gap_mm=1.0))
    assert near.electrical_shape_m(near.surface_m, math.inf) < 1.9 * alone


@pytest.mark.parametrize("kind", ["bipolar", "monopolar"])
def test_twice_the_conductivity_halves_the_resistance(kind: Literal["monopolar", "bipolar"]) -> None:
    electrode = replace(COOLED, kind=kind, lead_ohm=0.0, return_ohm=0.0)
    tissue = replace(TISSUES["muscle"], permittivity_rel=0.0)
    anatomy = Anatomy(target=tissue, surrounding=tissue)
    once = build_network(electrode, anatomy, ()).body_ohm
    twice = build_network(electrode, replace(anatomy, conductivity_scale=2.0), ()).body_ohm
    assert twice == pytest.approx(0.5 * once, rel=1e-9)


def test_one_tissue_throughout_has_the_resistance_of_the_whole() -> None:
    tissue = replace(TISSUES["muscle"], permittivity_rel=0.0)
    electrode = Electrode("monopolar", 1.5, 10.0, lead_ohm=0.0, return_ohm=0.0)
    network = build_network(electrode, Anatomy(target=tissue, surrounding=tissue), ())
    frame = ShellFrame.of(electrode)
    whole = frame.own.shape_m(frame.surface_m, math.inf) / tissue.conductivity_s_m
    assert network.body_ohm == pytest.approx(whole, rel=1e-9)


def test_the_network_has_enough_nodes_and_a_site_for_each_thermocouple() -> None:
    network = build_network(COOLED, WALLED, SITES)
    assert len(network.lumps) >= 12
    assert len(network.sites) == 3
    assert all(0.0 <= blend.weight <= 1.0 for blend in network.sites)


@settings(deadline=None, max_examples=50)
@given(electrodes, anatomies, st.floats(0.0, 40.0), st.sampled_from(["shaft", "tissue", "posterior_wall"]))
def test_a_site_lies_between_neighbouring_lumps(
    electrode: Electrode, anatomy: Anatomy, offset_mm: float, place: str
) -> None:
    network = build_network(electrode, anatomy, (Site(place, offset_mm),))
    (blend,) = network.sites
    assert -1e-9 <= blend.weight <= 1.0 + 1e-9
    joined = {(edge.a, edge.b) for edge in network.edges}
    assert blend.a == blend.b or (blend.a, blend.b) in joined
