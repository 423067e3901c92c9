"""The shipped device profiles, against their own electrode and tissues."""

from __future__ import annotations

import math

import pytest

from rfgen.assemble import electrode
from rfgen.device import covered, device_names, given_leaves, load_device
from rfgen.population import population
from sim.network import Anatomy, build_network
from sim.tissue import BODY_C, CONDUCTIVITY_RISE_PER_C, TISSUES

HOTTEST_C = 100.0
"""Below boiling; past it the impedance rises, and that is what the high limit is for."""


def impedance_range_ohm(name: str) -> tuple[float, float]:
    """(least, most) of a profile's electrode: every tissue it is meant for, conductivity from half to one and a half,
    from body temperature to boiling."""
    spread = population()
    group = spread.groups[spread.devices[name]]
    low, high = spread.conductivity_scale
    found = []
    for target in group.target:
        for scale in (low, high):
            for radius in group.target_radius_mm:
                around = TISSUES[target] if group.surrounding is None else TISSUES["cancellous_bone"]
                anatomy = Anatomy(
                    target=TISSUES[target], target_radius_mm=radius, surrounding=around, conductivity_scale=scale
                )
                network = build_network(electrode(load_device(name)), anatomy, ())
                cold = math.hypot(network.body_ohm, network.reactance_ohm)
                found += [cold, cold / (1.0 + CONDUCTIVITY_RISE_PER_C * (HOTTEST_C - BODY_C))]
    return min(found), max(found)


@pytest.mark.parametrize("name", device_names())
def test_impedance_limits_leave_room_for_the_tissues_the_profile_is_meant_for(name: str) -> None:
    """With margin: a tenth below the least, a fifth above the most."""
    least, most = impedance_range_ohm(name)
    limits = load_device(name).limits
    assert limits["z_low_ohm"] <= 0.9 * least
    assert limits["z_high_ohm"] >= 1.2 * most


@pytest.mark.parametrize("name", sorted(set(device_names()) - {"bench"}))
def test_impedance_limits_are_near_enough_to_mean_something(name: str) -> None:
    """The bench rig's are given figures; the others' stand within two and a half times what tissue can read."""
    least, most = impedance_range_ohm(name)
    limits = load_device(name).limits
    assert limits["z_low_ohm"] >= least / 2.5
    assert limits["z_high_ohm"] <= 2.5 * most


@pytest.mark.parametrize("name", device_names())
def test_every_figure_has_a_source_or_the_word_assumed(name: str) -> None:
    profile = load_device(name)
    for leaf in given_leaves(profile):
        assert covered(leaf, profile.sources), leaf
    for path, source in profile.sources.items():
        known = any(mark in source for mark in ("K1", "K0", "K2", "Cosman", "maker", "catalogue"))
        assert known or "assumed" in source, path


def test_a_kind_of_generator_for_every_one_that_was_asked_for() -> None:
    assert set(device_names()) == {
        "bench",
        "cosman-like",
        "invamed-fusion",
        "optablate-like",
        "osteocool-like",
        "rita-like",
        "star-like",
    }
