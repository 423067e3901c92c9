"""From conditions to the loop's code, and to sentences.

All rows armed in a state become one function, with the limits as literals, so that the cost of a row is the cost of its
comparison. The function answers the common case (nothing is wrong) in one expression; only if
that fails does a second one find which rows are violated and which are held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rfgen.safety.expr import (
    AnyChannel,
    Both,
    Channel,
    Compare,
    Condition,
    Const,
    Either,
    Flag,
    Group,
    Limit,
    NotFlag,
    Scaled,
    Signal,
    Sum,
    Term,
    names_in,
)
from rfgen.safety.signals import MAY_BE_ABSENT, Signals

LARGEST = "1.7976931348623157e+308"
"""The largest finite double: what is between it and its negative is a number and finite."""
KNOWN = frozenset(Signals._fields)

AllWell = Callable[[Signals], bool]
Judge = Callable[[Signals], tuple[int, int]]
"""-> (mask of violated rows, mask of held rows)"""


@dataclass(frozen=True, slots=True)
class Channels:
    """Which sample channels each group means."""

    electrodes: tuple[int, ...]
    sentinel: tuple[int, ...]

    @property
    def used(self) -> tuple[int, ...]:
        """All of them."""
        return self.electrodes + self.sentinel

    def group(self, name: Group) -> tuple[int, ...]:
        """The channels of a group by name."""
        match name:
            case "used":
                return self.used
            case "electrodes":
                return self.electrodes
            case "sentinel":
                return self.sentinel
            case _:
                raise ValueError(f"no such group of thermocouples: {name!r}")


class _Writer:
    """Python text of one catalogue with its limits and channels filled in."""

    def __init__(self, limits: Mapping[str, float], channels: Channels) -> None:
        self.limits = limits
        self.channels = channels
        self.names: set[str] = set()

    def constant(self, node: Term) -> float | None:
        """The node's value where it holds no signal."""
        match node:
            case Const(value):
                return value
            case Limit(name):
                return self.limits[name]
            case Scaled(by, of):
                b, o = self.constant(by), self.constant(of)
                return None if b is None or o is None else b * o
            case Sum(left, right):
                a, c = self.constant(left), self.constant(right)
                return None if a is None or c is None else a + c
            case _:
                return None

    def term(self, node: Term, at: str) -> str:
        value = self.constant(node)
        if value is not None:
            return repr(float(value))
        match node:
            case Signal(name):
                self.names.add(name)
                return name
            case Channel():
                return at
            case Scaled(Const(-1.0), of):
                return f"-{self.term(of, at)}"
            case Scaled(by, of):
                return f"{self.term(by, at)} * {self.term(of, at)}"
            case Sum(left, right):
                return f"({self.term(left, at)} + {self.term(right, at)})"
            case _:
                raise TypeError(f"not a term: {node!r}")

    def fine(self, node: Condition, at: str = "") -> str:
        """Text that is true where the condition is not violated."""
        match node:
            case Flag(name):
                self.names.add(name)
                return f"not {name}"
            case NotFlag(name):
                self.names.add(name)
                return name
            case Both(left, right):
                return f"({self.fine(left, at)} or {self.fine(right, at)})"
            case Either(left, right):
                return f"({self.fine(left, at)} and {self.fine(right, at)})"
            case AnyChannel(group, each):
                parts = [self.fine(each, f"tc{i}") for i in self.channels.group(group)]
                self.names.add("temperature_c")
                return "(" + " and ".join(parts) + ")" if parts else "True"
            case Compare(op, left, right):
                low, high = (left, right) if op[0] == ">" else (right, left)
                between = "<=" if len(op) == 1 else "<"
                # violated by left > right; so fine is low <= high, with both ends finite
                text = f"{self.term(low, at)} {between} {self.term(high, at)}"
                if self.constant(low) is None:
                    text = f"-{LARGEST} <= {text}"
                if self.constant(high) is None:
                    text = f"{text} <= {LARGEST}"
                return text
            case _:
                raise TypeError(f"not a condition: {node!r}")


def absent_names(condition: Condition) -> tuple[str, ...]:
    """Signals of a condition that may be absent, sorted."""
    return tuple(sorted(names_in(condition)[0] & MAY_BE_ABSENT))


def compile_rows(
    rows: Sequence[tuple[int, Condition]], limits: Mapping[str, float], channels: Channels
) -> tuple[AllWell, Judge, str]:
    """(all well?, which are violated and held, source) for rows given as (bit, condition).

    Raises KeyError for a limit that is not there and ValueError for a signal that is not.
    """
    writer = _Writer(limits, channels)
    well, violated, held = [], [], []
    for bit, condition in rows:
        unknown = names_in(condition)[0] - KNOWN
        if unknown:
            raise ValueError(f"no such signal: {', '.join(sorted(unknown))}")
        fine = writer.fine(condition)
        absent = absent_names(condition)
        writer.names.update(absent)
        is_absent = " or ".join(f"{name} is None" for name in absent)
        if absent:
            well.append(f"({is_absent} or {fine})")
            held.append(f"({1 << bit} if {is_absent} else 0)")
            violated.append(f"(0 if {is_absent} or {fine} else {1 << bit})")
        else:
            well.append(fine)
            violated.append(f"(0 if {fine} else {1 << bit})")
    # one unpacking of the whole record is cheaper than many look-ups; what no row reads goes to one name
    unpack = ", ".join(name if name in writer.names else "_" for name in Signals._fields)
    head = [f"    {unpack} = s"] if writer.names else []
    if "temperature_c" in writer.names:
        head += [f"    tc{i} = temperature_c[{i}]" for i in channels.used]
    lines = [
        "def all_well(s):",
        *head,
        # as a test, not as a value: Python has a quick comparison of two floats only where a jump follows
        "    if " + ("(" + "\n        and ".join(well) + ")" if well else "True") + ":",
        "        return True",
        "    return False",
        "def judge(s):",
        *head,
        "    return " + (" | ".join(violated) or "0") + ", " + (" | ".join(held) or "0"),
    ]
    source = "\n".join(lines) + "\n"
    return *_made(source), source


@lru_cache
def _made(source: str) -> tuple[AllWell, Judge]:
    """The functions of this text. They have no state, so treatments of one device share them."""
    scope: dict[str, object] = {}
    exec(compile(source, "<interlocks>", "exec"), {"__builtins__": {}}, scope)
    return scope["all_well"], scope["judge"]  # type: ignore[return-value]


def sentence(node: Condition | Term, limits: Mapping[str, float], units: Mapping[str, str]) -> str:
    """The condition in words, with the limits' values."""

    def number(value: Term) -> str:
        match value:
            case Signal(name):
                return name
            case Limit(name):
                unit = units.get(name, "")
                return f"{limits[name]:g}" + (f" {unit}" if unit not in ("", "1") else "")
            case Const(v):
                return f"{v:g}"
            case Channel():
                return "reading"
            case Scaled(Const(-1.0), of):
                return f"-{number(of)}"
            case Scaled(by, of):
                return f"{number(by)} x {number(of)}"
            case Sum(left, Scaled(Const(-1.0), of)):
                return f"{number(left)} - {number(of)}"
            case Sum(left, right):
                return f"{number(left)} + {number(right)}"
            case _:
                raise TypeError(f"not a term: {value!r}")

    match node:
        case Flag(name):
            return name.replace("_", " ")
        case NotFlag(name):
            return "not " + name.replace("_", " ")
        case Both(left, right):
            return f"{_bracketed(left, limits, units)} and {_bracketed(right, limits, units)}"
        case Either(left, right):
            return f"{sentence(left, limits, units)} or {sentence(right, limits, units)}"
        case AnyChannel(group, each):
            who = {"used": "a thermocouple", "electrodes": "an electrode thermocouple", "sentinel": "a sentinel"}
            return f"{who[group]}: {_bracketed(each, limits, units)}"
        case Compare(op, left, right):
            return f"{number(left)} {op} {number(right)}"
        case Term():
            return number(node)
        case _:
            raise TypeError(f"not a condition: {node!r}")


def _bracketed(node: Condition, limits: Mapping[str, float], units: Mapping[str, str]) -> str:
    text = sentence(node, limits, units)
    return f"({text})" if isinstance(node, Either) else text
