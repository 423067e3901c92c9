"""Robustness is negative where, and only where, a plain reading of the promise says that it is broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import NoSample, Reply
from rfgen.assemble import assemble
from rfgen.falsify.deadlines import DEADLINES
from rfgen.falsify.monitor import Monitor, Scene, Window, scene
from rfgen.falsify.monitors import (
    DoseOverrun,
    HoldOutOfBand,
    LimitOvershot,
    PowerBeyond,
    RfOutside,
    SentinelPeak,
    TargetOvershot,
    TripLate,
    UnnecessaryTrip,
)
from rfgen.falsify.names import NAMES
from rfgen.falsify.one import unspared_c
from rfgen.falsify.promises import PROMISES
from rfgen.records import Decision, Event, State, Truth
from rfgen.safety.catalogue import ROW_IDS
from rfgen.scenario import Scenario, fault_kinds, parse_scenario

RADIATING = (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD)
TREATMENTS = {
    "sound": "treatment: {target_c: 47, ramp_c_s: 4, hold_s: 11}",
    "hot": """\
treatment: {mode: power, power_w: 9, hold_s: 4}
faults: [{at: hold + 1 s, kind: vessel, size: 0}]""",
    "cut": """\
treatment: {target_c: 46, ramp_c_s: 4, hold_s: 4}
faults: [{at: hold + 1 s, kind: pump_stopped}]
operator: [{at: 1, do: start}, {at: cutoff + 2 s, do: acknowledge}, {at: cutoff + 3 s, do: start}]""",
}


class Seen(NamedTuple):
    """One tick."""

    tick: int
    reply: Reply
    decision: Decision
    truth: Truth
    events: tuple[Event, ...]
    """Told before it."""


@lru_cache
def scenario(name: str) -> Scenario:
    """A short treatment."""
    text = f"title: Short\ndevice: bench\nplant: {{wall: {{distance_mm: 9}}}}\nmax_time_s: 60\n{TREATMENTS[name]}\n"
    return parse_scenario(text, f"{name}.yaml")


@lru_cache
def run(name: str) -> tuple[Seen, ...]:
    """Every tick of it."""
    assembly = assemble(scenario(name))
    session, truth = assembly.session, assembly.session.truth
    assert truth is not None
    seen: list[Seen] = []
    events: list[Event] = []

    def on_tick(tick: int, reply: Reply, decision: Decision) -> None:
        seen.append(Seen(tick, reply, decision, truth(), tuple(events)))
        events.clear()

    session.on_tick, session.on_event = on_tick, events.append
    session.run()
    return tuple(seen)


def least(make: type[Monitor], on: Scene, ticks: tuple[Seen, ...]) -> float:
    """The robustness of a run."""
    monitor = make(on)
    for seen in ticks:
        for event in seen.events:
            monitor.event(event)
        monitor.tick(seen.tick, seen.reply, seen.decision, seen.truth)
    return monitor.least


def steps(ticks: tuple[Seen, ...]) -> list[tuple[State, float, Seen]]:
    """Each tick with the state and the target that its sample was taken under."""
    before = [(State.IDLE, math.nan), *((seen.decision.state, seen.decision.target_c) for seen in ticks)]
    return [(state, target_c, seen) for (state, target_c), seen in zip(before, ticks, strict=False)]


def overshot(on: Scene, ticks: tuple[Seen, ...]) -> tuple[bool, bool]:
    """RF commanded on at a sample before which, for as long as the limit lets it, every reading was above: of the
    electrode's own limits, and of the target's."""
    found = steps(ticks)
    broken = {False: False, True: False}
    for end, (state, _, seen) in enumerate(found):
        if state not in RADIATING or not seen.decision.command.rf_on:
            continue
        for span_us, channels, most_of in (
            (0, on.electrodes, lambda target_c: on.hard_c),
            (60_000, on.electrodes, lambda target_c: on.over_temp_c),
            (500_000, on.electrodes[:1], lambda target_c: target_c + on.overshoot_c),
        ):
            place = end
            while place >= 0:
                then, target_c, before = found[place]
                most_c = most_of(target_c)
                assert not isinstance(before.reply, NoSample)
                reading_c = max(before.reply.temperature_c[n] for n in channels)
                if then not in RADIATING or not reading_c > most_c:
                    break
                if seen.reply.rig_time_us - before.reply.rig_time_us >= span_us:
                    broken[span_us == 500_000] = True
                    break
                place -= 1
    return broken[False], broken[True]


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(TREATMENTS)),
    hard_c=st.floats(36, 60),
    over_temp_c=st.floats(36, 60),
    overshoot_c=st.floats(-3, 3),
)
def test_a_limit_is_overshot_where_a_plain_checker_says_so(
    name: str, hard_c: float, over_temp_c: float, overshoot_c: float
) -> None:
    on = replace(scene(scenario(name)), hard_c=hard_c, over_temp_c=over_temp_c, overshoot_c=overshoot_c)
    found = least(LimitOvershot, on, run(name)) < 0.0, least(TargetOvershot, on, run(name)) < 0.0
    assert found == overshot(on, run(name))


@settings(max_examples=100, deadline=None)
@given(
    margins=st.lists(st.integers(-3, 3) | st.none(), min_size=1, max_size=40),
    span=st.integers(0, 6),
)
def test_the_most_over_a_window_is_the_most_of_what_stands_in_it(margins: list[int | None], span: int) -> None:
    """A sample that is lost leaves the reading before it standing: it may be what keeps the limit."""
    window = Window(span * 20_000)
    first = next((place for place, margin in enumerate(margins) if margin is not None), 0)
    stands: list[int] = []
    for now, margin in enumerate(margins):
        if margin is None:
            stands.append(stands[-1] if stands else 9)
            continue
        stands.append(margin)
        expected = max(stands[now - span :]) if now - span >= first else None
        assert window.push(now * 20_000, margin) == expected


@settings(max_examples=15, deadline=None)
@given(name=st.sampled_from(sorted(TREATMENTS)), limit_c=st.floats(37, 46), dose_min=st.floats(1e-4, 0.01))
def test_the_sentinels_promises_where_a_plain_checker_says_so(name: str, limit_c: float, dose_min: float) -> None:
    on = replace(scene(scenario(name)), sentinel_c=limit_c, dose_min=dose_min)
    dose = 0.0
    hot = overrun = False
    for state, _, seen in steps(run(name)):
        assert not isinstance(seen.reply, NoSample)
        read_c, radiating = seen.reply.temperature_c[2], seen.decision.command.rf_on
        dose += 0.0 if read_c <= 37 else (0.25 if read_c < 43 else 0.5) ** (43 - read_c) * 0.02 / 60
        hot |= seen.truth.sentinel_c > limit_c + 1 or (state in RADIATING and radiating and read_c > limit_c)
        overrun |= radiating and dose > 1.02 * dose_min
    assert (least(SentinelPeak, on, run(name)) < 0.0) == hot
    assert (least(DoseOverrun, on, run(name)) < 0.0) == overrun


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_trips_power_and_rf_where_a_plain_checker_says_so(name: str) -> None:
    on, ticks = scene(scenario(name)), run(name)
    assert (least(UnnecessaryTrip, on, ticks) < 0.0) == any(seen.decision.tripped for seen in ticks)
    assert least(RfOutside, on, ticks) >= 0.0
    most_w = max(seen.decision.command.power_w for seen in ticks)
    assert least(PowerBeyond, replace(on, most_w=most_w), ticks) == 0.0
    assert least(PowerBeyond, replace(on, most_w=most_w - 0.001), ticks) < 0.0


def test_rf_outside_of_a_treatment_and_a_trip_without_rf_off_are_seen() -> None:
    on, ticks = scene(scenario("cut")), run("cut")
    cut = next(n for n, seen in enumerate(ticks) if seen.decision.tripped)
    silent = ticks[cut]._replace(decision=ticks[cut].decision._replace(rf_off=False))
    assert least(RfOutside, on, (*ticks[:cut], silent, *ticks[cut + 1 :])) < 0.0
    late = ticks[cut + 5]
    command = late.decision.command._replace(rf_on=True, power_w=1.0)
    lit = late._replace(decision=late.decision._replace(command=command))
    assert least(RfOutside, on, (*ticks[: cut + 5], lit)) < 0.0
    warm = late._replace(truth=late.truth._replace(delivered_w=0.31))
    assert least(RfOutside, on, (*ticks[: cut + 5], warm)) < 0.0


def test_the_band_is_kept_by_two_degrees_and_one() -> None:
    on, ticks = scene(scenario("sound")), run("sound")
    over_c = max(s.truth.control_c - t for state, t, s in steps(ticks) if state in (State.RAMP, State.HOLD))
    assert least(HoldOutOfBand, on, ticks) >= 0.0
    for excess_c, broken in ((1.9 - over_c, False), (2.1 - over_c, True)):
        moved = tuple(s._replace(truth=s.truth._replace(control_c=s.truth.control_c + excess_c)) for s in ticks)
        held = [s for state, _, s in steps(moved) if state is State.HOLD][501:]
        off = any(not abs(s.truth.control_c - 47) <= 1 for s in held)
        assert (least(HoldOutOfBand, on, moved) < 0.0) == (broken or off)


@pytest.mark.parametrize(("late_ticks", "broken"), [(0, False), (30, False), (60, True)])
def test_a_trip_is_late_by_its_deadline(late_ticks: int, broken: bool) -> None:
    """A stopped pump is to be seen within 1.2 s; its row takes 0.5 s, and the flow a moment to fall."""
    on, ticks = scene(scenario("cut")), run("cut")
    cut = next(n for n, seen in enumerate(ticks) if seen.decision.tripped)
    held = ticks[cut - 1]
    more = tuple(held._replace(tick=held.tick + 1 + n, events=()) for n in range(late_ticks))
    rest = tuple(seen._replace(tick=seen.tick + late_ticks) for seen in ticks[cut : cut + 50])
    assert (least(TripLate, on, (*ticks[:cut], *more, *rest)) < 0.0) == broken


def test_the_promises_have_the_names_that_a_scenario_may_say() -> None:
    assert tuple(promise.name for promise in PROMISES) == NAMES


def test_every_deadline_is_of_a_fault_that_there_is() -> None:
    assert {kind for line in DEADLINES for kind in line.kinds} <= set(fault_kinds())


def test_a_trip_is_told_by_its_row() -> None:
    on, ticks = scene(scenario("cut")), run("cut")
    monitor = UnnecessaryTrip(on)
    for seen in ticks:
        monitor.tick(seen.tick, seen.reply, seen.decision, seen.truth)
        if monitor.over:
            break
    assert monitor.text().startswith("tripped by FLOW_LOW in HOLD at ")
    assert "FLOW_LOW" in ROW_IDS


@pytest.mark.parametrize(
    ("peak", "broken"), [(None, True), (lambda enough_c: 40.1, False), (lambda enough_c: 39.9, True)]
)
def test_a_cut_by_the_forecast_is_needless_where_little_heat_was_on_its_way(
    peak: Callable[[float], float] | None, broken: bool
) -> None:
    """5 C under the limit of 45 C; with another row beside it, it is no cut by the forecast alone."""
    on, ticks = replace(scene(scenario("cut")), unspared_c=peak), run("cut")
    forecast = 1 << ROW_IDS.index("SENTINEL_FORECAST")
    flow = 1 << ROW_IDS.index("FLOW_LOW")

    def cut_by(mask: int) -> tuple[Seen, ...]:
        cut = next(n for n, seen in enumerate(ticks) if seen.decision.tripped)
        return (*ticks[:cut], ticks[cut]._replace(decision=ticks[cut].decision._replace(tripped=mask)))

    assert (least(UnnecessaryTrip, on, cut_by(forecast)) < 0.0) == broken
    assert least(UnnecessaryTrip, on, cut_by(forecast | flow)) < 0.0


def test_what_the_forecast_spared_is_the_peak_of_the_treatment_held_on_without_it() -> None:
    """Here it cuts nothing; three minutes of hold heat the sentinel further, and past what is asked for it ends."""
    seen_c = max(seen.truth.sentinel_c for seen in run("sound"))
    peak_c = unspared_c(scenario("sound"), 45.0)
    assert seen_c < peak_c < 45.0
    assert seen_c < unspared_c(scenario("sound"), seen_c) < seen_c + 0.01
