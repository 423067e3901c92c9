"""A replay compares every field of every decision, to the bit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import Command
from rfgen.records import Decision, State
from rfgen.replaying import compare

NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, math.nan])
MASKS = st.integers(0, 2**48 - 1)
VALUES = {
    "command.tick": st.integers(0, 2**32 - 1),
    "command.rf_on": st.booleans(),
    "command.power_w": NUMBERS,
    "command.flow_ml_min": NUMBERS,
    "rf_off": st.booleans(),
    "state": st.sampled_from(list(State)),
    "step": st.integers(0, 20),
    "asked_w": NUMBERS,
    "setpoint_c": NUMBERS,
    "target_c": NUMBERS,
    "violated": MASKS,
    "tripped": MASKS,
}
DECISIONS = st.builds(
    Decision,
    st.builds(Command, *(VALUES[f"command.{name}"] for name in Command._fields)),
    *(VALUES[name] for name in Decision._fields[1:]),
)


def bits(value: object) -> str:
    """The value to the bit, but for which NaN it is."""
    return value.hex() if isinstance(value, float) else repr(value)


def test_every_field_is_here() -> None:
    assert set(VALUES) == {f"command.{name}" for name in Command._fields} | set(Decision._fields) - {"command"}


@pytest.mark.parametrize("name", VALUES)
@settings(max_examples=20, deadline=None)
@given(decision=DECISIONS, data=st.data())
def test_one_field_that_is_another_is_named(name: str, decision: Decision, data: st.DataObject) -> None:
    assert compare(7, decision, Decision(*decision)) is None
    value = data.draw(VALUES[name])
    if name.startswith("command."):
        field = name.removeprefix("command.")
        was = getattr(decision.command, field)
        other = decision._replace(command=decision.command._replace(**{field: value}))
    else:
        was = getattr(decision, name)
        other = decision._replace(**{name: value})
    found = compare(7, decision, other)
    if bits(was) == bits(value):
        assert found is None
    else:
        assert found is not None
        assert (found.tick, found.field, bits(found.recorded), bits(found.now)) == (7, name, bits(was), bits(value))
