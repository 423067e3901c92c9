"""Whatever a line sends: the host invents no sample, counts bad frames exactly, and holds no more than one frame.

    python -m evidence.fuzz_host --bytes 100000000

A host is linked to a rig, and from then on its line is the fuzzer's: noise, damaged, cut, old and foreign frames,
replies of another sequence, kind or version, and now and then the true reply in the middle of it. EXCHANGE must return
the true sample, to the bit, where its reply stood whole between zeros, and an absence everywhere else. Bad frames are
counted a second time from the contract's text. The seed repeats it.
"""

from __future__ import annotations

import argparse
import os
import random
import struct
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from evidence.asked import exit_code, none_or_more, one_or_more
from hal import Absence, Capability, Command, NoSample, Reply, RigConfig, RigIdentity, RigInfo, Sample
from hal.serialrig import SerialHal
from hal.serveprotocol import RigProtocol
from hal.serveworks import LockStepWorks
from hal.wire import encode_frame
from hal.wiremessages import message, parse_sample

THERMOCOUPLES = 2
INFO = RigInfo(RigIdentity("fuzz", "1", "1"), True, THERMOCOUPLES, Capability.SIMULATION, 1, 20, 1000, 8.0)
CONFIG = RigConfig(200, 20_000, 8.0, 112.0, 0b11, False)
MOST_HELD = 64_000
"""Bytes of Python's memory by which a run may grow (an integer or two, a frame, the allocator's slack; assumed)."""


class _Rig:
    """Says something else each time, so that a sample that is repeated is seen to be."""

    def __init__(self) -> None:
        self.count = 0

    def open(self, config: RigConfig) -> RigInfo:
        return INFO

    def exchange(self, command: Command) -> Reply:
        self.count += 1
        flags = (command.rf_on, False, False, True, False, False, True, False)
        numbers = (self.count * 0.5, 1.0, 0.0, *[float("nan")] * 4)
        return Sample(command.tick, self.count * 20_000, *flags, 0, 0, 0, *numbers, (37.0, 38.0))

    def rf_off(self) -> None:
        """Nothing radiates."""

    def close(self) -> None:
        """Nothing to give back."""


class _Line:
    """The port, as `SerialHal` uses one. `spoil` makes of a reply what comes; without it the line is sound."""

    def __init__(self) -> None:
        self.rig = RigProtocol(LockStepWorks(_Rig()), INFO)
        self.spoil: Callable[[bytes, bytes], bytes] | None = None
        self.sent = 0
        self._coming = b""
        self._fresh = False

    def write(self, data: bytes) -> None:
        reply = self.rig.receive(data, 0)
        if self.spoil is None:
            self._coming = reply
        elif not self._fresh:  # a repetition is answered by what was there already
            self._coming, self._fresh = self.spoil(data, reply), True

    def read(self, wait_s: float) -> bytes:
        data, self._coming, self._fresh = self._coming, b"", False
        self.sent += len(data)
        return data

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class Fuzzed:
    """What came of it."""

    sent: int
    exchanges: int
    samples: int
    absences: int
    errors: int
    bad_frames: int
    """By the host's count."""
    bad_frames_due: int
    grown: int
    """Bytes of memory more at the end than after the first tenth."""
    problems: list[str]


class Fuzzer:
    """One host and one line, from one seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.line = _Line()
        self.hal = SerialHal("fuzz", reply_s=0.0, new_link=lambda: self.draw.randrange(1, 65536))
        self.open_frame = b""
        """What has come of a frame that has not ended."""
        self.bad_due = 0
        self.old: list[bytes] = []
        self.true_reply = self.error = False
        self.tick = 0

    def link(self) -> None:
        """A sound line, for as long as it takes to link."""
        self.line.spoil = None
        self.hal._line = self.line  # type: ignore[assignment]
        self._settle(b"\0")
        self.hal._reply_s = 1.0
        self.hal.open(CONFIG)
        self.hal._reply_s = 0.0
        self.hal._wait_s = self.hal._resend_s = self.hal._off_wait_s = 0.0
        self.line.spoil = self._spoilt

    def _settle(self, data: bytes) -> None:
        """These bytes come by themselves."""
        self._count(data)
        self.hal._decoder.feed(data)

    def step(self) -> tuple[Reply, Sample | None]:
        """One exchange: what the host makes of it, and the true sample where it is due."""
        self.true_reply = self.error = False
        self.tick = (self.tick + 1) % 2**32
        reply = self.hal.exchange(Command(self.tick, self.draw.random() < 0.5, 1.0, 0.0))
        return reply, self._true if self.true_reply else None

    def _spoilt(self, asked: bytes, reply: bytes) -> bytes:
        """What comes instead of a reply, or around it."""
        draw = self.draw
        payload = _payload(reply[:-1])
        assert payload is not None
        link, seq = struct.unpack_from("<HH", payload, 2)
        self._true = parse_sample(payload[6:], THERMOCOUPLES, INFO.capabilities)
        self.old = [*self.old[-20:], reply]
        parts = [self._piece(asked, reply, payload, link, seq) for _ in range(draw.randrange(1, 12))]
        if draw.random() < 0.3:
            # whole between zeros: the host must find it
            self.true_reply = True
            parts.insert(draw.randrange(len(parts) + 1), b"\0" + reply)
        elif draw.random() < 0.02:
            self.error = True
            parts.insert(0, b"\0" + message(0xFF, link, seq, bytes([3, draw.randrange(1, 8)])))
        data = b"".join(parts)
        self._count(data)
        return data

    def _piece(self, asked: bytes, reply: bytes, payload: bytes, link: int, seq: int) -> bytes:
        draw = self.draw
        kind = draw.randrange(9)
        if kind == 0:
            return draw.randbytes(draw.randrange(1, 600))
        if kind == 1:
            return bytes(draw.choices((0, 0, 1, 2, 3, 255), k=draw.randrange(1, 300)))
        if kind == 2:  # one byte or more of the true reply is another
            spoilt = bytearray(reply)
            for _ in range(draw.randrange(1, 5)):
                at = draw.randrange(len(spoilt) - 1)
                spoilt[at] = spoilt[at] ^ draw.randrange(1, 256) or 1
            return b"\0" + (bytes(spoilt) if spoilt != reply else b"\1\0")
        if kind == 3:  # cut: and its zero with it
            return reply[: draw.randrange(1, len(reply) - 1)]
        if kind == 4:
            return b"\0" + draw.choice(self.old[:-1] or [b"\1\0"])
        if kind == 5:  # another link, sequence, kind or version
            turned = struct.pack("<BBHH", *draw.choice(
                ((1, 0x83, link ^ 1, seq), (1, 0x83, link, seq ^ 0x100), (1, 0x84, link, seq), (2, 0x83, link, seq),
                 (1, 0x03, link, seq), (1, 0xFF, link, seq ^ 1))
            ))  # fmt: skip
            return b"\0" + encode_frame(turned + payload[6:])
        if kind == 6:  # this link and sequence, and a body that is no SAMPLE of this rig
            return b"\0" + message(0xFF, link, seq, draw.choice((b"", b"\3", b"\2\5", b"\3\0", b"\3\x08", b"\3\5\0")))
        if kind == 7:
            return bytes([draw.randrange(1, 256)]) * draw.randrange(1, 5000)
        return asked + b"\0" * draw.randrange(5)

    def _count(self, data: bytes) -> None:
        """Bad frames as the contract has them: whatever stands before a zero, is not empty, and is no frame."""
        *ended, rest = data.split(b"\0")
        for part in ended:
            whole, self.open_frame = self.open_frame + part, b""
            if whole and _payload(whole) is None:
                self.bad_due += 1
        self.open_frame = (self.open_frame + rest)[:300]  # longer is bad however it ends


def _payload(encoded: bytes) -> bytes | None:
    """From the contract alone: unstuffed, its CRC right, its length within bounds."""
    if len(encoded) > 251:
        return None
    raw, at = bytearray(), 0
    while at < len(encoded):
        code = encoded[at]
        if at + code > len(encoded):
            return None
        raw += encoded[at + 1 : at + code]
        at += code
        if at < len(encoded):
            raw.append(0)
    if len(raw) < 10 or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        return None
    return bytes(raw[:-4])


def fuzz(count: int, seed: int, say: Callable[[str], None] = lambda text: None) -> Fuzzed:
    """So many bytes and more."""
    fuzzer = Fuzzer(seed)
    told = Fuzzed(0, 0, 0, 0, 0, 0, 0, 0, [])
    fuzzer.link()
    base = None
    next_told = count // 10
    tracemalloc.start()
    try:
        while fuzzer.line.sent < count:
            reply, due = fuzzer.step()
            told.exchanges += 1
            where = f"seed {seed}, exchange {told.exchanges}"
            if fuzzer.error:
                told.errors += 1
                if not isinstance(reply, NoSample) or reply.reason is not Absence.RIG_ERROR:
                    told.problems.append(f"{where}: ERROR was due, {reply} came")
                fuzzer.link()
            elif due is None:
                told.absences += 1
                if reply != NoSample(fuzzer.tick, Absence.TIMEOUT):
                    told.problems.append(f"{where}: nothing was due, {reply} came")
            else:
                told.samples += 1
                if repr(reply) != repr(due):
                    told.problems.append(f"{where}: {due} was due, {reply} came")
            if fuzzer.hal._decoder.begun > 251:
                told.problems.append(f"{where}: {fuzzer.hal._decoder.begun} bytes are held")
            if fuzzer.line.sent >= next_told:
                held = tracemalloc.get_traced_memory()[0]
                base = held if base is None else base
                told.grown = max(told.grown, held - base)
                say(f"{fuzzer.line.sent:>12,} bytes, {told.exchanges:,} exchanges, {len(told.problems)} problems")
                next_told += count // 10
            if len(told.problems) > 20:
                break
    finally:
        tracemalloc.stop()
    told.sent = fuzzer.line.sent
    told.bad_frames, told.bad_frames_due = fuzzer.hal.bad_frames, fuzzer.bad_due
    if told.bad_frames != told.bad_frames_due:
        told.problems.append(f"seed {seed}: {told.bad_frames} bad frames counted, {told.bad_frames_due} were there")
    if told.grown > MOST_HELD:
        told.problems.append(f"seed {seed}: {told.grown} bytes of memory more")
    return told


def main() -> int:
    """Exit 1 on any problem."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bytes", type=one_or_more, default=100_000_000)
    parser.add_argument("--seed", type=none_or_more, default=1)
    options = parser.parse_args()
    began_s = time.monotonic()
    told = fuzz(options.bytes, options.seed, lambda text: print(text, flush=True))
    for problem in told.problems:
        print(problem)
    print(
        f"{told.sent:,} bytes in {time.monotonic() - began_s:.0f} s: {told.exchanges:,} exchanges, {told.samples:,} "
        f"true samples found, {told.absences:,} absences, {told.errors:,} errors; {told.bad_frames:,} bad frames of "
        f"{told.bad_frames_due:,}; {told.grown:,} bytes of memory more; {len(told.problems)} problems"
    )
    return 1 if told.problems else os.EX_OK


if __name__ == "__main__":
    sys.exit(exit_code(main))
