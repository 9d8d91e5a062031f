"""Residual bottleneck with an elastic middle and elastic widths before and behind it, and its convolution.

A subnet uses the first channels of every layer (Cai et al. 2020, sec. 3.3; OFA: ``DynamicResNetBottleneckBlock``).
Weights are sliced as views and passed to the functional operations: nothing is copied on the way. `sort_middle` puts
the most important inner channels first; the channels between blocks are the supernet's, since a stage shares them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.convolution import ACTIVATION
from nasstudio.engine.net.elastic.norm import ElasticNorm, first
from nasstudio.engine.net.elastic.order import falling_within
from nasstudio.engine.net.residual import shrunk


class ElasticConvolution(nn.Module):
    """Convolution from the first channels in to the first channels out, with batch norm and activation."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        act: str = "none",
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, kernel, kernel))
        self.norm = ElasticNorm(channels_out)
        self.stride, self.act = stride, ACTIVATION[act]

    def forward(self, x: Tensor, channels_out: int) -> Tensor:
        weight = first(self.weight, channels_out)
        if x.shape[1] != weight.shape[1]:
            weight = weight[:, : x.shape[1]]
        y = F.conv2d(x, weight, None, self.stride, (weight.shape[-1] - 1) // 2)
        return self.act(self.norm(y))

    def weights(self, channels_in: int, channels_out: int) -> dict[str, Tensor]:
        """Tensors of the plain `ConvNormAct`, by its names, as views."""
        norm = self.norm.weights(channels_out)
        return {"conv.weight": self.weight[:channels_out, :channels_in]} | {
            f"norm.{name}": tensor for name, tensor in norm.items()
        }

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """He over the fan out."""
        out, _, kernel, _ = self.weight.shape
        self.weight.normal_(0.0, math.sqrt(2.0 / (kernel**2 * out)), generator=generator)

    def importance_in(self) -> Tensor:
        """L1 norm of the weights that read each channel (OFA). `(channels_in,)`."""
        return self.weight.detach().abs().sum(dim=(0, 2, 3))

    @torch.no_grad()
    def permute(self, order_in: Tensor | None, order_out: Tensor | None) -> None:
        """Put the channels before and behind it into another order."""
        if order_in is not None:
            self.weight.copy_(self.weight[:, order_in])
        if order_out is not None:
            self.weight.copy_(self.weight[order_out])
            self.norm.permute(order_out)


class ElasticResidual(nn.Module):
    """One block of a residual supernet.

    Parameters
    ----------
    channels_in, middle, channels_out : at most.
    projected : the shortcut changes its shape.
    """

    def __init__(
        self,
        channels_in: int,
        middle: int,
        channels_out: int,
        *,
        kernel: int,
        stride: int,
        act: str,
        projected: bool,
    ) -> None:
        super().__init__()
        self.stride, self.act = stride, ACTIVATION[act]
        self.narrow = ElasticConvolution(channels_in, middle, act=act)
        self.spatial = ElasticConvolution(middle, middle, kernel=kernel, stride=stride, act=act)
        self.widen = ElasticConvolution(middle, channels_out)
        self.shortcut = ElasticConvolution(channels_in, channels_out) if projected else None

    def forward(self, x: Tensor, middle: int, channels_out: int) -> Tensor:
        """`(n, c, h, w)` through the subnet of one middle and one output width."""
        beside = x
        if self.shortcut is not None:
            beside = self.shortcut(shrunk(x, self.stride), channels_out)
        y = self.spatial(self.narrow(x, middle), middle)
        y = self.widen(y, channels_out)
        return self.act(y + beside)

    def weights(self, channels_in: int, middle: int, channels_out: int) -> dict[str, Tensor]:
        """Tensors of the plain `ResidualBottleneck`, by its names, as views."""
        parts = {
            "narrow": self.narrow.weights(channels_in, middle),
            "spatial": self.spatial.weights(middle, middle),
            "widen": self.widen.weights(middle, channels_out),
        }
        if self.shortcut is not None:
            parts["shortcut"] = self.shortcut.weights(channels_in, channels_out)
        return {
            f"{part}.{name}": tensor
            for part, held in parts.items()
            for name, tensor in held.items()
        }

    def sort_middle(self, borders: list[int]) -> None:
        """Most important inner channels first; the full block computes what it did before.

        Behind the k x k convolution, then before it, each by the weights that read it (OFA:
        ``re_organize_middle_weights``).

        Parameters
        ----------
        borders : middle widths that are trained already, rising, the last one all channels: nothing crosses them.
        """
        order = falling_within(self.widen.importance_in(), borders)
        self.widen.permute(order, None)
        self.spatial.permute(None, order)
        order = falling_within(self.spatial.importance_in(), borders)
        self.spatial.permute(order, None)
        self.narrow.permute(None, order)
