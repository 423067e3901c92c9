"""A fork is a part of a whole run: the same treatment, run from its start by the session, gives the same bits."""

from __future__ import annotations

from evidence.campaign_runs import Injection, Snapshot, with_faults
from hal import Reply
from rfgen.assemble import assemble
from rfgen.records import Decision
from rfgen.scenario import Scenario

Tick = tuple[str, str]


def as_text(reply: Reply, decision: Decision) -> Tick:
    """Every figure to its last bit, and NaN the same as NaN."""
    return repr(tuple(reply)), repr(tuple(decision))


def forked(snapshot: Snapshot, faults: tuple[Injection, ...], ticks: int) -> list[Tick]:
    """What a fork sees and decides."""
    run = snapshot.run.fork()
    for fault in faults:
        run.put(fault)
    return [as_text(*run.step()) for _ in range(ticks)]


def whole(snapshot: Snapshot, scenario: Scenario, ticks: int) -> list[Tick]:
    """The same ticks of the whole run of this scenario."""
    assembly = assemble(scenario)
    session = assembly.session
    seen: list[Tick] = []
    first = snapshot.run.tick

    def look(tick: int, reply: Reply, decision: Decision) -> None:
        if tick >= first and len(seen) < ticks:
            seen.append(as_text(reply, decision))

    session.on_tick = look
    session.max_time_s = (first + ticks) * session.rig_config.period_us * 1e-6
    session.settle_s = session.max_time_s  # a session would leave a while after the cut-off
    session.run()
    return seen


def difference(snapshot: Snapshot, faults: tuple[Injection, ...], ticks: int) -> str:
    """What the first tick is in which they differ; empty where they agree to the bit."""
    mine = forked(snapshot, faults, ticks)
    other = whole(snapshot, with_faults(snapshot, faults, 600.0), ticks)
    if len(mine) != len(other):
        return f"the whole run ended after {len(other)} of {len(mine)} ticks"
    for tick, (a, b) in enumerate(zip(mine, other, strict=True)):
        if a != b:
            return f"forked and whole run differ {tick} ticks after the fork:\n    {a}\n    {b}"
    return ""
