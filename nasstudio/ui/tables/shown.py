"""Shown: what the editor shows of a table, made in one go so that another thread can make it.

`prepared` lays a table over the space, compares it with what is shown, and says the least that has to be redrawn. It
reads arrays that the window may be writing; the model drops an answer that an edit has overtaken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.collection import built
from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.tables.facts import RowFacts, over_space, row_facts
from nasstudio.ui.tables.layout import Layout, grouped, sorted_by
from nasstudio.ui.tables.query import filtered
from nasstudio.ui.tables.scale import HeatScale, ratios, spread

OPERATION, MACS, FIRST_DEVICE = 0, 1, 2
MODES = ("ms", "spread", "n")


@dataclass(frozen=True)
class Wish:
    """What a person wants to see.

    Attributes
    ----------
    query : of the filter.
    sorting : shown column, and whether the largest comes first; None for groups.
    mode : of `MODES`.
    collapsed : titles of closed groups.
    """

    query: str = ""
    sorting: tuple[int, bool] | None = None
    mode: str = "ms"
    collapsed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shown:
    """A table laid over its space, with everything that is derived from it by row or column."""

    table: LatencyTable = field(default_factory=LatencyTable)
    space: SearchSpace | None = None
    facts: RowFacts = field(default_factory=lambda: row_facts([], [], None))
    layout: Layout = field(
        default_factory=lambda: Layout.of(
            row_facts([], [], None), np.zeros(0, np.int64), np.zeros(0, np.intp)
        )
    )
    scale: HeatScale = field(default_factory=lambda: HeatScale.of(np.zeros((0, 0))))


@dataclass(frozen=True)
class Prepared:
    """What is to be shown next.

    Attributes
    ----------
    changed : rows whose cells differ from those that are shown; None if rows or columns are others.
    """

    shown: Shown
    changed: NDArray[np.intp] | None


def prepared(
    table: LatencyTable,
    space: SearchSpace | None,
    before: Shown,
    wish: Wish,
) -> Prepared:
    """Lay a table over the space and compare it with what is shown. The table itself is left alone."""
    laid = over_space(table, space)
    scale = HeatScale.of(numbers(laid.cells, wish.mode))
    same_rows = space is before.space and laid.labels == before.table.labels
    if same_rows and laid.devices == before.table.devices:
        changed = differing(before.table.cells, laid.cells)
        return Prepared(Shown(laid, space, before.facts, before.layout, scale), changed)
    if same_rows:
        facts = before.facts
    else:
        with built(len(laid.labels)):
            facts = row_facts(laid.labels, laid.specs, space)
    layout = arranged(laid, facts, None, wish)
    return Prepared(Shown(laid, space, facts, layout, scale), None)


def differing(first: Cells, second: Cells) -> NDArray[np.intp]:
    """Rows in which a cell is not the same; nan is like nan."""
    other = (first.source != second.source) | (first.n != second.n)
    for name in ("ms", "p10", "p90"):
        a, b = getattr(first, name), getattr(second, name)
        other |= (a != b) & ~(np.isnan(a) & np.isnan(b))
    return np.flatnonzero(other.any(axis=1))


def numbers(cells: Cells, mode: str) -> NDArray[np.float64]:
    """What a mode shows, with heat; nothing has heat among counts. `(rows, columns)`."""
    if mode == "n":
        return np.full((1, cells.ms.shape[1]), np.nan)
    return spread(cells) if mode == "spread" else cells.ms


def arranged(
    table: LatencyTable, facts: RowFacts, flagged: NDArray[np.bool_] | None, wish: Wish
) -> Layout:
    """Filter and order."""
    keep = filtered(facts, table.cells, table.devices, flagged, wish.query)
    if wish.sorting is None:
        return grouped(facts, keep, wish.collapsed)
    column, descending = wish.sorting
    values = _sort_values(table, facts, wish.mode, column)
    return sorted_by(facts, keep, values, descending=descending)


def _sort_values(
    table: LatencyTable, facts: RowFacts, mode: str, column: int
) -> NDArray[np.float64]:
    if column == OPERATION:
        return facts.order.astype(np.float64)
    if column == MACS:
        return facts.macs
    number, cells = column - FIRST_DEVICE, table.cells
    if number >= len(table.devices):
        return ratios(cells.ms)
    if mode == "n":
        return cells.n[:, number].astype(np.float64)
    return spread(cells)[:, number] if mode == "spread" else cells.ms[:, number]
