"""Derived signals of thermocouples that have a memory: dose, rise, rate, a reading that stands still, two that
disagree.

Sample times in microseconds, temperatures in Celsius. Plain state, no clock, no chance.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

NAN = float("nan")

HALVES_ABOVE = 0.5
HALVES_BELOW = 0.25
BREAK_C = 43.0
"""Cumulative equivalent minutes at 43 C (Sapareto and Dewey 1984): R = 0.5 above the break, 0.25 below."""
HOTTEST_DOSE_C = 60.0
"""A hotter reading counts as this: already 131,072 minutes a minute, far past any limit."""


class Dose:
    """CEM43 of the sentinel, in minutes. Goes on from treatment to treatment until a new patient is declared."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes = 0.0

    def update(self, reading_c: float, dt_us: int) -> float:
        """The dose so far. A reading that is no number gives none for this tick, and leaves the dose as it was."""
        if not -300.0 < reading_c < 1000.0:
            return NAN
        if reading_c > 37.0:  # below it a day counts less than a second's worth
            ratio = HALVES_ABOVE if reading_c >= BREAK_C else HALVES_BELOW
            least_c = reading_c if reading_c < HOTTEST_DOSE_C else HOTTEST_DOSE_C
            self._minutes += math.pow(ratio, BREAK_C - least_c) * dt_us / 60e6
        return self._minutes

    def new_patient(self) -> None:
        """Another patient has had none."""
        self._minutes = 0.0


class Slope:
    """Least-squares slope of a reading over the last `window_us`, C/s; None until the window is full.

    The sums are carried from tick to tick and taken anew once a window, so that rounding does not grow.
    """

    __slots__ = ("_fresh", "_points", "_st", "_stt", "_sty", "_sy", "_window_us", "_zero_us")

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._points: deque[tuple[int, float]] = deque()
        self._zero_us = 0
        self._fresh = 0
        self._st = self._sy = self._stt = self._sty = 0.0

    def update(self, now_us: int, reading_c: float) -> float | None:
        """The slope now. A reading that is no number makes it no number while it is in the window."""
        points = self._points
        points.append((now_us, reading_c))
        oldest_us = now_us - self._window_us
        t = (now_us - self._zero_us) * 1e-6
        self._st += t
        self._sy += reading_c
        self._stt += t * t
        self._sty += t * reading_c
        while len(points) > 1 and points[1][0] <= oldest_us:
            gone_us, gone_c = points.popleft()
            t = (gone_us - self._zero_us) * 1e-6
            self._st -= t
            self._sy -= gone_c
            self._stt -= t * t
            self._sty -= t * gone_c
        self._fresh += 1
        if self._fresh >= len(points) or not math.isfinite(self._sty):
            self._take_anew(now_us)
        if points[0][0] > oldest_us:
            return None
        n = len(points)
        spread = n * self._stt - self._st * self._st
        return (n * self._sty - self._st * self._sy) / spread if spread > 0.0 else None

    def _take_anew(self, now_us: int) -> None:
        self._fresh = 0
        self._zero_us = now_us
        self._st = self._sy = self._stt = self._sty = 0.0
        for at_us, value_c in self._points:
            t = (at_us - now_us) * 1e-6
            self._st += t
            self._sy += value_c
            self._stt += t * t
            self._sty += t * value_c


RATE_WINDOW_US = 100_000
RATE_LEAST_UPDATES = 3
RATE_SIGMAS = 5.0


class Rate:
    """The fastest slope of a thermocouple that stands out of its declared noise by five sigma; 0 where none does.

    `noise_c`: one sigma of a reading, by channel. `period_us`: of the samples; the window holds 100 ms and at least
    three intervals between converter updates.
    """

    __slots__ = ("_channels", "_least_c_s", "_slopes")

    def __init__(self, channels: Sequence[int], noise_c: Sequence[float], period_us: int) -> None:
        self._channels = tuple(channels)
        intervals = max(RATE_LEAST_UPDATES, -(-RATE_WINDOW_US // period_us))
        self._slopes = [Slope(intervals * period_us - period_us // 2) for _ in channels]
        n = intervals + 1
        # a least-squares slope over n even points of sigma s, dt apart, has sigma s sqrt(12 / (n (n^2 - 1))) / dt
        share = math.sqrt(12.0 / (n * (n * n - 1.0))) / (period_us * 1e-6)
        self._least_c_s = [RATE_SIGMAS * noise * share for noise in noise_c]

    def reset(self) -> None:
        """Forget everything (a new link)."""
        for slope in self._slopes:
            slope.reset()

    def update(self, now_us: int, temperature_c: Sequence[float]) -> float | None:
        """C/s, without its sign; None until the window is full; not a number where a reading is none."""
        fastest: float | None = None
        for slope, channel, least_c_s in zip(self._slopes, self._channels, self._least_c_s, strict=True):
            found = slope.update(now_us, temperature_c[channel])
            if found is None:
                continue
            size = found if found > 0.0 else -found
            if fastest is None:
                fastest = 0.0
            if not size <= least_c_s and not size <= fastest:
                fastest = size
        return fastest


STUCK_US = 2_000_000
STUCK_COARSE_US = 30_000_000
COARSE_STEP_C = 0.02
STUCK_LEAST_UPDATES = 20
SENTINEL_NEEDS_MOVE_C = 10.0


class Stuck:
    """How long the most stuck reading has been bit-identical, as a share of what is too long; 1 is stuck.

    Too long: 2 s and at least 20 updates, or 30 s where the converter's step is coarser than 0.02 C. The sentinel
    may well stand still: it counts as stuck only once an electrode reading has moved by more than 10 C meanwhile.
    """

    __slots__ = ("_due_us", "_electrodes", "_last", "_moved_from", "_sentinels", "_since_us", "_updates")

    def __init__(self, electrodes: Sequence[int], sentinels: Sequence[int], step_c: Sequence[float]) -> None:
        self._electrodes = tuple(electrodes)
        self._sentinels = tuple(sentinels)
        self._due_us = [STUCK_COARSE_US if step > COARSE_STEP_C else STUCK_US for step in step_c]
        self.reset()

    def reset(self) -> None:
        """Forget everything (a ramp begins, a new link)."""
        count = len(self._electrodes) + len(self._sentinels)
        self._last = [NAN] * count
        self._since_us = [0] * count
        self._updates = [0] * count
        self._moved_from: list[tuple[float, ...]] = [()] * count

    def update(self, now_us: int, temperature_c: Sequence[float]) -> float:
        """The share. A reading that is no number is never stuck (it trips on its own)."""
        worst = 0.0
        place = 0
        for channel in self._electrodes:
            if temperature_c[channel] != self._last[place]:
                self._last[place] = temperature_c[channel]
                self._since_us[place] = now_us
                self._updates[place] = 0
            else:
                self._updates[place] += 1
                share = self._share(place, now_us)
                worst = max(worst, share)
            place += 1
        for channel in self._sentinels:
            if temperature_c[channel] != self._last[place]:
                self._last[place] = temperature_c[channel]
                self._since_us[place] = now_us
                self._updates[place] = 0
                self._moved_from[place] = tuple(temperature_c[i] for i in self._electrodes)
            else:
                self._updates[place] += 1
                moved = (
                    temperature_c[i] - was for i, was in zip(self._electrodes, self._moved_from[place], strict=True)
                )
                if any(abs(m) > SENTINEL_NEEDS_MOVE_C for m in moved):
                    share = self._share(place, now_us)
                    worst = max(worst, share)
            place += 1
        return worst

    def _share(self, place: int, now_us: int) -> float:
        by_time = (now_us - self._since_us[place]) / self._due_us[place]
        by_updates = self._updates[place] / STUCK_LEAST_UPDATES
        return by_time if by_time < by_updates else by_updates


def disagreement_c(temperature_c: Sequence[float], pairs: Sequence[tuple[int, int]]) -> float | None:
    """The largest difference between two thermocouples that are declared to be in one place; None where none are."""
    worst: float | None = None
    for a, b in pairs:
        apart = temperature_c[a] - temperature_c[b]
        apart = apart if apart > 0.0 else -apart
        if worst is None or not apart <= worst:
            worst = apart
    return worst
