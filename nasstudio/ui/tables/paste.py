"""What a spreadsheet put on the clipboard, and which cells of the table it is for.

A block of times goes to the selected cell and below and right of it. A first column of operations sends each line to
the row of that name, wherever it is shown; a first line of devices sends each column to the device of that name.
Nothing is pasted unless all of it can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import LatencyTable, Source
from nasstudio.engine.device.device import Device, distinct_names
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import parse, text
from nasstudio.ui.tables.change import TableChange
from nasstudio.ui.tables.editing import edited
from nasstudio.ui.tables.values import parse_block, parse_ms, parse_times
from nasstudio.ui.tables.words import plain

_UNIT = re.compile(r"(?P<name>.*?)\s*[(\[]\s*(?P<unit>ms|us|µs|μs|ns|s)\s*[)\]]\s*", re.IGNORECASE)
_CLIPBOARD = "clipboard"


@dataclass(frozen=True)
class Clip:
    """A block of texts.

    Attributes
    ----------
    labels : first column, if it holds operations; else None.
    heads : first line without the labels' column, if it holds names; else None.
    lines : the rest, every line as long as the others.
    """

    lines: list[list[str]] = field(default_factory=list)
    labels: list[str] | None = None
    heads: list[str] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Lines and columns of times."""
        return len(self.lines), len(self.lines[0]) if self.lines else 0


def read_clip(content: str, table: LatencyTable) -> Clip:
    """What was copied, with its labels and heads recognised. A single line or cell is never a head."""
    lines = parse_block(content)
    if not lines or not lines[0]:
        return Clip()
    labels = None
    if len(lines[0]) > 1 and _are_labels([line[0] for line in lines], table):
        labels = [line[0] for line in lines]
        lines = [line[1:] for line in lines]
    heads = None
    named = [cell for cell in lines[0] if cell.strip()]
    if len(lines) > 1 and named and not any(_is_value(cell) for cell in named):
        heads, lines = lines[0], lines[1:]
        labels = labels[1:] if labels is not None else None
    return Clip(lines, labels, heads)


def _are_labels(texts: list[str], table: LatencyTable) -> bool:
    """Whether half or more of these are rows of the table, leaving out a head."""
    body = texts[1:] if len(texts) > 1 and row_named(table, texts[0]) is None else texts
    return sum(row_named(table, name) is not None for name in body) * 2 >= len(body)


def row_named(table: LatencyTable, name: str) -> int | None:
    """Row of an operation as a table file, a spreadsheet or the editor writes it."""
    found = table.row(name.strip())
    if found is None and ("->" in name or "→" in name):
        try:
            found = table.row(text(parse(" ".join(plain(name).split()))))
        except InvalidInput:
            return None
    return found


def _is_value(cell: str) -> bool:
    try:
        parse_ms(cell)
    except InvalidInput as problem:
        return problem.what.endswith("operation.")  # a number, though not a time
    return True


@dataclass(frozen=True)
class Target:
    """Where a block of times goes.

    Attributes
    ----------
    rows, columns : (lines,), (fields,) of the table.
    unknown : operations of the clipboard that the table does not have.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    unknown: tuple[str, ...] = ()


def target(
    clip: Clip,
    table: LatencyTable,
    below: Callable[[int], NDArray[np.intp]],
    corner: tuple[int, int] | None,
) -> Target:
    """Cells for a block.

    Parameters
    ----------
    below : gives so many rows as they are shown from the selected cell downwards, or fewer if there are no more.
    corner : the selected cell; None if no time is selected.

    Raises
    ------
    InvalidInput
        There is no place for all of it.
    """
    lines, fields = clip.size
    if corner is None and (clip.labels is None or clip.heads is None):
        raise InvalidInput(
            "There is no time to paste over.",
            where=_CLIPBOARD,
            remedy="Select the top left cell among the times first.",
        )
    if clip.labels is not None:
        found = [row_named(table, name) for name in clip.labels]
        rows = np.array([-1 if row is None else row for row in found], dtype=np.intp)
        unknown = tuple(clip.labels[i] for i in np.flatnonzero(rows < 0))
    else:
        rows, unknown = below(lines), ()
    if clip.heads is not None:
        columns = np.array([_column_named(table.devices, head) for head in clip.heads], np.intp)
    else:
        first = corner[1] if corner is not None else 0
        columns = np.arange(first, min(first + fields, len(table.devices)))
    if len(rows) < lines or len(columns) < fields:
        raise InvalidInput(
            f"{lines} × {fields} cells do not fit below and right of the selected cell.",
            where=_CLIPBOARD,
            remedy="Select a cell with more room, or copy fewer cells.",
        )
    return Target(rows, columns, unknown)


def _column_named(devices: Sequence[Device], head: str) -> int:
    match = _UNIT.fullmatch(head)
    wanted = (match["name"] if match else head).strip().lower()
    names = distinct_names(devices)
    for column, (device, name) in enumerate(zip(devices, names, strict=True)):
        known = {device.name.lower(), device.setting.lower(), device.id, name.lower()}
        if wanted in known:
            return column
    raise InvalidInput(
        f"The table has no column '{head[:60]}'.",
        where=_CLIPBOARD,
        remedy="Paste with nothing selected to add it as a new column, or copy without the heads.",
    )


def pasted(clip: Clip, place: Target, table: LatencyTable) -> TableChange:
    """The change that puts the block there.

    Raises
    ------
    InvalidInput
        A text is not a time; its operation and device are named.
    """
    used = np.flatnonzero(place.rows >= 0)
    lines = [clip.lines[i] for i in used]
    rows = place.rows[used]
    texts = [cell for line in lines for cell in line]
    units = [_unit(head) for head in clip.heads] if clip.heads else [""] * len(place.columns)
    if any(units):
        texts = [
            f"{cell} {unit}" if cell.strip()[-1:].isdigit() else cell
            for line in lines
            for cell, unit in zip(line, units, strict=True)
        ]
    all_rows = np.repeat(rows, len(place.columns))
    all_columns = np.tile(place.columns, len(rows))

    def named(number: int) -> str:
        return f"{table.labels[all_rows[number]]}, {table.devices[all_columns[number]].name}"

    return edited(table, all_rows, all_columns, parse_times(texts, named), Source.EDITED)


def _unit(head: str) -> str:
    match = _UNIT.fullmatch(head)
    return match["unit"] if match else ""


def spread_over(
    clip: Clip, table: LatencyTable, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> TableChange:
    """One copied time in every selected cell. rows, columns: (cells,)."""
    ms = parse_times([clip.lines[0][0]], lambda number: _CLIPBOARD)
    return edited(table, rows, columns, np.full(len(rows), ms[0]), Source.EDITED)
