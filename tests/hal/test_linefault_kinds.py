"""What each line fault does: which request reaches the rig, which reply comes back."""

from __future__ import annotations

import itertools

import pytest
from lines import LINE_DOWN, RIG_ERROR, TIMEOUT, alike, line_to, run, samples, why_not
from minirig import CONFIG, MiniRig, off, on

from hal import HalError, NoSample, RigTrip, RigUnavailable
from hal.linefault import FaultyLine, bad_frames_of


def test_dropped_requests_never_reach_the_rig_and_dropped_replies_do() -> None:
    line, rig = line_to()
    line.put("line_drop", 0.2)
    replies = run(line, 2000, make=off)
    obeyed, heard = {c.tick for c in rig.obeyed}, {s.tick for s in samples(replies)}
    assert heard < obeyed
    # a share of 0.8 of 2000 requests, and of 0.64 of replies, within 4 sigma
    assert 1528 < len(obeyed) < 1672
    assert 1194 < len(heard) < 1366
    assert {r.reason for r in replies if isinstance(r, NoSample)} == {TIMEOUT}
    assert line.discarded == 0


def test_two_shares_act_one_after_the_other() -> None:
    line, rig = line_to()
    line.put("line_drop", 0.3)
    line.put("line_drop", 0.3)
    run(line, 2000, make=off)
    assert 890 < len(rig.obeyed) < 1070  # 0.49 of 2000, within 4 sigma


def test_a_lost_frame_cannot_be_damaged_too() -> None:
    line, rig = line_to()
    put_on = [line.put("line_drop", 0.5), line.put("line_corrupt", 0.5)]
    run(line, 2000, make=off)
    # a quarter of the requests is heard; of their replies a quarter comes damaged
    assert 423 < len(rig.obeyed) < 577
    assert 80 < line.discarded < 170
    for handle in put_on:
        line.take_off(handle)
    assert 423 < samples(run(line, 1))[0].bad_frames < 577  # a quarter of the requests comes damaged


def test_no_link_is_made_where_no_frame_arrives_and_one_is_where_most_do() -> None:
    line, rig = line_to()
    handle = line.put("line_drop", 1.0)
    with pytest.raises(RigUnavailable, match="no rig answered in 5 tries"):
        line.open(CONFIG)
    line.take_off(handle)
    line.put("line_drop", 0.1)
    assert line.open(CONFIG) == rig.info


def test_the_rig_goes_on_with_its_last_command_until_its_watchdog_fires() -> None:
    line, rig = line_to()
    run(line, 50)
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
    line, rig = line_to()
    line.put("line_corrupt", 0.2)
    replies = run(line, 2000, make=off)
    unheard = 2000 - len(rig.obeyed)
    assert 328 < unheard < 472
    assert line.discarded == len(rig.obeyed) - len(samples(replies))
    assert 240 < line.discarded < 400
    counts = [s.bad_frames for s in samples(replies)]
    assert counts == sorted(counts)
    for sample in samples(replies):
        assert sample.bad_frames == sample.tick - sum(c.tick < sample.tick for c in rig.obeyed)


def test_a_new_link_counts_bad_frames_from_nothing() -> None:
    line, _ = line_to()
    handle = line.put("line_garbage")
    run(line, 20)
    line.take_off(handle)
    assert samples(run(line, 1))[0].bad_frames >= 20
    line.open(CONFIG)
    assert samples(run(line, 1))[0].bad_frames == 0


@pytest.mark.parametrize(("size", "ticks"), [(None, 1), (1.0, 1), (2.5, 3), (7.0, 7)])
def test_a_late_reply_is_discarded_and_the_rig_did_as_told(size: float | None, ticks: int) -> None:
    line, rig = line_to()
    handle = line.put("line_delay", size)
    assert run(line, 20) == [NoSample(tick, TIMEOUT) for tick in range(20)]
    assert len(rig.obeyed) == 20
    assert rig.rf_on
    assert line.discarded == 20 - ticks
    line.take_off(handle)
    assert why_not(run(line, ticks, 20)) == [None] * ticks
    assert line.discarded == 20


def test_duplicates_change_nothing_but_the_count_of_frames_thrown_away() -> None:
    bare = MiniRig()
    bare.open(CONFIG)
    line, rig = line_to()
    line.put("line_duplicate", 0.5)
    assert alike(run(line, 400), run(bare, 400))
    assert rig.obeyed == bare.obeyed
    # 800 frames, half of them twice, within 4 sigma
    assert 343 < line.discarded < 457


def test_a_request_sent_twice_makes_up_for_a_lost_reply() -> None:
    line, rig = line_to()
    line.put("line_duplicate", 1.0)
    line.put("line_drop", 0.4)
    replies = run(line, 500, make=off)
    assert len(samples(replies)) == len(rig.obeyed) < 500


def test_an_overtaken_request_is_refused_with_rf_off() -> None:
    line, rig = line_to()
    run(line, 10)
    line.put("line_reorder", 1.0)
    replies = run(line, 20, 10)
    assert why_not(replies) == [TIMEOUT, None] * 10
    assert [c.tick for c in rig.obeyed] == [*range(10), *range(11, 30, 2)]
    # the first request held back leaves RF on; each that comes after a newer one is an ERROR, and RF is off
    assert [s.rf_on for s in samples(replies)] == [True] + [False] * 9
    assert line.discarded == 10


def test_reordering_costs_no_two_ticks_in_a_row() -> None:
    line, rig = line_to()
    line.put("line_reorder", 0.5)
    why = why_not(run(line, 400))
    assert (TIMEOUT, TIMEOUT) not in set(itertools.pairwise(why))
    assert 80 < why.count(TIMEOUT) < 200
    assert why.count(TIMEOUT) > 400 - len(rig.obeyed)  # replies are overtaken too, not requests alone


def test_a_request_that_nothing_overtakes_is_obeyed_a_tick_late() -> None:
    line, rig = line_to()
    handle = line.put("line_reorder", 1.0)
    assert why_not(run(line, 1)) == [TIMEOUT]
    line.take_off(handle)
    handle = line.put("line_drop", 1.0)
    assert why_not(run(line, 1, 1, off)) == [TIMEOUT]
    assert [c.tick for c in rig.obeyed] == [0]
    assert rig.rf_on


def test_an_overtaken_request_is_lost_with_a_line_that_falls_silent() -> None:
    line, rig = line_to()
    line.put("line_reorder", 1.0)
    run(line, 1)
    silent = line.put("line_silent")
    run(line, 1, 1)
    line.take_off(silent)
    line.put("line_drop", 1.0)
    run(line, 3, 2)
    assert rig.obeyed == []


def test_an_overtaken_request_is_lost_with_a_rig_that_boots() -> None:
    line, rig = line_to()
    line.put("line_reorder", 1.0)
    run(line, 1)
    line.put("rig_reboot")
    line.put("line_drop", 1.0)
    assert why_not(run(line, 2, 1)) == [TIMEOUT, TIMEOUT]
    assert rig.obeyed == []


@pytest.mark.parametrize(
    ("burst", "frames"),
    [(b"", 1), (b"ab", 1), (b"\0", 1), (b"a\0", 2), (b"a\0\0b", 2), (b"\0a\0b\0c", 3), (b"\0\0\0", 1)],
)
def test_a_burst_makes_a_bad_frame_of_what_stands_before_each_00(burst: bytes, frames: int) -> None:
    assert bad_frames_of(burst) == frames


def test_garbage_swallows_rf_off_and_the_hello_too() -> None:
    line, rig = line_to()
    run(line, 5)
    handle = line.put("line_garbage")
    line.rf_off()
    assert rig.rf_on
    with pytest.raises(RigUnavailable, match="no rig answered"):
        line.open(CONFIG)
    line.take_off(handle)


@pytest.mark.parametrize("size", [1.0, 64.0, 4096.0])
def test_garbage_costs_the_tick_and_makes_bad_frames(size: float) -> None:
    line, rig = line_to()
    handle = line.put("line_garbage", size)
    assert run(line, 50) == [NoSample(tick, TIMEOUT) for tick in range(50)]
    assert rig.obeyed == []
    line.take_off(handle)
    bad = samples(run(line, 1, 50))[0].bad_frames
    # one for each spoilt request, and one for each 00 in the noise (a 256th of it), less empty frames
    assert 50 <= bad <= 50 + 50 * size / 256 * 1.5 + 5
    if size == 4096.0:
        assert bad > 600


def test_the_count_of_bad_frames_saturates() -> None:
    line, _ = line_to()
    handle = line.put("line_garbage", 4096.0)
    line.put("line_garbage", 4096.0)
    run(line, 2500)
    line.take_off(handle)
    line.take_off(handle + 1)
    assert samples(run(line, 1))[0].bad_frames == 65535


def test_a_silent_line_carries_nothing_either_way() -> None:
    line, rig = line_to()
    run(line, 20)
    handle = line.put("line_silent")
    assert run(line, 3, 20, off) == [NoSample(tick, TIMEOUT) for tick in range(20, 23)]
    line.rf_off()
    assert rig.rf_on
    with pytest.raises(RigUnavailable, match="no rig answered in 5 tries"):
        line.open(CONFIG)
    line.take_off(handle)
    # the host has asked for another link than the rig knows: an ERROR, with RF off
    assert line.exchange(off(23)) == NoSample(23, RIG_ERROR, 2)
    assert not rig.rf_on
    line.open(CONFIG)
    assert why_not(run(line, 2, 24)) == [None, None]


def test_an_error_comes_with_rf_off() -> None:
    line, rig = line_to()
    run(line, 20)
    handle = line.put("line_silent")
    with pytest.raises(RigUnavailable):
        line.open(CONFIG)
    line.take_off(handle)
    assert rig.rf_on
    assert run(line, 1, 20) == [NoSample(20, RIG_ERROR, 2)]
    assert not rig.rf_on
    assert rig.trip is RigTrip.NONE


def test_a_short_silence_leaves_the_link_as_it_was() -> None:
    line, rig = line_to()
    run(line, 20)
    handle = line.put("line_silent")
    run(line, 2, 20)
    line.take_off(handle)
    replies = run(line, 2, 22)
    assert [s.rf_on for s in samples(replies)] == [True, True]
    assert rig.trip is RigTrip.NONE


def test_a_cable_plugged_back_in_resumes_nothing() -> None:
    line, rig = line_to()
    run(line, 20)
    handle = line.put("line_unplugged")
    assert run(line, 3, 20) == [NoSample(tick, LINE_DOWN) for tick in range(20, 23)]
    with pytest.raises(RigUnavailable, match="plug the cable in"):
        line.open(CONFIG)
    assert line.exchange(on(23)) == NoSample(23, LINE_DOWN)
    line.take_off(handle)
    assert why_not(run(line, 10, 24)) == [LINE_DOWN] * 10
    assert rig.trip is RigTrip.WATCHDOG
    assert line.open(CONFIG) == rig.info
    assert [s.rf_on for s in samples(run(line, 2, 34))] == [False, True]


@pytest.mark.parametrize(("size", "ticks"), [(None, 10), (0.0, 0), (3.0, 3), (2.5, 3)])
def test_replugged_is_unplugged_for_so_many_ticks(size: float | None, ticks: int) -> None:
    line, _ = line_to()
    line.put("line_replugged", size)
    for tick in range(ticks):
        with pytest.raises(RigUnavailable, match="plug the cable in"):
            line.open(CONFIG)
        assert line.exchange(on(tick)) == NoSample(tick, LINE_DOWN)
    assert line.exchange(on(ticks)) == NoSample(ticks, LINE_DOWN)
    line.open(CONFIG)
    assert why_not(run(line, 1)) == [None]


def test_rf_off_on_an_unplugged_line_reaches_nobody_and_raises_nothing() -> None:
    line, rig = line_to()
    run(line, 5)
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


def test_a_new_link_ends_the_repeats_of_rf_off() -> None:
    rig = CountsOffs()
    line = FaultyLine(rig, 1)
    line.open(CONFIG)
    handle = line.put("line_drop", 1.0)
    line.rf_off()
    line.take_off(handle)
    line.open(CONFIG)
    run(line, 10)
    assert rig.off_before == []
    assert rig.rf_on


def test_a_rebooted_rig_knows_no_link_until_it_is_opened_again() -> None:
    line, rig = line_to()
    before = samples(run(line, 20))
    line.put("rig_reboot")
    assert not rig.rf_on
    assert run(line, 4, 20) == [NoSample(tick, RIG_ERROR, 2) for tick in range(20, 24)]
    assert line.open(CONFIG) == rig.info._replace(boot_count=4)
    after = samples(run(line, 3, 24))
    # its clock began again at the boot, four periods before
    assert before[-1].rig_time_us == 1_400_000
    assert [s.rig_time_us for s in after] == [100_000, 120_000, 140_000]
    assert [s.rf_on for s in after] == [False, True, True]


def test_every_reboot_counts_and_the_count_stays() -> None:
    line, rig = line_to()
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
    assert [s.rig_time_us for s in samples(run(line, 2))] == [20_000, 40_000]


@pytest.mark.parametrize(
    ("size", "interval_us"),
    [(None, 21_000), (-0.5, 10_000), (1.0, 40_000), (0.02, 20_400)],
)
def test_a_skewed_clock_runs_at_another_rate_and_never_jumps(size: float | None, interval_us: int) -> None:
    line, _ = line_to()
    times = [s.rig_time_us for s in samples(run(line, 10))]
    handle = line.put("clock_skew", size)
    times += [s.rig_time_us for s in samples(run(line, 100, 10))]
    line.take_off(handle)
    times += [s.rig_time_us for s in samples(run(line, 10, 110))]
    intervals = [b - a for a, b in itertools.pairwise(times)]
    # a rate takes effect from the sample after the first one that knows of it
    assert intervals == [20_000] * 10 + [interval_us] * 100 + [20_000] * 9


def test_a_clock_can_stand_still_and_go_on() -> None:
    line, _ = line_to()
    run(line, 10)
    handle = line.put("clock_skew", -1.0)
    still = [s.rig_time_us for s in samples(run(line, 20, 10))]
    line.take_off(handle)
    again = [s.rig_time_us for s in samples(run(line, 4, 30))]
    assert still == [1_220_000] * 20
    assert again == [1_220_000, 1_240_000, 1_260_000, 1_280_000]


def test_a_rig_that_boots_by_itself_starts_its_skewed_clock_again() -> None:
    line, rig = line_to()
    line.put("clock_skew", 0.5)
    run(line, 10)
    rig.now_us = 0
    assert [s.rig_time_us for s in samples(run(line, 3, 10))] == [20_000, 50_000, 80_000]


def test_two_skews_act_one_on_the_other() -> None:
    line, _ = line_to()
    line.put("clock_skew", -0.5)
    line.put("clock_skew", -0.5)
    first, *rest = samples(run(line, 5))
    assert [s.rig_time_us - first.rig_time_us for s in rest] == [5_000, 10_000, 15_000, 20_000]
