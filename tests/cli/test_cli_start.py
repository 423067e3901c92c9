"""The first moments of the command, while what it needs is being imported."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from rfgen.cli import cli

MAIN = "from rfgen.start import main; main()"
AT = """\
import signal, sys

class Moment:
    '''Ctrl-C as that module is looked for. An exception is lost there, as in a callback of the import system.'''
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                pass

sys.meta_path.insert(0, Moment())
"""


def run(program: str, *words: str, folder: Path) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of a Python program."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "words"), [("rfgen.cli", ["--help"]), ("click", ["--help"]), ("pydantic", ["run", "bench-self-test"])]
)
def test_an_interrupt_while_the_command_is_loaded_ends_it_with_a_line(
    name: str, words: list[str], tmp_path: Path
) -> None:
    assert run(AT.format(name=name) + MAIN, *words, folder=tmp_path) == (130, b"", b"interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_before_there_is_a_handler_too(tmp_path: Path) -> None:
    before = """\
import sys, rfgen.start
class Early:
    def __getattr__(self, name):
        raise KeyboardInterrupt
sys.modules["signal"] = Early()
"""
    assert run(before + MAIN, "--help", folder=tmp_path) == (130, b"", b"interrupted\n")


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_takes_interrupts_itself_as_soon_as_it_is_loaded_and_no_sooner(command: str) -> None:
    """The handler of the first moments leaves at once; a command has things to put in order first."""
    callback = cli.commands[command].callback
    assert callback is not None
    assert re.search(
        r"^ +from rfgen\.commands(\.\w+)? import \w+ as command\n\n +_loaded\(\)$", inspect.getsource(callback), re.M
    )


@pytest.mark.parametrize(("before", "handler"), [("", "default_int_handler"), ("SIG_IGN", "SIG_IGN")])
def test_what_a_command_finds(before: str, handler: str, tmp_path: Path) -> None:
    """Python's own handler; an interrupt that is ignored, as of a job in a script's background, stays ignored."""
    program = f"""\
import signal, types, sys
if {before!r}:
    signal.signal(signal.SIGINT, signal.{before or "SIG_DFL"})
def devices():
    print(signal.getsignal(signal.SIGINT) is signal.{handler})
sys.modules["rfgen.commands.lists"] = types.SimpleNamespace(devices=devices)
"""
    assert run(program + MAIN, "devices", folder=tmp_path) == (0, b"True\n", b"")


def test_what_the_installed_command_imports_before_it_can_be_interrupted_is_next_to_nothing(tmp_path: Path) -> None:
    (script,) = entry_points(group="console_scripts", name="rfgen")
    assert script.value == "rfgen.start:main"
    program = "import sys; before = set(sys.modules); import rfgen.start; print(*sorted(set(sys.modules) - before))"
    assert run(program, folder=tmp_path) == (0, b"rfgen rfgen.start\n", b"")
