"""Heat in the network plant: the ledger, the bounds, the order of temperatures, and the generated code's meaning."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sim_setups import COOLED, QUIET, SITES, WALLED, anatomies, electrodes, plant

from sim.bench import Bench
from sim.geometry import Electrode
from sim.kernel import kernel_of, step_plainly
from sim.network import Anatomy, Wall, build_network
from sim.plant import Disturbance, NetworkPlant

drives = st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.0, 30.0)), min_size=1, max_size=6)

disturbances = st.builds(
    Disturbance,
    series_ohm=st.sampled_from([0.0, 30.0, 2000.0, 1e6]),
    conductivity_scale=st.floats(0.1, 2.5),
    perfusion_scale=st.floats(0.0, 50.0),
    contact=st.floats(0.02, 1.0),
)


THIN_S = 0.02
"""Geometries with a shorter time constant (two boundaries that all but coincide) are left out: slow, nothing new."""


def _ledger_error(subject: NetworkPlant) -> float:
    into, stored, out = subject.energy_in_j, subject.energy_stored_j, subject.energy_out_j
    return abs(into - stored - out) / max(into, abs(stored), abs(out), 1.0)


@settings(deadline=None, max_examples=60)
@given(electrodes, anatomies, drives, st.floats(5.0, 45.0), st.sampled_from([0.01, 0.02, 0.1]))
def test_heat_in_is_heat_stored_plus_heat_out(
    electrode: Electrode, anatomy: Anatomy, drive: list[tuple[float, float]], coolant_c: float, tick_s: float
) -> None:
    assume(build_network(electrode, anatomy, SITES).shortest_time_s > THIN_S)
    subject = NetworkPlant(electrode, anatomy, SITES, tick_s)
    for power_w, flow_ml_min in drive:
        for _ in range(200):
            subject.advance(power_w, flow_ml_min, coolant_c)
    delivered_j = 200 * tick_s * sum(power_w for power_w, _ in drive)
    assert subject.energy_in_j == pytest.approx(delivered_j, rel=1e-9)
    assert _ledger_error(subject) < 1e-9


@settings(deadline=None, max_examples=40)
@given(st.lists(disturbances, min_size=1, max_size=5), st.floats(0.0, 30.0))
def test_the_ledger_holds_through_disturbances(changes: list[Disturbance], power_w: float) -> None:
    subject = plant()
    for change in [*changes, Disturbance()]:
        subject.disturb(change)
        series_ohm = change.series_ohm
        for _ in range(40):
            subject.advance(power_w, 10.0, 22.0)
            # a series resistance that grows each tick, as a drying contact's does
            series_ohm += 7.0
            subject.disturb(change._replace(series_ohm=series_ohm))
    assert _ledger_error(subject) < 1e-9


def test_a_disturbance_shows_at_once_and_goes_without_trace() -> None:
    subject = plant()
    for _ in range(100):
        subject.advance(5.0, 10.0, 22.0)
    before_ohm, lead_ohm = subject.resistance_ohm, subject.network.lead_ohm
    subject.disturb(Disturbance(series_ohm=400.0))
    assert subject.resistance_ohm == pytest.approx(before_ohm + 400.0, rel=1e-12)
    subject.disturb(Disturbance(conductivity_scale=0.5, contact=0.25))
    assert subject.resistance_ohm == pytest.approx(lead_ohm + 8.0 * (before_ohm - lead_ohm), rel=1e-12)
    subject.disturb(Disturbance())
    assert subject.resistance_ohm == pytest.approx(before_ohm, rel=1e-12)


@pytest.mark.parametrize("perfusion", [1.0, 50.0])
def test_a_long_tick_goes_in_steps_short_enough(perfusion: float) -> None:
    coarse, fine = plant(2.0), plant(0.02)
    for subject in (coarse, fine):
        subject.disturb(Disturbance(perfusion_scale=perfusion))
    for _ in range(20):
        coarse.advance(4.0, 10.0, 22.0)
        for _ in range(100):
            fine.advance(4.0, 10.0, 22.0)
        assert coarse.lump_c == pytest.approx(fine.lump_c, abs=1.0)


@settings(deadline=None, max_examples=40)
@given(anatomies, drives, st.floats(5.0, 45.0))
def test_temperatures_stay_within_physical_bounds(
    anatomy: Anatomy, drive: list[tuple[float, float]], coolant_c: float
) -> None:
    assume(build_network(COOLED, anatomy, SITES).shortest_time_s > THIN_S)
    assert QUIET.pump is not None
    spec = replace(
        QUIET,
        stage=replace(QUIET.stage, max_voltage_v=50.0),
        pump=replace(QUIET.pump, max_flow_ml_min=30.0, coolant_c=coolant_c),
    )
    subject = Bench(spec, plant(0.05, anatomy), 0.05, 1)
    coldest_c = min(anatomy.body_c, coolant_c)
    for power_w, flow_ml_min in drive:
        for tick in range(400):
            subject.step(power_w > 0.0, power_w, flow_ml_min)
            if tick % 10 == 0:
                lumps_c = subject.plant.lump_c  # type: ignore[attr-defined]
                assert min(lumps_c) >= coldest_c - 1e-9
                assert max(lumps_c) <= 135.0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0.0, 4.0), st.floats(0.0, 1.0)), min_size=1, max_size=6),
    st.floats(0.0, 20.0),
    st.floats(0.0, 3.0),
    st.sampled_from(["bipolar", "monopolar"]),
)
def test_below_boiling_more_power_is_never_cooler_anywhere(
    drive: list[tuple[float, float]], flow_ml_min: float, perfusion: float, kind: Literal["monopolar", "bipolar"]
) -> None:
    electrode = replace(COOLED, kind=kind)
    anatomy = replace(WALLED, perfusion_scale=perfusion)
    less, more = plant(0.05, anatomy, electrode), plant(0.05, anatomy, electrode)
    for power_w, extra_w in drive:
        for _ in range(100):
            less.advance(power_w, flow_ml_min, 22.0)
            more.advance(power_w + extra_w, flow_ml_min, 22.0)
        assert more.hottest_c < 100.0
        for cooler_c, warmer_c in zip(less.lump_c, more.lump_c, strict=True):
            assert warmer_c >= cooler_c - 1e-9


def test_ten_times_the_power_is_hotter_by_a_lot() -> None:
    less, more = plant(), plant()
    for _ in range(500):
        less.advance(0.5, 10.0, 22.0)
        more.advance(5.0, 10.0, 22.0)
    assert more.hottest_c > less.hottest_c + 10.0


@settings(deadline=None, max_examples=60)
@given(electrodes, anatomies, st.data(), st.integers(1, 3))
def test_the_generated_step_is_the_plain_step(
    electrode: Electrode, anatomy: Anatomy, data: st.DataObject, steps: int
) -> None:
    network = build_network(electrode, anatomy, SITES)
    assume(network.shortest_time_s > THIN_S)
    step_s = 0.3 * network.shortest_time_s
    kernel = kernel_of(network, step_s)
    n = len(network.lumps)
    # from coolant cold to dry and hot: latent heat alone counts for hundreds of Celsius
    above_c = data.draw(st.lists(st.floats(-30.0, 900.0), min_size=n, max_size=n))
    ohms = [lump.shell_ohm * data.draw(st.floats(0.3, 60.0)) for lump in network.lumps]
    power_w = data.draw(st.floats(0.0, 60.0))
    coolant_w_k = data.draw(st.floats(0.0, 0.5)) if electrode.cooled else 0.0
    coolant_c = data.draw(st.floats(5.0, 45.0))
    extra_ohm = data.draw(st.sampled_from([0.0, 50.0, 1e4]))
    shells = [i for i, ohm in enumerate(ohms) if ohm > 0.0]
    total_ohm = network.lead_ohm + extra_ohm + sum(ohms)
    state = (*above_c, *(ohms[i] for i in shells), total_ohm, 0.0, max(above_c[1:]), *([37.0] * len(SITES)))

    got = kernel.step(state, steps, power_w, coolant_w_k, coolant_c, extra_ohm)

    after, out_j, new_ohms = list(above_c), 0.0, ohms
    for _ in range(steps):  # resistances are taken once a tick
        after, new_ohms, gone_j = step_plainly(network, after, ohms, step_s, power_w, coolant_w_k, coolant_c, extra_ohm)
        out_j += gone_j
    assert got[:n] == pytest.approx(after, rel=1e-12, abs=1e-10)
    assert got[n : n + len(shells)] == pytest.approx([new_ohms[i] for i in shells], rel=1e-12)
    assert got[kernel.resistance_at] == pytest.approx(network.lead_ohm + extra_ohm + sum(new_ohms), rel=1e-12)
    assert got[kernel.hottest_at] == max(got[1:n])
    assert got[kernel.heat_out_at] == pytest.approx(out_j, rel=1e-12, abs=1e-9)


def test_a_kernel_goes_with_its_last_user() -> None:
    """A campaign makes one a run, and never looks through what is old: 10 kB a run would be left."""
    network = build_network(COOLED, WALLED, SITES)
    gc.disable()
    try:
        kernel = kernel_of.__wrapped__(network, 0.02)
        kernel.step(kernel.at_rest(150.0), 1, 5.0, 0.0, 22.0, 0.0)  # makes the step that boils too
        gone = weakref.ref(kernel.step)
        del kernel
        assert gone() is None
    finally:
        gc.enable()


def _after(ticks: int, anatomy: Anatomy = WALLED, power_w: float = 5.0, flow_ml_min: float = 10.0) -> NetworkPlant:
    subject = plant(0.05, anatomy)
    for _ in range(ticks):
        subject.advance(power_w, flow_ml_min, 22.0)
    return subject


def test_coolant_cools_the_metal_and_warms_on_its_way() -> None:
    still, flowing = _after(600, flow_ml_min=0.0), _after(600, flow_ml_min=15.0)
    assert flowing.lump_c[0] < still.lump_c[0] - 5.0
    assert flowing.coolant_out_c > 22.0
    assert still.coolant_out_c == 22.0


def test_a_cooled_electrode_without_a_pump_stays_finite() -> None:
    subject = plant()
    for _ in range(100):
        subject.advance(5.0, 0.0, float("nan"))
    assert 37.0 < subject.hottest_c < 100.0


def test_more_perfusion_is_cooler() -> None:
    spare, rich = _after(1200), _after(1200, replace(WALLED, perfusion_scale=5.0))
    assert rich.hottest_c < spare.hottest_c
    assert all(r <= s + 1e-9 for r, s in zip(rich.lump_c, spare.lump_c, strict=True))


def test_the_sentinel_behind_the_wall_is_cooler_than_the_control_site() -> None:
    subject = _after(6000, power_w=5.0, flow_ml_min=0.0)
    control_c, _, sentinel_c = subject.site_c
    assert 37.0 < sentinel_c < control_c - 5.0


@pytest.mark.parametrize("flow_ml_min", [0.0, 10.0])
def test_behind_an_eroded_wall_it_is_hotter(flow_ml_min: float) -> None:
    """Near the electrode, and once heat has come through: tumour conducts better than bone but warms slower."""
    power_w = 5.0 if flow_ml_min else 3.0
    intact = _after(12000, replace(WALLED, wall=Wall(8.0)), power_w, flow_ml_min)
    eroded = _after(12000, replace(WALLED, wall=Wall(8.0, eroded=True)), power_w, flow_ml_min)
    assert eroded.site_c[2] > intact.site_c[2] + 0.2
