"""The simulated rig: a `sim.bench.Bench` behind the four verbs.

Time moves by one period with each exchange and never otherwise. What a rig does by itself is done here as the wire's
contract has it: it latches RF off on its own temperature limit, a thermocouple fault, an open loop, the emergency
stop, a stage fault, a lost return electrode where one is required, and on its watchdog; RF present for 0.1 s while it
should be off is a stage fault, and with the second cut fitted it opens that; a value it cannot carry out is an error,
never clamped.
"""

from __future__ import annotations

import math
from typing import Final

from hal.types import (
    Absence,
    Capability,
    Command,
    HalError,
    NoSample,
    Reply,
    RigConfig,
    RigIdentity,
    RigInfo,
    RigRefused,
    RigTrip,
    Sample,
)
from sim.bench import Bench, Readings

MODEL = "rfgen simulation"
WATCHDOG_MIN_MS = 20
WATCHDOG_MAX_MS = 1000
PUMP_STOPS_AFTER_S = 120.0
"""The rig stops its pump by itself this long after the last exchange."""

ASTRAY_US = 100_000
"""RF present for so long while it should be off is a fault of the output stage."""
PRESENT_W = 0.3
"""Power above this is RF, whatever the stage says of itself."""

ERROR_VALUE = 5

new_record: Final = tuple.__new__
"""Makes a NamedTuple from a tuple, at half the cost of its own constructor; used where one is made every tick."""


class SimulatedHal:
    """A rig made of `sim.bench.Bench`. `sentinel`: the last thermocouple is one. `second_cut`: it can cut RF behind its
    output stage, too: open from boot until RF is first permitted, and from when RF is present for 0.1 s while it should
    be off."""

    def __init__(
        self,
        bench: Bench,
        *,
        sentinel: bool = False,
        return_monitor: bool = False,
        start_switch: bool = False,
        second_cut: bool = False,
        model: str = MODEL,
        serial: str = "none",
    ) -> None:
        spec = bench.spec
        self.bench = bench
        capabilities = Capability.SIMULATION
        for fitted, bit in (
            (spec.pump is not None, Capability.PUMP),
            (spec.meters.phase, Capability.PHASE),
            (return_monitor, Capability.RETURN_MONITOR),
            (start_switch, Capability.START_SWITCH),
            (sentinel, Capability.SENTINEL),
            (spec.stage_temperature, Capability.STAGE_TEMPERATURE),
            (spec.coolant_temperature, Capability.COOLANT_TEMPERATURE),
            (second_cut, Capability.SECOND_CUT),
        ):
            if fitted:
                capabilities |= bit
        self._info = RigInfo(
            identity=RigIdentity(model, serial, "1"),
            simulated=True,
            thermocouples=len(spec.thermocouples),
            capabilities=capabilities,
            boot_count=1,
            watchdog_min_ms=WATCHDOG_MIN_MS,
            watchdog_max_ms=WATCHDOG_MAX_MS,
            max_power_w=spec.stage.max_power_w,
        )
        self._config: RigConfig | None = None
        self._period_us = round(bench.tick_s * 1e6)
        self._watchdog_us = 0
        self._unheard_us = 0
        self._fault_mask = 0
        self._channels: tuple[int, ...] = ()
        self._limit_c = 0.0
        self._power_limit_w = 0.0
        self._return_required = False
        self._now_us = 0
        self._rf_on = False
        self._power_w = 0.0
        self._flow_ml_min = 0.0
        self._trip = 0
        self._watchdog_tripped = False
        self._second_cut = second_cut
        self._astray_us = -1
        """When RF was first present while it should be off; -1 while it is not."""
        self._condemned = False
        """Behind an open cut a stage that leaks without reading back on cannot be seen to have stopped."""
        if second_cut:
            bench.open_cut(at_once=True)
        self._readings: Readings

    def open(self, config: RigConfig) -> RigInfo:
        """HELLO and CONFIGURE in one. RF is off, the pump stops, latched trips whose cause is gone are cleared."""
        self._rf_on = False
        self._power_w = self._flow_ml_min = 0.0
        self._trip = 0
        self._watchdog_tripped = False
        self._config = None
        self._refuse_impossible(config)
        self._config = config
        self._watchdog_us = config.watchdog_ms * 1000
        self._unheard_us = 0
        self._channels = tuple(i for i in range(self._info.thermocouples) if config.channels >> i & 1)
        self._fault_mask = sum(3 << (2 * i) for i in self._channels)
        self._limit_c = config.temperature_limit_c
        self._power_limit_w = config.power_limit_w
        self._return_required = config.return_electrode_required
        return self._info

    def _refuse_impossible(self, config: RigConfig) -> None:
        info = self._info
        problems = []
        if config.period_us != self._period_us:
            problems.append(f"a period of {config.period_us} us: this simulation steps {self._period_us} us")
        least_ms = max(info.watchdog_min_ms, 2 * config.period_us / 1000)
        if not least_ms <= config.watchdog_ms <= info.watchdog_max_ms:
            problems.append(f"a watchdog of {config.watchdog_ms} ms: it takes {least_ms:g}..{info.watchdog_max_ms} ms")
        if not 0.0 < config.power_limit_w <= info.max_power_w:
            problems.append(f"{config.power_limit_w:g} W: its output stage gives {info.max_power_w:g} W")
        if not 0.0 < config.temperature_limit_c <= 150.0:
            problems.append(f"a temperature limit of {config.temperature_limit_c:g} C: it takes up to 150 C")
        if not config.channels & 1 or config.channels >> info.thermocouples:
            problems.append(f"channels {config.channels:#b}: it has {info.thermocouples}, and 0 must be in use")
        if config.return_electrode_required and Capability.RETURN_MONITOR not in info.capabilities:
            problems.append("a return electrode to be watched: it has no monitor for one")
        if problems:
            raise RigRefused("the rig cannot do what was asked: " + "; ".join(problems))

    def exchange(self, command: Command) -> Reply:
        """The sample of the period that has just ended; `command` acts on the next one."""
        if self._config is None:
            raise HalError("exchange before open or after close")
        cause = self._pass_period()
        sample = self._sample(command.tick, cause)
        self._unheard_us = 0
        power_w, flow_ml_min = command.power_w, command.flow_ml_min
        if (
            not 0.0 <= power_w <= self._power_limit_w
            or not 0.0 <= flow_ml_min < math.inf
            or (flow_ml_min > 0.0 and self.bench.spec.pump is None)
        ):
            self._rf_on = False
            return NoSample(command.tick, Absence.RIG_ERROR, ERROR_VALUE)
        self._flow_ml_min = flow_ml_min
        self._power_w = power_w
        if command.rf_on:
            # a cause present when RF is asked for is latched, as one that comes while it is on
            if cause and not self._trip:
                self._trip = cause
            self._rf_on = not self._trip
            if self._rf_on and self._second_cut:
                self.bench.close_cut()
        else:
            self._rf_on = False
        return sample

    def miss(self) -> None:
        """A period in which no request reaches the rig: it goes on with what it was told, and its watchdog counts."""
        self._pass_period()
        self._unheard_us += self._period_us
        if self._rf_on and self._unheard_us >= self._watchdog_us:
            self._rf_on = False
            self._trip = RigTrip.WATCHDOG.value
            self._watchdog_tripped = True
        if self._unheard_us >= PUMP_STOPS_AFTER_S * 1e6:
            self._flow_ml_min = 0.0

    def _pass_period(self) -> int:
        """One period of the bench, and the rig's own watch over it: the cause now present to hold RF off."""
        readings = self._readings = self.bench.step(self._rf_on, self._power_w, self._flow_ml_min)
        self._now_us += self._period_us
        if self._rf_on:
            self._astray_us = -1
        elif readings.rf_on or readings.power_w > PRESENT_W or self._condemned:
            readings = self._readings = self._astray(readings)
        else:
            self._astray_us = -1
        cause = self._cause(readings)
        if cause and self._rf_on:
            self._rf_on = False
            if not self._trip:
                self._trip = cause
        return cause

    def _astray(self, readings: Readings) -> Readings:
        """RF is present while it should be off: for long enough, it is told as a stage fault, and cut a second time."""
        if self._astray_us < 0:
            self._astray_us = self._now_us
        if not self._condemned and self._now_us - self._astray_us < ASTRAY_US:
            return readings
        if self._second_cut and not self.bench.cut_open:
            self.bench.open_cut()
            self._condemned = not readings.rf_on
        return readings._replace(stage_fault=True)

    def _cause(self, readings: Readings) -> int:
        if readings.tc_fault & self._fault_mask:
            return RigTrip.THERMOCOUPLE.value
        temperature_c = readings.temperature_c
        limit_c = self._limit_c
        if not max(temperature_c) <= limit_c and not all(temperature_c[i] <= limit_c for i in self._channels):
            return RigTrip.TEMPERATURE_LIMIT.value
        if not readings.loop_closed:
            return RigTrip.INTERLOCK_LOOP.value
        if readings.estop_pressed:
            return RigTrip.EMERGENCY_STOP.value
        if readings.stage_fault:
            return RigTrip.OUTPUT_STAGE.value
        if self._return_required and not readings.return_attached:
            return RigTrip.RETURN_ELECTRODE.value
        return 0

    def _sample(self, tick: int, cause: int) -> Sample:
        (
            rf_on,
            pump_on,
            loop_closed,
            start_pressed,
            estop_pressed,
            return_attached,
            stage_fault,
            tc_fault,
            power_w,
            voltage_v,
            current_a,
            phase_deg,
            flow_ml_min,
            coolant_c,
            stage_c,
            temperature_c,
        ) = self._readings
        return new_record(
            Sample,
            (
                tick,
                self._now_us,
                rf_on,
                pump_on,
                self._watchdog_tripped,
                loop_closed,
                start_pressed,
                estop_pressed,
                return_attached,
                stage_fault,
                self._trip or cause,
                0,
                tc_fault,
                power_w,
                voltage_v,
                current_a,
                phase_deg,
                flow_ml_min,
                coolant_c,
                stage_c,
                temperature_c,
            ),
        )

    def rf_off(self) -> None:
        """RF off now; the pump and the configuration stay as they are."""
        self._rf_on = False

    def close(self) -> None:
        """RF off, pump off."""
        self._rf_on = False
        self._flow_ml_min = 0.0
        self._config = None
