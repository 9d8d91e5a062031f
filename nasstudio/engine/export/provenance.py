"""How an exported network came about: versions, machine, data, and the training behind its supernet."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.device.device import processor
from nasstudio.engine.export.card import DataSet
from nasstudio.engine.export.deployment import producer_version
from nasstudio.engine.net.published.supernet import PHASE
from nasstudio.engine.net.storage import SupernetAbout
from nasstudio.engine.train.schedule import Schedule

_PACKAGES = ("torch", "onnx", "onnxruntime", "safetensors", "numpy")


def versions() -> dict[str, str]:
    """Of this program, Python and the packages that had a part in an export."""
    found = {"nasstudio": producer_version(), "python": platform.python_version()}
    return found | {name: version(name) for name in _PACKAGES}


def machine() -> dict[str, str]:
    """The machine that exported, judged and measured."""
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
    }


def data_set(document: DataDocument, images: ImageSet) -> DataSet:
    """The images that the network was trained and judged on."""
    return DataSet(
        title=images.title,
        family=document.family,
        fingerprint=images.fingerprint,
        channels=images.channels,
        size=images.size,
        labels=tuple(images.classes),
        images={split: len(images.split(split)) for split in ("train", "validation", "test")},
    )


def training(about: SupernetAbout, schedule: Schedule | None, batch: int | None) -> dict[str, Any]:
    """What is known of the supernet's training; schedule and batch if the run that made it is still there."""
    if about.phase == PHASE and not about.images:
        return {"supernet": "published with Once-for-All, imported"}
    facts: dict[str, Any] = {
        "epochs": about.epoch,
        "last phase": about.phase,
        "images seen": about.images,
        "seed": about.seed,
        "validation accuracy of some subnets": about.accuracy,
    }
    if schedule is not None:
        facts["schedule"] = schedule.title
        facts["phases with their epochs"] = {phase.name: phase.epochs for phase in schedule.phases}
    if batch is not None:
        facts["batch"] = batch
    return {name: value for name, value in facts.items() if value not in ("", {})}


def run_of(artefact: Path, project: Path) -> Path | None:
    """The run folder inside a project that holds an artefact; None if there is none."""
    root = project.resolve()
    for folder in artefact.resolve().parents:
        if folder == root or not folder.is_relative_to(root):
            return None
        if (folder / "spec.json").is_file():
            return folder
    return None
