"""Lane: work of one kind, one after another off the window's thread; of what waits only the newest is done.

Small work is done at once, where it is asked for: a thread would make it wait for a turn of the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QThreadPool

from nasstudio.engine.errors import StudioError
from nasstudio.ui.workers.tasks import Task


@dataclass(frozen=True)
class _Work:
    work: Callable[[], Any]
    then: Callable[[Any], None]
    problem: Callable[[StudioError], None]


class Lane(QObject):
    """Does the newest of what it is asked for; `then(result)` follows on the window's thread."""

    def __init__(self, pool: QThreadPool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = pool
        self._busy = False
        self._next: _Work | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._busy

    def run(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        problem: Callable[[StudioError], None],
        *,
        now: bool = False,
    ) -> None:
        """Do `work` in the pool, or `now` unless something is under way already."""
        if self._busy:
            self._next = _Work(work, then, problem)
        elif now:
            then(work())
        else:
            self._start(_Work(work, then, problem))

    def _start(self, work: _Work) -> None:
        self._busy = True

        def arrived(answer: Any) -> None:
            self._ended(lambda: work.then(answer))

        def failed(problem: StudioError) -> None:
            self._ended(lambda: work.problem(problem))

        Task(self, work.work, arrived, failed).start(self._pool)

    def _ended(self, deliver: Callable[[], None]) -> None:
        """Deliver, and then go on: what waits begins from what has been delivered."""
        self._busy = False
        waiting, self._next = self._next, None
        deliver()
        if waiting is None:
            return
        if self._busy:
            self._next = self._next or waiting
        else:
            self._start(waiting)
