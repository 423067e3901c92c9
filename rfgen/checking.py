"""Runs many scenarios and holds each against its `expect`; writes JUnit XML for CI."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hal import HalError
from rfgen.yamlsource import InputError


@dataclass
class Verdict:
    """One scenario's result."""

    name: str
    problems: list[str] = field(default_factory=list)
    """Not as expected."""
    bad_input: str = ""
    """Why it could not be run."""
    summary: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Ran, and as expected."""
        return not self.problems and not self.bad_input


def check_one(name: str, source: str) -> Verdict:
    """Run one scenario, by a shipped one's name or by path, in a folder that is thrown away."""
    from rfgen.assemble import assemble
    from rfgen.runs import run_into
    from rfgen.scenario import load_scenario

    began = time.perf_counter()
    verdict = Verdict(name)
    try:
        scenario = load_scenario(source)
        if scenario.expect is None:
            verdict.bad_input = f"{source}: expect: nothing is expected; add `expect:` with at least an outcome"
            return verdict
        with tempfile.TemporaryDirectory(prefix="rfgen-check-") as folder:
            finished = run_into(Path(folder), name, assemble(scenario), report=False)
        verdict.problems = finished.problems
        if finished.interrupted:
            verdict.bad_input = "interrupted"
        verdict.summary = finished.summary
    except (InputError, HalError, ValueError) as error:
        verdict.bad_input = str(error)
    verdict.seconds = time.perf_counter() - began
    return verdict


def check_all(
    sources: Sequence[tuple[str, str]], jobs: int, done: Callable[[Verdict], None] | None = None
) -> list[Verdict]:
    """Every (name, source), `jobs` at a time; verdicts in the order given."""
    if jobs <= 1 or len(sources) <= 1:
        return list(_told((check_one(name, source) for name, source in sources), done))
    with ProcessPoolExecutor(max_workers=min(jobs, len(sources))) as pool:
        waiting: list[Future[Verdict]] = [pool.submit(check_one, name, source) for name, source in sources]
        try:
            return list(_told((future.result() for future in waiting), done))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _told(verdicts: Iterator[Verdict], done: Callable[[Verdict], None] | None) -> Iterator[Verdict]:
    for verdict in verdicts:
        if done is not None:
            done(verdict)
        yield verdict


def scenarios_in(folder: Path) -> list[tuple[str, str]]:
    """(name, path) of every scenario file below a folder, sorted."""
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
    return [(str(p.relative_to(folder).with_suffix("")), str(p)) for p in found]


def junit(verdicts: Sequence[Verdict]) -> str:
    """The results as JUnit XML."""
    suite = ElementTree.Element(
        "testsuite",
        name="rfgen check",
        tests=str(len(verdicts)),
        failures=str(sum(1 for v in verdicts if v.problems)),
        errors=str(sum(1 for v in verdicts if v.bad_input)),
        time=f"{sum(v.seconds for v in verdicts):.3f}",
    )
    for verdict in verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname="rfgen.check", name=verdict.name, time=f"{verdict.seconds:.3f}"
        )
        if verdict.bad_input:
            ElementTree.SubElement(case, "error", message=_xml(verdict.bad_input.splitlines()[0])).text = _xml(
                verdict.bad_input
            )
        elif verdict.problems:
            text = "\n".join(
                [*verdict.problems, f"again: rfgen run {verdict.name} --seed {verdict.summary.get('seed')}"]
            )
            ElementTree.SubElement(case, "failure", message=_xml(verdict.problems[0])).text = _xml(text)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)


def default_jobs() -> int:
    """One a core."""
    return os.cpu_count() or 1
