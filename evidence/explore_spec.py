"""What the generator must do, tick by tick, written from the catalogue's text and not from the supervisor.

`Expected` is what a watcher with the catalogue in hand knows: which conditions have been true and for how long, what
has latched and how long each reading has been good since. `Watcher.asked` takes the operator's requests,
`Watcher.replied` the rig's reply, and holds the generator's decision against both; `Broken` says what failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from hal import Absence, NoSample
from rfgen.records import Decision, State
from rfgen.safety.row import Clears, Row

IDLE, CHECK, RAMP, HOLD, CUTOFF = State
RADIATING = (CHECK, RAMP, HOLD)
NEVER = -1
GOOD_US = 1_000_000
"""R: good on every valid sample for the last second."""
LOST_AFTER = 3
"""LINK_LOST: ticks in a row without a valid sample."""
REBOOTED_CODES = (2, 4)
DRIVEN_TICKS = 2
"""Test power for its window of one tick, and for the tick that ends it."""


class Ask(Enum):
    """What an operator can do in a tick."""

    START = "start"
    STOP = "stop"
    NEW_PATIENT = "new patient"
    ACKNOWLEDGE = "acknowledge"
    ACKNOWLEDGE_NO_LINK = "acknowledge without a link"
    ACKNOWLEDGE_BOOTED = "acknowledge with a rig that has booted"


class Broken(AssertionError):
    """An invariant did not hold."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Expected(NamedTuple):
    """Known after a tick."""

    state: State = IDLE
    step: int = 0
    reason: str | None = None
    latched: int = 0
    counts: tuple[tuple[int, int], ...] = ()
    """(row, elapsed us from its first true sample to the last sample)"""
    good: tuple[tuple[int, int], ...] = ()
    """(latched row that clears by reading, us for which it has been good; NEVER: no sample on this link yet)"""
    gap: int = 0
    """Ticks since the last sample was taken in."""
    missed: int = 0
    """Ticks in a row without a sample."""
    fresh: bool = True
    """No sample on this link yet: its clock may stand anywhere."""
    sampled: bool = False
    """The last reply was a sample."""
    stuck: bool = False
    """The start switch read pressed just before now."""
    baseline: bool = False
    """In this check the interlocks have been shown a baseline..."""
    driven: int = 0
    """...and test power has been commanded for so many ticks."""
    pump_is_cause: bool = False
    place: tuple[State, int] | None = None
    """State and step of the last sample, and for how long; counted for the time-outs alone."""
    in_place_us: int = 0
    on_ticks: int = 0


class Seen(NamedTuple):
    """What a sample shows the interlocks."""

    true: int
    held: int
    stuck: bool
    still: bool
    """The rig's clock has not moved."""


class Facts(NamedTuple):
    """What is read off the generator beside its decision."""

    reason: str | None
    latched: int
    saw_baseline: bool
    saw_verdict: bool


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


class Watcher:
    """Knows the rows and counts.

    `most_gap`: ticks beyond which a longer gap makes no difference; None keeps it as it is. `time_outs_s`: limits of
    the rows, by id, whose time is counted here; without it they are chosen like any other.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        period_us: int,
        most_w: float,
        most_gap: int | None = None,
        time_outs_s: Mapping[str, float] | None = None,
    ) -> None:
        self.rows = tuple(rows)
        self.period_us = period_us
        self.most_w = most_w
        self.most_gap = most_gap
        self.time_outs_s = time_outs_s or {}
        bits = range(len(rows))
        self.bit = {row.id: bit for bit, row in enumerate(rows)}
        self.armed = {
            state: sum(1 << b for b in bits if state in rows[b].armed and not rows[b].refuses) for state in State
        }
        self.by_reading = sum(1 << b for b in bits if rows[b].clears is Clears.READING)
        self.pump = sum(1 << b for b in bits if rows[b].pump_is_cause)
        self.persist_us = tuple(row.persist_us for row in rows)

    # --- the operator -------------------------------------------------------------------------------------------

    def asked(self, e: Expected, asks: Sequence[Ask]) -> Expected:
        """After the requests of a tick, before its reply."""
        for ask in asks:
            if ask is Ask.START:
                if e.state is IDLE and not e.latched and e.sampled and not e.stuck:
                    e = e._replace(state=CHECK, step=0, baseline=False, driven=0, on_ticks=0)
            elif ask is Ask.STOP:
                if e.state in RADIATING:
                    e = e._replace(state=CUTOFF, reason="operator_stop")
            elif ask is Ask.ACKNOWLEDGE and e.state is CUTOFF:
                # what the line did is gone with the open that this acknowledge made; what clears by acknowledge, too
                if all(us >= GOOD_US for _, us in e.good):
                    e = Expected(sampled=e.sampled, stuck=e.stuck)
                else:
                    e = e._replace(good=tuple((b, NEVER) for b, _ in e.good), fresh=True, missed=0, gap=0)
            elif ask is Ask.ACKNOWLEDGE_BOOTED and e.state is CUTOFF:
                e = e._replace(latched=e.latched | 1 << self.bit["RIG_REBOOT"])
        return e

    # --- the rig ------------------------------------------------------------------------------------------------

    def passed_us(self, e: Expected) -> int:
        """From the last sample to one in this tick."""
        return (e.gap + 1) * self.period_us

    def replied(
        self, prior: State, e: Expected, seen: Seen | NoSample | None, decision: Decision, facts: Facts
    ) -> Expected:
        """After the tick. `prior`: the state before the requests; `seen` None: the firmware itself failed. Raises
        Broken."""
        asked = e
        if seen is None:
            e, true, tripped = self._failed(e)
        elif isinstance(seen, Seen):
            e, true, tripped = self._with(e, seen)
        else:
            e, true, tripped = self._without(e, seen)
        if tripped:
            e = e._replace(latched=e.latched | tripped)
            if e.state is not CUTOFF:
                first = self.rows[(tripped & -tripped).bit_length() - 1].id
                e = e._replace(state=CUTOFF, reason=first, pump_is_cause=bool(tripped & self.pump))
        self._check_trips(true, tripped, decision)
        if not tripped and e.state in RADIATING and isinstance(seen, Seen):
            e = self._moved(asked, e, decision, facts)
        self._check(prior, e, tripped, decision, facts)
        rf_on = decision.command.rf_on
        if e.state not in (RAMP, HOLD):
            e = e._replace(step=0)
        if e.state is CHECK:
            return e._replace(
                driven=min(DRIVEN_TICKS, e.driven + rf_on),
                baseline=e.baseline or facts.saw_baseline,
                on_ticks=e.on_ticks + rf_on if self.time_outs_s else 0,
            )
        counting = self.time_outs_s and e.state in RADIATING
        return e._replace(driven=0, baseline=False, on_ticks=e.on_ticks + rf_on if counting else 0)

    def _with(self, e: Expected, seen: Seen) -> tuple[Expected, int, int]:
        """-> (after it, armed rows that are true, rows that trip)"""
        fresh, held = e.fresh, seen.held
        passed_us = 0 if seen.still or fresh else self.passed_us(e)
        true = seen.true
        if self.time_outs_s:
            e, true = self._timed_out(e, true, passed_us)
        armed = self.armed[e.state]
        counts, tripped = [], 0
        was = dict(e.counts)
        for bit in _bits((true | held) & armed):
            if true >> bit & 1:
                elapsed = 0 if fresh or bit not in was else was[bit] + passed_us
                if elapsed >= self.persist_us[bit]:
                    tripped |= 1 << bit
                    elapsed = self.persist_us[bit]
                counts.append((bit, elapsed))
            elif bit in was:
                counts.append((bit, 0 if fresh else was[bit]))
        tripped &= ~e.latched
        good = [
            (bit, 0 if true >> bit & 1 or us == NEVER else us if held >> bit & 1 else min(us + passed_us, GOOD_US))
            for bit, us in e.good
        ]
        good = sorted(good + [(bit, 0) for bit in _bits(tripped & self.by_reading)])
        e = e._replace(
            counts=tuple(counts), good=tuple(good), gap=0, missed=0, fresh=False, sampled=True, stuck=seen.stuck
        )
        return e, true & armed, tripped

    def _timed_out(self, e: Expected, true: int, passed_us: int) -> tuple[Expected, int]:
        place = (e.state, e.step)
        if e.state not in RADIATING:
            return e._replace(place=None, in_place_us=0), true & ~sum(1 << self.bit[i] for i in self.time_outs_s)
        in_place_us = e.in_place_us + passed_us if e.place == place else 0
        spent_s = {
            "CHECK_TIMEOUT": in_place_us * 1e-6 if e.state is CHECK else 0.0,
            "RAMP_TIMEOUT": in_place_us * 1e-6 if e.state is RAMP else 0.0,
            "TREATMENT_TIMEOUT": e.on_ticks * self.period_us * 1e-6,
        }
        for row_id, limit_s in self.time_outs_s.items():
            bit = 1 << self.bit[row_id]
            true = true | bit if spent_s[row_id] > limit_s else true & ~bit
        return e._replace(place=place, in_place_us=in_place_us), true

    def _waits(self, e: Expected) -> int:
        if e.fresh:
            return 0
        return e.gap + 1 if self.most_gap is None else min(e.gap + 1, self.most_gap)

    def _without(self, e: Expected, reply: NoSample) -> tuple[Expected, int, int]:
        missed = e.missed + 1
        true = 0
        if reply.reason in (Absence.RIG_ERROR, Absence.LINE_DOWN) or missed >= LOST_AFTER:
            true |= 1 << self.bit["LINK_LOST"]
        if reply.reason is Absence.WRONG_TICK:
            true |= 1 << self.bit["SAMPLE_STALE"]
        if reply.reason is Absence.RIG_ERROR and reply.error_code in REBOOTED_CODES:
            true |= 1 << self.bit["RIG_REBOOT"]
        armed = self.armed[e.state]
        counts = tuple((bit, us) for bit, us in e.counts if armed >> bit & 1)
        if self.most_gap is not None:
            missed = min(missed, self.most_gap)
        e = e._replace(gap=self._waits(e), missed=missed, sampled=False, counts=counts)
        return e, true, true & ~e.latched

    def _failed(self, e: Expected) -> tuple[Expected, int, int]:
        new = 1 << self.bit["INTERNAL_ERROR"] & ~e.latched
        return e._replace(gap=self._waits(e)), new, new

    def _moved(self, asked: Expected, e: Expected, decision: Decision, facts: Facts) -> Expected:
        """Where control may have gone in a tick in which nothing tripped."""
        state, to, step = e.state, decision.state, decision.step
        if to is state:
            return e
        if (state, to) == (CHECK, RAMP):
            if not facts.saw_verdict or not asked.baseline or asked.driven < DRIVEN_TICKS:
                raise Broken("no way to RAMP round the check", "RAMP before baseline, test power and verdict were seen")
            return e._replace(state=RAMP)
        if (state, to) == (RAMP, HOLD):
            return e._replace(state=HOLD)
        if (state, to) == (HOLD, RAMP) and step == e.step + 1:
            return e._replace(state=RAMP, step=step)
        if (state, to) == (HOLD, CUTOFF) and facts.reason == "hold_complete":
            return e._replace(state=CUTOFF, reason="hold_complete")
        if to is RAMP:
            raise Broken("no way to RAMP round the check", f"from {state.name} to RAMP")
        raise Broken("only the table's moves", f"from {state.name} to {to.name}, {facts.reason}")

    def _names(self, mask: int) -> str:
        return ", ".join(self.rows[bit].id for bit in _bits(mask)) or "nothing"

    def _check_trips(self, true: int, tripped: int, decision: Decision) -> None:
        if decision.tripped != tripped:
            early = decision.tripped & ~tripped
            text = f"expected {self._names(tripped)}, and {self._names(decision.tripped)} tripped"
            if decision.command.rf_on and not early:
                raise Broken("a true armed row puts RF off in the same tick", f"RF on with {self._names(tripped)}")
            if early:
                raise Broken("a row trips when its persistence is over, not before", text)
            raise Broken("a true armed row puts RF off in the same tick", text)
        if decision.violated != true:
            text = f"{self._names(decision.violated)} said to be true instead of {self._names(true)}"
            raise Broken("every armed row is read in every tick", text)

    def _check(self, prior: State, e: Expected, tripped: int, decision: Decision, facts: Facts) -> None:
        state, command = decision.state, decision.command
        if command.rf_on:
            if state not in RADIATING:
                raise Broken("RF only in check, ramp and hold", f"RF on in {state.name}")
            if tripped or facts.latched:
                raise Broken("a true armed row puts RF off in the same tick", f"RF on with {self._names(tripped)}")
            if not 0.0 < command.power_w <= self.most_w:
                raise Broken("never more than the treatment's maximum", f"{command.power_w} W")
        if state is not e.state:
            if e.state is CUTOFF and e.reason == "operator_stop" and prior is not CUTOFF:
                raise Broken("a stop request is always obeyed", f"{state.name} after a stop in {prior.name}")
            if e.state is IDLE and prior is CUTOFF:
                raise Broken("an acknowledge with every cause gone leads to IDLE", f"{state.name}: it was refused")
            if e.state is CUTOFF:
                raise Broken("CUTOFF is left by acknowledge alone, with the cause gone", f"it is in {state.name}")
            raise Broken("the state is the one that the moves lead to", f"{state.name} instead of {e.state.name}")
        if facts.reason != e.reason:
            raise Broken("the first reason is kept", f"{facts.reason} instead of {e.reason}")
        if facts.latched != e.latched:
            text = f"{self._names(facts.latched)} latched instead of {self._names(e.latched)}"
            raise Broken("what tripped stays latched until it is acknowledged", text)
        if state is CUTOFF and (prior is not CUTOFF or tripped) and not decision.rf_off:
            raise Broken("a cutoff goes out in the same tick", "no RF_OFF was sent")
        if decision.step != e.step and state in (RAMP, HOLD):
            raise Broken("the steps come in their order", f"step {decision.step} instead of {e.step}")
        if e.pump_is_cause and command.flow_ml_min > 0.0:
            raise Broken("a pump that is the cause does not go on", f"{command.flow_ml_min} ml/min asked for")
