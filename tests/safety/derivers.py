"""A deriver under a rig's clock, told what is given tick by tick."""

from __future__ import annotations

from typing import Any

from hal import Command, Sample
from rfgen.records import State
from rfgen.safety.compile import Channels
from rfgen.safety.deriver import Deriver, DeriverConfig
from rfgen.safety.signals import Signals
from tests.properties.streams import sample_of

PERIOD_US = 20_000
CONFIG = DeriverConfig(
    channels=Channels((0, 1), (2,)),
    period_us=PERIOD_US,
    max_power_w=20.0,
    max_current_a=1.0,
    max_voltage_v=100.0,
    sense_power_w=0.5,
    prime_s=1.0,
)
OFF = Command(0, False, 0.0, 0.0)
ON = Command(0, True, 10.0, 0.0)


class Line:
    """A deriver, and the rig's clock."""

    def __init__(self, config: DeriverConfig = CONFIG) -> None:
        self.deriver = Deriver(config)
        self.ticks = 0

    def tick(
        self,
        gives: Command = OFF,
        *,
        state: State = State.IDLE,
        step: int = 0,
        target_c: float | None = None,
        ramp_c: float | None = None,
        baseline: bool = False,
        spread: float | None = None,
        cut: bool = False,
        **changes: Any,
    ) -> Signals:
        """One tick with a sample; then this is given."""
        sample: Sample = sample_of(self.ticks, **changes)
        self.ticks += 1
        found = self.deriver.derive(sample, state, step, target_c, ramp_c, baseline, spread)
        self.deriver.gave(gives, cut)
        return found

    def missed(self, gives: Command = OFF, *, cut: bool = False, **reasons: bool) -> Signals:
        """One tick without a sample; then this is given."""
        self.ticks += 1
        found = self.deriver.missed(reasons.get("failed", False), reasons.get("wrong_tick", False))
        self.deriver.gave(gives, cut)
        return found

    def radiating(self, power_w: float = 10.0, **changes: Any) -> Signals:
        """A tick in HOLD with RF on, its command as before."""
        given = {"rf_on": True, "power_w": power_w, "voltage_v": 30.0, "current_a": 0.3, **changes}
        return self.tick(ON._replace(power_w=power_w), state=State.HOLD, **given)


def settled(config: DeriverConfig = CONFIG, power_w: float = 10.0) -> Line:
    """RF on for a second."""
    line = Line(config)
    for n in range(52):
        line.radiating(power_w, rf_on=n >= 2, rig_time_us=(n + 1) * PERIOD_US)
    return line
