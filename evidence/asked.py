"""What a program of evidence takes on its command line, and how it ends: 2 for what is wrong there, 130 interrupted."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

WRONG, INTERRUPTED = 2, 130


def one_or_more(text: str) -> int:
    """A count, for argparse."""
    return _whole(text, 1)


def none_or_more(text: str) -> int:
    """A seed, or a count that may be none, for argparse."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is no whole number of {least} or more")
    return number


def nothing(name: str, about: str | None) -> None:
    """For a program that takes no argument: any is refused, and `--help` says what it is. A long run that writes a page
    is not what either was meant to begin."""
    argparse.ArgumentParser(prog=f"python -m {name}", description=about).parse_args()


def exit_code(main: Callable[[], int | None]) -> int:
    """`main`, and the code to exit with: its own, or that of an interruption or of a file that cannot be."""
    try:
        return main() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has gone; what Python still flushes goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{place}{error.strerror or error}", file=sys.stderr)
        return WRONG
