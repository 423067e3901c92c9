"""The reduced plant: lumps that follow from the field keep what the field has, and come to what it comes to."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.network_vs_field import cases
from evidence.reduced_vs_field import MODELS
from rfgen.assemble import assemble
from rfgen.campaign.one import summarised
from rfgen.campaign.spec import parse_spec
from rfgen.checking import check_one
from rfgen.cli import PLANTS
from rfgen.fieldparts import PlantKind
from rfgen.problems import InputError
from rfgen.scenario import parse_scenario, scenario_names
from sim.field.current import CurrentField
from sim.field.options import FieldOptions
from sim.field.plant import FieldPlant
from sim.field.problem import make_problem
from sim.field.reduced import reduced
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy, Wall
from sim.tissue import TISSUES

SHORT = """\
title: Short
device: osteocool-like
treatment: {target_c: 50, hold_s: 2}
plant:
  model: reduced
  wall: {distance_mm: 14}
expect: {outcome: completed, reason: hold_complete, tripped: []}
"""

electrodes = st.one_of(
    st.builds(
        Electrode,
        kind=st.just("bipolar"),
        diameter_mm=st.floats(1.0, 2.5),
        active_length_mm=st.floats(5.0, 12.0),
        gap_mm=st.floats(2.0, 6.0),
        cooled=st.booleans(),
    ),
    st.builds(
        Electrode, kind=st.just("monopolar"), diameter_mm=st.floats(0.7, 2.5), active_length_mm=st.floats(4.0, 30.0)
    ),
)
anatomies = st.builds(
    Anatomy,
    target_radius_mm=st.floats(6.0, 20.0),
    wall=st.none() | st.builds(Wall, st.floats(6.0, 20.0), eroded=st.booleans()),
    conductivity_scale=st.floats(0.5, 2.0),
    perfusion_scale=st.floats(0.5, 2.0),
)


@settings(max_examples=12, deadline=None)
@given(electrodes, anatomies, st.sampled_from(["blunt", "pointed"]))
def test_lumps_hold_conduct_and_bleed_what_the_field_does(electrode: Electrode, anatomy: Anatomy, tip: str) -> None:
    field = make_problem(electrode, anatomy, FieldOptions(tip=tip))  # type: ignore[arg-type]
    lumps = reduced(field)
    assert 300 < lumps.grid.cells < 0.3 * field.grid.cells
    assert np.isin(lumps.grid.r_faces_m, field.grid.r_faces_m).all()
    assert np.isin(lumps.grid.z_faces_m, field.grid.z_faces_m).all()
    for name in ("cap_j_k", "perfusion_w_k", "film_share"):
        assert getattr(lumps, name).sum() == pytest.approx(getattr(field, name).sum(), rel=1e-12), name
    siemens = []
    for problem in (field, lumps):
        current = CurrentField(problem)
        current.solve(np.ones(problem.grid.shape))
        siemens.append(current.conductance_s)
    # a pointed tip is a staircase that lumps cannot follow
    assert siemens[1] == pytest.approx(siemens[0], rel=1e-3 if tip == "blunt" else 0.03)


@pytest.mark.parametrize("kind", ["bipolar", "monopolar"])
def test_at_the_same_power_lumps_come_to_what_the_field_comes_to(kind: str) -> None:
    electrode = Electrode(kind="monopolar", diameter_mm=1.6, active_length_mm=10)
    if kind == "bipolar":
        electrode = Electrode(kind="bipolar", diameter_mm=1.8, active_length_mm=8, gap_mm=4)
    anatomy = Anatomy(wall=Wall(12.0))
    field = make_problem(electrode, anatomy, FieldOptions())
    places = ((1.5, 0.0), (3.0, 6.0), (10.0, 0.0), (16.0, 0.0))
    whole, lumps = (Study(electrode, anatomy, p.options, probes_mm=places, problem=p) for p in (field, reduced(field)))
    for power_w in (6.0, 3.0, 0.0):
        for study in (whole, lumps):
            study.advance(20.0, power_w=power_w)
        assert whole.hottest_c < 100.0
        # a fortieth of the greatest rise here, 60 C
        assert lumps.probe_c == pytest.approx(whole.probe_c, abs=1.5)
        assert lumps.impedance_ohm == pytest.approx(whole.impedance_ohm, rel=0.03)
        assert lumps.ledger.error < 1e-9


def test_a_grid_as_wide_as_lumps_stays_what_it_is() -> None:
    electrode = Electrode(kind="monopolar", diameter_mm=1.6, active_length_mm=10)
    field = make_problem(electrode, Anatomy(target=TISSUES["liver"]), FieldOptions())
    once = reduced(field)
    again = reduced(once)
    assert again.grid.cells == once.grid.cells
    assert (again.cap_j_k == once.cap_j_k).all()


def test_a_scenario_runs_on_lumps() -> None:
    summary, *_ = summarised(parse_scenario(SHORT, "short.yaml"))
    assert (summary["outcome"], summary["reason"]) == ("completed", "hold_complete")
    assert 49 < summary["peak_c"]["tip"] < 53
    assert set(summary["field"]) >= {"lesion", "cord"}


def test_its_options_are_the_fields() -> None:
    plain, other = SHORT, SHORT.replace("model: reduced", "model: reduced\n  field: {far_mm: 40, boils: false}")
    problems = []
    for text in (plain, other):
        plant = assemble(parse_scenario(text, "short.yaml")).bench.plant
        assert isinstance(plant, FieldPlant)
        problems.append(plant.problem)
    assert [p.grid.r_faces_m[-1] for p in problems] == [0.06, 0.04]
    assert problems[1].latent_c.max() == 0.0 < problems[0].latent_c.max()
    with pytest.raises(InputError, match="far_mm"):
        parse_scenario(other.replace("40", "4"), "short.yaml")


def test_a_copy_of_it_goes_its_own_way() -> None:
    plant = assemble(parse_scenario(SHORT, "short.yaml")).bench.plant
    for _ in range(50):
        plant.advance(5.0, 20.0, 22.0)
    twin = copy.deepcopy(plant)
    for _ in range(50):
        plant.advance(5.0, 20.0, 22.0)
        twin.advance(0.0, 20.0, 22.0)
    assert twin.site_c[0] < plant.site_c[0]


def test_a_campaign_draws_patients_for_it() -> None:
    text = (
        "title: t\nruns: 1\ntreatments: [{device: cosman-like, target_c: [60, 80], hold_s: [10, 20]}]\n"
        "plant: {model: reduced}\n"
    )
    assert parse_spec(text, "c.yaml").plant.model == "reduced"
    with pytest.raises(InputError, match="reduced"):
        parse_spec(text.replace("reduced", "reducd"), "c.yaml")


NETWORK = SHORT.replace("model: reduced", "target: liver")


@pytest.mark.parametrize(
    ("text", "model"), [(NETWORK, "reduced"), (NETWORK, "field"), (SHORT, "network"), (SHORT, "field")]
)
def test_a_scenario_goes_on_another_plant(text: str, model: PlantKind) -> None:
    own, other = parse_scenario(text, "short.yaml"), parse_scenario(text, "short.yaml", plant=model)
    assert other.plant.model == model
    assert other.model_copy(update={"plant": own.plant}) == own
    assert other.plant.model_copy(update={"model": own.plant.model}) == own.plant


def test_choices_of_the_field_go_where_there_is_none() -> None:
    text = SHORT.replace("model: reduced", "model: field\n  field: {far_mm: 40}")
    on_network = parse_scenario(text, "short.yaml", plant="network").plant
    assert (on_network.model, on_network.field) == ("network", None)
    reduced_to = parse_scenario(text, "short.yaml", plant="reduced").plant
    assert reduced_to.field is not None
    assert reduced_to.field.far_mm == 40


def test_a_scenario_without_a_plant_goes_on_one() -> None:
    text = "title: t\ndevice: cosman-like\ntreatment: {target_c: 60, hold_s: 10}\n"
    assert parse_scenario(text, "t.yaml", plant="field").plant.model == "field"
    assert parse_scenario(text + "plant:\n", "t.yaml", plant="field").plant.model == "field"
    with pytest.raises(InputError, match=r"t\.yaml:4: plant"):
        parse_scenario(text + "plant: 5\n", "t.yaml", plant="field")


def test_the_command_line_knows_every_plant() -> None:
    assert get_args(PlantKind) == PLANTS


def test_what_failed_on_another_plant_is_repeated_there(tmp_path: Path) -> None:
    failing = tmp_path / "short.yaml"
    failing.write_text(SHORT.replace("reason: hold_complete", "reason: ESTOP"), encoding="utf-8")
    verdict = check_one("short", str(failing), str(tmp_path), "network")
    assert verdict.told[0] == "reason is hold_complete, expected ESTOP"
    assert verdict.again.endswith("short.yaml --seed 1 --plant network")
    assert "lesion" not in verdict.summary


def test_every_shipped_scenario_is_in_one_case_of_its_page() -> None:
    found = cases(MODELS)
    assert sum(case.others + 1 for case in found) == len(scenario_names())
    assert {case.scenario.plant.on_field for case in found} == {True, False}
    page = (Path(__file__).parents[2] / "docs/reduced-vs-field.md").read_text(encoding="utf-8")
    assert [case.name for case in found if f"| {case.name}" not in page] == []
    assert dataclasses.is_dataclass(found[0])
