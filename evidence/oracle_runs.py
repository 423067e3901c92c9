"""Recordings for the oracle: shipped scenarios, and random faulted treatments of random patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hal.linecatalogue import LINE_FAULTS
from rfgen.assemble import assemble
from rfgen.device import DeviceProfile, device_names, load_device
from rfgen.hostfaults import HOST_FAULTS
from rfgen.population import patient, scenario_of
from rfgen.records import State
from rfgen.runs import run_into
from rfgen.scenario import FaultLine, OperatorLine, Scenario, Step, Treatment, load_scenario, scenario_names
from rfgen.when import When
from sim.faults import FAULTS

ANCHORS = (None, State.IMPEDANCE_CHECK, State.RAMP, State.HOLD, State.CUTOFF)
ACKNOWLEDGE_S = 3.0


def shipped_names() -> tuple[str, ...]:
    """Every shipped scenario."""
    return scenario_names()


def record_shipped(name: str, folder: Path) -> Path:
    """Run a shipped scenario into a folder."""
    run_into(folder, name, assemble(load_scenario(name)), report=False)
    return folder


def record_random(number: int, seed: int, folder: Path) -> Path:
    """Run random scenario `number` of `seed` into a folder."""
    run_into(folder, f"random {number}", assemble(random_scenario(number, seed)), report=False)
    return folder


def random_scenario(number: int, seed: int) -> Scenario:
    """A random patient under a random device, with one to three random faults at random moments."""
    draw = np.random.default_rng([seed, number])
    device = load_device(str(draw.choice(device_names())))
    who = patient(device.name, seed, number)
    scenario = scenario_of(who, device, _treatment(device, draw))
    faults = tuple(_fault(scenario.device, draw) for _ in range(int(draw.integers(1, 4))))
    operator = [OperatorLine(at=When(None, 1, 0.6), do="start")]
    if draw.random() < 0.5:  # a second treatment, where the first is cut: what is latched, and what is forgotten
        operator.append(OperatorLine(at=When(State.CUTOFF, 1, ACKNOWLEDGE_S), do="acknowledge"))
        operator.append(OperatorLine(at=When(State.CUTOFF, 1, ACKNOWLEDGE_S + 0.5), do="acknowledge"))
        operator.append(OperatorLine(at=When(State.CUTOFF, 1, ACKNOWLEDGE_S + 1.5), do="start"))
    if device.dead_man:  # letting go is what makes the next press an ask
        operator.append(OperatorLine(at=When(State.CUTOFF, 1, 1.0), do="stop"))
    fields = {name: getattr(scenario, name) for name in type(scenario).model_fields}
    return Scenario(**{**fields, "faults": faults, "operator": tuple(operator), "max_time_s": 90.0, "expect": None})


def _treatment(device: DeviceProfile, draw: np.random.Generator) -> Treatment:
    """One or two steps, short, inside what the device allows."""
    mode = str(draw.choice(device.modes))
    steps = []
    for _ in range(int(draw.integers(1, 3))):
        hold_s = max(device.ranges.hold_s[0], _between(draw, 3.0, 12.0))
        if mode == "temperature":
            assert device.ranges.target_c is not None
            low, high = device.ranges.target_c
            steps.append(Step(target_c=_between(draw, low, min(high, low + 25.0)), hold_s=hold_s))
        else:
            low, high = device.ranges.power_w
            steps.append(Step(power_w=_between(draw, low, min(high, low + 8.0)), hold_s=hold_s))
    limits = {}
    if draw.random() < 0.3:
        limits["energy_limit_j"] = _between(draw, 20.0, 300.0)
    if draw.random() < 0.3:
        limits["treatment_timeout_s"] = _between(draw, 10.0, 40.0)
    if draw.random() < 0.2:
        limits["ramp_timeout_s"] = _between(draw, 5.0, 40.0)
    return Treatment(mode=mode, steps=tuple(steps), limits=limits)  # type: ignore[arg-type]


def _fault(device: DeviceProfile, draw: np.random.Generator) -> FaultLine:
    """One fault that this device can have."""
    kind = str(draw.choice(applicable_faults(device)))
    spec = FAULTS.get(kind)
    channel = int(draw.integers(len(device.thermocouples))) if spec is not None and spec.channel else None
    size = None
    sized = spec.size if spec is not None else LINE_FAULTS[kind].size if kind in LINE_FAULTS else None
    if sized is not None and draw.random() < 0.7:
        most = min(sized.most, 5.0 * abs(sized.default))
        size = _between(draw, sized.least, max(sized.least, most))
    anchor = ANCHORS[int(draw.choice(len(ANCHORS), p=(0.1, 0.2, 0.4, 0.25, 0.05)))]
    offset_s = _between(draw, 0.0, 6.0 if anchor is State.IMPEDANCE_CHECK else 9.0)
    ends = kind not in HOST_FAULTS or HOST_FAULTS[kind].ends
    for_s = _between(draw, 0.01, 4.0) if ends and draw.random() < 0.5 else None
    given = {"at": When(anchor, 1, offset_s), "kind": kind, "channel": channel, "size": size, "for": for_s}
    return FaultLine(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]


def applicable_faults(device: DeviceProfile) -> list[str]:
    """Kinds of fault that mean something on this device."""
    kinds = [*FAULTS, *LINE_FAULTS, *HOST_FAULTS]
    if device.pump is None:
        kinds = [kind for kind in kinds if kind not in ("pump_stopped", "pump_slow", "air_bubble", "coolant_warm")]
    if not device.sentinel_channels:
        kinds.remove("sentinel_close")
    if len(device.thermocouples) < 2:
        kinds.remove("thermocouple_swapped")
    if "start_switch" not in device.fitted:
        kinds = [kind for kind in kinds if not kind.startswith("start_")]
    if "return_monitor" not in device.fitted:
        kinds.remove("return_electrode_lost")
    return kinds


def _between(draw: np.random.Generator, low: float, high: float) -> float:
    # three decimals: the scenario's file then holds exactly what ran
    return round(float(draw.uniform(low, high)), 3)
