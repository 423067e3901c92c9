"""What an interlock saw when it tripped, in words and figures: what was read, the limit, and for how long.

Made from the row's own condition and the signals of the tick in which it tripped, so that a new row is told without a
line here but the words for its signals. It decides nothing: the firmware calls it once a trip is decided.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rfgen.safety.compile import Channels
from rfgen.safety.derived import OPEN_OHM
from rfgen.safety.expr import (
    AnyChannel,
    Both,
    Channel,
    Compare,
    Condition,
    Const,
    Either,
    Flag,
    Limit,
    NotFlag,
    Scaled,
    Signal,
    Sum,
    Term,
)
from rfgen.safety.limits import LIMITS
from rfgen.safety.signals import Signals

NUMBERS: dict[str, tuple[str, str]] = {
    "over_target_c": ("control thermocouple above its target by", "°C"),
    "under_target_c": ("control thermocouple below its target by", "°C"),
    "ramp_s": ("time in this ramp", "s"),
    "stall_gain_c": ("gained in 10 s", "°C"),
    "stall_asked_c": ("rise asked for", "°C"),
    "stall_power_w": ("mean power meanwhile", "W"),
    "stall_allowed_w": ("power allowed", "W"),
    "impedance_ohm": ("impedance", "ohm"),
    "check_spread": ("spread of the impedance over the check, as a share,", ""),
    "power_off_by_w": ("delivered power off the expected by", "W"),
    "power_expected_w": ("power expected", "W"),
    "power_while_off_w": ("power delivered while commanded off", "W"),
    "flow_ml_min": ("coolant flow", "ml/min"),
    "flow_due_ml_min": ("flow asked for", "ml/min"),
    "electrode_spread_c": ("electrode thermocouples apart by", "°C"),
    "missed_ticks": ("ticks in a row without a valid sample", ""),
    "power_w": ("delivered power", "W"),
    "voltage_v": ("voltage", "V"),
    "current_a": ("current", "A"),
    "energy_j": ("energy delivered", "J"),
    "dose_min": ("dose of the sentinel, at 43 °C,", "min"),
    "sentinel_level_c": ("sentinel, noise taken out,", "°C"),
    "sentinel_climb_c": ("its climb to come", "°C"),
    "tc_rate_c_s": ("fastest slope of a thermocouple", "°C/s"),
    "tc_stuck_share": ("time without a changed bit, over what is too long,", ""),
    "tc_disagree_c": ("thermocouples in one place apart by", "°C"),
    "least_ohm": ("the least of this ramp", "ohm"),
    "z_jump_ohm": ("impedance moved within 0.1 s by", "ohm"),
    "z_before_ohm": ("what it was", "ohm"),
    "meter_off_by_w": ("voltage x current x cos(phase) off the power meter by", "W"),
    "stage_c": ("output stage", "°C"),
    "coolant_c": ("coolant", "°C"),
    "skew_share": ("rig time off the host's, as a share,", ""),
    "late_ticks": ("samples in a row off the period by more than half of it", ""),
    "overrun_ticks": ("ticks in a row missed by the host", ""),
    "on_s": ("time commanded on", "s"),
    "check_s": ("time in the impedance check", "s"),
}
"""What a person calls a signal, and its unit."""

FLAGS: dict[str, str] = {
    "tc_reports_fault": "a thermocouple input reports open or short",
    "impedance_unmeasured": "RF commanded on and no impedance measured",
    "on_while_off": "RF reads back on while commanded off",
    "estop_pressed": "emergency stop pressed",
    "loop_open": "interlock loop open",
    "exchange_failed": "the rig refused the exchange, or its port is gone",
    "sample_stale": "rig time did not advance, or the reply echoes another tick",
    "off_while_on": "RF reads back off while commanded on",
    "stage_fault": "the output stage reports a fault",
    "return_lost": "return electrode detached",
    "start_released": "start switch released",
    "start_stuck": "start switch pressed in the half second before",
    "rig_tripped": "the rig holds RF off by itself",
    "rig_rebooted": "the rig knows of no link or of no configuration",
    "config_changed": "limits in force differ from those armed",
    "internal_error": "an exception in the firmware's own tick",
    "baseline_due": "",
    "coolant_flowing": "coolant flows",
}
"""What a person calls a switch or a verdict that is true; empty where it goes without saying."""

BEYOND = {">": "above", "<": "below", ">=": "at least", "<=": "at most"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a condition is told over: a tick's signals, the limits in force, and what the channels are called."""

    signals: Signals
    limits: Mapping[str, float]
    channels: Channels
    names: Sequence[str] = ()

    def value(self, term: Term, at: int | None) -> float:
        """A term's value; NaN for what is absent."""
        match term:
            case Signal(name):
                found = getattr(self.signals, name)
                return math.nan if found is None else float(found)
            case Limit(name):
                return self.limits[name]
            case Const(value):
                return value
            case Channel():
                readings = self.signals.temperature_c
                return readings[at] if at is not None and at < len(readings) else math.nan
            case Sum(left, right):
                return self.value(left, at) + self.value(right, at)
            case Scaled(by, of):
                return self.value(by, at) * self.value(of, at)
        raise TypeError(f"not a term: {term!r}")

    def true(self, node: Condition, at: int | None = None) -> bool:
        """Is it violated? What is not finite is."""
        match node:
            case Flag(name):
                return bool(getattr(self.signals, name))
            case NotFlag(name):
                return not getattr(self.signals, name)
            case Both(left, right):
                return self.true(left, at) and self.true(right, at)
            case Either(left, right):
                return self.true(left, at) or self.true(right, at)
            case AnyChannel(group, each):
                return any(self.true(each, channel) for channel in self.channels.group(group))
            case Compare(op, left, right):
                a, b = self.value(left, at), self.value(right, at)
                if not (math.isfinite(a) and math.isfinite(b)):
                    return True
                return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[op]
        raise TypeError(f"not a condition: {node!r}")

    def name_of(self, channel: int | None) -> str:
        """What a thermocouple is called."""
        if channel is None:
            return "thermocouple"
        return self.names[channel] if channel < len(self.names) else f"thermocouple {channel}"


def what_was_read(condition: Condition, tick: Told) -> str:
    """Every part of the condition that is true, with its reading and its limit: "coolant flow 2 ml/min, below 8
    ml/min (0.8 x flow asked for 10 ml/min)". Empty where none is."""
    limits: dict[str, list[str]] = {}
    for reading, limit in _parts(condition, tick, None):
        found = limits.setdefault(reading, [])
        if limit and limit not in found:
            found.append(limit)
    return "; ".join(
        ", ".join([reading, " and ".join(found)]) if found else reading for reading, found in limits.items()
    )


def told(condition: Condition, tick: Told) -> str:
    """The same for the firmware: whatever becomes of the words, which are for a person alone, the trip stands."""
    try:
        return what_was_read(condition, tick)
    except Exception as error:
        return f"what it read cannot be told ({type(error).__name__})"


def for_how_long(held_us: int) -> str:
    """How long it had been so."""
    return f"for {held_us / 1e6:.6g} s" if held_us else "at once"


def _parts(node: Condition, tick: Told, at: int | None) -> Iterator[tuple[str, str]]:
    """(reading, limit) of each part that is true; what is no number needs no limit to be wrong."""
    if not tick.true(node, at):
        return
    match node:
        case Flag(name):
            words = FLAGS.get(name, name.replace("_", " "))
            if words:
                yield words, ""
        case NotFlag():
            pass  # it narrows when a row is looked at, and is no reading
        case Both(left, right) | Either(left, right):
            yield from _parts(left, tick, at)
            yield from _parts(right, tick, at)
        case AnyChannel(group, each):
            for channel in tick.channels.group(group):
                yield from _parts(each, tick, channel)
        case Compare(op, left, right):
            finite = math.isfinite(tick.value(left, at))
            yield _reading(left, tick, at), f"{BEYOND[op]} {_limit(right, tick, at)}" if finite else ""


def _reading(term: Term, tick: Told, at: int | None) -> str:
    """The left side: what was read."""
    words, unit = _called(term, tick, at)
    if isinstance(term, Sum):
        return f"{words} = {_number(tick.value(term, at), unit)}"
    return f"{words} {_number(tick.value(term, at), unit)}"


def _limit(term: Term, tick: Told, at: int | None) -> str:
    """The right side: the limit, and what it was made of."""
    unit = _called(term, tick, at)[1]
    shown = _number(tick.value(term, at), unit)
    if isinstance(term, Scaled) and not isinstance(term.of, Const | Limit):
        words, of_unit = _called(term.of, tick, at)
        factor = _number(tick.value(term.by, at), "")
        return f"{shown} ({factor} x {words} {_number(tick.value(term.of, at), of_unit)})"
    return shown


def _called(term: Term, tick: Told, at: int | None) -> tuple[str, str]:
    """What a term is called, and its unit."""
    match term:
        case Signal(name):
            return NUMBERS.get(name, (name.replace("_", " "), ""))
        case Channel():
            return tick.name_of(at), "°C"
        case Limit(name):
            unit = LIMITS[name].unit
            return name, {"C": "°C", "C/s": "°C/s", "1": ""}.get(unit, unit)
        case Sum(left, right):
            return f"{_reading(left, tick, at)} + {_summand(right, tick, at)}", _called(left, tick, at)[1]
        case Scaled(_, of):
            return _called(of, tick, at)
    return "", ""


def _summand(term: Term, tick: Told, at: int | None) -> str:
    if isinstance(term, Scaled):
        by_unit = _called(term.by, tick, at)[1]
        return f"{_number(tick.value(term.by, at), by_unit)} x {_reading(term.of, tick, at)}"
    return _reading(term, tick, at)


def _number(value: float, unit: str) -> str:
    """As many digits as a person needs to see on which side of a limit it lies."""
    if not math.isfinite(value):
        return "not a number" if value != value else "without end"
    if unit == "ohm" and value >= OPEN_OHM:
        return "open (too little current to measure)"
    if unit == "ohm" and value == 0.0:
        return "0 ohm (too little voltage to measure)"
    return f"{value:.6g}" + (f" {unit}" if unit else "")
