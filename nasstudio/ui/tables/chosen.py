"""What is selected in the editor, as rows and columns of the table: arrays, however much it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelection

from nasstudio.ui.tables.captions import written_time
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.scale import is_time
from nasstudio.ui.tables.shown import FIRST_DEVICE


@dataclass(frozen=True)
class Chosen:
    """Selected times.

    Attributes
    ----------
    rows, columns : (cells,) of the table.
    block : first and last shown row, first and last device, if they are one rectangle; heads of groups do not count.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    block: tuple[int, int, int, int] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def block_rows(self, model: LatencyModel) -> NDArray[np.intp]:
        """Rows of the table in the rectangle, from top to bottom."""
        assert self.block is not None
        return rows_between(model, self.block[0], self.block[1])

    def block_columns(self) -> NDArray[np.intp]:
        """Devices of the rectangle."""
        assert self.block is not None
        return np.arange(self.block[2], self.block[3] + 1)


def rows_between(model: LatencyModel, top: int, bottom: int) -> NDArray[np.intp]:
    """Rows of the table that are shown from one place to another."""
    rows = model.layout.rows[top : bottom + 1]
    return np.asarray(rows[rows >= 0], dtype=np.intp)


def chosen(model: LatencyModel, selection: QItemSelection) -> Chosen:
    """The times in a selection."""
    devices = len(model.table.devices)
    parts: list[tuple[int, int, int, int]] = []
    codes = []
    for span in selection.toList():
        left = max(span.left() - FIRST_DEVICE, 0)
        right = min(span.right() - FIRST_DEVICE, devices - 1)
        rows = rows_between(model, span.top(), span.bottom())
        if right < left or not len(rows):
            continue
        parts.append((span.top(), span.bottom(), left, right))
        codes.append((rows[:, None] * devices + np.arange(left, right + 1)).ravel())
    if not codes:
        return Chosen(np.zeros(0, np.intp), np.zeros(0, np.intp))
    cells = codes[0] if len(codes) == 1 else np.unique(np.concatenate(codes))
    top, bottom = min(p[0] for p in parts), max(p[1] for p in parts)
    left, right = min(p[2] for p in parts), max(p[3] for p in parts)
    whole = len(rows_between(model, top, bottom)) * (right - left + 1) == len(cells)
    block = (top, bottom, left, right) if whole else None
    return Chosen(cells // devices, cells % devices, block)


def summary(model: LatencyModel, cells: Chosen) -> str:
    """How many cells, how many are known, and their sum; empty for one cell or none."""
    if len(cells) < 2:
        return ""
    ms = model.table.cells.ms[cells.rows, cells.columns]
    known = ms[is_time(ms)]
    text = model.tr("{0} cells").format(f"{len(cells):,}")
    if len(known) < len(cells):
        text += model.tr(", {0} known").format(f"{len(known):,}")
    if len(known):
        total = float(known.sum())
        said = f"{total:.4g}" if total < 1000 else written_time(total)
        text += model.tr(" · sum {0} ms").format(said)
    return text
