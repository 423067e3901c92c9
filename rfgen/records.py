"""What the firmware says each tick, beside the `hal.Command` it gives.

Immutable and cheap, as the boundary's own records are: one of each is made every tick.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from hal import Command


class State(enum.IntEnum):
    """The five states of the generator."""

    IDLE = 0
    IMPEDANCE_CHECK = 1
    RAMP = 2
    HOLD = 3
    CUTOFF = 4


class OperatorAction(enum.Enum):
    """What the person at the generator can do."""

    START = "start"
    STOP = "stop"
    ACKNOWLEDGE = "acknowledge"
    NEW_PATIENT = "new_patient"
    """Another patient: what tissue to be spared has had so far counts no longer."""


class Decision(NamedTuple):
    """One tick of the firmware: what it commands, and why."""

    command: Command
    rf_off: bool
    """Send RF_OFF now, in this tick, before anything else."""
    state: State
    step: int
    """Index of the treatment step in progress."""
    asked_w: float
    """What control asked for, before safety permitted it."""
    setpoint_c: float
    """The ramped set-point; NaN where there is none."""
    target_c: float
    """The present step's target; NaN where there is none."""
    violated: int
    """Bit n: row n of the catalogue reads true in this tick (whether or not it has tripped)."""
    tripped: int
    """Bit n: row n tripped in this tick."""


class Truth(NamedTuple):
    """What only a simulation can know. Recorded for the reader; never seen by the firmware."""

    control_c: float
    """Noise-free temperature of the control thermocouple's junction."""
    control_site_c: float
    """Temperature of the tissue or metal at the control thermocouple, without the junction's lag."""
    sentinel_c: float
    """True temperature at the sentinel; NaN without one."""
    hottest_c: float
    """Hottest tissue anywhere."""
    delivered_w: float
    """Power that reached the electrode over the interval."""


class Event(NamedTuple):
    """Something that happened once: a change of state, a trip, an operator's action, a fault put on or off."""

    tick: int
    time_us: int
    kind: str
    """state, trip, operator, fault, link, note"""
    text: str
    data: dict[str, object]
