"""`make forecast-study N=3000`: SENTINEL_FORECAST over random vertebrae on the field plant; writes docs/forecast.md.

Each vertebra is treated with the row and without it, by the real firmware, from one seed. Results are kept in a
journal, so that a killed study goes on; the journal of another version of the code is refused. `--grid-check N`
holds the study's cheap grid against the default one, `--twice N` holds forked treatments against two run whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.forecast_page import write
from evidence.forecast_treat import pair_of, row_of, treat
from evidence.forecast_twice import grid_check, twice
from evidence.forecast_vertebrae import JUDGED_SEED, scenario_of, vertebra
from rfgen.campaign.journal import Journal
from rfgen.campaign.pool import as_they_come
from rfgen.problems import InputError
from rfgen.record.summary import write_whole

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "forecast.md"
OUT = HERE.parent / "build" / "forecast"
GRID = "grid.json"
MOST_GRID_ERROR_C = 0.3
"""Both treatments of a vertebra have it, and alike: it moves what is studied, not what is compared."""
CODE = (
    "rfgen",
    "sim",
    "hal",
    "evidence/forecast_treat.py",
    "evidence/forecast_vertebrae.py",
    "evidence/campaign_runs.py",
)
"""What a result depends on."""


def code_version() -> str:
    """A hash over all code and all figures that a result depends on."""
    found = hashlib.sha256()
    for place in CODE:
        path = HERE.parent / place
        files = sorted(p for p in path.rglob("*") if p.suffix in (".py", ".yaml")) if path.is_dir() else [path]
        for file in files:
            if "scenarios" not in file.parts:
                found.update(str(file.relative_to(HERE.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def treated(seed: int, index: int) -> dict[str, Any]:
    """One vertebra's line."""
    began_s = time.process_time()
    row = row_of(index, treat(scenario_of(vertebra(index, seed))))
    return row | {"cpu_s": round(time.process_time() - began_s, 2)}


def study(count: int, seed: int, jobs: int, out: Path) -> tuple[list[dict[str, Any]], str]:
    """(every vertebra's line, the version of the code). Goes on where a journal in `out` ends."""
    version = code_version()
    with Journal(out, {"study": "forecast", "seed": seed, "code": version}) as journal:
        todo = [index for index in range(count) if index not in journal.done]
        each = partial(treated, seed)
        began_s = time.monotonic()
        for n, row in enumerate(map(each, todo) if jobs <= 1 else as_they_come(each, todo, jobs), 1):
            journal.add(row)
            if n % 50 == 0 or n == len(todo):
                print(f"{n} of {len(todo)} vertebrae, {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
        lines = journal.path.read_text(encoding="utf-8").splitlines()[1:]
    rows = [json.loads(line) for line in lines]
    return sorted((row for row in rows if row["run"] < count), key=lambda row: row["run"]), version


def main(argv: list[str] | None = None) -> int:
    """0 where every promise is kept, 1 where one is not, 2 for a journal that is not this study's."""
    parser = argparse.ArgumentParser(prog="python -m evidence.forecast", description=__doc__)
    parser.add_argument("--vertebrae", type=one_or_more, default=3000)
    parser.add_argument("--seed", type=none_or_more, default=JUDGED_SEED)
    parser.add_argument("-j", "--jobs", type=one_or_more, default=1)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the journal")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--grid-check", type=one_or_more, metavar="N", help="the study's grid against the default one")
    parser.add_argument("--twice", type=one_or_more, metavar="N", help="forked against whole treatments")
    args = parser.parse_args(argv)
    if args.grid_check is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        found = {"code": code_version(), **grid_check(args.grid_check, args.seed)}
        write_whole(args.out / GRID, json.dumps(found) + "\n")
        off = f"{found['sentinel_c']:.3f} C at the sentinel, {found['dura_c']:.3f} C at the dura"
        print(f"the study's grid is off by at most {off}")
        return 0 if max(float(found["sentinel_c"]), float(found["dura_c"])) <= MOST_GRID_ERROR_C else 1
    if args.twice is not None:
        return twice(args.twice, args.seed)
    try:
        rows, version = study(args.vertebrae, args.seed, args.jobs, args.out)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    cases = [(vertebra(row["run"], args.seed), pair_of(row)) for row in rows]
    kept = write(args.page, cases, args.seed, version, args.out / GRID)
    print(f"{sum(row['cpu_s'] for row in rows) / len(rows):.2f} CPU seconds a vertebra")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
