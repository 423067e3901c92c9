"""The same firmware on a backend that some other package registers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hal import Command, Hal, Reply, RigConfig, RigInfo
from rfgen.assemble import assemble, assemble_on
from rfgen.commands import run as run_command
from rfgen.scenario import parse_scenario

# ticks of a tenth of a second: a busy machine that is late by more than a period twice in a row would trip TICK_OVERRUN
QUICK = """
title: Quick
device: {profile: cosman-like, period_ms: 100, watchdog_ms: 400, control: {check_s: 0.5}}
treatment: {target_c: 42, hold_s: 1, ramp_c_s: 5}
plant: {target: muscle, surrounding: muscle}
expect: {outcome: completed}
"""


class Elsewhere:
    """A rig of another package; what it is made of here is nobody's business."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._hal = _rig()

    def open(self, config: RigConfig) -> RigInfo:
        return self._hal.open(config)._replace(simulated=False)

    def exchange(self, command: Command) -> Reply:
        return self._hal.exchange(command)

    def rf_off(self) -> None:
        self._hal.rf_off()

    def close(self) -> None:
        self._hal.close()


def _rig() -> Hal:
    return assemble(parse_scenario(QUICK, "quick.yaml")).session.hal


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_command, "backends", lambda: {"sim": None, "replay": None, "elsewhere": None})
    monkeypatch.setattr(run_command, "load_backend", lambda name: Elsewhere)


def invoke(tmp_path: Path, text: str, *options: str) -> tuple[int, str, str]:
    from rfgen.cli import cli

    (tmp_path / "quick.yaml").write_text(text)
    arguments = ["run", str(tmp_path / "quick.yaml"), "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    code = result.return_value if result.exception is None else -1
    return code, result.stdout, str(result.exception or "")


@pytest.mark.usefixtures("registered")
def test_a_scenario_runs_on_a_registered_backend_and_says_nothing_of_a_simulation(tmp_path: Path) -> None:
    code, out, error = invoke(tmp_path, QUICK, "--hal", "elsewhere", "--port", "anywhere")
    assert (code, error) == (0, "")
    assert "SIMULATED" not in out
    summary: dict[str, Any] = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["outcome"] == "completed"
    assert summary["simulated"] is False
    assert "hottest_tissue_c" not in summary
    timing = json.loads((tmp_path / "out" / "timing.json").read_text())
    assert "late_s" in timing  # it was kept in real time


@pytest.mark.usefixtures("registered")
def test_a_backend_that_needs_a_port_says_so(tmp_path: Path) -> None:
    code, _, error = invoke(tmp_path, QUICK, "--hal", "elsewhere")
    assert code == -1
    assert error.startswith("--port: is not given, and backend elsewhere needs one; ")


def test_a_fault_of_the_simulation_is_refused_on_a_rig() -> None:
    scenario = parse_scenario(QUICK + "faults: [{at: 1 s, kind: open_load}]\n", "quick.yaml")
    with pytest.raises(ValueError, match="open_load can be put on a simulation alone"):
        assemble_on(_rig(), scenario)


def test_a_fault_of_the_line_is_put_on_any_rig() -> None:
    scenario = parse_scenario(QUICK + "faults: [{at: hold + 0.2 s, kind: line_silent}]\n", "quick.yaml")
    assembly = assemble_on(_rig(), scenario)
    assembly.session.run()
    assert assembly.session.generator.reason == "LINK_LOST"


@pytest.mark.usefixtures("registered")
def test_a_backend_whose_line_has_no_speed_says_so(tmp_path: Path) -> None:
    code, _, error = invoke(tmp_path, QUICK, "--hal", "elsewhere", "--port", "anywhere", "--baud", "57600")
    assert code == -1
    assert "backend elsewhere cannot be made with 'anywhere' at 57600 baud" in error
