"""What commands print, and where they may write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from rfgen.yamlsource import InputError, Problem


def say(text: str, *, err: bool = False) -> None:
    """One line or more. A reader that has gone (`| head -1`) ends the printing, not the command: what it records, and
    its exit code, are worth having without."""
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        hush(err=err)
    except OSError as error:
        hush(err=err)
        if not err:  # what goes wrong in saying what went wrong changes no exit code
            raise OSError(error.errno, error.strerror, "standard output") from None


def hush(*, err: bool = False) -> None:
    """Send what would still be printed nowhere, also what Python itself flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, (sys.stderr if err else sys.stdout).fileno())
    os.close(nowhere)


def showable(text: str) -> str:
    """Without what a terminal obeys instead of showing: names of files may hold anything."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def target(path: Path) -> Path:
    """Where a file is written that replaces the one before: never a device, a pipe, a link or a folder.

    Raises InputError where it cannot be.
    """

    def refuse(message: str, remedy: str) -> InputError:
        return InputError([Problem(str(path), None, None, "", "", message, remedy)])

    try:
        if path.is_dir():
            raise refuse("is a folder", "give a file's name")
        # /dev/stdout is a link: to replace it, or what it leads to, is not what was meant
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise refuse("is not a regular file", "give a file's name")
        if not path.parent.is_dir():
            raise refuse("is in a folder that does not exist", "make the folder first")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise refuse("is in a folder that cannot be written", "give another")
    except (OSError, ValueError) as error:  # a name too long, a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(f"cannot be written ({reason})", "give another name") from None
    return path
