"""Elastic kernel size of a depthwise convolution, with learnt transforms between the sizes.

There is one weight, of the largest size. The weight of each smaller size is the centre of the next larger one, times
a matrix that all channels of the layer share (Cai et al. 2020, sec. 3.3; chained: 7 -> 5 -> 3). The matrices begin as
the identity and are exempt from weight decay, which would pull them to zero.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.elastic.depthwise import depthwise
from nasstudio.engine.net.elastic.norm import first


class ElasticDepthwise(nn.Module):
    """Depthwise convolution of the first channels with one of several kernel sizes.

    Parameters
    ----------
    channels : at most.
    kernels : odd sizes, rising.
    """

    def __init__(self, channels: int, kernels: tuple[int, ...], stride: int) -> None:
        super().__init__()
        self.kernels, self.stride = kernels, stride
        self.weight = nn.Parameter(torch.zeros(channels, 1, kernels[-1], kernels[-1]))
        for small, large in pairwise(kernels):
            self.register_parameter(f"{large}to{small}", nn.Parameter(torch.eye(small**2)))

    def kernel(self, size: int, channels: int) -> Tensor:
        """The weight of one size for the first `channels`. `(channels, 1, size, size)`."""
        weight = first(self.weight, channels)
        for large in range(len(self.kernels) - 1, self.kernels.index(size), -1):
            before, after = self.kernels[large], self.kernels[large - 1]
            cut = (before - after) // 2
            centre = weight[:, 0, cut : cut + after, cut : cut + after].reshape(channels, -1)
            matrix = self.get_parameter(f"{before}to{after}")
            weight = F.linear(centre, matrix).view(channels, 1, after, after)
        return weight

    def forward(self, x: Tensor, size: int) -> Tensor:
        return depthwise(x, self.kernel(size, x.shape[1]), self.stride)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """He over the fan out for the largest kernel; the matrices to the identity."""
        channels, _, size, _ = self.weight.shape
        self.weight.normal_(0.0, math.sqrt(2.0 / (size**2 * channels)), generator=generator)
        for small, large in pairwise(self.kernels):
            nn.init.eye_(self.get_parameter(f"{large}to{small}"))

    @torch.no_grad()
    def permute(self, order: Tensor) -> None:
        """Put the channels into another order."""
        self.weight.copy_(self.weight[order])
