"""`rfgen plant`: the field by itself, in figures and a picture."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rfgen.assemble import study
from rfgen.commands.plant import plant
from rfgen.fieldwatch import freeze, view_of
from rfgen.problems import InputError
from rfgen.report.fieldpicture import field_picture, frame_of, isotherm_paths
from rfgen.scenario import load_scenario, scenario_names
from sim.field.study import Study


def test_figures_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "end.svg"
    assert plant("vertebra-field", 8.0, None, 20.0, ("3,0", "0.5,-20"), "0.2", out, True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["simulated"] is True
    series = found["series"]
    assert series[0]["t_s"] == 0.0
    assert series[-1]["t_s"] == pytest.approx(20.0)
    assert [row["probe_c"][0] for row in series] == sorted(row["probe_c"][0] for row in series)
    assert series[-1]["impedance_ohm"] < series[0]["impedance_ohm"]
    heat = found["energy_j"]
    assert heat["in_j"] == pytest.approx(160.0)
    assert heat["stored_j"] + heat["out_j"] == pytest.approx(heat["in_j"], rel=1e-9)
    assert found["lesion"]["isotherm_45_c"]["volume_mm3"] > found["lesion"]["isotherm_60_c"]["volume_mm3"] > 0.0
    picture = ElementTree.parse(out).getroot()
    words = "".join(picture.itertext())
    for said in ("SIMULATED", "Isotherms, °C", "spinal cord", "Round the axis alike", "(3, 0)", "r, mm"):
        assert said in words


def test_an_interrupt_is_not_lost_where_an_exception_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a callback of the compiler's, from which nothing can be raised."""

    def interrupted(*given: Any, **named: Any) -> Study:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return study(*given, **named)

    monkeypatch.setattr("rfgen.commands.plant.study", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plant("vertebra-field", 5.0, None, 0.3, (), "2", tmp_path / "end.svg", True)
    assert list(tmp_path.iterdir()) == []


def test_every_row_is_a_moment_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plant("vertebra-field", 5.0, None, 0.3, (), "2", tmp_path / "end.svg", True) == 0
    assert [row["t_s"] for row in json.loads(capsys.readouterr().out)["series"]] == [0.0, 0.1, 0.2, 0.3]
    with pytest.raises(InputError, match=r"--for: 0\.05 s is less than the plant's step; give 0\.1 or more"):
        plant("vertebra-field", 5.0, None, 0.05, (), "2", tmp_path / "end.svg", True)


@pytest.mark.parametrize("grid", ["0.2", "reduced"])
def test_a_tip_temperature_is_held_and_told(grid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "end.svg"
    assert plant("nerve-lesion", None, 70.0, 30.0, (), grid, out, False) == 0
    said = capsys.readouterr().out
    assert "in = stored + out" in said
    last = said.split("\n\n")[1].splitlines()[-1].split()
    assert float(last[3]) == pytest.approx(70.0, abs=0.1)


@pytest.mark.parametrize(
    ("drive", "probes", "grid", "told"),
    [
        ((None, None), (), None, "--tip-temperature"),
        ((5.0, 60.0), (), None, "--tip-temperature"),
        ((5.0, None), ("5",), None, "give R,Z in mm"),
        ((5.0, None), ("-5,0",), None, "R is 0 or more"),
        ((5.0, None), ("500,0",), "0.2", "beyond the far boundary"),
        ((5.0, None), (), "huge", "fine, default, coarse, reduced"),
    ],
)
def test_what_is_wrong_is_told(
    drive: tuple[float | None, float | None], probes: tuple[str, ...], grid: str | None, told: str, tmp_path: Path
) -> None:
    out = tmp_path / "end.svg"
    with pytest.raises(InputError, match=told):
        plant("vertebra-field", *drive, 1.0, probes, grid, out, False)
    assert not out.exists()


def test_the_picture_has_the_isotherm_where_the_field_has_it() -> None:
    on = study(load_scenario("vertebra-field"), 0.2, ())
    before = view_of(on.problem, freeze(on.plant, 0.0), "end", ())
    on.advance(20.0, power_w=8.0)
    view = view_of(on.problem, freeze(on.plant, 20.0), "end", ())
    warm = field_picture([view], "warm <&>")
    assert warm == field_picture([view], "warm <&>")
    ElementTree.fromstring(warm)
    frame = frame_of(view, 0.0, 0.0)
    assert isotherm_paths(before, frame) == {}
    lines = isotherm_paths(view, frame)[60.0]
    across = [x for line in lines for x, _ in line]
    along = [y for line in lines for _, y in line]
    zone = on.lesion(60.0)
    assert (max(across) - min(across)) / frame.scale == pytest.approx(zone.width_mm, abs=0.3)
    assert (max(along) - min(along)) / frame.scale == pytest.approx(zone.length_mm, abs=0.3)
    assert frame.x(0.0) == pytest.approx(0.5 * (max(across) + min(across)), abs=0.1)


def test_every_shipped_anatomy_can_be_posed() -> None:
    for name in scenario_names():
        if not name.startswith("trip-"):
            scenario = load_scenario(name)
            on = study(scenario, 0.4, ((5.0, 0.0),))
            assert on.probe_c == (pytest.approx(scenario.plant.body_c),), name
            on.advance(1.0, power_w=1.0)
            assert on.probe_c[0] > scenario.plant.body_c, name
