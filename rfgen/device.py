"""Device profiles: what a generator, its electrode and its control are, each figure with its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from rfgen.deviceparts import (
    ControlModel,
    ElectrodeModel,
    Fitting,
    MeterModel,
    Mode,
    Pair,
    PumpModel,
    RangesModel,
    StageModel,
    ThermocoupleModel,
)
from rfgen.problems import Fault, InputError, Problem, refuse, suggestion
from rfgen.safety.limits import LIMITS, limit_problem, resolve_limits
from rfgen.safety.row import Needs
from rfgen.validation import Strict, as_tuple, validate
from rfgen.yamlsource import Node, compose, read_text

CHECK_BEYOND_PRIME_S = 5.0
OVER_TEMP_ABOVE_TARGET_C = 8.0
OVER_SHARE = 1.1
"""Delivered power, current and voltage may read this much over the stage's maximum."""


class DeviceProfile(Strict):
    """A generator with its electrode."""

    name: str = Field(min_length=1, max_length=60)
    title: str = Field(min_length=1, max_length=200)
    description: str = Field(max_length=4000)
    period_ms: int = Field(20, ge=5, le=100)
    watchdog_ms: int = Field(200, ge=50, le=1000)
    stage: StageModel
    meters: MeterModel = MeterModel()
    electrode: ElectrodeModel
    thermocouples: Annotated[tuple[ThermocoupleModel, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, max_length=8
    )
    pump: PumpModel | None = None
    co_located: Annotated[tuple[Pair, ...], BeforeValidator(as_tuple)] = Field((), max_length=8)
    dead_man: bool = False
    """Starting is pressing the start switch, and holding it."""
    as_fitted: bool = False
    """On a rig, no more of its thermocouples are used than the rig has, the last as sentinel where the rig says so."""
    fitted: Annotated[tuple[Fitting, ...], BeforeValidator(as_tuple)] = ()
    modes: Annotated[tuple[Mode, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=3)
    ranges: RangesModel
    control: ControlModel
    limits: dict[str, float] = {}
    sources: dict[str, str]

    @model_validator(mode="after")
    def _consistent(self) -> DeviceProfile:
        refuse(chain(self._own_faults(), self._channel_faults(), self._limit_faults(), self._source_faults()))
        # the figures that the profile leaves to this module's defaults: so every figure has its source
        self.sources.update({leaf: DEFAULT_SOURCE for leaf in leaves(self) if not covered(leaf, self.sources)})
        return self

    def _own_faults(self) -> Iterator[Fault]:
        if self.watchdog_ms < 3 * self.period_ms:
            yield Fault(("watchdog_ms",), "is under three periods", f"at least {3 * self.period_ms} ms")
        if self.electrode.cooled and self.pump is None:
            remedy = "add `pump`, or set electrode.cooled to false"
            yield Fault(("pump",), "is missing for a cooled electrode", remedy)
        if "coolant_temperature" in self.fitted and self.pump is None:
            yield Fault(("fitted",), "names coolant_temperature without a pump", "add `pump`, or leave it out")
        if self.dead_man and "start_switch" not in self.fitted:
            yield Fault(("dead_man",), "has no start switch", "add start_switch to `fitted`")
        for place, (a, b) in enumerate(self.co_located):
            if not (0 <= a < b < len(self.thermocouples)):
                remedy = f"two channels of 0 to {len(self.thermocouples) - 1}, the lower one first"
                yield Fault(("co_located", place), "is no pair of channels", remedy)
        for name in ("fitted", "modes"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                yield Fault((name,), "names something twice", "keep one")
        if "temperature" in self.modes and self.ranges.target_c is None:
            yield Fault(("ranges", "target_c"), "is missing for temperature mode", "give [least, most]")
        for name in ("start_power_w", "test_power_w"):
            if getattr(self.control, name) > self.stage.max_power_w:
                yield Fault(("control", name), "is more than the stage gives", f"at most {self.stage.max_power_w:g} W")
        if self.control.test_power_w < self.control.sense_power_w:
            least = f"at least sense_power_w, {self.control.sense_power_w:g} W"
            yield Fault(("control", "test_power_w"), "is too little to measure with", least)

    def _channel_faults(self) -> Iterator[Fault]:
        names = [t.name for t in self.thermocouples]
        if len(set(names)) != len(names):
            yield Fault(("thermocouples",), "has two channels of one name", "give each its own name")
        roles = [t.role for t in self.thermocouples]
        if roles[0] != "electrode":
            yield Fault(("thermocouples", 0, "role"), "is the control thermocouple's", "channel 0 is on the electrode")
        if "electrode" in roles[roles.index("sentinel") :] if "sentinel" in roles else False:
            yield Fault(("thermocouples",), "has an electrode channel after a sentinel", "sentinels come last")
        if roles.count("sentinel") > 1:
            yield Fault(("thermocouples",), "has more than one sentinel", "the last channel alone may be one")

    def _limit_faults(self) -> Iterator[Fault]:
        yield from limit_faults(self.limits, ("limits",))
        over_c = self.limits.get("over_temp_c", LIMITS["over_temp_c"].default)
        target = self.ranges.target_c
        if target is not None and over_c < target[1] + OVER_TEMP_ABOVE_TARGET_C:
            least = f"at least {target[1] + OVER_TEMP_ABOVE_TARGET_C:g} C, 8 above it"
            if "over_temp_c" in self.limits:
                yield Fault(("limits", "over_temp_c"), "is too near the highest target", least)
            else:
                yield Fault(("limits",), f"has over_temp_c at {over_c:g} C, too near the highest target", least)
        sound = {name: value for name, value in self.limits.items() if limit_problem(name, value) is None}
        yield from order_faults(resolve_limits(sound), sound, ("limits",))
        for name, value in ceilings(self).items():
            if limit_problem(name, value) is not None:
                spec = LIMITS[name]
                said = f"puts the limit {name} at {value:g} {spec.unit}"
                remedy = f"1.1 x it, and the meter's step, are {spec.hard_min:g} to {spec.hard_max:g} {spec.unit}"
                yield Fault(("stage", name.replace("over", "max")), said, remedy)
        check_s = self.limits.get("check_timeout_s")
        least_s = CHECK_BEYOND_PRIME_S + (0.0 if self.pump is None else self.pump.prime_s)
        if check_s is not None and check_s < least_s:
            yield Fault(("limits", "check_timeout_s"), "is too short", f"at least {least_s:g} s, prime_s and 5 s")

    def _source_faults(self) -> Iterator[Fault]:
        given, known = list(given_leaves(self)), list(leaves(self))
        for path in (p for p in self.sources if not names_one_of(p, known)):
            yield Fault(("sources", path), "names no figure of this profile", suggestion(path, known))
        for leaf in given:
            if not covered(leaf, self.sources):
                yield Fault(("sources",), f"{leaf} has no source", f"add `{leaf}: assumed`, or where it comes from")

    @cached_property
    def electrode_channels(self) -> tuple[int, ...]:
        """Channels on the electrode; the first is the control thermocouple's."""
        return tuple(i for i, t in enumerate(self.thermocouples) if t.role == "electrode")

    @cached_property
    def sentinel_channels(self) -> tuple[int, ...]:
        """Channels that watch tissue to be spared."""
        return tuple(i for i, t in enumerate(self.thermocouples) if t.role == "sentinel")

    @property
    def channels_mask(self) -> int:
        """Bit n for channel n."""
        return (1 << len(self.thermocouples)) - 1

    @property
    def max_target_c(self) -> float | None:
        """The highest target that a treatment may ask for; None without temperature mode's range."""
        return None if self.ranges.target_c is None else self.ranges.target_c[1]

    @property
    def features(self) -> frozenset[Needs]:
        """What interlock rows may need, as far as the profile has it."""
        found = {Needs.NOTHING}
        if "temperature" in self.modes:
            found.add(Needs.TEMPERATURE_MODE)
        if self.sentinel_channels:
            found.add(Needs.SENTINEL)
        if self.pump is not None:
            found.add(Needs.PUMP)
        if self.co_located:
            found.add(Needs.CO_LOCATED)
        if self.meters.phase:
            found.add(Needs.PHASE)
        if "coolant_temperature" in self.fitted:
            found.add(Needs.COOLANT_TEMPERATURE)
        if "return_monitor" in self.fitted and self.electrode.kind == "monopolar":
            found.add(Needs.RETURN_MONITOR)
        if "start_switch" in self.fitted:
            found.add(Needs.START_SWITCH)
        if self.dead_man:
            found.add(Needs.DEAD_MAN)
        return frozenset(found)


DEFAULT_SOURCE = "assumed, the default"
WORDS = ("name", "title", "description", "sources")
"""Fields of a profile that are no figures."""


def _walk(model: BaseModel, path: str, *, given: bool) -> Iterator[str]:
    for name in type(model).model_fields:
        if (given and name not in model.model_fields_set) or (not path and name in WORDS):
            continue
        value = getattr(model, name)
        where = f"{path}{name}"
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{where}.", given=given)
        elif isinstance(value, dict):
            yield from (f"{where}.{key}" for key in value)
        elif value is not None:
            yield where


def leaves(profile: DeviceProfile) -> Iterator[str]:
    """Dotted paths of a profile's figures, defaults included; a list counts as one figure."""
    return _walk(profile, "", given=False)


def given_leaves(profile: DeviceProfile) -> Iterator[str]:
    """Dotted paths of the figures that a profile gives itself; a list counts as one figure."""
    return _walk(profile, "", given=True)


def names_one_of(path: str, leaves: Iterable[str]) -> bool:
    """A dotted path is that of a figure, or of what figures stand in."""
    return any(leaf == path or leaf.startswith(f"{path}.") for leaf in leaves)


def covered(leaf: str, sources: Mapping[str, str]) -> bool:
    """A source is given for this figure, or for what it stands in."""
    parts = leaf.split(".")
    return any(".".join(parts[:n]) in sources for n in range(1, len(parts) + 1))


def limit_faults(limits: Mapping[str, float], at: tuple[str, ...]) -> Iterator[Fault]:
    """What is wrong with limits one by one."""
    for name, value in limits.items():
        if name not in LIMITS:
            yield Fault((*at, name), "is no limit", suggestion(name, LIMITS))
        elif limit_problem(name, value) is not None:
            spec = LIMITS[name]
            remedy = f"{spec.hard_min:g} to {spec.hard_max:g} {spec.unit}"
            yield Fault((*at, name), "is out of its hard range", remedy)


ORDERED = (
    ("z_low_ohm", "z_high_ohm"),
    ("over_temp_c", "over_temp_hard_c"),
    ("tc_least_c", "tc_most_c"),
    ("baseline_least_c", "baseline_most_c"),
)
"""Limits of which the first must stay below the second."""


def order_faults(limits: Mapping[str, float], set_here: Mapping[str, float], at: tuple[str, ...]) -> Iterator[Fault]:
    """What is wrong with limits between them, told at the one that is set here."""
    for low, high in ORDERED:
        if limits[low] >= limits[high]:
            name, other, side = (low, high, "below") if low in set_here else (high, low, "above")
            if name in set_here:
                said = f"is not {side} {other}, {limits[other]:g} {LIMITS[other].unit}"
                yield Fault((*at, name), said, f"give one {side} {other}")


def ceilings(profile: DeviceProfile) -> dict[str, float]:
    """What its stage can give at most, as the meters may read it."""
    stage, meters = profile.stage, profile.meters
    return {
        "over_power_w": OVER_SHARE * stage.max_power_w,
        "over_current_a": OVER_SHARE * stage.max_current_a + meters.current_resolution_a,
        "over_voltage_v": OVER_SHARE * stage.max_voltage_v + meters.voltage_resolution_v,
    }


def resolve_limits_for(profile: DeviceProfile, overrides: Mapping[str, float]) -> dict[str, float]:
    """The limits in force: defaults, the profile's, then a treatment's. Raises ValueError as `resolve_limits` does."""
    most_of = ceilings(profile)
    limits = resolve_limits(most_of, profile.limits, overrides)
    for name, most in most_of.items():
        limits[name] = min(limits[name], most)  # may be set lower, never higher
    prime_s = 0.0 if profile.pump is None else profile.pump.prime_s
    limits["check_timeout_s"] = max(limits["check_timeout_s"], prime_s + CHECK_BEYOND_PRIME_S)
    return limits


FOLDER = files("rfgen") / "devices"


@lru_cache(maxsize=1)
def device_names() -> tuple[str, ...]:
    """The shipped profiles."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in FOLDER.iterdir() if p.name.endswith(".yaml")))


def device_node(name_or_path: str, asked_by: Node | None = None) -> Node:
    """A profile's tree: a shipped one by its name, any by its path. `asked_by`: where the name stands, for the
    error."""
    if name_or_path in device_names():
        node, problems = compose((FOLDER / f"{name_or_path}.yaml").read_text(encoding="utf-8"), f"{name_or_path}.yaml")
    elif name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        path = Path(name_or_path)
        if asked_by is not None and not path.is_absolute():
            path = Path(asked_by.file).parent / path
        node, problems = compose(read_text(path), str(path))
    else:
        file, line, column = ("", None, None) if asked_by is None else asked_by.place
        field = "" if asked_by is None else "device"
        known = suggestion(name_or_path, device_names())
        raise InputError([Problem(file, line, column, field, repr(name_or_path), "is no device profile", known)])
    if problems:
        raise InputError(problems)
    return node


@lru_cache(maxsize=32)
def _shipped(name: str) -> DeviceProfile:
    return validate(DeviceProfile, device_node(name))


def load_device(name_or_path: str) -> DeviceProfile:
    """A profile. Raises InputError with every problem."""
    if name_or_path in device_names():
        return _shipped(name_or_path)
    return validate(DeviceProfile, device_node(name_or_path))


def plain(model: BaseModel) -> dict[str, Any]:
    """A model as plain YAML values: no tuples, nothing that is not there."""
    return {key: _plain(value) for key, value in model.model_dump(by_alias=True, exclude_none=True).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
