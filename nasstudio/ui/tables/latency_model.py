"""LatencyModel: how what is shown of a latency table changes: edits with undo, times that come in, order and filter.

The model owns a copy of the project's table. What a person changes goes through the undo stack, shows at once and is
announced by `changed_by_person`; what a profile measures comes in by `show` and is not undoable. Laying out, sorting
and filtering a large table is done by another thread; here are only lookups by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QObject,
    Qt,
    QThreadPool,
    QTimer,
    Signal,
)
from PySide6.QtGui import QUndoStack

from nasstudio.engine.cost.table import LatencyTable, Source
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.tables.change import TableChange, apply, in_place
from nasstudio.ui.tables.editing import edited
from nasstudio.ui.tables.lane import Lane
from nasstudio.ui.tables.layout import Layout
from nasstudio.ui.tables.scale import HeatScale
from nasstudio.ui.tables.shown import (
    Prepared,
    Wish,
    arranged,
    numbers,
    prepared,
)
from nasstudio.ui.tables.shown_model import Index, ShownModel
from nasstudio.ui.tables.undo import ChangeTable, EditCell
from nasstudio.ui.tables.values import parse_ms

# Up to so many cells it takes less than the 8 ms that the window's thread may give.
AT_ONCE = 8_000


class LatencyModel(ShownModel):
    """Operations by devices.

    Signals
    -------
    changed_by_person(TableChange) : to be saved.
    rejected(StudioError) : what was typed or pasted is not a time.
    counted(int) : rows that match the filter.
    busy(bool) : a large table is being laid out, or is there.
    taken() : a table that was asked for by `show` is shown.
    """

    changed_by_person = Signal(object)
    rejected = Signal(object)
    counted = Signal(int)
    busy = Signal(bool)
    taken = Signal()

    def __init__(self, undo_stack: QUndoStack | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = undo_stack or QUndoStack(self)
        self.reload: Callable[[], None] | None = None
        self.revision = 0
        self.pool = QThreadPool(self)
        self.pool.setMaxThreadCount(1)
        self._tables = Lane(self.pool, self)
        self._orders = Lane(self.pool, self)

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether everything that was asked for is shown."""
        return self._tables.idle and self._orders.idle

    def take(self, table: LatencyTable, space: SearchSpace | None) -> None:
        """Show the times of a table, with all rows of the space. The table itself is left alone."""
        self._take(prepared(table, space, self._shown, self.wish))

    def show(
        self, make: Callable[[], LatencyTable], space: SearchSpace | None, *, cells: int
    ) -> None:
        """Show the table that `make` gives, in another thread if it has many cells (about `cells`).

        If an edit comes in between, `make` is asked again: it has to include what a person has changed until then.
        """
        wish, revision = self.wish, self.revision
        now = max(cells, self.table.cells.ms.size) <= AT_ONCE

        def work() -> tuple[LatencyTable, Prepared]:
            before = self._shown
            return before.table, prepared(make(), space, before, wish)

        def arrived(answer: tuple[LatencyTable, Prepared]) -> None:
            if revision != self.revision or answer[0] is not self.table:
                (self.reload or (lambda: self.show(make, space, cells=cells)))()
                return
            self._take(answer[1])
            if wish != self.wish:
                self.set_mode(self.mode)
                self._wish(self.wish)
            self.busy.emit(False)
            self.taken.emit()

        if not now and not self.table.labels:
            self.busy.emit(True)
        self._tables.run(work, arrived, self._failed, now=now)

    def _take(self, answer: Prepared) -> None:
        if answer.changed is not None:
            # The order is the one of now: it may have been sorted meanwhile.
            scale = self._shown.scale
            self._shown = replace(answer.shown, layout=self.layout)
            if answer.shown.scale.near(scale):
                self._rows_changed(answer.changed)
            else:
                self.repaint()
            return
        self.beginResetModel()
        self._shown = answer.shown
        self.flags_of, self.flagged, self.measuring = {}, None, None
        self.revision += 1
        self.endResetModel()
        self.counted.emit(self.layout.matching)

    def _failed(self, problem: StudioError) -> None:
        self.busy.emit(False)
        self.rejected.emit(problem)

    def apply(self, change: TableChange) -> None:
        """Apply a person's change and announce it. For undo commands."""
        rows = in_place(self.table, change, most=AT_ONCE * 4)
        self.revision += 1
        self.changed_by_person.emit(change)
        if rows is not None:
            self._rows_changed(rows)
        elif self.reload is not None:
            self.reload()
        else:
            self.take(apply(self.table.copy(), change), self.space)

    def set_query(self, query: str) -> None:
        """Show the rows that match a filter (see `query`)."""
        self._wish(replace(self.wish, query=query))

    def set_mode(self, mode: str) -> None:
        """Show times, spreads or counts."""
        self.wish = replace(self.wish, mode=mode)
        table = self.table

        def arrived(scale: HeatScale) -> None:
            if table is self.table:
                self._shown = replace(self._shown, scale=scale)
                self.repaint()

        self._orders.run(
            lambda: HeatScale.of(numbers(table.cells, mode)), arrived, self._failed, now=self.small
        )
        self.repaint()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)

    def set_heat_by(self, way: str) -> None:
        """Compare the colours of a column (`BY_COLUMN`) or of a row (`BY_ROW`)."""
        self.heat_by = way
        self.repaint()

    def set_sorting(self, column: int | None, *, descending: bool = False) -> None:
        """Sort by a column, or show groups again (None)."""
        self._wish(replace(self.wish, sorting=None if column is None else (column, descending)))

    def toggle_group(self, row: int) -> None:
        """Open or close the group whose head is shown at `row`."""
        group = self.group_at(row)
        if group is not None:
            title = self.facts.groups[group]
            self._wish(replace(self.wish, collapsed=self.collapsed ^ {title}))

    def open_group_of(self, row: int) -> None:
        """Open the group of a row of the table."""
        title = self.facts.groups[self.facts.group[row]]
        if title in self.collapsed:
            self._wish(replace(self.wish, collapsed=self.collapsed - {title}))

    def when_settled(self, then: Callable[[], None]) -> None:
        """Do something once everything that was asked for is shown; now, if it is."""
        if self.settled:
            then()
        else:
            QTimer.singleShot(10, self, lambda: self.when_settled(then))

    def _wish(self, wish: Wish) -> None:
        self.wish = wish
        table, facts, flagged = self.table, self.facts, self.flagged

        def arrived(layout: Layout) -> None:
            if facts is not self.facts or wish != self.wish:
                self._wish(self.wish)
                return
            self.beginResetModel()
            self._shown = replace(self._shown, layout=layout)
            self.endResetModel()
            self.counted.emit(layout.matching)

        self._orders.run(
            lambda: arranged(table, facts, flagged, wish), arrived, self._failed, now=self.small
        )

    @property
    def small(self) -> bool:
        """Whether the table is laid out at once."""
        return self.table.cells.ms.size <= AT_ONCE

    def set_flags(self, flags: Mapping[tuple[int, int], Any], marks: NDArray[np.bool_]) -> None:
        """Mark cells that look wrong, by row and column of the table; `marks` is True for these. `(rows, columns)`."""
        self.flags_of = dict(flags)
        self.flagged = marks
        self.repaint()

    def set_measuring(self, device_id: str | None, label: str = "") -> None:
        """Mark the cell that is being measured now."""
        row = self.table.row(label)
        mark = None if device_id is None or row is None else (device_id, row)
        if mark != self.measuring:
            rows = [m[1] for m in (self.measuring, mark) if m is not None]
            self.measuring = mark
            self._rows_changed(np.array(rows, dtype=np.intp))

    # -- editing ------------------------------------------------------------------------------------------------

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        at = self.cell_at(index)
        if role != Qt.ItemDataRole.EditRole or at is None or not self.editable:
            return False
        if str(value).strip() == self.data(index, role):
            return True
        try:
            ms = parse_ms(str(value))
        except InvalidInput as problem:
            self.rejected.emit(problem)
            return False
        before = self.table.cells.ms[at]
        if ms == before or (ms != ms and before != before):
            return True
        row, column = np.array([at[0]]), np.array([at[1]])
        self.push(EditCell(self, edited(self.table, row, column, np.array([ms]), Source.EDITED)))
        return True

    def push(self, command: ChangeTable) -> None:
        """Do what can be undone, unless the table is read-only or nothing changes."""
        if self.editable and not command.empty:
            self.undo_stack.push(command)

    # -- redrawn ------------------------------------------------------------------------------------------------

    def _rows_changed(self, rows: NDArray[np.intp]) -> None:
        """Some rows of the table have other cells."""
        places = self.layout.place[rows]
        places = places[places >= 0]
        if len(places):
            last = self.index(int(places.max()), self.columnCount() - 1)
            self.dataChanged.emit(self.index(int(places.min()), 0), last)

    def repaint(self) -> None:
        """Everything looks different."""
        if self.rowCount():
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last)
