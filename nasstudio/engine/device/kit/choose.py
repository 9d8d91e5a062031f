"""What goes into a kit: which layers of a space, and which whole networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost import counts
from nasstudio.engine.device.profile import spread_evenly
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import Population, SearchSpace, unique


def networks_of(
    space: SearchSpace, layers: Sequence[LayerSpec], n: int, rng: np.random.Generator
) -> Population:
    """Up to `n` distinct networks that are made of these layers only, spread evenly over their MACs.

    A network whose resolution is not among those of the layers is moved to the nearest that is. `(networks, genes)`.
    """
    if n == 0:
        return np.zeros((0, len(space.genes)), dtype=np.int16)
    macs = np.array([counts.count(layer).macs for layer in space.layers], dtype=np.float64)
    chosen = spread_evenly(space, macs, n, rng)
    wanted = set(layers)
    known = np.array([layer in wanted for layer in space.layers], dtype=bool)
    moved = _moved(space, chosen, known)
    moved = moved[unique(moved)]
    covered: Population = moved[_covered(space, moved, known)]
    return covered


def _covered(
    space: SearchSpace, population: Population, known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which members have no layer that is not known. `(n,)` bool; `known` is `(layers,)` bool."""
    present = np.append(known, True)[space.rows(population)]
    covered: NDArray[np.bool_] = np.all(present, axis=1)
    return covered


def _moved(space: SearchSpace, population: Population, known: NDArray[np.bool_]) -> Population:
    """Each member at the nearest resolution at which all its layers are known; as it is if there is none."""
    column = next((i for i, gene in enumerate(space.genes) if gene.kind == "resolution"), None)
    if column is None:
        return population
    options = np.asarray(space.genes[column].options, dtype=np.float64)
    moved = population.copy()
    lost = ~_covered(space, moved, known)
    for distance_rank in range(len(options)):
        if not lost.any():
            break
        order = np.argsort(
            np.abs(options[None] - options[population[lost, column]][:, None]), axis=1
        )
        moved[lost, column] = order[:, distance_rank]
        lost = ~_covered(space, moved, known)
    moved[lost] = population[lost]
    return space.canonical(moved)
