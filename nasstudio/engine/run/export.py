"""Runner of an export: one network is written, checked, judged on the test images, timed, and described by its card.

The test images are looked at here and nowhere else: once by the network and once by its ONNX file. If an output
differs by more than the tolerance, nothing is left of the export.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import torch

from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.export import card as cards
from nasstudio.engine.export import provenance
from nasstudio.engine.export.card import Card, Check, Input, Latency
from nasstudio.engine.export.card_text import markdown
from nasstudio.engine.export.deployment import Deployment
from nasstudio.engine.export.equality import (
    Equality,
    OnnxNetwork,
    compare,
    ensure,
    package_logits,
    torch_logits,
)
from nasstudio.engine.export.folder import built, listed
from nasstudio.engine.export.formats import ExportFormat, named, safe_name
from nasstudio.engine.export.judgement import BATCH, Judgement, judge_file, judge_network
from nasstudio.engine.export.latency import Bench, Subject
from nasstudio.engine.export.onnx import write as write_onnx
from nasstudio.engine.export.origin import Origin, Subnet, open_origin
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import ExportSpec, TrainSpec

VALIDATION, TEST = "validation_b", "test"
CHECK_IMAGES = 64
_STEPS = 6


@dataclass
class Steps:
    """Progress in steps, said as they begin."""

    job: JobContext
    total: int
    begun: int = 0

    def next(self, label: str) -> Callable[[float], None]:
        """Begin a step; the returned function is told which share of it is done."""
        before, self.begun = self.begun, self.begun + 1

        def inside(share: float) -> None:
            self.job.check()
            self.job.progress(before + share, self.total, unit="steps", label=label)

        inside(0.0)
        return inside


@dataclass
class Written:
    """What has been written, and what has been found out about it."""

    files: dict[str, Path] = field(default_factory=dict)
    checks: list[Equality] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)


def run(spec: ExportSpec, job: JobContext) -> dict[str, Any]:
    """Write the network in every format, or nothing."""
    formats = _formats(spec)
    torch.set_num_threads(max(1, spec.threads))
    steps = Steps(job, _STEPS + 2 * len(formats))
    steps.next("Opening")
    origin = _opened(spec, job)
    steps.next("Batch-norm statistics")
    subnet = origin.subnet(origin.space.checked([spec.genome])[0])
    place = job.path / "export" / safe_name(spec.title)
    with built(place) as folder:
        judged = [
            judge_network(subnet, VALIDATION, steps.next("Accuracy on validation images")),
            judge_network(subnet, TEST, steps.next("Accuracy on test images")),
        ]
        deployment = subnet.deployment(spec.title, _facts(subnet, judged))
        written = _written(spec, subnet, deployment, judged, formats, folder, steps)
        steps.next("Latency")
        latency = _latency(spec, subnet, deployment, written, job)
        steps.next("Card")
        card = _card(spec, subnet, deployment, written, latency, folder, job)
        (folder / "card.json").write_bytes(cards.encode(card))
        (folder / "card.md").write_text(markdown(card), "utf-8")
        files = {kind: place / path.relative_to(folder) for kind, path in written.files.items()}
    values = _reported(card, place, files, formats, job)
    job.progress(steps.total, steps.total, unit="steps")
    return values


def _formats(spec: ExportSpec) -> list[ExportFormat]:
    if not spec.formats:
        raise InvalidInput(
            "No format was chosen.", where="formats", remedy="Choose at least one, e.g. onnx."
        )
    return [named(name) for name in dict.fromkeys(spec.formats)]


def _opened(spec: ExportSpec, job: JobContext) -> Origin:
    return open_origin(
        spec.space,
        spec.data,
        job.input(spec.supernet),
        None if spec.table is None else job.input(spec.table),
        calibration_images=spec.calibration_images,
        seed=spec.seed,
        progress=lambda done, total: job.check(),
    )


def _facts(subnet: Subnet, judged: list[Judgement]) -> dict[str, Any]:
    """What a written file says about itself beside what is needed to run it."""
    return {
        "identity": subnet.identity,
        "space": subnet.origin.space.name,
        "data": subnet.origin.image_set.title,
        "accuracy": {found.split: found.accuracy.share for found in judged},
    }


# -- writing and checking -------------------------------------------------------------------------------------------


def _written(
    spec: ExportSpec,
    subnet: Subnet,
    deployment: Deployment,
    judged: list[Judgement],
    formats: list[ExportFormat],
    folder: Path,
    steps: Steps,
) -> Written:
    """Write every format; compare each that can be run here with the network."""
    written = Written(judgements=list(judged))
    for item in formats:
        steps.next(f"Writing {item.title}")
        path = item.load()(deployment, folder)
        written.files[item.artefact] = path
        inside = steps.next(f"Checking {item.title}")
        if item.name == "onnx":
            _check_onnx(spec, subnet, path, written, inside)
        elif item.name == "pytorch":
            _check_package(spec, subnet, path.parent, written)
        ensure(written.checks, deployment.name)
    return written


def _check_onnx(
    spec: ExportSpec,
    subnet: Subnet,
    path: Path,
    written: Written,
    inside: Callable[[float], None],
) -> None:
    """The file at batch 1 and 8 on some validation images, then on the whole test split."""
    file = OnnxNetwork(path, threads=max(1, spec.threads))
    images = subnet.batches(VALIDATION, BATCH, CHECK_IMAGES).all()
    for batch in (1, 8):
        reference = torch_logits(subnet.network, images, batch)
        found = file.logits(images, batch)
        written.checks.append(
            compare(file.what, reference, found, batch=batch, tolerance=spec.tolerance)
        )
    ensure(written.checks, path.stem)
    test = next(judgement for judgement in written.judgements if judgement.split == TEST)
    again = judge_file(file, subnet, TEST, inside)
    what = f"{file.what} on the test images"
    written.checks.append(
        compare(what, test.logits, again.logits, batch=BATCH, tolerance=spec.tolerance)
    )
    written.judgements.append(again)


def _check_package(spec: ExportSpec, subnet: Subnet, folder: Path, written: Written) -> None:
    """The package in a process of its own, on some validation images."""
    images = subnet.batches(VALIDATION, BATCH, CHECK_IMAGES).all()
    reference = torch_logits(subnet.network, images, len(images))
    found = package_logits(folder, images)
    written.checks.append(
        compare("PyTorch package", reference, found, batch=len(images), tolerance=spec.tolerance)
    )


# -- latency and the card -------------------------------------------------------------------------------------------


def _latency(
    spec: ExportSpec, subnet: Subnet, deployment: Deployment, written: Written, job: JobContext
) -> tuple[Latency, ...]:
    """Latency on each device of what was written, against the promise."""
    origin = subnet.origin
    with tempfile.TemporaryDirectory(dir=job.path, prefix="export-") as scratch:
        folder = Path(scratch)
        bench = Bench(
            origin.space, spec.devices, origin.table, folder, say=job.warn, check=job.check
        )

        def file() -> Path:
            return written.files.get("onnx") or write_onnx(deployment, folder)

        layers = [block.layer for block in origin.space.blocks(subnet.genome)]
        return bench.latencies(subnet.genome, Subject(layers, file))


def _card(
    spec: ExportSpec,
    subnet: Subnet,
    deployment: Deployment,
    written: Written,
    latency: tuple[Latency, ...],
    folder: Path,
    job: JobContext,
) -> Card:
    origin = subnet.origin
    data = provenance.data_set(spec.data, origin.image_set)
    inputs = [Input("supernet", spec.supernet.path, spec.supernet.sha256)]
    if spec.table is not None:
        inputs.append(Input("latency table", spec.table.path, spec.table.sha256))
    train = _train_spec(job.input(spec.supernet), job.folder.project)
    return Card(
        title=deployment.title,
        name=deployment.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=provenance.versions(),
        machine=provenance.machine(),
        architecture=cards.architecture(origin.space, subnet.genome),
        data=data,
        accuracy=tuple(judgement.accuracy for judgement in written.judgements),
        latency=latency,
        checks=tuple(
            msgspec.convert(check, Check, from_attributes=True) for check in written.checks
        ),
        training=provenance.training(
            origin.about, train.schedule if train else None, train.batch if train else None
        ),
        inputs=tuple(inputs),
        files=listed(folder),
        limits=cards.known_limits(data, subnet.resolution, latency),
        seed=spec.seed,
        calibration_images=min(spec.calibration_images, data.images["train"]),
    )


def _train_spec(supernet: Path, project: Path) -> TrainSpec | None:
    """Specification of the run that the supernet came from; None if it is not there."""
    folder = provenance.run_of(supernet, project)
    try:
        spec = RunFolder(folder).spec() if folder else None
    except StudioError:
        return None  # the card then says less; the export does not depend on it
    return spec if isinstance(spec, TrainSpec) else None


# -- the report -----------------------------------------------------------------------------------------------------


def _reported(
    card: Card, place: Path, files: dict[str, Path], formats: list[ExportFormat], job: JobContext
) -> dict[str, Any]:
    """Say what was exported; returns the summary."""
    folder = place.relative_to(job.path).as_posix()
    for kind, path in files.items():
        about = {"folder": path.parent.relative_to(job.path).as_posix(), "title": card.title}
        job.artefact(kind, path, about=about)
    about = {"folder": folder, "json": f"{folder}/card.json", "title": card.title}
    job.artefact("card", place / "card.md", about=about)
    values = {
        "title": card.title,
        "folder": folder,
        "formats": [item.name for item in formats],
        "genome": list(card.architecture.genome),
        "identity": card.architecture.identity,
        "latency": {item.device.id: _timed(item) for item in card.latency},
    } | _accuracies(card)
    checks = [msgspec.to_builtins(check) for check in card.checks]
    sizes = {file.path: file.bytes for file in card.files}
    job.result("exported", values | {"checks": checks, "files": sizes})
    return values


def _accuracies(card: Card) -> dict[str, Any]:
    """Of the network under PyTorch and, beside it, of its ONNX file; None if none was written."""
    found = {(a.split, a.runtime.split()[0]): a for a in card.accuracy}
    validation, test = found[VALIDATION, "PyTorch"], found[TEST, "PyTorch"]
    file = found.get((TEST, "ONNX"))
    return {
        "validation_accuracy": validation.share,
        "validation_images": validation.images,
        "test_accuracy": test.share,
        "test_accuracy_onnx": file.share if file else None,
        "test_images": test.images,
    }


def _timed(found: Latency) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(found)
    del values["device"]
    return values | {"kept": found.kept}
