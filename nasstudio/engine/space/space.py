"""SearchSpace: what may be searched, as arrays.

A space turns genomes into rows of its distinct layers; everything about cost follows from these rows. Populations are
`(n, genes)` int16 arrays of option indices and every operation here is vectorised over their members. Nothing here
knows a device, an accuracy or a tensor.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.gene import Gene
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.norm import NormRule

Population = NDArray[np.int16]
Genome = NDArray[np.int16]


@dataclass(frozen=True)
class Block:
    """One layer of an architecture, as a person sees it.

    Attributes
    ----------
    stage : ``In``, ``1`` ... ``n`` or ``Out``.
    position : its column in `SearchSpace.rows`.
    row : its index into `SearchSpace.layers`.
    """

    stage: str
    position: int
    row: int
    layer: LayerSpec


class SpaceDocument(msgspec.Struct, frozen=True):
    """A space as it is stored and sent: its family and the options that the family needs."""

    family: str
    name: str
    title: str
    options: dict[str, Any]


class SearchSpace(ABC):
    """A set of architectures.

    Attributes
    ----------
    document : what rebuilds it (`nasstudio.engine.space.families.build`).
    genes : the decisions, in genome order.
    layers : every distinct layer that any member can have, in a stable order.
    positions : the stage of each column of `rows`.
    """

    document: SpaceDocument
    genes: tuple[Gene, ...]
    layers: tuple[LayerSpec, ...]
    positions: tuple[str, ...]

    @abstractmethod
    def canonical(self, population: Population) -> Population:
        """Genes without effect set to 0, so that equal networks have equal genomes. `(n, genes)` in and out."""

    @abstractmethod
    def active(self, population: Population) -> NDArray[np.bool_]:
        """Which genes have an effect. `(n, genes)` bool."""

    @abstractmethod
    def rows(self, population: Population) -> NDArray[np.int32]:
        """Index into `layers` at each position, -1 where the layer is absent. `(n, positions)`."""

    @abstractmethod
    def size(self) -> int:
        """Number of distinct architectures, exactly."""

    @abstractmethod
    def resolution(self, population: Population) -> NDArray[np.int32]:
        """Input resolution of each member, px. `(n,)`."""

    @abstractmethod
    def layers_at(self, resolutions: Sequence[int]) -> tuple[LayerSpec, ...]:
        """Every distinct layer of the members with these input resolutions, px, in the order of `layers`."""

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def norm_rule(self) -> NormRule:
        """How the batch norms of its networks compute."""
        return NormRule()

    @cached_property
    def hash(self) -> str:
        """Identity of what may be searched: two spaces with the same genes and layers share it."""
        parts = [repr([(g.name, g.options) for g in self.genes]), repr(self.layers)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @cached_property
    def cardinalities(self) -> NDArray[np.int16]:
        """Number of options of each gene. `(genes,)`."""
        return np.array([len(gene) for gene in self.genes], dtype=np.int16)

    def sample(self, n: int, rng: np.random.Generator) -> Population:
        """`n` members, each gene uniform over its options, in canonical form."""
        return self.canonical(
            rng.integers(0, self.cardinalities, size=(n, len(self.genes)), dtype=np.int16)
        )

    def mutate(self, population: Population, rate: float, rng: np.random.Generator) -> Population:
        """Each gene redrawn with probability `rate` (OFA: 0.1), in canonical form."""
        drawn = rng.integers(0, self.cardinalities, size=population.shape, dtype=np.int16)
        mutated = population.copy()
        np.copyto(mutated, drawn, where=rng.random(population.shape) < rate)
        return self.canonical(mutated)

    def crossover(
        self, left: Population, right: Population, rng: np.random.Generator
    ) -> Population:
        """Uniform crossover, gene by gene, in canonical form. Both `(n, genes)`."""
        child = left.copy()
        np.copyto(child, right, where=rng.random(left.shape) < 0.5)
        return self.canonical(child)

    def smallest(self) -> Genome:
        """Every gene at its first option."""
        first: Genome = self.canonical(np.zeros((1, len(self.genes)), dtype=np.int16))[0]
        return first

    def largest(self) -> Genome:
        """Every gene at its last option."""
        last: Genome = self.canonical((self.cardinalities - 1)[None].astype(np.int16))[0]
        return last

    def checked(self, population: Sequence[Sequence[int]] | NDArray[Any]) -> Population:
        """The population in canonical form.

        Raises
        ------
        InvalidInput
            A genome has the wrong length or names an option that the space does not have.
        """
        array = np.atleast_2d(np.asarray(population))
        if array.shape[1] != len(self.genes):
            raise InvalidInput(
                f"A genome of {array.shape[1]} genes does not belong to {self.name}, which has {len(self.genes)}.",
                remedy="Choose a network of this space, or open the space it was made from.",
            )
        wrong = np.argwhere(
            (array < 0) | (array >= self.cardinalities) | (array != np.floor(array))
        )
        if len(wrong):
            member, gene = wrong[0]
            raise InvalidInput(
                f"Gene {self.genes[gene].name} has no option {array[member, gene]}.",
                where=f"genome {member}",
                remedy=f"It has options 0 to {len(self.genes[gene]) - 1}: {self.genes[gene].options}.",
            )
        return self.canonical(array.astype(np.int16))

    def values(self, genome: Genome) -> dict[str, float]:
        """The option of each gene that has an effect, by gene name."""
        on = self.active(genome[None])[0]
        return {
            gene.name: gene.options[index]
            for gene, index, alive in zip(self.genes, genome, on, strict=True)
            if alive
        }

    def blocks(self, genome: Genome) -> list[Block]:
        """The layers of one architecture, from input to output."""
        rows = self.rows(genome[None])[0]
        return [
            Block(stage, position, int(row), self.layers[row])
            for position, (stage, row) in enumerate(zip(self.positions, rows, strict=True))
            if row >= 0
        ]

    def identity(self, genome: Genome) -> str:
        """Short stable name of an architecture, e.g. ``3f9c2a``: equal networks of a space share it."""
        canonical = self.canonical(genome[None])[0].astype("<i2")
        return hashlib.sha256(self.hash.encode() + canonical.tobytes()).hexdigest()[:6]


def unique(population: Population) -> NDArray[np.intp]:
    """Index of the first of each distinct genome, in rising order of index."""
    packed = (
        np.ascontiguousarray(population)
        .view([("", population.dtype)] * population.shape[1])
        .ravel()
    )
    return np.sort(np.unique(packed, return_index=True)[1])
