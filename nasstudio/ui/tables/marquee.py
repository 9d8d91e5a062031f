"""The frame around a selected rectangle, the tag with its sum, and the handle that copies it: where and how."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QTableView

from nasstudio.ui import fonts
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import FIRST_DEVICE
from nasstudio.ui.theme import theme

HANDLE = 8
_GRIP = 5  # px around the handle that take it, too


@dataclass(frozen=True)
class Reach:
    """How far the handle was drawn: rows below or above the block, or columns to its right."""

    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None
    up: bool = False


def block_rect(view: QTableView, block: tuple[int, int, int, int]) -> QRect:
    """Where a rectangle of cells is in the viewport."""
    top, bottom, left, right = block
    model = view.model()
    first = view.visualRect(model.index(top, left + FIRST_DEVICE))
    return first.united(view.visualRect(model.index(bottom, right + FIRST_DEVICE)))


def handle_rect(box: QRect) -> QRect:
    """The handle at the corner of a rectangle."""
    return QRect(box.right() - HANDLE // 2 - 1, box.bottom() - HANDLE // 2 - 2, HANDLE, HANDLE)


def on_handle(box: QRect, place: QPoint) -> bool:
    """Whether the pointer takes the handle."""
    return handle_rect(box).adjusted(-_GRIP, -_GRIP, _GRIP, _GRIP).contains(place)


def reach(
    view: QTableView, model: LatencyModel, block: tuple[int, int, int, int], place: QPoint
) -> Reach:
    """What the handle covers when it is drawn to a place: the larger way counts, down, up or to the right."""
    top, bottom, _, right = block
    box = block_rect(view, block)
    down, above, across = place.y() - box.bottom(), box.top() - place.y(), place.x() - box.right()
    if max(down, above, across) <= 2:
        return Reach()
    if across > max(down, above):
        column = view.columnAt(min(place.x(), view.viewport().width() - 1)) - FIRST_DEVICE
        last = min(column, len(model.table.devices) - 1) if column >= 0 else right
        return Reach(columns=(right + 1, last)) if last > right else Reach()
    row = view.rowAt(max(0, min(place.y(), view.viewport().height() - 1)))
    row = model.rowCount() - 1 if row < 0 else row
    if row > bottom:
        return Reach(rows=(bottom + 1, row))
    return Reach(rows=(row, top - 1), up=True) if row < top else Reach()


def reached(block: tuple[int, int, int, int], far: Reach) -> tuple[int, int, int, int]:
    """The rectangle with what the handle covers."""
    top, bottom, left, right = block
    if far.columns is not None:
        return top, bottom, left, far.columns[1]
    if far.rows is not None:
        return min(top, far.rows[0]), max(bottom, far.rows[1]), left, right
    return block


def paint_marquee(painter: QPainter, box: QRect, *, handle: bool) -> None:
    """The frame, with the handle where cells can be changed."""
    colors = theme()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colors.color("accent"), 2))
    painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -2), 3, 3)
    if handle:
        painter.setPen(QPen(colors.color("surface"), 1.5))
        painter.setBrush(colors.color("accent"))
        painter.drawRect(QRectF(handle_rect(box)))


def paint_reach(painter: QPainter, box: QRect) -> None:
    """What will be filled."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme().color("accent"), 1.5, Qt.PenStyle.DashLine))
    painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -2), 3, 3)


def tag_place(
    model: LatencyModel, block: tuple[int, int, int, int], box: QRect, text: str
) -> QRect | None:
    """Where the tag with the sum covers no number: over the head of a group above or below the block."""
    top, bottom = block[:2]
    width = fonts.width(text, 11, fonts.SEMIBOLD) + 24
    left = max(4, box.right() - width)
    if top > 0 and model.table_row(top - 1) is None:
        return QRect(left, box.top() - 26, width, 22)
    if bottom + 1 == model.rowCount() or model.table_row(bottom + 1) is None:
        return QRect(left, box.bottom() + 7, width, 22)
    return None


def paint_tag(painter: QPainter, place: QRect, text: str) -> None:
    """The tag."""
    colors = theme()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colors.color("tip"))
    painter.drawRoundedRect(QRectF(place), 4, 4)
    painter.setFont(fonts.font(11, fonts.SEMIBOLD))
    painter.setPen(colors.color("on_tip"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
