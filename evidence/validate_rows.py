"""A published row as a runnable case: its band, what came out, in or out, and why."""

from __future__ import annotations

from typing import NamedTuple

from evidence.page import Page


class Row(NamedTuple):
    """One published figure and what came of it here. `why` is said where it is out."""

    name: str
    published: str
    least: float
    most: float
    found: float
    unit: str
    why: str = ""
    digits: int = 1

    @property
    def inside(self) -> bool:
        """Within the band."""
        return self.least <= self.found <= self.most

    @property
    def cells(self) -> tuple[str, ...]:
        """Of a table: row, published, here, in or out."""
        return (
            self.name,
            self.published,
            f"{self.found:.{self.digits}f} {self.unit}",
            "in" if self.inside else "**out**",
        )


HEADS = ("row", "published", "here", "in or out")


def show(page: Page, rows: list[Row]) -> list[Row]:
    """The rows as a table, and below it why those are out that are."""
    page.table(HEADS, [row.cells for row in rows])
    for why in dict.fromkeys(row.why for row in rows if not row.inside and row.why):
        page.say(f"Out: {why}")
    return rows
