"""What a served rig's protocol drives: any `Hal`, in lock-step with the requests or in real time.

The protocol (`hal.serveprotocol`) knows requests, links and latches; these know how time passes behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

from hal.protocol import Hal
from hal.types import Command, RigConfig, Sample

STUCK_US = 100_000
"""RF present for this long while it should be off is a fault of the output stage."""
PRESENT_W = 0.3
"""Delivered power above this is RF, whatever the stage says of itself."""


class Works(Protocol):
    """The rig behind its protocol. `now_us`: the rig's clock, never going back."""

    def idle(self) -> None:
        """RF off, pump off, no configuration."""

    def configure(self, config: RigConfig) -> None:
        """Put a configuration in force, RF off; the pump goes on. Raises RigRefused."""

    def advance(self, until_us: int) -> Iterator[Sample]:
        """Let time pass under the command in force: what is read on the way, for the rig's own watch."""

    def exchange(self, command: Command, now_us: int) -> Sample | None:
        """The interval since the last sample, and a new command in force; None where nothing could be read."""

    def rf_off(self) -> Sample | None:
        """RF off now; what reads back, None where nothing has been read yet."""

    def pump_off(self) -> None:
        """The pump stops."""

    def close(self) -> None:
        """RF off, and give back what is behind."""


class LockStepWorks:
    """Time passes by one period with each exchange, and never otherwise: a run over the line is then the run in
    process. What the rig does by itself is left to the `Hal`. A watchdog has no time to fire in."""

    def __init__(self, hal: Hal) -> None:
        self._hal = hal
        self._was_on = False
        self._last: Sample | None = None

    def idle(self) -> None:
        self._was_on = False
        self._hal.close()

    def configure(self, config: RigConfig) -> None:
        self._was_on = False
        self._hal.open(config)

    def advance(self, until_us: int) -> Iterator[Sample]:
        return iter(())

    def exchange(self, command: Command, now_us: int) -> Sample | None:
        reply = self._hal.exchange(command)
        self._was_on = command.rf_on
        self._last = reply if isinstance(reply, Sample) else None
        return self._last

    def rf_off(self) -> Sample | None:
        self._hal.rf_off()
        if self._last is not None and self._was_on:
            self._last = self._last._replace(rf_on=False)  # on by command, and no more; a stuck stage stays on
        self._was_on = False
        return self._last

    def pump_off(self) -> None:
        """Nothing: its 120 s do not pass between exchanges."""

    def close(self) -> None:
        self._hal.close()


class RealTimeWorks:
    """Steps a `Hal` whose time moves with its exchanges, in steps of `step_us`, as the clock it is given moves.

    A sample is the mean power and the RMS voltage and current of the steps since the last one, and the rest as the
    last step has it. An exchange ends its interval with a step of its own, and so does RF_OFF, for what reads back:
    the steps may be ahead of the clock by one or two, never by more.

    `config`: one that the `Hal` takes, in force while no host has configured it; its period is `step_us`.
    """

    def __init__(self, hal: Hal, config: RigConfig, step_us: int) -> None:
        self._hal = hal
        self._base = config._replace(period_us=step_us)
        self._step_us = step_us
        self._at_us = self._clock_us = 0
        self._shown_us = -1
        self._steps = 0
        self._off_us = 0
        self._driven = False
        """RF is commanded on over the step to come."""
        self._command = Command(0, False, 0.0, 0.0)
        self._last: Sample | None = None
        self._begin()
        self._hal.open(self._base)

    def idle(self) -> None:
        self._command = Command(0, False, 0.0, 0.0)
        self._begin()
        self._open(self._base)

    def configure(self, config: RigConfig) -> None:
        self._command = self._command._replace(rf_on=False, power_w=0.0)
        self._open(config._replace(period_us=self._step_us))

    def advance(self, until_us: int) -> Iterator[Sample]:
        self._clock_us = max(self._clock_us, until_us)
        while self._at_us + self._step_us <= until_us:
            sample = self._step()
            if sample is not None:
                yield sample

    def exchange(self, command: Command, now_us: int) -> Sample | None:
        self._command = command
        if self._at_us <= now_us:
            self._step()
        elif not command.rf_on:  # no step left to carry the command down, and off is not to wait
            self._hal.rf_off()
            self._driven = False
        last, count = self._last, self._count
        if last is None:
            return None
        self._shown_us = max(now_us, self._shown_us + 1)
        told = last._replace(tick=command.tick, rig_time_us=self._shown_us)
        if count:
            told = told._replace(
                power_w=self._sum_w / count,
                voltage_v=math.sqrt(self._sum_v2 / count),
                current_a=math.sqrt(self._sum_a2 / count),
            )
        self._begin()
        return told

    def rf_off(self) -> Sample | None:
        self._command = self._command._replace(rf_on=False, power_w=0.0)
        self._hal.rf_off()
        self._driven = False
        if self._at_us <= self._clock_us + self._step_us:
            self._step()  # what reads back is read, not assumed
        return self._last

    def pump_off(self) -> None:
        self._command = self._command._replace(flow_ml_min=0.0)

    def close(self) -> None:
        self._hal.close()

    def _open(self, config: RigConfig) -> None:
        self._hal.open(config)
        self._driven = False
        if self._last is not None:  # what it latched before is not latched any more
            self._last = self._last._replace(rig_trip=0, watchdog_tripped=False)

    def _begin(self) -> None:
        """A new interval."""
        self._count = 0
        self._sum_w = self._sum_v2 = self._sum_a2 = 0.0

    def _step(self) -> Sample | None:
        """One step under the command before; the one now in force acts on the next."""
        self._steps += 1
        self._at_us += self._step_us
        reply = self._hal.exchange(self._command._replace(tick=self._steps % 2**32))
        if not isinstance(reply, Sample):
            self._hal.rf_off()
            self._last = None
            return None
        self._count += 1
        self._sum_w += reply.power_w
        self._sum_v2 += reply.voltage_v**2
        self._sum_a2 += reply.current_a**2
        present = reply.rf_on or reply.power_w > PRESENT_W
        self._off_us = self._off_us + self._step_us if present and not self._driven else 0
        self._driven = self._command.rf_on
        if self._off_us >= STUCK_US:
            reply = reply._replace(stage_fault=True)
        self._last = reply
        return reply
