"""Does what CONTRIBUTING.md says, with the very blocks that stand in it.

The blocks are put into a copy of the repository where the text says, and the copy's own commands and tests are
run on it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import sim.conditions as conditions_module
from hal.conformance import CHECKS, conformance_checks
from rfgen.assemble import bench
from rfgen.device import load_device
from rfgen.records import State
from rfgen.safety import catalogue, limits
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels
from rfgen.safety.limits import LIMITS, LimitSpec, resolve_limits
from rfgen.safety.listing import listing
from rfgen.safety.row import Needs
from rfgen.safety.signals import NOTHING_KNOWN
from rfgen.safety.supervisor import Supervisor
from rfgen.scenario import load_scenario
from sim import faults
from sim.faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
EXAMPLES: dict[str, str] = dict(BLOCK.findall(TEXT))

# example: (file, line that opens the collection, line that closes it); the block goes in before the close
PLACES = {
    "row": ("rfgen/safety/catalogue.py", "ROWS: tuple[Row, ...] = (", ")"),
    "limit": ("rfgen/safety/limits.py", "_SPECS = (", ")"),
    "figures": ("tests/safety/test_rows.py", "FIGURES = {", "}"),
    "edge": ("tests/safety/test_rows.py", "EDGES: ", "]"),
    "fault": ("sim/faults.py", "    rows = [", "    ]"),
    "effect": ("sim/conditions.py", "_READINGS: ", "}"),
    "meaning": ("tests/sim/test_sim_faults.py", "MEANING: ", "}"),
    "tissue": ("sim/tissue.py", "TISSUES: ", "    )"),
}
NEW_FILES = {
    "trip": "rfgen/scenarios/trip-flow-high.yaml",
    "profile": "rfgen/devices/phantom-bench.yaml",
    "phantom": "rfgen/scenarios/agar-phantom.yaml",
}
BACKEND = {"backend", "entry", "conformance", "resistor", "treatment"}


def insert(text: str, opening: str, closing: str, block: str) -> str:
    """`text` with the block as the last entry of the collection that `opening` begins."""
    lines = text.splitlines(keepends=True)
    (start,) = [n for n, line in enumerate(lines) if line.startswith(opening)]
    end = next(n for n in range(start + 1, len(lines)) if lines[n].rstrip("\n") == closing)
    return "".join([*lines[:end], block, *lines[end:]])


def run(folder: Path, *command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A command of Python's, in `folder`, with the packages of `path` (the folder itself where not given)."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "RFGEN_"))}
    env["PYTHONPATH"] = os.pathsep.join([str(path or folder)])
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


RFGEN = ("-c", "from rfgen.cli import main; main()")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with every example put in."""
    folder = tmp_path_factory.mktemp("contributing") / "repo"
    for name in ("hal", "sim", "rfgen", "docs", "tests/safety", "tests/sim"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for example, (file, opening, closing) in PLACES.items():
        path = folder / file
        path.write_text(insert(path.read_text(), opening, closing, EXAMPLES[example]))
    for example, file in NEW_FILES.items():
        assert not (folder / file).exists()
        (folder / file).write_text(EXAMPLES[example])
    return folder


def test_every_example_is_put_to_use_and_every_link_leads_somewhere() -> None:
    assert TEXT.count("<!-- example: ") == len(EXAMPLES)
    assert set(EXAMPLES) == {*PLACES, *NEW_FILES, *BACKEND}
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / link).is_file(), link


def test_what_is_named_in_the_text_is_there() -> None:
    """Names in backquotes of files of the repository, and of the collections that the blocks go into."""
    for file in re.findall(r"`((?:rfgen|sim|hal|tests|docs)/[\w/.-]+\.(?:py|yaml|md))`", TEXT):
        assert (ROOT / file).is_file() or file in NEW_FILES.values(), file
    for file, name in (
        ("rfgen/safety/catalogue.py", "pump_is_cause"),
        ("rfgen/safety/signals.py", "MAY_BE_ABSENT"),
        ("rfgen/safety/signals.py", "NOTHING_KNOWN = "),
        ("rfgen/safety/deriver.py", "def derive"),
        ("rfgen/crosscheck.py", "NEEDS_PUMP = "),
        ("rfgen/benchmark.py", "TREATMENTS"),
        ("sim/disturb.py", "def disturbance"),
    ):
        assert name in (ROOT / file).read_text(), f"{file} has no {name}"


# --- an interlock -----------------------------------------------------------------------------------------


def test_the_row_trips_on_its_signals_after_its_persistence(monkeypatch: pytest.MonkeyPatch) -> None:
    (spec,) = eval(f"({EXAMPLES['limit']})", vars(limits))
    assert isinstance(spec, LimitSpec)
    monkeypatch.setitem(LIMITS, spec.name, spec)
    (row,) = eval(f"({EXAMPLES['row']})", vars(catalogue))
    rows = (*ROWS, row)
    values = resolve_limits()
    bit = 1 << len(ROWS)

    def tripped_at(flow_ml_min: float, due_ml_min: float | None, state: State = State.HOLD) -> int | None:
        """The tick of 20 ms in which it trips, of 60."""
        supervisor = Supervisor(values, Channels((0,), ()), frozenset({Needs.PUMP}), rows)
        signals = NOTHING_KNOWN._replace(
            temperature_c=(37.0,), flow_ml_min=flow_ml_min, flow_due_ml_min=due_ml_min, electrode_spread_c=0.0
        )
        for tick in range(60):
            _, tripped = supervisor.evaluate(state, signals, tick * 20_000)
            if tripped & bit:
                return tick
        return None

    assert tripped_at(10.0, 10.0) is None
    assert tripped_at(15.0, 10.0) is None
    assert tripped_at(15.01, 10.0) == 25  # 0.5 s
    assert tripped_at(float("nan"), 10.0) == 25
    assert tripped_at(20.0, None) is None
    assert tripped_at(20.0, 10.0, State.IDLE) is None

    (shown,) = [entry for entry in listing(rows=rows) if entry["id"] == "FLOW_HIGH"]
    assert shown["trips_when"] == "flow_ml_min > 1.5 x flow_due_ml_min"
    assert (shown["armed"], shown["clears"], shown["needs"]) == ("CRH", "A", "pump")
    assert shown["limits"] == {"flow_most_share": {"value": 1.5, "unit": "1", "hard_range": [1.1, 3.0]}}


def test_the_interlock_trips_in_a_run_and_the_command_line_knows_it(repo: Path, tmp_path: Path) -> None:
    shown = run(repo, *RFGEN, "interlocks", "--device", "bench", "--json")
    assert shown.returncode == 0, shown.stderr
    assert [row["applicable"] for row in json.loads(shown.stdout) if row["id"] == "FLOW_HIGH"] == [True]

    ran = run(repo, *RFGEN, "run", "trip-flow-high", "--out", str(tmp_path / "trip"), "--json")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["reason"], summary["tripped"]) == ("FLOW_HIGH", ["FLOW_HIGH"])
    at = {state["name"]: state["t_s"] for state in summary["states"]}
    # put on 5 s into the hold, it persists for 0.5 s
    assert 5.5 <= at["CUTOFF"] - at["HOLD"] <= 5.56
    assert run(repo, *RFGEN, "replay", str(tmp_path / "trip")).returncode == 0

    sound = re.sub(r"(?m)^(faults:|  - ).*\n", "", EXAMPLES["trip"])
    (tmp_path / "sound.yaml").write_text(sound)
    ran = run(repo, *RFGEN, "run", str(tmp_path / "sound.yaml"), "--out", str(tmp_path / "sound"), "--json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["reason"] == "hold_complete"


def test_the_tests_the_text_names_hold_and_would_miss_what_it_tells_to_add(repo: Path) -> None:
    chosen = (
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "tests/safety/test_rows.py",
        "tests/sim/test_sim_faults.py",
    )
    passed = run(repo, *chosen, "-k", "figures or limit or flow_gain or FLOW_HIGH")
    assert passed.returncode == 0, passed.stdout
    for named in ("test_every_fault_is_observable[flow_gain]", "test_it_reads_as_it_says[flow_gain]"):
        assert f"{named} PASSED" in passed.stdout

    rows = repo / "tests/safety/test_rows.py"
    whole = rows.read_text()
    rows.write_text(whole.replace(EXAMPLES["figures"], "").replace(EXAMPLES["edge"], ""))
    try:
        missed = run(repo, *chosen, "-k", "figures")
    finally:
        rows.write_text(whole)
    assert missed.returncode == 1


def test_the_generated_pages_take_up_what_was_added(repo: Path) -> None:
    made = run(repo, "docs/generate.py")
    assert made.returncode == 0, made.stderr
    for page, added in (("interlocks", "FLOW_HIGH"), ("faults", "flow_gain"), ("devices", "phantom-bench")):
        assert added in (repo / f"docs/{page}.md").read_text()
    assert run(repo, "docs/generate.py", "--check").returncode == 0


# --- a fault ----------------------------------------------------------------------------------------------


def test_the_fault_does_on_a_bench_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    (spec,) = eval(f"({EXAMPLES['fault']})", vars(faults))
    effects = eval("{" + EXAMPLES["effect"] + "}", vars(conditions_module))
    assert list(effects) == [spec.kind] == ["flow_gain"]
    monkeypatch.setitem(FAULTS, spec.kind, spec)
    monkeypatch.setitem(conditions_module._READINGS, spec.kind, effects[spec.kind])
    scenario = load_scenario("vertebra-metastasis")
    faulty, sound = bench(scenario, seed=1), bench(scenario, seed=1)

    def flows() -> tuple[float, float]:
        return faulty.step(False, 0.0, 10.0).flow_ml_min, sound.step(False, 0.0, 10.0).flow_ml_min

    for _ in range(100):
        flows()
    handle = faulty.put(Fault("flow_gain", size=3.0))
    read, true = flows()
    assert read == pytest.approx(3.0 * true)
    assert true == pytest.approx(10.0, abs=0.3)
    faulty.take_off(handle)
    read, true = flows()
    assert read == true
    faulty.put(Fault("flow_gain"))
    read, true = flows()
    assert read == pytest.approx(2.0 * true)


def test_the_fault_is_listed(repo: Path) -> None:
    (line,) = [line for line in run(repo, *RFGEN, "faults").stdout.splitlines() if line.startswith("flow_gain ")]
    assert "(size 0..5 x, usually 2)" in line


# --- a device profile, a tissue ---------------------------------------------------------------------------


def test_the_profile_is_one_file_anywhere(tmp_path: Path) -> None:
    (tmp_path / "phantom-bench.yaml").write_text(EXAMPLES["profile"])
    profile = load_device(str(tmp_path / "phantom-bench.yaml"))
    assert profile.name == "phantom-bench"
    assert profile.electrode_channels == (0,)
    (tmp_path / "short.yaml").write_text(
        "title: Short\ndevice: ./phantom-bench.yaml\ntreatment: {target_c: 50, hold_s: 2}\n"
        "plant: {target: muscle, surrounding: muscle}\n"
        "expect: {outcome: completed, tripped: [], bounds: {peak_c.tip: [49, 52]}}\n"
    )
    ran = run(tmp_path, *RFGEN, "run", "short.yaml", "--out", "run", "--json", path=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["device"] == "phantom-bench"
    resolved = (tmp_path / "run/scenario.yaml").read_text()
    assert re.search(r"period_ms: assumed, the default", resolved)


def test_a_source_left_out_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "phantom-bench.yaml"
    path.write_text(EXAMPLES["profile"].replace("  stage: assumed\n", ""))
    with pytest.raises(Exception, match=r"phantom-bench\.yaml:\d+: sources: .*stage\.max_power_w has no source"):
        load_device(str(path))


def test_the_profile_and_the_tissue_ship_and_treat(repo: Path, tmp_path: Path) -> None:
    listed = run(repo, *RFGEN, "devices")
    assert re.search(
        r"^phantom-bench +Uncooled needle in a phantom: monopolar, 20 W, temperature, power$", listed.stdout, re.M
    )
    ran = run(repo, *RFGEN, "run", "agar-phantom", "--out", str(tmp_path / "agar"), "--json")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["reason"] == "hold_complete"
    # L / (8 pi s c) of a spheroid with c = 4.946 mm and L = 5.21 in 0.25 S/m, less 27 % at 22 C: 230 ohm; 11 in series
    assert 232.0 < summary["impedance_ohm"]["first"] < 250.0
    unknown = run(ROOT, *RFGEN, "run", str(repo / NEW_FILES["phantom"]), "--out", str(tmp_path / "none"))
    assert unknown.returncode == 2
    assert "agar_phantom" in unknown.stderr or "phantom-bench" in unknown.stderr


# --- a backend --------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The backend's package as an installer leaves it, beside its own test."""
    (tmp_path / "dummy_load.py").write_text(EXAMPLES["backend"])
    (tmp_path / "test_dummy_load.py").write_text(EXAMPLES["conformance"])
    (tmp_path / "pyproject.toml").write_text(EXAMPLES["entry"])
    points = tomllib.loads(EXAMPLES["entry"])["project"]["entry-points"]
    info = tmp_path / "dummy_load-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dummy-load\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in points.items())
    )
    return tmp_path


def test_the_backend_is_found_by_name_and_keeps_every_promise(package: Path) -> None:
    here = Path(os.pathsep.join([str(package), str(ROOT)]))
    held = run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_dummy_load.py", path=here)
    assert held.returncode == 0, held.stdout
    assert f"{len(CHECKS)} passed" in held.stdout
    assert len(CHECKS) >= 15


BROKEN = {
    "rf_off_at_once": (
        "def rf_off(self) -> None:\n        self._rf_on = False",
        "def rf_off(self) -> None:\n        pass",
    ),
    "off_key_is_off": ("takes and command.rf_on", "takes and command.power_w > 0"),
    "refuses_bad_values": ("takes = 0.0 <= command.power_w <= config.power_limit_w and", "takes ="),
    "refuses_the_impossible": ("and config.channels == 1\n", "\n"),
    "close_switches_rf_off": ("        self._rf_on = False\n        self._config = None", "        pass"),
}
"""What breaks which promise: the check's name, what stands in the example, what to put instead."""


@pytest.mark.parametrize("check", BROKEN)
def test_each_part_of_the_backend_is_needed(check: str) -> None:
    scope: dict[str, Any] = {}
    exec(EXAMPLES["conformance"].split("@pytest")[0], scope)
    before, after = BROKEN[check]
    broken = EXAMPLES["backend"].replace(before, after)
    assert broken != EXAMPLES["backend"]
    exec(broken, scope)
    verdicts = conformance_checks(scope["DummyLoad"], scope["CONFIG"])
    assert check in {verdict.name for verdict in verdicts if verdict.broken}


def test_a_treatment_runs_on_the_backend(repo: Path, package: Path) -> None:
    (package / "power-into-a-resistor.yaml").write_text(EXAMPLES["resistor"])
    here = Path(os.pathsep.join([str(package), str(repo)]))
    ran = run(package, "-c", EXAMPLES["treatment"], path=here)
    assert (ran.returncode, ran.stdout.strip()) == (0, "hold_complete"), ran.stderr
