"""The name of a served rig: a link to its pseudo-terminal, and how one that a killed rig left is known.

A killed rig leaves its link, and the number of its terminal goes to whoever asks next: the link then leads to another
process. So beside the link `NAME` lies a file `.NAME.lock`, locked for as long as the rig's process lives, with what
the link was when it was made. A link with that very identity whose lock nobody holds was left behind; any other is
somebody's, and stays.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path


def _lock_of(link: Path) -> Path:
    return link.with_name(f".{link.name}.lock")


def _identity(link: Path) -> str:
    there = os.lstat(link)
    return f"{there.st_dev} {there.st_ino} {there.st_mtime_ns} {os.readlink(link)}"


def left_behind(link: Path) -> bool:
    """Is there a link of a served rig that lives no more?"""
    if not link.is_symlink():
        return False
    if not link.exists():
        return True  # no such terminal any more
    try:
        handle = os.open(_lock_of(link), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False  # made by none of ours, or another user's
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _is_as_told(link, handle)
    except OSError:
        return False  # its rig lives
    finally:
        os.close(handle)


def _is_as_told(link: Path, handle: int) -> bool:
    try:
        return os.pread(handle, 4096, 0).decode(errors="replace") == _identity(link)
    except OSError:  # it is not there (any more)
        return False


class ServedLink:
    """The link `path` to `port`, as long as this process has it.

    Raises FileExistsError where something else has that name, OSError where there can be no link.
    """

    def __init__(self, path: Path, port: str) -> None:
        self._path = path
        self._handle = self._locked()
        try:
            # a link to this very terminal is older than it: the number was another's
            if path.is_symlink() and (
                not path.exists()
                or os.readlink(path) == port
                or (self._handle is not None and _is_as_told(path, self._handle))
            ):
                path.unlink()
            try:
                path.symlink_to(port)
            except OSError as error:  # it names the terminal, which is not what is wrong
                raise OSError(error.errno, error.strerror, str(path)) from None
            if self._handle is not None:
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, _identity(path).encode(), 0)
        except BaseException:
            self._give_back()
            raise

    def _locked(self) -> int | None:
        """The lock beside the link, held; None where there can be none: a link left behind is then refused, no more."""
        lock = _lock_of(self._path)
        while True:
            try:
                handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            except OSError:
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(handle), lock.stat()):
                    return handle
            except BlockingIOError:
                os.close(handle)
                raise FileExistsError(errno.EEXIST, "a served rig has this name", str(self._path)) from None
            except FileNotFoundError:
                pass  # the rig before ended between the two, and took it away
            os.close(handle)

    def remove(self) -> None:
        """The name is free again. Harmless to repeat."""
        self._path.unlink(missing_ok=True)
        self._give_back()

    def _give_back(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                _lock_of(self._path).unlink()
            os.close(handle)
