"""DifferenceModel: two columns side by side, rows that differ beyond the noise first, rows that one lacks last."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from nasstudio.engine.cost.difference import ColumnDifference
from nasstudio.ui.kit.number import written
from nasstudio.ui.tables.captions import shown_label, written_time

Index = QModelIndex | QPersistentModelIndex
OPERATION, LEFT, RIGHT, RATIO, APART, STATE = range(6)


class RowState(IntEnum):
    """How a row compares."""

    BEYOND = 0
    WITHIN = 1
    ONLY_LEFT = 2
    ONLY_RIGHT = 3


@dataclass(frozen=True)
class DifferenceRows:
    """Rows in the order in which they are shown. Arrays `(rows,)`.

    Attributes
    ----------
    left_ms, right_ms : nan where one side has no time.
    ratio : right over left.
    apart : the same with the common factor taken out.
    state : a `RowState`.
    """

    labels: list[str]
    left_ms: NDArray[np.float64]
    right_ms: NDArray[np.float64]
    ratio: NDArray[np.float64]
    apart: NDArray[np.float64]
    state: NDArray[np.int8]

    @classmethod
    def of(cls, found: ColumnDifference) -> DifferenceRows:
        """Rows beyond the noise once the common factor is taken out, the rest, and what one side lacks."""
        common = len(found.labels)
        apart = found.ratio / found.factor if common else found.ratio
        state = np.full(common, RowState.WITHIN, dtype=np.int8)
        state[found.apart] = RowState.BEYOND
        order = np.lexsort((-np.abs(np.log(apart)), state))
        lone = len(found.only_left), len(found.only_right)
        gap_left, gap_right = np.full(lone[0], np.nan), np.full(lone[1], np.nan)
        none = np.full(sum(lone), np.nan)
        return cls(
            [*(found.labels[i] for i in order), *found.only_left, *found.only_right],
            np.concatenate([found.left_ms[order], gap_left, gap_right]),
            np.concatenate([found.right_ms[order], gap_left, gap_right]),
            np.concatenate([found.ratio[order], none]),
            np.concatenate([apart[order], none]),
            np.concatenate(
                [
                    state[order],
                    np.full(lone[0], RowState.ONLY_LEFT, np.int8),
                    np.full(lone[1], RowState.ONLY_RIGHT, np.int8),
                ]
            ),
        )

    def __len__(self) -> int:
        return len(self.labels)


class DifferenceModel(QAbstractTableModel):
    """Shows `DifferenceRows`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        empty = np.zeros(0)
        self.rows = DifferenceRows([], empty, empty, empty, empty, empty.astype(np.int8))
        self.names = ("", "")

    def set_rows(self, rows: DifferenceRows, left: str, right: str) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows, self.names = rows, (left, right)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else 6

    def state_text(self, row: int) -> str:
        """How a row compares, in words."""
        return {
            RowState.BEYOND: self.tr("beyond the noise"),
            RowState.WITHIN: self.tr("within the noise"),
            RowState.ONLY_LEFT: self.tr("only in the first"),
            RowState.ONLY_RIGHT: self.tr("only in the second"),
        }[RowState(int(self.rows.state[row]))]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = column in (OPERATION, STATE)
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{self.rows.labels[row]}\n{self.state_text(row)}"
        if role == Qt.ItemDataRole.EditRole and column not in (OPERATION, STATE):
            value = float(self._numbers(column)[row])
            return "" if math.isnan(value) else f"{value:.6g}"
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return None
        if column == OPERATION:
            label = self.rows.labels[row]
            return label if role == Qt.ItemDataRole.EditRole else shown_label(label)
        if column == STATE:
            return self.state_text(row)
        value = float(self._numbers(column)[row])
        if column in (LEFT, RIGHT):
            return written_time(value)
        return factor_text(value)

    def _numbers(self, column: int) -> NDArray[np.float64]:
        rows = self.rows
        return {LEFT: rows.left_ms, RIGHT: rows.right_ms, RATIO: rows.ratio, APART: rows.apart}[
            column
        ]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return {
                RATIO: self.tr("The second time over the first"),
                APART: self.tr("The same, with the factor that all rows have in common taken out"),
            }.get(section)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = section in (OPERATION, STATE)
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Operation"),
            f"{self.names[0]} (ms)",
            f"{self.names[1]} (ms)",
            self.tr("Ratio"),
            self.tr("Less the factor"),
            self.tr("Difference"),
        )[section]


def factor_text(value: float) -> str:
    """A ratio with an arrow: slower, faster or about the same."""
    if math.isnan(value):
        return ""
    arrow = "▲" if value > 1.005 else "▼" if value < 0.995 else "="
    return f"{arrow} {written(value, 2 if value < 10 else 1 if value < 100 else 0)}×"
