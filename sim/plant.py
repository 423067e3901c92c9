"""What a plant is: tissue and electrode, without the output stage and the sensors round it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Plant(Protocol):
    """Takes delivered watts, gives the load and the true temperatures.

    Temperatures in Celsius. `reactance_ohm` is negative for a capacitive load, as tissue is. The heat
    ledger counts from the start: `energy_in_j` (RF), `energy_stored_j` (above the initial state) and
    `energy_out_j` (blood, coolant, far boundary) satisfy in = stored + out.
    """

    resistance_ohm: float
    reactance_ohm: float
    hottest_c: float
    coolant_out_c: float
    site_c: Sequence[float]
    energy_in_j: float
    energy_stored_j: float
    energy_out_j: float

    def advance(self, dt_s: float, power_w: float, flow_ml_min: float, coolant_in_c: float) -> None:
        """Move by `dt_s` seconds with `power_w` delivered at the terminals throughout."""
