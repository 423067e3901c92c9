"""Faults of the host itself: what goes wrong inside the firmware's own program, and in the time it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rfgen.control.controller import Controller
from rfgen.generator import Generator


@dataclass(frozen=True, slots=True)
class HostFaultSpec:
    """One kind of host fault. `ends`: it can be taken off again; the others last until the next start, or longer."""

    kind: str
    description: str
    ends: bool = False
    size: None = None


HOST_FAULTS: dict[str, HostFaultSpec] = {
    spec.kind: spec
    for spec in (
        HostFaultSpec("firmware_exception", "control raises an exception in every tick until the next start"),
        HostFaultSpec("limits_overwritten", "a limit in force is written over, without anybody having asked"),
        HostFaultSpec("tick_overrun", "the host misses each of its ticks by more than a period", ends=True),
    )
}


class Host(Protocol):
    """What runs the firmware: a `Session`."""

    generator: Generator
    overruns: bool
    """Each tick counts as missed."""


class Defect(RuntimeError):
    """What a defective control raises."""


class DefectiveController(Controller):
    """Control with a defect: asks for what the sound one asked for last, and raises whenever it is called."""

    def __init__(self, sound: Controller) -> None:
        super().__init__(sound.plan, sound.tuning, sound.tick_s)
        self.asked_w, self.asked_flow_ml_min = sound.asked_w, sound.asked_flow_ml_min
        self.step_index, self.step = sound.step_index, sound.step

    def checking(self, flow_ml_min: float, impedance_ohm: float | None) -> bool:
        raise Defect("a defect put on by the scenario")

    def ramping(self, control_c: float, impedance_ohm: float | None) -> bool:
        raise Defect("a defect put on by the scenario")

    def holding(self, control_c: float, impedance_ohm: float | None, rf_on: bool) -> bool:
        raise Defect("a defect put on by the scenario")


def put(host: Host, kind: str) -> None:
    """Put a host fault on. Raises KeyError for an unknown kind."""
    if kind == "tick_overrun":
        host.overruns = True
    else:
        harm(host.generator, kind)


def take_off(host: Host, kind: str) -> None:
    """Take one off that ends."""
    if kind == "tick_overrun":
        host.overruns = False


def harm(generator: Generator, kind: str) -> None:
    """What a fault does to the firmware's own program; nothing for one that does not touch it."""
    HOST_FAULTS[kind]
    if kind == "firmware_exception":
        generator.controller = DefectiveController(generator.controller)
    elif kind == "limits_overwritten":
        generator.supervisor.limits["over_temp_c"] += 1.0
