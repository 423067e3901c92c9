"""The picture: well-formed, small, and saying what it shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from made_run import make_run

from rfgen.record.loader import Run, load_run
from rfgen.record.recorder import Recorder
from rfgen.report.picture import write_picture

SVG = "{http://www.w3.org/2000/svg}"


def drawn(run: Run, folder: Path) -> tuple[ET.Element, str]:
    path = folder / "run.svg"
    write_picture(run, path)
    assert path.stat().st_size < 120_000
    root = ET.fromstring(path.read_text("utf-8"))
    return root, " | ".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_it_shows_curves_states_limits_and_the_trip(tmp_path: Path) -> None:
    root, words = drawn(make_run(tmp_path, trip_s=61.0), tmp_path)
    assert root.get("viewBox") == "0 0 900 560"
    for said in (
        "SIMULATED", "Temperature, °C", "Power, W", "Impedance, Ω", "RAMP", "HOLD", "SENTINEL_TEMP", "set-point",
        "over-temperature 95 °C", "sentinel 45 °C", "time, s",
    ):  # fmt: skip
        assert said in words
    # every axis of values has two or more to be read by
    beside = [t for t in root.iter(f"{SVG}text") if t.get("text-anchor") == "end" and float(t.get("x") or 0) == 47.0]
    tops = [float(t.get("y") or 0) for t in beside]
    panels = sorted(float(r.get("y") or 0) for r in root.iter(f"{SVG}rect") if r.get("fill") == "none")
    assert len(panels) == 3
    for top, bottom in zip(panels, [*panels[1:], 560.0], strict=True):
        assert sum(top <= y < bottom for y in tops) >= 2
    curves = [p for p in root.iter(f"{SVG}path") if p.get("stroke-linejoin")]
    assert len(curves) == 5 + 3 + 1
    assert all(element.tag.startswith(SVG) for element in root.iter())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "title", "rect", "text", "path"}


def test_every_point_lies_inside_the_picture(tmp_path: Path) -> None:
    root, _ = drawn(make_run(tmp_path, trip_s=61.0), tmp_path)
    for curve in (p for p in root.iter(f"{SVG}path") if p.get("stroke-linejoin")):
        points = (curve.get("d") or "").replace("M", " M").replace("L", " L").split()
        xs = [float(p[1:]) for p in points if p[0] in "ML"]
        ys = [float(p) for p in points if p[0] not in "ML"]
        assert len(xs) == len(ys) > 50
        assert 54 <= min(xs) <= max(xs) <= 884
        assert 78 <= min(ys) <= max(ys) <= 526


def test_a_real_rig_is_not_called_simulated(tmp_path: Path) -> None:
    _, words = drawn(make_run(tmp_path, 20.0, simulated=False), tmp_path)
    assert "SIMULATED" not in words


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_a_long_noisy_run_stays_small(tmp_path: Path, noise: float) -> None:
    names = tuple(f"a long name of a thermocouple {n}" for n in range(3))
    drawn(make_run(tmp_path, 900.0, trip_s=700.0, noise=noise, thermocouples=names), tmp_path)


def test_hostile_names_and_an_empty_run_are_drawn_as_text(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>\x00\x1b&\ud7ff\ufffe" + "x" * 500
    run = make_run(tmp_path, 30.0, trip_s=20.0, title=bad, device=bad, thermocouples=(bad, "b", "c"))
    _, words = drawn(run, tmp_path)
    assert "<script>alert(1)</script>" in words
    Recorder(tmp_path / "empty", run.info).close()
    drawn(load_run(tmp_path / "empty"), tmp_path)
