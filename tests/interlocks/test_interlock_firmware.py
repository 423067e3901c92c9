"""Each row in each armed state through the whole firmware: RF off is commanded, and RF_OFF sent, in the very tick in
which its persistence has passed, and in none before."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from hal import Sample
from rfgen.control.plan import Mode, Plan, Step
from rfgen.generator import Generator, GeneratorConfig
from rfgen.records import OperatorAction, State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.deriver import Deriver
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs, Row
from rfgen.safety.signals import Signals
from tests.interlocks.checks import LETTERS
from tests.interlocks.edges import CALM, CHANNELS, Edge, Key, edges, keys_of, leaves, merged, true
from tests.interlocks.figures import FIGURES, figure_of
from tests.properties.streams import LINKED, TUNING, Rig, sample_of

PERIOD_US = 20_000
RADIATING = (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD)
BY_A_SWITCH = frozenset({Needs.DEAD_MAN, Needs.START_SWITCH})


def new_generator(features: frozenset[Needs]) -> Generator:
    """A slow ramp and a long hold, so that every state lasts longer than any persistence."""
    return Generator(
        GeneratorConfig(
            plan=Plan(Mode.TEMPERATURE, (Step(60.0, target_c=70.0, ramp_c_s=0.3),), 12.0, flow_ml_min=10.0),
            tuning=replace(TUNING, check_s=4.0),
            channels=CHANNELS,
            limits=resolve_limits(),
            features=features,
            period_us=PERIOD_US,
            max_power_w=20.0,
            prime_s=1.0,
        )
    )


def sample_from(rig: Rig, n: int) -> Sample:
    """What the rig says, with the last bits of its readings alive."""
    sample = rig.answer()
    noise = 0.01 * (n % 7)
    readings = tuple(c + noise for c in sample.temperature_c)
    return sample._replace(temperature_c=readings)


@cache
def standing_in(state: State) -> tuple[Generator, Rig]:
    """A generator that has just come to a state, and its rig. Copy both before use."""
    generator, rig = new_generator(frozenset(Needs) - BY_A_SWITCH), Rig()
    for n in range(4000):
        decision = generator.tick(sample_from(rig, n))
        rig.obey(decision)
        assert not decision.tripped, [row.id for bit, row in enumerate(ROWS) if decision.tripped >> bit & 1]
        # of the check, the part after its baseline: TC_BASELINE is armed by a signal of its own
        if generator.state is state and n > 1 and (state is not State.IMPEDANCE_CHECK or rig.flow_ml_min > 0.0):
            return generator, rig
        if generator.state is State.IDLE and n > 1:
            generator.request(OperatorAction.START)
        elif state is State.CUTOFF:
            generator.request(OperatorAction.STOP)
    raise AssertionError(f"never in {state.name}")


class Injected:
    """The generator's own deriver, with some of the signals it makes replaced."""

    def __init__(self, real: Deriver, values: dict[Key, Any]) -> None:
        object.__setattr__(self, "real", real)
        object.__setattr__(self, "values", values)

    def derive(self, *arguments: Any) -> Signals:
        """As the real one, then replaced."""
        return merged(self.real.derive(*arguments), self.values)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "real"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.real, name, value)


def others_true(row: Row, edge: Edge) -> list[str]:
    """Other rows that this edge makes true, where all else is calm."""
    values: dict[Key, Any] = dict(enumerate(CALM.temperature_c))
    values.update(CALM._asdict())
    values |= {**edge.others, edge.key: edge.wrong}
    found = []
    for other in ROWS:
        keys = {key for leaf in leaves(other.condition) for key in keys_of(leaf)}
        if other is not row and not any(values[key] is None for key in keys):
            found += [other.id] if true(other.condition, values, resolve_limits()) else []
    return found


CASES = [
    pytest.param(row, LETTERS[letter], id=f"{row.id}-{letter}")
    for row in ROWS
    if row.id in FIGURES and not FIGURES[row.id].refuses
    for letter in FIGURES[row.id].armed
]


@pytest.mark.parametrize(("row", "state"), CASES)
def test_rf_is_off_in_the_tick_in_which_a_row_is_due(row: Row, state: State) -> None:
    figure = figure_of(row.id)
    edge = min(edges(row), key=lambda e: len(others_true(row, e)))
    if figure.persist_us:
        assert not others_true(row, edge), f"{row.id}: no edge of it leaves the others quiet"
    generator, rig = copy.deepcopy(standing_in(state))
    # everything is fitted; the start is behind us
    generator.supervisor = type(generator.supervisor)(resolve_limits(), CHANNELS, frozenset(Needs))
    values = {**edge.others, edge.key: edge.wrong}
    generator.deriver = Injected(generator.deriver, values)  # type: ignore[assignment]
    ticks = -(-figure.persist_us // 20_000)
    for n in range(ticks + 1):
        decision = generator.tick(sample_from(rig, n))
        rig.obey(decision)
        if n < ticks:
            assert not decision.tripped, f"{row.id} in {state.name}: tripped {ticks - n} ticks before it was due"
            assert decision.state is state
            assert decision.command.rf_on is (state in RADIATING and decision.asked_w > 0.0)
    assert decision.tripped >> ROWS.index(row) & 1, f"{row.id} in {state.name}: did not trip when it was due"
    assert decision.rf_off
    assert not decision.command.rf_on
    assert decision.command.power_w == 0.0
    assert decision.state is State.CUTOFF
    if state is not State.CUTOFF:
        first = next(other.id for bit, other in enumerate(ROWS) if decision.tripped >> bit & 1)
        assert generator.reason == first
        if not others_true(row, edge):
            assert first == row.id


def started(pressed: list[bool]) -> bool:
    """Whether a start is accepted after samples with the switch so."""
    generator = new_generator(frozenset(Needs) - {Needs.DEAD_MAN})
    for n, down in enumerate(pressed):
        generator.tick(sample_of(n, start_pressed=down, temperature_c=(37.0, 37.01 + n % 5 * 0.01, 37.0)))
    generator.request(OperatorAction.START, LINKED)
    generator.tick(sample_of(len(pressed)))
    assert generator.state in (State.IDLE, State.IMPEDANCE_CHECK)
    return generator.state is State.IMPEDANCE_CHECK


@pytest.mark.parametrize("ago", [1, 2, 3, 10, 23])
@pytest.mark.parametrize("long", [1, 2, 40])
def test_a_start_switch_pressed_within_half_a_second_refuses_the_start(ago: int, long: int) -> None:
    assert not started([False] * 60 + [True] * long + [False] * (ago - 1))
    assert started([False] * 60 + [True] * long + [False] * 27)
