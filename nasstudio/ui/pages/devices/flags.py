"""Cells that look wrong: found off the window's thread, shown with the reason, measured again or kept."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, Qt, QThreadPool, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from nasstudio.engine.cost.checks import Flag, suspicious
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.errors import StudioError
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import ghost_button, soft_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.popover import Popover
from nasstudio.ui.tables.latency_model import LatencyModel, shown_label
from nasstudio.ui.workers.tasks import Task

CHOICE = "kept_flags"


def kept_key(table: LatencyTable, row: int, column: int) -> str:
    """Names a cell and its time: a flag that was kept comes back when the time changes."""
    ms = table.cells.ms[row, column]
    return f"{table.devices[column].id} {ms:.6g} {table.labels[row]}"


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
        table = self._model.table.copy()
        kept = self._kept

        def work() -> tuple[LatencyTable, dict[tuple[int, int], Flag]]:
            flags: dict[tuple[int, int], Flag] = {}
            for flag in suspicious(table):
                if kept_key(table, flag.row, flag.column) not in kept:
                    flags.setdefault((flag.row, flag.column), flag)
            return table, flags

        Task(self, work, self._arrived, self._failed).start(self._pool)

    def _arrived(self, answer: tuple[LatencyTable, dict[tuple[int, int], Flag]]) -> None:
        self._busy = False
        table, flags = answer
        now = self._model.table
        if table.labels != now.labels or table.devices != now.devices:
            self.check_soon()
            return
        self._model.set_flags(flags)
        self.found.emit(len(flags))

    def _failed(self, problem: StudioError) -> None:
        self._busy = False
        self.failed.emit(problem)


class FlagPopover(Popover):
    """Why a cell is flagged. `measure_asked(row, column)`, `keep_asked(row, column)` of the table."""

    measure_asked = Signal(int, int)
    keep_asked = Signal(int, int)

    def __init__(
        self, model: LatencyModel, flag: Flag, *, measurable: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, width=330)
        self._at = (flag.row, flag.column)
        cells, at = model.table.cells, self._at
        row = QHBoxLayout()
        row.setSpacing(12)
        icon = QLabel(self)
        icon.setPixmap(pixmap("warn", 18, "bad"))
        icon.setFixedSize(18, 18)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(label(title_of(flag), "name", wrap=True))
        layer = shown_label(model.table.labels[flag.row])
        said = f"{layer} takes {cells.ms[at]:.3g} ms: {flag.reason}."
        if cells.p10[at] == cells.p10[at]:
            said += f" 10 to 90 %: {cells.p10[at]:.3g} to {cells.p90[at]:.3g} ms, n = {int(cells.n[at])}."
        column.addWidget(label(said, "secondary", "muted", wrap=True))
        buttons = QHBoxLayout()
        self.measure = soft_button(self.tr("Measure again"), "gauge").set_small()
        self.measure.setEnabled(measurable)
        self.measure.setToolTip(
            self.tr("Measure this one row again on this machine")
            if measurable
            else self.tr("Only rows of the space can be measured, on a device of this machine")
        )
        self.keep = ghost_button(self.tr("Keep"), None).set_small()
        self.keep.setToolTip(self.tr("The time is right: do not flag it again unless it changes"))
        buttons.addWidget(self.measure)
        buttons.addWidget(self.keep)
        buttons.addStretch(1)
        column.addSpacing(4)
        column.addLayout(buttons)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        row.setStretch(1, 1)
        self.body.addLayout(row)
        self.measure.clicked.connect(self._measure)
        self.keep.clicked.connect(self._keep)

    def _measure(self) -> None:
        self.hide()
        self.measure_asked.emit(*self._at)

    def _keep(self) -> None:
        self.hide()
        self.keep_asked.emit(*self._at)


def title_of(flag: Flag) -> str:
    """A flag in one line."""
    if flag.reason.startswith("faster than"):
        return "A larger layer is faster than a smaller one"
    if "times above" in flag.reason:
        return "Much slower than it should be"
    if "times below" in flag.reason:
        return "Much faster than it should be"
    return "This is not a time"
