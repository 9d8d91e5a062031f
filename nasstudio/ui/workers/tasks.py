"""Task: one piece of work off the window's thread, with its answer back on it.

For short work on files and numpy arrays. Anything that imports torch, measures or takes minutes is a job.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot
from shiboken6 import isValid

from nasstudio.engine.errors import StudioError

Waiting = tuple[QObject, Callable[[], Any], Callable[[Any], None], Callable[[StudioError], None]]


class Task(QRunnable):
    """Runs `work()` in a thread pool; `then(result)` or `problem(error)` follow on the window's thread.

    If the receiver is deleted meanwhile, the answer is dropped.
    """

    def __init__(
        self,
        receiver: QObject,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        problem: Callable[[StudioError], None],
    ) -> None:
        super().__init__()
        self._post = _post_office()
        self._number = self._post.expect((receiver, work, then, problem))
        self._work: Callable[[], Any] | None = work

    def run(self) -> None:
        """The pool's thread."""
        # What the work refers to may be a widget: its last reference must go on the window's thread, where the
        # post office holds one, and not here.
        work, self._work = self._work, None
        answer: Any = None
        failed = True
        try:
            answer = work() if work is not None else None
            failed = False
        except StudioError as problem:
            answer = problem
        except Exception as problem:  # shown with its name; the window goes on
            answer = StudioError(f"Unexpected {type(problem).__name__}: {problem}")
        if failed:
            answer.__traceback__ = None
        del work
        if isValid(self._post):  # not once the application has gone
            self._post.arrived.emit(self._number, failed, answer)

    def start(self, pool: QThreadPool | None = None) -> None:
        """Queue the work."""
        (pool or QThreadPool.globalInstance()).start(self)


class _PostOffice(QObject):
    """Brings answers to the window's thread. One for all tasks: no QObject is made or deleted for a task."""

    arrived = Signal(int, bool, object)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[int, Waiting] = {}
        self._numbers = count(1)
        self.arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def expect(self, waiting: Waiting) -> int:
        """Number under which the answer will come."""
        number = next(self._numbers)
        self._waiting[number] = waiting
        return number

    @Slot(int, bool, object)
    def _deliver(self, number: int, failed: bool, answer: Any) -> None:
        receiver, _, then, problem = self._waiting.pop(number)
        if isValid(receiver):
            (problem if failed else then)(answer)


@cache
def _post_office() -> _PostOffice:
    return _PostOffice()
