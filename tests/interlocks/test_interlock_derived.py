"""Derived signals of power and control against a plain second one, on random streams; and that none is left out."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.safety import deriver
from rfgen.safety.derived import NO_STALL, Blanking, FlowDue, Impedance, Interval, OvershootArm, Stall, allowed_power_w
from rfgen.safety.electrical import Energy, Jumps, Late, Least
from rfgen.safety.thermal import Forecast, Rate, Slope, Stuck
from tests.interlocks import plain, test_interlock_memory
from tests.interlocks.random_streams import COMPARED, ODD, compares, one_of, random_streams, same, steps_us


def test_every_derived_signal_has_a_second_implementation() -> None:
    """A new one fails here by its name until it is compared in this file."""
    assert test_interlock_memory.__doc__  # imported, so that what it compares is known
    parts = (part for part in vars(deriver).values() if inspect.isclass(part) or inspect.isfunction(part))
    other = ("rfgen.safety.deriver", "rfgen.safety.signals", "rfgen.safety.compile")
    built = {p.__name__ for p in parts if p.__module__.startswith("rfgen.safety.") and p.__module__ not in other}
    assert len(built) >= 17
    assert built - COMPARED == set(), f"derived signals without a second implementation: {sorted(built - COMPARED)}"


@compares(Impedance)
@random_streams(100)
def test_impedance(rng: random.Random) -> None:
    under_test = Impedance(0.5, 0.002, 0.2)
    step = steps_us(rng)
    history: list[plain.Drive] = []
    for _ in range(80):
        history.append(
            plain.Drive(
                rng.choice((0.0, 0.49, 0.5, 5.0, 5.0, 5.0, 5.0)),
                rng.random() < 0.95,
                rng.choice((*ODD, 0.19, 0.2, 20.0, rng.uniform(0.0, 100.0))),
                rng.choice((*ODD, 0.0019, 0.002, 0.3, rng.uniform(0.0, 2.0))),
                step(),
            )
        )
        found = under_test.update(*history[-1])
        assert same(found, plain.impedance(history)), history


@compares(Blanking)
@random_streams(60)
def test_blanking(rng: random.Random) -> None:
    under_test = Blanking()
    step = one_of(rng, lambda: 20_000, lambda: 97_003, lambda: rng.randrange(1, 400_000))
    now_us = rng.randrange(10**9)
    history: list[tuple[float, int, int]] = []
    found = []
    watts = 0.0
    jumpy = rng.choice((0.02, 0.3, 1.0))
    for _ in range(150):
        if rng.random() < jumpy:
            watts = rng.choice((0.0, 1.0, 3.0, 3.1, 5.0, 10.0, 12.0, 12.1, 14.5, rng.uniform(0.0, 50.0)))
        dt_us = step()
        history.append((watts, now_us, now_us + dt_us))
        found.append(under_test.update(*history[-1]))
        now_us += dt_us + (rng.randrange(3_000_000) if rng.random() < 0.05 else 0)
    assert found == plain.blanked(history)


@compares(allowed_power_w)
@settings(deadline=None)
@given(
    most=st.tuples(st.floats(0.1, 400.0), st.floats(0.01, 20.0), st.floats(1.0, 1000.0)),
    ohm=st.one_of(st.none(), st.sampled_from([*ODD, 1e9, 2e9]), st.floats(0.0, 1e4)),
)
def test_allowed_power(most: tuple[float, float, float], ohm: float | None) -> None:
    assert allowed_power_w(*most, ohm) == plain.allowed_w(*most, ohm)


@compares(Stall)
@random_streams(25)
def test_stall(rng: random.Random) -> None:
    under_test = Stall()
    step = one_of(rng, lambda: 20_000, lambda: 33_333, lambda: rng.randrange(1, 400_000))
    now_us = began_us = rng.randrange(10**9)
    under_test.reset(now_us)
    history: list[plain.Heat] = []
    finished_at = rng.choice((10**9, 700))
    for n in range(800):
        dt_us = step()
        history.append(
            plain.Heat(now_us, dt_us, rng.uniform(30.0, 90.0), rng.uniform(30.0, 90.0), n >= finished_at,
                       rng.uniform(0.0, 20.0), rng.uniform(0.0, 20.0))
        )  # fmt: skip
        found = under_test.update(*history[-1])
        if n % 37 == 0 or n in (699, 700, 701):
            expected = plain.stall(history, began_us)
            if expected is None:
                assert found == NO_STALL
            else:
                assert all(same(a, b, 1e-7) for a, b in zip(found, expected, strict=True)), (found, expected)
        now_us += dt_us


@compares(FlowDue)
@random_streams(60)
def test_flow_due(rng: random.Random) -> None:
    under_test = FlowDue(3.0)
    now_us = rng.randrange(10**9)
    history: list[tuple[float, int]] = [(0.0, now_us)]
    under_test.update(*history[-1])
    asked = 0.0
    for _ in range(80):
        now_us += rng.randrange(1, 500_000)
        if rng.random() < 0.1:
            asked = rng.choice((0.0, 10.0, 12.0))
        history.append((asked, now_us))
        assert under_test.update(asked, now_us) == plain.flow_due(history, 3_000_000), history


@compares(OvershootArm)
@random_streams(100)
def test_overshoot_armed(rng: random.Random) -> None:
    under_test = OvershootArm(5.0)
    history: list[tuple[float | None, float, int]] = []
    target_c: float | None = None
    reading_c = now_us = 0
    for _ in range(60):
        if rng.random() < 0.1:
            target_c = rng.choice((None, 50.0, 60.0, 70.0, 90.0))
        if rng.random() < 0.3:
            reading_c = rng.choice((*ODD, 55.0, 65.0, 65.01, 75.0, 95.0, 120.0))
        now_us += rng.choice((20_000, 100_000, 250_000))
        history.append((target_c, reading_c, now_us))
        assert under_test.update(*history[-1]) is plain.overshoot_armed(history), history


@compares(Interval)
@random_streams(60)
def test_interval(rng: random.Random) -> None:
    under_test = Interval()
    under_test.take()
    for _ in range(20):
        drove = [(rng.random() < 0.7, rng.random() < 0.1) for _ in range(rng.randrange(1, 5))]
        for rf_on, cut in drove:
            under_test.drove(rf_on, cut)
        on, off = under_test.take()
        assert on is all(rf_on and not cut for rf_on, cut in drove)
        assert off is not any(rf_on for rf_on, _ in drove)


@pytest.mark.parametrize("part", [Impedance, Stall, Slope, Forecast, Rate, Stuck, Least, Jumps, Energy, Late])
def test_what_is_reset_is_as_new(part: Any) -> None:
    """Two memories, one used before: after a reset they give the same for ever."""
    made: dict[Any, tuple[Any, ...]] = {
        Impedance: (0.5, 0.002, 0.2),
        Slope: (100_000,),
        Rate: ((0, 1), (0.05, 0.05), 20_000),
        Stuck: ((0,), (1,), (0.01, 0.01)),
    }
    inputs: dict[Any, Callable[[random.Random, int], tuple[Any, ...]]] = {
        Impedance: lambda rng, t: (5.0, rng.random() < 0.9, 20.0, rng.uniform(0.1, 1.0), 20_000),
        Stall: lambda rng, t: (t, 20_000, rng.random(), rng.random(), False, rng.random(), rng.random()),
        Slope: lambda rng, t: (t, rng.uniform(20.0, 90.0)),
        Forecast: lambda rng, t: (t, rng.uniform(20.0, 90.0)),
        Rate: lambda rng, t: (t, (rng.uniform(20.0, 90.0), 37.0)),
        Stuck: lambda rng, t: (t, (37.0, 37.0)),
        Least: lambda rng, t: (rng.uniform(20.0, 90.0),),
        Jumps: lambda rng, t: (t, rng.uniform(20.0, 90.0)),
        Energy: lambda rng, t: (rng.uniform(20.0, 90.0), 20_000),
        Late: lambda rng, t: (rng.randrange(60_000), 20_000),
    }
    rng = random.Random(1)
    used, new = part(*made.get(part, ())), part(*made.get(part, ()))
    now_us = 0
    for _ in range(700):
        now_us += 20_000
        used.update(*inputs[part](rng, now_us))
    for memory in (used, new):
        if part is Stall:
            memory.reset(now_us)
        else:
            memory.reset()
    for _ in range(700):
        now_us += 20_000
        given_now = inputs[part](rng, now_us)
        found, expected = used.update(*given_now), new.update(*given_now)
        if part is Forecast:
            assert all(same(f, e, 1e-6) for f, e in zip(found, expected, strict=True))
        elif part in (Slope, Rate) and found is not None:
            assert same(found, expected, 1e-6)
        else:
            assert found == expected
