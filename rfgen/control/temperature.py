"""Temperature control: a set-point that never moves faster than it may, and a PI controller that follows it."""

from __future__ import annotations

from rfgen.control.plan import Tuning

LEAST_LEAD_C = 2.0
"""The set-point waits for a reading that has fallen this far behind (assumed: twice the error of a ramp well
followed)."""


class TemperatureLoop:
    """PI on a rate-limited set-point.

    The set-point moves at `ramp_c_s` and, near the target, at no more than the distance left over `approach_s`: it
    arrives without a corner, so the integral has nothing to unload into the tissue. Where the power allowed cannot
    keep up, the set-point waits for the reading, and the integral stops (conditional integration), so no excess
    builds up on either.
    """

    __slots__ = (
        "_approach_s",
        "_integral_w",
        "_ki",
        "_kp",
        "_lead_c",
        "_least_w",
        "_ramp_c_s",
        "_target_c",
        "setpoint_c",
    )

    def __init__(self, tuning: Tuning) -> None:
        self._kp = tuning.kp_w_c
        self._ki = tuning.ki_w_c_s
        self._approach_s = tuning.approach_s
        self._least_w = tuning.sense_power_w
        self._ramp_c_s = tuning.ramp_c_s
        self._integral_w = tuning.start_power_w
        self._target_c = 0.0
        self._lead_c = LEAST_LEAD_C
        self.setpoint_c = 0.0

    def begin(self, reading_c: float, target_c: float, ramp_c_s: float, power_w: float | None) -> None:
        """A step begins. `power_w`: start from this power; None goes on from the step before."""
        self._target_c = target_c
        self._ramp_c_s = ramp_c_s
        self._lead_c = max(LEAST_LEAD_C, ramp_c_s * self._approach_s)
        if power_w is not None:
            self._integral_w = power_w
            self.setpoint_c = reading_c
        elif target_c < self.setpoint_c:
            # nothing but blood and coolant can cool: the set-point goes down at once
            self.setpoint_c = target_c

    def update(self, reading_c: float, dt_s: float, most_w: float) -> float:
        """Watts asked for, between the sensing power and `most_w` (what treatment and output law allow now)."""
        setpoint_c = self.setpoint_c
        left_c = self._target_c - setpoint_c
        if left_c != 0.0:
            rate_c_s = left_c / self._approach_s
            rate_c_s = min(rate_c_s, self._ramp_c_s)
            ahead_c = setpoint_c + rate_c_s * dt_s - reading_c
            if ahead_c <= self._lead_c or rate_c_s < 0.0:
                setpoint_c += rate_c_s * dt_s
                if -0.005 < left_c < 0.005:
                    setpoint_c = self._target_c
                self.setpoint_c = setpoint_c
        error_c = setpoint_c - reading_c
        integral_w = self._integral_w
        wanted_w = self._kp * error_c + integral_w
        least_w = self._least_w
        if wanted_w > most_w:
            if error_c < 0.0:
                self._integral_w = integral_w + self._ki * error_c * dt_s
            return most_w if most_w > least_w else least_w
        if wanted_w < least_w:
            if error_c > 0.0:
                self._integral_w = integral_w + self._ki * error_c * dt_s
            return least_w
        self._integral_w = integral_w + self._ki * error_c * dt_s
        return wanted_w
