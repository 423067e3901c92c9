"""`rfgen check`, and the JUnit XML that it writes."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rfgen_program import QUICK, here, rfgen, said

from rfgen.checking import Verdict, check_one, junit

FAILING = QUICK.replace("completed", "cutoff").replace("hold_complete", "ESTOP")


@pytest.fixture(name="mixed", scope="module")
def _mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one scenario that is as expected, one that is not, and one that is wrong."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "set/deep").mkdir(parents=True)
    (folder / "set/a sound.yaml").write_text(QUICK, encoding="utf-8")
    (folder / "set/deep/failing.yml").write_text(FAILING, encoding="utf-8")
    (folder / "set/wrong.yaml").write_text(QUICK.replace("45", "450"), encoding="utf-8")
    (folder / "set/notes.txt").write_text("no scenario", encoding="utf-8")
    (folder / "empty").mkdir()
    return folder


def test_a_folder_with_one_of_each(mixed: Path) -> None:
    code, out, err = said(rfgen("check", "set", "--junit", "out.xml", folder=mixed))
    assert code == 2
    lines = [line.split("  ")[0].strip() for line in out.splitlines()]
    assert [line for line in lines if line] == [
        "ok",
        "FAIL",
        "error",
        "3 scenarios: 1 as expected, 1 not as expected, 1 could not be run",
    ]
    assert "       outcome is completed, expected cutoff\n" in out
    assert "       reason is hold_complete, expected ESTOP\n" in out
    (when,) = [line for line in out.splitlines() if "when:" in line]
    assert when.startswith("       when: IDLE 0.00 s, IMPEDANCE_CHECK 0.50 s, start 0.50 s, RAMP ")
    assert "       why: every step was held, and nothing tripped before\n" in out
    assert "       again: rfgen run set/deep/failing.yml --seed 1\n" in out
    assert (
        err == "       set/wrong.yaml:3: treatment.target_c: 450 is out of range; it must be above 0 and at most 150\n"
    )

    root = ElementTree.parse(mixed / "out.xml").getroot()
    suite = root.find("testsuite")
    assert root.tag == "testsuites"
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert list(cases) == ["a sound", "deep/failing", "wrong"]
    assert list(cases["a sound"]) == []
    failure, error = cases["deep/failing"].find("failure"), cases["wrong"].find("error")
    assert failure is not None
    assert failure.get("message") == "outcome is completed, expected cutoff"
    assert (failure.text or "").splitlines()[-1] == "again: rfgen run set/deep/failing.yml --seed 1"
    assert error is not None
    assert error.text == "set/wrong.yaml:3: treatment.target_c: 450 is out of range; it must be above 0 and at most 150"
    assert all(float(case.get("time", "-1")) >= 0.0 for case in cases.values())


def test_what_it_says_to_run_again_runs_again(mixed: Path) -> None:
    code, out, _ = said(rfgen("check", "set/deep", folder=mixed))
    assert code == 1
    (again,) = [line.partition("again: rfgen ")[2] for line in out.splitlines() if "again:" in line]
    assert rfgen(*shlex.split(again), "--quiet", "--out", "again", folder=mixed).returncode == 1


def test_scenarios_by_file_and_several_folders(mixed: Path) -> None:
    """Of one name in two folders each is told apart."""
    (mixed / "other").mkdir()
    (mixed / "other/a sound.yaml").write_text(QUICK, encoding="utf-8")
    code, out, err = said(rfgen("check", "set/a sound.yaml", "other", "set/deep", folder=mixed))
    assert (code, err) == (1, "")
    assert [line[7:43].strip() for line in out.splitlines() if line[:2] in ("ok", "FA")] == [
        "a sound", "other/a sound", "set/deep/failing",
    ]  # fmt: skip


def test_a_pipe_gets_no_control_codes_and_nothing_is_left_behind(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = mixed / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    before = sorted(os.listdir(mixed))
    done = rfgen("check", "set", folder=mixed)
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\r" not in done.stdout + done.stderr
    assert os.listdir(scratch) == []
    assert sorted({*os.listdir(mixed)} - {".rfgen"}) == [name for name in before if name != ".rfgen"]
    assert sorted(os.listdir(mixed / ".rfgen")) == [".gitignore", "last-check.json", "lock"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch"], "nosuch: is no folder, no file and no shipped scenario; give a folder of scenarios\n"),
        (["empty", "nosuch"], "empty: holds no scenario (.yaml); give a folder of scenarios\nnosuch: is no folder"),
        (["set", "--junit", "nosuch/out.xml"], "nosuch/out.xml: is in a folder that does not exist; make the folder"),
        (["set", "--junit", "/dev/null"], "/dev/null: is not a regular file; give a file's name\n"),
        (["set", "--junit", "empty"], "Invalid value for '--junit': File 'empty' is a directory."),
        (["set", "-j", "0"], "Invalid value for '-j' / '--jobs': 0 is not in the range"),
    ],
)
def test_wrong_input_is_told_before_anything_runs(words: list[str], told: str, mixed: Path) -> None:
    code, out, err = here("check", *words, folder=mixed)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_a_scenario_that_expects_nothing_cannot_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text(QUICK.split("expect:")[0], encoding="utf-8")
    verdict = check_one("open", str(path), str(tmp_path))
    assert verdict.bad_input == f"{path}: expect: nothing is expected; add `expect:` with at least an outcome"
    assert not verdict.passed
    assert os.listdir(tmp_path) == ["open.yaml"]


def test_junit_holds_any_name() -> None:
    names = ["<&\"'>", "nul\0", "esc\x1b[2J", "lone \udc80", "\uffff", "line\nbreak", "é 😀"]
    text = junit([Verdict(name, name, problems=[name], seconds=1.0) for name in names])
    root = ElementTree.fromstring(text.encode("utf-8"))
    found = [case.get("name") for case in root.iter("testcase")]
    assert found == ["<&\"'>", "nul?", "esc?[2J", "lone ?", "?", "line\nbreak", "é 😀"]
