"""Genomes as numbers that a predictor can learn from: one-hot of every gene that has a choice.

A gene without effect (the kernel of a dropped layer) is all zeros, so that equal networks have equal features. The
input resolution is a gene like any other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.space import Population, SearchSpace

Features = NDArray[np.float32]


class OneHot:
    """One-hot features of a space's genomes.

    Attributes
    ----------
    space : whose genomes are encoded.
    features : number of features: the options of all genes that have more than one.
    names : ``gene=option`` of each feature.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        cardinalities = space.cardinalities.astype(np.intp)
        self._columns = np.flatnonzero(cardinalities > 1)
        chosen = cardinalities[self._columns]
        self._offsets = np.cumsum(chosen) - chosen
        self.features = int(chosen.sum())
        self.names = tuple(
            f"{space.genes[column].name}={option:g}"
            for column in self._columns
            for option in space.genes[column].options
        )

    def of(self, population: Population) -> Features:
        """Features of each member. population: `(n, genes)` int. Returns `(n, features)` float32."""
        n = len(population)
        encoded = np.zeros(n * self.features, dtype=np.float32)
        start = np.arange(n, dtype=np.intp)[:, None] * self.features
        where = start + self._offsets + population[:, self._columns]
        encoded[where] = self.space.active(population)[:, self._columns]
        return encoded.reshape(n, self.features)
