"""How a cell of the latency editor is painted and edited.

A time is a rounded ground on the heat scale with the mark of its source at the left and the number at the right; a
head of a group is a band. What is typed is checked when it is entered: a wrong text keeps the editor open and says why.
"""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, QPoint, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from nasstudio.engine.cost.table import Source
from nasstudio.engine.errors import InvalidInput
from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import set_tone
from nasstudio.ui.kit.statemark import paint_state
from nasstudio.ui.tables.latency_model import FIRST_DEVICE, OPERATION, Index, LatencyModel
from nasstudio.ui.tables.values import parse_ms
from nasstudio.ui.theme import theme

SOURCE_ICONS = {
    Source.MEASURED: "gauge",
    Source.IMPORTED: "import",
    Source.EDITED: "pencil",
    Source.INTERPOLATED: "interp",
}
_INSET_X, _INSET_Y = 4.0, 3.5


class LatencyDelegate(QStyledItemDelegate):
    """Paints the cells of a `LatencyModel`."""

    def __init__(self, model: LatencyModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._base = fonts.font(13)
        self._medium = fonts.font(13, fonts.MEDIUM)
        self._strong = fonts.font(13, fonts.SEMIBOLD)
        self._head = fonts.font(12, fonts.SEMIBOLD)
        self._small = fonts.font(12, fonts.MEDIUM)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model, box = self._model, QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if model.table_row(index.row()) is None:
            self._paint_head(painter, box, index)
        elif (at := model.cell_at(index)) is not None:
            chosen = bool(option.state & QStyle.StateFlag.State_Selected)
            self._paint_cell(painter, box, index, at, chosen)
        else:
            self._paint_text(painter, box, index, option)
        painter.restore()

    def _paint_head(self, painter: QPainter, box: QRectF, index: Index) -> None:
        colors = theme()
        painter.fillRect(box, colors.color("sunk"))
        if index.column() != OPERATION:
            return
        group = self._model.group_at(index.row())
        closed = group is not None and self._model.facts.groups[group] in self._model.collapsed
        mark = pixmap("right" if closed else "down", metrics.ICON_BUTTON, "muted")
        painter.drawPixmap(QPoint(12, int(box.center().y()) - 8), mark)
        painter.setFont(self._head)
        painter.setPen(colors.color("text"))
        text = self._model.data(index)
        painter.drawText(box.adjusted(36, 0, 400, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_text(
        self, painter: QPainter, box: QRectF, index: Index, option: QStyleOptionViewItem
    ) -> None:
        colors = theme()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, colors.color("soft"))
        left = index.column() == OPERATION
        painter.setFont(self._base)
        painter.setPen(colors.color("text" if left else "muted"))
        room = box.adjusted(36 if left else 8, 0, -12, -1)
        text = QFontMetricsF(self._base).elidedText(
            self._model.data(index) or "", Qt.TextElideMode.ElideRight, room.width()
        )
        side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(colors.color("border"))
        painter.drawLine(box.bottomLeft(), box.bottomRight())

    def _paint_cell(
        self, painter: QPainter, box: QRectF, index: Index, at: tuple[int, int], chosen: bool
    ) -> None:
        colors, model = theme(), self._model
        painter.setPen(colors.color("border"))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        pill = box.adjusted(_INSET_X, _INSET_Y, -_INSET_X, -_INSET_Y - 1)
        radius = metrics.RADIUS_CELL
        if model.measuring == (model.table.devices[at[1]].id, at[0]):
            self._paint_measuring(painter, pill)
            return
        text = model.data(index)
        source = Source(int(model.table.cells.source[at]))
        heat = model.heat_at(at)
        flagged = model.flagged is not None and bool(model.flagged[at])
        warm = heat == heat
        if source is Source.MISSING:
            pen = QPen(colors.color("border"), 1, Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
            return
        painter.setPen(QPen(colors.color("bad"), 1.5) if flagged else Qt.PenStyle.NoPen)
        painter.setBrush(colors.heat(heat) if warm else colors.color("sunk"))
        painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("accent", 0.14))
            painter.drawRoundedRect(pill, radius, radius)
        # The mark stays quieter than the number, but it has to be seen on the darkest heat as well.
        ink = colors.heat_text() if warm else colors.color("text")
        if flagged:
            mark = pixmap("warn", metrics.ICON_CELL, "text" if colors.is_dark else "bad")
        else:
            mark = pixmap(SOURCE_ICONS[source], metrics.ICON_CELL, ink)
            painter.setOpacity(0.62)
        painter.drawPixmap(QPoint(int(pill.left()) + 8, int(pill.center().y()) - 7), mark)
        painter.setOpacity(1.0)
        painter.setFont(self._strong if flagged else self._medium)
        painter.setPen(ink)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(pill.adjusted(22, 0, -12, 0), right, text)

    def _paint_measuring(self, painter: QPainter, pill: QRectF) -> None:
        colors = theme()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("soft"))
        painter.drawRoundedRect(pill, metrics.RADIUS_CELL, metrics.RADIUS_CELL)
        painter.setFont(self._small)
        painter.setPen(colors.color("on_soft"))
        painter.drawText(
            pill.adjusted(8, 0, -24, 0), Qt.AlignmentFlag.AlignVCenter, self.tr("measuring")
        )
        paint_state(
            painter, QRectF(pill.right() - 22, pill.center().y() - 6, 12, 12), "running", 0.0
        )

    # -- editing ------------------------------------------------------------------------------------------------

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setFont(self._strong)
        editor.setFrame(False)
        editor.setAlignment(Qt.AlignmentFlag.AlignRight)
        editor.setProperty("small", "true")
        device = self._model.device_at(index.column())
        name = device.name if device is not None else ""
        editor.setAccessibleName(
            self.tr("{0}, {1}, time in ms").format(
                self._model.data(self._model.index(index.row(), OPERATION)), name
            )
        )
        editor.setToolTip(self.tr("A time in ms, or with its unit: 0.71, 0,71, 710 us"))
        editor.textEdited.connect(lambda: _check(editor, show=False))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QLineEdit):
            editor.setText(str(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text())

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        editor.setGeometry(option.rect.adjusted(3, 2, -3, -3))
        editor.setFixedHeight(option.rect.height() - 5)

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        enters = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        if (
            isinstance(editor, QLineEdit)
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in enters
            and not _check(editor, show=True)
        ):
            return True
        return super().eventFilter(editor, event)


def _check(editor: QLineEdit, *, show: bool) -> bool:
    """Whether the text is a time; if not, the editor says so."""
    try:
        parse_ms(editor.text())
    except InvalidInput as problem:
        set_tone(editor, "bad")
        if show:
            place = editor.mapToGlobal(QPoint(0, editor.height()))
            QToolTip.showText(place, f"{problem.what} {problem.remedy}", editor)
            editor.selectAll()
        return False
    set_tone(editor, "")
    return True


def column_width(column: int, columns: int) -> int:
    """Usual width of a column, px; the operation takes what is left."""
    if column == OPERATION:
        return 240
    if column == columns - 1:
        return 72
    return 84 if column < FIRST_DEVICE else 142
