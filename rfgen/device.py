"""Device profiles: what a generator, its electrode and its control are, each figure with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from rfgen.safety.catalogue import Needs
from rfgen.safety.limits import LIMITS, limit_problem, resolve_limits
from rfgen.validation import Strict, as_tuple, validate
from rfgen.yamlsource import MAX_PROBLEMS, Fault, InputError, Node, Problem, Refusal, compose, read_text, suggestion

Span = Annotated[tuple[float, float], BeforeValidator(as_tuple)]
Pair = Annotated[tuple[int, int], BeforeValidator(as_tuple)]
"""Two channels in one place."""
CHECK_BEYOND_PRIME_S = 5.0
OVER_TEMP_ABOVE_TARGET_C = 8.0
OVER_SHARE = 1.1
"""Delivered power, current and voltage may read this much over the stage's maximum."""
ELECTRODE_STOUTNESS = 1.23
"""An electrode's active length over its diameter must exceed this for the plant's spheroid to exist."""


class Stage(Strict):
    """Output stage."""

    max_power_w: float = Field(gt=0, le=400)
    max_voltage_v: float = Field(gt=0, le=1000)
    max_current_a: float = Field(gt=0, le=20)
    slew_w_s: float = Field(gt=0, le=1e5)
    efficiency: float = Field(0.8, gt=0, le=1)


class Meters(Strict):
    """Meters: one sigma and one step of each. The noise and steps are assumed where a profile does not give them."""

    phase: bool = False
    voltage_noise_v: float = Field(0.05, ge=0, le=100)
    voltage_resolution_v: float = Field(0.01, gt=0, le=100)
    current_noise_a: float = Field(0.0005, ge=0, le=10)
    current_resolution_a: float = Field(0.0001, gt=0, le=10)
    power_noise_w: float = Field(0.02, ge=0, le=100)
    flow_noise_ml_min: float = Field(0.05, ge=0, le=100)


class ElectrodeModel(Strict):
    """Needle electrode."""

    kind: Literal["monopolar", "bipolar"]
    diameter_mm: float = Field(gt=0, le=10)
    active_length_mm: float = Field(gt=0, le=100)
    gap_mm: float = Field(0.0, ge=0, le=50)
    cooled: bool = False
    lead_ohm: float = Field(1.0, ge=0, le=100)
    return_ohm: float = Field(10.0, ge=0, le=200)

    @model_validator(mode="after")
    def _shape(self) -> ElectrodeModel:
        if self.active_length_mm <= ELECTRODE_STOUTNESS * self.diameter_mm:
            least = ELECTRODE_STOUTNESS * self.diameter_mm
            raise Refusal(
                [Fault(("active_length_mm",), "is too short for its diameter", f"it must be above {least:g} mm")]
            )
        if self.kind == "bipolar" and self.gap_mm <= 0.0:
            raise Refusal(
                [Fault(("gap_mm",), "leaves no gap between two poles", "a bipolar electrode needs gap_mm above 0")]
            )
        return self


class Thermocouple(Strict):
    """One channel. Its place is in the metal, on the shaft or off the axis (mm from the probe's centre), or behind
    the wall."""

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    role: Literal["electrode", "sentinel"] = "electrode"
    place: Literal["electrode", "shaft", "tissue", "posterior_wall"]
    offset_mm: float = Field(0.0, ge=0, le=100)
    lag_s: float = Field(0.3, ge=0, le=60)
    noise_c: float = Field(0.05, ge=0, le=10)
    resolution_c: float = Field(0.0078125, gt=0, le=5)
    cold_junction_c: float = Field(0.1, ge=0, le=5)


class Pump(Strict):
    """Coolant pump."""

    max_flow_ml_min: float = Field(gt=0, le=1000)
    flow_ml_min: float = Field(gt=0, le=1000)
    lag_s: float = Field(0.4, gt=0, le=10)
    coolant_c: float = Field(22.0, ge=0, le=40)
    prime_s: float = Field(3.0, gt=0, le=30)
    after_cool_s: float = Field(10.0, ge=0, le=100)

    @model_validator(mode="after")
    def _reachable(self) -> Pump:
        if self.flow_ml_min > self.max_flow_ml_min:
            raise Refusal(
                [Fault(("flow_ml_min",), "is more than max_flow_ml_min", f"at most {self.max_flow_ml_min:g} ml/min")]
            )
        return self


class Ranges(Strict):
    """What a treatment may ask for: [least, most]."""

    target_c: Span | None = None
    power_w: Span
    hold_s: Span

    @model_validator(mode="after")
    def _ordered(self) -> Ranges:
        faults = []
        for name in ("target_c", "power_w", "hold_s"):
            span = getattr(self, name)
            if span is not None and not 0.0 <= span[0] <= span[1]:
                faults.append(Fault((name,), "is not a range", "give [least, most], 0 or more"))
        if faults:
            raise Refusal(faults)
        return self


class Control(Strict):
    """Control's tuning. See `rfgen.control.plan.Tuning`."""

    kp_w_c: float = Field(gt=0, le=100)
    ki_w_c_s: float = Field(gt=0, le=100)
    approach_s: float = Field(gt=0, le=60)
    start_power_w: float = Field(gt=0, le=50)
    sense_power_w: float = Field(0.5, gt=0, le=5)
    test_power_w: float = Field(gt=0, le=5)
    check_s: float = Field(2.0, gt=0, le=4)
    band_c: float = Field(2.0, gt=0.5, le=5)
    ramp_c_s: float = Field(gt=0, le=10)
    ramp_w_s: float = Field(gt=0, le=50)
    pull_back_ratio: float = Field(1.3, gt=1, le=10)
    pull_back_share: float = Field(0.3, gt=0, lt=1)
    recover_s: float = Field(10.0, gt=0, le=60)


Mode = Literal["temperature", "power", "impedance"]
Fitting = Literal["return_monitor", "start_switch", "stage_temperature", "coolant_temperature"]


class DeviceProfile(Strict):
    """A generator with its electrode."""

    name: str = Field(min_length=1, max_length=60)
    title: str = Field(min_length=1, max_length=200)
    description: str = Field(max_length=4000)
    period_ms: int = Field(20, ge=5, le=100)
    watchdog_ms: int = Field(200, ge=50, le=1000)
    stage: Stage
    meters: Meters = Meters()
    electrode: ElectrodeModel
    thermocouples: Annotated[tuple[Thermocouple, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=8)
    pump: Pump | None = None
    co_located: Annotated[tuple[Pair, ...], BeforeValidator(as_tuple)] = Field((), max_length=8)
    dead_man: bool = False
    """Starting is pressing the start switch, and holding it."""
    fitted: Annotated[tuple[Fitting, ...], BeforeValidator(as_tuple)] = ()
    modes: Annotated[tuple[Mode, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=3)
    ranges: Ranges
    control: Control
    limits: dict[str, float] = {}
    sources: dict[str, str]

    @model_validator(mode="after")
    def _consistent(self) -> DeviceProfile:
        found = chain(self._channel_faults(), self._limit_faults(), self._source_faults())
        faults = list(islice(found, MAX_PROBLEMS))
        if self.watchdog_ms < 3 * self.period_ms:
            faults.append(Fault(("watchdog_ms",), "is under three periods", f"at least {3 * self.period_ms} ms"))
        if self.electrode.cooled and self.pump is None:
            faults.append(
                Fault(("pump",), "a cooled electrode has no pump", "add `pump`, or set electrode.cooled to false")
            )
        if "coolant_temperature" in self.fitted and self.pump is None:
            faults.append(Fault(("fitted",), "names coolant_temperature without a pump", "add `pump`, or leave it out"))
        if self.dead_man and "start_switch" not in self.fitted:
            faults.append(Fault(("dead_man",), "has no start switch", "add start_switch to `fitted`"))
        for place, (a, b) in enumerate(self.co_located):
            if not (0 <= a < b < len(self.thermocouples)):
                remedy = f"two channels of 0 to {len(self.thermocouples) - 1}, the lower one first"
                faults.append(Fault(("co_located", place), "is no pair of channels", remedy))
        for name in ("fitted", "modes"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                faults.append(Fault((name,), "names something twice", "keep one"))
        if "temperature" in self.modes and self.ranges.target_c is None:
            faults.append(
                Fault(("ranges", "target_c"), "temperature mode has no range", "give ranges.target_c: [least, most]")
            )
        for name in ("start_power_w", "test_power_w"):
            if getattr(self.control, name) > self.stage.max_power_w:
                faults.append(
                    Fault(("control", name), "is more than the stage gives", f"at most {self.stage.max_power_w:g} W")
                )
        if self.control.test_power_w < self.control.sense_power_w:
            least = f"at least sense_power_w, {self.control.sense_power_w:g} W"
            faults.append(Fault(("control", "test_power_w"), "is too little to measure with", least))
        if faults:
            raise Refusal(faults)
        return self

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
        for name, value in self.limits.items():
            problem = limit_problem(name, value)
            if problem is None:
                continue
            if name not in LIMITS:
                yield Fault(("limits", name), "is no limit", suggestion(name, LIMITS))
            else:
                spec = LIMITS[name]
                yield Fault(
                    ("limits", name), "is out of its hard range", f"{spec.hard_min:g} to {spec.hard_max:g} {spec.unit}"
                )
        over_c = self.limits.get("over_temp_c", LIMITS["over_temp_c"].default)
        target = self.ranges.target_c
        if target is not None and over_c < target[1] + OVER_TEMP_ABOVE_TARGET_C:
            least = f"at least {target[1] + OVER_TEMP_ABOVE_TARGET_C:g} C, 8 above the highest target"
            where = ("limits", "over_temp_c") if "over_temp_c" in self.limits else ("limits",)
            yield Fault(where, f"over_temp_c is {over_c:g} C, too near the highest target", least)
        low = self.limits.get("z_low_ohm", LIMITS["z_low_ohm"].default)
        high = self.limits.get("z_high_ohm", LIMITS["z_high_ohm"].default)
        if low >= high:
            yield Fault(
                ("limits",), f"z_low_ohm {low:g} is not below z_high_ohm {high:g}", "leave a range between them"
            )
        check_s = self.limits.get("check_timeout_s")
        least_s = CHECK_BEYOND_PRIME_S + (0.0 if self.pump is None else self.pump.prime_s)
        if check_s is not None and check_s < least_s:
            yield Fault(("limits", "check_timeout_s"), "is too short", f"at least {least_s:g} s, prime_s and 5 s")

    def _source_faults(self) -> Iterator[Fault]:
        leaves = list(given_leaves(self))
        for path in self.sources:
            if not any(leaf == path or leaf.startswith(f"{path}.") for leaf in leaves):
                yield Fault(("sources", path), "names no figure of this profile", suggestion(path, leaves))
        uncovered = [leaf for leaf in leaves if not covered(leaf, self.sources)]
        for leaf in uncovered[:20]:
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


WORDS = ("name", "title", "description", "sources")
"""Fields of a profile that are no figures."""


def given_leaves(profile: DeviceProfile) -> Iterator[str]:
    """Dotted paths of the figures that the profile itself gives; lists count as one figure."""

    def walk(model: BaseModel, path: str) -> Iterator[str]:
        for name in type(model).model_fields:
            if name not in model.model_fields_set or (not path and name in WORDS):
                continue
            value = getattr(model, name)
            where = f"{path}{name}"
            if isinstance(value, BaseModel):
                yield from walk(value, f"{where}.")
            elif isinstance(value, dict):
                yield from (f"{where}.{key}" for key in value)
            elif value is not None:
                yield where

    return walk(profile, "")


def covered(leaf: str, sources: Mapping[str, str]) -> bool:
    """A source is given for this figure, or for what it stands in."""
    parts = leaf.split(".")
    return any(".".join(parts[:n]) in sources for n in range(1, len(parts) + 1))


def resolve_limits_for(profile: DeviceProfile, overrides: Mapping[str, float]) -> dict[str, float]:
    """The limits in force: defaults, the profile's, then a treatment's. Raises ValueError as `resolve_limits` does."""
    stage, meters = profile.stage, profile.meters
    ceilings = {
        "over_power_w": OVER_SHARE * stage.max_power_w,
        "over_current_a": OVER_SHARE * stage.max_current_a + meters.current_resolution_a,
        "over_voltage_v": OVER_SHARE * stage.max_voltage_v + meters.voltage_resolution_v,
    }
    limits = resolve_limits(ceilings, profile.limits, overrides)
    for name, most in ceilings.items():
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
