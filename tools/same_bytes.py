"""Runs shipped scenarios with two installed programs and holds every byte that they leave against each other.

`tools/same_bytes.py RFGEN RFGEN NAME...`: exit code 1, naming the file, where one differs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ("run.mcap", "summary.json", "scenario.yaml")


def main() -> int:
    """0 where all are the same."""
    programs, names = sys.argv[1:3], sys.argv[3:]
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            folders = [Path(place) / f"{name}-{n}" for n in range(2)]
            for program, folder in zip(programs, folders, strict=True):
                # from an empty folder, so that no checkout stands before what is installed
                command = [str(Path(program).absolute()), "run", name, "--quiet", "--out", str(folder)]
                subprocess.run(command, check=True, cwd=place)
            for file in FILES:
                if (folders[0] / file).read_bytes() != (folders[1] / file).read_bytes():
                    print(f"{name}: {file} differs")
                    return 1
    print(f"{len(names)} scenarios: the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
