"""Fault x state x profile: every cell of the expectation table on every profile in each of its modes, and pairs of
faults, each by a fork.

The forks are taken from saved states of sound treatments of a few patients, shared by all cells of a profile and mode.
What cannot be on a profile is said with the reason.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from evidence.campaign_cells import C, Cell, H, I, Place, R, X, cells
from evidence.campaign_context import context_of
from evidence.campaign_demand import BY_KIND, KINDS, demand_of, draw_fault, possible, rules_for, size_of
from evidence.campaign_forks import judge
from evidence.campaign_off import OUTCOMES, Was
from evidence.campaign_runs import Injection, Moment, snapshots
from evidence.campaign_treatments import Kind, kinds, sound_scenario
from rfgen.records import State
from rfgen.safety.catalogue import ROWS

SEED = 12
PATIENTS = 2
"""Of each profile and mode."""
MORE_PATIENTS = 6
"""Looked at for a cell that the first ones never come to."""
MOMENTS = [
    Moment(I, 1, 10),
    *(Moment(C, 1, ticks) for ticks in (4, 40, 110, 170)),
    *(Moment(R, 1, ticks) for ticks in (30, 200, 600, 1000)),
    Moment(H, 1, 60),
    Moment(X, 1, 20),
]
STOPPED = Moment(H, 1, 80)
DRAWS = 60
"""Tries a moment to find a fault that a cell speaks of."""
PAIR_DRAWS = 25
"""Tries to find two faults of which at least one must be seen."""

NEEDED = {row.id: row.needs.value for row in ROWS}


class Missing(NamedTuple):
    """A cell that is not run on a profile, and why."""

    kind: str
    state: State
    rows: str
    """That its rule demands; empty for what no rule claims."""
    sizes: str
    why: str


class Wrong(NamedTuple):
    """A cell or a pair that is not as the table says."""

    what: str
    faults: tuple[Injection, ...]
    kind: Kind
    problems: tuple[str, ...]

    def __str__(self) -> str:
        put = " and ".join(map(str, self.faults))
        return f"NOT AS EXPECTED: {self.what}: {put}; {self.kind}: {'; '.join(self.problems)}"


class Matrix(NamedTuple):
    """What was run on one profile in one mode."""

    kind: Kind
    ran: Counter[tuple[str, State]]
    """Cells, by kind of fault and state."""
    missing: tuple[Missing, ...]
    pairs: Counter[tuple[str, str]]
    """Pairs of kinds of which one at least must be seen, whatever the state."""
    idle_pairs: int
    """Pairs in a state in which neither must be seen."""
    off: Counter[tuple[str, Was, bool]]
    wrong: tuple[Wrong, ...]
    moments: int
    treatments: int
    ticks: int
    cpu_s: float


def profile_of(kind: Kind) -> str:
    """What a profile is called."""
    return f"{kind.device} ({kind.variant})" if kind.variant else kind.device


def profiles() -> tuple[str, ...]:
    """All of them."""
    return tuple(dict.fromkeys(map(profile_of, kinds())))


def places_of(kind: Kind, patients: range) -> list[Place]:
    """The saved states of a profile in a mode."""
    found = []
    for number in patients:
        scenario = sound_scenario(kind, SEED, number, (60.0, 60.0))
        for snapshot in snapshots(scenario, MOMENTS, stop_after=STOPPED):
            found.append(Place(kind, snapshot, context_of(snapshot), possible(scenario)))
    return found


HAS_NOT = {"sentinel_close": "no sentinel", "thermocouple_swapped": "one thermocouple alone"}
"""What a profile lacks that cannot have a fault; the others are the pump's."""


def found_for(cell: Cell, among: list[Place]) -> tuple[Place, Injection] | str:
    """A moment and a fault that the cell speaks of; where there is none, why not."""
    here = [place for place in among if place.snapshot.state is cell.state]
    if not any(cell.kind in place.able for place in here):
        return HAS_NOT.get(cell.kind, "no pump")
    if cell.rule is not None and not any(place.here.applicable & set(cell.rule.rows.split()) for place in here):
        needs = sorted({NEEDED[row] for row in cell.rule.rows.split()})
        return f"no {' or '.join(needs)}: {cell.rule.rows.replace(' ', ', ')} not applicable"
    draw = random.Random(f"{cell} {here[0].kind}")
    for place in draw.sample(here, len(here)):
        if cell.kind not in place.able:
            continue
        for fault in tries(cell.kind, place.here.channels, draw):
            claimed = rules_for(place.here, fault)
            if (cell.rule in claimed) if cell.rule is not None else not claimed:
                return place, fault
    return EVERY_SIZE if cell.rule is None else NEVER


def tries(kind: str, channels: int, draw: random.Random) -> Iterator[Injection]:
    """Faults of this kind: many at random, and the ends of its range."""
    for _ in range(DRAWS):
        yield draw_fault(kind, channels, draw)
    span = size_of(kind)
    for size in () if span is None else (span.least, span.default, span.most):
        yield draw_fault(kind, channels, draw)._replace(size=size)


EVERY_SIZE = "every size is seen"
NEVER = f"never so with {PATIENTS + MORE_PATIENTS} patients"


def without_rule(among: list[Place], found: Counter[tuple[str, State]]) -> Iterator[Cell]:
    """Kinds and states that no cell was run of although the fault is possible: no interlock of this profile need see
    it."""
    able = {kind for place in among for kind in place.able}
    for kind in KINDS:
        for state in State:
            if kind in able and not found[kind, state]:
                yield Cell(kind, state, None)


def matrix_of(kind: Kind, every: int = 1, patients: int = PATIENTS) -> Matrix:
    """Run every cell on this profile in this mode, and its share of the pairs; `every`: one in so many of both."""
    began_s = time.process_time()
    among = places_of(kind, range(patients))
    more: list[Place] = []
    treatments = patients
    ran: Counter[tuple[str, State]] = Counter()
    off: Counter[tuple[str, Was, bool]] = Counter()
    missing: list[Missing] = []
    wrong: list[Wrong] = []
    ticks = 0

    def run(place: Place, faults: tuple[Injection, ...], what: str) -> None:
        nonlocal ticks
        judged = judge(place.snapshot, place.here, faults, demand_of(place.here, faults))
        ticks += judged.ticks
        off.update((name, was, judged.stuck) for name, was in zip(OUTCOMES, judged.off or (), strict=False))
        if judged.problems:
            wrong.append(Wrong(what, faults, place.kind, judged.problems))

    def run_cell(cell: Cell) -> None:
        nonlocal more, treatments
        found = found_for(cell, among)
        if found == NEVER and patients == PATIENTS:
            # the first patients never come to it; others may
            if not more:
                more = places_of(kind, range(patients, patients + MORE_PATIENTS))
                treatments += MORE_PATIENTS
            found = found_for(cell, more)
        if isinstance(found, str):
            rows, sizes = ("", "") if cell.rule is None else (cell.rule.rows, cell.rule.sizes)
            missing.append(Missing(cell.kind, cell.state, rows, sizes, found))
            return
        ran[cell.kind, cell.state] += 1
        run(found[0], (found[1],), str(cell))

    for cell in cells()[::every]:
        run_cell(cell)
    for cell in list(without_rule(among, ran)) if every == 1 else ():
        run_cell(cell)
    paired, idle_pairs = Counter[tuple[str, str]](), 0
    for first, second, state in list(share_of(kind))[::every]:
        chosen = pair_at(first, second, state, among)
        if chosen is None:
            idle_pairs += 1
            continue
        paired[first, second] += 1
        run(chosen[0], chosen[1], f"{first} with {second} in {state.name}")
    return Matrix(
        kind,
        ran,
        tuple(missing),
        paired,
        idle_pairs,
        off,
        tuple(wrong),
        len(among) + len(more),
        treatments,
        ticks,
        time.process_time() - began_s,
    )


def share_of(kind: Kind) -> Iterator[tuple[str, str, State]]:
    """The pairs of kinds of fault, in check, ramp and hold, that fall to this profile and mode: each to one of those on
    which both faults are possible."""
    every = kinds()
    able = {other: _able(other) for other in every}
    for number, (first, second) in enumerate(combinations(KINDS, 2)):
        those = [other for other in every if {first, second} <= able[other]]
        for turn, state in enumerate((C, R, H)):
            if those and those[(number + turn) % len(those)] == kind:
                yield first, second, state


@lru_cache(maxsize=64)
def _able(kind: Kind) -> frozenset[str]:
    return frozenset(possible(sound_scenario(kind, SEED, 0, (60.0, 60.0))))


def pair_at(
    first: str, second: str, state: State, among: list[Place]
) -> tuple[Place, tuple[Injection, Injection]] | None:
    """A moment and two faults of these kinds of which at least one must be seen there; None where neither must."""
    if not (state_claims(first, state) or state_claims(second, state)):
        return None
    draw = random.Random(f"{first} {second} {state.name}")
    here = [place for place in among if place.snapshot.state is state]
    for _ in range(PAIR_DRAWS):
        place = draw.choice(here)
        faults = (
            draw_fault(first, place.here.channels, draw),
            draw_fault(second, place.here.channels, draw),
        )
        if demand_of(place.here, faults).by_s is not None:
            return place, faults
    return None


def state_claims(kind: str, state: State) -> bool:
    """Some rule claims this kind in this state."""
    return any(state in rule.states for rule in BY_KIND[kind])
