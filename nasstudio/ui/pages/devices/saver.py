"""TableSaver: what a person changes in the table goes to the project, in order, without a wait.

The first change is sent at once; what comes while one is being saved is sent together after it. Until a change has
been saved it is laid over every snapshot, so that nothing jumps back.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.project import Project
from nasstudio.ui.tables.change import TableChange, apply
from nasstudio.ui.workbench import Workbench


class TableSaver(QObject):
    """Saves changes of the latency table; `failed(StudioError)` if the project could not take them."""

    failed = Signal(object)

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._sent: tuple[TableChange, ...] = ()
        self._queue: list[TableChange] = []
        workbench.closed.connect(self.forget)

    @property
    def idle(self) -> bool:
        """Whether everything has been saved."""
        return not self._sent and not self._queue

    def push(self, change: TableChange) -> None:
        """Save a change."""
        self._queue.append(change)
        self._send()

    @property
    def unsaved(self) -> tuple[TableChange, ...]:
        """Changes that the newest snapshot may lack, in their order."""
        return (*self._sent, *self._queue)

    def laid_over(self, table: LatencyTable) -> LatencyTable:
        """A table of its own with everything that has not been saved yet."""
        return with_changes(table, self.unsaved)

    def forget(self) -> None:
        """Drop what has not been sent."""
        self._sent, self._queue = (), []

    def _send(self) -> None:
        if self._sent or not self._queue:
            return
        self._sent, self._queue = tuple(self._queue), []
        changes = self._sent
        self._workbench.do(lambda project: _save(project, changes), self._saved, self._lost)

    def _saved(self, _: object) -> None:
        self._sent = ()
        self._send()

    def _lost(self, problem: StudioError) -> None:
        self.forget()
        self.failed.emit(problem)


def with_changes(table: LatencyTable, changes: Sequence[TableChange]) -> LatencyTable:
    """A table of its own with the changes. For another thread where it is large."""
    made = table.copy()
    for change in changes:
        made = apply(made, change)
    return made


def _save(project: Project, changes: tuple[TableChange, ...]) -> None:
    before = project.table
    project.table = with_changes(before, changes)
    try:
        project.save_table()
    except StudioError:
        project.table = before
        raise
