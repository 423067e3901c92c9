"""Faults of the host itself: what goes wrong inside the firmware's own program."""

from __future__ import annotations

from dataclasses import dataclass

from rfgen.control.controller import Controller
from rfgen.generator import Generator


@dataclass(frozen=True, slots=True)
class HostFaultSpec:
    """One kind of host fault; none has a size."""

    kind: str
    description: str
    size: None = None


HOST_FAULTS: dict[str, HostFaultSpec] = {
    spec.kind: spec
    for spec in (HostFaultSpec("firmware_exception", "control raises an exception in every tick until the next start"),)
}


class Defect(RuntimeError):
    """What a defective control raises."""


class DefectiveController(Controller):
    """Control with a defect: asks for what the sound one asked for last, and raises whenever it is called."""

    def __init__(self, sound: Controller) -> None:
        self.__dict__.update(sound.__dict__)

    def checking(self, flow_ml_min: float, impedance_ohm: float | None) -> bool:
        raise Defect("a defect put on by the scenario")

    def ramping(self, control_c: float, impedance_ohm: float | None) -> bool:
        raise Defect("a defect put on by the scenario")

    def holding(self, control_c: float, impedance_ohm: float | None, rf_on: bool) -> bool:
        raise Defect("a defect put on by the scenario")


def put(generator: Generator, kind: str) -> None:
    """Put a host fault on. Raises KeyError for an unknown kind."""
    HOST_FAULTS[kind]
    generator.controller = DefectiveController(generator.controller)
