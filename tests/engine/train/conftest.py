"""A training of seconds: a tiny space, 96 images, three phases that use everything a training has."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.events import EventWriter
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import TrainSpec
from nasstudio.engine.run.train import run
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.schedule import Phase, Schedule

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
SCHEDULE = Schedule(
    "tiny",
    "Tiny",
    (
        Phase("Full", 1, 0.1, warmup=1, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Kernel, depth", 1, 0.05, largest={"expand": 2}, networks=2, distill=1.0),
        Phase("Expand", 1, 0.05, networks=3, distill=1.0, sandwich=True),
    ),
)
SPEC = TrainSpec(
    space=SPACE,
    data=DataDocument("fashion_mnist_small", {"limit": 96}),
    schedule=SCHEDULE,
    batch=16,
    seed=5,
    calibration_images=32,
    validation_images=50,
)


@pytest.fixture
def spec() -> TrainSpec:
    return SPEC


class StoppingJob(JobContext):
    """A job that is asked to stop at its n-th look at the outside."""

    stop_at = 0
    looks = 0

    def check(self, on_pause=None) -> None:
        self.looks += 1
        if self.looks == self.stop_at:
            self.stop()
        super().check(on_pause)


class Jobs:
    """Jobs in run folders of one project; `close` releases what they hold."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: list[EventWriter | MachineLock] = []

    def __call__(self, name: str, spec: TrainSpec, stop_at: int = 0) -> StoppingJob:
        """A job in a run folder, new or there already; it stops at its n-th look at the outside."""
        path = self._home / "p.nasproj" / "runs" / name
        folder = RunFolder(path) if path.is_dir() else RunFolder.create(path, spec)
        lock = MachineLock(self._home / "lock", exclusive=False)
        writer = EventWriter(folder.events)
        self._held += [lock, writer]
        job = StoppingJob(folder, lock, writer)
        job.stop_at = stop_at
        return job

    def close(self) -> None:
        for held in self._held:
            held.close()


@pytest.fixture
def make_job(tmp_path: Path):
    jobs = Jobs(tmp_path)
    yield jobs
    jobs.close()


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """The run folder of a training that nothing interrupted; not to be changed."""
    jobs = Jobs(tmp_path_factory.mktemp("whole"))
    job = jobs("whole", SPEC)
    run(SPEC, job)
    jobs.close()
    return job.path


@pytest.fixture
def uninterrupted(whole: Path, tmp_path: Path) -> Path:
    """A copy of it among this test's runs."""
    return Path(shutil.copytree(whole, tmp_path / "p.nasproj" / "runs" / "whole"))


@pytest.fixture
def with_spec(spec: TrainSpec):
    """The tiny training with other fields."""
    return lambda **changes: msgspec.structs.replace(spec, **changes)
