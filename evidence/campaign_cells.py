"""Every cell of the expectation table, kind of fault by state, each run once on a moment that it speaks of."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from evidence.campaign_context import Context, context_of
from evidence.campaign_demand import BY_KIND, KINDS, demand_of, draw_fault, possible, rules_for
from evidence.campaign_forks import Judged, judge
from evidence.campaign_rest import ALL_SIZES, rest_of
from evidence.campaign_runs import Injection, Moment, Snapshot, snapshots
from evidence.campaign_sees import always
from evidence.campaign_table import Rule
from evidence.campaign_treatments import Kind, sound_scenario
from rfgen.records import State

I, C, R, H, X = State  # noqa: E741 - the letters of the catalogue
SEED = 11
PATIENTS: tuple[tuple[Kind, int], ...] = (
    (Kind("bench", "temperature", "dead-man"), 0),
    (Kind("bench", "temperature", "twin"), 5),
    (Kind("cosman-like", "temperature"), 2),
    (Kind("invamed-fusion", "temperature"), 3),
    (Kind("rita-like", "temperature"), 4),
    (Kind("osteocool-like", "power"), 5),
    (Kind("star-like", "impedance"), 6),
)
MOMENTS = [
    Moment(I, 1, 10),
    *(Moment(C, 1, ticks) for ticks in (4, 40, 110, 170)),
    *(Moment(R, 1, ticks) for ticks in (30, 900, 1000)),
    Moment(H, 1, 60),
    Moment(X, 1, 20),
]
STOPPED = Moment(H, 1, 80)
DRAWS = 60
"""Tries a moment to find a fault that a cell speaks of."""


class Cell(NamedTuple):
    """One kind of fault in one state: as a rule claims it, or as no rule does."""

    kind: str
    state: State
    rule: Rule | None

    def __str__(self) -> str:
        what = "need not be seen" if self.rule is None else f"{self.rule.rows.replace(' ', ' or ')}, {self.rule.sizes}"
        return f"{self.kind} in {self.state.name}: {what}"


class Ran(NamedTuple):
    """A cell that was run."""

    cell: Cell
    fault: Injection
    kind: Kind
    judged: Judged


def cells() -> tuple[Cell, ...]:
    """All of them. A kind of which every size is seen in a state has no cell that says otherwise there."""
    found: list[Cell] = []
    for kind in KINDS:
        for state in State:
            claimed = [Cell(kind, state, rule) for rule in BY_KIND[kind] if state in rule.states]
            found += claimed
            every = rest_of(kind, state).why == ALL_SIZES
            if state in (I, X):
                every = any(cell.rule is not None and cell.rule.sees is always for cell in claimed)
            if not every:
                found.append(Cell(kind, state, None))
    return tuple(found)


class Place(NamedTuple):
    """A moment to run cells on."""

    kind: Kind
    snapshot: Snapshot
    here: Context
    able: tuple[str, ...]


def places() -> list[Place]:
    """Moments in all five states, of patients that between them have all that a cell may need."""
    found = []
    for kind, number in PATIENTS:
        scenario = sound_scenario(kind, SEED, number, (60.0, 60.0))
        for snapshot in snapshots(scenario, MOMENTS, stop_after=STOPPED):
            found.append(Place(kind, snapshot, context_of(snapshot), possible(scenario)))
    return found


def find(cell: Cell, among: list[Place]) -> tuple[Place, Injection] | None:
    """A moment and a fault that the cell speaks of; None where there is none to be found."""
    draw = random.Random(str(cell))
    for place in draw.sample(among, len(among)):
        if place.snapshot.state is not cell.state or cell.kind not in place.able:
            continue
        for _ in range(DRAWS):
            fault = draw_fault(cell.kind, place.here.channels, draw)
            claimed = rules_for(place.here, fault)
            if (cell.rule in claimed) if cell.rule is not None else not claimed:
                return place, fault
    return None


def run_cell(cell: Cell, among: list[Place]) -> Ran | None:
    """Run it; None where no moment was found for it."""
    found = find(cell, among)
    if found is None:
        return None
    place, fault = found
    judged = judge(place.snapshot, place.here, (fault,), demand_of(place.here, (fault,)))
    return Ran(cell, fault, place.kind, judged)


LETTERS = {I: "IDLE", C: "check", R: "RAMP", H: "HOLD", X: "CUTOFF"}


def unseen(why: str) -> str:
    """A reason, as the table says it: what is not covered is not called needless."""
    return why if why.startswith("NOT COVERED") else f"need not be seen: {why}"


def table() -> Iterator[str]:
    """The table as Markdown: which interlock sees which fault, in which state, and by when."""
    yield "| fault | state | which | seen by | within |"
    yield "|---|---|---|---|---|"
    for kind in KINDS:
        merged: dict[tuple[str, ...], list[str]] = {}
        of_kind = [cell for cell in cells() if cell.kind == kind]
        claimed = {cell.state for cell in of_kind if cell.rule is not None}
        for cell in of_kind:
            if cell.rule is None:
                which = "all else" if cell.state in claimed else "any"
                said: tuple[str, ...] = (which, unseen(rest_of(kind, cell.state).why), "")
            else:
                within = "the same tick" if cell.rule.by_s == 0.0 else f"{cell.rule.by_s:g} s"
                said = (cell.rule.sizes, cell.rule.rows.replace(" ", " or "), within)
            merged.setdefault(said, []).append(LETTERS[cell.state])
        for (which, seen, within), states in merged.items():
            yield f"| {kind} | {', '.join(states)} | {which} | {seen} | {within} |"
