"""Persistence at any period, the latch, and when a cause is gone."""

from __future__ import annotations

import copy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rfgen.records import State
from rfgen.safety.catalogue import ROWS
from rfgen.safety.compile import Channels
from rfgen.safety.expr import flag, signal
from rfgen.safety.limits import resolve_limits
from rfgen.safety.row import Clears, Needs, Row
from rfgen.safety.signals import NOTHING_KNOWN, Signals
from rfgen.safety.supervisor import Supervisor

CHANNELS = Channels((0,), ())
ALL = frozenset(State)
FINE = NOTHING_KNOWN._replace(
    temperature_c=(37.0,), impedance_ohm=100.0, power_w=0.0, voltage_v=0.0, current_a=0.0, coolant_c=22.0
)
OPEN = FINE._replace(loop_open=True)
UNSURE = FINE._replace(impedance_ohm=None)
HIGH = FINE._replace(impedance_ohm=900.0)


def row_of(persist_us: int, clears: Clears = Clears.READING, *, impedance: bool = False) -> Row:
    condition = signal.impedance_ohm > 800.0 if impedance else flag.loop_open
    return Row("TEST", "none", condition, ALL, clears, "nothing", persist_us)


def supervisor(*rows: Row) -> Supervisor:
    return Supervisor(resolve_limits(), CHANNELS, frozenset(Needs), rows)


@settings(deadline=None, max_examples=200)
@given(
    persist_ms=st.integers(0, 1000),
    periods_ms=st.lists(st.integers(1, 97), min_size=1, max_size=60),
    fine_first=st.integers(0, 5),
)
def test_it_trips_on_the_first_sample_at_or_after_its_persistence(
    persist_ms: int, periods_ms: list[int], fine_first: int
) -> None:
    """At any period, also one that does not divide the duration."""
    under_test = supervisor(row_of(persist_ms * 1000))
    now_ms = 1000
    for _ in range(fine_first):
        now_ms += 20
        assert under_test.evaluate(State.RAMP, FINE, now_ms * 1000) == (0, 0)
    since_ms = now_ms
    for n, period_ms in enumerate(periods_ms):
        if n > 0:
            now_ms += period_ms
        violated, tripped = under_test.evaluate(State.RAMP, OPEN, now_ms * 1000)
        assert violated == 1
        due = now_ms - since_ms >= persist_ms
        assert bool(tripped) is due
        if due:
            return


@settings(deadline=None)
@given(persist_ms=st.integers(41, 500), gap_at=st.integers(0, 30))
def test_one_good_sample_starts_the_count_again(persist_ms: int, gap_at: int) -> None:
    under_test = supervisor(row_of(persist_ms * 1000))
    needed = -(-persist_ms // 20)
    now_us, tripped, since_gap = 0, 0, 0
    for tick in range(gap_at + needed + 5):
        now_us += 20_000
        signals = FINE if tick == gap_at else OPEN
        since_gap = 0 if tick == gap_at else since_gap + 1
        if gap_at > needed and tick >= needed:
            break
        tripped = under_test.evaluate(State.RAMP, signals, now_us)[1]
        assert bool(tripped) is (since_gap > needed or (tick < gap_at and since_gap > needed))
        if tripped:
            break


@given(ticks=st.integers(1, 40))
def test_a_value_not_measured_holds_the_count_where_it_was(ticks: int) -> None:
    """Neither starts, counts nor clears."""
    under_test = supervisor(row_of(100_000, Clears.ACKNOWLEDGE, impedance=True))
    now_us = 20_000
    assert under_test.evaluate(State.RAMP, HIGH, now_us)[1] == 0
    for _ in range(ticks):
        now_us += 20_000
        assert under_test.evaluate(State.RAMP, UNSURE, now_us) == (0, 0)
    for n in range(5):
        now_us += 20_000
        assert bool(under_test.evaluate(State.RAMP, HIGH, now_us)[1]) is (n == 4)


def test_a_tick_without_a_sample_lets_what_was_counting_go_on() -> None:
    under_test = supervisor(row_of(100_000))
    under_test.evaluate(State.RAMP, FINE, 20_000)
    under_test.evaluate(State.RAMP, OPEN, 40_000)
    missed = NOTHING_KNOWN._replace(missed_ticks=1)
    assert under_test.missed(State.RAMP, missed) == (0, 0)
    assert under_test.missed(State.RAMP, missed) == (0, 0)
    assert under_test.evaluate(State.RAMP, OPEN, 140_000)[1] == 1


def test_every_row_is_evaluated_though_another_tripped() -> None:
    under_test = Supervisor(resolve_limits(), CHANNELS, frozenset(Needs), ROWS)
    both = FINE._replace(loop_open=True, estop_pressed=True, flow_ml_min=10.0, electrode_spread_c=0.0)
    _, tripped = under_test.evaluate(State.RAMP, both, 20_000)
    ids = {row.id for bit, row in enumerate(ROWS) if tripped >> bit & 1}
    assert ids == {"ESTOP", "LOOP_OPEN"}
    assert under_test.latched == tripped
    assert under_test.evaluate(State.CUTOFF, both, 40_000)[1] == 0  # told once


@settings(deadline=None)
@given(bad_ticks=st.integers(1, 30), period_ms=st.integers(5, 90))
def test_a_reading_is_gone_after_a_good_second_and_not_before(bad_ticks: int, period_ms: int) -> None:
    under_test = supervisor(row_of(0, Clears.READING))
    now_us = 0
    for _ in range(bad_ticks):
        now_us += period_ms * 1000
        under_test.evaluate(State.RAMP, OPEN, now_us)
    last_bad_us = now_us
    assert under_test.not_gone() == ("TEST",)
    for _ in range(400):
        now_us += period_ms * 1000
        under_test.evaluate(State.CUTOFF, FINE, now_us)
        gone = now_us - last_bad_us >= 1_000_000
        assert under_test.not_gone() == (() if gone else ("TEST",))
        if gone:
            break
    under_test.acknowledge()
    assert under_test.latched == 0


def test_a_reading_that_comes_back_starts_the_second_again() -> None:
    under_test = supervisor(row_of(0, Clears.READING))
    for ms in (20, 40):
        under_test.evaluate(State.RAMP, OPEN, ms * 1000)
    for ms in range(60, 1000, 20):
        under_test.evaluate(State.CUTOFF, FINE, ms * 1000)
    under_test.evaluate(State.CUTOFF, OPEN, 1_000_000)
    under_test.evaluate(State.CUTOFF, FINE, 1_980_000)
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 2_000_000)
    assert under_test.not_gone() == ()


def test_a_lost_link_is_gone_with_a_new_one_alone() -> None:
    under_test = supervisor(row_of(0, Clears.RELINK))
    under_test.evaluate(State.RAMP, OPEN, 20_000)
    for ms in range(40, 5000, 20):
        under_test.evaluate(State.CUTOFF, FINE, ms * 1000)
    assert under_test.not_gone() == ("TEST",)
    under_test.relinked()
    assert under_test.not_gone() == ()


def test_what_clears_by_acknowledge_is_gone_at_once() -> None:
    under_test = supervisor(row_of(0, Clears.ACKNOWLEDGE))
    under_test.evaluate(State.RAMP, OPEN, 20_000)
    assert under_test.latched == 1
    assert under_test.not_gone() == ()


def test_after_a_new_link_a_reading_must_be_good_for_a_second_of_the_new_clock() -> None:
    """The rig's clock may have started again at nothing: what was known on the old one is worth nothing."""
    under_test = supervisor(row_of(0, Clears.READING))
    under_test.evaluate(State.RAMP, OPEN, 50_000_000)
    under_test.relinked()
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 20_000)
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 1_020_000)
    assert under_test.not_gone() == ()


@settings(deadline=None)
@given(states=st.lists(st.sampled_from(list(State)), min_size=1, max_size=30))
def test_a_deep_copy_counts_on_alike(states: list[State]) -> None:
    under_test = supervisor(row_of(100_000))
    under_test.evaluate(State.RAMP, OPEN, 20_000)
    twin = copy.deepcopy(under_test)
    stream: list[tuple[State, Signals]] = [(state, OPEN if n % 3 else FINE) for n, state in enumerate(states)]
    for n, (state, signals) in enumerate(stream):
        now_us = 40_000 + 20_000 * n
        assert under_test.evaluate(state, signals, now_us) == twin.evaluate(state, signals, now_us)


def test_limits_written_over_in_a_copy_stay_there() -> None:
    under_test = supervisor(row_of(100_000))
    twin = copy.deepcopy(under_test)
    twin.limits["z_high_ohm"] = 4000.0
    assert under_test.limits["z_high_ohm"] == 800.0


def test_the_code_of_a_state_is_that_of_its_rows() -> None:
    idle_alone = Row("IDLE_ALONE", "none", flag.stage_fault, frozenset({State.IDLE}), Clears.ACKNOWLEDGE, "nothing")
    under_test = supervisor(row_of(0), idle_alone)
    assert "stage_fault" in under_test.source(State.IDLE)
    assert "stage_fault" not in under_test.source(State.RAMP)
    assert "loop_open" in under_test.source(State.RAMP)


def test_what_is_not_measured_is_no_part_of_the_good_second() -> None:
    under_test = supervisor(row_of(0, Clears.READING, impedance=True))
    assert under_test.evaluate(State.RAMP, HIGH, 1_000_000)[1] == 1
    for ms in range(1020, 1500, 20):
        under_test.evaluate(State.CUTOFF, UNSURE, ms * 1000)
    now_us = 1_480_000  # 0.48 s were not measured
    for _ in range(49):
        now_us += 20_000
        under_test.evaluate(State.CUTOFF, FINE._replace(impedance_ohm=100.0), now_us)
        assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE._replace(impedance_ohm=100.0), 2_480_000)
    assert under_test.not_gone() == ()


def test_another_trip_does_not_lose_the_new_link() -> None:
    under_test = supervisor(
        replace(row_of(0, Clears.ACKNOWLEDGE, impedance=True), id="OTHER"), row_of(0, Clears.RELINK)
    )
    under_test.evaluate(State.RAMP, OPEN._replace(impedance_ohm=100.0), 20_000)
    under_test.relinked()
    assert under_test.evaluate(State.CUTOFF, HIGH, 40_000)[1] == 1
    assert under_test.not_gone() == ()
    assert under_test.trip("TEST") == 0  # latched already, but lost once more
    assert under_test.not_gone() == ("TEST",)


def test_a_trip_from_outside_is_the_rows_own_bit() -> None:
    under_test = supervisor(*(replace(row_of(0), id=name) for name in ("ONE", "TWO", "THREE")))
    assert under_test.trip("THREE") == 4
    assert under_test.latched == 4
    assert under_test.trip("TWO") == 2
    assert under_test.trip("TWO") == 0
    assert under_test.latched == 6
    assert under_test.row("TWO").id == "TWO"
    assert under_test.bit("THREE") == 2
    assert under_test.not_gone() == ("TWO", "THREE")


def test_a_trip_from_outside_begins_its_good_second_at_the_last_sample() -> None:
    under_test = supervisor(row_of(0, Clears.READING))
    for now_us in (1_000_000, 1_020_000):
        assert under_test.evaluate(State.RAMP, FINE, now_us) == (0, 0)
    assert under_test.trip("TEST") == 1
    under_test.evaluate(State.CUTOFF, FINE, 2_019_999)
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 2_020_000)
    assert under_test.not_gone() == ()


def test_on_a_new_clock_what_is_not_measured_counts_for_nothing() -> None:
    under_test = supervisor(row_of(0, Clears.READING, impedance=True))
    under_test.evaluate(State.RAMP, HIGH, 50_000_000)
    under_test.relinked()
    under_test.evaluate(State.CUTOFF, UNSURE, 20_000)
    fine = FINE._replace(impedance_ohm=100.0)
    under_test.evaluate(State.CUTOFF, fine, 1_019_999)
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, fine, 1_020_000)
    assert under_test.not_gone() == ()


def test_on_a_new_clock_a_count_starts_again() -> None:
    under_test = supervisor(row_of(100_000))
    under_test.evaluate(State.RAMP, OPEN, 50_000_000)
    under_test.relinked()
    assert under_test.evaluate(State.RAMP, OPEN, 20_000) == (1, 0)
    assert under_test.evaluate(State.RAMP, OPEN, 119_999) == (1, 0)
    assert under_test.evaluate(State.RAMP, OPEN, 120_000) == (1, 1)


def test_a_count_is_forgotten_by_an_acknowledge_and_by_a_state_without_the_row() -> None:
    under_test = supervisor(row_of(100_000))
    under_test.evaluate(State.RAMP, OPEN, 20_000)
    assert under_test.held_us(0) == 0
    under_test.evaluate(State.RAMP, OPEN, 60_000)
    assert under_test.held_us(0) == 40_000
    under_test.acknowledge()
    assert under_test.held_us(0) == 0
    assert under_test.evaluate(State.RAMP, OPEN, 120_000) == (1, 0)
    assert under_test.evaluate(State.RAMP, OPEN, 219_999) == (1, 0)
    under_test = supervisor(replace(row_of(100_000), armed=frozenset({State.RAMP})))
    under_test.evaluate(State.RAMP, OPEN, 20_000)
    assert under_test.evaluate(State.IDLE, OPEN, 40_000) == (0, 0)
    assert under_test.evaluate(State.RAMP, OPEN, 140_000) == (1, 0)
    under_test.missed(State.IDLE, NOTHING_KNOWN)
    assert under_test.evaluate(State.RAMP, OPEN, 260_000) == (1, 0)


def test_a_copys_memory_is_its_own() -> None:
    under_test = supervisor(row_of(100_000), replace(row_of(0), id="NOW"))
    under_test.evaluate(State.RAMP, OPEN, 20_000)
    twin = copy.deepcopy(under_test)
    twin.evaluate(State.CUTOFF, OPEN, 900_000)
    under_test.evaluate(State.CUTOFF, FINE, 1_000_000)
    under_test.evaluate(State.CUTOFF, FINE, 1_020_000)
    assert under_test.not_gone() == ()
    twin.evaluate(State.CUTOFF, FINE, 1_020_000)
    assert twin.not_gone() == ("TEST", "NOW")
    assert twin.rows is under_test.rows


def test_in_cutoff_a_row_that_clears_by_reading_is_read_though_it_is_not_armed() -> None:
    by_reading = replace(row_of(0, Clears.READING), armed=frozenset({State.RAMP}))
    by_acknowledge = replace(row_of(0, Clears.ACKNOWLEDGE), armed=frozenset({State.RAMP}), id="OTHER")
    under_test = supervisor(by_reading, by_acknowledge)
    assert under_test.evaluate(State.RAMP, OPEN, 20_000) == (3, 3)
    assert "loop_open" in under_test.source(State.CUTOFF)
    for ms in range(40, 3000, 20):
        assert under_test.evaluate(State.CUTOFF, OPEN, ms * 1000) == (0, 0)
    assert under_test.not_gone() == ("TEST",)
    assert "loop_open" not in under_test.source(State.IDLE)
    other = supervisor(by_acknowledge)
    assert "loop_open" not in other.source(State.CUTOFF)
    assert "loop_open" not in other.source(State.IDLE)


def test_a_count_does_not_pass_through_a_state_that_reads_the_row_but_has_it_not_armed() -> None:
    under_test = supervisor(replace(row_of(100_000, impedance=True), armed=frozenset({State.RAMP})))
    assert under_test.evaluate(State.RAMP, HIGH, 20_000) == (1, 0)
    assert under_test.evaluate(State.CUTOFF, UNSURE, 40_000) == (0, 0)
    assert under_test.evaluate(State.RAMP, HIGH, 120_000) == (1, 0)
    assert under_test.evaluate(State.RAMP, HIGH, 219_999) == (1, 0)
    assert under_test.evaluate(State.RAMP, HIGH, 220_000) == (1, 1)


def test_a_row_that_refuses_never_trips_and_one_that_is_not_applicable_is_silent() -> None:
    under_test = Supervisor(
        resolve_limits(),
        CHANNELS,
        frozenset({Needs.PUMP}),
        (
            replace(row_of(0), refuses=True),
            replace(row_of(0), id="THERE", needs=Needs.SENTINEL),
            replace(row_of(0), id="HERE"),
        ),
    )
    assert under_test.evaluate(State.RAMP, OPEN, 20_000) == (4, 4)
    assert under_test.missed(State.RAMP, NOTHING_KNOWN._replace(missed_ticks=9)) == (0, 0)


def test_a_tick_without_a_sample_reads_the_line_alone() -> None:
    line = Row("LINE", "none", flag.exchange_failed, frozenset({State.RAMP}), Clears.RELINK, "nothing")
    under_test = supervisor(row_of(0), line)
    lost = NOTHING_KNOWN._replace(exchange_failed=True, loop_open=True)
    assert under_test.missed(State.IDLE, lost) == (0, 0)
    assert under_test.missed(State.RAMP, lost) == (2, 2)
    assert under_test.missed(State.RAMP, lost) == (2, 0)
    assert under_test.latched == 2
    assert under_test.evaluate(State.RAMP, OPEN._replace(exchange_failed=True), 20_000) == (3, 1)


def test_what_is_wrong_in_the_first_tick_of_a_link_counts_from_there() -> None:
    under_test = supervisor(row_of(0, Clears.READING))
    assert under_test.not_gone() == ()
    assert under_test.trip("TEST") == 1
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 5_000_000)
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 5_999_999)
    assert under_test.not_gone() == ("TEST",)
    under_test.evaluate(State.CUTOFF, FINE, 6_000_000)
    assert under_test.not_gone() == ()
