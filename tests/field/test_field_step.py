"""The step of the heat: bounded at the longest step and on a fine grid, where steel lies against tissue."""

import numpy as np
import pytest

from sim.field.grid import grading_of
from sim.field.options import FieldOptions
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy
from sim.tissue import TISSUES


@pytest.mark.parametrize(("finest_mm", "step_s"), [(0.06, 1.0), (0.03, 0.5)])
def test_a_long_step_does_not_grow_without_bound(finest_mm: float, step_s: float) -> None:
    """Heated for 40 s, then left for 20 s: nothing is hotter than it was, and nothing is colder than the body."""
    liver = TISSUES["liver"]
    electrode = Electrode("monopolar", diameter_mm=1.5, active_length_mm=10.0, lead_ohm=0.0, return_ohm=0.0)
    options = FieldOptions(grading=grading_of(finest_mm), step_s=step_s, boils=False, perfusion_stops=False)
    s = Study(electrode, Anatomy(target=liver, surrounding=liver), options, tick_s=step_s)
    s.advance(40.0, power_w=5.0)
    hottest_c = s.hottest_c
    assert hottest_c < 100.0
    s.advance(20.0, power_w=0.0)
    assert s.hottest_c < hottest_c - 10.0
    assert float(np.min(s.temperature_c)) > 36.9
