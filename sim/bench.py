"""A whole simulated bench: output stage, plant, pump, sensors and switches, and the faults put on them.

Moves by one tick per `step`: never per poll, never by a clock. Everything random comes from the seed. A
deep copy is an independent continuation of the same bench.

It decides nothing: what a rig does by itself (watchdog, its own limits) is the backend's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from sim.disturb import Conditions, Disturber
from sim.faults import Fault
from sim.plant import Plant
from sim.readings import Readings
from sim.sensors import MeterSpec, NoiseSource, ThermocoupleSpec, thermocouple_reader
from sim.stage import StageSpec, drive, new_record

__all__ = ["Bench", "BenchSpec", "PumpSpec", "Readings"]


DEGREES: Final = 180.0 / math.pi
UNLIMITED_A, UNLIMITED_V = 20.0, 1000.0
"""What a stage whose limits do not hold could still drive (assumed)."""
CUT_OPENS_S = 0.02
"""Time in which a relay of the second cut opens, whole steps of it (assumed)."""


@dataclass(frozen=True, slots=True)
class PumpSpec:
    """Coolant pump: flow follows what was asked for with a first-order lag."""

    max_flow_ml_min: float
    lag_s: float = 0.4
    coolant_c: float = 22.0

    def __post_init__(self) -> None:
        for name in ("max_flow_ml_min", "lag_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ValueError(f"pump: {name} is {value!r}; it must be finite and above 0")
        if not 0.0 <= self.coolant_c <= 90.0:
            raise ValueError(f"pump: coolant_c is {self.coolant_c!r}; it must be 0 to 90 C")


@dataclass(frozen=True, slots=True)
class BenchSpec:
    """What a bench is made of, the plant apart."""

    stage: StageSpec
    meters: MeterSpec
    thermocouples: tuple[ThermocoupleSpec, ...]
    pump: PumpSpec | None = None
    stage_temperature: bool = False
    coolant_temperature: bool = False

    def __post_init__(self) -> None:
        if not self.thermocouples:
            raise ValueError("bench: thermocouples is empty; a bench needs at least one")


class Bench:
    """Steps stage, plant, pump and sensors together.

    `tick_s` is the length of every step; `seed` fixes all noise. `start_pressed` is the start switch as a
    hand holds it. The stage is asked for what it is told: keeping to its rated power is the caller's
    business, as on a real rig.

    Raises ValueError for a step that is not above 0, a negative seed, or a plant with other sites than
    thermocouples.
    """

    def __init__(self, spec: BenchSpec, plant: Plant, tick_s: float, seed: int) -> None:
        if not 0.0 < tick_s < math.inf:
            raise ValueError(f"bench: tick_s is {tick_s!r}; it must be finite and above 0")
        if seed < 0:
            raise ValueError(f"bench: seed is {seed!r}; it must be 0 or more")
        if len(plant.site_c) != len(spec.thermocouples):
            raise ValueError(
                f"bench: thermocouples are {len(spec.thermocouples)}, but the plant has {len(plant.site_c)} sites"
            )
        self.spec = spec
        self.plant = plant
        self.tick_s = tick_s
        self.start_pressed = False
        self._cut_in: int | None = None
        """Steps until the second cut is open; None while it is closed."""
        self._noise = NoiseSource(seed, spec.thermocouples, spec.meters, tick_s)
        self._read = thermocouple_reader(spec.thermocouples, tick_s)
        self._disturber = Disturber(len(spec.thermocouples), seed, tick_s, min(plant.site_c))
        self._stage_w = 0.0
        self._stage_c = spec.stage.ambient_c
        self._stage_follow = tick_s / spec.stage.heating_s
        self._slew_w = spec.stage.slew_w_s * tick_s
        self._loss_share = 1.0 / spec.stage.efficiency - 1.0
        self._meters_from = len(spec.thermocouples)
        self._flow_ml_min = 0.0
        self._flow_follow = -math.expm1(-tick_s / spec.pump.lag_s) if spec.pump is not None else 0.0
        self._junction_c: tuple[float, ...] = tuple(plant.site_c)
        self._power_w = 0.0

    def __getstate__(self) -> dict[str, object]:
        kept = dict(self.__dict__)
        del kept["_read"]
        return kept

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._read = thermocouple_reader(self.spec.thermocouples, self.tick_s)

    @property
    def junction_c(self) -> tuple[float, ...]:
        """Temperature of every thermocouple's junction, without noise or error."""
        return self._junction_c

    @property
    def power_w(self) -> float:
        """Power that reached the load over the last tick."""
        return self._power_w

    def truth(self, site: int | None) -> tuple[float, float, float, float, float]:
        """What no instrument says: the first junction, its site, another site (NaN for None) and the hottest tissue, C;
        the power that reached the load, W."""
        plant = self.plant
        sites = plant.site_c
        other_c = math.nan if site is None else sites[site]
        return self._junction_c[0], sites[0], other_c, plant.hottest_c, self._power_w

    @property
    def cut_open(self) -> bool:
        """The second cut is open, or about to be."""
        return self._cut_in is not None

    def open_cut(self, *, at_once: bool = False) -> None:
        """Open the switch between stage and meters: nothing passes, whatever the stage does, and what reads back is the
        stage's own. It takes a relay's time. `at_once`: it has been open before."""
        if at_once:
            self._cut_in = 0
        elif self._cut_in is None:
            self._cut_in = math.ceil(CUT_OPENS_S / self.tick_s)

    def close_cut(self) -> None:
        """Close it again."""
        self._cut_in = None

    @property
    def faults(self) -> dict[int, Fault]:
        """The faults in force, by handle."""
        return dict(self._disturber.active)

    def put(self, fault: Fault) -> int:
        """Put a fault on from the next step on; the handle takes it off again.

        Raises ValueError where the bench has no such channel.
        """
        handle = self._disturber.put(fault)
        self.plant.disturb(self._disturber.disturbance())
        return handle

    def take_off(self, handle: int) -> None:
        """Take a fault off; one that is not on is no error."""
        self._disturber.take_off(handle)
        self.plant.disturb(self._disturber.disturbance())

    def step(self, rf_on: bool, power_w: float, flow_ml_min: float) -> Readings:
        """One tick with this drive throughout; what the instruments say at its end."""
        spec = self.spec
        stage = spec.stage
        plant = self.plant
        disturber = self._disturber
        conditions: Conditions | None = None
        resistance_ohm = plant.resistance_ohm
        reactance_ohm = plant.reactance_ohm
        if disturber.active:
            conditions = disturber.conditions()
            plant.disturb(disturber.disturbance())
            rf_on, power_w = conditions.stage(rf_on, power_w, self._stage_w)
            resistance_ohm, reactance_ohm = plant.resistance_ohm, plant.reactance_ohm
            if conditions.unlimited:
                stage = replace(stage, max_current_a=UNLIMITED_A, max_voltage_v=UNLIMITED_V)
            if conditions.load_ohm is not None:
                resistance_ohm, reactance_ohm = conditions.load_ohm, 0.0

        # output stage: up with its slew, down at once
        if rf_on:
            rise_w = self._stage_w + self._slew_w
            asked_w = power_w if power_w < rise_w else rise_w
        else:
            asked_w = 0.0
        self._stage_w = asked_w
        passed_w = asked_w
        if self._cut_in is not None:
            if self._cut_in == 0:
                passed_w = 0.0
            else:
                self._cut_in -= 1
        out_w, voltage_v, current_a = drive(stage, passed_w, resistance_ohm, reactance_ohm)
        self._power_w = out_w
        loss_w = out_w * self._loss_share
        self._stage_c += self._stage_follow * (stage.ambient_c + stage.heating_c_w * loss_w - self._stage_c)

        # pump
        flow = self._flow_ml_min
        coolant_c = math.nan
        pump = spec.pump
        if pump is not None:
            coolant_c = pump.coolant_c
            wanted = flow_ml_min if flow_ml_min < pump.max_flow_ml_min else pump.max_flow_ml_min
            if conditions is not None:
                wanted *= conditions.pump_scale
                coolant_c = conditions.coolant_c if conditions.coolant_c is not None else coolant_c
            flow += self._flow_follow * (wanted - flow)
            self._flow_ml_min = flow

        # tissue: an open or shorted circuit delivers nothing to it
        into_tissue_w = out_w if conditions is None or conditions.load_ohm is None else 0.0
        sites = plant.advance(into_tissue_w, flow, coolant_c)

        # sensors
        rows = self._noise.rows
        noise = rows.pop() if rows else self._noise.next_row()
        if conditions is not None:
            sites = conditions.sites(tuple(sites))
        self._junction_c, temperature_c = self._read(self._junction_c, sites, noise)  # type: ignore[arg-type]
        voltage_noise, current_noise, power_noise, phase_noise, flow_noise = noise[self._meters_from :]
        meters = spec.meters
        q = meters.voltage_resolution_v
        read_v = (voltage_v + voltage_noise + 0.5 * q) // q * q
        q = meters.current_resolution_a
        read_a = (current_a + current_noise + 0.5 * q) // q * q
        read_w = out_w + power_noise
        phase_deg = math.nan
        if meters.phase:
            phase_deg = math.atan2(reactance_ohm, resistance_ohm) * DEGREES + phase_noise
        read_flow = math.nan
        if pump is not None:
            read_flow = flow + flow_noise if flow > 0.01 else 0.0
        readings = new_record(
            Readings,
            (
                rf_on,
                flow > 0.01,
                True,
                self.start_pressed,
                False,
                True,
                False,
                0,
                read_w if read_w > 0.0 else 0.0,
                read_v if read_v > 0.0 else 0.0,
                read_a if read_a > 0.0 else 0.0,
                phase_deg,
                read_flow if not read_flow < 0.0 else 0.0,
                coolant_c if spec.coolant_temperature else math.nan,
                self._stage_c if spec.stage_temperature else math.nan,
                temperature_c,
            ),
        )
        return readings if conditions is None else conditions.readings(readings)
