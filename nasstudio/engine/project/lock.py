"""Who holds a project open for writing.

A kernel lock on `project.lock`, gone with the process however it ends; the file's content says who holds it, for the
message that the second window shows.
"""

from __future__ import annotations

import getpass
import os
import platform
import time
from pathlib import Path

import msgspec

from nasstudio.engine.errors import StudioError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


class Holder(msgspec.Struct, frozen=True):
    """Who holds the lock."""

    program: str
    pid: int
    user: str
    host: str
    since: float

    def __str__(self) -> str:
        since = time.strftime("%H:%M", time.localtime(self.since))
        return f"{self.program} (process {self.pid}, {self.user} on {self.host}, since {since})"


class ProjectLock:
    """The lock of one project folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "project.lock"
        self._file: int | None = None

    def acquire(self, program: str) -> Holder | None:
        """Take the lock. Returns None, or who holds it.

        Raises
        ------
        StudioError
            The lock's file can't be opened.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as problem:
            raise StudioError(
                f"The project can't be locked: {problem.strerror or problem}.",
                where=self._path,
                remedy="Delete what is there under this name, or check the folder's rights.",
            ) from None
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return self._holder()
        holder = Holder(program, os.getpid(), _user(), platform.node(), time.time())
        os.ftruncate(file, 0)
        os.pwrite(file, msgspec.json.encode(holder), 0)
        self._file = file
        return None

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def _holder(self) -> Holder:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError, RecursionError):
            return Holder("another program", 0, "somebody", "this machine", time.time())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
