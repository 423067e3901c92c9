"""What every backend can do: four verbs.

A backend MUST
- answer `exchange` with the sample of the interval that has just ended, and put the command into
  force for the next one: one tick of delay, on every backend;
- return `NoSample` for a tick that has no sample; never repeat or invent one;
- obey `rf_off` at once, in any state (also before `open` and after `close`), any number of times;
- switch RF off first in `close`, on every path, and tolerate `close` twice;
- start from RF off after every `open`, whatever went before.

A backend MIGHT raise `HalError` from `open`. `exchange` raises only if called outside open..close
(`HalError`); a line that dies is an absence, not an exception.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hal.types import Command, Reply, RigConfig, RigInfo


@runtime_checkable
class Hal(Protocol):
    """A rig, whatever it is made of."""

    def open(self, config: RigConfig) -> RigInfo:
        """Link to the rig and configure it; called again, link anew (the operator's acknowledge).

        Raises `RigRefused` or `RigUnavailable`; RF is off either way.
        """

    def exchange(self, command: Command) -> Reply:
        """One control tick: the command goes down, the sample of the interval just ended comes up."""

    def rf_off(self) -> None:
        """Switch RF off now, without waiting for the next exchange. Harmless to repeat."""

    def close(self) -> None:
        """RF off, then give the rig back. Harmless to repeat."""
