"""What is known of a table's rows without their times: MACs, words to filter by, and where the space uses them.

Everything is an array or a tuple by row, made once for a list of labels and a space; the model only indexes it.
"""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.counts import count
from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import KINDS, LayerSpec, text
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.tables.words import WordIndex

_SAMPLES = 4000


@dataclass(frozen=True)
class RowFacts:
    """Facts by row.

    Attributes
    ----------
    macs : multiply-accumulates, nan for a label that is not a layer.
    words : words to filter by.
    order : (rows,) rank by operation: kind, then sizes as numbers; labels that are no layer come last.
    group : index into `groups`.
    groups : titles, in the order in which they are shown.
    in_space : whether the space uses the row.
    """

    macs: NDArray[np.float64]
    words: WordIndex
    order: NDArray[np.int32]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    in_space: NDArray[np.bool_]


@lru_cache(maxsize=100_000)
def _macs(spec: LayerSpec) -> float:
    try:
        return float(count(spec).macs)
    except InvalidInput:
        return np.nan


_PLACES: weakref.WeakKeyDictionary[SearchSpace, dict[str, tuple[int, str]]] = (
    weakref.WeakKeyDictionary()
)


def places(space: SearchSpace) -> dict[str, tuple[int, str]]:
    """For each layer of a space by its text: its first position and the stage of that position."""
    if space not in _PLACES:
        # Every layer that any member can have turns up among a few thousand random members and the extremes.
        population = np.vstack(
            [
                space.sample(_SAMPLES, np.random.default_rng(0)),
                space.smallest()[None],
                space.largest()[None],
            ]
        )
        rows = space.rows(population)
        first = np.full(len(space.layers), len(space.positions), dtype=np.int64)
        for position in range(rows.shape[1] - 1, -1, -1):
            used = np.unique(rows[:, position])
            first[used[used >= 0]] = position
        stages = (*space.positions, "")
        _PLACES[space] = {
            text(layer): (int(first[i]), stages[first[i]]) for i, layer in enumerate(space.layers)
        }
    return _PLACES[space]


def row_facts(
    labels: Sequence[str], specs: Sequence[LayerSpec | None], space: SearchSpace | None
) -> RowFacts:
    """Facts of every row. About 20 µs a row the first time: not for the window's thread where there are thousands."""
    known = places(space) if space is not None else {}
    keys: list[tuple[int, int, str]] = []
    for label, spec in zip(labels, specs, strict=True):
        place = known.get(label)
        if place is not None and spec is not None:
            keys.append(_group(place[1], spec.height))
        elif spec is not None:
            keys.append((1000, 0, "Layers of other spaces" if known else "Layers"))
        else:
            keys.append((1001, 0, "Operations by name"))
    ordered = sorted(set(keys))
    number = {key: index for index, key in enumerate(ordered)}
    return RowFacts(
        macs=np.array([np.nan if s is None else _macs(s) for s in specs], dtype=np.float64),
        words=WordIndex.of(labels, specs),
        order=_order(labels, specs),
        group=np.array([number[key] for key in keys], dtype=np.int32),
        groups=tuple(key[2] for key in ordered),
        in_space=np.array([label in known for label in labels], dtype=bool),
    )


def _order(labels: Sequence[str], specs: Sequence[LayerSpec | None]) -> NDArray[np.int32]:
    """Ranks by operation. Numbers are compared by numpy, which leaves the window's thread alone meanwhile."""
    named = sorted((label, row) for row, label in enumerate(labels) if specs[row] is None)
    place = {row: number for number, (_, row) in enumerate(named)}
    keys = array("q")
    for row, spec in enumerate(specs):
        keys.extend(
            (len(KINDS), place[row], 0, 0, 0, 0)
            if spec is None
            else (
                KINDS.index(spec.kind),
                spec.channels_in,
                spec.height,
                spec.channels_out,
                spec.kernel,
                spec.middle,
            )
        )
    columns = np.array(keys, dtype=np.int64).reshape(len(labels), 6)
    ranks = np.empty(len(labels), dtype=np.int32)
    ranks[np.lexsort(columns.T[::-1])] = np.arange(len(labels), dtype=np.int32)
    return ranks


def _group(stage: str, size: int) -> tuple[int, int, str]:
    """Sort key and title of a group: stages by input size, from input to output."""
    if stage.isdigit():
        return int(stage), -size, f"Stage {stage}, {size} px"
    fixed = {"In": (0, 0, "Input"), "Out": (900, 0, "Head")}
    return fixed.get(stage, (901, 0, "Other stages"))


def over_space(table: LatencyTable, space: SearchSpace | None) -> LatencyTable:
    """A table of its own with every row of the space, in the space's order, and then the others.

    The order does not depend on what has been measured, so that rows stay where they are while a profile runs.
    """
    if space is None:
        return table.copy()
    own = places(space)
    labels = [*own, *(label for label in table.labels if label not in own)]
    found = np.array([-1 if (i := table.row(label)) is None else i for label in labels], np.intp)
    cells = Cells.missing((len(labels), len(table.devices)))
    there = np.flatnonzero(found >= 0)
    known = table.cells.at(found[there])
    for name in ("ms", "p10", "p90", "n", "source"):
        getattr(cells, name)[there] = getattr(known, name)
    extra = [table.specs[i] for i in found[len(own) :]]
    return LatencyTable(
        labels,
        [*space.layers, *extra],
        list(table.devices),
        cells,
        dict(table.calibrations),
        dict(table.fitted),
    )
