"""A scenario on a rig that is there: fitted to it, and refused before RF where the rig lacks what it needs."""

from __future__ import annotations

from hal import Command, Hal, HalError, Reply, RigConfig, RigInfo, RigRefused
from hal.serialrig import SerialHal
from hal.simulated import MODEL
from rfgen.assemble import Assembly, assemble_on, rig_checker
from rfgen.fitting import fitted_to
from rfgen.scenario import Scenario


def assemble_fitted(rig: Hal, scenario: Scenario, seed: int | None = None, *, line_faults: bool = False) -> Assembly:
    """The scenario fitted to the rig, where the rig says beforehand what it is.

    Raises HalError where it cannot be had or lacks what the profile needs, ValueError where the scenario puts faults on
    a simulation that this is not.
    """
    teller = rig.rig if isinstance(rig, PowerBound) else rig
    if not isinstance(teller, SerialHal):
        return assemble_on(rig, scenario, seed, line_faults=line_faults)
    info = teller.identify()
    fitted = fitted_to(scenario, info)
    rig_checker(fitted.device)(info)  # named before the rig is asked for what it cannot do
    # a served rig has the scenario's faults on its own time line
    served = info.simulated and info.identity.model == MODEL
    return assemble_on(rig, fitted, seed, rig_has_faults=served, line_faults=line_faults)


class PowerBound:
    """A rig that may be asked for no more than `most_w`, because its load or its bench bears no more.

    A treatment that might ask for more is refused when it is opened, before any RF. Nothing is ever cut down to fit.
    """

    def __init__(self, rig: Hal, most_w: float, name: str) -> None:
        self.rig = rig
        self.most_w = most_w
        self.name = name
        self.rf_off = rig.rf_off
        self.close = rig.close

    def open(self, config: RigConfig) -> RigInfo:
        """As the rig's own. Raises RigRefused where the power limit asked for is above `most_w`, or no number."""
        if not config.power_limit_w <= self.most_w:
            self.rig.rf_off()
            raise RigRefused(
                f"{self.name} allows {self.most_w:g} W, and this treatment may ask for {config.power_limit_w:g} W: "
                f"give it `treatment: {{max_power_w: {self.most_w:g}}}`, or another rig"
            )
        return self.rig.open(config)

    def exchange(self, command: Command) -> Reply:
        """As the rig's own. Raises HalError, with RF off, for a command above `most_w`: `open` leaves no way to one."""
        if command.rf_on and not command.power_w <= self.most_w:
            self.rig.rf_off()
            raise HalError(f"{self.name} allows {self.most_w:g} W, and was to be given {command.power_w:g} W")
        return self.rig.exchange(command)
