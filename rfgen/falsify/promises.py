"""The promises, by name: what each says, its temporal-logic form, its monitor, and what a search for a break draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rfgen.falsify.monitor import Monitor
from rfgen.falsify.monitors import (
    DoseOverrun,
    HoldOutOfBand,
    LimitOvershot,
    PowerBeyond,
    RfOutside,
    SentinelPeak,
    TargetOvershot,
    TripLate,
    UnnecessaryTrip,
)
from rfgen.falsify.names import NAMES
from rfgen.problems import InputError, Problem, suggestion

Pool = Literal["none", "mild", "any", "physical", "near", "seen"]


@dataclass(frozen=True)
class Promise:
    """One promise. `faults`: which, of `rfgen.falsify.faults`; `most_faults`, `least_faults`: how many at once."""

    name: str
    says: str
    monitor: type[Monitor]
    faults: Pool
    most_faults: int = 0
    least_faults: int = 0
    sound: bool = False
    """Only treatments that every patient can be given: nothing is lowered, the ramp is the profile's own."""
    long_hold: bool = False
    """What is judged comes late in a hold."""
    restarts: bool = False
    """The operator stops, acknowledges and starts again."""
    limits: tuple[tuple[str, float, float], ...] = ()
    """Limits that a treatment lowers."""
    power_limit: bool = False
    needs_sentinel: bool = False
    modes: tuple[str, ...] = ("temperature", "power")

    @property
    def formula(self) -> str:
        """Its temporal-logic form."""
        return self.monitor.FORMULA


PROMISES: tuple[Promise, ...] = (
    Promise(
        "limit-overshot",
        "RF does not go on while an electrode reads above its limits for longer than they let it",
        LimitOvershot,
        "any",
        most_faults=1,
        limits=(("over_temp_c", 60.0, 95.0),),
        modes=("power",),  # in temperature mode the target's own limit comes first
    ),
    Promise(
        "target-overshot",
        "RF does not go on while the control thermocouple reads too far above the target for too long",
        TargetOvershot,
        "any",
        most_faults=1,
        limits=(("overshoot_c", 1.0, 5.0),),
        modes=("temperature",),
    ),
    Promise(
        "trip-late",
        "a fault that must end the treatment ends it by its deadline",
        TripLate,
        "seen",
        most_faults=1,
        least_faults=1,
    ),
    Promise(
        "unnecessary-trip",
        "a treatment with nothing wrong is not cut off",
        UnnecessaryTrip,
        "mild",
        most_faults=1,
        sound=True,
    ),
    Promise(
        "hold-out-of-band",
        "with nothing wrong, the temperature stays within 2 C over the target, and 1 C of it from 10 s into a hold",
        HoldOutOfBand,
        "none",
        sound=True,
        long_hold=True,
        modes=("temperature",),
    ),
    Promise(
        "sentinel-peak",
        "tissue to be spared is not heated beyond its limit, neither before nor after RF is off",
        SentinelPeak,
        "physical",
        most_faults=1,
        limits=(("sentinel_c", 38.0, 45.0),),
        needs_sentinel=True,
    ),
    Promise(
        "dose-overrun",
        "RF does not go on once the sentinel has had its dose, treatments before included",
        DoseOverrun,
        "near",
        most_faults=1,
        least_faults=1,
        long_hold=True,
        restarts=True,
        limits=(("dose_min", 0.1, 0.1),),
        needs_sentinel=True,
    ),
    Promise(
        "rf-outside",
        "RF is given in check, ramp and hold alone, and every trip sends RF_OFF",
        RfOutside,
        "any",
        most_faults=2,
        restarts=True,
    ),
    Promise(
        "power-beyond",
        "no more power is commanded than treatment and stage allow",
        PowerBeyond,
        "any",
        most_faults=1,
        power_limit=True,
    ),
)


def promise(name: str) -> Promise:
    """By its name. Raises InputError for another."""
    for found in PROMISES:
        if found.name == name:
            return found
    remedy = f"{suggestion(name, NAMES)} (`rfgen falsify --list` lists them)"
    raise InputError([Problem(name or "''", None, None, "", "", "is no promise", remedy)])


def named(names: Sequence[str]) -> list[Promise]:
    """Several. Raises InputError."""
    return [promise(name) for name in names]
