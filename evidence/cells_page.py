"""The page of cells: what was run of every fault in every state on every profile, and why what was not was not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from evidence.campaign_cells import LETTERS, cells, unseen
from evidence.campaign_demand import BY_KIND, KINDS
from evidence.campaign_off import OUTCOMES, Was
from evidence.campaign_rest import ALL_SIZES, rest_of
from evidence.campaign_treatments import kinds
from evidence.cells_matrix import EVERY_SIZE, Matrix, Missing, profile_of, profiles
from rfgen.records import State


def digest() -> str:
    """Of what the cells are: another table, or another profile, and the page is old."""
    text = "\n".join([*map(str, cells()), *map(str, kinds())])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def seen_by(kind: str, state: State) -> str:
    """The interlocks of which one must see it, of those sizes that must be seen; empty where none is."""
    rows = [row for rule in BY_KIND[kind] if state in rule.states for row in rule.rows.split()]
    return ", ".join(dict.fromkeys(rows))


def why_not(kind: str, state: State) -> str:
    """Why no interlock needs to see the rest; empty where there is none."""
    why = rest_of(kind, state).why
    return "" if why == ALL_SIZES and seen_by(kind, state) else unseen(why)


class Notes:
    """Reasons, each told once, by a letter or a number."""

    def __init__(self, marks: str | None = None) -> None:
        self._marks = marks
        self.told: dict[str, str] = {}

    def mark(self, why: str) -> str:
        """The mark of a reason."""
        if why not in self.told:
            n = len(self.told)
            self.told[why] = str(n + 1) if self._marks is None else self._marks[n]
        return self.told[why]


HEAD = """\
Every fault in every state on every profile, each put on saved states of sound treatments of random patients and run on
(`make cells`): tripped by an interlock that is expected, in time, RF off at the HAL; or, where no interlock needs to
see it, no trip but one that [Safety](safety.md#faults-and-what-must-see-them) allows. That page also says by when. A
number is how many forks were run: one for each kind of size and circumstance that the expectation table tells apart, in
each mode of the profile.
"""


def page(found: Sequence[Matrix]) -> str:
    """docs/cells.md."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Sequence[Matrix]) -> Iterator[str]:
    ran: Counter[tuple[str, State, str]] = Counter()
    off: Counter[tuple[str, Was, bool]] = Counter()
    reasons: dict[tuple[str, State, str], list[str]] = {}
    for matrix in found:
        profile = profile_of(matrix.kind)
        for (kind, state), count in matrix.ran.items():
            ran[kind, state, profile] += count
        for missing in matrix.missing:
            reasons.setdefault((missing.kind, missing.state, profile), []).append(missing.why)
        off += matrix.off
    pairs = sum((matrix.pairs for matrix in found), Counter[tuple[str, str]]())
    every = len(KINDS) * len(State) * len(profiles())
    run = len(+ran)
    yield "<!-- Made by python -m evidence.cells --write: run it again where a fault, a rule or a profile changed. -->"
    yield f"<!-- Of the expectation table {digest()}. -->"
    yield "\n# Cells\n"
    yield HEAD
    yield f"- faults x states x profiles: {len(KINDS)} x {len(State)} x {len(profiles())} = {every}"
    yield f"- of these run: {run}, by {sum(ran.values())} forks; not applicable, with the reason: {every - run}"
    yield (
        f"- pairs of faults of which one at least must be seen: {sum(pairs.values())} forks of {len(pairs)} pairs of "
        "kinds, in check, ramp and hold, over the profiles and modes in turn; "
        f"{sum(m.idle_pairs for m in found)} more turns fell to pairs of which neither must be seen"
    )
    yield f"- saved states: {sum(m.moments for m in found)}, of {sum(m.treatments for m in found)} whole treatments"
    yield f"- not as expected: {sum(len(m.wrong) for m in found)}"
    yield "\nRF off, where it was due, by each of the three outcomes:\n"
    yield "| outcome | stage | " + " | ".join(was.value for was in Was) + " |"
    yield "|---|---|" + "---:|" * len(Was)
    for stuck in (False, True):
        for name in OUTCOMES:
            counts = " | ".join(str(off[name, was, stuck]) for was in Was)
            yield f"| {name} | {'stuck on' if stuck else 'sound'} | {counts} |"
    yield ""
    yield from _table(ran, reasons)
    yield ""
    yield from _never(found)


def _table(ran: Counter[tuple[str, State, str]], reasons: dict[tuple[str, State, str], list[str]]) -> Iterator[str]:
    letters, numbers = Notes("abcdefghijklmnopqrstuvwxyz"), Notes()
    yield "| fault | state | must be seen by | rest | " + " | ".join(profiles()) + " |"
    yield "|---|---|---|---|" + "---:|" * len(profiles())
    for kind in KINDS:
        for state in State:
            entries = []
            for profile in profiles():
                count = ran[kind, state, profile]
                why = [why for why in reasons.get((kind, state, profile), ()) if why != EVERY_SIZE]
                entries.append(str(count) if count else letters.mark(why[0] if why else "not run"))
            rest = why_not(kind, state)
            mark = numbers.mark(rest) if rest else ""
            yield f"| {kind} | {LETTERS[state]} | {seen_by(kind, state)} | {mark} | " + " | ".join(entries) + " |"
    yield ""
    yield "Not applicable: " + "; ".join(f"**{mark}** {why}" for why, mark in letters.told.items()) + "."
    yield ""
    yield "Rest, what no interlock needs to see:"
    yield ""
    yield from (f"{mark}. {why}" for why, mark in numbers.told.items())


def _never(found: Sequence[Matrix]) -> Iterator[str]:
    """Sizes and circumstances that no mode of a profile comes to."""
    modes = Counter(profile_of(matrix.kind) for matrix in found)
    missing: Counter[tuple[Missing, str]] = Counter()
    why: dict[tuple[Missing, str], str] = {}
    for matrix in found:
        for one in matrix.missing:
            if one.rows:
                place = one._replace(why=""), profile_of(matrix.kind)
                missing[place] += 1
                why[place] = one.why
    merged: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for (cell, profile), count in missing.items():
        if count == modes[profile]:
            of = merged.setdefault((cell.kind, cell.rows, cell.sizes), {})
            told = of.setdefault(why[cell, profile], [])
            if profile not in told:
                told.append(profile)
    yield "## What a profile cannot come to"
    yield ""
    yield "Rows of the expectation table that speak of something that a profile, in any of its modes, does not have:"
    yield ""
    yield "| fault | which | seen by | profiles |"
    yield "|---|---|---|---|"
    for (kind, rows, sizes), by_why in sorted(merged.items()):
        said = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_why.items())
        yield f"| {kind} | {sizes} | {rows.replace(' ', ' or ')} | {said} |"
