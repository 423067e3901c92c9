"""From what a pydantic model refuses to problems at the exact line.

Each says which file, line, field and value, what is wrong, and what would be right.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from rfgen.problems import (
    A_LIST,
    A_MAPPING,
    MAX_PROBLEMS,
    Fault,
    InputError,
    PathPart,
    Problem,
    Refusal,
    dotted,
    shown,
    suggestion,
)
from rfgen.yamlsource import Node

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """What every model of an input is: strict types, no unknown keys, frozen, finite numbers."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, protected_namespaces=()
    )
    also_known: ClassVar[tuple[str, ...]] = ()
    """Keys that a file may give here although the model holds them elsewhere; for the remedies told."""


def as_tuple(value: object) -> object:
    """A YAML list as the tuple that a frozen model holds."""
    return tuple(value) if isinstance(value, list) else value


def validate(model: type[Model], node: Node, at: Sequence[PathPart] = ()) -> Model:
    """`node` as an instance of `model`. `at`: where the node stands, for the paths told.

    Raises InputError with every problem at its own field.
    """
    if not isinstance(node.value, dict):
        raise InputError([node.problem(dotted(at), "is not a mapping", "give keys and values")])
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        raise InputError(problems_of(error, model, node, at)) from None


def part(model: type[Model], node: Node | None) -> Model | None:
    """`node` as an instance of `model`, or None where it is none: what can be checked though another part is wrong."""
    if node is None or not isinstance(node.value, dict):
        return None
    try:
        return model.model_validate(node.plain())
    except ValidationError:
        return None


def problems_of(
    error: ValidationError, model: type[BaseModel], node: Node, at: Sequence[PathPart] = ()
) -> list[Problem]:
    """Every refusal, one a field, in the order of the file; at most one more than may be told at once."""
    # a model's own refusals may be several at one field; pydantic's are one thing said for each type allowed
    found: dict[tuple[str, str], Problem] = {}
    details = error.errors(include_url=False)
    told = ((d, problem) for d in details for problem in _problems(d, model, node, tuple(at)))
    for detail, problem in islice(told, MAX_PROBLEMS + 1):
        found.setdefault((problem.field, problem.message if _refusal(detail) else ""), problem)
    return in_file_order(found.values(), node.file)


def in_file_order(problems: Iterable[Problem], file: str) -> list[Problem]:
    """Those of the file itself first, each file's by line; what concerns no line, last."""
    return sorted(problems, key=lambda p: (p.file != file, p.file, p.line is None, p.line or 0, p.column or 0))


def problem_at(node: Node, fault: Fault, at: Sequence[PathPart] = ()) -> Problem:
    """A fault at its place in the file."""
    problem = _at(node, fault.path, tuple(at), fault.message, fault.remedy)
    # "a mapping has no source for it" says less than "has no source for it"
    return problem._replace(value="") if problem.value in (A_MAPPING, A_LIST) else problem


def in_words(error: ValidationError) -> list[str]:
    """Every refusal of what stands in no file by itself, a line each, in the words in which a file's are told."""
    said = []
    for detail in error.errors(include_url=False):
        refusal = _refusal(detail)
        if refusal is not None:
            faults: Iterable[Fault] = refusal.faults
        else:
            message, remedy = ("is missing", "") if detail["type"] == "missing" else _told(detail["type"], detail, None)
            value = shown(detail["input"])
            found = message if value in (A_MAPPING, A_LIST) or detail["type"] == "missing" else f"{value} {message}"
            faults = [Fault(detail["loc"], found, remedy)]
        for fault in faults:
            line = " ".join(part for part in (dotted(fault.path), fault.message) if part)
            said.append(f"{line}: {fault.remedy}" if fault.remedy else line)
    return said


def _refusal(detail: Mapping[str, Any]) -> Refusal | None:
    error = detail.get("ctx", {}).get("error")
    return error if isinstance(error, Refusal) else None


def _problems(
    detail: Mapping[str, Any], model: type[BaseModel], node: Node, at: tuple[PathPart, ...]
) -> Iterator[Problem]:
    path = _path_in(node, detail["loc"])
    refusal = _refusal(detail)
    if refusal is not None:
        for fault in refusal.faults:
            yield problem_at(node, fault._replace(path=(*path, *fault.path)), at)
        return
    kind = detail["type"]
    if kind == "too_short" and detail.get("ctx", {}).get("actual_length") == 0 and _entries(node, path):
        return  # its entries were refused, and told by themselves
    if kind == "extra_forbidden":
        parent, key = path[:-1], str(path[-1])
        known = _keys_of(model, parent)
        remedy = suggestion(key, known, "known here:") if known else "remove it"
        yield _at(node, path, at, "is not known here", remedy, key=key, parent=parent)
    elif kind == "missing":
        # an entry that a list of fixed length lacks is told of the list
        if isinstance(detail["loc"][-1], int):
            fault = Fault(path, f"has {_entries(node, path)} entries", f"it needs at least {detail['loc'][-1] + 1}")
            yield problem_at(node, fault, at)
        else:
            yield _at(node, path, at, "is missing", "add it")
    elif kind in ("too_short", "too_long"):
        ctx = detail["ctx"]
        remedy = f"it needs at least {ctx['min_length']}" if kind == "too_short" else f"at most {ctx['max_length']}"
        yield problem_at(node, Fault(path, f"has {ctx['actual_length']} entries", remedy), at)
    else:
        message, remedy = _told(kind, detail, _field(model, path))
        yield _at(node, path, at, message, remedy)


def _entries(node: Node, path: Sequence[PathPart]) -> int:
    """How many entries the file itself has at a path."""
    here: Node | None = node
    for step in path:
        here = _child(here, step)
    return len(here.value) if here is not None and isinstance(here.value, list) else 0


def _child(node: Node | None, step: PathPart) -> Node | None:
    """The node one step further down; None where the file has none."""
    value = node.value if node is not None else None
    if isinstance(step, int) and isinstance(value, list) and step < len(value):
        return value[step]
    if isinstance(step, str) and isinstance(value, dict):
        return value.get(step)
    return None


def _path_in(node: Node, loc: Sequence[Any]) -> tuple[PathPart, ...]:
    """The parts of a location that are keys and places of the file; the names of types in between are left out."""
    path: list[PathPart] = []
    here: Node | None = node
    for place, step in enumerate(loc):
        below = _child(here, step)
        if below is not None:
            path.append(step)
            here = below
        elif (
            place == len(loc) - 1
            and isinstance(step, str)
            and here is not None
            and isinstance(here.value, dict)
            and re.fullmatch(r"[a-z_0-9]+", step)
        ):
            path.append(step)  # a key that is missing
    return tuple(path)


def _at(
    node: Node,
    path: tuple[PathPart, ...],
    at: tuple[PathPart, ...],
    message: str,
    remedy: str,
    *,
    key: str | None = None,
    parent: tuple[PathPart, ...] | None = None,
) -> Problem:
    """A problem at a path: at its value, or as near above it as the file goes; at the key itself where `key` is
    given."""
    here = node
    shown_path: list[PathPart] = list(at)
    whole = True
    for step in path if parent is None else parent:
        below = _child(here, step)
        if below is None:
            whole = False
            shown_path.append(step)
            continue
        # a list that the file does not write is not shown, nor its index
        if not (here.folded if isinstance(step, int) else below.folded):
            shown_path.append(step)
        here = below
    if key is not None:
        return here.problem(dotted([*shown_path, key]), message, remedy, key=key)
    file, line, column = here.place
    return Problem(file, line, column, dotted(shown_path), shown(here.value) if whole and path else "", message, remedy)


BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
BOUND_KINDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}


def _range(kind: str, ctx: Mapping[str, Any], field: FieldInfo | None) -> str:
    """What a number must be: both bounds of its field where it has two."""
    broken = {BOUND_KINDS[kind]: ctx[BOUND_KINDS[kind]]}
    declared = {
        name: getattr(bound, name)
        for bound in (field.metadata if field is not None else ())
        for name in BOUNDS
        if getattr(bound, name, None) is not None
    }
    bounds = declared if broken.items() <= declared.items() else broken
    return " and ".join(f"{BOUNDS[name]} {_number(bounds[name])}" for name in BOUNDS if name in bounds)


def _number(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:.15g}"


def _told(kind: str, detail: Mapping[str, Any], field: FieldInfo | None) -> tuple[str, str]:
    """(what is wrong, what would be right)."""
    ctx = detail.get("ctx", {})
    value = detail.get("input")
    if kind in BOUND_KINDS:
        return "is out of range", f"it must be {_range(kind, ctx, field)}"
    if kind in ("float_type", "float_parsing", "int_type", "int_parsing", "int_from_float"):
        what = "a whole number" if kind.startswith("int") else "a number"
        if isinstance(value, str) and re.match(r"\s*[-+]?\.?[0-9]", value):
            return f"is not {what}", "write a plain number without a unit; the unit is in the field's name"
        return f"is not {what}", f"give {what}"
    if kind == "finite_number":
        return "is not finite", "give a finite number"
    if kind == "bool_type":
        return "is neither true nor false", "write true or false"
    if kind == "string_type":
        return "is not text", "give text; quote it where it looks like a number"
    if kind in ("tuple_type", "list_type"):
        return "is not a list", "give a list"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return "is not a mapping", "give keys and values"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(ctx.get("expected", "")))
        return "is not known", suggestion(str(value), known)
    if kind == "string_too_long":
        return "is too long", f"at most {ctx['max_length']} characters"
    if kind == "string_too_short":
        return "is too short", f"at least {ctx['min_length']} character(s)"
    if kind == "string_pattern_mismatch":
        return "is not spelt as a name", "a small letter first, then small letters, digits and _"
    if kind == "value_error":
        said, _, remedy = str(ctx.get("error", detail["msg"])).partition("; ")
        return said, remedy
    return str(detail["msg"]), ""


def _keys_of(model: type[BaseModel], path: Sequence[PathPart]) -> list[str]:
    """The keys known at a path of a model; none where any key may stand."""
    here: Any = model
    for step in path:
        here = _inner(here, step)
        if here is None:
            return []
    here = _model_in(here)
    if here is None:
        return []
    also = here.also_known if issubclass(here, Strict) else ()
    return [*(field.alias or name for name, field in here.model_fields.items()), *also]


def _field(model: type[BaseModel], path: Sequence[PathPart]) -> FieldInfo | None:
    """The model's field at a path; None where there is none of its own (an entry of a list or mapping)."""
    here: Any = model
    for step in path[:-1]:
        here = _inner(here, step)
    owner = _model_in(here)
    return _named(owner, path[-1]) if owner is not None and path else None


def _named(model: type[BaseModel], key: PathPart) -> FieldInfo | None:
    """The field that a key of the file stands for."""
    return next((field for name, field in model.model_fields.items() if key in (name, field.alias)), None)


def _inner(annotation: Any, step: PathPart) -> Any:
    """The annotation one step further down; None where there is none."""
    model = _model_in(annotation) if isinstance(step, str) else None
    if model is not None:
        field = _named(model, step)
        return None if field is None else field.annotation
    for candidate in _unfolded(annotation):
        origin, args = get_origin(candidate), get_args(candidate)
        if isinstance(step, int) and origin in (tuple, list) and args:
            return args[0]
        if isinstance(step, str) and origin is dict and len(args) == 2:
            return args[1]
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for candidate in _unfolded(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _unfolded(annotation: Any) -> Iterator[Any]:
    """An annotation without Annotated and Union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _unfolded(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for one in get_args(annotation):
            yield from _unfolded(one)
    else:
        yield annotation
