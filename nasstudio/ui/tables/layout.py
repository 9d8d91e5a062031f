"""In which order the rows of a table are shown that passed its filter: under the heads of groups, or sorted.

A `Layout` is a flat array: a number of at least 0 is a row of the table, `-(g + 1)` is the head of group `g`. Nothing
here knows Qt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.ui.tables.facts import RowFacts


@dataclass(frozen=True)
class Layout:
    """What is shown.

    Attributes
    ----------
    rows : (shown,) table row, or -(group + 1).
    place : (table rows,) where each row of the table is shown; -1 where it is not.
    matching : rows that pass the filter, collapsed ones included.
    group_total, group_matching : (groups,) rows in each group, and how many pass.
    """

    rows: NDArray[np.int64]
    place: NDArray[np.int64]
    matching: int
    group_total: NDArray[np.int64]
    group_matching: NDArray[np.int64]

    @classmethod
    def of(cls, facts: RowFacts, rows: NDArray[np.int64], passed: NDArray[np.intp]) -> Layout:
        """A layout of `rows`, where the rows of the table that `passed` the filter are known."""
        groups = len(facts.groups)
        place = np.full(len(facts.group), -1, dtype=np.int64)
        shown = np.flatnonzero(rows >= 0)
        place[rows[shown]] = shown
        return cls(
            rows.astype(np.int64),
            place,
            len(passed),
            np.bincount(facts.group, minlength=groups),
            np.bincount(facts.group[passed], minlength=groups),
        )


def grouped(facts: RowFacts, keep: NDArray[np.bool_], collapsed: Collection[str]) -> Layout:
    """Rows under the heads of their groups, in the table's order; empty groups are left out."""
    groups = len(facts.groups)
    shown = np.flatnonzero(keep)
    matching = np.bincount(facts.group[shown], minlength=groups)
    closed = np.array([title in collapsed for title in facts.groups], dtype=bool)
    heads = np.flatnonzero(matching)
    rows = shown[~closed[facts.group[shown]]] if groups else shown
    # A head sorts before the rows of its group; inside a group the table's order stands.
    key_group = np.concatenate([heads, facts.group[rows]])
    key_row = np.concatenate([np.full(len(heads), -1), rows])
    values = np.concatenate([-(heads + 1), rows])
    order = np.lexsort((key_row, key_group))
    return Layout.of(facts, values[order], shown)


def sorted_by(
    facts: RowFacts, keep: NDArray[np.bool_], values: NDArray[np.float64], *, descending: bool
) -> Layout:
    """Rows without groups by a number each; rows without a number come last."""
    shown = np.flatnonzero(keep)
    key = values[shown]
    order = np.argsort(-key if descending else key, kind="stable")
    return Layout.of(facts, shown[order], shown)
