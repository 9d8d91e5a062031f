"""Which rows of a table are shown, and in which order: filter, groups, sort.

A `Layout` is a flat array: a number of at least 0 is a row of the table, `-(g + 1)` is the head of group `g`. Nothing
here knows Qt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import Cells, Source
from nasstudio.ui.tables.facts import RowFacts

_SOURCES = {source.name.lower(): source for source in Source}


@dataclass(frozen=True)
class Layout:
    """What is shown.

    Attributes
    ----------
    rows : (shown,) table row, or -(group + 1).
    matching : rows that pass the filter, collapsed ones included.
    group_total, group_matching : (groups,) rows in each group, and how many pass.
    """

    rows: NDArray[np.int64]
    matching: int
    group_total: NDArray[np.int64]
    group_matching: NDArray[np.int64]


def filtered(
    facts: RowFacts, cells: Cells, flagged: NDArray[np.bool_] | None, query: str
) -> NDArray[np.bool_]:
    """Which rows match every word of a query. `(rows,)` bool.

    A word matches a word of the label from its start (``mbconv``, ``k5``, ``24x56``, ``28px``). ``source:edited`` asks
    for a row with such a cell, ``missing`` and ``flagged`` for rows with such cells; a leading ``-`` turns it round.
    """
    keep = np.ones(len(facts.words), dtype=bool)
    for word in query.lower().replace("×", "x").replace("→", "->").split():
        negative, plain = word.startswith("-") and len(word) > 1 and word != "->", word
        if negative:
            plain = word[1:]
        found = _matches(facts, cells, flagged, plain)
        keep &= ~found if negative else found
    return keep


def _matches(
    facts: RowFacts, cells: Cells, flagged: NDArray[np.bool_] | None, word: str
) -> NDArray[np.bool_]:
    rows = len(facts.words)
    if word.startswith("source:"):
        wanted = [s for name, s in _SOURCES.items() if name.startswith(word[7:])]
        found: NDArray[np.bool_] = np.isin(cells.source, wanted)
        return _any(found)
    if word == "missing":
        return _any(np.isnan(cells.ms))
    if word == "flagged":
        return np.zeros(rows, bool) if flagged is None else _any(flagged)
    needle = f" {word}"
    return np.array([needle in words for words in facts.words], dtype=bool)


def _any(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(cells.any(axis=1), dtype=bool)
    return found


def grouped(facts: RowFacts, keep: NDArray[np.bool_], collapsed: Collection[str]) -> Layout:
    """Rows under the heads of their groups, in the table's order; empty groups are left out."""
    groups = len(facts.groups)
    shown = np.flatnonzero(keep)
    matching = np.bincount(facts.group[shown], minlength=groups)
    total = np.bincount(facts.group, minlength=groups)
    closed = np.array([title in collapsed for title in facts.groups], dtype=bool)
    heads = np.flatnonzero(matching)
    rows = shown[~closed[facts.group[shown]]] if groups else shown
    # A head sorts before the rows of its group; inside a group the table's order stands.
    key_group = np.concatenate([heads, facts.group[rows]])
    key_row = np.concatenate([np.full(len(heads), -1), rows])
    values = np.concatenate([-(heads + 1), rows])
    order = np.lexsort((key_row, key_group))
    return Layout(values[order].astype(np.int64), len(shown), total, matching)


def sorted_by(
    facts: RowFacts, keep: NDArray[np.bool_], values: NDArray[np.float64], *, descending: bool
) -> Layout:
    """Rows without groups by a number each; rows without a number come last."""
    shown = np.flatnonzero(keep)
    key = values[shown]
    order = np.argsort(-key if descending else key, kind="stable")
    groups = len(facts.groups)
    total = np.bincount(facts.group, minlength=groups)
    return Layout(
        shown[order].astype(np.int64),
        len(shown),
        total,
        np.bincount(facts.group[shown], minlength=groups),
    )


def heat(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Place of each cell between the fast and the slow of its column, on a logarithmic scale. `(rows, columns)`.

    The 5th and the 95th percentile are the ends, so that one odd cell does not flatten the rest; nan stays nan.
    """
    places = np.full(values.shape, np.nan, dtype=np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(np.where(values > 0, values, np.nan))
    for column in range(values.shape[1]):
        known = logs[:, column][np.isfinite(logs[:, column])]
        if len(known):
            low, high = np.percentile(known, (5, 95))
            span = high - low
            share = (logs[:, column] - low) / span if span > 0 else logs[:, column] * 0 + 0.5
            places[:, column] = np.clip(share, 0, 1)
    return places
