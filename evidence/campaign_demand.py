"""What must be seen when one or two faults are put on: the table applied to a moment of a run."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from evidence.campaign_context import Context
from evidence.campaign_rest import rest_of
from evidence.campaign_runs import Injection
from evidence.campaign_table import RULES, Rule, disturbs
from hal.linefault import LINE_FAULTS, LineSize
from rfgen.hostfaults import HOST_FAULTS
from rfgen.scenario import Scenario
from sim.faults import FAULTS, Size

KINDS: tuple[str, ...] = (*FAULTS, *LINE_FAULTS, *HOST_FAULTS)
BY_KIND: dict[str, tuple[Rule, ...]] = {kind: tuple(r for r in RULES if r.kind == kind) for kind in KINDS}
"""The rules of every kind of fault there is."""


class Demand(NamedTuple):
    """What must come of the faults put on."""

    by_s: float | None
    """A trip at this time after them at the latest; None where nothing needs to be seen."""
    rows: frozenset[str]
    """The first trip is one of these."""
    latest_s: float
    """Of all the trips that are expected; where none is, a moment to look on."""
    rules: tuple[Rule, ...]
    """Those that make the demand."""


LOOK_ON_S = 1.0


def rules_for(here: Context, fault: Injection) -> list[Rule]:
    """The rules that claim this fault here."""
    return [
        rule
        for rule in BY_KIND[fault.kind]
        if here.state in rule.states and here.applicable.intersection(rule.rows.split()) and rule.sees(here, fault)
    ]


def _touched(fault: Injection, what: str, here: Context) -> frozenset[str]:
    """`what` a fault disturbs or a rule looks through, with the channels it is about."""
    found = set(what.split())
    if "tc" in found:
        found.discard("tc")
        channels = [here.sentinel if fault.channel is None else fault.channel]
        if fault.kind == "thermocouple_swapped":
            channels.append(((fault.channel or 0) + 1) % here.channels)
        found |= {f"tc {channel}" for channel in channels}
    return frozenset(found)


def _hidden(rule: Rule, fault: Injection, other: Injection, here: Context) -> bool:
    """May `other` keep this rule from seeing the fault?"""
    disturbed = _touched(other, disturbs(other.kind), here)
    through = _touched(fault, rule.through, here)
    return "everything" in disturbed or "everything" in through or bool(through & disturbed)


def demand_of(here: Context, faults: tuple[Injection, ...]) -> Demand:
    """The trip that must come, for one fault or several put on in the same tick."""
    rows: set[str] = set()
    demanding: list[Rule] = []
    latest_s = 0.0
    for fault in faults:
        others = [other for other in faults if other is not fault]
        claimed = rules_for(here, fault)
        if not claimed:
            rows.update(rest_of(fault.kind, here.state).may.split())
        for rule in claimed:
            rows.update(rule.rows.split(), rule.also.split())
            latest_s = max(latest_s, rule.by_s)
            if not any(_hidden(rule, fault, other, here) for other in others):
                demanding.append(rule)
    by_s = min((rule.by_s for rule in demanding), default=None)
    if by_s is None:
        latest_s = LOOK_ON_S
    return Demand(by_s, frozenset(rows), latest_s, tuple(demanding))


# --- drawing faults


NEEDS_PUMP = frozenset({"pump_stopped", "pump_slow", "air_bubble", "coolant_warm"})
SPREAD = 30.0
"""Sizes are drawn up to this factor round a kind's default, and over its whole range."""


def possible(scenario: Scenario) -> tuple[str, ...]:
    """The kinds of fault that this rig can have."""
    device = scenario.device
    without: set[str] = set()
    if device.pump is None:
        without |= NEEDS_PUMP
    if not device.sentinel_channels:
        without.add("sentinel_close")
    if len(device.thermocouples) < 2:
        without.add("thermocouple_swapped")
    return tuple(kind for kind in KINDS if kind not in without)


def size_of(kind: str) -> Size | LineSize | None:
    """The range of a kind's size; None where it has none."""
    spec = FAULTS.get(kind) or LINE_FAULTS.get(kind)
    return None if spec is None else spec.size


def draw_size(span: Size | LineSize, draw: random.Random) -> float:
    """An end, the default, near the default, or anywhere."""
    how = draw.random()
    if how < 0.04:
        return span.least
    if how < 0.08:
        return span.most
    if how < 0.2:
        return span.default
    if how < 0.6:
        return draw.uniform(span.least, span.most)
    size = span.default * math.exp(draw.uniform(-1.0, 1.0) * math.log(SPREAD))
    if span.least < 0.0 and draw.random() < 0.5:
        size = -size
    return min(max(size, span.least), span.most)


def draw_fault(kind: str, channels: int, draw: random.Random) -> Injection:
    """A fault of this kind, its channel and size at random."""
    span = size_of(kind)
    on_channel = kind in FAULTS and FAULTS[kind].channel
    return Injection(
        kind, draw.randrange(channels) if on_channel else None, None if span is None else draw_size(span, draw)
    )


PAIRS = 0.4
"""Share of the forks with two faults."""


def draw_faults(here: Context, kinds: tuple[str, ...], draw: random.Random) -> tuple[tuple[Injection, ...], Demand]:
    """One fault or two, of which at least one must be seen: drawn again until it is so."""
    count = 2 if draw.random() < PAIRS else 1
    while True:
        faults = tuple(draw_fault(draw.choice(kinds), here.channels, draw) for _ in range(count))
        demand = demand_of(here, faults)
        if demand.by_s is not None:
            return faults, demand
