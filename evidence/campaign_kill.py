"""A campaign killed at random moments and gone on with equals one that was not.

`python -m evidence.campaign_kill --runs 10000 --kills 3 -j 2`: the same bytes of results, every run once. With
`--cluster` the one that is killed runs on a Dask cluster of this machine (a scheduler and `-j` workers, each a
process); in turn a worker and the campaign's own process are killed. It must equal the one that ran without a cluster.
Of the one that is not killed, the memory of its processes is told early and late. `--sha256 DIGEST`: its results were
made before, by the other command with as many runs and the same seed, and it is not run again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from evidence.asked import exit_code, none_or_more, one_or_more
from evidence.local_cluster import LocalCluster, local_cluster

SPEC = """\
title: Quick ones
runs: {runs}
seed: {seed}
treatments:
  - {{device: cosman-like, mode: power, power_w: [2, 4], hold_s: [1, 2]}}
faults:
  share: 0.5
  kinds:
    - {{kind: thermocouple_open, channel: [0], state: [ramp, hold], after_s: [0, 1]}}
expect: {{outcome: completed, tripped: []}}
"""
_LOOK_S = 0.1
COMPILED = "from rfgen.runs import is_compiled; print('compiled' if is_compiled() else 'interpreted')"


def _begin(folder: Path, out: str, *where: str) -> subprocess.Popen[bytes]:
    words = ("from rfgen.cli import main; main()", "campaign", "c.yaml", "--out", out, *where)
    return subprocess.Popen([sys.executable, "-c", *words], cwd=folder, stdout=subprocess.DEVNULL)


def _children_cpu_s() -> float:
    """Of all that have ended, and of theirs."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _resident_mb(pid: int) -> float:
    """0 where the process has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024.0


def _memory_mb(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """(the campaign's own process, its largest worker)."""
    try:
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    except OSError:
        workers = []
    return _resident_mb(process.pid), max((_resident_mb(int(pid)) for pid in workers), default=0.0)


def _whole(process: subprocess.Popen[bytes], journal: Path, runs: int) -> str:
    """Wait for the campaign that is not killed; what its memory was after a fifth of the runs and at the last ones."""
    early = late = (0, 0.0, 0.0)
    while process.poll() is None:
        done = _lines(journal) - 1
        own_mb, worker_mb = _memory_mb(process)
        if 0 < done < runs and worker_mb:
            late = (done, own_mb, worker_mb)
            early = late if early[0] < runs // 5 else early
        time.sleep(_LOOK_S)
    return "; ".join(
        f"{own:.1f} MB, largest worker {worker:.1f} MB after {done} runs" for done, own, worker in (early, late)
    )


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / "results.parquet").read_bytes()).hexdigest()


def _with_kills(
    begin: Callable[[], subprocess.Popen[bytes]], journal: Path, moments: list[int], cluster: LocalCluster | None
) -> int:
    """Run it to its end, killing at these numbers of runs done; how often was killed."""
    process = begin()
    killed = 0
    for turn, at in enumerate(moments):
        while process.poll() is None and _lines(journal) <= at:
            time.sleep(_LOOK_S)
        if process.poll() is not None:
            break
        if cluster is not None and turn % 2 == 0:
            cluster.kill_worker()
            print(f"a worker killed with {_lines(journal) - 1} runs done", flush=True)
            cluster.add()
        else:
            process.kill()
            process.wait()
            print(f"the campaign killed with {_lines(journal) - 1} runs done", flush=True)
            process = begin()
        killed += 1
    process.wait()
    return killed


def main(argv: list[str] | None = None) -> int:
    """0 where both are equal, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m evidence.campaign_kill",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=one_or_more, default=200)
    parser.add_argument("--kills", type=none_or_more, default=3)
    parser.add_argument("--seed", type=none_or_more, default=1)
    parser.add_argument("-j", "--workers", type=one_or_more, default=2)
    parser.add_argument("--cluster", action="store_true", help="on a Dask cluster of this machine")
    parser.add_argument("--sha256", metavar="DIGEST", help="of the results of the one without kills, made before")
    args = parser.parse_args(argv)
    if args.runs < 10 or args.kills < 0 or args.workers < 1:
        parser.error("--runs must be 10 or more, -j 1 or more, --kills 0 or more")
    draw = random.Random(args.seed)
    moments = sorted(draw.randrange(1, args.runs * 9 // 10) for _ in range(args.kills))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rfgen-campaign-")))
        (folder / "c.yaml").write_text(SPEC.format(runs=args.runs, seed=args.seed), encoding="utf-8")
        here = ("-j", str(args.workers))
        cluster = None
        began_s = time.monotonic()
        wanted = args.sha256
        if wanted is None:
            memory = _whole(_begin(folder, "whole", *here), folder / "whole/journal.jsonl", args.runs)
            wanted = _digest(folder / "whole")
            took = f"{time.monotonic() - began_s:.0f} s, {_children_cpu_s():.0f} s of processor time"
            print(f"without kills: {took}; memory {memory}", flush=True)
        if args.cluster:
            cluster = stack.enter_context(local_cluster(folder, args.workers))
            here = ("--cluster", cluster.address)
        journal = folder / "killed/journal.jsonl"
        killed = _with_kills(lambda: _begin(folder, "killed", *here), journal, moments, cluster)
        runs = [json.loads(line)["run"] for line in journal.read_bytes().splitlines()[1:]]
        once = sorted(runs) == list(range(args.runs))
        found = _digest(folder / "killed")
        what = subprocess.run([sys.executable, "-c", COMPILED], cwd=folder, capture_output=True, text=True, check=True)
    took_s = time.monotonic() - began_s
    equal = found == wanted
    print(f"{args.runs} runs, {killed} kills: {'every run once' if once else 'RUNS LOST OR TWICE'}")
    print(f"results {'equal to the bit' if equal else 'DIFFER'}: sha256 {found}")
    print(f"{what.stdout.strip()}, {args.workers} workers: {took_s:.0f} s in all")
    return 0 if once and equal and killed == args.kills else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
