"""Errors of a scenario told together: a slip in one part does not hide what is wrong between the others."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.linecatalogue import LINE_FAULTS, LineFault
from rfgen.device import DeviceProfile, device_names, leaves, load_device
from rfgen.hostfaults import HOST_FAULTS
from rfgen.scenario import Scenario, known_tissues, load_scenario, parse_scenario, resolved_yaml, scenario_names
from rfgen.scenarioparts import FaultLine
from rfgen.validation import part
from rfgen.when import When, parse_duration
from rfgen.yamlsource import InputError, compose
from sim.faults import FAULTS, Fault
from sim.tissue import TISSUES

BENCH = """\
title: T
device: bench
treatment: {target_c: 45, hold_s: 3}
plant: {wall: {distance_mm: 15}}
"""


def errors(text: str, file: str = "s.yaml") -> str:
    with pytest.raises(InputError) as caught:
        parse_scenario(text, file)
    return str(caught.value)


def read(text: str) -> Scenario | list[str]:
    """The scenario, or what is told of it; any other exception is a failure of the test."""
    try:
        return parse_scenario(text, "s.yaml")
    except InputError as error:
        return [str(problem) for problem in error.problems]


TOLD = {
    "an unknown device hides nothing else": (
        """\
title: T
device: benchh
treatment: {hold_s: 3 s, target_c: 60}
sed: 2
faults:
  - {at: 3 parsecs, kind: pump_stoped}
""",
        """\
s.yaml:2: device: 'benchh' is no device profile; did you mean 'bench'?
s.yaml:3: treatment.hold_s: '3 s' is not a number; write a plain number without a unit; the unit is in the field's name
s.yaml:4: sed: is not known here; did you mean 'seed'?
s.yaml:6: faults[0].at: '3 parsecs' is not a moment; write `12 s`, `hold + 12 s`, or `hold 2 + 1.5 min`
s.yaml:6: faults[0].kind: 'pump_stoped' is no fault; did you mean 'pump_stopped'? (`rfgen faults` lists them)""",
    ),
    "an unknown key does not hide what is wrong between the parts": (
        BENCH.replace("target_c: 45", "target_c: 149")
        + """\
sed: 2
faults:
  - {at: hold + 10 s, kind: thermocouple_open, channel: 7}
  - {at: ramp 2, kind: emergency_stop}
operator: [{at: 0.5, do: start}, {at: check 2, do: stop}]
""",
        """\
s.yaml:3: treatment.target_c: 149 is outside what bench allows; 42 to 85 C
s.yaml:5: sed: is not known here; did you mean 'seed'?
s.yaml:7: faults[0].at: 'hold + 10 s' is long after that hold; it lasts 3 s
s.yaml:7: faults[0].channel: 7 is no channel; bench has channels 0 to 2
s.yaml:8: faults[1].at: 'ramp 2' never comes; the treatment has 1 step(s)
s.yaml:9: operator[1].at: 'check 2' never comes; the operator starts 1 time(s)""",
    ),
    "both bounds are told": (
        BENCH + "max_time_s: 0\nseed: -1\n",
        """\
s.yaml:5: max_time_s: 0 is out of range; it must be above 0 and at most 36000
s.yaml:6: seed: -1 is out of range; it must be at least 0 and below 9223372036854775808""",
    ),
    "a set-point beside steps": (
        BENCH.replace("hold_s: 3", "steps: [{target_c: 45, hold_s: 3}]"),
        "s.yaml:3: treatment.target_c: stands beside `steps`; move it into a step",
    ),
    "a device that is neither named nor whole": (
        BENCH.replace("bench\n", "{profil: bench}\n"),
        "s.yaml:2: device: names no profile; add `profile: NAME` to override one, or give the device in full",
    ),
    "limits out of order, one of them the device's": (
        BENCH.replace("hold_s: 3", "hold_s: 3, limits: {z_low_ohm: 400, z_high_ohm: 60}"),
        "s.yaml:3: treatment.limits.z_low_ohm: 400 is not below z_high_ohm, 60 ohm; give one below z_high_ohm",
    ),
    "one limit in two places": (
        BENCH.replace("hold_s: 3", "hold_s: 3, ramp_timeout_s: 20, limits: {ramp_timeout_s: 30}"),
        "s.yaml:3: treatment.limits.ramp_timeout_s: 30 stands in treatment.ramp_timeout_s too; keep one",
    ),
    "a target smaller than the electrode": (
        BENCH.replace("{wall", "{target_radius_mm: 0.1, wall"),
        "s.yaml:4: plant.target_radius_mm: 0.1 is inside the electrode; it must be above 1.45 mm",
    ),
    "ranges of one, of three and of none": (
        BENCH + "expect: {bounds: {a: [1], b: [1, 2, 3], c: 4, d: [.nan, 1], e: [2, 1]}}\n",
        """\
s.yaml:5: expect.bounds.a: has 1 entries; it needs at least 2
s.yaml:5: expect.bounds.b: has 3 entries; at most 2
s.yaml:5: expect.bounds.c: 4 is not a list; give a list
s.yaml:5: expect.bounds.d[0]: nan is not finite; give a finite number""",
    ),
    "a figure without a source, and a source without a figure": (
        BENCH.replace("device: bench", "device: {profile: bench, sources: {stage.gain: g}}"),
        "s.yaml:2: device.sources.stage.gain: 'g' names no figure of this profile; did you mean 'stage.efficiency'?",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_errors_are_told_together(name: str) -> None:
    text, told = TOLD[name]
    assert errors(text) == told


def test_the_base_is_sound() -> None:
    assert parse_scenario(BENCH, "s.yaml").device.max_target_c == 85.0


# --- bounded ---------------------------------------------------------------------------------------------------------

MANY = 9000
FLOODS = {
    "unknown keys": BENCH + "".join(f"k{i}: 1\n" for i in range(MANY)),
    "unknown limits": BENCH.replace("bench\n", "\n  profile: bench\n  limits:\n").replace(
        "treatment", "".join(f"    k{i}: 4\n" for i in range(MANY)) + "treatment"
    ),
    "unknown sources": BENCH.replace("bench\n", "\n  profile: bench\n  sources:\n").replace(
        "treatment", "".join(f"    k{i}: a\n" for i in range(MANY)) + "treatment"
    ),
    "unknown interlocks": BENCH + "expect:\n  tripped:\n" + "".join(f"    - k{i}\n" for i in range(MANY)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_errors_is_told_in_part_and_soon(name: str) -> None:
    began = time.perf_counter()
    told = errors(FLOODS[name]).splitlines()
    # 0.5 s here; the quadratic way took 11 s
    assert time.perf_counter() - began < 5.0
    assert len(told) == 101
    assert told[-1] == "s.yaml: has more problems than are told here; mend these first"


# --- any input at all ------------------------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(resolved_yaml(load_scenario("vertebra-metastasis")).splitlines()), max_size=60).map(
        "\n".join
    ),
)


@given(TEXTS)
@settings(deadline=None, max_examples=150)
def test_any_text_is_a_scenario_or_an_input_error(text: str) -> None:
    assert read(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(Scenario.model_fields)), JSON)
@settings(deadline=None, max_examples=200)
def test_any_value_under_any_key_is_a_scenario_or_an_input_error(key: str, value: object) -> None:
    tree = yaml.safe_load(BENCH)
    tree[key] = value
    assert read(yaml.safe_dump(tree))


# --- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", scenario_names())
def test_a_resolved_scenario_reads_back_to_an_equal_one(name: str) -> None:
    """Its device included, sources and all."""
    scenario = load_scenario(name)
    text = resolved_yaml(scenario)
    again = parse_scenario(text, "again.yaml")
    assert again == scenario
    assert resolved_yaml(again) == text


@given(
    title=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Cn", "Co"]), min_size=1, max_size=200
    )
    | st.sampled_from(
        ["1e5", "-1E5", "07", "~", "yes", "null", ".5", "5.", "1_0", "1:30", "<<", "=", "2026-01-01", " a ", "# a"]
    ),
    at=st.floats(0.0, 3600.0),
    lasting=st.floats(1e-6, 100.0),
    size=st.floats(-100.0, 100.0),
    scale=st.floats(0.05, 20.0),
)
@settings(deadline=None, max_examples=100)
def test_any_figures_read_back(title: str, at: float, lasting: float, size: float, scale: float) -> None:
    bench = load_scenario("bench-self-test")
    tree = {
        **{name: getattr(bench, name) for name in Scenario.model_fields},
        "title": title,
        "faults": ({"at": at, "kind": "thermocouple_offset", "for": lasting, "channel": 0, "size": size},),
        "plant": bench.plant.model_copy(update={"conductivity_scale": scale}),
    }
    scenario = Scenario.model_validate(tree)
    assert parse_scenario(resolved_yaml(scenario), "again.yaml") == scenario


def test_a_pump_can_be_taken_away_with_its_sources() -> None:
    scenario = parse_scenario(
        "title: T\n"
        "device: {profile: osteocool-like, pump: null, electrode: {cooled: false}, fitted: []}\n"
        "treatment: {target_c: 60, hold_s: 3}\n"
        "plant: {wall: {distance_mm: 15}}\n",
        "s.yaml",
    )
    assert scenario.device.pump is None
    assert not any(path.startswith("pump") for path in scenario.device.sources)
    assert scenario.device.sources["electrode.cooled"] == "this scenario"
    assert parse_scenario(resolved_yaml(scenario), "again.yaml") == scenario


@pytest.mark.parametrize("name", device_names())
def test_every_figure_of_a_profile_has_a_source(name: str) -> None:
    """Those that the file leaves to the defaults too."""
    profile = load_device(name)
    for leaf in leaves(profile):
        parts = leaf.split(".")
        named = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        assert any(profile.sources.get(path) for path in named), leaf


def test_a_profile_cannot_leave_a_figure_without_source() -> None:
    tree = load_device("bench").model_dump(mode="json", exclude_none=True)
    for path in [path for path in tree["sources"] if path.split(".")[0] == "stage"]:
        del tree["sources"][path]
    with pytest.raises(ValueError, match=r"stage\.max_power_w has no source.*stage\.slew_w_s has no source"):
        DeviceProfile.model_validate(tree)


# --- moments ---------------------------------------------------------------------------------------------------------

MOMENTS = st.builds(
    lambda anchor, number, unit: f"{anchor} + {number}{unit}" if anchor else f"{number}{unit}",
    st.sampled_from(["", "hold", "ramp 2", "cutoff", "check", "impedance_check 3", "idle"]),
    st.decimals(0, 999_999, places=3).map(str),
    st.sampled_from(["", " s", "s", " ms", "ms", " min", "min"]),
)


@given(MOMENTS)
@settings(deadline=None)
def test_a_moment_reads_back(text: str) -> None:
    moment = When.parse(text)
    assert When.parse(str(moment)) == moment
    assert moment.offset_s >= 0.0


@given(st.floats() | st.integers())
@settings(deadline=None)
def test_a_number_of_seconds_reads_back_or_is_refused(seconds: float) -> None:
    try:
        moment = When.parse(seconds)
    except ValueError:
        assert not 0 <= seconds < 999_999_999.9
    else:
        assert When.parse(str(moment)) == moment
        assert abs(moment.offset_s - seconds) <= 1e-6


@pytest.mark.parametrize(
    ("text", "seconds"), [("2 s", 2.0), ("200 ms", 0.2), ("1.5 min", 90.0), ("0.2 min", 12.0), (3, 3.0), (0.25, 0.25)]
)
def test_a_duration(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-3 s",
        "hold - 3 s",
        "hold + -3 s",
        "hold 3 s",
        "hold 0 + 1 s",
        "3 h",
        "1e3 s",
        "later + 1 s",
        "+ 1 s",
        "hold + ",
        True,
        None,
        [1],
    ],
)
def test_no_moment(text: object) -> None:
    with pytest.raises(ValueError, match=r"is no|is not|must be|is counted from no state|counts entries"):
        When.parse(text)


# --- restated elsewhere, held equal ----------------------------------------------------------------------------------


def test_the_tissues_are_the_simulation_s() -> None:
    assert set(known_tissues()) == set(TISSUES)


@given(
    kind=st.sampled_from([*FAULTS, *LINE_FAULTS, *HOST_FAULTS, "no_such_fault"]),
    channel=st.none() | st.integers(0, 7),
    size=st.none() | st.floats(-200.0, 200.0) | st.sampled_from([0.0, 1.0, 1e5, 36000.0]),
)
@settings(deadline=None, max_examples=400)
def test_a_fault_on_the_time_line_is_one_that_can_be_put(kind: str, channel: int | None, size: float | None) -> None:
    """What a scenario accepts, the bench or the line accepts too, and the other way round."""
    given_keys = [("channel", channel), ("size", size)]
    text = f"at: 1 s\nkind: {kind}\n" + "".join(f"{key}: {value!r}\n" for key, value in given_keys if value is not None)
    accepted = part(FaultLine, compose(text, "f.yaml")[0]) is not None
    try:
        if kind in LINE_FAULTS:
            possible = channel is None and LineFault(kind, size) is not None
        elif kind in HOST_FAULTS:
            possible = channel is None and size is None
        else:
            possible = Fault(kind, channel, size) is not None
    except ValueError:
        possible = False
    assert accepted == possible
