"""A project of seconds: a tiny space, 96 images, three phases that use everything a training has.

Here are the specifications of every job in it, and what is needed to run one to its end, to kill it at a moment, and
to tell whether two trainings ended the same. Jobs are the real child processes unless `inline` is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.job import events as ev
from nasstudio.engine.job import supervise
from nasstudio.engine.job.folder import FINISHED, RunFolder, State
from nasstudio.engine.job.specification import AnySpec, SearchSpec, TrainSpec
from nasstudio.engine.predictor.ensemble import fit
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import Intake, take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.schedule import Phase, Schedule

MOMENT = Path(__file__).resolve().parent / "moment"
LIMIT_S = 120.0

_STAGE = {"depth": [1, 2], "kernel": [3, 5], "expand": [1, 2, 3], "act": "hswish", "se": True}
SPACE = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [8, 12],
        "stem": 8,
        "head": [16, 24],
        "channels": 1,
        "classes": 10,
        "stages": [{**_STAGE, "channels": 8, "stride": 1}, {**_STAGE, "channels": 16, "stride": 2}],
    },
)
DATA = DataDocument("fashion_mnist_small", {"limit": 96})
SCHEDULE = Schedule(
    "tiny",
    "Tiny",
    (
        Phase("Full", 1, 0.1, warmup=1, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Kernel, depth", 1, 0.05, largest={"expand": 2}, networks=2, distill=1.0),
        Phase("Expand", 1, 0.05, networks=3, distill=1.0, sandwich=True),
    ),
)
STEPS = 18  # 96 images in batches of 16, three epochs
DEVICE = Device(processor(), "torch", "0")  # of this machine; its times here are invented


@dataclass(frozen=True)
class Moment:
    """When a process is to end by itself; see `moment/sitecustomize.py`."""

    at: str
    name: str
    nth: int = 1
    how: str = "before"


@dataclass
class Ran:
    """A run after its process has gone."""

    state: State
    events: list[ev.AnyEvent] = field(default_factory=list)


def new_project(folder: Path) -> Project:
    """The tiny project, with a time for every layer on one device."""
    project = Project.create(folder, "Tiny", program="faults")
    project.put("space", SPACE)
    project.put("data", DATA)
    project.put("schedule", SCHEDULE)
    layers = build(SPACE).layers
    times = np.linspace(0.01, 0.05, len(layers))
    rows, column = project.table.add_rows(layers), project.table.add_device(DEVICE)
    project.table.put(rows, [column] * len(rows), Cells.of(times, Source.MEASURED))
    project.save_table()
    return project


def train_spec(project: Project, checkpoint_s: float = 0.0) -> TrainSpec:
    """The tiny training; by default with a checkpoint after every step."""
    return plan.train(
        project,
        seed=5,
        batch=16,
        calibration_images=32,
        validation_images=50,
        checkpoint_s=checkpoint_s,
    )


def search_spec(project: Project, budget: int = 200_000) -> SearchSpec:
    """A search of a shipped space, with times and accuracies that are made up and smooth."""
    document = preset("mbv3_28_fast")
    space = build(document)
    table, rng = LatencyTable(), np.random.default_rng(3)
    rows, column = table.add_rows(space.layers), table.add_device(DEVICE)
    times = rng.uniform(0.01, 0.05, len(rows))
    table.put(rows, [column] * len(rows), Cells.of(times, Source.MEASURED))
    population = space.sample(120, rng)
    worth = rng.uniform(0, 0.3 / len(space.genes), len(space.genes))
    predictor = fit(space, population, 0.6 + population @ worth, rng)
    folder = project.path / "tables"
    (folder / "searched.json").write_bytes(to_json(table))
    predictor.save(folder / "searched.npz")
    reference = RunFolder(project.path / "runs" / "any").reference
    return SearchSpec(
        name="Search",
        space=document,
        table=reference(folder / "searched.json"),
        predictor=reference(folder / "searched.npz"),
        objective=f"latency:{DEVICE.id}",
        budget=budget,
    )


# -- running ------------------------------------------------------------------------------------------------------


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Variables that the processes started meanwhile inherit."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def begin(folder: RunFolder, moment: Moment | None = None) -> subprocess.Popen[bytes]:
    """Start the child of a run, which ends at a moment if one is given."""
    if moment is None:
        return supervise.start(folder)
    with at(moment):
        return supervise.start(folder)


@contextmanager
def at(moment: Moment) -> Iterator[None]:
    """Jobs that are started meanwhile end at the moment."""
    paths = os.pathsep.join((str(MOMENT), os.environ.get("PYTHONPATH", "")))
    with environment(NASSTUDIO_MOMENT=json.dumps(vars(moment)), PYTHONPATH=paths):
        yield


def follow(project: Project, folder: RunFolder, child: subprocess.Popen[bytes]) -> Ran:
    """Take in what a run says until its process has gone, as window and terminal do."""
    intake, ran = Intake(project, folder.id), Ran("created")
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        child.poll()
        found = intake.read()
        ran.events += found.events
        ran.state = found.state
        if found.state in FINISHED:
            child.wait(timeout=LIMIT_S)
            return ran
        time.sleep(0.02)
    child.kill()
    child.wait()
    raise TimeoutError(f"{folder.id} did not end within {LIMIT_S:.0f} s")


def run(project: Project, spec: AnySpec, moment: Moment | None = None) -> tuple[RunFolder, Ran]:
    """A new run to its end, or to a moment."""
    folder = project.new_run(spec)
    return folder, follow(project, folder, begin(folder, moment))


def reopened(project: Project) -> Project:
    """The project as the next program finds it."""
    path = project.path
    project.close()
    project = Project.open(path, program="faults", write=True)
    take_all(project)
    return project


class Inline:
    """A child that is none: the job runs in this process, at once. For tests that count seconds."""

    def __init__(self, folder: RunFolder, interpreter: str | None = None) -> None:
        import signal

        from nasstudio.engine.run.child import main

        folder.spec()  # as the real one: a bad specification is an error before anything is started
        handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
        (folder.path / "process.json").write_text('{"pid": 999999999, "created": 1.0}')
        errors, sys.stderr = sys.stderr, folder.log.open("a")
        try:
            self.returncode = main(folder.path)
        finally:
            sys.stderr.close()
            sys.stderr = errors
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def poll(self) -> int:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        return self.returncode

    def kill(self) -> None:
        """It has gone already."""


# -- comparing ----------------------------------------------------------------------------------------------------


def differences(left: Path, right: Path) -> list[str]:
    """What is not the same, bit for bit, at the end of two trainings: weights, momentum, random state, supernets."""
    from nasstudio.engine.net import storage
    from nasstudio.engine.train import checkpoint

    a, b = (sorted(folder.glob("resume-*.safetensors"))[-1] for folder in (left, right))
    found = _different_tensors(a, b, checkpoint.KIND)
    supernets = {path.name for folder in (left, right) for path in folder.glob("supernet-*")}
    for name in sorted(supernets):
        if not ((left / name).is_file() and (right / name).is_file()):
            found.append(name)
        else:  # their headers also say how long the training took
            found += _different_tensors(left / name, right / name, storage.KIND)
    return found


def _different_tensors(left: Path, right: Path, kind: str) -> list[str]:
    import torch

    from nasstudio.engine.net.tensor_file import read_tensors

    a, b = (read_tensors(path, kind, "")[0] for path in (left, right))
    found = [f"tensor {name}" for name in sorted(a.keys() ^ b.keys())]
    return found + [
        f"tensor {name} of {left.name}"
        for name in a.keys() & b.keys()
        if not torch.equal(a[name], b[name])
    ]


def leftovers(folder: Path) -> list[str]:
    """Temporary files below a folder."""
    return sorted(path.name for path in folder.rglob("*.part"))


def results(events: list[ev.AnyEvent], name: str) -> list[dict[str, Any]]:
    """The results of a name among events."""
    return [e.values for e in events if isinstance(e, ev.Result) and e.name == name]


def changed(spec: AnySpec, **fields: Any) -> AnySpec:
    """A specification with other fields."""
    return msgspec.structs.replace(spec, **fields)
