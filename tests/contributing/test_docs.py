"""What the pages of docs/ say is what the code does: examples run, tables are complete, names exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from rfgen.fieldparts import FieldModel
from rfgen.record.info import RunInfo
from rfgen.record.schema import EVENT_TEXT, tick_layout
from rfgen.scenario import (
    Expect,
    FaultLine,
    OperatorLine,
    PlantModel,
    Scenario,
    Step,
    TissueModel,
    Treatment,
    WallModel,
    parse_scenario,
)
from rfgen.when import When
from sim.tissue import TISSUES

ROOT = Path(__file__).parents[2]
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")}
BLOCK = re.compile(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
SCENARIOS = dict(BLOCK.findall(PAGES["scenarios"]))
RECORDINGS = dict(BLOCK.findall(PAGES["recordings"]))
FIRST = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.MULTILINE)
"""A table row that begins with a name, and the rest of it."""


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command of Python's, in `folder`."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "RFGEN_"))}
    env["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


RFGEN = ("-c", "from rfgen.cli import main; main()")


def section(page: str, title: str) -> str:
    """The text of a page under one heading, up to the next."""
    found = re.search(rf"(?ms)^#+ {title}\n(.*?)(?=^#|\Z)", PAGES[page])
    assert found is not None, title
    return found[1]


# --- scenarios --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["least", "full"])
def test_an_example_scenario_ends_as_it_says(name: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(SCENARIOS[name])
    ran = run(tmp_path, *RFGEN, "run", "my.yaml", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    summary = json.loads(ran.stdout)
    assert summary["reason"] == {"least": "hold_complete", "full": "operator_stop"}[name]
    assert (tmp_path / "runs/my/report.html").is_file()
    if name == "full":
        # a treatment of two steps, stopped in the second; later the whole of it
        entered = [state["name"] for state in summary["states"]]
        once = ["RAMP", "HOLD", "RAMP", "HOLD", "CUTOFF"]
        assert entered == ["IDLE", "IMPEDANCE_CHECK", *once, "IDLE", "IMPEDANCE_CHECK", *once]


@pytest.mark.parametrize(("given", "told"), [("broken", "errors"), ("inconsistent", "conflicts")])
def test_errors_look_as_the_page_shows_them(given: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(SCENARIOS[given])
    ran = run(tmp_path, *RFGEN, "run", "broken.yaml")
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", SCENARIOS[told])


TABLES: list[tuple[str, type[BaseModel]]] = [
    ("Keys", Scenario),
    ("Treatment", Treatment),
    ("Treatment", Step),
    ("Plant", PlantModel),
    ("Plant", WallModel),
    ("Plant", TissueModel),
    ("Field", FieldModel),
    ("Faults", FaultLine),
    ("Operator", OperatorLine),
    ("Expect", Expect),
]


def _keys(title: str) -> dict[str, str]:
    return dict(FIRST.findall(section("scenarios", title)))


@pytest.mark.parametrize(("title", "model"), TABLES)
def test_every_key_has_its_row_and_its_default(title: str, model: type[BaseModel]) -> None:
    rows = _keys(title)
    for name, field in model.model_fields.items():
        key = field.alias or name
        assert key in rows, key
        default = field.get_default()
        if isinstance(default, bool):
            assert str(default).lower() in rows[key], key
        elif isinstance(default, int | float):
            assert re.search(rf"\| {default:g} \|", rows[key]), key
        elif isinstance(default, str) and default:
            assert f"`{default}`" in rows[key], key


def test_no_row_is_about_a_key_that_is_not_there() -> None:
    for title in {title for title, _ in TABLES}:
        known = {f.alias or n for t, model in TABLES if t == title for n, f in model.model_fields.items()}
        # the second table of Expect is of the summary's keys
        assert set(_keys(title)) - known <= {"hottest_tissue_c", "energy_j", "rf_on_s", "sentinel_cem43_min"}


NUMBER = r"[\d,]+(?:\.\d+)?"


@pytest.mark.parametrize(("title", "model"), TABLES)
def test_ranges_are_the_models(title: str, model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        bounds: dict[str, float] = {}
        for rule in field.metadata:
            bounds |= {k: getattr(rule, k) for k in ("gt", "ge", "le", "lt") if getattr(rule, k, None) is not None}
        row = _keys(title)[field.alias or name]
        said = re.search(rf"(above )?({NUMBER})(?: s)?(?:, to |\s?to )({NUMBER})", row)
        if said is None or "le" not in bounds:
            continue
        low, high = (float(said[n].replace(",", "")) for n in (2, 3))
        assert high == bounds["le"], name
        assert low == (bounds["gt"] if said[1] else bounds["ge"]), name


def test_every_tissue_and_every_summary_key_is_named() -> None:
    listed = section("scenarios", "Plant").split("Tissues by name:")[1]
    assert re.findall(r"`(\w+)`", listed) == list(TISSUES)


def test_every_summary_key_that_is_named_can_be_bounded(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(SCENARIOS["full"])
    rows = section("scenarios", "Expect").split("| key | |")[1]
    keys = [key.replace("NAME", "wall") for key in re.findall(r"`([\w.]+)`", rows)]
    assert len(keys) >= 12
    bounds = "".join(f"    {key}: [-1e9, 1e9]\n" for key in keys if key != "peak_c.tip")
    text = SCENARIOS["full"].replace("    peak_true_c.sentinel: [37, 45]\n    impedance_ohm.least: [60, 200]\n", bounds)
    assert text != SCENARIOS["full"]
    (tmp_path / "my.yaml").write_text(text)
    ran = run(tmp_path, *RFGEN, "run", "my.yaml", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_moments_read_as_the_page_says() -> None:
    rows = section("scenarios", "Moments")
    for text in re.findall(r"`([^`]+)`", rows.split("The states are")[0].split("| written")[1]):
        When.parse(text)
    for anchor in re.findall(r"`(\w+)`", rows.split("The states are")[1].split("A moment")[0]):
        assert When.parse(f"{anchor} + 1 s").offset_s == 1.0


def test_a_device_override_of_the_page_is_valid() -> None:
    (override,) = re.findall(r"```yaml\n(device: .*?)```", PAGES["scenarios"], re.S)
    scenario = parse_scenario(f"title: T\ntreatment: {{target_c: 60, hold_s: 5}}\n{override}", "t.yaml")
    assert scenario.device.limits["z_high_ohm"] == 2500.0
    assert scenario.device.sources["limits.z_high_ohm"] == "this scenario"


# --- recordings -------------------------------------------------------------------------------------------


def _fields(title: str) -> dict[str, str]:
    rows = re.findall(r"^\| `(\w+)`(?: to `\w+`)? \| (\w+) \|", section("recordings", title), re.MULTILINE)
    return dict(rows)


def test_every_recorded_field_has_its_row_in_order() -> None:
    layout = tick_layout(1)
    assert list(_fields("`/tick`, schema `rfgen/msg/Tick`").items()) == [(f.name, f.type) for f in layout.fields]
    event = [(line.split()[1], line.split()[0]) for line in EVENT_TEXT.splitlines()]
    assert list(_fields("`/event`, schema `rfgen/msg/Event`").items()) == event


def test_the_metadata_is_named_in_full() -> None:
    text = section("recordings", "Metadata")
    for name in RunInfo.__slots__:
        assert f"`{name}`" in text, name


def test_both_ways_of_reading_a_run_work_as_written(tmp_path: Path) -> None:
    assert run(tmp_path, *RFGEN, "run", "vertebra-metastasis").returncode == 0
    folder = tmp_path / "runs/vertebra-metastasis"
    files = re.findall(r"(?m)^\| `([\w.]+)` \|", PAGES["recordings"].split("## Opening")[0])
    assert sorted(files) == sorted(path.name for path in folder.iterdir())

    (line, *events) = run(tmp_path, "-c", RECORDINGS["python"]).stdout.splitlines()
    found = re.fullmatch(r"osteocool-like: (\d+) ticks, ([\d.]+) C at ([\d.]+) s", line)
    assert found is not None
    summary = json.loads((folder / "summary.json").read_text())
    assert int(found[1]) == summary["ticks"]
    assert float(found[2]) == pytest.approx(summary["peak_c"]["tip"], abs=0.06)
    states = [state["name"] for state in summary["states"]]
    assert [text.split(" to ")[1].split(":")[0] for text in events if " to " in text] == states[1:]

    again = run(tmp_path, "-c", RECORDINGS["reader"])
    assert len(again.stdout.splitlines()) == len(events), again.stderr
    assert again.stdout.splitlines()[-1].endswith("HOLD to CUTOFF: hold_complete")

    replayed = run(tmp_path, *RFGEN, "replay", "runs/vertebra-metastasis")
    assert replayed.stdout.endswith(f"identical over {summary['ticks']} ticks\n")


def test_the_lines_of_python_are_six() -> None:
    lines = [line for line in RECORDINGS["python"].splitlines() if line]
    assert len(lines) == 6


# --- all pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", sorted(PAGES))
def test_files_that_a_page_names_are_there(page: str) -> None:
    for file in re.findall(r"`((?:rfgen|sim|hal|tests|docs|bench)/(?!msg/)[\w/.-]*)`", PAGES[page]):
        assert (ROOT / file).exists(), file


def test_names_that_the_overview_uses_are_in_the_code() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for room in ("hal", "sim", "rfgen") for path in (ROOT / room).rglob("*.py")
    )
    quoted = re.findall(r"`(\w+(?:\.\w+)*)(?:\(\w*\))?`", PAGES["overview"])
    files = re.compile(r".*\.(?:py|toml|mcap|json|yaml)")
    names = {name for text in quoted if not files.fullmatch(text) for name in text.split(".")}
    assert len(names) > 60
    for name in sorted(names - {"hal"}):
        assert re.search(rf"\b{name}\b", code), name
    for file in filter(files.fullmatch, quoted):
        if file.endswith(".py"):
            assert any(path.name == file for room in ("hal", "sim", "rfgen") for path in (ROOT / room).rglob("*.py")), (
                file
            )


def test_every_module_that_reads_the_wall_clock_is_in_the_overview() -> None:
    clock = re.compile(r"^\s*(?:import (?:time|datetime)\b|from (?:time|datetime) import)", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT))
        for room in ("hal", "sim", "rfgen")
        for path in (ROOT / room).rglob("*.py")
        if clock.search(path.read_text(encoding="utf-8"))
    }
    listed = re.findall(r"^\| `([\w/.]+)` \|", section("overview", "Where the wall clock is"), re.MULTILINE)
    assert found == set(listed)
