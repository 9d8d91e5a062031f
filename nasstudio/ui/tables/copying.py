"""Selected cells as the tab-separated lines that spreadsheets take, with or without operations and heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QItemSelection, Qt

from nasstudio.ui.tables.captions import raw_time
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import FIRST_DEVICE, OPERATION
from nasstudio.ui.tables.values import written_block

Span = tuple[int, int, int, int]


def spans_of(selection: QItemSelection) -> list[Span]:
    """Top, left, bottom and right of each part of a selection."""
    return [(s.top(), s.left(), s.bottom(), s.right()) for s in selection.toList()]


def size_of(spans: Sequence[Span]) -> int:
    """How many cells."""
    return sum((b - t + 1) * (r - c + 1) for t, c, b, r in spans)


def copied_text(model: LatencyModel, spans: Sequence[Span], *, heads: bool = False) -> str:
    """The cells, with what is not selected between them left empty; `heads` adds operations and devices."""
    rows = sorted({row for t, _, b, _ in spans for row in range(t, b + 1)})
    rows = [row for row in rows if model.table_row(row) is not None]
    columns = sorted({column for _, c, _, r in spans for column in range(c, r + 1)})
    if not rows:
        return ""
    if heads:
        columns = [column for column in columns if column != OPERATION]
    lines = _lines(model, spans, rows, columns)
    if heads:
        across = Qt.Orientation.Horizontal
        titles = [str(model.headerData(c, across)) for c in (OPERATION, *columns)]
        numbers = model.layout.rows[rows]
        labels = [model.table.labels[number] for number in numbers]
        lines = [titles, *([label, *line] for label, line in zip(labels, lines, strict=True))]
    return written_block(lines)


def _lines(
    model: LatencyModel, spans: Sequence[Span], rows: list[int], columns: list[int]
) -> list[list[str]]:
    marked = np.zeros((len(rows), len(columns)), dtype=bool)
    places, fields = np.array(rows), np.array(columns)
    for top, left, bottom, right in spans:
        inside = (places >= top) & (places <= bottom)
        marked |= inside[:, None] & ((fields >= left) & (fields <= right))[None]
    numbers = model.layout.rows[rows]
    times = model.mode == "ms"
    lines: list[list[str]] = [[""] * len(columns) for _ in rows]
    for place, column in enumerate(columns):
        if times and FIRST_DEVICE <= column < model.ratio_column:
            texts = [
                raw_time(ms) for ms in model.table.cells.ms[numbers, column - FIRST_DEVICE].tolist()
            ]
        else:
            role = Qt.ItemDataRole.EditRole
            texts = [str(model.data(model.index(row, column), role) or "") for row in rows]
        for line, text, on in zip(lines, texts, marked[:, place].tolist(), strict=True):
            if on:
                line[place] = text
    return lines
