"""How fast a campaign is: treatments and simulated hours a minute, how close to linear over cores, memory per worker,
and where the time of a treatment goes.

`python bench/campaign.py --runs 200 -j 2`. The mix "three devices": temperature control on two profiles and constant
power on a third, holds of 180 to 240 s, no faults, network plant. Starting the workers is not counted. `make
bench-campaign` runs it with the program as it is, then with the compiled one.
"""

from __future__ import annotations

import argparse
import gc
import math
import multiprocessing
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hal import Command, NoSample, Reply
from rfgen.assemble import SimulatedAssembly, assemble
from rfgen.campaign.one import row_of
from rfgen.campaign.spec import CampaignSpec, drawn, parse_spec
from rfgen.campaign.workers import rows
from rfgen.records import Decision
from rfgen.runs import is_compiled

LEAST_S = 180.0
AIM = 1000
"""Treatments a minute on two cores."""
TAKEN_APART = 9
"""Treatments whose time is taken apart."""
MIX = """\
title: three devices
runs: 1000000
treatments:
  - {device: cosman-like, target_c: [60, 80], hold_s: [180, 240]}
  - {device: bench, target_c: [50, 60], hold_s: [180, 240]}
  - {device: rita-like, mode: power, power_w: [2, 10], hold_s: [180, 240]}
"""


class Measured(NamedTuple):
    """One campaign."""

    treatments: int
    long: int
    """Of at least 180 s."""
    hours: float
    """Simulated."""
    wall_s: float
    early_kb: int
    late_kb: int
    """The largest worker's memory (resident) after a fifth of the runs, and at the end."""

    @property
    def a_minute(self) -> float:
        """Treatments."""
        return self.treatments / self.wall_s * 60.0


def resident_kb() -> int:
    """Of the largest worker; 0 where the system does not say."""
    most = 0
    for child in multiprocessing.active_children():
        status = Path(f"/proc/{child.pid}/status")
        if status.exists():
            found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
            most = max(most, *map(int, found)) if found else most
    return most


def measure(spec: CampaignSpec, runs: int, jobs: int) -> Measured:
    """Run them, after a few for each worker to start with."""
    warm = 2 * jobs
    done = long = early_kb = late_kb = 0
    seconds = 0.0
    began = time.perf_counter()
    for row in rows(spec, 1, range(runs + warm), jobs):
        done += 1
        if done <= warm:
            began = time.perf_counter()
            continue
        seconds += row["t_end_s"] or 0.0
        long += (row["t_end_s"] or 0.0) >= LEAST_S
        if done == warm + max(1, runs // 5):
            early_kb = resident_kb()
        if done == warm + runs:
            late_kb = resident_kb()
    return Measured(runs, long, seconds / 3600.0, time.perf_counter() - began, early_kb, late_kb)


class Clock:
    """Processor time by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def of(self, what: str, do: Callable[..., Any], *args: Any) -> Any:
        """Do it, and count its time."""
        began = time.process_time()
        done = do(*args)
        self.spent[what] = self.spent.get(what, 0.0) + time.process_time() - began
        return done


def each(do: Callable[..., object], args: list[tuple[Any, ...]]) -> None:
    """One call a tick."""
    for one in args:
        do(*one)


def made(spec: CampaignSpec, number: int) -> SimulatedAssembly:
    """A treatment, drawn and assembled."""
    return assemble(drawn(spec, 1, number).scenario)


def ran(spec: CampaignSpec, number: int) -> tuple[list[tuple[Command]], list[tuple[float, float, float]]]:
    """A treatment's commands, and what its plant was driven with."""
    assembly = made(spec, number)
    session = assembly.session
    session.truth = None
    commands = [(session.generator.first_command(),)]
    drives: list[tuple[float, float, float]] = []

    def keep(tick: int, reply: Reply, decision: Decision) -> None:
        commands.append((decision.command,))
        flow = math.nan if isinstance(reply, NoSample) else reply.flow_ml_min
        drives.append((assembly.bench.power_w, 0.0 if math.isnan(flow) else flow, 22.0))

    session.on_tick = keep
    session.run()
    return commands, drives


def taken_apart(spec: CampaignSpec) -> None:
    """Print where the processor's time of a treatment goes: pieces run by themselves, and what is left."""
    row_of(spec, 1, 0)  # what is compiled once
    clock = Clock()
    ticks = 0
    for number in range(1, TAKEN_APART + 1):
        clock.of("whole", row_of, spec, 1, number)
        gc.disable()  # as in a campaign's runs
        assembly = clock.of("made", made, spec, number)
        assembly.session.truth = None
        clock.of("loop", assembly.session.run)
        commands, drives = ran(spec, number)
        ticks += len(drives)
        rig = made(spec, number).session
        rig.hal.open(rig.rig_config)
        clock.of("rig", each, rig.hal.exchange, commands)
        clock.of("plant", each, made(spec, number).bench.plant.advance, drives)
        gc.enable()
    spent = clock.spent
    whole = spent["whole"]
    print(f"where the processor's time goes, {TAKEN_APART} treatments of {ticks / TAKEN_APART:.0f} ticks:")
    for name, seconds in (
        ("drawing and assembling", spent["made"]),
        ("plant", spent["plant"]),
        ("stage, pump, sensors, rig", spent["rig"] - spent["plant"]),
        ("firmware and session", spent["loop"] - spent["rig"]),
        ("true temperatures, figures, row", whole - spent["made"] - spent["loop"]),
        ("a treatment", whole),
    ):
        each_ms, a_tick_us = seconds / TAKEN_APART * 1e3, seconds / ticks * 1e6
        print(f"  {name:32} {each_ms:7.1f} ms {a_tick_us:6.2f} us a tick {seconds / whole:6.1%}")


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="for each worker")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    args = parser.parse_args()
    if args.runs < 1 or args.jobs < 1:
        parser.error("--runs and -j must be 1 or more")
    spec = parse_spec(MIX, "three devices")
    print(f"{'compiled' if is_compiled() else 'interpreted'}, Python {platform.python_version()}, mix {spec.title!r}")
    found = {jobs: measure(spec, args.runs * jobs, jobs) for jobs in sorted({1, args.jobs})}
    for jobs, m in found.items():
        print(
            f"{jobs} workers: {m.treatments} treatments ({m.long} of at least {LEAST_S:g} s) in {m.wall_s:.1f} s: "
            f"{m.a_minute:.0f} treatments, {m.hours / m.wall_s * 60.0:.1f} simulated hours a minute; "
            f"a worker's memory {m.early_kb / 1024:.1f} MB after a fifth, {m.late_kb / 1024:.1f} MB at the end"
        )
    if args.jobs > 1:
        ratio = found[args.jobs].a_minute / (args.jobs * found[1].a_minute)
        print(f"{ratio:.3f} of linear over {args.jobs} workers (aim: 0.95)")
        print(f"{found[args.jobs].a_minute:.0f} treatments a minute on {args.jobs} cores (aim on two: {AIM})")
    taken_apart(spec)
    return 0


if __name__ == "__main__":
    sys.exit(main())
