"""FillHandle: the corner of a selected rectangle, drawn over other cells, copies the rectangle there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from nasstudio.ui.tables import marquee
from nasstudio.ui.tables.actions import TableActions
from nasstudio.ui.tables.chosen import rows_between
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import FIRST_DEVICE

if TYPE_CHECKING:
    from nasstudio.ui.tables.latency_view import LatencyView


class FillHandle:
    """Takes the pointer while the handle is drawn; each of its methods says whether the event was its own."""

    def __init__(self, view: LatencyView, model: LatencyModel, actions: TableActions) -> None:
        self._view = view
        self._model = model
        self._actions = actions
        self._drawn: marquee.Reach | None = None

    def press(self, event: QMouseEvent) -> bool:
        """The pointer went down."""
        left = event.button() == Qt.MouseButton.LeftButton
        if not left or not self._at(event.position().toPoint()):
            return False
        self._drawn = marquee.Reach()
        return True

    def move(self, event: QMouseEvent) -> bool:
        """The pointer moved; over the handle it becomes a cross."""
        place = event.position().toPoint()
        block, viewport = self._view.chosen.block, self._view.viewport()
        if self._drawn is not None and block is not None:
            self._drawn = marquee.reach(self._view, self._model, block, place)
            self._scroll(place)
            viewport.update()
            return True
        grip = not event.buttons() and self._at(place)
        viewport.setCursor(Qt.CursorShape.CrossCursor if grip else Qt.CursorShape.ArrowCursor)
        return False

    def _scroll(self, place: QPoint) -> None:
        """Rows beyond the edge come in while the pointer is there."""
        bar, height = self._view.verticalScrollBar(), self._view.viewport().height()
        step = self._view.verticalHeader().defaultSectionSize()
        if place.y() > height:
            bar.setValue(bar.value() + step)
        elif place.y() < 0:
            bar.setValue(bar.value() - step)

    def release(self, event: QMouseEvent) -> bool:
        """The pointer went up: copy."""
        far, self._drawn = self._drawn, None
        if far is None:
            return False
        block = self._view.chosen.block
        if block is not None and far != marquee.Reach():
            self._fill(block, far)
        self._view.viewport().update()
        return True

    def let_go(self) -> None:
        """Nothing is copied after all."""
        self._drawn = None

    def _fill(self, block: tuple[int, int, int, int], far: marquee.Reach) -> None:
        cells = self._view.chosen
        rows, columns = cells.block_rows(self._model), cells.block_columns()
        if far.rows is not None:
            others = rows_between(self._model, *far.rows)
            self._actions.repeat(rows, others, columns, up=far.up)
        elif far.columns is not None:
            across = np.arange(far.columns[0], far.columns[1] + 1)
            self._actions.repeat_across(rows, columns, across)
        top, bottom, left, right = marquee.reached(block, far)
        self._view.select_block(top, bottom, left + FIRST_DEVICE, right + FIRST_DEVICE)

    def _at(self, place: QPoint) -> bool:
        block = self._view.chosen.block
        if block is None or not self._view.fillable:
            return False
        return marquee.on_handle(marquee.block_rect(self._view, block), place)

    def paint(self, painter: QPainter) -> None:
        """What will be filled."""
        block = self._view.chosen.block
        if block is not None and self._drawn is not None and self._drawn != marquee.Reach():
            box = marquee.block_rect(self._view, marquee.reached(block, self._drawn))
            marquee.paint_reach(painter, box)
