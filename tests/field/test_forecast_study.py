"""The forecast study: what it forks is what would have run whole, its journal goes on, its page is what it counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence import forecast, forecast_page
from evidence.forecast_treat import Branch, Pair, pair_of, row_of, treat
from evidence.forecast_twice import differences
from evidence.forecast_vertebrae import SPANS, Vertebra, scenario_of, vertebra

PAGE = Path(__file__).parents[2] / "docs" / "forecast.md"


def test_a_fork_is_the_treatment_run_whole_to_the_last_bit() -> None:
    scenario = scenario_of(vertebra(3, 1))
    pair = treat(scenario)
    assert pair.with_row is not None
    assert pair.without.reason == "SENTINEL_TEMP"
    assert pair.with_row.reason == "SENTINEL_FORECAST"
    assert pair.with_row.off_s < pair.without.off_s
    assert pair.with_row.sentinel_c < 45.5
    assert pair.without.sentinel_c > 47.0
    assert differences(pair.with_row, scenario, with_row=True) == []
    # that this would see a difference
    assert differences(pair.with_row._replace(off_s=pair.with_row.off_s + 0.05), scenario, with_row=True) != []


def made(index: int, without_c: float, with_c: float | None, dura_c: float = 40.0) -> tuple[Vertebra, Pair]:
    without = Branch("SENTINEL_TEMP", 60.0, 44.0, without_c, dura_c, 200.0)
    with_row = None if with_c is None else Branch("SENTINEL_FORECAST", 40.0, 41.0, with_c, dura_c, 180.0)
    return vertebra(index, 1), Pair(without, with_row)


def test_what_is_counted() -> None:
    cases = [
        made(0, 50.0, 44.0),  # passes, and is kept below
        made(1, 45.4, None),  # passes, uncut, and not by much
        made(2, 48.0, 45.6),
        made(3, 49.0, 47.1),
        made(4, 43.9, 42.0),  # would have stayed below 44 C, and is cut
        made(5, 43.9, None),
        made(6, 44.5, 43.0),  # cut, but not one of those
    ]
    found = forecast_page.count(cases, forecast_page.SENTINEL)
    assert found == (7, 4, 2, 1, 2, 1, 3, 3)
    assert not found.kept
    assert forecast_page.count(cases, forecast_page.DURA) == (7, 0, 0, 0, 2, 1, 0, 0)
    assert forecast_page.rate(0, 3000) == "0 of 3000: at most 0.1 %"
    # by the beta quantiles of Clopper and Pearson 1934: 1 of 10 is 0.25 % to 44.5 %
    assert forecast_page.rate(1, 10) == "1 of 10: 10 % (0.25 to 45 %)"


def test_a_study_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    treated: list[int] = []

    def treated_now(seed: int, index: int) -> dict[str, object]:
        treated.append(index)
        return row_of(index, made(index, 44.0 + index, 43.0)[1]) | {"cpu_s": 0.1}

    monkeypatch.setattr(forecast, "treated", treated_now)
    first, version = forecast.study(3, 1, 1, tmp_path)
    with open(tmp_path / "journal.jsonl", "a", encoding="utf-8") as journal:
        journal.write('{"run": 3, "wi')  # torn by a kill
    rows, again = forecast.study(5, 1, 1, tmp_path)
    assert treated == [0, 1, 2, 3, 4]
    assert [row["run"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[:3] == first
    assert version == again
    assert pair_of(rows[4]) == made(4, 48.0, 43.0)[1]
    assert json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])["code"] == version
    assert forecast.main(["--vertebrae", "5", "--seed", "2", "--out", str(tmp_path)]) == 2


def test_the_vertebrae_are_what_the_page_says() -> None:
    drawn = [vertebra(index, 1) for index in range(200)]
    for name, (least, most, _) in SPANS.items():
        values = [one.drawn[name] for one in drawn]
        assert least <= min(values) < least + 0.1 * (most - least)
        assert most - 0.1 * (most - least) < max(values) <= most
    assert vertebra(7, 1) == vertebra(7, 1) != vertebra(7, 2)
    for one in drawn[:8]:
        made_of = scenario_of(one)
        assert made_of.plant.wall is not None
        sentinel = next(t for t in made_of.device.thermocouples if t.role == "sentinel")
        assert (sentinel.place, sentinel.offset_mm) == ("posterior_wall", one.drawn["offset_mm"])
        assert made_of.plant.wall.eroded is one.eroded


def test_the_page_has_the_figures_that_the_code_has() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert forecast_page.method() in text
    for row in forecast_page.population():
        assert "| " + " | ".join(row) + " |" in text
