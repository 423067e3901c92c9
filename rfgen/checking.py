"""Runs many scenarios and holds each against its `expect`; writes JUnit XML for CI."""

from __future__ import annotations

import multiprocessing
import os
import re
import shlex
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hal import HalError
from rfgen.fieldparts import PlantKind
from rfgen.interruption import SIGNALS, Interruption
from rfgen.record.loader import Run
from rfgen.yamlsource import InputError

PLAIN_REASONS = {
    None: "it never got to CUTOFF",
    "hold_complete": "every step was held, and nothing tripped before",
    "operator_stop": "the operator stopped it",
}


@dataclass
class Verdict:
    """One scenario's result."""

    name: str
    source: str
    """A shipped scenario's name, or a path."""
    plant: PlantKind | None = None
    """The model of the plant, where it was not the scenario's own."""
    problems: list[str] = field(default_factory=list)
    """Not as expected."""
    bad_input: str = ""
    """Why it could not be run."""
    summary: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    when: str = ""
    """When it entered its states, and what was done to it meanwhile."""
    why: str = ""
    """Why it ended."""

    @property
    def told(self) -> list[str]:
        """All there is to say of one that is not as expected: expected and got, when, why, and how to see it again."""
        if not self.problems:
            return []
        return [*self.problems, f"when: {self.when}", f"why: {self.why}", f"again: {self.again}"]

    @property
    def passed(self) -> bool:
        """Ran, and as expected."""
        return not self.problems and not self.bad_input

    @property
    def again(self) -> str:
        """The command that runs it again."""
        plant = "" if self.plant is None else f" --plant {self.plant}"
        return f"rfgen run {shlex.quote(self.source)} --seed {self.summary.get('seed')}{plant}"


def check_one(name: str, source: str, scratch: str, plant: PlantKind | None = None) -> Verdict:
    """Run one scenario, by a shipped one's name or by path, in a folder within `scratch` that is thrown away. `plant`:
    instead of its own model of the plant.

    Raises KeyboardInterrupt where the run was interrupted.
    """
    from rfgen.assemble import assemble
    from rfgen.runs import run_into
    from rfgen.scenario import load_scenario

    began = time.perf_counter()
    verdict = Verdict(name, source, plant)
    try:
        scenario = load_scenario(source, plant=plant)
        if scenario.expect is None:
            verdict.bad_input = f"{source}: expect: nothing is expected; add `expect:` with at least an outcome"
            return verdict
        try:
            assembly = assemble(scenario)
        except ValueError as error:
            verdict.bad_input = f"{source}: plant: {error}"
            return verdict
        with tempfile.TemporaryDirectory(dir=scratch) as folder, Interruption() as interruption:
            assembly.session.hal = interruption.guard(assembly.session.hal)
            finished = run_into(Path(folder), name, assembly, report=False)
        if finished.interrupted:
            raise KeyboardInterrupt
        verdict.problems = finished.problems
        verdict.summary = finished.summary
        verdict.when, verdict.why = when_of(finished.run, finished.summary), why_of(finished.run, finished.summary)
    except (InputError, HalError) as error:
        verdict.bad_input = str(error)
    verdict.seconds = time.perf_counter() - began
    return verdict


def check_all(
    sources: Sequence[tuple[str, str]],
    jobs: int,
    done: Callable[[Verdict], None] | None = None,
    plant: PlantKind | None = None,
) -> list[Verdict]:
    """Every (name, source), `jobs` at a time; verdicts in the order given. `plant`: instead of their own models."""
    with tempfile.TemporaryDirectory(prefix="rfgen-check-") as scratch:
        if jobs <= 1 or len(sources) <= 1:
            return list(_told((check_one(name, source, scratch, plant) for name, source in sources), done))
        others = set(multiprocessing.active_children())
        with ProcessPoolExecutor(max_workers=min(jobs, len(sources)), initializer=_begin_worker) as pool:
            try:
                waiting = _submitted(pool, sources, scratch, plant)
                return list(_told((future.result() for future in waiting), done))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in set(multiprocessing.active_children()) - others:
                    worker.terminate()
                raise


def when_of(run: Run, summary: Mapping[str, Any]) -> str:
    """States and what was done to the run, by their time."""
    moments = [(state["t_s"], str(state["name"])) for state in summary["states"]]
    moments += [(e.time_us * 1e-6, e.text) for e in run.events if e.kind in ("fault", "operator")]
    return ", ".join(f"{text} {t_s:.2f} s" for t_s, text in sorted(moments, key=lambda moment: moment[0]))


def why_of(run: Run, summary: Mapping[str, Any]) -> str:
    """Why the run ended: what tripped, with what it read."""
    reason = summary["reason"]
    if reason in PLAIN_REASONS:
        return PLAIN_REASONS[reason]
    first = next((e for e in run.events if e.kind == "trip" and e.data.get("id") == reason), None)
    return str(reason) if first is None else first.text


def _submitted(
    pool: ProcessPoolExecutor, sources: Sequence[tuple[str, str]], scratch: str, plant: PlantKind | None
) -> list[Future[Verdict]]:
    """Starts the workers. A signal waits until all have been: a worker begins with what it inherits."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        return [pool.submit(check_one, name, source, scratch, plant) for name, source in sources]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _begin_worker() -> None:
    """A worker ends when its parent says so, or has gone; Ctrl-C reaches both, and the parent answers it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
            suite, "testcase", classname="rfgen.check", name=_xml(verdict.name), time=f"{verdict.seconds:.3f}"
        )
        if verdict.bad_input:
            ElementTree.SubElement(case, "error", message=_xml(verdict.bad_input.splitlines()[0])).text = _xml(
                verdict.bad_input
            )
        elif verdict.problems:
            text = "\n".join(verdict.told)
            ElementTree.SubElement(case, "failure", message=_xml(verdict.problems[0])).text = _xml(text)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)


def default_jobs() -> int:
    """One a core."""
    return os.cpu_count() or 1
