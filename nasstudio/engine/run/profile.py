"""Runner of a profile: measure layers on one device, then whole networks to calibrate their sum.

Rows are kept in `cells.jsonl` as they are found, the last line of a layer counts; a run that was stopped or killed
goes on with the rows that are not finished. What the runtime loads is made once, in `lowered/`, and thrown away when
the job is done.
"""

from __future__ import annotations

import math
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost.fill import interpolate
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device import profile, verdict
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.conditions import conditions
from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.lowered import LoweredFiles
from nasstudio.engine.device.timing import MIN_ROUNDS, Timing
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.project.effort import profile_effort
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import LayerSpec, parse, text
from nasstudio.engine.space.space import SearchSpace

CELLS_A_SECOND = 15
LEAST_NETWORKS = 4
_NETWORKS_LEAST_S = 4.0


class CellLine(msgspec.Struct, frozen=True):
    """One line of `cells.jsonl`. `finished`: a resumed run does not measure it again. `cpu`: the thread's time, ms."""

    layer: str
    ms: float
    p10: float
    p90: float
    n: int
    finished: bool
    cpu: float | None = None


def run(spec: ProfileSpec, job: JobContext) -> dict[str, Any]:
    """Measure what is missing, calibrate, and say how good the sum is."""
    began = time.monotonic()
    space = build(spec.space)
    wanted = _wanted(spec, space)
    lowered = LoweredFiles(job.path / "lowered", spec.device)
    with CellFile(job.path / "cells.jsonl") as cells:
        summary = _layers(spec, job, wanted, cells, lowered)
    job.artefact("cells", cells.path, about={"device": spec.device.id, "layers": len(cells.lines)})
    times = _times(spec, job, space, cells)
    summary |= _between(spec, job, space, times)
    if spec.networks:
        calibration = _calibrate(spec, job, space, times, lowered)
        if calibration is not None:
            summary |= {"mape": calibration.mape, "mape_sum": calibration.mape_sum}
            summary |= {"within10": calibration.within10, "correction": calibration.correction.name}
            summary |= {"tau": calibration.tau, "noise": calibration.noise}
    shutil.rmtree(job.path / "lowered", ignore_errors=True)
    return summary | {"seconds": round(time.monotonic() - began, 1)}


def _layers(
    spec: ProfileSpec,
    job: JobContext,
    wanted: list[LayerSpec],
    cells: CellFile,
    lowered: LoweredFiles,
) -> dict[str, Any]:
    """Measure the layers that are not finished; how many these were, and under which conditions."""
    missing = [layer for layer in wanted if not cells.finished(text(layer))]
    if len(missing) < len(wanted):
        job.log(f"{len(wanted) - len(missing)} of {len(wanted)} layers are measured already.")
    job.log(f"To measure: {profile_effort(spec).say()}")
    found: dict[str, Any] = {"layers": len(wanted), "measured": len(missing)}
    found |= {"conditions": conditions(spec.device, spec.device.version)}
    if missing:
        noise = _measure_layers(spec, job, missing, cells, lowered, len(wanted) - len(missing))
        found |= {"noise_floor": noise}
    return found


def _wanted(spec: ProfileSpec, space: SearchSpace) -> list[LayerSpec]:
    """The layers that the job measures, each once."""
    if spec.layers is None:
        return list(layers_to_measure(space))
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
        if index < len(self._labels) and index not in self._waiting:
            self._waiting.add(index)
            self._changed.append(index)
        now = time.monotonic()
        if now < self._due or not self._changed:
            return
        self._due = now + 1 / CELLS_A_SECOND
        if self._layers.measured(self._changed[0]):
            self._report(self._changed.popleft(), spread)
        known = sum(self._layers.bench.known(i, spread) for i in range(len(self._labels)))
        total = len(self._labels) + self._before
        self._job.progress(
            known + self._before,
            total,
            unit="layers",
            label=self._labels[index] if index < len(self._labels) else "empty call",
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
            if self._layers.measured(index):
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
        None if timing.cpu_ms is None else round(timing.cpu_ms, 7),
    )


def _measure_layers(
    spec: ProfileSpec,
    job: JobContext,
    missing: list[LayerSpec],
    cells: CellFile,
    lowered: LoweredFiles,
    done_before: int,
) -> float:
    """Measure layers; returns the noise floor of the device, a share (`Bench.noise`)."""
    total = len(missing) + done_before

    def lowering(done: int) -> None:
        job.progress(done, len(missing) + 1, unit="layers", label="preparing")

    layers = profile.LayerProfile(
        missing, lowered, np.random.default_rng(spec.seed), job.check, lowering
    )
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
    job.progress(total, total, unit="layers", left_s=0)
    noise = layers.bench.noise()
    job.result("overhead", {"ms": layers.overhead.median_ms, "n": layers.overhead.n})
    rough = [index for index in rough if index < len(missing)]
    if rough:
        worst = max(layers.timing(index).half_width for index in rough)
        reach = f", at worst to ±{worst:.1%}" if math.isfinite(worst) else ""
        job.log(
            f"{len(rough)} of {len(missing)} layers are not known to ±{spec.spread:.1%}{reach}; "
            f"between fresh processes a layer's median moves by ±{noise:.1%}."
        )
    if layers.bench.busy():
        job.warn(
            "The machine was busy with something else while layers were measured "
            f"({layers.bench.load.others():.1f} cores, {layers.bench.interrupted():.0%} of the samples "
            "interrupted). Measure again when it is quiet."
        )
    return noise


def _between(
    spec: ProfileSpec, job: JobContext, space: SearchSpace, times: NDArray[np.float64]
) -> dict[str, Any]:
    """Interpolate the layers of the space that lie between measured ones, in place, and report them as such.

    Without the table it is not known which of the others have a time: rows that are measured alone bring no estimates.
    """
    alone = spec.layers is not None and spec.table is None
    if alone or not np.isnan(times).any():
        return {}
    table = LatencyTable()
    table.add_device(spec.device)
    table.add_rows(list(space.layers))
    table.cells = Cells.of(times[:, None].copy(), Source.MEASURED)
    filling = interpolate(table, spec.device)
    for row, ms in zip(filling.rows, filling.cells.ms.tolist(), strict=True):
        times[row] = ms
        values = {"layer": table.labels[row], "ms": ms, "p10": None, "p90": None, "n": 0}
        job.result("cell", values | {"source": "interpolated"})
    if not filling.rows:
        return {}
    error = f" (±{filling.error:.1%} where it was tried)" if filling.error is not None else ""
    job.log(
        f"{len(filling.rows)} layers at other sizes are interpolated between measured ones{error}."
    )
    return {"interpolated": len(filling.rows), "interpolation_error": filling.error}


def _calibrate(
    spec: ProfileSpec,
    job: JobContext,
    space: SearchSpace,
    times: NDArray[np.float64],
    lowered: LoweredFiles,
) -> Calibration | None:
    """Measure whole networks and fit the correction; None where a layer of the space has no time."""
    gaps = [text(layer) for layer, t in zip(space.layers, times, strict=True) if np.isnan(t)]
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
    networks = profile.measure_networks(
        space,
        population,
        lowered,
        budget_s=max(_NETWORKS_LEAST_S, spec.budget_s / 2),
        rng=rng,
        check=job.check,
        on_lowered=lambda done: job.progress(
            done, len(population), unit="networks", label="preparing whole networks"
        ),
        on_row=_rounds(job, 2 * len(population) * MIN_ROUNDS),
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
    job.log(verdict.say(calibration))
    return calibration


def _rounds(job: JobContext, total: int) -> Callable[[int], None]:
    done = 0

    def step(number: int) -> None:
        nonlocal done
        done += 1
        label = "whole networks" if number == 0 else "whole networks, once more"
        job.progress(min(done, total), total, unit="rounds", label=label)

    return step


def _times(
    spec: ProfileSpec, job: JobContext, space: SearchSpace, cells: CellFile
) -> NDArray[np.float64]:
    """Time of each layer of the space, ms: measured here, else from the table; nan where there is none."""
    known = {label: cell.ms for label, cell in cells.lines.items()}
    if spec.table is not None:
        path = job.input(spec.table)
        table = read_table(path)
        if any(device.id == spec.device.id for device in table.devices):
            at = table.column(spec.device)
            there = np.flatnonzero(table.cells.known[:, at])
            known = {table.labels[row]: table.cells.ms[row, at] for row in there} | known
        elif len(known) < len(layers_to_measure(space)):
            raise InvalidInput(
                f"The table has no times of {spec.device.name}.",
                where=path,
                remedy="Measure all layers: leave the list of layers empty.",
            )
    return np.array([known.get(text(layer), np.nan) for layer in space.layers])
