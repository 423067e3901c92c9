"""`rfgen campaign`."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

from rfgen.campaign.cluster import ClusterFailed, need_distributed
from rfgen.campaign.cluster import rows as cluster_rows
from rfgen.campaign.journal import Journal
from rfgen.campaign.page import render
from rfgen.campaign.program import program
from rfgen.campaign.results import FAILING, RESULTS, finish, need_duckdb
from rfgen.campaign.spec import CampaignSpec, load_spec
from rfgen.campaign.workers import rows
from rfgen.checking import default_jobs
from rfgen.cli import NOT_AS_EXPECTED, OK, RIG_FAILED
from rfgen.commands.output import say, showable
from rfgen.record.summary import write_json, write_whole

_TELL_S = 0.5


def campaign(
    path: str, out: Path | None, jobs: int | None, cluster: str | None, seed: int | None, as_json: bool
) -> int:
    """Run what has not been run yet, then write the results."""
    need_duckdb()
    if cluster is not None:
        need_distributed()
    spec = load_spec(path)
    seed = spec.seed if seed is None else seed
    folder = out or Path("campaigns") / Path(path).stem
    head = {"spec": spec.digest, "seed": seed, "runs": spec.runs, "versions": program()}
    with Journal(folder, head) as journal:
        before = len(journal.done)
        if before and not as_json:
            done = (
                "all runs are there already" if before == spec.runs else f"goes on after {before} of {spec.runs} runs"
            )
            say(f"{showable(str(folder))}: {done}")
        try:
            if before < spec.runs:
                _run_the_rest(journal, spec, seed, jobs, cluster)
            figures = finish(folder, spec, seed)
        except ClusterFailed as error:
            say(showable(f"cluster: {error}: {_kept(journal, spec)}"), err=True)
            return RIG_FAILED
        except (KeyboardInterrupt, OSError):
            say(showable(f"{folder}: {_kept(journal, spec)}"), err=True)
            raise
    write_whole(folder / "report.html", render(spec, seed, figures))
    bad = figures.rates[0]
    summary = {
        "title": spec.title,
        "seed": seed,
        "runs": figures.runs,
        "simulated_hours": round(figures.hours, 6),
        "not_run": figures.not_run,
        "rates": [
            {"what": r.name, "found": r.found, "of": r.tries, "rate": r.share, "least": r.least, "most": r.most}
            for r in figures.rates
        ],
        "tripped_first": [{"id": a, "state": b, "runs": c} for a, b, c in figures.trips],
        "failing": figures.failing,
    }
    write_json(folder / "summary.json", summary)
    if as_json:
        say((folder / "summary.json").read_text("utf-8").rstrip("\n"))
    else:
        said = f"{figures.runs} runs, {figures.hours:.1f} simulated hours: {bad.found} not as expected"
        say(f"{said} (rate {bad.least:.3g} to {bad.most:.3g}, 95 %)")
        for number in islice(figures.failing, 5):
            say(f"  again: rfgen run {showable(str(folder / FAILING / f'run-{number}.yaml'))}")
        say(f"{showable(str(folder))}: {RESULTS}, report.html, summary.json")
    return NOT_AS_EXPECTED if bad.found else OK


def _run_the_rest(journal: Journal, spec: CampaignSpec, seed: int, jobs: int | None, cluster: str | None) -> None:
    before = len(journal.done)
    todo = (number for number in range(spec.runs) if number not in journal.done)
    progress = _Progress(spec.runs, before)
    if cluster is None:
        found = rows(spec, seed, todo, min(jobs or default_jobs(), spec.runs - before))
    else:
        found = cluster_rows(cluster, spec, seed, todo)
    try:
        with closing(found):
            for row in found:
                journal.add(row)
                progress.tell(len(journal.done))
    finally:
        progress.end()


def _kept(journal: Journal, spec: CampaignSpec) -> str:
    if not journal.done:
        return f"none of {spec.runs} runs is done"
    return f"{len(journal.done)} of {spec.runs} runs are done and kept; the same command goes on"


def span(seconds: float) -> str:
    """In words that need no reckoning."""
    if seconds < 100.0:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60.0)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


class _Progress:
    """Runs done, rate and time left, on a terminal; silent elsewhere."""

    def __init__(self, runs: int, before: int) -> None:
        self.on = sys.stderr.isatty()
        self.runs, self.before = runs, before
        self.began = self.told = time.monotonic()

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if not self.on or now - self.told < _TELL_S:
            return
        self.told = now
        a_second = (done - self.before) / (now - self.began)
        left = f"{span((self.runs - done) / a_second)} left" if a_second else ""
        sys.stderr.write(f"\r\x1b[K{done} of {self.runs} runs, {a_second * 60:.0f} a minute, {left}")
        sys.stderr.flush()

    def end(self) -> None:
        if self.on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
