"""What must hold between the parts of a scenario, each fault at its own field.

A part that is wrong in itself is left out here (None), and what remains is still checked against each other: so that
one slip does not hide the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rfgen.device import (
    OVER_TEMP_ABOVE_TARGET_C,
    DeviceProfile,
    limit_faults,
    order_faults,
    resolve_limits_for,
)
from rfgen.fieldparts import FieldModel
from rfgen.problems import Fault, PathPart, suggestion
from rfgen.records import State
from rfgen.safety.limits import LIMITS, limit_problem
from rfgen.scenarioparts import FaultLine, OperatorLine, PlantModel, Step, Treatment

HOLD_SLACK = 3.0
"""A moment counted from a hold may lie this many times its length after it began: time out of band does not count as
held."""
FIRST_SHELL_MM = 0.35
"""Least room round the electrode's own spheroid, for the plant's first shell."""
PLANE_MARGIN_MM, FAR_MARGIN_MM = 0.3, 5.0
"""Least room between the electrode and a wall ahead of it, and between it and the far boundary."""
NEEDS_PUMP = frozenset({"pump_stopped", "pump_slow", "air_bubble", "coolant_warm"})


class Parts(NamedTuple):
    """A scenario's parts as far as each is right in itself; None where it is not."""

    device: DeviceProfile | None
    treatment: Treatment | None
    plant: PlantModel | None
    faults: Sequence[FaultLine | None]
    operator: Sequence[OperatorLine | None]
    max_time_s: float | None


def cross_faults(parts: Parts) -> Iterator[Fault]:
    """What is wrong between the parts."""
    device, treatment, plant = parts.device, parts.treatment, parts.plant
    if device is not None and treatment is not None:
        yield from _treatment_faults(device, treatment)
        yield from _limit_faults(device, treatment)
        for place, step in enumerate(treatment.steps):
            where: tuple[PathPart, ...] = ("treatment", "steps", place)
            yield from (fault._replace(path=(*where, *fault.path)) for fault in _step_faults(device, treatment, step))
    if device is not None and plant is not None:
        yield from _plant_faults(device, plant)
    yield from _time_faults(parts)
    if device is not None:
        for place, line in enumerate(parts.faults):
            if line is not None:
                yield from _fitting_faults(device, line.kind, line.channel, ("faults", place), "kind")
        for place, hand in enumerate(parts.operator):
            if hand is not None and hand.fault is not None:
                key = "fault_on" if hand.fault_on is not None else "fault_off"
                yield from _fitting_faults(device, hand.fault, hand.channel, ("operator", place), key)
    yield from _hand_faults(parts)


def _treatment_faults(device: DeviceProfile, treatment: Treatment) -> Iterator[Fault]:
    if treatment.mode not in device.modes:
        yield Fault(("treatment", "mode"), f"is no mode of {device.name}", suggestion(treatment.mode, device.modes))
    if treatment.max_power_w is not None and treatment.max_power_w > device.stage.max_power_w:
        most = f"at most {device.stage.max_power_w:g} W, what {device.name} gives"
        yield Fault(("treatment", "max_power_w"), "is more than the stage gives", most)
    flow = treatment.flow_ml_min
    if flow is not None and device.pump is None:
        yield Fault(("treatment", "flow_ml_min"), f"is asked of {device.name}, which has no pump", "leave it out")
    elif flow is not None and device.pump is not None and flow > device.pump.max_flow_ml_min:
        most = f"at most {device.pump.max_flow_ml_min:g} ml/min"
        yield Fault(("treatment", "flow_ml_min"), "is more than the pump gives", most)


def _limit_faults(device: DeviceProfile, treatment: Treatment) -> Iterator[Fault]:
    """The treatment's own limits: each in its hard range, and in order with the device's."""
    found = list(limit_faults(treatment.limits, ("treatment", "limits")))
    direct = {name: value for name, value in treatment.overrides.items() if name not in treatment.limits}
    found += limit_faults(direct, ("treatment",))
    if not found:
        in_force = resolve_limits_for(device, treatment.overrides)
        found += order_faults(in_force, treatment.limits, ("treatment", "limits"))
        asked_s = treatment.limits.get("check_timeout_s")
        if asked_s is not None and asked_s < in_force["check_timeout_s"]:
            least = f"at least {in_force['check_timeout_s']:g} s, the pump's prime_s and 5 s"
            found.append(Fault(("treatment", "limits", "check_timeout_s"), "is too short", least))
    yield from found


def _step_faults(device: DeviceProfile, treatment: Treatment, step: Step) -> Iterator[Fault]:
    by_temperature = treatment.mode == "temperature"
    wanted, other = ("target_c", "power_w") if by_temperature else ("power_w", "target_c")
    if getattr(step, wanted) is None:
        yield Fault((wanted,), "is missing", f"{treatment.mode} mode needs it in every step")
    if getattr(step, other) is not None:
        yield Fault((other,), "means nothing here", f"{treatment.mode} mode has none: leave it out")
    most_w = device.stage.max_power_w if treatment.max_power_w is None else treatment.max_power_w
    over_c = treatment.limits.get("over_temp_c", device.limits.get("over_temp_c", LIMITS["over_temp_c"].default))
    span = device.ranges.target_c
    if by_temperature and step.target_c is not None:
        if span is not None and not span[0] <= step.target_c <= span[1]:
            yield Fault(("target_c",), f"is outside what {device.name} allows", f"{span[0]:g} to {span[1]:g} C")
        elif not limit_problem("over_temp_c", over_c) and step.target_c > over_c - OVER_TEMP_ABOVE_TARGET_C:
            most = f"at most {over_c - OVER_TEMP_ABOVE_TARGET_C:g} C, 8 below over_temp_c"
            yield Fault(("target_c",), "is too near the over-temperature limit", most)
    low, high = device.ranges.power_w
    if not by_temperature and step.power_w is not None and not low <= step.power_w <= min(high, most_w):
        remedy = f"{low:g} to {high:g} W" if high <= most_w else f"at most {most_w:g} W, the most power given"
        yield Fault(("power_w",), f"is outside what {device.name} allows", remedy)
    low, high = device.ranges.hold_s
    if not low <= step.hold_s <= high:
        yield Fault(("hold_s",), f"is outside what {device.name} allows", f"{low:g} to {high:g} s")


def _plant_faults(device: DeviceProfile, plant: PlantModel) -> Iterator[Fault]:
    if plant.wall is None and any(t.place == "posterior_wall" for t in device.thermocouples):
        said = f"has no wall, and {device.name} has a thermocouple behind it"
        yield Fault(("plant",), said, "add `wall: {distance_mm: 12}`, or override device.thermocouples")
    # the equatorial radius of the spheroid that stands for a pole of the same length and volume, and the first shell
    least_mm = device.electrode.diameter_mm * 0.5 * 1.5**0.5 + FIRST_SHELL_MM
    if plant.target_radius_mm <= least_mm:
        yield Fault(("plant", "target_radius_mm"), "is inside the electrode", f"it must be above {least_mm:.3g} mm")
    if plant.wall is not None and plant.wall.distance_mm <= least_mm:
        yield Fault(("plant", "wall", "distance_mm"), "is inside the electrode", f"it must be above {least_mm:.3g} mm")
    elif plant.on_field:
        yield from _field_faults(device, plant, plant.field or FieldModel())


def _field_faults(device: DeviceProfile, plant: PlantModel, field: FieldModel) -> Iterator[Fault]:
    """What is wrong with a field plant round this electrode: its half-length is what reaches furthest."""
    needle = device.electrode
    half_mm = 0.5 * needle.active_length_mm
    if needle.kind == "bipolar":
        half_mm = needle.active_length_mm + 0.5 * needle.gap_mm
    wall = plant.wall
    if wall is not None and field.wall_shape == "plane" and wall.distance_mm <= half_mm + PLANE_MARGIN_MM:
        least = f"as a plane ahead of the tip it must be above {half_mm + PLANE_MARGIN_MM:g} mm"
        yield Fault(("plant", "wall", "distance_mm"), "is inside the electrode", least)
    if field.far_mm < half_mm + FAR_MARGIN_MM:
        least = f"at least {half_mm + FAR_MARGIN_MM:g} mm"
        yield Fault(("plant", "field", "far_mm"), "is too near the electrode", least)
    if field.point_mm is not None and field.tip != "pointed":
        yield Fault(("plant", "field", "point_mm"), "means nothing here", "add `tip: pointed`, or leave it out")
    if field.point_mm is not None and field.point_mm >= needle.active_length_mm:
        most = f"below the {needle.active_length_mm:g} mm of the pole"
        yield Fault(("plant", "field", "point_mm"), "is longer than the pole", most)
    if field.csf_mm + field.cord_mm <= 0.0:
        yield Fault(("plant", "field", "cord_mm"), "leaves no canal", "give csf_mm or cord_mm")
    if wall is None and field.extension_mm > 0.0:
        yield Fault(("plant", "field", "extension_mm"), "needs a wall", "add `wall: {distance_mm: 15}`")
    elif wall is not None and field.extension_mm > wall.fat_mm:
        yield Fault(
            ("plant", "field", "extension_mm"), "is more than the fat it replaces", f"at most {wall.fat_mm:g} mm"
        )


def _time_faults(parts: Parts) -> Iterator[Fault]:
    lines: list[tuple[str, int, FaultLine | OperatorLine]] = []
    lines += [("faults", n, line) for n, line in enumerate(parts.faults) if line is not None]
    lines += [("operator", n, line) for n, line in enumerate(parts.operator) if line is not None]
    # a line that is wrong may be a start
    starts = None if None in parts.operator else sum(line is not None and line.do == "start" for line in parts.operator)
    steps = None if parts.treatment is None else parts.treatment.steps
    for part, place, line in lines:
        where, at = (part, place, "at"), line.at
        if parts.max_time_s is not None and at.offset_s > parts.max_time_s:
            yield Fault(where, "is after the end", f"max_time_s is {parts.max_time_s:g} s")
            continue
        if starts is not None and at.anchor is State.IMPEDANCE_CHECK and at.occurrence > starts:
            yield Fault(where, "never comes", f"the operator starts {starts} time(s)")
        if steps is None or at.anchor not in (State.RAMP, State.HOLD):
            continue
        if starts is not None and at.occurrence > len(steps) * starts:
            started = "" if starts == 1 else f", and is started {starts} times"
            yield Fault(where, "never comes", f"the treatment has {len(steps)} step(s){started}")
        elif at.anchor is State.HOLD:
            # with one start the n-th hold is the n-th step's; with several it may be any
            one = starts is not None and starts <= 1
            hold_s = steps[at.occurrence - 1].hold_s if one else max(step.hold_s for step in steps)
            if at.offset_s > HOLD_SLACK * hold_s:
                yield Fault(where, "is long after that hold", f"it lasts {hold_s:g} s")


def _hand_faults(parts: Parts) -> Iterator[Fault]:
    """A fault that the operator takes off, and nothing puts on. A line that is wrong may do so."""
    if None in parts.faults or None in parts.operator:
        return
    put = {(line.kind, line.channel) for line in parts.faults if line is not None}
    put |= {(line.fault_on, line.channel) for line in parts.operator if line is not None and line.fault_on is not None}
    for place, line in enumerate(parts.operator):
        if line is not None and line.fault_off is not None and (line.fault_off, line.channel) not in put:
            where = "" if line.channel is None else f" on channel {line.channel}"
            yield Fault(
                ("operator", place, "fault_off"), f"is never put on{where}", "add a line with `fault_on` for it"
            )


def _fitting_faults(
    device: DeviceProfile, kind: str, channel: int | None, where: tuple[PathPart, ...], key: str
) -> Iterator[Fault]:
    """A fault of what the device does not have."""
    channels = len(device.thermocouples)
    if channel is not None and channel >= channels:
        remedy = (
            f"{device.name} has channels 0 to {channels - 1}" if channels > 1 else f"{device.name} has channel 0 alone"
        )
        yield Fault((*where, "channel"), "is no channel", remedy)
    elif kind == "thermocouple_swapped" and channels < 2:
        yield Fault((*where, key), f"needs two thermocouples, and {device.name} has one", "leave it out")
    if kind == "sentinel_close" and not device.sentinel_channels:
        yield Fault((*where, key), f"needs a sentinel, and {device.name} has none", "leave it out")
    if kind in NEEDS_PUMP and device.pump is None:
        yield Fault((*where, key), f"needs a pump, and {device.name} has none", "leave it out")
