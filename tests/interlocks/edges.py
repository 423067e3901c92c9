"""From a condition's tree to signals on both sides of every comparison in it.

An `Edge` stands at one leaf of a tree: everything else that the row reads is set so that this leaf alone decides, and
one value is moved from the last that is fine to the first that is not: for a number, two neighbouring floats.
"""

from __future__ import annotations

import math
import random
import struct
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from rfgen.safety.catalogue import ROWS
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
)
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Row
from rfgen.safety.signals import NOTHING_KNOWN, Signals

CHANNELS = Channels((0, 1), (2,))
Key = str | int
"""A signal's name, or a thermocouple's channel."""
Values = Mapping[Key, Any]
Limits = Mapping[str, float]
NO_NUMBER = (math.nan, math.inf, -math.inf)


class Leaf(NamedTuple):
    """A comparison or flag of a tree, at one channel where it is about channels."""

    node: Compare | Flag | NotFlag
    channel: int | None


class Edge(NamedTuple):
    """`others` with `key` at `fine` is fine; with `key` at `wrong`, the row is violated, and by this leaf."""

    leaf: Leaf
    key: Key
    others: dict[Key, Any]
    fine: Any
    wrong: Any


@cache
def kind_of(name: str) -> type:
    """bool, int or float: what a signal is where it is there."""
    hint = typing.get_type_hints(Signals)[name]
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    assert hint in (bool, int, float), f"a signal of a kind that these tests cannot make: {name}"
    return typing.cast(type, hint)


def leaves(node: Condition, channel: int | None = None) -> Iterator[Leaf]:
    """All leaves of a tree, channels one by one."""
    match node:
        case Both(left, right) | Either(left, right):
            yield from leaves(left, channel)
            yield from leaves(right, channel)
        case AnyChannel(group, each):
            for i in CHANNELS.group(group):
                yield from leaves(each, i)
        case Compare() | Flag() | NotFlag():
            yield Leaf(node, channel)
        case _:
            raise AssertionError(node)


def keys_of_term(term: Term, channel: int | None) -> set[Key]:
    """What a term reads."""
    match term:
        case Signal(name):
            return {name}
        case Channel():
            assert channel is not None
            return {channel}
        case Sum(left, right):
            return keys_of_term(left, channel) | keys_of_term(right, channel)
        case Scaled(_, of):
            return keys_of_term(of, channel)
    return set()


def keys_of(leaf: Leaf) -> set[Key]:
    """What a leaf reads."""
    match leaf.node:
        case Compare(_, left, right):
            return keys_of_term(left, leaf.channel) | keys_of_term(right, leaf.channel)
        case Flag(name) | NotFlag(name):
            return {name}


def numbers_in(term: Term, limits: Limits) -> set[float]:
    """Constants and limits of a term."""
    match term:
        case Const(value):
            return {value}
        case Limit(name):
            return {limits[name]}
        case Sum(left, right) | Scaled(left, right):
            return numbers_in(left, limits) | numbers_in(right, limits)
    return set()


def number(term: Term, values: Values, limits: Limits, channel: int | None) -> float:
    """A term's value."""
    match term:
        case Signal(name):
            return float(values[name])
        case Channel():
            assert channel is not None
            return float(values[channel])
        case Limit(name):
            return limits[name]
        case Const(value):
            return value
        case Sum(left, right):
            return number(left, values, limits, channel) + number(right, values, limits, channel)
        case Scaled(by, of):
            return number(by, values, limits, channel) * number(of, values, limits, channel)
    raise AssertionError(term)


def leaf_true(leaf: Leaf, values: Values, limits: Limits) -> bool:
    """Does this leaf say that something is wrong? A comparison with what is not finite does."""
    match leaf.node:
        case Flag(name):
            return bool(values[name])
        case NotFlag(name):
            return not values[name]
        case Compare(op, left, right):
            a, b = number(left, values, limits, leaf.channel), number(right, values, limits, leaf.channel)
            if not (math.isfinite(a) and math.isfinite(b)):
                return True
            return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[op]


def true(node: Condition, values: Values, limits: Limits, channel: int | None = None) -> bool:
    """Is the condition violated?"""
    match node:
        case Both(left, right):
            return true(left, values, limits, channel) and true(right, values, limits, channel)
        case Either(left, right):
            return true(left, values, limits, channel) or true(right, values, limits, channel)
        case AnyChannel(group, each):
            return any(true(each, values, limits, i) for i in CHANNELS.group(group))
        case Compare() | Flag() | NotFlag():
            return leaf_true(Leaf(node, channel), values, limits)
    raise AssertionError(node)


def to_place(value: float) -> int:
    """A finite float's place among all of them: neighbours differ by one."""
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    return typing.cast(int, bits) if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def from_place(place: int) -> float:
    """The float at a place."""
    (value,) = struct.unpack("<d", struct.pack("<q", abs(place)))
    return math.copysign(typing.cast(float, value), place)


def _candidates(key: Key, found: list[Leaf], limits: Limits) -> list[Any]:
    kind = float if isinstance(key, int) else kind_of(key)
    if kind is bool:
        return [False, True]
    near: set[float] = {0.0, 1.0, -1.0, 10.0, 37.0, 100.0, -1000.0, 1e5}
    for leaf in found:
        if isinstance(leaf.node, Compare):
            for value in numbers_in(leaf.node.left, limits) | numbers_in(leaf.node.right, limits):
                near |= {value, value + 1.0, value - 1.0, 2.0 * value, 0.5 * value}
    return sorted({int(v) for v in near} if kind is int else near)


def edge_at(row: Row, leaf: Leaf, key: Key, limits: Limits, tries: int = 3000) -> Edge | None:
    """An edge at this leaf, moving this key; None where none was found."""
    found = list(leaves(row.condition))
    every: list[Key] = sorted({k for one in found for k in keys_of(one)}, key=str)
    pools = {k: _candidates(k, found, limits) for k in every}
    rng = random.Random(f"{row.id} {leaf} {key}")
    kind = float if isinstance(key, int) else kind_of(key)
    for _ in range(tries):
        values: dict[Key, Any] = {k: rng.choice(pool) for k, pool in pools.items()}

        def wrong_at(value: Any, values: dict[Key, Any] = values) -> bool:
            return true(row.condition, {**values, key: value}, limits)

        a, b = values[key], rng.choice(pools[key])
        if wrong_at(a):
            a, b = b, a
        if wrong_at(a) or not wrong_at(b):
            continue
        if kind is int:
            while abs(a - b) > 1:
                middle = (a + b) // 2
                a, b = (a, middle) if wrong_at(middle) else (middle, b)
        elif kind is float:
            at, to = to_place(a), to_place(b)
            while abs(at - to) > 1:
                half = (at + to) // 2
                at, to = (at, half) if wrong_at(from_place(half)) else (half, to)
            a, b = from_place(at), from_place(to)
        if leaf_true(leaf, {**values, key: a}, limits) or not leaf_true(leaf, {**values, key: b}, limits):
            continue
        others = {k: v for k, v in values.items() if k != key}
        return Edge(leaf, key, others, a, b)
    return None


def wanted(row: Row) -> list[tuple[Leaf, Key]]:
    """Every leaf of a row with everything it reads."""
    return [(leaf, key) for leaf in leaves(row.condition) for key in sorted(keys_of(leaf), key=str)]


@cache
def edges(row: Row) -> tuple[Edge, ...]:
    """All edges of a row at the default limits: one for every leaf and what it reads, where it can decide."""
    limits = resolve_limits()
    found = (edge_at(row, leaf, key, limits) for leaf, key in wanted(row))
    return tuple(edge for edge in found if edge is not None)


def merged(background: Signals, values: Values) -> Signals:
    """A background with some signals and channels set."""
    readings = list(background.temperature_c)
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(key, int):
            readings[key] = value
        else:
            changes[key] = value
    return background._replace(temperature_c=tuple(readings), **changes)


def _calm() -> Signals:
    """Nothing is wrong, for any row."""
    limits = resolve_limits()
    values: dict[Key, Any] = dict.fromkeys(CHANNELS.used, 37.0)
    for name, value in NOTHING_KNOWN._asdict().items():
        if name != "temperature_c":
            values[name] = 0.0 if isinstance(value, float) and not math.isfinite(value) else value
    for row in ROWS:
        keys = {key for leaf in leaves(row.condition) for key in keys_of(leaf)}
        if not any(values[key] is None for key in keys):
            assert not true(row.condition, values, limits), f"{row.id} is not calm"
    return merged(NOTHING_KNOWN._replace(temperature_c=(37.0,) * 3), values)


CALM = _calm()

WILD = (*NO_NUMBER, 0.0, -1.0, 0.3, 1.0, 5.0, 10.0, 37.0, 45.5, 100.0, 120.0, 900.0, 1e6, -1e300, 1e308)


def background(rng: random.Random) -> Signals:
    """Anything in every signal: fine, or tripping this row or that."""
    if rng.random() < 0.2:
        return CALM
    found: dict[str, Any] = {"temperature_c": tuple(_number(rng) for _ in CHANNELS.used)}
    absent = absent_signals()
    for name in Signals._fields[1:]:
        kind = kind_of(name)
        if name in absent and rng.random() < 0.4:
            found[name] = None
        elif kind is bool:
            found[name] = rng.random() < 0.3
        elif kind is int:
            found[name] = rng.randrange(6)
        else:
            found[name] = _number(rng)
    return Signals(**found)


def _number(rng: random.Random) -> float:
    return rng.choice(WILD) if rng.random() < 0.5 else rng.uniform(-50.0, 250.0)


@cache
def absent_signals() -> frozenset[str]:
    """Signals whose type says that they may be absent."""
    hints = typing.get_type_hints(Signals)
    return frozenset(name for name, hint in hints.items() if type(None) in typing.get_args(hint))
