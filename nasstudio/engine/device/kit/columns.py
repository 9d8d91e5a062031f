"""Results of a kit as columns of a latency table, one a number of threads, with their calibration.

As in `device.profile`, a layer's time is less that of an empty call, which a network pays once. Rows of the space that
lie between measured ones are interpolated and marked so. Networks calibrate the column only where they are networks of
this space; otherwise the rows are all that is taken.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.fill import interpolate
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.calibration import Calibration, fit
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.kit.results import (
    KitResults,
    KitRun,
    NetworkTimes,
    is_results,
    read_results,
)
from nasstudio.engine.device.timing import Timing
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import parse
from nasstudio.engine.space.space import Population, SearchSpace

BUSY_SHARE = 0.10
STEADY = 0.05
_LEAST_NETWORKS = 4


def read_columns(path: Path, space: SearchSpace | None) -> LatencyTable | None:
    """The columns of a results file; None if the file is something else, be it a table or nothing at all.

    Raises
    ------
    InvalidInput
        It is the results of a kit, and not right.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return None  # whoever reads tables says why
    return columns(read_results(path), space) if is_results(head) else None


def columns(results: KitResults, space: SearchSpace | None) -> LatencyTable:
    """The results as a table; its `notes` say what a person should know about them.

    Parameters
    ----------
    space : the project's; None: rows only.

    Raises
    ------
    InvalidInput
        The results name this space and a network that it does not have.
    """
    table = LatencyTable()
    notes = []
    own = space if space is not None and space.hash == results.kit.space_hash else None
    if own is None:
        notes.append(
            "The kit was made for another space: its layers are taken, without calibration."
        )
    for run in results.runs:
        device = results.device_of(run)
        _put_layers(table, device, run)
        if space is not None:
            _put_between(table, device, space)
        if own is not None:
            calibration = _calibration(own, table, device, run, results.measured_at)
            if calibration is not None:
                table.calibrations[device.id] = calibration
        notes += _notes(device, run)
    table.notes = tuple(notes)
    return table


def _put_layers(table: LatencyTable, device: Device, run: KitRun) -> None:
    less = [Timing(t.ms, t.p10, t.p90, t.n, busy=False).less(run.empty.ms) for t in run.layers]
    rows = table.add_rows([parse(layer.layer) for layer in run.layers])
    column = table.add_device(device)
    cells = Cells(
        np.array([t.median_ms for t in less]),
        np.array([t.p10_ms for t in less]),
        np.array([t.p90_ms for t in less]),
        np.array([t.n for t in less], np.int32),
        np.full(len(less), Source.MEASURED, np.uint8),
    )
    table.put(rows, [column] * len(rows), cells)


def _put_between(table: LatencyTable, device: Device, space: SearchSpace) -> None:
    """Interpolate the space's layers that lie between measured ones."""
    wanted = set(table.add_rows(space.layers))
    filling = interpolate(table, device)
    here = [i for i, row in enumerate(filling.rows) if row in wanted]
    table.put(
        [filling.rows[i] for i in here],
        [filling.columns[i] for i in here],
        filling.cells.at(np.array(here, dtype=np.intp)),
    )


def _calibration(
    space: SearchSpace, table: LatencyTable, device: Device, run: KitRun, measured_at: str
) -> Calibration | None:
    """The correction from sums to whole networks; None with too few networks."""
    if not run.networks:
        return None
    try:
        genomes = space.checked([network.genome for network in run.networks])
    except (InvalidInput, ValueError) as problem:
        what = problem.what if isinstance(problem, InvalidInput) else "Genomes differ in length."
        raise InvalidInput(
            what,
            where="results of a kit, networks",
            remedy="Run the kit again, or make a new one for this space.",
        ) from None
    times = _times(table, space, device)
    rows = space.rows(genomes)
    usable = ~np.isnan(np.append(times, 0.0)[rows]).any(axis=1)
    if np.count_nonzero(usable) < _LEAST_NETWORKS:
        return None
    # Folds must not follow the size of the networks, by which the kit has ordered them.
    order = np.random.default_rng(0).permutation(np.flatnonzero(usable))
    return _fitted(space, genomes[order], times, [run.networks[i] for i in order], measured_at)


def _times(table: LatencyTable, space: SearchSpace, device: Device) -> NDArray[np.float64]:
    """Time of each layer of the space, ms, nan where there is none. `(layers,)`."""
    rows = table.add_rows(space.layers)
    times: NDArray[np.float64] = table.cells.ms[rows, table.column(device)]
    return times


def _fitted(
    space: SearchSpace,
    genomes: Population,
    times: NDArray[np.float64],
    networks: list[NetworkTimes],
    measured_at: str,
) -> Calibration:
    first, second = (np.array([n.rounds[half].ms for n in networks]) for half in (0, 1))
    spread = [np.mean([(t.p90 - t.p10) / t.ms for t in n.rounds]) for n in networks]
    known = ~np.isnan(times)
    # Layers that no network of the kit has are left out: they have no time.
    index = np.append(np.where(known, np.cumsum(known) - 1, -1), -1)
    return fit(
        [layer for layer, there in zip(space.layers, known, strict=True) if there],
        times[known],
        index[space.rows(genomes)],
        first,
        counts.macs(space, genomes).astype(np.float64),
        second_ms=second,
        spread=spread,
        space_hash=space.hash,
        genomes=[tuple(int(i) for i in genome) for genome in genomes],
        measured_at=measured_at,
    )


def _notes(device: Device, run: KitRun) -> list[str]:
    notes = []
    if run.interrupted is not None and run.interrupted > BUSY_SHARE:
        notes.append(
            f"{device.name}: the machine was busy with something else "
            f"({run.interrupted:.0%} of the samples were interrupted). Measure again when it is quiet."
        )
    medians = np.array(run.reference.ms)
    drift = float(np.ptp(medians) / 2 / np.median(medians))
    if drift > STEADY:
        notes.append(
            f"{device.name}: one layer measured again and again differed by ±{drift:.0%} "
            "between processes; its times are no better than that."
        )
    return notes
