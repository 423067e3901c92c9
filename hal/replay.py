"""A recorded run as a rig: the same replies in the same order, whatever is commanded.

What the firmware decides on them can then be held against what it decided when they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hal.types import Absence, Command, HalError, NoSample, Reply, RigConfig, RigInfo


class ReplayHal:
    """Plays back `replies`, taken one at a time, so that a long recording need not fit in memory.

    `info`: what `open` returns; with several, each `open` returns the next, and the last one again
    thereafter. Raises ValueError for an empty sequence of them.

    A new `open` does not rewind: a recording goes on through the operator's acknowledge. No configuration
    is refused, because no rig is there to judge it.
    """

    def __init__(self, replies: Iterable[Reply], info: RigInfo | Sequence[RigInfo]) -> None:
        # a RigInfo is itself a tuple, so it is asked for first
        infos = (info,) if isinstance(info, RigInfo) else tuple(info)
        if not infos:
            raise ValueError("info is empty; give the RigInfo that `open` is to return")
        self._infos = infos
        self._replies = iter(replies)
        self._is_open = False
        self.commands: list[Command] = []
        """Every command given, in order."""
        self.opens = 0
        """How often it was opened."""
        self.rf_offs = 0
        """How often RF_OFF was sent."""

    def open(self, config: RigConfig) -> RigInfo:
        """The next recorded `RigInfo`; `config` changes nothing."""
        info = self._infos[min(self.opens, len(self._infos) - 1)]
        self.opens += 1
        self._is_open = True
        return info

    def exchange(self, command: Command) -> Reply:
        """The next recorded reply; END_OF_RECORDING when there is none.

        Raises HalError outside open..close.
        """
        if not self._is_open:
            raise HalError("exchange before open or after close: open the recording first")
        self.commands.append(command)
        reply = next(self._replies, None)
        return NoSample(command.tick, Absence.END_OF_RECORDING) if reply is None else reply

    def rf_off(self) -> None:
        """Counted; there is no RF to switch off."""
        self.rf_offs += 1

    def close(self) -> None:
        """No further exchange until the next `open`."""
        self._is_open = False
