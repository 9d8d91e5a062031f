"""Cells that look wrong: found off the window's thread, and forgotten where a person has said that they are right."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QObject, QThreadPool, QTimer, Signal

from nasstudio.engine.cost.checks import Flag, suspicious
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.project import Project
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.workers.tasks import Task

CHOICE = "kept_flags"


def kept_key(table: LatencyTable, row: int, column: int) -> str:
    """Names a cell and its time: a flag that was kept comes back when the time changes."""
    ms = table.cells.ms[row, column]
    return f"{table.devices[column].id} {ms:.6g} {table.labels[row]}"


def keeping(key: str) -> Callable[[Project], None]:
    """The change of the project that keeps a flagged cell as it is."""

    def keep(project: Project) -> None:
        choices = project.get("choices", dict, {})
        project.put("choices", {**choices, CHOICE: [*choices.get(CHOICE, []), key]})

    return keep


class FlagFinder(QObject):
    """Checks the table a moment after it has changed and marks the model. `found(int)` says how many flags stand."""

    found = Signal(int)
    failed = Signal(object)

    def __init__(
        self, model: LatencyModel, pool: QThreadPool, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._pool = pool
        self._kept: frozenset[str] = frozenset()
        self._all: list[Flag] = []
        self._busy = False
        self._timer = QTimer(self, singleShot=True, interval=120)
        self._timer.timeout.connect(self._check)

    def set_kept(self, kept: Collection[str]) -> None:
        """Cells that a person has looked at and kept, by `kept_key`."""
        if frozenset(kept) != self._kept:
            self._kept = frozenset(kept)
            self.check_soon()

    def check_soon(self) -> None:
        """The table has changed."""
        if not self._timer.isActive():
            self._timer.start()

    def _check(self) -> None:
        if self._busy:
            self._timer.start()
            return
        self._busy = True
        model, kept = self._model, self._kept
        table, revision = model.table, model.revision

        def work() -> tuple[dict[tuple[int, int], Flag], NDArray[np.bool_]]:
            flags: dict[tuple[int, int], Flag] = {}
            marks = np.zeros(table.shape, dtype=bool)
            for flag in suspicious(table):
                if kept_key(table, flag.row, flag.column) not in kept:
                    flags.setdefault((flag.row, flag.column), flag)
                    marks[flag.row, flag.column] = True
            return flags, marks

        def arrived(answer: tuple[dict[tuple[int, int], Flag], NDArray[np.bool_]]) -> None:
            self._busy = False
            if model.revision != revision or model.table.labels != table.labels:
                self.check_soon()  # an edit has overtaken it
                return
            if model.table is not table:
                self.check_soon()  # the places are the same, some times are newer: these flags do for now
            model.set_flags(*answer)
            self.found.emit(len(answer[0]))

        Task(self, work, arrived, self._failed).start(self._pool)

    def _failed(self, problem: StudioError) -> None:
        self._busy = False
        self.failed.emit(problem)


def title_of(flag: Flag) -> str:
    """A flag in one line."""
    if "faster than" in flag.reason:
        return tr("A larger layer is faster than a smaller one")
    if " above " in flag.reason:
        return tr("Much slower than it should be")
    if " below " in flag.reason:
        return tr("Much faster than it should be")
    return tr("This is not a time")


def tr(text: str) -> str:
    return QCoreApplication.translate("FlagFinder", text)
