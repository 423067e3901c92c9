"""Thermocouples and meters: lag, noise, cold junction, quantisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NOISE_BLOCK = 2048
"""Ticks of noise drawn at a time: a draw by itself costs more than the arithmetic of a tick."""


@dataclass(frozen=True, slots=True)
class ThermocoupleSpec:
    """One channel. `lag_s`: first-order response of the junction; `noise_c`: one sigma of a reading."""

    lag_s: float = 0.3
    noise_c: float = 0.05
    resolution_c: float = 0.0078125
    cold_junction_c: float = 0.1
    """One sigma of the cold junction's constant error, and amplitude of its slow drift (assumed)."""

    def __post_init__(self) -> None:
        for name in ("noise_c", "cold_junction_c", "lag_s"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"thermocouple: {name} is {getattr(self, name)!r}; it must be finite and 0 or more")
        if not 0.0 < self.resolution_c < math.inf:
            raise ValueError(f"thermocouple: resolution_c is {self.resolution_c!r}; it must be finite and above 0")


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """Voltage, current and power meters; one sigma and step of each. `phase`: phase is measured."""

    voltage_noise_v: float = 0.05
    voltage_resolution_v: float = 0.01
    current_noise_a: float = 0.0005
    current_resolution_a: float = 0.0001
    power_noise_w: float = 0.02
    phase: bool = False
    phase_noise_deg: float = 0.3
    flow_noise_ml_min: float = 0.05

    def __post_init__(self) -> None:
        for name in ("voltage_resolution_v", "current_resolution_a"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ValueError(f"meters: {name} is {value!r}; it must be finite and above 0")
        for name in (
            "voltage_noise_v",
            "current_noise_a",
            "power_noise_w",
            "phase_noise_deg",
            "flow_noise_ml_min",
        ):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"meters: {name} is {value!r}; it must be finite and 0 or more")


COLD_JUNCTION_DRIFT_S = 600.0
"""Period of the cold junction's drift (assumed)."""


class NoiseSource:
    """Rows of scaled noise, one row a tick: every thermocouple, then voltage, current, power, phase, flow.

    Drawn in blocks from one seeded generator; the position is part of the state, so a deep copy draws the
    same.
    """

    def __init__(
        self, seed: int, thermocouples: tuple[ThermocoupleSpec, ...], meters: MeterSpec, tick_s: float
    ) -> None:
        self._random = np.random.default_rng(np.random.SeedSequence(seed))
        n = len(thermocouples)
        self._sigma = np.array(
            [t.noise_c for t in thermocouples]
            + [
                meters.voltage_noise_v,
                meters.current_noise_a,
                meters.power_noise_w,
                meters.phase_noise_deg,
                meters.flow_noise_ml_min,
            ]
        )
        junction = np.array([t.cold_junction_c for t in thermocouples] + [0.0] * 5)
        # one cold junction serves all channels: one error, one drift
        self._offset = junction * self._random.standard_normal()
        self._drift = 0.5 * junction
        self._drift_phase = self._random.uniform(0.0, 2.0 * math.pi)
        self._tick_s = tick_s
        self._ticks = 0
        self.rows: list[tuple[float, ...]] = []
        self._count = n

    def next_row(self) -> tuple[float, ...]:
        """The next tick's noise."""
        if not self.rows:
            self._fill()
        return self.rows.pop()

    def _fill(self) -> None:
        block = self._random.standard_normal((NOISE_BLOCK, self._sigma.size)) * self._sigma + self._offset
        at_s = (self._ticks + np.arange(NOISE_BLOCK)) * self._tick_s
        block += np.outer(np.sin(2.0 * math.pi * at_s / COLD_JUNCTION_DRIFT_S + self._drift_phase), self._drift)
        self._ticks += NOISE_BLOCK
        self.rows = list(zip(*block[::-1].T.tolist(), strict=True))


Junctions = tuple[float, ...]
Read = Callable[[Junctions, tuple[float, ...], tuple[float, ...]], tuple[Junctions, tuple[float, ...]]]
"""(junction temperatures, site temperatures, noise row) -> (new junctions, readings)"""


def thermocouple_reader(specs: tuple[ThermocoupleSpec, ...], tick_s: float) -> Read:
    """One function that lags, disturbs and quantises every channel; exact for a site held over the tick."""
    n = len(specs)
    j = ", ".join(f"j{i}" for i in range(n))
    s = ", ".join(f"s{i}" for i in range(n))
    z = ", ".join(f"n{i}" for i in range(n))
    lines = ["def read(junctions, sites, noise):", f"    {j}, = junctions", f"    {s}, = sites"]
    lines += [f"    {z}, *_ = noise"]
    readings = []
    for i, spec in enumerate(specs):
        follow = 1.0 if spec.lag_s == 0.0 else -math.expm1(-tick_s / spec.lag_s)
        lines.append(f"    j{i} += {follow!r} * (s{i} - j{i})")
        q = spec.resolution_c
        readings.append(f"(j{i} + n{i} + {q / 2!r}) // {q!r} * {q!r}")
    lines.append(f"    return ({j},), ({', '.join(readings)},)")
    scope: dict[str, Read] = {}
    exec(compile("\n".join(lines), "<thermocouple reader>", "exec"), {}, scope)
    return scope["read"]
