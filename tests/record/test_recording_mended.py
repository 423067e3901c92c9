"""Where a run's time begins, whose mode its files have, what is refused unread, and what goes between processes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from mcap.reader import make_reader

from rfgen.assemble import assemble
from rfgen.problems import Fault, InputError, Problem, Refusal
from rfgen.record.chunks import RecordingError
from rfgen.record.loader import load_run
from rfgen.record.summary import write_whole
from rfgen.runs import run_into
from rfgen.scenario import parse_scenario

QUICK = """\
title: Stopped in the check
device: bench
treatment: {target_c: 60, hold_s: 5}
plant: {wall: {distance_mm: 15}}
operator: [{at: 0.1 s, do: start}, {at: 0.3 s, do: stop}]
"""


def test_a_run_begins_at_0_and_its_ticks_stand_where_its_events_do(tmp_path: Path) -> None:
    finished = run_into(tmp_path, "quick", assemble(parse_scenario(QUICK, "quick.yaml")), report=False)
    states = [(state["name"], state["t_s"]) for state in finished.summary["states"]]
    assert states == [("IDLE", 0.0), ("IMPEDANCE_CHECK", 0.1), ("CUTOFF", 0.3)]
    run = finished.run
    assert run.time_s[:2].tolist() == [0.0, 0.02]
    assert run.columns["time_s"].tolist() == run.time_s.tolist()
    assert finished.summary["t_end_s"] == pytest.approx(0.02 * (run.ticks - 1), abs=1e-9)
    # the row of a change of state is that of its event, in the file too
    cut = next(n for n, state in enumerate(run.columns["state"].tolist()) if state == 4)
    assert cut == 15
    with (tmp_path / "run.mcap").open("rb") as file:
        times = {"/tick": [], "/event": []}  # type: dict[str, list[int]]
        for _, channel, message in make_reader(file).iter_messages():
            times[channel.topic].append(message.log_time)
    assert times["/tick"][cut] == 300_000_000
    assert 300_000_000 in times["/event"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o027, 0o640)])
def test_a_file_has_the_mode_that_the_umask_gives(umask: int, mode: int, tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    for text in ("new", "and written over"):
        before = os.umask(umask)
        try:
            write_whole(path, text)
        finally:
            os.umask(before)
        assert path.read_text("utf-8") == text
        assert oct(path.stat().st_mode & 0o777) == oct(mode)
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_what_a_killed_writer_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".a.json.{os.getpid()}-0.tmp").write_text("half")
    write_whole(tmp_path / "a.json", "whole")
    assert (tmp_path / "a.json").read_text() == "whole"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "run.mcap"
    os.mkfifo(pipe)
    for path in (Path("/dev/zero"), Path("/dev/null"), pipe, tmp_path):
        # in a process of its own: to wait for a writer would hang this one
        done = subprocess.run(
            [sys.executable, "-c", "from rfgen.cli import main; main()", "replay", str(path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        named = pipe if path == tmp_path else path
        told = f"{named}: is not a regular file; give a run's folder or its run.mcap\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


@pytest.mark.parametrize(
    "error",
    [
        Refusal([Fault(("steps", 0, "hold_s"), "is too long", "at most 9 s"), Fault((), "is odd")]),
        RecordingError("run.mcap", "damaged"),
        InputError([Problem("a.yaml", 3, 4, "steps", "7", "is odd", "give 8")]),
        InputError([Problem("a.yaml", n, 1, "steps", "7", "is odd", "") for n in range(300)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_out_of_another_process_as_it_went_in(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("faults", "problems", "file", "message"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_a_wrong_run_folder_is_still_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="there is no such recording; give the folder of a run"):
        load_run(tmp_path / "missing.mcap")
