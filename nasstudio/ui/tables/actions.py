"""TableActions: what a person does to selected cells, each undone at once: cut, paste, clear, copy down.

Small changes are made where they are asked for; large ones are prepared by another thread. Whatever can't be done
changes nothing and is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelection, QObject, Signal
from PySide6.QtGui import QGuiApplication

from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.ui.kit.number import written
from nasstudio.ui.tables.change import TableChange, inverse
from nasstudio.ui.tables.chosen import Chosen
from nasstudio.ui.tables.copying import copied_text, size_of, spans_of
from nasstudio.ui.tables.editing import cleared, copied_across, copied_down
from nasstudio.ui.tables.latency_model import AT_ONCE, LatencyModel
from nasstudio.ui.tables.paste import Target, pasted, read_clip, spread_over, target
from nasstudio.ui.tables.undo import ChangeTable, ClearCells, FillCells, PasteCells
from nasstudio.ui.workers.tasks import Task

Command = Callable[[TableChange, TableChange], ChangeTable]
Pasted = tuple[TableChange, Target, TableChange]
# Letters of a clipboard that is read where it is pasted; about a thousand cells.
SHORT_TEXT = 8_000


class TableActions(QObject):
    """Changes the model by way of its undo stack.

    Signals
    -------
    said(tone, title, text) : what was done, where the table does not show it.
    table_pasted(str) : a text was pasted with nothing selected: it may be a whole table.
    pasted_at(rows, columns) : of the table, for the selection.
    """

    said = Signal(str, str, str)
    table_pasted = Signal(str)
    pasted_at = Signal(object, object)

    def __init__(self, model: LatencyModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model

    # -- out ----------------------------------------------------------------------------------------------------

    def copy(self, selection: QItemSelection, *, heads: bool = False) -> None:
        """Put the selected cells on the clipboard."""
        spans, model = spans_of(selection), self._model
        if spans:
            self._later(
                lambda: copied_text(model, spans, heads=heads),
                QGuiApplication.clipboard().setText,
                now=size_of(spans) <= AT_ONCE // 4,
            )

    def cut(self, selection: QItemSelection, cells: Chosen) -> None:
        """Copy the cells, then empty them."""
        self.copy(selection)
        self.clear(cells, verb="cut")

    # -- changes ------------------------------------------------------------------------------------------------

    def clear(self, cells: Chosen, verb: str = "clear") -> None:
        """Empty cells."""
        model = self._model
        self.change(
            lambda: cleared(model.table, cells.rows, cells.columns),
            lambda change, back: ClearCells(model, change, back, verb),
            cells=len(cells),
        )

    def copy_down(self, cells: Chosen) -> None:
        """Repeat the first selected row in the rows below it, or a single row the one above it."""
        if cells.block is None:
            self._refuse(self.tr("Only one rectangle of cells can be filled."))
            return
        rows, columns = cells.block_rows(self._model), cells.block_columns()
        if len(rows) > 1:
            self.repeat(rows[:1], rows[1:], columns)

    def repeat(
        self,
        pattern: NDArray[np.intp],
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        *,
        up: bool = False,
    ) -> None:
        """Repeat rows over others. All are rows of the table, in the order in which they are shown."""
        model = self._model
        self.change(
            lambda: copied_down(model.table, pattern, rows, columns, up=up),
            lambda change, back: FillCells(model, change, back, "copy to"),
            cells=len(rows) * len(columns),
        )

    def repeat_across(
        self, rows: NDArray[np.intp], pattern: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> None:
        """Repeat columns over others."""
        model = self._model
        self.change(
            lambda: copied_across(model.table, rows, pattern, columns),
            lambda change, back: FillCells(model, change, back, "copy to"),
            cells=len(rows) * len(columns),
        )

    def change(self, make: Callable[[], TableChange], command: Command, *, cells: int) -> None:
        """Make a change and its inverse, in another thread if it is large, and push the command."""
        model = self._model
        if not model.editable or not cells:
            return
        revision = model.revision

        def work() -> tuple[TableChange, TableChange]:
            change = make()
            return change, inverse(model.table, change)

        def arrived(answer: tuple[TableChange, TableChange]) -> None:
            change, back = answer
            if (
                revision != model.revision
            ):  # what the cells held has changed, the change itself has not
                self.change(lambda: change, command, cells=cells)
                return
            model.push(command(change, back))

        self._later(work, arrived, now=cells <= AT_ONCE // 4)

    # -- in -----------------------------------------------------------------------------------------------------

    def paste(self, text: str, cells: Chosen) -> None:
        """Put what a spreadsheet copied at the top left of the selection, or where its labels and heads say."""
        if not text.strip() or not self._model.editable:
            return
        if not len(cells) and "\n" in text.strip():
            self.table_pasted.emit(text)
            return
        model, revision = self._model, self._model.revision
        corner, top = self._corner(cells)

        def below(count: int) -> NDArray[np.intp]:
            rows = model.layout.rows[top:]
            return np.asarray(rows[rows >= 0][:count], dtype=np.intp)

        def work() -> Pasted:
            clip = read_clip(text, model.table)
            if clip.size == (1, 1) and clip.labels is None and len(cells) > 1:
                change = spread_over(clip, model.table, cells.rows, cells.columns)
                place = Target(cells.rows, np.unique(cells.columns))
            else:
                place = target(clip, model.table, below, corner)
                change = pasted(clip, place, model.table)
            return change, place, inverse(model.table, change)

        def arrived(answer: Pasted) -> None:
            change, place, back = answer
            if revision != model.revision:
                self.paste(text, cells)
                return
            model.push(PasteCells(model, change, back))
            self._say_pasted(change, place)
            if len(change) > 1:
                self.pasted_at.emit(place.rows, place.columns)

        self._later(work, arrived, now=len(text) <= SHORT_TEXT)

    def _corner(self, cells: Chosen) -> tuple[tuple[int, int] | None, int]:
        """The top left selected cell, and where its row is shown."""
        if not len(cells):
            return None, 0
        places = self._model.layout.place[cells.rows]
        first = int(np.lexsort((cells.columns, places))[0])
        return (int(cells.rows[first]), int(cells.columns[first])), int(places[first])

    def _say_pasted(self, change: TableChange, place: Target) -> None:
        if place.unknown:
            some = ", ".join(place.unknown[:3]) + ("…" if len(place.unknown) > 3 else "")
            self.said.emit(
                "warn",
                self.tr("Pasted {0} cells by operation").format(written(len(change))),
                self.tr("{0} operations are not in the table: {1}").format(
                    written(len(place.unknown)), some
                ),
            )

    # -- threads ------------------------------------------------------------------------------------------------

    def _later(self, work: Callable[[], object], then: Callable[[Any], None], *, now: bool) -> None:
        if not now:
            Task(self, work, then, self._model.rejected.emit).start(self._model.pool)
            return
        try:
            answer = work()
        except StudioError as problem:
            self._model.rejected.emit(problem)
            return
        then(answer)

    def _refuse(self, what: str) -> None:
        self._model.rejected.emit(InvalidInput(what, remedy=self.tr("Select cells side by side.")))
