"""The field plant behind the seam: chosen by a scenario, recorded, replayed, copied, disturbed."""

from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hal import Reply
from rfgen.assemble import assemble
from rfgen.campaign.one import COLUMNS, row_of, summarised
from rfgen.campaign.spec import parse_spec
from rfgen.commands.recorded import report
from rfgen.fieldwatch import freeze, view_of
from rfgen.problems import InputError
from rfgen.record.fieldview import FieldView
from rfgen.records import Decision
from rfgen.runs import run_into
from rfgen.scenario import parse_scenario, resolved_yaml
from sim.bench import Bench
from sim.faults import Fault
from sim.field.lesion import zone
from sim.field.plant import FieldPlant

SHORT = """\
title: Short
device: osteocool-like
treatment: {target_c: 50, hold_s: 2}
plant:
  model: field
  field: {grid: 0.2}
  wall: {distance_mm: 14}
expect: {outcome: completed, reason: hold_complete, tripped: []}
"""


def program(*words: str, folder: Path, without_numba: bool = False) -> subprocess.CompletedProcess[str]:
    lines = ["import sys", "from rfgen.cli import main", "main()"]
    if without_numba:
        lines.insert(1, "sys.modules['numba'] = None")
    done = [sys.executable, "-c", "\n".join(lines), *words]
    return subprocess.run(done, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def bench(text: str = SHORT) -> Bench:
    return assemble(parse_scenario(text, "short.yaml")).bench


def test_a_run_is_recorded_alike_each_time_and_replays(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SHORT, encoding="utf-8")
    for folder in ("one", "two"):
        done = program("run", "short.yaml", "--out", folder, "--json", folder=tmp_path)
        assert done.returncode == 0, done.stderr
    for name in ("run.mcap", "summary.json", "scenario.yaml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    summary = json.loads((tmp_path / "one/summary.json").read_text(encoding="utf-8"))
    assert 49 < summary["peak_c"]["tip"] < 53
    assert summary["hottest_tissue_c"] > summary["peak_true_c"]["control_site"]
    again = program("replay", "one", folder=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr


def test_without_numba_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SHORT, encoding="utf-8")
    done = program("run", "short.yaml", folder=tmp_path, without_numba=True)
    assert done.returncode == 2
    assert "pip install 'numba" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/*"))


def test_a_bench_copied_in_the_middle_of_a_step_goes_on_alike_and_by_itself() -> None:
    one = bench()
    for _ in range(333):
        one.step(True, 8.0, 10.0)
    two = copy.deepcopy(one)
    first = [one.step(True, 8.0, 10.0) for _ in range(100)]
    second = [two.step(True, 8.0, 10.0) for _ in range(100)]
    assert [str(r) for r in first] == [str(r) for r in second]
    two.step(False, 0.0, 10.0)
    assert one.plant.site_c != two.plant.site_c


def test_between_the_ends_of_a_step_a_thermocouple_follows_its_power() -> None:
    on = bench(SHORT.replace("place: shaft", "place: electrode"))
    plant = on.plant
    assert isinstance(plant, FieldPlant)
    seen = []
    for _ in range(50):
        plant.advance(10.0, 0.0, 22.0)
        seen.append(plant.site_c[0])
    rises = [b - a for a, b in itertools.pairwise(seen)]
    assert all(rise > 0.0 for rise in rises)
    # no stair at the ends of the field's steps, which are ten ticks apart
    assert max(rises) < 4.0 * sorted(rises)[len(rises) // 2]


@pytest.mark.parametrize(
    ("fault", "warmer", "ohm_up"),
    [
        (Fault("charring", size=200.0), None, True),
        (Fault("conductivity", size=2.0), None, False),
        (Fault("electrode_withdrawn", size=0.3), None, True),
        (Fault("vessel", size=10.0), False, None),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else str(value),
)
def test_faults_of_tissue_and_electrode_act(fault: Fault, warmer: bool | None, ohm_up: bool | None) -> None:
    sound, hurt = bench(), bench()
    hurt.put(fault)
    for _ in range(1000):
        sound.step(True, 5.0, 0.0)
        hurt.step(True, 5.0, 0.0)
    a, b = sound.plant, hurt.plant
    if ohm_up is not None:
        assert (b.resistance_ohm > 1.1 * a.resistance_ohm) is ohm_up
    if warmer is not None:
        assert (b.hottest_c > a.hottest_c) is warmer
    for plant in (a, b):
        gone = plant.energy_stored_j + plant.energy_out_j
        assert gone == pytest.approx(plant.energy_in_j, rel=1e-9)


WRONG = {
    "{grid: 0.2, wall_shape: plane}": ("plant.wall.distance_mm", None),
    "{grid: huge}": ("plant.field.grid", None),
    "{far_mm: 10}": ("plant.field.far_mm", "at least 14 mm"),
    "{extension_mm: 5}": ("plant.field.extension_mm", "at most 3 mm"),
    "{point_mm: 3}": ("plant.field.point_mm", "add `tip: pointed`, or leave it out"),
    "{regions: [{shape: sphere, tissue: muscle}]}": ("plant.field.regions[0].outer_mm", None),
    "{regions: [{shape: sphere, tissue: mussel, outer_mm: 3}]}": ("plant.field.regions[0].tissue", "did you mean"),
    "{regions: [{shape: sphere, tissue: muscle, outer_mm: 3, to_mm: 2}]}": (
        "plant.field.regions[0].to_mm",
        "it has outer_mm, z_mm",
    ),
    "{regions: [{shape: cylinder, tissue: muscle, outer_mm: 3, z_mm: 2}]}": (
        "plant.field.regions[0].z_mm",
        "it has outer_mm, from_mm, to_mm",
    ),
    "{regions: [{shape: ring, tissue: muscle, outer_mm: 3}]}": (
        "plant.field.regions[0].inner_mm",
        "a ring needs its inner radius",
    ),
    "{regions: [{shape: plane, tissue: muscle}]}": ("plant.field.regions[0].from_mm", "a plane needs from_mm"),
    "{regions: [{shape: half_space, tissue: muscle}]}": ("plant.field.regions[0].from_mm", "one of from_mm and to_mm"),
    "{regions: [{shape: half_space, tissue: fat, from_mm: -9, to_mm: 9}]}": (
        "plant.field.regions[0].from_mm",
        "a plane has both",
    ),
    "{step_s: 5}": ("plant.field.step_s", "above 0 and at most 1"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_key_is_told_at_its_line(field: str) -> None:
    text = SHORT.replace("{grid: 0.2}", field)
    if "plane" in field:
        text = text.replace("distance_mm: 14", "distance_mm: 9")
    with pytest.raises(InputError) as told:
        parse_scenario(text, "short.yaml")
    path, remedy = WRONG[field]
    assert [p.field for p in told.value.problems] == [path], str(told.value)
    assert told.value.problems[0].line in (6, 7)
    assert remedy is None or remedy in told.value.problems[0].remedy


@pytest.mark.parametrize(
    "region",
    [
        "{shape: sphere, tissue: muscle, outer_mm: 3, z_mm: -2}",
        "{shape: shell, tissue: muscle, outer_mm: 3, inner_mm: 0}",
        "{shape: cylinder, tissue: muscle, outer_mm: 3}",
        "{shape: ring, tissue: muscle, outer_mm: 3, inner_mm: 2, from_mm: 1}",
        "{shape: plane, tissue: muscle, to_mm: -9}",
        "{shape: half_space, tissue: muscle, to_mm: -9}",
    ],
)
def test_a_region_comes_back_from_its_resolved_scenario(region: str) -> None:
    scenario = parse_scenario(SHORT.replace("{grid: 0.2}", f"{{regions: [{region}]}}"), "short.yaml")
    assert parse_scenario(resolved_yaml(scenario), "again.yaml").plant == scenario.plant


def test_field_keys_need_the_field() -> None:
    with pytest.raises(InputError, match="add `model: field`, or leave it out"):
        parse_scenario(SHORT.replace("model: field", "model: network"), "short.yaml")


def test_a_run_keeps_its_field_at_the_hottest_moment_and_at_the_end(tmp_path: Path) -> None:
    scenario = parse_scenario(SHORT.replace("target_c: 50", "target_c: 45"), "short.yaml")
    assembly = assemble(scenario)
    plant = assembly.bench.plant
    assert isinstance(plant, FieldPlant)
    as_it_was: dict[float, FieldView] = {}

    def look(tick: int, reply: Reply, decision: Decision) -> None:
        if plant.hottest_c > max(as_it_was, default=plant.problem.anatomy.body_c):
            as_it_was[plant.hottest_c] = view_of(plant.problem, freeze(plant, 0.0), "hottest", ())

    assembly.session.on_tick = look
    finished = run_into(tmp_path / "run", "short", assembly)
    run = finished.run
    hottest, end = run.fields
    assert len(as_it_was) > 10
    for name in ("temperature_c", "log10_omega", "log10_cem43_min"):
        then = getattr(as_it_was[max(as_it_was)], name)
        np.testing.assert_array_equal(getattr(hottest, name), then, err_msg=name)
    assert (hottest.moment, end.moment) == ("hottest", "end")
    truth_c, time_s = run.columns["true_hottest_c"], run.time_s
    assert hottest.scene.hottest_c == truth_c.max()
    assert hottest.time_s == pytest.approx(time_s[truth_c.argmax()], abs=1e-9)
    assert abs(float(hottest.temperature_c.max()) - truth_c.max()) < 0.02
    assert end.scene.hottest_c == plant.hottest_c < hottest.scene.hottest_c
    assert abs(end.time_s - time_s[-1]) < 0.2
    field = finished.summary["field"]
    spared = plant.problem.spared
    assert max(field["dura"]["peak_c"], field["cord"]["peak_c"]) == pytest.approx(
        plant.solver.peak_c[spared].max() + 37.0, abs=1e-5
    )
    lesion = zone(plant.problem, plant.solver.damage_now()[0], 1.0, logarithmic=True)
    assert field["lesion"]["volume_mm3"] == pytest.approx(lesion.volume_mm3, abs=1e-6)
    summary, problems = summarised(scenario)  # as a campaign does, without a recording
    assert problems == []
    measured = {**summary["field"], "cord_and_dura_peak_s": field["cord_and_dura_peak_s"]}
    assert json.loads(json.dumps(measured), parse_float=lambda text: round(float(text), 6)) == field
    assert report((tmp_path / "run",), None, None, tmp_path / "field.svg") == 0
    assert "SIMULATED" in (tmp_path / "field.svg").read_text(encoding="utf-8")
    assert "The hottest moment" in (tmp_path / "run/report.html").read_text(encoding="utf-8")


def test_a_campaigns_row_has_the_fields_figures() -> None:
    spec = parse_spec(
        "title: T\nruns: 1\ntreatments: [{device: cosman-like, target_c: [70, 70], hold_s: [2, 2]}]\n"
        "plant: {model: field}\nexpect: {bounds: {field.lesion.width_mm: [1, 9]}}\n",
        "t.yaml",
    )
    row = row_of(spec, 1, 0)
    assert list(row) == list(COLUMNS)
    assert row["as_expected"], row["problems"]
    assert 1.0 < row["lesion_width_mm"] < 9.0 < row["lesion_volume_mm3"]
    assert row["peak_cord_c"] is None  # no canal beside a nerve
