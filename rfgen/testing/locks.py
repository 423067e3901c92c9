"""A rig belongs to one process at a time. The lock goes with the process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path

FOLDER = "RFGEN_LOCKS"
"""The environment variable that moves the folder of the locks; all users of a bench need the same one."""


def lock_folder() -> Path:
    """Where the locks of this machine are."""
    return Path(os.environ.get(FOLDER) or Path(tempfile.gettempdir()) / "rfgen-rigs")


class RigLock:
    """The lock of one rig, known by `key`: the device behind its port, or its name in a map.

    `take` and `release` may be repeated. It is an advisory lock of the kernel on a file that is left where it is: it
    cannot outlive its process, and nobody has to clean up.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        word = re.sub(r"[^\w.-]+", "_", key).strip("_")[-60:]
        self.path = lock_folder() / f"{word}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        """Take it; False where another has it. Raises OSError where there can be no lock."""
        if self._handle is not None:
            return True
        folder = self.path.parent
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            folder.chmod(0o1777)  # every user of the bench
        handle = self._opened()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        with contextlib.suppress(OSError):  # another user's file, of which only the lock is wanted
            os.fchmod(handle, 0o666)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} ({' '.join(sys.argv)[:80]})\n".encode(errors="replace"), 0)
        self._handle = handle
        return True

    def _opened(self) -> int:
        # in a folder of everybody's, Linux lets nobody "create" what another user has created (fs.protected_regular)
        while True:
            with contextlib.suppress(FileNotFoundError):
                return os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            with contextlib.suppress(FileExistsError):
                return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def holder(self) -> str:
        """Who has it, as far as is known."""
        with contextlib.suppress(OSError):
            told = self.path.read_text(encoding="utf-8", errors="replace").strip()
            if told:
                return told
        return "another process"

    def release(self) -> None:
        """Give it back."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
            os.close(handle)
