"""LatencyView: the table editor's view. Selection with its sum, copy and paste with spreadsheets, groups that open.

The keys are those of a spreadsheet: Ctrl+C, Ctrl+V, Delete, F2 or typing to edit, Space to open a group.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.popover import menu
from nasstudio.ui.tables.delegate import LatencyDelegate, column_width
from nasstudio.ui.tables.header import LatencyHeader
from nasstudio.ui.tables.latency_model import OPERATION, LatencyModel
from nasstudio.ui.tables.values import parse_block, written_block, written_ms
from nasstudio.ui.theme import theme

MOST_SUMMED = 5000


class LatencyView(QTableView):
    """Shows a `LatencyModel`.

    Signals
    -------
    flag_clicked(QModelIndex) : a flagged cell was clicked.
    summarised(str) : what is selected, e.g. "4 cells · sum 1.012 ms"; empty for one cell or none.
    device_menu(column, QPoint) : the menu of a device's column is asked for.
    """

    flag_clicked = Signal(object)
    summarised = Signal(str)
    device_menu = Signal(int, object)

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = model
        self._summary = ""
        self.setModel(model)
        self.setItemDelegate(LatencyDelegate(model, self))
        self.setAccessibleName(self.tr("Latency table: operations by devices"))
        self.setFont(fonts.font())
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self._style_headers()
        model.modelReset.connect(self._size_columns)
        self.clicked.connect(self._clicked)
        self.selectionModel().selectionChanged.connect(self._selection_changed)
        model.dataChanged.connect(self._selection_changed)
        theme().changed.connect(self.viewport().update)
        self._size_columns()

    def _style_headers(self) -> None:
        self.head = LatencyHeader(self._table, self)
        self.setHorizontalHeader(self.head)
        self.head.sectionClicked.connect(self._head_clicked)
        self.head.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.head.customContextMenuRequested.connect(self._head_menu)
        side = self.verticalHeader()
        side.setVisible(False)
        side.setMinimumSectionSize(metrics.ROW_HEIGHT_EDITOR)
        side.setDefaultSectionSize(metrics.ROW_HEIGHT_EDITOR)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def _size_columns(self) -> None:
        columns = self._table.columnCount()
        head = self.horizontalHeader()
        for column in range(columns):
            stretch = column == OPERATION
            mode = QHeaderView.ResizeMode
            head.setSectionResizeMode(column, mode.Stretch if stretch else mode.Interactive)
            if not stretch:
                self.setColumnWidth(column, self._width(column, columns))
        self._selection_changed()

    def _width(self, column: int, columns: int) -> int:
        """Wide enough for the head, narrower where there are many devices."""
        usual = column_width(column, columns)
        if self._table.device_at(column) is None:
            return usual
        text = self._table.headerData(column, Qt.Orientation.Horizontal)
        needed = fonts.width(str(text), 11, fonts.SEMIBOLD) + 28
        room = max(108, (self.viewport().width() - 490) // max(1, columns - 3))
        return max(108, min(room, max(usual, needed)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            columns = self._table.columnCount()
            for column in range(1, columns):
                self.setColumnWidth(column, self._width(column, columns))

    # -- sorting and groups -------------------------------------------------------------------------------------

    def _head_clicked(self, column: int) -> None:
        """Slowest first, then fastest first, then the groups again."""
        now = self._table.sorting
        if now is None or now[0] != column:
            self.sort(column, descending=column != OPERATION)
        elif now[1] == (column != OPERATION):
            self.sort(column, descending=not now[1])
        else:
            self.sort(None)

    def sort(self, column: int | None, *, descending: bool = False) -> None:
        """Sort by a column, or show groups (None)."""
        self._table.set_sorting(column, descending=descending)
        self.head.viewport().update()

    def _head_menu(self, place: QPoint) -> None:
        column = self.horizontalHeader().logicalIndexAt(place)
        if self._table.device_at(column) is not None:
            self.device_menu.emit(column, self.horizontalHeader().mapToGlobal(place))

    def _clicked(self, index: QModelIndex) -> None:
        if self._table.table_row(index.row()) is None:
            self._toggle(index.row())
            return
        at = self._table.cell_at(index)
        if at is not None and at in self._table.flags_of:
            self.flag_clicked.emit(index)

    def _toggle(self, row: int) -> None:
        place = self.verticalScrollBar().value()
        self._table.toggle_group(row)
        self.verticalScrollBar().setValue(place)
        self.setCurrentIndex(self._table.index(min(row, self._table.rowCount() - 1), OPERATION))

    def show_cell(self, row: int, column: int) -> QModelIndex:
        """Scroll to a cell of the table, opening its group; an invalid index if the filter hides it."""
        group = self._table.facts.groups[self._table.facts.group[row]]
        if self._table.sorting is None and group in self._table.collapsed:
            heads = np.flatnonzero(
                self._table.layout.rows == -(int(self._table.facts.group[row]) + 1)
            )
            if len(heads):
                self._table.toggle_group(int(heads[0]))
        shown = self._table.shown_row(row)
        if shown is None:
            return QModelIndex()
        index = self._table.index(shown, column + 2)
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.setCurrentIndex(index)
        return index

    # -- keys ---------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        standard = QKeySequence.StandardKey
        if event.matches(standard.Copy):
            self.copy()
        elif event.matches(standard.Paste):
            self.paste()
        elif event.matches(standard.Undo):
            self._table.undo_stack.undo()
        elif event.matches(standard.Redo):
            self._table.undo_stack.redo()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._table.clear(self.selectedIndexes())
        elif self._on_head() and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return):
            self._toggle(self.currentIndex().row())
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def _on_head(self) -> bool:
        index = self.currentIndex()
        return index.isValid() and self._table.table_row(index.row()) is None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        made = menu(parent=self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, keys, act in (
            (self.tr("Copy"), QKeySequence.StandardKey.Copy, self.copy),
            (self.tr("Paste"), QKeySequence.StandardKey.Paste, self.paste),
            (self.tr("Clear"), QKeySequence.StandardKey.Delete, self._clear),
        ):
            action = QAction(text, made)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(act)
            made.addAction(action)
        made.popup(event.globalPos())

    def _clear(self) -> None:
        self._table.clear(self.selectedIndexes())

    def copy(self) -> None:
        """Put the selected cells on the clipboard, as spreadsheets take them."""
        text = self.selection_text()
        if text:
            QGuiApplication.clipboard().setText(text)

    def selection_text(self) -> str:
        """The selected cells as tab-separated lines, with what is not selected left empty."""
        chosen = [i for i in self.selectedIndexes() if self._table.table_row(i.row()) is not None]
        if not chosen:
            return ""
        rows = sorted({i.row() for i in chosen})
        columns = sorted({i.column() for i in chosen})
        texts = {(i.row(), i.column()): str(i.data(Qt.ItemDataRole.EditRole) or "") for i in chosen}
        return written_block([[texts.get((r, c), "") for c in columns] for r in rows])

    def paste(self) -> None:
        """Put what a spreadsheet copied at the top left of the selection."""
        block = parse_block(QGuiApplication.clipboard().text())
        chosen = self.selectedIndexes() or [self.currentIndex()]
        corner = min(chosen, key=lambda i: (i.row(), i.column()))
        if not block or not corner.isValid():
            return
        try:
            self._table.paste(corner, block, chosen)
        except InvalidInput as problem:
            self._table.rejected.emit(problem)
            return
        self._select_block(corner, len(block), len(block[0]))

    def _select_block(self, corner: QModelIndex, rows: int, columns: int) -> None:
        if rows * columns == 1:
            return
        bottom = corner.row()
        found = 0
        for row in range(corner.row(), self._table.rowCount()):
            if self._table.table_row(row) is not None:
                found, bottom = found + 1, row
            if found == rows:
                break
        last = self._table.index(bottom, corner.column() + columns - 1)
        self.selectionModel().select(
            QItemSelection(corner, last), QItemSelectionModel.SelectionFlag.ClearAndSelect
        )

    # -- what is selected ---------------------------------------------------------------------------------------

    def _selection_changed(self, *_: object) -> None:
        text = ""
        cells = self._selected_cells()
        if len(cells) > 1:
            rows, columns = np.array(cells).T
            ms = self._table.table.cells.ms[rows, columns]
            known = ms[~np.isnan(ms)]
            text = self.tr("{0} cells").format(f"{len(cells):,}")
            if len(known) < len(cells):
                text += self.tr(", {0} known").format(f"{len(known):,}")
            if len(known):
                text += self.tr(" · sum {0} ms").format(written_ms_exact(float(known.sum())))
        self._summary = text
        self.summarised.emit("" if self._tag_place() else text)
        self.viewport().update()

    def _selected_cells(self) -> list[tuple[int, int]]:
        """Selected times; none where so much is selected that a sum says nothing."""
        size = sum(s.width() * s.height() for s in self.selectionModel().selection().toList())
        if size > MOST_SUMMED:
            return []
        return [at for at in map(self._table.cell_at, self.selectedIndexes()) if at is not None]

    def _bounds(self) -> tuple[QRect, int, int] | None:
        """Rectangle of a selection of times that is one block, with its first and last row."""
        spans = self.selectionModel().selection()
        size = sum(s.width() * s.height() for s in spans.toList())
        if not 1 < size <= MOST_SUMMED or self._table.rowCount() == 0:
            return None
        cells = [i for i in spans.indexes() if self._table.cell_at(i) is not None]
        if len(cells) < 2:
            return None
        rows = [i.row() for i in cells]
        columns = [i.column() for i in cells]
        shown = [r for r in range(min(rows), max(rows) + 1) if self._table.table_row(r) is not None]
        if len(cells) != len(shown) * (max(columns) - min(columns) + 1):
            return None
        first = self.visualRect(self._table.index(min(rows), min(columns)))
        last = self.visualRect(self._table.index(max(rows), max(columns)))
        return first.united(last), min(rows), max(rows)

    def _tag_place(self) -> QRect | None:
        """Where the tag with the sum covers no number: over the head of a group above or below the selection."""
        bounds = self._bounds()
        if bounds is None or not self._summary:
            return None
        box, top, bottom = bounds
        width = fonts.width(self._summary, 11, fonts.SEMIBOLD) + 24
        left = max(4, box.right() - width)
        if top > 0 and self._table.table_row(top - 1) is None:
            return QRect(left, box.top() - 26, width, 22)
        rows = self._table.rowCount()
        if bottom + 1 == rows or self._table.table_row(bottom + 1) is None:
            return QRect(left, box.bottom() + 5, width, 22)
        return None

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        bounds = self._bounds()
        if bounds is None:
            return
        colors = theme()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colors.color("accent"), 2))
        painter.drawRoundedRect(QRectF(bounds[0]).adjusted(1, 1, -1, -2), 3, 3)
        place = self._tag_place()
        if place is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("tip"))
            painter.drawRoundedRect(QRectF(place), 4, 4)
            painter.setFont(fonts.font(11, fonts.SEMIBOLD))
            painter.setPen(colors.color("on_tip"))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self._summary)


def written_ms_exact(ms: float) -> str:
    """A sum with one figure more than its parts."""
    return f"{ms:.4g}" if ms < 1000 else written_ms(ms)
