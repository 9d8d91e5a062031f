"""The search runs of the project: which there are, what they found, and which one is shown."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QAbstractTableModel, Qt, Signal
from PySide6.QtWidgets import QHeaderView

from nasstudio.engine.project.records import RunRecord
from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.table import DataTable
from nasstudio.ui.pages.search.words import algorithm_title
from nasstudio.ui.theme import theme
from nasstudio.ui.views.search_runs import search_spec

Role = Qt.ItemDataRole
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class HistoryModel(QAbstractTableModel):
    """One row a search run of the project's space, the newest first."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._runs: list[RunRecord] = []
        self._shown: tuple[str, ...] = ()

    def set_runs(self, runs: list[RunRecord], shown: tuple[str, ...]) -> None:
        """Show these runs; `shown` are those whose archives are in the plot."""
        if runs == self._runs and shown == self._shown:
            return
        self.beginResetModel()
        self._runs, self._shown = runs, shown
        self.endResetModel()

    def run(self, row: int) -> RunRecord:
        """The run of a row."""
        return self._runs[row]

    def rowCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._runs)

    def columnCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else 7

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return (
                self.tr("Search"), self.tr("Algorithm"), self.tr("Limits"), self.tr("Evaluated"),
                self.tr("Hypervolume"), self.tr("State"), self.tr("When"),
            )[section]  # fmt: skip
        if role == Role.TextAlignmentRole and section in (3, 4):
            return _RIGHT
        return None

    def data(self, index: Any, role: int = Role.DisplayRole) -> Any:
        run, column = self._runs[index.row()], index.column()
        if role == Role.DisplayRole:
            return self._text(run, column)
        if role == Role.EditRole:
            raw = {3: run.summary.get("evaluated"), 4: run.summary.get("hypervolume")}.get(column)
            return self._text(run, column) if raw is None else raw
        if role == Role.TextAlignmentRole and column in (3, 4):
            return _RIGHT
        if role == Role.FontRole and run.id in self._shown and column == 0:
            return fonts.font(13, fonts.SEMIBOLD)
        if role == Role.DecorationRole and column == 0:
            on = run.id in self._shown
            return pixmap(
                "eye" if on else "eye-off", metrics.ICON_CELL, "accent" if on else "faint"
            )
        if role == Role.ToolTipRole:
            return run.note or run.id
        return None

    def _text(self, run: RunRecord, column: int) -> str:
        spec, summary = search_spec(run), run.summary
        when = time.strftime("%d %b %H:%M", time.localtime(run.created))
        limits = (
            ", ".join(f"{x.metric.split(':')[-1]} ≤ {x.most:g}" for x in spec.limits)
            if spec
            else ""
        )
        evaluated, volume = summary.get("evaluated"), summary.get("hypervolume")
        return (
            run.name,
            algorithm_title(spec.algorithm.name) if spec else "",
            limits or self.tr("none"),
            "–" if evaluated is None else written(float(evaluated)),
            "–" if volume is None else written(float(volume), 3),
            run.state,
            when,
        )[column]


class HistoryTable(DataTable):
    """The table. `chosen(run_id)` when another run is to be shown."""

    chosen = Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent, name=self.tr("Search runs"))
        self.rows = HistoryModel(self)
        self.setModel(self.rows)
        self.setEditTriggers(DataTable.EditTrigger.NoEditTriggers)
        self.setSelectionMode(DataTable.SelectionMode.SingleSelection)
        head = self.horizontalHeader()
        for column, width in enumerate((150, 106, 120, 82, 98, 76, 106)):
            self.setColumnWidth(column, width)
        head.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.setToolTip(self.tr("Click a search, or press Enter on it, to show its networks"))
        self.clicked.connect(lambda index: self.chosen.emit(self.rows.run(index.row()).id))
        self.activated.connect(lambda index: self.chosen.emit(self.rows.run(index.row()).id))
        theme().changed.connect(self.viewport().update)
