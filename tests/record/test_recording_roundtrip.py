"""What goes into a recording comes out: bit for bit by our own loader, field for field by another's."""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_ros2.decoder import DecoderFactory

from hal import Absence, Command, NoSample, Reply, Sample
from rfgen.record.info import info_to_metadata
from rfgen.record.loader import RecordingError, load_run
from rfgen.record.recorder import Recorder, RunInfo
from rfgen.record.schema import tick_layout
from rfgen.records import Decision, Event, State, Truth

U32 = st.integers(0, 2**32 - 1)
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True, width=64)
CHANNELS = 3

samples = st.builds(
    Sample,
    U32,
    st.integers(0, 2**64 - 1),
    *[st.booleans()] * 8,
    U32,
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
    *[ANY_FLOAT] * 7,
    st.tuples(*[ANY_FLOAT] * CHANNELS),
)
absences = st.builds(NoSample, U32, st.sampled_from(Absence), st.integers(0, 255))
decisions = st.builds(
    Decision,
    st.builds(Command, U32, st.booleans(), ANY_FLOAT, ANY_FLOAT),
    st.booleans(),
    st.sampled_from(State),
    st.integers(0, 100),
    *[ANY_FLOAT] * 3,
    *[st.integers(0, 2**64 - 1)] * 2,
)
truths = st.none() | st.builds(Truth, *[ANY_FLOAT] * 5)
ticks = st.tuples(samples | absences, decisions, truths)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
plain_text = st.text(st.characters(exclude_categories=["Cs"]))
events = st.builds(
    Event,
    st.integers(0, 2**32),
    st.integers(0, 2**64 - 1),
    st.sampled_from(["state", "trip", "operator", "fault", "link", "note"]),
    plain_text,
    st.dictionaries(plain_text, json_values, max_size=3),
)


def info_for(channels: int = CHANNELS, **changes: object) -> RunInfo:
    given_: dict[str, object] = {
        "scenario": "two-steps",
        "title": "A test \u2014 \u00fc\u4e2d",
        "device": "bench",
        "seed": 7,
        "backend": "sim",
        "simulated": True,
        "model": "m",
        "serial": "s",
        "firmware": "1.0",
        "period_us": 20_000,
        "thermocouples": tuple(f"tc {n}" for n in range(channels)),
        "electrodes": max(1, channels - 1),
        "limits": {"over_temp_c": 95.0, "sentinel_c": 45.0},
        "limit_units": {"over_temp_c": "C", "sentinel_c": "C"},
        "row_ids": ("TC_INVALID", "OVER_TEMP"),
        "treatment": {"Set-point": "70 \u00b0C"},
        "scenario_yaml": "device: bench\n",
        "versions": {"rfgen": "0.1.0"},
    }
    return RunInfo(**(given_ | changes))  # type: ignore[arg-type]


def bits(value: object) -> object:
    """A value with its type, floats as their 64 bits, so that NaN compares too."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, tuple):
        return (type(value).__name__, *(bits(item) for item in value))
    return (type(value).__name__, value)


def sane_sample(tick: int) -> Sample:
    good = (True, True, False, True, False, False, True, False)
    return Sample(tick, tick * 20_000, *good, 0, 0, 0, 10.5, 40.25, 0.25, 0.0, 12.0, 20.0, 31.0, (60.0,) * CHANNELS)


def sane_decision(tick: int) -> Decision:
    return Decision(Command(tick, True, 10.0, 12.0), False, State.HOLD, 0, 10.0, 70.0, 70.0, 0, 0)


def record(folder: Path, recorded: list[tuple[Reply, Decision, Truth | None]], said: list[Event]) -> Path:
    with Recorder(folder, info_for()) as recorder:
        for reply, decision, truth in recorded:
            recorder.tick(reply, decision, truth)
        for event in said:
            recorder.event(event)
    return folder / "run.mcap"


@settings(deadline=None, max_examples=120)
@given(recorded=st.lists(ticks, max_size=6), said=st.lists(events, max_size=3))
def test_every_bit_and_type_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    recorded: list[tuple[Reply, Decision, Truth | None]],
    said: list[Event],
) -> None:
    run = load_run(record(tmp_path_factory.mktemp("run"), recorded, said).parent)
    assert run.complete
    assert run.info == info_for()
    assert [bits(r) for r in run.replies()] == [bits(reply) for reply, _, _ in recorded]
    assert [bits(d) for d in run.decisions()] == [bits(decision) for _, decision, _ in recorded]
    known = [bits(truth or Truth(*[math.nan] * 5)) for _, _, truth in recorded]
    assert [bits(t) for t in run.truths()] == known
    assert list(run.events) == [e._replace(data=json.loads(json.dumps(e.data))) for e in said]


@settings(deadline=None, max_examples=60)
@given(recorded=st.lists(ticks, min_size=1, max_size=4), said=st.lists(events, max_size=2))
def test_an_independent_reader_sees_every_field(
    tmp_path_factory: pytest.TempPathFactory,
    recorded: list[tuple[Reply, Decision, Truth | None]],
    said: list[Event],
) -> None:
    path = record(tmp_path_factory.mktemp("run"), recorded, said)
    seen: list[tuple[Any, Any]] = []
    heard: list[tuple[Any, Any]] = []
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        for item in reader.iter_decoded_messages(log_time_order=False):
            (seen if item.channel.topic == "/tick" else heard).append((item.message, item.decoded_message))
    assert [(m.tick, m.time_us, m.kind, m.text, json.loads(m.data)) for _, m in heard] == [
        (e.tick, e.time_us, e.kind, e.text, json.loads(json.dumps(e.data))) for e in said
    ]
    assert len(seen) == len(recorded)
    for (message, got), (reply, decision, truth) in zip(seen, recorded, strict=True):
        own_tick = max(0, decision.command.tick - recorded[0][1].command.tick)  # from the first tick
        assert message.log_time == own_tick * 20_000_000
        assert got.time_s == own_tick * 20_000 / 1e6
        assert got.cmd_tick == decision.command.tick
        assert got.cmd_rf_on is decision.command.rf_on
        for name in ("power_w", "flow_ml_min"):
            assert bits(getattr(got, f"cmd_{name}")) == bits(getattr(decision.command, name))
        for name in set(Decision._fields) - {"command"}:
            assert bits(getattr(got, name)) == bits(_plain(getattr(decision, name)))
        for name, value in zip(Truth._fields, truth or (math.nan,) * 5, strict=True):
            assert bits(getattr(got, f"true_{name}")) == bits(value)
        if isinstance(reply, NoSample):
            order = ["timeout", "rig_error", "wrong_tick", "line_down", "end_of_recording"]
            assert order[got.absent - 1] == reply.reason.value
            assert (got.tick, got.error_code) == (reply.tick, reply.error_code)
            assert all(math.isnan(getattr(got, f"tc{n}_c")) for n in range(CHANNELS))
            assert math.isnan(got.power_w)
            assert math.isnan(got.impedance_ohm)
            continue
        assert got.absent == 0
        for name in set(Sample._fields) - {"temperature_c"}:
            assert bits(getattr(got, name)) == bits(getattr(reply, name))
        for n in range(CHANNELS):
            assert bits(getattr(got, f"tc{n}_c")) == bits(reply.temperature_c[n])
        if reply.rf_on and reply.current_a > 0.002:
            assert bits(got.impedance_ohm) == bits(reply.voltage_v / reply.current_a)
        else:
            assert math.isnan(got.impedance_ohm)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, State) else value


@pytest.mark.parametrize("channels", range(1, 9))
def test_no_thermocouple_count_needs_padding(channels: int) -> None:
    layout = tick_layout(channels)
    sizes = {"float64": 8, "uint64": 8, "uint32": 4, "int32": 4, "uint8": 1, "bool": 1}
    at = 0
    for field in layout.fields:
        assert at % sizes[field.type] == 0, field.name
        at += sizes[field.type]
    assert layout.packer.size == layout.dtype.itemsize == 4 + at


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    said = [Event(3, 60_000, "note", "a", {"x": math.nan, "kind": State.RAMP})]
    recorded: list[tuple[Reply, Decision, Truth | None]] = [
        (sane_sample(n), sane_decision(n), None) for n in range(120)
    ]
    first = record(tmp_path / "a", recorded, said).read_bytes()
    assert record(tmp_path / "b", recorded, said).read_bytes() == first
    assert load_run(tmp_path / "a").events[0].data == {"x": None, "kind": 2}


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_recording_roundtrip import info_for, sane_decision, sane_sample
from rfgen.record.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), info_for())
for tick in range(int(sys.argv[3])):
    recorder.tick(sane_sample(tick), sane_decision(tick), None)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("written", "kept"), [(0, 0), (49, 0), (50, 50), (487, 450)])
def test_a_killed_run_keeps_all_but_its_last_second(tmp_path: Path, written: int, kept: int) -> None:
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), here, str(written)], check=False, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL
    run = load_run(tmp_path)
    assert not run.complete
    assert list(run.replies()) == [sane_sample(n) for n in range(kept)]
    assert list(run.decisions()) == [sane_decision(n) for n in range(kept)]


def test_what_no_recording_can_hold_is_refused_on_the_spot(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="9 thermocouples: a recording holds 1 to 8"):
        Recorder(tmp_path, info_for(9))
    with pytest.raises(ValueError, match="a period of 0 us"):
        Recorder(tmp_path, info_for(period_us=0))
    with Recorder(tmp_path, info_for()) as recorder:
        with pytest.raises(ValueError, match="tick 4 cannot be recorded"):
            recorder.tick(sane_sample(4)._replace(temperature_c=(1.0,)), sane_decision(4), None)
        with pytest.raises(ValueError, match="the event 'early' cannot be recorded"):
            recorder.event(Event(-1, 0, "note", "early", {}))
        recorder.tick(sane_sample(5), sane_decision(5), None)
    assert list(load_run(tmp_path).replies()) == [sane_sample(5)]


def test_columns_carry_every_field_by_name(tmp_path: Path) -> None:
    recorded: list[tuple[Reply, Decision, Truth | None]] = [
        (sane_sample(n), sane_decision(n), Truth(1.0, 2.0, 3.0, 4.0, 5.0)) for n in range(4)
    ]
    record(tmp_path, recorded, [])
    run = load_run(tmp_path / "run.mcap")
    assert run.columns["impedance_ohm"].tolist() == [161.0] * 4
    assert run.columns["true_hottest_c"].tolist() == [4.0] * 4
    assert run.time_s.tolist() == [0.0, 0.02, 0.04, 0.06]
    assert run.columns["tc2_c"].dtype == np.float64
    assert run.columns["violated"].dtype == np.uint64


def test_a_recording_with_other_fields_is_refused_by_name(tmp_path: Path) -> None:
    path = record(tmp_path, [(sane_sample(0), sane_decision(0), None)], [])
    text = tick_layout(CHANNELS).text
    assert "float64 stage_c" in text
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        writer.add_metadata("rfgen", info_to_metadata(info_for()))
        schema = writer.register_schema("rfgen/msg/Tick", "ros2msg", text.replace("stage_c", "stage_f").encode())
        channel = writer.register_channel("/tick", "cdr", schema)
        writer.add_message(channel, 0, b"x", 0)
        writer.finish()  # type: ignore[no-untyped-call]
    with pytest.raises(RecordingError, match="/tick has other fields than this version reads"):
        load_run(path)
