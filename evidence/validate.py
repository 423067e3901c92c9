# ruff: noqa: E501 (prose for a page)
"""`make validate`: the field plant held against published measurements; writes docs/validation.md.

Ends with 1 where a row that is listed here as in has fallen out, or one that is out says no reason.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from evidence import validate_bone, validate_canal, validate_circuit, validate_cosman, validate_damage
from evidence.asked import exit_code, nothing
from evidence.page import Page
from evidence.validate_rows import Row

PAGE = Path("docs/validation.md")
SECTIONS: tuple[tuple[Callable[[Page], list[Row]], int], ...] = (
    (validate_cosman.section, 4),
    (validate_bone.irastorza, 2),
    (validate_bone.groetz, 1),
    (validate_bone.bornemann, 0),
    (validate_canal.section, 2),
    (validate_circuit.impedance, 2),
    (validate_circuit.properties, 3),
    (validate_damage.section, 9),
)
"""Each part of the page, and how many of its rows are in: fewer is a promise missed. More is progress: raise it."""


def main() -> int:
    """The page; 1 where fewer rows are in than stated, or one is out without a reason."""
    page = Page("The field plant against published measurements", "make validate")
    page.say(
        "Each published row is a case that runs; what came out is in its band or out, and for what is out it says why. No constant of the plant is tuned to a row. What a row does not give is a "
        "choice: it is named, and each choice's effect is shown by changing it alone. Where the source gives no band, the band is said to be assumed."
    )
    rows: list[Row] = []
    fewer = []
    for section, least in SECTIONS:
        found = section(page)
        rows += found
        count = sum(row.inside for row in found)
        if count < least:
            fewer.append(f"{section.__module__.rpartition('.')[2]}.{section.__name__} {count} of {least}")
    silent = [row.name for row in rows if not row.inside and not row.why]
    page.section("Sum")
    inside = sum(row.inside for row in rows)
    stated = sum(least for _, least in SECTIONS)
    page.say(
        f"{inside} of {len(rows)} rows are in. Not run: Groetz' 20 mm array (the plant has needles alone, on one axis); Kumru's courses (not published on our page); Haemmerich and Schutt's remark that tumours conduct as soft "
        "tissue (it is where the tumour's figure comes from)."
    )
    page.verdict(not fewer, f"at least the {stated} rows that were in are in: {', '.join(fewer) or inside}")
    page.verdict(not silent, f"every row that is out says why: {', '.join(silent) or len(rows) - inside}")
    page.write(PAGE)
    return 1 if page.missed else 0


if __name__ == "__main__":
    nothing("evidence.validate", __doc__)
    sys.exit(exit_code(main))
