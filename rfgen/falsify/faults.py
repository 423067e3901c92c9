"""The faults that a search puts on, and how large: from mild to severe, so that one number has one sense for all."""

from __future__ import annotations

from typing import NamedTuple

from rfgen.safety.row import Needs


class Spread(NamedTuple):
    """One kind of fault. `mild` to `severe`: the sizes drawn; equal bounds in nothing where it has none."""

    kind: str
    mild: float | None = None
    severe: float | None = None
    channel: str = ""
    """used: any thermocouple; electrodes: not the sentinel."""
    needs: Needs = Needs.NOTHING


ANY: tuple[Spread, ...] = (
    Spread("thermocouple_stuck", channel="used"),
    Spread("thermocouple_offset", 0.0, 30.0, "used"),
    Spread("thermocouple_gain", 1.0, 2.0, "used"),
    Spread("thermocouple_noise", 0.0, 5.0, "used"),
    Spread("thermocouple_slow", 0.0, 20.0, "used"),
    Spread("thermocouple_displaced", 1.0, 0.1, "used"),
    Spread("impedance_offset", 0.0, 1.0),
    Spread("charring", 0.0, 1000.0),
    Spread("dry_out", 0.0, 200.0),
    Spread("electrode_withdrawn", 1.0, 0.2),
    Spread("vessel", 1.0, 20.0),
    Spread("conductivity", 1.0, 0.4),
    Spread("sentinel_close", 0.0, 0.8, needs=Needs.SENTINEL),
    Spread("stage_gain", 1.0, 3.0),
    Spread("stage_stuck_power", 0.0, 15.0),
    Spread("stage_slow", 0.0, 10.0),
    Spread("stage_saturated", 10.0, 0.5),
    Spread("pump_slow", 1.0, 0.3, needs=Needs.PUMP),
    Spread("coolant_warm", 22.0, 60.0, needs=Needs.PUMP),
    Spread("line_drop", 0.0, 0.3),
    Spread("line_duplicate", 0.0, 1.0),
    Spread("clock_skew", 0.0, 0.1),
    Spread("tick_overrun"),
)
"""What moves a reading, the heat or the line, from hardly at all."""

PHYSICAL: tuple[Spread, ...] = (
    Spread("vessel", 1.0, 0.0),
    Spread("conductivity", 0.5, 2.0),
    Spread("electrode_withdrawn", 1.0, 0.2),
    Spread("stage_gain", 1.0, 2.0),
    Spread("stage_slow", 0.0, 5.0),
    Spread("pump_slow", 1.0, 0.3, needs=Needs.PUMP),
    Spread("coolant_warm", 22.0, 60.0, needs=Needs.PUMP),
    Spread("thermocouple_slow", 0.0, 20.0, "electrodes"),
    Spread("thermocouple_displaced", 1.0, 0.3, "electrodes"),
)
"""What moves the heat, and leaves the sentinel's reading right."""

MILD: tuple[Spread, ...] = (
    Spread("thermocouple_offset", -1.0, 1.0, "electrodes"),
    Spread("thermocouple_noise", 0.0, 0.1, "used"),
    Spread("thermocouple_slow", 0.0, 0.5, "used"),
    Spread("impedance_offset", -0.05, 0.05),
    Spread("impedance_noise", 0.0, 0.02),
    Spread("conductivity", 0.9, 1.1),
    Spread("vessel", 1.0, 1.5),
    Spread("stage_gain", 0.95, 1.05),
    Spread("stage_slow", 0.0, 0.1),
    Spread("pump_slow", 1.0, 0.9, needs=Needs.PUMP),
    Spread("coolant_warm", 15.0, 28.0, needs=Needs.PUMP),
    Spread("line_duplicate", 0.0, 1.0),
    Spread("clock_skew", -0.01, 0.01),
)
"""What a bench has on a good day: well inside every limit that it touches.

No step of a sentinel's reading in the middle of a treatment: half a degree within seconds is what tissue does that
begins to be heated, and the forecast has to take it for that. No step of the conductivity by a fifth either: where it
falls into the check, that is what Z_UNSTABLE is for.
"""

SEEN: tuple[Spread, ...] = (
    Spread("thermocouple_open", channel="used"),
    Spread("thermocouple_short_to_ground", channel="used"),
    Spread("thermocouple_short_to_supply", channel="used"),
    Spread("thermocouple_stuck", channel="electrodes"),
    Spread("thermocouple_offset", 5.0, 30.0, "used"),
    Spread("thermocouple_noise", 8.0, 30.0, "used"),
    Spread("thermocouple_intermittent", 0.5, 1.0, "used"),
    Spread("impedance_nan"),
    Spread("open_load"),
    Spread("short_load"),
    Spread("charring", 2000.0, 20000.0),
    Spread("dry_out", 100.0, 2000.0),
    Spread("sentinel_close", 0.3, 1.0, needs=Needs.SENTINEL),
    Spread("stage_gain", 1.6, 3.0),
    Spread("stage_over_temperature"),
    Spread("stage_refuses"),
    Spread("pump_stopped", needs=Needs.PUMP),
    Spread("air_bubble", needs=Needs.PUMP),
    Spread("pump_slow", 0.7, 0.0, needs=Needs.PUMP),
    Spread("coolant_warm", 36.0, 60.0, needs=Needs.COOLANT_TEMPERATURE),
    Spread("emergency_stop"),
    Spread("loop_open"),
    Spread("return_electrode_lost", needs=Needs.RETURN_MONITOR),
    Spread("start_released", needs=Needs.DEAD_MAN),
    Spread("line_drop", 0.3, 1.0),
    Spread("line_corrupt", 0.3, 1.0),
    Spread("line_delay", 1.0, 5.0),
    Spread("line_garbage", 1.0, 64.0),
    Spread("line_silent"),
    Spread("line_unplugged"),
    Spread("rig_reboot"),
    Spread("clock_skew", 0.025, 1.0),
    Spread("firmware_exception"),
    Spread("limits_overwritten"),
    Spread("tick_overrun"),
)
"""What must be seen, as `rfgen.falsify.deadlines` says."""

NEAR: tuple[Spread, ...] = (Spread("sentinel_close", 0.05, 0.6, needs=Needs.SENTINEL),)
"""What warms the sentinel within seconds."""

POOLS: dict[str, tuple[Spread, ...]] = {
    "none": (),
    "mild": MILD,
    "any": ANY,
    "physical": PHYSICAL,
    "near": NEAR,
    "seen": SEEN,
}


def pool(name: str, features: frozenset[Needs]) -> tuple[Spread, ...]:
    """Of a pool, what this profile has something for."""
    return tuple(s for s in POOLS[name] if s.needs is Needs.NOTHING or s.needs in features)
