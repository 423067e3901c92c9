"""Where the forecast's figures come from: `python -m evidence.forecast_fit --vertebrae 300`.

A family of solutions of the field plant: random vertebrae (another seed than the study's), heated towards a target
without firmware, and at each 0.7 C of the sentinel's rise a copy whose power is off, followed to its peak. Every set of
figures is held against the whole family, with the lag and noise of a thermocouple: how far the peak passes 45 C where
power goes off at the first forecast above it, and how many treatments are cut that stay below 44 C. The set in force
lets no peak pass 45.5 C with something to spare for a larger family, and cuts few.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
from typing import NamedTuple

import numpy as np

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.forecast_vertebrae import SPANS, scenario_of, vertebra
from rfgen.assemble import study
from rfgen.safety import thermal
from sim.field.grid import Floats
from sim.tissue import BODY_C

TICK_S = 0.4
FORK_EVERY_C = 0.7
LINE_POINTS = 25
"""Of a straight line through 10 s."""
HEATED_C = 10.5
"""Above body; nobody heats further."""
LIMIT_C, SOUND_C = 8.0, 7.0
"""45 and 44 C, above body."""


class Figures(NamedTuple):
    """One way to forecast."""

    margin_c: float
    soon_s: float
    soon_least_s: float
    soon_fades_s: float
    soon_floor: float
    late: tuple[tuple[float, float], ...]

    def climb_c(self, rise_c_s: Floats, age_s: Floats, risen_c: Floats, power_share: Floats) -> Floats:
        """As `rfgen.safety.thermal.Forecast` has it, for arrays."""
        soon_s = np.maximum(self.soon_least_s, self.soon_s * (1.0 - age_s / self.soon_fades_s))
        soon_s *= self.soon_floor + (1.0 - self.soon_floor) * power_share
        far_c = rise_c_s * np.minimum(age_s, thermal.LATE_MOST_S)
        late = [np.zeros_like(far_c), *(a * far_c - b * risen_c for a, b in self.late)]
        return np.asarray(self.margin_c + soon_s * rise_c_s + np.max(late, axis=0))


IN_FORCE = Figures(
    thermal.MARGIN_C,
    thermal.SOON_S,
    thermal.SOON_LEAST_S,
    thermal.SOON_FADES_S,
    thermal.SOON_FLOOR,
    thermal.LATE,
)
OTHERS = {
    "10 s of the rise, as it was": Figures(0.0, 10.0, 10.0, math.inf, 1.0, ()),
    "45 s of the rise": Figures(0.0, 45.0, 45.0, math.inf, 1.0, ()),
    "no margin": IN_FORCE._replace(margin_c=0.0),
    "late alone": IN_FORCE._replace(soon_s=0.0, soon_least_s=0.0),
    "45 s that do not fade": IN_FORCE._replace(soon_s=45.0, soon_least_s=45.0, soon_fades_s=math.inf),
    "fades to nothing": IN_FORCE._replace(soon_least_s=0.0),
    "60 s at first": IN_FORCE._replace(soon_s=60.0),
    "fades sooner": IN_FORCE._replace(soon_fades_s=100.0),
    "fades later": IN_FORCE._replace(soon_fades_s=200.0),
    "whatever the power": IN_FORCE._replace(soon_floor=1.0),
    "all by the power": IN_FORCE._replace(soon_floor=0.0),
    "one line": IN_FORCE._replace(late=((1.1, 1.1),)),
    "two lines, as it was": Figures(0.25, 120.0, 10.0, 150.0, 1.0, ((0.5, 0.27), (1.0, 0.8))),
    "three lines, as it was": Figures(0.3, 160.0, 20.0, 125.0, 1.0, ((0.5, 0.3), (1.1, 1.1), (2.2, 3.2))),
    "steeper lines": IN_FORCE._replace(late=((0.6, 0.35), (1.2, 1.1), (2.5, 3.4))),
}


class Curve(NamedTuple):
    """One heating, above body: at every tick the sentinel, its peak were power off then, and the power."""

    sentinel_c: Floats
    peak_c: Floats
    power_w: Floats
    lag_s: float
    noise_c: float

    @property
    def most_c(self) -> float:
        """Of the whole treatment."""
        return float(max(self.sentinel_c.max(), self.peak_c[-1]))


def curve(index: int, seed: int) -> Curve:
    """Vertebra `index` of `seed`, heated for as long as its treatment is."""
    one = vertebra(index, seed)
    scenario = scenario_of(one)
    out_mm = one.drawn["distance_mm"] + one.drawn["thickness_mm"] + one.drawn["offset_mm"]
    on = study(scenario, None, ((out_mm, 0.0),))
    ramp_c_s, most_w = scenario.device.control.ramp_c_s, scenario.device.stage.max_power_w
    seen: list[float] = []
    powers: list[float] = []
    at, peaks = [0], [0.0]
    held_s = 0.0
    while held_s < one.drawn["hold_s"] and on.time_s < 600.0 and (not seen or seen[-1] < HEATED_C):
        target_c = min(one.target_c, BODY_C + ramp_c_s * on.time_s)
        on.advance(TICK_S, tip_c=target_c, most_w=most_w)
        held_s += TICK_S if on.tip_c > one.target_c - 2.0 else 0.0
        seen.append(on.probe_c[0] - BODY_C)
        powers.append(on.last.power_w)
        if seen[-1] >= (seen[at[-1] - 1] if at[-1] else 0.0) + FORK_EVERY_C:
            at.append(len(seen))
            peaks.append(_peak(copy.deepcopy(on)))
    at.append(len(seen))
    peaks.append(_peak(on))
    sentinel_c = np.array(seen)
    peak_c = np.maximum(np.interp(np.arange(1, len(seen) + 1), at, peaks), sentinel_c)
    return Curve(sentinel_c, peak_c, np.array(powers), one.drawn["lag_s"], one.drawn["noise_c"])


def _peak(on: object) -> float:
    """The probe's, without power, above body."""
    from sim.field.study import Study

    assert isinstance(on, Study)
    most_c = on.probe_c[0]
    for _ in range(2000):
        on.advance(TICK_S, power_w=0.0)
        here_c = on.probe_c[0]
        most_c = max(most_c, here_c)
        if here_c < most_c - 0.02 or on.hottest_c < most_c:
            break
    return most_c - BODY_C


class Seen(NamedTuple):
    """What a generator makes of a curve at every tick."""

    level_c: Floats
    rise_c_s: Floats
    risen_c: Floats
    age_s: Floats
    power_share: Floats


def seen(one: Curve, random: np.random.Generator) -> Seen:
    """Through the lag and the noise of its thermocouple: five readings a point of 0.1 s, four points a tick."""
    count = one.sentinel_c.size
    still = np.zeros(2 * LINE_POINTS)
    follow = -math.expm1(-TICK_S / one.lag_s)
    lagged, here_c = [], 0.0
    for true_c in (*still, *one.sentinel_c):
        here_c += follow * (true_c - here_c)
        lagged.append(here_c)
    read = np.array(lagged) + random.normal(size=len(lagged)) * one.noise_c / math.sqrt(20.0)
    times = (np.arange(LINE_POINTS) - 0.5 * (LINE_POINTS - 1)) * TICK_S
    slope = np.convolve(read, (times / (times**2).sum())[::-1], "valid")
    level = np.convolve(read, np.full(LINE_POINTS, 1.0 / LINE_POINTS), "valid") + slope * times[-1]
    level, slope = level[-count:], np.maximum(slope[-count:], 0.0)
    risen = np.maximum(level - level[0], 0.0)
    return Seen(level, slope, risen, (np.arange(count) + 1) * TICK_S, power_share(one.power_w))


def power_share(power_w: Floats) -> Floats:
    """The mean of the last 10 s over that of all of it, at most 1."""
    joules = np.concatenate(([0.0], np.cumsum(power_w)))
    now = np.arange(1, power_w.size + 1)
    since = np.maximum(now - LINE_POINTS, 0)
    mean = np.maximum(joules[now] / now, 1e-9)
    return np.asarray(np.clip((joules[now] - joules[since]) / (now - since) / mean, 0.0, 1.0))


def judge(figures: Figures, family: list[tuple[Curve, Seen]]) -> tuple[int, int, float, float, int, int]:
    """(those that pass 45 C uncut, peaks above 45.5 C, highest peak past 45 C, median of cut peaks, below 44 C, cut of
    those)."""
    passing = later = sound = cut = 0
    highest, peaks = -math.inf, []
    for one, read in family:
        forecast = read.level_c + figures.climb_c(read.rise_c_s, read.age_s, read.risen_c, read.power_share)
        hits = np.flatnonzero(np.maximum(forecast, read.level_c) > LIMIT_C)
        past_c = (float(one.peak_c[hits[0]]) if hits.size else one.most_c) - LIMIT_C
        highest = max(highest, past_c)
        later += past_c > 0.5
        if one.most_c > LIMIT_C:
            passing += 1
            peaks.append(past_c)
        if one.most_c < SOUND_C:
            sound += 1
            cut += hits.size > 0
    return passing, later, highest, float(np.median(peaks)) if peaks else math.nan, sound, cut


def main(argv: list[str] | None = None) -> int:
    """Prints a line for each set of figures; 0 where the set in force lets no peak pass 45.5 C."""
    parser = argparse.ArgumentParser(prog="python -m evidence.forecast_fit", description=__doc__)
    parser.add_argument("--vertebrae", type=one_or_more, default=300)
    parser.add_argument("--seed", type=none_or_more, default=2)
    args = parser.parse_args(argv)
    random = np.random.default_rng(args.seed)
    family = [(one, seen(one, random)) for one in (curve(index, args.seed) for index in range(args.vertebrae))]
    print(f"{args.vertebrae} vertebrae of seed {args.seed}, {len(SPANS)} properties drawn")
    print("figures                          pass 45   >45.5   highest  median of cut  below 44   cut")
    kept = True
    for name, figures in {"in force": IN_FORCE, **OTHERS}.items():
        passing, later, highest, median, sound, cut = judge(figures, family)
        print(
            f"{name:32} {passing:7} {later:7} {highest + 45.0:9.2f} {median + 45.0:14.2f} {sound:9} {cut:5}", flush=True
        )
        kept = kept and (name != "in force" or later == 0)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
