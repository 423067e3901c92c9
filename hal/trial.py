"""A check of a backend: what it is tried with, and what comes of it. The checks: `hal.conformance`."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from hal.protocol import Hal
from hal.types import Command, NoSample, Reply, RigConfig, RigInfo, RigTrip, Sample

TEST_POWER_W = 5.0
"""Asked for where any power will do; half the limit where that is less."""
SETTLE_S = 1.0
"""Power has followed the command by then."""

MakeHal = Callable[[], Hal]
Pace = Callable[[], None]
Radiating = Callable[[Hal], bool]


def at_once() -> None:
    """The pace of a rig whose time moves with its exchanges."""


class Trial:
    """One backend object, made for one check, with its ticks counted. A complaint is an AssertionError."""

    def __init__(self, hal: Hal, config: RigConfig, pace: Pace, radiating: Radiating | None) -> None:
        self.hal = hal
        self.config = config
        self._pace = pace
        self._radiating = radiating
        self._tick = 0
        self.test_w = min(TEST_POWER_W, 0.5 * config.power_limit_w)
        self.settle_ticks = max(3, math.ceil(SETTLE_S * 1e6 / config.period_us))

    def open(self) -> RigInfo:
        """Open with the configuration that the rig is known to take."""
        return self.hal.open(self.config)

    def close(self) -> None:
        """Close; that never fails."""
        try:
            self.hal.close()
        except Exception as error:
            raise AssertionError(f"close raised {type(error).__name__}: {error}") from error

    def exchange(self, command: Command) -> Reply:
        """One paced tick. The tick number may be any: it is echoed, not counted."""
        self._pace()
        try:
            reply = self.hal.exchange(command)
        except Exception as error:
            raise AssertionError(
                f"exchange raised {type(error).__name__}: {error}; between open and close it returns a reply"
            ) from error
        say(isinstance(reply, Sample | NoSample), f"exchange returned {reply!r}")
        return reply

    def reply(self, rf_on: bool, power_w: float = 0.0, flow_ml_min: float = 0.0) -> Reply:
        """The next tick's reply."""
        self._tick += 1
        return self.exchange(Command(self._tick, rf_on, power_w, flow_ml_min))

    def sample(self, rf_on: bool, power_w: float = 0.0) -> Sample:
        """The next tick's sample."""
        reply = self.reply(rf_on, power_w)
        if not isinstance(reply, Sample):
            why = f"{reply.reason.value}, error {reply.error_code}"
            raise AssertionError(f"tick {self._tick} has no sample: {why}")
        return reply

    def off(self) -> Sample:
        """One tick with the off key."""
        return self.sample(False)

    def on(self, power_w: float | None = None) -> Sample:
        """One tick with the on key."""
        return self.sample(True, self.test_w if power_w is None else power_w)

    def radiate(self) -> None:
        """Bring RF on, and see that it is."""
        self.on()
        sample = self.on()
        say(sample.rf_on, f"RF commanded on reads back off a tick later{held_off(sample)}")

    def say_off(self, sample: Sample, when: str) -> None:
        """The interval of this sample was one without RF."""
        say(not sample.rf_on, f"{when}, RF reads back on")

    def look(self, when: str) -> None:
        """An independent look at the output, where there is one."""
        if self._radiating is not None:
            say(not self._radiating(self.hal), f"{when}, the rig radiates")


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, and the function that tries it."""

    name: str
    promise: str
    function: Callable[[Trial], None]

    def run(
        self, make: MakeHal, config: RigConfig, *, pace: Pace = at_once, radiating: Radiating | None = None
    ) -> None:
        """Try it on a backend of its own, which is closed in any case.

        `config`: one that the rig takes. `pace`: returns when the next exchange is due, once a period.
        `radiating`: an independent look at the output of what `make` made (a meter, a simulation's load);
        without it, whether RF is off after `close` shows only in what the next `open` finds.

        Raises AssertionError with what was seen; HalError where the rig is not there to be tried.
        """
        hal = make()
        trial = Trial(hal, config, pace, radiating)
        try:
            self.function(trial)
        except BaseException:
            with contextlib.suppress(Exception):  # what went wrong first is what is told
                hal.close()
            raise
        trial.close()


class Verdict(NamedTuple):
    """What came of one check."""

    name: str
    promise: str
    broken: str | None
    """What was seen instead; None where the promise was kept."""


def say(kept: bool, otherwise: str) -> None:
    """Raise AssertionError, also where Python leaves `assert` out."""
    if not kept:
        raise AssertionError(otherwise)


def held_off(sample: Sample) -> str:
    """Why the rig holds RF off, where it says so."""
    if not sample.rig_trip:
        return ""
    known = sample.rig_trip in RigTrip.__members__.values()
    return f": the rig holds it off ({RigTrip(sample.rig_trip).name if known else sample.rig_trip})"
