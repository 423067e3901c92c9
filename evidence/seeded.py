"""`python -m evidence.seeded`: plausible defects, put in one at a time, and which of five detectors finds each.

A defect is a file of evidence/seeded: what it is, the file that it changes, and the text before and after. It is put
into a copy of that file, which stands for it in a process of its own; then each detector's fast slice is run. The sound
code must pass all five first. Exits 1 where a defect is found by none, or where a run is an error (it cannot be
imported, it breaks, it runs out of time). `--write` makes docs/seeded.md from what was found.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

from evidence.asked import exit_code, one_or_more
from evidence.mutants import DEAD
from evidence.mutants_make import Mutant
from evidence.mutants_run import ROOT, Outcome, run

FOLDER = ROOT / "evidence" / "seeded"
PAGE = ROOT / "docs" / "seeded.md"
MOST_S = 300.0
"""Processor time of one detector on one defect: ten times what the slowest takes on the sound code."""

DETECTORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "properties": ("properties from the rows, and examples", ("tests/safety", "tests/interlocks", "-k", "not slice")),
    "closed loop": (
        "faults on treatments of the simulated plant",
        ("tests/campaign/test_campaign.py::test_no_trip_is_missed", "tests/campaign/test_table.py"),
    ),
    "exhaustive": (
        "every reachable state of the real firmware",
        ("tests/exhaustive", "-k", "alone or together or latched or counted"),
    ),
    "proofs": ("a solver, from the rows and the code themselves", ("tests/proofs/test_proofs.py",)),
    "oracle": (
        "an evaluator of recordings that shares no code",
        ("tests/oracle/test_oracle.py", "-k", "shipped_scenario or random_faulted"),
    ),
}


def placed(name: str, file: str, before: str, after: str) -> Mutant:
    """A change of one text of a file into another. Raises ValueError where the text before is not there just once."""
    source = (ROOT / file).read_bytes()
    old = before.encode()
    if source.count(old) != 1:
        raise ValueError(f"{name}: {file} has its text {source.count(old)} times, not once")
    start = source.index(old)
    return Mutant(name, file, start, start + len(old), after)


@dataclass(frozen=True)
class Defect:
    """One file of the folder."""

    name: str
    what: str
    file: str
    before: str
    after: str
    quick: str = ""
    """A test file of one of the detectors that finds it within a second or two."""

    def mutant(self) -> Mutant:
        """The change. Raises ValueError where it no longer applies."""
        return placed(self.name, self.file, self.before, self.after)


def defects() -> list[Defect]:
    """All of them, by name. Raises TypeError for a file with other fields."""
    return [Defect(path.stem, **tomllib.loads(path.read_text())) for path in sorted(FOLDER.glob("*.toml"))]


def found_by(chosen: Sequence[Defect], names: Sequence[str], jobs: int) -> dict[tuple[str, str], Outcome]:
    """(defect, detector) to what became of it; the defect "" is the sound code."""
    pairs = [("", name) for name in names] + [(defect.name, name) for defect in chosen for name in names]
    mutants: dict[str, Mutant | None] = {"": None, **{defect.name: defect.mutant() for defect in chosen}}
    found: dict[tuple[str, str], Outcome] = {}
    for place, outcome in run([(mutants[d], (DETECTORS[name][1],), (MOST_S,)) for d, name in pairs], jobs):
        found[pairs[place]] = outcome
        defect, name = pairs[place]
        spent = f"{sum(outcome.spent_s):.0f} s"
        print(f"{defect or 'the sound code'}: {name}: {outcome.verdict} {outcome.by} ({spent})", flush=True)
    return found


def page(chosen: Sequence[Defect], found: dict[tuple[str, str], Outcome]) -> str:
    """docs/seeded.md."""
    lines = [
        "<!-- Made by python -m evidence.seeded --write: run it again where a defect or a detector changed. -->",
        "",
        "# Seeded bugs",
        "",
        "Plausible defects of the safety core. Each is put, alone, into a copy of the file that it changes",
        "(`evidence/seeded`, one file a defect), and the fast slice of each of five detectors is run on it:",
        "",
        *(f"{n + 1}. **{name}**: {told}" for n, (name, (told, _)) in enumerate(DETECTORS.items())),
        "",
        "The sound code passes all five. `make seeded` runs it all again. Where a detector is blind to a defect, that",
        "says what it looks at: the exhaustive search has no plant and no thermocouples, the proofs are about rows,",
        "supervisor and permit, the closed loop and the oracle see what a treatment comes across.",
        "",
        "| defect | what is wrong | " + " | ".join(str(n + 1) for n in range(len(DETECTORS))) + " | first seen by |",
        "|---|---|" + ":-:|" * len(DETECTORS) + "---|",
    ]
    for defect in chosen:
        outcomes = [found[defect.name, name] for name in DETECTORS]
        cells = ["found" if outcome.verdict in DEAD else "-" for outcome in outcomes]
        by = next((outcome.by for outcome in outcomes if outcome.verdict in DEAD), "nothing")
        lines.append(f"| {defect.name} | {defect.what} | " + " | ".join(cells) + f" | `{by.split('[')[0]}` |")
    counts = [sum(found[d.name, name].verdict in DEAD for d in chosen) for name in DETECTORS]
    lines.append(f"| **found** | of {len(chosen)} | " + " | ".join(map(str, counts)) + " | |")
    return "\n".join(lines) + "\n"


def quickly(chosen: Sequence[Defect], jobs: int) -> int:
    """Each by the one test file that it names."""
    wrong = 0
    work = [(defect.mutant(), ((defect.quick,),), (MOST_S,)) for defect in chosen if defect.quick]
    for place, outcome in run(work, jobs):
        wrong += outcome.verdict not in DEAD
        print(f"{work[place][0].id}: {outcome.verdict} {outcome.by} {outcome.why}")
    print(f"{len(work) - wrong} of {len(work)} found")
    return 1 if wrong or not work else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evidence.seeded", description=__doc__)
    parser.add_argument("--defect", action="append", metavar="NAME", help="this one alone")
    parser.add_argument("--detector", action="append", choices=list(DETECTORS), help="this one alone")
    parser.add_argument("--quick", action="store_true", help="those that name a quick test, by that test alone")
    parser.add_argument("--write", action="store_true", help="make docs/seeded.md")
    parser.add_argument("-j", "--jobs", type=one_or_more, default=2)
    given = parser.parse_args(arguments)
    every = defects()
    unknown = set(given.defect or ()) - {defect.name for defect in every}
    if unknown:
        parser.error(f"no such defect: {', '.join(sorted(unknown))}; there are {', '.join(d.name for d in every)}")
    if given.write and (given.defect or given.detector or given.quick):
        parser.error("--write needs every defect and every detector")
    chosen = [defect for defect in every if not given.defect or defect.name in given.defect]
    if given.quick:
        return quickly(chosen, given.jobs)
    names = given.detector or list(DETECTORS)
    began = time.monotonic()
    found = found_by(chosen, names, given.jobs)
    wrong = [f"{n} does not pass the sound code" for (d, n), o in found.items() if not d and o.verdict != "survived"]
    for defect in chosen:
        verdicts = {name: found[defect.name, name].verdict for name in names}
        wrong += [f"{defect.name}: {n}: {v}" for n, v in verdicts.items() if v not in (*DEAD, "survived")]
        if not set(verdicts.values()) & set(DEAD):
            wrong.append(f"{defect.name}: found by none")
    print(f"{len(chosen)} defects, {len(names)} detectors, {time.monotonic() - began:.0f} s in {given.jobs} processes")
    print("\n".join(wrong) or "every defect was found")
    if given.write and not wrong:
        PAGE.write_text(page(chosen, found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
