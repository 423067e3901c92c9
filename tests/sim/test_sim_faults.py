"""Every fault does what it says, shows in what the instruments read, and leaves when taken off."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable

import pytest
from sim_setups import QUIET, SPEC, bench, go_through_the_motions, read_c, run, same_bytes

from sim.bench import Bench, Readings
from sim.disturb import Disturber
from sim.faults import FAULTS, Fault

HAND_ON_SWITCH = {"start_released", "start_bouncing"}


def _fault(kind: str, channel: int = 0, size: float | None = None) -> Fault:
    return Fault(kind, channel if FAULTS[kind].channel else None, size)


def _warm(kind: str, seed: int = 1) -> Bench:
    """A bench after 4 s at 12 W, its start switch as the kind needs it to show."""
    subject = bench(seed)
    subject.start_pressed = kind in HAND_ON_SWITCH
    run(subject, 200, 12.0)
    return subject


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_is_observable(kind: str) -> None:
    faulty, sound = _warm(kind), _warm(kind)
    if kind == "stage_unlimited":  # it shows where the stage is at its limit: shorted
        for subject in (faulty, sound):
            subject.put(Fault("short_load"))
    faulty.put(_fault(kind))
    with_fault, without = go_through_the_motions(faulty), go_through_the_motions(sound)
    assert same_bytes(with_fault) != same_bytes(without)
    if kind != "stage_unlimited":
        assert same_bytes(go_through_the_motions(_warm(kind))) == same_bytes(without)


@pytest.mark.parametrize("kind", FAULTS)
def test_taken_off_it_leaves_no_trace_but_heat(kind: str) -> None:
    faulty, sound = _warm(kind), _warm(kind)
    handle = faulty.put(_fault(kind))
    assert faulty.faults == {handle: _fault(kind)}
    run(faulty, 40, 5.0)
    run(sound, 40, 5.0)
    faulty.take_off(handle)
    assert faulty.faults == {}
    for subject in (faulty, sound):
        run(subject, 6000, 0.0)
    rested, expected = run(faulty, 50, 2.0)[-1], run(sound, 50, 2.0)[-1]
    assert rested[:8] == expected[:8]
    assert rested.temperature_c == pytest.approx(expected.temperature_c, abs=0.8)
    assert rested.power_w == pytest.approx(expected.power_w, rel=1e-9)
    ohm, expected_ohm = rested.voltage_v / rested.current_a, expected.voltage_v / expected.current_a
    assert ohm == pytest.approx(expected_ohm, rel=0.015)
    assert rested.flow_ml_min == pytest.approx(expected.flow_ml_min, abs=1e-6)


INSTRUMENT_ALONE = [
    row.kind
    for row in FAULTS.values()
    if row.group in ("meter", "switch")
    or row.kind in ("air_bubble", "stage_over_temperature")
    or (row.group == "thermocouple" and row.kind.split("_")[1] not in ("slow", "swapped", "displaced"))
]


@pytest.mark.parametrize("kind", INSTRUMENT_ALONE)
def test_an_instrument_s_fault_changes_neither_tissue_nor_noise(kind: str) -> None:
    faulty, sound = _warm(kind), _warm(kind)
    handle = faulty.put(_fault(kind))
    go_through_the_motions(faulty)
    go_through_the_motions(sound)
    assert faulty.junction_c == sound.junction_c
    faulty.take_off(handle)
    assert same_bytes(run(faulty, 20, 5.0)) == same_bytes(run(sound, 20, 5.0))


# What each fault must read as, beside the same bench without it: (faulty run, sound run) over the motions.
Runs = tuple[list[Readings], list[Readings]]


def _flagged(flag: int) -> Callable[[Runs], bool]:
    return lambda runs: all(
        r.tc_fault == flag and math.isnan(r.temperature_c[0]) and not math.isnan(r.temperature_c[1]) for r in runs[0]
    )


def _each(holds: Callable[[Readings, Readings], bool]) -> Callable[[Runs], bool]:
    return lambda runs: all(holds(f, s) for f, s in zip(*runs, strict=True))


def _close(a: float, b: float, within: float = 1e-9) -> bool:
    return abs(a - b) <= within


MEANING: dict[str, Callable[[Runs], bool]] = {
    "thermocouple_open": _flagged(1),
    "thermocouple_short_to_ground": _flagged(2),
    "thermocouple_short_to_supply": _flagged(3),
    "thermocouple_stuck": lambda runs: len(set(read_c(runs[0]))) == 1 and len(set(read_c(runs[1]))) > 20,
    "thermocouple_offset": _each(lambda f, s: _close(f.temperature_c[0] - s.temperature_c[0], 10.0)),
    "thermocouple_gain": _each(lambda f, s: _close(f.temperature_c[0] - 25.0, 0.7 * (s.temperature_c[0] - 25.0))),
    "thermocouple_reversed": _each(lambda f, s: _close(f.temperature_c[0] + s.temperature_c[0], 50.0)),
    "thermocouple_noise": lambda runs: (
        2.4 < math.sqrt(sum((f - s) ** 2 for f, s in zip(read_c(runs[0]), read_c(runs[1]), strict=True)) / 250) < 3.6
    ),
    "impedance_offset": _each(lambda f, s: _close(f.voltage_v, 1.5 * s.voltage_v) and f.current_a == s.current_a),
    "impedance_nan": _each(lambda f, s: math.isnan(f.voltage_v) and math.isnan(f.current_a)),
    "impedance_stuck": lambda runs: len({(r.voltage_v, r.current_a, r.power_w) for r in runs[0]}) == 1,
    "open_load": _each(lambda f, s: f.current_a < 0.004 and f.power_w < 0.2),
    "short_load": _each(lambda f, s: f.voltage_v < 1.0 and f.power_w < 1.0 and (not s.rf_on or f.current_a > 1.0)),
    "stage_stuck_on": _each(lambda f, s: f.rf_on and _close(f.power_w, 5.0, 0.2)),
    "stage_refuses": _each(lambda f, s: not f.rf_on and f.power_w < 0.2),
    "stage_saturated": _each(lambda f, s: f.rf_on is s.rf_on and f.power_w < 2.2),
    "stage_over_temperature": _each(lambda f, s: f.stage_fault and f.stage_c >= 95.0 and not s.stage_fault),
    "pump_stopped": lambda runs: runs[0][-1].flow_ml_min == 0.0 and not runs[0][-1].pump_on,
    "pump_slow": lambda runs: _close(runs[0][-1].flow_ml_min, 5.0, 0.3),
    "air_bubble": _each(lambda f, s: f.flow_ml_min == 0.0 and f.pump_on and s.flow_ml_min > 9.0),
    "coolant_warm": _each(lambda f, s: f.coolant_c == 45.0 and s.coolant_c == 22.0),
    "emergency_stop": _each(lambda f, s: f.estop_pressed and not s.estop_pressed),
    "loop_open": _each(lambda f, s: s.loop_closed and not f.loop_closed),
    "return_electrode_lost": _each(lambda f, s: s.return_attached and not f.return_attached),
    "start_released": _each(lambda f, s: s.start_pressed and not f.start_pressed),
    "start_pressed": _each(lambda f, s: f.start_pressed and not s.start_pressed),
    "start_bouncing": lambda runs: 50 < sum(r.start_pressed for r in runs[0]) < 200,
}


@pytest.mark.parametrize("kind", MEANING)
def test_it_reads_as_it_says(kind: str) -> None:
    faulty, sound = _warm(kind), _warm(kind)
    faulty.put(_fault(kind))
    assert MEANING[kind]((go_through_the_motions(faulty), go_through_the_motions(sound)))


def test_each_channel_has_its_own_flag() -> None:
    subject = bench()
    subject.put(Fault("thermocouple_open", 0))
    subject.put(Fault("thermocouple_short_to_supply", 2))
    (readings,) = run(subject, 1, 5.0)
    assert readings.tc_fault == 0b11_00_01
    assert [math.isnan(t) for t in readings.temperature_c] == [True, False, True]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_an_intermittent_contact_is_open_its_share_of_the_time(share: float) -> None:
    subject = bench()
    subject.put(Fault("thermocouple_intermittent", 1, share))
    flags = [r.tc_fault >> 2 & 3 for r in run(subject, 10000, 0.0)]
    assert sum(flags) / 10000 == pytest.approx(share, abs=0.08)
    if 0.0 < share < 1.0:
        changes = sum(a != b for a, b in itertools.pairwise(flags))
        assert 100 < changes < 2000  # a contact that flickers, not one that alternates each tick


def _ohm(readings: Readings) -> float:
    return readings.voltage_v / readings.current_a


def test_charring_steps_up_and_dry_out_climbs() -> None:
    subject = bench(spec=QUIET)
    before_ohm = math.sqrt(_ohm(run(subject, 50, 2.0)[-1]) ** 2 - subject.plant.reactance_ohm**2)
    handle = subject.put(Fault("charring", size=300.0))
    assert subject.plant.resistance_ohm == pytest.approx(before_ohm + 300.0, rel=0.01)
    subject.take_off(handle)
    subject.put(Fault("dry_out", size=100.0))
    climb = [subject.plant.resistance_ohm]
    for _ in range(100):
        run(subject, 1, 2.0)
        climb.append(subject.plant.resistance_ohm)
    assert all(b > a for a, b in itertools.pairwise(climb))
    assert climb[-1] - climb[0] == pytest.approx(200.0, abs=20.0)


@pytest.mark.parametrize(("tick_s", "wet_ticks"), [(0.02, 3), (0.01, 6), (0.05, 2)])
def test_a_steam_pop_drops_for_60_ms_and_then_stands(tick_s: float, wet_ticks: int) -> None:
    subject = bench(tick_s=tick_s, spec=QUIET)
    before_ohm = _ohm(run(subject, 50, 5.0)[-1])
    subject.put(Fault("steam_pop", size=0.4))
    after = [_ohm(r) / before_ohm for r in run(subject, wet_ticks + 5, 5.0)]
    assert after[:wet_ticks] == pytest.approx([0.4] * wet_ticks, rel=0.05)
    assert after[wet_ticks:] == pytest.approx([2.5] * 5, rel=0.05)


def test_a_withdrawn_electrode_resists_by_its_share() -> None:
    subject = bench(spec=QUIET)
    before_ohm = _ohm(run(subject, 50, 2.0)[-1])
    subject.put(Fault("electrode_withdrawn", size=0.25))
    assert _ohm(run(subject, 1, 2.0)[-1]) == pytest.approx(4.0 * before_ohm, rel=0.03)


def test_a_vessel_cools_and_conductivity_divides_the_load() -> None:
    vessel, sound = bench(spec=QUIET), bench(spec=QUIET)
    vessel.put(Fault("vessel", size=10.0))
    assert run(vessel, 1500, 6.0)[-1].temperature_c[1] < run(sound, 1500, 6.0)[-1].temperature_c[1] - 0.5
    before_ohm = _ohm(run(sound, 1, 6.0)[-1])
    sound.put(Fault("conductivity", size=0.5))
    assert _ohm(run(sound, 1, 6.0)[-1]) == pytest.approx(2.0 * before_ohm, rel=0.02)


def test_where_the_junctions_are() -> None:
    sound = bench(spec=QUIET)
    run(sound, 600, 10.0)
    here_c, there_c, behind_c = run(copy.deepcopy(sound), 200, 10.0)[-1].temperature_c
    assert here_c > there_c + 5.0 > behind_c + 5.0

    def reads(fault: Fault) -> tuple[float, ...]:
        subject = copy.deepcopy(sound)
        subject.put(fault)
        return run(subject, 200, 10.0)[-1].temperature_c

    swapped = reads(Fault("thermocouple_swapped", 0))
    assert swapped == pytest.approx((there_c, here_c, behind_c), abs=0.01)
    assert reads(Fault("thermocouple_swapped", 2)) == pytest.approx((behind_c, there_c, here_c), abs=0.01)
    displaced = reads(Fault("thermocouple_displaced", 1, 0.3))
    assert displaced[1] - 37.0 == pytest.approx(0.3 * (there_c - 37.0), rel=0.01)
    close = reads(Fault("sentinel_close", size=0.4))
    assert close[2] - 37.0 == pytest.approx(0.4 * (here_c - 37.0), rel=0.01)
    assert close[:2] == (here_c, there_c)


def test_a_slow_thermocouple_lags_by_its_time_constant() -> None:
    subject = Disturber(2, 1, 0.1)
    subject.put(Fault("thermocouple_slow", 1, 2.0))
    subject.conditions().sites((37.0, 37.0))
    for tick in range(1, 50):
        here_c, there_c = subject.conditions().sites((80.0, 87.0))
        assert here_c == 80.0
        assert there_c == pytest.approx(37.0 + 50.0 * (1.0 - math.exp(-tick * 0.1 / 2.0)), rel=1e-12)


def _stage(*faults: Fault) -> Callable[[bool, float, float], tuple[bool, float]]:
    subject = Disturber(1, 1, 0.1)
    for fault in faults:
        subject.put(fault)
    return subject.conditions().stage


def test_stage_faults_one_by_one_and_together() -> None:
    assert _stage()(True, 20.0, 0.0) == (True, 20.0)
    assert _stage(Fault("stage_stuck_power", size=7.0))(True, 20.0, 0.0) == (True, 7.0)
    assert _stage(Fault("stage_stuck_power", size=7.0))(False, 20.0, 0.0) == (False, 20.0)
    assert _stage(Fault("stage_gain", size=1.5))(True, 20.0, 0.0) == (True, 30.0)
    assert _stage(Fault("stage_saturated", size=4.0))(True, 20.0, 0.0) == (True, 4.0)
    on, slow_w = _stage(Fault("stage_slow", size=1.0))(True, 20.0, 10.0)
    assert on
    assert slow_w == pytest.approx(20.0 - 10.0 * math.exp(-0.1), rel=1e-12)
    assert _stage(Fault("stage_refuses"))(True, 20.0, 10.0) == (False, 0.0)
    assert _stage(Fault("stage_stuck_on", size=5.0))(False, 0.0, 0.0) == (True, 5.0)
    # together, and whichever came first
    gain, limit = Fault("stage_gain", size=3.0), Fault("stage_saturated", size=50.0)
    assert _stage(gain, limit)(True, 20.0, 0.0) == _stage(limit, gain)(True, 20.0, 0.0) == (True, 50.0)
    assert _stage(Fault("stage_refuses"), Fault("stage_stuck_on", size=5.0))(True, 20.0, 0.0) == (True, 5.0)


def test_plant_and_pump_faults_combine() -> None:
    subject = Disturber(3, 1, 0.02)
    handles = [
        subject.put(Fault(kind, size=size))
        for kind, size in (
            ("charring", 100.0),
            ("charring", 50.0),
            ("vessel", 2.0),
            ("vessel", 3.0),
            ("conductivity", 0.5),
            ("electrode_withdrawn", 0.5),
            ("pump_slow", 0.5),
            ("pump_slow", 0.4),
            ("coolant_warm", 30.0),
            ("coolant_warm", 40.0),
        )
    ]
    assert subject.disturbance() == (150.0, 0.5, 6.0, 0.5)
    conditions = subject.conditions()
    assert (conditions.pump_scale, conditions.coolant_c, conditions.load_ohm) == (0.2, 40.0, None)
    subject.put(Fault("pump_stopped"))
    subject.put(Fault("short_load"))
    assert (subject.conditions().pump_scale, subject.conditions().load_ohm) == (0.0, 0.3)
    subject.put(Fault("open_load"))
    assert subject.conditions().load_ohm == 1e7
    for handle in handles:
        subject.take_off(handle)
    assert subject.disturbance() == (0.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("kind", ["open_load", "short_load"])
def test_a_broken_circuit_heats_no_tissue(kind: str) -> None:
    subject = bench()
    subject.put(_fault(kind))
    run(subject, 100, 20.0)
    assert subject.plant.energy_in_j == 0.0
    assert subject.power_w > 0.0


def test_a_channel_the_bench_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="channel is 3; this bench has 0 to 2"):
        bench().put(Fault("thermocouple_open", 3))
    for fault in (Fault("thermocouple_swapped", 0), Fault("sentinel_close")):
        with pytest.raises(ValueError, match="needs two thermocouples"):
            Disturber(1, 1, 0.02).put(fault)


@pytest.mark.parametrize("kind", FAULTS)
def test_every_size_s_range_holds_its_default_and_nothing_outside(kind: str) -> None:
    size = FAULTS[kind].size
    if size is None:
        assert math.isnan(_fault(kind).amount)
        with pytest.raises(ValueError, match="has no size"):
            _fault(kind, size=1.0)
        return
    assert _fault(kind).amount == size.default
    assert _fault(kind, size=size.least).amount == size.least
    for outside in (size.least - 0.01, size.most + 0.01, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"size .* is outside"):
            _fault(kind, size=outside)
    for extreme in (size.least, size.most):
        subject = bench(spec=SPEC)
        subject.put(_fault(kind, size=extreme))
        for readings in run(subject, 20, 8.0):
            assert math.isfinite(readings.power_w)
            assert all(math.isfinite(t) for t in subject.junction_c)
