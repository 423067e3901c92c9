"""Control over random patients: `make benchmark`. Prints the distribution, and writes the worst ten as scenarios.

`bench/control.py --patients 1000 [--device NAME] [--seed N] [-j N] [--out DIR]`; exit code 1 where a patient was
not met.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from rfgen.benchmark import TREATMENTS, Result, judge, scenario_for
from rfgen.scenario import resolved_yaml

MOST_OUT_OF_REACH = 0.10
COLUMNS = (
    ("overshoot_c", "overshoot, noise-free", "C", 2.0),
    ("overshoot_reading_c", "overshoot, reading", "C", 2.0),
    ("hold_off_c", "off target from 10 s, noise-free", "C", 1.0),
    ("hold_off_reading_c", "off target from 10 s, reading", "C", 1.0),
    ("slower", "time over the fastest", "x", 1.3),
)


def one(task: tuple[str, int, int]) -> Result:
    """A patient, in a worker."""
    return judge(*task)


def all_of(device: str, seed: int, patients: int, jobs: int) -> list[Result]:
    """Every patient of a profile."""
    tasks = [(device, seed, number) for number in range(patients)]
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(one, tasks, chunksize=max(1, min(20, patients // (4 * jobs)))))


def table(device: str, results: Sequence[Result]) -> str:
    """The distribution, in words and numbers."""
    step = TREATMENTS[device].steps[0]
    lines = [f"{device}: {len(results)} patients, {step.target_c:g} C, at most {TREATMENTS[device].max_power_w:g} W"]
    reach = Counter(r.reach for r in results)
    ended = Counter(f"{r.reach}, {r.reason}" for r in results)
    lines.append(f"  out of reach {reach['unreachable']} ({100 * reach['unreachable'] / len(results):.1f} %)")
    lines += [f"  {count:>5} {what}" for what, count in sorted(ended.items())]
    held = [r for r in results if r.reason == "hold_complete"]
    lines.append(f"  {'':<34} {'median':>8} {'95 %':>8} {'99 %':>8} {'worst':>8}  at most")
    for name, title, unit, most in COLUMNS:
        values = np.array([getattr(r, name) for r in held]) if held else np.array([math.nan])
        at = np.percentile(values, [50, 95, 99, 100])
        lines.append(f"  {title:<34} " + " ".join(f"{v:>8.2f}" for v in at) + f"  {most:g} {unit}")
    for r in results:
        if r.failures():
            lines.append(f"  NOT MET patient {r.number}: {'; '.join(r.failures())}")
    return "\n".join(lines)


def forget(folder: Path, device: str) -> None:
    """An earlier run's scenarios: none of them is this one's."""
    for path in (folder / device).glob("worst-??-patient-*.yaml"):
        path.unlink()


def write_worst(folder: Path, device: str, results: Sequence[Result]) -> None:
    """The ten nearest to a limit, or past it, each a scenario that `rfgen run` takes."""
    place = folder / device
    place.mkdir(parents=True, exist_ok=True)
    for rank, r in enumerate(sorted(results, key=lambda r: -r.badness)[:10], 1):
        text = resolved_yaml(scenario_for(device, r.seed, r.number))
        (place / f"worst-{rank:02}-patient-{r.number}.yaml").write_text(text, encoding="utf-8")


def main() -> int:
    """0 where every patient was met, and few enough are out of reach."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--device", choices=sorted(TREATMENTS), action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("runs/control"))
    given = parser.parse_args()
    if given.patients < 1 or given.jobs < 1 or given.seed < 0:
        parser.error("--patients and -j must be 1 or more, --seed 0 or more")
    try:
        given.out.mkdir(parents=True, exist_ok=True)  # refused before the work, not after it
        for device in TREATMENTS:  # also of profiles that are not asked for now, and of a run that is ended half-way
            forget(given.out, device)
    except OSError as error:
        parser.error(f"--out {given.out}: {error.strerror}")
    met = True
    for device in given.device or sorted(TREATMENTS):
        results = all_of(device, given.seed, given.patients, given.jobs)
        print(table(device, results), flush=True)
        write_worst(given.out, device, results)
        out_of_reach = sum(r.reach == "unreachable" for r in results)
        met = met and not any(r.failures() for r in results) and out_of_reach <= MOST_OUT_OF_REACH * len(results)
    print(f"the worst ten of each, as scenarios: {given.out}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
