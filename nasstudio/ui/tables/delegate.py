"""How a cell of the latency editor is painted and edited.

A time is a rounded ground on the heat scale with the mark of its source at the left and the number at the right; a
head of a group is a band. What is typed is checked when it is entered: a wrong text keeps the editor open and says why.
"""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import set_tone
from nasstudio.ui.kit.statemark import paint_state
from nasstudio.ui.tables.captions import cell_text, group_text
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.pill import TEXT_LEFT, TEXT_RIGHT, ink, pill, step_of
from nasstudio.ui.tables.shown import FIRST_DEVICE, OPERATION
from nasstudio.ui.tables.shown_model import Index
from nasstudio.ui.tables.values import parse_ms
from nasstudio.ui.theme import theme

_INSET_X, _INSET_Y = 4, 4
_ENTERS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_VCENTER = Qt.AlignmentFlag.AlignVCenter
_NUMBER = Qt.AlignmentFlag.AlignRight | _VCENTER


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
        self.entered = False
        self._base_metrics = QFontMetrics(self._base)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model, box, column = self._model, option.rect, index.column()
        number = int(model.layout.rows[index.row()])
        if number < 0:
            self._paint_head(painter, box, number, column)
            return
        painter.setPen(theme().color("border"))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if FIRST_DEVICE <= column < model.ratio_column:
            self._paint_cell(painter, box, (number, column - FIRST_DEVICE), chosen)
        else:
            self._paint_text(painter, box, index, chosen)

    def _paint_head(self, painter: QPainter, box: QRect, number: int, column: int) -> None:
        colors = theme()
        painter.fillRect(box, colors.color("sunk"))
        if column != OPERATION:
            return
        model, group = self._model, -number - 1
        closed = model.facts.groups[group] in model.collapsed
        mark = pixmap("right" if closed else "down", metrics.ICON_BUTTON, "muted")
        painter.drawPixmap(QPoint(box.left() + 12, box.center().y() - 8), mark)
        painter.setFont(self._head)
        painter.setPen(colors.color("text"))
        painter.drawText(box.adjusted(36, 0, 400, 0), _VCENTER, group_text(model.shown, group))

    def _paint_text(self, painter: QPainter, box: QRect, index: Index, chosen: bool) -> None:
        colors = theme()
        if chosen:
            painter.fillRect(box.adjusted(0, 0, 0, -1), colors.color("soft"))
        left = index.column() == OPERATION
        painter.setFont(self._base)
        painter.setPen(colors.color("text" if left else "muted"))
        room = box.adjusted(36 if left else 8, 0, -12, -1)
        text = self._model.data(index) or ""
        if left and self._base_metrics.horizontalAdvance(text) > room.width():
            text = self._base_metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        side = Qt.AlignmentFlag.AlignLeft | _VCENTER if left else _NUMBER
        painter.drawText(room, side, text)

    def _paint_cell(self, painter: QPainter, box: QRect, at: tuple[int, int], chosen: bool) -> None:
        model = self._model
        room = box.adjusted(_INSET_X, _INSET_Y, -_INSET_X, -_INSET_Y - 1)
        if model.measuring is not None and model.measuring == (
            model.table.devices[at[1]].id,
            at[0],
        ):
            self._paint_measuring(painter, QRectF(room))
            return
        cells = model.table.cells
        source = int(cells.source[at])
        flagged = model.flagged is not None and bool(model.flagged[at])
        step = step_of(model.heat_at(at))
        ground = pill(room.width(), room.height(), step, source, flagged=flagged, chosen=chosen)
        painter.drawPixmap(room.topLeft(), ground)
        text = cell_text(cells, at, model.mode)
        if text:
            painter.setFont(self._strong if flagged else self._medium)
            painter.setPen(ink(step))
            painter.drawText(room.adjusted(TEXT_LEFT, 0, -TEXT_RIGHT, 0), _NUMBER, text)

    def _paint_measuring(self, painter: QPainter, room: QRectF) -> None:
        colors = theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("soft"))
        painter.drawRoundedRect(room, metrics.RADIUS_CELL, metrics.RADIUS_CELL)
        painter.setFont(self._small)
        painter.setPen(colors.color("on_soft"))
        painter.drawText(room.adjusted(8, 0, -24, 0), _VCENTER, self.tr("measuring"))
        paint_state(
            painter, QRectF(room.right() - 22, room.center().y() - 6, 12, 12), "running", 0.0
        )
        painter.restore()

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
        editor.setToolTip(
            self.tr("A time in ms, or with its unit: 0.71, 0,71, 710 us; empty for none")
        )
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
        if (
            isinstance(editor, QLineEdit)
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in _ENTERS
        ):
            if not _check(editor, show=True):
                return True
            # Enter goes on to the cell below, as in a spreadsheet; Tab goes on by itself.
            self.entered = event.key() in _ENTERS[:2]
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
