"""How fast a campaign is: treatments and simulated hours a minute, how close to linear over cores, memory per worker.

`python bench/campaign.py --runs 200 -j 2`. The mix "three devices": temperature control on two profiles and constant
power on a third, holds of 180 to 240 s, no faults. Starting the workers is not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from pathlib import Path
from typing import NamedTuple

from rfgen.campaign.spec import CampaignSpec, parse_spec
from rfgen.campaign.workers import rows

LEAST_S = 180.0
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


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="for each worker")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    args = parser.parse_args()
    if args.runs < 1 or args.jobs < 1:
        parser.error("--runs and -j must be 1 or more")
    spec = parse_spec(MIX, "three devices")
    found = {jobs: measure(spec, args.runs * jobs, jobs) for jobs in sorted({1, args.jobs})}
    for jobs, m in found.items():
        print(
            f"{jobs} workers: {m.treatments} treatments ({m.long} of at least {LEAST_S:g} s) in {m.wall_s:.1f} s: "
            f"{m.a_minute:.0f} treatments, {m.hours / m.wall_s * 60.0:.1f} simulated hours a minute; "
            f"a worker's memory {m.early_kb / 1024:.1f} MB after a fifth, {m.late_kb / 1024:.1f} MB at the end"
        )
    if args.jobs > 1:
        ratio = found[args.jobs].a_minute / (args.jobs * found[1].a_minute)
        print(f"{ratio:.3f} of linear over {args.jobs} workers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
