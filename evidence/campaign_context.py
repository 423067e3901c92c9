"""What a fault meets: the state of a run at the moment it is put on, as far as it decides whether an interlock must see
it. Made from what is true in the simulation, so that no reading that a fault might bend has a part in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evidence.campaign_runs import Injection, Snapshot
from rfgen.records import State
from sim.stage import StageSpec, drive

SETTLED_TICKS = 8
"""Commanded on for so long, the impedance is measured: 0.1 s, and a tick or two for the stage to follow."""
OPEN_OHM = 1e7
SHORT_OHM = 0.3


@dataclass(frozen=True, slots=True)
class Context:
    """One run at one moment."""

    state: State
    applicable: frozenset[str]
    limits: dict[str, float]
    junction_c: tuple[float, ...]
    site_c: tuple[float, ...]
    body_c: float
    sentinel: int | None
    twins: tuple[tuple[int, int], ...]
    by_temperature: bool
    target_c: float
    """Of the present step; not a number where it has none."""
    r_ohm: float
    x_ohm: float
    lead_ohm: float
    stage: StageSpec
    power_w: float
    """Commanded now; in the check before its power, what it will test with."""
    power_noise_w: float
    """One sigma of what the control thermocouple's noise makes of the command, through the proportional gain."""
    measured: bool
    """RF has been on for long enough that the impedance is measured."""
    powered: bool
    """RF is commanded on."""
    test_w: float
    """Of the check."""
    in_state_s: float
    """Since the present state was entered."""

    @property
    def channels(self) -> int:
        """Thermocouples."""
        return len(self.junction_c)

    @property
    def z_ohm(self) -> float:
        """What voltage over current reads without a fault."""
        return math.hypot(self.r_ohm, self.x_ohm)

    def z_after(self, fault: Injection) -> float:
        """What it reads with this fault of the load or of the voltmeter, ohm."""
        size = math.nan if fault.size is None else fault.size
        kind = fault.kind
        if kind == "impedance_offset":
            return max(0.0, self.z_ohm * (1.0 + size))
        if kind == "open_load":
            return OPEN_OHM
        if kind == "short_load":
            return SHORT_OHM
        if kind == "charring":
            return math.hypot(self.r_ohm + size, self.x_ohm)
        if kind in ("electrode_withdrawn", "conductivity", "steam_pop"):
            tissue_ohm = self.r_ohm - self.lead_ohm
            return math.hypot(self.lead_ohm + tissue_ohm / size, self.x_ohm / size)
        raise ValueError(f"{kind} is no such fault")

    def delivered_w(self, asked_w: float) -> float:
        """What the stage makes of it at this load."""
        return drive(self.stage, asked_w, self.r_ohm, self.x_ohm)[0]

    def jump_c(self, fault: Injection) -> float:
        """By how much this fault of a converter moves its channel's reading at once."""
        assert fault.channel is not None
        reading_c = self.junction_c[fault.channel]
        if fault.kind == "thermocouple_reversed":
            return 2.0 * (25.0 - reading_c)
        assert fault.size is not None
        if fault.kind == "thermocouple_offset":
            return fault.size
        return (fault.size - 1.0) * (reading_c - 25.0)


def context_of(snapshot: Snapshot) -> Context:
    """A run as it stands."""
    run = snapshot.run
    generator, bench = run.generator, run.bench
    config, plant = generator.config, run.scenario.plant
    state = generator.state
    target_c = generator.controller.step.target_c if state in (State.RAMP, State.HOLD) else None
    network = getattr(bench.plant, "network", None)
    assert network is not None
    sentinels = config.channels.sentinel
    power_w = run.command.power_w if run.command.rf_on else config.tuning.test_power_w
    return Context(
        state=state,
        applicable=generator.supervisor.applicable,
        limits=generator.supervisor.limits,
        junction_c=bench.junction_c,
        site_c=tuple(bench.plant.site_c),
        body_c=plant.body_c,
        sentinel=sentinels[0] if sentinels else None,
        twins=config.co_located,
        by_temperature=generator.config.plan.mode.value == "temperature",
        target_c=math.nan if target_c is None else target_c,
        r_ohm=bench.plant.resistance_ohm,
        x_ohm=bench.plant.reactance_ohm,
        lead_ohm=network.lead_ohm,
        stage=bench.spec.stage,
        power_w=power_w,
        power_noise_w=config.tuning.kp_w_c * config.noise_c[config.channels.electrodes[0]]
        if target_c is not None
        else 0.0,
        measured=generator.deriver.on_ticks >= SETTLED_TICKS,
        powered=run.command.rf_on,
        test_w=config.tuning.test_power_w,
        in_state_s=snapshot.ticks * run.period_us * 1e-6,
    )
