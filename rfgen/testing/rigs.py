"""The rigs that a test can run on. A test asks for one and cannot tell which it has, but for what it lacks."""

from __future__ import annotations

from typing import Protocol

from hal import Capability, Hal, HalError, RigInfo, RigRefused
from hal.serialport import BAUD
from hal.serialrig import SerialHal
from rfgen.assemble import Assembly, assemble, generator_config, needed
from rfgen.onrig import PowerBound, assemble_fitted
from rfgen.pacing import RealTimePacer
from rfgen.scenario import Scenario
from rfgen.testing.errors import Lacking

LOCKSTEP_REPLY_S = 5.0
"""How long a rig in lock-step is waited for: it has no time of its own to be late by (assumed)."""


NOTHING = Capability(0)


class Rig(Protocol):
    """Where a treatment can be run."""

    @property
    def name(self) -> str:
        """As it is told of: `sim`, `serial:/dev/ttyACM0`, `rig left (bench.yaml)`."""

    @property
    def kind(self) -> str:
        """As a recording has it: `sim`, `serial`."""

    @property
    def entry(self) -> str:
        """Its name in a map; empty where it is in none."""

    def assemble(self, scenario: Scenario, seed: int | None) -> Assembly:
        """The scenario, ready to run here. Raises Lacking where the rig lacks what it needs, HalError where it cannot
        be had."""


class SimulatedRig:
    """The simulation: whatever the scenario's device has fitted, and every fault."""

    name = "sim"
    kind = "sim"
    entry = ""

    def assemble(self, scenario: Scenario, seed: int | None = None) -> Assembly:
        """Raises ValueError where the plant's geometry cannot be."""
        return assemble(scenario, seed, line_faults=True)


class SerialRig:
    """The rig on a serial port. `max_power_w`: the most that may be asked for there, whatever its stage gives;
    `claimed`: capabilities that somebody says it has. `lockstep`: its time moves with each exchange alone (`rfgen rig
    --lockstep`), so that nobody waits."""

    kind = "serial"

    def __init__(
        self,
        port: str,
        *,
        baud: int = BAUD,
        name: str | None = None,
        entry: str = "",
        max_power_w: float | None = None,
        claimed: Capability = NOTHING,
        lockstep: bool = False,
    ) -> None:
        self.port = port
        self.name = f"serial:{port}" if name is None else name
        self.entry = entry
        self.max_power_w = max_power_w
        self.claimed = claimed
        self.lockstep = lockstep
        self._baud = baud
        self._info: RigInfo | None = None

    def identify(self) -> RigInfo:
        """What it says that it is; asked once, with RF off, and the port given back.

        Raises HalError where it cannot be had, or is less than somebody says that it is: one of them is wrong.
        """
        if self._info is None:
            rig = SerialHal(self.port, self._baud)
            try:
                info = rig.identify()
            finally:
                rig.close()
            missing = self.claimed & ~info.capabilities
            if missing:
                names = ", ".join(capability_name(bit) for bit in missing)
                raise HalError(f"{self.name} is said to have {names}, and the rig itself does not say so")
            self._info = info
        return self._info

    def assemble(self, scenario: Scenario, seed: int | None = None) -> Assembly:
        """Raises Lacking, before any RF, where the rig lacks what the profile needs or the treatment may ask for more
        power than is allowed here; HalError where it does not answer."""
        self._see_that_allowed(scenario)
        rig: Hal = SerialHal(self.port, self._baud, reply_s=LOCKSTEP_REPLY_S if self.lockstep else None)
        try:
            if self.max_power_w is not None:
                rig = PowerBound(rig, self.max_power_w, self.name)
            assembly = assemble_fitted(rig, scenario, seed, line_faults=True)
        except (RigRefused, ValueError) as error:
            rig.close()
            raise Lacking(f"{self.name}: {error}") from None
        except BaseException:
            rig.close()
            raise
        if self.lockstep:
            assembly.session.own_time = False
        else:
            assembly.session.pacer = RealTimePacer(assembly.session.rig_config.period_us)
        return assembly

    def _see_that_allowed(self, scenario: Scenario) -> None:
        most_w = most_power_w(scenario)
        if self.max_power_w is not None and not most_w <= self.max_power_w:
            raise Lacking(power_lack(self.name, self.max_power_w, most_w))


def most_power_w(scenario: Scenario) -> float:
    """The most that a treatment may ask for."""
    return generator_config(scenario).plan.most_w


def power_lack(name: str, allowed_w: float, most_w: float) -> str:
    """Why a rig with this bound is not for this treatment."""
    return (
        f"{name} allows {allowed_w:g} W, and the treatment may ask for {most_w:g} W "
        f"(`treatment: {{max_power_w: {allowed_w:g}}}` would do)"
    )


def capability_name(bit: Capability) -> str:
    """`RETURN_MONITOR` as it is written in files: `return_monitor`."""
    return (bit.name or str(bit.value)).lower()


def needs_of(scenario: Scenario) -> Capability:
    """The capabilities that a rig must claim for this scenario's device."""
    return needed(scenario.device)
