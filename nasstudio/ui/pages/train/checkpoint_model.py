"""The supernets of a project, one for each finished phase: what is known of each, and which one Search uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nasstudio.engine.job.specification import TrainSpec
from nasstudio.engine.project.records import ArtefactRecord, Snapshot
from nasstudio.engine.space.space import SearchSpace


@dataclass(frozen=True)
class Checkpoint:
    """One trained supernet.

    Attributes
    ----------
    accuracy : shares by name, as the training said them after the phase.
    size : of its file in bytes; None if it is not known yet.
    used : whether Search uses it.
    final : whether its phase was the last of its schedule.
    """

    sha256: str
    run: str
    path: str
    phase: str
    epoch: int
    created: float
    accuracy: Mapping[str, float]
    size: int | None
    used: bool
    final: bool

    @property
    def largest(self) -> float | None:
        return self.accuracy.get("largest")

    @property
    def smallest(self) -> float | None:
        return self.accuracy.get("smallest")


def of_space(snapshot: Snapshot, space: SearchSpace | None, kind: str) -> list[ArtefactRecord]:
    """Artefacts of a kind that belong to the space, the oldest first."""
    if space is None:
        return []
    return [
        a for a in snapshot.artefacts if a.kind == kind and a.about.get("space_hash") == space.hash
    ]


def used_supernet(
    snapshot: Snapshot, space: SearchSpace | None, chosen: str
) -> ArtefactRecord | None:
    """The supernet that is used: the chosen one, else the newest (as `plan.supernet`)."""
    found = of_space(snapshot, space, "supernet")
    return next((a for a in found if a.sha256 == chosen), found[-1] if found else None)


def checkpoints(
    snapshot: Snapshot,
    space: SearchSpace | None,
    chosen: str = "",
    sizes: Mapping[str, int] | None = None,
) -> list[Checkpoint]:
    """Supernets of the space, the newest first. `sizes` in bytes by path."""
    used = used_supernet(snapshot, space, chosen)
    return [
        _checkpoint(artefact, used, sizes or {})
        for artefact in reversed(of_space(snapshot, space, "supernet"))
    ]


def _checkpoint(
    artefact: ArtefactRecord, used: ArtefactRecord | None, sizes: Mapping[str, int]
) -> Checkpoint:
    about = artefact.about
    numbers = {
        k: float(v)
        for k, v in about.items()
        if k in ("largest", "smallest") or k.startswith("random_")
    }
    return Checkpoint(
        sha256=artefact.sha256,
        run=artefact.run,
        path=artefact.path,
        phase=str(about.get("phase", artefact.path.rsplit("/", 1)[-1])),
        epoch=int(about.get("epoch", 0)),
        created=artefact.created,
        accuracy=numbers,
        size=sizes.get(artefact.path),
        used=used is not None and artefact.path == used.path,
        final=bool(about.get("final")),
    )


@dataclass(frozen=True)
class Predictor:
    """The accuracy predictor of a space, as its fit reported it; `fresh` if it was made from the used supernet.

    A published one has a `note` instead of numbers.

    Attributes
    ----------
    pairs : distinct networks that it was fitted to.
    tau_top : rank correlation among the `n_top` best of the held-back networks.
    holding : which share of the predicted differences holds on other images.
    """

    pairs: int
    tau: float | None
    tau_top: float | None
    n_top: int
    holding: float | None
    rmse_points: float | None
    kind: str
    predicted: tuple[float, ...]
    actual: tuple[float, ...]
    fresh: bool
    note: str = ""


def pair_count(snapshot: Snapshot, space: SearchSpace | None, supernet: str) -> int:
    """Accuracy pairs that were collected with a supernet."""
    found = of_space(snapshot, space, "pairs")
    return sum(
        int(a.about.get("networks", 0)) for a in found if a.about.get("supernet") == supernet
    )


def predictor(snapshot: Snapshot, space: SearchSpace | None, supernet: str) -> Predictor | None:
    """The newest predictor of the space; None if there is none."""
    found = of_space(snapshot, space, "predictor")
    if not found:
        return None
    about = found[-1].about
    own = {
        a.sha256 for a in of_space(snapshot, space, "pairs") if a.about.get("supernet") == supernet
    }
    used = set(filter(None, str(about.get("pairs", "")).split(",")))
    return Predictor(
        pairs=int(about.get("networks", 0)),
        tau=about.get("tau"),
        tau_top=about.get("tau_top"),
        n_top=int(about.get("n_top", 0)),
        holding=about.get("holding"),
        rmse_points=about.get("rmse_points"),
        kind=str(about.get("kind", "")),
        predicted=tuple(about.get("predicted", ())),
        actual=tuple(about.get("actual", ())),
        fresh=bool(used) and used <= own,
        note=str(about.get("note", "")),
    )


def batch_of(snapshot: Snapshot, run_id: str) -> int | None:
    """Images a step of a training; None if it is not known."""
    run = snapshot.run(run_id)
    return run.spec.batch if run is not None and isinstance(run.spec, TrainSpec) else None


def file_size(path: Path) -> int:
    """Bytes of a file; 0 if it can't be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
