"""`make verify`: the field plant verified as a solver; writes docs/verification.md.

Everything in the page is measured by this run. Ends with 1 where a promise is missed.
"""

# ruff: noqa: E501 (prose for a page)
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from evidence import verify_order, verify_solid
from evidence.asked import exit_code, nothing
from evidence.fem.analytic import every_check
from evidence.page import Page, number
from evidence.verify_fem import TIMES_S, compare, fem, problems, study

PAGE = Path("docs/verification.md")
LEAST_ORDER = 1.9
MOST_C, MOST_OHM_SHARE, MOST_LEDGER, MOST_AUDIT = 0.3, 0.01, 1e-9, 1e-4


def closed_forms(page: Page) -> None:
    """The finite elements against solutions in closed form."""
    page.section("The reference: finite elements against closed forms")
    page.say(
        "`evidence/fem` solves the same problems by biquadratic finite elements (scikit-fem). It shares no code with "
        "`sim/field`: its own mesh, graded geometrically to 4 um at the edges of the poles, its own weak forms, and "
        "backward differences of order 2 in time."
    )
    rows = []
    for check in every_check():
        errors = [abs(found / check.exact - 1.0) for found in check.found]
        sizes = [str(n) for n in check.elements]
        rows.append((check.name, number(check.exact, 5) + " " + check.unit, " / ".join(sizes), *map(_small, errors)))
    page.table(("problem", "exact", "elements", "relative error, coarse", "fine"), rows)


def _small(value: float) -> str:
    return f"{value:.1e}"


def orders(page: Page) -> None:
    """Manufactured solutions."""
    page.section("Order in space and in time")
    space = [verify_order.electric_space(), verify_order.conduction_space(), verify_order.mode_space()]
    time = [verify_order.mode_time(), verify_order.coupled_time(0.02)]
    for found in (*space, *time):
        page.say(f"{found.name} (error: {found.of}):")
        ranks = ("", *(f"{order:.2f}" for order in found.orders))
        page.table(
            ("size", "error", "order"),
            [(s, _small(e), o) for s, e, o in zip(found.sizes, found.errors, ranks, strict=True)],
        )
    least = min(found.orders[-1] for found in space)
    page.verdict(least >= LEAST_ORDER, f"order in space at least {LEAST_ORDER}: {least:.2f} on the finest pair")
    page.verdict(
        time[0].orders[-1] >= LEAST_ORDER, f"order 2 in time for the heat alone: {time[0].orders[-1]:.2f} on the finest"
    )
    page.say(
        "Coupled, the coefficients are those of the last electric solve, so the order does not hold below the change that "
        "asks for a new solve: the error there is the greatest anywhere, and small beside 0.3 C at the default of 0.2 s."
    )


def against_fem(page: Page) -> None:
    """Both, on every problem."""
    page.section("Field plant against finite elements, default grid")
    page.say(
        f"Power in tissue from time 0; compared at {', '.join(f'{t:g}' for t in TIMES_S)} s, at probes from the needle's "
        "surface to 15 mm, next to the singular edges, and in the tip."
    )
    page.say(
        "Two things make the plant's plain formulas less exact than its order says, and `sim/field/faces.py` puts both right "
        "face by face. At the ends of a pole the current's density is singular, and so is the flow of heat where steel meets "
        "plastic: left alone, the two errors pull opposite ways, and beside a cooled pole the gap was 0.40 C too cool and the "
        "resistance 0.6 % too high. In cells that the edge of a sphere cuts, current along the edge and across it sees "
        "different means: the harmonic one everywhere made the layered problem's resistance 2 % too high. What is left in the cooled problem is the coolant's film, which is explicit in time: "
        "at a step of 0.0125 s its metal is 0.15 C cooler than at 0.2 s."
    )
    for posed in problems():
        both = compare(posed)
        page.say(f"**{posed.name}**, {posed.power_w:g} W, {both.cells} cells, {both.unknowns} unknowns:")
        worst = np.abs(both.field_c - both.fem_c).max(axis=0)
        page.table(
            ("where", "field, C, at the end", "elements, C", "greatest difference, C"),
            [
                (name, f"{both.field_c[-1, i]:.2f}", f"{both.fem_c[-1, i]:.2f}", f"{worst[i]:.2f}")
                for i, name in enumerate(both.names)
            ],
        )
        page.verdict(both.worst_c <= MOST_C, f"{posed.name}: temperatures within {MOST_C} C: {both.worst_c:.2f} C")
        page.verdict(
            both.worst_ohm <= MOST_OHM_SHARE,
            f"{posed.name}: resistance within 1 %: {100 * both.worst_ohm:.2f} % "
            f"({both.field_ohm[-1]:.1f} against {both.fem_ohm[-1]:.1f} ohm)",
        )


def edges(page: Page) -> None:
    """Convergence at the singular edges."""
    page.section("At the singular edges")
    page.say(
        "At the end of a pole the current density has no bound. There the order is lost: resistance and temperatures next "
        "to the edge converge at about first order, shown here for the monopolar problem at 60 s."
    )
    posed = problems()[0]
    reference = fem(posed, 1.0)
    rows = []
    for finest_mm in (0.24, 0.12, 0.06, 0.03):
        both = compare(posed, finest_mm, reference)
        at = [both.names.index(n) for n in ("0.3 mm off the tip's edge", "0.3 mm off the shaft's edge")]
        difference = both.field_c[-1] - both.fem_c[-1]
        rows.append(
            (
                f"{finest_mm:g} mm",
                str(both.cells),
                f"{100 * (both.field_ohm[-1] / both.fem_ohm[-1] - 1):+.2f} %",
                *(f"{difference[i]:+.3f}" for i in at),
            )
        )
    page.table(("finest cell", "cells", "resistance", "tip's edge, C", "shaft's edge, C"), rows)


def ledgers(page: Page) -> None:
    """Heat ledger, and voltage times current against the Joule integral, at every step."""
    page.section("Heat ledger, and V x I against the Joule integral")
    rows, ledger, audit = [], 0.0, 0.0
    for posed in problems():
        s = study(posed)
        worst_ledger = worst_audit = 0.0
        for _ in range(100):
            s.advance(s.tick_s, power_w=posed.power_w)
            stated, joule = s.audit()
            worst_audit = max(worst_audit, abs(stated / joule - 1.0))
            worst_ledger = max(worst_ledger, s.ledger.error)
        ledger, audit = max(ledger, worst_ledger), max(audit, worst_audit)
        rows.append((posed.name, _small(worst_ledger), _small(worst_audit)))
    page.table(("problem, 100 ticks", "ledger, relative", "V x I, relative"), rows)
    page.verdict(ledger <= MOST_LEDGER, f"heat in = stored + out to 1e-9 relative: {_small(ledger)}")
    page.verdict(audit <= MOST_AUDIT, f"V x I is the Joule integral to 1e-4 at every tick: {_small(audit)}")


def main() -> int:
    """The page; 1 where a promise is missed."""
    page = Page("The field plant, verified", "make verify")
    for part in (closed_forms, orders, against_fem, edges, ledgers, verify_solid.section):
        part(page)
    page.write(PAGE)
    return 1 if page.missed else 0


if __name__ == "__main__":
    nothing("evidence.verify", __doc__)
    sys.exit(exit_code(main))
