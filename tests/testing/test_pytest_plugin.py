"""The pytest plugin: one test file on the simulation and on a rig; what is skipped, what a failure leaves and says."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rfgen.report.page  # what a run in this process imports, it would import anew for each: C extensions cannot be
import rfgen.testing.bench
import rfgen.testing.defaults  # noqa: F401
from rfgen import pytest_plugin
from rfgen.record.loader import load_run
from rfgen.testing import Treatment
from rfgen.testing.rigmap import RigEntry, load_rig_map

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.state("ramp")
def test_sound(treatment, generator, rig, scenario):
    assert generator.state.name == "RAMP"
    assert scenario.device.name == "bench"
    treatment.advance(0.5)
    treatment.stop()
    assert treatment.reason == "operator_stop"

@pytest.mark.state("ramp")
@pytest.mark.parametrize("within_s", [0.02])
def test_wrong(treatment, fault, within_s):
    with fault("line_silent"):
        treatment.advance_until("cutoff", within_s=within_s)

@pytest.mark.needs("thermocouple_open")
def test_of_the_simulation_alone(treatment, fault):
    treatment.start()
    with fault("thermocouple_open", channel=0):
        treatment.advance_until("cutoff", within_s=1)

def test_that_finds_out_late(treatment, fault):
    treatment.start()
    fault("thermocouple_open", channel=0)
"""
MAP = """\
rigs:
  - {{name: little, run: "{rig}", lockstep: true, thermocouples: 4, max_power_w: 5}}
  - {{name: enough, run: "{rig}", lockstep: true, thermocouples: 4, max_power_w: 8}}
"""


def test_on_the_simulation(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=TESTS)
    done = pytester.runpytest_inprocess("-p", "no:randomly", "-q", "-k", "not late")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(
        [
            "E*NotReached: expected CUTOFF within 0.02 s",
            "E*got      RAMP after 0.02 s",
            "*- rfgen -*",
            "rig      sim, SIMULATED",
            "*line_silent put on",
            "run      runs/test_it-test_wrong-0.02",
            "again    pytest 'test_it.py::test_wrong[[]0.02]'",
        ]
    )
    assert [p.name for p in (pytester.path / "runs").iterdir()] == ["test_it-test_wrong-0.02"]
    folder = pytester.path / "runs/test_it-test_wrong-0.02"
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "run.mcap", "scenario.yaml", "summary.json"]
    assert load_run(folder).complete
    # what it prints repeats it, and leaves the first run where it is
    (again,) = [line.removeprefix("again    ") for line in done.outlines if line.startswith("again ")]
    repeated = pytester.runpytest_inprocess(*shlex.split(again)[1:])
    repeated.assert_outcomes(failed=1)
    assert (pytester.path / "runs/test_it-test_wrong-0.02-2/run.mcap").read_bytes() != b""
    first = [(e.tick, e.text) for e in load_run(folder).events]
    assert first == [(e.tick, e.text) for e in load_run(pytester.path / "runs/test_it-test_wrong-0.02-2").events]


def test_on_a_rig_of_a_map(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rig is a process of its own, served in lock-step; it ends with the tests."""
    monkeypatch.setenv("RFGEN_LOCKS", str(pytester.path / "locks"))
    pytester.makepyfile(test_it=TESTS)
    served = f"{sys.executable} -c 'from rfgen.cli import main; main()' rig --lockstep bench-first-light"
    (pytester.path / "bench.yaml").write_text(MAP.format(rig=served))
    done = pytester.runpytest_inprocess("-ra", "--rig", "map:bench.yaml")
    done.assert_outcomes(passed=1, failed=1, skipped=2)
    done.stdout.fnmatch_lines(
        [
            "rig: map:bench.yaml",
            "rig      rig enough (bench.yaml), SIMULATED",
            "again    pytest 'test_it.py::test_wrong[[]0.02]' --rig map:bench.yaml@enough",
            "SKIPPED * test_it.py:*: no rig of bench.yaml will do: little lacks thermocouple_open, which can be put on "
            "a simulation alone, the power: it allows 5 W, and the treatment may ask for 8 W*",
            "SKIPPED * test_it.py:*: thermocouple_open can be put on a simulation alone, and rig enough * is a rig",
        ]
    )


def test_a_rig_that_is_served_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    program = """
import sys, time
from rfgen.testing.bench import Served
served = Served("sh -c 'echo rig on nowhere; exec sleep 600'")
print(served._process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        served = int(process.stdout.readline())
        os.kill(served, 0)
        process.send_signal(signal.SIGKILL)
    try:
        until_s = time.monotonic() + 30.0  # a bound on a hang
        while goes_on(served):
            assert time.monotonic() < until_s
            time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(served, signal.SIGKILL)


def goes_on(process: int) -> bool:
    """It runs: it has neither ended nor waits to be reaped."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


WRONG = {
    "@pytest.mark.scenario('nosuch.yaml')": "nosuch.yaml: there is no such file",
    "@pytest.mark.scenario()": "the marker is written `scenario(NAME_OR_PATH)`",
    "@pytest.mark.device('bensch')": "did you mean 'bench'?",
    "@pytest.mark.state('hld')": "no state 'hld': there are idle, impedance_check",
    "@pytest.mark.state('hold', 5)": "the marker is written `state(NAME, within_s=SECONDS)`",
    "@pytest.mark.needs('pmp')": "'pmp' is nothing that a rig has or a fault does",
    "@pytest.mark.needs(lode='phantom')": "marker needs: ",
}


def test_a_marker_that_is_wrong_is_told(pytester: pytest.Pytester) -> None:
    tests = [f"{marker}\ndef test_{place}(treatment): ...\n" for place, marker in enumerate(WRONG)]
    pytester.makepyfile("import pytest\n" + "".join(tests))
    done = pytester.runpytest_inprocess("-q")
    done.assert_outcomes(errors=len(WRONG))
    sections = done.stdout.str().split("ERROR at setup of test_")
    for place, told in enumerate(WRONG.values()):
        assert told in sections[place + 1]


def test_a_rig_that_is_wrong_is_told_before_any_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(): assert False")
    done = pytester.runpytest_inprocess("--rig", "map:nosuch.yaml")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "nosuch.yaml: there is no such file" in done.stderr.str()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--rig-wait", "nan", "--rig-wait: nan is out of range; it must be at least 0"),
        ("--rig-max-power", "0", "--rig-max-power: 0.0 is out of range; it must be above 0"),
        ("--rig-runs", "taken", "--rig-runs: taken is no folder; give one"),
    ],
)
def test_an_option_that_is_wrong_is_told_before_any_test(
    pytester: pytest.Pytester, option: str, value: str, told: str
) -> None:
    (pytester.path / "taken").touch()
    done = pytester.runpytest_inprocess(option, value)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert told in done.stderr.str()


def test_runs_that_cannot_be_kept_are_told_in_a_line(pytester: pytest.Pytester) -> None:
    (pytester.path / "taken").touch()
    pytester.makepyfile("def test_treatment(treatment): ...")
    done = pytester.runpytest_inprocess("--rig-runs", "taken/runs")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["--rig-runs: *taken/runs: Not a directory"])
    assert "Error" not in done.stdout.str().replace("ERROR", "")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--rig", "serial:nowhere"), "there is no port nowhere"),
        (("--rig", "map:bench.yaml"), "there is no port nowhere"),
        (("--rig", "qemu", "-o", "rig_qemu=true"), "`true` does not serve a rig"),
    ],
)
def test_a_rig_that_does_not_answer_is_a_failure_and_never_a_skip(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("RFGEN_LOCKS", str(pytester.path / "locks"))
    pytester.makepyfile("def test_rig(rig): ...\ndef test_treatment(treatment): ...")
    (pytester.path / "bench.yaml").write_text("rigs: [{name: gone, port: nowhere, max_power_w: 8, thermocouples: 2}]\n")
    done = pytester.runpytest_inprocess("-q", *options)
    outcomes = done.parseoutcomes()
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert "skipped" not in outcomes, outcomes
    assert outcomes["errors"] >= 1, outcomes
    assert told in done.stdout.str()


def test_a_run_that_does_not_use_it_imports_nothing_of_it(tmp_path: Path) -> None:
    """Not rfgen's own modules, nor what they need: of a plugin in everybody's pytest that is asked first."""
    (tmp_path / "test_a.py").write_text(
        "import sys\n"
        "def test_a():\n"
        "    heavy = ('rfgen.', 'hal', 'sim', 'numpy', 'pydantic', 'yaml', 'mcap', 'serial')\n"
        "    assert [n for n in sys.modules if n.startswith(heavy)] == ['rfgen.pytest_plugin']\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        "-W",
        "error",
    ]
    done = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "rig" not in done.stdout


# --- docs/testing.md -------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL))


def test_what_the_page_shows_runs(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    pytester.makepyfile(test_first=BLOCKS["first"])
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)
    (pytester.path / "bench.yaml").write_text(BLOCKS["map"], encoding="utf-8")
    assert len(load_rig_map(pytester.path / "bench.yaml").rigs) == 3
    capsys.readouterr()
    exec(BLOCKS["plain"], {})
    reason, time_s = capsys.readouterr().out.split()
    assert (reason, float(time_s) > 60) == ("FLOW_LOW", True)


def test_the_page_names_all_there_is() -> None:
    tables = set(re.findall(r"`(?:treatment\.)?(--[\w-]+|\w+)(?:\([^`]*\))?`", PAGE))
    public = {name for name in vars(Treatment) if not name.startswith("_")}
    assert public - {"open", "close", "status", "report", "scenario", "generator"} <= tables
    assert set(RigEntry.model_fields) <= tables
    source = Path(pytest_plugin.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'addoption\(\s*"(--[\w-]+)"', source)) <= tables
    assert set(re.findall(r"@pytest.fixture\ndef (\w+)", source)) <= tables
    assert {marker.split("(")[0] for marker in pytest_plugin.MARKERS} <= tables


def test_the_examples_pass_as_they_stand(tmp_path: Path) -> None:
    """`make examples` does it from a wheel, in a clean environment."""
    place = tmp_path / "copied"
    shutil.copytree(ROOT / "examples", place, ignore=shutil.ignore_patterns("runs", ".rfgen", "*cache*"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert len(load_rig_map(place / "bench.yaml").rigs) == 3
    assert not (place / "runs").exists()
