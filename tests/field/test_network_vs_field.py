"""How network and field are compared: each shipped geometry once, the same power, differences as they are."""

from __future__ import annotations

import pytest

from evidence.network_vs_field import Tick, apart, cases, driven, field_of, network_of, treated
from rfgen.scenario import load_scenario, scenario_names


def test_every_network_scenario_is_in_one_case() -> None:
    found = cases()
    on_network = [name for name in scenario_names() if load_scenario(name).plant.model == "network"]
    assert sum(case.others + 1 for case in found) == len(on_network)
    assert len({case.name for case in found}) == len(found)
    assert all(not case.scenario.faults for case in found)
    assert any(case.scenario.device.sentinel_channels for case in found)


def ticks(*site_c: float, power_w: float = 1.0) -> list[Tick]:
    return [Tick(power_w, 0.0, 37.0, (c,), 100.0) for c in site_c]


def test_differences_are_the_networks_less_the_fields() -> None:
    told = apart(ticks(37.0, 50.0, 60.0), ticks(37.0, 52.0, 61.0, 99.0), 0, 0.2)
    assert told.most_c == -2.0
    assert told.at_s == pytest.approx(0.2)
    assert told.last_c == -1.0
    assert told.rms_c == pytest.approx((5.0 / 3.0) ** 0.5)
    assert told.field_most_c == 61.0


def test_after_rf_counts_for_the_furthest_alone() -> None:
    one = ticks(40.0) + ticks(45.0, power_w=0.0)
    other = ticks(39.0) + ticks(40.0, power_w=0.0)
    told = apart(one, other, 0, 0.2)
    assert (told.most_c, told.last_c, told.rms_c) == (5.0, 1.0, 1.0)


def test_the_same_plant_given_the_same_power_is_not_apart() -> None:
    (case,) = [case for case in cases() if case.name == "nerve-lesion"]
    step = case.scenario.treatment.steps[0].model_copy(update={"hold_s": 5.0})
    scenario = case.scenario.model_copy(
        update={"treatment": case.scenario.treatment.model_copy(update={"steps": (step,)})}
    )
    history = treated(scenario)
    assert max(tick.power_w for tick in history) > 1.0
    again = driven(network_of(scenario), history)
    assert again == history
    assert apart(again, history, 0, scenario.device.period_ms * 1e-3).most_c == 0.0


def test_a_field_takes_a_networks_history() -> None:
    (case,) = [case for case in cases() if case.name == "nerve-lesion"]
    plant = field_of(case.scenario)
    cold = driven(plant, [Tick(0.0, 0.0, 37.0, (37.0,), 1.0)] * 20)
    assert cold[-1].site_c == (pytest.approx(37.0, abs=1e-9),)
    warm = driven(plant, [Tick(2.0, 0.0, 37.0, (37.0,), 1.0)] * 50)
    assert warm[-1].site_c[0] > 38.0
    assert warm[-1].ohm < cold[-1].ohm
