"""What ships loads, and a scenario written out in full is the same scenario."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rfgen.device import device_names, load_device
from rfgen.scenario import Scenario, load_scenario, parse_scenario, resolved_yaml, scenario_names


def without_sources(scenario: Scenario) -> dict[str, object]:
    """Every value of a scenario but where its device's figures come from."""
    values = scenario.model_dump()
    del values["device"]["sources"]
    return values


def test_enough_ships() -> None:
    assert len(scenario_names()) >= 15
    assert len(device_names()) >= 7


@pytest.mark.parametrize("name", device_names())
def test_every_device_loads_and_is_used_by_a_sound_treatment(name: str) -> None:
    profile = load_device(name)
    assert profile.name == name
    assert profile.sources
    used = [
        s
        for s in map(load_scenario, scenario_names())
        if s.device.name == name and s.expect is not None and s.expect.outcome == "completed"
    ]
    assert used, f"no shipped scenario treats with {name} and completes"


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_loads_and_expects_something(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.expect is not None
    assert scenario.expect.outcome is not None
    assert (scenario.expect.reason is None) is (scenario.expect.outcome == "interrupted")


@pytest.mark.parametrize("name", scenario_names())
def test_a_resolved_scenario_reads_back_and_resolves_to_itself(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    text = resolved_yaml(scenario)
    again = parse_scenario(text, "resolved.yaml")
    assert without_sources(again) == without_sources(scenario)
    assert resolved_yaml(again) == text
    # with its device in full, so that another version's profiles make no difference
    assert isinstance(yaml.safe_load(text)["device"], dict)
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_scenario(str(path)) == again


def test_resolving_says_where_every_figure_comes_from() -> None:
    scenario = parse_scenario(
        "title: t\ndevice: {profile: bench, pump: {flow_ml_min: 12}}\n"
        "treatment: {target_c: 60, hold_s: 30}\nplant: {wall: {distance_mm: 12}}\n",
        "mine.yaml",
    )
    assert scenario.device.sources["pump.flow_ml_min"] == "this scenario"
    sources = yaml.safe_load(resolved_yaml(scenario))["device"]["sources"]
    assert sources["pump.flow_ml_min"] == "this scenario"
    defaulted = yaml.safe_load(resolved_yaml(load_scenario("nerve-lesion")))["device"]["sources"]
    assert defaulted["meters.voltage_noise_v"] == "assumed, the default"


def test_overrides_change_what_they_name_and_nothing_else() -> None:
    bench = load_device("bench")
    scenario = parse_scenario(
        "title: t\ndevice: {profile: bench, pump: {flow_ml_min: 12}, limits: {z_high_ohm: 900}}\n"
        "treatment: {target_c: 60, hold_s: 30}\nplant: {wall: {distance_mm: 12}}\n",
        "mine.yaml",
    )
    assert bench.pump is not None
    expected = bench.model_copy(
        update={
            "pump": bench.pump.model_copy(update={"flow_ml_min": 12.0}),
            "limits": {**bench.limits, "z_high_ohm": 900.0},
            "sources": {
                **bench.sources,
                "pump.flow_ml_min": "this scenario",
                "limits.z_high_ohm": "this scenario",
            },
        }
    )
    assert scenario.device.model_dump() == expected.model_dump()


def test_a_single_step_may_stand_in_the_treatment() -> None:
    rest = "\nplant: {wall: {distance_mm: 12}}\n"
    short = parse_scenario("title: t\ndevice: bench\ntreatment: {target_c: 60, hold_s: 30}" + rest, "a.yaml")
    full = parse_scenario("title: t\ndevice: bench\ntreatment: {steps: [{target_c: 60, hold_s: 30}]}" + rest, "b.yaml")
    assert short == full


def test_a_profile_by_path_is_found_from_the_scenario(tmp_path: Path) -> None:
    """Wherever the command is given."""
    shipped = resolved_yaml(load_scenario("bench-self-test"))
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(yaml.safe_load(shipped)["device"]), encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: t\ndevice: own.yaml\ntreatment: {target_c: 60, hold_s: 30}\nplant: {wall: {distance_mm: 12}}\n",
        encoding="utf-8",
    )
    assert load_scenario(str(path)).device.stage == load_device("bench").stage
