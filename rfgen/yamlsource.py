"""YAML that remembers where everything stands, and errors that say so.

A file becomes a tree of `Node`s, each with its file, line and column. Only plain types come out: mapping, sequence,
text, number, true/false, null. What could be read in two ways is refused rather than guessed: duplicate keys, tags,
merge keys, octal and sexagesimal numbers. Size, depth and number of nodes are bounded, aliases counted as what they
stand for, so a hostile file costs no more than an honest large one.

Not responsible for: what the keys mean. `rfgen.validation` hands the tree to a pydantic model and turns what the model
refuses into `Problem`s at the exact field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from rfgen.problems import (
    MAX_PROBLEMS,
    Fault,
    InputError,
    PathPart,
    Problem,
    Refusal,
    dotted,
    nearest,
    shown,
    suggestion,
)

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
SHALLOW = "no field here is nested as deep"
MAX_NODES = 20_000
"""Of the tree with every alias put in full."""

ScalarValue = str | int | float | bool | None

__all__ = [
    "Fault",
    "InputError",
    "Node",
    "PathPart",
    "Problem",
    "Refusal",
    "compose",
    "decode",
    "dotted",
    "nearest",
    "read_text",
    "shown",
    "suggestion",
]


@dataclass(frozen=True)
class Node:
    """A value and where it stands. `value` is a scalar, a dict of nodes by key, or a list of nodes."""

    value: ScalarValue | dict[str, Node] | list[Node]
    file: str
    line: int
    column: int
    key_at: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    """File, line and column of each key of a mapping."""
    folded: bool = False
    """A list of one that the file does not write as a list; its index is not shown in a path."""

    def plain(self) -> Any:
        """The value without places: dict, list, or scalar."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        """The node under a key; None where there is none, or where this is no mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def with_key(self, key: str, node: Node) -> Node:
        """The same mapping with `key` set to `node`. Only for a mapping."""
        assert isinstance(self.value, dict)
        key_at = {**self.key_at, key: self.key_at.get(key, (node.file, node.line, node.column))}
        return replace(self, value={**self.value, key: node}, key_at=key_at)

    def without(self, *keys: str) -> Node:
        """The same mapping less some keys. Only for a mapping."""
        assert isinstance(self.value, dict)
        return replace(self, value={k: n for k, n in self.value.items() if k not in keys})

    def problem(self, field: str, message: str, remedy: str, *, key: str | None = None) -> Problem:
        """A problem at this node, or at one of its keys."""
        file, line, column = self.key_at.get(key, (self.file, self.line, self.column)) if key else self.place
        return Problem(file, line, column, field, "" if key else shown(self.value), message, remedy)

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line, column."""
        return self.file, self.line, self.column


# --- reading ---------------------------------------------------------------------------------------------------------


def read_text(path: str | Path) -> str:
    """The text of a file. Raises InputError where it is missing, not a file, too large, or not UTF-8 text."""
    path = Path(path)
    file = str(path)

    def refuse(message: str, remedy: str) -> InputError:
        return InputError([Problem(file, None, None, "", "", message, remedy)])

    try:
        if path.is_dir():
            raise refuse("is a folder", "give a YAML file")
        if path.exists() and not path.is_file():
            raise refuse("is not a regular file", "give a YAML file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("there is no such file", _beside(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(f"cannot be read ({reason})", "give a YAML file that can be read") from None
    return decode(data, file)


def _beside(path: Path) -> str:
    """What stands beside a missing file under a like name."""
    try:
        names = [entry.name for entry in path.parent.iterdir()][:1000]
    except (OSError, ValueError):
        return "give the path of a YAML file"
    close = nearest(path.name, names)
    return f"did you mean {close!r}?" if close else "give the path of a YAML file"


def decode(data: bytes, file: str) -> str:
    """Bytes as UTF-8 text. Raises InputError for what is too large or not text."""
    if len(data) > MAX_BYTES:
        raise InputError([Problem(file, None, None, "", "", f"is over {MAX_BYTES} bytes", "give a smaller YAML file")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text (byte {error.start} is 0x{data[error.start]:02x})"
        raise InputError([Problem(file, line, None, "", "", message, "save it as UTF-8")]) from None
    return text


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})", re.ASCII)
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]{0,39})(\.[0-9]{0,60})?|\.[0-9]{1,60})([eE][-+]?[0-9]{1,5})?", re.ASCII)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing: control characters, and what reverses the order of reading."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_FINITE = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


def resolve_scalar(text: str) -> ScalarValue:
    """What an unquoted scalar means. Numbers are decimal alone: `010`, `0x1F`, `1_000` and `1:30`, which readers of
    YAML take for different numbers, stay text, and a field that wants a number refuses them. Dates stay text."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(_NOT_FINITE[text.lower()]) if text.lower() in _NOT_FINITE else text


def compose(text: str, file: str) -> tuple[Node, list[Problem]]:
    """The tree of one document, and what is wrong with it short of being unreadable (duplicate keys, tags).

    Raises InputError where no tree can be made: not YAML, empty, more than one document, past a limit.
    """
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise InputError([Problem(file, None, None, "", "", "is not UTF-8 text", "save it as UTF-8")]) from None
    if size > MAX_BYTES:
        raise InputError([Problem(file, None, None, "", "", f"is over {MAX_BYTES} bytes", "give a smaller YAML file")])
    composer = _Composer(file)
    # libyaml's parser where it is built in: fifty times faster, the same events
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = composer.document(yaml.parse(text.removeprefix("\ufeff"), Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
        said = " ".join((error.problem or error.context or "").split())
        if "nesting depth" in said:  # libyaml's own bound, where one is built in, comes before ours
            deep = Problem(file, line, column, "", "", f"is nested more than {MAX_DEPTH} deep", SHALLOW)
            raise InputError([deep]) from None
        remedy = "indent with spaces, not tabs" if "start any token" in said else "look at this line and the one before"
        raise InputError([Problem(file, line, column, "", "", f"is not valid YAML: {said}", remedy)]) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        said = " ".join(str(getattr(error, "reason", error)).split())
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) and position >= 0 else None
        raise InputError([Problem(file, line, None, "", "", f"is not text: {said}", "give a YAML file")]) from None
    return node, composer.problems


def is_plain(event: Any) -> bool:
    """A scalar without quotes: PyYAML's own parser says so with None, libyaml's with an empty text."""
    return not event.style


@dataclass
class _Open:
    """A collection whose end has not come yet."""

    place: tuple[int, int]
    anchor: str | None
    items: list[Node] | dict[str, Node]
    key: tuple[str, int, int] | None = None
    """The key that waits for its value."""
    key_at: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    size: int = 1


class _Composer:
    """Makes the tree from the parser's events, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.opening: set[str] = set()
        self.nodes = 0
        self.root: Node | None = None

    def stop(self, event: Any, message: str, remedy: str) -> InputError:
        mark = event.start_mark
        problem = Problem(self.file, mark.line + 1, mark.column + 1, "", "", message, remedy)
        return InputError([*self.problems[:MAX_PROBLEMS], problem])

    def note(self, event: Any, field: str, message: str, remedy: str) -> None:
        mark = event.start_mark
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, field, "", message, remedy))

    def document(self, events: Iterator[Any]) -> Node:
        """The whole file's one tree."""
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                raise self.stop(event, "a second document begins here", "one document a file: remove the '---'")
            if isinstance(event, yaml.NodeEvent):
                self.node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.close()
        if self.root is None or self.root.value is None:
            raise InputError([Problem(self.file, None, None, "", "", "is empty", "give a mapping of keys and values")])
        return self.root

    def path(self) -> str:
        """Where the node now being read stands."""
        parts: list[PathPart] = []
        for level in self.stack:
            parts.append(len(level.items) if isinstance(level.items, list) else level.key[0] if level.key else "")
        return dotted([p for p in parts if p != ""])

    def node(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.alias(event)
            return
        self.count(event, 1)
        if event.tag is not None:
            message = f"tag {shown(event.tag)} is not used here"
            self.note(event, self.path(), message, "remove it; quote a value that should be text")
        if isinstance(event, yaml.ScalarEvent) and (unseen := _UNSEEN.search(event.value)):
            message = f"holds the control character U+{ord(unseen[0]):04X}"
            self.note(event, self.path(), message, "write plain text")
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.ScalarEvent):
            if _SURROGATE.search(event.value):
                # PyYAML's own parser lets an escape stand for half a character; libyaml refuses it
                raise self.stop(
                    event, "holds half a character (an escape \\uD800 to \\uDFFF)", "write the character out"
                )
            if self.wants_key():
                self.take_key(event)
                return
            value = resolve_scalar(event.value) if is_plain(event) else event.value
            self.add(Node(value, self.file, *place), 1, event.anchor)
            return
        if self.wants_key():
            raise self.stop(event, "a mapping or list stands where a key should", "keys are plain words")
        if len(self.stack) >= MAX_DEPTH:
            raise self.stop(event, f"is nested more than {MAX_DEPTH} deep", SHALLOW)
        if event.anchor is not None:
            self.opening.add(event.anchor)
        items: list[Node] | dict[str, Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(place, event.anchor, items))

    def count(self, event: Any, size: int) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise self.stop(
                event, f"holds more than {MAX_NODES} values", "make it smaller; an alias counts as all it stands for"
            )

    def alias(self, event: Any) -> None:
        if event.anchor in self.opening:
            raise self.stop(event, f"*{event.anchor} stands inside what it refers to", "write the value out")
        if event.anchor not in self.anchors:
            raise self.stop(event, f"*{event.anchor} refers to nothing", f"put &{event.anchor} before what it means")
        if self.wants_key():
            raise self.stop(event, "an alias stands where a key should", "keys are plain words")
        node, size = self.anchors[event.anchor]
        self.count(event, size)
        # errors inside are told where the value is written, which is where it has to be mended
        self.add(node, size, None)

    def wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].items, dict) and self.stack[-1].key is None

    def take_key(self, event: Any) -> None:
        top = self.stack[-1]
        top.key = (event.value, event.start_mark.line + 1, event.start_mark.column + 1)
        if event.value == "<<" and is_plain(event):
            self.note(event, self.path(), "merge keys are not used here", "write the keys out")
        elif event.value in top.key_at:
            message = f"is given twice (first on line {top.key_at[event.value][1]})"
            self.note(event, self.path(), message, "keep one")

    def add(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.size += size
        if isinstance(top.items, list):
            top.items.append(node)
            return
        assert top.key is not None
        key, line, column = top.key
        if key not in top.items:
            top.items[key] = node
            top.key_at[key] = (self.file, line, column)
        top.key = None

    def close(self) -> None:
        done = self.stack.pop()
        if done.anchor is not None:
            self.opening.discard(done.anchor)
        self.add(Node(done.items, self.file, *done.place, key_at=done.key_at), done.size, done.anchor)
