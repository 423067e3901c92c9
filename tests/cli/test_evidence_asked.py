"""What programs of evidence take on the command line, and how they end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from evidence.asked import exit_code, none_or_more, nothing, one_or_more

EVIDENCE = Path(__file__).parents[2] / "evidence"


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "abc", "", "nan", "9" * 5000])
def test_a_count_is_one_or_more(text: str) -> None:
    assert (one_or_more("1"), none_or_more("0")) == (1, 0)
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number of 1 or more"):
        one_or_more(text)


def test_a_program_without_arguments_refuses_any(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fusion.py", "--hlep"])
    with pytest.raises(SystemExit) as ended:
        nothing("evidence.fusion", "about")
    assert ended.value.code == 2
    assert "python -m evidence.fusion: error: unrecognized arguments: --hlep" in capsys.readouterr().err


def test_every_program_reads_its_command_line_and_ends_as_told() -> None:
    """A run of minutes that writes a page is not what `--hlep` was meant to begin."""
    programs = [text for path in EVIDENCE.glob("*.py") if '__name__ == "__main__"' in (text := path.read_text("utf-8"))]
    assert len(programs) > 15
    for text in programs:
        assert "exit_code(main)" in text
        assert any(reads in text for reads in ("ArgumentParser(", "options(", "nothing("))


def test_an_interruption_and_a_file_that_cannot_be_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    def without_a_file() -> int:
        return len(Path("/no/such/file").read_bytes())

    assert exit_code(interrupted) == 130
    assert exit_code(without_a_file) == 2
    assert exit_code(lambda: None) == 0
    assert exit_code(lambda: 1) == 1
    assert capsys.readouterr().err == "interrupted\n/no/such/file: No such file or directory\n"
