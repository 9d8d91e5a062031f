"""Which search runs of a project belong to its space, and which archives are shown together. Pure functions."""

from __future__ import annotations

from nasstudio.engine.job.specification import SearchSpec
from nasstudio.engine.project.records import ArtefactRecord, RunRecord, Snapshot
from nasstudio.engine.space.space import SearchSpace, SpaceDocument
from nasstudio.ui.views.seen import Source


def same_space(one: SpaceDocument, other: SpaceDocument | None) -> bool:
    """Whether two documents make the same space; names and titles do not matter."""
    return other is not None and (one.family, one.options) == (other.family, other.options)


def search_spec(run: RunRecord) -> SearchSpec | None:
    """The run's specification, None if it is not a search or does not read."""
    return run.spec if isinstance(run.spec, SearchSpec) else None


def searches(snapshot: Snapshot) -> list[RunRecord]:
    """Search runs of the project's space, the newest first."""
    found = []
    for run in reversed(snapshot.runs):
        spec = search_spec(run)
        if spec is not None and same_space(spec.space, snapshot.space):
            found.append(run)
    return found


def shown_runs(snapshot: Snapshot, chosen: str = "") -> list[RunRecord]:
    """The chosen run or else the newest, the one that is refined by it first.

    A refinement holds only networks under its limits: it is shown with the newest earlier search without limits and
    with the same predictor.
    """
    runs = searches(snapshot)
    at = next((i for i, run in enumerate(runs) if run.id == chosen), 0)
    if not runs:
        return []
    spec = search_spec(runs[at])
    assert spec is not None
    if not spec.limits:
        return [runs[at]]
    for earlier in runs[at + 1 :]:
        base = search_spec(earlier)
        if base is not None and not base.limits and base.predictor == spec.predictor:
            return [earlier, runs[at]]
    return [runs[at]]


def sources(runs: list[RunRecord]) -> tuple[Source, ...]:
    """The runs as what a `Collector` reads."""
    made = []
    for run in runs:
        spec = search_spec(run)
        if spec is not None:
            made.append(Source(run.id, run.path, spec.table.sha256, spec.predictor.sha256))
    return tuple(made)


def of_space(snapshot: Snapshot, space: SearchSpace, kind: str) -> ArtefactRecord | None:
    """The newest artefact of a kind that belongs to the space."""
    found = [
        a for a in snapshot.artefacts if a.kind == kind and a.about.get("space_hash") == space.hash
    ]
    return max(found, key=lambda a: a.created, default=None)
