"""LatencyView: the table editor's view. Selection with its sum, the handle that copies, groups that open.

The keys are those of a spreadsheet: Ctrl+C, X, V, D, Delete; Enter, F2 or typing to edit; Shift+Space and Ctrl+Space
for rows and columns; Space to open a group; Escape to let go.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QHeaderView,
    QTableView,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.tables import marquee
from nasstudio.ui.tables.actions import TableActions
from nasstudio.ui.tables.chosen import Chosen, chosen, rows_between, summary
from nasstudio.ui.tables.copying import copied_text, spans_of
from nasstudio.ui.tables.delegate import LatencyDelegate, column_width
from nasstudio.ui.tables.fill_handle import FillHandle
from nasstudio.ui.tables.frozen import FrozenColumn
from nasstudio.ui.tables.header import LatencyHeader
from nasstudio.ui.tables.keeping import PlaceKeeper
from nasstudio.ui.tables.keys import TableKeys
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import FIRST_DEVICE, OPERATION
from nasstudio.ui.theme import theme

_Index = QModelIndex | QPersistentModelIndex
_Flag = QItemSelectionModel.SelectionFlag


class LatencyView(QTableView):
    """Shows a `LatencyModel`.

    Signals
    -------
    details_asked(QModelIndex) : a flagged cell was clicked, or details of one are asked for.
    summarised(str) : what is selected, e.g. "4 cells · sum 1.012 ms"; empty for one cell or none.
    device_menu(column, QPoint) : the menu of a device's column is asked for.
    cells_menu(QPoint) : the menu of the selected cells is asked for.
    """

    details_asked = Signal(object)
    summarised = Signal(str)
    device_menu = Signal(int, object)
    cells_menu = Signal(object)

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = model
        self._summary = ""
        self._sized: tuple[object, int] = ((), 0)
        self._chosen = Chosen(np.zeros(0, np.intp), np.zeros(0, np.intp))
        self._whole_rows = False
        self.actions_of = TableActions(model, self)
        self._delegate = LatencyDelegate(model, self)
        self._frozen = FrozenColumn(self, model, self._delegate)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName(self.tr("Latency table: operations by devices"))
        self.setFont(fonts.font())
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        corner = QWidget(self)
        corner.setProperty("ground", "none")
        self.setCornerWidget(corner)
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
        self._handle = FillHandle(self, model, self.actions_of)
        self._keys = TableKeys(self, model)
        self._keeper = PlaceKeeper(self, model)
        model.modelAboutToBeReset.connect(self._keeper.remember)
        model.modelReset.connect(self._reset)
        model.dataChanged.connect(self._selection_changed)
        self.clicked.connect(self._clicked)
        self.selectionModel().selectionChanged.connect(self._selection_changed)
        self.actions_of.pasted_at.connect(self._select_pasted)
        theme().changed.connect(self.viewport().update)
        self._size_columns()

    def _style_headers(self) -> None:
        self.head = LatencyHeader(self._table, self)
        self.setHorizontalHeader(self.head)
        self.head.sort_asked.connect(self._head_clicked)
        self.head.select_asked.connect(self.select_column)
        self.head.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.head.customContextMenuRequested.connect(self._head_menu)
        side = self.verticalHeader()
        side.setVisible(False)
        side.setMinimumSectionSize(metrics.ROW_HEIGHT_EDITOR)
        side.setDefaultSectionSize(metrics.ROW_HEIGHT_EDITOR)
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def _reset(self) -> None:
        self._size_columns()
        self._keeper.restore()
        self._selection_changed()

    # -- columns ------------------------------------------------------------------------------------------------

    def _size_columns(self) -> None:
        """Widths that a person has given stay until there are other columns, or another width for them."""
        columns = self._table.columnCount()
        shown = [column for column in range(1, columns) if not self._hide(column)]
        heads = tuple(self._table.headerData(c, Qt.Orientation.Horizontal) for c in shown)
        if (heads, self.viewport().width()) == self._sized:
            return
        self._sized = (heads, self.viewport().width())
        widths = {column: self._width(column, len(shown) - 2) for column in shown}
        room = self.viewport().width() - sum(widths.values())
        for column, width in {OPERATION: max(room, self._narrowest()), **widths}.items():
            if self.columnWidth(column) != width:
                self.setColumnWidth(column, width)

    def _hide(self, column: int) -> bool:
        """Hide a device that is known by whole networks: it has no times of operations. Says whether it is hidden."""
        device, table = self._table.device_at(column), self._table.table
        hidden = (
            device is not None
            and device.id in table.fitted
            and not table.cells.known[:, column - FIRST_DEVICE].any()
        )
        if self.isColumnHidden(column) != hidden:
            self.setColumnHidden(column, hidden)
        return hidden

    def _narrowest(self) -> int:
        """Room for most operations; they are cut where the window is small."""
        return 300 if self.viewport().width() >= 900 else 200

    def _width(self, column: int, devices: int) -> int:
        """Wide enough for the head, narrower where there are many devices."""
        usual = column_width(column, self._table.columnCount())
        if self._table.device_at(column) is None:
            return usual
        text = self._table.headerData(column, Qt.Orientation.Horizontal)
        needed = fonts.width(str(text), 11, fonts.SEMIBOLD) + 28
        others = self._narrowest() + 84 + 72
        room = max(96, (self.viewport().width() - others) // max(1, devices))
        return min(room, max(usual, needed))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._size_columns()

    def indexAt(self, place: QPoint) -> QModelIndex:
        if self._frozen.covers(place.x()):
            row = self.rowAt(place.y())
            return self._table.index(row, OPERATION) if row >= 0 else QModelIndex()
        return super().indexAt(place)

    def scrollTo(
        self,
        index: _Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        super().scrollTo(index, hint)
        self._frozen.uncover(index)

    # -- sorting, groups and columns ----------------------------------------------------------------------------

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
        self._keeper.sorted = True
        self._table.set_sorting(column, descending=descending)
        self.head.viewport().update()

    def select_column(self, column: int) -> None:
        """Select all times of a column that are shown."""
        self.setFocus()
        rows = self._table.rowCount()
        if rows:
            first = next(
                (r for r in range(min(rows, 2)) if self._table.table_row(r) is not None), 0
            )
            self.selectionModel().setCurrentIndex(self._table.index(first, column), _Flag.NoUpdate)
            self.select_block(0, rows - 1, column, column)

    def select_block(self, top: int, bottom: int, left: int, right: int) -> None:
        """Select a rectangle of shown cells."""
        block = QItemSelection(self._table.index(top, left), self._table.index(bottom, right))
        self.selectionModel().select(block, _Flag.ClearAndSelect)

    def _head_menu(self, place: QPoint) -> None:
        column = self.horizontalHeader().logicalIndexAt(place)
        if self._table.device_at(column) is not None:
            self.device_menu.emit(column, self.horizontalHeader().mapToGlobal(place))

    def _clicked(self, index: QModelIndex) -> None:
        if self._table.table_row(index.row()) is None:
            self.toggle(index.row())
            return
        at = self._table.cell_at(index)
        if at is not None and at in self._table.flags_of:
            self.details_asked.emit(index)

    def toggle(self, row: int) -> None:
        """Open or close the group whose head is shown at `row`."""
        place = self.verticalScrollBar().value()
        self._table.toggle_group(row)
        self.verticalScrollBar().setValue(place)
        self.setCurrentIndex(self._table.index(min(row, self._table.rowCount() - 1), OPERATION))

    def show_cell(self, row: int, column: int) -> QModelIndex:
        """Scroll to a cell of the table; an invalid index if a filter or a closed group hides it."""
        shown = self._table.shown_row(row)
        if shown is None:
            return QModelIndex()
        index = self._table.index(shown, column + FIRST_DEVICE)
        self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.setCurrentIndex(index)
        return index

    # -- keys ---------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._keys.press(event):
            event.accept()
        else:
            super().keyPressEvent(event)

    def let_go(self) -> None:
        """Nothing is selected, nothing drawn."""
        self._handle.let_go()
        self.clearSelection()

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        if self._delegate.entered:
            self._delegate.entered = False
            below = self.currentIndex().siblingAtRow(self.currentIndex().row() + 1)
            if below.isValid():
                self.setCurrentIndex(below)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        if index.isValid() and not self.selectionModel().isSelected(index):
            self.setCurrentIndex(index)
        self.cells_menu.emit(event.globalPos())

    def copy(self, *, heads: bool = False) -> None:
        """Put the selected cells on the clipboard, with `heads` with operations and devices."""
        self.actions_of.copy(self.selectionModel().selection(), heads=heads)

    def cut(self) -> None:
        """Copy the selected cells, then empty them."""
        self.actions_of.cut(self.selectionModel().selection(), self._chosen)

    def selection_text(self) -> str:
        """The selected cells as tab-separated lines, with what is not selected left empty."""
        return copied_text(self._table, spans_of(self.selectionModel().selection()))

    def paste(self) -> None:
        """Put what a spreadsheet copied at the top left of the selection."""
        self.actions_of.paste(QGuiApplication.clipboard().text(), self._chosen)

    def _select_pasted(self, rows: np.ndarray, columns: np.ndarray) -> None:
        places = self._table.layout.place[rows[rows >= 0]]
        if len(places) and (places >= 0).all() and (np.diff(places) > 0).all():
            left, right = int(columns.min()) + FIRST_DEVICE, int(columns.max()) + FIRST_DEVICE
            within = rows_between(self._table, int(places[0]), int(places[-1]))
            if len(within) == len(places):
                self.select_block(int(places[0]), int(places[-1]), left, right)

    # -- the pointer --------------------------------------------------------------------------------------------

    def selectionCommand(
        self, index: _Index, event: QEvent | None = None
    ) -> QItemSelectionModel.SelectionFlag:
        """Operations are the heads of their rows: pointing at one selects its row."""
        command = super().selectionCommand(index, event)
        if isinstance(event, QMouseEvent) and index.isValid():
            if event.type() == QEvent.Type.MouseButtonPress:
                self._whole_rows = index.column() == OPERATION
            if self._whole_rows:
                command |= _Flag.Rows
        return command

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._handle.press(event):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._handle.move(event):
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._handle.release(event):
            super().mouseReleaseEvent(event)

    @property
    def fillable(self) -> bool:
        """Whether cells can be changed now."""
        return self._table.editable and self._table.mode == "ms"

    # -- what is selected ---------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Chosen:
        """The selected times."""
        return self._chosen

    def _selection_changed(self, *_: object) -> None:
        self._chosen = chosen(self._table, self.selectionModel().selection())
        self._summary = summary(self._table, self._chosen)
        self.summarised.emit("" if self._tag_place() else self._summary)
        self.viewport().update()

    def _tag_place(self) -> QRect | None:
        block = self._chosen.block
        if block is None or not self._summary:
            return None
        box = marquee.block_rect(self, block)
        return marquee.tag_place(self._table, block, box, self._summary)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        block = self._chosen.block
        painter = QPainter(self.viewport())
        if block is not None:
            box = marquee.block_rect(self, block)
            if len(self._chosen) > 1 or self.fillable:
                marquee.paint_marquee(painter, box, handle=self.fillable)
            self._handle.paint(painter)
            place = self._tag_place()
            if place is not None:
                marquee.paint_tag(painter, place, self._summary)
        self._frozen.paint(painter)
