"""Runs of a campaign on this machine's cores. A worker that dies costs only the run that it was at."""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from rfgen.campaign.one import not_run, row_of
from rfgen.campaign.spec import CampaignSpec

AHEAD = 4
"""Runs that a worker has waiting, so that it never waits for its next."""
TRIES = 3
"""A run whose worker dies so many times is recorded as such."""


def _work(line: Connection, spec: CampaignSpec, seed: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends the workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(EOFError, OSError):  # the parent has gone
        while True:
            line.send(row_of(spec, seed, line.recv()))


class _Worker:
    def __init__(self, spec: CampaignSpec, seed: int) -> None:
        context = get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, spec, seed), daemon=True)
        self.process.start()
        theirs.close()
        self.given: deque[int] = deque()

    def give(self, number: int) -> None:
        self.given.append(number)
        with contextlib.suppress(OSError):  # dead: told by the end of its line
            self.line.send(number)


def rows(spec: CampaignSpec, seed: int, numbers: Iterable[int], jobs: int) -> Iterator[dict[str, Any]]:
    """A row for each of `numbers`, as they come; `jobs` workers."""
    todo = iter(numbers)
    again: deque[int] = deque()
    deaths: dict[int, int] = {}
    workers: list[_Worker] = []

    def fill(worker: _Worker) -> None:
        while len(worker.given) < AHEAD:
            number = again.popleft() if again else next(todo, None)
            if number is None:
                return
            worker.give(number)

    try:
        for _ in range(jobs):
            workers.append(_Worker(spec, seed))
            fill(workers[-1])
        while any(worker.given for worker in workers):
            ready = wait([worker.line for worker in workers if worker.given])
            for place, worker in enumerate(workers):
                if worker.line not in ready:
                    continue
                try:
                    row = worker.line.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    lost = worker.given.popleft()
                    deaths[lost] = deaths.get(lost, 0) + 1
                    again.extend(worker.given)
                    if deaths[lost] < TRIES:
                        again.append(lost)
                    else:
                        code = worker.process.exitcode
                        yield row_lost(lost, f"its worker died {TRIES} times (exit code {code})")
                    workers[place] = _Worker(spec, seed)
                    fill(workers[place])
                    continue
                worker.given.popleft()
                fill(worker)
                yield row
    finally:
        for worker in workers:
            worker.line.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join()


def row_lost(number: int, why: str) -> dict[str, Any]:
    """The row of a run that no worker came through."""
    return not_run(number, "worker_died", why)
