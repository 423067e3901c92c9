"""No false trips: sound treatments over the whole patient range of every profile, in every mode, finish.

`python -m evidence.false_trips --treatments 20000 -j 2` treats that many random patients; every one must end because
its hold is complete, with nothing tripped. One that does not is written out as a scenario that repeats it.

A treatment that SENTINEL_FORECAST ends is given again with the forecast out of the way. Where the sentinel then passes
43 C, which is 2 C below its limit, the treatment was not a sound one: counted apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from evidence.campaign_treatments import Kind, kinds, sound_scenario
from rfgen.assemble import assemble
from rfgen.campaign.bound import upper_bound
from rfgen.campaign.pool import in_order
from rfgen.generator import HOLD_COMPLETE
from rfgen.records import State
from rfgen.scenario import resolved_yaml

SPARED_C = 43.0
"""The central nervous system bears 10 to 30 min of it without obvious complications (Haveman 2005)."""
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
    near: bool
    """Ended by the forecast, and the sentinel would have passed `SPARED_C` without it."""

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
    near = generator.reason == "SENTINEL_FORECAST" and sentinel_peak_c(kind, seed, number) > SPARED_C
    return Ended(kind, seed, number, str(generator.reason), tripped, State.HOLD in states, ending.ticks, near)


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
    """0 where nothing tripped, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m evidence.false_trips", description=__doc__)
    parser.add_argument("--treatments", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--workers", type=int, default=1)
    args = parser.parse_args(argv)
    if args.treatments < 1:
        parser.error("--treatments must be 1 or more")
    began = time.monotonic()
    count: Counter[Kind] = Counter()
    ticks = near = 0
    wrong: list[Ended] = []
    for ended in campaign(args.treatments, args.seed, args.workers):
        count[ended.kind] += 1
        ticks += ended.ticks
        near += ended.near
        if not (ended.sound or ended.near):
            wrong.append(ended)
            print(f"FALSE TRIP: {ended.kind}, seed {ended.seed}, patient {ended.number}: ")
            print(f"ended in {ended.reason}; tripped: {', '.join(ended.tripped) or 'nothing'}")
            print(yaml_of(ended), flush=True)
    took_s = time.monotonic() - began
    for kind, number in sorted(count.items()):
        print(f"{kind!s:32} {number:6} treatments")
    done = sum(count.values())
    print(f"{done} whole treatments, {ticks} ticks, {took_s:.1f} s: {len(wrong)} tripped")
    print(f"{near} more were ended by the forecast, of sentinels that would have passed {SPARED_C:g} C without it")
    print(f"rate of false trips: at most {upper_bound(len(wrong), done):.3g} a treatment (95 %, Clopper-Pearson)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
