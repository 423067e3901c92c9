"""A small rig in memory that keeps the protocol: a slewing stage on a resistor, and thermocouples it warms.

Written from the protocol alone and sharing nothing with the simulation, so that what is held against it is
held against the promises and not against one implementation of them.
"""

from __future__ import annotations

import math

from hal import (
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

PERIOD_US = 20_000
NAN = math.nan
NOTHING = Capability(0)
CONFIG = RigConfig(
    watchdog_ms=100,
    period_us=PERIOD_US,
    power_limit_w=20.0,
    temperature_limit_c=97.0,
    channels=0b011,
    return_electrode_required=False,
)
ALL = (
    Capability.PUMP
    | Capability.PHASE
    | Capability.RETURN_MONITOR
    | Capability.START_SWITCH
    | Capability.STAGE_TEMPERATURE
    | Capability.COOLANT_TEMPERATURE
)


class MiniRig:
    """The rig. `exchange` and `miss` let one period pass; nothing else does."""

    slew_w_s = 200.0
    load_ohm = 100.0

    def __init__(self, capabilities: Capability = NOTHING, thermocouples: int = 2) -> None:
        self.info = RigInfo(
            RigIdentity("mini", "7", "1"),
            simulated=True,
            thermocouples=thermocouples,
            capabilities=capabilities | Capability.SIMULATION,
            boot_count=3,
            watchdog_min_ms=20,
            watchdog_max_ms=500,
            max_power_w=50.0,
        )
        self.config: RigConfig | None = None
        self.period_us = PERIOD_US
        self.now_us = 1_000_000
        self.rf_on = False
        self.set_w = 0.0
        self.flow_ml_min = 0.0
        self.stage_w = 0.0
        self.tip_c = 37.0
        self.unheard_us = 0
        self.trip = RigTrip.NONE
        self.obeyed: list[Command] = []
        """Every command that was put into force."""

    def open(self, config: RigConfig) -> RigInfo:
        self.rf_on = False
        self.flow_ml_min = 0.0
        self.trip = RigTrip.NONE
        self.unheard_us = 0
        self.config = None
        if not self.takes(config):
            raise RigRefused(f"it cannot do {config}")
        self.config = config
        self.period_us = config.period_us
        return self.info

    def takes(self, config: RigConfig) -> bool:
        info = self.info
        return (
            config.period_us >= 1000
            and 2 * config.period_us <= 1000 * config.watchdog_ms
            and info.watchdog_min_ms <= config.watchdog_ms <= info.watchdog_max_ms
            and 0.0 < config.power_limit_w <= info.max_power_w
            and 0.0 < config.temperature_limit_c <= 150.0
            and config.channels & 1 == 1
            and config.channels < 1 << info.thermocouples
            and (not config.return_electrode_required or Capability.RETURN_MONITOR in info.capabilities)
        )

    def exchange(self, command: Command) -> Reply:
        if self.config is None:
            raise HalError("exchange outside open..close")
        sample = self.measure(command.tick)
        self.unheard_us = 0
        if not self.accepts(command, self.config):
            self.rf_on = False
            return NoSample(command.tick, Absence.RIG_ERROR, 5)
        self.obey(command)
        return sample

    def accepts(self, command: Command, config: RigConfig) -> bool:
        pump = Capability.PUMP in self.info.capabilities
        return 0.0 <= command.power_w <= config.power_limit_w and (
            0.0 <= command.flow_ml_min < math.inf if pump else command.flow_ml_min == 0.0
        )

    def obey(self, command: Command) -> None:
        self.obeyed.append(command)
        self.set_w = command.power_w
        self.flow_ml_min = command.flow_ml_min
        self.rf_on = command.rf_on and self.trip is RigTrip.NONE

    def miss(self) -> None:
        """A period in which no request came."""
        self.pass_period()
        self.unheard_us += self.period_us
        if self.rf_on and self.config is not None and self.unheard_us >= 1000 * self.config.watchdog_ms:
            self.rf_on = False
            self.trip = RigTrip.WATCHDOG

    def pass_period(self) -> None:
        self.now_us += self.period_us
        most_w = self.stage_w + self.slew_w_s * self.period_us * 1e-6
        self.stage_w = min(self.set_w, most_w) if self.rf_on else 0.0
        self.tip_c += self.period_us * 1e-6 * (0.4 * self.stage_w - 0.2 * (self.tip_c - 37.0))

    def measure(self, tick: int) -> Sample:
        on = self.rf_on
        self.pass_period()
        fitted = self.info.capabilities
        pump = Capability.PUMP in fitted
        return Sample(
            tick=tick,
            rig_time_us=self.now_us,
            rf_on=on,
            pump_on=pump and self.flow_ml_min > 0.0,
            watchdog_tripped=self.trip is RigTrip.WATCHDOG,
            loop_closed=True,
            start_pressed=False,
            estop_pressed=False,
            return_attached=True,
            stage_fault=False,
            rig_trip=int(self.trip),
            bad_frames=0,
            tc_fault=0,
            power_w=self.stage_w,
            voltage_v=math.sqrt(self.stage_w * self.load_ohm),
            current_a=math.sqrt(self.stage_w / self.load_ohm),
            phase_deg=-4.0 if Capability.PHASE in fitted else NAN,
            flow_ml_min=self.flow_ml_min if pump else NAN,
            coolant_c=22.0 if Capability.COOLANT_TEMPERATURE in fitted else NAN,
            stage_c=30.0 if Capability.STAGE_TEMPERATURE in fitted else NAN,
            temperature_c=tuple(37.0 + (self.tip_c - 37.0) / (1 + i) for i in range(self.info.thermocouples)),
        )

    def rf_off(self) -> None:
        self.rf_on = False

    def close(self) -> None:
        self.rf_on = False
        self.flow_ml_min = 0.0
        self.config = None


def on(tick: int, power_w: float = 5.0, flow_ml_min: float = 0.0) -> Command:
    """Radiate."""
    return Command(tick, True, power_w, flow_ml_min)


def off(tick: int) -> Command:
    """Do not."""
    return Command(tick, False, 0.0, 0.0)
