"""A run that is ended from outside: by a signal, by a kill, by a reader that goes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rfgen_program import LONG, QUICK, begun, command, rfgen, said

from rfgen.assemble import assemble
from rfgen.interruption import Interruption
from rfgen.record.loader import load_run
from rfgen.records import Truth
from rfgen.replaying import replay
from rfgen.runs import Finished, run_into
from rfgen.scenario import parse_scenario


def wait_for(path: Path, size: int) -> None:
    """Until the file has grown to `size` bytes."""
    until = time.monotonic() + 20.0
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < until, f"{path} did not grow to {size} bytes"
        time.sleep(0.02)


ENDLESS = LONG.replace(
    "{target_c: 45, hold_s: 60}",
    "{treatment_timeout_s: 7200, steps: [" + ", ".join(["{target_c: 45, hold_s: 1800}"] * 4) + "]}\nmax_time_s: 7200",
)
"""Two hours of treatment: many seconds at full speed."""


@pytest.fixture(name="started")
def _started(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run in real time of which a second or more has been recorded."""
    (tmp_path / "long.yaml").write_text(LONG, encoding="utf-8")
    with begun("run", "long.yaml", "--realtime", "--json", "--out", "run", folder=tmp_path) as process:
        wait_for(tmp_path / "run/run.mcap", 10_000)
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_with_everything_kept(
    number: signal.Signals, started: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started.send_signal(number)
    out, err = started.communicate(timeout=20)
    assert (started.returncode, err) == (130, b"interrupted; RF was switched off first\n")
    summary = json.loads(out)
    assert (summary["outcome"], summary["as_expected"], summary["complete"]) == ("interrupted", False, True)
    assert sorted(os.listdir(tmp_path / "run")) == [
        "report.html", "run.mcap", "scenario.yaml", "summary.json", "timing.json",
    ]  # fmt: skip
    code, told, _ = said(rfgen("replay", "run", folder=tmp_path))
    assert (code, told) == (0, f"run: identical over {summary['ticks']} ticks\n")


def test_a_killed_run_keeps_all_but_its_last_second(started: subprocess.Popen[bytes], tmp_path: Path) -> None:
    until = time.monotonic() + 30.0
    while (seen := load_run(tmp_path / "run").ticks) < 100:
        assert time.monotonic() < until, "it does not go on"
        time.sleep(0.05)
    started.kill()
    started.communicate(timeout=20)
    run = load_run(tmp_path / "run")
    assert not run.complete
    # every second's 50 ticks are kept as soon as it is over
    assert run.ticks >= seen
    assert run.ticks % 50 == 0
    code, told, _ = said(rfgen("replay", "run", folder=tmp_path))
    assert (code, told) == (0, f"run: identical over {run.ticks} ticks\n")
    code, told, _ = said(rfgen("report", "run", folder=tmp_path))
    assert (code, told) == (0, "run/report.html\n")
    assert (tmp_path / "run/report.html").stat().st_size > 10_000


def test_signals_at_any_moment_leave_a_recording_that_reads(tmp_path: Path) -> None:
    """At full speed most moments lie within the writing of a tick."""
    (tmp_path / "long.yaml").write_text(ENDLESS, encoding="utf-8")
    for place in range(3):
        folder = tmp_path / f"run{place}"
        with begun("run", "long.yaml", "--quiet", "--out", folder, folder=tmp_path) as process:
            wait_for(folder / "run.mcap", 20_000 + 3_000 * place)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, b"interrupted; RF was switched off first\n")
        assert load_run(folder).complete


def interrupted_at(tick: int, folder: Path) -> Finished:
    """A run that is told to end while that tick is being recorded."""
    assembly = assemble(parse_scenario(LONG, "long.yaml"))
    sound = assembly.session.truth
    assert sound is not None
    calls = itertools.count()

    def truth() -> Truth:
        if next(calls) == tick:
            signal.raise_signal(signal.SIGINT)
        return sound()

    assembly.session.truth = truth
    with Interruption() as interruption:
        assembly.session.hal = interruption.guard(assembly.session.hal)
        return run_into(folder, "long", assembly, report=False)


@pytest.mark.parametrize("tick", [0, 1, 49, 120])
def test_a_tick_begun_is_recorded_before_the_run_ends(tick: int, tmp_path: Path) -> None:
    finished = interrupted_at(tick, tmp_path)
    assert finished.interrupted
    assert finished.run.complete
    assert finished.run.ticks == tick + 1
    assert finished.summary["outcome"] == "interrupted"
    assert replay(finished.run) is None


def test_a_second_signal_does_not_wait_for_the_rig() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_signals_that_are_ignored_stay_ignored_and_handlers_come_back() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGHUP)
            assert not interruption.asked
            assert signal.getsignal(signal.SIGINT) is not interrupt
        assert signal.getsignal(signal.SIGINT) is interrupt
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def without_a_reader(words: list[str], folder: Path) -> tuple[int, bytes]:
    """Exit code and standard error of a command whose standard output nobody reads."""
    with begun(*words, folder=folder) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        return process.wait(timeout=20), err


def test_a_reader_that_goes_does_not_end_the_treatment(tmp_path: Path) -> None:
    """`| head -1`: the run is recorded, and the exit code tells of it, not of the pipe."""
    (tmp_path / "quick.yaml").write_text(QUICK.replace("hold_complete", "ESTOP"), encoding="utf-8")
    for words in (["run", "quick.yaml", "--out", "run"], ["check", "quick.yaml"]):
        code, err = without_a_reader(words, tmp_path)
        assert code == 1
        assert b"Traceback" not in err
        assert b"Broken" not in err
    assert load_run(tmp_path / "run").complete


@pytest.mark.parametrize("words", [["interlocks"], ["faults"], ["--help"], ["scenarios", "--help"]])
def test_a_list_for_a_reader_that_goes(words: list[str], tmp_path: Path) -> None:
    assert without_a_reader(words, tmp_path) == (0, b"")


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(["faults"]), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, timeout=20, check=False
        )
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def workers_of(process: subprocess.Popen[bytes], least: int) -> list[int]:
    """Ids of its children, once there are `least`."""
    until = time.monotonic() + 20.0
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while True:
        found = [int(word) for word in path.read_text(encoding="ascii").split()]
        if len(found) >= least:
            return found
        assert time.monotonic() < until, "no workers were started"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """The process is there, and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_check_that_is_ended_leaves_no_workers(
    number: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.yaml").write_text(ENDLESS, encoding="utf-8")
    with begun("check", ".", "-j", "2", folder=tmp_path) as process:
        workers = workers_of(process, 2)
        until = time.monotonic() + 20.0
        while len(list(scratch.rglob("run.mcap"))) < 2:
            assert time.monotonic() < until, "the workers run nothing"
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=8)
    assert process.returncode == code
    assert b"Traceback" not in err
    if code == 130:
        assert err.strip() == b"interrupted"
        assert os.listdir(scratch) == []
    until = time.monotonic() + 10.0
    while any(map(runs, workers)):
        assert time.monotonic() < until, "workers go on without their parent"
        time.sleep(0.05)


def test_a_check_one_at_a_time_ends_at_once(tmp_path: Path) -> None:
    """The scenario being run is not taken for a wrong one, and the next is not begun."""
    for name, text in (("a", QUICK), ("b", ENDLESS), ("c", ENDLESS)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with begun("check", ".", "-j", "1", folder=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ok     a ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (out, err.strip()) == (b"", b"interrupted")
