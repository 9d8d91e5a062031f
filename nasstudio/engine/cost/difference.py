"""Two latency tables side by side: which rows only one has, by what factor they differ, and which rows stand out.

A measurement repeated is never the same twice; a row stands out only where it differs beyond the noise of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.noise import beyond, deviation, standard_error
from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnDifference:
    """One column of each table, over the rows that have a time in both.

    Attributes
    ----------
    left, right : the devices.
    labels : the rows. `(rows,)`, as all below.
    left_ms, right_ms, ratio : both times, and right over left.
    factor : median ratio: how much slower the right one is throughout; nan without common rows.
    beyond : index of the rows that differ beyond the noise of both, the largest ratio (either way) first.
    apart : the same, once `factor` is taken out.
    only_left, only_right : rows with a time on one side only.
    """

    left: Device
    right: Device
    labels: list[str]
    left_ms: Values
    right_ms: Values
    ratio: Values
    factor: float
    beyond: NDArray[np.intp]
    apart: NDArray[np.intp]
    only_left: list[str]
    only_right: list[str]

    @property
    def summary(self) -> str:
        """The difference in a sentence or two."""
        name = (
            self.left.name
            if self.left.id == self.right.id
            else f"{self.left.name} and {self.right.name}"
        )
        if not self.labels:
            return f"{name}: no operation has a time in both."
        said = f"{name}: {_count(len(self.labels), 'operation')} in both, {_factor(self.factor)}"
        if not len(self.beyond):
            return f"{said}; none differs beyond the noise."
        worst = int(self.beyond[0])
        verb = "differs" if len(self.beyond) == 1 else "differ"
        said += (
            f"; {len(self.beyond):,} {verb} beyond the noise, most of all {self.labels[worst]}: "
            f"{self.left_ms[worst]:.3g} and {self.right_ms[worst]:.3g} ms"
        )
        apart = f"{len(self.apart):,} of them still do" if len(self.apart) else "none does"
        return (
            f"{said}. With the factor taken out {apart}."
            if abs(self.factor - 1) > 0.05
            else f"{said}."
        )


@dataclass(frozen=True)
class Difference:
    """Two tables.

    Attributes
    ----------
    only_left, only_right, both : labels of rows.
    columns : one for each pair of devices.
    """

    only_left: list[str]
    only_right: list[str]
    both: list[str]
    columns: list[ColumnDifference]

    @property
    def same(self) -> bool:
        """Whether both have the same rows with the same times, but for noise."""
        lone = self.only_left or self.only_right
        return not lone and not any(
            len(c.beyond) or c.only_left or c.only_right for c in self.columns
        )

    @property
    def summary(self) -> str:
        """The whole in a few sentences."""
        rows = (
            f"{_count(len(self.both), 'operation')} in both tables, {len(self.only_left):,} only in the first, "
            f"{len(self.only_right):,} only in the second."
        )
        return "\n".join([rows, *(column.summary for column in self.columns)])


def compare(
    left: LatencyTable,
    right: LatencyTable,
    devices: Sequence[tuple[Device | str, Device | str]] | None = None,
) -> Difference:
    """What two tables differ in.

    Parameters
    ----------
    devices : pairs of a column of `left` and one of `right`; without them those that are the same device, else those
        of the same name.

    Raises
    ------
    InvalidInput
        A table has no such device, or none was named and they have none in common.
    """
    shared = [label for label in left.labels if right.row(label) is not None]
    pairs = _matched(left, right) if devices is None else list(devices)
    at_left = np.array([left.row(label) for label in shared], dtype=np.intp)
    at_right = np.array([right.row(label) for label in shared], dtype=np.intp)
    columns = [
        _column(left, right, shared, (at_left, left.column(a)), (at_right, right.column(b)))
        for a, b in pairs
    ]
    return Difference(
        [label for label in left.labels if right.row(label) is None],
        [label for label in right.labels if left.row(label) is None],
        shared,
        columns,
    )


def _matched(left: LatencyTable, right: LatencyTable) -> list[tuple[Device | str, Device | str]]:
    ids = {device.id: device for device in right.devices}
    names = {device.name: device for device in right.devices}
    found: list[tuple[Device | str, Device | str]] = []
    for device in left.devices:
        other = ids.get(device.id) or names.get(device.name)
        if other is not None:
            found.append((device, other))
    if not found:
        raise InvalidInput(
            "The tables have no device in common.",
            where="latency tables",
            remedy=f"Name a pair. Left: {_listed(left)}. Right: {_listed(right)}.",
        )
    return found


def _listed(table: LatencyTable) -> str:
    return ", ".join(device.name for device in table.devices[:6]) or "none"


def _column(
    left: LatencyTable,
    right: LatencyTable,
    shared: list[str],
    of_left: tuple[NDArray[np.intp], int],
    of_right: tuple[NDArray[np.intp], int],
) -> ColumnDifference:
    a, b = left.cells.at(of_left), right.cells.at(of_right)
    in_a, in_b = a.known, b.known
    there = np.flatnonzero(in_a & in_b)
    a, b = a.at(there), b.at(there)
    log_ratio = np.log(b.ms / a.ms)
    factor = float(np.median(log_ratio)) if len(there) else np.nan
    return ColumnDifference(
        left.devices[of_left[1]],
        right.devices[of_right[1]],
        [shared[i] for i in there],
        a.ms,
        b.ms,
        np.exp(log_ratio),
        float(np.exp(factor)),
        _outside(log_ratio, a, b),
        _outside(log_ratio - factor, a, b),
        _lone(left, of_left[1], right, of_right[1]),
        _lone(right, of_right[1], left, of_left[1]),
    )


def _lone(here: LatencyTable, column: int, there: LatencyTable, other: int) -> list[str]:
    """Labels with a time in one column and none in the other table's."""
    known = there.cells.known[:, other]
    found = []
    for row in np.flatnonzero(here.cells.known[:, column]).tolist():
        index = there.row(here.labels[row])
        if index is None or not known[index]:
            found.append(here.labels[row])
    return found


def _outside(log_ratio: Values, a: Cells, b: Cells) -> NDArray[np.intp]:
    """Index of the rows whose ratio is beyond the noise of both, the largest first."""
    errors = (standard_error(a), standard_error(b))
    different = np.flatnonzero(beyond(log_ratio, errors, (deviation(a), deviation(b))))
    order: NDArray[np.intp] = different[np.argsort(-np.abs(log_ratio[different]), kind="stable")]
    return order


def _factor(factor: float) -> str:
    if abs(factor - 1) < 0.005:
        return "equal in the median"
    return f"the second {factor:.2f} times the first in the median"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
