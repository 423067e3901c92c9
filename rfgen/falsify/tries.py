"""Runs of points, in this process or shared out over several: the same outcomes in the same order."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import resource_tracker
from types import TracebackType

from rfgen.falsify.one import Outcome, try_scenario
from rfgen.falsify.space import Space, Value
from rfgen.interruption import SIGNALS

DEATHS = 3
"""So often a worker may die before the search is given up."""


class WorkerDied(RuntimeError):
    """The processes that were to run the points died, time and again."""


class Tries:
    """`jobs` runs at a time. Ends its processes when its context ends."""

    def __init__(self, space: Space, jobs: int) -> None:
        self._try = partial(_tried, space)
        self._jobs = jobs
        self._deaths = 0
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[object] = set()

    def __enter__(self) -> Tries:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def each(self, points: Sequence[Mapping[str, Value]]) -> Iterator[Outcome]:
        """What becomes of each, in order. Raises WorkerDied."""
        if self._jobs <= 1:
            yield from map(self._try, points)
            return
        told = 0
        while told < len(points):
            try:
                for future in self._given(points[told:]):
                    outcome = future.result()
                    told += 1
                    yield outcome
            except BrokenProcessPool:
                # a run is the same run again: what the dead worker was at is tried by a new one
                self._end()
                self._deaths += 1
                if self._deaths >= DEATHS:
                    raise WorkerDied(f"a process of the search died {DEATHS} times") from None

    def _given(self, points: Sequence[Mapping[str, Value]]) -> list[Future[Outcome]]:
        """Nothing of it is cancelled, as `map` would do where it is left early: a pool whose workers are ended says of
        a cancelled run that it cannot fail any more, with a traceback."""
        pool = self._started()
        # workers begin with what is held here, so that Ctrl-C does not reach them before they have begun to ignore it
        resource_tracker.ensure_running()  # else its own start would let go of what is held
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return [pool.submit(self._try, point) for point in points]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._others = set(multiprocessing.active_children())
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_begin_worker)
        return self._pool

    def _end(self) -> None:
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        for worker in multiprocessing.active_children():
            if worker not in self._others:
                worker.terminate()
        pool.shutdown()


def _tried(space: Space, point: Mapping[str, Value]) -> Outcome:
    return try_scenario(partial(space.scenario, point), space.promise)


def _begin_worker() -> None:
    """Ctrl-C reaches the parent too, which ends its workers."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
