"""Random patients, drawn from one documented distribution (`population.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict

from rfgen.device import DeviceProfile
from rfgen.scenario import PlantModel, Scenario, Treatment, WallModel
from rfgen.validation import validate
from rfgen.yamlsource import compose


def _ordered(span: list[float]) -> list[float]:
    if len(span) != 2 or not span[0] <= span[1]:
        raise ValueError("give [least, most]")
    return span


Span = Annotated[list[float], AfterValidator(_ordered)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ThermocoupleSpread(_Model):
    """What varies between thermocouples."""

    lag_s: Span
    noise_c: Span


class WallSpread(_Model):
    """The posterior wall."""

    distance_mm: Span
    thickness_mm: Span
    eroded: float
    """Share of patients whose wall is lysed."""


class Group(_Model):
    """Patients that one kind of device treats. Without `surrounding`, the target's tissue goes on outside it."""

    target: dict[str, float]
    surrounding: dict[str, float] | None = None
    target_radius_mm: Span
    wall: WallSpread | None = None


class Population(_Model):
    """The distribution."""

    title: str
    sources: dict[str, str]
    conductivity_scale: Span
    perfusion_scale: Span
    thermocouple: ThermocoupleSpread
    groups: dict[str, Group]
    devices: dict[str, str]


class Patient(NamedTuple):
    """One patient, and the thermocouples that happen to be used on them."""

    seed: int
    number: int
    plant: PlantModel
    lag_s: float
    noise_c: float


@lru_cache(maxsize=1)
def population() -> Population:
    """The shipped distribution."""
    name = "population.yaml"
    node, _ = compose(files("rfgen").joinpath(name).read_text(encoding="utf-8"), name)
    return validate(Population, node)


def _pick(random: np.random.Generator, shares: Mapping[str, float]) -> str:
    names = sorted(shares)
    weights = np.array([shares[name] for name in names])
    return str(names[int(random.choice(len(names), p=weights / weights.sum()))])


def _within(random: np.random.Generator, span: list[float]) -> float:
    # three decimals: a patient's scenario file then holds exactly what ran
    return round(float(random.uniform(span[0], span[1])), 3)


def patient(device: str, seed: int, number: int) -> Patient:
    """Patient `number` of `seed` for a shipped device profile. Raises KeyError for another device."""
    spread = population()
    group = spread.groups[spread.devices[device]]
    random = np.random.default_rng([seed, number])
    target = _pick(random, group.target)
    surrounding = target if group.surrounding is None else _pick(random, group.surrounding)
    wall = None
    if group.wall is not None:
        wall = WallModel(
            distance_mm=_within(random, group.wall.distance_mm),
            thickness_mm=_within(random, group.wall.thickness_mm),
            eroded=bool(random.random() < group.wall.eroded),
        )
    plant = PlantModel(
        target=target,
        surrounding=surrounding,
        target_radius_mm=_within(random, group.target_radius_mm),
        wall=wall,
        conductivity_scale=_within(random, spread.conductivity_scale),
        perfusion_scale=_within(random, spread.perfusion_scale),
    )
    return Patient(
        seed,
        number,
        plant,
        _within(random, spread.thermocouple.lag_s),
        _within(random, spread.thermocouple.noise_c),
    )


def scenario_of(who: Patient, device: DeviceProfile, treatment: Treatment) -> Scenario:
    """The patient under a treatment, as a scenario that can be written and run again."""
    thermocouples = tuple(
        t.model_copy(update={"lag_s": who.lag_s, "noise_c": who.noise_c}) for t in device.thermocouples
    )
    return Scenario(
        title=f"Patient {who.number} of seed {who.seed} under {device.name}",
        device=device.model_copy(update={"thermocouples": thermocouples}),
        treatment=treatment,
        plant=who.plant,
        seed=who.number,
    )
