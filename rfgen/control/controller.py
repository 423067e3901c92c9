"""Control over a whole treatment: check, ramp, hold, step by step. It asks for watts and flow and says when a state
has done its work.

It sees what a generator sees: the control thermocouple, the impedance, the coolant flow, and whether RF reads back on.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from rfgen.control.check import ImpedanceCheck, Phase
from rfgen.control.plan import Mode, Plan, Step, Tuning
from rfgen.control.power import PowerLoop, PullBack
from rfgen.control.temperature import TemperatureLoop

ARRIVED_C = 0.5
"""RAMP ends when the reading is this near the target..."""
ARRIVED_S = 0.1
"""...for this long, so that a noisy reading does not end it."""


@mypyc_attr(allow_interpreted_subclasses=True)  # the scenario's defective one
class Controller:
    """One treatment's control. `checking`, `ramping` and `holding` belong to a state each: called once a tick in
    it, they set what is asked for and say whether the state has done its work."""

    def __init__(self, plan: Plan, tuning: Tuning, tick_s: float) -> None:
        self.plan = plan
        self.tuning = tuning
        self.step_index = 0
        self.step: Step = plan.steps[0]
        self.check = ImpedanceCheck(tuning, plan.flow_ml_min)
        self.asked_w = 0.0
        self.asked_flow_ml_min = 0.0
        self.held_s = 0.0
        """Of the present step."""
        self.ramp_c: float | None = None
        """Where the set-point would be had it never waited: what the ramp asks of the tissue."""
        self.tick_s = tick_s
        self._temperature = TemperatureLoop(tuning)
        self._power = PowerLoop(tuning)
        self._pull_back = PullBack(tuning)
        self._by_temperature = plan.mode is Mode.TEMPERATURE
        self._pulls_back = plan.mode is not Mode.POWER
        self._arrived_s = 0.0
        self._volt2 = tuning.max_voltage_v * tuning.max_voltage_v
        self._ampere2 = tuning.max_current_a * tuning.max_current_a

    @property
    def last_step(self) -> bool:
        """No further step follows."""
        return self.step_index + 1 >= len(self.plan.steps)

    @property
    def setpoint_c(self) -> float:
        """The set-point now; it means something in temperature mode alone."""
        return self._temperature.setpoint_c

    def checking(self, flow_ml_min: float, impedance_ohm: float | None) -> bool:
        """IMPEDANCE_CHECK. Done in the tick after the verdict was shown to the interlocks."""
        shown = self.check.phase is Phase.VERDICT
        self.asked_w, self.asked_flow_ml_min = self.check.update(flow_ml_min, impedance_ohm, self.tick_s)
        return shown

    def begin_ramp(self, control_c: float, first: bool) -> None:
        """Enter RAMP for the first step, or for the next straight from the hold before it."""
        if not first:
            self.step_index += 1
            self.step = self.plan.steps[self.step_index]
        step = self.step
        self.held_s = 0.0
        self._arrived_s = 0.0
        self._pull_back.begin()
        start_w = self.tuning.start_power_w if first else None
        if step.target_c is not None:
            self._temperature.begin(control_c, step.target_c, step.ramp_c_s or self.tuning.ramp_c_s, start_w)
            self.ramp_c = control_c
        elif step.power_w is not None:
            self._power.begin(step.power_w, start_w)

    def ramping(self, control_c: float, impedance_ohm: float | None) -> bool:
        """RAMP. Done when the target is reached and stayed with for `ARRIVED_S`."""
        self._drive(control_c, impedance_ohm)
        step = self.step
        target_c = step.target_c
        if target_c is None:
            return self._power.arrived
        if self.ramp_c is not None:
            ahead_c = self.ramp_c + (step.ramp_c_s or self.tuning.ramp_c_s) * self.tick_s
            self.ramp_c = ahead_c if ahead_c < target_c else target_c
        # from below; on a step down the reading is above until it has cooled
        near = -ARRIVED_C <= control_c - target_c <= self.tuning.band_c
        self._arrived_s = self._arrived_s + self.tick_s if near else 0.0
        return self._arrived_s >= ARRIVED_S

    def holding(self, control_c: float, impedance_ohm: float | None, rf_on: bool) -> bool:
        """HOLD. Done when the step was held: in band with RF on; in the power modes, with RF on."""
        self._drive(control_c, impedance_ohm)
        step = self.step
        if rf_on:
            band_c = self.tuning.band_c
            if step.target_c is None or -band_c <= control_c - step.target_c <= band_c:
                self.held_s += self.tick_s
        return self.held_s >= step.hold_s

    def _drive(self, control_c: float, impedance_ohm: float | None) -> None:
        """Power for this tick, within what treatment and output law allow."""
        most_w = self.plan.most_w
        if impedance_ohm is not None and impedance_ohm > 0.0:
            by_current_w = self._ampere2 * impedance_ohm
            by_voltage_w = self._volt2 / impedance_ohm
            most_w = min(most_w, by_current_w)
            most_w = min(most_w, by_voltage_w)
        if self._pulls_back:
            most_w = self._pull_back.update(impedance_ohm, self.asked_w, self.tick_s, most_w)
        if self._by_temperature:
            asked_w = self._temperature.update(control_c, self.tick_s, most_w)
        else:
            asked_w = self._power.update(self.tick_s, most_w)
        least_w = self.tuning.sense_power_w
        self.asked_w = asked_w if asked_w > least_w else least_w
