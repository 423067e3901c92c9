"""Wrong scenarios, as a person writes them, and every word they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfgen.device import load_device
from rfgen.scenario import load_scenario, parse_scenario
from rfgen.yamlsource import InputError

WRONG = {
    "a set-point over the profile's most": (
        """\
title: Too hot
device: bench
treatment: {target_c: 99, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:3: treatment.target_c: 99 is outside what bench allows; 42 to 85 C",
    ),
    "a fault long after the hold it counts from": (
        """\
title: Too late
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults:
  - {at: hold + 200 s, kind: thermocouple_open, channel: 0}
""",
        "my.yaml:6: faults[0].at: 'hold + 200 s' is long after that hold; it lasts 30 s",
    ),
    "a fault in a ramp that never comes": (
        """\
title: One step, two ramps
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults:
  - {at: ramp 2 + 1 s, kind: emergency_stop}
""",
        "my.yaml:6: faults[0].at: 'ramp 2 + 1 s' never comes; the treatment has 1 step(s)",
    ),
    "a fault after the end of the run": (
        """\
title: After the end
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
max_time_s: 100
faults:
  - {at: 101 s, kind: emergency_stop}
""",
        "my.yaml:7: faults[0].at: '101 s' is after the end; max_time_s is 100 s",
    ),
    "a fault before the beginning": (
        """\
title: Before the beginning
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults:
  - {at: -3 s, kind: emergency_stop}
""",
        "my.yaml:6: faults[0].at: '-3 s' is not a moment; write `12 s`, `hold + 12 s`, or `hold 2 + 1.5 min`",
    ),
    "a moment counted from no state": (
        """\
title: Counted from lunch
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults:
  - {at: lunch + 1 s, kind: emergency_stop}
""",
        "my.yaml:6: faults[0].at: 'lunch + 1 s' is counted from no state; "
        "use one of check, cutoff, hold, idle, impedance_check, ramp",
    ),
    "a channel that the device does not have": (
        """\
title: No such channel
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults:
  - at: hold
    kind: thermocouple_open
    channel: 5
""",
        "my.yaml:8: faults[0].channel: 5 is no channel; bench has channels 0 to 2",
    ),
    "a fault that does not exist": (
        """\
title: No such fault
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults:
  - {at: hold, kind: pump_stoped}
""",
        "my.yaml:6: faults[0].kind: 'pump_stoped' is no fault; "
        "did you mean 'pump_stopped'? (`rfgen faults` lists them)",
    ),
    "negative conductivity": (
        """\
title: A tissue that makes current
device: bench
treatment: {target_c: 60, hold_s: 30}
plant:
  target: mine
  wall: {distance_mm: 12}
  tissues:
    mine:
      density_kg_m3: 1000
      heat_capacity_j_kg_k: 3600
      thermal_conductivity_w_m_k: 0.5
      perfusion_ml_min_kg: 10
      conductivity_s_m: -0.3
      permittivity_rel: 1000
      water_fraction: 0.7
""",
        "my.yaml:13: plant.tissues.mine.conductivity_s_m: -0.3 is out of range; "
        "it must be at least 1e-06 and at most 10",
    ),
    "not a number": (
        """\
title: A hold of NaN
device: bench
treatment:
  target_c: 60
  hold_s: .nan
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:5: treatment.hold_s: nan is not finite; give a finite number",
    ),
    "infinite": (
        """\
title: Without end
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
max_time_s: .inf
""",
        "my.yaml:5: max_time_s: inf is not finite; give a finite number",
    ),
    "an unknown key": (
        """\
title: An unknown key
device: bench
treatment: {target_c: 60, hold_s: 30, flow_ml_mn: 5}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:3: treatment.flow_ml_mn: is not known here; did you mean 'flow_ml_min'?",
    ),
    "a unit in a number": (
        """\
title: With its unit
device: bench
treatment: {target_c: 70 C, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:3: treatment.target_c: '70 C' is not a number; "
        "write a plain number without a unit; the unit is in the field's name",
    ),
    "a number that readers of YAML take for different ones": (
        """\
title: Ten, or eight
device: bench
treatment: {target_c: 60, hold_s: 010}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:3: treatment.hold_s: '010' is not a number; "
        "write a plain number without a unit; the unit is in the field's name",
    ),
    "an unknown device": (
        """\
title: No such device
device: osteocol-like
treatment: {target_c: 60, hold_s: 30}
""",
        "my.yaml:2: device: 'osteocol-like' is no device profile; did you mean 'osteocool-like'?",
    ),
    "a key twice": (
        """\
title: Two seeds
device: bench
seed: 1
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
seed: 2
""",
        "my.yaml:6: seed: is given twice (first on line 3); keep one",
    ),
    "a list for a mapping": (
        """\
title: A list
device: bench
treatment:
  - {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:4: treatment: a list is not a mapping; give keys and values",
    ),
    "a mapping for a list": (
        """\
title: A mapping
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
faults: {at: hold, kind: emergency_stop}
""",
        "my.yaml:5: faults: a mapping is not a list; give a list",
    ),
    "a limit outside its hard range": (
        """\
title: A spinal cord of steel
device: bench
treatment:
  target_c: 60
  hold_s: 30
  limits: {sentinel_c: 60}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:6: treatment.limits.sentinel_c: 60 is out of its hard range; 38 to 45 C",
    ),
    "a limit that does not exist": (
        """\
title: A limit of one's own
device: bench
treatment: {target_c: 60, hold_s: 30, limits: {sentinal_c: 44}}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:3: treatment.limits.sentinal_c: 44 is no limit; did you mean 'sentinel_c'?",
    ),
    "an override that is wrong by itself": (
        """\
title: Negative power
device:
  profile: bench
  stage:
    max_power_w: -4
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:5: device.stage.max_power_w: -4 is out of range; it must be above 0 and at most 400",
    ),
    "a stage whose limit cannot be": (
        """\
title: A stage of a volt and a half
device: {profile: bench, stage: {max_voltage_v: 1.5}}
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:2: device.stage.max_voltage_v: 1.5 puts the limit over_voltage_v at 1.66 V; "
        "1.1 x it, and the meter's step, are 5 to 1110 V",
    ),
    "an override that makes the profile wrong elsewhere": (
        """\
title: A weak stage
device:
  profile: bench
  stage: {max_power_w: 1}
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:3: device.control.start_power_w: 2 is more than the stage gives; at most 1 W\n"
        "my.yaml:3: device.control.test_power_w: 2 is more than the stage gives; at most 1 W",
    ),
    "an override of something that no device has": (
        """\
title: A turbo
device: {profile: bench, stage: {turbo: true}}
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:2: device.stage.turbo: is not known here; "
        "known here: efficiency, max_current_a, max_power_w, max_voltage_v, slew_w_s",
    ),
    "a mode that the device does not have": (
        """\
title: No such mode here
device: cosman-like
treatment: {mode: impedance, power_w: 60, hold_s: 30}
""",
        "my.yaml:3: treatment.mode: 'impedance' is no mode of cosman-like; one of power, temperature\n"
        "my.yaml:3: treatment.power_w: 60 is outside what cosman-like allows; 0.5 to 50 W",
    ),
    "a step in two places": (
        """\
title: Here and there
device: bench
treatment:
  steps: [{target_c: 60, hold_s: 30}]
  hold_s: 3
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:5: treatment.hold_s: stands beside `steps`; move it into a step",
    ),
    "what is missing": (
        """\
title: Hardly begun
""",
        "my.yaml:1: device: is missing; add it\nmy.yaml:1: treatment: is missing; add it",
    ),
    "no wall for a sentinel to lie behind": (
        """\
title: No wall
device: bench
treatment: {target_c: 60, hold_s: 30}
""",
        "my.yaml:1: plant: has no wall, and bench has a thermocouple behind it; "
        "add `wall: {distance_mm: 12}`, or override device.thermocouples",
    ),
    "a tab": (
        "title: A tab\ndevice: bench\ntreatment:\n\ttarget_c: 60\n",
        "my.yaml:4: is not valid YAML: found character that cannot start any token; indent with spaces, not tabs",
    ),
    "what a terminal would obey": (
        """\
title: "\\e[2J gone"
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
""",
        "my.yaml:1: title: holds the control character U+001B; write plain text",
    ),
    "nothing": ("# to do\n", "my.yaml: is empty; give a mapping of keys and values"),
    "many things at once": (
        """\
title: All wrong
device: bench
treatment:
  target: 60
  hold_s: yes
plant: {wall: {distance_mm: 0.5}, targett: x}
expect: {outcome: done}
seed: 1.5
seed: 2
faults:
  - {at: hold, kind: thermocouple_open}
  - {at: hold, kind: thermocouple_offset, channel: 0, size: 1000}
  - {at: hold, kind: emergency_stop, for: 3 h}
""",
        """\
my.yaml:4: treatment.target: is not known here; did you mean 'target_c'?
my.yaml:5: treatment.hold_s: true is not a number; give a number
my.yaml:6: plant.targett: is not known here; did you mean 'target'?
my.yaml:7: expect.outcome: 'done' is not known; one of completed, cutoff, interrupted
my.yaml:8: seed: 1.5 is not a whole number; give a whole number
my.yaml:9: seed: is given twice (first on line 8); keep one
my.yaml:11: faults[0].channel: is missing; name the thermocouple's channel, from 0
my.yaml:12: faults[1].size: 1000 is out of range; -100 to 100 C
my.yaml:13: faults[2].for: '3 h' is not a time; write `2 s`, `200 ms` or `1.5 min`""",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_scenario_is_told_word_by_word(name: str) -> None:
    text, expected = WRONG[name]
    with pytest.raises(InputError) as refused:
        parse_scenario(text, "my.yaml")
    assert str(refused.value) == expected


def test_problems_carry_the_column_as_well() -> None:
    with pytest.raises(InputError) as refused:
        parse_scenario(WRONG["a set-point over the profile's most"][0], "my.yaml")
    (problem,) = refused.value.problems
    assert (problem.line, problem.column, problem.field, problem.value) == (3, 23, "treatment.target_c", "99")


def test_a_wrong_profile_of_ones_own_is_told_in_its_own_file(tmp_path: Path) -> None:
    """Not in the scenario, also where the scenario overrides something else of it."""
    profile = tmp_path / "own.yaml"
    profile.write_text("name: own\ntitle: Own\nperiod_ms: 1\n", encoding="utf-8")
    scenario = tmp_path / "mine.yaml"
    rest = "\ntreatment: {target_c: 60, hold_s: 30}\n"
    for device in ("own.yaml", "{profile: own.yaml, watchdog_ms: 100}"):
        scenario.write_text(f"title: Mine\ndevice: {device}{rest}", encoding="utf-8")
        with pytest.raises(InputError) as refused:
            load_scenario(str(scenario))
        period = [p for p in refused.value.problems if p.field.endswith("period_ms")]
        assert [(p.file, p.line, p.value, p.remedy) for p in period] == [
            (str(profile), 3, "1", "it must be at least 5 and at most 100")
        ]


def test_a_profile_without_sources_is_refused(tmp_path: Path) -> None:
    profile = tmp_path / "own.yaml"
    profile.write_text(
        """\
name: own
title: Own
description: Nobody knows where these come from
stage: {max_power_w: 15, max_voltage_v: 80, max_current_a: 0.8, slew_w_s: 100}
electrode: {kind: monopolar, diameter_mm: 1, active_length_mm: 10}
thermocouples: [{name: tip, place: electrode}]
modes: [power]
ranges: {power_w: [1, 15], hold_s: [1, 60]}
control: {kp_w_c: 1, ki_w_c_s: 1, approach_s: 4, start_power_w: 2, test_power_w: 2, ramp_c_s: 1, ramp_w_s: 1}
sources: {stage: assumed, electrode: assumed, thermocouples: assumed, modes: assumed, control: assumed, ranges.hold: x}
""",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as refused:
        load_device(str(profile))
    assert str(refused.value) == (
        f"{profile}:10: sources: ranges.power_w has no source; "
        "add `ranges.power_w: assumed`, or where it comes from\n"
        f"{profile}:10: sources: ranges.hold_s has no source; "
        "add `ranges.hold_s: assumed`, or where it comes from\n"
        f"{profile}:10: sources.ranges.hold: 'x' names no figure of this profile; did you mean 'ranges.hold_s'?"
    )


def test_a_file_that_is_not_there_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "vertebra.yaml").write_text("title: x\n", encoding="utf-8")
    path = tmp_path / "vertbra.yaml"
    with pytest.raises(InputError) as refused:
        load_scenario(str(path))
    assert str(refused.value) == f"{path}: there is no such file; did you mean 'vertebra.yaml'?"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("trip-esto", "trip-esto: is no shipped scenario, nor a YAML file; did you mean 'trip-estop'?"),
        ("", "'': is no shipped scenario, nor a YAML file; one of bench-first-light, bench-self-test,"),
        ("\0.yaml", "\0.yaml: cannot be read (embedded null byte); give a YAML file that can be read"),
    ],
)
def test_a_name_that_is_no_scenario(name: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        load_scenario(name)
    assert str(refused.value).startswith(told)


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"title: x\ndescription: 37 \xb0C\n")
    for path, told in (
        (folder, f"{folder}: is a folder; give a YAML file"),
        (latin, f"{latin}:2: is not UTF-8 text (byte 25 is 0xb0); save it as UTF-8"),
        (Path("/dev/zero"), "/dev/zero: is not a regular file; give a YAML file"),
    ):
        with pytest.raises(InputError) as refused:
            load_scenario(str(path))
        assert str(refused.value) == told
