"""`python -m evidence.falsify_product`: every promise searched for a break on every built-in profile that it is about.

What is found is shrunk and written to build/falsify/product as a scenario that `rfgen run` repeats, and told in a
table. Exits 1 where anything was found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from evidence.asked import exit_code, none_or_more, one_or_more
from rfgen.campaign.pool import in_order
from rfgen.commands.falsify import MOST_SHRINKING, written
from rfgen.device import device_names
from rfgen.falsify.promises import PROMISES, promise
from rfgen.falsify.search import search
from rfgen.falsify.shrink import Shrunk, shrink
from rfgen.falsify.space import Space
from rfgen.problems import InputError

FOLDER = Path(__file__).parents[1] / "build" / "falsify" / "product"
BUDGET = 120


class Swept(NamedTuple):
    """What one search came to."""

    promise: str
    device: str
    broken: bool
    runs: int
    robustness: float
    said: str
    file: str
    """Of what was found; empty where nothing was."""
    cpu_s: float

    def line(self) -> str:
        """As the table has it."""
        came = f"broken in run {self.runs}" if self.broken else f"kept in {self.runs}"
        return f"| {self.promise} | {self.device} | {came} | {self.robustness:.3f} | {self.said} |"


def swept(budget: int, seed: int, pair: tuple[str, str]) -> Swept:
    """One promise on one profile."""
    began_s = time.process_time()
    promised, device = pair
    space = Space(promise(promised), device)
    found = search(space, budget, seed)
    file = ""
    outcome = found.outcome
    if found.outcome.broken:
        simplest: Shrunk = shrink(space, found.point, found.outcome, MOST_SHRINKING)
        path = FOLDER / f"{promised}-{device}-{seed}.yaml"
        outcome, file = written(path, space, simplest, found), str(path)
    cpu_s = time.process_time() - began_s
    return Swept(promised, device, found.outcome.broken, found.runs, outcome.robustness, outcome.said, file, cpu_s)


def pairs(promises: Sequence[str], devices: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Each promise with each profile that it is about; and why the others are left out."""
    found, left_out = [], []
    for name in promises:
        for device in devices:
            try:
                Space(promise(name), device)
            except InputError as error:
                left_out.append(f"{name} on {device}: {error.problems[0].message}")
            else:
                found.append((name, device))
    return found, left_out


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    names = [p.name for p in PROMISES]
    parser = argparse.ArgumentParser(prog="python -m evidence.falsify_product", description=__doc__)
    parser.add_argument("--promise", action="append", choices=names, help="this one alone; may be repeated")
    parser.add_argument("--device", action="append", choices=device_names(), help="likewise")
    parser.add_argument("--budget", type=one_or_more, default=BUDGET, help="runs of each search, at most")
    parser.add_argument("--seed", type=none_or_more, default=1)
    parser.add_argument("-j", "--jobs", type=one_or_more, default=1, help="searches at a time")
    given = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen, left_out = pairs(given.promise or names, given.device or device_names())
    print("| promise | device | | closest | |\n|---|---|---|--:|---|")
    results = []
    for result in in_order(partial(swept, given.budget, given.seed), chosen, given.jobs):
        print(result.line(), flush=True)
        results.append(result)
    for said in left_out:
        print(f"left out: {said}")
    broken = [result for result in results if result.broken]
    cpu_s = sum(result.cpu_s for result in results)
    runs = sum(result.runs for result in results)
    print(
        f"{len(results)} searches of at most {given.budget} runs, seed {given.seed}: {runs:,} runs, "
        f"{cpu_s / 60:.1f} minutes of one core; {len(broken)} promises broken"
    )
    for result in broken:
        print(f"broken: {result.promise} on {result.device}: {result.said}\n  again: rfgen run {result.file}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
