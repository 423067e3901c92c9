"""The faults that can be put on a running bench, and what each means.

A fault is data: a kind, a channel where it concerns one thermocouple, a size where it has one. `FAULTS`
says which, in what range. What a kind does is in `sim.conditions` (sensors, stage, pump, switches) and
`sim.disturb` (tissue, electrode).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Range, unit and default of a fault's size."""

    least: float
    most: float
    default: float
    unit: str


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One kind of fault."""

    kind: str
    group: str
    description: str
    channel: bool = False
    """Concerns one thermocouple channel."""
    size: Size | None = None


def _catalogue() -> dict[str, FaultSpec]:
    tc, tissue, stage, pump, switch, meter = "thermocouple", "tissue", "stage", "pump", "switch", "meter"
    rows = [
        FaultSpec("thermocouple_open", tc, "the channel reads open", channel=True),
        FaultSpec("thermocouple_short_to_ground", tc, "the channel reads shorted to ground", channel=True),
        FaultSpec("thermocouple_short_to_supply", tc, "the channel reads shorted to the supply", channel=True),
        FaultSpec("thermocouple_stuck", tc, "the reading stays what it was", channel=True),
        FaultSpec("thermocouple_offset", tc, "adds to the reading", True, Size(-100.0, 100.0, 10.0, "C")),
        FaultSpec("thermocouple_gain", tc, "scales the reading's distance from 25 C", True, Size(0.0, 3.0, 0.7, "x")),
        FaultSpec("thermocouple_noise", tc, "adds noise, one sigma", True, Size(0.0, 50.0, 3.0, "C")),
        FaultSpec("thermocouple_slow", tc, "a further first-order lag", True, Size(0.0, 120.0, 10.0, "s")),
        FaultSpec("thermocouple_swapped", tc, "trades places with the next channel", channel=True),
        FaultSpec("thermocouple_reversed", tc, "polarity reversed: mirrored about 25 C", channel=True),
        FaultSpec(
            "thermocouple_displaced",
            tc,
            "out of its place: reads body temperature plus this share of the rise",
            True,
            Size(0.0, 1.0, 0.3, "x"),
        ),
        FaultSpec(
            "thermocouple_intermittent",
            tc,
            "opens and closes at random, open this share of the time",
            True,
            Size(0.0, 1.0, 0.5, "x"),
        ),
        FaultSpec(
            "impedance_offset",
            meter,
            "the voltmeter reads high by this share",
            size=Size(-1.0, 10.0, 0.5, "x"),
        ),
        FaultSpec("impedance_noise", meter, "voltage noise, one sigma, as a share", size=Size(0.0, 5.0, 0.3, "x")),
        FaultSpec("impedance_stuck", meter, "voltage, current and power stay what they were"),
        FaultSpec("impedance_nan", meter, "voltage and current are not numbers"),
        FaultSpec("open_load", tissue, "the electrode's circuit is broken"),
        FaultSpec("short_load", tissue, "the electrode is short-circuited"),
        FaultSpec("charring", tissue, "impedance steps up, by this many ohm", size=Size(0.0, 1e5, 400.0, "ohm")),
        FaultSpec("dry_out", tissue, "impedance climbs by this much a second", size=Size(0.0, 1e4, 60.0, "ohm/s")),
        FaultSpec(
            "steam_pop",
            tissue,
            "impedance drops for 60 ms to this share, then stands at its inverse",
            size=Size(0.05, 0.95, 0.4, "x"),
        ),
        FaultSpec(
            "electrode_withdrawn",
            tissue,
            "this share of the electrode stays in tissue",
            size=Size(0.02, 1.0, 0.2, "x"),
        ),
        FaultSpec("vessel", tissue, "perfusion steps up by this factor", size=Size(0.0, 50.0, 5.0, "x")),
        FaultSpec(
            "conductivity",
            tissue,
            "tissue conductivity changes by this factor",
            size=Size(0.1, 3.0, 1.5, "x"),
        ),
        FaultSpec(
            "sentinel_close",
            tissue,
            "the sentinel sees this share of the electrode's rise",
            size=Size(0.0, 1.0, 0.4, "x"),
        ),
        FaultSpec(
            "stage_stuck_on",
            stage,
            "goes on delivering this power whatever is commanded",
            size=Size(0.0, 400.0, 5.0, "W"),
        ),
        FaultSpec(
            "stage_stuck_power",
            stage,
            "while on, delivers this power whatever is asked",
            size=Size(0.0, 400.0, 10.0, "W"),
        ),
        FaultSpec("stage_gain", stage, "delivers this factor of the power asked for", size=Size(0.0, 5.0, 1.5, "x")),
        FaultSpec("stage_slow", stage, "power follows with this time constant", size=Size(0.0, 60.0, 3.0, "s")),
        FaultSpec("stage_saturated", stage, "delivers at most this power", size=Size(0.0, 400.0, 2.0, "W")),
        FaultSpec("stage_over_temperature", stage, "reports over-temperature"),
        FaultSpec("stage_refuses", stage, "does not turn on"),
        FaultSpec("stage_unlimited", stage, "its current and voltage limits do not hold"),
        FaultSpec("pump_stopped", pump, "no flow"),
        FaultSpec("pump_slow", pump, "this share of the flow asked for", size=Size(0.0, 1.0, 0.5, "x")),
        FaultSpec("air_bubble", pump, "the flow meter reads nothing while a bubble passes"),
        FaultSpec("coolant_warm", pump, "coolant enters at this temperature", size=Size(0.0, 90.0, 45.0, "C")),
        FaultSpec("emergency_stop", switch, "emergency stop pressed"),
        FaultSpec("loop_open", switch, "hardware interlock loop open"),
        FaultSpec("return_electrode_lost", switch, "return electrode detached"),
        FaultSpec("start_released", switch, "start switch let go"),
        FaultSpec("start_pressed", switch, "start switch held down"),
        FaultSpec("start_bouncing", switch, "start switch opens and closes at random"),
    ]
    return {row.kind: row for row in rows}


FAULTS: dict[str, FaultSpec] = _catalogue()


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to put on a bench.

    Raises ValueError for an unknown kind, a missing or needless channel, or a size outside the kind's range.
    """

    kind: str
    channel: int | None = None
    size: float | None = None

    def __post_init__(self) -> None:
        spec = FAULTS.get(self.kind)
        if spec is None:
            raise ValueError(f"unknown fault {self.kind!r}")
        if spec.channel and (self.channel is None or self.channel < 0):
            raise ValueError(f"fault {self.kind!r} needs the channel of a thermocouple")
        if not spec.channel and self.channel is not None:
            raise ValueError(f"fault {self.kind!r} concerns no channel; leave `channel` out")
        if spec.size is None:
            if self.size is not None:
                raise ValueError(f"fault {self.kind!r} has no size; leave `size` out")
        elif self.size is not None and not spec.size.least <= self.size <= spec.size.most:
            raise ValueError(
                f"fault {self.kind!r}: size {self.size!r} is outside "
                f"{spec.size.least:g}..{spec.size.most:g} {spec.size.unit}"
            )

    @property
    def amount(self) -> float:
        """The size given, or the kind's default; NaN where it has none."""
        spec = FAULTS[self.kind].size
        if spec is None:
            return math.nan
        return spec.default if self.size is None else self.size
