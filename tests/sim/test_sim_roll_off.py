"""The load a generator meets: impedance falls as tissue warms, then climbs several-fold as it dries.

Published (da Fonseca et al. 2021, PLOS ONE, 50 ablations of ex vivo bovine liver without saline or cooling): a fall of
22.4 % to the least, then a rise of 545 % from there.
"""

from __future__ import annotations

import itertools

import pytest
from sim_setups import COOLED, SITES, WALLED

from sim.geometry import Electrode
from sim.network import Anatomy, Site
from sim.plant import NetworkPlant
from sim.tissue import TISSUES

LIVER = TISSUES["liver"]
IN_VIVO = Anatomy(target=LIVER, surrounding=LIVER)
EX_VIVO = Anatomy(target=LIVER, surrounding=LIVER, perfusion_scale=0.0, body_c=22.0)


def _curve(subject: NetworkPlant, power_w: float, flow_ml_min: float, most_s: float) -> list[float]:
    """Resistance every 20 ms at constant power, until it is 7 times its least."""
    curve = [subject.resistance_ohm]
    least_ohm = curve[0]
    for _ in range(round(most_s * 50)):
        subject.advance(power_w, flow_ml_min, 22.0)
        curve.append(subject.resistance_ohm)
        least_ohm = min(least_ohm, curve[-1])
        if curve[-1] > 7.0 * least_ohm:
            break
    return curve


@pytest.mark.parametrize(
    ("anatomy", "length_mm", "power_w"),
    [(IN_VIVO, 10.0, 12.0), (IN_VIVO, 20.0, 20.0), (IN_VIVO, 20.0, 35.0), (EX_VIVO, 20.0, 35.0)],
)
def test_a_monopolar_needle_in_liver_falls_and_rolls_off_as_published(
    anatomy: Anatomy, length_mm: float, power_w: float
) -> None:
    subject = NetworkPlant(Electrode("monopolar", 1.5, length_mm), anatomy, (Site("electrode"),), 0.02)
    curve = _curve(subject, power_w, 0.0, 120.0)
    least_ohm = min(curve)
    assert 0.15 < 1.0 - least_ohm / curve[0] < 0.35
    assert curve[-1] > 4.0 * least_ohm
    assert curve[-1] > 4.0 * curve[0]


@pytest.mark.parametrize("flow_ml_min", [0.0, 10.0])
def test_a_bipolar_needle_rolls_off_at_constant_12_w(flow_ml_min: float) -> None:
    """With no return path to dilute it the fall is deeper, yet no deeper than boiling water allows."""
    subject = NetworkPlant(COOLED, WALLED, SITES, 0.02)
    curve = _curve(subject, 12.0, flow_ml_min, 240.0)
    least_ohm = min(curve)
    # all of the current's path at 100 C would be 1/(1 + 0.018 x 63): 53 % down
    assert 0.15 < 1.0 - least_ohm / curve[0] < 0.53
    assert curve[-1] > 4.0 * least_ohm


def test_the_fall_comes_first_and_is_smooth() -> None:
    curve = _curve(NetworkPlant(COOLED, WALLED, SITES, 0.02), 12.0, 0.0, 240.0)
    at_least = curve.index(min(curve))
    assert 5.0 < at_least * 0.02 < 60.0
    falling = curve[:at_least]
    assert all(later <= earlier for earlier, later in itertools.pairwise(falling))


def test_cooling_the_electrode_delays_roll_off() -> None:
    dry = _curve(NetworkPlant(COOLED, WALLED, SITES, 0.02), 12.0, 0.0, 240.0)
    cooled = _curve(NetworkPlant(COOLED, WALLED, SITES, 0.02), 12.0, 10.0, 240.0)
    assert len(cooled) > 2 * len(dry)


def test_below_boiling_the_fall_reverses() -> None:
    subject = NetworkPlant(COOLED, WALLED, SITES, 0.1)
    start_ohm = subject.resistance_ohm
    for _ in range(300):
        subject.advance(4.0, 0.0, 22.0)
    assert subject.hottest_c < 100.0
    assert subject.resistance_ohm < 0.85 * start_ohm
    for _ in range(36000):
        subject.advance(0.0, 0.0, 22.0)
    assert subject.resistance_ohm == pytest.approx(start_ohm, rel=2e-3)


def test_the_load_is_capacitive() -> None:
    subject = NetworkPlant(COOLED, WALLED, SITES, 0.02)
    assert -0.5 * subject.resistance_ohm < subject.reactance_ohm < 0.0
