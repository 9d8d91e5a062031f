"""TableKeys: the keys of a spreadsheet in the table editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import OPERATION

if TYPE_CHECKING:
    from nasstudio.ui.tables.latency_view import LatencyView

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_EDGES = {
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Left: (0, -1),
}


class TableKeys:
    """Does what a key asks for; `press` says whether it did."""

    def __init__(self, view: LatencyView, model: LatencyModel) -> None:
        self._view = view
        self._model = model

    def press(self, event: QKeyEvent) -> bool:
        """A key went down."""
        return self._standard(event) or self._edits(event) or self._moves(event)

    def _standard(self, event: QKeyEvent) -> bool:
        view, stack, standard = self._view, self._model.undo_stack, QKeySequence.StandardKey
        for key, does in (
            (standard.Copy, view.copy),
            (standard.Cut, view.cut),
            (standard.Paste, view.paste),
            (standard.Undo, stack.undo),
            (standard.Redo, stack.redo),
        ):
            if event.matches(key):
                does()
                return True
        return False

    def _edits(self, event: QKeyEvent) -> bool:
        view, key, held = self._view, event.key(), event.modifiers()
        now = view.currentIndex()
        on_head = now.isValid() and self._model.table_row(now.row()) is None
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            view.actions_of.clear(view.chosen)
        elif held == Qt.KeyboardModifier.ControlModifier and key == Qt.Key.Key_D:
            view.actions_of.copy_down(view.chosen)
        elif on_head and key in (Qt.Key.Key_Space, *_ENTER):
            view.toggle(now.row())
        elif key in _ENTER and held == Qt.KeyboardModifier.AltModifier:
            view.details_asked.emit(now)
        elif key in _ENTER and now.isValid():
            view.edit(now)
        else:
            return False
        return True

    def _moves(self, event: QKeyEvent) -> bool:
        view, key, now = self._view, event.key(), self._view.currentIndex()
        rows, last = self._model.rowCount(), self._model.ratio_column
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Escape:
            view.let_go()
        elif not rows or not now.isValid():
            return False
        elif key == Qt.Key.Key_Space and held == Qt.KeyboardModifier.ShiftModifier:
            spans = view.selectionModel().selection().toList()
            top = min((s.top() for s in spans), default=now.row())
            bottom = max((s.bottom() for s in spans), default=now.row())
            view.select_block(top, bottom, OPERATION, last)
        elif key == Qt.Key.Key_Space and held == Qt.KeyboardModifier.ControlModifier:
            view.select_block(0, rows - 1, now.column(), now.column())
        elif held == Qt.KeyboardModifier.ControlModifier and key in _EDGES:
            down, across = _EDGES[Qt.Key(key)]
            row = now.row() if not down else (rows - 1 if down > 0 else 0)
            column = now.column() if not across else (last if across > 0 else OPERATION)
            view.setCurrentIndex(self._model.index(row, column))
        else:
            return False
        return True
