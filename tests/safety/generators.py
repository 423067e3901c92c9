"""A generator with a rig that does what it is told, and short ways to bring it to a state."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any

from hal import Absence, NoSample, Reply, RigInfo
from rfgen.control.plan import Mode
from rfgen.generator import Generator, GeneratorConfig
from rfgen.records import Decision, Event, OperatorAction, State
from rfgen.safety.catalogue import ROW_IDS
from rfgen.safety.compile import Channels
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Needs
from tests.properties.streams import LINKED, TUNING, Rig, plan

START, STOP, ACKNOWLEDGE, NEW_PATIENT = OperatorAction
TEMPERATURE = frozenset({Needs.TEMPERATURE_MODE, Needs.SENTINEL, Needs.PUMP})
SWITCHED = TEMPERATURE | {Needs.START_SWITCH}
DEAD_MAN = SWITCHED | {Needs.DEAD_MAN}


def config(mode: Mode = Mode.TEMPERATURE, features: frozenset[Needs] = TEMPERATURE, **changes: Any) -> GeneratorConfig:
    """Two steps, two electrode thermocouples and a sentinel, at 50 Hz."""
    if mode is not Mode.TEMPERATURE:
        features -= {Needs.TEMPERATURE_MODE}
    fields = GeneratorConfig(
        plan=plan(mode),
        tuning=TUNING,
        channels=Channels((0, 1), (2,)),
        limits=resolve_limits(),
        features=features,
        period_us=20_000,
        max_power_w=20.0,
        prime_s=1.0,
    )
    return replace(fields, **changes)


class Bench:
    """A generator and a rig that does what it is told."""

    def __init__(self, given: GeneratorConfig | None = None) -> None:
        self.generator = Generator(given or config())
        self.rig = Rig()
        self.events: list[Event] = []

    def tick(self, *actions: OperatorAction, linked: RigInfo | None = None, **changes: Any) -> Decision:
        """One tick, with these fields of the sample changed."""
        return self.answered(self.rig.answer()._replace(**changes), *actions, linked=linked)

    def answered(self, reply: Reply, *actions: OperatorAction, linked: RigInfo | None = None) -> Decision:
        """One tick with this reply."""
        for action in actions:
            self.generator.request(action, linked)
        decision = self.generator.tick(reply)
        if decision.rf_off:
            self.rig.rf_on = False
        self.rig.obey(decision)
        self.events += self.generator.take_events()
        return decision

    def missed(self, reason: Absence, code: int = 0) -> Decision:
        """One tick without a sample."""
        self.rig.answer()
        return self.answered(NoSample(self.rig.tick - 1, reason, code))

    def until(self, state: State, most: int = 4000) -> Decision:
        """On, until it is there."""
        for n in range(most):
            decision = self.tick(*([START] if n == 1 and self.generator.state is State.IDLE else []))
            if decision.state is state and n:
                return decision
        raise AssertionError(f"never in {state.name}, but in {self.generator.state.name}: {self.generator.reason}")

    def told(self, kind: str) -> list[Event]:
        """Events of a kind, so far."""
        return [event for event in self.events if event.kind == kind]

    def refusal(self, action: OperatorAction, linked: RigInfo | None = None, **changes: Any) -> str | None:
        """What a request is refused for; None where it is accepted."""
        self.tick(action, linked=linked, **changes)
        last = self.told("operator")[-1]
        assert last.data["action"] == action.value
        assert last.data["accepted"] is (last.data["refused_because"] is None)
        assert last.data["boot_count"] == (linked.boot_count if linked else None)
        because = last.data["refused_because"]
        assert last.text == (action.value if because is None else f"{action.value}: refused, {because}")
        assert because is None or isinstance(because, str)
        return because


def ids(mask: int) -> list[str]:
    """Rows of a mask."""
    return [row_id for bit, row_id in enumerate(ROW_IDS) if mask >> bit & 1]


def shown(trip: Event) -> tuple[object, ...]:
    """What a trip's event says, but for what it usually means."""
    return tuple(trip.data[name] for name in ("id", "row", "first", "read", "held_s"))


def in_state(state: State, given: GeneratorConfig | None = None) -> Bench:
    """A bench that has just come to a state, its link known."""
    return brought_to(state, given) if given is not None else copy.deepcopy(default_in(state))


@cache
def default_in(state: State) -> Bench:
    """Of the default device: to be copied."""
    return brought_to(state, None)


def brought_to(state: State, given: GeneratorConfig | None) -> Bench:
    """A bench that runs until it is there."""
    bench = Bench(given)
    bench.generator.linked(LINKED)
    if state is State.IDLE:
        bench.tick()
    elif state is State.CUTOFF:
        bench.until(State.IMPEDANCE_CHECK)
        assert bench.tick(STOP).state is State.CUTOFF
    else:
        bench.until(state)
    return bench


RADIATING = (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD)
