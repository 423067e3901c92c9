"""Where the values of a point come from with a memory and without an optimiser: chance spread evenly, and over corners
that were not met yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from rfgen.falsify.monitor import Met

STRATA = 16
"""A number's range in so many parts, each drawn from once before any is drawn from again."""


class Spread:
    """Chance without repetition: of each value's choices (of a number's range: parts) all come before one comes again.

    Latin hypercube sampling (McKay et al. 1979), a value at a time and without end. What belongs to a kind of fault
    is spread for each kind by itself: so each kind meets every state.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng([seed, 0])
        self._left: dict[tuple[str, str, int], list[int]] = {}
        self._kinds: dict[str, str] = {}

    def begin(self) -> None:
        """A point begins."""
        self._kinds.clear()

    def _next(self, name: str, count: int) -> int:
        key = (name, self._kinds.get(name.partition(".")[0], ""), count)
        left = self._left.get(key)
        if not left:
            left = self._left[key] = [int(n) for n in self._random.permutation(count)]
        return left.pop()

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        chosen = choices[self._next(name, len(choices))]
        of, _, what = name.partition(".")
        if what == "kind":
            self._kinds[of] = chosen
        return chosen

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        share = (self._next(name, STRATA) + float(self._random.uniform())) / STRATA
        return least + share * (most - least)


ANCHORED = {"IMPEDANCE_CHECK": "check", "RAMP": "ramp", "HOLD": "hold"}
"""By state of the firmware: what a scenario calls it."""
ASTRAY = 0.05
"""Of its range: how far a number that is as in another run may be off it, so that no run is made twice."""
WITHOUT_EDGE = ("channel", "lasts")


class Cover(Spread):
    """Spread by what was met: a fault goes where none of its consequences has been seen yet.

    - A kind of fault and the state that it meets make a corner. Which row a kind trips is known once it has run, and
      kinds that trip one row stand for each other: so the next corner is one whose row has tripped least often in that
      state, and of those the one met least often. A fault that came too late for its state is tried sooner.
    - Where a promise may be searched with fewer faults or with more, more are drawn oftener: it has more corners.
    - Every second point lies at the edge of the space: half of its numbers in the first or last part of their range.
      What a defect moves is a bound, and bounds are met at edges.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._rows: dict[str, Counter[str]] = {}
        """By kind of fault: the rows that it tripped."""
        self._seen: Counter[tuple[str, str]] = Counter()
        """How often a row tripped by a fault that met a state."""
        self._corners: Counter[tuple[str, str]] = Counter()
        self._states: dict[str, str] = {}
        self._soonest: dict[str, float] = {}
        """By state: the least delay that was too long for it."""
        self._expected: list[tuple[str, str, str]] = []
        self._at_edge = True
        self._near: Mapping[str, float | str] = {}

    def begin(self, near: Mapping[str, float | str] | None = None) -> None:
        """A point begins; `near`: all but its faults is as there."""
        super().begin()
        self._near = near or {}
        self._states.clear()
        self._at_edge = not self._at_edge

    def forget_expected(self) -> None:
        """What a block came to is heard now."""
        for kind, state, row in self._expected:
            self._corners[kind, state] -= 1
            if row:
                self._seen[row, state] -= 1
        self._expected.clear()

    def heard(self, point: Mapping[str, float | str | bool], met: Sequence[Met]) -> None:
        """What a point came to, whoever chose it."""
        for fault in met:
            state = ANCHORED.get(fault.state, "")
            self._corners[fault.kind, state] += 1
            if fault.tripped:
                self._rows.setdefault(fault.kind, Counter())[fault.tripped] += 1
                self._seen[fault.tripped, state] += 1
        for name, kind in point.items():
            of, _, what = name.partition(".")
            if what == "kind":
                aim, after_s = str(point[f"{of}.state"]), point[f"{of}.after_s"]
                states = [ANCHORED.get(fault.state, "") for fault in met if fault.kind == kind]
                if states and aim not in states and isinstance(after_s, float):
                    self._soonest[aim] = min(after_s, self._soonest.get(aim, after_s))

    def _row(self, kind: str) -> str:
        """What a kind of fault trips most; empty where it has tripped nothing yet."""
        rows = self._rows.get(kind)
        return rows.most_common(1)[0][0] if rows else ""

    def _corner(self, kinds: Sequence[str]) -> tuple[str, str]:
        """The kind and the state that were met least, what was asked for in this block included."""
        corners = []
        of_kind: Counter[str] = Counter()
        for (kind, _), met in self._corners.items():
            of_kind[kind] += met
        for kind in kinds:
            row = self._row(kind)
            for state in ANCHORED.values():
                met = self._corners[kind, state]
                seen = self._seen[row, state] if row else met
                corners.append((seen, of_kind[kind], met, float(self._random.uniform()), kind, state))
        _, _, _, _, kind, state = min(corners)
        # as if it had come to what is expected of it, until it is heard what it came to
        row = self._row(kind)
        self._expected.append((kind, state, row))
        self._corners[kind, state] += 1
        if row:
            self._seen[row, state] += 1
        return kind, state

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""
        of, _, what = name.partition(".")
        if name == "faults":
            weights = np.arange(1, len(choices) + 1)
            if self._near and choices[0] == "0":
                weights[0] = 0
            return choices[int(self._random.choice(len(choices), p=weights / weights.sum()))]
        if what == "kind":
            self._kinds[of], self._states[of] = self._corner(choices)
            return self._kinds[of]
        if what == "state":
            return self._states[of]
        if name in self._near:
            return str(self._near[name])
        return super().pick(name, choices)

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""
        of, _, what = name.partition(".")
        if what == "after_s":
            most = min(most, self._soonest.get(self._states[of], most))
            return float(self._random.uniform(least, most))
        if name in self._near and not of.startswith("fault"):
            astray = (most - least) * float(self._random.normal(0.0, ASTRAY))
            return min(max(float(self._near[name]) + astray, least), most)
        if self._at_edge and what not in WITHOUT_EDGE and self._random.uniform() < 0.5:
            share = float(self._random.uniform()) / STRATA
            return least + (most - least) * (share if self._random.uniform() < 0.5 else 1.0 - share)
        return super().number(name, least, most)
