"""ArchiveFeed: brings archives to the window, off its thread, and keeps bringing what is added to them.

One worker thread owns the `Collector`; every answer comes as a signal on the window's thread. An answer to something
that was asked before the last `load` or `clear` is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.views.answer import Arrangement, arrange
from nasstudio.ui.views.seen import Collector, Explanation, Ground, Seen, Source, ground
from nasstudio.ui.workers.tasks import Task

Axes = tuple[str, str]
_GROW_MS = 150
_Loaded = tuple[Ground, Collector, Arrangement, StudioError | None]


class ArchiveFeed(QObject):
    """Loads, follows and explains.

    Signals
    -------
    loaded(Ground, Arrangement) : after `load`.
    arranged(Arrangement) : more networks, or other axes.
    explained(Explanation) : after `explain`, for the last limits that were asked about.
    failed(StudioError) : an archive or the predictor does not read; what does read is brought all the same.
    """

    loaded = Signal(object, object)
    arranged = Signal(object)
    explained = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._timer = QTimer(self, singleShot=True, interval=_GROW_MS)
        self._timer.timeout.connect(self._grow)
        self._token = 0
        self._forget()

    def _forget(self) -> None:
        self._token += 1
        self._collector: Collector | None = None
        self._ground: Ground | None = None
        self._latest: Arrangement | None = None
        self._axes: Axes = ("", ACCURACY)
        self._growing = self._grow_again = False
        self._explaining = False
        self._asked: tuple[Limit, ...] | None = None

    def clear(self) -> None:
        """Forget everything; what is being read is dropped when it comes."""
        self._timer.stop()
        self._forget()

    def close(self) -> None:
        """Forget everything and wait for what is being read: the window goes."""
        self.clear()
        self._pool.waitForDone()

    def _task(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Work in the thread; what comes back too late is dropped, errors included."""
        token = self._token

        def arrived(result: Any) -> None:
            if token == self._token:
                then(result)

        def broken(problem: StudioError) -> None:
            if token == self._token:
                self._growing = self._explaining = False
                self.failed.emit(problem)

        Task(self, work, arrived, broken).start(self._pool)

    # -- loading and growing ------------------------------------------------------------------------------------

    def load(
        self,
        snapshot: Snapshot,
        space: SearchSpace,
        sources: Sequence[Source],
        predictor: Path | None,
        axes: Axes,
    ) -> None:
        """Read what a search stands on and the archives of `sources`; `axes` as far as there are such quantities."""
        self._timer.stop()
        self._forget()
        self._axes = axes
        table, digest = snapshot.table, snapshot.table_sha256

        def work() -> _Loaded:
            problem: StudioError | None = None
            try:
                found = ground(space, table, predictor)
            except StudioError as error:
                problem, found = error, ground(space, table, None)
            collector = Collector(space, table, digest, sources)
            try:
                seen = collector.grow()
            except StudioError as error:
                problem = error
                collector = Collector(space, table, digest, ())
                seen = collector.grow()
            return found, collector, _arranged(seen, found, axes), problem

        self._task(work, self._take)

    def _take(self, result: _Loaded) -> None:
        self._ground, self._collector, self._latest, problem = result
        self._axes = (self._latest.x_key, self._latest.y_key)
        self.loaded.emit(self._ground, self._latest)
        if problem is not None:
            self.failed.emit(problem)
        self._timer.start()  # rows that were written meanwhile

    def grow_soon(self) -> None:
        """There may be more rows: look in a moment, once for many calls."""
        if not self._timer.isActive():
            self._timer.start()

    def set_axes(self, x_key: str, y_key: str) -> None:
        """Arrange the networks on other axes."""
        self._axes = (x_key, y_key)
        self._grow()

    def _grow(self) -> None:
        """Take in new rows and arrange; calls during one growth become one more."""
        collector, found, before, axes = self._collector, self._ground, self._latest, self._axes
        if collector is None or found is None or before is None:
            return
        if self._growing:
            self._grow_again = True
            return
        self._growing = True

        def work() -> Arrangement:
            seen = collector.grow()
            same = len(before) == len(seen) and len(before.seen.curve) == len(seen.curve)
            if same and axes == (before.x_key, before.y_key):
                return before
            return _arranged(before.seen if same else seen, found, axes)

        self._task(work, self._grown)

    def _grown(self, arrangement: Arrangement) -> None:
        self._growing = False
        again = self._grow_again or (arrangement.x_key, arrangement.y_key) != self._axes
        self._grow_again = False
        if arrangement is not self._latest:
            self._latest = arrangement
            if (arrangement.x_key, arrangement.y_key) == self._axes:
                self.arranged.emit(arrangement)
        if again:
            self._grow()

    # -- explaining ---------------------------------------------------------------------------------------------

    def explain(self, limits: tuple[Limit, ...]) -> None:
        """Ask why the answer is what it is; while one question is open only the last one waits."""
        self._asked = limits
        self._explain()

    def _explain(self) -> None:
        collector, limits = self._collector, self._asked
        if collector is None or limits is None or self._explaining:
            return
        self._explaining = True
        self._asked = None
        self._task(lambda: collector.explain(limits), self._explained)

    def _explained(self, explanation: Explanation) -> None:
        self._explaining = False
        self.explained.emit(explanation)
        self._explain()


def _arranged(seen: Seen, found: Ground, axes: Axes) -> Arrangement:
    """Networks on the wanted axes, or on the first that there are."""
    keys = list(seen.values)
    first = found.metrics[0].key if found.metrics else ACCURACY
    x = axes[0] if axes[0] in keys else first if first in keys else keys[0]
    y = axes[1] if axes[1] in keys else ACCURACY
    return arrange(seen, x, y)
