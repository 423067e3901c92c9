"""A campaign's journal: what has been run, so that a campaign that was killed goes on where it was.

`journal.jsonl` in the campaign's folder: the first line says which campaign it is, every further line is one run's row,
strict JSON. A line is appended with one write of the whole line by the one process that holds the folder's lock, so a
kill can leave at most the last line torn; it is cut off when the campaign goes on, and its run is run again. A run is
never in it twice. The file is flushed to disk every few seconds and at the end: after a loss of power, what had not
reached the disk is run again. A campaign that came to no run at all takes its journal away again, with the folders
that were made for it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rfgen.problems import InputError, Problem

NAME = "journal.jsonl"
FORMAT = 1
MOST_RUNS = 100_000_000
_SYNC_S = 5.0


def _refusal(path: Path, line: int | None, message: str, remedy: str) -> InputError:
    return InputError([Problem(str(path), line, None, "", "", message, remedy)])


def _other(row: Any, head: dict[str, Any]) -> str:
    """What tells the folder's campaign from the one that is asked for."""
    before = row if isinstance(row, dict) else {}
    versions = before.get("versions")
    parts = [
        f"{key} {before.get(key)}, not {head[key]}" for key in ("seed", "runs") if before.get(key) != head.get(key)
    ]
    if before.get("spec") != head.get("spec"):
        parts.append("its specification says something else")
    for name, now in head.get("versions", {}).items():
        then = versions.get(name) if isinstance(versions, dict) else None
        if then != now:
            parts.append(f"made with {name} {then}, not {now}")
    return f"is of another campaign ({'; '.join(parts) or 'of another version of rfgen'})"


class Runs(Set[int]):
    """Numbers of runs, a bit each: 10^8 of them are 13 MB."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def add(self, number: int) -> None:
        """It may be there already."""
        if number in self:
            return
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(byte + 1 - len(self._bits), len(self._bits), 64)))
        self._bits[byte] |= 1 << (number & 7)
        self._count += 1

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int) or number < 0:
            return False
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] >> (number & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        return (number for number in range(8 * len(self._bits)) if number in self)

    def __len__(self) -> int:
        return self._count


class Journal:
    """The journal, open and locked. `done`: the runs that it holds. `head` says which campaign it is.

    Raises InputError where the folder holds another campaign, where another process
    is at it, or where a line in the middle is damaged: only a last line without an end is cut off.
    """

    def __init__(self, folder: Path, head: dict[str, Any]) -> None:
        self.path = folder / NAME
        self.done = Runs()
        self._made = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._new = False
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._there():  # the one before had no run, and took it away
                raise BlockingIOError
            self._read(head)
        except BlockingIOError:
            os.close(self._file)
            raise _refusal(self.path, None, "is in use by another campaign", "wait for it, or give --out") from None
        except BaseException:
            self._close()
            raise
        self._synced = time.monotonic()

    def _there(self) -> bool:
        """The file that is locked is the one of that name."""
        try:
            return os.path.samestat(os.fstat(self._file), self.path.stat())
        except OSError:
            return False

    def _close(self) -> None:
        """Give it back. Locked until then, so nobody can have begun to use what is taken away."""
        try:
            if self._new and not self.done:
                with suppress(OSError):
                    self.path.unlink()
                    for place in self._made:
                        place.rmdir()
        finally:
            os.close(self._file)

    def _read(self, head: dict[str, Any]) -> None:
        whole = 0
        self._new = not os.fstat(self._file).st_size
        with open(self.path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    row = json.loads(line)
                    if number == 1 and row != {"format": FORMAT, **head}:
                        raise _refusal(self.path, 1, _other(row, head), "give --out another folder")
                    if number > 1:
                        if row["run"] in self.done or not 0 <= row["run"] < head.get("runs", MOST_RUNS):
                            raise ValueError
                        self.done.add(row["run"])
                except (ValueError, KeyError, TypeError):
                    remedy = "give --out another folder" if number == 1 else "delete this line: its run is run again"
                    raise _refusal(self.path, number, "is damaged", remedy) from None
                whole += len(line)
        os.ftruncate(self._file, whole)
        if not whole:
            self._write({"format": FORMAT, **head})

    def _write(self, row: dict[str, Any]) -> None:
        data = (json.dumps(row, allow_nan=False) + "\n").encode()
        with self._named():
            if os.write(self._file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def add(self, row: dict[str, Any]) -> None:
        """One run's row. Raises OSError where it cannot be written whole."""
        self._write(row)
        self.done.add(row["run"])
        if time.monotonic() - self._synced > _SYNC_S:
            with self._named():
                os.fsync(self._file)
            self._synced = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._named():
                os.fsync(self._file)
        finally:
            self._close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """An OSError has the file's name, which a write by itself lacks."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None
