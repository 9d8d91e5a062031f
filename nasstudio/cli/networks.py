"""Networks of a project by what a person types: a short id, or the best under limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nasstudio.engine.cost.metric import Metric, available
from nasstudio.engine.errors import InfeasibleLimits, InvalidInput
from nasstudio.engine.job.specification import SearchSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.search.archive import Archive
from nasstudio.engine.search.archive_file import load
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SearchSpace


@dataclass(frozen=True)
class Found:
    """The archive of the newest search, with the space it is of and the metrics as they stand."""

    space: SearchSpace
    archive: Archive
    metrics: list[Metric]

    def genome(self, index: int) -> tuple[int, ...]:
        """A network as option indices."""
        return tuple(int(i) for i in self.archive.genomes[index])

    def name(self, index: int) -> str:
        """Its short id."""
        return self.space.identity(self.archive.genomes[index])


def found_networks(project: Project) -> Found:
    """What the newest search of the project's space has found.

    Raises
    ------
    InvalidInput
        There was no search.
    """
    space = build(plan.space_document(project))
    for run in reversed(project.runs()):
        folder = run.path / "archive"
        same = isinstance(run.spec, SearchSpec) and build(run.spec.space).hash == space.hash
        if same and (folder / "archive.json").is_file():
            archive = load(folder, space)
            return Found(space, archive, available(space, project.table))
    raise InvalidInput(
        "The project has no search yet.",
        where=project.path,
        remedy="Run `nasstudio search` first.",
    )


def best(found: Found, limits: Sequence[Limit]) -> int:
    """Index of the most accurate network under limits.

    Raises
    ------
    InfeasibleLimits
        No network of the archive meets them.
    """
    index = found.archive.best(list(limits))
    if index is None:
        said = ", ".join(f"{limit.metric} <= {limit.most:g}" for limit in limits)
        raise InfeasibleLimits(
            f"No network found meets {said}.",
            where="--limit",
            remedy="Loosen a limit, or search under these limits.",
        )
    return index


def by_name(found: Found, name: str) -> int:
    """Index of a network by its short id (``3f9c2a`` or ``ofa-3f9c2a``).

    Raises
    ------
    InvalidInput
        The archive has no such network.
    """
    wanted = name.rsplit("-", 1)[-1]
    order = np.argsort(-found.archive.accuracy, kind="stable")
    for index in order:
        if found.name(int(index)) == wanted:
            return int(index)
    raise InvalidInput(
        f"The last search has no network '{name}'.",
        where="--network",
        remedy="List them: nasstudio front.",
    )
