"""Which fault must end a treatment, and by when: what the promise `trip-late` holds the firmware against.

Written from the interlock catalogue and from what each fault does, not from what the firmware was seen to do. A line
stands here only where the demand holds for every patient and every profile that has what the fault concerns; what
depends on more than kind, state, size and channel is in `needs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rfgen.records import State
from rfgen.safety.row import Needs

C, R, H = State.IMPEDANCE_CHECK, State.RAMP, State.HOLD
CRH = (C, R, H)
RH = (R, H)


class Moment(NamedTuple):
    """What is known in the tick in which a fault is put on."""

    state: State
    size: float | None
    channel: int | None
    sentinels: tuple[int, ...]
    features: frozenset[Needs]
    asked_w: float
    """Power commanded for the interval that begins."""
    site_c: float
    """Tissue at the control thermocouple; NaN where it is not known."""


Demand = Callable[[Moment], bool]


def _any(now: Moment) -> bool:
    return True


def _at_least(size: float) -> Demand:
    return lambda now: now.size is not None and now.size >= size


def _at_most(size: float) -> Demand:
    return lambda now: now.size is not None and now.size <= size


def _has(what: Needs, also: Demand = _any) -> Demand:
    return lambda now: what in now.features and also(now)


def _on_electrode(now: Moment) -> bool:
    return now.channel is not None and now.channel not in now.sentinels


def _moves_5_c(now: Moment) -> bool:
    return now.size is not None and abs(now.size) >= 5.0


def _sentinel_at_48_c(now: Moment) -> bool:
    """It comes to 48 C or more: 3 C over its limit, so that it passes that within the lag of a slow thermocouple."""
    return bool(now.sentinels) and now.size is not None and 37.0 + now.size * (now.site_c - 37.0) >= 48.0


def _power_off_by_half(now: Moment) -> bool:
    """The limit is 20 % and 1 W; a command of 5 W may fall by half before the comparison has lasted."""
    return now.size is not None and now.asked_w >= 5.0 and (now.size <= 0.5 or now.size >= 1.6)


class Deadline(NamedTuple):
    """One demand."""

    kinds: tuple[str, ...]
    states: tuple[State, ...]
    by_s: float
    """From the tick in which the fault is put on; 0 is that very tick."""
    needs: Demand = _any
    sizes: str = "any"


OPENS = ("thermocouple_open", "thermocouple_short_to_ground", "thermocouple_short_to_supply")
NO_FLOW = ("pump_stopped", "air_bubble")

DEADLINES: tuple[Deadline, ...] = (
    Deadline(OPENS, CRH, 0.0),
    Deadline(("thermocouple_stuck",), RH, 2.04, _on_electrode, "on the electrode"),
    Deadline(("thermocouple_stuck",), (C,), 6.5, _on_electrode, "on the electrode"),
    Deadline(("thermocouple_offset",), CRH, 0.04, _moves_5_c, "5 C and more, either way"),
    Deadline(("thermocouple_noise",), CRH, 3.0, _at_least(8.0), "8 C and more"),
    Deadline(("thermocouple_intermittent",), CRH, 10.5, _at_least(0.5), "half the time and more"),
    Deadline(("impedance_nan",), CRH, 0.0),
    Deadline(("open_load", "short_load"), RH, 0.3),
    Deadline(("charring",), RH, 0.3, _at_least(2000.0), "2,000 ohm and more"),
    Deadline(("dry_out",), CRH, 16.0, _at_least(100.0), "100 ohm/s and more"),
    # the check gives its power once coolant flows: 3 s of priming, then the row's own time
    Deadline(("open_load", "short_load"), (C,), 4.5),
    Deadline(("charring",), (C,), 4.5, _at_least(2000.0), "2,000 ohm and more"),
    Deadline(("sentinel_close",), RH, 3.5, _sentinel_at_48_c, "the sentinel comes to 48 C and more"),
    Deadline(("stage_gain",), RH, 3.0, _power_off_by_half, "0.5 and less or 1.6 and more, of 5 W and more"),
    Deadline(("stage_over_temperature",), CRH, 0.0),
    Deadline(("stage_refuses",), RH, 0.24),
    Deadline(("stage_refuses",), (C,), 4.5),
    Deadline(NO_FLOW, RH, 1.2, _has(Needs.PUMP)),
    Deadline(NO_FLOW, (C,), 4.6, _has(Needs.PUMP)),
    Deadline(("pump_slow",), RH, 1.2, _has(Needs.PUMP, _at_most(0.7)), "0.7 and less"),
    Deadline(("pump_slow",), (C,), 4.6, _has(Needs.PUMP, _at_most(0.7)), "0.7 and less"),
    Deadline(("coolant_warm",), CRH, 1.04, _has(Needs.COOLANT_TEMPERATURE, _at_least(36.0)), "36 C and more"),
    Deadline(("emergency_stop", "loop_open"), CRH, 0.0),
    Deadline(("return_electrode_lost",), CRH, 0.0, _has(Needs.RETURN_MONITOR)),
    Deadline(("start_released",), CRH, 0.12, _has(Needs.DEAD_MAN)),
    Deadline(("line_drop", "line_corrupt"), CRH, 6.0, _at_least(0.3), "0.3 and more"),
    Deadline(("line_delay", "line_garbage", "line_silent", "line_unplugged", "rig_reboot"), CRH, 0.04),
    Deadline(("clock_skew",), CRH, 0.1, _at_least(0.55), "0.55 and more"),
    Deadline(("clock_skew",), CRH, 10.6, _at_least(0.025), "0.025 and more"),
    Deadline(("firmware_exception",), CRH, 0.0),
    Deadline(("limits_overwritten",), CRH, 0.1),
    Deadline(("tick_overrun",), CRH, 0.02),
)
"""Most figures are the rows' persistences and windows with a tick or two of margin; the check's add its priming."""


def deadline_s(kind: str, now: Moment) -> float | None:
    """The first demand that this fault meets here; None where nothing is promised of it."""
    for line in DEADLINES:
        if kind in line.kinds and now.state in line.states and line.needs(now):
            return line.by_s
    return None
