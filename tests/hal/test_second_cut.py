"""What the simulated rig does by itself with a stage that is stuck on: it tells, and cuts RF behind it if it can.

Bounds are the protocol's, restated: RF present for 0.1 s while it should be off is a fault of the output stage, and a
second cut is then opened. A relay takes 0.02 s, in whole ticks.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Capability, Command, RigConfig, Sample
from hal.simulated import SimulatedHal
from sim.bench import Bench, BenchSpec, PumpSpec
from sim.faults import Fault
from sim.geometry import Electrode
from sim.network import Anatomy, Site
from sim.plant import NetworkPlant
from sim.sensors import MeterSpec, ThermocoupleSpec
from sim.stage import StageSpec

STAGE = StageSpec(max_power_w=50.0, max_voltage_v=120.0, max_current_a=1.5, slew_w_s=1e4)
SPEC = BenchSpec(STAGE, MeterSpec(), (ThermocoupleSpec(),) * 2, PumpSpec(20.0))
NEEDLE = Electrode("bipolar", 1.8, 7.0, 4.0, cooled=True)


class Driven:
    """A rig that is asked for 3 W, or for nothing, a tick at a time."""

    def __init__(self, second_cut: bool, period_ms: int = 20) -> None:
        tick_s = period_ms * 1e-3
        plant = NetworkPlant(NEEDLE, Anatomy(), (Site("electrode"), Site("tissue", 5.0)), tick_s)
        self.bench = Bench(SPEC, plant, tick_s, 1)
        self.rig = SimulatedHal(self.bench, second_cut=second_cut)
        self.config = RigConfig(max(300, 3 * period_ms), period_ms * 1000, 50.0, 120.0, 0b11, False)
        self.info = self.rig.open(self.config)
        self.tick = 0

    def ask(self, on: bool) -> Sample:
        reply = self.rig.exchange(Command(self.tick, on, 3.0 if on else 0.0, 10.0))
        self.tick += 1
        assert isinstance(reply, Sample)
        return reply

    def hold(self, ticks: int = 4) -> None:
        """On for a while, and RF is there."""
        for _ in range(ticks):
            last = self.ask(True)
        assert last.rf_on
        assert last.power_w > 2.0


@pytest.mark.parametrize("second_cut", [False, True])
def test_it_is_claimed_by_a_rig_that_has_one(second_cut: bool) -> None:
    assert (Capability.SECOND_CUT in Driven(second_cut).info.capabilities) is second_cut


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([5, 10, 20, 30, 70, 100]), st.floats(1.0, 40.0), st.booleans(), st.integers(1, 30))
def test_a_stage_that_is_stuck_on_is_told_and_cut_in_time(
    period_ms: int, stuck_w: float, second_cut: bool, on_ticks: int
) -> None:
    driven = Driven(second_cut, period_ms)
    driven.hold(max(4, on_ticks))
    driven.bench.put(Fault("stage_stuck_on", None, stuck_w))
    driven.rig.rf_off()
    # the first sample at which RF was seen where it should be off, and whole ticks of 0.1 s from there
    told = math.ceil(100 / period_ms)
    cut = told + math.ceil(20 / period_ms)
    for n in range(cut + 20):
        sample = driven.ask(False)
        assert sample.rf_on, "what reads back is the stage's own"
        assert sample.stage_fault is (n >= told)
        assert sample.rig_trip == (6 if n >= told else 0)
        delivers = not second_cut or n <= cut
        assert (driven.bench.power_w > 0.5) is delivers
        assert (sample.power_w > 0.5) is delivers


def test_nobody_can_ask_it_to_close_the_cut_on_a_stage_that_is_stuck() -> None:
    driven = Driven(True)
    driven.hold()
    stuck = driven.bench.put(Fault("stage_stuck_on", None, 8.0))
    driven.rig.rf_off()
    for _ in range(20):
        driven.ask(False)
    driven.rig.open(driven.config)  # a new link forgets no cause that is still there
    for _ in range(20):
        sample = driven.ask(True)
        assert (sample.rig_trip, driven.bench.power_w) == (6, 0.0)
    driven.bench.take_off(stuck)
    driven.rig.open(driven.config)
    driven.ask(False)
    driven.hold()


def test_it_is_open_from_boot_until_rf_is_first_permitted() -> None:
    driven = Driven(True)
    stuck = driven.bench.put(Fault("stage_stuck_on", None, 8.0))
    assert all(driven.ask(False).power_w < 0.3 for _ in range(20))
    assert driven.bench.power_w == 0.0
    driven.bench.take_off(stuck)
    driven.ask(False)
    driven.hold()


def test_a_stage_that_leaks_is_not_believed_again_behind_an_open_cut() -> None:
    driven = Driven(True)
    driven.hold()
    leak = driven.bench.put(Fault("impedance_stuck"))  # meters that go on reading power while RF reads back off
    driven.ask(True)
    driven.rig.rf_off()
    for _ in range(10):
        driven.ask(False)
    driven.bench.take_off(leak)
    for _ in range(100):
        assert driven.ask(False).stage_fault


@given(st.lists(st.booleans(), min_size=1, max_size=60))
@settings(deadline=None, max_examples=20)
def test_a_sound_rig_is_the_same_with_it(asked: list[bool]) -> None:
    with_it, without = Driven(True), Driven(False)
    for on in asked:
        assert repr(with_it.ask(on)) == repr(without.ask(on))
