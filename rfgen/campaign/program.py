"""Which program a campaign's rows are from: its versions, and its own text, which may be edited between two runs."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

import rfgen
from rfgen.runs import versions

PACKAGES = ("hal", "rfgen", "sim")
KINDS = (".py", ".yaml")
"""Of the files that decide what a run does."""


@cache
def program() -> dict[str, str]:
    """`versions`, and `code`: 12 digits of what the packages' files say, compiled or not."""
    place = Path(rfgen.__path__[0]).parent
    text = sha256()
    for path in sorted(path for name in PACKAGES for path in (place / name).rglob("*") if path.suffix in KINDS):
        text.update(path.relative_to(place).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return versions() | {"code": text.hexdigest()[:12]}
