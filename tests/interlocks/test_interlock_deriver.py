"""What the deriver makes of samples, commands and ticks without a sample, against the catalogue's text on the whole
history: intervals commanded on, off or mixed, times in a state, what a switch says."""

from __future__ import annotations

import math
import random
from itertools import takewhile
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Command, Sample
from rfgen.records import State
from rfgen.safety.deriver import Deriver, DeriverConfig
from rfgen.safety.signals import Signals
from tests.interlocks.edges import CHANNELS
from tests.properties.streams import sample_of

PERIOD_US = 20_000
OFF = Command(0, False, 0.0, 0.0)


class Tick(NamedTuple):
    """One tick: what came up, and what the firmware was about; then what it gave."""

    sample: Sample | None
    place: tuple[State, int]
    target_c: float | None
    baseline: bool
    gave: Command
    cut: bool


def driven(history: list[Tick]) -> list[tuple[bool, bool]]:
    """(commanded on, cut in the middle) for each tick since the last sample. What is decided in one tick goes down in
    the next and drives the interval whose sample comes up in the one after; an RF-off goes out at once."""
    found = []
    for n in range(len(history) - 1, -1, -1):
        if n < len(history) - 1 and history[n].sample is not None:
            break
        command = history[n - 2].gave if n >= 2 else OFF
        found.append((command.rf_on, n >= 1 and history[n - 1].cut))
    return found


def expected(history: list[Tick]) -> dict[str, Any]:
    """Signals of the last tick, which has a sample."""
    now = history[-1]
    s = now.sample
    assert s is not None
    sampled = [tick for tick in history if tick.sample is not None]
    here = list(takewhile(lambda tick: tick.place == now.place, reversed(sampled)))
    began = here[-1].sample
    assert began is not None
    in_state_s = (s.rig_time_us - began.rig_time_us) * 1e-6
    on = all(rf_on and not cut for rf_on, cut in driven(history))
    off = not any(rf_on for rf_on, _ in driven(history))
    command = history[-3].gave if len(history) > 2 else OFF
    before = sampled[-2].sample if len(sampled) > 1 else None
    state = now.place[0]
    due = now.baseline or state in (State.IDLE, State.CUTOFF)
    electrodes = s.temperature_c[:2]
    good = all(math.isfinite(c) for c in electrodes)
    spread_c = (abs(electrodes[0] - electrodes[1]) if good else math.nan) if due else 0.0
    return {
        "temperature_c": s.temperature_c,
        "tc_reports_fault": any(s.tc_fault >> (2 * i) & 3 for i in (0, 1, 2)),
        "under_target_c": None if now.target_c is None else now.target_c - s.temperature_c[0],
        "ramp_s": in_state_s if state is State.RAMP else None,
        "check_s": in_state_s if state is State.IMPEDANCE_CHECK else None,
        "power_while_off_w": s.power_w if off else None,
        "on_while_off": off and s.rf_on,
        "off_while_on": on and command.power_w >= 0.5 and not s.rf_on and s.rig_trip == 0,
        "baseline_due": True if due else None,
        "coolant_flowing": command.flow_ml_min > 0.0,
        "electrode_spread_c": spread_c,
        "flow_ml_min": s.flow_ml_min,
        "estop_pressed": s.estop_pressed,
        "loop_open": not s.loop_closed,
        "return_lost": not s.return_attached,
        "start_released": not s.start_pressed,
        "stage_fault": s.stage_fault,
        "stage_c": s.stage_c,
        "coolant_c": s.coolant_c,
        "rig_tripped": s.rig_trip != 0 or s.watchdog_tripped,
        "rig_rebooted": False,
        "missed_ticks": 0.0,
        "exchange_failed": False,
        "sample_stale": before is not None and s.rig_time_us <= before.rig_time_us,
        "power_w": s.power_w,
        "voltage_v": s.voltage_v,
        "current_a": s.current_a,
        "on_s": 0.02 * sum(tick.gave.rf_on for tick in history[:-1]),
        "internal_error": False,
    }


def alike(found: Any, wanted: Any) -> bool:
    """The same, or neither a number, or nearly the same time."""
    if isinstance(wanted, float) and not isinstance(found, (bool, type(None))):
        if not math.isfinite(wanted):
            return not math.isfinite(found)
        return math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-9)
    if isinstance(wanted, tuple):
        return all(alike(a, b) for a, b in zip(found, wanted, strict=True))
    return bool(found == wanted) and type(found) is type(wanted)


def any_sample(rng: random.Random, n: int, time_us: int) -> Sample:
    """Anything; the rig's time mostly goes on."""

    def some() -> float:
        return rng.choice((math.nan, math.inf, 0.0, rng.uniform(-20.0, 130.0), rng.uniform(20.0, 90.0)))

    return sample_of(
        n,
        rig_time_us=max(0, time_us - (rng.randrange(60_000) if rng.random() < 0.05 else 0)),
        rf_on=rng.random() < 0.6,
        watchdog_tripped=rng.random() < 0.1,
        loop_closed=rng.random() < 0.8,
        start_pressed=rng.random() < 0.5,
        estop_pressed=rng.random() < 0.2,
        return_attached=rng.random() < 0.8,
        stage_fault=rng.random() < 0.2,
        rig_trip=rng.choice((0, 0, 3)),
        tc_fault=rng.choice((0, 0, 1, 2 << 2, 3 << 4, 1 << 6)),
        power_w=some(),
        voltage_v=some(),
        current_a=some(),
        flow_ml_min=some(),
        coolant_c=some(),
        stage_c=some(),
        temperature_c=(some(), some(), some()),
    )


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_signals_say_what_the_samples_and_commands_say(seed: int) -> None:
    rng = random.Random(seed)
    config = DeriverConfig(CHANNELS, PERIOD_US, 20.0, 0.8, 80.0, 0.5, 1.0, stage_temperature=True, dead_man=True)
    under_test = Deriver(config)
    history: list[Tick] = []
    place, target_c, time_us = (State.IDLE, 0), None, rng.randrange(10**9)
    rf_often, missed_often = rng.choice((0.2, 0.9, 1.0)), rng.choice((0.0, 0.3))
    for n in range(60):
        time_us += rng.choice((20_000, 20_000, 7_003, 41_000))
        if rng.random() < 0.15:
            place = (rng.choice(list(State)), rng.randrange(2))
            target_c = rng.choice((None, 50.0, 60.0, 90.0))
        command = Command(n, rng.random() < rf_often, rng.choice((0.4, 0.5, 5.0)), rng.choice((0.0, 10.0)))
        sample = None if rng.random() < missed_often else any_sample(rng, n, time_us)
        tick = Tick(sample, place, target_c, rng.random() < 0.3, command, rng.random() < 0.1)
        history.append(tick)
        if sample is None:
            failed, wrong, rebooted = (rng.random() < 0.3 for _ in range(3))
            line = under_test.missed(failed, wrong, rebooted)
            in_a_row = len(list(takewhile(lambda t: t.sample is None, reversed(history))))
            assert (line.missed_ticks, line.exchange_failed) == (in_a_row, failed)
            assert (line.sample_stale, line.rig_rebooted, line.internal_error) == (wrong, rebooted, False)
        else:
            signals: Signals = under_test.derive(sample, *place, target_c, None, tick.baseline, None)
            for name, value in expected(history).items():
                assert alike(getattr(signals, name), value), f"{name}: {getattr(signals, name)!r}, not {value!r}"
            on = all(rf_on and not cut for rf_on, cut in driven(history))
            assert signals.impedance_unmeasured is (on and signals.impedance_ohm is None)
            if not on:
                assert signals.power_off_by_w is None
                assert signals.impedance_ohm is None
        under_test.gave(command, tick.cut)
