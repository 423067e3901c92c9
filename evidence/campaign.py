"""No missed trips: random faults, put on random patients' treatments in check, ramp and hold, always trip in time.

`python -m evidence.campaign --forks 100000 -j 2 --seed 1` runs that many safety runs. Each forks from a moment of a
sound treatment (generator, rig, plant, random state), gets one fault or two of which at least one must be seen by the
expectation table, and ends 2 s after the latest trip that is expected. A miss is printed with a scenario that repeats
it from the treatment's start. One fork of each treatment is run from the treatment's start as well, and compared bit by
bit. `--table` prints the expectation table, of which `python -m evidence.cells` runs every cell.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.campaign_cells import table
from evidence.campaign_context import context_of
from evidence.campaign_demand import draw_faults, possible
from evidence.campaign_forks import Judged, judge, yaml_of
from evidence.campaign_off import OUTCOMES, Off, Was
from evidence.campaign_runs import Injection, Moment, Snapshot, snapshots
from evidence.campaign_treatments import Kind, kinds, sound_scenario
from evidence.campaign_whole import difference
from rfgen.campaign.bound import upper_bound
from rfgen.campaign.pool import in_order
from rfgen.records import State

FORKS_A_TREATMENT = 48
HOLD_S = (60.0, 60.0)
"""So long that no hold is complete before the latest trip that is expected."""
MOMENTS = {State.IMPEDANCE_CHECK: (5, 190), State.RAMP: (7, 2500), State.HOLD: (6, 1000)}
"""How many moments of each state, and how late at the most, in ticks after it was entered."""


class Miss(NamedTuple):
    """A fork in which something was not as it must be."""

    kind: Kind
    seed: int
    number: int
    place: int
    state: State
    tick: int
    faults: tuple[Injection, ...]
    problems: tuple[str, ...]
    scenario: str


class Batch(NamedTuple):
    """All that was forked from one treatment."""

    kind: Kind
    forks: int
    ticks: int
    firsts: Counter[str]
    faults: Counter[str]
    states: Counter[State]
    pairs: int
    off: Counter[tuple[str, Was, bool]]
    """What became of each outcome of RF off, and whether the stage was stuck on."""
    misses: tuple[Miss, ...]
    compared: int
    """Forks that were run whole as well, and agreed to the bit or are a miss."""
    cpu_s: float
    """Of one core, the treatment included."""


class Job(NamedTuple):
    """One treatment to fork from."""

    kind: Kind
    seed: int
    number: int
    forks: int


def moments(kind: Kind, seed: int, number: int) -> list[Moment]:
    """Where a patient's treatment is copied."""
    draw = random.Random(f"moments {seed} {number} {kind}")
    found = {
        Moment(state, 1, draw.randrange(latest)) for state, (count, latest) in MOMENTS.items() for _ in range(count)
    }
    # some ramps take a second, some a minute
    found |= {Moment(State.RAMP, 1, draw.randrange(latest)) for latest in (5, 20, 60, 200, 600)}
    # the second step, where there is one, comes after a whole hold
    found |= {Moment(state, 2, draw.randrange(400)) for state in (State.RAMP, State.HOLD)}
    return sorted(found)


def taken(kind: Kind, seed: int, number: int) -> list[Snapshot]:
    """A patient's treatment, copied at its moments; those that it never comes to are left out."""
    scenario = sound_scenario(kind, seed, number, HOLD_S)
    steps = len(scenario.treatment.steps)
    wanted = [moment for moment in moments(kind, seed, number) if moment.occurrence <= steps]
    return snapshots(scenario, wanted)


def work(job: Job) -> Batch:
    """Run all forks of one treatment."""
    began_s = time.process_time()
    kind, seed, number, forks = job
    draw = random.Random(f"faults {seed} {number} {kind}")
    found = taken(kind, seed, number)
    here = [context_of(snapshot) for snapshot in found]
    places = {state: [at for at, snapshot in enumerate(found) if snapshot.state is state] for state in MOMENTS}
    there = [state for state in MOMENTS if places[state]]
    able = possible(found[0].run.scenario)
    firsts: Counter[str] = Counter()
    kinds_of: Counter[str] = Counter()
    states: Counter[State] = Counter()
    misses: list[Miss] = []
    off: Counter[tuple[str, Was, bool]] = Counter()
    ticks = pairs = 0
    for place in range(forks):
        at = draw.choice(places[draw.choice(there)])
        snapshot = found[at]
        faults, demand = draw_faults(here[at], able, draw)
        judged: Judged = judge(snapshot, here[at], faults, demand)
        ticks += judged.ticks
        pairs += len(faults) > 1
        firsts[judged.first] += 1
        kinds_of.update(fault.kind for fault in faults)
        states[snapshot.state] += 1
        off.update(outcomes(judged.off, judged.stuck))
        problems = judged.problems
        if place == 0:
            differs = difference(snapshot, faults, judged.ticks)
            problems += (differs,) * bool(differs)
        if problems:
            scenario = yaml_of(snapshot, faults, demand)
            misses.append(
                Miss(kind, seed, number, place, snapshot.state, snapshot.run.tick, faults, problems, scenario)
            )
    cpu_s = time.process_time() - began_s
    return Batch(kind, forks, ticks, firsts, kinds_of, states, pairs, off, tuple(misses), min(1, forks), cpu_s)


def outcomes(off: Off | None, stuck: bool) -> Iterator[tuple[str, Was, bool]]:
    """Commanded, read back and delivered off, each by itself."""
    return ((name, was, stuck) for name, was in zip(OUTCOMES, off or (), strict=off is not None))


def jobs(forks: int, seed: int) -> list[Job]:
    """The profiles and modes in turn, each treatment another patient."""
    every = kinds()
    full, rest = divmod(forks, FORKS_A_TREATMENT)
    counts = [FORKS_A_TREATMENT] * full + ([rest] if rest else [])
    return [Job(every[n % len(every)], seed, n, count) for n, count in enumerate(counts)]


def campaign(forks: int, seed: int, workers: int) -> Iterator[Batch]:
    """Run them all; in the order of `jobs`."""
    return in_order(work, jobs(forks, seed), workers)


@dataclass
class Total:
    """The sum over all batches."""

    treatments: int = 0
    forks: int = 0
    pairs: int = 0
    ticks: int = 0
    compared: int = 0
    cpu_s: float = 0.0
    firsts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    states: Counter[State] = field(default_factory=Counter)
    off: Counter[tuple[str, Was, bool]] = field(default_factory=Counter)
    misses: list[Miss] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """One more."""
        self.treatments += 1
        self.forks += batch.forks
        self.pairs += batch.pairs
        self.ticks += batch.ticks
        self.firsts += batch.firsts
        self.faults += batch.faults
        self.states += batch.states
        self.off += batch.off
        self.compared += batch.compared
        self.cpu_s += batch.cpu_s
        self.misses += batch.misses


def off_table(off: Counter[tuple[str, Was, bool]]) -> Iterator[str]:
    """The three outcomes, sound stages and stuck ones apart."""
    yield f"{'RF off':12} {'stage':10} " + " ".join(f"{was.value:>10}" for was in Was)
    for stuck in (False, True):
        for name in OUTCOMES:
            counts = " ".join(f"{off[name, was, stuck]:10}" for was in Was)
            yield f"{name:12} {'stuck on' if stuck else 'sound':10} {counts}"


def told(miss: Miss) -> str:
    """A miss, and how to repeat it."""
    lines = [
        f"MISSED: {miss.kind}; seed {miss.seed}, patient {miss.number}, fork {miss.place}; "
        f"{miss.state.name}, tick {miss.tick}",
        *(f"  fault: {fault}" for fault in miss.faults),
        *(f"  {problem}" for problem in miss.problems),
        miss.scenario,
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """0 where nothing was missed, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m evidence.campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--forks", type=one_or_more, default=1000)
    parser.add_argument("--seed", type=none_or_more, default=1)
    parser.add_argument("-j", "--workers", type=one_or_more, default=1)
    parser.add_argument("--table", action="store_true", help="print the expectation table and leave")
    args = parser.parse_args(argv)
    if args.table:
        print("\n".join(table()))
        return 0
    began = time.monotonic()
    total = Total()
    for batch in campaign(args.forks, args.seed, args.workers):
        total.add(batch)
        for miss in batch.misses:
            print(told(miss), flush=True)
    took_s = time.monotonic() - began
    for name, count in (("first trip", total.firsts), ("fault", total.faults)):
        for key, number in sorted(count.items()):
            print(f"{name:12} {key or 'none':32} {number:8}")
    for state, number in sorted(total.states.items()):
        print(f"{'forked in':12} {state.name:32} {number:8}")
    print(
        f"N = {total.forks} forks ({total.pairs} with two faults, {total.ticks} ticks), from {total.treatments} whole "
        f"treatments, {total.compared} run whole as well and compared bit by bit; {took_s:.1f} s"
    )
    each_s = total.cpu_s / total.forks
    print(
        f"speed: {1e3 * each_s:.1f} ms of one core a fork, all else included; 1,000,000 forks take "
        f"{1e6 * each_s / 2 / 3600:.1f} h on two such cores"
    )
    print("\n".join(off_table(total.off)))
    print(f"missed: {len(total.misses)}")
    bound = upper_bound(len(total.misses), total.forks)
    print(f"rate of missed trips: at most {bound:.3g} a fork (95 %, one-sided, Clopper-Pearson)")
    return 1 if total.misses else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
