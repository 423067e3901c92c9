"""A run's figures without its recording: what a campaign keeps of every tick. Compiled by `make fast`."""

from __future__ import annotations

import math
from typing import Final

from hal import NoSample, Reply
from rfgen.records import Decision, Event, Truth

OFF_POWER_W: Final = 0.3
"""As in a recording's summary: below this and with RF off, the power meter reads its own noise."""
NONE_YET: Final = -math.inf


class Tally:
    """Stands where a recording would, and keeps figures alone. `names`: of the thermocouples."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.peak_c: list[float] = [NONE_YET] * len(names)
        """The highest reading of each that was a number."""
        self.energy_w = 0.0
        """Of all ticks: times the period, the energy."""
        self.on = 0
        self.events: list[Event] = []
        self._control_c = self._site_c = self._sentinel_c = self._hottest_c = NONE_YET

    @property
    def true_c(self) -> tuple[float, float, float, float]:
        """The highest that was true: control junction, control site, sentinel, hottest tissue; -inf where not known."""
        return self._control_c, self._site_c, self._sentinel_c, self._hottest_c

    def tick(self, reply: Reply, decision: Decision, truth: Truth | None) -> None:
        """One tick."""
        if truth is not None:
            control_c, site_c, sentinel_c, hottest_c, _ = truth
            if control_c > self._control_c:
                self._control_c = control_c
            if site_c > self._site_c:
                self._site_c = site_c
            if sentinel_c > self._sentinel_c:
                self._sentinel_c = sentinel_c
            if hottest_c > self._hottest_c:
                self._hottest_c = hottest_c
        if isinstance(reply, NoSample):
            return
        power_w = reply.power_w
        if reply.rf_on:
            self.on += 1
            if power_w == power_w:
                self.energy_w += power_w
        elif power_w > OFF_POWER_W:
            self.energy_w += power_w
        peak_c = self.peak_c
        place = 0
        for reading_c in reply.temperature_c[: len(peak_c)]:
            if peak_c[place] < reading_c < math.inf:
                peak_c[place] = reading_c
            place += 1  # noqa: SIM113  an enumerate is slower compiled

    def event(self, event: Event) -> None:
        """One event."""
        self.events.append(event)
