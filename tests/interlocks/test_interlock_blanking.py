"""Blanking cannot be held open: a stage that does not deliver what it is told is found whatever it is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Command
from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.derived import Blanking
from rfgen.safety.deriver import Deriver, DeriverConfig
from tests.interlocks.checks import supervisor_of
from tests.interlocks.edges import CHANNELS
from tests.properties.streams import sample_of

# at most 1 s blanked, the first wrong sample, then 0.3 s; the last two each to the end of a tick
DUE_US = {5_000: 1_310_000, 20_000: 1_340_000, 33_333: 1_366_666, 97_003: 1_494_006}
COMMANDS_W = st.lists(st.one_of(st.floats(3.0, 60.0), st.sampled_from([3.0, 6.0, 12.0, 30.0, 60.0])), min_size=1)


def trips_after_us(commands_w: list[float], period_us: int, share: float) -> int:
    """Time from the first interval commanded on to POWER_DEVIATION, with `share` of every command delivered."""
    deriver = Deriver(DeriverConfig(CHANNELS, period_us, 400.0, 20.0, 1000.0, 0.5, 1.0))
    supervisor = supervisor_of(ROWS).__deepcopy__({})
    bit = supervisor.bit("POWER_DEVIATION")
    driven_w: list[float] = []
    for tick in range(2_000_000 // period_us + 1):
        command_w = commands_w[tick % len(commands_w)]
        was_w = driven_w[-2] if len(driven_w) > 1 else 0.0
        sample = sample_of(
            tick,
            rig_time_us=(tick + 1) * period_us,
            rf_on=was_w > 0.0,
            power_w=share * was_w,
            voltage_v=20.0,
            current_a=0.2,
        )
        signals = deriver.derive(sample, State.HOLD, 0, None, None, False, None)
        _, tripped = supervisor.evaluate(State.HOLD, signals, sample.rig_time_us)
        if tripped >> bit & 1:
            return (tick - 1) * period_us  # the command of tick n drives the interval that ends in sample n + 2
        deriver.gave(Command(tick, True, command_w, 0.0), False)
        driven_w.append(command_w)
    raise AssertionError(f"never within 2 s: {commands_w}")


@settings(deadline=None, max_examples=60)
@given(
    commands_w=COMMANDS_W,
    period_us=st.sampled_from(sorted(DUE_US)),
    share=st.sampled_from([0.0, 0.5, 0.6, 1.5, 3.0, math.nan, math.inf]),
)
def test_no_sequence_of_commands_hides_a_stage_that_does_not_follow(
    commands_w: list[float], period_us: int, share: float
) -> None:
    assert trips_after_us(commands_w, period_us, share) <= DUE_US[period_us]


@pytest.mark.parametrize("period_us", sorted(DUE_US))
def test_the_worst_sequence_comes_near_that_bound(period_us: int) -> None:
    """A jump in every tick uses up all the blanking there is: the bound is not an idle one."""
    found_us = trips_after_us([6.0, 60.0], period_us, 0.5)
    assert DUE_US[period_us] - 3 * period_us <= found_us <= DUE_US[period_us]


def test_a_steady_command_is_blanked_for_its_first_half_second_alone() -> None:
    assert 800_000 <= trips_after_us([20.0], 20_000, 0.5) <= 840_000


@settings(deadline=None, max_examples=60)
@given(data=st.data(), clever=st.booleans())
def test_no_sequence_blanks_more_than_one_second_in_any_five(data: st.DataObject, clever: bool) -> None:
    """In any five seconds that end anywhere, with a clock that steps as it likes; `clever` jumps as soon as blanking
    has ended."""
    blanking = Blanking()
    steps = data.draw(st.lists(st.integers(1_000, 400_000), min_size=1, max_size=8))
    watts = data.draw(st.lists(st.floats(0.0, 400.0), min_size=1, max_size=20))
    now_us, was, place = 0, False, 0
    spans: list[tuple[int, int]] = []
    for n in range(300):
        place += not (clever and was)
        to_us = now_us + steps[n % len(steps)]
        was = blanking.update(watts[place % len(watts)], now_us, to_us)
        if was:
            spans.append((now_us, to_us))
        now_us = to_us
    for _, end_us in spans:
        inside = sum(max(0, min(b, end_us) - max(a, end_us - 5_000_000)) for a, b in spans)
        assert inside <= 1_000_000
