"""A map of a bench: what is wrong with it is told at its line; which rig a test gets; how much it may ask for there."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import Command, HalError, NoSample, Reply, RigConfig, RigInfo, RigRefused
from hal.types import Absence
from rfgen.device import device_names, load_device
from rfgen.onrig import PowerBound
from rfgen.problems import InputError
from rfgen.scenario import load_scenario, parse_scenario
from rfgen.testing import Lacking
from rfgen.testing.bench import Needs, bench_of
from rfgen.testing.defaults import default_scenario
from rfgen.testing.rigmap import load_rig_map

SOUND = """\
rigs:
  - name: left
    port: /dev/ttyLEFT
    capabilities: [pump, sentinel]
    thermocouples: 3
    load: phantom
    max_power_w: 8
  - {name: right, usb_serial: A50285BI, load: resistor, max_power_w: 20}
"""


def test_a_sound_map(tmp_path: Path) -> None:
    (tmp_path / "bench.yaml").write_text(SOUND)
    left, right = load_rig_map(tmp_path / "bench.yaml").rigs
    assert (left.port, left.capabilities, left.load, left.max_power_w) == (
        "/dev/ttyLEFT",
        ("pump", "sentinel"),
        "phantom",
        8,
    )
    assert (right.usb_serial, right.thermocouples, right.capabilities) == ("A50285BI", 1, ())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("sentinel]", "sentinal]", ":4: rigs[0].capabilities[1]: 'sentinal' is no capability; did you mean"),
        ("    port: /dev/ttyLEFT\n", "", ":2: rigs[0].name: 'left' has no place; add `port`, `usb_serial` or `run`"),
        ("    max_power_w: 8\n", "", ":2: rigs[0].max_power_w: is missing; add it"),
        ("max_power_w: 8", "max_power_w: 8 W", ":7: rigs[0].max_power_w: '8 W' is not a number; write a plain number"),
        ("max_power_w: 8", "max_power_w: .nan", ":7: rigs[0].max_power_w: nan is not finite; give a finite number"),
        ("max_power_w: 8", "max_power_w: 0", ":7: rigs[0].max_power_w: 0 is out of range; it must be above 0"),
        ("load: phantom", "lode: phantom", ":6: rigs[0].lode: is not known here; did you mean 'load'?"),
        ("name: right", "name: left", ":8: rigs[1].name: 'left' is another rig's too; each rig once"),
        ("usb_serial: A50285BI", "port: /dev/ttyLEFT", ":8: rigs[1].port: '/dev/ttyLEFT' is another rig's too"),
        ("thermocouples: 3", "usb_serial: X", ":5: rigs[0].usb_serial: 'X' stands beside port; keep one"),
        ("thermocouples: 3", "lockstep: true", ":5: rigs[0].lockstep: true is for a rig that is served by `run` alone"),
        ("    load: phantom\n", "    load: a\n    load: b\n", ":7: rigs[0].load: is given twice (first on line 6)"),
        ("port: /dev/ttyLEFT", "run: rfgen 'rig", ":3: rigs[0].run: \"rfgen 'rig\" is no command (no closing"),
        ("port: /dev/ttyLEFT", 'run: " "', ":3: rigs[0].run: ' ' is no command; say what serves the rig"),
        (SOUND, "rigs: []\n", ":1: rigs: has 0 entries; it needs at least 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in SOUND
    path = tmp_path / "bench.yaml"
    path.write_text(SOUND.replace(old, new, 1))
    with pytest.raises(InputError) as wrong:
        load_rig_map(path)
    assert str(wrong.value).startswith(f"{path}{told}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("simulator", "--rig: 'simulator' is no rig; sim, serial:PORT, qemu, map:FILE, or map:FILE@NAME"),
        ("serial:", "--rig: 'serial:' is no rig"),
        ("map:{map}@", "'' is no rig of this map; one of left, right"),
        ("map:nosuch.yaml", "nosuch.yaml: there is no such file"),
        ("map:{map}@lft", "'lft' is no rig of this map; did you mean 'left'?"),
    ],
)
def test_a_rig_that_there_is_not_is_told(words: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bench.yaml").write_text(SOUND)
    with pytest.raises(InputError) as wrong:
        bench_of(words.format(map=tmp_path / "bench.yaml"))
    assert told in str(wrong.value)


@pytest.mark.parametrize("command", ["", "make 'rig"])
def test_a_command_for_the_emulated_board_that_is_none_is_told(command: str) -> None:
    with pytest.raises(InputError, match=r"^rig_qemu: .* is no command"):
        bench_of("qemu", command=command)


SMALL = """\
title: Small
device:
  profile: bench
  stage: {max_power_w: 8}
  ranges: {power_w: [0.5, 8]}
  pump: null
  fitted: []
  meters: {phase: false}
  electrode: {cooled: false}
  thermocouples: [{name: tip, place: electrode}]
treatment: {target_c: 50, hold_s: 5}
"""
FLOW_LOW = "trip-flow-low"


@pytest.mark.parametrize(
    ("scenario", "needs", "left", "right"),
    [
        ("small", Needs(load="tissue"), "a tissue (its load is phantom)", "a tissue (its load is resistor)"),
        ("small", Needs(("return_monitor",)), "return_monitor", "return_monitor"),
        ("small", Needs(("pump",), load="phantom"), "", "pump, a phantom (its load is resistor)"),
        ("small", Needs(thermocouples=4), "4 thermocouples (it has 3)", "4 thermocouples (it has 1)"),
        (
            "small",
            Needs(("pump_stopped",)),
            "pump_stopped, which can be put on a simulation alone",
            "pump_stopped, which",
        ),
        (FLOW_LOW, Needs(), "pump_stopped, which can be put on a simulation alone, ", "pump_stopped, which can be put"),
        (
            FLOW_LOW,
            Needs(),
            "the power: it allows 8 W, and the treatment may ask for 15 W (`treatment: {max_power",
            "pump",
        ),
    ],
)
def test_a_bench_without_a_rig_for_the_test_says_what_each_lacks(
    scenario: str, needs: Needs, left: str, right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RFGEN_LOCKS", str(tmp_path))
    (tmp_path / "bench.yaml").write_text(SOUND)
    treated = parse_scenario(SMALL, "small.yaml") if scenario == "small" else load_scenario(scenario)
    bench = bench_of(f"map:{tmp_path / 'bench.yaml'}", wait_s=0.0)
    if not left:  # this one will do, but is not plugged in
        with pytest.raises(HalError, match="left: there is no port"), bench.rig(treated, needs):
            pass
        return
    with pytest.raises(Lacking) as told, bench.rig(treated, needs):
        pass
    _, said = str(told.value).split("bench.yaml will do: left lacks ")
    assert left in said.split("; right lacks ")[0]
    assert right in said.split("; right lacks ")[1]


def test_a_bench_whose_rig_is_gone_is_no_reason_to_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFGEN_LOCKS", str(tmp_path))
    (tmp_path / "bench.yaml").write_text(SOUND)
    scenario = parse_scenario(SMALL, "small.yaml")
    bench = bench_of(f"map:{tmp_path / 'bench.yaml'}", wait_s=0.0)
    with pytest.raises(HalError) as told, bench.rig(scenario, Needs()):
        pass
    assert "left: there is no port /dev/ttyLEFT" in str(told.value)
    assert "right: no port has the USB serial number A50285BI: plug the rig in" in str(told.value)
    monkeypatch.setattr("rfgen.testing.bench.ports_by_serial", lambda number: ["/dev/ttyUSB0", "/dev/ttyUSB1"])
    with (
        pytest.raises(HalError, match="several ports have the USB serial number A50285BI"),
        bench.rig(scenario, Needs()),
    ):
        pass


def test_words_that_name_nothing_are_told() -> None:
    with pytest.raises(ValueError, match="'sentinal' is nothing that a rig has or a fault does; did you"):
        Needs(("sentinal",))


class Listening:
    """A rig that remembers what reached it."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def open(self, config: RigConfig) -> RigInfo:
        self.heard.append(config)
        return None  # type: ignore[return-value]

    def exchange(self, command: Command) -> Reply:
        self.heard.append(command)
        return NoSample(command.tick, Absence.TIMEOUT)

    def rf_off(self) -> None:
        self.heard.append("off")

    def close(self) -> None:
        self.heard.append("close")


EDGES_W = [0.0, 8.0, math.nextafter(8.0, 9.0), math.nextafter(8.0, 0.0), 8.1, math.nan, math.inf]
WATTS = st.one_of(st.floats(0, 400), st.sampled_from(EDGES_W))


@given(WATTS, WATTS, st.booleans())
def test_more_power_than_is_allowed_never_reaches_the_rig(limit_w: float, asked_w: float, rf_on: bool) -> None:
    heard = Listening()
    rig = PowerBound(heard, 8.0, "rig left")
    config = RigConfig(200, 20_000, limit_w, 110.0, 1, False)
    if limit_w <= 8.0:
        rig.open(config)
        assert heard.heard == [config]  # as it was asked, cut down by nobody
    else:
        with pytest.raises(RigRefused, match="rig left allows 8 W"):
            rig.open(config)
        assert heard.heard == ["off"]
    heard.heard.clear()
    command = Command(0, rf_on, asked_w, 0.0)
    if not rf_on or asked_w <= 8.0:
        rig.exchange(command)
        assert heard.heard == [command]
    else:
        with pytest.raises(HalError, match="rig left allows 8 W"):
            rig.exchange(command)
        assert heard.heard == ["off"]


@pytest.mark.parametrize("name", device_names())
def test_a_test_that_names_a_device_alone_gets_an_ordinary_treatment(name: str) -> None:
    scenario = default_scenario(name)
    assert scenario.device == load_device(name)
    assert 0 < scenario.treatment.steps[0].hold_s <= 60
