"""The derived signals that look back over a window: slopes, dose, stuck readings, clocks. Written from the
catalogue's text, as arrays over the samples of a recording."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from evidence.oracle_recording import HOLD, RAMP, Flags, Floats, Ints, Timeline
from evidence.oracle_signals import Part, runs_of

CHUNK = 4096
FORECAST_LOOK_US = 100_000
SKEW_LOOK_US = 500_000
"""The page does not say how often a window of seconds is looked at; the firmware does so each 100 and 500 ms."""


def slopes(now_us: Ints, value: Floats, first: Ints) -> tuple[Floats, Floats]:
    """Least-squares slope per second from `first[k]` to k, and the sum of the squared times that it rests on."""
    count = len(now_us)
    slope, spread = np.full(count, np.nan), np.zeros(count)
    if not count:
        return slope, spread
    width = int((np.arange(count) - first).max()) + 1
    for low in range(0, count, CHUNK):
        here = np.arange(low, min(low + CHUNK, count))
        place = here[:, None] - np.arange(width)[None, :]
        inside = place >= first[here][:, None]
        place = np.maximum(place, 0)
        with np.errstate(all="ignore"):
            weight = inside.astype(np.float64)
            number = weight.sum(axis=1)
            time = (now_us[place] - now_us[here][:, None]) * 1e-6
            time = np.where(inside, time - (time * weight).sum(axis=1)[:, None] / number[:, None], 0.0)
            level = np.where(inside, value[place], 0.0)
            level = np.where(inside, level - level.sum(axis=1)[:, None] / number[:, None], 0.0)
            spread[here] = (time * time).sum(axis=1)
            slope[here] = (time * level).sum(axis=1) / spread[here]
    return slope, spread


def sums_between(value: Ints, first: Ints, last: Ints) -> Ints:
    """The sum of `value` from each `first` to each `last`, both included."""
    sums = np.concatenate(([0], np.cumsum(value)))
    return np.asarray(sums[last + 1] - sums[first])


def means(value: Ints | Floats, first: Ints) -> Floats:
    """The mean of `value` from `first[k]` to k."""
    return np.array([value[a : k + 1].mean() for k, a in enumerate(first.tolist())], dtype=np.float64)


class Windows:
    """Windowed signals of one recording."""

    def __init__(self, timeline: Timeline) -> None:
        self.t = timeline
        self.device = timeline.device
        self.now_us = timeline.now_us

    def _back(self, window_us: int) -> tuple[Ints, Flags]:
        """(first sample of each window, the window is full) on one link. A window reaches back to the last sample that
        is at least that old."""
        t = self.t
        # a clock that goes back ends a link's windows: order is all that a search needs
        ordered = np.maximum.accumulate(self.now_us + (t.link - 1) * np.int64(2**42))
        link_first = runs_of(~t.fresh)
        full = ordered - ordered[link_first] >= window_us
        first = np.searchsorted(ordered, ordered - window_us, side="right") - 1
        return np.maximum(first, link_first), full

    # --- sentinel --------------------------------------------------------------------------------------------

    @cached_property
    def dose_min(self) -> Floats:
        """CEM43 of the sentinel, over treatments, until another patient is declared."""
        t = self.t
        assert self.device.sentinel is not None
        sentinel_c = t.temperature_c[:, self.device.sentinel]
        with np.errstate(all="ignore"):
            rate = np.where(sentinel_c >= 43.0, 0.5, 0.25) ** (43.0 - sentinel_c)
        rate = np.where(np.isfinite(sentinel_c), rate, 0.0)
        minutes = np.cumsum(rate * t.long_us / 60e6)
        before = np.concatenate(([0.0], minutes))[: t.samples]
        dose = minutes - before[runs_of(~t.first_after(t.new_patients))] if t.samples else minutes
        return np.where(np.isfinite(sentinel_c), dose, np.nan)

    @cached_property
    def sentinel_forecast(self) -> tuple[Part, Part]:
        """The line through the sentinel's last 10 s, of the means of each 100 ms: its value now, and how much further
        the sentinel would climb after an RF off now."""
        t = self.t
        assert self.device.sentinel is not None
        look = t.looked_at(self.now_us, FORECAST_LOOK_US, t.fresh)
        points = np.flatnonzero(look == np.arange(t.samples))
        link = t.link[points]
        # the samples since the last look, this one the last, are one point; a new link begins with its first sample
        begins = np.concatenate(([0], points[:-1] + 1)).astype(np.int64)
        number = points - begins + 1
        at_us = sums_between(self.now_us, begins, points) // np.maximum(number, 1)
        with np.errstate(all="ignore"):
            mean_c = np.array(
                [t.temperature_c[a : b + 1, self.device.sentinel].mean() for a, b in zip(begins, points, strict=True)]
            )
        order = np.maximum.accumulate(at_us + (link - 1) * np.int64(2**42))
        first = np.searchsorted(order, order - 10_000_000, side="right") - 1
        full = (first >= 0) & (link[np.maximum(first, 0)] == link)
        first = np.maximum(first, 0)
        slope, _ = slopes(at_us, mean_c, first)
        rise = np.where(slope < 0.0, 0.0, slope)
        middle_us, middle_c = means(at_us, first), means(mean_c, first)
        level = middle_c + slope * (self.now_us[points] - middle_us) * 1e-6
        climb = self._climb(points, np.where(full, level, np.nan), rise)
        here = np.maximum(np.searchsorted(points, look), 0)
        return Part(level[here], full[here]), Part(climb[here], full[here])

    def _climb(self, points: Ints, level: Floats, rise: Floats) -> Floats:
        """0.2 C; 150 s of the rise, less the heating's age, at least 58 s, of which half counts always and half by the
        share of the power; and the greatest of 0, 0.35 x rise x age - 0.3 x risen, and 1.3 x rise x age - 1.7 x risen.
        Age counts to 400 s; risen from the heating's first level."""
        t = self.t
        radiates = (t.state == RAMP) | (t.state == HOLD)
        began = (t.state == RAMP) & ~np.concatenate(([False], radiates[:-1]))
        link = t.link
        climb = np.empty_like(level)
        # the last beginning at or before each point, on the same link
        last = np.maximum.accumulate(np.where(began, np.arange(t.samples), -1))[points]
        base, of, made_j = np.nan, -1, np.empty(0)
        for k, (sample, start) in enumerate(zip(points.tolist(), last.tolist(), strict=True)):
            if start < 0 or link[start] != link[sample]:
                climb[k] = 0.2 + 150.0 * rise[k]
                continue
            if start != of:
                base, of = np.nan, start
                # delivered since: one reading that is none, and nothing is known from there on
                passed_us = np.diff(self.now_us[start:], prepend=self.now_us[start])
                made_j = np.cumsum(t.column("power_w")[start:] * passed_us * 1e-6)
            if np.isnan(base):
                base = level[k]
            age = (self.now_us[sample] - self.now_us[start]) * 1e-6
            risen = max(level[k] - base, 0.0) if np.isfinite(level[k]) else np.nan
            far = rise[k] * min(age, 400.0)
            late = max(0.0, 0.35 * far - 0.3 * risen, 1.3 * far - 1.7 * risen)
            share = self._power_share(points[: k + 1], start, made_j)
            soon = max(150.0 - age, 58.0) * (0.5 + 0.5 * share)
            climb[k] = 0.2 + soon * rise[k] + (late if np.isfinite(risen) else np.nan)
        return climb

    def _power_share(self, looks: Ints, start: int, made_j: Floats) -> float:
        """The power since the last look that was 10 s ago or earlier, over that since heating began at sample `start`:
        means over time. At most 1, and 1 where one of them is not known. `made_j`: by sample from there on."""
        now = int(looks[-1])
        old = looks[(looks >= start) & (self.now_us[looks] <= self.now_us[now] - 10_000_000)]
        since = int(old[-1]) if old.size else start
        lately, always = made_j[now - start] - made_j[since - start], made_j[now - start]
        if not (lately >= 0.0 and always > 0.0):
            return 1.0
        lately /= self.now_us[now] - self.now_us[since]
        always /= self.now_us[now] - self.now_us[start]
        return float(min(lately / always, 1.0))

    # --- thermocouples ---------------------------------------------------------------------------------------

    @cached_property
    def fastest_c_s(self) -> Part:
        """Fastest slope of a thermocouple over 100 ms and at least 3 updates, as far as it stands out of its noise."""
        first, full = self._back(100_000)
        here = np.arange(self.t.samples)
        link_first = runs_of(~self.t.fresh)
        first = np.maximum(np.minimum(first, here - 3), link_first)
        full = full & (here - link_first >= 3)
        fastest = np.zeros(self.t.samples)
        for channel, sigma in enumerate(self.device.noise_c):
            slope, spread = slopes(self.now_us, self.t.temperature_c[:, channel], first)
            with np.errstate(all="ignore"):
                noise = 5.0 * sigma / np.sqrt(spread)
                speed = np.where(np.abs(slope) <= noise, 0.0, np.abs(slope))
            fastest = np.where(np.isnan(fastest) | np.isnan(speed), np.nan, np.maximum(fastest, speed))
        return Part(fastest, full)

    @cached_property
    def stuck(self) -> Flags:
        """A reading has been bit-identical for too long, since there is power to move it: in RAMP and HOLD."""
        t, d = self.t, self.device
        heating = (t.state == RAMP) | (t.state == HOLD)
        found = np.zeros(t.samples, dtype=np.bool_)
        moved = t.temperature_c[:, list(d.electrodes)]
        for channel in range(d.channels):
            bits = np.ascontiguousarray(t.temperature_c[:, channel]).view(np.int64)
            same = np.concatenate(([False], bits[1:] == bits[:-1]))[: t.samples] & ~t.fresh
            same &= np.concatenate(([False], heating[:-1] & heating[1:]))[: t.samples]
            first = runs_of(same)
            updates = np.arange(t.samples) - first
            least_us = 30_000_000 if d.resolution_c[channel] > 0.02 else 2_000_000
            still = (self.now_us - self.now_us[first] >= least_us) & (updates >= 20)
            if channel == d.sentinel:
                with np.errstate(all="ignore"):
                    still &= (np.abs(moved - moved[first]) > 10.0).any(axis=1)
            found |= still
        return found

    @cached_property
    def disagree_c(self) -> Floats:
        """Largest difference between two thermocouples in one place."""
        apart = [np.abs(self.t.temperature_c[:, a] - self.t.temperature_c[:, b]) for a, b in self.device.pairs]
        return np.asarray(np.stack(apart).max(axis=0))

    # --- clocks ----------------------------------------------------------------------------------------------

    @cached_property
    def skew(self) -> Part:
        """Rig time off the host's ticks over 10 s, as a share."""
        t = self.t
        host_us = t.tick * t.period_us
        look = t.looked_at(host_us, SKEW_LOOK_US, t.fresh)
        points = np.flatnonzero(look == np.arange(t.samples))
        place = np.searchsorted(host_us[points], host_us[look] - 10_000_000, side="right") - 1
        then = points[np.maximum(place, 0)]
        full = (place >= 0) & (t.link[then] == t.link)
        host = np.maximum(host_us[look] - host_us[then], 1)
        return Part(np.abs((self.now_us[look] - self.now_us[then]) / host - 1.0), full)

    @cached_property
    def late_ticks(self) -> Ints:
        """Samples in a row that came off the period by more than half of it."""
        t = self.t
        known = ~t.fresh & t.contiguous
        late = known & (np.abs(t.passed_us - t.period_us) * 2 > t.period_us)
        good = known & ~late
        return _in_a_row(late, good | t.fresh)

    @cached_property
    def overrun_ticks(self) -> Ints:
        """Ticks in a row that the host missed by more than a period."""
        t = self.t
        missed = np.zeros(t.ticks, dtype=np.bool_)
        missed[[tick for tick in t.marked("host") if tick < t.ticks]] = True
        over = missed[t.tick]
        return _in_a_row(over, ~over)


def _in_a_row(counts: Flags, breaks: Flags) -> Ints:
    """How many `counts` since the last break, at each place that counts; else 0."""
    sums = np.cumsum(counts)
    base = np.maximum.accumulate(np.where(breaks, sums, 0)) if len(sums) else sums
    return np.where(counts, sums - np.where(breaks & counts, base - 1, base), 0)
