"""Rigs served on a pseudo-terminal, in a thread of the test or in a process of their own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hal.serve import PtyServer, monotonic_us
from hal.serveprotocol import RigProtocol
from rfgen.rigside import RigSide, rig_side
from rfgen.scenario import Scenario, load_scenario, parse_scenario

PROGRAM = (sys.executable, "-c", "from rfgen.cli import main; main()")

BRIEF = """\
title: A brief treatment
device: {profile: bench, as_fitted: true, period_ms: 50, watchdog_ms: 300, stage: {max_power_w: 8},
  meters: {phase: false}, electrode: {cooled: false}, pump: null, fitted: [], ranges: {power_w: [0.5, 8]},
  thermocouples: [{name: tip, place: electrode}, {name: second, place: electrode}], control: {check_s: 1, ramp_c_s: 4}}
treatment: {target_c: 42, hold_s: 1}
plant: {target: lytic_tumour, surrounding: lytic_tumour, body_c: 30, perfusion_scale: 0}
expect: {outcome: completed, reason: hold_complete, tripped: []}
"""
"""First light in a few seconds, at a period long enough that a busy machine does not miss two ticks in a row."""


def scenario_of(text_or_name: str) -> Scenario:
    """A shipped scenario by its name, or one in YAML."""
    return parse_scenario(text_or_name, "test.yaml") if "\n" in text_or_name else load_scenario(text_or_name)


@contextmanager
def served(
    scenario: Scenario,
    *,
    lockstep: bool,
    boot_count: int = 7,
    make: Callable[..., RigProtocol] = RigProtocol,
    clock_us: Callable[[], int] = monotonic_us,
) -> Iterator[tuple[str, RigSide]]:
    """A rig served in a thread: its port, and what is behind it."""
    side = rig_side(scenario, lockstep=lockstep, boot_count=boot_count, make=make)
    with PtyServer(side.protocol, real_time=not lockstep, clock_us=clock_us) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server.port, side
        finally:
            server.stop()
            thread.join(10.0)
            assert not thread.is_alive(), "the server does not end"


@contextmanager
def rig_process(*words: str | Path, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`rfgen rig` with these words: the port that it prints, and the process."""
    command = [*PROGRAM, "rig", *map(str, words)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            assert line.startswith("rig on "), line + (process.stderr.read().decode() if process.stderr else "")
            yield line.removeprefix("rig on ").strip(), process
        finally:
            process.kill()


def rfgen(*words: str | Path, folder: Path, timeout_s: float = 60.0) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of the program run to its end."""
    done = subprocess.run([*PROGRAM, *map(str, words)], cwd=folder, capture_output=True, timeout=timeout_s, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Between:
    """A second pseudo-terminal in front of a rig's, through which bytes go both ways and may be damaged on the way.

    `damage(data, down)` returns what goes on; `down` is towards the rig. `cut` hangs the host's side up.
    """

    def __init__(self, port: str) -> None:
        import tty

        self._rig = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop, self._stopper = os.pipe()
        self.damage = lambda data, down: data
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        ends = {self._master: self._rig, self._rig: self._master}
        while True:
            ready, _, _ = select.select([*ends, self._stop], [], [], None)
            if self._stop in ready:
                return
            for handle in ready:
                data = self.damage(os.read(handle, 4096), handle == self._master)
                while data:
                    data = data[os.write(ends[handle], data) :]

    def close(self) -> None:
        """End it; the terminal is gone for the host."""
        os.write(self._stopper, b"x")
        self._thread.join(10.0)
        for handle in (self._rig, self._master, self._slave, self._stop, self._stopper):
            os.close(handle)


def until(condition: object, what: str, seconds: float = 20.0) -> None:
    """Wait until `condition()` holds; the time is a bound on a hang, not on speed."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.005)
