"""Inverted bottleneck with an elastic kernel, an elastic middle and elastic widths before and behind it.

A subnet uses the first channels of every layer inside (Cai et al. 2020, sec. 3.3). Before a smaller middle is trained,
`sort_middle` moves the most important channels to the front; no trained subnet's function is changed by it. The
channels before and behind the block belong to the stage, whose blocks add up: their order is the supernet's.
Weights are sliced as views and passed to the functional operations: nothing is copied on the way.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.convolution import ACTIVATION
from nasstudio.engine.net.elastic.kernel import ElasticDepthwise
from nasstudio.engine.net.elastic.norm import ElasticNorm, first
from nasstudio.engine.net.elastic.order import falling_within
from nasstudio.engine.space.layer import expanded, make_divisible
from nasstudio.engine.space.norm import NormRule


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
    inputs, outputs : channels that subnets may have before and behind it, rising.
    kernels : kernel sizes, odd, rising.
    ratios : expand ratios, rising. A subnet whose middle is as wide as its input has no widening convolution.
    norm_rule : of its batch norms.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        stride: int,
        kernels: tuple[int, ...],
        ratios: tuple[float, ...],
        act: str,
        *,
        se: bool,
        residual: bool,
        norm_rule: NormRule,
    ) -> None:
        super().__init__()
        widest = expanded(inputs[-1], ratios[-1])
        self.inputs, self.outputs = inputs, outputs
        self.kernels, self.ratios = kernels, ratios
        self.act, self.residual = ACTIVATION[act], residual
        widened = any(
            expanded(channels, ratio) != channels for channels in inputs for ratio in ratios
        )
        self.widen = ElasticPointwise(inputs[-1], widest) if widened else None
        self.widen_norm = ElasticNorm(widest, norm_rule) if widened else None
        self.depthwise = ElasticDepthwise(widest, kernels, stride)
        self.depthwise_norm = ElasticNorm(widest, norm_rule)
        self.se = ElasticSqueezeExcite(widest) if se else None
        self.project = ElasticPointwise(widest, outputs[-1])
        self.project_norm = ElasticNorm(outputs[-1], norm_rule)

    def forward(self, x: Tensor, kernel: int, middle: int, channels_out: int) -> Tensor:
        """`(n, c, h, w)` through the subnet of one kernel size, one middle width and one output width."""
        y = x
        if self.widen is not None and self.widen_norm is not None and middle != x.shape[1]:
            y = self.act(self.widen_norm(self.widen(y, middle)))
        y = self.act(self.depthwise_norm(self.depthwise(y, kernel)))
        if self.se is not None:
            y = self.se(y)
        y = self.project_norm(self.project(y, channels_out))
        out: Tensor = y + x if self.residual else y
        return out

    def weights(
        self, kernel: int, middle: int, channels_in: int, channels_out: int
    ) -> dict[str, Tensor]:
        """Tensors of the plain `InvertedBottleneck`, by its names; views where they can be."""
        parts: dict[str, dict[str, Tensor]] = {}
        if self.widen is not None and self.widen_norm is not None and middle != channels_in:
            parts["widen.conv"] = self.widen.weights(channels_in, middle)
            parts["widen.norm"] = self.widen_norm.weights(middle)
        parts["depthwise.conv"] = {"weight": self.depthwise.kernel(kernel, middle)}
        parts["depthwise.norm"] = self.depthwise_norm.weights(middle)
        if self.se is not None:
            parts["se.reduce"] = self.se.reduce.weights(middle, squeeze_of(middle))
            parts["se.expand"] = self.se.expand.weights(squeeze_of(middle), middle)
        parts["project.conv"] = self.project.weights(middle, channels_out)
        parts["project.norm"] = self.project_norm.weights(channels_out)
        return {
            f"{part}.{name}": tensor
            for part, held in parts.items()
            for name, tensor in held.items()
        }

    # -- order of channels --------------------------------------------------------------------------------------

    def middles(self, inputs: int, ratios: int) -> list[int]:
        """Middle widths of the subnets with one of the largest so many inputs and ratios, rising."""
        return sorted(
            {
                expanded(channels, ratio)
                for channels in self.inputs[-inputs:]
                for ratio in self.ratios[-ratios:]
            }
        )

    def direct(self, inputs: int, ratios: int) -> int:
        """The largest input that such a subnet takes for its middle as it is; 0 if all widen theirs."""
        return max(
            (
                channels
                for channels in self.inputs[-inputs:]
                if channels in {expanded(channels, ratio) for ratio in self.ratios[-ratios:]}
            ),
            default=0,
        )

    def importance_in(self) -> Tensor:
        """L1 norm of the weights that read each input channel. `(channels,)`."""
        if self.widen is not None:
            return self.widen.importance_in()
        return self.depthwise.weight.detach().abs().sum(dim=(1, 2, 3))

    @torch.no_grad()
    def sort_middle(self, inputs: int, ratios: int) -> None:
        """Most important middle channels first; every trained subnet computes what it did before.

        Importance is the L1 norm of a channel's weights in the projection (OFA:
        ``re_organize_middle_weights``). Nothing crosses the border of a width that is trained already.

        Parameters
        ----------
        inputs, ratios : how many of the largest input widths and expand ratios subnets were trained with so far.
        """
        if self.widen is None:
            return  # the middle is the input itself; its order is not ours
        borders, direct = self.middles(inputs, ratios), self.direct(inputs, ratios)
        order = falling_within(self.project.importance_in(), borders)
        order[:direct] = torch.arange(direct, device=order.device)  # in the input's order
        self._permute_middle(order)
        if self.se is not None:
            # OFA sorts the gate's own channels without borders, which disturbs widths trained before.
            inner = sorted({squeeze_of(middle) for middle in borders})
            order = falling_within(self.se.expand.importance_in(), inner)
            self.se.expand.permute(order, None)
            self.se.reduce.permute(None, order)

    @torch.no_grad()
    def permute_input(self, order: Tensor, direct: int) -> None:
        """Read channels that were put into another order.

        Parameters
        ----------
        direct : so many of the first middle channels are the input's in a trained subnet, and follow it.
        """
        if self.widen is not None:
            self.widen.permute(order, None)
        if direct:
            middle = torch.arange(self.depthwise.weight.shape[0], device=order.device)
            middle[:direct] = order[:direct]
            self._permute_middle(middle)

    @torch.no_grad()
    def permute_output(self, order: Tensor) -> None:
        """Write channels in another order."""
        self.project.permute(None, order)
        self.project_norm.permute(order)

    def _permute_middle(self, order: Tensor) -> None:
        if self.widen is not None and self.widen_norm is not None:
            self.widen.permute(None, order)
            self.widen_norm.permute(order)
        self.depthwise.permute(order)
        self.depthwise_norm.permute(order)
        self.project.permute(order, None)
        if self.se is not None:
            self.se.reduce.permute(order, None)
            self.se.expand.permute(None, order)
