"""JobContext: what a runner sees of the outside, inside the child process.

A runner reports through it and asks it, a few times a second, whether to go on. Nothing else in a runner knows of run
folders, commands or signals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nasstudio.engine.atomic import file_sha256
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder


class StopJob(Exception):
    """The job was asked to stop. A runner saves what it has and lets it pass."""


class JobContext:
    """Reports of one job, and the commands it gets.

    `stop()` may be called from a signal handler. Progress is written at most ten times a second.

    Parameters
    ----------
    listens : whether it takes the commands of the run folder; of several processes only one may.
    """

    def __init__(
        self,
        folder: RunFolder,
        lock: MachineLock,
        writer: ev.EventWriter,
        *,
        listens: bool = True,
    ) -> None:
        self.folder = folder
        self._listens = listens
        self._lock = lock
        self._writer = writer
        self._stop = False
        self._paused = False
        self._checkpoint = False
        self._last_poll = 0.0
        self._last_progress = 0.0
        self._began = time.monotonic()
        self._first_done: float | None = None

    # -- reports ------------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The run folder: the only place a job writes to."""
        return self.folder.path

    def progress(
        self,
        done: float,
        total: float,
        *,
        unit: str = "",
        label: str = "",
        left_s: float | None = None,
    ) -> None:
        """Say how far it is. Without `left_s` the time left follows from the rate since the first call."""
        now = time.monotonic()
        if self._first_done is None:
            self._first_done, self._began = done, now
        if now - self._last_progress < 0.1 and done < total:
            return
        self._last_progress = now
        gained = done - self._first_done
        if left_s is None and gained > 0:
            left_s = (now - self._began) / gained * (total - done)
        self._writer.write(
            ev.Progress(done=done, total=total, unit=unit, label=label, left_s=ev.finite(left_s))
        )

    def metric(self, step: float, values: dict[str, float | None]) -> None:
        """Numbers for curves; a value that is not finite is written as null."""
        self._writer.write(
            ev.MetricEvent(step=step, values={k: ev.finite(v) for k, v in values.items()})
        )

    def result(self, name: str, values: dict[str, Any]) -> None:
        """One finished piece of the result."""
        self._writer.write(ev.Result(name=name, values=values))

    def artefact(
        self,
        kind: str,
        path: Path,
        *,
        rows: tuple[int, int] | None = None,
        about: dict[str, Any] | None = None,
    ) -> None:
        """A file of the run folder is finished. Arrays that grow give the range of rows instead of a hash."""
        digest = "" if rows else file_sha256(path)
        name = path.relative_to(self.path).as_posix()
        self._writer.write(
            ev.Artefact(kind=kind, path=name, sha256=digest, rows=rows, about=about or {})
        )

    def log(self, text: str) -> None:
        """A line for people."""
        self._writer.write(ev.Log(text=text))

    def warn(self, text: str) -> None:
        """Something is not as it should be, and the job goes on."""
        self._writer.write(ev.Warned(text=text))

    # -- commands -----------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the job to checkpoint and stop at its next `check`."""
        self._stop = True

    def check(self, on_pause: Callable[[], None] | None = None) -> None:
        """Go on, or hold still while paused. Cheap: looks at the disk at most five times a second.

        Parameters
        ----------
        on_pause : called once when the job is told to pause, e.g. to write a checkpoint.

        Raises
        ------
        StopJob
            The job was asked to stop.
        """
        self._poll()
        if self._paused and not self._stop:
            if on_pause is not None:
                on_pause()
            self._hold()
        if self._stop:
            raise StopJob

    def wants_checkpoint(self) -> bool:
        """Whether a checkpoint was asked for since the last call."""
        asked, self._checkpoint = self._checkpoint, False
        return asked

    def _poll(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not self._listens or (not at_once and now - self._last_poll < 0.2):
            return
        self._last_poll = now
        match self.folder.take_command():
            case "stop":
                self._stop = True
            case "pause":
                self._paused = True
            case "resume":
                self._paused = False
            case "checkpoint":
                self._checkpoint = True

    def _hold(self) -> None:
        self._writer.write(ev.Paused())
        self._writer.sync()
        with self._lock.released():
            while self._paused and not self._stop:
                time.sleep(0.1)
                self._poll(at_once=True)
            if self._stop:
                return
        self._first_done = None
        self._writer.write(ev.Resumed())

    # -- what the runner may ask for ----------------------------------------------------------------------------

    def input(self, reference: Any) -> Path:
        """Path of an input, checked against its hash (see `RunFolder.resolve`)."""
        return self.folder.resolve(reference)

    @contextmanager
    def explained(self, where: str | Path, remedy: str) -> Iterator[None]:
        """Turn an unexpected error of a library into one that names the place and the remedy."""
        try:
            yield
        except (StudioError, StopJob):
            raise
        except (ValueError, OSError, RuntimeError, KeyError) as problem:
            raise StudioError(
                f"{type(problem).__name__}: {problem}", where=where, remedy=remedy
            ) from problem
