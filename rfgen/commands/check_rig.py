"""`rfgen check-rig`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hal import RigUnavailable
from hal.rigcheck.port import PortTransport
from hal.rigcheck.running import UNSEEN, before_it_starts, run
from hal.rigcheck.talk import MOST_W, Talk
from hal.rigcheck.verdicts import Result, Verdict
from rfgen.cli import NOT_AS_EXPECTED, OK, RIG_FAILED
from rfgen.commands.output import say, showable


def check_rig(port: str, as_json: bool, long: bool, baud: int) -> int:
    """Every check on the rig at `port`."""
    wire = PortTransport(port, baud)
    results: list[Result] = []
    lost = ""
    try:
        talk = Talk(wire, port)
        try:
            talk.first_hello()
            if not as_json:
                _announce(talk)
            with contextlib.closing(run(talk, long=long)) as running:  # RF off before the port is given back
                for result in running:
                    results.append(result)
                    if not as_json:
                        say(showable(result.line()))
        except OSError as error:
            lost = f"{port} has gone: {error}; plug the rig in again"
            if not results:
                raise RigUnavailable(lost) from None
    finally:
        wire.close()
    counts = {verdict: sum(result.verdict is verdict for result in results) for verdict in Verdict}
    if as_json:
        say(json.dumps(_told(talk, results, lost), indent=2))
    else:
        say(
            f"{counts[Verdict.KEPT]} kept, {counts[Verdict.BROKEN]} broken, {counts[Verdict.UNDECIDED]} undecided, "
            f"{counts[Verdict.LEFT_OUT]} left out"
        )
        for unseen in UNSEEN:
            say(f"not to be seen from here: {unseen}")
    if lost:
        say(showable(f"rig: {lost}"), err=True)
    if counts[Verdict.BROKEN]:
        return NOT_AS_EXPECTED
    return RIG_FAILED if lost or counts[Verdict.UNDECIDED] else OK


def _announce(talk: Talk) -> None:
    info = talk.info
    what = ", a simulation" if info.simulated else ""
    identity = info.identity
    say(showable(f"{identity.model} {identity.serial} (firmware {identity.firmware}{what}) on {talk.port}"))
    say(f"this {before_it_starts(talk)}")
    say(
        f"it answers in {1000 * talk.round_trip_s:.2f} ms; watchdogs of {talk.short_ms} ms, where it is to fire, and "
        f"{talk.long_ms} ms"
    )


def _told(talk: Talk, results: list[Result], lost: str) -> dict[str, Any]:
    info = talk.info
    return {
        "port": talk.port,
        "rig": {**info.identity._asdict(), "simulated": info.simulated, "boot_count": info.boot_count},
        "most_power_w": MOST_W,
        "round_trip_ms": 1000 * talk.round_trip_s,
        "watchdog_ms": talk.short_ms,
        "kept": all(result.verdict in (Verdict.KEPT, Verdict.LEFT_OUT) for result in results) and not lost,
        "checks": [
            {**result._asdict(), "verdict": result.verdict.value.lower().replace(" ", "_")} for result in results
        ],
        "unseen": list(UNSEEN),
        "lost": lost or None,
    }
