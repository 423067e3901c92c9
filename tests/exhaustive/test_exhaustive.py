"""A slice of the exhaustive exploration, the whole of which is `python -m evidence.explore`."""

from __future__ import annotations

import random

import pytest

from evidence.explore_choices import ABSENCES, ASKS, REQUESTS, Scope, Surroundings, sample_at
from evidence.explore_readings import Reading, Readings
from evidence.explore_sabotage import SABOTAGES, search
from evidence.explore_sampled import Sampler
from evidence.explore_search import Found, Search, merged
from evidence.explore_spec import Ask
from evidence.explore_subject import (
    CHANNELS,
    NOW_US,
    PERIOD_US,
    Build,
    Subject,
    check_fields,
    limits_of,
    new_generator,
    scaled_rows,
)
from hal import Reply
from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.expr import flag, signal
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.supervisor import Supervisor


def told(found: Found) -> str:
    """A failure, with how it is reached."""
    return "\n".join([str(found.broken), *found.trace])


def test_every_row_alone() -> None:
    found = Search(Scope(None, at_once=1, in_play=1)).run()
    assert found.broken is None, told(found)
    assert found.states >= 3000
    assert found.transitions >= 30_000
    assert found.ticks_to_idle <= 4
    never = [row.id for bit, row in enumerate(ROWS) if not found.rows_tripped >> bit & 1]
    assert never == [row.id for row in ROWS if row.refuses]
    assert set(found.by_state) == {"IDLE", "IMPEDANCE_CHECK", "RAMP", "HOLD", "CUTOFF"}


@pytest.mark.parametrize(
    "row_ids",
    [("ESTOP", "Z_HIGH"), ("RF_STUCK_ON", "FLOW_LOW"), ("Z_HIGH", "Z_UNMEASURED"), ("LINK_LOST", "RIG_REBOOT")],
    ids=" and ".join,
)
def test_two_rows_together(row_ids: tuple[str, ...]) -> None:
    found = Search(Scope(row_ids)).run()
    assert found.broken is None, told(found)
    assert found.states >= 100


def test_any_number_of_rows_latched() -> None:
    found = Search(Scope(("STAGE_FAULT", "Z_LOW", "LINK_LOST"), in_play=None)).run()
    assert found.broken is None, told(found)
    assert found.states >= 500


def test_with_time_outs_counted_every_treatment_ends() -> None:
    found = Search(Scope(("Z_HIGH", "LINK_LOST"), in_play=None, timed=True)).run()
    assert found.broken is None, told(found)
    assert found.ticks_with_rf is not None
    assert found.ticks_with_rf <= 14
    names = {row.id for bit, row in enumerate(ROWS) if found.rows_tripped >> bit & 1}
    assert names >= {"CHECK_TIMEOUT", "RAMP_TIMEOUT", "TREATMENT_TIMEOUT", "LINK_LOST"}


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_defect_put_in_is_found(name: str) -> None:
    found = search(name)
    assert found.invariant == SABOTAGES[name].invariant, told(found)
    assert found.trace


def test_sampled_at_full_persistence() -> None:
    found = Sampler(7).run(12)
    assert found.broken is None, found.broken
    assert found.ticks == 18_000


# --- what the exploration stands on ----------------------------------------------------------------------------


class Twin:
    """The same ticks for two generators: one runs on, the other is taken and put back in between."""

    def __init__(self, timed: bool) -> None:
        self.around = Surroundings(Scope(None, at_once=1, in_play=1, timed=timed))
        self.runs_on = new_generator(Build(), self.around.rows, PERIOD_US, timed)
        self.subject = Subject(Build(), self.around.rows, timed)
        self.key = self.subject.save()
        self.seen_us = 0
        """Time of the last sample, for the generator that runs on."""
        self.now_us = 0

    def tick(self, asks: tuple[Ask, ...], reading: Reading, progress: bool, absence: Reply | None) -> None:
        """One tick of both; they must decide alike."""
        self.now_us += PERIOD_US
        put_back = self.subject.generator
        self.subject.load(self.key)
        boot_count = self.runs_on._boot_count or 0
        fresh_us = NOW_US + self.now_us - self.seen_us
        told = []
        for generator, known, at_us in ((self.runs_on, boot_count, self.now_us), (put_back, 1, fresh_us)):
            for ask in asks:
                action, linked = REQUESTS[ask]
                generator.request(action, linked and linked._replace(boot_count=known + linked.boot_count - 1))
            generator.deriver.signals = reading.signals  # type: ignore[attr-defined]
            target_c = generator.controller.step.target_c or 0.0
            decision = generator.tick(absence or sample_at(at_us, progress, target_c))
            decision = decision._replace(command=decision.command._replace(tick=0))
            if decision.state not in (State.RAMP, State.HOLD):
                decision = decision._replace(step=0)  # told, and read by nothing
            told.append((repr(decision), generator.reason, generator.supervisor.not_gone()))
        assert told[0] == told[1]
        if absence is None:
            self.seen_us = self.now_us
        self.key = self.subject.save()


@pytest.mark.parametrize("timed", [False, True])
def test_a_state_taken_and_put_back_goes_on_as_if_nothing_had_happened(timed: bool) -> None:
    rng = random.Random(5)
    twin = Twin(timed)
    rows = twin.around.rows
    ticks = dict.fromkeys(State, 0)
    reading = twin.around.readings.fine
    for _ in range(3000):
        state = twin.runs_on.state
        ticks[state] += 1
        asks: tuple[Ask, ...] = rng.choice(ASKS) if rng.random() < 0.1 else ()
        if state is State.IDLE and rng.random() < 0.5:
            asks = (Ask.START,)
        if rng.random() < 0.5:
            reading = twin.around.readings.fine
            if rng.random() < 0.2:
                reading = rng.choice(twin.around.readings.of(rng.randrange(len(rows))))
        absence = rng.choice(list(ABSENCES.values())) if rng.random() < 0.03 else None
        if state is State.CUTOFF and rng.random() < 0.01:  # out of CUTOFF, whatever holds it there
            twin = Twin(timed)
        twin.tick(asks, reading, rng.random() < 0.8, absence)
    assert min(ticks.values()) >= 50, ticks


def test_a_reading_means_to_the_supervisor_what_it_says() -> None:
    readings = Readings(scaled_rows(), limits_of(PERIOD_US, False), CHANNELS)
    supervisor = Supervisor(limits_of(PERIOD_US, False), CHANNELS, frozenset(Needs), readings.rows)
    trips = sum(1 << bit for bit, row in enumerate(readings.rows) if not row.refuses)
    shown = 0
    for bit in range(len(readings.rows)):
        for reading in readings.of(bit, (bit + 7) % len(readings.rows)):
            for state in State:
                seen = trips & sum(
                    1 << b
                    for b, row in enumerate(readings.rows)
                    if state in row.armed or (state is State.CUTOFF and row.clears is Clears.READING)
                )
                violated, held = supervisor._by_state[state].judge(reading.signals)
                assert (violated, held) == (reading.true & seen, reading.held & seen), (reading.name, state)
                shown += 1
    assert shown >= 1000


def test_a_row_that_cannot_be_shown_is_named() -> None:
    odd = Row("ODD", "", flag.estop_pressed & ~flag.estop_pressed, frozenset({State.RAMP}), Clears.ACKNOWLEDGE, "")
    with pytest.raises(ValueError, match="ODD: no signals found"):
        Readings([*ROWS, odd], limits_of(PERIOD_US, False), CHANNELS)
    always = Row("ALWAYS", "", signal.power_w <= 0.0, frozenset({State.RAMP}), Clears.ACKNOWLEDGE, "")
    with pytest.raises(ValueError, match="ALWAYS is true where nothing is wrong"):
        Readings([*ROWS, always], limits_of(PERIOD_US, False), CHANNELS)


def test_a_field_that_the_exploration_does_not_know_is_named() -> None:
    generator = new_generator(Build(), scaled_rows(), PERIOD_US, False)
    check_fields(generator)
    generator.supervisor.unknown = 1  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match=r"Supervisor has other fields .*: unknown"):
        check_fields(generator)


def test_parts_of_a_scope_make_the_whole() -> None:
    ids = ("ESTOP", "OVER_POWER", "START_STUCK")
    whole = Search(Scope(ids)).run()
    parts = merged([Search(Scope(ids, part=(k, 2))).run() for k in range(2)])
    assert parts.states == whole.states
    assert parts.rows_tripped == whole.rows_tripped
    assert parts.invariant == whole.invariant
