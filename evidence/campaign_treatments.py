"""Sound treatments: what a campaign does to a random patient when nothing is wrong.

A treatment is sound where the patient can be given it: the output stage's whole power is allowed, so every patient of
the distribution can be brought to the target within the ramp's time, and target, power and hold stay below what heats
the tissue to be spared. Any trip of such a treatment is a false one.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from rfgen.device import DeviceProfile, device_names, load_device
from rfgen.deviceparts import Mode
from rfgen.falsify.space import SOUND_POWER_W, SOUND_TARGET_C, START_S
from rfgen.population import patient, scenario_of
from rfgen.scenario import OperatorLine, Scenario, Step, Treatment, load_scenario
from rfgen.when import When

LEAST_TARGET_C = 50.0
HOLD_S = (10.0, 60.0)
STEP_C = 8.0
"""A second step is at most this far from the first: what must cool by more takes longer than a ramp may."""


VARIANTS = {
    "dead-man": "trip-start-released",
    "twin": "trip-tc-disagree",
    "second cut": "stuck-on-second-cut",
}
"""Fittings that no shipped profile has, on the bench rig as a shipped scenario has it."""


class Kind(NamedTuple):
    """A device profile in one of its modes."""

    device: str
    mode: Mode
    variant: str = ""
    """Of `VARIANTS`; none for the profile as it is shipped."""

    @property
    def profile(self) -> DeviceProfile:
        """The profile itself."""
        return load_scenario(VARIANTS[self.variant]).device if self.variant else load_device(self.device)

    def __str__(self) -> str:
        return f"{self.device}, {self.mode}" + (f", {self.variant}" if self.variant else "")


def kinds() -> tuple[Kind, ...]:
    """Every shipped profile in every mode that it has, then the variants. Raises KeyError for a profile that no figure
    here covers."""
    found = []
    for name in device_names():
        for mode in load_device(name).modes:
            (SOUND_TARGET_C if mode == "temperature" else SOUND_POWER_W)[name]
            found.append(Kind(name, mode))
    return (*found, *(Kind("bench", "temperature", variant) for variant in VARIANTS))


def _between(draw: random.Random, least: float, most: float) -> float:
    return round(draw.uniform(least, most), 2)


def sound_treatment(kind: Kind, draw: random.Random, hold_s: tuple[float, float] = HOLD_S) -> Treatment:
    """One or two steps, drawn at random."""
    steps: list[Step] = []
    for _ in range(1 if draw.random() < 0.7 else 2):
        held_s = _between(draw, *hold_s)
        if kind.mode == "temperature":
            least_c, most_c = LEAST_TARGET_C, SOUND_TARGET_C[kind.device]
            if steps:
                before_c = steps[0].target_c or 0.0
                least_c, most_c = max(least_c, before_c - STEP_C), min(most_c, before_c + STEP_C)
            steps.append(Step(target_c=_between(draw, least_c, most_c), hold_s=held_s))
        else:
            steps.append(Step(power_w=_between(draw, *SOUND_POWER_W[kind.device]), hold_s=held_s))
    return Treatment(mode=kind.mode, steps=tuple(steps))


def sound_scenario(kind: Kind, seed: int, number: int, hold_s: tuple[float, float] = HOLD_S) -> Scenario:
    """Patient `number` of `seed` under a sound treatment drawn for them."""
    draw = random.Random(f"{seed} {number} {kind}")
    who = patient(kind.device, seed, number)
    scenario = scenario_of(who, kind.profile, sound_treatment(kind, draw, hold_s))
    start = OperatorLine(at=When(None, 1, START_S), do="start")
    return scenario.model_copy(update={"operator": (start,)})
