"""Edits as changes of the table: cells typed, emptied, copied down or taken over. Nothing here knows Qt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.ui.tables.change import Block, TableChange

Rows = NDArray[np.intp]


def edited(
    table: LatencyTable, rows: Rows, columns: Rows, ms: NDArray[np.float64], source: Source
) -> TableChange:
    """Give cells new times, one block a device. rows, columns, ms: (cells,)."""
    return replaced(table, rows, columns, Cells.of(np.asarray(ms, dtype=np.float64), source))


def replaced(table: LatencyTable, rows: Rows, columns: Rows, cells: Cells) -> TableChange:
    """Overwrite whole cells. rows, columns: (cells,)."""
    blocks = []
    for column in np.unique(columns):
        chosen = np.flatnonzero(columns == column)
        labels = tuple(table.labels[row] for row in rows[chosen].tolist())
        blocks.append(Block(table.devices[column], labels, cells.at(chosen)))
    return TableChange(tuple(blocks))


def cleared(table: LatencyTable, rows: Rows, columns: Rows) -> TableChange:
    """Empty those of the cells that hold something."""
    full = ~np.isnan(table.cells.ms[rows, columns])
    rows, columns = rows[full], columns[full]
    return replaced(table, rows, columns, Cells.missing((len(rows),)))


def copied_down(
    table: LatencyTable, pattern: Rows, rows: Rows, columns: Rows, *, up: bool = False
) -> TableChange:
    """Repeat the cells of some rows over others, as a spreadsheet's handle does.

    Parameters
    ----------
    pattern : (copied,) rows to copy, from top to bottom.
    rows : (filled,) rows to fill, from top to bottom.
    columns : (columns,) of both.
    up : the rows to fill are above the pattern: it is repeated from its end.
    """
    turn = np.arange(len(rows))
    source = pattern[::-1][turn % len(pattern)][::-1] if up else pattern[turn % len(pattern)]
    return _copied(table, np.repeat(source, len(columns)), np.tile(columns, len(rows)),
                   np.repeat(rows, len(columns)), np.tile(columns, len(rows)))  # fmt: skip


def copied_across(table: LatencyTable, rows: Rows, pattern: Rows, columns: Rows) -> TableChange:
    """Repeat the cells of some columns over others, row by row."""
    source = pattern[np.arange(len(columns)) % len(pattern)]
    return _copied(table, np.repeat(rows, len(columns)), np.tile(source, len(rows)),
                   np.repeat(rows, len(columns)), np.tile(columns, len(rows)))  # fmt: skip


def _copied(
    table: LatencyTable, from_rows: Rows, from_columns: Rows, rows: Rows, columns: Rows
) -> TableChange:
    ms = table.cells.ms[from_rows, from_columns]
    return edited(table, rows, columns, ms, Source.EDITED)
