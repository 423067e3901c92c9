"""Fits a profile to the rig that is there, and a rig's samples to the profile."""

from __future__ import annotations

from hal import Capability, Command, Hal, Reply, RigConfig, RigInfo, Sample
from rfgen.device import DeviceProfile, plain
from rfgen.scenario import Scenario


def fitted_to(scenario: Scenario, info: RigInfo) -> Scenario:
    """The scenario with the thermocouples that this rig has, where its profile leaves that open (`as_fitted`).

    A rig with more than the profile names is used with as many as it names; then its sentinel, which is the rig's last
    channel, is none of them.
    """
    device = scenario.device
    if not device.as_fitted:
        return scenario
    count = min(len(device.thermocouples), info.thermocouples)
    tree = plain(device)
    channels = tree["thermocouples"][:count]
    sentinel = Capability.SENTINEL in info.capabilities and 1 < info.thermocouples == count
    for place, channel in enumerate(channels):
        channel["role"] = "sentinel" if sentinel and place == count - 1 else "electrode"
    tree["thermocouples"] = channels
    return scenario.model_copy(update={"device": DeviceProfile.model_validate(tree)})


class FirstChannels:
    """A rig with more thermocouples than the profile uses: the rest are left out of its samples."""

    def __init__(self, rig: Hal, channels: int) -> None:
        self.rig = rig
        self._channels = channels
        self._mask = (1 << 2 * channels) - 1
        self.rf_off = rig.rf_off
        self.close = rig.close

    def open(self, config: RigConfig) -> RigInfo:
        """As the rig's own."""
        return self.rig.open(config)

    def exchange(self, command: Command) -> Reply:
        """As the rig's own, without the channels that are not in use."""
        reply = self.rig.exchange(command)
        if isinstance(reply, Sample) and len(reply.temperature_c) > self._channels:
            return reply._replace(
                temperature_c=reply.temperature_c[: self._channels], tc_fault=reply.tc_fault & self._mask
            )
        return reply
