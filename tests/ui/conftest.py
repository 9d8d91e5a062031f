"""What the window's tests share: nothing may be left running; a project as a person would have it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from PySide6.QtCore import QThread
from shiboken6 import isValid

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.metric import available
from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import Reference, SearchSpec
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.search.archive import columns_of
from nasstudio.engine.search.archive_file import ArchiveWriter
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import unique
from nasstudio.ui.workbench import Workbench

ONE = Device("Chip A", "onnxruntime", "1.32.0", 1)
TWO = Device("Chip B", "torch", "2.14", 2)


@pytest.fixture(autouse=True)
def nothing_left_running():
    """A QThread that is left running fails its test: it would end the whole run with a crash later."""
    yield
    # `type`, not `isinstance`: some objects of other libraries warn when they are asked for their class.
    left = [
        thread
        for thread in gc.get_objects()
        if issubclass(type(thread), QThread) and isValid(thread) and thread.isRunning()
    ]
    left = [thread for thread in left if thread is not QThread.currentThread()]
    for thread in left:
        thread.wait(5000)
    assert not left, f"threads left running: {left}"


@pytest.fixture
def make_project(tmp_path):
    """make(name, searched) -> path of a closed project."""
    space = build(preset("mbv3_28_fast"))

    def make(name, *, searched=True):
        project = Project.create(tmp_path / name, name)
        project.put("space", preset("mbv3_28_fast"))
        project.put("data", DataDocument("fashion_mnist_small"))
        macs = np.array([counts.count(layer).macs for layer in space.layers])
        labels = [text(layer) for layer in space.layers]
        project.put_cells(labels, ONE, Cells.of(macs / 1e8 + 0.01, Source.IMPORTED))
        project.put_cells(labels, TWO, Cells.of(macs / 3e7 + 0.05, Source.IMPORTED))
        if searched:
            _search(project, space)
        project.close()
        return project.path

    return make


def _search(project, space):
    metrics = available(space, project.table)
    spec = SearchSpec(
        name="Search", space=space.document, table=project.table_reference(),
        predictor=Reference("runs/f/predictor.npz", "p"), objective=f"latency:{TWO.id}",
    )  # fmt: skip
    folder = project.new_run(spec)
    population = space.sample(300, np.random.default_rng(0))
    population = population[unique(population)]
    values = np.stack([m.of(population) for m in metrics], axis=1)
    accuracy = 0.7 + 0.2 * values[:, 0] / values[:, 0].max()
    columns = columns_of([m.key for m in metrics])
    rows = np.column_stack([values, accuracy, np.zeros(len(values))])
    writer = ArchiveWriter(folder.path / "archive", space, columns)
    writer.append(population, rows)
    writer.close()
    said = ev.EventWriter(folder.events)
    said.write(ev.Done(summary={"evaluated": 300}))
    said.close()
    take_all(project)


class NotingWorkbench(Workbench):
    """A workbench that notes what would be started."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list = []

    def start(self, *makes, problem=None) -> None:
        for make in makes:
            self.do(make, self.made.append, problem)


@pytest.fixture
def noting_workbench():
    return NotingWorkbench
