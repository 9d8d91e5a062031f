"""Runner of a profile: measure layers on one device, then whole networks to calibrate their sum.

Rows are kept in `cells.jsonl` as they are found, the last line of a layer counts; a run that was stopped or killed
goes on with the rows that are not finished.
"""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost.formats import read_table
from nasstudio.engine.device import profile
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.conditions import conditions
from nasstudio.engine.device.timing import MIN_ROUNDS, Timing
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import LayerSpec, parse, text
from nasstudio.engine.space.space import SearchSpace

CELLS_A_SECOND = 15
LEAST_NETWORKS = 4
_NETWORKS_LEAST_S = 4.0


class CellLine(msgspec.Struct, frozen=True):
    """One line of `cells.jsonl`. `finished`: a resumed run does not measure it again."""

    layer: str
    ms: float
    p10: float
    p90: float
    n: int
    finished: bool


def run(spec: ProfileSpec, job: JobContext) -> dict[str, Any]:
    """Measure what is missing, calibrate, and say how good the sum is."""
    began = time.monotonic()
    space = build(spec.space)
    wanted = _wanted(spec, space)
    with CellFile(job.path / "cells.jsonl") as cells:
        measured = _layers(spec, job, wanted, cells)
    job.artefact("cells", cells.path, about={"device": spec.device.id, "layers": len(cells.lines)})
    summary: dict[str, Any] = {"layers": len(wanted), "measured": measured}
    if spec.networks:
        calibration = _calibrate(spec, job, space, cells)
        if calibration is not None:
            summary |= {"mape": calibration.mape, "mape_sum": calibration.mape_sum}
            summary |= {"tau": calibration.tau, "noise": calibration.noise}
    return summary | {"seconds": round(time.monotonic() - began, 1)}


def _layers(spec: ProfileSpec, job: JobContext, wanted: list[LayerSpec], cells: CellFile) -> int:
    """Measure the layers that are not finished; how many these were."""
    missing = [layer for layer in wanted if not cells.finished(text(layer))]
    if len(missing) < len(wanted):
        job.log(f"{len(wanted) - len(missing)} of {len(wanted)} layers are measured already.")
    job.result("conditions", conditions(spec.device, spec.device.version))
    if missing:
        _measure_layers(spec, job, missing, cells, done_before=len(wanted) - len(missing))
    return len(missing)


def _wanted(spec: ProfileSpec, space: SearchSpace) -> list[LayerSpec]:
    """The layers that the job measures, each once."""
    if not spec.layers:
        return list(space.layers)
    return list(dict.fromkeys(parse(label) for label in spec.layers))


class CellFile:
    """Rows found so far, on disk. A torn last line of a killed run is passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, CellLine] = {}
        if path.exists():
            self._read()
        self._file = path.open("ab")

    def _read(self) -> None:
        content = self.path.read_bytes()
        for line in content.splitlines():
            try:
                cell = msgspec.json.decode(line, type=CellLine)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if min(cell.ms, cell.p10, cell.p90, cell.n) > 0:
                self.lines[cell.layer] = cell
        if content and not content.endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")

    def finished(self, label: str) -> bool:
        """Whether a layer needs no further measurement."""
        return label in self.lines and self.lines[label].finished

    def append(self, cell: CellLine) -> None:
        """Write a row; it replaces an earlier one of its layer."""
        self.lines[cell.layer] = cell
        self._file.write(msgspec.json.encode(cell) + b"\n")
        self._file.flush()

    def __enter__(self) -> CellFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


class CellReporter:
    """Hands rows to the job and the file, a few a second, and every row once more when it is finished."""

    def __init__(
        self, job: JobContext, layers: profile.LayerProfile, cells: CellFile, done_before: int
    ) -> None:
        self._job, self._layers, self._cells, self._before = job, layers, cells, done_before
        self._labels = [text(layer) for layer in layers.layers]
        self._changed: deque[int] = deque()
        self._waiting: set[int] = set()
        self._due = time.monotonic()

    def changed(self, index: int, spread: float, budget_s: float) -> None:
        """A row has a new round; report it, or a row that waits longer, when it is time."""
        if index not in self._waiting:
            self._waiting.add(index)
            self._changed.append(index)
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + 1 / CELLS_A_SECOND
        self._report(self._changed.popleft(), spread)
        known = sum(self._layers.bench.known(i, spread) for i in range(len(self._labels)))
        total = len(self._labels) + self._before
        self._job.progress(
            known + self._before,
            total,
            unit="layers",
            label=self._labels[index],
            left_s=self._left(known, budget_s),
        )

    def _left(self, known: int, budget_s: float) -> float:
        """Time left: what is left of the budget, or less where rows get ready sooner."""
        spent = self._layers.bench.spent_s
        left = max(0.0, budget_s - spent)
        return min(left, spent / known * (len(self._labels) - known)) if known else left

    def flush(self, spread: float, *, finished: bool) -> None:
        """Report every row that is not known in its last state. `finished`: even those that are not known well."""
        for index in range(len(self._labels)):
            if self._layers.bench.measured(index):
                self._report(index, spread, finished=finished)

    def _report(self, index: int, spread: float, *, finished: bool = False) -> None:
        self._waiting.discard(index)
        timing = self._layers.timing(index)
        cell = _cell(self._labels[index], timing, finished=finished or timing.rounds >= MIN_ROUNDS)
        if self._cells.lines.get(cell.layer) == cell:
            return
        self._cells.append(cell)
        values = {"layer": cell.layer, "ms": cell.ms, "p10": cell.p10, "p90": cell.p90, "n": cell.n}
        self._job.result("cell", values)


def _cell(label: str, timing: Timing, *, finished: bool) -> CellLine:
    return CellLine(
        label,
        round(timing.median_ms, 7),
        round(timing.p10_ms, 7),
        round(timing.p90_ms, 7),
        timing.n,
        finished,
    )


def _measure_layers(
    spec: ProfileSpec,
    job: JobContext,
    missing: list[LayerSpec],
    cells: CellFile,
    *,
    done_before: int,
) -> None:
    layers = profile.LayerProfile(missing, spec.device, np.random.default_rng(spec.seed), job.check)
    job.result("overhead", {"ms": layers.overhead.median_ms, "n": layers.overhead.n})
    reporter = CellReporter(job, layers, cells, done_before)
    try:
        rough = layers.bench.run(
            spread=spec.spread,
            budget_s=spec.budget_s,
            check=job.check,
            on_row=lambda index: reporter.changed(index, spec.spread, spec.budget_s),
        )
    except StopJob:
        reporter.flush(spec.spread, finished=False)
        raise
    reporter.flush(spec.spread, finished=True)
    job.progress(len(missing) + done_before, len(missing) + done_before, unit="layers", left_s=0)
    if rough:
        worst = max(layers.timing(index).half_width for index in rough)
        reach = f", at worst to ±{worst:.1%}" if math.isfinite(worst) else ""
        job.log(
            f"{len(rough)} of {len(missing)} layers are not known to ±{spec.spread:.1%}{reach}."
        )
    if layers.bench.busy():
        job.warn(
            "The machine was busy with something else while layers were measured "
            f"({layers.bench.load.others():.1f} cores, {layers.bench.interrupted():.0%} of the samples "
            "interrupted). Measure again when it is quiet."
        )


def _calibrate(
    spec: ProfileSpec, job: JobContext, space: SearchSpace, cells: CellFile
) -> Calibration | None:
    """Measure whole networks and fit the correction; None where a layer of the space has no time."""
    times, gaps = _times(spec, job, space, cells)
    if gaps:
        shown = ", ".join(gaps[:3]) + (f" and {len(gaps) - 3} more" if len(gaps) > 3 else "")
        job.warn(
            f"No calibration: {len(gaps)} layers of the space have no time: {shown}. Measure them too."
        )
        return None
    rng = np.random.default_rng(spec.seed)
    population = profile.spread_evenly(space, times, spec.networks, rng)
    if len(population) < LEAST_NETWORKS:
        job.warn(
            f"No calibration: {len(population)} networks are too few for a line; at least "
            f"{LEAST_NETWORKS} are needed."
        )
        return None
    if len(population) < spec.networks:
        job.log(f"The space has only {len(population)} networks to measure.")
    rounds = 2 * len(population) * MIN_ROUNDS
    done = 0

    def step(number: int) -> None:
        nonlocal done
        done += 1
        label = "whole networks" if number == 0 else "whole networks, once more"
        job.progress(min(done, rounds), rounds, unit="rounds", label=label)

    budget_s = max(_NETWORKS_LEAST_S, spec.budget_s / 4)
    networks = profile.measure_networks(
        space, population, spec.device, budget_s=budget_s, rng=rng, check=job.check, on_row=step
    )
    if networks.busy:
        job.warn(
            "The machine was busy while networks were measured. Measure again when it is quiet."
        )
    calibration = profile.calibrate(space, times, population, networks, rng)
    path = job.path / "calibration.json"
    write_atomic(path, msgspec.json.format(msgspec.json.encode(calibration), indent=2))
    job.result("calibration", msgspec.to_builtins(calibration))
    job.artefact("calibration", path, about={"device": spec.device.id})
    return calibration


def _times(
    spec: ProfileSpec, job: JobContext, space: SearchSpace, cells: CellFile
) -> tuple[NDArray[np.float64], list[str]]:
    """Time of each layer of the space, ms, and the layers that have none: measured here, else from the table."""
    known = {label: cell.ms for label, cell in cells.lines.items()}
    if spec.table is not None:
        path = job.input(spec.table)
        table = read_table(path)
        if any(device.id == spec.device.id for device in table.devices):
            column = table.cells.ms[:, table.column(spec.device)]
            given = dict(zip(table.labels, column.tolist(), strict=True))
            known = {k: v for k, v in given.items() if v > 0} | known
        elif len(known) < len(space.layers):
            raise InvalidInput(
                f"The table has no times of {spec.device.name}.",
                where=path,
                remedy="Measure all layers: leave the list of layers empty.",
            )
    labels = [text(layer) for layer in space.layers]
    times = np.array([known.get(label, np.nan) for label in labels])
    return times, [label for label, t in zip(labels, times, strict=True) if np.isnan(t)]
