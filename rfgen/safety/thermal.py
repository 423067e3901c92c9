"""Derived signals of thermocouples that have a memory: dose, forecast, rate, a reading that stands still, two that
disagree.

Sample times in microseconds, temperatures in Celsius. Plain state, no clock, no chance.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

NAN = float("nan")

HALVES_ABOVE: Final = 0.5
HALVES_BELOW: Final = 0.25
BREAK_C: Final = 43.0
"""Cumulative equivalent minutes at 43 C (Sapareto and Dewey 1984): R = 0.5 above the break, 0.25 below."""
HOTTEST_DOSE_C: Final = 60.0
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
        if reading_c > 37.0:  # at body temperature a whole day makes a third of a minute
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

    def level(self, now_us: int, slope: float) -> float:
        """The fitted line's value at `now_us`, given its slope."""
        n = len(self._points)
        return self._sy / n + slope * ((now_us - self._zero_us) * 1e-6 - self._st / n)

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


RATE_WINDOW_US: Final = 100_000
RATE_LEAST_UPDATES: Final = 3
LEAST_POINTS: Final = RATE_LEAST_UPDATES + 1
RATE_SIGMAS = 5.0


Points = deque[tuple[int, Sequence[float]]]


def _even_slopes(weights: Sequence[float], channels: Sequence[int]) -> Callable[[Points], tuple[float, ...]]:
    """The weighted sums of even points, written out: the weights are odd about the middle, so points go in pairs."""
    n = len(weights)
    names = [f"p{k}" for k in range(n)]
    lines = ["def slopes(points):", "    " + ", ".join(f"(_, {name})" for name in names) + " = points"]
    sums = []
    for channel in channels:
        pairs = [f"{weights[n - 1 - k]!r} * (p{n - 1 - k}[{channel}] - p{k}[{channel}])" for k in range(n // 2)]
        sums.append(" + ".join(pairs))
    lines.append(f"    return ({', '.join(sums)},)")
    scope: dict[str, Callable[[Points], tuple[float, ...]]] = {}
    exec(compile("\n".join(lines), "<slopes>", "exec"), {"__builtins__": {}}, scope)
    return scope["slopes"]


class Rate:
    """The fastest slope of a thermocouple that stands out of its declared noise by five sigma; 0 where none does.

    Least squares over 100 ms and at least three intervals between converter updates. `noise_c`: one sigma of a
    reading, by channel. `period_us`: of the samples.
    """

    __slots__ = (
        "_channels",
        "_count",
        "_even",
        "_even_run",
        "_last_us",
        "_least_c_s",
        "_noise_c",
        "_period_us",
        "_points",
    )

    def __init__(self, channels: Sequence[int], noise_c: Sequence[float], period_us: int) -> None:
        self._channels = tuple(channels)
        intervals = max(RATE_LEAST_UPDATES, -(-RATE_WINDOW_US // period_us))
        n = intervals + 1
        self._points: Points = deque()
        self._count = n
        self._period_us = period_us
        self._last_us = 0
        self._even_run = 0
        """Intervals in a row, up to now, that were just a period."""
        # even points dt apart: the slope is a fixed weighted sum of the readings
        middle = intervals / 2.0
        spread = sum((k - middle) ** 2 for k in range(n)) * period_us * 1e-6
        weights = [(k - middle) / spread for k in range(n)]
        self._even = _even_slopes(weights, self._channels)
        # and of readings with sigma s it has sigma s sqrt(sum of the squared weights)
        share = math.sqrt(sum(w * w for w in weights))
        self._least_c_s = [RATE_SIGMAS * noise * share for noise in noise_c]
        self._noise_c = tuple(noise_c)

    def reset(self) -> None:
        """Forget everything (a new link)."""
        self._points.clear()
        self._even_run = 0

    def update(self, now_us: int, temperature_c: Sequence[float]) -> float | None:
        """C/s, without its sign; None until the window is full; not a number where a reading is none."""
        points = self._points
        points.append((now_us, temperature_c))
        self._even_run = self._even_run + 1 if now_us - self._last_us == self._period_us else 0
        self._last_us = now_us
        # back to the last point that is at least 100 ms old, and to three intervals: lost samples must not stretch it
        oldest_us = now_us - RATE_WINDOW_US
        while len(points) > LEAST_POINTS and points[1][0] <= oldest_us:
            points.popleft()
        if len(points) < LEAST_POINTS or points[0][0] > oldest_us:
            return None
        slopes: Sequence[float]
        least_c_s = self._least_c_s
        if self._even_run >= self._count - 1:
            slopes = self._even(points)
        else:
            weights = self._uneven(now_us)
            slopes = [
                sum(weight * point[1][channel] for weight, point in zip(weights, points, strict=True))
                for channel in self._channels
            ]
            share = math.sqrt(sum(w * w for w in weights))
            least_c_s = [RATE_SIGMAS * noise * share for noise in self._noise_c]
        fastest = 0.0
        for place, slope in enumerate(slopes):
            least = least_c_s[place]
            size = slope if slope > 0.0 else -slope
            if not size <= least and not size <= fastest and fastest == fastest:
                fastest = size
        return fastest

    def _uneven(self, now_us: int) -> list[float]:
        """The weights of points that came at uneven times."""
        times = [(at_us - now_us) * 1e-6 for at_us, _ in self._points]
        middle = sum(times) / len(times)
        spread = sum((t - middle) ** 2 for t in times)
        return [(t - middle) / spread for t in times] if spread > 0.0 else [0.0] * len(times)


FORECAST_WINDOW_US = 10_000_000
FORECAST_POINT_US: Final = 100_000
MARGIN_C = 0.2
"""What a sentinel may read too little: its cold junction, and its lag behind a slow rise (assumed)."""
SOON_S = 150.0
SOON_LEAST_S = 58.0
SOON_FADES_S = 150.0
SOON_FLOOR = 0.5
"""Of *soon*, this share counts whatever the power; the rest goes with it."""
LATE = ((0.35, 0.3), (1.3, 1.7))
"""By line: of rise times age, and of what it has risen already."""
LATE_MOST_S = 400.0
"""All fitted to the field plant: `python -m evidence.forecast_fit` holds them against others, docs/forecast.md says
how."""

ForecastView = tuple[float | None, float | None]
NO_FORECAST: ForecastView = (None, None)


class Forecast:
    """Where the sentinel is, and how much further it would climb after an RF off now: (C, C), judged each 100 ms.

    Both from the straight line through its last 10 s, laid through the means of each 100 ms; None until they have
    passed. A fall counts as no rise. The climb has two parts, and a margin:

    - *soon*: heat arrives as fast as now for 150 s more; less as the heating grows older, 58 s from 92 s on. And less
      where less power is delivered than before, which the sentinel has yet to see: half of it counts always, half by
      the mean power of the last 10 s as a share of the mean since heating began, at most 1.
    - *late*: heat put in far away has yet to arrive. In a medium that only conducts, the climb is the rise so far times
      a function of one number: rise per second x age of the heating / rise so far (1 for a steady rise, below it for
      one that levels off). The function is convex; it is taken as the greatest of two straight lines and 0.
      So at one rise and age a sentinel that has risen less climbs more: the heat that it sees is further away.

    A reading that is no number makes both none until it has left the window. A power that is none, or not known, takes
    nothing off the climb for the rest of the treatment.
    """

    __slots__ = (
        "_base_c",
        "_began_us",
        "_count",
        "_heat",
        "_heat_uj",
        "_last_us",
        "_line",
        "_next_us",
        "_sum_c",
        "_sum_us",
        "_view",
    )

    def __init__(self) -> None:
        self._line = Slope(FORECAST_WINDOW_US)
        self.reset()

    def reset(self) -> None:
        """A new link."""
        self._line.reset()
        self._next_us = 0
        self._sum_c = 0.0
        self._sum_us = self._count = 0
        self._began_us: int | None = None
        self._base_c = NAN
        self._no_heat(0)
        self._view = NO_FORECAST

    def begin(self, now_us: int) -> None:
        """A treatment begins to heat: age counts from here, and the rise from the first level that is known."""
        self._began_us = now_us
        self._base_c = NAN
        self._no_heat(now_us)

    def _no_heat(self, now_us: int) -> None:
        """None has been delivered so far."""
        self._last_us = now_us
        self._heat_uj = 0.0
        self._heat: deque[tuple[int, float]] = deque([(now_us, 0.0)])
        """(when, microjoules delivered by then) over the last 10 s."""

    def update(self, now_us: int, reading_c: float, power_w: float = NAN) -> ForecastView:
        """(C, C). `power_w`: delivered over the interval that has just ended."""
        self._heat_uj += power_w * (now_us - self._last_us)
        self._last_us = now_us
        self._sum_c += reading_c
        self._sum_us += now_us
        self._count += 1
        if now_us >= self._next_us:
            self._next_us = now_us + FORECAST_POINT_US
            mean_us = self._sum_us // self._count
            slope = self._line.update(mean_us, self._sum_c / self._count)
            self._sum_c = 0.0
            self._sum_us = self._count = 0
            heat = self._heat
            heat.append((now_us, self._heat_uj))
            while heat[1][0] <= now_us - FORECAST_WINDOW_US:  # what has just come is never that old
                heat.popleft()
            if slope is None:
                self._view = NO_FORECAST
            else:
                level_c = self._line.level(now_us, slope)
                self._view = level_c, self._climb_c(now_us, level_c, 0.0 if slope < 0.0 else slope)
        return self._view

    def _climb_c(self, now_us: int, level_c: float, rise_c_s: float) -> float:
        if self._began_us is None:
            return MARGIN_C + SOON_S * rise_c_s
        if self._base_c != self._base_c:
            self._base_c = level_c
        risen_c = level_c - self._base_c
        if risen_c < 0.0:
            risen_c = 0.0
        age_s = (now_us - self._began_us) * 1e-6
        soon_s = SOON_S * (1.0 - age_s / SOON_FADES_S)
        if soon_s < SOON_LEAST_S:
            soon_s = SOON_LEAST_S
        soon_s *= SOON_FLOOR + (1.0 - SOON_FLOOR) * self._power_share(now_us, self._began_us)
        if age_s > LATE_MOST_S:
            age_s = LATE_MOST_S
        late_c = 0.0
        for of_rise, of_risen in LATE:
            more_c = of_rise * rise_c_s * age_s - of_risen * risen_c
            if not more_c <= late_c:
                late_c = more_c
        return MARGIN_C + soon_s * rise_c_s + late_c

    def _power_share(self, now_us: int, began_us: int) -> float:
        """Mean power of the last 10 s of the heating, over that of all of it; 1 where it is more, or not known."""
        then_us, then_uj = self._heat[0]
        # crosswise: nothing is divided before it is known to be positive
        lately = (self._heat_uj - then_uj) * (now_us - began_us)
        always = self._heat_uj * (now_us - then_us)
        return lately / always if 0.0 <= lately < always else 1.0


STUCK_US = 2_000_000
STUCK_COARSE_US = 30_000_000
COARSE_STEP_C = 0.02
STUCK_LEAST_UPDATES: Final = 20
SENTINEL_NEEDS_MOVE_C: Final = 10.0


class Stuck:
    """How long the most stuck reading has been bit-identical, as a share of what is too long; 1 is stuck.

    Too long: 2 s and at least 20 updates, or 30 s where the converter's step is coarser than 0.02 C. The sentinel
    may well stand still: it counts as stuck only once an electrode reading has moved by more than 10 C meanwhile.
    """

    __slots__ = ("_before", "_due_us", "_electrodes", "_last", "_sentinels", "_since", "_since_us", "_ticks")

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
        self._since = [0] * count
        self._ticks = 0
        self._before: list[Sequence[float]] = [()] * count
        """All readings as they were when this one last changed."""

    def update(self, now_us: int, temperature_c: Sequence[float]) -> float:
        """The share. A reading that is no number is never stuck (it trips on its own)."""
        worst = 0.0
        self._ticks += 1
        last, since_us, since = self._last, self._since_us, self._since
        place = 0
        for channel in self._electrodes:
            reading_c = temperature_c[channel]
            if reading_c != last[place]:
                last[place] = reading_c
                since_us[place] = now_us
                since[place] = self._ticks
            else:
                share = self._share(place, now_us)
                worst = max(worst, share)
            place += 1
        for channel in self._sentinels:
            reading_c = temperature_c[channel]
            if reading_c != last[place]:
                last[place] = reading_c
                since_us[place] = now_us
                since[place] = self._ticks
                self._before[place] = temperature_c
            else:
                before = self._before[place]
                if any(abs(temperature_c[i] - before[i]) > SENTINEL_NEEDS_MOVE_C for i in self._electrodes):
                    share = self._share(place, now_us)
                    worst = max(worst, share)
            place += 1
        return worst

    def _share(self, place: int, now_us: int) -> float:
        by_time = (now_us - self._since_us[place]) / self._due_us[place]
        by_updates = (self._ticks - self._since[place]) / STUCK_LEAST_UPDATES
        return by_time if by_time < by_updates else by_updates


def disagreement_c(temperature_c: Sequence[float], pairs: Sequence[tuple[int, int]]) -> float | None:
    """The largest difference between two thermocouples that are declared to be in one place; None where none are."""
    worst: float | None = None
    for a, b in pairs:
        apart = temperature_c[a] - temperature_c[b]
        apart = apart if apart > 0.0 else -apart
        if worst is None or (worst == worst and not apart <= worst):
            worst = apart
    return worst
