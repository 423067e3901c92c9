"""A line that faults can be put on: what holds whatever is on it, and how it is handled."""

from __future__ import annotations

import copy
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines import LINE_DOWN, RIG_ERROR, TIMEOUT, alike, line_to, run, samples, why_not
from minirig import CONFIG, MiniRig, off, on

from hal import Absence, Capability, Command, Hal, HalError, NoSample, RigTrip, RigUnavailable, Sample
from hal.linefault import LINE_FAULTS, FaultyLine, LineFault
from hal.replay import ReplayHal

KINDS = {
    "line_drop",
    "line_corrupt",
    "line_delay",
    "line_duplicate",
    "line_reorder",
    "line_garbage",
    "line_silent",
    "line_unplugged",
    "line_replugged",
    "rig_reboot",
    "clock_skew",
}


# --- scripts: anything that can be done to a line, in any order -------------------------------------------

sizes = {kind: spec.size for kind, spec in LINE_FAULTS.items()}


@st.composite
def _faults(draw: st.DrawFn) -> tuple[str, str, float | None]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    size = sizes[kind]
    if size is None:
        return "put", kind, None
    # at -1 a clock stands still; here it is to go forward
    return "put", kind, draw(st.none() | st.floats(max(size.least, -0.5), min(size.most, 60.0)))


steps = st.one_of(
    _faults(),
    st.tuples(st.just("take_off"), st.integers(1, 6)),
    st.tuples(st.just("on"), st.integers(1, 8)),
    st.tuples(st.just("off"), st.integers(1, 3)),
    st.just(("rf_off",)),
    st.just(("open",)),
)
scripts = st.lists(steps, max_size=25)


def _play(line: FaultyLine, script: list[tuple[object, ...]], first: int = 0) -> list[object]:
    """What came of it: replies, and what `open` returned or raised."""
    tick = first
    came: list[object] = []
    for verb, *rest in script:
        if verb == "put":
            line.put(str(rest[0]), rest[1])  # type: ignore[arg-type]
        elif verb == "take_off":
            line.take_off(int(str(rest[0])))
        elif verb == "rf_off":
            line.rf_off()
        elif verb == "open":
            try:
                came.append(line.open(CONFIG))
            except RigUnavailable as error:
                came.append(str(error))
        else:
            for _ in range(int(str(rest[0]))):
                came.append(line.exchange(on(tick) if verb == "on" else off(tick)))
                tick += 1
    return came


@settings(deadline=None, max_examples=150)
@given(scripts, st.integers(0, 2**32))
def test_whatever_happens_a_tick_has_its_own_sample_or_says_why_not(
    script: list[tuple[object, ...]], seed: int
) -> None:
    line, rig = line_to(seed)
    asked = sum(int(str(s[1])) for s in script if s[0] in ("on", "off"))
    came = _play(line, script)
    replies = [r for r in came if isinstance(r, Sample | NoSample)]
    assert [reply.tick for reply in replies] == list(range(asked))
    assert all(r.reason in (TIMEOUT, RIG_ERROR, LINE_DOWN) for r in replies if isinstance(r, NoSample))
    assert all(r.error_code == 2 for r in replies if isinstance(r, NoSample) and r.reason is RIG_ERROR)
    # the rig obeys no command twice, and none older than one it has obeyed
    ticks = [command.tick for command in rig.obeyed]
    assert all(a < b for a, b in itertools.pairwise(ticks))


@settings(deadline=None, max_examples=150)
@given(scripts, st.integers(0, 2**32))
def test_time_goes_forward_within_a_boot(script: list[tuple[object, ...]], seed: int) -> None:
    line, _ = line_to(seed)
    boots: list[list[int]] = [[]]
    tick = 0
    for step in script:
        if step[:2] == ("put", "rig_reboot"):
            boots.append([])
        for reply in _play(line, [step], tick):
            if isinstance(reply, Sample):
                boots[-1].append(reply.rig_time_us)
            tick += isinstance(reply, Sample | NoSample)
    for times in boots:
        assert all(0 < a < b for a, b in itertools.pairwise(times))


@settings(deadline=None, max_examples=100)
@given(scripts, scripts, st.integers(0, 2**32))
def test_same_seed_same_replies_and_a_copy_goes_on_alike(
    before: list[tuple[object, ...]], after: list[tuple[object, ...]], seed: int
) -> None:
    (one, _), (two, _) = line_to(seed), line_to(seed)
    assert alike(_play(one, before), _play(two, before))
    twin = copy.deepcopy(one)
    went_on = _play(twin, after, 1000)
    assert alike(_play(one, after, 1000), went_on)
    assert one.discarded == twin.discarded


def test_another_seed_loses_other_frames() -> None:
    lost = []
    for seed in (1, 2):
        line, _ = line_to(seed)
        line.put("line_drop", 0.5)
        lost.append(why_not(run(line, 64)))
    assert lost[0] != lost[1]


def test_one_fault_does_not_move_the_moments_of_another() -> None:
    alone, _ = line_to()
    alone.put("line_drop", 0.3)
    beside, _ = line_to()
    beside.put("line_drop", 0.3)
    beside.put("clock_skew", 0.1)
    beside.put("line_corrupt", 0.0)
    assert why_not(run(alone, 200)) == why_not(run(beside, 200))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.booleans(), max_size=40),
    st.lists(st.sampled_from(sorted(KINDS - {"rig_reboot"})), max_size=4),
)
def test_a_sound_line_passes_everything_on(keys: list[bool], been: list[str]) -> None:
    """Also one that faults have been on, once they are off and the link is made again."""
    bare = MiniRig()
    bare.open(CONFIG)
    line, _ = line_to()
    for kind in been:
        line.take_off(line.put(kind))
    assert line.faults == {}
    assert line.open(CONFIG) == bare.info
    for tick, key in enumerate(keys):
        command = on(tick) if key else off(tick)
        assert alike(line.exchange(command), bare.exchange(command))


def test_it_is_a_hal() -> None:
    assert isinstance(FaultyLine(MiniRig(), 0), Hal)


# --- around any backend ----------------------------------------------------------------------------------


def test_a_rig_whose_time_runs_by_itself_is_not_told_of_missed_ticks() -> None:
    rig = MiniRig()
    rig.open(CONFIG)
    replayed = ReplayHal(run(rig, 4), rig.info)
    line = FaultyLine(replayed, 1)
    line.open(CONFIG)
    handle = line.put("line_silent")
    assert why_not(run(line, 3)) == [TIMEOUT] * 3
    line.take_off(handle)
    assert [s.tick for s in samples(run(line, 4))] == [0, 1, 2, 3]
    assert line.exchange(off(9)) == NoSample(9, Absence.END_OF_RECORDING)


def test_the_absence_of_a_backend_is_passed_on() -> None:
    line, _ = line_to()
    line.put("line_delay")
    # the rig's ERROR comes late, as any reply
    assert line.exchange(Command(0, True, math.inf, 0.0)) == NoSample(0, TIMEOUT)
    replayed = ReplayHal([], MiniRig(Capability.PUMP).info)
    dry = FaultyLine(replayed, 1)
    dry.open(CONFIG)
    dry.put("line_delay")
    assert dry.exchange(off(3)) == NoSample(3, Absence.END_OF_RECORDING)


def test_lines_can_follow_one_another() -> None:
    rig = MiniRig()
    near = FaultyLine(FaultyLine(rig, 1), 2)
    near.open(CONFIG)
    run(near, 5)
    near.put("line_silent")
    run(near, 10, 5)
    assert rig.trip is RigTrip.WATCHDOG


def test_a_backend_that_takes_any_configuration_may_be_given_one() -> None:
    line = FaultyLine(ReplayHal([], MiniRig().info), 1)
    assert line.open(CONFIG._replace(period_us=0)) == MiniRig().info


def test_exchange_after_close_is_refused_on_a_dead_line_too() -> None:
    line, _ = line_to()
    line.put("line_unplugged")
    line.close()
    with pytest.raises(HalError, match="outside open"):
        line.exchange(off(0))


def test_exchange_outside_open_and_close_is_refused() -> None:
    line = FaultyLine(MiniRig(), 0)
    line.put("line_silent")
    with pytest.raises(HalError, match="outside open"):
        line.exchange(off(0))
    with pytest.raises(RigUnavailable):
        line.open(CONFIG)
    with pytest.raises(HalError, match="outside open"):
        line.exchange(off(0))


# --- arguments -------------------------------------------------------------------------------------------


def test_the_catalogue_is_complete_and_its_defaults_are_in_range() -> None:
    assert set(LINE_FAULTS) == KINDS
    for kind, spec in LINE_FAULTS.items():
        assert spec.kind == kind
        assert spec.description
        if spec.size is not None:
            assert spec.size.least <= spec.size.default <= spec.size.most
            assert LineFault(kind).amount == spec.size.default
        else:
            assert math.isnan(LineFault(kind).amount)


@pytest.mark.parametrize(
    ("kind", "size", "says"),
    [
        ("line_cut", None, r"unknown line fault 'line_cut'; there are: line_drop, "),
        ("line_drop", 1.5, r"'line_drop': size 1.5 is outside 0..1 x"),
        ("line_drop", math.nan, r"'line_drop': size nan is outside 0..1 x"),
        ("line_delay", 0.0, r"'line_delay': size 0.0 is outside 1..50 ticks"),
        ("line_garbage", 5000.0, r"'line_garbage': size 5000.0 is outside 1..4096 bytes"),
        ("clock_skew", 1.5, r"'clock_skew': size 1.5 is outside -1..1 x"),
        ("line_silent", 1.0, r"'line_silent' has no size; leave `size` out"),
    ],
)
def test_bad_arguments_are_refused_and_change_nothing(kind: str, size: float | None, says: str) -> None:
    line, _ = line_to()
    with pytest.raises(ValueError, match=says):
        line.put(kind, size)
    assert line.faults == {}
    assert why_not(run(line, 3)) == [None] * 3


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed is -1"):
        FaultyLine(MiniRig(), -1)


def test_handles_name_the_faults_in_force() -> None:
    line, _ = line_to()
    one, two = line.put("line_drop", 0.1), line.put("line_drop", 0.2)
    assert line.faults == {one: LineFault("line_drop", 0.1), two: LineFault("line_drop", 0.2)}
    line.take_off(one)
    line.take_off(one)
    assert line.faults == {two: LineFault("line_drop", 0.2)}
