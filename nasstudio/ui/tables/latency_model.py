"""LatencyModel: a latency table as Qt shows it, with groups, filter, heat and undo.

The model owns a copy of the project's table. What a person changes goes through the undo stack and is announced by
`changed_by_person`; what a profile measures comes in by `take` and is not undoable. All per-cell numbers are arrays
computed at once, `data()` only indexes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QUndoStack

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.kit.number import written
from nasstudio.ui.tables import layout as arranged
from nasstudio.ui.tables.change import Block, TableChange, apply
from nasstudio.ui.tables.facts import RowFacts, over_space, row_facts
from nasstudio.ui.tables.undo import ClearCells, EditCell, PasteCells
from nasstudio.ui.tables.values import parse_ms, written_ms

Index = QModelIndex | QPersistentModelIndex
OPERATION, MACS, FIRST_DEVICE = 0, 1, 2
MODES = ("ms", "spread", "n")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@lru_cache(maxsize=100_000)
def shown_label(label: str) -> str:
    """A layer's text with typographic signs: ``mbconv 24×56×56 → 40  k5 s2 e6``."""
    kind, arrow, rest = label.partition(" -> ")
    if not arrow:
        return label
    out, _, flags = rest.partition(" ")
    return f"{kind.replace('x', '×')} → {out}  {flags}"


class LatencyModel(QAbstractTableModel):
    """Operations by devices.

    Signals
    -------
    changed_by_person(TableChange) : to be saved.
    rejected(StudioError) : what was typed or pasted is not a time.
    counted(int) : rows that match the filter.
    """

    changed_by_person = Signal(object)
    rejected = Signal(object)
    counted = Signal(int)

    def __init__(self, undo_stack: QUndoStack | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = undo_stack or QUndoStack(self)
        self.table = LatencyTable()
        self.space: SearchSpace | None = None
        self.editable = True
        self.mode = "ms"
        self.query = ""
        self.collapsed: set[str] = set()
        self.sorting: tuple[int, bool] | None = None
        self.flags_of: dict[tuple[int, int], Any] = {}
        self.flagged: NDArray[np.bool_] | None = None
        self.measuring: tuple[str, int] | None = None
        self.facts: RowFacts = row_facts([], [], None)
        self._arrange()
        self._derive()

    # -- what is shown ------------------------------------------------------------------------------------------

    def take(self, table: LatencyTable, space: SearchSpace | None) -> None:
        """Show the times of a table, with all rows of the space. The table itself is left alone."""
        table = over_space(table, space)
        same_rows = space is self.space and table.labels == self.table.labels
        if same_rows and table.devices == self.table.devices:
            self.table = table
            self._cells_changed()
            return
        self.beginResetModel()
        self.table, self.space = table, space
        if not same_rows:
            self.facts = row_facts(table.labels, table.specs, space)
        self._forget_flags()
        self._derive()
        self._arrange()
        self.endResetModel()
        self.counted.emit(self.layout.matching)

    def apply(self, change: TableChange) -> None:
        """Apply a person's change and announce it. For undo commands."""
        self.take(apply(self.table.copy(), change), self.space)
        self.changed_by_person.emit(change)

    def set_query(self, query: str) -> None:
        """Show the rows that match a filter (see `layout.filtered`)."""
        self.query = query
        self._rearrange()

    def set_mode(self, mode: str) -> None:
        """Show times, spreads or counts."""
        self.mode = mode
        self._cells_changed()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)

    def set_sorting(self, column: int | None, *, descending: bool = False) -> None:
        """Sort by a column, or show groups again (None)."""
        self.sorting = None if column is None else (column, descending)
        self._rearrange()

    def toggle_group(self, row: int) -> None:
        """Open or close the group whose head is shown at `row`."""
        group = self.group_at(row)
        if group is not None:
            self.collapsed ^= {self.facts.groups[group]}
            self._rearrange()

    def set_flags(self, flags: Mapping[tuple[int, int], Any]) -> None:
        """Mark cells that look wrong, by row and column of the table."""
        self.flags_of = dict(flags)
        self.flagged = np.zeros(self.table.shape, dtype=bool)
        for at in self.flags_of:
            self.flagged[at] = True
        self._repaint()

    def set_measuring(self, device_id: str | None, label: str = "") -> None:
        """Mark the cell that is being measured now."""
        row = self.table.row(label)
        mark = None if device_id is None or row is None else (device_id, row)
        if mark != self.measuring:
            self.measuring = mark
            self._repaint()

    # -- indices ------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.layout.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.table.devices) + 3

    @property
    def ratio_column(self) -> int:
        return len(self.table.devices) + FIRST_DEVICE

    def table_row(self, row: int) -> int | None:
        """Row of the table shown at `row`; None for the head of a group."""
        found = int(self.layout.rows[row])
        return found if found >= 0 else None

    def group_at(self, row: int) -> int | None:
        """Group whose head is shown at `row`."""
        found = int(self.layout.rows[row])
        return -found - 1 if found < 0 else None

    def device_at(self, column: int) -> Device | None:
        """Device of a shown column."""
        number = column - FIRST_DEVICE
        return self.table.devices[number] if 0 <= number < len(self.table.devices) else None

    def cell_at(self, index: Index) -> tuple[int, int] | None:
        """Row and column of the table behind an index; None if it is not a time."""
        row = self.table_row(index.row())
        if row is None or self.device_at(index.column()) is None:
            return None
        return row, index.column() - FIRST_DEVICE

    def shown_row(self, row: int) -> int | None:
        """Where a row of the table is shown; None if it is filtered out or in a closed group."""
        found = np.flatnonzero(self.layout.rows == row)
        return int(found[0]) if len(found) else None

    # -- data ---------------------------------------------------------------------------------------------------

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        number = int(self.layout.rows[index.row()])
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(number, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if column == OPERATION else _RIGHT
        if role == Qt.ItemDataRole.EditRole:
            return self._raw(number, column)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._said(number, column)
        return None

    def _text(self, number: int, column: int) -> str:
        if number < 0:
            return self.group_text(-number - 1) if column == OPERATION else ""
        if column == OPERATION:
            return shown_label(self.table.labels[number])
        if column == MACS:
            macs = self.facts.macs[number] / 1e6
            return "" if macs != macs else written(macs, 1 if macs >= 1 else 3)
        if column == self.ratio_column:
            ratio = self._ratio[number]
            return "" if ratio != ratio else f"{written(float(ratio), 1 if ratio < 100 else 0)}×"
        at = (number, column - FIRST_DEVICE)
        cells = self.table.cells
        if self.mode == "ms":
            return written_ms(float(cells.ms[at]))
        if self.mode == "n":
            return written(int(cells.n[at])) if cells.n[at] else ""
        spread = float(self._spread[at]) * 100
        return "" if spread != spread else written(spread, 1)

    def _raw(self, number: int, column: int) -> Any:
        if number < 0:
            return ""
        if FIRST_DEVICE <= column < self.ratio_column and self.mode == "ms":
            ms = float(self.table.cells.ms[number, column - FIRST_DEVICE])
            return "" if ms != ms else f"{ms:.6g}"
        return self.table.labels[number] if column == OPERATION else self._text(number, column)

    def _said(self, number: int, column: int) -> str:
        if number < 0:
            return self.tr("Click, or press Space, to open or close the group")
        device = self.device_at(column)
        if device is None:
            return self.table.labels[number] if column == OPERATION else ""
        at = (number, column - FIRST_DEVICE)
        cells = self.table.cells
        ms = float(cells.ms[at])
        if ms != ms:
            return self.tr("{0}: no time yet").format(device.name)
        source = self.source_text(int(cells.source[at]))
        parts = [f"{device.name}: {ms:.4g} ms, {source}"]
        if cells.p10[at] == cells.p10[at]:
            parts.append(f"10 to 90 %: {cells.p10[at]:.4g} to {cells.p90[at]:.4g} ms")
        if cells.n[at]:
            parts.append(f"n = {int(cells.n[at]):,}")
        flag = self.flags_of.get(at)
        if flag is not None:
            parts.append(str(flag.reason))
        return "\n".join(parts)

    def source_text(self, source: int) -> str:
        """A source in words."""
        return {
            Source.MISSING: self.tr("missing"),
            Source.MEASURED: self.tr("measured"),
            Source.IMPORTED: self.tr("imported"),
            Source.EDITED: self.tr("edited"),
            Source.INTERPOLATED: self.tr("interpolated"),
        }[Source(source)]

    def group_text(self, group: int) -> str:
        """Head of a group: ``Stage 2, 56 px, 3 of 9 rows``."""
        shown, total = self.layout.group_matching[group], self.layout.group_total[group]
        rows = self.tr("row") if total == 1 else self.tr("rows")
        count = f"{total} {rows}" if shown == total else f"{shown} of {total} {rows}"
        return f"{self.facts.groups[group]}, {count}"

    def heat_at(self, at: tuple[int, int]) -> float:
        """0 fast to 1 slow; nan without a number."""
        return float(self._heat[at])

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        device = self.device_at(section)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if section == OPERATION else _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            if device is not None:
                return f"{device.name}\n{device.hardware}, {device.setting}"
            return {
                OPERATION: self.tr("One row of the table: a layer with its shapes"),
                MACS: self.tr("Multiply-accumulates of the layer for one image, millions"),
            }.get(section, self.tr("Slowest device against the fastest"))
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if device is not None:
            unit = {"ms": "ms", "spread": "%", "n": "n"}[self.mode]
            return f"{short_name(device, self.table.devices)} ({unit})"
        return {OPERATION: self.tr("Operation"), MACS: self.tr("MACs (M)")}.get(
            section, self.tr("Ratio")
        )

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if self.table_row(index.row()) is None:
            return Qt.ItemFlag.ItemIsEnabled
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self.editable and self.mode == "ms" and self.device_at(index.column()) is not None:
            return usual | Qt.ItemFlag.ItemIsEditable
        return usual

    # -- editing ------------------------------------------------------------------------------------------------

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        at = self.cell_at(index)
        if role != Qt.ItemDataRole.EditRole or at is None or not self.editable:
            return False
        try:
            ms = parse_ms(str(value))
        except InvalidInput as problem:
            self.rejected.emit(problem)
            return False
        before = self.table.cells.ms[at]
        if str(value).strip() == self._raw(at[0], index.column()) or (
            ms != ms and before != before
        ):
            return True
        self.undo_stack.push(EditCell(self, self._edited([at], np.array([ms]))))
        return True

    def clear(self, indexes: Iterable[Index]) -> None:
        """Empty cells."""
        cells = [at for at in map(self.cell_at, indexes) if at is not None]
        cells = [at for at in cells if not np.isnan(self.table.cells.ms[at])]
        if cells and self.editable:
            self.undo_stack.push(ClearCells(self, self._edited(cells, np.full(len(cells), np.nan))))

    def paste(
        self, top_left: Index, block: list[list[str]], selected: Iterable[Index] = ()
    ) -> None:
        """Put a rectangle of texts with its corner at a cell; one text fills the whole selection.

        Raises
        ------
        InvalidInput
            The corner is not a time, the rectangle does not fit, or a text is not a time: nothing is pasted then.
        """
        if not self.editable or not block or not block[0]:
            return
        targets = self._targets(top_left, block, selected)
        times = [self._pasted(text, at) for text, at in targets]
        change = self._edited([at for _, at in targets], np.array(times))
        self.undo_stack.push(PasteCells(self, change))

    def _targets(
        self, top_left: Index, block: list[list[str]], selected: Iterable[Index]
    ) -> list[tuple[str, tuple[int, int]]]:
        cells = [at for at in map(self.cell_at, selected) if at is not None]
        if len(block) == 1 and len(block[0]) == 1 and len(cells) > 1:
            return [(block[0][0], at) for at in cells]
        corner = self.cell_at(top_left)
        if corner is None:
            raise InvalidInput(
                self.tr("There is no time to paste over."),
                where=self.tr("clipboard"),
                remedy=self.tr("Select the top left cell among the times first."),
            )
        rows = self.layout.rows[top_left.row() :]
        rows = rows[rows >= 0][: len(block)]
        columns = len(self.table.devices) - corner[1]
        if len(rows) < len(block) or columns < len(block[0]):
            raise InvalidInput(
                self.tr("{0} × {1} cells do not fit below and right of the selected cell.").format(
                    len(block), len(block[0])
                ),
                where=self.tr("clipboard"),
                remedy=self.tr("Select a cell with more room, or copy fewer cells."),
            )
        return [
            (text, (int(row), corner[1] + step))
            for row, line in zip(rows, block, strict=True)
            for step, text in enumerate(line)
        ]

    def _pasted(self, text: str, at: tuple[int, int]) -> float:
        try:
            return parse_ms(text)
        except InvalidInput as problem:
            place = f"{self.table.labels[at[0]]}, {self.table.devices[at[1]].name}"
            raise InvalidInput(problem.what, where=place, remedy=problem.remedy) from None

    def _edited(self, cells: list[tuple[int, int]], ms: NDArray[np.float64]) -> TableChange:
        """A change that gives cells new times, one block a device."""
        columns = np.array([column for _, column in cells])
        blocks = []
        for column in np.unique(columns):
            chosen = np.flatnonzero(columns == column)
            labels = tuple(self.table.labels[cells[i][0]] for i in chosen)
            blocks.append(
                Block(self.table.devices[column], labels, Cells.of(ms[chosen], Source.EDITED))
            )
        return TableChange(tuple(blocks))

    # -- derived ------------------------------------------------------------------------------------------------

    def _derive(self) -> None:
        cells = self.table.cells
        with np.errstate(invalid="ignore", divide="ignore"):
            self._spread = (cells.p90 - cells.p10) / cells.ms
            known = ~np.isnan(cells.ms)
            several = known.sum(axis=1) > 1
            low = np.where(known, cells.ms, np.inf).min(axis=1, initial=np.inf)
            high = np.where(known, cells.ms, 0.0).max(axis=1, initial=0.0)
            self._ratio = np.where(several, high / low, np.nan)
        shown = {"ms": cells.ms, "spread": self._spread}.get(self.mode)
        self._heat = (
            np.full(cells.ms.shape, np.nan, np.float32) if shown is None else arranged.heat(shown)
        )

    def _arrange(self) -> None:
        keep = arranged.filtered(self.facts, self.table.cells, self.flagged, self.query)
        if self.sorting is None:
            self.layout = arranged.grouped(self.facts, keep, self.collapsed)
            return
        column, descending = self.sorting
        self.layout = arranged.sorted_by(
            self.facts, keep, self._sort_values(column), descending=descending
        )

    def _sort_values(self, column: int) -> NDArray[np.float64]:
        if column == OPERATION:
            ranks = np.empty(len(self.table.labels))
            ranks[np.argsort(np.array(self.table.labels, dtype=object))] = np.arange(
                len(self.table.labels)
            )
            return ranks
        if column == MACS:
            return self.facts.macs
        if column >= self.ratio_column:
            return np.asarray(self._ratio)
        cells = self.table.cells
        shown = {"ms": cells.ms, "spread": self._spread, "n": cells.n.astype(float)}[self.mode]
        return np.asarray(shown[:, column - FIRST_DEVICE])

    def _rearrange(self) -> None:
        self.beginResetModel()
        self._arrange()
        self.endResetModel()
        self.counted.emit(self.layout.matching)

    def _forget_flags(self) -> None:
        self.flags_of, self.flagged, self.measuring = {}, None, None

    def _cells_changed(self) -> None:
        self._derive()
        self._repaint()

    def _repaint(self) -> None:
        if self.rowCount():
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last)


def short_name(device: Device, others: Iterable[Device]) -> str:
    """A name for a column: the title, else the runtime and threads, with the hardware where that is not clear."""
    if device.title:
        return device.title
    same = [d for d in others if not d.title and d.setting == device.setting]
    return device.setting if len(same) < 2 else f"{device.setting}, {device.hardware[:16]}"
