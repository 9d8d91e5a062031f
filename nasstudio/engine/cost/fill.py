"""Filling missing cells by what is known, with the error that this has where the answer is known too.

Two ways: between neighbours of the same device that differ in one size only, and from another device by a power law
over the rows that both have. Neither goes beyond what surrounds it, neither uses a cell that was filled before, and
neither changes the table: the caller puts the cells, so that it can be undone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.checks import neighbours
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec

# What time is nearly linear in, other things equal.
_WORK: dict[str, Callable[[LayerSpec], float]] = {
    "resolution": lambda s: float(s.height * s.width),
    "expand": lambda s: float(s.middle),
    "kernel": lambda s: float(s.kernel**2),
}
LEAST_COMMON = 4


@dataclass(frozen=True)
class Filling:
    """Cells to put into a table: ``table.put(filling.rows, filling.columns, filling.cells)``.

    Attributes
    ----------
    rows, columns, cells : one entry a cell; every source is `Source.INTERPOLATED`.
    error : mean absolute error as a share over known cells that were held back; None if none could be.
    held_back : how many these were.
    """

    rows: list[int]
    columns: list[int]
    cells: Cells
    error: float | None
    held_back: int


def interpolate(table: LatencyTable, device: Device | str) -> Filling:
    """Missing cells of a device between neighbours in resolution, expand ratio or kernel.

    A cell needs a known neighbour on both sides that differs in that one size; several sizes are averaged.

    Raises
    ------
    InvalidInput
        The table has no such device.
    """
    column = table.column(device)
    known = _trusted(table, column)
    estimates: dict[int, list[float]] = defaultdict(list)
    for field, work in _WORK.items():
        for group in neighbours(table.specs, field):
            for row, ms in _between(group, table.specs, known, work):
                estimates[row].append(ms)
    guessed = {row: float(np.mean(values)) for row, values in estimates.items()}
    missing = [row for row in guessed if np.isnan(table.cells.ms[row, column])]
    errors = [
        abs(ms - known[row]) / known[row] for row, ms in guessed.items() if not np.isnan(known[row])
    ]
    return _filling(sorted(missing), column, guessed, errors)


def _trusted(table: LatencyTable, column: int) -> NDArray[np.float64]:
    """Times of a column that were not filled in by a rule; nan elsewhere. `(rows,)`."""
    ms = table.cells.ms[:, column]
    good = (ms > 0) & (table.cells.source[:, column] != Source.INTERPOLATED)
    return np.where(good, ms, np.nan)


def _between(
    group: list[int],
    specs: list[LayerSpec | None],
    known: NDArray[np.float64],
    work: Callable[[LayerSpec], float],
) -> list[tuple[int, float]]:
    """Time of each row of a group from the nearest known row on either side, its own time not used."""
    sizes = [work(spec) for row in group if (spec := specs[row]) is not None]
    found = []
    for place, row in enumerate(group):
        left = next((i for i in range(place - 1, -1, -1) if not np.isnan(known[group[i]])), None)
        right = next(
            (i for i in range(place + 1, len(group)) if not np.isnan(known[group[i]])), None
        )
        if left is None or right is None or not sizes[left] < sizes[place] < sizes[right]:
            continue
        share = (sizes[place] - sizes[left]) / (sizes[right] - sizes[left])
        ms = (1 - share) * known[group[left]] + share * known[group[right]]
        found.append((row, float(ms)))
    return found


def _filling(rows: list[int], column: int, times: dict[int, float], errors: list[float]) -> Filling:
    cells = Cells.of(np.array([times[row] for row in rows], dtype=float), Source.INTERPOLATED)
    error = float(np.mean(errors)) if errors else None
    return Filling(rows, [column] * len(rows), cells, error, len(errors))


def scale_from(table: LatencyTable, source: Device | str, target: Device | str) -> Filling:
    """Missing cells of `target` from those of `source`: ``log t = a + b log s`` over the rows that both have.

    The error is of a cross-validation over these rows.

    Raises
    ------
    InvalidInput
        The table lacks one of the devices, or they have fewer than `LEAST_COMMON` rows in common.
    """
    from_column, column = table.column(source), table.column(target)
    if from_column == column:
        raise InvalidInput(
            "A column can't be scaled from itself.",
            where="latency table",
            remedy="Choose another device to scale from.",
        )
    x, y = np.log(_trusted(table, from_column)), np.log(_trusted(table, column))
    common = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    if len(common) < LEAST_COMMON:
        raise InvalidInput(
            f"{table.devices[from_column].name} and {table.devices[column].name} have only "
            f"{len(common)} rows in common.",
            where="latency table",
            remedy=f"Measure at least {LEAST_COMMON} rows on both.",
        )
    missing = np.flatnonzero(~np.isnan(x) & np.isnan(table.cells.ms[:, column]))
    a, b = _line(x[common], y[common])
    times = {int(row): float(np.exp(a + b * x[row])) for row in missing}
    return _filling([int(row) for row in missing], column, times, _held_back(x[common], y[common]))


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Intercept and slope of least squares; slope 1 where all x are the same."""
    spread = x - x.mean()
    variance = float(spread @ spread)
    slope = float(spread @ (y - y.mean())) / variance if variance > 1e-12 else 1.0
    return float(y.mean() - slope * x.mean()), slope


def _held_back(x: NDArray[np.float64], y: NDArray[np.float64], folds: int = 5) -> list[float]:
    """Relative error of each row predicted from the rows of the other folds."""
    fold = np.arange(len(x)) % min(folds, len(x))
    errors: list[float] = []
    for number in np.unique(fold):
        test = fold == number
        a, b = _line(x[~test], y[~test])
        errors += np.abs(np.expm1(a + b * x[test] - y[test])).tolist()
    return errors
