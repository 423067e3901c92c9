"""What an interlock is made of: one row of the catalogue."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rfgen.records import State
from rfgen.safety.expr import Condition, names_in
from rfgen.safety.signals import LINE_SIGNALS


class Clears(enum.Enum):
    """When the cause of a trip counts as gone."""

    READING = "R"
    """False on every valid sample for the last second."""
    ACKNOWLEDGE = "A"
    """With the acknowledge itself: accumulated, timed, or meaningful only under power."""
    RELINK = "L"
    """A new `open` succeeded."""


class Needs(enum.Enum):
    """What the profile must have for a row to be applicable."""

    NOTHING = "nothing"
    TEMPERATURE_MODE = "temperature mode"
    SENTINEL = "sentinel"
    PUMP = "pump"
    CO_LOCATED = "co-located pair"
    PHASE = "phase"
    COOLANT_TEMPERATURE = "coolant temperature"
    RETURN_MONITOR = "return monitor"
    DEAD_MAN = "dead-man switch"
    START_SWITCH = "start switch"


@dataclass(frozen=True, slots=True)
class Row:
    """One interlock. It trips on the first sample at or after `persist_us` since its condition first held without a
    gap."""

    id: str
    hazard: str
    condition: Condition
    armed: frozenset[State]
    clears: Clears
    usually: str
    """What it usually means on a bench, and what to look at next."""
    persist_us: int = 0
    needs: Needs = Needs.NOTHING
    pump_is_cause: bool = False
    """The pump does not go on in CUTOFF."""
    refuses: bool = False
    """It never trips: it is looked at when the operator asks for a start, and refuses it."""

    @property
    def on_the_line(self) -> bool:
        """It reads nothing but what is known in a tick without a sample too."""
        signals, _, channels = names_in(self.condition)
        return not channels and signals <= LINE_SIGNALS
