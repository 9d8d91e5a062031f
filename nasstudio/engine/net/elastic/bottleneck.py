"""Inverted bottleneck with an elastic kernel and an elastic middle.

A subnet uses the first `middle` channels of every layer inside (Cai et al. 2020, sec. 3.3). Before a smaller middle is
trained, `sort_middle` moves the most important channels to the front; the full block's function is unchanged by it.
Weights are sliced as views and passed to the functional operations: nothing is copied on the way.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.elastic.kernel import ElasticDepthwise
from nasstudio.engine.net.elastic.norm import ElasticNorm, first
from nasstudio.engine.net.static import ACTIVATION
from nasstudio.engine.space.layer import make_divisible


def squeeze_of(middle: int) -> int:
    """Inner channels of the gate over `middle` channels (`LayerSpec.squeeze`)."""
    return make_divisible(middle // 4)


class ElasticPointwise(nn.Module):
    """1x1 convolution from the first channels in to the first channels out."""

    def __init__(self, channels_in: int, channels_out: int, *, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None

    def forward(self, x: Tensor, channels_out: int) -> Tensor:
        weight = first(self.weight, channels_out)
        if x.shape[1] != weight.shape[1]:
            weight = weight[:, : x.shape[1]]
        return F.conv2d(x, weight, None if self.bias is None else first(self.bias, channels_out))

    def weights(self, channels_in: int, channels_out: int) -> dict[str, Tensor]:
        """Tensors of the plain convolution, as views."""
        found = {"weight": self.weight[:channels_out, :channels_in]}
        if self.bias is not None:
            found["bias"] = self.bias[:channels_out]
        return found

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """He over the fan out; the bias to zero."""
        self.weight.normal_(0.0, math.sqrt(2.0 / self.weight.shape[0]), generator=generator)
        if self.bias is not None:
            self.bias.zero_()

    @torch.no_grad()
    def permute(self, order_in: Tensor | None, order_out: Tensor | None) -> None:
        """Put the channels before and behind it into another order."""
        if order_in is not None:
            self.weight.copy_(self.weight[:, order_in])
        if order_out is not None:
            self.weight.copy_(self.weight[order_out])
            if self.bias is not None:
                self.bias.copy_(self.bias[order_out])


class ElasticSqueezeExcite(nn.Module):
    """Channel gate over the first channels; its inner width follows from theirs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ElasticPointwise(channels, squeeze_of(channels), bias=True)
        self.expand = ElasticPointwise(squeeze_of(channels), channels, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        gate = F.adaptive_avg_pool2d(x, 1)
        gate = self.expand(F.relu(self.reduce(gate, squeeze_of(channels))), channels)
        return x * F.hardsigmoid(gate)


class ElasticBottleneck(nn.Module):
    """One block of the supernet.

    Parameters
    ----------
    kernels : kernel sizes, odd, rising.
    middles : middle widths, rising. Where one equals `channels_in`, the subnet has no widening convolution.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        stride: int,
        kernels: tuple[int, ...],
        middles: tuple[int, ...],
        act: str,
        *,
        se: bool,
        residual: bool,
    ) -> None:
        super().__init__()
        widest = middles[-1]
        self.channels_in, self.channels_out = channels_in, channels_out
        self.kernels, self.middles = kernels, middles
        self.act, self.residual = ACTIVATION[act], residual
        widened = widest != channels_in
        self.widen = ElasticPointwise(channels_in, widest) if widened else None
        self.widen_norm = ElasticNorm(widest) if widened else None
        self.depthwise = ElasticDepthwise(widest, kernels, stride)
        self.depthwise_norm = ElasticNorm(widest)
        self.se = ElasticSqueezeExcite(widest) if se else None
        self.project = ElasticPointwise(widest, channels_out)
        self.project_norm = ElasticNorm(channels_out)

    def forward(self, x: Tensor, kernel: int, middle: int) -> Tensor:
        """`(n, channels_in, h, w)` through the subnet of one kernel size and one middle width."""
        y = x
        if self.widen is not None and self.widen_norm is not None and middle != self.channels_in:
            y = self.act(self.widen_norm(self.widen(y, middle)))
        y = self.act(self.depthwise_norm(self.depthwise(y, kernel)))
        if self.se is not None:
            y = self.se(y)
        y = self.project_norm(self.project(y, self.channels_out))
        out: Tensor = y + x if self.residual else y
        return out

    def weights(self, kernel: int, middle: int) -> dict[str, Tensor]:
        """Tensors of the plain `InvertedBottleneck`, by its names; views where they can be."""
        parts: dict[str, dict[str, Tensor]] = {}
        if self.widen is not None and self.widen_norm is not None and middle != self.channels_in:
            parts["widen.conv"] = self.widen.weights(self.channels_in, middle)
            parts["widen.norm"] = self.widen_norm.weights(middle)
        parts["depthwise.conv"] = {"weight": self.depthwise.kernel(kernel, middle)}
        parts["depthwise.norm"] = self.depthwise_norm.weights(middle)
        if self.se is not None:
            parts["se.reduce"] = self.se.reduce.weights(middle, squeeze_of(middle))
            parts["se.expand"] = self.se.expand.weights(squeeze_of(middle), middle)
        parts["project.conv"] = self.project.weights(middle, self.channels_out)
        parts["project.norm"] = self.project_norm.weights(self.channels_out)
        return {
            f"{part}.{name}": tensor
            for part, held in parts.items()
            for name, tensor in held.items()
        }

    @torch.no_grad()
    def sort_middle(self, trained: int) -> None:
        """Most important middle channels first; the full block computes what it did before.

        Importance is the L1 norm of a channel's weights in the projection (OFA:
        ``re_organize_middle_weights``). Nothing crosses the border of a width that is trained already.

        Parameters
        ----------
        trained : how many of the largest middle widths subnets were trained with so far.
        """
        if self.widen is None or self.widen_norm is None:
            return  # the middle is the input itself; its order is not ours
        borders = sorted(set(self.middles[-trained:]))
        fixed = self.channels_in if self.channels_in in borders else 0
        order = _sorted_within(self.project.weight, borders, fixed)
        self.widen.permute(None, order)
        self.widen_norm.permute(order)
        self.depthwise.permute(order)
        self.depthwise_norm.permute(order)
        self.project.permute(order, None)
        if self.se is not None:
            self.se.reduce.permute(order, None)
            self.se.expand.permute(None, order)
            # OFA sorts the gate's own channels without borders, which disturbs widths trained before.
            inner = sorted({squeeze_of(middle) for middle in borders})
            order = _sorted_within(self.se.expand.weight, inner, 0)
            self.se.expand.permute(order, None)
            self.se.reduce.permute(None, order)


def _sorted_within(weight: Tensor, borders: list[int], fixed: int) -> Tensor:
    """Order of the input channels of a 1x1 convolution: falling L1 norm between borders; the first `fixed` stay."""
    importance = weight.abs().sum(dim=(0, 2, 3))
    parts = []
    for low, high in pairwise([0, *borders]):
        within = torch.arange(low, high, device=weight.device)
        if high > fixed:
            within = within[importance[low:high].argsort(descending=True, stable=True)]
        parts.append(within)
    return torch.cat(parts)
