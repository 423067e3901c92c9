"""Electrodes, anatomies and benches that the tests of `sim` share."""

from __future__ import annotations

from hypothesis import strategies as st

from sim.bench import Bench, BenchSpec, PumpSpec, Readings
from sim.geometry import Electrode
from sim.network import Anatomy, Site, Wall
from sim.plant import NetworkPlant
from sim.sensors import MeterSpec, ThermocoupleSpec
from sim.stage import StageSpec
from sim.tissue import TISSUES

COOLED = Electrode("bipolar", 1.8, 7.0, 4.0, cooled=True)
WALLED = Anatomy(wall=Wall(12.0))
SITES = (Site("electrode"), Site("tissue", 5.0), Site("posterior_wall"))

SPEC = BenchSpec(
    StageSpec(max_power_w=50.0, max_voltage_v=120.0, max_current_a=1.5, slew_w_s=100.0),
    MeterSpec(phase=True),
    (ThermocoupleSpec(),) * 3,
    PumpSpec(20.0),
    stage_temperature=True,
    coolant_temperature=True,
)

QUIET = BenchSpec(
    StageSpec(max_power_w=50.0, max_voltage_v=120.0, max_current_a=1.5, slew_w_s=100.0),
    MeterSpec(
        voltage_noise_v=0.0,
        voltage_resolution_v=1e-9,
        current_noise_a=0.0,
        current_resolution_a=1e-9,
        power_noise_w=0.0,
        phase=True,
        phase_noise_deg=0.0,
        flow_noise_ml_min=0.0,
    ),
    (ThermocoupleSpec(noise_c=0.0, cold_junction_c=0.0, resolution_c=1e-9),) * 3,
    PumpSpec(20.0),
    stage_temperature=True,
    coolant_temperature=True,
)
"""The same bench with instruments that do not err."""


def plant(tick_s: float = 0.02, anatomy: Anatomy = WALLED, electrode: Electrode = COOLED) -> NetworkPlant:
    """The walled vertebra, at rest."""
    return NetworkPlant(electrode, anatomy, SITES, tick_s)


def bench(seed: int = 1, tick_s: float = 0.02, spec: BenchSpec = SPEC, anatomy: Anatomy = WALLED) -> Bench:
    """A bench on it."""
    return Bench(spec, plant(tick_s, anatomy), tick_s, seed)


def run(on: Bench, ticks: int, power_w: float, flow_ml_min: float = 10.0) -> list[Readings]:
    """Constant drive; RF off at 0 W."""
    return [on.step(power_w > 0.0, power_w, flow_ml_min) for _ in range(ticks)]


def go_through_the_motions(subject: Bench) -> list[Readings]:
    """On, more, less, off, on again: something in it for every fault."""
    drive = ((50, 12.0), (50, 15.0), (50, 6.0), (25, 0.0), (75, 8.0))
    return [reading for ticks, power_w in drive for reading in run(subject, ticks, power_w)]


def read_c(readings: list[Readings], channel: int = 0) -> list[float]:
    """What one thermocouple reads, tick by tick."""
    return [r.temperature_c[channel] for r in readings]


def same_bytes(readings: list[Readings]) -> bytes:
    """Every digit of every reading (NaN included) as text, to compare runs by."""
    return repr([tuple(r) for r in readings]).encode()


soft = st.sampled_from(["lytic_tumour", "liver", "muscle", "red_marrow", "fat", "cancellous_bone"])

electrodes = st.builds(
    Electrode,
    st.sampled_from(["monopolar", "bipolar"]),
    st.floats(1.0, 2.5),
    st.floats(5.0, 30.0),
    gap_mm=st.floats(1.0, 10.0),
    cooled=st.booleans(),
    lead_ohm=st.floats(0.0, 10.0),
    return_ohm=st.floats(0.0, 60.0),
)

walls = st.builds(
    Wall,
    distance_mm=st.floats(5.0, 25.0),
    thickness_mm=st.floats(0.5, 4.0),
    eroded=st.booleans(),
    fat_mm=st.floats(0.5, 5.0),
)

anatomies = st.builds(
    Anatomy,
    target=soft.map(TISSUES.__getitem__),
    target_radius_mm=st.floats(5.0, 25.0),
    surrounding=soft.map(TISSUES.__getitem__),
    wall=walls,
    body_c=st.floats(30.0, 39.0),
    conductivity_scale=st.floats(0.5, 1.5),
    perfusion_scale=st.floats(0.0, 3.0),
)
