"""Every fault in every state on every profile, and pairs of faults: tripped by an expected interlock, in time, RF off.

`python -m evidence.cells -j 2` runs them all, by forks from saved states, and ends with 1 where one is not as the
expectation table says. `--write` makes docs/cells.md, the table with what was run; `--mode "bench, power"` runs one
profile in one mode alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from evidence.asked import exit_code, one_or_more
from evidence.campaign_treatments import Kind, kinds
from evidence.cells_matrix import Matrix, matrix_of
from evidence.cells_page import page

PAGE = Path(__file__).parents[1] / "docs" / "cells.md"


def matrices(chosen: Sequence[Kind], every: int, workers: int) -> Iterator[Matrix]:
    """Run them; in the order given."""
    work = partial(matrix_of, every=every)
    if workers <= 1:
        yield from map(work, chosen)
        return
    with get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(work, chosen)


def told(matrix: Matrix) -> str:
    """A line for a person."""
    return (
        f"{matrix.kind}: {sum(matrix.ran.values())} cells, {len(matrix.missing)} that cannot be, "
        f"{sum(matrix.pairs.values())} pairs, {len(matrix.wrong)} not as expected; {matrix.moments} saved states of "
        f"{matrix.treatments} treatments, {matrix.ticks} ticks, {matrix.cpu_s:.1f} s"
    )


def main(argv: list[str] | None = None) -> int:
    """0 where each is as expected, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m evidence.cells", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = {str(kind): kind for kind in kinds()}
    parser.add_argument("--mode", action="append", choices=list(names), metavar="PROFILE, MODE", help="this one alone")
    parser.add_argument("--every", type=one_or_more, default=1, metavar="N", help="one cell and one pair in N")
    parser.add_argument("--write", action="store_true", help="make docs/cells.md")
    parser.add_argument("-j", "--workers", type=one_or_more, default=1)
    args = parser.parse_args(argv)
    if args.write and (args.mode or args.every != 1):
        parser.error("--write needs every cell of every profile")
    began = time.monotonic()
    found = []
    for matrix in matrices([names[name] for name in args.mode or names], args.every, args.workers):
        found.append(matrix)
        print(told(matrix), flush=True)
        for wrong in matrix.wrong:
            print(wrong, flush=True)
    wrong_count = sum(len(matrix.wrong) for matrix in found)
    cells, pairs = (
        sum(sum(counts.values()) for counts in each) for each in ([m.ran for m in found], [m.pairs for m in found])
    )
    print(
        f"{cells} cells and {pairs} pairs on {len(found)} profiles and modes, by {cells + pairs} forks from "
        f"{sum(m.treatments for m in found)} whole treatments; {time.monotonic() - began:.1f} s"
    )
    print(f"not as expected: {wrong_count}")
    if args.write and not wrong_count:
        PAGE.write_text(page(found), encoding="utf-8")
        print(f"wrote {PAGE}")
    return 1 if wrong_count else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
