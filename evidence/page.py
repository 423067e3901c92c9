"""A page of results: prose, tables and verdicts, all written by the program that measured them."""

from __future__ import annotations

from pathlib import Path


class Page:
    """Collects a page. A verdict that is not met is kept in `missed` and shown as missed."""

    def __init__(self, title: str, command: str) -> None:
        self.lines = [f"<!-- Written by `{command}`: run it, do not edit. -->", "", f"# {title}", ""]
        self.missed: list[str] = []
        self.met: list[str] = []

    def section(self, title: str) -> None:
        """A heading."""
        self.lines += [f"## {title}", ""]
        print(f"== {title}", flush=True)

    def say(self, text: str) -> None:
        """A paragraph."""
        self.lines += [text, ""]

    def table(self, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """A table, first column to the left."""
        self.lines += ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
        self.lines += ["| " + " | ".join(row) + " |" for row in rows]
        self.lines.append("")
        for row in rows:
            print("   ", *row, sep="  ", flush=True)

    def verdict(self, met: bool, text: str) -> bool:
        """One promise, met or missed; returns `met`."""
        (self.met if met else self.missed).append(text)
        self.lines += [f"**{'Met' if met else 'Missed'}**: {text}", ""]
        print("met:" if met else "MISSED:", text, flush=True)
        return met

    def write(self, path: Path) -> None:
        """To a file; the summary comes after the title."""
        head, body = self.lines[:4], self.lines[4:]
        count = f"{len(self.met)} of {len(self.met) + len(self.missed)} promises on this page are met."
        summary = [count, ""] if self.met or self.missed else []
        if self.missed:
            summary = [f"{count} Missed:", "", *[f"- {text}" for text in self.missed], ""]
        text = "\n".join([*head, *summary, *body])
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
        print(f"wrote {path}: {count}")


def number(value: float, digits: int = 3) -> str:
    """A figure of so many significant digits, without an exponent where that reads well."""
    if value == 0.0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    return f"{value:.{max(0, digits - 2)}e}"
