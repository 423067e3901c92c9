"""Breadth-first search over the states of the real generator, and what is asked of every state found."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from evidence.explore_readings import Reading, Readings
from evidence.explore_spec import CUTOFF, IDLE, LOST_AFTER, RADIATING, Ask, Broken, Expected, Facts, Seen, Watcher
from evidence.explore_subject import (
    ABSENCES,
    CHANNELS,
    MANY_TICKS,
    MOST_W,
    NOW_US,
    PERIOD_US,
    TIME_OUTS,
    Build,
    StateKey,
    Subject,
    limits_of,
    link,
    sample_at,
    scaled_rows,
)
from hal import NoSample, Reply
from rfgen.records import OperatorAction, State

ASKS: tuple[tuple[Ask, ...], ...] = (
    (),
    (Ask.START,),
    (Ask.STOP,),
    (Ask.NEW_PATIENT,),
    (Ask.ACKNOWLEDGE,),
    (Ask.ACKNOWLEDGE_NO_LINK,),
    (Ask.ACKNOWLEDGE_BOOTED,),
    (Ask.START, Ask.STOP),
    (Ask.STOP, Ask.ACKNOWLEDGE),
    (Ask.ACKNOWLEDGE, Ask.START),
)
REQUESTS = {
    Ask.START: (OperatorAction.START, None),
    Ask.STOP: (OperatorAction.STOP, None),
    Ask.NEW_PATIENT: (OperatorAction.NEW_PATIENT, None),
    Ask.ACKNOWLEDGE: (OperatorAction.ACKNOWLEDGE, link(1)),
    Ask.ACKNOWLEDGE_NO_LINK: (OperatorAction.ACKNOWLEDGE, None),
    Ask.ACKNOWLEDGE_BOOTED: (OperatorAction.ACKNOWLEDGE, link(2)),
}
RECOVERY: tuple[tuple[Ask, ...], ...] = ((), (Ask.STOP,), (Ask.ACKNOWLEDGE,))
"""What leads back to IDLE while nothing is wrong."""


class Choice(NamedTuple):
    """One tick of what surrounds the generator, but for the operator."""

    name: str
    reading: Reading | None = None
    absence: NoSample | None = None
    progress: bool = True
    """Control sees what lets it go on."""
    still: bool = False


FAILS = Choice("the firmware fails")


@dataclass(frozen=True)
class Scope:
    """What one search covers.

    `row_ids`: rows whose conditions are moved (None: all). `at_once`: how many of them may be true or held in one
    tick. `in_play`: how many may be counting, latched or read at the same time; None sets no bound to it. `timed`:
    the time-outs are counted, not chosen. `part`: (k, n) takes every n-th pair from the k-th.
    """

    row_ids: tuple[str, ...] | None = None
    at_once: int = 2
    in_play: int | None = 2
    timed: bool = False
    part: tuple[int, int] = (0, 1)


class Surroundings:
    """The choices that a scope allows."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        rows = scaled_rows()
        self.rows = rows
        self.readings = readings = Readings(rows, limits_of(PERIOD_US, scope.timed), CHANNELS)
        timed = {"CHECK_TIMEOUT", "RAMP_TIMEOUT", "TREATMENT_TIMEOUT"} if scope.timed else set()
        ids = [row.id for row in rows] if scope.row_ids is None else list(scope.row_ids)
        bits = [readings.bit(row_id) for row_id in ids if row_id not in timed]
        self.moved = sum(1 << bit for bit in bits)
        groups: list[tuple[int, ...]] = [(bit,) for bit in bits]
        if scope.at_once > 1:
            k, n = scope.part
            groups += [pair for place, pair in enumerate(combinations(bits, 2)) if place % n == k]
        self._groups: list[tuple[int, list[Reading]]] = []
        for group in groups:
            shown = readings.of(*group)
            mask = 0
            for reading in shown:
                mask |= reading.true
            for bit in group:
                mask |= 1 << bit
            self._groups.append((mask, shown))
        self._by_play: dict[int, tuple[int, list[Reading]]] = {}
        self._choices: dict[tuple[int, bool, bool, bool], list[Choice]] = {}
        self.bit = {row.id: 1 << bit for bit, row in enumerate(rows)}

    def allowed(self, in_play: int) -> bool:
        """May these rows be in play together?"""
        return self.scope.in_play is None or bool(self._open(in_play)[1])

    def _open(self, in_play: int) -> tuple[int, list[Reading]]:
        """(rows that may join, readings) where these rows are in play."""
        if self.scope.in_play is None:
            in_play = 0
        found = self._by_play.get(in_play)
        if found is None:
            union = 0
            distinct: dict[tuple[int, int, bool], Reading] = {}
            for mask, shown in self._groups:
                if in_play & ~mask:
                    continue
                union |= mask
                for reading in shown:
                    key = (reading.true, reading.held, reading.signals.impedance_ohm is None)
                    distinct.setdefault(key, reading)
            found = self._by_play[in_play] = (union, list(distinct.values()))
        return found

    def choices(self, in_play: int, e: Expected) -> list[Choice]:
        """For a tick in which `e` is what is known after the operator's requests; `fine` comes first."""
        key = (in_play, e.state in RADIATING, e.fresh, e.missed + 1 >= LOST_AFTER)
        found = self._choices.get(key)
        if found is None:
            found = self._choices[key] = self._of(*key)
        return found

    def _of(self, in_play: int, runs: bool, fresh: bool, loses: bool) -> list[Choice]:
        found = []
        stale, lost, reboot = self.bit["SAMPLE_STALE"], self.bit["LINK_LOST"], self.bit["RIG_REBOOT"]
        for reading in self._open(in_play)[1]:
            for progress in (True, False) if runs else (True,):  # control does not run elsewhere
                found.append(Choice(reading.name, reading, progress=progress))
                if reading.true & stale and not fresh:
                    found.append(Choice(reading.name, reading, progress=progress, still=True))
        absences = {"no reply": 0, "rig error": lost, "rebooted": lost | reboot, "wrong tick": stale}
        if in_play.bit_count() <= 1:  # these differ from those above in what the line says, not in what it means
            absences |= {"line down": lost, "not configured": lost | reboot}
        for name, needs in absences.items():
            if self._joins(in_play, needs | (lost if loses else 0)):
                found.append(Choice(name, absence=_absence(name)))
        if self._joins(in_play, self.bit["INTERNAL_ERROR"]):
            found.append(FAILS)
        return found

    def _joins(self, in_play: int, needs: int) -> bool:
        return not needs & ~self.moved and self.allowed(in_play | needs)


def _absence(name: str) -> NoSample:
    reply = ABSENCES[name]
    assert isinstance(reply, NoSample)
    return reply


Node = tuple[StateKey, Expected]
Action = tuple[tuple[Ask, ...], Choice]


@dataclass
class Found:
    """What a search came to."""

    states: int = 0
    transitions: int = 0
    requests: int = 0
    """Requests taken, beside the whole ticks."""
    hashes: set[int] = field(default_factory=set)
    by_state: dict[str, int] = field(default_factory=dict)
    rows_tripped: int = 0
    broken: str | None = None
    """The first invariant that failed."""
    invariant: str | None = None
    trace: list[str] = field(default_factory=list)
    ticks_to_idle: int = 0
    """Longest way back to IDLE, while nothing is wrong and the operator stops and acknowledges."""
    ticks_with_rf: int | None = None
    """Longest stay in check, ramp and hold; with `timed` alone."""


class Search:
    """One search. Raises nothing for a broken invariant: `run` says so in what it finds."""

    def __init__(self, scope: Scope, build: Build | None = None) -> None:
        self.scope = scope
        self.around = Surroundings(scope)
        rows = self.around.rows
        self.subject = Subject(build or Build(), rows, scope.timed)
        time_outs = None
        if scope.timed:
            limits = limits_of(PERIOD_US, True)
            time_outs = {name.removesuffix("_s").upper(): limits[name] for name in TIME_OUTS}
        self.watcher = Watcher(rows, PERIOD_US, MOST_W, MANY_TICKS, time_outs)
        self._ids: dict[Node, int] = {}
        self._taken: dict[tuple[StateKey | None, Expected, bool], int] = {}
        self._nodes: list[Node] = []
        self._from: list[tuple[int, Action] | None] = []
        self._back: list[list[int]] = []
        self._on: list[tuple[int, int]] = []
        self._now: tuple[int, Action] | None = None
        self.found = Found()

    def run(self) -> Found:
        """Every state that can be reached, unless an invariant breaks first."""
        found = self.found
        try:
            self._meet((self.subject.save(), Expected()), None)
            place = 0
            while place < len(self._nodes):
                self._expand(place)
                place += 1
            self._now = None
            self._all_lead_home()
            if self.scope.timed:
                found.ticks_with_rf = self._longest_with_rf()
        except Broken as broken:
            found.broken, found.invariant = str(broken), broken.invariant
            if self._now is not None:
                found.trace = self._trace(*self._now)
        found.states = len(self._nodes)
        found.hashes = {hash(node) for node in self._nodes}
        for key, _ in self._nodes:
            name = key[0].name
            found.by_state[name] = found.by_state.get(name, 0) + 1
        return found

    def _meet(self, node: Node, how: tuple[int, Action] | None) -> int:
        place = self._ids.get(node)
        if place is None:
            place = self._ids[node] = len(self._nodes)
            self._nodes.append(node)
            self._from.append(how)
            self._back.append([])
        return place

    def _expand(self, place: int) -> None:
        """Every tick from a state. Requests that lead to where others led are not followed by every reply again."""
        key, e = self._nodes[place]
        in_play = self._in_play(e)
        reboot = self.around.bit["RIG_REBOOT"]
        for asks in ASKS:
            after = self.watcher.asked(e, asks)
            playing = in_play
            if after.latched & ~e.latched:  # an acknowledge found that the rig has booted
                if not self.around.allowed(in_play | reboot) or not self.around.moved & reboot:
                    continue
                playing |= reboot
            middle = (self._requested(key, asks), after, e.state is CUTOFF)
            home = self._taken.get(middle)
            if home is None:
                home = self._replies(place, asks, playing, after)
                if middle[0] is not None:
                    self._taken[middle] = home
            if asks in RECOVERY:
                self._back[place].append(home)

    def _requested(self, key: StateKey, asks: tuple[Ask, ...]) -> StateKey | None:
        """The generator's state when it has taken these requests and no reply yet; None where it failed."""
        if not asks:
            return key
        self.found.requests += 1
        self.subject.load(key)
        generator = self.subject.generator
        for ask in asks:
            generator.request(*REQUESTS[ask])
        try:
            generator._take_requests()
            return self.subject.save()
        except Exception:
            return None

    def _replies(self, place: int, asks: tuple[Ask, ...], playing: int, after: Expected) -> int:
        """Every reply to a tick with these requests. Where the first, with nothing wrong, leads."""
        key, e = self._nodes[place]
        home = None
        for choice in self.around.choices(playing, after):
            self._now = (place, (asks, choice))
            node = self._step(key, e.state, after, asks, choice)
            to = self._meet(node, self._now)
            if home is None:
                home = to
            if self.scope.timed and e.state in RADIATING and node[1].state in RADIATING:
                self._on.append((place, to))
        assert home is not None
        return home

    def _in_play(self, e: Expected) -> int:
        mask = e.latched
        for bit, _ in e.counts:
            mask |= 1 << bit
        if e.stuck:
            mask |= self.around.bit["START_STUCK"]
        return mask

    def _step(self, key: StateKey, prior: State, e: Expected, asks: tuple[Ask, ...], choice: Choice) -> Node:
        self.found.transitions += 1
        subject = self.subject
        subject.load(key)
        generator, deriver = subject.generator, subject.deriver
        target_c = generator.controller.step.target_c or 0.0
        for ask in asks:
            generator.request(*REQUESTS[ask])
        deriver.saw_baseline = deriver.saw_verdict = False
        seen: Seen | NoSample | None
        reply: Reply
        if choice.absence is not None:
            seen = reply = choice.absence
        else:
            # on a new link the rig's clock may have started again, far below the old one
            rig_us = PERIOD_US if e.fresh else NOW_US + (0 if choice.still else self.watcher.passed_us(e))
            reply = sample_at(rig_us, choice.progress, target_c)
            reading = choice.reading
            deriver.signals = None if reading is None else reading.signals
            seen = None
            if reading is not None:
                seen = Seen(reading.true, reading.held, reading.signals.start_stuck, choice.still)
        decision = generator.tick(reply)
        facts = Facts(generator.reason, generator.supervisor.latched, deriver.saw_baseline, deriver.saw_verdict)
        expected = self.watcher.replied(prior, e, seen, decision, facts)
        self.found.rows_tripped |= decision.tripped
        return subject.save(), expected

    # --- of the whole graph -------------------------------------------------------------------------------------

    def _all_lead_home(self) -> None:
        """IDLE is reachable from everywhere, by stop, a while of nothing wrong, and acknowledge."""
        into: list[list[int]] = [[] for _ in self._nodes]
        for place, ways in enumerate(self._back):
            for to in ways:
                into[to].append(place)
        far = {place: 0 for place, (_, e) in enumerate(self._nodes) if e.state is IDLE}
        todo = deque(far)
        while todo:
            place = todo.popleft()
            for before in into[place]:
                if before not in far:
                    far[before] = far[place] + 1
                    todo.append(before)
        lost = next((place for place in range(len(self._nodes)) if place not in far), None)
        if lost is not None:
            self._now = self._from[lost]
            e = self._nodes[lost][1]
            text = f"no way back from {e.state.name}, {e.reason}, though nothing is wrong any more"
            raise Broken("IDLE is reachable from everywhere", text)
        self.found.ticks_to_idle = max(far.values())

    def _longest_with_rf(self) -> int:
        """No treatment goes on for ever: the moves among check, ramp and hold have no circle."""
        after: dict[int, set[int]] = {}
        into: dict[int, int] = {}
        for place, to in self._on:
            if to not in after.setdefault(place, set()):
                after[place].add(to)
                into[to] = into.get(to, 0) + 1
                into.setdefault(place, 0)
        length = {place: 1 for place, ways in into.items() if ways == 0}
        todo = deque(length)
        done = 0
        while todo:
            place = todo.popleft()
            done += 1
            for to in after.get(place, ()):
                length[to] = max(length.get(to, 1), length[place] + 1)
                into[to] -= 1
                if into[to] == 0:
                    todo.append(to)
        if done < len(into):
            raise Broken("every treatment ends", "check, ramp and hold can go on in a circle")
        return max(length.values(), default=0)

    def _trace(self, place: int, last: Action) -> list[str]:
        """How the failure is reached, one line a tick."""
        actions = [last]
        at: int | None = place
        while at is not None:
            how = self._from[at]
            if how is None:
                break
            at, action = how
            actions.append(action)
        return [_told(action) for action in reversed(actions)]


def _told(action: Action) -> str:
    asks, choice = action
    text = choice.name
    if choice.still:
        text += ", the rig's clock stands still"
    if not choice.progress:
        text += ", control waits"
    return f"{' then '.join(ask.value for ask in asks) or 'no request'} | {text}"


def merged(parts: Iterable[Found]) -> Found:
    """Searches of the parts of one scope as one. States met in several parts count once."""
    whole = Found()
    for part in parts:
        whole.hashes |= part.hashes
        whole.transitions += part.transitions
        whole.requests += part.requests
        whole.rows_tripped |= part.rows_tripped
        whole.ticks_to_idle = max(whole.ticks_to_idle, part.ticks_to_idle)
        if part.broken is not None and (whole.broken is None or len(part.trace) < len(whole.trace)):
            whole.broken, whole.invariant, whole.trace = part.broken, part.invariant, part.trace
    whole.states = len(whole.hashes)
    return whole


def ids_tripped(rows: Sequence[str], mask: int) -> list[str]:
    """Names for a mask."""
    return [name for bit, name in enumerate(rows) if mask >> bit & 1]
