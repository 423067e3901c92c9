"""The catalogue as a table: what `rfgen interlocks` prints and the docs show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rfgen.records import State
from rfgen.safety.catalogue import ROWS, applicable
from rfgen.safety.compile import sentence
from rfgen.safety.expr import names_in
from rfgen.safety.limits import LIMITS, resolve_limits
from rfgen.safety.row import Needs, Row

LETTERS = {
    State.IDLE: "I",
    State.IMPEDANCE_CHECK: "C",
    State.RAMP: "R",
    State.HOLD: "H",
    State.CUTOFF: "X",
}


def listing(
    limits: Mapping[str, float] | None = None,
    features: frozenset[Needs] | None = None,
    rows: Sequence[Row] = ROWS,
) -> list[dict[str, Any]]:
    """One mapping a row, JSON-safe. Without limits the defaults; without features every row counts as applicable."""
    values = resolve_limits() if limits is None else limits
    units = {name: spec.unit for name, spec in LIMITS.items()}
    present = applicable(rows, frozenset(Needs) if features is None else features)
    found = []
    for row in rows:
        used = sorted(names_in(row.condition)[1])
        found.append(
            {
                "id": row.id,
                "hazard": row.hazard,
                "trips_when": sentence(row.condition, values, units),
                "persist_s": row.persist_us / 1e6,
                "armed": "".join(LETTERS[state] for state in State if state in row.armed),
                "clears": row.clears.value,
                "needs": row.needs.value,
                "applicable": row.id in present,
                "usually": row.usually,
                "limits": {
                    name: {
                        "value": values[name],
                        "unit": LIMITS[name].unit,
                        "hard_range": [LIMITS[name].hard_min, LIMITS[name].hard_max],
                    }
                    for name in used
                },
            }
        )
    return found


def text(rows: Sequence[Mapping[str, Any]]) -> str:
    """For a person: a row each, with its limits and their hard ranges under it."""
    lines = [
        "armed: I idle, C impedance check, R ramp, H hold, X cutoff; clears: R reading, A acknowledge, L relink",
        "",
    ]
    for row in rows:
        persist = f"for {row['persist_s']:g} s" if row["persist_s"] else "at once"
        lines.append(f"{row['id']:<18} {row['armed']:<6} {row['clears']}  {persist}")
        lines.append(f"    {row['trips_when']}")
        for name, limit in row["limits"].items():
            low, high = limit["hard_range"]
            lines.append(f"    {name} = {limit['value']:g} {limit['unit']} (may be {low:g}..{high:g})")
        if not row["applicable"]:
            lines.append(f"    not applicable: it needs {row['needs']}")
    return "\n".join(lines)
