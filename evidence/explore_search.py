"""Breadth-first search over the states of the real generator, and what is asked of every state found."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from evidence.explore_choices import ASKS, REQUESTS, Choice, Scope, Surroundings, sample_at
from evidence.explore_spec import CUTOFF, IDLE, RADIATING, Ask, Broken, Expected, Facts, Seen, Watcher
from evidence.explore_subject import (
    MANY_TICKS,
    MOST_W,
    NOW_US,
    PERIOD_US,
    TIME_OUTS,
    Build,
    StateKey,
    Subject,
    limits_of,
)
from hal import NoSample, Reply
from rfgen.records import State

RECOVERY: tuple[tuple[Ask, ...], ...] = ((), (Ask.STOP,), (Ask.ACKNOWLEDGE,))
"""What leads back to IDLE while nothing is wrong."""


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
        if part.ticks_with_rf is not None:
            whole.ticks_with_rf = max(whole.ticks_with_rf or 0, part.ticks_with_rf)
        if part.broken is not None and (whole.broken is None or len(part.trace) < len(whole.trace)):
            whole.broken, whole.invariant, whole.trace = part.broken, part.invariant, part.trace
    whole.states = len(whole.hashes)
    return whole


def ids_tripped(rows: Sequence[str], mask: int) -> list[str]:
    """Names for a mask."""
    return [name for bit, name in enumerate(rows) if mask >> bit & 1]
