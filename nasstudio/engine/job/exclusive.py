"""Who may use the machine: many workers together, or one that measures, alone.

A shared or an exclusive lock on one file of the user's runtime folder, held by the kernel: it is gone with the process,
however that ends. It serves all windows, terminals and projects of a user. On systems without `fcntl` nothing is
locked and a measuring job says that it may not be alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


def lock_path() -> Path:
    """The file that all jobs of this user lock; ``NASSTUDIO_RUNTIME`` names another folder for it."""
    folder = Path(os.environ.get("NASSTUDIO_RUNTIME") or platformdirs.user_cache_dir("nasstudio"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "machine.lock"


class MachineLock:
    """The lock of one job."""

    def __init__(self, path: Path, *, exclusive: bool) -> None:
        self.exclusive = exclusive
        self.works = fcntl is not None
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        if not self.works:
            return True
        try:
            fcntl.flock(
                self._file, (fcntl.LOCK_EX if self.exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
            )
        except BlockingIOError:
            return False
        return True

    def acquire(self, on_wait: Callable[[], None], stopped: Callable[[], bool]) -> bool:
        """Wait for the lock; `on_wait` is called once if it is not free. False if `stopped` came first."""
        if self.try_acquire():
            return True
        on_wait()
        while not stopped():
            time.sleep(0.1)
            if self.try_acquire():
                return True
        return False

    def release(self) -> None:
        """Give the lock back."""
        if self.works:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others have the machine meanwhile, e.g. while this job is paused."""
        self.release()
        try:
            yield
        finally:
            while not self.try_acquire():
                time.sleep(0.1)

    def close(self) -> None:
        os.close(self._file)
