"""A project with everything that a search leaves behind, made without measuring or training: tests only."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QApplication

from nasstudio.engine.atomic import file_sha256
from nasstudio.engine.cost import counts
from nasstudio.engine.cost.metric import available
from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.calibration import fit as calibrate
from nasstudio.engine.device.device import Device
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import FitSpec, Reference, SearchSpec
from nasstudio.engine.predictor import ensemble
from nasstudio.engine.predictor.kinds import SWIFT
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.search.archive import columns_of
from nasstudio.engine.search.archive_file import ArchiveWriter
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import Population, SearchSpace
from nasstudio.ui.pages.search.page import SearchPage
from nasstudio.ui.theme import theme
from nasstudio.ui.workbench import Workbench

PIXEL = Device("Pixel-class CPU", "onnxruntime", "1.32.0", title="Pixel CPU")
DESKTOP = Device("Desktop CPU", "torch", "2.14.1", title="Desktop CPU")


def accuracies(space: SearchSpace, population: Population, rng: np.random.Generator) -> np.ndarray:
    """Plausible accuracies: saturating in MACs, with what MACs do not explain."""
    macs = counts.macs(space, population)
    share = np.log(macs) - np.log(macs.min())
    own = (population * np.sin(np.arange(population.shape[1]))).sum(axis=1)
    own = (own - own.mean()) / (own.std() or 1)
    return np.clip(0.70 + 0.055 * share + 0.012 * own + rng.normal(0, 0.004, len(macs)), 0.05, 0.95)


def fill_table(project: Project, space: SearchSpace) -> None:
    """Times of every layer on two devices that prefer different networks."""
    labels = [text(layer) for layer in space.layers]
    macs = np.array([counts.count(layer).macs for layer in space.layers], dtype=float)
    kernels = np.array([layer.kernel for layer in space.layers], dtype=float)
    times = {
        PIXEL: 0.02 + macs / 6e6 * (1 + 0.06 * (kernels - 3)),
        DESKTOP: 0.012 + macs / 3e7 * (1 + 0.3 * (kernels - 3)),
    }
    for device, ms in times.items():
        cells = Cells.of(ms, Source.MEASURED)
        project.put_cells(labels, device, cells)
    population = space.sample(16, np.random.default_rng(0))
    rows = space.rows(population)
    sums = np.append(times[PIXEL], 0.0)[rows].sum(axis=1)
    project.table.calibrations[PIXEL.id] = calibrate(
        space.layers,
        times[PIXEL],
        rows,
        1.06 * sums + 0.03 + 0.02 * np.sin(9 * sums),
        counts.macs(space, population),
    )
    project.save_table()


def _finish(project: Project, run, *events: ev.AnyEvent) -> None:
    writer = ev.EventWriter(run.events)
    for event in (ev.Started(version="1", protocol=ev.PROTOCOL, pid=1, machine={}), *events):
        writer.write(event)
    writer.close()


def add_predictor(project: Project, space: SearchSpace, seed: int = 0) -> Reference:
    """A predictor fitted to synthetic pairs, as a fit job leaves it."""
    rng = np.random.default_rng(seed)
    genomes = space.sample(80, rng)
    predictor = ensemble.fit(space, genomes, accuracies(space, genomes, rng), rng, kinds=SWIFT)
    run = project.new_run(FitSpec(name="Accuracy predictor", space=space.document, pairs=()))
    path = run.path / "predictor.npz"
    predictor.save(path)
    digest = file_sha256(path)
    _finish(
        project, run, ev.Artefact(kind="predictor", path="predictor.npz", sha256=digest), ev.Done()
    )
    return Reference(f"runs/{run.id}/predictor.npz", digest)


def write_search(
    project: Project,
    space: SearchSpace,
    predictor: Reference,
    networks: int,
    *,
    seed: int = 1,
    limits: tuple[Limit, ...] = (),
    name: str = "Search",
) -> str:
    """A finished search whose archive holds random networks. Returns the run's id."""
    rng = np.random.default_rng(seed)
    metrics = available(space, project.table)
    levels = rng.random((networks, 1))
    population = space.canonical(
        rng.binomial(
            np.broadcast_to(space.cardinalities - 1, (networks, len(space.genes))), levels
        ).astype(np.int16)
    )
    population = population[np.unique(population, axis=0, return_index=True)[1]]
    rng.shuffle(population)
    columns = columns_of([metric.key for metric in metrics])
    values = [metric.of(population) for metric in metrics]
    generation = np.arange(len(population)) * 50 // len(population)
    accuracy = ensemble.load(project.path / predictor.path, space).of(population)
    table = np.stack([*values, accuracy, generation], axis=1)
    spec = SearchSpec(
        name=name, space=space.document, table=project.table_reference(), predictor=predictor,
        objective=metrics[0].key, limits=limits, budget=max(len(population), 1),
    )  # fmt: skip
    run = project.new_run(spec)
    writer = ArchiveWriter(run.path / "archive", space, columns)
    writer.append(population, table)
    writer.close()
    steps = [len(population) * k // 40 for k in range(1, 41)]
    curve = [
        ev.MetricEvent(
            step=step,
            values={
                "hypervolume": float(0.82 * (1 - np.exp(-k / 6))),
                "hypervolume_random": float(0.7 * (1 - np.exp(-k / 9))),
            },
        )
        for k, step in enumerate(steps, start=1)
    ]
    done = ev.Done(summary={"evaluated": len(population), "hypervolume": 0.82})
    _finish(project, run, *curve, done)
    return run.id


@dataclass
class Made:
    """The project's path, its space and the search's run."""

    path: Path
    space: SearchSpace
    run: str


def make_project(folder: Path, networks: int = 1500, *, search: bool = True) -> Made:
    """A project that can be searched, with one finished search."""
    project = Project.create(folder / "pixel", "Pixel launch")
    document = preset("mbv3_28_fast")
    space = build(document)
    project.put("space", document)
    project.put("data", DataDocument("fashion_mnist_small"))
    fill_table(project, space)
    predictor = add_predictor(project, space)
    run = write_search(project, space, predictor, networks) if search else ""
    take_all(project)
    path = project.path
    project.close()
    return Made(path, space, run)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Made:
    """Made once; use `made` for a copy of one's own."""
    return make_project(tmp_path_factory.mktemp("search"))


@pytest.fixture
def made(made_once, tmp_path) -> Made:
    """A project of the test's own."""
    path = tmp_path / made_once.path.name
    shutil.copytree(made_once.path, path, ignore=shutil.ignore_patterns("*.lock", "lock"))
    return Made(path, made_once.space, made_once.run)


@pytest.fixture
def bench(qtbot, made):
    """The project, open."""
    theme().install(QApplication.instance())
    workbench = Workbench()
    workbench.open(made.path)
    qtbot.waitUntil(lambda: workbench.snapshot is not None, timeout=10_000)
    yield workbench
    workbench.close()


@pytest.fixture
def page(qtbot, bench):
    """The Search page with its networks loaded, shown."""
    stack = QUndoStack()
    shown = SearchPage(bench, stack)
    qtbot.addWidget(shown)
    shown.resize(1100, 760)
    shown.show()
    qtbot.waitUntil(lambda: shown.model.seen_count > 0, timeout=10_000)
    qtbot.waitUntil(lambda: shown.model.explanation is not None, timeout=10_000)
    yield shown
    shown.close_down()


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """What makes projects, for tests that need another one."""
    return SimpleNamespace(
        PIXEL=PIXEL, DESKTOP=DESKTOP, make_project=make_project, write_search=write_search,
        fill_table=fill_table, add_predictor=add_predictor,
    )  # fmt: skip
