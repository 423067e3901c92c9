"""A slice of `make validate`: rows that need no choice, one lesion, one stop in the canal; and that the gate shuts."""

import pytest

from evidence import validate
from evidence.page import Page
from evidence.validate_canal import Canal, course
from evidence.validate_cosman import Choice, lesion
from evidence.validate_damage import held, section
from evidence.validate_rows import Row, show

LEAST = dict(validate.SECTIONS)


def test_damage_by_the_plants_own_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    rows = section(Page("", ""))
    assert sum(row.inside for row in rows) >= LEAST[section], capsys.readouterr().out
    # the exact one: a minute at 44 C is two at 43 C, and an hour at 42 C is a quarter of one
    assert held(44.0, 1.0)[1] == pytest.approx(2.0)
    assert held(42.0, 60.0)[1] == pytest.approx(15.0)


def test_a_lesion_of_a_thin_cannula_has_its_published_width() -> None:
    assert 5.0 <= lesion(22, 80.0, Choice()).lesion(omega=1.0).width_mm <= 7.0


def test_the_canal_goes_on_rising_where_the_reading_comes_late() -> None:
    near = Canal(6.0, wall_mm=6.0)
    prompt, late = course(near), course(near._replace(lag_s=5.0))
    assert 45.0 <= prompt.peak_c < 48.0 < late.peak_c


def test_a_row_that_falls_out_ends_with_1(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(validate, "PAGE", tmp_path / "page.md")

    def fallen(page: Page) -> list[Row]:
        return show(page, [Row("width", "5-7 mm", 5.0, 7.0, 7.5, "mm", "it is too wide.")])

    monkeypatch.setattr(validate, "SECTIONS", ((fallen, 1),))
    assert validate.main() == 1
    assert "Out: it is too wide." in (tmp_path / "page.md").read_text()
    monkeypatch.setattr(validate, "SECTIONS", ((fallen, 0),))
    assert validate.main() == 0
    monkeypatch.setattr(validate, "SECTIONS", ((lambda page: [Row("width", "", 5.0, 7.0, 7.5, "mm")], 0),))
    assert validate.main() == 1, "out without a reason"
