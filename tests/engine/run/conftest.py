"""A project with a small trained supernet, its images and a latency table, for jobs on networks that were found."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.registry import get
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import AnySpec, Reference
from nasstudio.engine.net.storage import SupernetAbout, save_supernet
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.run.child import main
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument

SIZE = 14
COUNTS = {"train": 60, "validation": 40, "test": 40}


def _space() -> SpaceDocument:
    stage = {"channels": 8, "stride": 1, "depth": [1, 2], "kernel": [3, 5], "expand": [1, 2]}
    wide = stage | {"channels": 16, "stride": 2, "act": "hswish", "se": True, "expand": [2, 3]}
    options = {
        "resolution": [10, 12],
        "stem": 8,
        "head": [16, 24],
        "channels": 1,
        "classes": 3,
        "stages": [stage, wide],
    }
    return SpaceDocument("mobilenetv3", "tiny", "Tiny", options)


def _picture(label: int, rng: np.random.Generator) -> np.ndarray:
    """Rows, columns or squares, under noise that keeps a few of them from being told apart."""
    row, column = np.indices((SIZE, SIZE)) // 2
    pattern = (row % 2, column % 2, (row + column) % 2)[label]
    noisy = 128 + 50 * (pattern * 2 - 1) + rng.normal(0, 110, (SIZE, SIZE))
    return noisy.clip(0, 255).astype(np.uint8)


def _trained(space: MobileNetSpace, images: ImageSet) -> Supernet:
    supernet = Supernet(space, torch.Generator().manual_seed(0))
    optimiser = torch.optim.SGD(supernet.parameters(), lr=0.05, momentum=0.9)
    batches, rng = Batches(images, "train"), np.random.default_rng(0)
    for epoch in range(8):
        for pictures, labels in batches.epoch(30, epoch, 0):
            for genome in (space.largest(), space.sample(1, rng)[0]):
                supernet.activate(genome)
                px = int(space.resolution(genome[None])[0])
                loss = nn.functional.cross_entropy(supernet(at_resolution(pictures, px)), labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return supernet


@dataclass(frozen=True)
class TrainedProject:
    """Where everything is, and what a specification refers to."""

    folder: Path
    pictures: Path
    space_document: SpaceDocument
    data: DataDocument
    supernet: Reference
    table: Reference
    devices: tuple[Device, ...]

    @property
    def space(self) -> MobileNetSpace:
        return MobileNetSpace(self.space_document)

    @property
    def basis(self) -> dict[str, Any]:
        """What every specification here says alike."""
        return {
            "space": self.space_document,
            "data": self.data,
            "supernet": self.supernet,
            "calibration_images": 120,
        }


@dataclass(frozen=True)
class Ran:
    """A run that has been run to its end in this process."""

    folder: RunFolder
    code: int
    events: list[ev.AnyEvent]

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def results(self, name: str) -> list[dict[str, Any]]:
        return [event.values for event in self.of(ev.Result) if event.name == name]

    @property
    def last(self) -> Any:
        return self.events[-1]


@pytest.fixture(scope="session")
def trained_project(tmp_path_factory: pytest.TempPathFactory) -> TrainedProject:
    """Read-only for tests, but for runs of their own."""
    torch.set_num_threads(1)
    folder, rng = tmp_path_factory.mktemp("made") / "a.nasproj", np.random.default_rng(1)
    pictures = folder.parent / "patterns"
    for split, count in COUNTS.items():
        for label, name in enumerate(("rows", "columns", "squares")):
            place = pictures / split / name
            place.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(_picture(label, rng)).save(place / f"{number:03}.png")
    options = {"folder": str(pictures), "size": SIZE, "flip": False}
    document, data = _space(), DataDocument("image_folder", options)
    images = open_set(data, cache_folder=folder.parent / "cache")
    space = MobileNetSpace(document)
    supernet = _trained(space, images)
    (folder / "runs" / "train-1").mkdir(parents=True)
    (folder / "tables").mkdir()
    run = RunFolder(folder / "runs" / "train-1")
    about = SupernetAbout(
        space=document,
        data=data,
        fingerprint=images.fingerprint,
        classes=images.classes,
        mean=images.mean,
        std=images.std,
        epoch=8,
        phase="Full",
    )
    save_supernet(run.path / "supernet.safetensors", supernet, about)
    devices = (get("torch").devices_here()[0], get("onnxruntime").devices_here()[0])
    table = LatencyTable()
    rows = table.add_rows(space.layers)
    for device in devices:
        column = table.add_device(device)
        times = np.linspace(0.01, 0.02, len(rows))
        table.put(rows, [column] * len(rows), Cells.of(times, Source.MEASURED))
    (folder / "tables" / "table.json").write_bytes(to_json(table))
    return TrainedProject(
        folder,
        pictures,
        document,
        data,
        run.reference(run.path / "supernet.safetensors"),
        run.reference(folder / "tables" / "table.json"),
        devices,
    )


@pytest.fixture
def run_job(
    trained_project: TrainedProject,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[Any]:
    """Runs a specification (or an existing run again) as its child process would, in this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(trained_project.folder.parent / "caches"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = iter(range(100))

    def run(job: AnySpec | RunFolder) -> Ran:
        folder = job
        if not isinstance(folder, RunFolder):
            name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
            folder = RunFolder.create(trained_project.folder / "runs" / f"{name}-{next(made)}", job)
        # A process that has ended holds no lock; this one lives on, so that each run gets a machine of its own.
        monkeypatch.setenv("NASSTUDIO_RUNTIME", str(tmp_path / f"runtime-{next(made)}"))
        code = main(folder.path)
        return Ran(folder, code, ev.EventReader(folder.events).read())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
