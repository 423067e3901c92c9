"""`rfgen run`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from rfgen_program import PROGRAM, QUICK, here, rfgen, said

from rfgen.record.loader import load_run

FILES = ["report.html", "run.mcap", "scenario.yaml", "summary.json", "timing.json"]
SUMMARY_KEYS = {
    "outcome", "reason", "tripped", "states", "t_end_s", "ticks", "peak_c", "energy_j", "impedance_ohm",
    "rf_on_s", "seed", "as_expected", "simulated", "hottest_tissue_c",
}  # fmt: skip


@pytest.fixture(name="scenario")
def _scenario(tmp_path: Path) -> Path:
    path = tmp_path / "quick.yaml"
    path.write_text(QUICK, encoding="utf-8")
    return path


def test_a_run_leaves_its_folder_and_says_where(scenario: Path, tmp_path: Path) -> None:
    code, out, err = said(rfgen("run", "quick.yaml", folder=tmp_path))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "quick: Quick"
    assert lines[1] == "Bench rig, seed 1, SIMULATED; a test tool, not a medical device"
    assert "  outcome     completed: every step was held  SIMULATED" in lines
    assert "  as expected yes" in lines
    assert lines[-1] == "  report      runs/quick/report.html"
    assert sorted(os.listdir(tmp_path / "runs/quick")) == FILES
    summary = json.loads((tmp_path / "runs/quick/summary.json").read_text(encoding="utf-8"))
    assert summary.keys() >= SUMMARY_KEYS
    assert (summary["outcome"], summary["reason"], summary["as_expected"]) == ("completed", "hold_complete", True)
    timing = json.loads((tmp_path / "runs/quick/timing.json").read_text(encoding="utf-8"))
    assert timing.keys() >= {"realtime_factor", "ticks_per_s"}


def test_a_pipe_gets_the_summary_and_no_control_codes(scenario: Path, tmp_path: Path) -> None:
    done = rfgen("run", "quick.yaml", folder=tmp_path)
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\r" not in done.stdout + done.stderr
    assert done.stdout.count(b"\n") < 20


def test_a_terminal_gets_progress(scenario: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [*PROGRAM, "run", "quick.yaml", "--realtime"]
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    ) as process:
        os.close(theirs)
        seen = b""
        while b"IMPEDANCE_CHECK" not in seen:
            seen += os.read(ours, 4096)
        process.terminate()
        try:
            while chunk := os.read(ours, 4096):
                seen += chunk
        except OSError:  # how a terminal says that the other end has gone
            pass
        assert process.wait(timeout=20) == 130
    os.close(ours)
    assert b"\x1b[" in seen
    assert re.search(rb"[0-9]+\.[0-9] s  IMPEDANCE_CHECK +[0-9]+\.[0-9] \xc2\xb0C", seen)


def test_json_is_the_summary_and_nothing_else(scenario: Path, tmp_path: Path) -> None:
    code, out, err = said(rfgen("run", "quick.yaml", "--json", "--out", "here", folder=tmp_path))
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "here/summary.json").read_text(encoding="utf-8"))
    assert out.count("\n") == 1


def test_quiet_is_quiet(scenario: Path, tmp_path: Path) -> None:
    assert said(rfgen("run", "quick.yaml", "--quiet", folder=tmp_path)) == (0, "", "")
    assert sorted(os.listdir(tmp_path / "runs/quick")) == FILES


def test_runs_are_numbered_and_never_written_over(scenario: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert rfgen("run", "quick.yaml", "--quiet", folder=tmp_path).returncode == 0
    assert sorted(os.listdir(tmp_path / "runs")) == ["quick", "quick-2"]
    before = (tmp_path / "runs/quick/run.mcap").read_bytes()
    code, out, err = said(rfgen("run", "quick.yaml", "--out", "runs/quick", folder=tmp_path))
    assert (code, out, err) == (2, "", "runs/quick: holds a run already; give a new folder\n")
    assert (tmp_path / "runs/quick/run.mcap").read_bytes() == before


def test_the_same_seed_gives_the_same_bytes(scenario: Path, tmp_path: Path) -> None:
    for out, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert rfgen("run", "quick.yaml", "--quiet", "--seed", seed, "--out", out, folder=tmp_path).returncode == 0

    def read(out: str, name: str) -> bytes:
        return (tmp_path / out / name).read_bytes()

    for name in ("run.mcap", "summary.json", "scenario.yaml", "report.html"):
        assert read("a", name) == read("b", name), name
    for name in ("run.mcap", "summary.json", "scenario.yaml"):
        assert read("a", name) != read("c", name), name
    assert json.loads(read("c", "summary.json"))["seed"] == 8
    # the resolved scenario is enough to repeat it
    again = rfgen("run", "a/scenario.yaml", "--quiet", "--out", "d", folder=tmp_path)
    assert again.returncode == 0
    a, d = load_run(tmp_path / "a"), load_run(tmp_path / "d")
    assert all(a.columns[name].tobytes() == d.columns[name].tobytes() for name in a.columns)


def test_the_seed_of_the_scenario_is_the_one_taken(scenario: Path, tmp_path: Path) -> None:
    scenario.write_text(QUICK + "seed: 8\n", encoding="utf-8")
    code, out, _ = said(rfgen("run", "quick.yaml", "--json", folder=tmp_path))
    assert (code, json.loads(out)["seed"]) == (0, 8)


def test_what_is_not_as_expected_ends_with_one(scenario: Path, tmp_path: Path) -> None:
    scenario.write_text(QUICK.replace("completed", "cutoff").replace("hold_complete", "ESTOP"), encoding="utf-8")
    code, out, err = said(rfgen("run", "quick.yaml", folder=tmp_path))
    assert code == 1
    assert "  as expected NO\n" in out
    assert err == (
        "not as expected: outcome is completed, expected cutoff\n"
        "not as expected: reason is hold_complete, expected ESTOP\n"
    )
    code, out, err = said(rfgen("run", "quick.yaml", "--json", folder=tmp_path))
    assert code == 1
    summary = json.loads(out)
    assert summary["as_expected"] is False
    assert len(summary["not_as_expected"]) == 2


def test_a_run_that_does_not_end_is_stopped_and_told(scenario: Path, tmp_path: Path) -> None:
    scenario.write_text(QUICK.split("expect:")[0] + "max_time_s: 3\n", encoding="utf-8")
    code, _, err = said(rfgen("run", "quick.yaml", "--quiet", folder=tmp_path))
    assert (code, err) == (1, "not as expected: it had not ended after 3 s, and was stopped\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch"], "nosuch: is no shipped scenario, nor a YAML file; one of bench-first-light,"),
        (["quik.yaml"], "quik.yaml: there is no such file; did you mean 'quick.yaml'?\n"),
        (["./folder"], "folder: is a folder; give a YAML file\n"),
        (["broken.yaml"], "broken.yaml:3: treatment.target_c: nan is not finite; give a finite number\n"),
        (["name\x1b[2J.yaml"], "name\N{REPLACEMENT CHARACTER}[2J.yaml: there is no such file;"),
        (["quick.yaml", "--out", "quick.yaml"], "quick.yaml: is not an empty folder; give a new folder\n"),
        (["quick.yaml", "--out", "folder"], "folder: is not an empty folder; give a new folder\n"),
        (
            ["quick.yaml", "--out", "quick.yaml/below"],
            "quick.yaml/below: cannot be made (Not a directory); give another folder with --out\n",
        ),
        (
            ["quick.yaml", "--hal", "seral"],
            "--hal: 'seral' is not a backend that a scenario can run on; did you mean 'serial'?\n",
        ),
        (["quick.yaml", "--port", "x"], "--port: 'x' is given, and the simulation has no port; leave it out\n"),
        (
            ["quick.yaml", "--hal", "serial", "--port", "x", "--plant", "field"],
            "--plant: 'field' is given, and a rig has what it has; leave it out\n",
        ),
        (["quick.yaml", "--baud", "9600"], "--baud: 9600 is given, and the simulation has no port; leave it out\n"),
        (["quick.yaml", "--seed", "-1"], "Invalid value for '--seed': -1 is not in the range"),
        (["quick.yaml", "--seed", "1.5"], "Invalid value for '--seed': '1.5' is not a valid integer"),
        (["quick.yaml", "--seed", str(2**63)], "Invalid value for '--seed': 9223372036854775808 is not in the range"),
        ([], "Missing argument 'SCENARIO'."),
        (["quick.yaml", "--jsn"], "--jsn"),
    ],
)
def test_wrong_input_ends_with_two_and_writes_nothing(
    words: list[str], told: str, scenario: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/kept").touch()
    (tmp_path / "broken.yaml").write_text(QUICK.replace("45", ".nan"), encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = here("run", *words, folder=tmp_path)
    assert code == 2
    assert out == ""
    assert told in err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before
