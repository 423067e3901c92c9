"""From a point of the search to a scenario: patients, treatments, faults, what the operator does.

A point is a plain mapping. What it lacks is the default: so a shorter point is a simpler scenario, and shrinking is
leaving things out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import yaml

from rfgen.device import DeviceProfile, load_device, plain
from rfgen.falsify.faults import pool
from rfgen.falsify.promises import Promise
from rfgen.population import Group, population
from rfgen.problems import InputError, Problem, suggestion
from rfgen.scenario import Scenario

Value = float | str | bool
Point = Mapping[str, Value]

HOLD_S = (5.0, 12.0)
LONG_HOLD_S = (12.0, 20.0)
LEAST_TARGET_C = 45.0
SOUND_TARGET_C = {
    "bench": 60.0,
    "cosman-like": 80.0,
    "invamed-fusion": 85.0,
    "optablate-like": 80.0,
    "osteocool-like": 70.0,
    "rita-like": 95.0,
}
"""The most that every patient of the population can be given without heat where it should not be (assumed; the false
trips of 20,000 such treatments are counted by `make false-trips`)."""
SOUND_POWER_W = {
    "bench": (1.0, 5.0),
    "cosman-like": (0.8, 2.5),
    "invamed-fusion": (1.2, 4.5),
    "optablate-like": (1.2, 4.0),
    "osteocool-like": (1.2, 6.0),
    "rita-like": (2.0, 18.0),
    "star-like": (1.2, 6.0),
}
"""Likewise, of constant power."""
RAMP_C_S = (1.0, 4.0)
"""Of a treatment that need not be sound: quick ramps make short runs."""
START_S = 1.0
"""Late enough for a start switch to have been seen released."""
MOST_TIME_S = 300.0
ANCHORS = ("check", "ramp", "hold")
AFTER_S = (0.0, 12.0)


class Chooser(Protocol):
    """Where a point's values come from: chance, or an optimiser."""

    def pick(self, name: str, choices: Sequence[str]) -> str:
        """One of several."""

    def number(self, name: str, least: float, most: float) -> float:
        """A number of a range."""


class Space:
    """What a search for a break of one promise on one device draws.

    Raises InputError for a device without patients, and for one that has nothing the promise is about.
    """

    def __init__(self, promise: Promise, device: str, plant: str = "network") -> None:
        names = sorted(population().devices)
        if device not in names:
            said = "has no patients" if device.endswith((".yaml", ".yml")) or "/" in device else "is no device"
            raise InputError([Problem("--device", None, None, "", device, said, suggestion(device, names))])
        self.promise, self.device_name, self.plant = promise, device, plant
        self.device: DeviceProfile = load_device(device)
        if promise.needs_sentinel and not self.device.sentinel_channels:
            have = [n for n in names if load_device(n).sentinel_channels]
            self._refuse(f"has no sentinel, and {promise.name} is about one", f"one of {', '.join(have)}")
        self.modes = tuple(mode for mode in promise.modes if mode in self.device.modes)
        if not self.modes:
            have = [n for n in names if set(promise.modes) & set(load_device(n).modes)]
            wanted = " or ".join(promise.modes)
            self._refuse(f"has no {wanted} mode, and {promise.name} is about it", f"one of {', '.join(have)}")
        self.group: Group = population().groups[population().devices[device]]
        self.faults = {s.kind: s for s in pool(promise.faults, self.device.features)}

    def _refuse(self, said: str, remedy: str) -> None:
        raise InputError([Problem("--device", None, None, "", self.device_name, said, remedy)])

    # --- drawing ----------------------------------------------------------------------------------------------------

    def draw(self, choose: Chooser) -> dict[str, Value]:
        """A point."""
        point: dict[str, Value] = {}
        self._patient(point, choose)
        self._treatment(point, choose)
        promise = self.promise
        count = promise.least_faults
        if promise.most_faults > count:
            counts = [str(n) for n in range(promise.least_faults, promise.most_faults + 1)]
            count = int(choose.pick("faults", counts))
        for place in range(count):
            self._fault(point, choose, f"fault{place}")
        if promise.restarts:
            point["again_s"] = _some(choose.number("again_s", 1.5, 10.0))
            if choose.pick("operator", ("start again", "stop, start again")) != "start again":
                point["stop_s"] = _some(choose.number("stop_s", 0.0, 25.0))
        return point

    def _patient(self, point: dict[str, Value], choose: Chooser) -> None:
        spread, group = population(), self.group
        spans: list[tuple[str, Sequence[float]]] = [
            ("target_radius_mm", group.target_radius_mm),
            ("conductivity_scale", spread.conductivity_scale),
            ("perfusion_scale", spread.perfusion_scale),
            ("lag_s", spread.thermocouple.lag_s),
            ("noise_c", spread.thermocouple.noise_c),
        ]
        if group.wall is not None:
            spans += [("wall_mm", group.wall.distance_mm), ("wall_thickness_mm", group.wall.thickness_mm)]
        for name, (least, most) in spans:
            point[name] = _some(choose.number(name, least, most))
        for name, shares in (("target", group.target), ("surrounding", group.surrounding)):
            if shares is not None and len(shares) > 1:
                point[name] = choose.pick(name, sorted(shares))
        if group.wall is not None and choose.pick("eroded", ("no", "yes")) == "yes":
            point["eroded"] = True

    def _treatment(self, point: dict[str, Value], choose: Chooser) -> None:
        promise, device = self.promise, self.device
        mode = self.modes[0] if len(self.modes) == 1 else choose.pick("mode", self.modes)
        if mode != "temperature":
            point["mode"] = mode
        most_w = device.stage.max_power_w
        if promise.power_limit:
            # down to less than the sensing power, where a set power does not need more
            least_w = 0.1 if mode == "temperature" else device.ranges.power_w[0]
            most_w = _some(choose.number("max_power_w", least_w, most_w))
            point["max_power_w"] = most_w
        if mode == "temperature":
            least_c, most_c = device.ranges.target_c or (LEAST_TARGET_C, SOUND_TARGET_C[self.device_name])
            least_c = max(least_c, LEAST_TARGET_C)
            if promise.sound:
                most_c = SOUND_TARGET_C[self.device_name]
            point["target_c"] = _some(choose.number("target_c", least_c, most_c))
            if not promise.sound:
                point["ramp_c_s"] = _some(choose.number("ramp_c_s", *RAMP_C_S))
        else:
            least_w, sound_w = SOUND_POWER_W[self.device_name]
            top_w = sound_w if promise.sound else min(3.0 * sound_w, device.ranges.power_w[1])
            share = choose.number("power_share", 0.0, 1.0)
            power_w = min(least_w + share * (top_w - least_w), most_w)
            point["power_w"] = _some(max(power_w, device.ranges.power_w[0]))
        point["hold_s"] = _some(choose.number("hold_s", *(LONG_HOLD_S if promise.long_hold else HOLD_S)))
        for name, low, high in promise.limits:
            point[f"limit.{name}"] = _some(choose.number(f"limit.{name}", low, high)) if low < high else low

    def _fault(self, point: dict[str, Value], choose: Chooser, name: str) -> None:
        kind = choose.pick(f"{name}.kind", tuple(self.faults))
        spread = self.faults[kind]
        point[f"{name}.kind"] = kind
        point[f"{name}.state"] = choose.pick(f"{name}.state", ANCHORS)
        point[f"{name}.after_s"] = _some(choose.number(f"{name}.after_s", *AFTER_S))
        severity = choose.number(f"{name}.severity", 0.0, 1.0)
        if spread.mild is not None and spread.severe is not None:
            point[f"{name}.size"] = _some(spread.mild + severity * (spread.severe - spread.mild))
        which = choose.number(f"{name}.channel", 0.0, 1.0)
        if spread.channel:
            channels = list(self.device.electrode_channels)
            channels += list(self.device.sentinel_channels) if spread.channel == "used" else []
            point[f"{name}.channel"] = float(channels[min(int(which * len(channels)), len(channels) - 1)])
        if self.promise.least_faults == 0 and kind not in WITHOUT_END:
            lasts = choose.number(f"{name}.lasts", 0.0, 1.0)
            if lasts < 0.5:  # the other half stay
                point[f"{name}.for_s"] = _some(0.1 + 20.0 * lasts)

    # --- making -----------------------------------------------------------------------------------------------------

    def tree(self, point: Point, title: str = "A point of a search") -> dict[str, Any]:
        """The scenario as its file has it."""
        promise, device = self.promise, self.device
        get = point.get
        tree: dict[str, Any] = {"title": title, "device": self.device_name}
        changed = {name: get(name) for name in ("lag_s", "noise_c") if get(name) is not None}
        if changed:
            couples = [{**plain(t), **changed} for t in device.thermocouples]
            tree["device"] = {"profile": self.device_name, "thermocouples": couples}
        treatment: dict[str, Any] = {}
        for name in ("mode", "target_c", "power_w", "ramp_c_s", "hold_s", "max_power_w"):
            if get(name) is not None:
                treatment[name] = get(name)
        limits = {name.removeprefix("limit."): value for name, value in point.items() if name.startswith("limit.")}
        if limits:
            treatment["limits"] = limits
        tree["treatment"] = treatment
        group = self.group
        target = get("target") or _likeliest(group.target)
        plant: dict[str, Any] = {} if self.plant == "network" else {"model": self.plant}
        plant["target"] = target
        plant["surrounding"] = (
            target if group.surrounding is None else get("surrounding") or _likeliest(group.surrounding)
        )
        for name in ("target_radius_mm", "conductivity_scale", "perfusion_scale"):
            if get(name) is not None:
                plant[name] = get(name)
        if group.wall is not None:
            wall: dict[str, Any] = {"distance_mm": get("wall_mm") or 12.0}
            if get("wall_thickness_mm") is not None:
                wall["thickness_mm"] = get("wall_thickness_mm")
            if get("eroded"):
                wall["eroded"] = True
            plant["wall"] = wall
        tree["plant"] = plant
        faults = [fault for place in range(promise.most_faults) if (fault := _fault_line(point, f"fault{place}"))]
        if faults:
            tree["faults"] = faults
        tree["operator"] = _operator(point)
        tree["expect"] = {"kept": [promise.name]}
        tree["max_time_s"] = MOST_TIME_S
        return tree

    def scenario(self, point: Point) -> Scenario:
        """The same, without the way over text. Raises ValidationError where the point cannot be."""
        return self.of_tree(self.tree(point))

    def of_tree(self, tree: Mapping[str, Any]) -> Scenario:
        """A tree of this space. Raises ValidationError."""
        device = self.device
        own = tree["device"]
        if not isinstance(own, str):
            update = {name: own["thermocouples"][0][name] for name in ("lag_s", "noise_c")}
            update = {name: float(value) for name, value in update.items()}
            couples = tuple(t.model_copy(update=update) for t in device.thermocouples)
            device = device.model_copy(update={"thermocouples": couples})
        treatment = dict(tree["treatment"])
        step = {name: treatment.pop(name) for name in STEP if name in treatment}
        return Scenario.model_validate({**tree, "device": device, "treatment": {**treatment, "steps": [step]}})


STEP = ("target_c", "power_w", "ramp_c_s", "hold_s")
WITHOUT_END = ("firmware_exception", "limits_overwritten")


def _fault_line(point: Point, name: str) -> dict[str, Any] | None:
    kind = point.get(f"{name}.kind")
    if kind is None:
        return None
    after_s = point.get(f"{name}.after_s")
    state = point.get(f"{name}.state", "ramp")
    line: dict[str, Any] = {"at": f"{state} + {after_s:g} s" if after_s else str(state), "kind": kind}
    channel = point.get(f"{name}.channel")
    if channel is not None:
        line["channel"] = int(channel)
    for key, name_of in (("size", "size"), ("for", "for_s")):
        value = point.get(f"{name}.{name_of}")
        if value is not None:
            line[key] = value
    return line


def _operator(point: Point) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"at": START_S, "do": "start"}]
    stop_s, again_s = point.get("stop_s"), point.get("again_s")
    if stop_s is not None:
        lines.append({"at": f"ramp + {stop_s:g} s", "do": "stop"})
    if isinstance(again_s, float):
        lines.append({"at": f"cutoff + {again_s:g} s", "do": "acknowledge"})
        lines.append({"at": f"cutoff + {again_s + 1.0:g} s", "do": "start"})
    return lines


def _likeliest(shares: Mapping[str, float]) -> str:
    return max(sorted(shares), key=lambda name: shares[name])


def _some(value: float) -> float:
    """To a thousandth, so that the file holds what ran."""
    return round(float(value), 3)


def yaml_of(tree: Mapping[str, Any]) -> str:
    """As a person would write it."""
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
