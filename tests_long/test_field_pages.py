"""The field's pages say what their programs say today: rows of fusion, network and reduced run again, in a tolerance.

The tolerances are for another platform's last digits and for a solver that has been refined, not for another answer:
0.3 C and 3 s is half of what the fusion page makes of its differences.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evidence.fusion import CASES, run
from evidence.network_vs_field import cases, compared, sentinel_of
from evidence.reduced_vs_field import MODELS
from evidence.reduced_vs_field import compared as reduced_compared
from rfgen.scenario import load_scenario

DOCS = Path(__file__).parent.parent / "docs"


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """First column to the rest, of the first table under a heading."""
    text = (DOCS / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    (table, *_) = re.findall(r"(?m)(?:^\|.*\|\n)+", text)
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()]
    return {cells[0]: cells[1:] for cells in lines}


@pytest.mark.parametrize("name", CASES)
def test_a_row_of_the_fusion_page(name: str) -> None:
    reason, off, sentinel, dura, cord, _ = rows("fusion.md", "What the cord gets")[CASES[name]]
    came = run(load_scenario(name))
    assert reason == came.reason
    assert float(off.removesuffix(" s")) == pytest.approx(came.off_s, abs=3.0)
    found = came.sentinel_c, came.dura.peak_c, came.cord.peak_c
    assert [float(cell) for cell in (sentinel, dura, cord)] == pytest.approx(list(found), abs=0.3)


@pytest.mark.parametrize("name", ["bench-self-test", "nerve-lesion", "vertebra-fusion"])
def test_a_row_of_network_against_field(name: str) -> None:
    (case,) = [case for case in cases() if case.name == name]
    said = rows("network-vs-field.md", "Given the same power")[name]
    tip = compared(case).power[0]
    assert float(said[0].split(" at ")[0]) == pytest.approx(tip.most_c, abs=0.5)
    assert float(said[3]) == pytest.approx(tip.field_most_c, abs=0.5)


@pytest.mark.parametrize("name", ["bench-self-test", "forecast-overshoot", "nerve-lesion", "vertebra-metastasis"])
def test_a_row_of_reduced_against_field(name: str) -> None:
    (case,) = [case for case in cases(MODELS) if case.name == name]
    page = rows("reduced-vs-field.md", "Under the same firmware")
    (said,) = [cells for first, cells in page.items() if first.split(" (and ")[0] == name]
    came = reduced_compared(case).firmware
    assert float(said[0].split(" at ")[0]) == pytest.approx(came[0].most_c, abs=0.3)
    assert abs(came[0].most_c) <= 2.0
    sentinel = sentinel_of(case)
    if sentinel is not None:
        assert abs(came[sentinel].most_c) <= 1.0
