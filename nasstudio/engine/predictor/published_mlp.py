"""The published accuracy predictors' model: features - 400 - 400 - 400 - 1 with ReLU, one member, never fitted here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.predictor.ridge import Arrays, Features

HIDDEN = 400
LAYERS = 4
_CHUNK = 4096


class PublishedMlp:
    """An ensemble of one.

    Parameters
    ----------
    arrays : ``w0`` to ``w3`` `(inputs, outputs)` and ``b0`` to ``b3`` `(outputs,)`, float32.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._a = arrays

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction for each network. `(1, n)`."""
        return self.mean(features)[None]

    def mean(self, features: Features) -> NDArray[np.float32]:
        """Prediction for each network. `(n,)`."""
        parts = [
            self._forward(features[begin : begin + _CHUNK])
            for begin in range(0, max(len(features), 1), _CHUNK)
        ]
        return np.concatenate(parts)

    def _forward(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        for layer in range(LAYERS):
            x = x @ self._a[f"w{layer}"] + self._a[f"b{layer}"]
            if layer < LAYERS - 1:
                np.maximum(x, 0, out=x)
        return x[:, 0]

    def arrays(self) -> Arrays:
        return self._a

    @staticmethod
    def shapes(features: int) -> dict[str, tuple[int, ...]]:
        """Shape of every array for a number of features."""
        sizes = (features, *[HIDDEN] * (LAYERS - 1), 1)
        weights = {f"w{i}": sizes[i : i + 2] for i in range(LAYERS)}
        return weights | {f"b{i}": sizes[i + 1 : i + 2] for i in range(LAYERS)}
