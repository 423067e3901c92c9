"""What the faults in force do to a bench in one tick: output stage, load, pump, sensor sites, readings.

Each kind of fault is one small function here, listed in the order in which the real chain would apply it: a
sensor's own error before the converter's, the converter's before the flag that says the channel is broken.
So several faults combine, and it does not matter which was put on first. What a fault does to tissue and
electrode is in `sim.disturb`.

Readings changed by a fault are not quantised again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from sim.faults import Fault
from sim.readings import Readings

OPEN_OHM = 1e7
"""What is left between the terminals of a broken circuit (cable capacitance and leakage, assumed)."""

SHORT_OHM = 0.3
"""Cable and connector of a short-circuited electrode (assumed)."""

COLD_END_C = 25.0
"""Where a thermocouple's own voltage is zero: its terminals. Gain and polarity act about this temperature."""

STAGE_TRIP_C = 95.0
"""What the stage's own sensor shows, at least, while it reports over-temperature (assumed)."""

LOOSE_CONTACT_S = 0.25
"""Mean time between changes of mind of an intermittent thermocouple contact (assumed)."""

BOUNCE_S = 0.05
"""The same for a bouncing switch (assumed)."""


class Effect:
    """A fault in force, with the memory that its kind needs.

    `random` is the fault's own stream: what one fault draws shifts neither the sensors' noise nor another
    fault.
    """

    def __init__(self, fault: Fault, random: np.random.Generator, tick_s: float) -> None:
        self.kind = fault.kind
        self.channel = fault.channel if fault.channel is not None else 0
        self.amount = fault.amount
        self.random = random
        self.tick_s = tick_s
        self.ticks = 0
        """Ticks under way or over since the fault was put on."""
        self.held: tuple[float, ...] | None = None
        self.state: bool | None = None

    def follow(self) -> float:
        """Share of a first-order lag's distance covered in a tick; `amount` is its time constant in
        seconds."""
        return 1.0 if self.amount == 0.0 else -math.expm1(-self.tick_s / self.amount)

    def flicker(self, share: float, hold_s: float) -> bool:
        """A two-state contact: true for `share` of the time, decided anew every `hold_s` on average."""
        again = self.random.random() < -math.expm1(-self.tick_s / hold_s)
        drawn = bool(self.random.random() < share)
        if again or self.state is None:
            self.state = drawn
        return self.state

    def hold(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """The first values seen, ever after."""
        if self.held is None:
            self.held = values
        return self.held


# ---- output stage: (effect, rf_on, power_w, last_w) -> (rf_on, power_w)

Drive = tuple[bool, float]


def _stuck_power(effect: Effect, rf_on: bool, power_w: float, last_w: float) -> Drive:
    return rf_on, effect.amount if rf_on else power_w


def _gain(effect: Effect, rf_on: bool, power_w: float, last_w: float) -> Drive:
    return rf_on, power_w * effect.amount


def _slow_stage(effect: Effect, rf_on: bool, power_w: float, last_w: float) -> Drive:
    # off is a gate, not a level: a slow stage still stops at once
    return rf_on, last_w + effect.follow() * (power_w - last_w) if rf_on else power_w


def _saturated(effect: Effect, rf_on: bool, power_w: float, last_w: float) -> Drive:
    return rf_on, min(power_w, effect.amount)


def _refuses(effect: Effect, rf_on: bool, power_w: float, last_w: float) -> Drive:
    return False, 0.0


def _stuck_on(effect: Effect, rf_on: bool, power_w: float, last_w: float) -> Drive:
    return True, effect.amount


_STAGE: dict[str, Callable[[Effect, bool, float, float], Drive]] = {
    "stage_stuck_power": _stuck_power,
    "stage_gain": _gain,
    "stage_slow": _slow_stage,
    "stage_saturated": _saturated,
    "stage_refuses": _refuses,
    "stage_stuck_on": _stuck_on,
}


# ---- thermocouple sites: (effect, sites, body) -> sites

Sites = tuple[float, ...]


def _put_at(values: tuple[float, ...], index: int, value: float) -> tuple[float, ...]:
    return (*values[:index], value, *values[index + 1 :])


def _swapped(effect: Effect, sites: Sites, body_c: float) -> Sites:
    here, there = effect.channel, (effect.channel + 1) % len(sites)
    return _put_at(_put_at(sites, here, sites[there]), there, sites[here])


def _sentinel_close(effect: Effect, sites: Sites, body_c: float) -> Sites:
    # nearer to the electrode than it should be, so never cooler than where it should be
    return (*sites[:-1], max(sites[-1], body_c + effect.amount * (sites[0] - body_c)))


def _displaced(effect: Effect, sites: Sites, body_c: float) -> Sites:
    channel = effect.channel
    return _put_at(sites, channel, body_c + effect.amount * (sites[channel] - body_c))


def _slow_site(effect: Effect, sites: Sites, body_c: float) -> Sites:
    channel = effect.channel
    before_c = sites[channel] if effect.held is None else effect.held[0]
    now_c = before_c + effect.follow() * (sites[channel] - before_c)
    effect.held = (now_c,)
    return _put_at(sites, channel, now_c)


_SITES: dict[str, Callable[[Effect, Sites, float], Sites]] = {
    "thermocouple_swapped": _swapped,
    "sentinel_close": _sentinel_close,
    "thermocouple_displaced": _displaced,
    "thermocouple_slow": _slow_site,
}


# ---- readings: (effect, readings) -> readings


def _reading(effect: Effect, r: Readings, value_c: float) -> Readings:
    return r._replace(temperature_c=_put_at(r.temperature_c, effect.channel, value_c))


def _flag(effect: Effect, r: Readings, flag: int) -> Readings:
    bit = 2 * effect.channel
    return _reading(effect, r._replace(tc_fault=r.tc_fault & ~(3 << bit) | flag << bit), math.nan)


def _reversed(effect: Effect, r: Readings) -> Readings:
    return _reading(effect, r, 2.0 * COLD_END_C - r.temperature_c[effect.channel])


def _tc_gain(effect: Effect, r: Readings) -> Readings:
    return _reading(effect, r, COLD_END_C + effect.amount * (r.temperature_c[effect.channel] - COLD_END_C))


def _tc_offset(effect: Effect, r: Readings) -> Readings:
    return _reading(effect, r, r.temperature_c[effect.channel] + effect.amount)


def _tc_noise(effect: Effect, r: Readings) -> Readings:
    noise_c = effect.amount * float(effect.random.standard_normal())
    return _reading(effect, r, r.temperature_c[effect.channel] + noise_c)


def _tc_stuck(effect: Effect, r: Readings) -> Readings:
    return _reading(effect, r, effect.hold((r.temperature_c[effect.channel],))[0])


def _tc_intermittent(effect: Effect, r: Readings) -> Readings:
    return _flag(effect, r, 1) if effect.flicker(effect.amount, LOOSE_CONTACT_S) else r


def _volt_noise(effect: Effect, r: Readings) -> Readings:
    scale = 1.0 + effect.amount * float(effect.random.standard_normal())
    return r._replace(voltage_v=max(0.0, r.voltage_v * scale))


def _meters_stuck(effect: Effect, r: Readings) -> Readings:
    voltage_v, current_a, power_w = effect.hold((r.voltage_v, r.current_a, r.power_w))
    return r._replace(voltage_v=voltage_v, current_a=current_a, power_w=power_w)


def _hot_stage(effect: Effect, r: Readings) -> Readings:
    # a stage sensor that is not fitted stays so
    stage_c = r.stage_c if math.isnan(r.stage_c) else max(r.stage_c, STAGE_TRIP_C)
    return r._replace(stage_fault=True, stage_c=stage_c)


def _bubble(effect: Effect, r: Readings) -> Readings:
    return r if math.isnan(r.flow_ml_min) else r._replace(flow_ml_min=0.0)


def _bouncing(effect: Effect, r: Readings) -> Readings:
    return r._replace(start_pressed=effect.flicker(0.5, BOUNCE_S))


_READINGS: dict[str, Callable[[Effect, Readings], Readings]] = {
    "thermocouple_reversed": _reversed,
    "thermocouple_gain": _tc_gain,
    "thermocouple_offset": _tc_offset,
    "thermocouple_noise": _tc_noise,
    "thermocouple_stuck": _tc_stuck,
    "thermocouple_intermittent": _tc_intermittent,
    "thermocouple_short_to_supply": lambda effect, r: _flag(effect, r, 3),
    "thermocouple_short_to_ground": lambda effect, r: _flag(effect, r, 2),
    "thermocouple_open": lambda effect, r: _flag(effect, r, 1),
    "impedance_offset": lambda effect, r: r._replace(voltage_v=r.voltage_v * (1.0 + effect.amount)),
    "impedance_noise": _volt_noise,
    "impedance_stuck": _meters_stuck,
    "impedance_nan": lambda effect, r: r._replace(voltage_v=math.nan, current_a=math.nan),
    "stage_over_temperature": _hot_stage,
    "air_bubble": _bubble,
    "emergency_stop": lambda effect, r: r._replace(estop_pressed=True),
    "loop_open": lambda effect, r: r._replace(loop_closed=False),
    "return_electrode_lost": lambda effect, r: r._replace(return_attached=False),
    "start_pressed": lambda effect, r: r._replace(start_pressed=True),
    "start_bouncing": _bouncing,
    "start_released": lambda effect, r: r._replace(start_pressed=False),
}


F = TypeVar("F")


def _of(table: dict[str, F], effects: Sequence[Effect]) -> list[tuple[F, Effect]]:
    return [(table[kind], effect) for kind in table for effect in effects if effect.kind == kind]


class Conditions:
    """All faults in force, as the bench meets them on its way through a tick."""

    load_ohm: float | None
    """What the stage sees instead of the electrode; None while it sees the electrode."""
    pump_scale: float
    """Share of the flow asked for that the pump makes for."""
    coolant_c: float | None
    """Temperature at which coolant enters, where it is not the pump's own."""
    unlimited: bool
    """The stage's current and voltage limits do not hold."""

    def __init__(self, effects: Iterable[Effect], body_c: float) -> None:
        effects = tuple(effects)
        kinds = {effect.kind for effect in effects}
        self._body_c = body_c
        self._stage = _of(_STAGE, effects)
        self._sites = _of(_SITES, effects)
        self._readings = _of(_READINGS, effects)
        self.load_ohm = None
        if "short_load" in kinds:
            self.load_ohm = SHORT_OHM
        if "open_load" in kinds:  # a broken cable hides a short beyond it
            self.load_ohm = OPEN_OHM
        self.unlimited = "stage_unlimited" in kinds
        self.pump_scale = 0.0 if "pump_stopped" in kinds else 1.0
        for effect in effects:
            if effect.kind == "pump_slow":
                self.pump_scale *= effect.amount
        warm = [effect.amount for effect in effects if effect.kind == "coolant_warm"]
        self.coolant_c = max(warm) if warm else None

    def stage(self, rf_on: bool, power_w: float, last_w: float) -> tuple[bool, float]:
        """What the output stage makes of a command; `last_w` is what it made for the tick before."""
        for apply, effect in self._stage:
            rf_on, power_w = apply(effect, rf_on, power_w, last_w)
        return rf_on, power_w

    def sites(self, site_c: tuple[float, ...]) -> tuple[float, ...]:
        """True temperatures where the junctions really are."""
        for apply, effect in self._sites:
            site_c = apply(effect, site_c, self._body_c)
        return site_c

    def readings(self, readings: Readings) -> Readings:
        """What the faulty instruments and switches say instead."""
        for apply, effect in self._readings:
            readings = apply(effect, readings)
        return readings
