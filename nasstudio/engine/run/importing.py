"""Runner of an import: a published supernet or accuracy predictor becomes an artefact like one that was made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from nasstudio.engine.atomic import replace_atomic
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import ImportSpec
from nasstudio.engine.net.published.checkpoint import read_checkpoint
from nasstudio.engine.net.published.supernet import published_supernet
from nasstudio.engine.net.storage import save_supernet
from nasstudio.engine.net.tensor_file import Tensors
from nasstudio.engine.predictor.published import is_predictor, published_predictor
from nasstudio.engine.space.families import build


def run(spec: ImportSpec, job: JobContext) -> dict[str, Any]:
    """Read the file, see what it is, and write it as ours. The summary says what was recognised."""
    path = Path(spec.source)
    job.progress(0, 2, unit="steps", label="Reading")
    tensors = read_checkpoint(path)
    job.check()
    job.progress(1, 2, unit="steps", label="Converting")
    take = _predictor if is_predictor(tensors) else _supernet
    summary = take(spec, tensors, job)
    job.progress(2, 2, unit="steps", label="Imported")
    return {"source": path.name, **summary}


def _supernet(spec: ImportSpec, tensors: Tensors, job: JobContext) -> dict[str, Any]:
    source = Path(spec.source)
    supernet, about = published_supernet(tensors, source, spec.space, spec.resolutions)
    space = supernet.space
    layers = [block.layer for block in space.blocks(space.largest())]
    path = job.path / "supernet.safetensors"
    save_supernet(path, supernet, about)
    job.artefact(
        "supernet",
        path,
        about={
            "phase": about.phase,
            "epoch": about.epoch,
            "final": True,
            "space_hash": space.hash,
            "source": source.name,
        },
    )
    if spec.space is None:
        job.result("space", msgspec.to_builtins(about.space))
    return {
        "kind": "supernet",
        "space": space.name,
        "title": space.document.title,
        "classes": layers[-1].channels_out,
        "channels": layers[0].channels_in,
        "tensors": len(tensors),
        "parameters": sum(p.numel() for p in supernet.parameters()),
        "file": path.name,
    }


def _predictor(spec: ImportSpec, tensors: Tensors, job: JobContext) -> dict[str, Any]:
    if spec.space is None:
        raise InvalidInput(
            "The file is an accuracy predictor, and the project has no space yet.",
            where=spec.source,
            remedy="Import the supernet that it belongs to first, or choose a space.",
        )
    space = build(spec.space)
    arrays = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    predictor = published_predictor(space, arrays, spec.source)
    path = job.path / "predictor.npz"
    replace_atomic(path, predictor.save)
    report = msgspec.to_builtins(predictor.report)
    about = {"space": space.name, "space_hash": space.hash, **report}
    job.artefact("predictor", path, about={**about, "source": Path(spec.source).name})
    job.warn(predictor.report.note)
    return {
        "kind": "predictor",
        "space": space.name,
        "title": space.document.title,
        "note": predictor.report.note,
        "file": path.name,
    }
