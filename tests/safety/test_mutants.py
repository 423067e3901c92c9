"""Slices of `make mutants` and `make seeded`, each in a process of its own: what is put in must be found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from evidence import seeded
from evidence.mutants import EXCUSED, every_mutant, excuses, fits, main
from evidence.mutants_make import mutants_of

ROOT = Path(__file__).resolve().parents[2]


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of evidence/."""
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def test_a_slice_of_the_mutants_dies() -> None:
    done = ran("evidence.mutants", "--file", "permit", "--file", "machine", "--slice", "2/5", "-j", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    count = re.search(r"^all +(\d+) +(\d+) +(\d+) +(\d+) +0$", done.stdout, re.MULTILINE)
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
