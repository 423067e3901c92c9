"""From what a pydantic model refuses to problems at the exact line: which file, line, field, value, and what would
be right."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from rfgen.yamlsource import MAX_PROBLEMS, InputError, Node, PathPart, Problem, Refusal, dotted, shown, suggestion

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


def problems_of(
    error: ValidationError, model: type[BaseModel], node: Node, at: Sequence[PathPart] = ()
) -> list[Problem]:
    """Every refusal, each once, in the order of the file; of a great many the first `MAX_PROBLEMS`."""
    found: dict[tuple[str, str], Problem] = {}
    told = (p for detail in error.errors(include_url=False) for p in _problems(detail, model, node, tuple(at)))
    for problem in islice(told, MAX_PROBLEMS):
        found.setdefault((problem.field, problem.message), problem)
    return sorted(found.values(), key=lambda p: (p.file != node.file, p.file, p.line or 0, p.column or 0))


def _problems(
    detail: Mapping[str, Any], model: type[BaseModel], node: Node, at: tuple[PathPart, ...]
) -> Iterator[Problem]:
    path = _path_in(node, detail["loc"])
    inner = detail.get("ctx", {}).get("error")
    if isinstance(inner, Refusal):
        for fault in inner.faults:
            problem = _at(node, (*path, *fault.path), at, fault.message, fault.remedy)
            # of a whole mapping or list the message itself says what is wrong
            yield problem._replace(value="") if problem.value in ("a mapping", "a list") else problem
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
        yield _at(node, path, at, "is missing", "add it")
    else:
        message, remedy = _told(kind, detail)
        yield _at(node, path, at, message, remedy)


def _entries(node: Node, path: Sequence[PathPart]) -> int:
    """How many entries the file itself has at a path."""
    value: Any = node.plain()
    for part in path:
        value = value[part]
    return len(value) if isinstance(value, list) else 0


def _path_in(node: Node, loc: Sequence[Any]) -> tuple[PathPart, ...]:
    """The parts of a location that are keys and places of the file; the names of types in between are left out."""
    path: list[PathPart] = []
    here: Node | None = node
    for place, part in enumerate(loc):
        last = place == len(loc) - 1
        value = here.value if here is not None else None
        below: Node | None = None
        if isinstance(part, int) and isinstance(value, list) and part < len(value):
            below = value[part]
        elif isinstance(part, str) and isinstance(value, dict):
            below = value.get(part)
        if below is not None:
            path.append(part)
            here = below
        elif last and isinstance(part, str) and isinstance(value, dict) and re.fullmatch(r"[a-z_0-9]+", part):
            path.append(part)  # a key that is missing
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
    for part in path if parent is None else parent:
        value = here.value
        if isinstance(part, int) and isinstance(value, list) and part < len(value):
            if not here.folded:
                shown_path.append(part)
            here = value[part]
        elif isinstance(part, str) and isinstance(value, dict) and part in value:
            # a list that the file does not write is not shown either
            if not value[part].folded:
                shown_path.append(part)
            here = value[part]
        else:
            whole = False
            shown_path.append(part)
    if key is not None:
        return here.problem(dotted([*shown_path, key]), message, remedy, key=key)
    file, line, column = here.place
    return Problem(file, line, column, dotted(shown_path), shown(here) if whole and path else "", message, remedy)


def _told(kind: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    """(what is wrong, what would be right)."""
    ctx = detail.get("ctx", {})
    value = detail.get("input")
    bounds = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    if kind in bounds:
        name = bounds[kind]
        return "is out of range", f"it must be {words[name]} {ctx[name]:g}"
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
    if kind in ("too_short", "too_long"):
        least, most = ctx.get("min_length"), ctx.get("max_length")
        return f"has {ctx.get('actual_length')} entries", f"it needs at least {least}" if least else f"at most {most}"
    if kind == "string_too_long":
        return "is too long", f"at most {ctx['max_length']} characters"
    if kind == "string_too_short":
        return "is too short", f"at least {ctx['min_length']} characters"
    if kind == "string_pattern_mismatch":
        return "is not a fit text", str(detail["msg"])
    if kind == "value_error":
        said, _, remedy = str(ctx.get("error", detail["msg"])).partition("; ")
        return said, remedy
    return str(detail["msg"]), ""


def _keys_of(model: type[BaseModel], path: Sequence[PathPart]) -> list[str]:
    """The keys known at a path of a model; none where any key may stand."""
    here: Any = model
    for part in path:
        here = _inner(here, part)
        if here is None:
            return []
    here = _models_in(here)
    if here is None:
        return []
    also = here.also_known if issubclass(here, Strict) else ()
    return [*(field.alias or name for name, field in here.model_fields.items()), *also]


def _inner(annotation: Any, part: PathPart) -> Any:
    """The annotation one step further down."""
    model = _models_in(annotation) if isinstance(part, str) else None
    if model is not None:
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    for candidate in _unfolded(annotation):
        origin, args = get_origin(candidate), get_args(candidate)
        if isinstance(part, int) and origin in (tuple, list) and args:
            return args[0]
        if isinstance(part, str) and origin is dict and len(args) == 2:
            return args[1]
    return None


def _models_in(annotation: Any) -> type[BaseModel] | None:
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
