"""What a bench's instruments say at the end of a tick."""

from __future__ import annotations

from typing import NamedTuple


class Readings(NamedTuple):
    """One tick's readings. NaN where an instrument is not fitted or a channel is faulty."""

    rf_on: bool
    pump_on: bool
    loop_closed: bool
    start_pressed: bool
    estop_pressed: bool
    return_attached: bool
    stage_fault: bool
    tc_fault: int
    """Channel n in bits 2n and 2n+1: 0 good, 1 open, 2 short to ground, 3 short to supply."""
    power_w: float
    voltage_v: float
    current_a: float
    phase_deg: float
    flow_ml_min: float
    coolant_c: float
    stage_c: float
    temperature_c: tuple[float, ...]
