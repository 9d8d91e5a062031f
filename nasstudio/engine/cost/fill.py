"""Filling missing cells by what is known, with the error that this has where the answer is known too.

Two ways: between neighbours of the same device that differ in one size only, and from another device by a power law
over the rows that both have. Neither goes beyond what surrounds it, neither uses a cell that was filled before, and
neither changes the table: the caller puts the cells, so that it can be undone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.shapes import SIZES, Shapes, chains, shapes
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

Values = NDArray[np.float64]

LEAST_COMMON = 4
LEAST_OF_KIND = 12  # common rows of a kind for a line of its own
# Numbers moved that take as long as one MAC, from a processor that only computes to one that only waits for memory.
_BALANCES = (0.0, 2.0, 8.0, 32.0, 128.0, np.inf)
_FOLDS = 5


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


def _trusted(table: LatencyTable, column: int) -> Values:
    """Times of a column that were not filled in by a rule; nan elsewhere. `(rows,)`."""
    good = table.cells.known[:, column] & (table.cells.source[:, column] != Source.INTERPOLATED)
    return np.where(good, table.cells.ms[:, column], np.nan)


def _filling(table: LatencyTable, column: int, guessed: Values, known: Values) -> Filling:
    """Guesses of a whole column as the cells that are missing, judged where the answer is known. Both `(rows,)`."""
    missing = np.flatnonzero(~np.isnan(guessed) & ~table.cells.known[:, column])
    errors = np.abs(guessed / known - 1)
    errors = errors[~np.isnan(errors)]
    return Filling(
        missing.tolist(),
        [column] * len(missing),
        Cells.of(guessed[missing], Source.INTERPOLATED),
        float(errors.mean()) if len(errors) else None,
        len(errors),
    )


# -- between neighbours ---------------------------------------------------------------------------------------------


def interpolate(table: LatencyTable, device: Device | str) -> Filling:
    """Missing cells of a device between neighbours in resolution, kernel, expand ratio or channels.

    A cell needs a known neighbour on both sides that differs in that one size. Between them time is linear in work:
    MACs and numbers moved, in the proportion that predicts the known cells of this device best along that size (the
    two sides of a roofline). Estimates along several sizes are averaged, the better size counting more.

    Raises
    ------
    InvalidInput
        The table has no such device.
    """
    column = table.column(device)
    known = _trusted(table, column)
    found = shapes(table.specs)
    times = known[found.rows]
    total, weights = np.zeros(len(times)), np.zeros(len(times))
    for size in SIZES:
        guess, error = _along(found, size, times)
        if error is None:
            continue
        there = ~np.isnan(guess)
        weight = 1 / max(error, 1e-3) ** 2
        total[there] += weight * np.log(guess[there])
        weights[there] += weight
    guessed = np.full(len(known), np.nan)
    there = weights > 0
    guessed[found.rows[there]] = np.exp(total[there] / weights[there])
    return _filling(table, column, guessed, known)


def _along(found: Shapes, size: str, times: Values) -> tuple[Values, float | None]:
    """Time of every layer from the nearest known one on either side along one size, its own not used.

    Returns
    -------
    The guesses, nan where a side is missing, `(layers,)`; and their typical error on known cells, as a share. Where
    nothing can be held back, it is that of a rule that is not known to be good, 0.5; None where nothing is guessed.
    """
    along = chains(found, size)
    ms = times[along.order]
    left, right = _known_beside(along.chain, ms)
    between = (left >= 0) & (right >= 0)
    at = np.flatnonzero(between)
    if not len(at):
        return np.full(len(times), np.nan), None
    best: tuple[float, Values] | None = None
    for balance in _BALANCES:
        work = found.values if np.isinf(balance) else found.macs + balance * found.values
        w = work[along.order]
        low, high = w[left[at]], w[right[at]]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(high > low, (w[at] - low) / (high - low), np.nan)
        guess = (1 - share) * ms[left[at]] + share * ms[right[at]]
        guess = np.where((share > 0) & (share < 1), guess, np.nan)
        errors = np.abs(guess / ms[at] - 1)
        errors = errors[~np.isnan(errors)]
        error = float(np.sqrt(np.mean(np.minimum(errors, 1.0) ** 2))) if len(errors) else 0.5
        if not np.isnan(guess).all() and (best is None or error < best[0]):
            best = error, guess
    guesses = np.full(len(times), np.nan)
    if best is None:
        return guesses, None
    guesses[along.order[at]] = best[1]
    return guesses, best[0]


def _known_beside(
    chain: NDArray[np.int64], ms: Values
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Place of the nearest known time before and after each place in its chain, -1 where there is none."""
    places = np.arange(len(ms))
    there = ~np.isnan(ms)
    before = np.maximum.accumulate(np.where(there, places, -1))
    left = np.concatenate([[-1], before[:-1]]).astype(np.intp)
    after = np.minimum.accumulate(np.where(there, places, len(ms))[::-1])[::-1]
    right = np.concatenate([after[1:], [len(ms)]]).astype(np.intp)
    right[right == len(ms)] = -1
    left[(left >= 0) & (chain[left] != chain)] = -1
    right[(right >= 0) & (chain[right] != chain)] = -1
    return left, right


# -- from another device --------------------------------------------------------------------------------------------


def scale_from(table: LatencyTable, source: Device | str, target: Device | str) -> Filling:
    """Missing cells of `target` from those of `source`: ``log t = a + b log s`` over the rows that both have.

    Each kind of layer with `LEAST_OF_KIND` common rows gets a line of its own, if that predicts rows held back better
    than one line for all. The error is of this cross-validation.

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
    x, known = np.log(_trusted(table, from_column)), _trusted(table, column)
    y = np.log(known)
    common = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    if len(common) < LEAST_COMMON:
        raise InvalidInput(
            f"{table.devices[from_column].name} and {table.devices[column].name} have only "
            f"{len(common)} rows in common.",
            where="latency table",
            remedy=f"Measure at least {LEAST_COMMON} rows on both.",
        )
    kinds = np.array([spec.kind if spec is not None else "" for spec in table.specs])
    alike = np.full(len(kinds), "")
    held = {
        name: _held_back(x[common], y[common], groups[common])
        for name, groups in (("all", alike), ("kinds", kinds))
    }
    scores = {name: float(np.abs(np.expm1(p - y[common])).mean()) for name, p in held.items()}
    best = "kinds" if scores["kinds"] < scores["all"] else "all"
    groups = kinds if best == "kinds" else alike
    guessed = np.exp(_predicted(x[common], y[common], groups[common], x, groups))
    guessed[common] = np.exp(held[best])
    return _filling(table, column, guessed, known)


def _predicted(
    x: Values, y: Values, groups: NDArray[np.str_], at: Values, of: NDArray[np.str_]
) -> Values:
    """Log time at other rows by the line of their group; that of all where a group has too few rows."""
    a, b = _line(x, y)
    found = a + b * at
    names, counts = np.unique(groups, return_counts=True)
    for name in names[counts >= LEAST_OF_KIND]:
        inside = groups == name
        a, b = _line(x[inside], y[inside])
        found = np.where(of == name, a + b * at, found)
    return found


def _line(x: Values, y: Values) -> tuple[float, float]:
    """Intercept and slope of least squares; slope 1 where all x are the same."""
    spread = x - x.mean()
    variance = float(spread @ spread)
    slope = float(spread @ (y - y.mean())) / variance if variance > 1e-12 else 1.0
    return float(y.mean() - slope * x.mean()), slope


def _held_back(x: Values, y: Values, groups: NDArray[np.str_]) -> Values:
    """Log time of each row predicted from the rows of the other folds."""
    fold = np.arange(len(x)) % min(_FOLDS, len(x))
    held = np.empty(len(x))
    for number in np.unique(fold):
        test = fold == number
        held[test] = _predicted(x[~test], y[~test], groups[~test], x[test], groups[test])
    return held
