"""What a treatment is, and what a device's control is set to. Plain frozen records, fixed when the treatment is
armed."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Mode(enum.Enum):
    """What is held."""

    TEMPERATURE = "temperature"
    POWER = "power"
    IMPEDANCE = "impedance"
    """Power, pulled back at roll-off."""


@dataclass(frozen=True, slots=True)
class Step:
    """One set-point and how long it is held. `target_c` in temperature mode, `power_w` in the power modes."""

    hold_s: float
    target_c: float | None = None
    power_w: float | None = None
    ramp_c_s: float | None = None
    """Instead of the device's own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A treatment."""

    mode: Mode
    steps: tuple[Step, ...]
    most_w: float
    """Lesser of the profile's and the treatment's maximum."""
    flow_ml_min: float = 0.0
    """Coolant flow asked for from the check's priming to the end of after-cooling; 0 without a pump."""

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a treatment needs at least one step")
        for step in self.steps:
            if (step.target_c is None) is (self.mode is Mode.TEMPERATURE):
                raise ValueError("target_c belongs to every step of a temperature treatment, and to no other")
            if (step.power_w is None) is not (self.mode is Mode.TEMPERATURE):
                raise ValueError("power_w belongs to every step of a power or impedance treatment, and to no other")


@dataclass(frozen=True, slots=True)
class Tuning:
    """A device's control."""

    kp_w_c: float
    ki_w_c_s: float
    approach_s: float
    """The set-point nears its target at no more than the distance left over this."""
    start_power_w: float
    """Where the ramp begins."""
    sense_power_w: float
    """Kept while radiating, so that the impedance stays measured."""
    test_power_w: float
    check_s: float
    """Window of the impedance check."""
    band_c: float
    """Hold time counts while the control thermocouple is this near the target."""
    ramp_c_s: float
    ramp_w_s: float
    pull_back_ratio: float
    """Impedance over its least since the ramp began at which power is pulled back."""
    pull_back_share: float
    recover_s: float
    """From a pull-back to the next rise of power."""
    max_current_a: float
    max_voltage_v: float
    after_cool_s: float
    """The pump goes on this long in CUTOFF."""
