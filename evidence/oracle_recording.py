"""What the oracle reads from a recording: samples, commands, states and links, as arrays on the samples that arrived.

Tick n of a recording holds the reply to the command decided at tick n - 1, and then the decision of tick n. The sample
in that reply describes the interval before the exchange, which the command decided at tick n - 2 drove. Where ticks
went by without a sample, the next one may describe any interval since the last: all their commands count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from rfgen.record.loader import Run

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

IDLE, CHECK, RAMP, HOLD, CUTOFF = range(5)
STATE_NAMES = ("IDLE", "IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF")


@dataclass(frozen=True)
class Step:
    """One set-point of the treatment; no target in the power modes."""

    target_c: float | None
    ramp_c_s: float


@dataclass(frozen=True)
class Device:
    """What the recording's scenario says of device and treatment, as far as the catalogue's text depends on it."""

    channels: int
    electrodes: tuple[int, ...]
    sentinel: int | None
    noise_c: tuple[float, ...]
    resolution_c: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    temperature_mode: bool
    steps: tuple[Step, ...]
    most_w: float
    most_a: float
    most_v: float
    sense_w: float
    check_s: float
    pump: bool
    prime_s: float
    phase: bool
    dead_man: bool
    start_switch: bool
    stage_temperature: bool
    coolant_temperature: bool
    return_monitor: bool


@lru_cache(maxsize=8)
def read_device(scenario_yaml: str) -> Device:
    """From the resolved scenario in the recording. Raises KeyError where it lacks a figure."""
    tree: dict[str, Any] = yaml.safe_load(scenario_yaml)
    device, treatment = tree["device"], tree["treatment"]
    stage, control, channels = device["stage"], device["control"], device["thermocouples"]
    sentinels = [n for n, channel in enumerate(channels) if channel["role"] == "sentinel"]
    pump = device.get("pump")
    steps = tuple(
        Step(step.get("target_c"), step.get("ramp_c_s") or control["ramp_c_s"]) for step in treatment["steps"]
    )
    return Device(
        channels=len(channels),
        electrodes=tuple(n for n, channel in enumerate(channels) if channel["role"] == "electrode"),
        sentinel=sentinels[0] if sentinels else None,
        noise_c=tuple(float(channel["noise_c"]) for channel in channels),
        resolution_c=tuple(float(channel["resolution_c"]) for channel in channels),
        pairs=tuple((int(a), int(b)) for a, b in device["co_located"]),
        temperature_mode=treatment["mode"] == "temperature",
        steps=steps,
        most_w=min(stage["max_power_w"], treatment.get("max_power_w") or stage["max_power_w"]),
        most_a=stage["max_current_a"],
        most_v=stage["max_voltage_v"],
        sense_w=control["sense_power_w"],
        check_s=control["check_s"],
        pump=pump is not None,
        prime_s=0.0 if pump is None else pump["prime_s"],
        phase=device["meters"]["phase"],
        dead_man=device["dead_man"],
        start_switch="start_switch" in device["fitted"],
        stage_temperature="stage_temperature" in device["fitted"],
        coolant_temperature="coolant_temperature" in device["fitted"],
        return_monitor="return_monitor" in device["fitted"] and device["electrode"]["kind"] == "monopolar",
    )


class Timeline:
    """One recording. An attribute whose name begins with `tick_` has an entry for every tick; any other array has one
    for every sample that arrived."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.device = read_device(run.info.scenario_yaml)
        self.limits = run.info.limits
        self.period_us = run.info.period_us
        self.ticks = run.ticks
        self.tick_present: Flags = np.asarray(run.present)
        self.tick: Ints = np.flatnonzero(run.present).astype(np.int64)
        self.samples = len(self.tick)
        self.before: Ints = np.concatenate(([-1], self.tick[:-1])).astype(np.int64)[: self.samples]
        """The tick of the sample before; -1 for the first."""
        self._read_operator()

    def column(self, name: str) -> NDArray[Any]:
        """A recorded field, at the samples."""
        return np.asarray(self.run.columns[name][self.tick])

    def decided(self, name: str, ago: int) -> NDArray[Any]:
        """A field of the decision `ago` ticks before each sample's tick; what stands before the first is RF off,
        0 W, no flow."""
        column = self.run.columns[name]
        place = self.tick - ago
        return np.where(place >= 0, column[np.maximum(place, 0)], column.dtype.type(0))

    # --- the operator, the link, the states ------------------------------------------------------------------

    def _read_operator(self) -> None:
        self.acknowledged: list[int] = []
        self.started: list[int] = []
        self.new_patients: list[int] = []
        self.relinked: list[int] = []
        self.rebooted: list[int] = []
        """Ticks of an acknowledge that found another boot count."""
        known: int | None = None
        moved: dict[int, int] = {}
        for event in self.run.events:
            if event.kind == "link" and known is None:
                known = _integer(event.data.get("boot_count"))
            if event.kind != "operator":
                continue
            action, tick = event.data.get("action"), event.tick
            accepted = event.data.get("accepted") is True
            boots = _integer(event.data.get("boot_count"))
            if action == "acknowledge" and boots is not None:
                if boots == known:
                    self.relinked.append(tick)
                else:
                    self.rebooted.append(tick)
                    known = boots
            if not accepted:
                continue
            if action == "acknowledge":
                self.acknowledged.append(tick)
                moved[tick] = IDLE
            elif action == "start":
                self.started.append(tick)
                moved[tick] = CHECK
            elif action == "stop":
                moved[tick] = CUTOFF
            elif action == "new_patient":
                self.new_patients.append(tick)
        left = np.asarray(self.run.columns["state"]).astype(np.int64)
        self.tick_state: Ints = np.concatenate(([IDLE], left[:-1])).astype(np.int64)[: self.ticks]
        """The state in which the tick's interlocks are read: what the tick before left, and the operator then did."""
        for tick, state in moved.items():
            if tick < self.ticks:
                self.tick_state[tick] = state

    @cached_property
    def state(self) -> Ints:
        """State in which each sample is read."""
        return np.asarray(self.tick_state[self.tick])

    @cached_property
    def step(self) -> Ints:
        """Index of the treatment's step when each sample is read."""
        steps = np.asarray(self.decided("step", 1)).astype(np.int64)
        steps[self.since(self.started) == self.tick] = 0
        return steps

    def since(self, ticks: list[int]) -> Ints:
        """The latest of these ticks at or before each sample; -1 where there is none yet."""
        marks = np.array([-1, *ticks], dtype=np.int64)
        return np.asarray(marks[np.searchsorted(marks, self.tick, side="right") - 1])

    def first_after(self, ticks: list[int]) -> Flags:
        """Samples that are the first at or after one of these ticks."""
        return np.asarray(self.since(ticks) > self.before)

    def marked(self, event: str, /, **data: object) -> list[int]:
        """Ticks of the events of this kind whose data hold these values."""
        return [e.tick for e in self.run.events if e.kind == event and _holds(e.data, data)]

    # --- time ------------------------------------------------------------------------------------------------

    @cached_property
    def fresh(self) -> Flags:
        """The first sample of a link: no time can be counted up to it."""
        found = self.first_after(self.relinked)
        if self.samples:
            found[0] = True
        return found

    @cached_property
    def link(self) -> Ints:
        """Number of the link that each sample came over."""
        return np.asarray(np.cumsum(self.fresh))

    @cached_property
    def now_us(self) -> Ints:
        """Rig time."""
        return np.asarray(self.column("rig_time_us").astype(np.int64))

    @cached_property
    def passed_us(self) -> Ints:
        """Rig time since the sample before, 0 at the first of a link; where the clock stood or went back, 0 or less."""
        passed = np.diff(self.now_us, prepend=self.now_us[:1])
        return np.where(self.fresh, 0, passed)

    @cached_property
    def stale(self) -> Flags:
        """Rig time did not advance."""
        return np.asarray(~self.fresh & (self.passed_us <= 0))

    @cached_property
    def long_us(self) -> Ints:
        """How long an interval each sample describes: a period where its clock cannot say."""
        return np.where(self.fresh | self.stale, self.period_us, self.passed_us)

    @cached_property
    def contiguous(self) -> Flags:
        """No tick without a sample lies before it."""
        return np.asarray(self.before == self.tick - 1)

    def looked_at(self, clock_us: Ints, every_us: int, begins: Flags) -> Ints:
        """For each sample the latest one, itself included, at which a slow signal is looked at: each of `begins`, and
        then the first sample at or after `every_us` since the last look; -1 before the first."""
        found = np.full(self.samples, -1, dtype=np.int64)
        last, due_us = -1, 0
        for k, (now_us, begin) in enumerate(zip(clock_us.tolist(), begins.tolist(), strict=True)):
            if begin or (last >= 0 and now_us >= due_us):
                last, due_us = k, now_us + every_us
            found[k] = last
        return found

    # --- what was commanded over the interval ----------------------------------------------------------------

    def _span(self, flags: NDArray[Any], first: Ints, last: Ints) -> Ints:
        """How many of `flags` hold in the ticks `first` to `last`, both included, none counted before tick 0."""
        sums = np.concatenate(([0], np.cumsum(flags.astype(np.int64))))
        high = np.clip(last + 1, 0, self.ticks)
        low = np.clip(first, 0, self.ticks)
        return np.asarray(sums[high] - sums[np.minimum(low, high)])

    @cached_property
    def off(self) -> Flags:
        """The whole interval was commanded off."""
        ordered = np.asarray(self.run.columns["cmd_rf_on"])
        return np.asarray(self._span(ordered, self.before - 1, self.tick - 2) == 0)

    @cached_property
    def on(self) -> Flags:
        """The whole interval was commanded on, and no RF_OFF was sent in it."""
        ordered = np.asarray(self.run.columns["cmd_rf_on"])
        first, last = self.before - 1, self.tick - 2
        every = (first >= 0) & (self._span(ordered, first, last) == last - first + 1)
        cut = self._span(np.asarray(self.run.columns["rf_off"]), self.before, self.tick - 1)
        return np.asarray(every & (cut == 0))

    @cached_property
    def command_w(self) -> Floats:
        """Power commanded over the interval; the latest where several commands drove it."""
        return np.asarray(self.decided("cmd_power_w", 2).astype(np.float64))

    @cached_property
    def command_flow(self) -> Floats:
        """Coolant flow commanded over the interval, likewise."""
        return np.asarray(self.decided("cmd_flow_ml_min", 2).astype(np.float64))

    # --- readings --------------------------------------------------------------------------------------------

    @cached_property
    def temperature_c(self) -> Floats:
        """Samples by channels."""
        columns = [self.column(f"tc{n}_c") for n in range(self.device.channels)]
        return np.stack(columns, axis=1).astype(np.float64)

    @cached_property
    def control_c(self) -> Floats:
        """The control thermocouple: the first on the electrode."""
        return np.asarray(self.temperature_c[:, self.device.electrodes[0]])

    @cached_property
    def target_c(self) -> Floats:
        """The present step's temperature in RAMP and HOLD of the temperature mode; NaN elsewhere."""
        targets = np.array([np.nan if step.target_c is None else step.target_c for step in self.device.steps])
        radiating = (self.state == RAMP) | (self.state == HOLD)
        return np.where(radiating & self.device.temperature_mode, targets[self.step], np.nan)


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _holds(found: dict[str, object], wanted: dict[str, object]) -> bool:
    return all(found.get(key) == value for key, value in wanted.items())
