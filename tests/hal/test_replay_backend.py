"""The replay backend: the recorded replies, in order, whatever is commanded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minirig import CONFIG, MiniRig, off, on

from hal import Absence, Command, Hal, HalError, NoSample, Reply, RigInfo
from hal.replay import ReplayHal

INFO = MiniRig().info

commands = st.builds(
    Command,
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.floats(0.0, 100.0),
    st.floats(0.0, 50.0),
)


def _recorded(ticks: int) -> list[Reply]:
    rig = MiniRig()
    rig.open(CONFIG)
    return [rig.exchange(on(tick) if tick % 7 < 4 else off(tick)) for tick in range(ticks)]


@settings(deadline=None, max_examples=100)
@given(st.lists(commands, max_size=30), st.integers(0, 30), st.sets(st.integers(0, 29)))
def test_replies_come_in_order_whatever_is_asked(asked: list[Command], ticks: int, missing: set[int]) -> None:
    recorded = [
        NoSample(reply.tick, Absence.TIMEOUT) if place in missing else reply
        for place, reply in enumerate(_recorded(ticks))
    ]
    replayed = ReplayHal(recorded, INFO)
    replayed.open(CONFIG)
    got = [replayed.exchange(command) for command in asked]
    heard = min(len(asked), ticks)
    assert all(a is b for a, b in zip(got[:heard], recorded[:heard], strict=True))
    assert got[heard:] == [NoSample(c.tick, Absence.END_OF_RECORDING) for c in asked[heard:]]
    assert replayed.commands == asked


def test_it_is_a_hal() -> None:
    assert isinstance(ReplayHal([], INFO), Hal)


def test_a_long_recording_is_taken_one_reply_at_a_time() -> None:
    taken = 0

    def replies() -> Iterator[Reply]:
        nonlocal taken
        for reply in _recorded(100):
            taken += 1
            yield reply

    replayed = ReplayHal(replies(), INFO)
    replayed.open(CONFIG)
    assert taken == 0
    for tick in range(3):
        replayed.exchange(off(tick))
    assert taken == 3


def test_each_open_returns_the_next_info_and_the_last_again() -> None:
    infos = [INFO._replace(boot_count=n) for n in (4, 5)]
    replayed = ReplayHal([], infos)
    assert [replayed.open(CONFIG).boot_count for _ in range(4)] == [4, 5, 5, 5]
    assert replayed.opens == 4


def test_one_info_serves_every_open() -> None:
    replayed = ReplayHal([], INFO)
    assert replayed.open(CONFIG) is INFO
    assert replayed.open(CONFIG) is INFO


def test_opening_again_does_not_rewind() -> None:
    recorded = _recorded(4)
    replayed = ReplayHal(recorded, INFO)
    replayed.open(CONFIG)
    first = [replayed.exchange(off(0)), replayed.exchange(off(1))]
    replayed.open(CONFIG)
    assert [*first, replayed.exchange(off(2)), replayed.exchange(off(3))] == recorded


def test_exchange_outside_open_and_close_is_refused_and_takes_nothing() -> None:
    recorded = _recorded(1)
    replayed = ReplayHal(recorded, INFO)
    with pytest.raises(HalError, match="before open or after close"):
        replayed.exchange(off(0))
    replayed.open(CONFIG)
    replayed.close()
    replayed.close()
    with pytest.raises(HalError, match="before open or after close"):
        replayed.exchange(off(0))
    assert replayed.commands == []
    replayed.open(CONFIG)
    assert replayed.exchange(off(0)) is recorded[0]


def test_rf_off_is_counted_at_any_time() -> None:
    replayed = ReplayHal([], INFO)
    replayed.rf_off()
    replayed.open(CONFIG)
    replayed.rf_off()
    replayed.close()
    replayed.rf_off()
    assert replayed.rf_offs == 3


def test_no_info_at_all_is_refused() -> None:
    nothing: list[RigInfo] = []
    with pytest.raises(ValueError, match="info is empty"):
        ReplayHal([], nothing)
