"""A Dask cluster on this machine: a scheduler and workers, each a process of its own that can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 60.0


class LocalCluster:
    """Its logs and its scheduler's address are files in `folder`. Workers have one thread each, and no nanny."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "scheduler.json"
        self.scheduler = self._begin("scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", self._file)
        until_s = time.monotonic() + START_S
        while not self._file.exists() or not self._file.read_text():
            if self.scheduler.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"the scheduler does not start: {(folder / 'scheduler.log').read_text()[-2000:]}")
            time.sleep(0.05)
        self.address = str(json.loads(self._file.read_text())["address"])
        self.workers: list[subprocess.Popen[bytes]] = []

    def _begin(self, what: str, *words: str | Path) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{what}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *words, "--dashboard-address", "127.0.0.1:0"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def add(self) -> None:
        """One more worker."""
        self.workers.append(self._begin("worker", self.address, "--nthreads", "1", "--no-nanny"))

    def kill_worker(self) -> None:
        """The one that has been there longest, by SIGKILL."""
        worker = self.workers.pop(0)
        worker.kill()
        worker.wait()


@contextmanager
def local_cluster(folder: Path, workers: int) -> Iterator[LocalCluster]:
    """Started; ended with the block. Raises RuntimeError where the scheduler does not start."""
    cluster = LocalCluster(folder)
    try:
        for _ in range(workers):
            cluster.add()
        yield cluster
    finally:
        for process in (*cluster.workers, cluster.scheduler):
            process.kill()
        for process in (*cluster.workers, cluster.scheduler):
            process.wait()
