"""The rig's side: the order of checks, the stored reply, links."""

from __future__ import annotations

import math
import struct

import pytest
from bare_rig import LINK, Bare, command, error

from sim.faults import Fault

# --- the order of checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 0x7F, 0x80, 0x83, 0xFF])
def test_what_is_no_request_gets_no_reply_and_is_counted(kind: int) -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    assert bare.raw(struct.pack("<BBHH", 9, kind, LINK, 99)) is None
    assert bare.radiates()
    assert bare.exchange(True)["bad_frames"] == 1


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 0x55])
def test_another_version_is_an_error_before_all_else(kind: int) -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    back = bare.raw(struct.pack("<BBHH", 2, kind, 77, 99))
    assert back == struct.pack("<BBHH", 1, 0xFF, 77, 99) + bytes([kind, 1])
    assert not bare.radiates()


@pytest.mark.parametrize(
    ("kind", "body", "link", "ahead", "code"),
    [
        (1, b"x", LINK, 1, 3),
        (1, b"", 0, 1, 2),
        (3, command(True, 1.0), LINK + 1, 1, 2),
        (3, command(True, 1.0), 0, 1, 2),
        (3, command(True, 1.5), LINK, 0, 6),
        (3, command(True, 1.0), LINK, -1, 6),
        (3, command(True, 1.0), LINK, 32768, 6),
        (0x42, b"", LINK, 1, 3),
        (3, command(True, 1.0)[:-1], LINK, 1, 3),
        (3, command(True, 1.0) + b"x", LINK, 1, 3),
        (2, b"", LINK, 1, 3),
        (5, b"x", LINK, 1, 3),
        (2, struct.pack("<HHffBB", 200, 20, 8.0, 112.0, 1, 0), LINK, 1, 7),
        (3, command(True, 8.1), LINK, 1, 5),
        (3, command(True, -1.0), LINK, 1, 5),
        (3, command(True, math.nan), LINK, 1, 5),
        (3, command(True, 1.0, 1.0), LINK, 1, 5),
        (3, command(True, 1.0, key=0), LINK, 1, 5),
        (3, command(True, 1.0, key=0xC2), LINK, 1, 5),
    ],
)
def test_every_error_has_its_code_and_comes_with_rf_off(
    kind: int, body: bytes, link: int, ahead: int, code: int
) -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    assert bare.say(kind, body, link=link, seq=(bare.seq + ahead) % 65536) == error(kind, code)
    assert not bare.radiates()


def test_an_exchange_before_configure_is_error_4_and_a_bad_configure_unconfigures() -> None:
    bare = Bare()
    bare.say(1)
    assert bare.say(3, command(True, 1.0)) == error(3, 4)
    bare.linked()
    assert bare.say(2, struct.pack("<HHffBB", 39, 20, 8.0, 112.0, 1, 0)) == error(2, 5)
    assert bare.say(3, command(False, 0.0)) == error(3, 4)


def test_a_request_is_carried_out_once_and_its_reply_repeated_to_the_byte() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.seq += 1
    request = struct.pack("<BBHH", 1, 3, LINK, bare.seq) + command(True, 3.0, tick=9)
    first = bare.raw(request)
    bare.pass_ms(10)
    assert bare.raw(request) == first
    bare.exchange(False)
    assert bare.say(3, command(True, 3.0), seq=bare.seq - 1) == error(3, 6)
    assert not bare.radiates()


def test_an_error_from_check_8_on_is_stored_too_and_one_before_is_not() -> None:
    bare = Bare()
    bare.linked()
    request = struct.pack("<BBHH", 1, 3, LINK, bare.seq + 1) + command(True, 99.0)
    refused = bare.raw(request)
    assert refused is not None
    assert bare.raw(request) == refused
    assert bare.say(3, command(True, 1.0), seq=bare.seq + 1) == error(3, 6)
    assert bare.say(3, command(False, 0.0), link=99, seq=bare.seq + 5) == error(3, 2)
    assert bare.say(3, command(False, 0.0), seq=bare.seq + 2)[0] == 0x83


def test_hello_is_taken_with_any_sequence_and_forgets_the_link_and_its_configuration() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    assert bare.say(1, link=LINK + 1, seq=5)[0] == 0x81
    assert not bare.radiates()
    assert bare.say(3, command(True, 1.0), link=LINK, seq=bare.seq + 1) == error(3, 2)
    assert bare.say(3, command(True, 1.0), link=LINK + 1, seq=6) == error(3, 4)


def test_rf_off_is_obeyed_from_anybody_and_reads_back() -> None:
    for link, ahead, body in ((LINK, 1, b""), (LINK, 0, b""), (99, 7, b"anything"), (0, 1, b"")):
        bare = Bare()
        bare.linked()
        bare.radiate()
        kind, status = bare.say(4, body, link=link, seq=(bare.seq + ahead) % 65536)
        assert (kind, len(status)) == (0x84, 1)
        assert not status[0] & 1
        assert not bare.radiates()


def test_a_delayed_exchange_does_not_undo_rf_off() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    assert bare.say(4, seq=bare.seq + 2)[0] == 0x84
    assert bare.say(3, command(True, 3.0), seq=bare.seq + 1) == error(3, 6)
    assert not bare.radiates()


def test_rf_off_reads_back_a_stage_that_is_stuck() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.rig.bench.put(Fault("stage_stuck_on"))
    bare.pass_ms(5)
    assert bare.say(4)[1][0] & 1


def test_bye_ends_the_link_and_is_known_only_for_its_own_repetition() -> None:
    bare = Bare()
    bare.linked()
    bare.radiate()
    bare.seq += 1
    bye = struct.pack("<BBHH", 1, 5, LINK, bare.seq)
    first = bare.raw(bye)
    assert first == struct.pack("<BBHH", 1, 0x85, LINK, bare.seq)
    assert not bare.radiates()
    assert bare.raw(bye) == first
    assert bare.say(3, command(False, 0.0)) == error(3, 2)
    assert bare.say(5) == error(5, 2)
