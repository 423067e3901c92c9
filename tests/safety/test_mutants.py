"""Slices of `make mutants` and `make seeded`, each in a process of its own: what is put in must be found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence import mutants_store, seeded
from evidence.mutants import EXCUSED, every_mutant, excuses, fits, main
from evidence.mutants_make import Mutant, mutants_of
from evidence.mutants_run import Outcome
from evidence.mutants_store import Store, key, needed, without_other_tests
from evidence.mutants_warm import code_in, place_of

ROOT = Path(__file__).resolve().parents[2]


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of evidence/."""
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def test_a_slice_of_the_mutants_dies() -> None:
    done = ran("evidence.mutants", "--file", "permit", "--file", "machine", "--slice", "2/5", "-j", "1", "--fresh")
    assert done.returncode == 0, done.stdout + done.stderr
    count = re.search(r"^all +(\d+) +(\d+) +(\d+) +(\d+) +0 +\1 +\d+$", done.stdout, re.MULTILINE)
    assert count is not None, done.stdout
    assert int(count[1]) >= 14
    assert int(count[2]) >= 10
    assert "the unmutated code passes" in done.stdout


def test_a_slice_of_the_seeded_bugs_is_found() -> None:
    done = ran("evidence.seeded", "--quick", "-j", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of 5 found" in done.stdout


def test_mutants_are_made_of_every_file_of_the_safety_core() -> None:
    every = every_mutant()
    assert len({mutant.id for mutant in every}) == len(every) >= 2800
    files = {mutant.path for mutant in every}
    core = {f"rfgen/safety/{path.name}" for path in (ROOT / "rfgen" / "safety").glob("*.py")}
    assert files == core - {"rfgen/safety/__init__.py"} | {"rfgen/machine.py", "rfgen/generator.py"}


def test_a_mutant_differs_and_compiles(tmp_path: Path) -> None:
    file = tmp_path / "permit.py"
    file.write_bytes((ROOT / "rfgen" / "safety" / "permit.py").read_bytes())
    for mutant in mutants_of(file, tmp_path):
        changed = mutant.applied(file.read_bytes())
        assert changed != file.read_bytes(), mutant.id
        compile(changed, mutant.id, "exec")


def test_every_excuse_fits_a_mutant_and_has_a_reason() -> None:
    every = [mutant.id for mutant in every_mutant()]
    for excuse in excuses():
        assert any(fits(excuse, mutant_id) for mutant_id in every), f"{EXCUSED.name}: {excuse.mutant} fits no mutant"
        assert len(excuse.reason) > 10


def test_a_slice_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("3", "0/4", "5/4", "a/b"):
        with pytest.raises(SystemExit) as ended:
            main(["--slice", given])
        assert ended.value.code == 2
    assert "K is 1 to N" in capsys.readouterr().err


def test_every_seeded_bug_applies_and_is_in_the_table() -> None:
    found = seeded.defects()
    assert len(found) >= 20
    rows = dict(re.findall(r"^\| ([a-z-]+) \| (.*) \|$", seeded.PAGE.read_text(), re.MULTILINE))
    assert rows.keys() - {"defect"} == {defect.name for defect in found}
    for defect in found:
        mutant = defect.mutant()
        changed = mutant.applied((ROOT / defect.file).read_bytes())
        compile(changed, defect.name, "exec")
        cells = [cell.strip() for cell in rows[defect.name].split(" | ")]
        assert cells[0] == defect.what
        assert set(cells[1:6]) <= {"found", "-"}
        assert "found" in cells[1:6], f"{defect.name} is found by no detector"


def test_a_seeded_bug_that_no_longer_applies_is_named() -> None:
    old = seeded.Defect("old", "gone", "rfgen/safety/permit.py", "no such text", "")
    with pytest.raises(ValueError, match=r"old: rfgen/safety/permit\.py has its text 0 times, not once"):
        old.mutant()


def test_an_unknown_defect_is_refused_and_the_known_ones_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        seeded.main(["--defect", "nonsense"])
    assert ended.value.code == 2
    assert "no such defect: nonsense; there are " in capsys.readouterr().err


# --- what is remembered of the dead ---------------------------------------------------------------------------------

TREE = {
    "pyproject.toml": "",
    "evidence/mutants_run.py": "",
    "evidence/mutants_warm.py": "",
    "rfgen/__init__.py": "",
    "rfgen/core.py": "from rfgen.part import add\n\ndef twice(x):\n    return add(x, x)\n",
    "rfgen/part.py": "TEXT = open(__file__)\n\ndef add(a, b):\n    return a + b\n",
    "rfgen/other.py": "",
    "rfgen/profile.yaml": "limit: 1\n",
    "sim/tissue.yaml": "limit: 1\n",
    "hal/__init__.py": "",
    "sim/__init__.py": "",
    "tests/conftest.py": "",
    "tests/helper.py": "TWO = 2\n",
    "tests/test_core.py": (
        "from rfgen.core import twice\nfrom tests import helper\n\n"
        "def test_it():\n    assert twice(1) == helper.TWO\n\ndef test_else():\n    pass\n"
    ),
}
KILLER = "tests/test_core.py::test_it[3]"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with one module, what it imports, and its test."""
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(mutants_store, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """As another process would begin."""
    for kept in ("ground", "_imports", "needed", "_text", "_data", "without_other_tests", "_of_test"):
        getattr(mutants_store, kept).cache_clear()


def dead(tree: Path) -> Mutant:
    """A mutant of its one function."""
    start = (tree / "rfgen/core.py").read_text().index("add(x")
    return Mutant("core:twice", "rfgen/core.py", start, start + 3, "max")


@pytest.mark.parametrize(
    ("file", "text", "again"),
    [
        ("rfgen/core.py", TREE["rfgen/core.py"].replace("x)", "x )"), True),
        ("rfgen/part.py", "def add(a, b):\n    return b + a\n", True),
        ("rfgen/other.py", "NEW = 1\n", False),
        ("rfgen/profile.yaml", "limit: 2\n", True),
        ("sim/tissue.yaml", "limit: 2\n", False),
        ("tests/conftest.py", "import math\n", True),
        ("tests/helper.py", "TWO = 2.0\n", True),
        ("tests/test_core.py", TREE["tests/test_core.py"].replace("twice(1)", "twice(True)"), True),
        ("tests/test_core.py", TREE["tests/test_core.py"].replace("pass", "assert True"), False),
        ("tests/test_core.py", TREE["tests/test_core.py"] + "\ndef test_new():\n    pass\n", False),
        ("tests/test_core.py", TREE["tests/test_core.py"] + "\nhelper.TWO = 3\n", True),
        ("evidence/mutants_run.py", "import math\n", True),
        ("pyproject.toml", "[tool.pytest.ini_options]\nxfail_strict = true\n", True),
        ("pyproject.toml", "[project]\nname = 'other'\n", False),
        ("tests/test_core.py", "", True),
    ],
)
def test_a_death_is_remembered_until_something_it_depends_on_changes(
    tree: Path, file: str, text: str, again: bool
) -> None:
    where = tree / "build" / "mutants.jsonl"
    Store(where).add(dead(tree), Outcome("core:twice", "killed", KILLER, "AssertionError", (1.0,)))
    assert Store(where).outcome(dead(tree)) == Outcome("core:twice", "killed", KILLER, "AssertionError", ())
    assert Store(where, fresh=True).outcome(dead(tree)) is None
    (tree / file).write_text(text)
    forget()
    assert (Store(where).outcome(dead(tree)) is None) is again


@pytest.mark.parametrize("verdict", ["survived", "out of time", "broken"])
def test_what_is_no_death_is_not_remembered_and_ends_one(tree: Path, verdict: str) -> None:
    where = tree / "build" / "mutants.jsonl"
    Store(where).add(dead(tree), Outcome("core:twice", "killed", KILLER, "", (1.0,)))
    Store(where).add(dead(tree), Outcome("core:twice", verdict, KILLER, "", (1.0,)))
    with where.open("a") as file:
        file.write('{"id": "core:twi')  # a run that was ended while it wrote
    assert Store(where).outcome(dead(tree)) is None


def test_another_change_at_the_same_place_is_another_mutant(tree: Path) -> None:
    other = Mutant("core:twice", "rfgen/core.py", dead(tree).start, dead(tree).end, "min")
    assert key(dead(tree), KILLER) != key(other, KILLER)
    assert key(dead(tree), "tests/test_core.py::test_else") != key(dead(tree), KILLER)
    assert key(dead(tree), "the harness") == ""


def test_what_a_test_file_needs_is_all_that_it_imports(tree: Path) -> None:
    names = {str(path.relative_to(tree)) for path in needed(tree / "tests" / "test_core.py")}
    assert names == {"rfgen/__init__.py", "rfgen/core.py", "rfgen/part.py", "tests/conftest.py", "tests/helper.py"} | {
        "tests/test_core.py"
    }


def test_a_test_that_is_named_by_what_is_left_is_left_too() -> None:
    text = "def test_a():\n    pass\ndef test_b():\n    test_a()\n@mark\ndef test_c():\n    pass\n"
    assert without_other_tests(text, "test_a") == "def test_a():\n    pass\n"
    assert without_other_tests(text, "test_b") == "def test_a():\n    pass\ndef test_b():\n    test_a()\n"
    assert without_other_tests(text, "test_c") == "@mark\ndef test_c():\n    pass\n"


# --- where a mutant is ----------------------------------------------------------------------------------------------


def test_a_mutant_in_a_function_has_its_place_and_its_code() -> None:
    source = (
        b"class A:\n    @property\n    def f(self, x=1):\n        if x > (\n            2):\n            return 3\n"
        b"        return [4\n            for _ in range(5)]\n"
    )
    module = compile(source, "a.py", "exec")

    def at(text: bytes) -> tuple[object, ...] | None:
        start = source.index(text)
        return place_of(Mutant("", "", start, start + len(text), ""), source)

    assert at(b"1") is None  # what a name begins with is read while the file is imported
    assert at(b"2") == ("A.f", 2, 4, 6)
    assert at(b"3") == ("A.f", 2, 6, 6)
    assert at(b"5") == ("A.f", 2, 7, 8)
    code = code_in(module, "A.f", 2)
    assert code is not None
    assert code.co_name == "f"
    assert code_in(module, "A.g", 2) is None
