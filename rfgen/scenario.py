"""Scenarios: what is treated, with what, what goes wrong, and what is expected. YAML in, one validated record out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Field, model_validator

from rfgen.crosscheck import Parts, cross_faults
from rfgen.device import WORDS, DeviceProfile, covered, device_node, leaves, names_one_of, plain, resolve_limits_for
from rfgen.fieldparts import PlantKind
from rfgen.problems import MAX_PROBLEMS, InputError, Problem, refuse, suggestion
from rfgen.scenarioparts import (
    START,
    STEP_KEYS,
    Expect,
    FaultLine,
    OperatorLine,
    PlantModel,
    Step,
    TissueModel,
    Treatment,
    WallModel,
    fault_kinds,
    known_tissues,
)
from rfgen.validation import Model, Strict, as_tuple, in_file_order, part, problem_at, validate
from rfgen.yamlsource import Node, compose, read_text, resolve_scalar

MAX_TIME_S = 3600.0


class Scenario(Strict):
    """One treatment to simulate."""

    title: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=4000)
    device: DeviceProfile
    treatment: Treatment
    plant: PlantModel = PlantModel()
    faults: Annotated[tuple[FaultLine, ...], BeforeValidator(as_tuple)] = Field((), max_length=200)
    operator: Annotated[tuple[OperatorLine, ...], BeforeValidator(as_tuple)] = Field((START,), max_length=100)
    expect: Expect | None = None
    seed: int = Field(1, ge=0, lt=2**63)
    max_time_s: float = Field(MAX_TIME_S, gt=0, le=36000)

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        parts = Parts(self.device, self.treatment, self.plant, self.faults, self.operator, self.max_time_s)
        refuse(cross_faults(parts))
        return self

    @property
    def fault_kinds(self) -> tuple[str, ...]:
        """The kinds of fault that its time line puts on: under `faults`, and by the operator."""
        by_hand = (line.fault_on for line in self.operator if line.fault_on is not None)
        return (*(fault.kind for fault in self.faults), *by_hand)


FOLDER = files("rfgen") / "scenarios"
SOURCED_HERE = "this scenario"


@lru_cache(maxsize=1)
def scenario_names() -> tuple[str, ...]:
    """The shipped scenarios."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in FOLDER.iterdir() if p.name.endswith(".yaml")))


def load_scenario(name_or_path: str, device: str | None = None, plant: PlantKind | None = None) -> Scenario:
    """A shipped scenario by its name, or any by its path; `device`: on this profile instead of its own; `plant`: on
    this model of the plant.

    Raises InputError with every problem.
    """
    if name_or_path in scenario_names():
        text = (FOLDER / f"{name_or_path}.yaml").read_text(encoding="utf-8")
        return parse_scenario(text, f"{name_or_path}.yaml", device, plant)
    if not name_or_path.endswith((".yaml", ".yml")) and "/" not in name_or_path:
        remedy = f"{suggestion(name_or_path, scenario_names())} (`rfgen scenarios` lists them)"
        said = "is no shipped scenario, nor a YAML file"
        raise InputError([Problem(name_or_path or "''", None, None, "", "", said, remedy)])
    return parse_scenario(read_text(name_or_path), name_or_path, device, plant)


def parse_scenario(text: str, file: str, device: str | None = None, plant: PlantKind | None = None) -> Scenario:
    """A scenario from its text; `device`: on this profile instead of its own; `plant`: on this model of the plant.

    Raises InputError with every problem, each at its line.
    """
    node, problems = compose(text, file)
    if device is not None and isinstance(node.value, dict):
        node = node.with_key("device", Node(device, *node.key_at.get("device", node.place)))
    if plant is not None:
        node = _on_plant(node, plant)
    asked = node.get("device")
    node, found = _with_step(node)
    problems += found
    no_device: list[Problem] = []
    try:
        node = _with_device(node)
    except InputError as error:
        no_device = error.problems
        node = node.without("device")
    try:
        scenario = validate(Scenario, node)
    except InputError as error:
        noted = {(p.file, p.line, p.column) for p in problems}
        refused = [_at_override(p, node, asked) for p in error.problems]
        # the device was given; why it could not be had is told instead
        refused = [p for p in refused if not (no_device and p.field == "device")]
        problems += [p for p in refused if (p.file, p.line, p.column) not in noted or p.line is None]
        told = {problem.field for problem in problems}
        if isinstance(node.value, dict):
            between = [problem_at(node, fault) for fault in islice(cross_faults(_parts(node)), MAX_PROBLEMS)]
            problems += [problem for problem in between if problem.field not in told]
    if problems or no_device:
        raise InputError(in_file_order([*problems, *no_device], file))
    return scenario


def _on_plant(node: Node, plant: PlantKind) -> Node:
    """With this model of the plant; the network has no use for choices of the field."""
    if not isinstance(node.value, dict):
        return node
    place = node.key_at.get("plant", node.place)
    what = node.get("plant")
    if what is None or what.value is None:
        what = Node({}, *place)
    if isinstance(what.value, dict):
        what = what.with_key("model", Node(plant, *what.place))
        what = what.without("field") if plant == "network" else what
    return node.with_key("plant", what)


def _parts(node: Node) -> Parts:
    """The parts of a scenario, each as far as it is right in itself."""
    return Parts(
        part(DeviceProfile, node.get("device")),
        part(Treatment, node.get("treatment")),
        PlantModel() if node.get("plant") is None else part(PlantModel, node.get("plant")),
        _lines(FaultLine, node.get("faults")),
        [START] if node.get("operator") is None else _lines(OperatorLine, node.get("operator")),
        _number(node.get("max_time_s"), MAX_TIME_S),
    )


def _lines(model: type[Model], node: Node | None) -> Sequence[Model | None]:
    """A time line's entries, None for one that is wrong; of a longer list than is read, the first."""
    if node is None:
        return []
    return [part(model, line) for line in node.value[:MAX_PROBLEMS]] if isinstance(node.value, list) else [None]


def _number(node: Node | None, default: float) -> float | None:
    if node is None:
        return default
    return float(node.value) if isinstance(node.value, (int, float)) and 0 < node.value < 1e9 else None


def _at_override(problem: Problem, node: Node, asked: Node | None) -> Problem:
    """A sound profile that overrides made wrong is told where the overrides stand."""
    if asked is None or not isinstance(asked.value, dict) or problem.file == node.file:
        return problem
    file, line, column = asked.place
    return problem._replace(file=file, line=line, column=column)


def _with_device(node: Node) -> Node:
    """The device's name, or its overrides, replaced by the whole profile. Raises InputError."""
    device = node.get("device")
    if device is None:
        return node
    if isinstance(device.value, str):
        return node.with_key("device", device_node(device.value, device))
    if not isinstance(device.value, dict):
        raise InputError([device.problem("device", "is no device profile", "give a profile's name (`rfgen devices`)")])
    base = device.value.get("profile")
    if base is None:
        if "name" in device.value:
            return node
        remedy = "add `profile: NAME` to override one, or give the device in full"
        raise InputError([device.problem("device", "names no profile", remedy)._replace(value="")])
    if not isinstance(base.value, str):
        raise InputError([base.problem("device.profile", "is not a name", "give a profile's name (`rfgen devices`)")])
    profile = device_node(base.value, base)
    validate(DeviceProfile, profile)  # a profile that is wrong by itself is told in its own file
    return node.with_key("device", _overridden(profile, device.without("profile")))


def _overridden(profile: Node, overrides: Node) -> Node:
    """A profile with some figures set by the scenario, which is their source then."""
    merged = _merged(profile, overrides)
    sources = merged.get("sources")
    if sources is None or not isinstance(sources.value, dict):
        return merged
    own = overrides.get("sources")
    own_paths = own.value if own is not None and isinstance(own.value, dict) else {}
    figures = dict(_leaves(overrides))
    here = Node(SOURCED_HERE, *overrides.place)
    # what the scenario takes away goes with its sources
    gone = {path: "" for path, value in figures.items() if value is None}
    kept = {path: source for path, source in sources.value.items() if path in own_paths or not covered(path, gone)}
    given = {path: here for path, value in figures.items() if value is not None and path not in own_paths}
    return merged.with_key("sources", replace(sources, value={**kept, **given}))


def _merged(base: Node, over: Node) -> Node:
    """Mappings merge key by key; anything else is replaced."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    changed = {
        key: _merged(base.value[key], value) if key in base.value else value for key, value in over.value.items()
    }
    return replace(base, value={**base.value, **changed}, key_at={**base.key_at, **over.key_at})


def _leaves(node: Node, path: str = "") -> Iterator[tuple[str, object]]:
    """Dotted path and value of every figure in a tree; a list counts as one."""
    assert isinstance(node.value, dict)
    for key, value in node.value.items():
        if not path and key in WORDS:
            continue
        if isinstance(value.value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value.value


def _with_step(node: Node) -> tuple[Node, list[Problem]]:
    """A single step that stands in the treatment itself, put into a list."""
    treatment = node.get("treatment")
    if treatment is None or not isinstance(treatment.value, dict):
        return node, []
    given = {key: value for key, value in treatment.value.items() if key in STEP_KEYS}
    if "steps" in treatment.value:
        said = "stands beside `steps`", "move it into a step"
        found = [treatment.problem(f"treatment.{key}", *said, key=key) for key in given]
        return node.with_key("treatment", treatment.without(*given)), found
    step = Node(given, *treatment.place, key_at={k: v for k, v in treatment.key_at.items() if k in given})
    steps = Node([step], *treatment.place, folded=True)
    return node.with_key("treatment", treatment.without(*given).with_key("steps", steps)), []


# --- writing ---------------------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Quotes whatever this project's reader would take for anything but text (`1e5`, which YAML 1.1 has as text)."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(resolve_scalar(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def resolved_yaml(scenario: Scenario) -> str:
    """The scenario in full, its device included: reads back to the same scenario."""
    device = scenario.device
    figures = list(leaves(device))
    sources = {path: source for path, source in device.sources.items() if names_one_of(path, figures)}
    # a profile altered in the program may have figures that its file did not name
    sources |= {leaf: SOURCED_HERE for leaf in figures if not covered(leaf, sources)}
    tree: dict[str, Any] = plain(scenario)
    tree["device"]["sources"] = sources
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


__all__ = [
    "Expect",
    "FaultLine",
    "OperatorLine",
    "PlantModel",
    "Scenario",
    "Step",
    "TissueModel",
    "Treatment",
    "WallModel",
    "fault_kinds",
    "known_tissues",
    "load_scenario",
    "parse_scenario",
    "resolve_limits_for",
    "resolved_yaml",
    "scenario_names",
]
