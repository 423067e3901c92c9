"""Runs tests against many mutants in forks of one process, which has imported and collected everything once.

A mutant of a function's body that did not run while the tests were imported is put into the function itself: its code
is exchanged, in a fork, which is then what an import of the changed file would have given. All others are named, to be
imported anew. Of the tests of a file's stages, those that reach the changed statement are run, by the lines that each
took on the unmutated code; first those that killed a mutant of the same function before, then the cheapest.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import coverage
import pytest

from evidence.mutants_make import Mutant
from evidence.mutants_run import (
    ARGUMENTS,
    MARK,
    ROOT,
    Outcome,
    Watch,
    allow_s,
    be_quiet_and_sound,
    forked,
    spent_s,
    start,
    tell,
)

LEAST_S = 2.0
"""Processor time that a test may take beside `TIMES` what it takes unmutated."""
TIMES = 5.0
KEPT = type(cache(len))
"""What `functools.cache` makes."""
Work = Sequence[tuple[Mutant, Sequence[str]]]
"""Each mutant with the test files that judge it."""


class Place(NamedTuple):
    """Where a mutant is: the outermost function, and the lines of the statement."""

    function: str
    line: int
    """Of the function, its decorators included."""
    first: int
    last: int
    """Lines of the statement that it changes; of one with a block, those of its head."""


def place_of(mutant: Mutant, source: bytes) -> Place | None:
    """None where it is not in the body of a function."""
    return next((p for start, end, p in _places(source) if start <= mutant.start and mutant.end <= end), None)


@cache
def _places(source: bytes) -> list[tuple[int, int, Place]]:
    """(first byte, one after the last, place) of every statement in a function, the innermost first."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[tuple[int, int, Place]] = []

    def span(node: ast.AST) -> tuple[int, int]:
        first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return first, starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def statements(body: list[ast.stmt], function: str, line: int) -> None:
        for node in body:
            blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(node, "handlers", [])]
            blocks += [case.body for case in getattr(node, "cases", [])]
            for block in blocks:
                statements(block, function, line)
            end_lineno = node.end_lineno or node.lineno
            last = end_lineno if isinstance(node, ast.Match) or not blocks[0] else blocks[0][0].lineno
            found.append((*span(node), Place(function, line, node.lineno, last)))

    def functions(body: list[ast.stmt], where: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                functions(node.body, f"{where}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                statements(node.body, f"{where}{node.name}", line)

    functions(ast.parse(source).body, "")
    return found


def code_in(code: CodeType, function: str, line: int) -> CodeType | None:
    """A function's code, from a module's."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if (constant.co_qualname, constant.co_firstlineno) == (function, line):
                return constant
            inner = code_in(constant, function, line)
            if inner is not None:
                return inner
    return None


def _is_library(thing: object) -> bool:
    """A function that is not of this repository."""
    module = sys.modules.get(getattr(thing, "__module__", ""))
    return not str(getattr(module, "__file__", "")).startswith((str(ROOT / "rfgen"), str(ROOT / "tests")))


class _Reached(NamedTuple):
    """What the unmutated run told."""

    took_s: list[float]
    """Of each test, with its lines being followed."""
    by_line: dict[str, dict[int, set[int]]]
    """The places of the tests that take a line of a file."""


class _Server:
    """A pytest that collects, and then forks: once for the code as it is, once for each mutant."""

    def __init__(self, work: Work, jobs: int, out: int) -> None:
        self._work = work
        self._jobs = jobs
        self._out = out
        self._files = {str(ROOT / mutant.path): (ROOT / mutant.path).read_bytes() for mutant, _ in work}
        self._at_import: set[tuple[str, str, int]] = set()
        self._live: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self._kept: list[Any] = []
        self._killers: dict[tuple[str, str], list[int]] = defaultdict(list)

    def trace(self, frame: FrameType, event: str, argument: Any) -> None:
        """Notes what runs while everything is imported."""
        code = frame.f_code
        if code.co_filename in self._files:
            self._at_import.add((code.co_filename, code.co_qualname, code.co_firstlineno))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running the tests here."""
        sys.settrace(None)
        if session.testsfailed or not session.items:
            tell(self._out, "unmutated", "broken", "", f"{session.testsfailed} files could not be collected")
            return True
        gc.collect()
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename in self._files:
                code = thing.__code__
                self._live[code.co_filename, code.co_qualname, code.co_firstlineno].append(thing)
            elif isinstance(thing, KEPT) and not _is_library(thing):
                self._kept.append(thing)
        gc.freeze()
        reached = self._unmutated(session)
        if reached is not None:
            self._mutants(session, reached)
        return True

    # --- the code as it is ------------------------------------------------------------------------------------------

    def _unmutated(self, session: pytest.Session) -> _Reached | None:
        """None where a test fails."""
        pid, read = start(partial(self._follow, session))
        with os.fdopen(read) as pipe:
            lines = [json.loads(line) for line in pipe]
        status = os.waitpid(pid, 0)[1]
        if status or not lines or lines[-1][0] != "passed":
            told = lines[-1] if lines else ("broken", "the process", f"status {status}")
            tell(self._out, "unmutated", *told[:3])
            return None
        _, took_s, by_line = lines[-1]
        tell(self._out, "unmutated", "passed", len(session.items), sum(took_s))
        return _Reached(took_s, {f: {int(n): set(t) for n, t in by.items()} for f, by in by_line.items()})

    def _follow(self, session: pytest.Session, out: int) -> None:
        """Run them all; tell how long each took and which lines it took."""
        os.environ["COVERAGE_CORE"] = "ctrace"  # the one that knows of contexts
        follower = coverage.Coverage(data_file=None, include=list(self._files), config_file=False)
        watch = Watch()
        session.config.pluginmanager.register(watch)
        took_s = []
        makers: dict[int, set[int]] = defaultdict(set)
        users: dict[int, set[int]] = defaultdict(set)
        follower.start()
        for n, item in enumerate(session.items):
            began_s = spent_s()
            follower.switch_context(str(n))
            before = [kept.cache_info() for kept in self._kept]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            took_s.append(spent_s() - began_s)
            for place, (was, kept) in enumerate(zip(before, self._kept, strict=True)):
                now = kept.cache_info()
                if now.misses > was.misses:
                    makers[place].add(n)
                if now.hits > was.hits:
                    users[n].add(place)
            if watch.failed:
                tell(out, "failed", *(watch.asserted or watch.raised or (item.nodeid, "")))
                return
        follower.stop()
        data = follower.get_data()
        lines = {file: data.contexts_by_lineno(file) for file in self._files}
        by_line = {
            file: {line: {int(context) for context in contexts if context} for line, contexts in by.items()}
            for file, by in lines.items()
        }
        # what one test has made and kept, others need as well
        for by in by_line.values():
            for tests in by.values():
                made = {place for place, those in makers.items() if those & tests}
                tests |= {n for n, places in users.items() if places & made}
        tell(out, "passed", took_s, {f: {line: sorted(t) for line, t in by.items()} for f, by in by_line.items()})

    # --- mutants ----------------------------------------------------------------------------------------------------

    def _mutants(self, session: pytest.Session, reached: _Reached) -> None:
        of_file: dict[str, list[int]] = defaultdict(list)
        for n, item in enumerate(session.items):
            of_file[item.nodeid.split("::")[0]].append(n)
        here: list[tuple[int, Place, dict[FunctionType, CodeType]]] = []
        for n, (mutant, _) in enumerate(self._work):
            found = self._exchanged(mutant)
            if found is None:
                tell(self._out, "elsewhere", n)
            else:
                here.append((n, *found))

        def tasks() -> Iterator[tuple[str, Callable[[int], None]]]:
            for n, place, codes in here:
                mutant, files = self._work[n]
                by = reached.by_line[str(ROOT / mutant.path)]
                lines = range(place.first, place.last + 1)
                tests = set().union(*(by.get(line, set()) for line in lines)) & {t for f in files for t in of_file[f]}
                before = self._killers[mutant.path, place.function]
                order = [t for t in before if t in tests]
                order += sorted(tests.difference(before), key=reached.took_s.__getitem__)
                yield mutant.id, partial(self._judge, session, codes, order, reached.took_s)

        places = {item.nodeid: n for n, item in enumerate(session.items)}
        for done, outcome in forked(tasks(), self._jobs):
            n, place, _ = here[done]
            if outcome.by in places:
                killers = self._killers[self._work[n][0].path, place.function]
                if places[outcome.by] in killers:
                    killers.remove(places[outcome.by])
                killers.insert(0, places[outcome.by])
            tell(self._out, "outcome", n, *outcome[1:])

    def _exchanged(self, mutant: Mutant) -> tuple[Place, dict[FunctionType, CodeType]] | None:
        """Where it is, and the functions that get another code; None where it must be imported anew."""
        file = str(ROOT / mutant.path)
        source = self._files[file]
        place = place_of(mutant, source)
        if place is None or (file, place.function, place.line) in self._at_import:
            return None
        try:
            module = compile(mutant.applied(source), file + MARK, "exec", dont_inherit=True)
        except SyntaxError:
            return None
        code = code_in(module, place.function, place.line)
        functions = self._live[file, place.function, place.line]
        if code is None or not functions or any(f.__code__.co_freevars != code.co_freevars for f in functions):
            return None
        return place, dict.fromkeys(functions, code)

    def _judge(
        self,
        session: pytest.Session,
        codes: dict[FunctionType, CodeType],
        tests: Sequence[int],
        took_s: Sequence[float],
        out: int,
    ) -> None:
        """In a fork: with the changed code, until it is dead."""
        began_s = spent_s()
        for function, code in codes.items():
            function.__code__ = code
        watch = Watch()
        watch.pytest_collection_finish(session)
        session.config.pluginmanager.register(watch)
        for n in tests:
            allow_s(LEAST_S + TIMES * took_s[n])
            session.items[n].config.hook.pytest_runtest_protocol(item=session.items[n], nextitem=None)
            if session.shouldfail:
                break
        if watch.asserted is not None:
            found = ("killed", *watch.asserted)
        elif watch.raised is not None:
            found = ("raised", *watch.raised)
        elif watch.failed:
            found = ("broken", "a test", "failed without an exception")
        else:
            found = ("survived", "", f"of {watch.ran} tests that reach it")
        tell(out, *found, spent_s() - began_s)


def _serve(work: Work, jobs: int, out: int) -> None:
    """The whole of the process that the mutants are forked from."""
    be_quiet_and_sound()
    server = _Server(work, jobs, out)
    files = list(dict.fromkeys(file for _, files in work for file in files))
    sys.settrace(server.trace)
    code = int(pytest.main([*ARGUMENTS, *files], plugins=[server]))
    tell(out, "ended", code)


def run_warm(work: Work, jobs: int) -> Iterator[list[Any]]:
    """What the process tells, as it comes: ["unmutated", "passed", tests, seconds] first, or what did not pass; then
    ["elsewhere", n] for each place in `work` that must be imported anew, and ["outcome", n, *the rest of `Outcome`].

    Raises RuntimeError where the process ends before it has said everything.
    """
    pid, read = start(partial(_serve, work, jobs))
    told: list[Any] = []
    left = len(work)
    with os.fdopen(read) as pipe:
        for line in pipe:
            told = json.loads(line)
            if told[0] == "ended":
                break
            left -= told[0] != "unmutated"
            yield told
            if told[0] == "unmutated" and told[1] != "passed":
                left = 0
    status = os.waitpid(pid, 0)[1]
    if left or status:
        raise RuntimeError(f"the process of the mutants ended with {status}, {left} of them not judged: {told}")


def outcome_of(mutant: Mutant, told: Sequence[Any]) -> Outcome:
    """From a line of `run_warm`."""
    verdict, by, why, spent = told[2:]
    return Outcome(mutant.id, verdict, by, why, tuple(spent))
