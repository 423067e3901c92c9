"""`rfgen scenarios`, `devices`, `faults`, `interlocks`, help and version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner
from rfgen_program import here, rfgen, said

from hal.linefault import LINE_FAULTS
from rfgen.cli import cli
from rfgen.device import device_names, load_device
from rfgen.hostfaults import HOST_FAULTS
from rfgen.safety.catalogue import ROW_IDS
from rfgen.scenario import load_scenario, scenario_names
from sim.faults import FAULTS

COMMANDS = ("run", "check", "replay", "report", "interlocks", "scenarios", "devices", "faults")


def lines(words: Sequence[str]) -> list[str]:
    """What a command prints, within this process: it ends with 0."""
    found = CliRunner().invoke(cli, list(words), standalone_mode=False, catch_exceptions=False)
    assert found.return_value in (0, None)
    assert found.stderr == ""
    assert "\x1b" not in found.output
    return found.output.splitlines()


def test_help_names_every_command_and_what_this_is() -> None:
    text = "\n".join(lines(["--help"]))
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "not a medical device" in text
    for name in COMMANDS:
        assert lines([name, "--help"])[0].startswith(f"Usage: cli {name} ")
        assert lines([name, "-h"]) == lines([name, "--help"])


def test_version() -> None:
    assert lines(["--version"]) == [f"cli, version {version('rfgen')}"]


def test_every_scenario_on_a_line_with_what_it_expects() -> None:
    found = lines(["scenarios"])
    assert [line.split()[0] for line in found] == list(scenario_names())
    for line in found:
        scenario = load_scenario(line.split()[0])
        assert scenario.title in line
        assert scenario.expect is not None
        assert line.endswith(f"[{scenario.expect.reason or scenario.expect.outcome}]")


def test_every_device_on_a_line() -> None:
    found = lines(["devices"])
    assert [line.split()[0] for line in found] == list(device_names())
    assert all(load_device(line.split()[0]).title in line for line in found)


def test_every_fault_on_a_line() -> None:
    told = lines(["faults"])
    until = told.index("")
    assert [line.split()[0] for line in told[:until]] == [*FAULTS, *LINE_FAULTS, *HOST_FAULTS]
    for how in ("faults:", "fault_on:", "fault_off:", "treatment.fault(", "panel.put("):
        assert any(how in line for line in told[until:])


def test_every_interlock_in_text_and_in_json() -> None:
    text = lines(["interlocks"])
    assert [line.split()[0] for line in text if line.split() and line.split()[0] in ROW_IDS] == list(ROW_IDS)
    (raw,) = lines(["interlocks", "--json"])
    rows = json.loads(raw)
    assert [row["id"] for row in rows] == list(ROW_IDS)
    assert all(row.keys() >= {"trips_when", "persist_s", "armed", "clears", "needs", "limits"} for row in rows)


def test_interlocks_of_a_device_have_its_limits() -> None:
    (raw,) = lines(["interlocks", "--device", "cosman-like", "--json"])
    rows = {row["id"]: row for row in json.loads(raw)}
    assert rows["Z_HIGH"]["limits"]["z_high_ohm"]["value"] == load_device("cosman-like").limits["z_high_ohm"]
    assert rows["FLOW_LOW"]["applicable"] is False
    (raw,) = lines(["interlocks", "--device", "bench", "--json"])
    assert {row["id"]: row for row in json.loads(raw)}["FLOW_LOW"]["applicable"] is True


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["interlocks", "--device", "osteocol"], "'osteocol' is no device profile; did you mean 'osteocool-like'?"),
        (["interlocks", "--device", "nosuch.yaml"], "nosuch.yaml: there is no such file; give the path of a YAML file"),
        (["devices", "extra"], "Got unexpected extra argument (extra)"),
        (["runn"], "No such command 'runn'."),
        (["scenarios", "--copy", "taken"], "'--copy': Directory 'taken' is a file."),
        (["scenarios", "--copy", "taken/below"], "taken/below: Not a directory"),
    ],
)
def test_wrong_input(words: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    code, out, err = here(*words, folder=tmp_path)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_copied_scenarios_are_those_that_ship_and_can_be_checked(tmp_path: Path) -> None:
    code, out, err = here("scenarios", "--copy", "mine/own", folder=tmp_path)
    names = sorted(path.stem for path in (tmp_path / "mine/own").iterdir())
    assert names == list(scenario_names())
    assert (code, out, err) == (0, f"{len(names)} scenarios copied into mine/own\n", "")
    assert all(load_scenario(str(tmp_path / f"mine/own/{name}.yaml")) == load_scenario(name) for name in names)
    # nothing is written over
    changed = tmp_path / "mine/own/trip-estop.yaml"
    changed.write_text("title: mine\n", encoding="utf-8")
    code, out, err = here("scenarios", "--copy", "mine/own", folder=tmp_path)
    assert (code, out, err) == (2, "", "mine/own: holds bench-first-light.yaml already; give a new folder\n")
    assert changed.read_text(encoding="utf-8") == "title: mine\n"
    for name in names:
        if not name.startswith("trip-z"):
            (tmp_path / f"mine/own/{name}.yaml").unlink()
    code, out, err = said(rfgen("check", "mine/own", folder=tmp_path))
    assert (code, err) == (0, "")
    count = sum(name.startswith("trip-z") for name in names)
    assert count >= 4
    assert out.splitlines()[-1] == f"{count} scenarios: {count} as expected"
