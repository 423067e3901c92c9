"""The seam between the generator's firmware and whatever is behind it."""

from hal.protocol import Hal
from hal.types import (
    Absence,
    Capability,
    Command,
    HalError,
    NoSample,
    Reply,
    RigConfig,
    RigIdentity,
    RigInfo,
    RigRefused,
    RigTrip,
    RigUnavailable,
    Sample,
    TcFault,
)

__all__ = [
    "Absence",
    "Capability",
    "Command",
    "Hal",
    "HalError",
    "NoSample",
    "Reply",
    "RigConfig",
    "RigIdentity",
    "RigInfo",
    "RigRefused",
    "RigTrip",
    "RigUnavailable",
    "Sample",
    "TcFault",
]
