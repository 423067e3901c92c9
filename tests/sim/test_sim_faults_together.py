"""Several faults at once, and one after another: each keeps to itself, and what it draws is its own."""

from __future__ import annotations

import copy

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sim_setups import QUIET, bench, go_through_the_motions, read_c, run, same_bytes

from sim.bench import Bench
from sim.faults import FAULTS, Fault

faults = st.sampled_from(sorted(FAULTS)).flatmap(
    lambda kind: st.builds(Fault, st.just(kind), st.integers(0, 2) if FAULTS[kind].channel else st.none())
)


@settings(deadline=None, max_examples=40)
@given(st.lists(faults, min_size=1, max_size=6), st.integers(0, 2**31))
def test_any_mixture_of_faults_is_repeatable_and_copied(chosen: list[Fault], seed: int) -> None:
    def trace() -> tuple[Bench, bytes]:
        subject = bench(seed)
        run(subject, 5, 5.0)
        for fault in chosen:
            subject.put(fault)
        return subject, same_bytes(run(subject, 30, 8.0))

    (first, bytes_1), (_, bytes_2) = trace(), trace()
    assert bytes_1 == bytes_2
    twin = copy.deepcopy(first)
    assert same_bytes(go_through_the_motions(twin)) == same_bytes(go_through_the_motions(first))
    assert twin.faults == first.faults
    for handle in list(first.faults):
        first.take_off(handle)
    assert first.faults == {}
    assert len(twin.faults) == len(chosen)


RANDOM = {"thermocouple_noise", "thermocouple_intermittent", "impedance_noise", "start_bouncing"}


@settings(deadline=None, max_examples=40)
@given(faults, faults)
def test_of_two_kinds_it_is_no_matter_which_came_first(one: Fault, other: Fault) -> None:
    """What a fault draws is fixed by its handle, so this holds for those that draw nothing."""
    assume(one.kind != other.kind and not {one.kind, other.kind} & RANDOM)
    traces = []
    for order in ((one, other), (other, one)):
        subject = bench()
        subject.start_pressed = True
        run(subject, 50, 8.0)
        for fault in order:
            subject.put(fault)
        traces.append(same_bytes(go_through_the_motions(subject)))
    assert traces[0] == traces[1]


def test_handles_are_never_used_again() -> None:
    subject = bench()
    first = subject.put(Fault("loop_open"))
    subject.take_off(first)
    subject.take_off(first)
    second = subject.put(Fault("loop_open"))
    assert second != first
    subject.take_off(first)
    assert list(subject.faults) == [second]


def test_a_second_random_fault_does_not_shift_the_first() -> None:
    alone, crowded = bench(), bench()
    for subject in (alone, crowded):
        subject.put(Fault("thermocouple_noise", 0))
    crowded.put(Fault("thermocouple_noise", 1))
    crowded.put(Fault("start_bouncing"))
    noisy, both = run(alone, 100, 5.0), run(crowded, 100, 5.0)
    assert read_c(noisy) == read_c(both)
    assert read_c(noisy, 1) != read_c(both, 1)
    # nor do two alike draw alike
    sound = run(bench(), 100, 5.0)
    noise = [[f - s for f, s in zip(read_c(both, i), read_c(sound, i), strict=True)] for i in (0, 1)]
    assert max(abs(a - b) for a, b in zip(*noise, strict=True)) > 1.0


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 2), min_size=2, max_size=8))
def test_no_two_faults_ever_draw_alike(turned: list[int]) -> None:
    """Noise on three thermocouples, each put on and taken off in any order: no number is drawn twice."""
    subject, on, drawn = bench(spec=QUIET), {}, []
    for channel in turned:
        if channel in on:
            subject.take_off(on.pop(channel))
        else:
            on[channel] = subject.put(Fault("thermocouple_noise", channel))
        for readings in run(subject, 3, 0.0):
            drawn += [round(readings.temperature_c[n] - subject.junction_c[n], 6) for n in on]
    assert len(set(drawn)) == len(drawn), f"again: {turned}"


def test_taking_one_off_leaves_the_other_on() -> None:
    subject = bench()
    stuck, opened = subject.put(Fault("thermocouple_stuck", 1)), subject.put(Fault("thermocouple_open", 0))
    before_c = run(subject, 10, 12.0)[-1].temperature_c[1]
    subject.take_off(opened)
    (readings,) = run(subject, 1, 12.0)
    assert readings.tc_fault == 0
    assert readings.temperature_c[1] == before_c
    subject.take_off(stuck)
    assert run(subject, 100, 12.0)[-1].temperature_c[1] != before_c
