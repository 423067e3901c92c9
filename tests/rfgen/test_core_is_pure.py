"""The safety core reads no clock, draws nothing at random, and touches nothing outside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rfgen

HERE = Path(rfgen.__file__).parent
CORE = sorted(
    [*(HERE / "safety").glob("*.py"), *(HERE / "control").glob("*.py"), HERE / "generator.py", HERE / "machine.py"]
)
ALLOWED = {"__future__", "collections", "copy", "dataclasses", "enum", "math", "typing", "transitions", "hal", "rfgen"}
MEMO = {"compile": {"functools"}, "expr": {"functools"}}
"""The rows' text is compiled once, and looked through once: the same text gives the same functions and names, and they
have no state."""
MARKS = {"mypy_extensions"}
"""Marks for the compiler of `make fast`; they do nothing."""
CALLS = {"open", "print", "input", "eval", "globals", "setattr"}


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.stem)
def test_the_firmware_imports_no_clock_no_chance_and_no_io(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in ALLOWED | MARKS | MEMO.get(path.stem, set()), name
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in CALLS or (node.func.id == "setattr" and path.stem == "generator"), node.func.id
        assert not isinstance(node, ast.Global)


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.stem)
def test_no_file_of_the_firmware_holds_mutable_state_of_its_own(path: Path) -> None:
    """Module level: constants, classes and functions alone."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            value = node.value
            assert not isinstance(value, (ast.List, ast.Set, ast.ListComp)), ast.unparse(node)
