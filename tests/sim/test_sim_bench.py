"""The bench as a whole: repeatable to the byte, copied in mid-run, its pump, and what it refuses to be built from."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_setups import COOLED, QUIET, SITES, SPEC, WALLED, bench, plant, run, same_bytes

import sim.bench
import sim.readings
from sim.bench import Bench, BenchSpec, PumpSpec
from sim.faults import Fault
from sim.geometry import Electrode
from sim.network import Anatomy, Site, Wall, build_network
from sim.plant import NetworkPlant
from sim.sensors import MeterSpec, ThermocoupleSpec
from sim.stage import StageSpec
from sim.tissue import TISSUES


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**63), st.floats(0.0, 20.0), st.integers(0, 2500))
def test_the_same_seed_gives_the_same_bytes(seed: int, power_w: float, copied_at: int) -> None:
    first, second = bench(seed), bench(seed)
    start = same_bytes(run(first, copied_at, power_w))
    assert same_bytes(run(second, copied_at, power_w)) == start
    # a copy goes on alike, and on its own
    twin = copy.deepcopy(first)
    onward = same_bytes(run(twin, 200, power_w))
    assert same_bytes(run(first, 200, power_w)) == onward
    assert same_bytes(run(pickle.loads(pickle.dumps(second)), 200, power_w)) == onward
    assert same_bytes(run(second, 200, power_w)) == onward


def test_another_seed_gives_others() -> None:
    assert same_bytes(run(bench(1), 50, 5.0)) != same_bytes(run(bench(2), 50, 5.0))


def test_noise_does_not_reach_the_tissue() -> None:
    one, two = bench(1), bench(2)
    run(one, 100, 5.0)
    run(two, 100, 5.0)
    assert one.junction_c == two.junction_c
    assert one.power_w == two.power_w


def test_a_copy_s_faults_and_heat_are_its_own() -> None:
    subject = bench()
    run(subject, 50, 10.0)
    twin = copy.deepcopy(subject)
    twin.put(Fault("charring"))
    run(twin, 50, 10.0)
    assert subject.faults == {}
    assert subject.plant.energy_in_j < twin.plant.energy_in_j
    assert subject.plant.resistance_ohm < twin.plant.resistance_ohm - 300.0


def test_one_tick_of_20_ms_moves_as_two_of_10() -> None:
    coarse, fine = bench(tick_s=0.02, spec=QUIET), bench(tick_s=0.01, spec=QUIET)
    run(coarse, 1500, 6.0)
    run(fine, 3000, 6.0)
    assert coarse.junction_c == pytest.approx(fine.junction_c, abs=0.05)


def test_flow_follows_the_pump_s_lag() -> None:
    subject = bench(spec=QUIET)
    flows = [r.flow_ml_min for r in run(subject, 100, 0.0, 12.0)]
    assert flows == pytest.approx([12.0 * (1.0 - math.exp(-k * 0.02 / 0.4)) for k in range(1, 101)], rel=1e-9)
    falling = [r.flow_ml_min for r in run(subject, 100, 0.0, 0.0)]
    assert falling == pytest.approx([flows[-1] * math.exp(-k * 0.02 / 0.4) for k in range(1, 101)], rel=1e-9)
    assert not run(subject, 200, 0.0, 0.0)[-1].pump_on


def test_the_pump_gives_at_most_its_most() -> None:
    assert run(bench(spec=QUIET), 500, 0.0, 90.0)[-1].flow_ml_min == pytest.approx(20.0, rel=1e-9)


def test_coolant_cools_the_control_thermocouple() -> None:
    still, flowing = run(bench(), 1000, 5.0, 0.0)[-1], run(bench(), 1000, 5.0, 15.0)[-1]
    assert flowing.temperature_c[0] < still.temperature_c[0] - 5.0
    assert flowing.coolant_c == 22.0


def test_what_is_not_fitted_reads_as_nothing() -> None:
    bare = BenchSpec(SPEC.stage, MeterSpec(), SPEC.thermocouples)
    readings = run(Bench(bare, plant(), 0.02, 1), 50, 5.0, 10.0)[-1]
    assert all(math.isnan(x) for x in (readings.phase_deg, readings.flow_ml_min, readings.coolant_c))
    assert math.isnan(readings.stage_c)
    assert not readings.pump_on
    assert all(36.0 < t < 60.0 for t in readings.temperature_c)


def test_readings_have_one_home() -> None:
    assert sim.bench.Readings is sim.readings.Readings


def _site(place: str) -> object:
    return build_network(COOLED, Anatomy(), (Site(place),))


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("tick_s", lambda: Bench(SPEC, plant(), 0.0, 1)),
    ("tick_s", lambda: Bench(SPEC, plant(), math.nan, 1)),
    ("seed", lambda: Bench(SPEC, plant(), 0.02, -1)),
    ("thermocouples", lambda: Bench(replace(SPEC, thermocouples=(ThermocoupleSpec(),)), plant(), 0.02, 1)),
    ("thermocouples", lambda: replace(SPEC, thermocouples=())),
    ("tick_s", lambda: NetworkPlant(COOLED, WALLED, SITES, -0.02)),
    ("shortest time constant", lambda: NetworkPlant(COOLED, WALLED, SITES, 60.0)),
    ("max_flow_ml_min", lambda: PumpSpec(0.0)),
    ("lag_s", lambda: PumpSpec(20.0, lag_s=math.nan)),
    ("coolant_c", lambda: PumpSpec(20.0, coolant_c=math.nan)),
    ("max_power_w", lambda: StageSpec(0.0, 100.0, 1.0, 50.0)),
    ("max_voltage_v", lambda: StageSpec(50.0, math.inf, 1.0, 50.0)),
    ("max_current_a", lambda: StageSpec(50.0, 100.0, math.nan, 50.0)),
    ("slew_w_s", lambda: StageSpec(50.0, 100.0, 1.0, -1.0)),
    ("efficiency", lambda: StageSpec(50.0, 100.0, 1.0, 50.0, efficiency=1.1)),
    ("ambient_c", lambda: StageSpec(50.0, 100.0, 1.0, 50.0, ambient_c=math.nan)),
    ("heating_c_w", lambda: StageSpec(50.0, 100.0, 1.0, 50.0, heating_c_w=-1.0)),
    ("heating_s", lambda: StageSpec(50.0, 100.0, 1.0, 50.0, heating_s=0.0)),
    ("lag_s", lambda: ThermocoupleSpec(lag_s=-0.1)),
    ("noise_c", lambda: ThermocoupleSpec(noise_c=math.inf)),
    ("resolution_c", lambda: ThermocoupleSpec(resolution_c=0.0)),
    ("cold_junction_c", lambda: ThermocoupleSpec(cold_junction_c=math.nan)),
    ("voltage_resolution_v", lambda: MeterSpec(voltage_resolution_v=0.0)),
    ("current_resolution_a", lambda: MeterSpec(current_resolution_a=math.nan)),
    ("power_noise_w", lambda: MeterSpec(power_noise_w=-0.1)),
    ("diameter_mm", lambda: Electrode("bipolar", 0.0, 7.0, 4.0)),
    ("active_length_mm", lambda: Electrode("bipolar", 1.8, math.nan, 4.0)),
    ("gap_mm", lambda: Electrode("bipolar", 1.8, 7.0, 0.0)),
    ("lead_ohm", lambda: Electrode("bipolar", 1.8, 7.0, 4.0, lead_ohm=-1.0)),
    ("diameter_mm", lambda: Electrode("bipolar", 8.0, 7.0, 4.0)),
    ("distance_mm", lambda: build_network(COOLED, Anatomy(wall=Wall(1.0)), ())),
    ("target_radius_mm", lambda: build_network(COOLED, Anatomy(target_radius_mm=0.5), ())),
    ("posterior wall", lambda: _site("posterior_wall")),
    ("elsewhere", lambda: _site("elsewhere")),
    ("conductivity_s_m", lambda: replace(TISSUES["liver"], conductivity_s_m=-0.1)),
    ("density_kg_m3", lambda: replace(TISSUES["liver"], density_kg_m3=math.nan)),
    ("water_fraction", lambda: replace(TISSUES["liver"], water_fraction=1.5)),
    ("no_such_fault", lambda: Fault("no_such_fault")),
    ("channel", lambda: Fault("thermocouple_open")),
    ("channel", lambda: Fault("loop_open", channel=0)),
    ("size", lambda: Fault("charring", size=-1.0)),
]


@pytest.mark.parametrize(("name", "build"), REFUSED, ids=[f"{i}-{name}" for i, (name, _) in enumerate(REFUSED)])
def test_what_cannot_be_is_refused_by_name(name: str, build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=name):
        build()
