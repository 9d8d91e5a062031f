"""Cells of a latency table that a person should look at: not a time, far off its neighbours, or faster although larger.

A flag is a hint. Real devices do have layers that are faster than smaller ones; so only differences beyond the noise of
the measurement are shown, each with its numbers, and nothing is changed here. Missing cells are counted elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.noise import beyond, deviation, standard_error
from nasstudio.engine.cost.shapes import SIZES, Shapes, chains, shapes
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.space.layer import LayerSpec

Values = NDArray[np.float64]

FACTOR = 6.0  # times off what other devices say
NEAR_FACTOR = 2.5  # times off what neighbours of the layer say, at least
_OUTLIER = 6.0  # robust standard deviations of the column
_WORDS = {
    "resolution": "at the smaller input",
    "kernel": "with the smaller kernel",
    "expand": "with the smaller expand ratio",
    "channels": "with fewer output channels",
}


@dataclass(frozen=True, order=True)
class Flag:
    """One suspicious cell, and why."""

    row: int
    column: int
    reason: str


@dataclass(frozen=True)
class _Pairs:
    """Rows next to each other in one size. Arrays `(pairs,)`.

    Attributes
    ----------
    small, large : rows of the table.
    size : index into `SIZES`.
    steps : logarithm of the ratio of their MACs, or of the size where there are none.
    """

    small: NDArray[np.intp]
    large: NDArray[np.intp]
    size: NDArray[np.intp]
    steps: Values


def suspicious(table: LatencyTable) -> list[Flag]:
    """All flags of a table, by row and column."""
    if 0 in table.shape:
        return []
    pairs = _pairs(shapes(table.specs))
    logs = np.log(np.where(table.cells.known, table.cells.ms, np.nan))
    off = _far_off(table, pairs, logs)
    # A cell that is ten times too low would make each of its neighbours look slow.
    wrong = {(flag.row, flag.column) for flag in off}
    flags = [*_not_times(table), *_larger_faster(table, pairs, logs, wrong), *off]
    return sorted(flags)


def _pairs(found: Shapes) -> _Pairs:
    small, large, size, steps = [], [], [], []
    work = np.log(np.maximum(found.macs, 1.0))
    for number, name in enumerate(SIZES):
        along = chains(found, name)
        next_to = (along.chain[1:] == along.chain[:-1]) & (along.size[1:] > along.size[:-1])
        a, b = along.order[:-1][next_to], along.order[1:][next_to]
        step = work[b] - work[a]
        other = np.log(along.size[1:][next_to] / np.maximum(along.size[:-1][next_to], 1))
        small.append(found.rows[a])
        large.append(found.rows[b])
        size.append(np.full(len(a), number, dtype=np.intp))
        steps.append(np.where(step > 0, step, other))
    return _Pairs(*(np.concatenate(parts) for parts in (small, large, size, steps)))


def _not_times(table: LatencyTable) -> list[Flag]:
    wrong = np.argwhere(table.cells.flawed)
    return [
        Flag(int(r), int(c), f"not a time: {table.cells.ms[r, c]:g} ms, counted as missing")
        for r, c in wrong
    ]


# -- larger and faster ----------------------------------------------------------------------------------------------


def _larger_faster(
    table: LatencyTable, pairs: _Pairs, logs: Values, wrong: set[tuple[int, int]]
) -> list[Flag]:
    """The larger layer of a pair where it is faster beyond the noise; one flag a cell, for the widest difference."""
    error, single = standard_error(table.cells), deviation(table.cells)
    a, b = pairs.small, pairs.large
    difference = logs[a] - logs[b]
    with np.errstate(invalid="ignore"):
        faster = (difference > 0) & beyond(difference, (error[a], error[b]), (single[a], single[b]))
    found: dict[tuple[int, int], tuple[float, int]] = {}
    for pair, column in np.argwhere(faster).tolist():
        small, large = int(a[pair]), int(b[pair])
        if (small, column) in wrong or (large, column) in wrong:
            continue
        by = float(difference[pair, column])
        found[large, column] = max(found.get((large, column), (0.0, -1)), (by, pair))
    return [
        Flag(row, column, _faster_words(table, pairs, pair, column))
        for (row, column), (_, pair) in found.items()
    ]


def _faster_words(table: LatencyTable, pairs: _Pairs, pair: int, column: int) -> str:
    small, large = int(pairs.small[pair]), int(pairs.large[pair])
    name = SIZES[pairs.size[pair]]
    spec = table.specs[small]
    which = f" ({_short(spec, name)})" if spec is not None else ""
    return (
        f"{table.cells.ms[large, column]:.3g} ms, faster than the same layer {_WORDS[name]}{which} "
        f"with {table.cells.ms[small, column]:.3g} ms"
    )


def _short(spec: LayerSpec, size: str) -> str:
    if size == "resolution":
        return f"{spec.height}x{spec.width}"
    if size == "kernel":
        return f"k{spec.kernel}"
    if size == "channels":
        return str(spec.channels_out)
    ratio = spec.expand_ratio
    return f"{spec.middle} channels" if ratio is None else f"e{ratio:g}"


# -- far off --------------------------------------------------------------------------------------------------------


def _far_off(table: LatencyTable, pairs: _Pairs, logs: Values) -> list[Flag]:
    """Cells far from what neighbours of the layer say, or, where there are none, from what other devices say."""
    near, count = _from_neighbours(logs, pairs)
    known = count >= 2
    off_near = logs - near
    limit = np.maximum(
        np.log(NEAR_FACTOR), _OUTLIER * _robust_scale(np.where(known, off_near, np.nan))
    )
    off = np.where(known, off_near, logs - _from_devices(logs))
    with np.errstate(invalid="ignore"):
        wrong = np.abs(off) > np.where(known, limit, np.log(FACTOR))
    flags = []
    for row, column in np.argwhere(wrong).tolist():
        beside = "similar layers" if known[row, column] else "the other devices"
        ratio = float(np.exp(abs(off[row, column])))
        expected = float(np.exp(logs[row, column] - off[row, column]))
        direction = "above" if off[row, column] > 0 else "below"
        reason = (
            f"{table.cells.ms[row, column]:.3g} ms, {ratio:.1f} times {direction} the {expected:.3g} ms "
            f"that {beside} suggest"
        )
        flags.append(Flag(row, column, reason))
    return flags


def _robust_scale(values: Values) -> Values:
    """Standard deviation of each column that a few outliers do not move. `(columns,)`; 0 where there is nothing."""
    return np.nan_to_num(1.4826 * _nanmedian(np.abs(values)))


def _from_neighbours(logs: Values, pairs: _Pairs) -> tuple[Values, NDArray[np.intp]]:
    """Log time of each cell as its neighbours suggest it, and how many there are. `(rows, columns)`.

    Each neighbour's time is carried over by how time grows with work along that size on that device; of three or more
    the median counts, of two the one that is nearer to the cell: one of them may be the wrong one.
    """
    rows = len(logs)
    slopes = _slopes(logs, pairs)
    moved = slopes[pairs.size] * pairs.steps[:, None]
    up, down = logs[pairs.small] + moved, logs[pairs.large] - moved
    target = np.concatenate([pairs.large, pairs.small])
    says = np.concatenate([up, down])
    order = np.argsort(target, kind="stable")
    target, says = target[order], says[order]
    starts = np.searchsorted(target, np.arange(rows))
    place = np.arange(len(target)) - starts[target]
    around = np.full((int(place.max(initial=-1)) + 1, *logs.shape), np.nan)
    around[place, target] = says
    count = np.count_nonzero(~np.isnan(around), axis=0)
    near = _nanmedian(around)
    two = np.argwhere(count == 2)
    if len(two):
        both = around[:, two[:, 0], two[:, 1]]
        distance = np.abs(both - logs[two[:, 0], two[:, 1]])
        closest = np.argmin(np.where(np.isnan(distance), np.inf, distance), axis=0)
        near[two[:, 0], two[:, 1]] = both[closest, np.arange(len(two))]
    return near, count


def _slopes(logs: Values, pairs: _Pairs) -> Values:
    """How log time grows with log work along each size on each device, at least 0. `(sizes, columns)`."""
    found = np.zeros((len(SIZES), logs.shape[1]))
    for number in range(len(SIZES)):
        these = (pairs.size == number) & (pairs.steps > 0)
        if these.any():
            grown = logs[pairs.large[these]] - logs[pairs.small[these]]
            found[number] = np.nan_to_num(_nanmedian(grown / pairs.steps[these][:, None]))
    return np.clip(found, 0.0, 1.5)


def _from_devices(logs: Values) -> Values:
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


def _nanmedian(values: Values) -> Values:
    """Median over the first axis, nan where there is none; without numpy's warning about that."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(values, axis=0)  # nan last
    count = np.count_nonzero(~np.isnan(values), axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    median: Values = np.where(count > 0, (low + high) / 2, np.nan)
    return median
