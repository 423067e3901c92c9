"""Runs of a campaign on an existing Dask cluster. A worker that dies costs only the runs that it was at.

Batches of runs go out as tasks, as many as keep every thread of the cluster busy and no more, so that neither the
scheduler nor this process grows with the campaign. Dask runs a task again elsewhere where its worker is lost. A task
whose workers die again and again is taken apart, and its runs are tried one at a time: which run it is that ends its
workers is then known, and the others have their rows.
"""

from __future__ import annotations

import importlib.util
import logging
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from rfgen.campaign.one import row_of
from rfgen.campaign.pool import TRIES
from rfgen.campaign.program import program
from rfgen.campaign.spec import CampaignSpec
from rfgen.campaign.workers import row_lost
from rfgen.problems import InputError, Problem

if TYPE_CHECKING:
    from distributed import Client, Future

BATCH_S = 2.0
"""About how long a task is to take: long against what Dask needs for one (some ms), short against a campaign."""
MOST_RUNS = 200
"""In a task."""
AHEAD = 2
"""Tasks that a thread of the cluster has: one at work, one waiting."""
CONNECT_S = 10.0
LOOK_S = 2.0
"""How often the cluster is looked at where nothing comes."""
ALONE_S = 60.0
"""A cluster without any worker for so long is given up: what was done is kept."""


class ClusterFailed(Exception):
    """The cluster does not answer, or has no workers (any more)."""


class WorkerDiffers(Exception):
    """A worker is not what this campaign began on; its runs might differ in a bit. `args`: what it is."""


class Worked(NamedTuple):
    """What a task brings back."""

    rows: list[dict[str, Any]]
    took_s: float


def work(spec: CampaignSpec, seed: int, numbers: list[int], wanted: dict[str, str]) -> Worked:
    """On a worker: these runs. Raises WorkerDiffers where it has other versions than `wanted`."""
    here = program()
    if here != wanted:
        raise WorkerDiffers(here)
    began = time.perf_counter()
    rows = [row_of(spec, seed, number) for number in numbers]
    return Worked(rows, time.perf_counter() - began)


def need_distributed() -> None:
    """Raises InputError where Dask's distributed scheduler is not installed."""
    if importlib.util.find_spec("distributed") is None:
        raise _wrong("--cluster", "needs distributed, which is not installed", "install the extra rfgen[cluster]")


def _wrong(what: str, message: str, remedy: str) -> InputError:
    return InputError([Problem(what, None, None, "", "", message, remedy)])


def _refuse_impossible(address: str) -> None:
    """Before a client is made of it: one that was refused its address takes 20 s to go."""
    from distributed.comm.addressing import get_local_address_for, parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    try:
        scheme, place = parse_address(address)
        get_backend(scheme).get_connector()  # ucx:// has none where its package is not installed
        if scheme == "inproc":
            get_local_address_for(address)  # known within its own process alone
        elif not 0 < parse_host_port(place)[1] < 65536:
            raise ValueError("a port is 1 to 65535")
    except (ValueError, ImportError, TypeError) as error:
        said = f"cannot be a scheduler's address ({error})"
        raise _wrong(f"--cluster {address}", said, "give it as tcp://HOST:8786") from None
    if scheme in ("tls", "wss"):
        _refuse_without_certificates(address)


def _refuse_without_certificates(address: str) -> None:
    from distributed.security import Security

    try:
        if Security().get_connection_args("client").get("ssl_context") is not None:
            return
        said = "needs certificates, and Dask's configuration names none"
    except OSError as error:  # ssl's errors are some too
        said = f"needs certificates, and those of Dask's configuration cannot be read ({error.strerror or error})"
    remedy = "set distributed.comm.tls.ca-file, .client.cert and .client.key there"
    raise _wrong(f"--cluster {address}", said, remedy)


def rows(address: str, spec: CampaignSpec, seed: int, numbers: Iterable[int]) -> Generator[dict[str, Any], None, None]:
    """A row for each of `numbers`, as they come, from the workers of the scheduler at `address`.

    Raises InputError for an address that cannot be and for workers without this rfgen, ClusterFailed where the
    scheduler does not answer, or is lost, or has no workers.
    """
    need_distributed()
    from distributed import Client

    _refuse_impossible(address)
    for name in ("distributed", "distributed.client"):  # what matters is said below, in a line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):  # of versions that differ: those that matter are looked at
            client = Client(address, timeout=CONNECT_S, set_as_default=False, name="rfgen-campaign")
    except OSError as error:  # no answer in time is one too
        raise ClusterFailed(f"no scheduler answers at {address}: {error}") from None
    try:
        yield from _Flights(client, address, spec, seed, iter(numbers)).rows()
    finally:
        client.close(timeout=CONNECT_S)


@dataclass
class _Flights:
    """The tasks that are out."""

    client: Client
    address: str
    spec: CampaignSpec
    seed: int
    todo: Iterator[int]
    out: dict[str, tuple[Future, list[int]]] = field(default_factory=dict)
    arrived: SimpleQueue[Future] = field(default_factory=SimpleQueue)
    suspects: deque[int] = field(default_factory=deque)
    """Runs of tasks whose workers died: tried one at a time, lest one is taken for another."""
    suspected: str | None = None
    """The task with the suspect that is out."""
    failed: dict[int, int] = field(default_factory=dict)
    threads: int = 1
    size: int = 1
    sent: int = 0
    known: set[str] = field(default_factory=set)
    """Workers that were looked at."""
    looked_s: float = -1e9
    peopled_s: float = 0.0
    """When a worker was last seen."""

    def rows(self) -> Iterator[dict[str, Any]]:
        self.peopled_s = time.monotonic()
        self._look()
        while True:
            self._send()
            if not self.out:
                return
            try:
                future = self.arrived.get(timeout=LOOK_S)
            except Empty:
                self._look()
                continue
            if time.monotonic() - self.looked_s > LOOK_S:
                self._look()
            yield from self._taken(future)

    def _look(self) -> None:
        """How many threads there are now. Raises ClusterFailed where nobody is there (any more)."""
        self.looked_s = time.monotonic()
        if self.client.status != "running":
            raise self._lost()
        try:
            workers = self.client.nthreads()
            new = [worker for worker in workers if worker not in self.known]
            have = self._what_is(new) if new else {}
        except Exception:  # whatever it is, the line to the scheduler does not work
            raise self._lost() from None
        for worker, what in have.items():
            self._refuse_other(worker, what)
        self.known.update(new)
        threads = sum(workers.values())
        if threads:
            self.peopled_s = self.looked_s
            self.threads = threads
        elif self.looked_s - self.peopled_s > ALONE_S:
            raise ClusterFailed(f"the scheduler at {self.address} has had no workers for {ALONE_S:g} s")

    def _what_is(self, workers: list[str]) -> dict[str, Any]:
        """What these workers have. One without rfgen would not even answer what it cannot load."""
        found: dict[str, Any] = self.client.run(version, "rfgen", workers=workers, on_error="return")
        able = [worker for worker, what in found.items() if not isinstance(what, Exception)]
        return found | (self.client.run(program, workers=able, on_error="return") if able else {})

    def _refuse_other(self, worker: str, what: dict[str, str] | BaseException) -> None:
        """Raises InputError where a worker is not what this campaign began on: its runs might differ in a bit."""
        if isinstance(what, ImportError):
            said = f"the worker {worker} cannot load rfgen ({what})"
        elif isinstance(what, dict) and what != program():
            said = f"the worker {worker} has {_told(what)}; here is {_told(program())}"
        else:
            return  # the same; or it has just gone
        raise _wrong(f"--cluster {self.address}", said, "install the same on all")

    def _lost(self) -> ClusterFailed:
        return ClusterFailed(f"the scheduler at {self.address} is gone")

    def _send(self) -> None:
        while self.suspected is None and self.suspects:
            self.suspected = self._submit([self.suspects.popleft()])
        while len(self.out) < AHEAD * self.threads:
            numbers = list(islice(self.todo, self.size))
            if not numbers:
                return
            self._submit(numbers)

    def _submit(self, numbers: list[int]) -> str:
        self.sent += 1
        key = f"rfgen-campaign-{self.client.id}-{self.sent}"
        future = self.client.submit(work, self.spec, self.seed, numbers, program(), key=key, pure=False)
        self.out[key] = future, numbers
        future.add_done_callback(self.arrived.put)
        return key

    def _taken(self, future: Future) -> Iterator[dict[str, Any]]:
        """The rows that a task brought, if it did."""
        numbers = self.out[future.key][1]
        try:
            if future.status == "finished":
                worked: Worked = future.result(timeout=CONNECT_S)
                error = None
            elif future.status == "error":
                error = future.exception(timeout=CONNECT_S)
            else:
                raise self._lost()
        except TimeoutError:  # its worker died with the result: Dask makes it again
            future.add_done_callback(self.arrived.put)
            return
        except ClusterFailed:
            raise
        except Exception as failed:  # the task's own is above
            if self.client.status != "running" or future.status not in ("finished", "error"):
                raise self._lost() from None
            error = failed
        del self.out[future.key]  # the last that knows of it: the scheduler may forget it
        if self.suspected == future.key:
            self.suspected = None
        if error is not None:
            yield from self._came_to_nothing(numbers, error)
            return
        if worked.took_s > 0.0:
            a_run_s = worked.took_s / len(numbers)
            self.size = max(1, min(MOST_RUNS, round(BATCH_S / a_run_s)))
        yield from worked.rows

    def _came_to_nothing(self, numbers: list[int], error: BaseException) -> Iterator[dict[str, Any]]:
        """Runs whose task failed: those that may be innocent are tried by themselves."""
        from distributed import KilledWorker

        if isinstance(error, WorkerDiffers):
            said = f"a worker has {_told(error.args[0])}; this campaign has {_told(program())}"
            raise _wrong(f"--cluster {self.address}", said, "install the same on all") from None
        if isinstance(error, ImportError) or "deserializ" in str(error):
            said = f"a worker or the scheduler cannot load this rfgen ({str(error).partition('. ')[0]})"
            raise _wrong(f"--cluster {self.address}", said, "install the same on all") from None
        if len(numbers) > 1:
            self.suspects.extend(numbers)
            return
        (number,) = numbers
        self.failed[number] = self.failed.get(number, 0) + 1
        died = isinstance(error, KilledWorker)  # Dask has tried it on several by itself
        if not died and self.failed[number] < TRIES:
            self.suspects.append(number)
            return
        why = "its workers died" if died else f"it failed {TRIES} times ({type(error).__name__}: {error})"
        yield row_lost(number, why)


def _told(what: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in what.items())
