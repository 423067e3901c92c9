"""Every derived signal a second time: each value from the whole history up to it, as plainly as can be and with no
memory kept from tick to tick. Written from the catalogue's text, with its figures restated.

A history is a list with one entry a tick, the last of which is now. Slow on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

NAN = math.nan


class Drive(NamedTuple):
    """An interval as the impedance meter sees it."""

    asked_w: float
    reads_on: bool
    voltage_v: float
    current_a: float
    dt_us: int


def impedance(history: Sequence[Drive]) -> float | None:
    """Voltage over current, once RF has read back on at 0.5 W or more for 0.1 s. Open: 1e9; short: 0."""
    on = list(takewhile(lambda d: d.reads_on and d.asked_w >= 0.5, reversed(history)))
    if not on or sum(d.dt_us for d in on) < 100_000:
        return None
    now = history[-1]
    if math.isnan(now.voltage_v) or math.isnan(now.current_a):
        return NAN
    if now.current_a < 0.002:
        return 1e9
    if now.voltage_v < 0.2:
        return 0.0
    return now.voltage_v / now.current_a


def blanked(history: Sequence[tuple[float, int, int]]) -> list[bool]:
    """For each (watts, from, to): within 0.5 s of a move by more than 20 % and 2 W, and with it no more than 1 s
    blanked in the 5 s that end with it."""
    found: list[bool] = []
    for n, (_, from_us, to_us) in enumerate(history):
        moves = [
            history[k][1]
            for k in range(n + 1)
            if abs(history[k][0] - (history[k - 1][0] if k else 0.0)) > 2.0
            and abs(history[k][0] - (history[k - 1][0] if k else 0.0)) > 0.2 * (history[k - 1][0] if k else 0.0)
        ]
        after_move = bool(moves) and from_us - moves[-1] < 500_000
        used_us = sum(
            max(0, b - max(a, to_us - 5_000_000)) for (_, a, b), was in zip(history, found, strict=False) if was
        )
        found.append(after_move and used_us + (to_us - from_us) <= 1_000_000)
    return found


def allowed_w(most_w: float, most_a: float, most_v: float, ohm: float | None) -> float:
    """The least of power, current squared times load, voltage squared over load; the power where no load is known."""
    if ohm is None or math.isnan(ohm) or ohm <= 0.0 or ohm >= 1e9:
        return most_w
    return min(most_w, most_a * most_a * ohm, most_v * most_v / ohm)


class Heat(NamedTuple):
    """A tick of a ramp."""

    now_us: int
    dt_us: int
    reading_c: float
    asked_c: float
    finished: bool
    power_w: float
    allowed_w: float


StallView = tuple[float, float, float, float] | None


def stall(history: Sequence[Heat], began_us: int) -> StallView:
    """Gained, asked, mean power and mean allowed power over the last 10 s, looked at each 0.1 s; None where 10 s
    have not passed or the ramp has arrived."""
    if history[-1].finished:
        return None
    looks: list[int] = []
    for n, tick in enumerate(history):
        if not looks or tick.now_us >= history[looks[-1]].now_us + 100_000:
            looks.append(n)
    if history[looks[-1]].finished:
        return None
    last = history[looks[-1]]
    before = [n for n in looks if history[n].now_us <= last.now_us - 10_000_000]
    if not before or last.now_us - began_us < 10_000_000:
        return None
    first = history[before[-1]]
    window = history[before[-1] + 1 : looks[-1] + 1]
    over_s = (last.now_us - first.now_us) * 1e-6
    return (
        last.reading_c - first.reading_c,
        last.asked_c - first.asked_c,
        math.fsum(t.power_w * t.dt_us * 1e-6 for t in window) / over_s,
        math.fsum(t.allowed_w * t.dt_us * 1e-6 for t in window) / over_s,
    )


def flow_due(history: Sequence[tuple[float, int]], prime_us: int) -> float | None:
    """(asked ml/min, now): what is asked, once the very same has been asked for since `prime_us` ago."""
    asked, now_us = history[-1]
    same = list(takewhile(lambda tick: tick[0] == asked, reversed(history)))
    return asked if asked > 0.0 and now_us - same[-1][1] >= prime_us else None


def overshoot_armed(history: Sequence[tuple[float | None, float, int]]) -> bool:
    """(target, reading, now): after a step down, only once the reading has been within 5 C of the new target for half a
    second, or was no number."""
    target_c = history[-1][0]
    if target_c is None:
        return False
    same = list(takewhile(lambda tick: tick[0] == target_c, reversed(history)))
    place = len(history) - len(same)
    before_c = history[place - 1][0] if place else None
    if before_c is None or target_c >= before_c:
        return True
    same.reverse()
    for end, (_, last_c, end_us) in enumerate(same):
        if math.isnan(last_c):
            return True
        near = list(takewhile(lambda tick: not tick[1] > target_c + 5.0, reversed(same[: end + 1])))
        if near and end_us - near[-1][2] >= 500_000:
            return True
    return False


def dose_min(history: Sequence[tuple[float, int]]) -> float:
    """CEM43 in minutes: 0.5 or, below 43 C, 0.25 to the power of 43 less the reading, for each minute; a reading
    over 60 C as 60."""
    return math.fsum(
        (0.5 if c >= 43.0 else 0.25) ** (43.0 - min(c, 60.0)) * dt_us / 60e6
        for c, dt_us in history
        if math.isfinite(c) and -300.0 < c < 1000.0
    )


def line_through(points: Sequence[tuple[int, float]]) -> float:
    """Least-squares slope a second."""
    mean_us = sum(t for t, _ in points) / len(points)
    times = [(t - mean_us) * 1e-6 for t, _ in points]
    mean_c = math.fsum(c for _, c in points) / len(points)
    return math.fsum(t * (c - mean_c) for t, (_, c) in zip(times, points, strict=True)) / math.fsum(
        t * t for t in times
    )


def slope(history: Sequence[tuple[int, float]], window_us: int) -> float | None:
    """Over the points of the window and the one at or just before its beginning; None where there is none."""
    before = [n for n, (t, _) in enumerate(history) if t <= history[-1][0] - window_us]
    if not before:
        return None
    points = history[before[-1] :]
    return line_through(points) if all(math.isfinite(c) for _, c in points) else NAN


def forecast(
    history: Sequence[tuple[int, float]], began_us: int | None = None, powers_w: Sequence[float] = ()
) -> tuple[float | None, float | None]:
    """(value now, further climb after an RF off now) by the line over 10 s of points that are each the mean of 0.1 s.

    `began_us`: when the treatment began to heat, before that tick's reading came in. `powers_w`: with each reading,
    what was delivered since the one before; where it is left out, nobody knows.
    """
    lines = _lines(history)
    at_us, level_c, rise_c_s = lines[-1]
    if level_c is None:
        return None, None
    if not math.isfinite(level_c):
        return NAN, NAN
    if began_us is None or at_us < began_us:
        return level_c, 0.2 + 150.0 * rise_c_s
    base_c = next(c for t, c, _ in lines if t >= began_us and c is not None and math.isfinite(c))
    risen_c = max(0.0, level_c - base_c)
    age_s = (at_us - began_us) * 1e-6
    far_c = rise_c_s * min(age_s, 400.0)
    late_c = max(0.0, 0.35 * far_c - 0.3 * risen_c, 1.3 * far_c - 1.7 * risen_c)
    share = _power_share(history, [t for t, _, _ in lines], began_us, powers_w)
    return level_c, 0.2 + max(58.0, 150.0 - age_s) * (0.5 + 0.5 * share) * rise_c_s + late_c


def _power_share(
    history: Sequence[tuple[int, float]], looks_us: Sequence[int], began_us: int, powers_w: Sequence[float]
) -> float:
    """Mean power since the last look that is 10 s old or older, over the mean since heating began; 1 at most, and where
    nobody knows."""
    if not powers_w:
        return 1.0

    def joules(to_us: int) -> float:
        return sum(
            power_w * (now_us - before_us) * 1e-6
            for (before_us, _), (now_us, _), power_w in zip(history, history[1:], powers_w[1:], strict=False)
            if began_us < now_us <= to_us
        )

    at_us = looks_us[-1]
    since_us = max((t for t in looks_us if began_us <= t <= at_us - 10_000_000), default=began_us)
    all_j, last_j = joules(at_us), joules(at_us) - joules(since_us)
    if at_us <= since_us or not all_j > 0.0 or not last_j >= 0.0:
        return 1.0
    return min(1.0, last_j / (at_us - since_us) / (all_j / (at_us - began_us)))


def _lines(history: Sequence[tuple[int, float]]) -> list[tuple[int, float | None, float]]:
    """(when, value then, rise; 0 where it falls) each 0.1 s; None while 10 s have not passed."""
    points: list[tuple[int, float]] = []
    found: list[tuple[int, float | None, float]] = []
    waiting: list[tuple[int, float]] = []
    for tick in history:
        waiting.append(tick)
        if not found or tick[0] >= found[-1][0] + 100_000:
            times, readings = zip(*waiting, strict=True)
            points.append((sum(times) // len(times), sum(readings) / len(readings)))
            waiting = []
            found.append((tick[0], *_line(points, tick[0])))
    return found


def _line(points: Sequence[tuple[int, float]], now_us: int) -> tuple[float | None, float]:
    rise_c_s = slope(points, 10_000_000)
    if rise_c_s is None:
        return None, NAN
    if not math.isfinite(rise_c_s):
        return NAN, NAN
    before = [n for n, (t, _) in enumerate(points) if t <= points[-1][0] - 10_000_000]
    window = points[before[-1] :]
    middle_us = sum(t for t, _ in window) / len(window)
    middle_c = math.fsum(c for _, c in window) / len(window)
    return middle_c + rise_c_s * (now_us - middle_us) * 1e-6, max(rise_c_s, 0.0)


def rate_c_s(
    history: Sequence[tuple[int, Sequence[float]]], channels: Sequence[int], noise_c: Sequence[float], period_us: int
) -> float | None:
    """The fastest slope over 100 ms and at least 3 intervals that is beyond 5 sigma of what noise alone would make;
    0 where none is, no number where one is none."""
    now_us = history[-1][0]
    old = [n for n, (t, _) in enumerate(history) if t <= now_us - 100_000]
    if not old or len(history) < 4:
        return None
    window = history[min(old[-1], len(history) - 4) :]
    times = [(t - now_us) * 1e-6 for t, _ in window]
    middle = sum(times) / len(times)
    by_noise = 1.0 / math.sqrt(sum((t - middle) ** 2 for t in times))
    fastest = 0.0
    for place, channel in enumerate(channels):
        if not all(math.isfinite(readings[channel]) for _, readings in window):
            return NAN
        size = abs(line_through([(t, readings[channel]) for t, readings in window]))
        if size > 5.0 * noise_c[place] * by_noise:
            fastest = max(fastest, size)
    return fastest


def stuck_share(
    history: Sequence[tuple[int, Sequence[float]]],
    electrodes: Sequence[int],
    sentinels: Sequence[int],
    step_c: Sequence[float],
) -> float:
    """Time and updates that a reading has been the same, over 2 s (30 s if coarse) and 20; the lesser of both, the
    worst of all. A sentinel only where an electrode has moved by more than 10 C meanwhile."""
    worst = 0.0
    now_us, now = history[-1]
    for place, channel in enumerate((*electrodes, *sentinels)):
        same = list(takewhile(lambda tick: tick[1][channel] == now[channel], reversed(history)))  # noqa: B023
        if not same:
            continue  # not even equal to itself: no number
        since_us, was = same[-1]
        if channel in sentinels and not any(abs(now[i] - was[i]) > 10.0 for i in electrodes):
            continue
        too_long_s = 30.0 if step_c[place] > 0.02 else 2.0
        worst = max(worst, min((now_us - since_us) / 1e6 / too_long_s, (len(same) - 1) / 20.0))
    return worst


def disagreement(now: Sequence[float], pairs: Sequence[tuple[int, int]]) -> float | None:
    """The largest difference; no number where one is none."""
    apart = [abs(now[a] - now[b]) for a, b in pairs]
    if not apart:
        return None
    return NAN if any(math.isnan(d) for d in apart) else max(apart)


def least_ohm(history: Sequence[float | None]) -> float | None:
    """The least that was a number."""
    found = [z for z in history if z is not None and not math.isnan(z)]
    return min(found) if found else None


def jumps(history: Sequence[tuple[int, float | None]]) -> list[tuple[float, float]]:
    """(moved, from) against every value of the last 100 ms."""
    now_us, now = history[-1]
    if now is None:
        return []
    before = [z for t, z in history[:-1] if z is not None and not math.isnan(z) and now_us - t <= 100_000]
    return [(abs(now - z), z) for z in before]


def energy_j(history: Sequence[tuple[float, int]]) -> float:
    """Watts times seconds, of what was a number."""
    return math.fsum(w * dt_us * 1e-6 for w, dt_us in history if math.isfinite(w * dt_us * 1e-6))


def skew_share(history: Sequence[tuple[int, int]]) -> float | None:
    """(host, rig): how far the rig's time is off the host's over the last 10 s, looked at each 0.5 s."""
    looks: list[tuple[int, int]] = []
    for tick in history:
        if not looks or tick[0] >= looks[-1][0] + 500_000:
            looks.append(tick)
    before = [look for look in looks if look[0] <= looks[-1][0] - 10_000_000]
    if not before:
        return None
    host_us, rig_us = looks[-1][0] - before[-1][0], looks[-1][1] - before[-1][1]
    return abs(rig_us / host_us - 1.0)


def late_ticks(history: Sequence[int | None], period_us: int) -> int:
    """Intervals in a row, up to now, that are off the period by more than half of it; what is not known is passed
    over."""
    known = [us for us in history if us is not None]
    return len(list(takewhile(lambda us: 2 * abs(us - period_us) > period_us, reversed(known))))


def released_enough(history: Sequence[tuple[int, bool]]) -> bool:
    """(dt, pressed): not pressed in any sample of the last 0.5 s, seen for that long."""
    released = list(takewhile(lambda tick: not tick[1], reversed(history)))
    return sum(dt_us for dt_us, _ in released[:-1]) >= 500_000
