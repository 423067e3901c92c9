"""Links and sequence numbers: who is obeyed, what is repeated, and in which order things are checked."""

from __future__ import annotations

from hal.rigcheck.answers import Answer, said
from hal.rigcheck.talk import Talk
from hal.rigcheck.verdicts import Check, Undecided
from hal.wiremessages import REPLY, Kind


def _other(talk: Talk) -> int:
    """A link that is not in force."""
    return talk.link % 65535 + 1


def _is(answer: Answer | None, kind: Kind) -> bool:
    return answer is not None and answer.kind == kind | REPLY


def a_link_is_needed(talk: Talk) -> None:
    talk.fresh()
    for what, link in (("another link", _other(talk)), ("link 0", 0)):
        for kind, body in ((Kind.EXCHANGE, talk.command(False)), (Kind.CONFIGURE, talk.configuration().pack())):
            answer = talk.request(kind, body, link=link)
            talk.see_error(f"kind {kind:#04x} on {what}", answer, kind, 2)
    answer = talk.ask(Kind.HELLO, link=0, seq=talk.seq + 1 & 0xFFFF)
    talk.see_error("HELLO on link 0", answer, Kind.HELLO, 2)


def a_new_link_replaces_the_old(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    old, seq = talk.link, talk.seq
    talk.fresh()
    answer = talk.ask(Kind.EXCHANGE, talk.command(False), link=old, seq=seq + 1 & 0xFFFF)
    talk.see_error("HELLO by another host, then EXCHANGE on the link before", answer, Kind.EXCHANGE, 2)
    sample = talk.exchange(False)
    talk.see("EXCHANGE on the new link", sample, "SAMPLE", True)


def hello_forgets_the_configuration(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    talk.hello()
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see_error("HELLO, CONFIGURE, EXCHANGE, HELLO, EXCHANGE", answer, Kind.EXCHANGE, 4)


def hello_resets_the_count(talk: Talk) -> None:
    talk.fresh()
    talk.send(b"\x05ab\0\x02\0")
    talk.exchange(False)
    talk.fresh()
    sample = talk.exchange(False)
    came = f"bad_frames {sample.bad_frames}"
    talk.see(
        "two bad frames, HELLO, CONFIGURE, EXCHANGE", came, "bad_frames 0: counted since HELLO", sample.bad_frames == 0
    )


def hello_takes_any_sequence(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    seq = talk.seq - 1000 & 0xFFFF
    answer = talk.ask(Kind.HELLO, seq=seq)
    talk.see("HELLO with an old sequence number", said(answer), "HELLO's reply", _is(answer, Kind.HELLO))
    body = talk.configuration().pack()
    answer = talk.ask(Kind.CONFIGURE, body, seq=seq)
    talk.see_error("CONFIGURE with the same number as that HELLO", answer, Kind.CONFIGURE, 6)
    talk.seq = seq
    answer = talk.request(Kind.CONFIGURE, body)
    talk.see("CONFIGURE with the next", said(answer), "CONFIGURE's reply", _is(answer, Kind.CONFIGURE))


def replies_echo(talk: Talk) -> None:
    """Over all that was said in this run; and here with numbers that differ in every byte."""
    talk.fresh()
    for link, seq in ((0x1234, 0xABCD), (0xFEDC, 0x0123), (0x00FF, 0xFF00)):
        for kind, body in ((Kind.EXCHANGE, talk.command(False)), (Kind.RF_OFF, b""), (Kind.CONFIGURE, b"")):
            answer = talk.ask(kind, body, link=link, seq=seq)
            got = None if answer is None else (answer.link, answer.seq)
            came = "nothing" if got is None else f"link {got[0]:#06x}, seq {got[1]:#06x}"
            talk.see(f"kind {kind:#04x} of link {link:#06x} and seq {seq:#06x}", came, "the same", got == (link, seq))
    came = talk.misechoed[0] if talk.misechoed else "every reply had the header of its request"
    talk.see(
        "everything in this run", came, "version, kind, link and seq of the request in every reply", not talk.misechoed
    )


def one_reply_each(talk: Talk) -> None:
    """Over all that was said in this run; and here without a word to it."""
    talk.fresh()
    talk.exchange(False)
    talk.drain(0.2)
    came = f"{len(talk.strays)} frames: {talk.strays[0]}" if talk.strays else "one reply to each request, nothing else"
    talk.see(
        "everything in this run, and nothing for 0.2 s",
        came,
        "one reply to each request, nothing unasked",
        not talk.strays,
    )


def a_repetition_gets_the_stored_reply(talk: Talk) -> None:
    talk.fresh()
    body = talk.command(False)
    first = talk.request(Kind.EXCHANGE, body)
    talk.pause(0.02)
    for _ in range(2):
        again = talk.ask(Kind.EXCHANGE, body)
        same = first is not None and again is not None and again.payload == first.payload
        came = "the same reply" if same else f"{said(again)}, not the same bytes"
        talk.see("EXCHANGE, and the same bytes again", came, "the stored reply, to the byte", same)
    asked = talk.configuration().pack()
    first = talk.request(Kind.CONFIGURE, asked)
    again = talk.ask(Kind.CONFIGURE, asked)
    same = first is not None and again is not None and again.payload == first.payload
    talk.see("CONFIGURE, and the same bytes again", said(again), "the stored reply, to the byte", same)


def a_repetition_is_not_carried_out(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    body = talk.command(True)
    first = talk.request(Kind.EXCHANGE, body)
    seq = talk.seq
    since = talk.sample(first)
    talk.see("EXCHANGE with RF on", said(first), "SAMPLE", since is not None)
    assert since is not None
    # both switch off, and leave link and sequence as they are
    talk.ask(Kind.RF_OFF, link=_other(talk), seq=7)
    talk.ask(Kind.EXCHANGE, link=_other(talk), seq=7, version=2)
    off_s = talk.wire.now_s()
    again = talk.ask(Kind.EXCHANGE, body, seq=seq)
    if again is None or again.kind == Kind.ERROR:
        raise Undecided(f"the repetition is answered by {said(again)}: that is RF off")
    sent = "EXCHANGE on, RF_OFF and a wrong version of another link, the same EXCHANGE again"
    talk.see_off_since(sent, since, off_s)


def a_stored_reply_changes_nothing(talk: Talk) -> None:
    talk.fresh()
    talk.radiate()
    body = talk.command(True)
    talk.request(Kind.EXCHANGE, body)
    for _ in range(3):
        talk.ask(Kind.EXCHANGE, body)
    sample = talk.exchange(True)
    talk.see("EXCHANGE with RF on, three times the same again, EXCHANGE", sample, "SAMPLE with RF on", sample.rf_on)


def another_request_with_the_last_number(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    answer = talk.ask(Kind.EXCHANGE, talk.command(False))
    talk.see_error("another EXCHANGE with the number of the last", answer, Kind.EXCHANGE, 6)
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see("EXCHANGE with the next number", said(answer), "SAMPLE", talk.sample(answer) is not None)


def old_numbers_are_refused(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    for behind in (1, 2, 1000, 32767, 32768):
        answer = talk.ask(Kind.EXCHANGE, talk.command(False), seq=talk.seq - behind & 0xFFFF)
        talk.see_error(f"EXCHANGE with a number {behind} behind the last", answer, Kind.EXCHANGE, 6)
    talk.seq = talk.seq + 32766 & 0xFFFF
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see("EXCHANGE with a number 32767 ahead", said(answer), "SAMPLE", talk.sample(answer) is not None)


def numbers_wrap(talk: Talk) -> None:
    talk.seq = 65532
    talk.fresh()
    for seq in (65535, 0, 1):
        answer = talk.request(Kind.EXCHANGE, talk.command(False))
        assert talk.seq == seq
        talk.see(
            f"EXCHANGE with number {seq} after {seq - 1 & 0xFFFF}",
            said(answer),
            "SAMPLE",
            talk.sample(answer) is not None,
        )


def errors_are_stored_from_check_8_on(talk: Talk) -> None:
    talk.fresh()
    first = talk.request(0x42)
    talk.see_error("an unknown kind", first, 0x42, 3)
    answer = talk.ask(0x42)
    same = first is not None and answer is not None and answer.payload == first.payload
    talk.see("the same again", said(answer), "the stored ERROR 3", same)
    answer = talk.ask(Kind.EXCHANGE, talk.command(False))
    talk.see_error("a sound EXCHANGE with the same number", answer, Kind.EXCHANGE, 6)


def earlier_errors_leave_the_number(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    seq = talk.seq + 5 & 0xFFFF
    body = talk.command(False)
    for answer in (
        talk.ask(Kind.EXCHANGE, body, link=_other(talk), seq=seq),
        talk.ask(Kind.EXCHANGE, body, seq=seq, version=2),
    ):
        if answer is None or answer.kind != Kind.ERROR:
            raise Undecided(f"what should be an ERROR is {said(answer)}")
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    sent = "EXCHANGE on another link and of version 2, then one with a number before theirs"
    talk.see(sent, said(answer), "SAMPLE", talk.sample(answer) is not None)


def another_version_first(talk: Talk) -> None:
    talk.fresh()
    for version in (0, 2, 255):
        for kind in (Kind.HELLO, Kind.CONFIGURE, Kind.EXCHANGE, Kind.RF_OFF, Kind.BYE, 0x42):
            answer = talk.ask(kind, b"x", version=version, link=_other(talk), seq=talk.seq)
            talk.see_error(f"kind {kind:#04x} of version {version}", answer, kind, 1)


def the_order_of_checks(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    other, seq = _other(talk), talk.seq
    body = talk.command(False)
    bad_value = talk.command(False, power_w=-1.0)
    for what, kind, sent, link, number, code in (
        ("HELLO with a body on link 0", Kind.HELLO, b"x", 0, seq + 1, 3),
        ("an unknown kind on another link", 0x42, b"", other, seq + 1, 2),
        ("EXCHANGE of a wrong length on another link", Kind.EXCHANGE, b"", other, seq + 1, 2),
        ("EXCHANGE on another link with the last number", Kind.EXCHANGE, body, other, seq, 2),
        ("an unknown kind with an old number", 0x42, b"", talk.link, seq - 1, 6),
        ("EXCHANGE of a wrong length with the last number", Kind.EXCHANGE, b"", talk.link, seq, 6),
        ("EXCHANGE of -1 W with an old number", Kind.EXCHANGE, bad_value, talk.link, seq - 1, 6),
    ):
        answer = talk.ask(kind, sent, link=link, seq=number & 0xFFFF)
        talk.see_error(what, answer, kind, code)
    talk.hello()
    talk.see_error("EXCHANGE of a wrong length before CONFIGURE", talk.request(Kind.EXCHANGE, b""), Kind.EXCHANGE, 3)
    plain = talk.request(Kind.EXCHANGE, talk.command(False))
    if plain is None or plain.body != bytes([Kind.EXCHANGE, 4]):
        raise Undecided(f"EXCHANGE before CONFIGURE is answered by {said(plain)}")
    talk.see_error("EXCHANGE of -1 W before CONFIGURE", talk.request(Kind.EXCHANGE, bad_value), Kind.EXCHANGE, 4)
    talk.configure()
    talk.radiate()
    answer = talk.request(Kind.CONFIGURE, talk.configuration(flags=2).pack())
    talk.see_error("CONFIGURE with an unknown flag while RF is on", answer, Kind.CONFIGURE, 7)
    talk.fresh()
    talk.radiate()
    answer = talk.request(Kind.CONFIGURE, b"")
    talk.see_error("CONFIGURE of a wrong length while RF is on", answer, Kind.CONFIGURE, 3)


def bye_ends_the_link(talk: Talk) -> None:
    talk.fresh()
    talk.exchange(False)
    answer = talk.request(Kind.BYE)
    holds = answer is not None and answer.kind == Kind.BYE | REPLY and not answer.body
    talk.see("BYE", said(answer), "BYE's reply of 0 bytes", holds)
    answer = talk.request(Kind.EXCHANGE, talk.command(False))
    talk.see_error("EXCHANGE after BYE", answer, Kind.EXCHANGE, 2)
    answer = talk.request(Kind.BYE)
    talk.see_error("another BYE after BYE", answer, Kind.BYE, 2)


def bye_is_repeated(talk: Talk) -> None:
    talk.fresh()
    first = talk.request(Kind.BYE)
    for _ in range(2):
        again = talk.ask(Kind.BYE)
        same = first is not None and again is not None and again.payload == first.payload
        talk.see("BYE, and the same bytes again", said(again), "the stored reply", same)


CHECKS = (
    Check("link-needed", "a request on a link that is not in force is ERROR 2", a_link_is_needed),
    Check("link-replaced", "HELLO takes the link from the host before", a_new_link_replaces_the_old),
    Check(
        "hello-unconfigures",
        "HELLO forgets the configuration: EXCHANGE before CONFIGURE is ERROR 4",
        hello_forgets_the_configuration,
    ),
    Check("hello-resets-count", "bad_frames counts since HELLO", hello_resets_the_count),
    Check(
        "hello-any-number", "HELLO is taken with any sequence number, which becomes the last", hello_takes_any_sequence
    ),
    Check(
        "repeats-reply",
        "a request that comes again gets the stored reply, to the byte",
        a_repetition_gets_the_stored_reply,
    ),
    Check("repeats-no-act", "a request that comes again is not carried out again", a_repetition_is_not_carried_out),
    Check("repeats-no-change", "a stored reply changes nothing: RF stays on", a_stored_reply_changes_nothing),
    Check("same-number", "another request with the last number is ERROR 6", another_request_with_the_last_number),
    Check("old-number", "numbers that are not 1 to 32767 ahead are ERROR 6", old_numbers_are_refused),
    Check("number-wraps", "sequence numbers wrap", numbers_wrap),
    Check("errors-stored", "an ERROR from check 8 on is stored like any reply", errors_are_stored_from_check_8_on),
    Check(
        "errors-unstored", "an ERROR before check 6 leaves the last number as it is", earlier_errors_leave_the_number
    ),
    Check("version", "another version is ERROR 1, before all else", another_version_first),
    Check("order", "the first check that matches answers", the_order_of_checks),
    Check("bye", "BYE ends the link", bye_ends_the_link),
    Check("bye-repeats", "BYE's reply is repeated after the link has ended", bye_is_repeated),
    Check("echo", "every reply echoes link and seq of its request", replies_echo),
    Check("one-reply", "every request gets one reply, and the rig never speaks first", one_reply_each),
)
"""The last two judge the whole run: they come last."""
