"""A slice of fault x state x profile; and a page that holds every cell of it, as many times as it was run."""

from __future__ import annotations

import re

import pytest

from evidence import cells, cells_page
from evidence.campaign_demand import KINDS
from evidence.campaign_off import OUTCOMES, Was
from evidence.campaign_treatments import Kind, kinds
from evidence.cells_matrix import Matrix, Wrong, matrix_of, profile_of, profiles
from rfgen.device import device_names
from rfgen.records import State

AGAIN = 'run `make cells ARGS="--write"`: faults, rules or profiles are not those that docs/cells.md was made of'


@pytest.fixture(scope="module")
def page() -> str:
    return cells.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", kinds()[-1::-10], ids=str)
def test_a_slice_is_as_expected(kind: Kind) -> None:
    matrix = matrix_of(kind, every=16, patients=1)
    assert not matrix.wrong, "\n".join(map(str, matrix.wrong))
    assert sum(matrix.ran.values()) + len(matrix.missing) == 26
    assert sum(matrix.ran.values()) > 15
    assert sum(matrix.pairs.values()) > 8
    due = {name: sum(n for (which, _, _), n in matrix.off.items() if which == name) for name in OUTCOMES}
    assert len(set(due.values())) == 1
    assert all(was is Was.IN_TIME for name, was, _ in matrix.off if name == "commanded")


def test_the_page_is_of_the_table_as_it_stands(page: str) -> None:
    assert f"expectation table {cells_page.digest()}." in page, AGAIN


def test_every_cell_on_every_profile_was_run_or_has_its_reason(page: str) -> None:
    head = next(line for line in page.splitlines() if line.startswith("| fault | state | must be seen by | rest |"))
    columns = head.strip("| ").split(" | ")[4:]
    assert tuple(columns) == profiles(), AGAIN
    assert set(device_names()) <= set(columns)
    reasons = set(re.findall(r"\*\*([a-z])\*\* \w", page))
    rest = set(re.findall(r"^(\d+)\. \w", page, re.MULTILINE))
    table = re.findall(r"^\| (\w+) \| (IDLE|check|RAMP|HOLD|CUTOFF) \| (.*?) \| (.*?) \| (.*) \|$", page, re.MULTILINE)
    assert [(kind, state) for kind, state, *_ in table] == [
        (kind, {"IMPEDANCE_CHECK": "check"}.get(state.name, state.name)) for kind in KINDS for state in State
    ], AGAIN
    forks = run = 0
    for _, _, seen_by, why, entries in table:
        assert seen_by.strip() or why.strip() in rest  # a fault that nobody must see is there with its reason
        for entry in entries.split(" | "):
            assert entry in reasons or int(entry) > 0
            forks += int(entry) if entry.isdigit() else 0
            run += entry.isdigit()
    every = len(KINDS) * 5 * len(profiles())
    assert f"{len(KINDS)} x 5 x {len(profiles())} = {every}" in page
    assert f"of these run: {run}, by {forks} forks; not applicable, with the reason: {every - run}" in page
    assert re.search(r"seen: (\d{4}) forks of (\d{4}) pairs of kinds", page)
    assert "- not as expected: 0\n" in page
    assert "not run" not in page


def test_one_that_is_not_as_expected_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(kind: Kind, every: int) -> Matrix:
        found = matrix_of(kind, every=400, patients=1)
        return found._replace(wrong=(Wrong("vessel in HOLD", (), kind, ("never tripped",)),))

    monkeypatch.setattr(cells, "matrix_of", broken)
    monkeypatch.setattr(cells, "PAGE", cells.PAGE / "nowhere")
    assert cells.main(["--mode", "star-like, power"]) == 1
    said = capsys.readouterr().out
    assert "NOT AS EXPECTED: vessel in HOLD: ; star-like, power: never tripped" in said
    assert "not as expected: 1\n" in said
    assert profile_of(kinds()[-1]) == "bench (second cut)"
