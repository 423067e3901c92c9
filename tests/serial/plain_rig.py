"""A rig behind the four verbs that costs next to nothing: an ohmic load at 30 C that takes what it is told to."""

from __future__ import annotations

import math
from collections.abc import Callable

from hal import Capability, Command, Reply, RigConfig, RigIdentity, RigInfo, Sample
from hal.serveprotocol import RigProtocol
from hal.serveworks import RealTimeWorks

INFO = RigInfo(RigIdentity("plain", "1", "1"), True, 2, Capability.SIMULATION, 7, 20, 1000, 8.0)


class PlainHal:
    """Two thermocouples, 100 ohm; a pump or a faulty second thermocouple where it is told so."""

    def __init__(self, pump: bool = False, faulty: bool = False) -> None:
        self._pump = pump
        self._faulty = faulty
        self._now_us = 0
        self._command = Command(0, False, 0.0, 0.0)
        self._step_us = 1000

    def open(self, config: RigConfig) -> RigInfo:
        self._command = Command(0, False, 0.0, 0.0)
        self._step_us = config.period_us
        return INFO

    def exchange(self, command: Command) -> Reply:
        self._now_us += self._step_us
        on = self._command.rf_on
        power_w = self._command.power_w if on else 0.0
        nan = math.nan
        flow = self._command.flow_ml_min if self._pump else nan
        self._command = command
        volt = math.sqrt(100.0 * power_w)
        flags = (on, flow > 0.0, False, True, False, False, True, False)
        return Sample(
            command.tick, self._now_us, *flags, 0, 0, 0b0100 if self._faulty else 0, power_w, volt, volt / 100.0,
            nan, flow, nan, nan, (30.0, nan if self._faulty else 30.5),
        )  # fmt: skip

    def rf_off(self) -> None:
        self._command = self._command._replace(rf_on=False, power_w=0.0)

    def close(self) -> None:
        self._command = Command(0, False, 0.0, 0.0)


def plain_protocol(
    make: Callable[..., RigProtocol] = RigProtocol, *, pump: bool = False, faulty: bool = False, step_us: int = 1000
) -> RigProtocol:
    """Its protocol, in real time."""
    config = RigConfig(200, 1000, 8.0, 112.0, 0b11, False)
    info = INFO._replace(capabilities=INFO.capabilities | Capability.PUMP) if pump else INFO
    return make(RealTimeWorks(PlainHal(pump, faulty), config, step_us), info)
