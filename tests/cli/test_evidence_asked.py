"""What programs of evidence take on the command line, and how they end."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

import pytest

from evidence.asked import exit_code, none_or_more, one_or_more

EVIDENCE = Path(__file__).parents[2] / "evidence"


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "abc", "", "nan", "9" * 5000])
def test_a_count_is_one_or_more(text: str) -> None:
    assert (one_or_more("1"), none_or_more("0")) == (1, 0)
    with pytest.raises(argparse.ArgumentTypeError, match="is no whole number of 1 or more"):
        one_or_more(text)


def test_a_program_without_arguments_refuses_any(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of them runs for minutes and writes a page: not what `--hlep` was meant to begin."""
    monkeypatch.setattr(sys, "argv", ["fusion.py", "--hlep"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EVIDENCE / "fusion.py"), run_name="__main__")
    assert ended.value.code == 2
    assert "python -m evidence.fusion: error: unrecognized arguments: --hlep" in capsys.readouterr().err


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
