"""How well control does on random patients: one patient's figures, judged without the controller's own help.

The yardstick of speed is the fastest that power and ramp allow: two-point switching on the plant's own temperature,
full power whenever the control thermocouple is below the set-point ramp and none when it is above. Power given later
heats later, so nothing that keeps below the same ramp is there sooner. The same run says beforehand who cannot be
brought there at all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from hal import Reply, Sample
from rfgen.assemble import assemble, bench, generator_config
from rfgen.control.controller import ARRIVED_C
from rfgen.device import load_device
from rfgen.population import patient, scenario_of
from rfgen.records import Decision, State
from rfgen.scenario import Scenario, Step, Treatment

SLOWER_THAN_FASTEST = 1.3
OVERSHOOT_C = 2.0
HOLD_C = 1.0
SETTLE_S = 10.0
NEAR_C = 44.0
"""A sentinel that would be warmer than this in an ideal treatment is too near: 1 C is left under its limit of 45 C for
the reading's noise and for what the forecast adds to it."""
EDGE_C = 0.5
"""Whom an ideal treatment leaves this little short of arriving may arrive in a noisy reading: five times the most noise
of a thermocouple in the population."""
PEAK_S = 60.0
"""How long the heat's way to the sentinel is followed after RF is off."""

TREATMENTS: dict[str, Treatment] = {
    "bench": Treatment(steps=(Step(target_c=60.0, hold_s=30.0),), max_power_w=4.3),
    "cosman-like": Treatment(steps=(Step(target_c=80.0, hold_s=30.0),), max_power_w=2.6),
    "invamed-fusion": Treatment(steps=(Step(target_c=85.0, hold_s=30.0),), max_power_w=5.3),
    "optablate-like": Treatment(steps=(Step(target_c=80.0, hold_s=30.0),), max_power_w=4.0),
    "osteocool-like": Treatment(steps=(Step(target_c=70.0, hold_s=30.0),), max_power_w=6.2),
    "rita-like": Treatment(steps=(Step(target_c=95.0, hold_s=27.0),), max_power_w=30.0),
}
"""Per profile with a temperature mode; the power limit leaves some patients out of reach, as a real one does."""


class Result(NamedTuple):
    """One patient under one profile. Temperatures in C, times in s; NaN where there was no hold to judge."""

    device: str
    seed: int
    number: int
    reach: str
    """reachable, marginal or unreachable: by the run without the controller; near: the treatment, however well
    controlled, would heat the sentinel to its limit."""
    reason: str
    overshoot_c: float
    """Noise-free, at the control thermocouple's junction, over the target, from the ramp's start to the end of the
    hold."""
    overshoot_reading_c: float
    hold_off_c: float
    """Most distance from the target, from 10 s after HOLD was entered; noise-free."""
    hold_off_reading_c: float
    ramp_s: float
    fastest_s: float

    @property
    def slower(self) -> float:
        """Time to target over the bound."""
        return self.ramp_s / self.fastest_s

    def failures(self) -> list[str]:
        """What was asked and not met."""
        if self.reach == "unreachable":
            return [] if self.reason == "RAMP_TIMEOUT" else [f"out of reach, but ended in {self.reason}"]
        if self.reach == "marginal" and self.reason == "RAMP_TIMEOUT":
            return []
        if self.reach == "near" and self.reason in ("SENTINEL_FORECAST", "SENTINEL_TEMP"):
            return []
        if self.reason != "hold_complete":
            return [f"ended in {self.reason}"]
        found = []
        for name, value, most in (
            ("overshoot", self.overshoot_c, OVERSHOOT_C),
            ("overshoot of the reading", self.overshoot_reading_c, OVERSHOOT_C),
            ("distance in the hold", self.hold_off_c, HOLD_C),
            ("distance of the reading in the hold", self.hold_off_reading_c, HOLD_C),
            ("time over the fastest", self.slower, SLOWER_THAN_FASTEST),
        ):
            if not value <= most:
                found.append(f"{name} {value:.2f}, at most {most:g}")
        return found

    @property
    def badness(self) -> float:
        """Nearest to, or furthest past, a limit; 1 is the limit."""
        if self.failures():
            return 10.0 + max(self.overshoot_c, 0.0)
        if self.reason != "hold_complete":
            return 0.0
        return max(
            self.overshoot_c / OVERSHOOT_C,
            self.hold_off_c / HOLD_C,
            self.overshoot_reading_c / OVERSHOOT_C,
            self.hold_off_reading_c / HOLD_C,
            self.slower / SLOWER_THAN_FASTEST,
        )


def scenario_for(device: str, seed: int, number: int) -> Scenario:
    """The patient under the profile's benchmark treatment. Raises KeyError for a profile without one.

    The forecast is put out of the way: it is control that is measured. What the forecast cuts short is told apart
    (docs/forecast.md).
    """
    profile = load_device(device)
    treatment = TREATMENTS[device].model_copy(update={"limits": {"forecast_share": 0.1}})
    return scenario_of(patient(device, seed, number), profile, treatment)


class _Ideal:
    """Two-point switching on the control junction's noise-free temperature; the controller has no part in it."""

    def __init__(self, scenario: Scenario) -> None:
        config = generator_config(scenario)
        self.on = bench(scenario, seed=0)
        self._most_w, self._flow_ml_min = config.plan.most_w, config.plan.flow_ml_min
        for _ in range(round(config.prime_s / self.on.tick_s)):  # coolant flows before the power comes
            self.on.step(False, 0.0, self._flow_ml_min)

    def follow(self, asked_c: float) -> None:
        """One tick towards a temperature."""
        heat = self.on.junction_c[0] < asked_c
        self.on.step(heat, self._most_w if heat else 0.0, self._flow_ml_min)


def fastest(scenario: Scenario, most_s: float) -> tuple[float, float]:
    """(when the control junction can be at its target, infinite where not within `most_s`; the warmest it was)."""
    step = scenario.treatment.steps[0]
    assert step.target_c is not None
    ideal = _Ideal(scenario)
    on, ramp_c_s = ideal.on, step.ramp_c_s or scenario.device.control.ramp_c_s
    from_c = most_c = on.junction_c[0]
    for tick in range(1, round(most_s / on.tick_s) + 1):
        ideal.follow(min(step.target_c, from_c + ramp_c_s * tick * on.tick_s))
        most_c = max(most_c, on.junction_c[0])
        if most_c >= step.target_c - ARRIVED_C:
            return tick * on.tick_s, most_c
    return math.inf, most_c


def ideal_sentinel_c(scenario: Scenario, ramp_s: float) -> float:
    """The sentinel's noise-free peak under an ideal treatment: at target from `ramp_s` on, for the hold, then off."""
    step = scenario.treatment.steps[0]
    assert step.target_c is not None
    ideal = _Ideal(scenario)
    on, sentinel = ideal.on, generator_config(scenario).channels.sentinel[0]
    from_c = scenario.plant.body_c
    most_c = -math.inf
    for tick in range(round((ramp_s + step.hold_s + PEAK_S) / on.tick_s)):
        now_s = tick * on.tick_s
        over = now_s >= ramp_s + step.hold_s
        ideal.follow(-math.inf if over else from_c + (step.target_c - from_c) * min(1.0, now_s / ramp_s))
        most_c = max(most_c, on.junction_c[sentinel])
    return most_c


def judge(device: str, seed: int, number: int) -> Result:
    """Treat one patient, and measure."""
    scenario = scenario_for(device, seed, number)
    config = generator_config(scenario)
    step = scenario.treatment.steps[0]
    target_c = step.target_c
    assert target_c is not None
    timeout_s = config.limits["ramp_timeout_s"]
    quickest_s, warmest_c = fastest(scenario, timeout_s)
    reach = "reachable"
    if warmest_c < target_c - ARRIVED_C - EDGE_C:
        reach = "unreachable"
    elif quickest_s * SLOWER_THAN_FASTEST > timeout_s:
        reach = "marginal"

    assembly = assemble(scenario)
    session, on = assembly.session, assembly.bench
    settle = round(SETTLE_S / on.tick_s)
    ticks = {State.RAMP: 0, State.HOLD: 0}
    most = {"true": -math.inf, "read": -math.inf}
    off = {"true": -math.inf, "read": -math.inf}

    def look(tick: int, reply: Reply, decision: Decision) -> None:
        if decision.state not in ticks or not isinstance(reply, Sample):
            return
        ticks[decision.state] += 1
        true_c, read_c = on.junction_c[0] - target_c, reply.temperature_c[0] - target_c
        most["true"] = max(most["true"], true_c)
        most["read"] = max(most["read"], read_c)
        if ticks[State.HOLD] > settle:
            off["true"] = max(off["true"], abs(true_c))
            off["read"] = max(off["read"], abs(read_c))

    session.on_tick = look
    session.truth = None
    session.settle_s = 0.1
    session.run()
    reason = str(session.generator.reason)
    if reason.startswith("SENTINEL") and ideal_sentinel_c(scenario, SLOWER_THAN_FASTEST * quickest_s) > NEAR_C:
        reach = "near"
    held = ticks[State.HOLD] > settle
    return Result(
        device,
        seed,
        number,
        reach,
        reason,
        most["true"],
        most["read"],
        off["true"] if held else math.nan,
        off["read"] if held else math.nan,
        ticks[State.RAMP] * on.tick_s,
        quickest_s,
    )
