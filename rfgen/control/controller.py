"""Control over a whole treatment: check, ramp, hold, step by step. It asks for watts and flow and says when a state has done its work."""

from __future__ import annotations

import copy
from typing import NamedTuple

from rfgen.control.check import ImpedanceCheck, Phase
from rfgen.control.plan import Mode, Plan, Step, Tuning
from rfgen.control.power import PowerLoop, PullBack
from rfgen.control.temperature import TemperatureLoop

ARRIVED_C = 0.5
"""RAMP ends when the reading is this near the target..."""
ARRIVED_S = 0.1
"""...for this long, so that a noisy reading does not end it."""


class Seen(NamedTuple):
    """What control may look at: what a generator sees."""

    control_c: float
    impedance_ohm: float | None
    flow_ml_min: float
    rf_on: bool
    dt_s: float


class Asked(NamedTuple):
    """What control asks for in this tick. `done`: the state it is in has done its work."""

    power_w: float
    flow_ml_min: float
    done: bool


class Controller:
    """One treatment's control. Each method belongs to a state and is called once a tick in it."""

    def __init__(self, plan: Plan, tuning: Tuning) -> None:
        self.plan = plan
        self.tuning = tuning
        self.step_index = 0
        self.check = ImpedanceCheck(tuning, plan.flow_ml_min)
        self._temperature = TemperatureLoop(tuning)
        self._power = PowerLoop(tuning)
        self._pull_back = PullBack(tuning)
        self._by_temperature = plan.mode is Mode.TEMPERATURE
        self._pulls_back = plan.mode is not Mode.POWER
        self._asked_w = 0.0
        self._arrived_s = 0.0
        self.held_s = 0.0
        """Of the present step."""
        self.ramp_c: float | None = None
        """Where the set-point would be had it never waited: what the ramp asks of the tissue."""

    @property
    def step(self) -> Step:
        """The step in progress."""
        return self.plan.steps[self.step_index]

    @property
    def last_step(self) -> bool:
        """No further step follows."""
        return self.step_index + 1 >= len(self.plan.steps)

    @property
    def setpoint_c(self) -> float | None:
        """The set-point now; None in the power modes."""
        return self._temperature.setpoint_c if self._by_temperature else None

    def clone(self) -> Controller:
        """An independent continuation."""
        return copy.deepcopy(self)

    def checking(self, seen: Seen) -> Asked:
        """IMPEDANCE_CHECK. Done in the tick after the verdict was shown to the interlocks."""
        shown = self.check.phase is Phase.VERDICT
        power_w, flow_ml_min = self.check.update(seen.flow_ml_min, seen.impedance_ohm, seen.dt_s)
        self._asked_w = power_w
        return Asked(power_w, flow_ml_min, shown)

    def begin_ramp(self, seen: Seen, first: bool) -> None:
        """Enter RAMP for the present step; not `first`: straight from the hold before it."""
        if not first:
            self.step_index += 1
        step = self.step
        self.held_s = 0.0
        self._arrived_s = 0.0
        self._pull_back.begin()
        start_w = self.tuning.start_power_w if first else None
        if step.target_c is not None:
            self._temperature.begin(
                seen.control_c, step.target_c, step.ramp_c_s or self.tuning.ramp_c_s, start_w
            )
            self.ramp_c = seen.control_c
        elif step.power_w is not None:
            self._power.begin(step.power_w, start_w)

    def ramping(self, seen: Seen) -> Asked:
        """RAMP. Done when the target is reached and stayed with for `ARRIVED_S`."""
        power_w = self._drive(seen)
        target_c = self.step.target_c
        if target_c is None:
            return Asked(power_w, self.plan.flow_ml_min, self._power.arrived)
        if self.ramp_c is not None:
            ahead_c = self.ramp_c + (self.step.ramp_c_s or self.tuning.ramp_c_s) * seen.dt_s
            self.ramp_c = ahead_c if ahead_c < target_c else target_c
        # from below; on a step down the reading is above until it has cooled
        near = -ARRIVED_C <= seen.control_c - target_c <= self.tuning.band_c
        self._arrived_s = self._arrived_s + seen.dt_s if near else 0.0
        return Asked(power_w, self.plan.flow_ml_min, self._arrived_s >= ARRIVED_S)

    def holding(self, seen: Seen) -> Asked:
        """HOLD. Done when the step was held: in band, RF on (power modes: RF on)."""
        power_w = self._drive(seen)
        step = self.step
        if seen.rf_on and (
            step.target_c is None or -self.tuning.band_c <= seen.control_c - step.target_c <= self.tuning.band_c
        ):
            self.held_s += seen.dt_s
        return Asked(power_w, self.plan.flow_ml_min, self.held_s >= step.hold_s)

    def _drive(self, seen: Seen) -> float:
        tuning = self.tuning
        most_w = self.plan.most_w
        impedance_ohm = seen.impedance_ohm
        if impedance_ohm is not None and impedance_ohm > 0.0:
            by_current_w = tuning.max_current_a * tuning.max_current_a * impedance_ohm
            by_voltage_w = tuning.max_voltage_v * tuning.max_voltage_v / impedance_ohm
            if by_current_w < most_w:
                most_w = by_current_w
            if by_voltage_w < most_w:
                most_w = by_voltage_w
        ceiling_w = most_w
        if self._pulls_back:
            ceiling_w = self._pull_back.update(impedance_ohm, self._asked_w, seen.dt_s, most_w)
        if self._by_temperature:
            asked_w = self._temperature.update(seen.control_c, seen.dt_s, ceiling_w)
        else:
            asked_w = self._power.update(seen.dt_s, ceiling_w)
        if asked_w < tuning.sense_power_w:
            asked_w = tuning.sense_power_w
        self._asked_w = asked_w
        return asked_w
