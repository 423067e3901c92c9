"""`python -m evidence.mutants`: changes each small piece of the safety core in turn, and sees that a test notices.

The unmutated code must pass first. Then every mutant of rfgen/safety, rfgen/machine.py and rfgen/generator.py must be
killed by a test, or be excused in evidence/mutants_excused.toml with a reason. A mutant whose tests fail by exceptions
of the changed code alone is dead too, and counted apart ("raised"). Exits 1 where one survives, where one is an error
(it cannot be imported, it runs out of its time, the tests cannot be run) without an excuse that says so, and where an
excuse fits no mutant.

The dead are remembered in build/mutants.jsonl, and are not run again as long as nothing that their death depends on
has changed (evidence/mutants_store.py says what that is); `--fresh` forgets them.
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evidence.asked import exit_code, one_or_more
from evidence.mutants_make import Mutant, mutants_of
from evidence.mutants_run import LEAST_S, ROOT, Outcome, run
from evidence.mutants_store import Store
from evidence.mutants_warm import outcome_of, run_warm

EXCUSED = ROOT / "evidence" / "mutants_excused.toml"
OUTCOMES = ("survived", "stillborn", "out of time")
DEAD = ("killed", "raised")
SAFETY, LOCKS = "tests/safety", "tests/interlocks"
ROWS_HERE = f"{LOCKS}/test_interlock_rows.py"
FIRMWARE = (
    f"{SAFETY}/test_generator.py",
    f"{SAFETY}/test_generator_operator.py",
    f"{LOCKS}/test_interlock_firmware.py",
)
Stage = tuple[str, ...]
STAGES: dict[str, tuple[Stage, ...]] = {
    "catalogue": ((f"{SAFETY}/test_catalogue.py",), (f"{SAFETY}/test_rows.py",), (ROWS_HERE,)),
    "compile": ((f"{SAFETY}/test_language.py",), (f"{SAFETY}/test_rows.py",), (ROWS_HERE,)),
    "derived": (
        (f"{SAFETY}/test_derived_edges.py",),
        (f"{LOCKS}/test_interlock_derived.py", f"{SAFETY}/test_derived_signals.py"),
    ),
    "deriver": (
        (f"{SAFETY}/test_deriver.py",),
        (f"{SAFETY}/test_deriver_memory.py",),
        (f"{LOCKS}/test_interlock_deriver.py",),
        (f"{LOCKS}/test_interlock_firmware.py",),
    ),
    "electrical": (
        (f"{SAFETY}/test_electrical_edges.py",),
        (f"{LOCKS}/test_interlock_derived.py", f"{LOCKS}/test_interlock_memory.py"),
    ),
    "expr": ((f"{SAFETY}/test_language.py",), (f"{SAFETY}/test_rows.py",)),
    "generator": tuple((path,) for path in FIRMWARE),
    "limits": ((f"{SAFETY}/test_limits.py",),),
    "listing": ((f"{SAFETY}/test_listing.py",),),
    "machine": ((f"{SAFETY}/test_machine.py",),),
    "permit": ((f"{SAFETY}/test_permit.py",),),
    "row": ((f"{SAFETY}/test_catalogue.py",), (f"{SAFETY}/test_rows.py",), (ROWS_HERE,)),
    "signals": (
        (f"{SAFETY}/test_deriver.py",),
        (
            f"{SAFETY}/test_catalogue.py",
            ROWS_HERE + "::test_the_signals_that_may_be_absent_are_those_whose_type_says_so",
        ),
    ),
    "supervisor": ((f"{SAFETY}/test_supervisor.py",), (ROWS_HERE,)),
    "thermal": (
        (f"{SAFETY}/test_thermal_edges.py",),
        (f"{LOCKS}/test_interlock_derived.py", f"{LOCKS}/test_interlock_memory.py"),
    ),
}
"""The tests that look at each file, the quickest first; a stage is run where the ones before it found nothing."""


class Failing(Exception):
    """The unmutated code does not pass, so that no mutant can be judged."""


class Excuse(NamedTuple):
    """Why a mutant may live, or why it is an error that shows nothing."""

    mutant: str
    """Its id, or a pattern of ids."""
    outcome: str
    """What becomes of it, of `OUTCOMES`."""
    reason: str


def excuses() -> list[Excuse]:
    """From the file. Raises ValueError for one without a reason or with another outcome."""
    found = []
    for entry in tomllib.loads(EXCUSED.read_text())["excused"]:
        excuse = Excuse(**entry)
        if excuse.outcome not in OUTCOMES or not excuse.reason:
            raise ValueError(f"{EXCUSED.name}: {excuse.mutant}: outcome is one of {', '.join(OUTCOMES)}, with a reason")
        found.append(excuse)
    return found


def fits(excuse: Excuse, mutant_id: str) -> bool:
    """The excuse is about this mutant: `*` stands for anything, everything else for itself."""
    pattern = "".join(f"[{c}]" if c in "[?" else c for c in excuse.mutant)
    return fnmatch.fnmatchcase(mutant_id, pattern)


def every_mutant() -> list[Mutant]:
    """Of all files, in their order."""
    files = [
        *sorted((ROOT / "rfgen" / "safety").glob("*.py")),
        ROOT / "rfgen" / "machine.py",
        ROOT / "rfgen" / "generator.py",
    ]
    return [mutant for file in files for mutant in mutants_of(file, ROOT)]


def stem(mutant: Mutant) -> str:
    """Of the file that it changes."""
    return mutant.id.split(":", 1)[0]


def difference(mutant: Mutant) -> str:
    """What it changes, as a diff."""
    source = (ROOT / mutant.path).read_bytes()
    before = source.decode().splitlines()
    after = mutant.applied(source).decode().splitlines()
    return "\n".join(f"      {line}" for line in list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:])


def unmutated(stages: Sequence[Stage], jobs: int) -> dict[Stage, float]:
    """Processor time of each stage as the code is. Raises Failing where one does not pass."""
    took: dict[Stage, float] = {}
    for place, outcome in run([(None, (stage,), (3600.0,)) for stage in stages], jobs):
        if outcome.verdict != "survived":
            raise Failing(f"{outcome.verdict}: {outcome.by} {outcome.why}")
        took[stages[place]] = outcome.spent_s[0]
    return took


def judged(todo: Sequence[Mutant], jobs: int, all_anew: bool = False) -> Iterator[tuple[Mutant, Outcome]]:
    """What becomes of each, as they end. Raises Failing where the unmutated code does not pass."""
    anew = list(todo) if all_anew else []
    if todo and not all_anew:
        work = [(mutant, [part for stage in STAGES[stem(mutant)] for part in stage]) for mutant in todo]
        for line in run_warm(work, jobs):
            if line[0] == "unmutated":
                if line[1] != "passed":
                    raise Failing(" ".join(map(str, line[1:])))
                print(f"the unmutated code passes: {line[2]} tests, {line[3]:.0f} s of processor time", flush=True)
            elif line[0] == "elsewhere":
                anew.append(todo[line[1]])
            else:
                yield todo[line[1]], outcome_of(todo[line[1]], line)
    spent = unmutated(list(dict.fromkeys(stage for m in anew for stage in STAGES[stem(m)])), jobs)
    stages = [(m, STAGES[stem(m)], [LEAST_S + 3.0 * spent[stage] for stage in STAGES[stem(m)]]) for m in anew]
    for place, outcome in run(stages, jobs):
        yield anew[place], outcome


def told(mutant: Mutant, outcome: Outcome, excuse: Excuse | None) -> str | None:
    """What is wrong with this outcome; None where nothing is."""
    if outcome.verdict in DEAD:
        if excuse is None or "*" in excuse.mutant:
            return None
        return f"it dies now ({outcome.by}), so it needs no excuse any more"
    if outcome.verdict == "survived" and excuse is None:
        return f"it survives\n{difference(mutant)}"
    if excuse is not None and excuse.outcome == outcome.verdict:
        return None
    expected = "" if excuse is None else f" (excused as {excuse.outcome})"
    return f"{outcome.verdict}{expected}: {outcome.by} {outcome.why}\n{difference(mutant)}"


def table(mutants: Sequence[Mutant], results: dict[str, Outcome], excused: dict[str, Excuse]) -> None:
    """File by file, and who killed how many. `s`: processor time of those that were run now."""
    heads = ("mutants", "killed", "raised", "excused", "left", "run now", "s")
    print(f"\n{'file':<12}" + "".join(f" {head:>8}" for head in heads))
    sums: Counter[str] = Counter()
    for name in dict.fromkeys(map(stem, mutants)):
        mine: Counter[str] = Counter()
        spent_s = 0.0
        for mutant in (m for m in mutants if stem(m) == name):
            outcome = results.get(mutant.id)
            verdict = "" if outcome is None else outcome.verdict
            mine["mutants"] += 1
            mine[verdict if verdict in DEAD else "excused" if mutant.id in excused else "left"] += 1
            if outcome is not None and outcome.spent_s:
                mine["run now"] += 1
                spent_s += sum(outcome.spent_s)
        mine["s"] = round(spent_s)
        print(f"{name:<12}" + "".join(f" {mine[head]:>8}" for head in heads))
        sums += mine
    print(f"{'all':<12}" + "".join(f" {sums[head]:>8}" for head in heads))
    by = Counter(outcome.by.split("::")[0] for outcome in results.values() if outcome.verdict in DEAD)
    print("killed or raised in: " + ", ".join(f"{name} {count}" for name, count in by.most_common()))
    outcomes = Counter(excuse.outcome for excuse in excused.values())
    print("excused: " + (", ".join(f"{count} {name}" for name, count in outcomes.most_common()) or "none"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evidence.mutants", description=__doc__)
    parser.add_argument("--file", action="append", choices=sorted(STAGES), metavar="F", help="of this file alone")
    parser.add_argument("--slice", default="1/1", metavar="K/N", help="every Nth mutant, from the Kth")
    parser.add_argument("--id", metavar="PATTERN", help="those whose id fits")
    parser.add_argument("--excused", action="store_true", help="run those too that live or hang, excused")
    parser.add_argument("--fresh", action="store_true", help="forget what is remembered, and run them all")
    parser.add_argument("--anew", action="store_true", help="import each anew: slower, with the same outcomes")
    parser.add_argument("--list", action="store_true", help="their ids, without running any")
    parser.add_argument("-j", "--jobs", type=one_or_more, default=2)
    given = parser.parse_args(arguments)
    try:
        part, parts = map(int, given.slice.split("/"))
    except ValueError:
        parser.error(f"--slice {given.slice}: give K/N, such as 1/20")
    if not 1 <= part <= parts:
        parser.error(f"--slice {given.slice}: K is 1 to N")
    every = every_mutant()
    let_off = excuses()
    excused = {m.id: excuse for m in every for excuse in let_off if fits(excuse, m.id)}
    wrong = [f"the excuse {e.mutant!r} fits no mutant" for e in let_off if not any(fits(e, m.id) for m in every)]
    wanted = [m for m in every if (not given.file or stem(m) in given.file)]
    wanted = [m for m in wanted if given.id is None or fits(Excuse(given.id, "", ""), m.id)][part - 1 :: parts]
    if given.list:
        print("\n".join(m.id for m in wanted))
        return 0
    began = time.monotonic()
    # what is excused as stillborn is quickly seen again; survivors and those that hang cost the whole of their time
    todo = [m for m in wanted if given.excused or m.id not in excused or excused[m.id].outcome == "stillborn"]
    store = Store(fresh=given.fresh or given.anew)
    results = {m.id: found for m in todo if (found := store.outcome(m)) is not None}
    print(f"{len(wanted)} of {len(every)} mutants; {len(results)} are as they were", flush=True)
    try:
        for mutant, outcome in judged([m for m in todo if m.id not in results], given.jobs, given.anew):
            results[mutant.id] = outcome
            store.add(mutant, outcome)
            problem = told(mutant, outcome, excused.get(mutant.id))
            if problem is not None:
                wrong.append(f"{mutant.id}: {problem}")
                print(f"  {wrong[-1]}", flush=True)
    except Failing as failing:
        print(f"the unmutated code does not pass: {failing}")
        return 1
    table(wanted, results, {i: e for i, e in excused.items() if i in {m.id for m in wanted}})
    print(f"{time.monotonic() - began:.0f} s in {given.jobs} processes at a time")
    for line in wrong:
        if line.startswith("the excuse"):
            print(line)
    print(f"{len(wrong)} wrong" if wrong else "every mutant is dead or excused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
