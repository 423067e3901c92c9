"""Recordings for the oracle: shipped scenarios, and random faulted treatments of random patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hal.linecatalogue import LINE_FAULTS
from rfgen.assemble import assemble
from rfgen.device import DeviceProfile, device_names, load_device
from rfgen.hostfaults import HOST_FAULTS
from rfgen.population import patient, scenario_of
from rfgen.record.loader import Run
from rfgen.records import State
from rfgen.runs import run_into
from rfgen.scenario import FaultLine, OperatorLine, Scenario, Step, Treatment, load_scenario, scenario_names
from rfgen.when import When
from sim.faults import FAULTS

TIGHTER = {
    "overshoot_c": (1.0, 3.0),
    "under_c": (1.0, 3.0),
    "sentinel_c": (38.0, 42.0),
    "dose_min": (0.1, 1.0),
    "forecast_share": (0.5, 1.25),
    "tc_rate_c_s": (5.0, 20.0),
    "disagree_c": (1.0, 5.0),
    "stall_share": (0.5, 0.9),
    "stall_power_share": (0.1, 0.2),
    "z_spread_share": (0.02, 0.05),
    "deviation_share": (0.05, 0.1),
    "deviation_w": (0.2, 0.5),
    "off_power_w": (0.05, 0.1),
    "roll_off_ratio": (1.2, 1.4),
    "z_jump_ohm": (10.0, 20.0),
    "z_jump_share": (0.1, 0.15),
    "meter_share": (0.05, 0.1),
    "meter_w": (0.2, 0.3),
    "skew_share": (0.005, 0.01),
    "energy_limit_j": (20.0, 300.0),
    "treatment_timeout_s": (10.0, 40.0),
    "ramp_timeout_s": (5.0, 40.0),
}
"""Spans of limits, inside their hard ranges, in which even a sound treatment may come to trip."""
SLOW = ("thermocouple_displaced", "thermocouple_slow", "vessel", "impedance_offset", "stage_gain", "stage_saturated")
"""Faults that show only when they last."""
ANCHORS = (None, State.IMPEDANCE_CHECK, State.RAMP, State.HOLD, State.CUTOFF)


def shipped_names() -> tuple[str, ...]:
    """Every shipped scenario."""
    return scenario_names()


def record_shipped(name: str, folder: Path) -> Run:
    """Run a shipped scenario into a folder, and read its recording."""
    return run_into(folder, name, assemble(load_scenario(name)), report=False).run


def record_random(number: int, seed: int, folder: Path) -> Run:
    """Run random scenario `number` of `seed` into a folder, and read its recording."""
    return run_into(folder, f"random {number}", assemble(random_scenario(number, seed)), report=False).run


def random_scenario(number: int, seed: int) -> Scenario:
    """A random patient under a random device, with one to three random faults at random moments."""
    draw = np.random.default_rng([seed, number])
    name = str(draw.choice(device_names()))
    device = _variant(load_device(name), draw)
    scenario = scenario_of(patient(name, seed, number), device, _treatment(device, draw))
    faults = tuple(_fault(scenario.device, draw) for _ in range(int(draw.integers(1, 4))))
    operator = [OperatorLine(at=When(None, 1, 0.6), do="start")]
    if draw.random() < 0.5:  # a second treatment, where the first is cut: what is latched, and what is forgotten
        moments = [When(State.CUTOFF, 1, _between(draw, at_s, at_s + 0.9)) for at_s in (2.0, 3.0, 4.0)]
        operator += [OperatorLine(at=at, do="acknowledge") for at in moments[:2]]
        operator.append(OperatorLine(at=moments[2], do="start"))
    if device.dead_man:  # letting go is what makes the next press an ask
        operator.append(OperatorLine(at=When(State.CUTOFF, 1, 1.0), do="stop"))
    fields = {name: getattr(scenario, name) for name in type(scenario).model_fields}
    return Scenario(**{**fields, "faults": faults, "operator": tuple(operator), "max_time_s": 90.0, "expect": None})


def _variant(device: DeviceProfile, draw: np.random.Generator) -> DeviceProfile:
    """The device, some with another period, a coarse converter, a pair declared to be in one place, or a start switch
    that must be held."""
    given: dict[str, object] = {}
    if draw.random() < 0.3:
        given["period_ms"] = period_ms = int(draw.choice((5, 10, 30, 70)))
        given["watchdog_ms"] = max(device.watchdog_ms, 3 * period_ms)
    if draw.random() < 0.1:
        coarse = {"resolution_c": 0.25}
        given["thermocouples"] = tuple(t.model_copy(update=coarse) for t in device.thermocouples)
    if len(device.electrode_channels) > 1 and draw.random() < 0.3:
        given["co_located"] = ((0, 1),)
    if "start_switch" in device.fitted and draw.random() < 0.2:
        given["dead_man"] = True
    given["sources"] = {**device.sources, **dict.fromkeys(given, "varied here, to test")}
    own = {name: getattr(device, name) for name in device.model_fields_set}
    return DeviceProfile.model_validate({**own, **given})


def _treatment(device: DeviceProfile, draw: np.random.Generator) -> Treatment:
    """One or two steps, short, inside what the device allows; some limits tighter than usual."""
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
    limits = {name: _between(draw, *span) for name, span in TIGHTER.items() if draw.random() < 0.12}
    return Treatment(mode=mode, steps=tuple(steps), limits=limits)  # type: ignore[arg-type]


def _fault(device: DeviceProfile, draw: np.random.Generator) -> FaultLine:
    """One fault that this device can have."""
    kinds = applicable_faults(device)
    slow = draw.random() < 0.15
    kind = str(draw.choice(SLOW if slow else kinds))
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
    for_s = _between(draw, 0.01, 4.0) if ends and draw.random() < 0.5 and not slow else None
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
