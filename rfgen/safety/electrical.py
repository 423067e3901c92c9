"""Derived signals of the load and of the line that have a memory: least impedance, jump, energy, clock, lateness.

Sample times in microseconds. Plain state, no clock, no chance.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

JUMP_WINDOW_US: Final = 100_000


class Least:
    """The least impedance since this ramp began; None before the first."""

    __slots__ = ("_least_ohm",)

    def __init__(self) -> None:
        self._least_ohm: float | None = None

    def reset(self) -> None:
        """A ramp begins."""
        self._least_ohm = None

    def update(self, impedance_ohm: float | None) -> float | None:
        """Ohm. What is not measured leaves it as it was; so does what is no number (that trips on its own)."""
        if impedance_ohm is None or impedance_ohm != impedance_ohm:
            return self._least_ohm
        if self._least_ohm is None or impedance_ohm < self._least_ohm:
            self._least_ohm = impedance_ohm
        return self._least_ohm


Jump = tuple[float | None, float | None]
"""(how far the impedance moved, from what), ohm"""


class Jumps:
    """The farthest the impedance has moved from any value of the last 100 ms."""

    __slots__ = ("_times_us", "_values")

    def __init__(self) -> None:
        self._times_us: deque[int] = deque()
        self._values: deque[float] = deque()

    def reset(self) -> None:
        """A new link, or a new treatment."""
        self._times_us.clear()
        self._values.clear()

    def update(self, now_us: int, impedance_ohm: float | None) -> Jump:
        """(moved, from); None where it is not measured now, or was not within the window."""
        times_us, values = self._times_us, self._values
        while times_us and times_us[0] < now_us - JUMP_WINDOW_US:
            times_us.popleft()
            values.popleft()
        if impedance_ohm is None:
            return None, None
        if impedance_ohm != impedance_ohm:
            return impedance_ohm, impedance_ohm  # it trips at once, and no later value is held against it
        found: Jump = (None, None)
        if values:
            # the farthest, in ohm and as a share, is from the least value or from the greatest
            low = high = values[0]
            for value in values:  # one pass, a third of the cost of min() and max()
                if value < low:
                    low = value
                elif value > high:
                    high = value
            if low <= 0.0 or (impedance_ohm - low) / low > (high - impedance_ohm) / high:
                found = (abs(impedance_ohm - low), low)
            else:
                found = (abs(high - impedance_ohm), high)
        times_us.append(now_us)
        values.append(impedance_ohm)
        return found


class Energy:
    """Energy delivered in this treatment, J."""

    __slots__ = ("_joules",)

    def __init__(self) -> None:
        self._joules = 0.0

    def reset(self) -> None:
        """A treatment begins."""
        self._joules = 0.0

    def update(self, power_w: float, dt_us: int) -> float:
        """The sum so far. A power that is no number makes this tick's value none, and is not added."""
        added = power_w * dt_us * 1e-6
        if not math.isfinite(added):
            return math.nan
        self._joules += added
        return self._joules


def meter_off_by_w(voltage_v: float, current_a: float, phase_deg: float, power_w: float) -> float:
    """How far voltage x current x cos(phase) is off the measured power, W; not a number where a meter gives none."""
    if not math.isfinite(phase_deg):
        return math.nan
    apparent_w = voltage_v * current_a * math.cos(math.radians(phase_deg))
    return apparent_w - power_w if apparent_w > power_w else power_w - apparent_w


SKEW_WINDOW_US: Final = 10_000_000
SKEW_POINT_US: Final = 500_000


class Skew:
    """The rig's clock against the host's ticks, as a share over the last 10 s; None until they have passed."""

    __slots__ = ("_next_us", "_points", "_ticks_us", "_view")

    def __init__(self) -> None:
        self._ticks_us = 0
        self.reset()

    def reset(self) -> None:
        """A new link."""
        self._points: deque[tuple[int, int]] = deque()
        self._next_us = self._ticks_us
        self._view: float | None = None

    def passed(self, period_us: int) -> None:
        """The host's own tick, with a sample or without."""
        self._ticks_us += period_us

    def update(self, rig_us: int) -> float | None:
        """The share by which the rig's time is off; judged each half second."""
        host_us = self._ticks_us
        if host_us < self._next_us:
            return self._view
        self._next_us = host_us + SKEW_POINT_US
        points = self._points
        points.append((host_us, rig_us))
        while len(points) > 1 and points[1][0] <= host_us - SKEW_WINDOW_US:
            points.popleft()
        over_us = host_us - points[0][0]
        if over_us < SKEW_WINDOW_US:
            self._view = None
        else:
            off = (rig_us - points[0][1]) / over_us - 1.0
            self._view = off if off > 0.0 else -off
        return self._view


LATE_SHARE: Final = 0.5


class Late:
    """How many samples in a row came off the period by more than half of it."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0.0

    def reset(self) -> None:
        """A new link."""
        self._count = 0.0

    def update(self, interval_us: int | None, period_us: int) -> float:
        """The count. `interval_us` None: the first sample of a link, or the one after a tick without one."""
        if interval_us is None:
            return self._count
        off_us = interval_us - period_us if interval_us > period_us else period_us - interval_us
        self._count = self._count + 1.0 if off_us > LATE_SHARE * period_us else 0.0
        return self._count
