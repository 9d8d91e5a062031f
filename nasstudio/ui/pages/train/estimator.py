"""How long each phase of the shown schedule takes, worked out off the window's thread and only when asked anew."""

from __future__ import annotations

from PySide6.QtCore import QObject, QThreadPool, Signal

from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.schedule import Schedule
from nasstudio.ui.pages.train.pace import Measured, estimates
from nasstudio.ui.workers.tasks import Task


class Estimator(QObject):
    """Estimates phases.

    Signals
    -------
    estimated(list of s or None) : of each phase of the schedule that was asked about last.
    failed(StudioError) : the schedule does not fit the space.
    """

    estimated = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._key: object = None
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def ask(self, space: SearchSpace, schedule: Schedule, measured: Measured | None) -> None:
        """Estimate `schedule`; nothing happens if it was asked already."""
        key = (space.hash, schedule, measured)
        if key == self._key:
            return
        self._key = key

        def arrived(found: list[float | None]) -> None:
            if key == self._key:
                self.estimated.emit(found)

        Task(self, lambda: estimates(space, schedule, measured), arrived, self.failed.emit).start(
            self._pool
        )

    def forget(self) -> None:
        """Drop the question that is open."""
        self._key = None
        self._pool.waitForDone()
