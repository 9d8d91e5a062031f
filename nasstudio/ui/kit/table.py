"""The table of the design: rows of 28 px, numbers at the right, copy to a spreadsheet, export as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QTableView,
    QWidget,
)

from nasstudio.engine.atomic import write_atomic
from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.number import MINUS
from nasstudio.ui.theme import theme


def is_number(value: object) -> bool:
    """True for what is aligned at the right."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class TableDelegate(QStyledItemDelegate):
    """Numbers at the right unless the model says otherwise, with a typographic minus."""

    def initStyleOption(self, option, index) -> None:
        super().initStyleOption(option, index)
        if index.data(Qt.ItemDataRole.TextAlignmentRole) is None and (
            is_number(index.data(Qt.ItemDataRole.EditRole))
            or is_number(index.data(Qt.ItemDataRole.DisplayRole))
        ):
            option.displayAlignment = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        option.text = (
            option.text.replace("-", MINUS, 1)
            if option.text[:1] == "-" and option.text[1:2].isdigit()
            else option.text
        )


class DataTable(QTableView):
    """A table of rows. Give it a model; a sortable one is sorted by clicking its header.

    Ctrl+C copies the selected cells as tab-separated text with their raw values (`EditRole`), as spreadsheets take it.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        name: str = "",
        row_height: int = metrics.ROW_HEIGHT,
        select_rows: bool = True,
    ) -> None:
        super().__init__(parent)
        self.setFont(fonts.font())
        self.setAccessibleName(name or self.tr("Table"))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setItemDelegate(TableDelegate(self))
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        behaviour = QAbstractItemView.SelectionBehavior
        self.setSelectionBehavior(behaviour.SelectRows if select_rows else behaviour.SelectItems)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self.setTabKeyNavigation(False)
        self._select_rows = select_rows
        self._style_headers(row_height)

    def _style_headers(self, row_height: int) -> None:
        head = self.horizontalHeader()
        head.setFont(fonts.font(11, fonts.SEMIBOLD))
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setMinimumSectionSize(32)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setFixedHeight(32)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        side = self.verticalHeader()
        side.setVisible(False)
        side.setDefaultSectionSize(row_height)
        side.setMinimumSectionSize(row_height)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        width = self.viewport().width()
        painter.setPen(theme().color("border"))
        first, last = self._rows_in_sight()
        selected = self._selected_rows() if self._select_rows else set()
        accent = theme().color("accent")
        for row in range(first, last + 1):
            top, height = self.rowViewportPosition(row), self.rowHeight(row)
            painter.drawLine(0, top + height - 1, width, top + height - 1)
            if row in selected:
                painter.fillRect(0, top, 3, height, accent)

    def _rows_in_sight(self) -> tuple[int, int]:
        model = self.model()
        rows = model.rowCount() if model is not None else 0
        if not rows:
            return 0, -1
        last = self.rowAt(self.viewport().height() - 1)
        return max(0, self.rowAt(0)), rows - 1 if last < 0 else last

    def _selected_rows(self) -> set[int]:
        chosen = self.selectionModel()
        if chosen is None:
            return set()
        selection = chosen.selection()
        spans = [selection.at(place) for place in range(selection.size())]
        return {row for span in spans for row in range(span.top(), span.bottom() + 1)}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selection()
            event.accept()
            return
        super().keyPressEvent(event)

    def selection_text(self) -> str:
        """The selected cells as tab-separated text; a gap in the selection is an empty cell."""
        chosen = self.selectionModel().selectedIndexes() if self.selectionModel() else []
        shown = [i for i in chosen if not self.isColumnHidden(i.column())]
        if not shown:
            return ""
        head = self.horizontalHeader()
        rows = sorted({i.row() for i in shown})
        columns = sorted({i.column() for i in shown}, key=head.visualIndex)
        cells = {(i.row(), i.column()): _raw(i) for i in shown}
        return "\n".join("\t".join(cells.get((r, c), "") for c in columns) for r in rows)

    def copy_selection(self) -> None:
        """Put the selected cells on the clipboard."""
        text = self.selection_text()
        if text:
            QGuiApplication.clipboard().setText(text)

    def csv_text(self) -> str:
        """All rows and visible columns as CSV, with the column heads, in the order shown."""
        model, head = self.model(), self.horizontalHeader()
        if model is None:
            return ""
        columns = [
            c
            for c in sorted(range(model.columnCount()), key=head.visualIndex)
            if not self.isColumnHidden(c)
        ]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        across = Qt.Orientation.Horizontal
        writer.writerow([str(model.headerData(c, across) or "") for c in columns])
        for row in range(model.rowCount()):
            writer.writerow([_raw(model.index(row, c)) for c in columns])
        return out.getvalue()

    def export_csv(self, path: Path) -> None:
        """Write `csv_text` to `path`. Raises `StudioError` if it can't be written."""
        write_atomic(Path(path), self.csv_text().encode("utf-8"))


def _raw(index: QModelIndex | QPersistentModelIndex) -> str:
    value = index.data(Qt.ItemDataRole.EditRole)
    if value is None:
        value = index.data(Qt.ItemDataRole.DisplayRole)
    return "" if value is None else str(value)
