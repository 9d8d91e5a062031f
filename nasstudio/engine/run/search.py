"""The search job: space, table and predictor in, archive of evaluated networks out.

The archive grows on the disk while the search runs, and a curve of hypervolume is said beside that of random search
after as many evaluations. A run that was stopped or killed goes on from its last saved state and ends with the same
archive, bit for bit.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.atomic import replace_atomic
from nasstudio.engine.cost.additive import AdditiveLatency
from nasstudio.engine.cost.formats.own_json import from_json
from nasstudio.engine.cost.metric import TableLatency, available
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.specification import SearchSpec
from nasstudio.engine.predictor.arrays import read_arrays
from nasstudio.engine.predictor.ensemble import load
from nasstudio.engine.search import archive_file
from nasstudio.engine.search.algorithm import Search, Settings, State
from nasstudio.engine.search.archive_file import ArchiveWriter
from nasstudio.engine.search.extremes import check_feasible, extremes
from nasstudio.engine.search.landscape import survey
from nasstudio.engine.search.pareto import Box
from nasstudio.engine.search.problem import SearchProblem, SharedRows
from nasstudio.engine.search.random import RandomBaseline
from nasstudio.engine.search.registry import make
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SearchSpace

_SAVE_S = 2.0
_SAY_S = 0.1


def run(spec: SearchSpec, job: JobContext) -> dict[str, Any]:
    """Search, write `archive/`, and return what was found."""
    began = time.monotonic()
    search, baseline = _prepared(spec, job)
    session = _Session(spec, job, search, baseline)
    session.resume()
    with session:
        while not search.done:
            session.step()
            job.check(session.save)
    return session.summary(time.monotonic() - began)


def _prepared(spec: SearchSpec, job: JobContext) -> tuple[Search, RandomBaseline]:
    """The search and its baseline.

    Raises
    ------
    InfeasibleLimits
        No network can meet the limits; said before anything is searched.
    """
    if spec.budget < 1 or spec.population < 4:
        raise InvalidInput(
            f"A budget of {spec.budget} and a population of {spec.population} make no search.",
            where="search",
            remedy="Choose a budget of at least 1 and a population of at least 4.",
        )
    space = build(spec.space)
    table_path = job.input(spec.table)
    table = from_json(table_path.read_bytes(), str(table_path))
    predictor = load(job.input(spec.predictor), space)
    metrics = available(SharedRows(space), table)
    _check_devices(spec, space, table, {metric.key for metric in metrics})
    problem = SearchProblem(space, metrics, predictor.of, spec.limits)
    objective = problem.metrics[problem.column(spec.objective)]
    seeds = np.random.SeedSequence(spec.seed).spawn(3)
    setup, main, other = (np.random.default_rng(seed) for seed in seeds)
    feasible = check_feasible(problem, setup)
    end = extremes(space, objective, setup)
    box = survey(problem, spec.objective, end, setup)
    starts = () if feasible is None else (feasible,)
    settings = Settings(spec.objective, box, spec.budget, spec.population, starts=starts)
    search = make(spec.algorithm, problem, settings, main)
    return search, RandomBaseline(problem, spec.objective, box, other)


def _check_devices(
    spec: SearchSpec, space: SearchSpace, table: LatencyTable, known: set[str]
) -> None:
    """Name the layers without a time of a device that the search needs.

    Raises
    ------
    MissingLayers
        The device is in the table, but some layers of the space have no time on it.
    InvalidInput
        It is known by whole networks of another kind.
    """
    needed = {spec.objective, *(limit.metric for limit in spec.limits)} - known
    for device in table.devices:
        if f"latency:{device.id}" in needed:
            if device.id in table.fitted:
                AdditiveLatency(space, table.fitted[device.id], device)
            else:
                TableLatency(space, table, device)


class _Session:
    """A search with its files and its reports."""

    def __init__(
        self, spec: SearchSpec, job: JobContext, search: Search, baseline: RandomBaseline
    ) -> None:
        self.spec = spec
        self.job = job
        self.search = search
        self.baseline = baseline
        self.folder = job.path / "archive"
        self.state_path = job.path / "state.npz"
        self.writer: ArchiveWriter | None = None
        self._said = 0  # rows announced
        self._last_said = self._last_saved = time.monotonic()

    # -- files --------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on from the saved state if there is one, and open the archive for writing."""
        search = self.search
        kept = 0
        if self.state_path.exists():
            state = _read_state(self.state_path)
            kept = int(state["counts"][3])
            search.restore(state, archive_file.load(self.folder, search.problem.space, rows=kept))
            self.baseline.restore(state)
            self.job.log(f"Resumed after {kept} networks.")
        self._said = kept
        self.writer = ArchiveWriter(
            self.folder, search.problem.space, search.archive.columns, keep=kept
        )

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self.writer is not None
        if kind is None or issubclass(kind, StopJob):
            self.save()
        self.writer.close()

    def save(self) -> None:
        """Write the state that an interrupted run goes on from; the archive first."""
        assert self.writer is not None
        self._say()
        self.writer.sync()
        state = {**self.search.state(), **self.baseline.state()}

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, allow_pickle=False, **state, digest=_digest(state))

        replace_atomic(self.state_path, write)
        self._last_saved = time.monotonic()

    # -- stepping -----------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One generation: evaluate, append, report."""
        assert self.writer is not None
        search, job = self.search, self.job
        new = search.step()
        archive = search.archive
        if new.stop > new.start:
            values = [archive.column(name)[new.start : new.stop] for name in archive.columns]
            self.writer.append(new.population, np.stack(values, axis=1))
        self.baseline.draw(search.evaluated - self.baseline.evaluated)
        best = search.best
        curves = {
            "hypervolume": search.hypervolume,
            "hypervolume_random": self.baseline.hypervolume,
            "best_accuracy": None if best is None else float(archive.accuracy[best]),
            "feasible": float(search.feasible),
            "front": float(len(search.front)),
        }
        job.metric(search.evaluated, curves)
        job.progress(search.evaluated, self.spec.budget, unit="networks", label="Searching")
        now = time.monotonic()
        if now - self._last_said >= _SAY_S:
            self._say()
        if now - self._last_saved >= _SAVE_S or job.wants_checkpoint():
            self.save()

    def _say(self) -> None:
        """Announce the rows that were appended since the last time."""
        assert self.writer is not None
        if self.writer.rows > self._said:
            rows = (self._said, self.writer.rows)
            self.job.artefact("archive", self.writer.genomes_path, rows=rows)
            self._said = self.writer.rows
        self._last_said = time.monotonic()

    # -- the last word ------------------------------------------------------------------------------------------

    def summary(self, seconds: float) -> dict[str, Any]:
        """What was found, and in which time, s."""
        search = self.search
        best = search.best
        found = None
        if search.evaluated < self.spec.budget:
            self.job.log(f"Ended after {search.evaluated} networks: hardly anything new is found.")
        if best is not None:
            genome = search.archive.genomes[best]
            found = {
                "genome": genome.tolist(),
                "id": search.problem.space.identity(genome),
                "values": search.archive.values(best),
            }
        else:
            self.job.warn("No network that meets the limits was found; raise the budget.")
        return {
            "evaluated": search.evaluated,
            "feasible": search.feasible,
            "front": len(search.front),
            "best": found,
            "objective": self.spec.objective,
            "hypervolume": search.hypervolume,
            "hypervolume_random": self.baseline.hypervolume,
            "box": _box(search.settings.box),
            "seconds": round(seconds, 3),
        }


def _box(box: Box) -> dict[str, float]:
    return {
        "cost_low": box.cost_low,
        "cost_high": box.cost_high,
        "accuracy_low": box.accuracy_low,
        "accuracy_high": box.accuracy_high,
    }


def _digest(state: State) -> NDArray[np.uint8]:
    """Hash over every name, type, shape and byte: a state that was altered would be gone on from in silence."""
    total = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        total.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        total.update(array.tobytes())
    return np.frombuffer(total.digest(), dtype=np.uint8)


def _read_state(path: Path) -> State:
    try:
        state = read_arrays(path)
        if state.pop("digest").tobytes() != _digest(state).tobytes():
            raise ValueError("it was altered")
        int(state["counts"][3])
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise CorruptFile(
            "The saved state of the search does not read.",
            where=path,
            remedy="Delete the file and resume: the search then starts anew.",
        ) from problem
    return state
