"""What the interlocks can be shown in one tick of the exploration: `Signals` under which chosen rows read true.

Made from the rows themselves, so that a new row is explored without a word here. Each reading says which rows it makes
true and which it holds, by a plain interpreter of the conditions that shares nothing with the compiled rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple, get_type_hints

from rfgen.safety.compile import Channels
from rfgen.safety.expr import (
    AnyChannel,
    Both,
    Channel,
    Compare,
    Condition,
    Const,
    Either,
    Flag,
    Limit,
    NotFlag,
    Scaled,
    Signal,
    Sum,
    Term,
    names_in,
)
from rfgen.safety.row import Clears, Row
from rfgen.safety.signals import MAY_BE_ABSENT, Signals

Changes = dict[str, object]
"""Signals to change, by name; a thermocouple's reading is named tc0, tc1, ..."""

READS_WELL: Mapping[str, float] = {"impedance_ohm": 100.0, "least_ohm": 100.0}
"""Signals that are not well at 0."""
BODY_C = 37.0
WAYS_KEPT = 6
KINDS = get_type_hints(Signals)


class Reading(NamedTuple):
    """Signals of a tick, and what they mean to each row (bits are places in the rows)."""

    name: str
    signals: Signals
    true: int
    held: int


class Readings:
    """Makes readings for a set of rows, limits and channels. Raises ValueError naming the row it cannot serve."""

    def __init__(self, rows: Sequence[Row], limits: Mapping[str, float], channels: Channels) -> None:
        self.rows = tuple(rows)
        self.limits = limits
        self.channels = channels
        self._names = [names_in(row.condition)[0] for row in rows]
        self._absent = [sorted(names & MAY_BE_ABSENT) for names in self._names]
        self._base = _all_well(channels)
        self.fine = self._reading("fine", {})
        for bit, row in enumerate(rows):
            if self.fine.true >> bit & 1:
                raise ValueError(f"{row.id} is true where nothing is wrong: add its signal to READS_WELL")
        self._ways = [self._ways_of(bit) for bit in range(len(rows))]

    def bit(self, row_id: str) -> int:
        """A row's place."""
        return next(bit for bit, row in enumerate(self.rows) if row.id == row_id)

    def can_be_held(self, bit: int) -> bool:
        """Being held differs from being fine: it may be absent, and has something to count."""
        row = self.rows[bit]
        return bool(self._absent[bit]) and (row.persist_us > 0 or row.clears is Clears.READING)

    def of(self, *bits: int) -> list[Reading]:
        """Every combination of true, fine and held of these rows (one or two) that signals can show, fine first."""
        found = [self.fine]
        statuses = ["fht" if self.can_be_held(bit) else "ft" for bit in bits]
        for combination in product(*statuses):
            wanted = [bit for bit, status in zip(bits, combination, strict=True) if status == "t"]
            held = [bit for bit, status in zip(bits, combination, strict=True) if status == "h"]
            reading = self._show(wanted, held)
            if reading is None:
                if held or len(wanted) < 2:
                    continue
                names = " and ".join(self.rows[bit].id for bit in wanted)
                raise ValueError(f"no signals found that make {names} true together")
            if all((reading.true, reading.held) != (other.true, other.held) for other in found):
                found.append(reading)
        return found

    # --- finding signals ----------------------------------------------------------------------------------------

    def _show(self, wanted: Sequence[int], held: Sequence[int]) -> Reading | None:
        """Signals that make these rows true and those held, with as few others true as can be."""
        name = "+".join([self.rows[b].id for b in wanted] + [f"{self.rows[b].id} held" for b in held]) or "fine"
        best: tuple[int, int] | None = None
        found: Reading | None = None
        for changes in self._merged(wanted):
            for gone in product(*[self._absent[bit] for bit in held]):
                reading = self._isolated(name, {**changes, **dict.fromkeys(gone)}, wanted)
                if any(not reading.true >> bit & 1 for bit in wanted):
                    continue
                if any(not reading.held >> bit & 1 for bit in held):
                    continue
                others = reading.true.bit_count() - len(wanted)
                score = (others, reading.held.bit_count())
                if best is None or score < best:
                    best, found = score, reading
                if others == 0:
                    return reading
        return found

    def _merged(self, wanted: Sequence[int]) -> Iterator[Changes]:
        if not wanted:
            yield {}
            return
        for ways in product(*[self._ways[bit] for bit in wanted]):
            first, rest = ways[0], ways[1:]
            merged = dict(first)
            for way in rest:
                merged.update(way)
            yield merged
            if rest and any(first[name] != merged[name] for name in first):
                yield {**merged, **first}

    def _isolated(self, name: str, changes: Changes, wanted: Sequence[int]) -> Reading:
        """Make absent what the wanted rows do not read, where that takes another row out of it."""
        reading = self._reading(name, changes)
        needed = frozenset().union(*[self._names[bit] for bit in wanted]) if wanted else frozenset()
        for bit in range(len(self.rows)):
            if not reading.true >> bit & 1 or bit in wanted:
                continue
            for absent in self._absent[bit]:
                if absent not in needed:
                    reading = self._reading(name, changes := {**changes, absent: None})
                    break
        return reading

    def _reading(self, name: str, changes: Changes) -> Reading:
        signals = _changed(self._base, changes)
        true = held = 0
        for bit, row in enumerate(self.rows):
            if any(getattr(signals, absent) is None for absent in self._absent[bit]):
                held |= 1 << bit
            elif self._holds(row.condition, signals):
                true |= 1 << bit
        return Reading(name, signals, true, held)

    def _ways_of(self, bit: int) -> list[Changes]:
        row = self.rows[bit]
        found = []
        for changes in self._violations(row.condition):
            if self._holds(row.condition, _changed(self._base, changes)):
                found.append(changes)
                if len(found) == WAYS_KEPT:
                    break
        if not found:
            raise ValueError(f"{row.id}: no signals found that make its condition true; teach Readings._violations")
        return found

    def _violations(self, node: Condition) -> Iterator[Changes]:
        match node:
            case Flag(name):
                yield {name: True}
            case NotFlag(name):
                yield {name: False}
            case Either(left, right):
                yield from self._violations(left)
                yield from self._violations(right)
            case Both(left, right):
                for a, b in product(list(self._violations(left)), list(self._violations(right))):
                    yield {**a, **b}
                    if any(a[name] != b[name] for name in a.keys() & b.keys()):
                        yield {**b, **a}
            case AnyChannel(group, each):
                for place in self.channels.group(group):
                    for changes in self._violations(each):
                        yield {(f"tc{place}" if name == "tc" else name): v for name, v in changes.items()}
            case Compare(op, left, right):
                yield from self._beyond(op, left, right)
            case _:
                raise TypeError(f"not a condition: {node!r}")

    def _beyond(self, op: str, left: Term, right: Term) -> Iterator[Changes]:
        """One signal moved past the comparison's bound; then not a number."""
        names = sorted(_variables(left) | _variables(right))
        sign = 1.0 if op[0] == ">" else -1.0
        for name in names:
            at0, at1 = (
                self._value(left, self._base, {name: v}) - self._value(right, self._base, {name: v}) for v in (0.0, 1.0)
            )
            if at1 == at0:
                continue
            bound = -at0 / (at1 - at0)
            value = bound + math.copysign(1.0 + 0.01 * abs(bound), sign * (at1 - at0))
            yield {name: math.ceil(value) if KINDS.get(name) is int else value}
        for name in names:
            if KINDS.get(name) is not int:
                yield {name: math.nan}

    # --- the meaning of a condition ------------------------------------------------------------------------------

    def _holds(self, node: Condition, s: Signals, reading_c: float = math.nan) -> bool:
        match node:
            case Flag(name):
                return bool(getattr(s, name))
            case NotFlag(name):
                return not getattr(s, name)
            case Both(left, right):
                return self._holds(left, s, reading_c) and self._holds(right, s, reading_c)
            case Either(left, right):
                return self._holds(left, s, reading_c) or self._holds(right, s, reading_c)
            case AnyChannel(group, each):
                return any(self._holds(each, s, s.temperature_c[i]) for i in self.channels.group(group))
            case Compare(op, left, right):
                a, b = self._value(left, s, {"tc": reading_c}), self._value(right, s, {"tc": reading_c})
                if not (math.isfinite(a) and math.isfinite(b)):
                    return True
                return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[op]
            case _:
                raise TypeError(f"not a condition: {node!r}")

    def _value(self, node: Term, s: Signals, instead: Mapping[str, float]) -> float:
        match node:
            case Signal(name):
                return instead[name] if name in instead else float(getattr(s, name))
            case Channel():
                return instead.get("tc", BODY_C)
            case Limit(name):
                return self.limits[name]
            case Const(value):
                return value
            case Scaled(by, of):
                return self._value(by, s, instead) * self._value(of, s, instead)
            case Sum(left, right):
                return self._value(left, s, instead) + self._value(right, s, instead)
            case _:
                raise TypeError(f"not a term: {node!r}")


def _variables(node: Term) -> set[str]:
    match node:
        case Signal(name):
            return {name}
        case Channel():
            return {"tc"}
        case Scaled(_, of):
            return _variables(of)
        case Sum(left, right):
            return _variables(left) | _variables(right)
        case _:
            return set()


def _all_well(channels: Channels) -> Signals:
    values: dict[str, object] = {}
    for name, kind in KINDS.items():
        if name == "temperature_c":
            values[name] = (BODY_C,) * (max(channels.used) + 1)
        elif kind is bool or kind == bool | None:
            values[name] = kind is not bool  # a flag that may be absent says that its row applies
        else:
            values[name] = 0 if kind is int else READS_WELL.get(name, 0.0)
    return Signals(**values)  # type: ignore[arg-type]


def _changed(base: Signals, changes: Changes) -> Signals:
    plain = {name: value for name, value in changes.items() if not _is_channel(name)}
    readings = list(base.temperature_c)
    for name, value in changes.items():
        if _is_channel(name):
            readings[int(name[2:])] = value  # type: ignore[call-overload]
    return base._replace(temperature_c=tuple(readings), **plain)  # type: ignore[arg-type]


def _is_channel(name: str) -> bool:
    return name.startswith("tc") and name[2:].isdigit()
