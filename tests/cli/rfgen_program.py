"""The program as a user runs it."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from rfgen.cli import _guarded as guarded

PROGRAM = (sys.executable, "-c", "from rfgen.start import main; main()")
QUICK = """\
title: Quick
device: bench
treatment: {target_c: 45, hold_s: 2}
plant: {wall: {distance_mm: 15}}
expect: {outcome: completed, reason: hold_complete, tripped: []}
"""
"""A sound treatment of a few seconds."""
LONG = QUICK.replace("hold_s: 2", "hold_s: 60")


def rfgen(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end in `folder`, its output in pipes."""
    return subprocess.run(command(words), cwd=folder, capture_output=True, timeout=60, check=False)


def here(*words: str | Path, folder: Path) -> tuple[int, str, str]:
    """As `said` of `rfgen`, but within this process: ten times as fast, for what ends before a treatment begins."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rfgen", *map(str, words)])
        code = guarded()
    return code, out.getvalue(), err.getvalue()


@contextmanager
def begun(*words: str | Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """It, started in `folder`, its output in pipes; it does not outlive the context."""
    with subprocess.Popen(command(words), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def command(words: Iterable[str | Path]) -> list[str]:
    """The command line."""
    return [*PROGRAM, *map(str, words)]


def said(done: subprocess.CompletedProcess[bytes]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error, both decoded."""
    return done.returncode, done.stdout.decode(), done.stderr.decode()
