"""`rfgen check --shard` and `--failed`: which scenarios are run."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfgen_program import QUICK, here

from rfgen import selecting
from rfgen.scenario import scenario_names
from rfgen.selecting import LastCheck, shard, work

FAILING = QUICK.replace("completed", "cutoff").replace("hold_complete", "ESTOP")
LOADS = st.dictionaries(st.text("abc/", min_size=1, max_size=4), st.integers(0, 100_000), max_size=40)


@given(LOADS, st.integers(1, 9))
def test_shards_part_the_scenarios_evenly_and_the_same_way_everywhere(loads: dict[str, int], count: int) -> None:
    sources = [(f"name of {path}", path) for path in loads]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selecting, "work", lambda path: float(loads[path]))
        shares = [shard(sources, number, count) for number in range(1, count + 1)]
        again = [shard(sources[::-1], number, count)[::-1] for number in range(1, count + 1)]
    assert sorted(source for share in shares for source in share) == sorted(sources)  # each once
    assert again == shares
    assert all(share == [source for source in sources if source in share] for share in shares)  # in the order given
    sums = [sum(loads[path] for _, path in share) for share in shares]
    assert max(sums) - min(sums) <= max(loads.values(), default=0)


def test_the_shipped_scenarios_are_told_apart_by_how_long_they_last() -> None:
    assert work("trip-flow-low") < work("bench-self-test") < work("vertebra-metastasis") < work("vertebra-field")
    assert work("vertebra-metastasis") == 50 * (8 + 33 / 0.5 + 420 + 5)  # check, ramp, hold, settling, at 50 Hz
    names = [(name, name) for name in scenario_names()]
    assert sorted(shard(names, 1, 2) + shard(names, 2, 2)) == names


@pytest.mark.parametrize("share", ["", "0/2", "3/2", "1/0", "1", "a/b", "1/2/3", "-1/2", "1.0/2", "1/99999"])
def test_a_share_that_is_none_is_told(share: str, tmp_path: Path) -> None:
    code, out, err = here("check", "--shard", share, folder=tmp_path)
    assert (code, out) == (2, "")
    assert err == f"--shard: {share!r} is no share; write `2/5`: 1 to 5, of 5\n"


def test_only_what_failed_last_time(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name, text in (("a", QUICK), ("b", FAILING), ("c", FAILING)):
        (tmp_path / f"set/{name}.yaml").write_text(text, encoding="utf-8")

    def ran(*words: str) -> tuple[int, list[str], str]:
        code, out, err = here("check", "-j", "1", *words, folder=tmp_path)
        assert err == ""
        lines = [line.split() for line in out.splitlines() if line[:2] in ("ok", "FA")]
        return code, [name for _, name, *_ in lines], out

    code, names, out = ran("--failed", "set/a.yaml")
    assert (code, names) == (0, ["a"])
    assert "no check is known of in this folder: all are run" in out
    assert ran("set")[:2] == (1, ["a", "b", "c"])
    assert ran("--failed")[:2] == (1, ["b", "c"])  # wherever they are
    assert ran("--last-failed", "set/b.yaml")[:2] == (1, ["b"])
    (tmp_path / "set/b.yaml").write_text(QUICK, encoding="utf-8")
    assert ran("--failed", "set")[:2] == (1, ["b", "c"])
    assert ran("--failed", "set")[:2] == (1, ["c"])
    (tmp_path / "set/c.yaml").unlink()
    code, names, out = ran("--failed")
    assert (code, names) == (0, [])
    assert out.startswith("no longer there: set/c.yaml\n")


def test_a_damaged_note_is_none_and_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    last = LastCheck(tmp_path / ".rfgen")
    assert last.failed() is None
    last.update([("a", "a")], [("a", "a")])
    assert last.failed() == [("a", "a")]
    for text in (
        "",
        "{",
        "[]",
        '{"version": 2, "failed": []}',
        '{"version": 1}',
        '{"version": 1, "failed": [1]}',
        "\0",
    ):
        last.path.write_text(text, encoding="utf-8")
        assert last.failed() is None
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    (tmp_path / "at").mkdir()
    (tmp_path / "at/.rfgen").write_text("a file", encoding="utf-8")
    code, _, err = here("check", "../quick.yaml", folder=tmp_path / "at")
    assert code == 0
    assert err == ".rfgen/last-check.json: cannot be written (File exists): `--failed` will not know of this\n"


def _update_often(folder: Path, name: str) -> None:
    for number in range(20):
        LastCheck(folder).update([], [(name, f"{name}{number}")])


def test_checks_that_run_at_a_time_lose_nothing_of_each_other(tmp_path: Path) -> None:
    many = [multiprocessing.get_context("fork").Process(target=_update_often, args=(tmp_path, n)) for n in "abcd"]
    for process in many:
        process.start()
    for process in many:
        process.join(60)
        assert process.exitcode == 0
    assert LastCheck(tmp_path).failed() == sorted((n, f"{n}{number}") for n in "abcd" for number in range(20))


def test_one_that_is_killed_in_the_middle_leaves_a_whole_note(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_update_often, args=(tmp_path, "a"))
    process.start()
    while not (tmp_path / "last-check.json").exists():
        assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert json.loads((tmp_path / "last-check.json").read_text())["version"] == 1
    LastCheck(tmp_path).update([], [("b", "b")])  # the lock went with it
    assert ("b", "b") in (LastCheck(tmp_path).failed() or [])
