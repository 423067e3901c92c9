"""A campaign killed at random moments and gone on with equals one that was not.

`python -m evidence.campaign_kill --runs 10000 --kills 3 -j 2`: the same bytes of results, every run once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = """\
title: Quick ones
runs: {runs}
seed: {seed}
treatments:
  - {{device: bench, target_c: [44, 46], hold_s: [1, 2]}}
faults:
  share: 0.5
  kinds:
    - {{kind: thermocouple_open, channel: [0], state: [ramp, hold], after_s: [0, 1]}}
expect: {{outcome: completed, tripped: []}}
"""


def _begin(folder: Path, out: str, workers: int) -> subprocess.Popen[bytes]:
    words = ("from rfgen.cli import main; main()", "campaign", "c.yaml", "--out", out, "-j", str(workers))
    return subprocess.Popen([sys.executable, "-c", *words], cwd=folder, stdout=subprocess.DEVNULL)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def main(argv: list[str] | None = None) -> int:
    """0 where both are equal, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m evidence.campaign_kill", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--workers", type=int, default=2)
    args = parser.parse_args(argv)
    if args.runs < 1 or args.kills < 0 or args.workers < 1:
        parser.error("--runs and -j must be 1 or more, --kills 0 or more")
    draw = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="rfgen-campaign-") as scratch:
        folder = Path(scratch)
        (folder / "c.yaml").write_text(SPEC.format(runs=args.runs, seed=args.seed), encoding="utf-8")
        _begin(folder, "whole", args.workers).wait()
        journal = folder / "killed/journal.jsonl"
        killed = 0
        for at in sorted(draw.randrange(1, args.runs + 1) for _ in range(args.kills)):
            process = _begin(folder, "killed", args.workers)
            while process.poll() is None and _lines(journal) < at:
                time.sleep(0.02)
            if process.poll() is None:
                process.kill()
                killed += 1
                print(f"killed with {_lines(journal) - 1} of {args.runs} runs done", flush=True)
            process.wait()
        _begin(folder, "killed", args.workers).wait()
        runs = [json.loads(line)["run"] for line in journal.read_bytes().splitlines()[1:]]
        once = sorted(runs) == list(range(args.runs))
        digests = [
            hashlib.sha256((folder / name / "results.parquet").read_bytes()).hexdigest() for name in ("whole", "killed")
        ]
    equal = digests[0] == digests[1]
    print(f"{args.runs} runs, killed {killed} times: {'every run once' if once else 'RUNS LOST OR TWICE'}")
    print(f"results {'equal to the bit' if equal else 'DIFFER'}: sha256 {digests[1]}")
    return 0 if once and equal and killed == args.kills else 1


if __name__ == "__main__":
    sys.exit(main())
