"""`rfgen ports`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from serial.tools import list_ports

from hal import HalError
from hal.serialrig import SerialHal
from rfgen.cli import OK, RIG_FAILED
from rfgen.commands.output import say, showable


def ports(probe: bool, names: Sequence[str]) -> int:
    """The serial ports, one line each. Nothing is sent to any of them but with `probe`."""
    told = {port.device: port.description for port in list_ports.comports()}
    wanted = {name: told.get(name, "") for name in names} if names else told
    if not wanted:
        say("no serial ports; plug a rig in, or serve a simulated one: `rfgen rig`")
        return OK
    width = max(map(len, wanted))
    gone = False
    for name, description in sorted(wanted.items()):
        line = f"{name:<{width}}  {'' if description in ('n/a', '') else description}"
        if probe:
            line += f"  {_asked(name)}"
        elif name not in told and not Path(name).is_char_device():
            line, gone = f"{line}no port", True
        say(showable(line.rstrip()))
    return RIG_FAILED if gone else OK


def _asked(name: str) -> str:
    """What HELLO gets."""
    rig = SerialHal(name)
    try:
        info = rig.identify()
    except HalError as error:
        return f"no rig: {error}"
    finally:
        rig.close()
    what = ", a simulation" if info.simulated else ""
    claims = ", ".join(bit.name.lower().replace("_", " ") for bit in info.capabilities if bit.name) or "nothing more"
    return (
        f"rig {info.identity.model} {info.identity.serial} (firmware {info.identity.firmware}{what}): "
        f"{info.max_power_w:g} W, {info.thermocouples} thermocouples, {claims}"
    )
