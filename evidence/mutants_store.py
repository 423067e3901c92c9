"""Remembers which mutants are dead, so that a run repeats only those that something has changed for.

A death is remembered with a key, and counts as long as the key is the same. The key is a digest of

* the whole text of the changed file, with the change in;
* the test that killed it: its text and that of its file, but for other tests that nothing else there names;
* every file of this repository that the test's file imports, directly or not, and the `conftest.py` above it;
* where one of those reads files: all that are no code (profiles, scenarios) in its top folder;
* the programs that put in and judge mutants, pytest's settings, and the versions of Python, pytest, Hypothesis and
  numpy.

So it is repeated where anything changed that the death could depend on, and never taken from a run in which another
test killed it. Survivors, those that ran out of time, and broken runs are not remembered.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from evidence.mutants_make import Mutant
from evidence.mutants_run import ROOT, Outcome

FILE = ROOT / "build" / "mutants.jsonl"
REMEMBERED = ("killed", "raised", "stillborn")
HARNESS = ("mutants_run.py", "mutants_warm.py")
READS = re.compile(r"(?<!def )\bopen\(|\.read_(text|bytes)\(|\bresources\b|\bPath\(")


def _digest(*parts: str | bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        found = part.encode() if isinstance(part, str) else part
        whole.update(len(found).to_bytes(8, "big") + found)
    return whole.hexdigest()


@cache
def ground() -> str:
    """Of what every run depends on."""
    parts: list[str | bytes] = [sys.version, *(version(name) for name in ("pytest", "hypothesis", "numpy"))]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text()).get("tool", {}).get("pytest", {})
    parts += [json.dumps(settings, sort_keys=True), *(_text(ROOT / "evidence" / name) for name in HARNESS)]
    return _digest(*parts)


@cache
def _data(folder: str) -> str:
    """Digest of all files in a top folder that are no code."""
    parts: list[str | bytes] = []
    for file in sorted((ROOT / folder).rglob("*")):
        if file.is_file() and file.suffix not in (".py", ".pyc", ".so") and "__pycache__" not in file.parts:
            parts += [str(file.relative_to(ROOT)), file.read_bytes()]
    return _digest(*parts)


def _files_of(module: str) -> Iterator[Path]:
    """Of a module and of the packages that it is in, where they are of this repository."""
    names = module.split(".")
    for n in range(1, len(names) + 1):
        place = ROOT.joinpath(*names[:n])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                yield file


@cache
def _imports(file: Path) -> frozenset[Path]:
    found: set[Path] = set()
    package = list(file.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level + 1], node.module or ""] if node.level else [])
            stem = (base or node.module or "").strip(".")
            modules = [stem, *(f"{stem}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            found.update(_files_of(module))
    return frozenset(found)


@cache
def needed(file: Path) -> frozenset[Path]:
    """Every file of this repository that a test's file imports, directly or not, itself included."""
    found: set[Path] = set()
    above = [folder / "conftest.py" for folder in file.parents if folder == ROOT or ROOT in folder.parents]
    todo = [file, *(path for path in above if path.is_file())]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += _imports(one)
    return frozenset(found)


@cache
def _text(file: Path) -> bytes:
    return file.read_bytes()


@cache
def without_other_tests(text: str, test: str) -> str:
    """A test file's text, less the tests that neither are this one nor are named in what is left."""
    lines = text.splitlines(keepends=True)
    spans: dict[str, tuple[int, int]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name != test:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            while first > 1 and not lines[first - 2].strip():
                first -= 1  # the blank lines above it go with it
            spans[node.name] = (first, node.end_lineno or node.lineno)
    while True:
        out = {n for first, last in spans.values() for n in range(first, last + 1)}
        left = "".join(line for n, line in enumerate(lines, start=1) if n not in out)
        named = spans.keys() & set(re.findall(r"\w+", left))
        if not named:
            return left
        for name in named:
            del spans[name]


@cache
def _of_test(name: str) -> str:
    """Digest of a test's own text and of everything that its file imports; `name` as pytest writes it."""
    path, _, rest = name.partition("::")
    file = ROOT / path
    parts: list[str | bytes] = []
    for one in sorted(needed(file)):
        name_of = one.relative_to(ROOT)
        parts += [str(name_of), _text(one) if one != file else ""]
        if READS.search(_text(one).decode()):
            parts.append(_data(name_of.parts[0]))
    return _digest(without_other_tests(file.read_text(), rest.split("[")[0]), *parts)


def key(mutant: Mutant, by: str) -> str:
    """Of the death of a mutant by a test; "" where there is no such test file."""
    if not (ROOT / by.partition("::")[0]).is_file():
        return ""
    return _digest(ground(), mutant.path, mutant.applied(_text(ROOT / mutant.path)), _of_test(by), by)


class Store:
    """What is remembered, in build/mutants.jsonl."""

    def __init__(self, file: Path = FILE, fresh: bool = False) -> None:
        self._file = file
        self._known: dict[str, dict[str, str]] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        if fresh or not file.is_file():
            return
        for line in file.read_text().splitlines():
            try:
                entry = json.loads(line)
                self._known[entry["id"]] = entry
            except (ValueError, TypeError, KeyError):
                continue  # a line that was not written to its end: that mutant is run again

    def outcome(self, mutant: Mutant) -> Outcome | None:
        """What became of it, where nothing that it depends on has changed."""
        entry = self._known.get(mutant.id)
        if entry is None or not entry["key"] or entry["key"] != key(mutant, entry["by"]):
            return None
        return Outcome(mutant.id, entry["verdict"], entry["by"], entry["why"], ())

    def add(self, mutant: Mutant, outcome: Outcome) -> None:
        """Remember a death; of anything else, that none is known."""
        found = key(mutant, outcome.by) if outcome.verdict in REMEMBERED else ""
        entry = {"id": mutant.id, "key": found}
        entry |= {"verdict": outcome.verdict, "by": outcome.by, "why": outcome.why}
        with self._file.open("a") as file:
            file.write(json.dumps(entry) + "\n")
