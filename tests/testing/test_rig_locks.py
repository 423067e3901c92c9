"""Two processes never share a rig, and a lock goes with its process: shown with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rfgen.testing.locks import RigLock

HOLDS = """
import sys, time
from rfgen.testing.locks import RigLock
lock = RigLock("rig")
assert lock.take()
print("taken", flush=True)
time.sleep(600)
"""
TAKES_TURNS = """
import os, sys, time
from rfgen.testing.locks import RigLock
lock, log = RigLock("rig"), os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for turn in range(15):
    while not lock.take():
        time.sleep(0.001)
    os.write(log, b"(")
    time.sleep(0.001)
    os.write(log, b")")
    lock.release()
"""


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFGEN_LOCKS", str(tmp_path / "locks"))


def test_a_lock_is_one_process_s_and_goes_with_it() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True)
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "taken\n"
            lock = RigLock("rig")
            assert not lock.take()
            assert lock.holder().startswith(f"process {holder.pid} (")
            other = RigLock("another rig")
            assert other.take()
            holder.send_signal(signal.SIGKILL)
            holder.wait(10)
            assert lock.take()
            assert lock.take()  # harmless to repeat
            assert lock.holder().startswith(f"process {os.getpid()} (")
        finally:
            holder.kill()
    lock.release()
    lock.release()
    again = RigLock("rig")
    assert again.take()
    again.release()
    other.release()


def test_of_many_processes_one_has_it_at_a_time(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKES_TURNS, str(tmp_path / "log")]
    many = [subprocess.Popen(command) for _ in range(3)]
    for process in many:
        assert process.wait(60) == 0
    assert (tmp_path / "log").read_bytes() == b"()" * 3 * 15


def test_within_one_process_too() -> None:
    one, other = RigLock("rig"), RigLock("rig")
    assert one.take()
    assert not other.take()
    one.release()
    assert other.take()
    other.release()


def test_names_that_no_file_could_have(tmp_path: Path) -> None:
    for key in ("/dev/serial/by-id/usb-FTDI_a:b", "../../up", "é" * 300, "socket://host:1"):
        lock = RigLock(key)
        assert lock.take()
        assert lock.path.parent == tmp_path / "locks"
        lock.release()
