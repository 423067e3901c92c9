"""Every move from every state: the diagram of the catalogue, and nothing beside it."""

from __future__ import annotations

import copy

import pytest
from transitions import MachineError

from rfgen.machine import StateMachine, diagram
from rfgen.records import State

MOVES = {
    ("start", "IDLE"): "IMPEDANCE_CHECK",
    ("check_passed", "IMPEDANCE_CHECK"): "RAMP",
    ("target_reached", "RAMP"): "HOLD",
    ("next_step", "HOLD"): "RAMP",
    ("cut", "IDLE"): "CUTOFF",
    ("cut", "IMPEDANCE_CHECK"): "CUTOFF",
    ("cut", "RAMP"): "CUTOFF",
    ("cut", "HOLD"): "CUTOFF",
    ("acknowledge", "CUTOFF"): "IDLE",
}
DIAGRAM = """stateDiagram-v2
    [*] --> IDLE
    IDLE --> IMPEDANCE_CHECK: operator starts
    IMPEDANCE_CHECK --> RAMP: verdict good
    RAMP --> HOLD: target reached
    HOLD --> RAMP: held, another step
    IDLE --> CUTOFF: an interlock trips
    IMPEDANCE_CHECK --> CUTOFF: an interlock trips, or the operator stops
    RAMP --> CUTOFF: an interlock trips, or the operator stops
    HOLD --> CUTOFF: held, an interlock trips, or the operator stops
    CUTOFF --> IDLE: operator acknowledges, and the cause is gone
"""


def test_it_begins_in_idle() -> None:
    assert StateMachine().state is State.IDLE


@pytest.mark.parametrize("state", list(State), ids=lambda state: state.name)
@pytest.mark.parametrize("trigger", sorted({trigger for trigger, _ in MOVES}))
def test_a_move_leads_where_the_diagram_says_or_raises(trigger: str, state: State) -> None:
    machine = StateMachine(state)
    to = MOVES.get((trigger, state.name))
    if to is None:
        with pytest.raises(MachineError, match=trigger):
            machine.fire(trigger)
        assert machine.state is state
    else:
        assert machine.fire(trigger) is State[to]
        assert machine.state is State[to]


@pytest.mark.parametrize("trigger", ["to_HOLD", "", "Cut", "reset"])
def test_an_unknown_move_raises_and_leaves_it_where_it_was(trigger: str) -> None:
    machine = StateMachine(State.RAMP)
    with pytest.raises(MachineError, match=f"no such move: '{trigger}'"):
        machine.fire(trigger)
    assert machine.state is State.RAMP


def test_there_is_no_way_by_the_name_of_a_state() -> None:
    assert not [name for name in dir(StateMachine()) if name.startswith("to_")]


def test_a_deep_copy_moves_on_its_own() -> None:
    machine = StateMachine(State.RAMP)
    twin = copy.deepcopy(machine)
    assert twin.fire("cut") is State.CUTOFF
    assert machine.state is State.RAMP
    assert machine.fire("target_reached") is State.HOLD
    assert twin.state is State.CUTOFF


def test_the_diagram() -> None:
    assert diagram() == DIAGRAM
