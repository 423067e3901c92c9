"""From a scenario to everything that runs it: the firmware, the simulated rig behind the seam, and the time line.

The one place where the firmware's side and the simulation meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hal import Capability, Hal, RigConfig, RigInfo, RigRefused
from hal.linefault import LINE_FAULTS, FaultyLine
from hal.simulated import SimulatedHal
from rfgen.control.plan import Mode, Plan, Step, Tuning
from rfgen.device import DeviceProfile, resolve_limits_for
from rfgen.faultpanel import FaultPanel, on_the_bench
from rfgen.fieldparts import FieldModel, PlantKind, field_plant, field_study
from rfgen.fitting import FirstChannels
from rfgen.generator import Generator, GeneratorConfig
from rfgen.records import OperatorAction, Truth
from rfgen.safety.compile import Channels
from rfgen.safety.row import Needs
from rfgen.scenario import PlantModel, Scenario
from rfgen.session import Happening, Session
from sim.bench import Bench, BenchSpec, PumpSpec
from sim.geometry import Electrode
from sim.network import Anatomy, Site, Wall
from sim.plant import NetworkPlant, Plant
from sim.sensors import MeterSpec, ThermocoupleSpec
from sim.stage import StageSpec
from sim.tissue import TISSUES, Tissue

if TYPE_CHECKING:
    from sim.field.study import Study

RIG_MARGIN_C = 2.0
"""The rig's own temperature limit stands at least this far above the host's."""

FITTED = {
    "return_monitor": Capability.RETURN_MONITOR,
    "start_switch": Capability.START_SWITCH,
    "stage_temperature": Capability.STAGE_TEMPERATURE,
    "coolant_temperature": Capability.COOLANT_TEMPERATURE,
    "second_cut": Capability.SECOND_CUT,
}


def generator_config(scenario: Scenario) -> GeneratorConfig:
    """What the firmware is told."""
    device, treatment = scenario.device, scenario.treatment
    control, stage = device.control, device.stage
    most_w = stage.max_power_w if treatment.max_power_w is None else min(stage.max_power_w, treatment.max_power_w)
    flow = 0.0
    if device.pump is not None:
        flow = device.pump.flow_ml_min if treatment.flow_ml_min is None else treatment.flow_ml_min
    plan = Plan(
        mode=Mode(treatment.mode),
        steps=tuple(Step(s.hold_s, s.target_c, s.power_w, s.ramp_c_s) for s in treatment.steps),
        most_w=most_w,
        flow_ml_min=flow,
    )
    tuning = Tuning(
        kp_w_c=control.kp_w_c,
        ki_w_c_s=control.ki_w_c_s,
        approach_s=control.approach_s,
        start_power_w=control.start_power_w,
        sense_power_w=control.sense_power_w,
        test_power_w=control.test_power_w,
        check_s=control.check_s,
        band_c=control.band_c,
        ramp_c_s=control.ramp_c_s,
        ramp_w_s=control.ramp_w_s,
        pull_back_ratio=control.pull_back_ratio,
        pull_back_share=control.pull_back_share,
        recover_s=control.recover_s,
        max_current_a=stage.max_current_a,
        max_voltage_v=stage.max_voltage_v,
        after_cool_s=0.0 if device.pump is None else device.pump.after_cool_s,
    )
    features = set(device.features)
    if plan.mode is not Mode.TEMPERATURE:
        features.discard(Needs.TEMPERATURE_MODE)
    return GeneratorConfig(
        plan=plan,
        tuning=tuning,
        channels=Channels(tuple(device.electrode_channels), tuple(device.sentinel_channels)),
        limits=resolve_limits_for(device, treatment.overrides),
        features=frozenset(features),
        period_us=device.period_ms * 1000,
        max_power_w=stage.max_power_w,
        prime_s=0.0 if device.pump is None else device.pump.prime_s,
        noise_c=tuple(t.noise_c for t in device.thermocouples),
        step_c=tuple(t.resolution_c for t in device.thermocouples),
        co_located=device.co_located,
        stage_temperature="stage_temperature" in device.fitted,
        thermocouples=tuple(t.name for t in device.thermocouples),
    )


def rig_config(scenario: Scenario, config: GeneratorConfig) -> RigConfig:
    """What the rig is asked for."""
    device = scenario.device
    return RigConfig(
        watchdog_ms=device.watchdog_ms,
        period_us=config.period_us,
        power_limit_w=config.plan.most_w,
        temperature_limit_c=max(config.limits["over_temp_hard_c"], config.limits["over_temp_c"]) + RIG_MARGIN_C,
        channels=device.channels_mask,
        return_electrode_required="return_monitor" in device.fitted and device.electrode.kind == "monopolar",
    )


def needed(device: DeviceProfile) -> Capability:
    """The capabilities that a rig must claim for this profile."""
    wanted = Capability(0)
    for name in device.fitted:
        wanted |= FITTED[name]
    if device.pump is not None:
        wanted |= Capability.PUMP
    if device.meters.phase:
        wanted |= Capability.PHASE
    if device.sentinel_channels:
        wanted |= Capability.SENTINEL
    return wanted


def rig_checker(device: DeviceProfile) -> Callable[[RigInfo], None]:
    """Refuses a rig that lacks what the profile needs, naming it."""
    wanted = needed(device)
    channels = len(device.thermocouples)

    def check(info: RigInfo) -> None:
        lacks = [bit.name.lower().replace("_", " ") for bit in wanted & ~info.capabilities if bit.name]
        if info.thermocouples < channels:
            lacks.append(f"{channels} thermocouples (it has {info.thermocouples})")
        if info.max_power_w < device.stage.max_power_w:
            lacks.append(f"{device.stage.max_power_w:g} W (it gives {info.max_power_w:g} W)")
        if lacks:
            raise RigRefused(f"profile {device.name} needs what this rig lacks: {', '.join(lacks)}")

    return check


# --- the simulation --------------------------------------------------------------------------------------------------


def tissue_named(plant: PlantModel, name: str) -> Tissue:
    """One of the scenario's own tissues, or of the table."""
    own = plant.tissues.get(name)
    return TISSUES[name] if own is None else Tissue(name=name, **own.model_dump())


def anatomy(plant: PlantModel) -> Anatomy:
    """What the electrode stands in."""
    wall = None
    if plant.wall is not None:
        wall = Wall(
            distance_mm=plant.wall.distance_mm,
            thickness_mm=plant.wall.thickness_mm,
            tissue=tissue_named(plant, plant.wall.tissue),
            eroded=plant.wall.eroded,
            fat_mm=plant.wall.fat_mm,
        )
    return Anatomy(
        target=tissue_named(plant, plant.target),
        target_radius_mm=plant.target_radius_mm,
        surrounding=tissue_named(plant, plant.surrounding),
        wall=wall,
        body_c=plant.body_c,
        conductivity_scale=plant.conductivity_scale,
        perfusion_scale=plant.perfusion_scale,
    )


def electrode(device: DeviceProfile) -> Electrode:
    """The profile's electrode."""
    e = device.electrode
    return Electrode(
        kind=e.kind,
        diameter_mm=e.diameter_mm,
        active_length_mm=e.active_length_mm,
        gap_mm=e.gap_mm,
        cooled=e.cooled,
        lead_ohm=e.lead_ohm,
        return_ohm=e.return_ohm,
    )


def bench_spec(device: DeviceProfile) -> BenchSpec:
    """The instruments round the plant."""
    s, m, p = device.stage, device.meters, device.pump
    return BenchSpec(
        stage=StageSpec(s.max_power_w, s.max_voltage_v, s.max_current_a, s.slew_w_s, s.efficiency),
        meters=MeterSpec(
            voltage_noise_v=m.voltage_noise_v,
            voltage_resolution_v=m.voltage_resolution_v,
            current_noise_a=m.current_noise_a,
            current_resolution_a=m.current_resolution_a,
            power_noise_w=m.power_noise_w,
            phase=m.phase,
            flow_noise_ml_min=m.flow_noise_ml_min,
        ),
        thermocouples=tuple(
            ThermocoupleSpec(t.lag_s, t.noise_c, t.resolution_c, t.cold_junction_c) for t in device.thermocouples
        ),
        pump=None if p is None else PumpSpec(p.max_flow_ml_min, p.lag_s, p.coolant_c),
        stage_temperature="stage_temperature" in device.fitted,
        coolant_temperature="coolant_temperature" in device.fitted,
    )


def bench(scenario: Scenario, seed: int) -> Bench:
    """The scenario's plant with the profile's instruments round it.

    Raises ValueError where the geometry cannot be (a wall inside the electrode), and for a field plant without numba.
    """
    device = scenario.device
    tick_s = device.period_ms * 1e-3
    sites = tuple(Site(t.place, t.offset_mm) for t in device.thermocouples)
    on: Plant
    if scenario.plant.on_field:
        on = field_plant(
            scenario.plant.model,
            scenario.plant.field or FieldModel(),
            electrode(device),
            anatomy(scenario.plant),
            sites,
            tick_s,
            partial(tissue_named, scenario.plant),
        )
    else:
        on = NetworkPlant(electrode(device), anatomy(scenario.plant), sites, tick_s)
    return Bench(bench_spec(device), on, tick_s, seed)


def study(scenario: Scenario, grid: str | float | None, probes_mm: tuple[tuple[float, float], ...]) -> Study:
    """The scenario's electrode and anatomy on the field plant by itself, coolant running where the device has a pump.
    `grid`: instead of the scenario's; `reduced` for the lumps.

    Raises ValueError where geometry or a probe cannot be, and for a field plant without numba.
    """
    model = scenario.plant.field or FieldModel()
    control = scenario.device.thermocouples[scenario.device.electrode_channels[0]]
    kind: PlantKind = "reduced" if grid == "reduced" else "field"
    if grid is None:
        kind = "reduced" if scenario.plant.model == "reduced" else "field"
    elif kind == "field":
        model = FieldModel.model_validate({**model.model_dump(), "grid": grid})
    found = field_study(
        kind,
        model,
        electrode(scenario.device),
        anatomy(scenario.plant),
        partial(tissue_named, scenario.plant),
        Site(control.place, control.offset_mm),
        probes_mm,
    )
    pump = scenario.device.pump
    if pump is not None:
        flow = scenario.treatment.flow_ml_min
        found.flow_ml_min = pump.flow_ml_min if flow is None else flow
        found.coolant_c = pump.coolant_c
    return found


def simulated_rig(device: DeviceProfile, on: Bench, seed: int) -> SimulatedHal:
    """The bench behind the four verbs, claiming what the profile has fitted."""
    return SimulatedHal(
        on,
        sentinel=bool(device.sentinel_channels),
        return_monitor="return_monitor" in device.fitted,
        start_switch="start_switch" in device.fitted,
        second_cut="second_cut" in device.fitted,
        serial=f"seed {seed}",
    )


@dataclass
class Assembly:
    """A scenario, ready to run."""

    scenario: Scenario
    seed: int
    session: Session
    panel: FaultPanel
    """Where faults are put on."""


@dataclass
class SimulatedAssembly(Assembly):
    """On the simulation; `bench` is what is simulated."""

    bench: Bench


def truth_of(on: Bench, device: DeviceProfile) -> Callable[[], Truth]:
    """What the simulation knows, once a tick."""
    sentinel = device.sentinel_channels[0] if device.sentinel_channels else None

    def truth() -> Truth:
        # every tick: a NamedTuple's own constructor costs twice as much
        return tuple.__new__(Truth, on.truth(sentinel))

    return truth


def assemble(scenario: Scenario, seed: int | None = None, *, line_faults: bool = False) -> SimulatedAssembly:
    """Everything that a simulated run of this scenario needs. `seed`: instead of the scenario's own. `line_faults`: its
    line takes them although the scenario has none."""
    seed = scenario.seed if seed is None else seed
    device = scenario.device
    config = generator_config(scenario)
    on = bench(scenario, seed)
    rig: Hal = simulated_rig(device, on, seed)
    line: FaultyLine | None = None
    if line_faults or any(kind in LINE_FAULTS for kind in scenario.fault_kinds):
        rig = line = FaultyLine(rig, seed)
    session = Session(
        generator=Generator(config),
        hal=rig,
        rig_config=rig_config(scenario, config),
        max_time_s=scenario.max_time_s,
        settle_s=max(1.0, config.tuning.after_cool_s),
        truth=truth_of(on, device),
        check_rig=rig_checker(device),
    )
    panel = FaultPanel(device, session, on, line)
    session.happenings = time_line(scenario, session, panel)
    return SimulatedAssembly(scenario, seed, session, panel, on)


def assemble_on(
    rig: Hal,
    scenario: Scenario,
    seed: int | None = None,
    *,
    rig_has_faults: bool = False,
    line_faults: bool = False,
) -> Assembly:
    """The same firmware on another backend. Nothing is simulated here: what the rig really does is what there is.

    `rig_has_faults`: it serves a simulation that puts the scenario's faults on by itself. `line_faults`: the line takes
    them although the scenario has none. Raises ValueError where the scenario puts faults on a simulation, and the rig
    does not.
    """
    seed = scenario.seed if seed is None else seed
    config = generator_config(scenario)
    line: FaultyLine | None = None
    for kind in scenario.fault_kinds:
        if not rig_has_faults and on_the_bench(kind):
            raise ValueError(f"{kind} can be put on a simulation alone; a rig has its own")
    if line_faults or any(kind in LINE_FAULTS for kind in scenario.fault_kinds):
        rig = line = FaultyLine(rig, seed)
    session = Session(
        generator=Generator(config),
        hal=FirstChannels(rig, len(scenario.device.thermocouples)),
        rig_config=rig_config(scenario, config),
        max_time_s=scenario.max_time_s,
        settle_s=max(1.0, config.tuning.after_cool_s),
        check_rig=rig_checker(scenario.device),
        own_time=True,
    )
    panel = FaultPanel(scenario.device, session, None, line)
    session.happenings = time_line(scenario, session, panel, lambda kind: not on_the_bench(kind))
    return Assembly(scenario, seed, session, panel)


def time_line(
    scenario: Scenario, session: Session, panel: FaultPanel, ours: Callable[[str], bool] = lambda kind: True
) -> list[Happening]:
    """The scenario's time line: what the operator does, then its faults. A fault of a kind that is not `ours` is put on
    elsewhere at the same moment, and only waited for. On a dead-man profile, starting is pressing the switch and
    stopping is letting go, where there is a hand to do it."""
    switch = panel.on if scenario.device.dead_man else None

    def act(action: OperatorAction) -> Callable[[], None]:
        if switch is not None and action in (OperatorAction.START, OperatorAction.STOP):
            return lambda: setattr(switch, "start_pressed", action is OperatorAction.START)
        return lambda: session.operator(action)

    found = [
        panel.by_hand(line) if line.do is None else Happening(line.at, act(OperatorAction(line.do)), line.do)
        for line in scenario.operator
    ]
    found += [happening for fault in scenario.faults for happening in panel.happenings(fault)]
    kinds = set(scenario.fault_kinds)
    return [h._replace(act=_elsewhere) if h.name in kinds and not ours(h.name) else h for h in found]


def _elsewhere() -> None:
    """Somebody else does it."""
