"""The conversation in docs/protocol.md is what the code says, to the byte; so is the frame that it takes apart."""

from __future__ import annotations

import re
from pathlib import Path

from bare_rig import plain_frame, plain_payload
from plain_rig import plain_protocol

from hal.rigcheck.running import CHECKS
from hal.wire import encode_frame

PAGE = (Path(__file__).parents[2] / "docs/protocol.md").read_text(encoding="utf-8")


def frames() -> list[tuple[str, bytes]]:
    """Every frame of the page: who sends it, and its bytes."""
    return [
        (who, bytes.fromhex(digits)) for who, digits in re.findall(r"^(host|rig) +((?:[0-9a-f]{2} ?)+)$", PAGE, re.M)
    ]


def test_a_rig_answers_as_the_page_says() -> None:
    """Each request 20 ms after the one before, to a rig of two thermocouples and 100 ohm, polled every millisecond."""
    said = frames()
    assert len(said) >= 13
    rig = plain_protocol()
    now_us = 0
    replies: list[bytes] = []
    for who, frame in said:
        if who == "host":
            assert replies == [], f"the page leaves out {replies[0].hex(' ')}"
            for _ in range(20):
                now_us += 1000
                rig.poll(now_us)
            reply = rig.receive(frame, now_us)
            replies = [reply] if reply else []
        else:
            assert replies.pop(0).hex(" ") == frame.hex(" ")
    assert replies == []


def test_the_frame_that_is_taken_apart() -> None:
    payload, crc, whole = (
        bytes.fromhex(re.search(rf"^{name} +((?:[0-9a-f]{{2}} ?)+)$", PAGE, re.M).group(1))  # type: ignore[union-attr]
        for name in ("payload", "crc32", "on the line")
    )
    assert whole == encode_frame(payload) == plain_frame(payload)
    assert plain_payload(whole[:-1]) == payload
    stuffed = plain_frame(payload)
    assert crc in stuffed
    assert ("host", whole) in frames()


def test_every_check_and_every_test_that_the_page_names_is_there() -> None:
    table = PAGE.partition("## Who holds it to that")[2].partition("## Where it could")[0]
    named = set(re.findall(r"`([a-z0-9_-]+)`", table))
    checks = {check.id for check in CHECKS}
    assert {name for name in named if not name.startswith("test_")} == checks
    here = Path(__file__).parents[1]
    written = "\n".join(
        path.read_text(encoding="utf-8") for path in [*here.glob("serial/*.py"), *here.glob("wire/*.py")]
    )
    missing = [name for name in named if name.startswith("test_") and f"def {name}(" not in written]
    assert missing == []
