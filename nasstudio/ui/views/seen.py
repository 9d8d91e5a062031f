"""The networks that searches have seen, for the window: read off its thread, handed over as arrays that never change.

`Collector` belongs to one worker thread: it reads the archives of one or more runs, also while they grow, brings every
column up to the latency table as it is now, and explains limits. `Seen` is what the window draws and asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.metric import Metric, available
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.job.events import EventReader, MetricEvent
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.predictor import ensemble
from nasstudio.engine.predictor.ensemble import AccuracyPredictor
from nasstudio.engine.search import archive_file
from nasstudio.engine.search.archive import ACCURACY, GENERATION, Archive, columns_of
from nasstudio.engine.search.extremes import all_extremes
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.search.problem import SharedRows
from nasstudio.engine.search.query import Binding, Blame, binding, blame
from nasstudio.engine.space.space import Population, SearchSpace

Values = NDArray[np.float64]
ARCHIVE = "archive"


@dataclass(frozen=True)
class Source:
    """A search run whose archive is shown. `table` and `predictor` are hashes of what it was made from."""

    run: str
    path: Path
    table: str
    predictor: str


@dataclass(frozen=True)
class Seen:
    """Networks at one moment; the arrays must not be changed.

    Attributes
    ----------
    genomes : `(n, genes)`.
    values : each metric and ``accuracy`` by key, `(n,)` each.
    generation : `(n,)`.
    curve : hypervolume against evaluated networks: rows (networks, search, random), nan where not said.
    """

    genomes: Population
    values: dict[str, Values]
    generation: Values
    curve: Values = field(default_factory=lambda: np.zeros((0, 3)))

    def __len__(self) -> int:
        return len(self.genomes)


@dataclass(frozen=True)
class Ground:
    """What a search stands on, as far as the project has it.

    Attributes
    ----------
    metrics : everything that can be limited now.
    ends : smallest and largest value of each metric over the space.
    predictor : None if there is none for the space.
    """

    space: SearchSpace
    metrics: tuple[Metric, ...]
    ends: dict[str, tuple[float, float]]
    predictor: AccuracyPredictor | None


@dataclass(frozen=True)
class Explanation:
    """Why the answer is what it is: what binds, or which limits leave nothing."""

    limits: tuple[Limit, ...]
    bindings: tuple[Binding, ...]
    blames: tuple[Blame, ...]


def ground(space: SearchSpace, table: LatencyTable, predictor: Path | None) -> Ground:
    """Metrics, their ends and the predictor of a space. Takes up to half a second: not for the window's thread."""
    metrics = tuple(available(space, table))
    found = all_extremes(space, metrics, np.random.default_rng(0))
    ends = {key: (end.smallest, end.largest) for key, end in found.items()}
    loaded = None
    if predictor is not None:
        loaded = ensemble.load(predictor, space)
    return Ground(space, metrics, ends, loaded)


class Collector:
    """Reads archives into one. For one thread at a time.

    Parameters
    ----------
    table, table_sha256 : the table as it is now: latencies of runs that were made with another are computed anew.
    """

    def __init__(
        self, space: SearchSpace, table: LatencyTable, table_sha256: str, sources: Sequence[Source]
    ) -> None:
        shared = SharedRows(space)
        self._space = space
        self._metrics = {metric.key: metric for metric in available(shared, table)}
        self._table = table_sha256
        self._sources = tuple(sources)
        self._readers: dict[str, archive_file.ArchiveReader] = {}
        self._events = [EventReader(RunFolder(source.path).events) for source in sources]
        self._curve: dict[float, tuple[float, float]] = {}
        self._archive: Archive | None = None

    def grow(self) -> Seen:
        """Everything that is on the disk by now."""
        offset = 0.0
        for source in self._sources:
            self._read(source, offset)
            if self._archive is not None and len(self._archive):
                offset = float(self._archive.column(GENERATION).max()) + 1
        self._read_curve()
        return self._seen()

    def _read(self, source: Source, offset: float) -> None:
        folder = source.path / ARCHIVE
        if source.run not in self._readers:
            if not (folder / "archive.json").is_file():
                return
            reader = archive_file.ArchiveReader(folder)
            archive_file.check_space(reader, self._space)
            self._readers[source.run] = reader
        reader = self._readers[source.run]
        rows = reader.read_new()
        if self._archive is None:
            gone = [k for k in reader.header.columns if k not in self._metrics]
            gone = [k for k in gone if k not in (ACCURACY, GENERATION)]
            self._archive = Archive(self._space, columns_of([*self._metrics, *gone]))
        if len(rows.genomes):
            values = self._columns(source, reader.header.columns, rows)
            if offset and source is not self._sources[0]:
                values[:, self._archive.columns.index(GENERATION)] += offset
            self._archive.append(rows.genomes, values)

    def _columns(
        self, source: Source, stored: tuple[str, ...], rows: archive_file.ArchiveRows
    ) -> Values:
        """The rows' values in the order of our columns."""
        assert self._archive is not None
        found = np.full((len(rows.genomes), len(self._archive.columns)), np.nan)
        for at, key in enumerate(self._archive.columns):
            outdated = key.startswith("latency:") and source.table != self._table
            metric = self._metrics.get(key)
            if metric is not None and (outdated or key not in stored):
                found[:, at] = metric.of(rows.genomes)
            elif key in stored:
                found[:, at] = rows.values[:, stored.index(key)]
        return found

    def _read_curve(self) -> None:
        for reader in self._events[-1:]:
            for event in reader.read():
                if isinstance(event, MetricEvent) and "hypervolume" in event.values:
                    own, random = (event.values.get(f"hypervolume{end}") for end in ("", "_random"))
                    # A resumed search says some steps again.
                    self._curve[event.step] = (_or_nan(own), _or_nan(random))

    def _seen(self) -> Seen:
        archive = self._archive
        points = [(step, *values) for step, values in sorted(self._curve.items())]
        curve = np.array(points, dtype=np.float64).reshape(-1, 3)
        if archive is None:
            empty = Archive(self._space, columns_of([*self._metrics]))
            return Seen(
                empty.genomes, {k: empty.column(k) for k in empty.columns}, np.zeros(0), curve
            )
        # Rows are only ever added behind these, so the views stay as they are.
        values = {key: archive.column(key) for key in (*archive.metrics, ACCURACY)}
        return Seen(archive.genomes, values, archive.column(GENERATION), curve)

    def explain(self, limits: tuple[Limit, ...]) -> Explanation:
        """What binds, or what is to blame."""
        archive = self._archive
        if archive is None or not len(archive):
            return Explanation(limits, (), ())
        known = tuple(limit for limit in limits if limit.metric in archive.metrics)
        blames = tuple(blame(archive, known))
        bindings = () if blames else tuple(binding(archive, known, loosened=0.04))
        return Explanation(limits, bindings, blames)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def predictor_file(path: Path, relative: str) -> Path | None:
    """The predictor's file in a project folder, None if it is not there."""
    found = path / relative
    return found if relative and found.is_file() else None
