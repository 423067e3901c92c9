"""A published row as a runnable case: its band, what came out, in or out, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol, Self, TypeVar

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


class Changeable(Protocol):
    """A NamedTuple of what a published row does not give."""

    def _replace(self, **changes: Any) -> Self: ...


C = TypeVar("C", bound=Changeable)


def choices(base: C, changes: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, C]]:
    """Each choice alone: its name, and the base case with it."""
    for name, change in changes.items():
        yield name, base._replace(**change)


HEADS = ("row", "published", "here", "in or out")


def show(page: Page, rows: list[Row]) -> list[Row]:
    """The rows as a table, and below it why those are out that are."""
    page.table(HEADS, [row.cells for row in rows])
    for why in dict.fromkeys(row.why for row in rows if not row.inside and row.why):
        page.say(f"Out: {why}")
    return rows
