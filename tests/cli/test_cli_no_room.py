"""Where there is no room, no stream, no such number: what is said, which exit code, and what stays."""

from __future__ import annotations

import io
import resource
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from rfgen_program import QUICK, command, here

from rfgen.campaign.journal import Journal
from rfgen.campaign.one import not_run
from rfgen.campaign.pool import as_they_come
from rfgen.campaign.results import finish
from rfgen.campaign.spec import parse_spec
from rfgen.cli import _spell_what_is_not_there as spell_what_is_not_there
from rfgen.commands.output import say
from rfgen.fieldparts import _make_ready as make_ready
from rfgen.problems import InputError

SPEC = """\
title: Drawn
runs: 2
treatments: [{device: cosman-like, target_c: [60, 80], hold_s: [9, 12]}]
faults: {kinds: [{kind: charring, state: [hold], size: [300, 2000]}]}
"""


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of more than `size` bytes can be written: what a full disk does, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size", "file"), [(100, "scenario.yaml"), (20_000, "run.mcap")])
def test_a_run_without_room_names_the_file(size: int, file: str, tmp_path: Path) -> None:
    (tmp_path / "quick.yaml").write_text(QUICK)
    (tmp_path / "r").mkdir()
    with room_for(size):
        code, _, err = here("run", "quick.yaml", "--out", "r", "--quiet", folder=tmp_path)
    assert (code, err) == (2, f"r/{file}: File too large\n")
    assert (tmp_path / "r").is_dir()  # it was there before, and stays


def test_scenarios_are_copied_all_or_none(tmp_path: Path) -> None:
    with room_for(800):
        code, _, err = here("scenarios", "--copy", "mine", folder=tmp_path)
    assert code == 2
    assert err.startswith("mine/")
    assert err.endswith(".yaml: File too large\n")
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_campaign_without_room_for_its_results_keeps_its_runs(tmp_path: Path) -> None:
    with Journal(tmp_path, {"spec": "a"}) as journal:
        journal.add(not_run(0, "not_run", "an example"))
    spec = parse_spec(SPEC, "s.yaml")
    with room_for(100), pytest.raises(InputError) as refused:
        finish(tmp_path, spec, 1)
    assert str(refused.value) == (
        f"{tmp_path}/results.parquet: cannot be written (File too large); "
        "make room; what was run is kept, and the same command goes on"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["journal.jsonl"]
    assert finish(tmp_path, spec, 1).not_run == 1


def test_closed_streams_are_none_of_the_runs_business(tmp_path: Path) -> None:
    (tmp_path / "quick.yaml").write_text(QUICK)
    shell = 'exec "$@" <&- >&- 2>&-'
    words = ["sh", "-c", shell, "-", *command(["run", "quick.yaml", "--out", "r"])]
    assert subprocess.run(words, cwd=tmp_path, timeout=60, check=False).returncode == 0
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert names == {"run.mcap", "scenario.yaml", "summary.json", "timing.json", "report.html"}


def test_a_full_stdout_is_named_and_a_full_stderr_changes_no_exit_code(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command(["ports"]), stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (2, b"standard output: No space left on device\n")
        words = command(["check-rig", "/no/such/port"])
        assert subprocess.run(words, stderr=full, cwd=tmp_path, timeout=60, check=False).returncode == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("plant vertebra-field --power nan --for 1", "'--power': nan is not in the range 0<=x<=400"),
        ("plant vertebra-field --tip-temperature nan --for 1", "nan is not in the range 20<=x<=150"),
        ("plant vertebra-field --power 5 --for nan", "'--for': nan is not in the range 0<x<=36000"),
        ("check trip-flow-lo", "is no folder, no file and no shipped scenario; did you mean 'trip-flow-low'?"),
        ("replay nowhere", "nowhere: there is no such recording; give the folder of a run, or its run.mcap"),
    ],
)  # fmt: skip
def test_what_would_be_right_is_said(words: str, told: str, tmp_path: Path) -> None:
    code, _, err = here(*words.split(), folder=tmp_path)
    assert code == 2
    assert told in err


def test_check_takes_a_shipped_scenarios_name_and_ports_knows_what_is_none(tmp_path: Path) -> None:
    code, out, _ = here("check", "bench-self-test", folder=tmp_path)
    assert (code, out.splitlines()[-1]) == (0, "1 scenarios: 1 as expected")
    assert here("ports", "/no/such/port", folder=tmp_path) == (3, "/no/such/port  no port\n", "")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[60, 80]", "[80, 60]", "treatments[0].target_c: a list goes from 80 down to 60; give [least, most]"),
        ("[60, 80]", "[60, 800]", "target_c 800.0 is out of range: it must be at most 150"),
        ("kind: charring", "kind: charing", "kind 'charing' is no fault: did you mean 'charring'?"),
        ("size: [300, 2000]", "channel: [9]", "channel 9 is out of range: it must be at most 7"),
        ("state: [hold]", "after_s: [-5, 5]", "after_s: a list goes from -5 to 5 s; a time is 0 s or more"),
        ("runs: 2", "runs: 2\nseed: -7", "it must be at least 0 and below 9223372036854775808"),
    ],
)
def test_a_specification_is_refused_in_plain_words(old: str, new: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_spec(SPEC.replace(old, new), "s.yaml")
    assert told in str(refused.value)
    assert "Input should" not in str(refused.value)


def test_another_campaign_in_the_folder_is_told_by_what_differs(tmp_path: Path) -> None:
    head = {"spec": "a", "seed": 7, "runs": 2, "versions": {"numpy": "2.0.0"}}
    with Journal(tmp_path, head) as journal:
        journal.add({"run": 1})
    with pytest.raises(InputError, match=r"seed 7, not 8; made with numpy 2\.0\.0, not 2\.1\.0\); give --out"):
        Journal(tmp_path, {**head, "seed": 8, "versions": {"numpy": "2.1.0"}})


def one_more(number: float) -> float:
    return number + 1.0


def test_a_kernel_is_compiled_where_none_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed read-only, and no home to write into."""
    compiling = pytest.importorskip("sim.field.compiled")
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    assert compiling.compiled(one_more).stats.cache_path is None


def test_a_terminal_without_the_letters_gets_them_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", terminal)
    spell_what_is_not_there()
    say("37 °C, Ω ≥ 1")
    assert terminal.buffer.getvalue() == b"37 \xb0C, \\u03a9 \\u2265 1\n"  # type: ignore[attr-defined]


def test_a_start_that_compiles_says_so_and_one_that_does_not_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiling = pytest.importorskip("sim.field.compiled")
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("numba.core.event._registered", defaultdict(list))  # what this process has been told already

    def started() -> str:
        monkeypatch.setattr(compiling, "_TELLING", [])
        make_ready()
        kernel = compiling.compiled(one_more)
        assert capsys.readouterr().err == ""  # nothing has been compiled yet
        assert kernel(1.0) == 2.0
        assert kernel(1) == 2.0  # another signature, compiled as well
        compiling.event.unregister("numba:compile", compiling._TELLING[0])
        return capsys.readouterr().err

    assert started() == "compiling the field plant: once, some ten seconds\n"
    assert started() == ""


def test_a_search_on_the_field_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rfgen.commands.falsify.field_installed", lambda: False)
    code, out, err = here("falsify", "trip-late", "--uniform", "--plant", "field", folder=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("--plant field: needs numba, which is not installed; pip install ")


def test_a_worker_is_out_of_ctrl_c_s_reach_from_its_first_moment() -> None:
    held = list(as_they_come(partial(signal.pthread_sigmask, signal.SIG_BLOCK), [[]], 1))
    assert held == [{signal.SIGINT}]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
