"""DifferencePanel: a column of the table against another one or against a table file, in the editor's place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QStyle,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.cost.difference import ColumnDifference, compare
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device, distinct_names
from nasstudio.engine.errors import StudioError
from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.buttons import ghost_button, secondary_button, tool_button
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.table import DataTable, TableDelegate
from nasstudio.ui.tables.change import Block, TableChange
from nasstudio.ui.tables.difference_model import (
    APART,
    OPERATION,
    RATIO,
    STATE,
    DifferenceModel,
    DifferenceRows,
    Index,
    RowState,
    factor_text,
)
from nasstudio.ui.tables.lane import Lane
from nasstudio.ui.tables.latency_model import AT_ONCE, LatencyModel
from nasstudio.ui.tables.undo import TakeOver
from nasstudio.ui.theme import theme

Found = tuple[ColumnDifference, DifferenceRows]


class DifferencePanel(QWidget):
    """Rows with both times and their ratio; times of the right one can be taken over.

    Signals
    -------
    opened(), closed() : there is something to compare; a person goes back to the table.
    failed(StudioError) : a file can't be read.
    take_over_asked(make, command, cells) : as `TableActions.change` takes it.
    """

    opened = Signal()
    closed = Signal()
    failed = Signal(object)
    take_over_asked = Signal(object, object, int)

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._other: LatencyTable | None = None
        self._name = ""
        self._lane = Lane(model.pool, self)
        self.active = False
        self.rows = DifferenceModel(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        column.addWidget(Divider())
        self.view = DataTable(
            name=self.tr("Differences of two columns"), row_height=metrics.ROW_HEIGHT_EDITOR
        )
        self.view.setModel(self.rows)
        self.view.setItemDelegate(_DifferenceDelegate(self.rows, self.view))
        self.view.selectionModel().selectionChanged.connect(self._allow)
        column.addWidget(self.view, 1)
        self._size()
        model.dataChanged.connect(self._again)
        model.modelReset.connect(self._reset)

    # -- widgets ------------------------------------------------------------------------------------------------

    def _head(self) -> QWidget:
        head = QWidget()
        lines = QVBoxLayout(head)
        lines.setContentsMargins(16, 10, 12, 10)
        lines.setSpacing(6)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(8)
        second.setSpacing(8)
        self.left = Combo(name=self.tr("First column"), small=True)
        self.right = Combo(name=self.tr("Second column"), small=True)
        self.left.setToolTip(self.tr("The column of the table; what is taken over goes here"))
        self.right.setToolTip(self.tr("The column that it is compared with"))
        self.swap = tool_button("compare", self.tr("Exchange the two columns"), small=True)
        close = ghost_button(self.tr("Back to the table"), "left").set_small()
        close.setToolTip(self.tr("Show the latency table again"))
        first.addWidget(label(self.tr("Compare"), "secondary", "muted"))
        first.addWidget(self.left)
        first.addWidget(self.swap)
        first.addWidget(self.right)
        first.addStretch(1)
        first.addWidget(close)
        self.factor = Badge("", "soft")
        self.noise = Badge("", "muted")
        self.lone = Badge("", "muted")
        self.said = label("", "secondary", "muted")
        self.take = secondary_button(self.tr("Take over the selected"), "left").set_small()
        self.take_all = secondary_button(self.tr("Take over all"), "left").set_small()
        self.take.setToolTip(
            self.tr("Put the second time in the place of the first; it can be undone")
        )
        self.take_all.setToolTip(
            self.tr("Put every second time in the place of the first; it can be undone")
        )
        for widget in (self.factor, self.noise, self.lone, self.said):
            second.addWidget(widget)
        second.addStretch(1)
        second.addWidget(self.take)
        second.addWidget(self.take_all)
        lines.addLayout(first)
        lines.addLayout(second)
        self.left.chosen.connect(lambda _: self._compare())
        self.right.chosen.connect(lambda _: self._compare())
        self.swap.clicked.connect(self._exchange)
        close.clicked.connect(self.leave)
        self.take.clicked.connect(lambda: self._take_over(self._selected()))
        self.take_all.clicked.connect(lambda: self._take_over(np.arange(len(self.rows.rows))))
        return head

    def _size(self) -> None:
        head = self.view.horizontalHeader()
        head.setSectionResizeMode(OPERATION, QHeaderView.ResizeMode.Stretch)
        across = Qt.Orientation.Horizontal
        for column in range(1, self.rows.columnCount()):
            title = str(self.rows.headerData(column, across))
            needed = fonts.width(title, 11, fonts.SEMIBOLD) + 24
            self.view.setColumnWidth(column, max(needed, 150 if column == STATE else 112))

    # -- what is compared ---------------------------------------------------------------------------------------

    def with_device(self, left: str, right: str) -> None:
        """Compare two columns of the table, by device id."""
        self._begin(None, "")
        self.left.set_key(left)
        self.right.set_key(right)
        self._compare()

    def with_file(self, path: Path, left: str = "") -> None:
        """Compare a column with one of a table file: the same device's, if the file has it."""

        def arrived(other: LatencyTable) -> None:
            self.with_table(other, path.name, left)

        self._lane.run(lambda: read_table(path), arrived, self._fail)

    def with_table(self, other: LatencyTable, name: str, left: str = "") -> None:
        """Compare with a column of another table."""
        if not other.devices or not self._model.table.devices:
            self._fail(
                StudioError(
                    self.tr("There is no column to compare."),
                    where=name,
                    remedy=self.tr("Choose a table with times of operations."),
                )
            )
            return
        self._begin(other, name)
        ids = {device.id for device in other.devices}
        names = {device.name: device.id for device in other.devices}
        mine = self._model.table.devices
        known = next((d for d in mine if d.id == left), None)
        pair = known or next((d for d in mine if d.id in ids or d.name in names), mine[0])
        self.left.set_key(pair.id)
        self.right.set_key(pair.id if pair.id in ids else names.get(pair.name, other.devices[0].id))
        self._compare()

    def _begin(self, other: LatencyTable | None, name: str) -> None:
        self.active = True
        self._other, self._name = other, name
        mine = self._model.table.devices
        theirs = mine if other is None else other.devices
        suffix = f", {name}" if name else ""
        self.left.set_items(list(_named(mine).items()))
        self.right.set_items([(key, f"{name}{suffix}") for key, name in _named(theirs).items()])
        self.swap.setVisible(other is None)
        self.opened.emit()

    def leave(self) -> None:
        """Back to the table."""
        self.active = False
        self._other = None
        self.closed.emit()

    def _exchange(self) -> None:
        left, right = self.left.key(), self.right.key()
        self.left.set_key(right)
        self.right.set_key(left)
        self._compare()

    def _compare(self) -> None:
        left, right = str(self.left.key() or ""), str(self.right.key() or "")
        if not self.active or not left or not right:
            return
        mine = self._model.table
        other = mine if self._other is None else self._other

        def work() -> Found:
            found = compare(mine, other, [(left, right)]).columns[0]
            return found, DifferenceRows.of(found)

        small = max(mine.cells.ms.size, other.cells.ms.size) <= AT_ONCE
        self._lane.run(work, self._show, self._fail, now=small)

    def _again(self, *_: object) -> None:
        if self.active:
            self._compare()

    def _reset(self) -> None:
        if not self.active:
            return
        ids = [device.id for device in self._model.table.devices]
        if self.left.key() not in ids or (self._other is None and self.right.key() not in ids):
            self.leave()
        else:
            self._compare()

    def _fail(self, problem: StudioError) -> None:
        self.failed.emit(problem)

    # -- what is shown ------------------------------------------------------------------------------------------

    def _show(self, answer: Found) -> None:
        found, rows = answer
        mine = self._model.table.devices
        theirs = mine if self._other is None else self._other.devices
        self.rows.set_rows(rows, _named(mine)[found.left.id], _named(theirs)[found.right.id])
        self._size()
        states = np.bincount(rows.state, minlength=4)
        common = len(found.labels)
        self.factor.setVisible(common > 0)
        self.factor.set(self.tr("factor {0}").format(factor_text(found.factor)), "soft")
        self.factor.setToolTip(self.tr("The second column over the first, median of all rows"))
        beyond = int(states[RowState.BEYOND])
        self.noise.set(
            self.tr("{0} beyond the noise").format(written(beyond)), "warn" if beyond else "good"
        )
        lone = int(states[RowState.ONLY_LEFT] + states[RowState.ONLY_RIGHT])
        self.lone.set(self.tr("{0} in one only").format(written(lone)), "muted")
        self.lone.setVisible(lone > 0)
        self.said.setText(self.tr("{0} rows in both").format(written(common)))
        self.setAccessibleDescription(found.summary)
        self._allow()

    def _allow(self, *_: object) -> None:
        editable = self._model.editable
        self.take.setEnabled(editable and bool(self.view.selectionModel().selectedRows()))
        self.take_all.setEnabled(editable and len(self.rows.rows) > 0)

    def _selected(self) -> np.ndarray:
        spans = self.view.selectionModel().selection().toList()
        rows = [np.arange(span.top(), span.bottom() + 1) for span in spans]
        return np.unique(np.concatenate(rows)) if rows else np.zeros(0, np.intp)

    def _take_over(self, chosen: np.ndarray) -> None:
        """Cells of the second column in the place of the first's; rows that only the first has stay."""
        rows, model = self.rows.rows, self._model
        labels = tuple(rows.labels[i] for i in chosen if rows.state[i] != RowState.ONLY_LEFT)
        target = next((d for d in model.table.devices if d.id == self.left.key()), None)
        if not labels or target is None:
            return
        source = model.table if self._other is None else self._other
        column = source.column(str(self.right.key()))
        from_file = self._other is not None
        name = self._name or self.rows.names[1]

        def make() -> TableChange:
            at = np.array([source.row(one) for one in labels], dtype=np.intp)
            cells = source.cells.at((at, np.full(len(at), column, dtype=np.intp)))
            if from_file:
                cells.source[:] = Source.IMPORTED
            else:  # another device's spread is not this one's
                cells = Cells.of(cells.ms, Source.EDITED)
            return TableChange((Block(target, labels, cells),))

        self.take_over_asked.emit(make, lambda c, b: TakeOver(model, c, name, b), len(labels))


class _DifferenceDelegate(TableDelegate):
    """Ratios on a ground that says how far they are from 1; the arrow says it, too."""

    def __init__(self, rows: DifferenceModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows = rows
        self._strong = fonts.font(13, fonts.SEMIBOLD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if index.column() not in (RATIO, APART) or not index.data():
            super().paint(painter, option, index)
            return
        colors = theme()
        rows = self._rows.rows
        beyond = rows.state[index.row()] == RowState.BEYOND
        value = float((rows.ratio if index.column() == RATIO else rows.apart)[index.row()])
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, colors.color("soft"))
        strength = 0.5 + 0.5 * float(np.clip(np.log(value) / np.log(2), -1, 1))
        warm = beyond or index.column() == RATIO
        ground = colors.heat(strength) if warm else colors.color("sunk")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        box = QRectF(option.rect).adjusted(4, 4, -4, -5)
        painter.drawRoundedRect(box, metrics.RADIUS_CELL, metrics.RADIUS_CELL)
        painter.setFont(self._strong if beyond and index.column() == APART else fonts.font(13))
        painter.setPen(colors.heat_text() if warm else colors.color("text"))
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box.adjusted(8, 0, -10, 0), side, str(index.data()))
        painter.restore()


def _named(devices: Sequence[Device]) -> dict[str, str]:
    """Names by id."""
    return {d.id: name for d, name in zip(devices, distinct_names(devices), strict=True)}
