"""What a treatment is waited on for: a state, or whatever a test thinks up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hal import NoSample
from rfgen.records import State

if TYPE_CHECKING:
    from rfgen.testing.treatment import Treatment

MARGIN_C = 1.0
"""So far within its limits a baseline is waited for: it must hold through the check (assumed)."""

Condition = Callable[["Treatment"], bool]


class WaitedFor(NamedTuple):
    """A condition, with its name for a person."""

    holds: Condition
    name: str
    is_state: bool


def waited_for(wanted: State | str | Condition) -> WaitedFor:
    """A state by itself or by name, or a condition under its docstring's or its own name. Raises ValueError where
    there is no such state."""
    if isinstance(wanted, str):
        try:
            wanted = State[wanted.upper()]
        except KeyError:
            raise ValueError(f"no state {wanted!r}: there are {', '.join(s.name.lower() for s in State)}") from None
    if isinstance(wanted, State):
        state = wanted
        return WaitedFor(lambda now: now.state is state, state.name, True)
    name = str(wanted.__doc__ or getattr(wanted, "__name__", "the condition"))
    return WaitedFor(wanted, "it" if name == "<lambda>" else name, False)


def at_baseline(now: Treatment) -> bool:
    """the thermocouples at baseline"""
    if isinstance(now.reply, NoSample):
        return False
    limits, device = now.generator.supervisor.limits, now.scenario.device
    low_c, high_c = limits["baseline_least_c"] + MARGIN_C, limits["baseline_most_c"] - MARGIN_C
    read_c = now.reply.temperature_c
    kinds = ([read_c[n] for n in device.electrode_channels], [read_c[n] for n in device.sentinel_channels])
    return all(
        low_c <= min(kind) and max(kind) <= high_c and max(kind) - min(kind) <= limits["baseline_spread_c"] - MARGIN_C
        for kind in kinds
        if kind
    )
