"""`rfgen rig`."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path
from types import FrameType

from hal import RigTrip
from hal.serve import PtyServer
from hal.servelink import left_behind
from rfgen.cli import OK
from rfgen.commands.output import say
from rfgen.interruption import SIGNALS
from rfgen.rigside import rig_side
from rfgen.scenario import load_scenario
from rfgen.yamlsource import InputError, Problem


def rig(source: str, link: Path | None, lockstep: bool, seed: int | None) -> int:
    """Serve the scenario's rig until it is told to end."""
    scenario = load_scenario(source)
    try:
        side = rig_side(scenario, lockstep=lockstep, boot_count=secrets.randbits(32), seed=seed)
    except ValueError as error:
        raise InputError([Problem(source, None, None, "plant", "", str(error), "")]) from None
    if link is not None:
        _see_that_free(link)
    server = PtyServer(side.protocol, link=link, real_time=not lockstep)

    def end(number: int, frame: FrameType | None) -> None:
        server.stop()

    # handled before the port is told: whoever reads it may end the rig at once
    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        with server:
            say(f"rig on {server.port if link is None else link}")
            how = "in lock-step: one period an exchange" if lockstep else "in real time"
            say(f"{Path(source).stem}, {scenario.device.title}, SIMULATED, {how}; Ctrl-C ends it, RF off first")
            server.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    protocol = side.protocol
    held = f"; held RF off itself: {RigTrip(protocol.trip).name}" if protocol.trip else ""
    say(f"ended with RF off; {protocol.bad_frames} bad frames on the last link{held}")
    return OK


def _see_that_free(link: Path) -> None:
    """Raises InputError where the link cannot be made. One left by a rig that was killed may go."""
    if link.exists() and not left_behind(link):
        what = "is there already"
    elif not link.absolute().parent.is_dir():
        what = "is in a folder that does not exist"
    elif not os.access(link.absolute().parent, os.W_OK | os.X_OK):
        what = "is in a folder that cannot be written"
    else:
        return
    raise InputError([Problem(str(link), None, None, "--link", "", what, "give a name that is free")])
