"""A formula over doubles, put weaker, so that the solver can do without bits.

Comparisons of finite doubles are comparisons of the real numbers that they stand for (so SMT-LIB and IEEE
754 define them); NaN and the infinities are told apart from those and from each other. Reals are more than
doubles, and a product or sum becomes any value at all, so what is proved here is true of doubles. What is
not proved here says nothing: the exact formula decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import z3  # type: ignore[import-untyped, unused-ignore]

LARGEST = z3.RealVal((2**53 - 1) * 2**971)
"""The largest finite double."""


class OutOfReach(Exception):
    """The formula holds something that has no weaker form here."""


@dataclass(frozen=True, slots=True)
class Wide:
    """A double as a real number, or one of the three that are none."""

    nan: z3.BoolRef
    most: z3.BoolRef
    least: z3.BoolRef
    real: z3.ArithRef

    @property
    def finite(self) -> z3.BoolRef:
        return z3.Not(z3.Or(self.nan, self.most, self.least))

    @property
    def given(self) -> z3.BoolRef:
        """At most one of the three; and no double that is finite is beyond the largest."""
        in_range = z3.And(self.real >= -LARGEST, self.real <= LARGEST)
        return z3.And(z3.AtMost(self.nan, self.most, self.least, 1), in_range)


class OverReals:
    """Translates formulas; the same double is the same everywhere.

    `given` holds what is known of those met so far.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, Wide] = {}
        self._formulas: dict[int, z3.BoolRef] = {}
        self._kept: list[z3.ExprRef] = []
        self.given: list[z3.BoolRef] = []

    def number(self, term: z3.FPRef) -> Wide:
        """A double."""
        key = term.get_id()
        if key not in self._numbers:
            self._kept.append(term)  # an id may be used again once its term has gone
            self._numbers[key] = self._constant(term) if z3.is_fp_value(term) else self._variable(key)
        return self._numbers[key]

    def _variable(self, key: int) -> Wide:
        found = Wide(z3.Bool(f"nan {key}"), z3.Bool(f"inf {key}"), z3.Bool(f"-inf {key}"), z3.Real(f"real {key}"))
        self.given.append(found.given)
        return found

    def _constant(self, term: z3.FPRef) -> Wide:
        no = z3.BoolVal(False)
        if term.isNaN() or term.isInf():
            kind = "nan" if term.isNaN() else "least" if term.isNegative() else "most"
            nan, most, least = (z3.BoolVal(kind == name) for name in ("nan", "most", "least"))
            return Wide(nan, most, least, z3.RealVal(0))
        if term.isZero():
            return Wide(no, no, no, z3.RealVal(0))
        value = Fraction(int(term.significand_as_long() | (0 if term.isSubnormal() else 1 << (term.sbits() - 1))))
        value *= Fraction(2) ** (int(term.exponent_as_long(biased=False)) - (term.sbits() - 1))
        value = -value if term.isNegative() else value
        return Wide(no, no, no, z3.RealVal(f"{value.numerator}/{value.denominator}"))

    def formula(self, term: z3.BoolRef) -> z3.BoolRef:
        """A formula, weaker. Raises OutOfReach."""
        key = term.get_id()
        if key not in self._formulas:
            self._kept.append(term)
            self._formulas[key] = self._translate(term)
        return self._formulas[key]

    def _translate(self, term: z3.BoolRef) -> z3.BoolRef:
        children = term.children()
        if not any(z3.is_fp(child) for child in children):
            if all(z3.is_bool(child) for child in children):
                return term.decl()(*[self.formula(child) for child in children]) if children else term
            raise OutOfReach(str(term.decl()))
        wide = [self.number(child) for child in children]
        match term.decl().kind():
            case z3.Z3_OP_FPA_LE:
                return at_most(wide[0], wide[1])
            case z3.Z3_OP_FPA_GE:
                return at_most(wide[1], wide[0])
            case z3.Z3_OP_FPA_LT:
                return less(wide[0], wide[1])
            case z3.Z3_OP_FPA_GT:
                return less(wide[1], wide[0])
            case z3.Z3_OP_FPA_IS_NAN:
                return wide[0].nan
            case z3.Z3_OP_FPA_IS_INF:
                return z3.Or(wide[0].most, wide[0].least)
        raise OutOfReach(str(term.decl()))


def at_most(a: Wide, b: Wide) -> z3.BoolRef:
    """a <= b, as IEEE 754 has it."""
    order = z3.Or(a.least, b.most, z3.And(a.finite, b.finite, a.real <= b.real))
    return z3.And(z3.Not(a.nan), z3.Not(b.nan), order)


def less(a: Wide, b: Wide) -> z3.BoolRef:
    """a < b, likewise."""
    return z3.And(z3.Not(a.nan), z3.Not(b.nan), z3.Not(at_most(b, a)))
