"""The safety page holds every row with all of its evidence, and every fault; a row that lacks any is told by name."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evidence import safety_page
from evidence.campaign_demand import KINDS
from rfgen.safety.catalogue import ROWS
from rfgen.safety.listing import listing
from tests.interlocks.figures import FIGURES


def test_every_row_has_hazard_requirement_tests_and_proof() -> None:
    text = safety_page.page()
    for row in ROWS:
        assert row.id in FIGURES, f"{row.id} has no tests: add it to tests/interlocks/figures.py"
        assert f"| {row.id} | tests, text, order (" in text
    assert all(f"| {kind} |" in text for kind in KINDS)


def test_a_row_without_evidence_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(ROWS[0], id="NEW_ROW", hazard="")
    line = next(line for line in safety_page.listing() if line["id"] == ROWS[0].id)
    monkeypatch.setattr(safety_page, "ROWS", (*ROWS, new))
    monkeypatch.setattr(safety_page, "listing", lambda: [*listing(), {**line, "id": "NEW_ROW"}])
    told = r"\| NEW_ROW \| \*\*lacks a hazard, a proof of its text .* a rule of the oracle .*\*\*"
    assert re.search(told, safety_page.page())
