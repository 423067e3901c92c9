"""The table of seeded defects: each defect still applies, and what is told of the searches is what they came to."""

from __future__ import annotations

from typing import Any

import pytest

from evidence import falsify_table
from evidence.falsify_table import Defect, batches, defects, state_of, table
from evidence.mutants_run import ROOT
from rfgen.falsify.names import NAMES


def result(defect: Defect, method: str, repetition: int, runs: int, found: bool) -> dict[str, Any]:
    """A line of the journal."""
    same = {"defect": defect.name, "state": state_of(defect, 60, method), "cpu_s": 0.1 * runs, "said": ""}
    return {**same, "method": method, "repetition": repetition, "runs": runs, "found": found}


def test_every_defect_changes_its_file_and_breaks_a_promise_that_there_is() -> None:
    every = defects()
    assert len({defect.name for defect in every}) == len(every)
    assert sum(defect.held_out for defect in every) >= 6
    for defect in every:
        source = (ROOT / defect.file).read_bytes()
        changed = defect.mutant().applied(source)
        assert changed != source
        compile(changed, defect.file, "exec")
        assert defect.promise in NAMES


@pytest.mark.parametrize("held_out", [False, True])
def test_the_table_has_medians_and_how_often_each_was_found(held_out: bool) -> None:
    defect = next(defect for defect in defects() if defect.held_out == held_out)
    guided = [result(defect, "guided", n, runs, runs < 60) for n, runs in enumerate((3, 9, 60), 1)]
    chance = [result(defect, "by chance", n, runs, runs < 60) for n, runs in enumerate((60, 60, 7), 1)]
    beside = [result(defect, "guided", 4, 1, True), guided[0]]  # one more than asked for, and one told twice
    text = table([defect], [*guided, *chance, *beside], 60, 3)
    assert f"| {defect.promise} | {defect.name} | {defect.what} | 9 | 2 of 3 | > 60 | 1 of 3 |" in text
    assert "fewer runs for 1 of 1, more for 0" in text
    assert ("not tuned on" in text) == held_out
    # what was stopped half-way says so
    assert "Not whole yet: 2 to 3 repetitions are done, and none of 0 defects" in table(
        [defect], [*guided[:2], *chance], 60, 3
    )
    assert table([defect], guided, 60, 3) == "nothing is searched yet"
    # a break of the sound code is no find
    chance[2] |= {"found": False, "not_the_defect": True}
    assert "| > 60 | 0 of 3 |" in table([defect], [*guided, *chance], 60, 3)
    assert "1 break it as well, and count as not found" in table([defect], [*guided, *chance], 60, 3)


def test_what_the_journal_has_is_not_done_again() -> None:
    one, other = defects()[:2]
    had = [result(one, method, n, 5, True) for method in falsify_table.METHODS for n in (1, 2)]
    had += [result(other, "guided", 1, 5, True), {**result(other, "by chance", 1, 5, True), "state": "of before"}]
    left = list(batches([one, other], had, 60, 2))
    assert left == [(other, [("by chance", 1), ("guided", 2), ("by chance", 2)])]
