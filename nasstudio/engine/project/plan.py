"""The next job of each station, from what the project holds.

The window and the command line ask here for the same specification. What is missing is said as an error whose remedy
names the step that makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from nasstudio.engine.cost.metric import latency_metrics
from nasstudio.engine.cost.table import LatencyTable, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.kit.manifest import check_formats, check_target
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.specification import (
    CollectSpec,
    ExportSpec,
    FitSpec,
    ImportSpec,
    KitSpec,
    ProfileSpec,
    ReferenceSpec,
    SearchSpec,
    StudySpec,
    Target,
    TrainSpec,
    VerifySpec,
)
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import ArtefactRecord
from nasstudio.engine.project.study import study_spec
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.recipe import Recipe
from nasstudio.engine.train.schedule import Schedule, schedule_preset


def space_document(project: Project) -> SpaceDocument:
    """The project's space.

    Raises
    ------
    InvalidInput
        None was chosen.
    """
    document = project.get("space", SpaceDocument | None, None)  # type: ignore[arg-type]
    if document is None:
        raise _lacks(
            project,
            "space",
            "Choose one on the Space page, or with `nasstudio space --preset mbv3_28`.",
        )
    return document


def data_document(project: Project) -> DataDocument:
    """The project's data set.

    Raises
    ------
    InvalidInput
        None was chosen.
    """
    document = project.get("data", DataDocument | None, None)  # type: ignore[arg-type]
    if document is None:
        raise _lacks(
            project,
            "data set",
            "Choose one on the Data page, or with `nasstudio data --family fashion_mnist_small`.",
        )
    return document


def supernet(project: Project) -> ArtefactRecord:
    """The chosen supernet, else the newest.

    Raises
    ------
    InvalidInput
        There is none for this space.
    """
    wanted = project.get("supernet", str, "")
    candidates = _of_space(project, "supernet")
    if not candidates:
        raise _lacks(
            project,
            "supernet of this space",
            "Train one on the Train page, or with `nasstudio train`.",
        )
    return next((a for a in candidates if a.sha256 == wanted), candidates[-1])


def profile(
    project: Project, device: Device, *, only_missing: bool = True, **options: Any
) -> ProfileSpec:
    """Measure a device's rows of the project's space, by default those that are missing or interpolated."""
    document = space_document(project)
    space = build(document)
    wanted = layers_to_measure(space)
    missing = unmeasured(project.table, wanted, device) if only_missing else list(wanted)
    some = len(missing) < len(wanted)
    return ProfileSpec(
        name=f"Profile {device.setting}",
        space=document,
        device=device,
        layers=tuple(text(layer) for layer in missing) if some else None,
        table=project.table_reference() if some else None,
        threads=device.threads,
        **options,
    )


def unmeasured(table: LatencyTable, layers: Sequence[LayerSpec], device: Device) -> list[LayerSpec]:
    """The layers that have no time on a device, or one that was only interpolated."""
    gone = set(table.missing(layers, device))
    if device.id in {known.id for known in table.devices}:
        source = table.cells.source[:, table.column(device)]
        rows = ((layer, table.row(text(layer))) for layer in layers)
        gone |= {
            layer for layer, row in rows if row is not None and source[row] == Source.INTERPOLATED
        }
    return [layer for layer in layers if layer in gone]


def kit(
    project: Project, target: Path, formats: Sequence[str] = ("onnx",), **options: Any
) -> KitSpec:
    """Write a kit of the project's space: a folder, or a zip if the target's name ends so.

    Raises
    ------
    InvalidInput
        There is no space, something of that name is there already, or a format is not known.
    """
    check_target(target)
    return KitSpec(
        name=f"Kit {target.name}",
        space=space_document(project),
        target=str(target.absolute()),
        formats=check_formats(formats),
        **options,
    )


def train(project: Project, schedule: Schedule | None = None, **options: Any) -> TrainSpec:
    """Train a supernet of the project's space on its data.

    Parameters
    ----------
    options : fields of the specification; those that are not given are the project's recipe, else the usual ones.
    """
    recipe = project.get("recipe", Recipe, Recipe())
    chosen = schedule or project.get("schedule", Schedule | None, None)  # type: ignore[arg-type]
    return TrainSpec(
        name="Training",
        space=space_document(project),
        data=data_document(project),
        schedule=chosen or schedule_preset("progressive"),
        **msgspec.structs.asdict(recipe) | options,
    )


def collect(project: Project, networks: int = 200, **options: Any) -> CollectSpec:
    """Evaluate subnets of the project's supernet."""
    chosen = supernet(project)
    if str(options.get("objective", "")).startswith("latency:"):
        options["table"] = project.table_reference()
    return CollectSpec(
        name="Accuracy pairs",
        space=space_document(project),
        data=data_document(project),
        supernet=project.reference(chosen),
        networks=networks,
        **options,
    )


def study(project: Project, targets: Sequence[Target] = (), **options: Any) -> StudySpec:
    """Once-for-All against training alone; see `project.study.study_spec`."""
    return study_spec(project.snapshot(), targets, **options)


def fit(project: Project, **options: Any) -> FitSpec:
    """Fit the accuracy predictor to every pair of the project's supernet."""
    wanted = supernet(project).sha256
    pairs = [a for a in _of_space(project, "pairs") if a.about.get("supernet") == wanted]
    if not pairs:
        raise _lacks(
            project,
            "accuracy pair of this supernet",
            "Collect them on the Train page, or with `nasstudio collect`.",
        )
    return FitSpec(
        name="Accuracy predictor",
        space=space_document(project),
        pairs=tuple(project.reference(artefact) for artefact in pairs),
        **options,
    )


def predictor(project: Project) -> ArtefactRecord:
    """The newest accuracy predictor of the space.

    Raises
    ------
    InvalidInput
        There is none.
    """
    candidates = _of_space(project, "predictor")
    if not candidates:
        raise _lacks(
            project, "accuracy predictor", "Fit one on the Train page, or with `nasstudio fit`."
        )
    return candidates[-1]


def search(project: Project, objective: str = "", **options: Any) -> SearchSpec:
    """Search the project's space; by default against the latency of its first complete device."""
    space = build(space_document(project))
    chosen = predictor(project)
    if not objective:
        ready = latency_metrics(space, project.table)
        if not ready:
            raise _lacks(
                project,
                "device with a time for every layer",
                "Measure one on the Devices page, or with `nasstudio profile`.",
            )
        objective = ready[0].key
    return SearchSpec(
        name="Search",
        space=space.document,
        table=project.table_reference(),
        predictor=project.reference(chosen),
        objective=objective,
        **options,
    )


def measurable(project: Project) -> tuple[Device, ...]:
    """Devices of this machine that have a complete column."""
    space = build(space_document(project))
    return tuple(m.device for m in latency_metrics(space, project.table) if m.device.here)


def verify(project: Project, genomes: Sequence[Sequence[int]], **options: Any) -> VerifySpec:
    """Measure chosen networks for real."""
    return VerifySpec(
        name="Verification",
        space=space_document(project),
        data=data_document(project),
        supernet=project.reference(supernet(project)),
        genomes=tuple(tuple(int(i) for i in genome) for genome in genomes),
        devices=options.pop("devices", measurable(project)),
        table=project.table_reference(),
        **options,
    )


def export(project: Project, genome: Sequence[int], title: str = "", **options: Any) -> ExportSpec:
    """Write one network for use elsewhere."""
    space = build(space_document(project))
    chosen = space.checked([list(genome)])[0]
    return ExportSpec(
        name=f"Export {title or space.identity(chosen)}",
        space=space.document,
        data=data_document(project),
        supernet=project.reference(supernet(project)),
        genome=tuple(int(i) for i in chosen),
        title=title or f"{space.name}-{space.identity(chosen)}",
        devices=options.pop("devices", measurable(project)),
        table=project.table_reference(),
        **options,
    )


def importing(
    project: Project, source: Path, resolutions: Sequence[int] = (), **options: Any
) -> ImportSpec:
    """Take a published supernet or accuracy predictor in. A project without a space takes the supernet's.

    Parameters
    ----------
    resolutions : input sizes of the space that the supernet brings, px; empty: all. A project's own space keeps its.

    Raises
    ------
    InvalidInput
        The file is not there.
    """
    if not source.is_file():
        raise InvalidInput("The file is not there.", where=source, remedy="Check the path.")
    document = project.get("space", SpaceDocument | None, None)  # type: ignore[arg-type]
    return ImportSpec(
        name=f"Import {source.name}",
        source=str(source.absolute()),
        space=document,
        resolutions=tuple(resolutions) if document is None else (),
        **options,
    )


def reference(project: Project, source: str, model: str, **options: Any) -> ReferenceSpec:
    """Measure a network that the user already has."""
    return ReferenceSpec(
        name=f"Reference {model.rsplit('/', 1)[-1]}",
        source=source,
        model=model,
        data=data_document(project),
        devices=options.pop("devices", measurable(project)),
        **options,
    )


def _of_space(project: Project, kind: str) -> list[ArtefactRecord]:
    """Artefacts of a kind that belong to the project's space, the oldest first."""
    wanted = _space_hash(space_document(project))
    return [
        a for a in project.artefacts() if a.kind == kind and a.about.get("space_hash") == wanted
    ]


def _space_hash(document: SpaceDocument) -> str:
    key = msgspec.json.encode(document)
    if key not in _HASHES:
        _HASHES[key] = build(document).hash
    return _HASHES[key]


_HASHES: dict[bytes, str] = {}


def _lacks(project: Project, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"The project has no {what} yet.", where=project.path, remedy=remedy)
