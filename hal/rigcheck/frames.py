"""Frames: what is none is not acted on and is counted, and the place is found again."""

from __future__ import annotations

import struct
import zlib

from cobs import cobs

from hal.rigcheck.answers import named, said
from hal.rigcheck.talk import Talk
from hal.rigcheck.verdicts import Check
from hal.wire import encode_frame
from hal.wiremessages import VERSION, Kind


def sealed(payload: bytes) -> bytes:
    """A frame with a sound CRC, of a length that no frame may have."""
    encoded: bytes = cobs.encode(payload + zlib.crc32(payload).to_bytes(4, "little"))
    return encoded + b"\0"


def damaged(payload: bytes) -> bytes:
    """A frame with one bit of its CRC turned: all else is as it would be."""
    spoilt = payload + (zlib.crc32(payload) ^ 0x0001_0000).to_bytes(4, "little")
    encoded: bytes = cobs.encode(spoilt)
    return encoded + b"\0"


def _payload(talk: Talk, kind: int, body: bytes = b"", version: int = VERSION) -> bytes:
    talk.seq = (talk.seq + 1) % 65536
    return struct.pack("<BBHH", version, kind, talk.link, talk.seq) + body


def damaged_frames_do_nothing(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    spoilt = [
        damaged(_payload(talk, Kind.RF_OFF)),
        damaged(_payload(talk, Kind.EXCHANGE, talk.command(False))),
        damaged(_payload(talk, Kind.HELLO)),
        damaged(_payload(talk, Kind.BYE)),
    ]
    replies = len(talk.after_noise)
    talk.send(b"".join(spoilt))
    talk.pause(0.005)
    answer = talk.request(Kind.EXCHANGE, talk.command(True))
    sample = talk.sample(answer)
    sent = "RF_OFF, EXCHANGE off, HELLO and BYE with a wrong CRC while RF is on"
    holds = sample is not None and sample.rf_on and len(talk.after_noise) == replies
    talk.see(sent, sample or said(answer), "no reply, and RF stays on", holds)
    talk.request(Kind.RF_OFF)
    talk.pause(0.005)
    off = talk.exchange(False)
    talk.send(damaged(_payload(talk, Kind.EXCHANGE, talk.command(True))))
    talk.pause(0.03)
    sample = talk.exchange(False)
    sent = "EXCHANGE on with a wrong CRC while RF is off"
    came = f"{sample}; on for {1000 * talk.on_s(off, sample):.0f} ms"
    talk.see(sent, came, "no reply, and RF stays off", not sample.rf_on and talk.on_s(off, sample) < 0.02)


def damaged_frames_are_counted(talk: Talk) -> None:
    talk.fresh()
    _counts(talk, "one bit of the CRC turned", damaged(_payload(talk, Kind.EXCHANGE, talk.command(False))))
    _counts(talk, "COBS that points beyond its end", b"\x09\x01\x02\x03\0")
    _counts(talk, "a lone byte", b"\x01\0")
    whole = encode_frame(_payload(talk, Kind.EXCHANGE, talk.command(False)))
    _counts(talk, "the second half of a frame", whole[len(whole) // 2 :])
    _counts(talk, "the first half of a frame", whole[: len(whole) // 2] + b"\0")
    _counts(talk, "three bad frames in one go", b"\x05abc\0\x02\0" + damaged(_payload(talk, Kind.RF_OFF)), 3)


def _counts(talk: Talk, what: str, data: bytes, count: int = 1) -> None:
    """`data` holds so many bad frames: they are counted, and nothing answers."""
    before = talk.exchange(False)
    unasked = len(talk.after_noise)
    talk.send(data)
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    after = talk.sample(answer)
    due = f"bad_frames more by {count}, no reply"
    if after is None:
        talk.see(f"{what}, EXCHANGE", said(answer), due, False)
        return
    more = after.bad_frames - before.bad_frames
    replies = len(talk.after_noise) - unasked
    came = f"bad_frames {before.bad_frames}, then {after.bad_frames}" + (f", and {replies} replies" if replies else "")
    talk.see(what, came, due, more == count and not replies)


def lengths_that_no_frame_has(talk: Talk) -> None:
    talk.fresh()
    for length in (0, 1, 5):
        _counts(talk, f"a payload of {length} bytes with a sound CRC", sealed(b"\x01\x04\x03\x02\x01"[:length]))
    over = (_payload(talk, Kind.EXCHANGE, talk.command(False)) + bytes(range(1, 255)))[:247]
    _counts(talk, "a payload of 247 bytes with a sound CRC", sealed(over))
    _counts(talk, "3000 bytes without a zero, then a zero", b"\x55" * 3000 + b"\0")
    _counts(talk, "3000 bytes of short blocks without a zero, then a zero", b"\x02\x01" * 1500 + b"\0")


def the_longest_frame_is_taken(talk: Talk) -> None:
    talk.fresh()
    answer = talk.request(Kind.RF_OFF, bytes(range(240)))
    holds = answer is not None and answer.kind == Kind.RF_OFF | 0x80
    talk.see("RF_OFF with 240 bytes of body, a payload of 246", said(answer), "RF_OFF's reply", holds)


def empty_frames_are_ignored(talk: Talk) -> None:
    talk.fresh()
    before = talk.exchange(False)
    talk.send(b"\0" * 50)
    answer = talk.ask_raw(_payload(talk, Kind.EXCHANGE, talk.command(False)), ahead=b"\0", behind=b"\0\0")
    sample = talk.sample(answer)
    holds = sample is not None and sample.bad_frames == before.bad_frames
    came = said(answer) + ("" if sample is None else f", bad_frames {sample.bad_frames - before.bad_frames} more")
    talk.see("50 zeros, then EXCHANGE with zeros ahead and behind", came, "SAMPLE, bad_frames the same", holds)


def the_place_is_found_again(talk: Talk) -> None:
    talk.fresh()
    before = talk.exchange(False)
    glued = encode_frame(_payload(talk, Kind.EXCHANGE, talk.command(False)))
    talk.send(b"\x7e\x55\xaa" + glued)
    sample = talk.exchange(False)
    came = f"{sample}, bad_frames {sample.bad_frames - before.bad_frames} more"
    talk.see(
        "noise run into a frame, then a sound frame",
        came,
        "SAMPLE, bad_frames 1 more",
        sample.bad_frames == before.bad_frames + 1,
    )
    before = sample
    talk.send(b"\x7e\x55\xaa")
    sample_ = talk.sample(talk.ask_raw(_payload(talk, Kind.EXCHANGE, talk.command(False)), ahead=b"\0"))
    more = None if sample_ is None else sample_.bad_frames - before.bad_frames
    came = "nothing" if more is None else f"SAMPLE, bad_frames {more} more"
    talk.see("noise, then a frame with a zero in front", came, "SAMPLE, bad_frames 1 more", more == 1)


def a_frame_may_come_in_pieces(talk: Talk) -> None:
    talk.fresh()
    payload = _payload(talk, Kind.EXCHANGE, talk.command(False))
    frame = encode_frame(payload)
    talk.drain()
    for at in range(len(frame)):
        if at % 6 == 5:
            talk.pause(0.003)
        sent_s = talk.wire.now_s()
        talk.wire.write(frame[at : at + 1])
    answer = talk.await_reply(payload, sent_s)
    talk.see("EXCHANGE byte by byte with pauses", said(answer), "SAMPLE", talk.sample(answer) is not None)


def two_frames_in_one_go(talk: Talk) -> None:
    talk.fresh()
    since = talk.radiate()
    first = _payload(talk, Kind.EXCHANGE, talk.command(True))
    second = _payload(talk, Kind.RF_OFF)
    talk.drain()
    sent_s = talk.wire.now_s()
    talk.wire.write(encode_frame(first) + encode_frame(second))
    strays, misechoed = len(talk.strays), len(talk.misechoed)
    sample = talk.sample(talk.await_reply(first, sent_s))
    if len(talk.strays) > strays:  # both replies came in one piece: the second was put aside
        off_came = named(Kind.RF_OFF | 0x80) in talk.strays.pop()
    else:
        off_came = talk.await_reply(second, sent_s) is not None
    del talk.misechoed[misechoed:]
    came = f"{'SAMPLE' if sample else 'no SAMPLE'}, {'' if off_came else 'no '}reply to RF_OFF"
    sent = "EXCHANGE on and RF_OFF in one go"
    talk.see(sent, came, "SAMPLE, then RF_OFF's reply", sample is not None and off_came)
    talk.see_off_since(sent, sample or since, talk.wire.now_s())


def what_is_no_request(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    for kind in (0x00, 0x7F, 0x80, 0x83, 0xFF):
        before = talk.exchange(True)
        unasked = len(talk.after_noise)
        talk.send(
            encode_frame(struct.pack("<BBHH", 9 if kind == 0x7F else VERSION, kind, talk.link, talk.seq + 1 & 0xFFFF))
        )
        sample = talk.exchange(True)
        replies = len(talk.after_noise) - unasked
        more = sample.bad_frames - before.bad_frames
        came = f"{sample}, bad_frames {more} more" + (f", and {replies} replies" if replies else "")
        holds = sample.rf_on and more == 1 and not replies
        talk.see(f"a frame of kind {kind:#04x}", came, "no reply, RF stays on, bad_frames 1 more", holds)


def the_count_stops_at_its_end(talk: Talk) -> None:
    talk.fresh()
    for _ in range(66):
        talk.send(b"\x01\0" * 1000)
        sample = talk.exchange(False)
    talk.see("66,000 bad frames", f"bad_frames {sample.bad_frames}", "bad_frames 65535", sample.bad_frames == 65535)


CHECKS = (
    Check("damage-ignored", "a damaged frame never acts", damaged_frames_do_nothing),
    Check("damage-counted", "each damaged frame adds one to bad_frames and gets no reply", damaged_frames_are_counted),
    Check(
        "frame-lengths", "frames too short or too long are bad frames, whatever their CRC", lengths_that_no_frame_has
    ),
    Check("longest-frame", "a frame of 252 bytes is a frame", the_longest_frame_is_taken),
    Check("empty-frames", "empty frames are ignored, and not counted", empty_frames_are_ignored),
    Check("resynchronises", "a receiver finds its place again at the next zero", the_place_is_found_again),
    Check("pieces", "a frame may come in pieces", a_frame_may_come_in_pieces),
    Check("two-at-once", "every valid request gets its reply, also when two come at once", two_frames_in_one_go),
    Check(
        "no-request", "kind 0, and 0x7F and above, gets no reply, changes nothing and is counted", what_is_no_request
    ),
    Check("count-saturates", "bad_frames stops at 65535", the_count_stops_at_its_end, long=True),
)
