"""Follows the events of one run on the disk, off the window's thread: a run that is over is replayed the same way.

The file is read by one worker at a time from where the last one stopped, so that every event comes exactly once,
whenever a page began to look.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.events import EventReader
from nasstudio.engine.job.folder import RunFolder
from nasstudio.ui.workers.tasks import Task

EVERY_MS = 100


class RunFollower(QObject):
    """Reads a run's events at most ten times a second.

    Signals
    -------
    grown(list of events) : the next events, in order.
    failed(StudioError) : the file does not read.
    """

    grown = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path: Path | None = None
        self._reader: EventReader | None = None
        self._reading = self._again = False
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self._read)

    def follow(self, path: Path | None) -> None:
        """Begin anew with the run folder `path`; None follows nothing."""
        self._timer.stop()
        self.path = path
        self._reader = None if path is None else EventReader(RunFolder(path).events)
        self._reading = self._again = False
        if path is not None:
            self._read()

    def nudge(self) -> None:
        """The run has said something: read it soon."""
        if self._reader is not None and not self._timer.isActive():
            self._timer.start()

    def close(self) -> None:
        """Follow nothing and wait for what is being read."""
        self.follow(None)
        self._pool.waitForDone()

    def _read(self) -> None:
        reader = self._reader
        if reader is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True

        def arrived(events: list[object]) -> None:
            if reader is not self._reader:
                return
            self._reading = False
            if events:
                self.grown.emit(events)
            if self._again:
                self._again = False
                self._timer.start()

        def broken(problem: StudioError) -> None:
            if reader is self._reader:
                self._reading = False
                self.failed.emit(problem)

        Task(self, reader.read, arrived, broken).start(self._pool)
