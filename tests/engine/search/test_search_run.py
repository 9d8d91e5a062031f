"""The search job in its run folder, as the child process runs it."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.table import Cells
from nasstudio.engine.errors import InfeasibleLimits, InvalidInput, MissingLayers
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import SearchSpec
from nasstudio.engine.predictor.ensemble import fit
from nasstudio.engine.predictor.kinds import SWIFT
from nasstudio.engine.run.search import run
from nasstudio.engine.search.archive_file import ArchiveReader, load
from nasstudio.engine.search.limit import Algorithm, Limit


@pytest.fixture(scope="module")
def inputs(small_space, small_metrics, small_accuracy, tmp_path_factory):
    """A project with a table and a predictor."""
    project = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(0)
    population = small_space.sample(80, rng)
    predictor = fit(small_space, population, small_accuracy(population), rng, kinds=SWIFT)
    predictor.save(project / "predictor.npz")
    from nasstudio.engine.cost.table import LatencyTable, Source

    latencies = small_metrics[:2]
    table = LatencyTable(devices=[m.device for m in latencies])
    rows = table.add_rows(small_space.layers)
    for column, metric in enumerate(latencies):
        cells = Cells.of(metric.times_ms[:-1], Source.IMPORTED)
        table.put(rows, [column] * len(rows), cells)
    (project / "table.json").write_bytes(to_json(table))
    table.put(rows[:1], [1], Cells.missing((1,)))
    (project / "gap.json").write_bytes(to_json(table))
    return project


class Job:
    """A run folder and its context."""

    def __init__(self, project, name, spec):
        path = project / "runs" / name
        self.folder = RunFolder(path) if path.exists() else RunFolder.create(path, spec)
        lock = MachineLock(project / "lock", exclusive=False)
        self.context = JobContext(self.folder, lock, ev.EventWriter(self.folder.events))

    def events(self, kind):
        read = ev.EventReader(self.folder.events).read()
        return [event for event in read if isinstance(event, kind)]


@pytest.fixture
def spec(inputs, small_space, small_metrics):
    folder = RunFolder(inputs / "runs" / "any")
    return SearchSpec(
        space=small_space.document,
        table=folder.reference(inputs / "table.json"),
        predictor=folder.reference(inputs / "predictor.npz"),
        objective=small_metrics[0].key,
        budget=300,
        population=20,
    )


def test_that_a_search_writes_its_archive_and_says_so(inputs, spec, small_space):
    job = Job(inputs, "plain", spec)
    summary = run(spec, job.context)
    archive = load(job.folder.path / "archive", small_space)
    assert summary["evaluated"] == len(archive) == 300
    best = archive.best([], spec.objective)
    assert summary["best"]["genome"] == archive.genomes[best].tolist()
    assert summary["best"]["values"] == archive.values(best)
    assert summary["front"] == len(archive.front(spec.objective))
    said = [event.rows for event in job.events(ev.Artefact)]
    assert said[0][0] == 0
    assert said[-1][1] == 300
    assert all(a[1] == b[0] for a, b in itertools.pairwise(said))
    curves = job.events(ev.MetricEvent)
    assert curves[-1].step == 300
    assert curves[-1].values["hypervolume"] >= curves[0].values["hypervolume"]
    assert curves[-1].values["hypervolume"] >= curves[-1].values["hypervolume_random"] > 0
    msgspec.json.encode(summary)


@pytest.mark.parametrize("name", ["evolution", "nsga2", "random"])
def test_that_a_stopped_and_resumed_run_ends_with_the_same_archive(inputs, spec, name):
    spec = msgspec.structs.replace(spec, algorithm=Algorithm(name))
    whole = Job(inputs, f"whole-{name}", spec)
    expected = run(spec, whole.context)
    parts = Job(inputs, f"parts-{name}", spec)
    checks = 0

    def stop_after_four(on_pause=None):
        nonlocal checks
        checks += 1
        if checks == 4:
            raise StopJob

    parts.context.check = stop_after_four
    with pytest.raises(StopJob):
        run(spec, parts.context)
    files = ("genomes.i2", "values.f8", "archive.json")
    path = parts.folder.path / "archive"
    assert 0 < ArchiveReader(path).count() < 300
    with (path / "genomes.i2").open("ab") as file:
        file.write(b"\x01\x00\x01")  # what a killed child might have added after its last state
    again = Job(inputs, f"parts-{name}", spec)
    found = run(spec, again.context)
    for file in files:
        assert (path / file).read_bytes() == (whole.folder.path / "archive" / file).read_bytes()
    assert {**found, "seconds": 0} == {**expected, "seconds": 0}


def test_that_impossible_limits_are_said_before_anything_is_searched(inputs, spec):
    spec = msgspec.structs.replace(spec, limits=(Limit(spec.objective, 1e-6),))
    job = Job(inputs, "impossible", spec)
    with pytest.raises(InfeasibleLimits, match="No network"):
        run(spec, job.context)
    assert not (job.folder.path / "archive").exists()


def test_that_what_is_best_meets_the_limits(inputs, spec, small_space, small_metrics, everything):
    other = small_metrics[1]
    most = float(np.quantile(other.of(everything), 0.1))
    spec = msgspec.structs.replace(spec, limits=(Limit(other.key, most),))
    summary = run(spec, Job(inputs, "limited", spec).context)
    assert summary["best"]["values"][other.key] <= most
    assert 0 < summary["feasible"] <= summary["evaluated"]


def test_that_missing_times_are_named(inputs, spec, small_space, small_metrics):
    folder = RunFolder(inputs / "runs" / "any")
    spec = msgspec.structs.replace(
        spec, table=folder.reference(inputs / "gap.json"), objective=small_metrics[1].key
    )
    with pytest.raises(MissingLayers, match="server"):
        run(spec, Job(inputs, "gap", spec).context)


def test_that_an_unknown_objective_or_budget_is_refused(inputs, spec):
    wrong = msgspec.structs.replace(spec, objective="latency:nowhere")
    with pytest.raises(InvalidInput, match="nowhere"):
        run(wrong, Job(inputs, "nowhere", wrong).context)
    none = msgspec.structs.replace(spec, budget=0)
    with pytest.raises(InvalidInput, match="budget"):
        run(none, Job(inputs, "none", none).context)


def test_that_a_damaged_state_is_said(inputs, spec):
    job = Job(inputs, "damaged", spec)
    run(spec, job.context)
    (job.folder.path / "state.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(InvalidInput, match="saved state"):
        run(spec, Job(inputs, "damaged", spec).context)
