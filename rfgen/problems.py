"""What is wrong with an input, and how it is said: file, line, field, value, message, remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

MAX_PROBLEMS = 100
"""Told at once; a file with more is not helped by the rest."""

PathPart = str | int


class Problem(NamedTuple):
    """One thing wrong with an input: where, what was found, and what would be right."""

    file: str
    line: int | None
    """From 1; None where no line is to blame."""
    column: int | None
    """From 1."""
    field: str
    """Dotted path, `treatment.steps[0].target_c`; empty for the file as a whole."""
    value: str
    """What was found, as it may be shown; empty where nothing was."""
    message: str
    """What is wrong with it: reads on from the value."""
    remedy: str
    """What would be right."""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        found = " ".join(part for part in (self.value, self.message) if part)
        said = ": ".join(part for part in (place, self.field, found) if part)
        return f"{said}; {self.remedy}" if self.remedy else said


class InputError(Exception):
    """The input is wrong. `problems` says everything that was found, `str` one line a problem.

    Past `MAX_PROBLEMS` a last line says that there are more.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = list(problems)
        if len(found) > MAX_PROBLEMS:
            more = Problem(
                found[0].file, None, None, "", "", "has more problems than are told here", "mend these first"
            )
            found = [*found[:MAX_PROBLEMS], more]
        self.problems: list[Problem] = found
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Fault(NamedTuple):
    """Something a model refuses across its own fields: `path` from the model down to the field to blame."""

    path: tuple[PathPart, ...]
    message: str
    remedy: str = ""


def refuse(faults: Iterable[Fault]) -> None:
    """Raises Refusal where there are any faults; asks for no more of them than can be told."""
    found = list(islice(faults, MAX_PROBLEMS + 1))
    if found:
        raise Refusal(found)


class Refusal(ValueError):
    """What a model's validator raises so that each fault is told at its own field."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(
            "; ".join(" ".join(p for p in (dotted(f.path), f.message, f.remedy) if p) for f in self.faults)
        )

    def __reduce__(self) -> tuple[type[Refusal], tuple[tuple[Fault, ...]]]:
        """It goes to another process as its faults, not as its one line."""
        return Refusal, (self.faults,)


A_MAPPING = "a mapping"
A_LIST = "a list"


def shown(value: object) -> str:
    """A found value on one line, shortened."""
    if isinstance(value, Mapping):
        return A_MAPPING
    if isinstance(value, list | tuple):
        return A_LIST
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def dotted(path: Sequence[PathPart]) -> str:
    """`("steps", 0, "hold_s")` as `steps[0].hold_s`; a key that is not a plain word is quoted."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            word = part if re.fullmatch(r"[\w.-]{1,60}", part) else shown(part)
            out += f".{word}" if out else word
    return out


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The known word most like this one; None where none is."""
    close = difflib.get_close_matches(word[:100], list(words), n=1, cutoff=0.6)
    return close[0] if close else None


def suggestion(word: str, words: Iterable[str], what: str = "one of") -> str:
    """A remedy for an unknown word: the nearest, or all."""
    known = sorted(words)
    close = nearest(word, known)
    if close:
        return f"did you mean {close!r}?"
    return (
        f"{what} {', '.join(known)}"
        if len(known) <= 12
        else f"{what} {', '.join(known[:10])} and {len(known) - 10} more"
    )
