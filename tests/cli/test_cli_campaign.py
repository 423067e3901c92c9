"""`rfgen campaign`: what is refused, what comes out, and that a kill loses nothing and repeats nothing."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfgen_program import begun, here, rfgen, said

import rfgen as rfgen_package
from rfgen.assemble import assemble
from rfgen.campaign.journal import Journal, Runs
from rfgen.campaign.one import not_run, row_of, summarised
from rfgen.campaign.program import PACKAGES, program
from rfgen.campaign.results import finish
from rfgen.campaign.spec import drawn, parse_spec
from rfgen.campaign.workers import rows
from rfgen.commands.campaign import span
from rfgen.problems import InputError
from rfgen.runs import run_into

SPEC = """\
title: Quick ones
runs: 16
seed: 5
treatments:
  - {device: bench, target_c: [44, 46], hold_s: [1, 2]}
faults:
  share: 0.5
  kinds:
    - {kind: thermocouple_open, channel: [0], state: [ramp, hold], after_s: [0, 1]}
expect: {outcome: completed, tripped: []}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("bench", "bnch", r"c\.yaml:5: treatments\[0\]\.device: 'bnch' has no patients .*did you mean 'bench'\?"),
        ("[44, 46]", "[46, 44]", r"c\.yaml:5: treatments\[0\]\.target_c"),
        ("[44, 46]", "[44, 460]", r"c\.yaml:5: treatments\[0\]: cannot be: .*150"),
        ("thermocouple_open", "pump_stopped", r"c\.yaml:9: faults\.kinds\[0\]: cannot be put on bench: "),
        ("[ramp, hold]", "[rmp]", r"c\.yaml:9: faults\.kinds\[0\]\.state\[0\]: 'rmp' is counted from no state"),
        ("tripped: []", "bounds: {impedance_ohm.least: [1, 2]}", r"c\.yaml:10: .*is not measured in a campaign"),
        ("runs: 16", "runs: 0", r"c\.yaml:2: runs"),
    ],
)
def test_what_cannot_be_is_told_at_its_line(right: str, wrong: str, told: str, tmp_path: Path) -> None:
    assert right in SPEC
    (tmp_path / "c.yaml").write_text(SPEC.replace(right, wrong), encoding="utf-8")
    code, out, err = here("campaign", "c.yaml", folder=tmp_path)
    assert (code, out) == (2, "")
    assert re.search(told, err), err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml"]


def test_a_run_is_what_its_recording_says(tmp_path: Path) -> None:
    spec = parse_spec(SPEC, "c.yaml")
    faulty = set()
    for number in range(4):
        scenario = drawn(spec, 5, number).scenario
        faulty.add(bool(scenario.faults))
        summary, problems = summarised(scenario)
        recorded = run_into(tmp_path / str(number), "run", assemble(scenario), report=False)
        assert problems == recorded.problems
        for name in ("outcome", "reason", "tripped", "t_end_s", "ticks", "peak_c", "peak_true_c", "hottest_tissue_c"):
            assert summary[name] == recorded.summary[name], (number, name)
        # sums of floating point in another order
        assert summary["energy_j"] == pytest.approx(recorded.summary["energy_j"], abs=2e-6)
        assert summary["rf_on_s"] == pytest.approx(recorded.summary["rf_on_s"], abs=2e-6)
    assert faulty == {False, True}


def test_killed_at_a_random_moment_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SPEC, encoding="utf-8")
    assert here("campaign", "c.yaml", "--out", "whole", "-j", "1", folder=tmp_path)[0] == 1
    journal = tmp_path / "killed/journal.jsonl"
    seed = random.SystemRandom().randrange(2**32)
    lines = random.Random(seed).randrange(2, 12)
    with begun("campaign", "c.yaml", "--out", "killed", "-j", "2", folder=tmp_path) as process:
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
            time.sleep(0.005)
        process.kill()
    with journal.open("ab") as file:
        file.write(b'{"run": 15, "se')  # what a kill within a write leaves
    kept = journal.read_bytes().splitlines()[:-1]
    code, out, _ = said(rfgen("campaign", "c.yaml", "--out", "killed", "-j", "2", folder=tmp_path))
    told = f"seed {seed}: killed after {lines} lines"
    assert code == 1, told
    assert f"goes on after {len(kept) - 1} of 16 runs" in out, told
    after = journal.read_bytes().splitlines()
    assert after[: len(kept)] == kept, told
    assert sorted(json.loads(line)["run"] for line in after[1:]) == list(range(16)), told
    for name in ("results.parquet", "summary.json", "report.html"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), (name, told)
    failing = duckdb.sql(f"SELECT run FROM '{tmp_path}/whole/results.parquet' WHERE NOT as_expected").fetchall()
    files = {path.name for path in (tmp_path / "whole/failing").iterdir()}
    assert files == {f"run-{number}.yaml" for (number,) in failing} != set()


class Deadly(int):
    """A run that ends the worker that is given it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_a_worker_that_dies_costs_its_own_run_alone() -> None:
    spec = parse_spec(SPEC, "c.yaml")
    found = {row["run"]: row for row in rows(spec, 5, [0, Deadly(1), 2], 1)}
    assert sorted(found) == [0, 1, 2]
    assert found[1]["outcome"] == "worker_died"
    assert found[1]["as_expected"] is False
    assert "died 3 times (exit code 9)" in found[1]["problems"]
    assert [found[0], found[2]] == [row_of(spec, 5, 0), row_of(spec, 5, 2)]


@given(st.lists(st.integers(0, 3000)))
def test_runs_are_a_set_of_numbers(numbers: list[int]) -> None:
    found = Runs()
    for number in numbers:
        found.add(number)
    assert found == set(numbers)
    assert (len(found), list(found)) == (len(set(numbers)), sorted(set(numbers)))
    assert -1 not in found
    assert 10**9 not in found


def test_a_journal_is_of_one_campaign_and_one_process(tmp_path: Path) -> None:
    with Journal(tmp_path, {"seed": 1, "runs": 9}) as journal:
        journal.add({"run": 3})
        with pytest.raises(InputError, match="is in use"):
            Journal(tmp_path, {"seed": 1, "runs": 9})
    with pytest.raises(InputError, match="another campaign"):
        Journal(tmp_path, {"seed": 2, "runs": 9})
    with Journal(tmp_path, {"seed": 1, "runs": 9}) as journal:
        assert journal.done == {3}
    path = tmp_path / "journal.jsonl"
    good = path.read_bytes()
    for damage in (b'{"run": 3}\n', b'{"run": 9}\n', b'{"run": -1}\n', b"7\n", b"\xff\n", b'{"ru\n'):
        path.write_bytes(good + damage + b'{"run": 4}\n')
        with pytest.raises(InputError, match=r"journal\.jsonl:3: is damaged; delete this line"):
            Journal(tmp_path, {"seed": 1, "runs": 9})
        assert path.read_bytes() == good + damage + b'{"run": 4}\n'


def test_an_interrupted_campaign_says_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SPEC.replace("runs: 16", "runs: 5000"), encoding="utf-8")
    journal = tmp_path / "out/journal.jsonl"
    with begun("campaign", "c.yaml", "--out", "out", "-j", "1", folder=tmp_path) as process:
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 2):
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    done = journal.read_bytes().count(b"\n") - 1
    told = re.fullmatch(rb"out: (\d+) of 5000 runs are done and kept; the same command goes on\n\ninterrupted\n", err)
    assert told is not None, err
    assert 0 <= done - int(told[1]) <= 1  # told to end between the write of a line and counting it


def test_interrupted_while_its_results_are_written_it_is_interrupted(tmp_path: Path) -> None:
    """DuckDB passes what a signal's handler raises on as an error of its own."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    lines = "".join(json.dumps(not_run(number, "not_run", "an example")) + "\n" for number in range(20_000))
    (tmp_path / "journal.jsonl").write_text('{"format": 1}\n' + lines)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            finish(tmp_path, parse_spec(SPEC, "c.yaml"), 5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert [path.name for path in tmp_path.iterdir()] == ["journal.jsonl"]
    assert finish(tmp_path, parse_spec(SPEC, "c.yaml"), 5).not_run == 20_000


def test_the_program_is_told_by_its_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A campaign that was begun does not go on with other code."""
    mine = program.__wrapped__()
    assert mine == program()
    for name in PACKAGES:
        (tmp_path / name).mkdir()
    module = tmp_path / "sim/one.py"
    monkeypatch.setattr(rfgen_package, "__path__", [str(tmp_path / "rfgen")])
    found = []
    for text in ("a = 1\n", "a = 2\n"):
        module.write_text(text)
        found.append(program.__wrapped__()["code"])
    (tmp_path / "sim/one.so").write_bytes(b"compiled")
    assert program.__wrapped__()["code"] == found[1]
    assert len({mine["code"], *found}) == 3


PAGE = (Path(__file__).parents[2] / "docs/campaigns.md").read_text(encoding="utf-8")


def test_the_page_s_example_runs_and_its_failing_runs_are_repeated(tmp_path: Path) -> None:
    """The block as it stands, but for fewer runs: enough for one that is not as expected."""
    found = re.findall(r"<!-- example: campaign -->\n```yaml\n(.*?)```\n", PAGE, re.DOTALL)
    assert len(found) == 1
    assert "runs: 1000\n" in found[0]
    (tmp_path / "my.yaml").write_text(found[0].replace("runs: 1000\n", "runs: 5\n"), encoding="utf-8")
    code, out, _ = here("campaign", "my.yaml", "-j", "1", folder=tmp_path)
    assert code == 1
    again = re.findall(r"again: rfgen run (\S+)\n", out)
    assert again
    page = (tmp_path / "campaigns/my/report.html").read_text(encoding="utf-8")
    assert "tripped after charring" in page
    assert "hottest tissue, °C" in page
    for path in again:
        number = int(re.findall(r"run-(\d+)\.yaml", path)[0])
        query = f"SELECT * FROM '{tmp_path}/campaigns/my/results.parquet' WHERE run = {number}"
        cursor = duckdb.execute(query)
        row = dict(zip([column[0] for column in cursor.description], cursor.fetchone() or (), strict=True))
        assert row["as_expected"] is False
        code, out, _ = here("run", path, "--json", folder=tmp_path)
        summary = json.loads(out)
        assert code == 1
        for name in ("seed", "outcome", "reason", "t_end_s", "ticks", "hottest_tissue_c"):
            assert summary[name] == row[name], (number, name)
        assert ",".join(summary["tripped"]) == row["tripped"]
        assert summary["peak_true_c"]["control"] == row["peak_true_control_c"]


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0 s"), (99.0, "99 s"), (100.0, "2 min"), (5940.0, "99 min"), (13000.0, "3 h 37 min")]
)
def test_time_left_is_told_in_its_own_unit(seconds: float, told: str) -> None:
    assert span(seconds) == told
