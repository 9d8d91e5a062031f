"""Task: one piece of work off the window's thread, with its answer back on it.

For short work on files and numpy arrays. Anything that imports torch, measures or takes minutes is a job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot

from nasstudio.engine.errors import StudioError


class _Answer(QObject):
    done = Signal(object)
    failed = Signal(object)


class Task(QRunnable):
    """Runs `work()` in a thread pool; `then(result)` or `problem(error)` follow on the thread that made the task.

    The receiver owns the answer: if it is deleted meanwhile, the answer is dropped.
    """

    def __init__(
        self,
        receiver: QObject,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        problem: Callable[[StudioError], None],
    ) -> None:
        super().__init__()
        self._work = work
        self._answer = _Receiver(receiver, then, problem)
        self._signals = _Answer()
        self._signals.done.connect(self._answer.take, Qt.ConnectionType.QueuedConnection)
        self._signals.failed.connect(self._answer.fail, Qt.ConnectionType.QueuedConnection)

    def run(self) -> None:
        """The pool's thread."""
        try:
            self._signals.done.emit(self._work())
        except StudioError as problem:
            self._signals.failed.emit(problem)
        except Exception as problem:  # shown with its name; the window goes on
            self._signals.failed.emit(
                StudioError(f"Unexpected {type(problem).__name__}: {problem}")
            )

    def start(self, pool: QThreadPool | None = None) -> None:
        """Queue the work."""
        (pool or QThreadPool.globalInstance()).start(self)


class _Receiver(QObject):
    """Lives on the receiver's thread, as its child."""

    def __init__(
        self, parent: QObject, then: Callable[[Any], None], problem: Callable[[StudioError], None]
    ) -> None:
        super().__init__(parent)
        self._then = then
        self._problem = problem

    @Slot(object)
    def take(self, result: Any) -> None:
        self._then(result)
        self.deleteLater()

    @Slot(object)
    def fail(self, problem: StudioError) -> None:
        self._problem(problem)
        self.deleteLater()
