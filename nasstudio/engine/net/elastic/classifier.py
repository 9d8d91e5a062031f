"""Linear classifier behind a layer whose width is elastic."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ElasticClassifier(nn.Module):
    """Mean over the image, then a linear layer from the first features."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes, features))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, x: Tensor) -> Tensor:
        features = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return F.linear(features, self.weight[:, : x.shape[1]], self.bias)

    def weights(self, features: int) -> dict[str, Tensor]:
        """Tensors of the plain `Linear`, by its names, as views."""
        return {"linear.weight": self.weight[:, :features], "linear.bias": self.bias}

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Uniform over the fan in; the bias to zero."""
        bound = 1.0 / math.sqrt(self.weight.shape[1])
        self.weight.uniform_(-bound, bound, generator=generator)
        self.bias.zero_()

    def importance_in(self) -> Tensor:
        """L1 norm of the weights that read each feature. `(features,)`."""
        return self.weight.detach().abs().sum(dim=0)

    @torch.no_grad()
    def permute(self, order_in: Tensor | None, order_out: None = None) -> None:
        """Put the features into another order."""
        if order_in is not None:
            self.weight.copy_(self.weight[:, order_in])
