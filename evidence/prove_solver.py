"""Claims, and what the solver says of them. A claim is proved when its negation has no model; `unknown`
proves nothing.

Needs z3-solver.
"""

from __future__ import annotations

import enum
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_reals import OutOfReach, OverReals

LIMIT = 60_000_000
"""The solver gives up on one claim after so many of its own steps; that is a failure, not a pass. Counted, not timed: a
busy machine proves the same. The hardest claim that there is takes 14 million, which is some 5 s."""

Value = float | bool | int


class Verdict(enum.Enum):
    """What became of a claim."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """`given` implies `says`, for all values of every variable in them."""

    about: str
    """A row's id, or the name of a function."""
    text: str
    says: z3.BoolRef
    given: tuple[z3.BoolRef, ...] = ()
    show: Mapping[str, z3.ExprRef] = field(default_factory=dict)
    """What a counterexample names."""


@dataclass(frozen=True, slots=True)
class Result:
    """The solver's answer, and the counterexample where there is one."""

    claim: Claim
    verdict: Verdict
    counterexample: Mapping[str, Value]
    seconds: float

    @property
    def proved(self) -> bool:
        """Only a proof counts."""
        return self.verdict is Verdict.PROVED

    def __str__(self) -> str:
        text = f"{self.verdict.value}: {self.claim.about}: {self.claim.text}"
        if self.verdict is Verdict.REFUTED:
            text += "; not so for " + ", ".join(f"{name} = {value!r}" for name, value in self.counterexample.items())
        return text


def solve(claim: Claim, limit: int = LIMIT) -> Result:
    """Ask the solver for a counterexample: first over the reals, where that is enough for a proof, else bit
    by bit."""
    started = time.perf_counter()
    if over_reals(claim, limit):
        return Result(claim, Verdict.PROVED, {}, time.perf_counter() - started)
    solver = z3.SolverFor("QF_FP") if floating(claim) else z3.Solver()
    solver.set("rlimit", limit)
    solver.add(*claim.given, z3.Not(claim.says))
    answer = solver.check()
    found: dict[str, Value] = {}
    verdict = Verdict.PROVED if answer == z3.unsat else Verdict.UNKNOWN
    if answer == z3.sat:
        verdict = Verdict.REFUTED
        model = solver.model()
        found = {name: value_of(model, term) for name, term in claim.show.items()}
    return Result(claim, verdict, found, time.perf_counter() - started)


def floating(claim: Claim) -> bool:
    """It is about doubles (and truths), and nothing else."""
    return not z3.Probe("is-qflia")(goal(claim)) and bool(z3.Probe("is-qffp")(goal(claim)))


def goal(claim: Claim) -> z3.Goal:
    """What must have no model."""
    found = z3.Goal()
    found.add(*claim.given, z3.Not(claim.says))
    return found


def over_reals(claim: Claim, limit: int = LIMIT) -> bool:
    """Is it proved over the reals already? False says nothing."""
    try:
        solver = _solver_over_reals((*claim.given, z3.Not(claim.says)), limit)
    except OutOfReach:
        return False
    return bool(solver.check() == z3.unsat)


def vacuous(claim: Claim) -> bool:
    """Nothing can be shown to meet what the claim is given: it might be proved whatever it says."""
    try:
        solver = _solver_over_reals(claim.given, LIMIT)
    except OutOfReach:
        solver = z3.Solver()
        solver.set("rlimit", LIMIT)
        solver.add(*claim.given)
    return bool(solver.check() != z3.sat)


def _solver_over_reals(formulas: Sequence[z3.BoolRef], limit: int) -> z3.Solver:
    weaker = OverReals()
    parts = [weaker.formula(part) for part in formulas]
    solver = z3.Solver()
    solver.set("rlimit", limit)
    solver.add(*weaker.given, *parts)
    return solver


def value_of(model: z3.ModelRef, term: z3.ExprRef) -> Value:
    """A term's value in a model, as Python has it."""
    if z3.is_fp(term):
        if z3.is_true(model.eval(z3.fpIsNaN(term), model_completion=True)):
            return float("nan")
        bits = model.eval(z3.fpToIEEEBV(term), model_completion=True).as_long()
        return float(struct.unpack("<d", struct.pack("<Q", bits))[0])
    found = model.eval(term, model_completion=True)
    return z3.is_true(found) if z3.is_bool(found) else int(found.as_long())


def free(*terms: z3.ExprRef) -> dict[str, z3.ExprRef]:
    """The variables of these terms, by name."""
    found: dict[str, z3.ExprRef] = {}
    seen: set[int] = set()
    todo = list(terms)
    while todo:
        term = todo.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        todo += term.children()
        if z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found[term.decl().name()] = term
    return dict(sorted(found.items()))
