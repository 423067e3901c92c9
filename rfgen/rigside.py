"""A scenario's rig, to be served on a line: its bench, and the faults that the scenario puts on it at their moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hal import Command, HalError, Reply, RigConfig, RigInfo, Sample
from hal.serveprotocol import RigProtocol
from hal.serveworks import LockStepWorks, RealTimeWorks, Works
from hal.simulated import SimulatedHal
from rfgen.assemble import bench, generator_config, rig_config, simulated_rig, time_line
from rfgen.faultpanel import FaultPanel, on_the_bench
from rfgen.generator import Generator
from rfgen.records import State
from rfgen.scenario import Scenario
from rfgen.session import Session, TimeLine

STEP_MS = 1
"""What a rig in real time steps its plant by."""


class Follower:
    """Knows where the treatment is that a rig is used for, as the rig sees it: a firmware of its own is fed the samples
    that are sent, with the scenario's operator. So a fault at `hold + 5 s` comes at its moment. Tick 0 begins anew,
    with every fault taken off."""

    def __init__(self, scenario: Scenario, rig: SimulatedHal, info: RigInfo) -> None:
        self._scenario = scenario
        self._bench = rig.bench
        self._info = info
        self._begin()

    def before(self, tick: int) -> None:
        """What is due by this tick happens."""
        if tick == 0:
            self._begin()
        self._tick = tick
        for happening in self._line.pop(tick):
            happening.act()

    def after(self, sample: Sample) -> None:
        """The firmware's own tick: states that it enters give moments."""
        self._generator.tick(sample)
        for event in self._generator.take_events():
            if event.kind == "state":
                self._line.entered(State[str(event.data["to"])], self._tick)

    def _begin(self) -> None:
        for handle in self._bench.faults:
            self._bench.take_off(handle)
        self._bench.start_pressed = False
        self._tick = 0
        config = generator_config(self._scenario)
        self._generator = Generator(config)
        self._generator.linked(self._info)
        session = Session(self._generator, _Linked(self._info), rig_config(self._scenario, config))
        self.panel = FaultPanel(self._scenario.device, session, self._bench, None)
        on_time = time_line(self._scenario, session, self.panel, on_the_bench)
        self._line = TimeLine.of(config.period_us, on_time)


class _Linked:
    """What the follower's operator links to when he acknowledges: the rig that it is itself."""

    def __init__(self, info: RigInfo) -> None:
        self._info = info

    def open(self, config: RigConfig) -> RigInfo:
        return self._info

    def exchange(self, command: Command) -> Reply:
        raise HalError("it is fed by the rig")

    def rf_off(self) -> None:
        """Nothing to switch off."""

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class RigSide:
    """A rig ready to be served, and what is simulated in it."""

    protocol: RigProtocol
    rig: SimulatedHal
    follower: Follower

    @property
    def panel(self) -> FaultPanel:
        """Where faults are put on the rig by hand, in the thread that serves it; from another by `PtyServer.do`. A
        treatment that begins takes all of them off."""
        return self.follower.panel


def rig_side(
    scenario: Scenario,
    *,
    lockstep: bool,
    boot_count: int,
    seed: int | None = None,
    make: Callable[[Works, RigInfo, Follower], RigProtocol] = RigProtocol,
) -> RigSide:
    """The scenario's rig. `boot_count` is this boot's; `make`: another rig's side of the protocol (a broken one, to be
    found out). Raises ValueError where the geometry cannot be."""
    seed = scenario.seed if seed is None else seed
    config = rig_config(scenario, generator_config(scenario))
    stepped = scenario
    if not lockstep:
        device = scenario.device.model_copy(update={"period_ms": STEP_MS})
        stepped = scenario.model_copy(update={"device": device})
    rig = simulated_rig(scenario.device, bench(stepped, seed), seed)
    own = config if lockstep else config._replace(period_us=STEP_MS * 1000)
    info = rig.open(own)._replace(boot_count=boot_count)
    rig.close()
    works: Works = LockStepWorks(rig) if lockstep else RealTimeWorks(rig, own, STEP_MS * 1000)
    follower = Follower(scenario, rig, info)
    return RigSide(make(works, info, follower), rig, follower)
