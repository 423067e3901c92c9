"""Seeded walks at full persistence, 50 ticks a second: what is too long to be explored whole, sampled."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from evidence.explore_choices import ABSENCES, REQUESTS, sample_at
from evidence.explore_readings import Reading, Readings
from evidence.explore_spec import CUTOFF, IDLE, RADIATING, Ask, Broken, Expected, Facts, Seen, Watcher
from evidence.explore_subject import (
    CHANNELS,
    MOST_W,
    Build,
    ChosenSignals,
    limits_of,
    link,
    new_generator,
)
from hal import NoSample, Reply
from rfgen.records import OperatorAction, State
from rfgen.safety.catalogue import ROWS

PERIOD_US = 20_000
WALK_TICKS = 1_500
WEIGHTS = [1.0 + row.persist_us / 1e6 for row in ROWS]
"""Rows that take long to trip are tried more often."""


@dataclass
class Sampled:
    """What the walks came to."""

    walks: int = 0
    ticks: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    trips: Counter[str] = field(default_factory=Counter)
    broken: str | None = None
    """The first invariant that failed, with its walk and tick."""


class Sampler:
    """Walks of one seed. Each holds readings for about as long as a row needs, and now and then anything happens."""

    def __init__(self, seed: int, build: Build | None = None) -> None:
        self.seed = seed
        self.build = build or Build()
        self.readings = Readings(ROWS, limits_of(PERIOD_US, False), CHANNELS)
        self._shown: dict[tuple[int, int], list[Reading]] = {}
        self.found = Sampled()

    def run(self, walks: int) -> Sampled:
        """So many walks; ends at the first that breaks an invariant."""
        for walk in range(walks):
            try:
                self._walk(walk)
            except Broken as broken:
                self.found.broken = f"seed {self.seed}, walk {walk}, tick {self.found.ticks}: {broken}"
                break
            self.found.walks += 1
        return self.found

    def _walk(self, walk: int) -> None:
        rng = random.Random(f"{self.seed}/{walk}")
        generator = new_generator(self.build, ROWS, PERIOD_US, False)
        deriver = generator.deriver
        assert isinstance(deriver, ChosenSignals)
        watcher = Watcher(ROWS, PERIOD_US, MOST_W)
        e = Expected()
        boot, rig_us, left, troubles = 1, 0, 0, 0
        reading, progress, absence = self.readings.fine, True, None
        lingers = False
        for _ in range(WALK_TICKS):
            if left == 0:
                if troubles == 0:  # trouble for a while, then nothing wrong for a while
                    troubles = rng.choice((1, 1, 2))
                    reading, progress, absence = self.readings.fine, True, None
                    lingers = rng.random() < 0.3  # a ramp that is left at once would hardly be seen
                    left = rng.choice((3, 60, 81, 90, 120, 180, 300))
                else:
                    troubles -= 1
                    group = self._group(rng, e)
                    reading = rng.choice(self._readings(group))
                    # what does not get on in the check ends there, and most walks would
                    progress = rng.random() < (0.8 if e.state is State.IMPEDANCE_CHECK else 0.3)
                    absence = rng.choice(list(ABSENCES.values())) if rng.random() < 0.05 else None
                    left = self._how_long(rng, group)
                    if absence is not None:
                        left = rng.choice((1, 2, 3))
            left -= 1
            asks = self._asks(rng, e)
            prior = e.state
            e = watcher.asked(e, asks)
            for ask in asks:
                if ask is Ask.ACKNOWLEDGE_BOOTED:
                    generator.request(OperatorAction.ACKNOWLEDGE, link(boot + 1))
                    boot += prior is CUTOFF  # no link is made in any other state
                elif ask is Ask.ACKNOWLEDGE:
                    generator.request(OperatorAction.ACKNOWLEDGE, link(boot))
                else:
                    generator.request(*REQUESTS[ask])
            reply: Reply
            seen: Seen | NoSample | None
            if isinstance(absence, NoSample):
                seen = reply = absence
            else:
                if e.fresh and rng.random() < 0.5:
                    rig_us = 0
                rig_us += watcher.passed_us(e)
                gets_on = progress and not (lingers and e.state is State.RAMP)
                reply = sample_at(rig_us, gets_on, generator.controller.step.target_c or 0.0)
                deriver.signals = reading.signals
                seen = Seen(reading.true, reading.held, reading.signals.start_stuck, False)
                if rng.random() < 0.0005:
                    deriver.signals = seen = None
                    rig_us -= watcher.passed_us(e)
            deriver.saw_baseline = deriver.saw_verdict = False
            decision = generator.tick(reply)
            self.found.ticks += 1
            facts = Facts(generator.reason, generator.supervisor.latched, deriver.saw_baseline, deriver.saw_verdict)
            e = watcher.replied(prior, e, seen, decision, facts)
            self.found.by_state[e.state.name] += 1
            for event in generator.take_events():
                if event.kind == "trip":
                    self.found.trips[str(event.data["id"])] += 1

    def _group(self, rng: random.Random, e: Expected) -> tuple[int, int]:
        """Two rows; the first is armed, mostly in few states, the present one among them."""
        here = [WEIGHTS[bit] / len(row.armed) ** 2 * (e.state in row.armed) for bit, row in enumerate(ROWS)]
        return rng.choices(range(len(ROWS)), here)[0], rng.choices(range(len(ROWS)), WEIGHTS)[0]

    def _readings(self, group: tuple[int, int]) -> list[Reading]:
        found = self._shown.get(group)
        if found is None:
            found = self._shown[group] = self.readings.of(*dict.fromkeys(group))
        return found

    def _how_long(self, rng: random.Random, group: tuple[int, int]) -> int:
        ticks = -(-ROWS[rng.choice(group)].persist_us // PERIOD_US)
        return max(1, rng.choice((1, 2, ticks - 1, ticks, ticks + 1, ticks + 2)))

    def _asks(self, rng: random.Random, e: Expected) -> tuple[Ask, ...]:
        if rng.random() < 0.01:
            return (rng.choice(list(Ask)),)
        if e.state is IDLE and rng.random() < 0.1:
            return (Ask.START,)
        if e.state is CUTOFF and rng.random() < 0.04:
            return (Ask.ACKNOWLEDGE,)
        if e.state in RADIATING and rng.random() < 0.001:
            return (Ask.STOP,)
        return ()
