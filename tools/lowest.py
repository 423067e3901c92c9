"""Prints constraints that pin every declared dependency to its lower bound: what `make test-lowest` installs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def main() -> None:
    """One `name==version` a line, from pyproject.toml."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["field"], *extras["test"]]:
        found = re.fullmatch(r"([A-Za-z0-9-]+)>=([0-9.]+),<[0-9.]+", line)
        if found is None:
            raise SystemExit(f"pyproject.toml: {line!r} has no lower and upper bound")
        print(f"{found[1]}=={found[2]}")


if __name__ == "__main__":
    main()
