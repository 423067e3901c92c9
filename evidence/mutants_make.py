"""Makes mutants of one Python file: the same text with one small piece changed, each a plausible defect.

What is changed: comparisons (boundary and direction), `and` and `or` and their operands, `not`, arithmetic, whole
numbers by one, other numbers by a thousandth, persistences by a microsecond and by a tick, switches, states, sets of
states, limits for others of the same unit, NaN for 0, returned values, statements and branches left out, rows left out
and put in another order, `min` and `max`, `any` and `all`, and the text of which compiled code is made. What is not
changed: types, docstrings, decorators, and texts for people.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATES = ("IDLE", "IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF")
LETTERS = "ICRHX"
SETS_OF_STATES = {"RADIATING": "CRH", "ALL": "ICRHX"}
GROUPS = ("used", "electrodes", "sentinel")
COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
CODE_TOKENS = (
    (" or ", " and "),
    (" and ", " or "),
    ("<=", "<"),
    ("not ", ""),
    ("is None", "is not None"),
    (" + ", " - "),
    (" * ", " + "),
    (" | ", " & "),
    ("-", ""),
)
"""In the text of which compiled code is made."""
MAKES_CODE = ("compile", "thermal")
TICK_US = 20_000


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed piece: bytes `start` to `end` of the file become `after`."""

    id: str
    """file:place:what was changed; it names no line, so that it lasts."""
    path: str
    start: int
    end: int
    after: str

    def applied(self, source: bytes) -> bytes:
        """The file's text with the change in."""
        return source[: self.start] + self.after.encode() + source[self.end :]


@dataclass(frozen=True, slots=True)
class _Change:
    """A mutant before it has its name."""

    where: str
    kind: str
    start: int
    end: int
    after: str


def _limits_by_unit(folder: Path) -> dict[str, str]:
    """Each limit's next one of the same unit, from the text of limits.py."""
    found = re.findall(r'LimitSpec\(\s*"(\w+)", "([^"]+)"', (folder / "limits.py").read_text())
    units: dict[str, list[str]] = {}
    for name, unit in found:
        units.setdefault(unit, []).append(name)
    return {name: group[(n + 1) % len(group)] for group in units.values() for n, name in enumerate(group)}


class _Maker:
    """Walks one file's tree."""

    def __init__(self, path: Path, source: bytes) -> None:
        self.stem = path.stem
        self.source = source
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts
        self._twin_limits = _limits_by_unit(path.parent) if path.stem == "catalogue" else {}
        self.changes: list[_Change] = []

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First byte, and the one after the last."""
        first = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return first, last

    def text(self, node: ast.AST) -> str:
        """As it is written."""
        start, end = self.span(node)
        return self.source[start:end].decode()

    def add(self, node: ast.AST, where: str, after: str, kind: str = "") -> None:
        """A mutant in which this node reads otherwise."""
        start, end = self.span(node)
        before = " ".join(self.text(node).split())
        self.changes.append(_Change(where, kind or f"{before} -> {after}", start, end, after))

    # --- statements ---------------------------------------------------------------------------------------------

    def body(self, statements: list[ast.stmt], where: str, inside: bool) -> None:
        """The statements of a block."""
        for statement in statements:
            self.statement(statement, where, inside)

    def statement(self, node: ast.stmt, where: str, inside: bool) -> None:
        """One statement. `inside`: of a function."""
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                return
            case ast.FunctionDef(name=name):
                place = f"{where}.{name}" if where else name
                for default in [*node.args.defaults, *node.args.kw_defaults]:
                    if default is not None:
                        self.expression(default, place)
                self._assigned = Counter(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and is_store(n))
                self.body(node.body, place, True)
            case ast.ClassDef(name=name):
                self.body(node.body, f"{where}.{name}" if where else name, False)
            case ast.Expr(value=ast.Constant()):
                return  # a docstring
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                self.assignment(node, where, inside)
            case ast.Return(value=value):
                if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
                    self.expression(value, where)
                    self.add(node, where, "return None", f"{' '.join(self.text(node).split())} -> return None")
            case ast.Raise():
                self.drop(node, where)
            case ast.Expr(value=value):
                self.drop(node, where)
                self.expression(value, where)
            case ast.Delete() | ast.Continue() | ast.Break():
                self.drop(node, where)
            case ast.If() | ast.While():
                self.test(node.test, where)
                self.body([*node.body, *node.orelse], where, inside)
            case ast.For():
                self.expression(node.iter, where)
                self.body(node.body, where, inside)
            case ast.Try():
                self.body([*node.body, *(s for handler in node.handlers for s in handler.body)], where, inside)
            case ast.Match():
                for case in node.cases:
                    if not (isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None):
                        end = self.span(case.pattern)[1]
                        kind = f"case {' '.join(self.text(case.pattern).split())} left out"
                        self.changes.append(_Change(where, kind, end, end, " if False"))
                    self.body(case.body, where, inside)
            case _:
                raise TypeError(f"{self.stem}, line {node.lineno}: nothing is known of {type(node).__name__}")

    def assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, where: str, inside: bool) -> None:
        """What is assigned; and the statement left out, where something else would then be read."""
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        value = node.value
        if value is None or (isinstance(target, ast.Name) and target.id == "__slots__"):
            return
        if isinstance(value, ast.Subscript) and not inside:
            return  # a type's name
        if inside and (
            isinstance(node, ast.AugAssign)
            or isinstance(target, (ast.Attribute, ast.Subscript))
            or (isinstance(target, ast.Name) and self._assigned[target.id] > 1)
        ):
            self.drop(node, where)
        if isinstance(node, ast.AugAssign) and not isinstance(value, (ast.Tuple, ast.List)):
            shown = f"{self.text(target)} {ARITHMETIC[type(node.op)]}= {self.text(value)}"
            self.add(node, where, shown)
        place = where if inside else ".".join(filter(None, (where, self.text(target))))
        if not inside and isinstance(value, ast.Tuple) and value.elts and isinstance(value.elts[0], ast.Call):
            self.rows(value.elts, self.text(target))
        else:
            self.expression(value, place)

    def drop(self, node: ast.stmt, where: str) -> None:
        """The statement left out."""
        self.add(node, where, "pass", f"without {' '.join(self.text(node).split())[:100]}")

    def rows(self, rows: list[ast.expr], name: str) -> None:
        """A table at the top of a file: each row, without it, and in another order."""
        for n, row in enumerate(rows):
            assert isinstance(row, ast.Call)
            first = row.args[0]
            label = first.value if isinstance(first, ast.Constant) else " ".join(self.text(first).split())
            if self.stem == "machine":
                label = f"{label} from {self.text(row.args[1])}"
            place = f"{name}[{label}]"
            start, end = self.span(row)
            comma = self.source.index(b",", end)
            self.changes.append(_Change(place, "left out", start, comma + 1, ""))
            if n + 1 < len(rows):
                after = f"{self.text(rows[n + 1])}, {self.text(row)}"
                self.changes.append(_Change(place, "after the next", start, self.span(rows[n + 1])[1], after))
            for argument in row.args:
                self.expression(argument, place)
            for keyword in row.keywords:
                if keyword.arg == "persist_us" and isinstance(keyword.value, ast.Constant):
                    for step in (-TICK_US, TICK_US):
                        self.add(keyword.value, place, str(int(str(keyword.value.value)) + step))
                self.expression(keyword.value, place)

    # --- expressions --------------------------------------------------------------------------------------------

    def test(self, node: ast.expr, where: str) -> None:
        """The test of a branch: turned round, unless a part of it is turned round anyway."""
        if not isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            self.add(node, where, f"not ({self.text(node)})")
        self.expression(node, where)

    def expression(self, node: ast.expr, where: str) -> None:
        """Every mutant of an expression and of what is in it."""
        for after in self.changed(node):
            self.add(node, where, after)
        if isinstance(node, ast.JoinedStr):
            return
        if isinstance(node, ast.IfExp):
            self.test(node.test, where)
            self.expression(node.body, where)
            self.expression(node.orelse, where)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child, where)
            elif isinstance(child, ast.keyword):
                if isinstance(child.value, ast.Constant) and child.value.value is None:
                    self.add(child.value, where, "0.0", f"{child.arg}=None -> 0.0")
                self.expression(child.value, where)
            elif isinstance(child, ast.comprehension):
                self.expression(child.iter, where)
                for test in child.ifs:
                    self.test(test, where)

    def changed(self, node: ast.expr) -> Iterator[str]:
        """Other texts for this node."""
        match node:
            case ast.Compare():
                for n, op in enumerate(node.ops):
                    sides = [self.text(side) for side in (node.left, *node.comparators)]
                    for other in COMPARISONS[type(op)]:
                        signs = [other if k == n else sign(o) for k, o in enumerate(node.ops)]
                        rest = " ".join(f"{s} {side}" for s, side in zip(signs, sides[1:], strict=True))
                        yield f"({sides[0]} {rest})"
            case ast.BoolOp(op=op, values=values):
                parts = [f"({self.text(value)})" for value in values]
                word = " and " if isinstance(op, ast.And) else " or "
                yield "(" + (" or " if isinstance(op, ast.And) else " and ").join(parts) + ")"
                for n in range(len(parts)):
                    yield "(" + word.join(parts[:n] + parts[n + 1 :]) + ")"
            case ast.BinOp(left=left, op=op, right=right):
                yield f"(({self.text(left)}) {ARITHMETIC[type(op)]} ({self.text(right)}))"
            case ast.UnaryOp(operand=operand):
                yield f"({self.text(operand)})"
            case ast.Constant(value=value):
                yield from self.constant(value)
            case ast.JoinedStr():
                yield from self.code_text(node)
            case ast.Call(func=ast.Name(id=name)) if name in TWINS:
                yield TWINS[name] + self.text(node)[len(name) :]
            case ast.Call(func=ast.Name(id="frozenset"), args=[ast.Set(elts=elts)]):
                yield from self.set_of(elts)
            case ast.Name(id="NAN", ctx=ast.Load()):
                yield "0.0"
            case ast.Name(id=name) if name in SETS_OF_STATES and self.stem == "catalogue":
                yield from self.other_states(SETS_OF_STATES[name])
            case ast.Name(id=name) if name in STATES:
                yield STATES[(STATES.index(name) + 1) % len(STATES)]
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield from self.member(owner, name)
            case _:
                return

    def member(self, owner: str, name: str) -> Iterator[str]:
        """For `owner.name`."""
        if owner == "State" and name in STATES:
            yield f"State.{STATES[(STATES.index(name) + 1) % len(STATES)]}"
        elif owner == "Clears":
            yield from (f"Clears.{other}" for other in ("READING", "ACKNOWLEDGE", "RELINK") if other != name)
        elif owner == "Needs" and name != "NOTHING":
            yield "Needs.NOTHING"
        elif owner == "limit" and self._twin_limits.get(name, name) != name:
            yield f"limit.{self._twin_limits[name]}"
        elif (owner, name) == ("math", "nan"):
            yield "0.0"

    def set_of(self, elts: list[ast.expr]) -> Iterator[str]:
        """A set without one of its members; a set of states also with one more."""
        names = [self.text(element) for element in elts]
        if all(name in LETTERS for name in names):
            yield from self.other_states("".join(names))
            return
        for n in range(len(names)):
            yield "frozenset({" + ", ".join(names[:n] + names[n + 1 :]) + "})"

    @staticmethod
    def other_states(letters: str) -> Iterator[str]:
        """The same set of states without one of them, and with one more."""
        for letter in LETTERS:
            others = [x for x in LETTERS if (x in letters) != (x == letter)]
            yield "frozenset({" + ", ".join(others) + "})" if others else "frozenset()"

    def constant(self, value: object) -> Iterator[str]:
        """Other values near this one."""
        if isinstance(value, bool):
            yield str(not value)
        elif isinstance(value, int):
            yield from (str(value + 1), f"({value - 1})")
        elif isinstance(value, float):
            yield from (("0.001", "(-0.001)") if value == 0.0 else (repr(value * 1.001), repr(value * 0.999)))
        elif isinstance(value, str):
            if value in GROUPS:
                yield repr(GROUPS[(GROUPS.index(value) + 1) % len(GROUPS)])
            elif self.stem in MAKES_CODE:
                yield from (repr(other) for other in code_texts(value))

    def code_text(self, node: ast.JoinedStr) -> Iterator[str]:
        """A formatted text of which code is made, with one word of it changed."""
        if self.stem not in MAKES_CODE:
            return
        for part in node.values:
            if isinstance(part, ast.Constant):
                kept = part.value
                for other in code_texts(str(kept)):
                    part.value = other
                    yield ast.unparse(node)
                part.value = kept


def code_texts(value: str) -> Iterator[str]:
    """The text with one word of code changed."""
    if " " not in value.strip() and value.strip() not in ("<", "<=", "or", "and", "not", "-", "|"):
        return
    if value == "<":
        yield "<="
    for token, other in CODE_TOKENS:
        if token in value:
            yield value.replace(token, other, 1)


def sign(op: ast.cmpop) -> str:
    """A comparison as it is written."""
    return {
        ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
        ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    }[type(op)]  # fmt: skip


def is_store(node: ast.Name) -> bool:
    """The name is given a value here."""
    return isinstance(node.ctx, ast.Store)


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """Every mutant of a file, in its order; `root` is the folder that the file's name is told from.

    Raises TypeError for a kind of statement that nothing is known of.
    """
    source = path.read_bytes()
    maker = _Maker(path, source)
    maker.body(ast.parse(source).body, "", False)
    seen: Counter[str] = Counter()
    found = []
    for change in maker.changes:
        name = f"{path.stem}:{change.where}: {change.kind}"
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name} #{seen[name]}"
        found.append(Mutant(unique, str(path.relative_to(root)), change.start, change.end, change.after))
    return found
