"""How far the work has come at each station, from a snapshot alone.

*Stale* means: made from something that has since changed. It follows from the hashes of inputs that every artefact
records.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.specification import ImportSpec, SearchSpec, TrainSpec
from nasstudio.engine.project.records import ArtefactRecord, Snapshot
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SearchSpace, SpaceDocument

StationState = Literal["empty", "running", "done", "stale"]
STATIONS = ("start", "data", "space", "devices", "train", "search", "compare", "export")
_JOBS = {
    "devices": ("probe", "profile", "kit"),
    "train": ("train", "collect", "fit", "importing"),
    "search": ("search", "verify", "reference"),
    "compare": ("study",),
    "export": ("export",),
}


@lru_cache(maxsize=8)
def _built(document: bytes) -> SearchSpace | None:
    try:
        return build(msgspec.json.decode(document, type=SpaceDocument))
    except StudioError:
        return None


def built_space(snapshot: Snapshot) -> SearchSpace | None:
    """The space of a snapshot, None if none was chosen or its family is missing."""
    return _built(msgspec.json.encode(snapshot.space)) if snapshot.space else None


def station_states(snapshot: Snapshot | None) -> dict[str, StationState]:
    """State of every station."""
    states: dict[str, StationState] = dict.fromkeys(STATIONS, "empty")
    if snapshot is None:
        return states
    space = built_space(snapshot)
    states["start"] = "done"
    states["data"] = "done" if snapshot.data else "empty"
    states["space"] = "done" if space else "empty"
    states["devices"] = _devices(snapshot, space)
    states["train"] = _train(snapshot, space)
    states["search"] = _search(snapshot, space)
    states["export"] = _export(snapshot)
    studied = any(run.kind == "study" and run.state == "done" for run in snapshot.runs)
    if studied or snapshot.references or any(s.verified for s in snapshot.subnets):
        states["compare"] = "done"
    busy = {run.kind for run in snapshot.runs if run.state in ("running", "waiting", "paused")}
    for station, kinds in _JOBS.items():
        if busy.intersection(kinds):
            states[station] = "running"
    return states


def _devices(snapshot: Snapshot, space: SearchSpace | None) -> StationState:
    table = snapshot.table
    if not table.devices or space is None:
        return "empty"
    complete = any(not table.missing(space.layers, device) for device in table.devices)
    return "done" if complete else "stale"


def _of_space(snapshot: Snapshot, space: SearchSpace | None, kind: str) -> list[ArtefactRecord]:
    wanted = space.hash if space else ""
    return [a for a in snapshot.artefacts if a.kind == kind and a.about.get("space_hash") == wanted]


def _train(snapshot: Snapshot, space: SearchSpace | None) -> StationState:
    made = [a for a in snapshot.artefacts if a.kind == "supernet"]
    if not made:
        return "empty"
    current = _of_space(snapshot, space, "supernet")
    run = snapshot.run(current[-1].run) if current else None
    spec = run.spec if run is not None else None
    fresh = isinstance(spec, ImportSpec) or (
        isinstance(spec, TrainSpec) and spec.data == snapshot.data
    )
    return "done" if fresh else "stale"


def _search(snapshot: Snapshot, space: SearchSpace | None) -> StationState:
    searches = [run for run in snapshot.runs if run.kind == "search" and run.state == "done"]
    if not searches:
        return "empty"
    spec = searches[-1].spec
    predictor = snapshot.latest("predictor")
    fresh = (
        isinstance(spec, SearchSpec)
        and space is not None
        and build(spec.space).hash == space.hash
        and spec.table.sha256 == snapshot.table_sha256
        and predictor is not None
        and spec.predictor.sha256 == predictor.sha256
    )
    return "done" if fresh else "stale"


def _export(snapshot: Snapshot) -> StationState:
    return "done" if any(s.exported for s in snapshot.subnets) else "empty"
