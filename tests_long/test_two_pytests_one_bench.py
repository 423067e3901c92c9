"""Two whole runs of pytest on one hardware map at once: each rig has one host at a time, by its word and by the tests'.

The rigs are processes that serve a simulated rig and log the links on it. A host that another has taken the rig from
goes on talking on its own link, which the rig then does not know: that is logged, and must not be.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

RIG = """
import os, signal, sys
from hal.serve import PtyServer
from hal.serveprotocol import RigProtocol
from hal.wiremessages import ErrorCode
from rfgen.rigside import rig_side
from rfgen.scenario import load_scenario

log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Logged(RigProtocol):
    def hello(self, header, body, payload, now_us):
        os.write(log, f"hello {header.link}\\n".encode())
        return super().hello(header, body, payload, now_us)

    def bye(self, header):
        os.write(log, f"bye {header.link}\\n".encode())
        return super().bye(header)

    def error(self, header, code):
        if code == ErrorCode.NO_SUCH_LINK:
            os.write(log, f"stranger {header.link}\\n".encode())
        return super().error(header, code)

side = rig_side(load_scenario("bench-first-light"), lockstep=True, boot_count=1, make=Logged)
with PtyServer(side.protocol, real_time=False) as server:
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop())
    print(server.port, flush=True)
    server.run()
"""
TESTS = """
import os, time
import pytest

def said(words, rig):
    log = os.open(os.environ["TURNS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{words} {os.getpid()} {rig.entry}\\n".encode())
    os.close(log)

@pytest.mark.parametrize("turn", range(4))
def test_a_turn(treatment, rig, turn):
    said("begin", rig)
    treatment.start()
    treatment.advance(0.3)
    said("end", rig)

def test_stays(treatment, rig):
    said("begin", rig)
    while not os.path.exists("go"):
        treatment.advance(0.1)
    said("end", rig)
"""
Turn = tuple[str, str, str]


@contextmanager
def served(folder: Path, names: tuple[str, ...]) -> Iterator[None]:
    """Rigs of these names, a map of them in `bench.yaml`, and tests for them, in a folder of their own."""
    with ExitStack() as stack:
        lines = ["rigs:"]
        for name in names:
            command = [sys.executable, "-c", RIG, name, str(folder / f"{name}.log")]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.terminate)
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            lines.append(f"  - {{name: {name}, port: {port}, thermocouples: 4, load: phantom, max_power_w: 20}}")
        (folder / "bench.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "test_turns.py").write_text(TESTS, encoding="utf-8")
        yield


def pytest_on(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A whole run of pytest on the map."""
    env = {**os.environ, "RFGEN_LOCKS": str(folder / "locks"), "TURNS": str(folder / "turns.log")}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rig", "map:bench.yaml", *words],
        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def turns(folder: Path) -> list[Turn]:
    """What the tests said, in order: (begin or end, process, rig)."""
    path = folder / "turns.log"
    found = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(words[0], words[1], words[2]) for words in found]


def see_one_host_at_a_time(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        mine = [turn[:2] for turn in turns(folder) if turn[2] == name]
        assert mine[::2] == [("begin", process) for _, process in mine[::2]], f"{name}: {mine}"
        assert mine[1::2] == [("end", process) for _, process in mine[::2]], f"{name}: {mine}"
        heard = [tuple(line.split()) for line in (folder / f"{name}.log").read_text().splitlines()]
        linked = ""
        for what, link in heard:
            assert what == "hello" or (what, link) == ("bye", linked), f"{name}: {what} on {link}: {heard}"
            linked = link
        assert len(heard) >= len(mine) > 0, name


def test_no_rig_is_shared(tmp_path: Path) -> None:
    names = ("left", "right")
    with served(tmp_path, names):
        both = [pytest_on(tmp_path, "-k", "turn and not stays") for _ in range(2)]
        told = [process.communicate(timeout=240)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], told
        assert len(turns(tmp_path)) == 2 * 2 * 4
        assert len({process for _, process, _ in turns(tmp_path)}) == 2
        see_one_host_at_a_time(tmp_path, names)


def test_with_one_rig_the_second_waits_or_says_who_has_it(tmp_path: Path) -> None:
    with served(tmp_path, ("only",)):
        first = pytest_on(tmp_path, "-k", "stays")
        until_s = time.monotonic() + 120.0
        while not turns(tmp_path):
            assert first.poll() is None, first.communicate()[0]
            assert time.monotonic() < until_s
            time.sleep(0.05)
        impatient = pytest_on(tmp_path, "-k", "stays", "--rig-wait", "0")
        told = impatient.communicate(timeout=120)[0]
        assert impatient.returncode == 1
        assert "no rig came free within 0 s" in told
        assert f"process {first.pid} (" in told
        patient = pytest_on(tmp_path, "-k", "turn and not stays", "--rig-wait", "120")
        time.sleep(1.0)
        assert [turn[:2] for turn in turns(tmp_path)] == [("begin", str(first.pid))]
        (tmp_path / "go").touch()
        for process in (first, patient):
            said = process.communicate(timeout=240)[0]
            assert process.returncode == 0, said
        assert [turn[1] for turn in turns(tmp_path)] == [str(first.pid)] * 2 + [str(patient.pid)] * 8
        see_one_host_at_a_time(tmp_path, ("only",))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q"]))
