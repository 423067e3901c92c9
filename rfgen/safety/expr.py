"""The language interlock conditions are written in: comparisons and arithmetic over named signals and limits.

`signal.sentinel_c > limit.sentinel_c` makes a small tree. The loop's code, the sentence in the docs, the array
form over a recording and the solver's term are all made from that tree, and it means the same in all of them:

- a comparison in which either side is missing, not a number or infinite is a **violation**;
- `absent` (a derived signal that is not measured or not applicable in this tick) is not a value at all: a row that
reads an
  absent signal is *held*, whatever its other parts say;
- a flag is true or false.

There is no negation of a comparison, because a negated violation would read "missing" as "fine".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NoReturn

Group = Literal["used", "electrodes", "sentinel"]
"""Which thermocouples a condition is about: all that the profile uses, those on the electrode, those behind the
wall."""


class Term:
    """A number: a signal, a limit, a constant, or a sum or multiple of such."""

    __slots__ = ()

    def __add__(self, other: Term | float) -> Term:
        return Sum(self, term(other))

    def __sub__(self, other: Term | float) -> Term:
        return Sum(self, Scaled(Const(-1.0), term(other)))

    def __mul__(self, other: Term | float) -> Term:
        if isinstance(other, (int, float, Limit, Const)):
            return Scaled(factor(other), self)
        if isinstance(self, (Limit, Const)):
            return Scaled(self, other)
        raise TypeError("a product of two signals belongs in a derived signal")

    def __gt__(self, other: Term | float) -> Compare:
        return Compare(">", self, term(other))

    def __lt__(self, other: Term | float) -> Compare:
        return Compare("<", self, term(other))

    def __ge__(self, other: Term | float) -> Compare:
        return Compare(">=", self, term(other))

    def __le__(self, other: Term | float) -> Compare:
        return Compare("<=", self, term(other))

    def __bool__(self) -> NoReturn:
        raise TypeError("a term of a condition has no truth value; combine conditions with & and |")


@dataclass(frozen=True, slots=True)
class Signal(Term):
    """A number measured or derived in this tick."""

    name: str


@dataclass(frozen=True, slots=True)
class Limit(Term):
    """A limit in force; fixed when the treatment is armed."""

    name: str


@dataclass(frozen=True, slots=True)
class Const(Term):
    """A number of the catalogue itself."""

    value: float


@dataclass(frozen=True, slots=True)
class Channel(Term):
    """The reading of the thermocouple at hand, inside `any_channel`."""


@dataclass(frozen=True, slots=True)
class Sum(Term):
    """Left plus right."""

    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Scaled(Term):
    """A constant or a limit times a term. (A product of two signals belongs in a derived signal.)"""

    by: Limit | Const
    of: Term


class Condition:
    """True where something is wrong."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        return Both(self, other)

    def __or__(self, other: Condition) -> Condition:
        return Either(self, other)

    def __bool__(self) -> NoReturn:
        raise TypeError("a condition has no truth value before it is evaluated; combine with & and |, not `and`")


@dataclass(frozen=True, slots=True)
class Flag(Condition):
    """A switch or a verdict of this tick."""

    name: str

    def __invert__(self) -> NotFlag:
        return NotFlag(self.name)


@dataclass(frozen=True, slots=True)
class NotFlag(Condition):
    """A switch that is not set."""

    name: str


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    """A comparison; a side that is not finite violates it."""

    op: Literal[">", "<", ">=", "<="]
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Both(Condition):
    """Left and right."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Either(Condition):
    """Left or right."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class AnyChannel(Condition):
    """True for at least one thermocouple of the group."""

    group: Group
    each: Condition


def any_channel(group: Group, each: Condition) -> AnyChannel:
    """`each`, written with `channel`, is true for at least one thermocouple of the group."""
    return AnyChannel(group, each)


channel = Channel()


def term(value: Term | float) -> Term:
    """A term, or a plain number as one."""
    return value if isinstance(value, Term) else Const(float(value))


def factor(value: Limit | Const | float) -> Limit | Const:
    """What may multiply a term."""
    return value if isinstance(value, (Limit, Const)) else Const(float(value))


@dataclass(frozen=True, slots=True)
class _Signals:
    """`signal.name` and `flag.name` for every name; a name that the supervisor does not have fails when it compiles."""

    def __getattr__(self, name: str) -> Signal:
        return Signal(name)


@dataclass(frozen=True, slots=True)
class _Flags:
    def __getattr__(self, name: str) -> Flag:
        return Flag(name)


@dataclass(frozen=True, slots=True)
class _Limits:
    def __getattr__(self, name: str) -> Limit:
        return Limit(name)


signal = _Signals()
flag = _Flags()
limit = _Limits()


@lru_cache(1024)  # every treatment asks for the same catalogue's
def names_in(tree: Term | Condition) -> tuple[frozenset[str], frozenset[str], bool]:
    """(signals and flags read, limits read, whether thermocouple readings are read)."""
    signals: set[str] = set()
    limits: set[str] = set()
    channels = False
    todo: list[Term | Condition] = [tree]
    while todo:
        node = todo.pop()
        match node:
            case Signal(name) | Flag(name) | NotFlag(name):
                signals.add(name)
            case Limit(name):
                limits.add(name)
            case Channel():
                channels = True
            case Sum(left, right):
                todo += (left, right)
            case Compare(_, a, b):
                todo += (a, b)
            case Both(x, y) | Either(x, y):
                todo += (x, y)
            case Scaled(by, of):
                todo += (by, of)
            case AnyChannel(_, each):
                todo.append(each)
                channels = True
    return frozenset(signals), frozenset(limits), channels
