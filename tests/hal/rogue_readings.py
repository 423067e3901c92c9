"""Rigs whose samples, or whose description of themselves, break one promise each."""

from __future__ import annotations

import math

from minirig import ALL, PERIOD_US, MiniRig

from hal import Capability, Command, Reply, RigIdentity, Sample, TcFault


class RepeatsSamples(MiniRig):
    """Every fifth sample is the one before it, under the new tick."""

    count = 0
    last: Sample | None = None

    def exchange(self, command: Command) -> Reply:
        reply = super().exchange(command)
        self.count += 1
        if isinstance(reply, Sample):
            if self.count % 5 == 0 and self.last is not None:
                return self.last._replace(tick=command.tick)
            self.last = reply
        return reply


class ClockStandsAfterRfOff(MiniRig):
    def rf_off(self) -> None:
        super().rf_off()
        self.now_us -= PERIOD_US


class ClockRunsFast(MiniRig):
    def pass_period(self) -> None:
        super().pass_period()
        self.now_us += 1_000


class ClockCountsMilliseconds(MiniRig):
    def measure(self, tick: int) -> Sample:
        sample = super().measure(tick)
        return sample._replace(rig_time_us=sample.rig_time_us // 1000)


class LacksATemperature(MiniRig):
    def measure(self, tick: int) -> Sample:
        sample = super().measure(tick)
        return sample._replace(temperature_c=sample.temperature_c[:-1])


class NanOnAGoodChannel(MiniRig):
    def measure(self, tick: int) -> Sample:
        sample = super().measure(tick)
        return sample._replace(temperature_c=(math.nan, *sample.temperature_c[1:]))


class NumberOnAnOpenChannel(MiniRig):
    def measure(self, tick: int) -> Sample:
        return super().measure(tick)._replace(tc_fault=TcFault.OPEN << 2)


class FaultOfAChannelItLacks(MiniRig):
    def measure(self, tick: int) -> Sample:
        return super().measure(tick)._replace(tc_fault=TcFault.OPEN << 4)


class ClaimsPhaseAndHasNone(MiniRig):
    def __init__(self) -> None:
        super().__init__(ALL)

    def measure(self, tick: int) -> Sample:
        return super().measure(tick)._replace(phase_deg=math.nan)


class FlowWithoutPump(MiniRig):
    def measure(self, tick: int) -> Sample:
        return super().measure(tick)._replace(flow_ml_min=0.0)


class PressedWithoutSwitch(MiniRig):
    def measure(self, tick: int) -> Sample:
        return super().measure(tick)._replace(start_pressed=True)


class NineThermocouples(MiniRig):
    def __init__(self) -> None:
        super().__init__(thermocouples=9)


class HidesThatItIsASimulation(MiniRig):
    def __init__(self) -> None:
        super().__init__(Capability.SIMULATION)
        self.info = self.info._replace(simulated=False, identity=RigIdentity("real", "1", "1"))
