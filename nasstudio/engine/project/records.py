"""What a project holds, as plain immutable records that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.job.folder import State
from nasstudio.engine.job.specification import AnySpec
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.recipe import Recipe
from nasstudio.engine.train.schedule import Schedule


@dataclass(frozen=True)
class RunRecord:
    """A run: what it was to do and what has become of it.

    `spec` is None if it can't be read; `disk_bytes` is what its folder takes.
    """

    id: str
    kind: str
    name: str
    note: str
    created: float
    state: State
    ended: float | None
    summary: dict[str, Any]
    spec: AnySpec | None
    path: Path
    disk_bytes: int = 0


@dataclass(frozen=True)
class ArtefactRecord:
    """A file that a run made. `path` is relative to the project folder."""

    run: str
    kind: str
    path: str
    sha256: str
    about: dict[str, Any]
    created: float


@dataclass(frozen=True)
class SubnetRecord:
    """What has been found out about one network.

    `pin` is its number on the plot, None if it is not pinned. `verified` holds accuracy and latency as measured,
    `exported` what the export job reported, with the folder it went to.
    """

    space: str
    genome: tuple[int, ...]
    pin: int | None
    verified: dict[str, Any]
    exported: dict[str, Any]


@dataclass(frozen=True)
class ReferencePoint:
    """A network that the user already has, as measured by a reference job."""

    title: str
    measured: dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """A project at one moment.

    `devices` are those found on this machine; `supernet` is the hash of the chosen one, empty for
    the newest; `choices` are small remembered choices of the window by name.
    """

    path: Path
    title: str
    writable: bool
    holder: str
    space: SpaceDocument | None
    data: DataDocument | None
    schedule: Schedule | None
    table: LatencyTable
    table_sha256: str
    devices: tuple[Device, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    artefacts: tuple[ArtefactRecord, ...] = ()
    subnets: tuple[SubnetRecord, ...] = ()
    references: tuple[ReferencePoint, ...] = ()
    supernet: str = ""
    recipe: Recipe = field(default_factory=Recipe)
    choices: dict[str, Any] = field(default_factory=dict)

    def run(self, run_id: str) -> RunRecord | None:
        """A run by its id."""
        return next((run for run in self.runs if run.id == run_id), None)

    def latest(self, kind: str) -> ArtefactRecord | None:
        """The newest artefact of a kind."""
        found = [artefact for artefact in self.artefacts if artefact.kind == kind]
        return max(found, key=lambda artefact: artefact.created, default=None)

    def subnet(self, space: str, genome: tuple[int, ...]) -> SubnetRecord | None:
        """What is known of a network."""
        wanted = (space, genome)
        return next((s for s in self.subnets if (s.space, s.genome) == wanted), None)
