"""Power control: a ramp to the set power, and pulling back at roll-off."""

from __future__ import annotations

from rfgen.control.plan import Tuning


class PullBack:
    """A ceiling on power that drops when the impedance says that tissue is drying out.

    When the impedance passes `pull_back_ratio` times its least since the ramp began, the ceiling falls to
    `pull_back_share` of the power then asked for, and stays there for `recover_s`: vapour condenses, the impedance
    falls back. Then it rises again at `ramp_w_s`. The published course (falls by about a fifth, then rises
    several-fold) is what the ratio is held against.
    """

    __slots__ = ("_ceiling_w", "_least_ohm", "_ratio", "_recover_s", "_rise_w_s", "_share", "_wait_s")

    def __init__(self, tuning: Tuning) -> None:
        self._ratio = tuning.pull_back_ratio
        self._share = tuning.pull_back_share
        self._recover_s = tuning.recover_s
        self._rise_w_s = tuning.ramp_w_s
        self._ceiling_w = float("inf")
        self._least_ohm = float("inf")
        self._wait_s = 0.0

    def begin(self) -> None:
        """A ramp begins."""
        self._least_ohm = float("inf")

    def update(self, impedance_ohm: float | None, power_w: float, dt_s: float, most_w: float) -> float:
        """The ceiling now. `power_w`: what was asked for last."""
        if self._wait_s > 0.0:
            self._wait_s -= dt_s
        elif self._ceiling_w < most_w:
            self._ceiling_w += self._rise_w_s * dt_s
        else:
            self._ceiling_w = float("inf")
        if impedance_ohm is not None:
            if impedance_ohm < self._least_ohm:
                self._least_ohm = impedance_ohm
            elif impedance_ohm > self._ratio * self._least_ohm and self._wait_s <= 0.0:
                self._ceiling_w = power_w * self._share
                self._wait_s = self._recover_s
        return self._ceiling_w if self._ceiling_w < most_w else most_w


class PowerLoop:
    """Rises from the start power to the set power at `ramp_w_s`; falls at once."""

    __slots__ = ("_power_w", "_rise_w_s", "_target_w")

    def __init__(self, tuning: Tuning) -> None:
        self._rise_w_s = tuning.ramp_w_s
        self._power_w = tuning.start_power_w
        self._target_w = 0.0

    def begin(self, target_w: float, power_w: float | None) -> None:
        """A step begins; `power_w` as in `TemperatureLoop.begin`."""
        self._target_w = target_w
        if power_w is not None:
            self._power_w = min(power_w, target_w)

    @property
    def arrived(self) -> bool:
        """The ramp has reached the set power."""
        return self._power_w >= self._target_w

    def update(self, dt_s: float, ceiling_w: float) -> float:
        """Watts asked for."""
        power_w = self._power_w + self._rise_w_s * dt_s
        power_w = min(power_w, self._target_w)
        self._power_w = power_w
        return power_w if power_w < ceiling_w else ceiling_w
