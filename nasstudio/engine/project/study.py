"""The study that a project can make: which networks, by which recipe, and what it knows of the costs already.

Works on a snapshot, so that the window can say beforehand what a study would do. The recipe is that of the run which
trained the supernet; a supernet that was not trained here has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.specification import (
    CollectSpec,
    FitSpec,
    Reference,
    SearchSpec,
    StudySpec,
    Target,
    TrainSpec,
)
from nasstudio.engine.project.records import ArtefactRecord, RunRecord, Snapshot
from nasstudio.engine.search.archive_file import load
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SearchSpace, SpaceDocument
from nasstudio.engine.train.schedule import Schedule

SPREAD = 3  # networks over the front, if none is pinned
_LATENCY = "latency:"


def study_spec(
    snapshot: Snapshot, targets: Sequence[Target] = (), *, spread: int = SPREAD, **options: Any
) -> StudySpec:
    """A study of some networks; by default of the pinned ones, else of a few spread over the searched front.

    Raises
    ------
    InvalidInput
        There is no supernet that was trained here, or no network to study.
    """
    space = _space(snapshot)
    made = supernet(snapshot, space)
    run = snapshot.run(made.run)
    spec = run.spec if run is not None else None
    if not isinstance(spec, TrainSpec):
        raise InvalidInput(
            "The supernet was not trained in this project: its recipe and its cost are not known.",
            where=made.path,
            remedy="Train one on the Train page, or with `nasstudio train`.",
        )
    chosen = tuple(targets) or pinned(snapshot, space) or over_front(snapshot, space, spread)
    if not chosen:
        raise InvalidInput(
            "There is no network to study yet.",
            where=snapshot.path,
            remedy="Search first, or pin networks on the Search page.",
        )
    return StudySpec(
        name="Study",
        training=msgspec.structs.replace(spec, schedule=trained_part(spec.schedule, made)),
        supernet=Reference(made.path, made.sha256),
        targets=chosen,
        **({"pairs_s": pairs_seconds(snapshot, made), "search_s": search_seconds(snapshot)} | options),
    )  # fmt: skip


def supernet(snapshot: Snapshot, space: SearchSpace) -> ArtefactRecord:
    """The chosen supernet of a space, else the newest.

    Raises
    ------
    InvalidInput
        There is none.
    """
    found = [
        a
        for a in snapshot.artefacts
        if a.kind == "supernet" and a.about.get("space_hash") == space.hash
    ]
    if not found:
        raise InvalidInput(
            "The project has no supernet of this space yet.",
            where=snapshot.path,
            remedy="Train one on the Train page, or with `nasstudio train`.",
        )
    return next((a for a in found if a.sha256 == snapshot.supernet), found[-1])


def supernet_seconds(snapshot: Snapshot, spec: StudySpec) -> float | None:
    """About what the supernet's training took from its beginning to its end, None if it is not known."""
    made = next((a for a in snapshot.artefacts if a.path == spec.supernet.path), None)
    if made is None:
        return None
    run = snapshot.run(made.run)
    said = (run.summary.get("seconds") if run is not None else None) or made.about.get("seconds")
    return float(said) if isinstance(said, int | float) else None


def trained_part(schedule: Schedule, made: ArtefactRecord) -> Schedule:
    """The phases of a schedule that a supernet has been through: it may be that of an earlier phase."""
    epoch = made.about.get("epoch")
    phases = []
    done = 0
    for phase in schedule.phases:
        done += phase.epochs
        if not isinstance(epoch, int) or done <= epoch:
            phases.append(phase)
    return msgspec.structs.replace(schedule, phases=tuple(phases) or schedule.phases)


def pinned(snapshot: Snapshot, space: SearchSpace) -> tuple[Target, ...]:
    """The pinned networks of a space."""
    return tuple(
        Target(subnet.genome)
        for subnet in snapshot.subnets
        if subnet.pin is not None and subnet.space == space.hash
    )


def over_front(snapshot: Snapshot, space: SearchSpace, n: int) -> tuple[Target, ...]:
    """At most `n` networks spread over the front of the newest search; none if there was no search."""
    run = _newest(snapshot, SearchSpec, lambda s: build(s.space).hash == space.hash)
    if run is None or not (run.path / "archive" / "archive.json").is_file():
        return ()
    spec = run.spec
    assert isinstance(spec, SearchSpec)
    archive = load(run.path / "archive", space)
    front = archive.front(spec.objective)
    places = dict.fromkeys(int((k + 0.5) / n * len(front)) for k in range(min(n, len(front))))
    found = []
    for place in places:
        index = int(front[place])
        genome = tuple(int(option) for option in archive.genomes[index])
        if spec.objective.startswith(_LATENCY):
            ms = archive.values(index)[spec.objective]
            found.append(Target(genome, spec.objective.removeprefix(_LATENCY), ms))
        else:
            found.append(Target(genome))
    return tuple(found)


def pairs_seconds(snapshot: Snapshot, made: ArtefactRecord) -> float | None:
    """What collecting the newest pairs of a supernet and fitting a predictor took."""
    collected = _newest(snapshot, CollectSpec, lambda s: s.supernet.sha256 == made.sha256)
    if collected is None:
        return None
    fitted = _newest(snapshot, FitSpec, lambda s: True)
    return _seconds(collected) + (_seconds(fitted) if fitted is not None else 0.0)


def search_seconds(snapshot: Snapshot) -> float | None:
    """What the newest search took."""
    run = _newest(snapshot, SearchSpec, lambda s: True)
    return None if run is None else _seconds(run)


def _newest(snapshot: Snapshot, kind: type[Any], fits: Any) -> RunRecord | None:
    for run in reversed(snapshot.runs):
        if isinstance(run.spec, kind) and run.state == "done" and fits(run.spec):
            return run
    return None


def _seconds(run: RunRecord) -> float:
    return max(0.0, (run.ended or run.created) - run.created)


def _space(snapshot: Snapshot) -> SearchSpace:
    document: SpaceDocument | None = snapshot.space
    if document is None:
        raise InvalidInput(
            "The project has no space yet.",
            where=snapshot.path,
            remedy="Choose one on the Space page, or with `nasstudio space --preset mbv3_28`.",
        )
    return build(document)
