"""Runs the checks on a rig, one after the other, each on a link of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from hal.rigcheck import frames, links, radiating, requests, watchdog
from hal.rigcheck.talk import FLOW_ML_MIN, MOST_W, Talk
from hal.rigcheck.verdicts import Broken, Check, LeftOut, Result, Undecided, Verdict
from hal.types import Capability

CHECKS: tuple[Check, ...] = (
    *requests.CHECKS,
    *radiating.CHECKS,
    *watchdog.CHECKS,
    *frames.CHECKS,
    *links.CHECKS,
)
TRIES = 5
"""So often is a check begun anew where this host was late."""
SIMULATED_TRIES = 3
"""A simulation shares this machine, and may itself be late: what depends on time is broken if it is so often."""

UNSEEN = (
    "RF off at boot, and after BYE: there is no request left that would tell; watch the output while the rig boots",
    "that the stage is off when it says so: put a meter on the output",
    "an open interlock loop, the emergency stop, a stage that sticks, a lost return electrode, a thermocouple pulled "
    "while RF is on: do it by hand in `bench-first-light`, and see the run cut off with that reason",
)
"""Promises that no host can see from its end of the line."""


def before_it_starts(talk: Talk) -> str:
    """What will be done to the rig."""
    pump = f", and turns the pump at {FLOW_ML_MIN:g} ml/min" if Capability.PUMP in talk.info.capabilities else ""
    return (
        f"asks for RF of at most {MOST_W:g} W, again and again{pump}: a dummy load must be connected, and nothing else"
    )


def run(talk: Talk, checks: Iterable[Check] = CHECKS, *, long: bool = False) -> Generator[Result, None, None]:
    """Each check's result as it comes; RF is off and the link ended at the end, on every way out.

    Raises OSError where the line goes.
    """
    try:
        for check in checks:
            yield _one(talk, check, long)
    finally:
        talk.goodbye()


def _one(talk: Talk, check: Check, long: bool) -> Result:
    if check.long and not long:
        return _result(talk, check, Verdict.LEFT_OUT, 0, "takes minutes: only with --long")
    why = ""
    for attempt in range(1, TRIES + 1):
        talk.begin()
        damaged = talk.damaged
        try:
            check.run(talk)
        except LeftOut as error:
            return _result(talk, check, Verdict.LEFT_OUT, attempt, str(error))
        except Undecided as error:
            why = str(error)
        except Broken:
            if talk.damaged > damaged:
                why = "a frame from the rig came damaged: see that the line is sound"
            elif talk.was_late:
                why = "this host was late, and the rig's watchdog may have fired meanwhile"
            elif not (check.timed and talk.info.simulated and attempt < SIMULATED_TRIES):
                return _result(talk, check, Verdict.BROKEN, attempt)
        else:
            return _result(talk, check, Verdict.KEPT, attempt)
    return _result(talk, check, Verdict.UNDECIDED, TRIES, why)


def _result(talk: Talk, check: Check, verdict: Verdict, tries: int, why: str = "") -> Result:
    sent, came, due = ("nothing", why, "nothing") if verdict is Verdict.LEFT_OUT else talk.last
    if verdict is Verdict.UNDECIDED:
        came = why
    return Result(check.id, check.promise, verdict, sent, came, due, talk.seen, tries)


def broken(results: Iterable[Result]) -> list[Result]:
    """Those that are."""
    return [result for result in results if result.verdict is Verdict.BROKEN]
