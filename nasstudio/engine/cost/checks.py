"""Cells of a latency table that a person should look at: not a time, ten times off, or faster although larger.

A flag is a hint. Real devices do have layers that are faster than smaller ones; so only differences beyond the noise of
the measurement are shown, and nothing is changed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.space.layer import LayerSpec

FACTOR = 6.0
_SLACK = 0.03  # for cells without a spread
_SIZES: dict[str, Callable[[LayerSpec], int]] = {
    "expand": lambda s: s.middle,
    "kernel": lambda s: s.kernel,
    "resolution": lambda s: s.height * s.width,
}


@dataclass(frozen=True, order=True)
class Flag:
    """One suspicious cell, and why."""

    row: int
    column: int
    reason: str


def suspicious(table: LatencyTable) -> list[Flag]:
    """All flags of a table, by row and column."""
    pairs = _pairs(table.specs)
    flags = [*_not_times(table), *_smaller_slower(table, pairs), *_far_off(table, pairs)]
    return sorted(set(flags))


@dataclass(frozen=True)
class _Pairs:
    """Rows that differ in one size only, next to each other in it. Arrays `(pairs,)`."""

    small: NDArray[np.intp]
    large: NDArray[np.intp]
    field: list[str]


def neighbours(specs: list[LayerSpec | None], field: str) -> list[list[int]]:
    """Rows that are the same but for one size, each group in rising order of it.

    Parameters
    ----------
    field : ``expand``, ``kernel`` or ``resolution``.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for row, spec in enumerate(specs):
        if spec is not None:
            groups[_without(spec, field)].append(row)
    size = _SIZES[field]
    return [
        sorted(rows, key=lambda r: (size(specs[r]), r))  # type: ignore[arg-type]
        for rows in groups.values()
        if len(rows) > 1
    ]


def _without(spec: LayerSpec, field: str) -> Hashable:
    """What a layer is besides one of its sizes."""
    if field == "expand":
        # Without a widening convolution it is another layer, not a smaller one.
        return replace(spec, middle=0), spec.middle in (0, spec.channels_in)
    if field == "kernel":
        return replace(spec, kernel=1)
    square = spec.height == spec.width
    return replace(spec, height=1, width=1), square


def _pairs(specs: list[LayerSpec | None]) -> _Pairs:
    small, large, field = [], [], []
    for name in _SIZES:
        for group in neighbours(specs, name):
            small += group[:-1]
            large += group[1:]
            field += [name] * (len(group) - 1)
    return _Pairs(np.array(small, dtype=np.intp), np.array(large, dtype=np.intp), field)


def _not_times(table: LatencyTable) -> list[Flag]:
    wrong = (table.cells.ms <= 0) | np.isinf(table.cells.ms)
    return [Flag(int(r), int(c), "not a time") for r, c in np.argwhere(wrong)]


def _smaller_slower(table: LatencyTable, pairs: _Pairs) -> list[Flag]:
    """The larger layer of a pair where it is faster beyond the noise."""
    if not len(pairs.small) or not table.devices:
        return []
    cells = table.cells
    upper = np.where(np.isnan(cells.p90), cells.ms * (1 + _SLACK), cells.p90)
    lower = np.where(np.isnan(cells.p10), cells.ms * (1 - _SLACK), cells.p10)
    with np.errstate(invalid="ignore"):
        wrong = upper[pairs.large] < lower[pairs.small]
    return [
        Flag(
            int(pairs.large[p]),
            int(c),
            f"faster than the row with the smaller {pairs.field[p]} ({table.labels[pairs.small[p]]})",
        )
        for p, c in np.argwhere(wrong)
    ]


def _far_off(table: LatencyTable, pairs: _Pairs) -> list[Flag]:
    """Cells far from what neighbours of the layer say, or, where there are none, from what other devices say."""
    if 0 in table.shape:
        return []
    ms = table.cells.ms
    logs = np.log(np.where((ms > 0) & np.isfinite(ms), ms, np.nan))
    near, known = _from_neighbours(logs, pairs)
    across = _from_devices(logs)
    expected = np.where(known, near, across)
    off = logs - expected
    with np.errstate(invalid="ignore"):
        wrong = np.abs(off) > np.log(FACTOR)
    flags = []
    for row, column in np.argwhere(wrong):
        beside = "similar rows" if known[row, column] else "the other devices"
        ratio = float(np.exp(abs(off[row, column])))
        direction = "above" if off[row, column] > 0 else "below"
        reason = f"{ratio:.0f} times {direction} what {beside} suggest"
        flags.append(Flag(int(row), int(column), reason))
    return flags


def _from_neighbours(
    logs: NDArray[np.float64], pairs: _Pairs
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Median log time of each cell's neighbours, and where there are at least two. `(rows, columns)`."""
    beside: dict[int, list[int]] = defaultdict(list)
    for small, large in zip(pairs.small.tolist(), pairs.large.tolist(), strict=True):
        beside[small].append(large)
        beside[large].append(small)
    widest = max((len(rows) for rows in beside.values()), default=0)
    around = np.full((widest, *logs.shape), np.nan)
    for row, others in beside.items():
        around[: len(others), row] = logs[others]
    known = np.count_nonzero(~np.isnan(around), axis=0) >= 2
    return _nanmedian(around), known


def _from_devices(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log time of each cell as the other columns suggest it: theirs, plus the usual distance. `(rows, columns)`."""
    rows, columns = logs.shape
    expected = np.full((rows, columns), np.nan)
    if rows < 3 or columns < 2:
        return expected
    for column in range(columns):
        distance = logs[:, [column]] - logs
        distance[:, column] = np.nan
        common = np.count_nonzero(~np.isnan(distance), axis=0)
        usual = np.where(common >= 3, _nanmedian(distance), np.nan)
        expected[:, column] = _nanmedian((logs + usual).T)
    return expected


def _nanmedian(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the first axis, nan where there is none; without numpy's warning about that."""
    ordered = np.sort(values, axis=0)  # nan last
    count = np.count_nonzero(~np.isnan(values), axis=0)
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    median: NDArray[np.float64] = np.where(count > 0, (low + high) / 2, np.nan)
    return median
