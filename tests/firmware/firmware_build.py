"""The C rig, made by its own Makefile: once, whichever test or worker comes first."""

from __future__ import annotations

import fcntl
import functools
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build/firmware"


@functools.cache
def made(name: str) -> Path:
    """A product of firmware/Makefile, up to date. It needs make and a C compiler."""
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # a make that runs these tests has settings of its own, which are not this one's
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(
            ["make", "-s", "-C", ROOT / "firmware", f"OUT={OUT}", f"CC={os.environ.get('CC', 'cc')}", OUT / name],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"make {name}: {done.stdout}{done.stderr}"
    return OUT / name
