"""Derived signals: everything an interlock needs that has a memory. One small class each.

Times are sample times in microseconds. None of them reads a clock or draws a random number; all of their state is
in plain fields, so a deep copy is an independent continuation.
"""

from __future__ import annotations

from collections import deque
from typing import Final

SETTLE_US: Final = 100_000
"""RF must have read back on, at sensing power or more, for this long before the impedance counts as measured."""

OPEN_OHM: Final = 1e9
"""Stands for "above every limit": no limit may be set near it."""

SHORT_OHM: Final = 0.0
"""Stands for "below every limit"."""


class Impedance:
    """Voltage over current while both mean something; absent otherwise.

    `sense_w`: least power asked for over an interval at which the meters are trusted. `least_current_a` and
    `least_voltage_v`: below them the load reads open or short.
    """

    __slots__ = ("_least_current_a", "_least_voltage_v", "_on_us", "_sense_w")

    def __init__(self, sense_w: float, least_current_a: float, least_voltage_v: float) -> None:
        self._sense_w = sense_w
        self._least_current_a = least_current_a
        self._least_voltage_v = least_voltage_v
        self._on_us = 0

    def reset(self) -> None:
        """Forget that RF was on."""
        self._on_us = 0

    def update(self, asked_w: float, reads_on: bool, voltage_v: float, current_a: float, dt_us: int) -> float | None:
        """Ohm, or None. `asked_w` is 0 over an interval not wholly commanded on. A NaN of either meter is NaN."""
        if not reads_on or asked_w < self._sense_w:
            self._on_us = 0
            return None
        if self._on_us < SETTLE_US:
            self._on_us += dt_us
            if self._on_us < SETTLE_US:
                return None
        if current_a < self._least_current_a:
            return OPEN_OHM if voltage_v == voltage_v else voltage_v
        if voltage_v < self._least_voltage_v:
            return SHORT_OHM if current_a == current_a else current_a
        return voltage_v / current_a


BLANK_US: Final = 500_000
BLANK_MOST_US: Final = 1_000_000
BLANK_WINDOW_US: Final = 5_000_000
BLANK_SHARE: Final = 0.2
BLANK_STEP_W: Final = 2.0


class Blanking:
    """Whether a power comparison is blanked because the command has just jumped.

    0.5 s after the command moved by more than 20 % and 2 W in one tick, but at most 1 s in any 5 s, so that no
    sequence of commands can keep it blanked. (A check of delivered power must wait for the stage to follow a jump;
    Force FX blanks its own for 500 ms.)
    """

    __slots__ = ("_last_w", "_spans", "_until_us")

    def __init__(self) -> None:
        self._last_w = 0.0
        self._until_us = 0
        self._spans: deque[tuple[int, int]] = deque()

    def update(self, command_w: float, from_us: int, to_us: int) -> bool:
        """Is the interval from `from_us` to `to_us`, driven by `command_w`, blanked?"""
        last_w = self._last_w
        if command_w != last_w:
            moved_w = command_w - last_w if command_w > last_w else last_w - command_w
            self._last_w = command_w
            if moved_w > BLANK_STEP_W and moved_w > BLANK_SHARE * last_w:
                self._until_us = from_us + BLANK_US
        if from_us >= self._until_us:
            return False
        spans = self._spans
        oldest_us = to_us - BLANK_WINDOW_US
        while spans and spans[0][1] <= oldest_us:
            spans.popleft()
        used_us = to_us - from_us
        for start_us, end_us in spans:
            used_us += end_us - (start_us if start_us > oldest_us else oldest_us)
        if used_us > BLANK_MOST_US:
            return False
        if spans and spans[-1][1] == from_us:
            spans[-1] = (spans[-1][0], to_us)
        else:
            spans.append((from_us, to_us))
        return True


def allowed_power_w(
    max_power_w: float, max_current_a: float, max_voltage_v: float, impedance_ohm: float | None
) -> float:
    """What the output law (constant current, power, voltage) allows into a load; the full power where it is not
    known."""
    if impedance_ohm is None or not SHORT_OHM < impedance_ohm < OPEN_OHM:
        return max_power_w
    by_current_w = max_current_a * max_current_a * impedance_ohm
    by_voltage_w = max_voltage_v * max_voltage_v / impedance_ohm
    least_w = by_current_w if by_current_w < by_voltage_w else by_voltage_w
    return least_w if least_w < max_power_w else max_power_w


STALL_WINDOW_US: Final = 10_000_000
STALL_POINT_US: Final = 100_000
"""The window is kept as one point each 100 ms: a stall is a matter of seconds."""

StallView = tuple[float | None, float | None, float | None, float | None]
NO_STALL: StallView = (None, None, None, None)


class Stall:
    """Heating over the last 10 s of a ramp: gained, asked, mean power delivered, mean power allowed.

    Absent until the window is full, and once the set-point ramp has arrived (nothing more is asked).
    """

    __slots__ = ("_allowed_j", "_delivered_j", "_next_us", "_points", "_view")

    def __init__(self) -> None:
        self._points: deque[tuple[int, float, float, float, float]] = deque()
        self._next_us = 0
        self._delivered_j = 0.0
        self._allowed_j = 0.0
        self._view = NO_STALL

    def reset(self, now_us: int) -> None:
        """A ramp begins, or ends."""
        self._points.clear()
        self._next_us = now_us
        self._delivered_j = 0.0
        self._allowed_j = 0.0
        self._view = NO_STALL

    def update(
        self,
        now_us: int,
        dt_us: int,
        reading_c: float,
        asked_c: float,
        finished: bool,
        power_w: float,
        allowed_w: float,
    ) -> StallView:
        """Call once a tick in RAMP. `asked_c`: the set-point ramp now; `finished`: it has reached the target."""
        self._delivered_j += power_w * dt_us * 1e-6
        self._allowed_j += allowed_w * dt_us * 1e-6
        if now_us < self._next_us:
            return self._view if not finished else NO_STALL
        self._next_us = now_us + STALL_POINT_US
        points = self._points
        points.append((now_us, reading_c, asked_c, self._delivered_j, self._allowed_j))
        while len(points) > 1 and points[1][0] <= now_us - STALL_WINDOW_US:
            points.popleft()
        first_us, first_c, first_asked_c, first_j, first_allowed_j = points[0]
        over_us = now_us - first_us
        if finished or over_us < STALL_WINDOW_US:
            self._view = NO_STALL
        else:
            over_s = over_us * 1e-6
            self._view = (
                reading_c - first_c,
                asked_c - first_asked_c,
                (self._delivered_j - first_j) / over_s,
                (self._allowed_j - first_allowed_j) / over_s,
            )
        return self._view


class FlowDue:
    """The coolant flow asked for, once it has been asked for `prime_s`; absent before, and while none is asked."""

    __slots__ = ("_asked", "_prime_us", "_since_us")

    def __init__(self, prime_s: float) -> None:
        self._prime_us = round(prime_s * 1e6)
        self._asked = 0.0
        self._since_us = 0

    def update(self, asked_ml_min: float, now_us: int) -> float | None:
        """ml/min, or None."""
        if asked_ml_min != self._asked:
            self._asked = asked_ml_min
            self._since_us = now_us
        if asked_ml_min <= 0.0 or now_us - self._since_us < self._prime_us:
            return None
        return asked_ml_min

    def restart(self, now_us: int) -> None:
        """A new link: the pump stopped with the old one."""
        self._since_us = now_us


class OvershootArm:
    """Whether overshoot over the present target means anything.

    After a step down it is armed once the reading has come within the limit of the new target, for as long as the
    interlock itself would ask before it trips: until then the excess is the old step's heat, and one noisy reading is
    no end of it. Armed at once by a step up, and by a reading that is no number.
    """

    __slots__ = ("_armed", "_near_c", "_near_us", "_target_c")

    NEAR_FOR_US = 500_000

    def __init__(self, near_c: float) -> None:
        self._near_c = near_c
        self._armed = True
        self._target_c: float | None = None
        self._near_us: int | None = None
        """Since when it has been near, without a break."""

    def update(self, target_c: float | None, reading_c: float, now_us: int) -> bool:
        """Is overshoot applicable in this tick?"""
        if target_c is None:
            self._target_c = None
            return False
        if target_c != self._target_c:
            self._armed = self._target_c is None or target_c > self._target_c
            self._target_c = target_c
            self._near_us = None
        if self._armed:
            return True
        near_c = target_c + self._near_c
        if reading_c > near_c:
            self._near_us = None
            return False
        if self._near_us is None:
            self._near_us = now_us
        self._armed = now_us - self._near_us >= self.NEAR_FOR_US or not reading_c <= near_c
        return self._armed


class Interval:
    """Whether the interval that a sample describes was commanded on, off, or some of both.

    A sample describes the time since the last one; every command in force since then counts, and an immediate
    RF-off makes its interval mixed.
    """

    __slots__ = ("_off", "_on")

    def __init__(self) -> None:
        self._on = False
        self._off = True

    def drove(self, rf_on: bool, cut: bool) -> None:
        """A command was in force for a tick; `cut`: RF was ordered off in the middle of it."""
        if rf_on:
            self._off = False
            if cut:
                self._on = False
        else:
            self._on = False

    def take(self) -> tuple[bool, bool]:
        """(wholly on, wholly off) since the last sample; starts the next interval."""
        found = self._on, self._off
        self._on = self._off = True
        return found
