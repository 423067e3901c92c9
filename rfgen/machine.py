"""The five states and the moves between them: a table, run by the `transitions` package.

The table is the only place that says which move is possible; the diagram in the docs is drawn from it. The machine
decides nothing: the generator fires a trigger, and a trigger that the state does not know raises.
"""

from __future__ import annotations

from typing import NamedTuple

from transitions import Machine, MachineError

from rfgen.records import State


class Move(NamedTuple):
    """One arrow of the diagram."""

    trigger: str
    source: State
    dest: State
    when: str
    """In words, for the diagram."""


MOVES: tuple[Move, ...] = (
    Move("start", State.IDLE, State.IMPEDANCE_CHECK, "operator starts"),
    Move("check_passed", State.IMPEDANCE_CHECK, State.RAMP, "verdict good"),
    Move("target_reached", State.RAMP, State.HOLD, "target reached"),
    Move("next_step", State.HOLD, State.RAMP, "held, another step"),
    Move("cut", State.IDLE, State.CUTOFF, "an interlock trips"),
    Move("cut", State.IMPEDANCE_CHECK, State.CUTOFF, "an interlock trips, or the operator stops"),
    Move("cut", State.RAMP, State.CUTOFF, "an interlock trips, or the operator stops"),
    Move("cut", State.HOLD, State.CUTOFF, "held, an interlock trips, or the operator stops"),
    Move("acknowledge", State.CUTOFF, State.IDLE, "operator acknowledges, and the cause is gone"),
)


class StateMachine:
    """Where the generator is. Raises `transitions.MachineError` for a move that the table does not have."""

    state: State

    def __init__(self, state: State = State.IDLE) -> None:
        self._machine = Machine(
            model=self,
            states=State,
            initial=state,
            transitions=[{"trigger": move.trigger, "source": move.source, "dest": move.dest} for move in MOVES],
            auto_transitions=False,
        )

    def __deepcopy__(self, memo: dict[int, object]) -> StateMachine:
        return StateMachine(self.state)

    def fire(self, trigger: str) -> State:
        """Make a move; the state it leads to."""
        if trigger not in self._machine.events:
            raise MachineError(f"no such move: {trigger!r}")
        self._machine.events[trigger].trigger(self)
        return self.state


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> IDLE"]
    lines += [f"    {move.source.name} --> {move.dest.name}: {move.when}" for move in MOVES]
    return "\n".join(lines) + "\n"
