"""Control on a few random patients of every profile: the long benchmark in small."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from bench import control
from rfgen.benchmark import TREATMENTS, Result, fastest, judge, scenario_for
from rfgen.device import device_names, load_device
from rfgen.population import patient
from rfgen.scenario import parse_scenario, resolved_yaml


@pytest.mark.parametrize("device", sorted(TREATMENTS))
@pytest.mark.parametrize("number", range(5))
def test_a_random_patient_is_treated_as_asked(device: str, number: int) -> None:
    found = judge(device, 1, number)
    assert found.failures() == [], f"again: bench/control.py --device {device} --seed 1, patient {number}"


def test_every_profile_with_a_temperature_mode_is_judged() -> None:
    assert set(TREATMENTS) == {name for name in device_names() if "temperature" in load_device(name).modes}


@pytest.mark.parametrize("device", sorted(TREATMENTS))
def test_a_patient_is_fixed_by_seed_and_number_and_written_whole(device: str) -> None:
    first, again, other = patient(device, 3, 17), patient(device, 3, 17), patient(device, 3, 18)
    assert first == again
    assert first != other
    scenario = scenario_for(device, 3, 17)
    back = parse_scenario(resolved_yaml(scenario), "patient.yaml")
    assert back.plant == scenario.plant
    assert back.device.thermocouples == scenario.device.thermocouples
    assert 0.5 <= first.plant.conductivity_scale <= 1.5
    assert 0.0 <= first.plant.perfusion_scale <= 3.0
    assert 0.1 <= first.lag_s <= 2.0


def test_a_patient_out_of_reach_is_known_beforehand_and_ends_in_ramp_timeout() -> None:
    scenario = scenario_for("invamed-fusion", 1, 0)
    weak = scenario.model_copy(update={"treatment": scenario.treatment.model_copy(update={"max_power_w": 3.0})})
    assert math.isinf(fastest(weak, 120.0)[0])
    assert 25.0 < fastest(scenario, 120.0)[0] < 120.0
    assert 84.5 <= fastest(scenario, 120.0)[1] <= 85.5
    assert fastest(weak, 120.0)[1] < 84.0


def test_a_result_says_what_was_not_met() -> None:
    good = Result("bench", 1, 1, "reachable", "hold_complete", 0.5, 0.6, 0.2, 0.3, 30.0, 28.0)
    assert good.failures() == []
    assert good._replace(overshoot_c=2.01).failures() == ["overshoot 2.01, at most 2"]
    assert good._replace(hold_off_reading_c=math.nan).failures() == [
        "distance of the reading in the hold nan, at most 1"
    ]
    assert good._replace(ramp_s=37.0).failures() == ["time over the fastest 1.32, at most 1.3"]
    assert good._replace(reason="HEATING_STALL").failures() == ["ended in HEATING_STALL"]
    unreachable = good._replace(reach="unreachable", reason="HEATING_STALL")
    assert unreachable.failures() == ["out of reach, but ended in HEATING_STALL"]
    assert unreachable._replace(reason="RAMP_TIMEOUT").failures() == []


def test_the_worst_of_one_run_are_not_mixed_with_an_earlier_one_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worst_of(*words: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["control.py", "-j", "1", "--out", str(tmp_path), *words])
        assert control.main() == 0
        return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())

    sound = Result("bench", 1, 1, "reachable", "hold_complete", 0.5, 0.6, 0.2, 0.3, 30.0, 28.0)
    first = {"bench": [5, 6], "invamed-fusion": [7]}
    monkeypatch.setattr(control, "all_of", lambda device, *_: [sound._replace(number=n) for n in first[device]])
    both = ("--device", "bench", "--device", "invamed-fusion")
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/mine.yaml").write_text("kept", encoding="ascii")
    assert [name.partition("patient-")[2] for name in worst_of(*both)] == ["", "5.yaml", "6.yaml", "7.yaml"]
    first["bench"] = [6]
    assert worst_of("--device", "bench") == ["bench/mine.yaml", "bench/worst-01-patient-6.yaml"]
