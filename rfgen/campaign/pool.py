"""Work on this machine's cores. A worker process that dies costs only the job that it was at.

`multiprocessing.Pool` waits for ever for the result of a worker that was killed; here its jobs go to a new one.
"""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

AHEAD = 4
"""Jobs that a worker has waiting, so that it never waits for its next."""
TRIES = 3
"""A job whose worker dies so many times is given up."""

Job = TypeVar("Job")
Result = TypeVar("Result")


class WorkerDied(RuntimeError):
    """A job whose workers died, where nobody said what is to become of it."""


def as_they_come(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int,
    lost: Callable[[Job, str], Result] | None = None,
) -> Generator[Result, None, None]:
    """`function` of each job, in the order in which they are done, in processes of their own.

    `function` must be picklable, and so must jobs and results. `lost(job, why)` stands for the result of a job whose
    worker died `TRIES` times, by a signal or by an exception of `function`; without it, WorkerDied is raised.
    """
    for _, result in _numbered(function, jobs, workers, lost):
        yield result


def in_order(function: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Iterator[Result]:
    """`function` of each job, in the order of `jobs`; in this process where there is one worker. Raises WorkerDied."""
    if workers <= 1:
        yield from map(function, jobs)
        return
    early: dict[int, Result] = {}
    due = 0
    for place, result in _numbered(function, jobs, workers, None):
        early[place] = result
        while due in early:
            yield early.pop(due)
            due += 1


def _work(line: Connection, function: Callable[[Job], Result]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends the workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(EOFError, OSError):  # the parent has gone
        while True:
            line.send(function(line.recv()))


class _Worker(Generic[Job, Result]):
    def __init__(self, function: Callable[[Job], Result]) -> None:
        context = get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, function), daemon=True)
        # a worker begins with what is held here, so that Ctrl-C does not reach it before it has begun to ignore it
        resource_tracker.ensure_running()  # else its own start would let go of what is held
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        theirs.close()
        self.given: deque[tuple[int, Job]] = deque()

    def give(self, numbered: tuple[int, Job]) -> None:
        self.given.append(numbered)
        with contextlib.suppress(OSError):  # dead: told by the end of its line
            self.line.send(numbered[1])


def _numbered(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    count: int,
    lost: Callable[[Job, str], Result] | None,
) -> Iterator[tuple[int, Result]]:
    todo = iter(enumerate(jobs))
    again: deque[tuple[int, Job]] = deque()
    deaths: dict[int, int] = {}
    workers: list[_Worker[Job, Result]] = []

    def fill(worker: _Worker[Job, Result]) -> None:
        while len(worker.given) < AHEAD:
            numbered = again.popleft() if again else next(todo, None)
            if numbered is None:
                return
            worker.give(numbered)

    try:
        for _ in range(count):
            workers.append(_Worker(function))
            fill(workers[-1])
        while any(worker.given for worker in workers):
            ready = wait([worker.line for worker in workers if worker.given])
            for at, worker in enumerate(workers):
                if worker.line not in ready:
                    continue
                try:
                    result = worker.line.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    place, job = worker.given.popleft()
                    deaths[place] = deaths.get(place, 0) + 1
                    again.extend(worker.given)
                    why = f"its worker died {TRIES} times (exit code {worker.process.exitcode})"
                    if deaths[place] < TRIES:
                        again.append((place, job))
                    elif lost is None:
                        raise WorkerDied(f"{job!r}: {why}") from None
                    else:
                        yield place, lost(job, why)
                    workers[at] = _Worker(function)
                    fill(workers[at])
                    continue
                place, _ = worker.given.popleft()
                fill(worker)
                yield place, result
    finally:
        for worker in workers:
            worker.line.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
