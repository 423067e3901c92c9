"""No false trips: sound treatments over the whole patient range of every profile, in every mode, finish.

`python -m evidence.false_trips --treatments 20000 -j 2` treats that many random patients; every one must end because
its hold is complete, with nothing tripped. One that does not is written out as a scenario that repeats it.

The forecast is judged apart. It cuts a treatment for heat that has not come yet, and how far that would have gone is
not known for certain: a treatment that SENTINEL_FORECAST ends is given again with the forecast out of the way, and
counted by whether the sentinel then passes 44 C. At most one in fifty may be cut that would have stayed below.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.campaign_treatments import Kind, kinds, sound_scenario
from rfgen.assemble import assemble
from rfgen.campaign.bound import upper_bound
from rfgen.campaign.pool import in_order
from rfgen.generator import HOLD_COMPLETE
from rfgen.records import State
from rfgen.scenario import resolved_yaml

NEAR_C = 44.0
"""A sentinel that would have come within 1 C of its limit was rightly spared."""
EARLY_MOST = 0.02
"""Share of treatments that the forecast may cut although their sentinel would have stayed below that."""
OUT_OF_THE_WAY = {"forecast_share": 0.1}
AFTER_S = 60.0
"""Heat on its way to the sentinel has come by then."""


class Ended(NamedTuple):
    """How one treatment ended."""

    kind: Kind
    seed: int
    number: int
    reason: str
    tripped: tuple[str, ...]
    held: bool
    """HOLD was entered: it did what it was to do."""
    ticks: int
    spared_c: float | None
    """Ended by the forecast alone: the sentinel's peak without it."""

    @property
    def sound(self) -> bool:
        """It ended as a sound treatment must."""
        return self.reason == HOLD_COMPLETE and not self.tripped and self.held


def treat(kind: Kind, seed: int, number: int) -> Ended:
    """One patient, from the start to a second after the end."""
    session = assemble(sound_scenario(kind, seed, number)).session
    session.truth = None
    session.settle_s = 1.0
    states: set[State] = set()
    session.on_tick = lambda tick, reply, decision: states.add(decision.state)
    ending = session.run()
    generator = session.generator
    supervisor = generator.supervisor
    tripped = tuple(row.id for bit, row in enumerate(supervisor.rows) if supervisor.latched >> bit & 1)
    spared_c = sentinel_peak_c(kind, seed, number) if tripped == ("SENTINEL_FORECAST",) else None
    return Ended(kind, seed, number, str(generator.reason), tripped, State.HOLD in states, ending.ticks, spared_c)


def sentinel_peak_c(kind: Kind, seed: int, number: int) -> float:
    """The noise-free peak of the sentinel where the forecast does not cut the treatment off."""
    scenario = sound_scenario(kind, seed, number)
    limits = {**scenario.treatment.limits, **OUT_OF_THE_WAY}
    treatment = scenario.treatment.model_copy(update={"limits": limits})
    assembly = assemble(scenario.model_copy(update={"treatment": treatment}))
    session, on = assembly.session, assembly.bench
    session.truth = None
    session.settle_s = AFTER_S
    channel = session.generator.config.channels.sentinel[0]
    peak_c = [on.junction_c[channel]]
    session.on_tick = lambda tick, reply, decision: peak_c.append(max(peak_c.pop(), on.junction_c[channel]))
    session.run()
    return peak_c[0]


def yaml_of(ended: Ended) -> str:
    """The scenario that repeats it."""
    return resolved_yaml(sound_scenario(ended.kind, ended.seed, ended.number))


def _treat(job: tuple[Kind, int, int]) -> Ended:
    return treat(*job)


def jobs(treatments: int, seed: int) -> list[tuple[Kind, int, int]]:
    """The profiles and modes in turn, each patient another."""
    every = kinds()
    return [(every[number % len(every)], seed, number) for number in range(treatments)]


def campaign(treatments: int, seed: int, workers: int) -> Iterator[Ended]:
    """Treat them all; in the order of `jobs`."""
    return in_order(_treat, jobs(treatments, seed), workers)


def main(argv: list[str] | None = None) -> int:
    """0 where nothing but the forecast tripped, and that seldom; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m evidence.false_trips", description=__doc__)
    parser.add_argument("--treatments", type=one_or_more, default=500)
    parser.add_argument("--seed", type=none_or_more, default=1)
    parser.add_argument("-j", "--workers", type=one_or_more, default=1)
    args = parser.parse_args(argv)
    began = time.monotonic()
    count: Counter[Kind] = Counter()
    ticks = near = early = 0
    wrong: list[Ended] = []
    for ended in campaign(args.treatments, args.seed, args.workers):
        count[ended.kind] += 1
        ticks += ended.ticks
        if ended.spared_c is not None:
            near += ended.spared_c > NEAR_C
            early += not ended.spared_c > NEAR_C
        elif not ended.sound:
            wrong.append(ended)
            print(f"FALSE TRIP: {ended.kind}, seed {ended.seed}, patient {ended.number}: ")
            print(f"ended in {ended.reason}; tripped: {', '.join(ended.tripped) or 'nothing'}")
            print(yaml_of(ended), flush=True)
    took_s = time.monotonic() - began
    for kind, number in sorted(count.items()):
        print(f"{kind!s:32} {number:6} treatments")
    done = sum(count.values())
    print(f"{done} whole treatments, {ticks} ticks, {took_s:.1f} s: {len(wrong)} tripped")
    cut = f"{near} of sentinels that would have passed {NEAR_C:g} C, {early} of others"
    print(f"the forecast ended {near + early} more: {cut} ({100 * early / done:.2g} %, at most {100 * EARLY_MOST:g} %)")
    print(f"rate of false trips: at most {upper_bound(len(wrong), done):.3g} a treatment (95 %, Clopper-Pearson)")
    return 1 if wrong or early > EARLY_MOST * done else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
