"""How a network is called and described, everywhere the same: in the plot, the tables and the inspector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasstudio.engine.space.space import Genome, Population, SearchSpace


def as_genome(genome: Sequence[int]) -> Genome:
    """A genome as a row of option indices. `(genes,)`."""
    return np.asarray(genome, dtype=np.int16)


def as_key(genome: Genome | Sequence[int]) -> tuple[int, ...]:
    """A genome as the window passes it around."""
    return tuple(int(option) for option in genome)


def network_name(space: SearchSpace, genome: Genome) -> str:
    """Short stable name of a network, e.g. ``ofa-3f9c2a``."""
    return f"ofa-{space.identity(genome)}"


def depths(space: SearchSpace, population: Population) -> np.ndarray:
    """Number of searched blocks of each member: layers in a numbered stage. `(n,)`."""
    searched = np.array([stage not in ("In", "Out") for stage in space.positions])
    return (space.rows(population)[:, searched] >= 0).sum(axis=1)


def fits(space: SearchSpace, genome: Sequence[int] | None) -> bool:
    """Whether a genome is one of the space: a selection may be older than the space."""
    if genome is None or len(genome) != len(space.genes):
        return False
    options = np.asarray(genome)
    return bool(((options >= 0) & (options < space.cardinalities)).all())
