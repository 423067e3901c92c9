"""The rig in C and the served rig in Python, on the same sensors, are asked the same: they answer alike, to the byte.

Each was written from the protocol's page. Left aside is what they measure themselves (power, voltage, current) and the
instant a millisecond either way at which each does what is due.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

from firmware_host import BYE, CONFIGURE, EXCHANGE, HELLO, OFF, ON, RF_OFF, frame, request, uncobs
from hypothesis import given, settings
from hypothesis import strategies as st
from library_rig import ScriptedRig, identity_of

from hal import Capability, Command, RigConfig, RigIdentity, RigInfo, RigRefused, Sample
from hal.serveprotocol import RigProtocol
from hal.serveworks import RealTimeWorks

MS = 1000
SAMPLE_HEAD = struct.Struct("<IQBBHH3f")
"""Of a SAMPLE's body: what comes before what the capabilities decide."""


class Plant:
    """The sensors of both, set by one hand: the served rig's as a `Hal`, the C rig's in its own memory."""

    def __init__(self, info: RigInfo) -> None:
        self.info = info
        self.temperature_c = [25.0] * 8
        self.tc_fault = [0] * 8
        self.loop_closed = self.return_attached = True
        self.estop_pressed = self.start_pressed = self.stage_fault = self.stuck = False
        self._command = Command(0, False, 0.0, 0.0)
        self.on_w = -1.0
        """What the stage has been told; below 0 for off."""

    def into(self, c: ScriptedRig) -> None:
        """The same in C."""
        sensors = c.plant.sensors
        sensors.temperature_c[:] = self.temperature_c
        sensors.tc_fault[:] = self.tc_fault
        for name in ("loop_closed", "return_attached", "estop_pressed", "start_pressed", "stage_fault"):
            setattr(sensors, name, getattr(self, name))
        sensors.phase_deg, sensors.coolant_c, sensors.stage_c = -2.5, 21.0, 30.0
        c.plant.stuck = self.stuck

    # --- the Hal ---

    def open(self, config: RigConfig) -> RigInfo:
        if config.channels >> self.info.thermocouples:
            raise RigRefused("channels")
        self._command = Command(0, False, 0.0, 0.0)
        return self.info

    def exchange(self, command: Command) -> Sample:
        was, self._command = self._command, command
        has = self.info.capabilities
        count = self.info.thermocouples
        on = was.rf_on or self.stuck

        def claimed(capability: Capability, value: float) -> float:
            return value if capability in has else math.nan

        return Sample(
            tick=command.tick, rig_time_us=0, rf_on=on, pump_on=was.flow_ml_min > 0.0, watchdog_tripped=False,
            loop_closed=self.loop_closed,
            start_pressed=self.start_pressed and Capability.START_SWITCH in has,
            estop_pressed=self.estop_pressed,
            return_attached=self.return_attached or Capability.RETURN_MONITOR not in has,
            stage_fault=self.stage_fault, rig_trip=0, bad_frames=0,
            tc_fault=sum(self.tc_fault[n] << 2 * n for n in range(count)),
            power_w=was.power_w if was.rf_on else 2.0 * self.stuck, voltage_v=0.0, current_a=0.0,
            phase_deg=claimed(Capability.PHASE, -2.5),
            flow_ml_min=claimed(Capability.PUMP, was.flow_ml_min),
            coolant_c=claimed(Capability.COOLANT_TEMPERATURE, 21.0),
            stage_c=claimed(Capability.STAGE_TEMPERATURE, 30.0),
            temperature_c=tuple(math.nan if self.tc_fault[n] else self.temperature_c[n] for n in range(count)),
        )  # fmt: skip

    def rf_off(self) -> None:
        self._command = self._command._replace(rf_on=False, power_w=0.0)

    def close(self) -> None:
        self._command = Command(0, False, 0.0, 0.0)


class Pair:
    """Both rigs, one clock, and a host that counts links and sequences."""

    def __init__(self, info: RigInfo) -> None:
        self.info = info
        self.plant = Plant(info)
        self.now_us = 0
        self.c = ScriptedRig()
        self.plant.into(self.c)
        self.c.boot(identity_of(info))
        base = RigConfig(info.watchdog_max_ms, 1000, info.max_power_w, 150.0, 1, False)
        self.python = RigProtocol(RealTimeWorks(self.plant, base, MS), info)
        self.link, self.seq = 0x1234, 100
        self.last = b""
        self.story: list[str] = []
        self.wait(5)

    def wait(self, ms: int) -> None:
        """Time passes; both look at their sensors every millisecond."""
        self.story.append(f"wait {ms} ms")
        for _ in range(ms):
            self.now_us += MS
            self.c.poll(self.now_us)
            self.python.poll(self.now_us)

    def line(self, data: bytes) -> None:
        """Bytes to both. What comes back is the same, and RF is on in both or in neither."""
        self.story.append(data.hex())
        ours, theirs = (taken_apart(rig.receive(data, self.now_us)) for rig in (self.c, self.python))
        told = "\n".join(self.story)
        assert len(ours) == len(theirs), f"C: {ours}\nPython: {theirs}\nafter\n{told}"
        for one, other in zip(map(self.comparable, ours), map(self.comparable, theirs), strict=True):
            assert one == other, f"C: {one}\nPython: {other}\nafter\n{told}"
        self.wait(5)
        on = (bool(self.c.plant.output_on), self.plant._command.rf_on, self.python.rf_on)
        assert len(set(on)) == 1, f"RF on in C, in Python, in its books: {on} after\n{told}"
        if on[0]:
            assert self.c.plant.output_w == self.plant._command.power_w, told
        assert self.c.plant.flow_ml_min == self.plant._command.flow_ml_min, f"pump, after\n{told}"

    def comparable(self, payload: bytes) -> tuple[Any, ...]:
        """A reply without what each measures itself, and without what the capabilities say carries no information."""
        header, body = payload[:6], payload[6:]
        has = self.info.capabilities
        means = 0b1010_1101 | (Capability.PUMP in has) << 1
        means |= (Capability.START_SWITCH in has) << 4 | (Capability.RETURN_MONITOR in has) << 6
        if header[1] == RF_OFF | 0x80:
            return header, body[0] & means
        if header[1] != EXCHANGE | 0x80:
            return header, body
        tick, time_us, status, trip, bad, faults, *measured = SAMPLE_HEAD.unpack_from(body)
        assert all(math.isfinite(value) for value in measured)
        return header, tick, time_us, status & means, trip, bad, faults, body[SAMPLE_HEAD.size :]

    # --- the host ---

    def send(self, kind: int, body: bytes, *, link: int = 0, step: int = 1, version: int = 1) -> None:
        """A request. `link`: another one than the host's; `step`: how far its number is from the last."""
        seq = (self.seq + step) % 65536
        self.last = frame(request(kind, self.link ^ link, seq, body, version))
        if kind == HELLO and not body and version == 1 and self.link ^ link:
            self.link, self.seq = self.link ^ link, seq
        elif not link and 1 <= step <= 32767:
            self.seq = seq
        self.line(self.last)

    def exchange(self, key: int, power_w: float = 5.0, flow: float = 0.0) -> None:
        self.send(EXCHANGE, struct.pack("<IBBff", self.seq, key, 0, power_w, flow))


def taken_apart(data: bytes) -> list[bytes]:
    """Payloads of whole frames; each must be one."""
    *frames, rest = data.split(b"\0")
    assert not rest, "a reply does not end"
    payloads = []
    for encoded in frames:
        whole = uncobs(encoded)
        assert whole[-4:] == struct.pack("<I", zlib.crc32(whole[:-4])), "a reply with a wrong CRC"
        payloads.append(whole[:-4])
    return payloads


# --- what is asked -------------------------------------------------------------------------------------------------

awkward = st.sampled_from([0.0, -0.0, 1e-45, 5.0, 10.0, 10.000001, 20.0, 20.000002, 90.0, 150.0, 150.00002, -1.0,
                           math.inf, -math.inf, math.nan])  # fmt: skip
configurations = st.builds(
    lambda *values: struct.pack("<HHffBB", *values),
    st.sampled_from([0, 9, 10, 20, 100, 200, 1000, 1001, 65535]),
    st.sampled_from([0, 1, 5, 10, 50, 500, 501, 65535]),
    awkward, awkward,
    st.sampled_from([0, 1, 2, 3, 7, 0x81, 0xFF]),
    st.sampled_from([0, 0, 0, 1, 2, 0x80]),
)  # fmt: skip
commands = st.builds(
    lambda *values: struct.pack("<IBBff", *values),
    st.integers(0, 2**32 - 1), st.sampled_from([ON, ON, ON, OFF, 0, 1, 0xC2]), st.sampled_from([0, 0, 0, 0, 1]),
    awkward, st.sampled_from([0.0, 0.0, 3.0, -0.0, -1.0, math.nan, math.inf]),
)  # fmt: skip
bodies = st.one_of(
    st.just(b""), configurations, commands, st.binary(max_size=20), st.binary(min_size=230, max_size=240)
)
temperatures = st.sampled_from([25.0, 90.0, 90.01, 120.0, 200.0, math.nan, math.inf])
links = st.sampled_from([0, 0, 0, 0, 1, 0x1234])
steps = st.sampled_from([1, 1, 1, 1, 1, 0, -1, 2, 32767, 32768, -5])
kinds = st.one_of(
    st.sampled_from([HELLO, CONFIGURE, EXCHANGE, RF_OFF, BYE]), st.sampled_from([0, 6, 0x7E, 0x7F, 0x80, 0x83, 0xFF])
)
switches = st.sampled_from(["loop_closed", "return_attached", "estop_pressed", "start_pressed", "stage_fault"])

anything = st.one_of(
    st.tuples(st.just("send"), kinds, bodies, links, steps, st.sampled_from([1, 1, 1, 1, 0, 2])),
    st.tuples(st.just("send"), st.just(CONFIGURE), configurations, st.just(0), st.just(1), st.just(1)),
    st.tuples(st.just("send"), st.just(EXCHANGE), commands, st.just(0), st.just(1), st.just(1)),
    st.tuples(st.just("send"), st.just(RF_OFF), st.binary(max_size=3), links, steps, st.just(1)),
    st.tuples(st.just("connect"), st.sampled_from([20, 100, 1000]), st.sampled_from([1, 3, 7]), st.booleans()),
    st.tuples(st.just("connect"), st.sampled_from([20, 100, 1000]), st.sampled_from([1, 3, 7]), st.booleans()),
    st.tuples(st.just("again")),
    st.tuples(st.just("radiate"), st.sampled_from([0.0, 4.0])),
    st.tuples(st.just("radiate"), st.sampled_from([0.0, 4.0])),
    st.tuples(st.just("junk"), st.binary(min_size=1, max_size=300)),
    st.tuples(st.just("junk"), st.binary(max_size=5).map(frame)),  # right but for its length
    st.tuples(st.just("junk"), st.binary(min_size=246, max_size=252).map(frame)),
    st.tuples(st.just("damage"), st.integers(0, 2**16), st.integers(1, 255)),
    st.tuples(st.just("wait"), st.sampled_from([5, 10, 15, 40, 95, 200, 1000])),
    st.tuples(st.just("switch"), switches),
    st.tuples(st.just("heat"), st.integers(0, 2), temperatures),
    st.tuples(st.just("break"), st.integers(0, 2), st.sampled_from([0, 1, 2, 3])),
    st.tuples(st.just("stick")),
)  # fmt: skip


def do(pair: Pair, what: tuple[Any, ...]) -> None:
    """One thing that happens to both."""
    name, *with_ = what
    pair.story.append(str(what))
    plant = pair.plant
    if name == "send":
        kind, body, link, step, version = with_
        pair.send(kind, body, link=link, step=step, version=version)
    elif name == "connect":
        watchdog_ms, channels, pole = with_
        pair.send(HELLO, b"")
        pair.send(CONFIGURE, struct.pack("<HHffBB", watchdog_ms, 10, 10.0, 90.0, channels, pole))
    elif name == "radiate":
        pair.exchange(ON, 5.0, with_[0])
    elif name == "again":
        pair.line(pair.last)
    elif name == "junk":
        pair.line(with_[0])
    elif name == "damage":
        at, bits = with_
        body = struct.pack("<IBBff", 1, ON, 0, 5.0, 0.0)
        damaged = bytearray(frame(request(EXCHANGE, pair.link, pair.seq + 1, body)))
        damaged[at % len(damaged)] ^= bits
        pair.line(bytes(damaged) + b"\0")
    elif name == "wait":
        pair.wait(with_[0])
    elif name == "stick":  # for longer than an output stage may, seen by the next sample
        plant.stuck = True
        plant.into(pair.c)
        pair.wait(5)
        pair.send(RF_OFF, b"")
        pair.wait(200)
        pair.exchange(OFF)
        plant.stuck = False
    elif name == "switch":
        setattr(plant, with_[0], not getattr(plant, with_[0]))
    elif name == "heat":
        plant.temperature_c[with_[0]] = with_[1]
    else:
        plant.tc_fault[with_[0]] = with_[1]
    plant.into(pair.c)
    pair.wait(5)


rigs = st.builds(
    lambda thermocouples, capabilities: RigInfo(
        RigIdentity("pair", "1", "1"), True, thermocouples, capabilities | Capability.SIMULATION, 7, 10, 1000, 20.0
    ),
    st.integers(1, 3),
    st.sampled_from([
        Capability(0), Capability.PUMP, Capability.RETURN_MONITOR | Capability.PHASE,
        ~Capability.SECOND_CUT & Capability(0x1FF),
    ]),
)  # fmt: skip


@settings(deadline=None, max_examples=120)
@given(rigs, st.lists(anything, min_size=1, max_size=25))
def test_they_answer_alike(info: RigInfo, happens: list[tuple[Any, ...]]) -> None:
    pair = Pair(info)
    for what in happens:
        do(pair, what)
