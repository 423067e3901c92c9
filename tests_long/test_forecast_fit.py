"""The forecast is fitted with the form that the firmware has, and the forks of the study are whole runs."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.forecast_fit import IN_FORCE, curve, seen
from evidence.forecast_twice import twice
from rfgen.safety.thermal import Forecast


def test_forked_treatments_are_whole_ones() -> None:
    assert twice(3, 1) == 0


def test_the_fit_forecasts_what_the_firmware_does() -> None:
    """The same curve through the array form and through the derived signal, without lag and noise."""
    one = curve(3, 1)._replace(lag_s=1e-9, noise_c=0.0)
    read = seen(one, np.random.default_rng(1))
    climb_c = IN_FORCE.climb_c(read.rise_c_s, read.age_s, read.risen_c, read.power_share)
    firmware = Forecast()
    for n in range(40):
        firmware.update(n * 400_000, 37.0)
    firmware.begin(39 * 400_000)
    for n, (sentinel_c, power_w) in enumerate(zip(one.sentinel_c.tolist(), one.power_w.tolist(), strict=True)):
        level_c, found_c = firmware.update((40 + n) * 400_000, 37.0 + sentinel_c, power_w)
        assert level_c is not None
        assert found_c is not None
        # a line through 25 points here, through 26 there
        assert found_c == pytest.approx(climb_c[n], abs=0.05 + 0.06 * climb_c[n])
