"""The impedance check: baseline, prime, test power, verdict; each phase bounded, in that order."""

from __future__ import annotations

import enum
import math

from rfgen.control.plan import Tuning

BASELINE_S = 0.5
"""Readings are looked at for this long before the pump starts and before any power."""
FLOW_GOOD_S = 0.5
"""No power before the flow has been good for this long."""
FLOW_GOOD_SHARE = 0.8


class Phase(enum.Enum):
    """Where the check is."""

    BASELINE = "baseline"
    PRIME = "prime"
    TEST = "test power"
    VERDICT = "verdict"


class ImpedanceCheck:
    """Runs through the phases, one call a tick. It judges nothing: `spread` goes to the interlocks, and so does a
    phase that never ends."""

    __slots__ = (
        "_flow_good_us",
        "_flow_ml_min",
        "_in_phase_us",
        "_least_ohm",
        "_most_ohm",
        "_sum_ohm",
        "_tuning",
        "_values",
        "phase",
        "spread",
    )

    def __init__(self, tuning: Tuning, flow_ml_min: float) -> None:
        self._tuning = tuning
        self._flow_ml_min = flow_ml_min
        self.phase = Phase.BASELINE
        self.spread: float | None = None
        """(greatest - least) / mean of the impedance over the window; set when the window is full."""
        self._in_phase_us = 0
        self._flow_good_us = 0
        self._sum_ohm = 0.0
        self._values = 0
        self._most_ohm = 0.0
        self._least_ohm = math.inf

    @property
    def impedance_ohm(self) -> float:
        """Mean over the window so far; NaN before the first value."""
        return self._sum_ohm / self._values if self._values else math.nan

    def update(self, flow_ml_min: float, impedance_ohm: float | None, dt_s: float) -> tuple[float, float]:
        """(watts asked for, coolant flow asked for)."""
        self._in_phase_us += round(dt_s * 1e6)
        asked_flow = self._flow_ml_min
        if self.phase is Phase.BASELINE:
            if self._in_phase_us < BASELINE_S * 1e6:
                return 0.0, 0.0
            self._enter(Phase.PRIME if asked_flow > 0.0 else Phase.TEST)
        if self.phase is Phase.PRIME:
            good = flow_ml_min >= FLOW_GOOD_SHARE * asked_flow
            self._flow_good_us = self._flow_good_us + round(dt_s * 1e6) if good else 0
            if self._flow_good_us < FLOW_GOOD_S * 1e6:
                return 0.0, asked_flow
            self._enter(Phase.TEST)
        if self.phase is Phase.TEST:
            if impedance_ohm is None:
                self._in_phase_us = 0
            else:
                self._sum_ohm += impedance_ohm
                self._values += 1
                self._most_ohm = max(self._most_ohm, impedance_ohm)
                self._least_ohm = min(self._least_ohm, impedance_ohm)
                if self._in_phase_us >= round(self._tuning.check_s * 1e6):
                    self._enter(Phase.VERDICT)
                    mean_ohm = self._sum_ohm / self._values
                    range_ohm = self._most_ohm - self._least_ohm
                    self.spread = range_ohm / mean_ohm if mean_ohm > 0.0 else math.nan
        return self._tuning.test_power_w, asked_flow

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._in_phase_us = 0
