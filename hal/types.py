"""The records that cross the hardware boundary, and nothing else.

One tick is one exchange: a `Command` goes down, a `Sample` comes up. Both are immutable, carry their
units in their names, and are cheap to make (a NamedTuple of this size costs a fraction of a
microsecond), because a simulated treatment makes one of each every tick.

Not responsible for: deciding anything (the firmware does) or moving bytes (the backends do).
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Capability(enum.IntFlag):
    """What a rig can do beyond RF output, meters and thermocouples; the wire's capability bits."""

    PUMP = 1 << 0
    PHASE = 1 << 1
    RETURN_MONITOR = 1 << 2
    START_SWITCH = 1 << 3
    SENTINEL = 1 << 4
    SIMULATION = 1 << 5
    STAGE_TEMPERATURE = 1 << 6
    COOLANT_TEMPERATURE = 1 << 7
    SECOND_CUT = 1 << 8


class TcFault(enum.IntEnum):
    """What a thermocouple input says about its own channel."""

    GOOD = 0
    OPEN = 1
    SHORT_TO_GROUND = 2
    SHORT_TO_SUPPLY = 3


class RigTrip(enum.IntEnum):
    """Why the rig itself holds RF off."""

    NONE = 0
    WATCHDOG = 1
    TEMPERATURE_LIMIT = 2
    THERMOCOUPLE = 3
    INTERLOCK_LOOP = 4
    EMERGENCY_STOP = 5
    OUTPUT_STAGE = 6
    RETURN_ELECTRODE = 7


class RigIdentity(NamedTuple):
    """Who the rig says it is."""

    model: str
    serial: str
    firmware: str


class RigInfo(NamedTuple):
    """What `Hal.open` learned about the rig. Fixed until the next `open`."""

    identity: RigIdentity
    simulated: bool
    thermocouples: int
    """1 to 8; channel 0 is the control thermocouple."""
    capabilities: Capability
    boot_count: int
    watchdog_min_ms: int
    watchdog_max_ms: int
    max_power_w: float


class RigConfig(NamedTuple):
    """What the host asks of a rig for one treatment (the wire's CONFIGURE)."""

    watchdog_ms: int
    period_us: int
    power_limit_w: float
    temperature_limit_c: float
    """The rig's own cut-off, on any channel in use."""
    channels: int
    """Thermocouples in use: bit n for channel n; bit 0 always."""
    return_electrode_required: bool


class Command(NamedTuple):
    """What the firmware asks of the rig for the next interval."""

    tick: int
    rf_on: bool
    power_w: float
    flow_ml_min: float


class Sample(NamedTuple):
    """What the rig measured over the interval that has just ended.

    A quantity whose capability the rig does not claim is NaN (or the harmless value of a switch);
    nobody may act on it.
    """

    tick: int
    """The tick of the command that asked for this sample, echoed."""
    rig_time_us: int
    rf_on: bool
    """RF output enabled, read back from the stage: not the command."""
    pump_on: bool
    watchdog_tripped: bool
    loop_closed: bool
    start_pressed: bool
    estop_pressed: bool
    return_attached: bool
    stage_fault: bool
    rig_trip: int
    bad_frames: int
    tc_fault: int
    """Channel n in bits 2n and 2n+1, a `TcFault` each."""
    power_w: float
    """Real power delivered, mean over the interval."""
    voltage_v: float
    current_a: float
    phase_deg: float
    flow_ml_min: float
    coolant_c: float
    stage_c: float
    temperature_c: tuple[float, ...]
    """One reading per thermocouple; NaN on a channel with a fault."""


class Absence(enum.Enum):
    """Why a tick has no sample."""

    TIMEOUT = "timeout"
    """No valid reply by the tick's deadline."""
    RIG_ERROR = "rig_error"
    """The rig answered the exchange with an ERROR; RF is off on its side."""
    WRONG_TICK = "wrong_tick"
    """A reply to this very request that echoes another tick."""
    LINE_DOWN = "line_down"
    """The port itself is gone (unplugged, closed)."""
    END_OF_RECORDING = "end_of_recording"
    """A replayed run has no further tick."""


class NoSample(NamedTuple):
    """A tick without a sample: an absence that says so, never a made-up reading."""

    tick: int
    reason: Absence
    error_code: int = 0
    """The wire's ERROR code, where `reason` is RIG_ERROR."""


Reply = Sample | NoSample


class HalError(Exception):
    """The rig or the line failed. The message says what was found and what to do next."""


class RigRefused(HalError):
    """The rig answered, but cannot do what was asked (too little power, a channel it does not have,
    a configuration read back differently). Raised by `open`, before any RF."""


class RigUnavailable(HalError):
    """No rig answered: port missing, busy, not permitted, silent, or not a rig."""
