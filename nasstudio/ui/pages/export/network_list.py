"""The list of pinned and exported networks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.statemark import paint_state
from nasstudio.ui.pages.export.rows import ExportRow, Genome
from nasstudio.ui.pages.train.words import clock, percent
from nasstudio.ui.theme import theme

_ROW = 56
_COLUMN = 66


class _Model(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[ExportRow] = []
        self.busy: Genome | None = None

    def show_rows(self, rows: list[ExportRow], busy: Genome | None) -> bool:
        if rows == self.rows and busy == self.busy:
            return False
        self.beginResetModel()
        self.rows, self.busy = rows, busy
        self.endResetModel()
        return True

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ):
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.UserRole:
            return row
        if role == Qt.ItemDataRole.UserRole + 1:
            return row.genome == self.busy
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.name}. {self.note(row)}. " + self.tr(
                "Predicted {0} %, verified {1} %"
            ).format(
                percent(row.predicted.accuracy if row.predicted else None),
                percent(row.verified.get("accuracy")),
            )
        return None

    def note(self, row: ExportRow) -> str:
        """What has become of it."""
        if row.genome == self.busy:
            return self.tr("being exported")
        if not row.exported:
            return self.tr("not exported yet")
        when = clock(row.at) if row.at else ""
        if row.stale:
            return self.tr("exported {0} from an earlier supernet").format(when)
        return self.tr("exported {0} as {1}").format(when, row.title)


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option, index) -> QSize:
        return QSize(260, _ROW)

    def paint(self, painter: QPainter, option, index) -> None:
        colors = theme()
        row: ExportRow = index.data(Qt.ItemDataRole.UserRole)
        model: _Model = index.model()
        box: QRect = option.rect
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, colors.color("soft"))
            painter.fillRect(QRect(box.left(), box.top(), 3, box.height()), colors.color("accent"))
        painter.setPen(colors.color("border"))
        painter.drawLine(box.left() + 16, box.bottom(), box.right() - 16, box.bottom())
        left = self._mark(painter, row, box, busy=bool(index.data(Qt.ItemDataRole.UserRole + 1)))
        right = box.right() - 16
        room = right - 2 * _COLUMN - left
        strong, small = fonts.font(13, fonts.SEMIBOLD), fonts.font(11)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(strong)
        painter.setPen(colors.color("text"))
        name = QFontMetricsF(strong).elidedText(row.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, box.top() + 9, room, 18), middle, name)
        values = (row.predicted.accuracy if row.predicted else None, row.verified.get("accuracy"))
        for at, value in enumerate(values):
            place = QRect(right - (2 - at) * _COLUMN, box.top() + 9, _COLUMN, 18)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | middle, percent(value))
        painter.setFont(small)
        painter.setPen(colors.color("warn" if row.stale else "muted"))
        note = QFontMetricsF(small).elidedText(
            model.note(row), Qt.TextElideMode.ElideRight, right - left
        )
        painter.drawText(QRect(left, box.top() + 29, right - left, 16), middle, note)

    def _mark(self, painter: QPainter, row: ExportRow, box: QRect, *, busy: bool) -> int:
        """The pin's number as in the plot, or the state of what is not pinned. Returns where text begins."""
        colors = theme()
        place = QRectF(box.left() + 16, box.top() + 10, 18, 18)
        if busy or row.pin is None:
            paint_state(painter, place.adjusted(3, 3, -3, -3), "running" if busy else "done")
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("pin"))
            painter.drawRoundedRect(place, 4, 4)
            painter.setPen(colors.color("on_pin"))
            painter.setFont(fonts.font(11, fonts.SEMIBOLD))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, str(row.pin))
        return box.left() + 44


class NetworkList(QListView):
    """Networks; `chosen(ExportRow)` when another one is selected."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Model(self)
        self.setModel(self._model)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName(self.tr("Pinned and exported networks"))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(_ROW * 2)
        self.selectionModel().currentChanged.connect(self._changed)

    def current(self) -> ExportRow | None:
        """The selected network."""
        at = self.currentIndex().row()
        return self._model.rows[at] if 0 <= at < len(self._model.rows) else None

    def show_rows(self, rows: Sequence[ExportRow], busy: Genome | None) -> None:
        """Show networks; the selected one stays selected. `busy` is the one that is being exported."""
        before = self.current()
        self.selectionModel().blockSignals(True)
        changed = self._model.show_rows(list(rows), busy)
        at = next((i for i, r in enumerate(rows) if before and r.genome == before.genome), 0)
        if rows and changed:
            self.setCurrentIndex(self._model.index(at))
        self.selectionModel().blockSignals(False)
        if changed:
            self.viewport().update()

    def select(self, genome: Genome) -> None:
        """Select a network, if it is in the list."""
        at = next((i for i, r in enumerate(self._model.rows) if r.genome == genome), -1)
        if at >= 0:
            self.setCurrentIndex(self._model.index(at))

    def _changed(self) -> None:
        if (row := self.current()) is not None:
            self.chosen.emit(row)
