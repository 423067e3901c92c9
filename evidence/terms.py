"""From an interlock's expression tree to the solver's term: doubles as IEEE 754 has them, absence beside
the value.

Every signal that may be absent has a truth of its own that says so, next to a value that is then anything
at all. NaN and the infinities are values. Which channels are on the electrode and which behind the wall is
left open too, up to the most thermocouples a rig may have, so that a proof holds for every profile's layout
at once.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping

import z3  # type: ignore[import-untyped, unused-ignore]

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
from rfgen.safety.signals import MAY_BE_ABSENT, Signals

MOST_CHANNELS = 8
DOUBLE = z3.Float64()
NEAREST = z3.RNE()


def double(value: float) -> z3.FPRef:
    """A constant."""
    return z3.FPVal(value, DOUBLE)


def finite(x: z3.FPRef) -> z3.BoolRef:
    """Neither NaN nor infinite."""
    return z3.Not(z3.Or(z3.fpIsNaN(x), z3.fpIsInf(x)))


def named(*variables: z3.ExprRef) -> dict[str, z3.ExprRef]:
    """Variables by their names."""
    return {variable.decl().name(): variable for variable in variables}


@functools.cache
def flags() -> frozenset[str]:
    """Signals that are true or false."""
    hints = typing.get_type_hints(Signals)
    return frozenset(name for name, kind in hints.items() if kind is bool or kind == bool | None)


class Inputs:
    """One tick's signals, as variables.

    Two with different marks are two ticks, or two ways one tick might go.
    """

    def __init__(self, mark: str = "") -> None:
        self.value: dict[str, z3.ExprRef] = {}
        self.absent: dict[str, z3.BoolRef] = {}
        for name in Signals._fields:
            if name == "temperature_c":
                continue
            self.value[name] = z3.Bool(name + mark) if name in flags() else z3.FP(name + mark, DOUBLE)
            if name in MAY_BE_ABSENT:
                self.absent[name] = z3.Bool(f"{name} is absent{mark}")
        self.tc: list[z3.FPRef] = [z3.FP(f"tc{i}{mark}", DOUBLE) for i in range(MOST_CHANNELS)]

    def show(self, names: frozenset[str], channels: bool) -> dict[str, z3.ExprRef]:
        """What a counterexample is to name, for the signals of one row."""
        terms = [self.value[name] for name in sorted(names)]
        terms += [self.absent[name] for name in sorted(names & self.absent.keys())]
        return named(*terms, *(self.tc if channels else []))


class Layout:
    """Which channels are on the electrode, and which are sentinels: each is one, the other, or not used."""

    def __init__(self, electrodes: tuple[int, ...] | None = None, sentinel: tuple[int, ...] = ()) -> None:
        """Without arguments, every layout."""
        places = range(MOST_CHANNELS)
        if electrodes is None:
            self.electrodes = [z3.Bool(f"tc{i} is an electrode") for i in places]
            self.sentinel = [z3.Bool(f"tc{i} is a sentinel") for i in places]
        else:
            self.electrodes = [z3.BoolVal(i in electrodes) for i in places]
            self.sentinel = [z3.BoolVal(i in sentinel) for i in places]

    @property
    def given(self) -> tuple[z3.BoolRef, ...]:
        """No channel is both."""
        return tuple(z3.Not(z3.And(e, s)) for e, s in zip(self.electrodes, self.sentinel, strict=True))

    def member(self, group: str) -> list[z3.BoolRef]:
        """By channel: does it belong to the group?"""
        if group == "electrodes":
            return self.electrodes
        if group == "sentinel":
            return self.sentinel
        return [z3.Or(e, s) for e, s in zip(self.electrodes, self.sentinel, strict=True)]

    def show(self) -> dict[str, z3.ExprRef]:
        """What a counterexample is to name."""
        return named(*[m for m in (*self.electrodes, *self.sentinel) if not z3.is_true(m) and not z3.is_false(m)])


class Conditions:
    """Makes solver terms of conditions over these inputs, limits and channels."""

    def __init__(self, inputs: Inputs, limits: Mapping[str, z3.FPRef], layout: Layout) -> None:
        self.inputs = inputs
        self.limits = limits
        self.layout = layout

    def held(self, condition: Condition) -> z3.BoolRef:
        """A signal that the condition reads is absent."""
        names = names_in(condition)[0] & self.inputs.absent.keys()
        return z3.Or([self.inputs.absent[name] for name in sorted(names)])

    def fires(self, condition: Condition) -> z3.BoolRef:
        """The condition counts as true in this tick."""
        return z3.And(z3.Not(self.held(condition)), self.violated(condition))

    def violated(self, node: Condition, at: z3.FPRef | None = None) -> z3.BoolRef:
        """The condition over the values, whether or not they are there; `at`: the reading at hand."""
        match node:
            case Flag(name):
                return self.inputs.value[name]
            case NotFlag(name):
                return z3.Not(self.inputs.value[name])
            case Both(left, right):
                return z3.And(self.violated(left, at), self.violated(right, at))
            case Either(left, right):
                return z3.Or(self.violated(left, at), self.violated(right, at))
            case AnyChannel(group, each):
                pairs = zip(self.layout.member(group), self.inputs.tc, strict=True)
                return z3.Or([z3.And(member, self.violated(each, tc)) for member, tc in pairs])
            case Compare(op, left, right):
                a, b = self.number(left, at), self.number(right, at)
                compare = {">": z3.fpGT, "<": z3.fpLT, ">=": z3.fpGEQ, "<=": z3.fpLEQ}[op]
                return z3.Or(z3.Not(finite(a)), z3.Not(finite(b)), compare(a, b))
        raise TypeError(f"not a condition: {node!r}")

    def number(self, node: Term, at: z3.FPRef | None) -> z3.FPRef:
        """A term's double."""
        match node:
            case Signal(name):
                return self.inputs.value[name]
            case Limit(name):
                return self.limits[name]
            case Const(value):
                return double(value)
            case Channel():
                if at is None:
                    raise TypeError("a reading outside any_channel")
                return at
            case Sum(left, right):
                return z3.fpAdd(NEAREST, self.number(left, at), self.number(right, at))
            case Scaled(by, of):
                return z3.fpMul(NEAREST, self.number(by, at), self.number(of, at))
        raise TypeError(f"not a term: {node!r}")
