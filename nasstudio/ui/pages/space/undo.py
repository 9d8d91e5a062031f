"""Undo of the space editor: one command, from one document to another."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from nasstudio.engine.space.space import SpaceDocument


class EditSpace(QUndoCommand):
    """Shows another document; undo shows the one before."""

    def __init__(
        self,
        show: Callable[[SpaceDocument], None],
        before: SpaceDocument,
        after: SpaceDocument,
        text: str,
    ) -> None:
        super().__init__(text)
        self._show = show
        self._before = before
        self._after = after

    def redo(self) -> None:
        self._show(self._after)

    def undo(self) -> None:
        self._show(self._before)
