"""The safety page: hazard, requirement, row, tests and proof of every interlock; every fault, with what must see it.

Made of the rows, of the tables that the tests and proofs run on, and of the expectation table of the campaign.
"""

from __future__ import annotations

from evidence.campaign_cells import table
from evidence.oracle_rows import RULES
from evidence.prove_catalogue import TEXTS
from evidence.prove_order import WAYS
from rfgen.safety.catalogue import ROWS
from rfgen.safety.listing import listing
from rfgen.safety.row import Row

HEAD = """# Safety

What can go wrong, which interlock meets it, and what shows that it does. *Hazard* and *risk control* are used as
ISO 14971 uses them; no conformity to it or to any standard is claimed, and rfgen is not a medical device.

## From hazard to evidence

Every row below stands in all of these; a row that lacks one fails the suite by its name.

- **tests**: `tests/interlocks` makes the row's properties from it, over random backgrounds, with bounds restated
- **text**: `make prove` proves that it is true when and only when the catalogue's text says, NaN included
- **order**: `make prove` proves that the signals named never untrip it by getting worse
- **oracle**: `make oracle` predicts its trips from recordings alone, to the tick
- **explored**: `make explore` drives it through every reachable state

"""
TAIL = """
## Faults, and what must see them

[Cells](cells.md) has what was run of it on every profile (`make cells`); `make campaign-safety N=...` runs random
faults on random patients. A host that is killed is not in the table, because it has no firmware left to see anything:
the rig's own watchdog switches RF off, which `evidence/hostkill.py` and the tests of the line show.

"""


def lacking(row: Row) -> list[str]:
    """What this row has no evidence of."""
    missing = []
    if not row.hazard:
        missing.append("a hazard")
    if not row.usually:
        missing.append("what it usually means")
    if row.id not in TEXTS:
        missing.append("a proof of its text (evidence/prove_catalogue.py)")
    if not WAYS.get(row.id):
        missing.append("a proof of its order (evidence/prove_order.py)")
    if row.id not in RULES:
        missing.append("a rule of the oracle (evidence/oracle_rows.py)")
    return missing


def page() -> str:
    """As Markdown. A row without its evidence says what it lacks; a test sees that none that ships does."""
    told = {line["id"]: line for line in listing()}
    lines = ["| hazard | requirement: RF off when | for | interlock | evidence |", "|---|---|---|---|---|"]
    for row in sorted(ROWS, key=lambda row: row.hazard):
        line = told[row.id]
        missing = lacking(row)
        persist = f"{line['persist_s']:g} s" if line["persist_s"] else "at once"
        explored = "refuses the start: explored" if row.refuses else "explored"
        evidence = f"tests, text, order ({', '.join(WAYS.get(row.id, ()))}), oracle, {explored}"
        if missing:
            evidence = f"**lacks {', '.join(missing)}**"
        lines.append(f"| {row.hazard} | {line['trips_when']} | {persist} | {row.id} | {evidence} |")
    return HEAD + "\n".join(lines) + "\n" + TAIL + "\n".join(table()) + "\n"
