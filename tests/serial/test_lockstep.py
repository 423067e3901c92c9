"""A run over the line in lock-step is the run in process, sample by sample, as binary32 has it."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest
from served import BRIEF, scenario_of, served

from hal import Reply, Sample
from hal.serialrig import SerialHal
from rfgen.assemble import Assembly, assemble, assemble_on
from rfgen.records import Decision

RUNS = [
    "bench-first-light",
    "bench-self-test",
    "liver-monopolar",
    "shaft-thermocouples-power",
    "trip-estop",
    "trip-tc-invalid",
    "trip-z-high",
    "trip-return-electrode",
    "trip-start-released",
    BRIEF + "faults: [{at: hold + 0.3 s, kind: thermocouple_open, channel: 1}]\n",
    BRIEF
    + """operator:
  - {at: 0.5 s, do: start}
  - {at: ramp + 0.2 s, fault_on: thermocouple_offset, channel: 1, size: 1.5}
  - {at: hold + 0.1 s, fault_off: thermocouple_offset, channel: 1}
  - {at: hold + 0.3 s, fault_on: thermocouple_open, channel: 0}
  - {at: cutoff + 0.5 s, fault_off: thermocouple_open, channel: 0}
""",
]


def f32(value: float) -> float:
    """As the line carries it."""
    carried: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return carried + 0.0


def rounded(reply: Reply) -> tuple[Any, ...]:
    """A sample as the line carries it, to be compared (NaN like NaN)."""
    assert isinstance(reply, Sample), reply
    flat = (*reply[:13], *map(f32, reply[13:20]), *map(f32, reply.temperature_c))
    return tuple(repr(value) for value in flat)


def watched(assembly: Assembly) -> list[tuple[Reply, Decision]]:
    """Every tick of a run."""
    seen: list[tuple[Reply, Decision]] = []
    assembly.session.on_tick = lambda tick, reply, decision: seen.append((reply, decision))
    assembly.session.run()
    return seen


class Rounded:
    """The rig in process, its samples and commands rounded as the line rounds them."""

    def __init__(self, rig: Any) -> None:
        self._rig = rig
        self.open, self.rf_off, self.close = rig.open, rig.rf_off, rig.close

    def exchange(self, command: Any) -> Reply:
        command = command._replace(power_w=f32(command.power_w), flow_ml_min=f32(command.flow_ml_min))
        reply = self._rig.exchange(command)
        if not isinstance(reply, Sample):
            return reply
        numbers = map(f32, reply[13:20])
        return Sample(*reply[:13], *numbers, tuple(map(f32, reply.temperature_c)))


def test_a_host_held_up_for_longer_than_the_watchdog_finds_the_rig_as_it_was() -> None:
    scenario = scenario_of(BRIEF)
    hours = itertools.count(0, 3_600_000_000)  # the machine's clock, had the rig looked at it: an hour between looks
    with served(scenario, lockstep=True, clock_us=lambda: next(hours)) as (port, _):
        over_line = assemble_on(SerialHal(port, reply_s=20.0), scenario, rig_has_faults=True)
        watched(over_line)
    assert over_line.session.generator.reason == "hold_complete"


@pytest.mark.parametrize("name", RUNS, ids=lambda name: f"brief, {len(name)}" if "\n" in name else name)
def test_a_run_over_the_line_equals_the_run_in_process(name: str) -> None:
    scenario = scenario_of(name)
    here = assemble(scenario)
    here.session.hal = Rounded(here.session.hal)
    in_process = watched(here)
    with served(scenario, lockstep=True, boot_count=1) as (port, _):
        line = SerialHal(port, reply_s=20.0)
        over_line = assemble_on(line, scenario, rig_has_faults=True)
        on_rig = watched(over_line)
        assert (line.bad_frames, line.discarded, line.resent) == (0, 0, 0)
    assert len(on_rig) == len(in_process)
    for tick, (there, direct) in enumerate(zip(on_rig, in_process, strict=True)):
        assert rounded(there[0]) == rounded(direct[0]), f"the sample of tick {tick} differs"
        assert repr(there[1]) == repr(direct[1]), f"the decision of tick {tick} differs"
    assert over_line.session.generator.reason == here.session.generator.reason
