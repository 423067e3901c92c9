"""The RF output stage: from a power asked for to volts and amperes at a load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StageSpec:
    """Limits and dynamics. Output law from short to open: constant current, then constant power, then
    constant voltage (as electrosurgical generators publish it)."""

    max_power_w: float
    max_voltage_v: float
    max_current_a: float
    slew_w_s: float
    efficiency: float = 0.8
    ambient_c: float = 25.0
    heating_c_w: float = 1.0
    """Rise of the stage's heat sink per watt of loss, in the end (assumed)."""
    heating_s: float = 120.0
    """Time constant of the heat sink (assumed)."""

    def __post_init__(self) -> None:
        for name in ("max_power_w", "max_voltage_v", "max_current_a", "slew_w_s", "heating_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ValueError(f"stage: {name} is {value!r}; it must be finite and above 0")
        if not math.isfinite(self.ambient_c):
            raise ValueError(f"stage: ambient_c is {self.ambient_c!r}; it must be finite")
        if not 0.0 <= self.heating_c_w < math.inf:
            raise ValueError(f"stage: heating_c_w is {self.heating_c_w!r}; it must be finite and 0 or more")
        if not 0.0 < self.efficiency <= 1.0:
            raise ValueError(f"stage: efficiency is {self.efficiency!r}; it must be above 0 and at most 1")


new_record: Final = tuple.__new__
"""Makes a NamedTuple from a tuple, at half the cost of its own constructor; used where one is made every tick."""


def drive(spec: StageSpec, asked_w: float, resistance_ohm: float, reactance_ohm: float) -> tuple[float, float, float]:
    """The output law: real power `asked_w` into the load, less where current or voltage would pass its
    limit. (W, V, A) over the tick."""
    impedance_ohm = math.sqrt(resistance_ohm * resistance_ohm + reactance_ohm * reactance_ohm)
    current_a = math.sqrt(asked_w / resistance_ohm)
    current_a = min(current_a, spec.max_current_a)
    if current_a * impedance_ohm > spec.max_voltage_v:
        current_a = spec.max_voltage_v / impedance_ohm
    return current_a * current_a * resistance_ohm, current_a * impedance_ohm, current_a


def most_power_w(spec: StageSpec, resistance_ohm: float, reactance_ohm: float) -> float:
    """What the output law allows into this load."""
    return drive(spec, spec.max_power_w, resistance_ohm, reactance_ohm)[0]
