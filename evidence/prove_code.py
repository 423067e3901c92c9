"""The functions that the loop runs, read as solver terms: the text that `compile_rows` makes, not the
trees it is made from.

All rows of a state are one function there. So what is claimed of one bit of its answer, for every value of
every signal, says also that no other row can mask it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_rows import shown
from evidence.prove_solver import Claim
from evidence.terms import Conditions, Inputs, Layout, double
from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs, Row
from rfgen.safety.signals import Signals
from rfgen.safety.supervisor import Supervisor

LAYOUTS = (Channels((0, 1), (2,)), Channels((0,), ()), Channels((3, 1, 0), (2, 4)))
"""Of the compiled functions; the trees are proved for every layout."""


class Unreadable(Exception):
    """The compiled text holds something that this reader does not know."""


@dataclass(frozen=True, slots=True)
class Absent:
    """`x is None`, before it is known whether x is there."""

    name: str


class Reader:
    """Reads a function of one record of signals, made of one unpacking, readings taken from it, and one
    expression or one test."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.names: dict[str, str] = {}
        """Local name: the signal it was unpacked from."""
        self.readings: dict[str, int] = {}

    def body(self, function: ast.FunctionDef) -> ast.expr:
        """Take in the assignments; the returned expression, or the test that True is returned on, and else False."""
        test: ast.expr | None = None
        for line in function.body:
            match line:
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Name()):
                    places = zip(names, Signals._fields, strict=True)
                    self.names = {n.id: field for n, field in places if isinstance(n, ast.Name) and n.id != "_"}
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Subscript(value=ast.Name(id=of), slice=ast.Constant(value=int(place))),
                ) if self.names[of] == "temperature_c":
                    self.readings[name] = place
                case ast.If(test=asked, body=[ast.Return(value=ast.Constant(value=True))], orelse=[]) if test is None:
                    test = asked
                case ast.Return(value=ast.Constant(value=False)) if test is not None:
                    return test
                case ast.Return(value=ast.expr() as value) if test is None:
                    return value
                case _:
                    raise Unreadable(ast.dump(line))
        raise Unreadable("nothing is returned")

    def truth(self, node: ast.expr) -> z3.BoolRef:
        """A condition."""
        match node:
            case ast.Constant(value=bool(value)):
                return z3.BoolVal(value)
            case ast.Name(id=name):
                return self.inputs.value[self.names[name]]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return z3.Not(self.truth(operand))
            case ast.BoolOp(op=ast.And(), values=values):
                return z3.And([self.truth(value) for value in values])
            case ast.BoolOp(op=ast.Or(), values=values):
                return z3.Or([self.truth(value) for value in values])
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
                return self.inputs.absent[self.names[name]]
            case ast.Compare(left=left, ops=ops, comparators=others):
                terms = [self.number(term) for term in (left, *others)]
                return z3.And([compare(op, a, b) for op, a, b in zip(ops, terms, terms[1:], strict=False)])
        raise Unreadable(ast.dump(node))

    def number(self, node: ast.expr) -> z3.FPRef:
        """A double."""
        match node:
            case ast.Constant(value=int(value) | float(value)):
                return double(float(value))
            case ast.Name(id=name) if name in self.readings:
                return self.inputs.tc[self.readings[name]]
            case ast.Name(id=name):
                return self.inputs.value[self.names[name]]
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value) | float(value))):
                return double(-float(value))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return z3.fpNeg(self.number(operand))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return z3.fpMul(z3.RNE(), self.number(left), self.number(right))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return z3.fpAdd(z3.RNE(), self.number(left), self.number(right))
        raise Unreadable(ast.dump(node))

    def mask(self, node: ast.expr) -> dict[int, z3.BoolRef]:
        """By bit, when it is in the mask: a union of single bits, each there or not."""
        match node:
            case ast.Constant(value=0):
                return {}
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                first, second = self.mask(left), self.mask(right)
                if first.keys() & second.keys():
                    raise Unreadable("a bit is given twice")
                return first | second
            case ast.IfExp(test=test, body=ast.Constant(value=int(yes)), orelse=ast.Constant(value=int(no))):
                if (yes == 0) == (no == 0) or (yes + no).bit_count() != 1:
                    raise Unreadable(ast.dump(node))
                truth = self.truth(test)
                return {(yes + no).bit_length() - 1: truth if yes else z3.Not(truth)}
        raise Unreadable(ast.dump(node))


def compare(op: ast.cmpop, a: z3.FPRef, b: z3.FPRef) -> z3.BoolRef:
    """One comparison of a chain."""
    match op:
        case ast.Lt():
            return z3.fpLT(a, b)
        case ast.LtE():
            return z3.fpLEQ(a, b)
    raise Unreadable(ast.dump(op))


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the text of one state's functions says."""

    violated: Mapping[int, z3.BoolRef]
    held: Mapping[int, z3.BoolRef]
    all_well: z3.BoolRef


def read(source: str, inputs: Inputs) -> Compiled:
    """Terms of the compiled text. Raises Unreadable."""
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    well, judge = Reader(inputs), Reader(inputs)
    all_well = well.truth(well.body(functions["all_well"]))
    answer = judge.body(functions["judge"])
    match answer:
        case ast.Tuple(elts=[violated, held]):
            return Compiled(judge.mask(violated), judge.mask(held), all_well)
    raise Unreadable(ast.dump(answer))


def code_claims(rows: Sequence[Row] = ROWS, layouts: Sequence[Channels] = LAYOUTS) -> list[Claim]:
    """For each state and layout: each row's bits are its own tree's, and the quick answer is that none is
    there."""
    claims = []
    values = resolve_limits()
    limits = {name: double(value) for name, value in values.items()}
    for place, layout in enumerate(layouts):
        supervisor = Supervisor(values, layout, frozenset(Needs), rows)
        where = Layout(layout.electrodes, layout.sentinel)
        said: set[tuple[int, ...]] = set()
        for state in State:
            inputs = Inputs()
            compiled = read(supervisor.source(state), inputs)
            conditions = Conditions(inputs, limits, where)
            for bit, violated in compiled.violated.items():
                row = rows[bit]
                held = compiled.held.get(bit, z3.BoolVal(False))
                says = z3.And(violated == conditions.fires(row.condition), held == conditions.held(row.condition))
                # the same term may have been met in another state
                key = (place, bit, violated.get_id(), held.get_id())
                if key not in said:
                    said.add(key)
                    text = (
                        f"its bit is its own condition's, whatever the other rows read ({state.name}, layout {place})"
                    )
                    claims.append(Claim(row.id, text, says, (), shown(row, inputs, where, limits)))
            quick = compiled.all_well == z3.Not(z3.Or(list(compiled.violated.values())))
            claims.append(Claim("all_well", f"the quick answer is right ({state.name}, layout {place})", quick))
    return claims
