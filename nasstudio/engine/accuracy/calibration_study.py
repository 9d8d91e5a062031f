"""How many training images re-calibration needs: accuracy by their number, over several drawings of them.

With none, a subnet has the statistics that all subnets share. With few, its accuracy depends on which ones were drawn;
with enough, more change neither the accuracies nor the order of the networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.space.space import Population


@dataclass(frozen=True)
class CalibrationStudy:
    """Accuracies of networks by number of calibration images.

    Attributes
    ----------
    images : numbers of calibration images, rising.
    shared : with the statistics that all subnets share. `(networks,)`, share 0..1.
    accuracy : with statistics of their own. `(images, draws, networks)`.
    """

    images: tuple[int, ...]
    shared: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def mean(self) -> NDArray[np.float64]:
        """Mean accuracy of the networks at each number. `(images,)`."""
        mean: NDArray[np.float64] = self.accuracy.mean(axis=(1, 2))
        return mean

    def noise(self) -> NDArray[np.float64]:
        """Spread of a network's accuracy from drawing to drawing, at each number. `(images,)`; nan for one draw."""
        draws = self.accuracy.shape[1]
        if draws < 2:
            return np.full(len(self.images), np.nan)
        noise: NDArray[np.float64] = np.sqrt(self.accuracy.var(axis=1, ddof=1).mean(axis=1))
        return noise

    def tau(self) -> NDArray[np.float64]:
        """Rank correlation of the networks with their order at the largest number, mean of the draws. `(images,)`."""
        order = self.accuracy[-1].mean(axis=0)
        return np.array(
            [np.mean([kendall_tau(drawn, order) for drawn in rows]) for rows in self.accuracy]
        )


def study(
    supernet: SharedNetwork,
    image_set: ImageSet,
    population: Population,
    images: Sequence[int],
    draws: int = 2,
    split: str = "validation",
    *,
    check: Callable[[], None] = lambda: None,
) -> CalibrationStudy:
    """Evaluate each network with each number of calibration images, drawn anew `draws` times.

    population: `(networks, genes)`. Takes `len(images) * draws + 1` evaluations a network.
    """
    numbers = tuple(sorted(images))
    shared = np.empty(len(population))
    accuracy = np.empty((len(numbers), draws, len(population)))
    for i, number in enumerate(numbers):
        for seed in range(draws):
            evaluator = Evaluator(supernet, image_set, number, seed)
            for k, genome in enumerate(population):
                if i == seed == 0:
                    found = evaluator.evaluation(genome, split, check=check)
                    shared[k], accuracy[i, seed, k] = found.shared, found.accuracy
                else:
                    accuracy[i, seed, k] = evaluator.accuracy(genome, split, check=check)
    return CalibrationStudy(numbers, shared, accuracy)
