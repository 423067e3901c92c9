"""The catalogue's derived signals, as arrays over the samples of a recording.

Written from the catalogue's text. Where a signal does not apply (not measured, window not full, nothing asked for) a
flag says so; a NaN in a place that does apply is a reading that should be there and is not, and a violation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from evidence.oracle_recording import CHECK, HOLD, RAMP, Flags, Floats, Ints, Timeline

OPEN_OHM = 1e9
"""Above every limit: the current is too small to measure."""
SHORT_OHM = 0.0
"""Below every limit: the voltage is too small to measure."""
LEAST_A = 0.002
LEAST_V = 0.2
STALL_LOOK_US = 100_000
"""The page does not say how often a window of seconds is looked at; the firmware does so each 100 ms."""


@dataclass(frozen=True)
class Part:
    """Values, and where they apply."""

    value: Floats
    applies: Flags


def runs_of(same: Flags) -> Ints:
    """For each place the first place of its run; `same`: a place belongs to the run of the one before it."""
    places = np.arange(len(same))
    starts = np.where(same, 0, places)
    return np.asarray(np.maximum.accumulate(starts)) if len(same) else places


def unlike_before(values: Floats | Ints) -> Flags:
    """Where a value differs from the one before; True at the first."""
    found = np.ones(len(values), dtype=np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


class Signals:
    """Derived signals of one recording."""

    def __init__(self, timeline: Timeline) -> None:
        self.t = timeline
        self.device = timeline.device
        self.now_us = timeline.now_us

    # --- load ------------------------------------------------------------------------------------------------

    @cached_property
    def impedance(self) -> Part:
        """Voltage over current, once RF has read back on for 0.1 s under a power that can be measured with."""
        t = self.t
        reads_on = np.asarray(t.column("rf_on"))
        lit = t.on & (t.command_w >= self.device.sense_w) & reads_on
        counts = np.where(lit, t.long_us, 0)
        first = runs_of(lit & ~t.fresh & np.concatenate(([False], lit[:-1])))
        sums = np.cumsum(counts)
        lit_us = sums - (sums[first] - counts[first])
        measured = lit & (lit_us >= 100_000)
        volt, ampere = t.column("voltage_v"), t.column("current_a")
        with np.errstate(all="ignore"):
            ohm = volt / ampere
        ohm = np.where(volt < LEAST_V, SHORT_OHM, ohm)
        ohm = np.where(ampere < LEAST_A, OPEN_OHM, ohm)
        ohm = np.where(np.isfinite(volt) & np.isfinite(ampere), ohm, np.nan)
        return Part(np.where(measured, ohm, np.nan), measured)

    @cached_property
    def ramp_began(self) -> Flags:
        """First sample that is read in a RAMP."""
        t = self.t
        entered = unlike_before(t.state * 1000 + t.step)
        return np.asarray(entered & (t.state == RAMP))

    @cached_property
    def least_ohm(self) -> Part:
        """Least impedance since this ramp began."""
        z = self.impedance
        known = np.where(z.applies & np.isfinite(z.value), z.value, np.inf)
        least = np.empty_like(known)
        edges = [0, *np.flatnonzero(self.ramp_began | self.t.first_after(self.t.started)).tolist(), len(known)]
        for low, high in pairwise(edges):
            least[low:high] = np.minimum.accumulate(known[low:high]) if high > low else 0.0
        return Part(least, np.isfinite(least))

    def jumped(self, by_ohm: float, by_share: float) -> tuple[Flags, Flags]:
        """(the impedance is further than both bounds from what it was at some time within 100 ms, there was such a
        time)."""
        t, z = self.t, self.impedance
        found = np.zeros(t.samples, dtype=np.bool_)
        compared = np.zeros(t.samples, dtype=np.bool_)
        at = np.flatnonzero(z.applies & np.isfinite(z.value))
        epoch = t.link * 1_000_000 + np.cumsum(t.first_after(t.started))
        for lag in range(1, len(at)):
            now, then = at[lag:], at[:-lag]
            near = (self.now_us[now] - self.now_us[then] <= 100_000) & (epoch[now] == epoch[then])
            if not near.any():
                break
            now, then = now[near], then[near]
            moved = np.abs(z.value[now] - z.value[then])
            compared[now] = True
            found[now] |= (moved > by_ohm) & (moved > by_share * z.value[then])
        insane = z.applies & np.isnan(z.value)
        return found | insane, compared | insane

    @cached_property
    def check_spread(self) -> Part:
        """Spread of the impedance over the check's window, shown to the sample that comes after its end."""
        t, z = self.t, self.impedance
        value = np.full(t.samples, np.nan)
        shown = np.zeros(t.samples, dtype=np.bool_)
        check_s = np.int64(round(self.device.check_s * 1e6))
        begin = -1
        for k in np.flatnonzero(t.state == CHECK).tolist():
            entered = k == 0 or t.state[k - 1] != CHECK or t.tick[k] in t.started
            if entered or not z.applies[k]:
                begin = k if z.applies[k] else -1
                continue
            begin = k if begin < 0 else begin
            ended = (k - 1 - begin + 1) * t.period_us >= check_s
            if ended and k > begin:
                seen = z.value[begin:k]
                mean = seen.mean()
                value[k] = (seen.max() - seen.min()) / mean if mean > 0.0 else np.nan
                shown[k] = True
        return Part(value, shown)

    # --- power -----------------------------------------------------------------------------------------------

    @cached_property
    def allowed_w(self) -> Floats:
        """What treatment and output law allow at this load."""
        d, z = self.device, self.impedance
        with np.errstate(all="ignore"):
            lawful = np.minimum(d.most_a**2 * z.value, d.most_v**2 / z.value)
        return np.where(z.applies, np.minimum(d.most_w, lawful), d.most_w)

    @cached_property
    def blanked(self) -> Flags:
        """Half a second after the command moved by more than 20 % and 2 W in one tick; at most 1 s in any 5 s."""
        t = self.t
        found = np.zeros(t.samples, dtype=np.bool_)
        if not t.samples:
            return found
        asked = np.where(t.on, t.command_w, 0.0)
        step = np.abs(np.diff(asked, prepend=0.0))
        base = np.concatenate(([0.0], asked[:-1]))
        moved = t.on & (step > 2.0) & (step > 0.2 * base)
        now, long = t.now_us.tolist(), t.long_us.tolist()
        until = -1
        spent: list[tuple[int, int]] = []
        for k in np.flatnonzero(t.on).tolist():
            if moved[k]:
                until = now[k] - long[k] + 500_000
            if now[k] - long[k] >= until:
                continue
            spent = [(end, us) for end, us in spent if end > now[k] - 5_000_000]
            if sum(us for _, us in spent) + long[k] <= 1_000_000:
                found[k] = True
                spent.append((now[k], long[k]))
        return found

    @cached_property
    def deviation(self) -> tuple[Part, Floats]:
        """(distance of the delivered power from the expected one, the expected one)."""
        t = self.t
        expected = np.minimum(t.command_w, self.allowed_w)
        off_by = np.abs(t.column("power_w") - expected)
        return Part(off_by, t.on & ~self.blanked & t.contiguous), expected

    @cached_property
    def energy_j(self) -> Floats:
        """Delivered in this treatment."""
        t = self.t
        power_w = t.column("power_w")
        joule = np.cumsum(np.where(np.isfinite(power_w), power_w, 0.0) * t.long_us * 1e-6)
        before = np.concatenate(([0.0], joule))[: t.samples]
        treatment = joule - before[runs_of(~t.first_after(t.started))]
        return np.where(np.isfinite(power_w), treatment, np.nan)

    @cached_property
    def meters_apart_w(self) -> Floats:
        """Volt x ampere x cos(phase) off the measured power."""
        t = self.t
        with np.errstate(all="ignore"):
            made = t.column("voltage_v") * t.column("current_a") * np.cos(np.deg2rad(t.column("phase_deg")))
        return np.asarray(np.abs(made - t.column("power_w")))

    # --- heating ---------------------------------------------------------------------------------------------

    @cached_property
    def ramp_c(self) -> Floats:
        """Where the step's set-point ramp stands when each sample is read, had it never waited; NaN outside RAMP."""
        t = self.t
        found = np.full(t.samples, np.nan)
        if not self.device.temperature_mode:
            return found
        for first in np.flatnonzero(self.ramp_began).tolist():
            step = self.device.steps[int(t.step[first])]
            if step.target_c is None or first == 0:
                continue
            ramp_c = float(t.control_c[first - 1])
            rise_c = step.ramp_c_s * t.period_us * 1e-6
            k = first
            while k < t.samples and t.state[k] == RAMP and (k == first or not self.ramp_began[k]):
                found[k] = ramp_c
                ramp_c = min(ramp_c + rise_c, step.target_c)
                k += 1
        return found

    @cached_property
    def stall(self) -> tuple[Flags, Floats, Floats, Floats, Floats]:
        """(applies, gained, asked, mean power, mean allowed power) over the last 10 s of a ramp that goes on."""
        t = self.t
        ramp_c = self.ramp_c
        going = np.isfinite(ramp_c) & (ramp_c < t.target_c)
        ramps = np.cumsum(self.ramp_began)
        power = np.cumsum(t.column("power_w") * t.long_us)
        lawful = np.cumsum(np.where(t.on, self.allowed_w, 0.0) * t.long_us)
        look = t.looked_at(self.now_us, STALL_LOOK_US, self.ramp_began)
        points = np.flatnonzero(look == np.arange(t.samples))
        whole = np.zeros(t.samples, dtype=np.bool_)
        now, then = np.zeros(t.samples, dtype=np.int64), np.zeros(t.samples, dtype=np.int64)
        for k in np.flatnonzero(going & (look >= 0)).tolist():
            place = int(np.searchsorted(self.now_us[points], self.now_us[look[k]] - 10_000_000, side="right")) - 1
            if place >= 0:
                now[k], then[k] = look[k], points[place]
                whole[k] = ramps[then[k]] == ramps[k] and t.link[then[k]] == t.link[k]
        span = np.maximum(self.now_us[now] - self.now_us[then], 1)
        with np.errstate(all="ignore"):
            gained = t.control_c[now] - t.control_c[then]
            asked = ramp_c[now] - ramp_c[then]
            return whole, gained, asked, (power[now] - power[then]) / span, (lawful[now] - lawful[then]) / span

    @cached_property
    def overshoot_armed(self) -> Flags:
        """After a step down, from where the reading has been within the limit of the new target for half a second."""
        t = self.t
        found = np.isfinite(t.target_c)
        armed, target, near_us = True, np.nan, None
        for k in np.flatnonzero(found).tolist():
            if t.target_c[k] != target or t.tick[k] in t.started:
                armed, near_us = not t.target_c[k] < target, None
                target = float(t.target_c[k])
            if t.control_c[k] > target + t.limits["overshoot_c"]:
                near_us = None
            elif near_us is None:
                near_us = int(self.now_us[k])
            armed = armed or np.isnan(t.control_c[k]) or (near_us is not None and self.now_us[k] - near_us >= 500_000)
            found[k] = armed
        return np.asarray(found & ((t.state == RAMP) | (t.state == HOLD)))

    # --- cooling ---------------------------------------------------------------------------------------------

    @cached_property
    def flow_due(self) -> Part:
        """Coolant flow asked for, once it has been asked for `prime_s`."""
        t = self.t
        changed = unlike_before(t.command_flow) | t.fresh
        since_us = self.now_us - self.now_us[runs_of(~changed)]
        due = since_us >= round(self.device.prime_s * 1e6)
        return Part(t.command_flow, due & (t.command_flow > 0.0))
