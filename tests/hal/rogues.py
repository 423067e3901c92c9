"""Rigs that each break one promise, for the conformance suite to catch."""

from __future__ import annotations

import math
from collections import deque

from minirig import CONFIG, MiniRig
from rogue_readings import (
    ClaimsPhaseAndHasNone,
    ClockCountsMilliseconds,
    ClockRunsFast,
    ClockStandsAfterRfOff,
    FaultOfAChannelItLacks,
    FlowWithoutPump,
    HidesThatItIsASimulation,
    LacksATemperature,
    NanOnAGoodChannel,
    NineThermocouples,
    NumberOnAnOpenChannel,
    PressedWithoutSwitch,
    RepeatsSamples,
)

from hal import (
    Absence,
    Command,
    HalError,
    NoSample,
    Reply,
    RigConfig,
    RigInfo,
    RigRefused,
    Sample,
)


class CloseLeavesRfOn(MiniRig):
    def close(self) -> None:
        self.config = None


class CloseAndOpenLeaveRfOn(CloseLeavesRfOn):
    def open(self, config: RigConfig) -> RigInfo:
        was_on = self.rf_on
        info = super().open(config)
        self.rf_on = was_on
        return info


class OpenLeavesRfOn(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        was_on = self.rf_on
        info = super().open(config)
        self.rf_on = was_on
        return info


class OpenSwitchesRfOn(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        info = super().open(config)
        self.rf_on, self.set_w = True, 1.0
        return info


class LeaksPowerWhenOff(MiniRig):
    """Reads back off, and delivers a watt."""

    def exchange(self, command: Command) -> Reply:
        reply = super().exchange(command)
        return reply._replace(power_w=max(1.0, reply.power_w)) if isinstance(reply, Sample) else reply


class CloseTwiceRaises(MiniRig):
    def close(self) -> None:
        if self.config is None:
            raise HalError("closed already")
        super().close()


class BootsAtEveryOpen(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        self.info = self.info._replace(boot_count=self.info.boot_count + 1)
        return super().open(config)


class ClockRestartsAtOpen(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        self.now_us = 0
        return super().open(config)


class AnswersWhenClosed(MiniRig):
    def exchange(self, command: Command) -> Reply:
        return self.measure(command.tick) if self.config is None else super().exchange(command)


class RaisesAnotherErrorWhenClosed(MiniRig):
    def exchange(self, command: Command) -> Reply:
        if self.config is None:
            raise ValueError("closed")
        return super().exchange(command)


class RaisesInsteadOfError(MiniRig):
    """A refused value comes as an exception, not as an absence."""

    def exchange(self, command: Command) -> Reply:
        reply = super().exchange(command)
        if isinstance(reply, NoSample):
            raise HalError("ERROR 5")
        return reply


class TakesAnyConfig(MiniRig):
    def takes(self, config: RigConfig) -> bool:
        return True


class TakesAnyWatchdog(MiniRig):
    def takes(self, config: RigConfig) -> bool:
        return super().takes(config._replace(watchdog_ms=CONFIG.watchdog_ms))


class TakesNanLimits(MiniRig):
    def takes(self, config: RigConfig) -> bool:
        limit_c = config.temperature_limit_c
        return super().takes(config._replace(temperature_limit_c=90.0 if math.isnan(limit_c) else limit_c))


class RaisesAnotherErrorForConfig(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        if not self.takes(config):
            raise ValueError("cannot")
        return super().open(config)


class RefusesWithRfOn(MiniRig):
    def open(self, config: RigConfig) -> RigInfo:
        try:
            return super().open(config)
        except RigRefused:
            self.rf_on = True
            raise


class EchoesItsOwnCount(MiniRig):
    count = -1

    def exchange(self, command: Command) -> Reply:
        self.count += 1
        return super().exchange(command)._replace(tick=self.count)


class HasNoFirstSample(MiniRig):
    fresh = True

    def exchange(self, command: Command) -> Reply:
        reply = super().exchange(command)
        if self.fresh:
            self.fresh = False
            return NoSample(command.tick, Absence.TIMEOUT)
        return reply


class OneTickEarly(MiniRig):
    """The command acts on the interval of its own sample."""

    def exchange(self, command: Command) -> Reply:
        if self.config is not None and self.accepts(command, self.config):
            self.obey(command)
        return super().exchange(command)


class TwoTicksLate(MiniRig):
    """The command waits for a further exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[Command] = deque()

    def obey(self, command: Command) -> None:
        self.waiting.append(command)
        if len(self.waiting) > 1:
            super().obey(self.waiting.popleft())


class ReadsBackTheCommand(MiniRig):
    """`rf_on` is what was asked, not what the stage does."""

    def exchange(self, command: Command) -> Reply:
        reply = super().exchange(command)
        return reply._replace(rf_on=command.rf_on) if isinstance(reply, Sample) else reply


class LateToGoOff(MiniRig):
    """On at once, off only with the second off key."""

    offs = 0

    def obey(self, command: Command) -> None:
        self.offs = 0 if command.rf_on else self.offs + 1
        super().obey(command._replace(rf_on=command.rf_on or (self.offs < 2 and self.rf_on)))


class NeverGetsThere(MiniRig):
    """The stage delivers 60 % of what is asked."""

    def obey(self, command: Command) -> None:
        super().obey(command._replace(power_w=0.6 * command.power_w))


class NeverComesDown(MiniRig):
    def obey(self, command: Command) -> None:
        super().obey(command._replace(power_w=max(self.set_w, command.power_w)))


class PowerIsTheKey(MiniRig):
    """Radiates whenever a power is asked for."""

    def obey(self, command: Command) -> None:
        super().obey(command._replace(rf_on=command.power_w > 0.0))


class OvershootsTheLimit(MiniRig):
    """Close to its limit the stage runs away."""

    def measure(self, tick: int) -> Sample:
        sample = super().measure(tick)
        return sample._replace(power_w=30.0) if sample.power_w > 19.0 else sample


class ObeysAnyPower(MiniRig):
    def accepts(self, command: Command, config: RigConfig) -> bool:
        return True


class ClampsInSilence(MiniRig):
    def exchange(self, command: Command) -> Reply:
        if self.config is not None and command.power_w > self.config.power_limit_w:
            command = command._replace(power_w=self.config.power_limit_w)
        return super().exchange(command)


class ObeysFlowWithoutPump(MiniRig):
    def accepts(self, command: Command, config: RigConfig) -> bool:
        return super().accepts(command._replace(flow_ml_min=0.0), config)


class ErrorLeavesRfOn(MiniRig):
    def exchange(self, command: Command) -> Reply:
        was_on = self.rf_on
        reply = super().exchange(command)
        if isinstance(reply, NoSample):
            self.rf_on = was_on
        return reply


class IgnoresRfOff(MiniRig):
    def rf_off(self) -> None:
        pass


class RfOffWaitsForTheNextTick(MiniRig):
    owed = False

    def rf_off(self) -> None:
        self.owed = True

    def measure(self, tick: int) -> Sample:
        sample = super().measure(tick)
        if self.owed:
            self.rf_on = self.owed = False
        return sample


class RfOffTwiceIsOn(MiniRig):
    """A toggle where a switch should be."""

    def rf_off(self) -> None:
        self.rf_on = not self.rf_on


class RfOffNeedsOpen(MiniRig):
    def rf_off(self) -> None:
        if self.config is None:
            raise HalError("not open")
        super().rf_off()


class LacksRfOff(MiniRig):
    rf_off = None  # type: ignore[assignment]


ROGUES: dict[type[MiniRig], set[str]] = {
    CloseLeavesRfOn: {"close_switches_rf_off"},
    CloseAndOpenLeaveRfOn: {"close_switches_rf_off", "opens_again_with_rf_off"},
    OpenLeavesRfOn: {"opens_again_with_rf_off"},
    OpenSwitchesRfOn: {
        "opens_with_rf_off",
        "opens_again_with_rf_off",
        "close_switches_rf_off",
        "refuses_the_impossible",
        "off_key_is_off",
        "rf_off_in_any_state",
    },
    LeaksPowerWhenOff: {"opens_with_rf_off", "power_follows", "off_key_is_off", "rf_off_at_once"},
    CloseTwiceRaises: {"four_verbs", "close_switches_rf_off", "exchange_needs_open", "rf_off_in_any_state"},
    BootsAtEveryOpen: {"opens_again_with_rf_off"},
    ClockRestartsAtOpen: {"never_the_same_sample_twice"},
    AnswersWhenClosed: {"exchange_needs_open"},
    RaisesAnotherErrorWhenClosed: {"exchange_needs_open"},
    RaisesInsteadOfError: {"refuses_bad_values", "power_stays_below_the_limit"},
    TakesAnyConfig: {"refuses_the_impossible"},
    TakesAnyWatchdog: {"refuses_the_impossible"},
    TakesNanLimits: {"refuses_the_impossible"},
    RaisesAnotherErrorForConfig: {"refuses_the_impossible"},
    RefusesWithRfOn: {"refuses_the_impossible"},
    EchoesItsOwnCount: {"echoes_the_tick"},
    OneTickEarly: {"one_tick_of_delay", "opens_again_with_rf_off"},
    TwoTicksLate: {
        "one_tick_of_delay",
        "opens_again_with_rf_off",
        "close_switches_rf_off",
        "refuses_bad_values",
        "rf_off_at_once",
        "only_what_is_claimed",
    },
    ReadsBackTheCommand: {"one_tick_of_delay", "opens_again_with_rf_off"},
    LateToGoOff: {"one_tick_of_delay"},
    NeverGetsThere: {"power_follows"},
    NeverComesDown: {"power_follows"},
    PowerIsTheKey: {"off_key_is_off"},
    OvershootsTheLimit: {"power_stays_below_the_limit"},
    ObeysAnyPower: {"power_stays_below_the_limit", "refuses_bad_values"},
    ClampsInSilence: {"refuses_bad_values"},
    ObeysFlowWithoutPump: {"refuses_bad_values"},
    ErrorLeavesRfOn: {"refuses_bad_values"},
    IgnoresRfOff: {"rf_off_at_once"},
    RfOffWaitsForTheNextTick: {"rf_off_at_once"},
    RfOffTwiceIsOn: {"rf_off_at_once", "rf_off_in_any_state"},
    RfOffNeedsOpen: {"rf_off_in_any_state"},
    RepeatsSamples: {
        "never_the_same_sample_twice",
        "time_advances_by_the_period",
        "one_tick_of_delay",
        "refuses_bad_values",
    },
    ClockStandsAfterRfOff: {"never_the_same_sample_twice"},
    ClockRunsFast: {"time_advances_by_the_period"},
    ClockCountsMilliseconds: {"time_advances_by_the_period"},
    LacksATemperature: {"temperatures_by_channel"},
    NanOnAGoodChannel: {"temperatures_by_channel"},
    NumberOnAnOpenChannel: {"temperatures_by_channel"},
    FaultOfAChannelItLacks: {"temperatures_by_channel"},
    ClaimsPhaseAndHasNone: {"only_what_is_claimed"},
    FlowWithoutPump: {"only_what_is_claimed"},
    PressedWithoutSwitch: {"only_what_is_claimed"},
    NineThermocouples: {"info_is_possible"},
    HidesThatItIsASimulation: {"info_is_possible"},
    LacksRfOff: {"four_verbs", "rf_off_at_once", "rf_off_in_any_state", "never_the_same_sample_twice"},
}
"""Each rogue, and exactly the checks that it fails."""

NEED_A_LOOK = {CloseLeavesRfOn, RefusesWithRfOn}
"""What these do shows only in an independent look at the output: their next `open` covers it up."""
