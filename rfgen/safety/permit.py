"""Permission to radiate: the one place through which power leaves the firmware.

Given on one path, lost on many: every argument can only take power away.
"""

from __future__ import annotations

from rfgen.records import State

RADIATING = frozenset({State.IMPEDANCE_CHECK, State.RAMP, State.HOLD})
"""The only states in which RF may be commanded on."""


def permit(state: State, latched: int, asked_w: float, most_w: float) -> float | None:
    """The power that may be commanded, or None for RF off.

    `latched`: mask of interlocks that have tripped and not been cleared. `most_w`: the lesser of the profile's
    and the treatment's maximum. What control asks for is cut to it; what is not a number, or below 0, is refused.
    """
    if latched or state not in RADIATING:
        return None
    if not 0.0 < most_w < float("inf"):
        return None
    if not asked_w > 0.0:  # NaN, 0 and below
        return None
    return asked_w if asked_w < most_w else most_w
