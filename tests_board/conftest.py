"""Both ports of the firmware, as processes: on this machine, and on an emulated Cortex-M3 (QEMU)."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build/firmware"
NEEDED = {
    "make": "make",
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """Both images, or what to install."""
    missing = [package for command, package in NEEDED.items() if shutil.which(command) is None]
    assert not missing, f"apt-get install {' '.join(missing)}"
    subprocess.run(["make", "-s", "-C", ROOT / "firmware", f"OUT={OUT}", "host", "arm"], check=True)


@contextlib.contextmanager
def started(command: list[str | Path]) -> Iterator[str]:
    """A rig's process; its port, once it names it. Ended by the signal that a person's Ctrl-C is."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("rig on "), line
            yield line.removeprefix("rig on ").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@pytest.fixture(params=["host", "mps2"])
def port(request: pytest.FixtureRequest, built: None, tmp_path: Path) -> Iterator[str]:
    """A rig newly booted, and its port."""
    link = tmp_path / "rig"
    command: list[str | Path] = [OUT / "rig", "--link", link]
    if request.param == "mps2":
        command = ["sh", ROOT / "firmware/port/mps2/run.sh", OUT / "rig.elf", link]
    with started(command) as name:
        yield name


def rfgen(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The program, run to its end."""
    command = [sys.executable, "-c", "from rfgen.cli import main; main()", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, env={**os.environ}
    )
