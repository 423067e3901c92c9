"""Runs tests against a mutant in a process of its own, forked from a parent that has imported the test tools alone.

A mutant is killed where a test ran and an assertion of it failed. Where tests failed, but each of them by an exception
of the changed code (NameError, TypeError, or an INTERNAL_ERROR that it became), it is `raised`: dead, and told apart. A
mutant that cannot be imported, a pytest that collects nothing or breaks, and a run out of its processor time are
errors.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import hypothesis
import hypothesis.extra
import hypothesis.strategies
import numpy  # noqa: F401 - warm before the fork
import pytest
import transitions  # noqa: F401

from evidence.mutants_make import Mutant

ROOT = Path(__file__).resolve().parent.parent
PASSED, FAILED = 0, 1
MARK = "-mutant"
"""In the name of the folder that a changed file lies in, or of the file."""
CODE_ERRORS = (TypeError, NameError, AttributeError, LookupError, ArithmeticError, AssertionError)
ARGUMENTS = (
    "-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:rfgen", "--assert=plain",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
MOST_RAISED = 3
"""So many tests may fail by an exception before an assertion is no longer waited for."""
LEAST_S = 5.0
"""Processor time that a stage may take beside three times what it takes unmutated."""


class Outcome(NamedTuple):
    """What became of one mutant."""

    id: str
    verdict: str
    """killed, raised (no assertion failed, the code under test raised), survived, stillborn (it cannot be imported),
    out of time, broken (the tests could not be run)"""
    by: str
    """The test that failed, or what broke."""
    why: str
    spent_s: tuple[float, ...]
    """Processor time of each stage that ran."""


class Finder(MetaPathFinder):
    """Gives one module from another file."""

    def __init__(self, name: str, file: Path) -> None:
        self._name = name
        self._file = file

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The mutant's own, under the name of the module that it stands for."""
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file)


class Watch:
    """Counts the tests that ran, and keeps the first failure and whether anything failed to be collected."""

    def __init__(self) -> None:
        self.ran = 0
        self.failed = False
        self.raised: tuple[str, str] | None = None
        self.asserted: tuple[str, str] | None = None
        self.uncollected = ""
        self._raised_in = 0
        self._internal = ""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Everything is imported: from here on, what becomes an INTERNAL_ERROR is noted too."""
        module = sys.modules.get("rfgen.generator")
        if module is None:
            return
        sound = module.Generator._failed

        def noted(generator: Any, error: Exception) -> Any:
            trace = traceback.extract_tb(error.__traceback__)
            if isinstance(error, CODE_ERRORS) and any(MARK in frame.filename for frame in trace):
                self._internal = self._internal or repr(error)[:160]
            return sound(generator, error)

        module.Generator._failed = noted

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """The next test."""
        self._internal = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test is over."""
        if report.when == "call":
            self.ran += 1
        self.failed = self.failed or report.failed

    def pytest_exception_interact(self, node: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """A test has failed; after an assertion, or some exceptions, the rest need not run."""
        if not isinstance(node, pytest.Item) or call.excinfo is None:
            return
        why = (call.excinfo.exconly().splitlines() or [""])[0][:160]
        if call.excinfo.errisinstance((AssertionError, pytest.fail.Exception)) and not self._internal:
            self.asserted = (node.nodeid, why)
            node.session.shouldfail = "an assertion failed"
            return
        self.raised = self.raised or (node.nodeid, self._internal or why)
        self._raised_in += 1
        if self._raised_in >= MOST_RAISED:
            node.session.shouldfail = "exceptions"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file has been collected, or not."""
        if report.failed and not self.uncollected:
            lines = str(report.longrepr).strip().splitlines()
            self.uncollected = next((line for line in reversed(lines) if line.startswith("E ")), lines[-1])[:160]


def spent_s() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def allow_s(most_s: float) -> None:
    """This process may take so much more processor time; then it is ended by SIGXCPU."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent_s() + most_s) + 1, hard))


def be_quiet_and_sound() -> None:
    """A process in which pytest runs: it writes nothing, imports from this checkout, and tries the same every time."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.chdir(ROOT)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = True
    # found failures are not made smaller nor kept, and the examples are the same every time
    hypothesis.settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        deadline=None,
        report_multiple_bugs=False,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutants")


def _stage(arguments: Sequence[str], most_s: float) -> tuple[str, str, str]:
    """(verdict, by, why) of one stage, in this process."""
    allow_s(most_s)
    watch = Watch()
    code = int(pytest.main([*ARGUMENTS, *arguments], plugins=[watch]))
    if watch.uncollected:
        return "stillborn", arguments[0], watch.uncollected
    if code == FAILED and watch.asserted is not None:
        return "killed", *watch.asserted
    if code == FAILED and watch.raised is not None:
        return "raised", *watch.raised
    if code == PASSED and watch.ran:
        return "survived", "", ""
    return "broken", arguments[0], f"pytest ended with {code} after {watch.ran} tests"


def _imported(mutant: Mutant | None, stages: Sequence[Sequence[str]], most_s: Sequence[float], out: int) -> None:
    """Everything of one mutant; writes its outcome to `out` stage by stage."""
    be_quiet_and_sound()
    with tempfile.TemporaryDirectory(suffix=MARK) as folder:
        if mutant is not None:
            file = Path(folder) / Path(mutant.path).name
            file.write_bytes(mutant.applied((ROOT / mutant.path).read_bytes()))
            name = mutant.path.removesuffix(".py").replace("/", ".")
            sys.meta_path.insert(0, Finder(name, file))
        for arguments, limit_s in zip(stages, most_s, strict=True):
            began_s = spent_s()
            found = _stage(arguments, limit_s)
            tell(out, *found, spent_s() - began_s)
            if found[0] != "survived":
                return


def tell(out: int, *what: object) -> None:
    """A line for the parent."""
    text = (json.dumps(what) + "\n").encode()
    while text:
        text = text[os.write(out, text) :]


def start(task: Callable[[int], None]) -> tuple[int, int]:
    """Fork, and do it there; (process, end of the pipe that what it tells comes through)."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.close(read)
        task(write)
        os._exit(0)
    except BaseException as error:
        tell(write, "broken", "the harness", repr(error), 0.0)
    finally:
        os._exit(1)


def collect(name: str, lines: Iterable[str], status: int) -> Outcome:
    """What a process that has ended told."""
    told = [json.loads(line) for line in lines]
    spent = tuple(float(line[3]) for line in told)
    if os.WIFSIGNALED(status):
        stopped = os.WTERMSIG(status)
        if stopped == signal.SIGXCPU:
            return Outcome(name, "out of time", "", f"in stage {len(told) + 1}", spent)
        return Outcome(name, "broken", "the process", f"ended by signal {stopped}", spent)
    if not told:
        return Outcome(name, "broken", "the process", "it told nothing", spent)
    verdict, by, why, _ = told[-1]
    return Outcome(name, verdict, by, why, spent)


def forked(tasks: Iterable[tuple[str, Callable[[int], None]]], jobs: int) -> Iterator[tuple[int, Outcome]]:
    """(place in `tasks`, outcome), as they end; `jobs` at a time. A task is asked for when there is room for it.

    A task writes less than a pipe holds (64 KB).
    """
    running: dict[int, tuple[int, str, int]] = {}
    todo = iter(enumerate(tasks))
    while True:
        while len(running) < jobs:
            found = next(todo, None)
            if found is None:
                break
            place, (name, task) = found
            pid, read = start(task)
            running[pid] = (place, name, read)
        if not running:
            return
        pid, status = os.wait()
        if pid in running:
            place, name, read = running.pop(pid)
            with os.fdopen(read) as pipe:
                yield place, collect(name, pipe, status)


def run(
    work: Sequence[tuple[Mutant | None, Sequence[Sequence[str]], Sequence[float]]], jobs: int
) -> Iterator[tuple[int, Outcome]]:
    """(place in `work`, outcome), as they end: each imported anew, with the code of its mutant."""
    names = ["unmutated" if mutant is None else mutant.id for mutant, _, _ in work]
    return forked([(name, partial(_imported, *one)) for name, one in zip(names, work, strict=True)], jobs)
