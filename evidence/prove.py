"""`python -m evidence.prove`: every proof of the interlocks, with the time each group took.

Proved, not tested: for every value of every signal, NaN and the infinities among them, and for runs of any
length. A claim that the solver refutes is shown with its counterexample; one that it cannot decide is a
failure too. Exit code 1 for either.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.asked import exit_code, one_or_more
from evidence.prove_code import code_claims
from evidence.prove_count import other_claims, rule_claims, step_claims
from evidence.prove_order import order_claims, rounding_claims
from evidence.prove_permit import command_claims, permit_claims
from evidence.prove_rows import finite_claims, text_claims
from evidence.prove_solver import LIMIT, Claim, Result, solve, vacuous

GROUPS: dict[str, tuple[str, Callable[[], list[Claim]]]] = {
    "text": ("a row counts as true when and only when the catalogue's text says", text_claims),
    "missing": ("what is no number is never fine", finite_claims),
    "order": ("which way a signal moves never untrips a row", order_claims),
    "rounding": ("what products and sums keep to", rounding_claims),
    "code": ("the compiled functions say what the rows say, each bit its own row's alone", code_claims),
    "step": ("one step of Supervisor.evaluate does what the rule of counting says", step_claims),
    "other": ("ticks without a sample, and causes that are gone", other_claims),
    "rule": ("persistence, by induction over the rule", rule_claims),
    "permit": ("no more power than the limit, whatever is asked", permit_claims),
    "command": ("the same of every command that the firmware gives", command_claims),
}


def prove(claims: Sequence[Claim], limit: int = LIMIT) -> list[Result]:
    """What failed: refuted, undecided, or given what nothing can meet."""
    failed = []
    for claim in claims:
        result = solve(claim, limit)
        if not result.proved:
            failed.append(result)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evidence.prove", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all without")
    parser.add_argument("--limit", type=one_or_more, default=LIMIT, help="steps of the solver a claim, %(default)d")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.groups if name not in GROUPS]
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    print(f"z3 {z3.get_version_string()}")
    bad = 0
    for name in given.groups or GROUPS:
        what, make = GROUPS[name]
        started = time.perf_counter()
        claims = make()
        failed = prove(claims, given.limit)
        empty = [claim for claim in claims if vacuous(claim)]
        bad += len(failed) + len(empty) + (not claims)
        took = time.perf_counter() - started
        print(f"{name:<9} {len(claims) - len(failed):>5} of {len(claims):>5} proved in {took:5.1f} s: {what}")
        for result in failed:
            print(f"    {result}")
        for claim in empty:
            print(f"    says nothing: {claim.about}: {claim.text}")
        sys.stdout.flush()
    print("all proved" if not bad else f"{bad} not proved")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
