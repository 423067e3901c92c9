"""Line faults: which request reaches the rig, which reply comes back, and what the host is told."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minirig import CONFIG, MiniRig, off, on

from hal import Absence, Capability, Command, Hal, HalError, NoSample, Reply, RigTrip, RigUnavailable, Sample
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
TIMEOUT, RIG_ERROR, LINE_DOWN = Absence.TIMEOUT, Absence.RIG_ERROR, Absence.LINE_DOWN


def _line(seed: int = 1) -> tuple[FaultyLine, MiniRig]:
    """An open line, and the rig at its far end."""
    rig = MiniRig()
    line = FaultyLine(rig, seed)
    line.open(CONFIG)
    return line, rig


def _run(line: Hal, ticks: int, first: int = 0, make: Callable[[int], Command] = on) -> list[Reply]:
    return [line.exchange(make(tick)) for tick in range(first, first + ticks)]


def _why(replies: list[Reply]) -> list[Absence | None]:
    """The reason of each absence, None for a sample."""
    return [None if isinstance(reply, Sample) else reply.reason for reply in replies]


def _samples(replies: list[Reply]) -> list[Sample]:
    return [reply for reply in replies if isinstance(reply, Sample)]


def _alike(a: object, b: object) -> bool:
    """Equal, with NaN equal to NaN."""
    return repr(a) == repr(b)


# --- scripts: anything that can be done to a line, in any order -------------------------------------------

sizes = {kind: spec.size for kind, spec in LINE_FAULTS.items()}


@st.composite
def _faults(draw: st.DrawFn) -> tuple[str, str, float | None]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    size = sizes[kind]
    if size is None:
        return "put", kind, None
    return "put", kind, draw(st.none() | st.floats(size.least, min(size.most, 60.0)))


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
    line, rig = _line(seed)
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
    line, _ = _line(seed)
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
    (one, _), (two, _) = _line(seed), _line(seed)
    assert _alike(_play(one, before), _play(two, before))
    twin = copy.deepcopy(one)
    went_on = _play(twin, after, 1000)
    assert _alike(_play(one, after, 1000), went_on)
    assert one.discarded == twin.discarded


def test_another_seed_loses_other_frames() -> None:
    lost = []
    for seed in (1, 2):
        line, _ = _line(seed)
        line.put("line_drop", 0.5)
        lost.append(_why(_run(line, 64)))
    assert lost[0] != lost[1]


def test_one_fault_does_not_move_the_moments_of_another() -> None:
    alone, _ = _line()
    alone.put("line_drop", 0.3)
    beside, _ = _line()
    beside.put("line_drop", 0.3)
    beside.put("clock_skew", 0.1)
    beside.put("line_corrupt", 0.0)
    assert _why(_run(alone, 200)) == _why(_run(beside, 200))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.booleans(), max_size=40), st.lists(st.sampled_from(sorted(KINDS - {"rig_reboot"})), max_size=4))
def test_a_sound_line_passes_everything_on(keys: list[bool], been: list[str]) -> None:
    """Also one that faults have been on, once they are off and the link is made again."""
    bare = MiniRig()
    bare.open(CONFIG)
    line, _ = _line()
    for kind in been:
        line.take_off(line.put(kind))
    assert line.faults == {}
    assert line.open(CONFIG) == bare.info
    for tick, key in enumerate(keys):
        command = on(tick) if key else off(tick)
        assert _alike(line.exchange(command), bare.exchange(command))


def test_it_is_a_hal() -> None:
    assert isinstance(FaultyLine(MiniRig(), 0), Hal)


# --- each kind ---------------------------------------------------------------------------------------------


def test_dropped_requests_never_reach_the_rig_and_dropped_replies_do() -> None:
    line, rig = _line()
    line.put("line_drop", 0.2)
    replies = _run(line, 2000, make=off)
    obeyed, heard = {c.tick for c in rig.obeyed}, {s.tick for s in _samples(replies)}
    assert heard < obeyed
    # a share of 0.8 of 2000 requests, and of 0.64 of replies, within 4 sigma
    assert 1528 < len(obeyed) < 1672
    assert 1194 < len(heard) < 1366
    assert {r.reason for r in replies if isinstance(r, NoSample)} == {TIMEOUT}
    assert line.discarded == 0


def test_the_rig_goes_on_with_its_last_command_until_its_watchdog_fires() -> None:
    line, rig = _line()
    _run(line, 50)
    line.put("line_drop", 1.0)
    on_for = 0
    for tick in range(50, 60):
        assert line.exchange(off(tick)) == NoSample(tick, TIMEOUT)
        on_for += rig.rf_on
    # 100 ms are five periods of 20 ms: off at the end of the fifth
    assert on_for == 4
    assert rig.trip is RigTrip.WATCHDOG
    assert rig.now_us == 1_000_000 + 60 * 20_000


def test_damaged_requests_are_counted_by_the_rig_and_damaged_replies_by_the_host() -> None:
    line, rig = _line()
    line.put("line_corrupt", 0.2)
    replies = _run(line, 2000, make=off)
    unheard = 2000 - len(rig.obeyed)
    assert 328 < unheard < 472
    assert line.discarded == len(rig.obeyed) - len(_samples(replies))
    assert 240 < line.discarded < 400
    counts = [s.bad_frames for s in _samples(replies)]
    assert counts == sorted(counts)
    for sample in _samples(replies):
        assert sample.bad_frames == sample.tick - sum(c.tick < sample.tick for c in rig.obeyed)


def test_a_new_link_counts_bad_frames_from_nothing() -> None:
    line, _ = _line()
    handle = line.put("line_garbage")
    _run(line, 20)
    line.take_off(handle)
    assert _samples(_run(line, 1))[0].bad_frames >= 20
    line.open(CONFIG)
    assert _samples(_run(line, 1))[0].bad_frames == 0


@pytest.mark.parametrize(("size", "ticks"), [(None, 1), (1.0, 1), (2.5, 3), (7.0, 7)])
def test_a_late_reply_is_discarded_and_the_rig_did_as_told(size: float | None, ticks: int) -> None:
    line, rig = _line()
    handle = line.put("line_delay", size)
    assert _run(line, 20) == [NoSample(tick, TIMEOUT) for tick in range(20)]
    assert len(rig.obeyed) == 20
    assert rig.rf_on
    assert line.discarded == 20 - ticks
    line.take_off(handle)
    assert _why(_run(line, ticks, 20)) == [None] * ticks
    assert line.discarded == 20


def test_duplicates_change_nothing_but_the_count_of_frames_thrown_away() -> None:
    bare = MiniRig()
    bare.open(CONFIG)
    line, rig = _line()
    line.put("line_duplicate", 0.5)
    assert _alike(_run(line, 400), _run(bare, 400))
    assert rig.obeyed == bare.obeyed
    # 800 frames, half of them twice, within 4 sigma
    assert 343 < line.discarded < 457


def test_a_request_sent_twice_makes_up_for_a_lost_reply() -> None:
    line, rig = _line()
    line.put("line_duplicate", 1.0)
    line.put("line_drop", 0.4)
    replies = _run(line, 500, make=off)
    assert len(_samples(replies)) == len(rig.obeyed) < 500


def test_an_overtaken_request_is_refused_with_rf_off() -> None:
    line, rig = _line()
    _run(line, 10)
    line.put("line_reorder", 1.0)
    replies = _run(line, 20, 10)
    assert _why(replies) == [TIMEOUT, None] * 10
    assert [c.tick for c in rig.obeyed] == [*range(10), *range(11, 30, 2)]
    # the first request held back leaves RF on; each that comes after a newer one is an ERROR, and RF is off
    assert [s.rf_on for s in _samples(replies)] == [True] + [False] * 9
    assert line.discarded == 10


def test_reordering_costs_no_two_ticks_in_a_row() -> None:
    line, rig = _line()
    line.put("line_reorder", 0.5)
    why = _why(_run(line, 400))
    assert (TIMEOUT, TIMEOUT) not in set(itertools.pairwise(why))
    assert 80 < why.count(TIMEOUT) < 200
    assert why.count(TIMEOUT) > 400 - len(rig.obeyed)  # replies are overtaken too, not requests alone


def test_a_request_that_nothing_overtakes_is_obeyed_a_tick_late() -> None:
    line, rig = _line()
    handle = line.put("line_reorder", 1.0)
    assert _why(_run(line, 1)) == [TIMEOUT]
    line.take_off(handle)
    handle = line.put("line_drop", 1.0)
    assert _why(_run(line, 1, 1, off)) == [TIMEOUT]
    assert [c.tick for c in rig.obeyed] == [0]
    assert rig.rf_on


@pytest.mark.parametrize("size", [1.0, 64.0, 4096.0])
def test_garbage_costs_the_tick_and_makes_bad_frames(size: float) -> None:
    line, rig = _line()
    handle = line.put("line_garbage", size)
    assert _run(line, 50) == [NoSample(tick, TIMEOUT) for tick in range(50)]
    assert rig.obeyed == []
    line.take_off(handle)
    bad = _samples(_run(line, 1, 50))[0].bad_frames
    # one for each spoilt request, and one for each 00 in the noise (a 256th of it), less empty frames
    assert 50 <= bad <= 50 + 50 * size / 256 * 1.5 + 5
    if size == 4096.0:
        assert bad > 600


def test_the_count_of_bad_frames_saturates() -> None:
    line, _ = _line()
    handle = line.put("line_garbage", 4096.0)
    line.put("line_garbage", 4096.0)
    _run(line, 2500)
    line.take_off(handle)
    line.take_off(handle + 1)
    assert _samples(_run(line, 1))[0].bad_frames == 65535


def test_a_silent_line_carries_nothing_either_way() -> None:
    line, rig = _line()
    _run(line, 20)
    handle = line.put("line_silent")
    assert _run(line, 3, 20, off) == [NoSample(tick, TIMEOUT) for tick in range(20, 23)]
    line.rf_off()
    assert rig.rf_on
    with pytest.raises(RigUnavailable, match="no rig answered in 5 tries"):
        line.open(CONFIG)
    line.take_off(handle)
    # the host has asked for another link than the rig knows: an ERROR, with RF off
    assert line.exchange(off(23)) == NoSample(23, RIG_ERROR, 2)
    assert not rig.rf_on
    line.open(CONFIG)
    assert _why(_run(line, 2, 24)) == [None, None]


def test_a_short_silence_leaves_the_link_as_it_was() -> None:
    line, rig = _line()
    _run(line, 20)
    handle = line.put("line_silent")
    _run(line, 2, 20)
    line.take_off(handle)
    replies = _run(line, 2, 22)
    assert [s.rf_on for s in _samples(replies)] == [True, True]
    assert rig.trip is RigTrip.NONE


def test_a_cable_plugged_back_in_resumes_nothing() -> None:
    line, rig = _line()
    _run(line, 20)
    handle = line.put("line_unplugged")
    assert _run(line, 3, 20) == [NoSample(tick, LINE_DOWN) for tick in range(20, 23)]
    with pytest.raises(RigUnavailable, match="plug the cable in"):
        line.open(CONFIG)
    assert line.exchange(on(23)) == NoSample(23, LINE_DOWN)
    line.take_off(handle)
    assert _why(_run(line, 10, 24)) == [LINE_DOWN] * 10
    assert rig.trip is RigTrip.WATCHDOG
    assert line.open(CONFIG) == rig.info
    assert [s.rf_on for s in _samples(_run(line, 2, 34))] == [False, True]


@pytest.mark.parametrize(("size", "ticks"), [(None, 10), (0.0, 0), (3.0, 3)])
def test_replugged_is_unplugged_for_so_many_ticks(size: float | None, ticks: int) -> None:
    line, _ = _line()
    line.put("line_replugged", size)
    for tick in range(ticks):
        with pytest.raises(RigUnavailable, match="plug the cable in"):
            line.open(CONFIG)
        assert line.exchange(on(tick)) == NoSample(tick, LINE_DOWN)
    assert line.exchange(on(ticks)) == NoSample(ticks, LINE_DOWN)
    line.open(CONFIG)
    assert _why(_run(line, 1)) == [None]


def test_rf_off_on_an_unplugged_line_reaches_nobody_and_raises_nothing() -> None:
    line, rig = _line()
    _run(line, 5)
    line.put("line_unplugged")
    line.rf_off()
    assert rig.rf_on
    line.close()
    assert not rig.rf_on  # a rig is given back with RF off, whatever the line is like


class CountsOffs(MiniRig):
    """Keeps the ticks before which an RF_OFF arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.off_before: list[int] = []
        self.tick = 0

    def rf_off(self) -> None:
        super().rf_off()
        self.off_before.append(self.tick)


def test_a_lost_rf_off_is_repeated_until_it_arrives_or_the_watchdog_must_have_fired() -> None:
    arrivals = []
    for seed in range(40):
        rig = CountsOffs()
        line = FaultyLine(rig, seed)
        line.open(CONFIG)
        line.put("line_drop", 0.5)
        line.rf_off()
        for rig.tick in range(20):
            line.exchange(off(rig.tick))
        assert len(rig.off_before) <= 1  # one that arrived is not sent again
        arrivals += rig.off_before
    assert len(arrivals) >= 36
    assert len(set(arrivals)) >= 3
    assert max(arrivals) <= 4  # 100 ms are five periods: repeated ahead of five exchanges


def test_a_rebooted_rig_knows_no_link_until_it_is_opened_again() -> None:
    line, rig = _line()
    before = _samples(_run(line, 20))
    line.put("rig_reboot")
    assert not rig.rf_on
    assert _run(line, 4, 20) == [NoSample(tick, RIG_ERROR, 2) for tick in range(20, 24)]
    assert line.open(CONFIG) == rig.info._replace(boot_count=4)
    after = _samples(_run(line, 3, 24))
    # its clock began again at the boot, four periods before
    assert before[-1].rig_time_us == 1_400_000
    assert [s.rig_time_us for s in after] == [100_000, 120_000, 140_000]
    assert [s.rf_on for s in after] == [False, True, True]


def test_every_reboot_counts_and_the_count_stays() -> None:
    line, rig = _line()
    for boots in (1, 2, 3):
        line.take_off(line.put("rig_reboot"))
        assert line.exchange(off(0)) == NoSample(0, RIG_ERROR, 2)
        assert line.open(CONFIG).boot_count == rig.info.boot_count + boots
    assert line.open(CONFIG).boot_count == 6


def test_a_reboot_before_the_first_open_shows_in_the_count_alone() -> None:
    line = FaultyLine(MiniRig(), 0)
    line.put("rig_reboot")
    with pytest.raises(HalError, match="outside open"):
        line.exchange(off(0))
    assert line.open(CONFIG).boot_count == 4
    assert [s.rig_time_us for s in _samples(_run(line, 2))] == [20_000, 40_000]


@pytest.mark.parametrize(("size", "interval_us"), [(None, 21_000), (-0.5, 10_000), (1.0, 40_000), (0.02, 20_400)])
def test_a_skewed_clock_runs_at_another_rate_and_never_jumps(size: float | None, interval_us: int) -> None:
    line, _ = _line()
    times = [s.rig_time_us for s in _samples(_run(line, 10))]
    handle = line.put("clock_skew", size)
    times += [s.rig_time_us for s in _samples(_run(line, 100, 10))]
    line.take_off(handle)
    times += [s.rig_time_us for s in _samples(_run(line, 10, 110))]
    intervals = [b - a for a, b in itertools.pairwise(times)]
    # a rate takes effect from the sample after the first one that knows of it
    assert intervals == [20_000] * 10 + [interval_us] * 100 + [20_000] * 9


def test_two_skews_act_one_on_the_other() -> None:
    line, _ = _line()
    line.put("clock_skew", -0.5)
    line.put("clock_skew", -0.5)
    first, *rest = _samples(_run(line, 5))
    assert [s.rig_time_us - first.rig_time_us for s in rest] == [5_000, 10_000, 15_000, 20_000]


# --- around any backend ----------------------------------------------------------------------------------


def test_a_rig_whose_time_runs_by_itself_is_not_told_of_missed_ticks() -> None:
    rig = MiniRig()
    rig.open(CONFIG)
    replayed = ReplayHal(_run(rig, 4), rig.info)
    line = FaultyLine(replayed, 1)
    line.open(CONFIG)
    handle = line.put("line_silent")
    assert _why(_run(line, 3)) == [TIMEOUT] * 3
    line.take_off(handle)
    assert [s.tick for s in _samples(_run(line, 4))] == [0, 1, 2, 3]
    assert line.exchange(off(9)) == NoSample(9, Absence.END_OF_RECORDING)


def test_the_absence_of_a_backend_is_passed_on() -> None:
    line, _ = _line()
    line.put("line_delay")
    assert line.exchange(Command(0, True, math.inf, 0.0)) == NoSample(0, TIMEOUT)  # an ERROR, late as any reply
    replayed = ReplayHal([], MiniRig(Capability.PUMP).info)
    dry = FaultyLine(replayed, 1)
    dry.open(CONFIG)
    dry.put("line_delay")
    assert dry.exchange(off(3)) == NoSample(3, Absence.END_OF_RECORDING)


def test_lines_can_follow_one_another() -> None:
    rig = MiniRig()
    near = FaultyLine(FaultyLine(rig, 1), 2)
    near.open(CONFIG)
    _run(near, 5)
    near.put("line_silent")
    _run(near, 10, 5)
    assert rig.trip is RigTrip.WATCHDOG


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
        ("clock_skew", -1.0, r"'clock_skew': size -1.0 is outside -0.5..1 x"),
        ("line_silent", 1.0, r"'line_silent' has no size; leave `size` out"),
    ],
)
def test_bad_arguments_are_refused_and_leave_the_line_as_it_was(kind: str, size: float | None, says: str) -> None:
    line, _ = _line()
    with pytest.raises(ValueError, match=says):
        line.put(kind, size)
    assert line.faults == {}
    assert _why(_run(line, 3)) == [None] * 3


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed is -1"):
        FaultyLine(MiniRig(), -1)


def test_handles_name_the_faults_in_force() -> None:
    line, _ = _line()
    one, two = line.put("line_drop", 0.1), line.put("line_drop", 0.2)
    assert line.faults == {one: LineFault("line_drop", 0.1), two: LineFault("line_drop", 0.2)}
    line.take_off(one)
    line.take_off(one)
    assert line.faults == {two: LineFault("line_drop", 0.2)}
