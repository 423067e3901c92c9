"""`python -m evidence.falsify_table`: seeded defects, and in how many runs `rfgen falsify` finds each, against chance.

A defect is a file of evidence/falsify or of its folder held-out (or one of evidence/seeded, named in REUSED): the
promise that it breaks, the file that it changes, and the text before and after. It is put into a copy of that file,
which stands for it in a process of its own; there the promise is searched for a break, guided and by chance, with one
seed a repetition. What is done goes into a journal, and is not done again: delete build/falsify to begin anew, as after
a change of the product. `--write` makes the table of docs/falsify.md.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from evidence.asked import exit_code, one_or_more
from evidence.mutants_make import Mutant
from evidence.mutants_run import ROOT, Finder
from evidence.seeded import placed

FOLDER = ROOT / "evidence" / "falsify"
HELD_OUT = FOLDER / "held-out"
SEEDED = ROOT / "evidence" / "seeded"
PAGE = ROOT / "docs" / "falsify.md"
JOURNAL = ROOT / "build" / "falsify" / "journal.jsonl"
BEGIN, END = "<!-- table: made by make falsify-table -->", "<!-- end of the table -->"
REUSED = {
    "dose-forgotten": "dose-overrun",
    "nan-as-false": "trip-late",
    "or-for-and": "unnecessary-trip",
    "permit-uncut": "power-beyond",
    "persistence-a-sample-late": "target-overshot",
    "rate-in-wrong-unit": "trip-late",
}
"""Defects of evidence/seeded, and the promise that each breaks."""
METHODS = ("guided", "by chance")
DEVICE = "bench"
BUDGET = 60
REPETITIONS = 10
AT_ONCE = 10
"""Repetitions that one process of a defect does: it begins by importing the product."""
DRAWN_BY = ("draws", "faults", "search", "space")
"""Modules of rfgen.falsify that decide which runs are tried..."""
GUIDED_BY = ("cover", "descent", "guide", "monitor")
"""...and those that a guided search goes by as well."""


@dataclass(frozen=True)
class Defect:
    """One file."""

    name: str
    promise: str
    what: str
    file: str
    before: str
    after: str
    held_out: bool = False
    """The search was not tuned on it."""

    def mutant(self) -> Mutant:
        """The change. Raises ValueError where the text before is not there just once."""
        return placed(self.name, self.file, self.before, self.after)


def defects() -> list[Defect]:
    """All of them, by promise and name."""
    found = [Defect(path.stem, **tomllib.loads(path.read_text())) for path in FOLDER.glob("*.toml")]
    found += [Defect(path.stem, **tomllib.loads(path.read_text()), held_out=True) for path in HELD_OUT.glob("*.toml")]
    for name, promise in REUSED.items():
        told = tomllib.loads((SEEDED / f"{name}.toml").read_text())
        told.pop("quick", None)
        found.append(Defect(name, promise, **told))
    return sorted(found, key=lambda defect: (defect.promise, defect.name))


def state_of(defect: Defect, budget: int, method: str) -> str:
    """What a result depends on, beside the product as it is: another one makes it stale."""
    parts = [defect.file, defect.before, defect.after, DEVICE, str(budget), *_promise_texts(defect.promise)]
    parts += [_text(name) for name in (*DRAWN_BY, *(GUIDED_BY if method == "guided" else ()))]
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def _text(module: str) -> str:
    return (ROOT / "rfgen" / "falsify" / f"{module}.py").read_text()


@cache
def _promise_texts(name: str) -> tuple[str, ...]:
    """The promise and its monitor as they are written. Not imported: a defect is to be there first."""
    promises, monitors = _text("promises"), _text("monitors")
    for node in ast.walk(ast.parse(promises)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Promise":
            said, _, monitor = node.args[:3]
            if isinstance(said, ast.Constant) and said.value == name and isinstance(monitor, ast.Name):
                classes = [n for n in ast.parse(monitors).body if isinstance(n, ast.ClassDef) and n.name == monitor.id]
                own = [ast.unparse(node), *(ast.unparse(found) for found in classes)]
                return (*own, _text("deadlines")) if name == "trip-late" else tuple(own)
    raise KeyError(name)


# --- in the process of one defect ------------------------------------------------------------------------------------


def child(name: str, budget: int, todo: Sequence[tuple[str, int]]) -> None:
    """Search with the defect in place; one line of JSON a search."""
    defect = next(d for d in defects() if d.name == name)
    mutant = defect.mutant()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(mutant.path).name
        file.write_bytes(mutant.applied((ROOT / mutant.path).read_bytes()))
        sys.meta_path.insert(0, Finder(mutant.path.removesuffix(".py").replace("/", "."), file))
        from rfgen.falsify.promises import promise
        from rfgen.falsify.search import search
        from rfgen.falsify.space import Space

        space = Space(promise(defect.promise), DEVICE)
        for method, repetition in todo:
            began_s = time.process_time()
            found = search(space, budget, repetition, uniform=method != "guided")
            result = {
                "defect": name,
                "state": state_of(defect, budget, method),
                "method": method,
                "repetition": repetition,
                "found": found.outcome.broken,
                "runs": found.runs,
                "robustness": found.outcome.robustness,
                "said": found.outcome.said,
                "point": found.point,
                "cpu_s": round(time.process_time() - began_s, 3),
            }
            print(json.dumps(result), flush=True)


# --- outside ---------------------------------------------------------------------------------------------------------


def done_before() -> list[dict[str, Any]]:
    """What the journal has; a line that was cut off by a kill is no line."""
    if not JOURNAL.exists():
        return []
    found = []
    for line in JOURNAL.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def searched(defect: Defect, budget: int, todo: Sequence[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """The results of one defect's searches, as they come."""
    words = [sys.executable, "-m", "evidence.falsify_table", "--child", defect.name, "--budget", str(budget)]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        words, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(todo))
        process.stdin.close()
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(f"{defect.name}: its process ended with {process.returncode}")


def not_the_defects(result: Mapping[str, Any], promised: str) -> bool:
    """The sound code breaks the promise there too: what was found is not the defect."""
    from rfgen.falsify.one import try_scenario
    from rfgen.falsify.promises import promise
    from rfgen.falsify.space import Space

    space = Space(promise(promised), DEVICE)
    return try_scenario(partial(space.scenario, result["point"]), space.promise).broken


class Row(NamedTuple):
    """What became of a defect."""

    defect: Defect
    results: dict[str, list[dict[str, Any]]]
    """By method."""

    def middle(self, method: str, budget: int) -> float:
        """The median of the runs; a search that found nothing counts as one more than it may take."""
        return statistics.median(r["runs"] if r["found"] else budget + 1 for r in self.results[method])

    def found(self, method: str) -> int:
        """How many repetitions found it."""
        return sum(bool(r["found"]) for r in self.results[method])

    def line(self, budget: int) -> str:
        """As the table has it."""
        cells = []
        for method in METHODS:
            middle = self.middle(method, budget)
            cells.append(f"> {budget}" if middle > budget else f"{middle:g}")
            cells.append(f"{self.found(method)} of {len(self.results[method])}")
        return f"| {self.defect.promise} | {self.defect.name} | {self.defect.what} | {' | '.join(cells)} |"


def compared(rows: Sequence[Row], budget: int) -> str:
    """In a sentence."""
    fewer = sum(row.middle("guided", budget) < row.middle("by chance", budget) for row in rows)
    more = sum(row.middle("guided", budget) > row.middle("by chance", budget) for row in rows)
    found = {method: sum(row.found(method) for row in rows) for method in METHODS}
    of = {method: sum(len(row.results[method]) for row in rows) for method in METHODS}
    runs = {method: sum(r["runs"] for row in rows for r in row.results[method]) for method in METHODS}
    return (
        f"Guided takes fewer runs for {fewer} of {len(rows)}, more for {more}, as many for "
        f"{len(rows) - fewer - more}. It found the defect in {found['guided']} of {of['guided']} searches, with "
        f"{runs['guided']:,} runs in all; chance in {found['by chance']} of {of['by chance']}, with "
        f"{runs['by chance']:,}."
    )


def table(chosen: Sequence[Defect], results: Sequence[dict[str, Any]], budget: int, repetitions: int) -> str:
    """Runs to the first break: medians, and how many repetitions found it."""
    rows = []
    for defect in chosen:
        states = {method: state_of(defect, budget, method) for method in METHODS}
        own = [r for r in results if r["defect"] == defect.name and r["state"] == states[r["method"]]]
        # journals of several machines may be put together: one seed is one search
        own = list({(r["method"], r["repetition"]): r for r in own if r["repetition"] <= repetitions}.values())
        by_method = {method: [r for r in own if r["method"] == method] for method in METHODS}
        if all(by_method.values()):
            rows.append(Row(defect, by_method))
    left_out = len(chosen) - len(rows)
    if not rows:
        return "nothing is searched yet"
    every = [r for row in rows for method in METHODS for r in row.results[method]]
    lines = [
        f"{repetitions} repetitions of at most {budget} runs each, on `{DEVICE}`; the median of the runs until the "
        f"promise was broken, where a search that found nothing counts as more than {budget}.",
    ]
    fewer = sorted({len(row.results[method]) for row in rows for method in METHODS})
    if fewer[0] < repetitions or left_out:
        lines[0] += f" Not whole yet: {fewer[0]} to {fewer[-1]} repetitions are done, and none of {left_out} defects."
    for held_out, said in (
        (False, "The defects that the search was tuned on:"),
        (True, "Defects that were written down before, and that it was not tuned on:"),
    ):
        part = [row for row in rows if row.defect.held_out == held_out]
        if not part:
            continue
        lines += ["", said, ""]
        lines += ["| promise | defect | what is wrong | guided: runs | found | by chance: runs | found |"]
        lines += ["|---|---|---|--:|--:|--:|--:|", *(row.line(budget) for row in part), "", compared(part, budget)]
    cpu_s = {method: sum(r["cpu_s"] for r in every if r["method"] == method) for method in METHODS}
    runs = {method: sum(r["runs"] for r in every if r["method"] == method) for method in METHODS}
    wrong = sum(bool(r.get("not_the_defect")) for r in every)
    lines += [
        "",
        f"In all {sum(runs.values()):,} runs, {sum(cpu_s.values()) / 60:.0f} minutes of one core: "
        f"{1000 * cpu_s['by chance'] / runs['by chance']:.0f} ms a run by chance, "
        f"{1000 * cpu_s['guided'] / runs['guided']:.0f} ms guided. Each break was run on the sound code too: "
        + (f"{wrong} break it as well, and count as not found." if wrong else "none breaks it."),
    ]
    return "\n".join(lines)


def batches(
    chosen: Sequence[Defect], results: Sequence[dict[str, Any]], budget: int, repetitions: int
) -> Iterator[tuple[Defect, list[tuple[str, int]]]]:
    """What is left to do, a process each: some repetitions of all before the next of any."""
    had = {(r["defect"], r["state"], r["method"], r["repetition"]) for r in results}
    for first in range(1, repetitions + 1, AT_ONCE):
        for defect in chosen:
            todo = [
                (method, repetition)
                for repetition in range(first, min(first + AT_ONCE, repetitions + 1))
                for method in METHODS
                if (defect.name, state_of(defect, budget, method), method, repetition) not in had
            ]
            if todo:
                yield defect, todo


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evidence.falsify_table", description=__doc__)
    parser.add_argument("--defect", action="append", metavar="NAME", help="this one alone")
    parser.add_argument("--repetitions", type=one_or_more, default=REPETITIONS)
    parser.add_argument("--budget", type=one_or_more, default=BUDGET)
    parser.add_argument("-j", "--jobs", type=one_or_more, default=1, help="defects at a time")
    parser.add_argument("--tuned", action="store_true", help="without those that are held out")
    parser.add_argument("--done", action="store_true", help="search no more: the table of what the journal has")
    parser.add_argument("--write", action="store_true", help="make the table of docs/falsify.md")
    parser.add_argument("--child", metavar="NAME", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        child(given.child, given.budget, [(str(m), int(n)) for m, n in json.load(sys.stdin)])
        return 0
    every = defects()
    unknown = set(given.defect or ()) - {defect.name for defect in every}
    if unknown:
        parser.error(f"no such defect: {', '.join(sorted(unknown))}; there are {', '.join(d.name for d in every)}")
    chosen = [defect for defect in every if not given.defect or defect.name in given.defect]
    if given.tuned:
        chosen = [defect for defect in chosen if not defect.held_out]
    for defect in chosen:
        defect.mutant()
    results = done_before()
    JOURNAL.parent.mkdir(parents=True, exist_ok=True)
    writing = Lock()
    with JOURNAL.open("a") as journal:

        def work(batch: tuple[Defect, list[tuple[str, int]]]) -> None:
            defect, todo = batch
            for result in searched(defect, given.budget, todo):
                with writing:
                    if result["found"] and not_the_defects(result, defect.promise):
                        result |= {"found": False, "not_the_defect": True}
                    journal.write(json.dumps(result) + "\n")
                    journal.flush()
                    results.append(result)
                    how = "found in" if result["found"] else "not found in"
                    said = f"{defect.promise}: {defect.name}: {result['method']}, {result['repetition']}: {how}"
                    print(f"{said} {result['runs']} runs ({result['cpu_s']:.1f} s): {result['said']}", flush=True)

        with ThreadPoolExecutor(given.jobs) as pool:
            for done in pool.map(
                work, [] if given.done else list(batches(chosen, results, given.budget, given.repetitions))
            ):
                assert done is None
    text = table(chosen, results, given.budget, given.repetitions)
    print(text)
    if given.write:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    lost = [d.name for d in chosen if not any(r["found"] for r in results if r["defect"] == d.name)]
    if lost:
        print(f"found by neither: {', '.join(lost)}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
