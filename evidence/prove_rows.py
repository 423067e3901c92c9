"""What is claimed of every row: it trips when and only when the catalogue's text says, and the compiled
code agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_catalogue import FIGURES, TEXTS, Tick
from evidence.prove_solver import Claim, Value, free
from evidence.terms import DOUBLE, MOST_CHANNELS, Conditions, Inputs, Layout, double, finite
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels, compile_rows
from rfgen.safety.expr import names_in
from rfgen.safety.limits import LIMITS
from rfgen.safety.row import Row
from rfgen.safety.signals import NOTHING_KNOWN


class Unproved(Exception):
    """A row has no entry in one of the tables of this package. The message says which, and what to add."""


def any_limits() -> dict[str, z3.FPRef]:
    """Every limit, whatever the profile makes of it."""
    return {name: z3.FP(f"limit {name}", DOUBLE) for name in LIMITS}


def numbers(limits: Mapping[str, z3.FPRef], row: Row) -> tuple[z3.BoolRef, ...]:
    """The limits that a row reads are numbers: `resolve_limits` lets no other through."""
    return tuple(finite(limits[name]) for name in sorted(names_in(row.condition)[1]))


def shown(row: Row, inputs: Inputs, layout: Layout, limits: Mapping[str, z3.FPRef]) -> dict[str, z3.ExprRef]:
    """What a counterexample names."""
    names, used, channels = names_in(row.condition)
    found = inputs.show(names, channels)
    if channels:
        found |= layout.show()
    return found | {f"limit {name}": limits[name] for name in sorted(used)}


def text_of(row: Row, inputs: Inputs, layout: Layout, limits: Mapping[str, z3.FPRef]) -> tuple[z3.BoolRef, z3.BoolRef]:
    """(it trips, it is held) as the catalogue's text has it. Raises Unproved for a row without one."""
    if row.id not in TEXTS:
        raise Unproved(f"row {row.id} has no second formula: add it to TEXTS in evidence/prove_catalogue.py")
    text = TEXTS[row.id]
    tick = Tick(inputs, layout, limits)
    try:
        held = tick.missing(*text.held_without)
        return z3.And(z3.Not(held), text.trips(tick)), held
    except KeyError as error:
        raise Unproved(
            f"the formula of row {row.id} in evidence/prove_catalogue.py reads {error}, which is no signal or limit, "
            "or may not be absent"
        ) from error


def text_claims(rows: Sequence[Row] = ROWS) -> list[Claim]:
    """Two a row: for any limits; and with the page's figures against the defaults in force."""
    claims = []
    for row in rows:
        inputs, layout = Inputs(), Layout()
        anything = any_limits()
        defaults = anything | {n: double(LIMITS[n].default) for n in FIGURES if n in LIMITS}
        figures = anything | {n: double(value) for n, value in FIGURES.items()}
        for what, ours, theirs in (
            ("whatever the limits", anything, anything),
            ("with the page's figures", defaults, figures),
        ):
            conditions = Conditions(inputs, ours, layout)
            trips, held = text_of(row, inputs, layout, theirs)
            says = z3.And(conditions.fires(row.condition) == trips, conditions.held(row.condition) == held)
            claims.append(
                Claim(
                    row.id,
                    f"it counts as true when and only when the catalogue's text says, {what}",
                    says,
                    (*layout.given, *numbers(anything, row)),
                    shown(row, inputs, layout, ours) | free(says),
                )
            )
    return claims


def finite_claims(rows: Sequence[Row] = ROWS) -> list[Claim]:
    """A reading or a signal that is no number is never fine, however the rest of its row stands: for each
    row on one signal."""
    claims = []
    for row in rows:
        names, _, channels = names_in(row.condition)
        inputs, layout, limits = Inputs(), Layout(), any_limits()
        numeric = [name for name in sorted(names) if not z3.is_bool(inputs.value[name])]
        if len(names) != 1 or channels or not numeric:
            continue
        conditions = Conditions(inputs, limits, layout)
        value = inputs.value[numeric[0]]
        claims.append(
            Claim(
                row.id,
                f"it counts as true wherever {numeric[0]} is measured and not a finite number",
                conditions.fires(row.condition),
                (z3.Not(conditions.held(row.condition)), z3.Not(finite(value)), *numbers(limits, row)),
                shown(row, inputs, layout, limits),
            )
        )
    return claims


def replay(row: Row, found: Mapping[str, Value], mark: str = "") -> tuple[bool, bool]:
    """(it counts as true, it is held): what the compiled code itself says to a counterexample's values.

    `mark`: of the tick, where the counterexample is about two.
    """
    names, limits, channels = names_in(row.condition)
    signals = NOTHING_KNOWN
    for name in names:
        absent = bool(found.get(f"{name} is absent", False))
        signals = signals._replace(**{name: None if absent else found[name + mark if name + mark in found else name]})
    layout = Channels((0,), ())
    if channels:
        places = range(MOST_CHANNELS)
        layout = Channels(
            tuple(i for i in places if found[f"tc{i} is an electrode"]),
            tuple(i for i in places if found[f"tc{i} is a sentinel"]),
        )
        readings = tuple(float(found[f"tc{i}{mark}" if f"tc{i}{mark}" in found else f"tc{i}"]) for i in places)
        signals = signals._replace(temperature_c=readings)
    values = {name: float(found[f"limit {name}"]) for name in limits}
    _, judge, _ = compile_rows([(0, row.condition)], values, layout)
    violated, held = judge(signals)
    return violated == 1, held == 1
