"""The layers of an exported PyTorch package: real code, of which `export.network_source` copies what a network needs.

Batch norms are folded into the convolutions already. Padding is "same" (kernel // 2). Images are
`(n, channels, height, width)` float32. Nothing here may import anything of this program.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]


class SqueezeExcite(nn.Module):
    """Channel gate: the mean of each channel decides how much of it passes."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze, 1)
        self.expand = nn.Conv2d(squeeze, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.expand(gate))


class Convolution(nn.Module):
    """Convolution and activation; then gate, residual and mean over the image, where asked for."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
        act: Activation | None = None,
        squeeze: int = 0,
        residual: bool = False,
        pooled: bool = False,
    ) -> None:
        super().__init__()
        padding = (kernel - 1) // 2
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding, groups=groups, bias=bias
        )
        self.se = SqueezeExcite(channels_out, squeeze) if squeeze else nn.Identity()
        self.act, self.residual, self.pooled = act, residual, pooled

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y = self.se(y if self.act is None else self.act(y))
        y = y + x if self.residual else y
        return F.adaptive_avg_pool2d(y, 1) if self.pooled else y


class InvertedBottleneck(nn.Module):
    """Widen 1x1, depthwise convolution, gate, project 1x1; plus the input, if residual (MobileNetV3)."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        middle: int,
        act: Activation,
        kernel: int = 3,
        stride: int = 1,
        bias: bool = True,
        squeeze: int = 0,
        residual: bool = False,
        pooled: bool = False,
    ) -> None:
        super().__init__()
        self.widen = nn.Conv2d(channels_in, middle, 1, bias=bias) if middle != channels_in else None
        padding = (kernel - 1) // 2
        self.depthwise = nn.Conv2d(
            middle, middle, kernel, stride, padding, groups=middle, bias=bias
        )
        self.se = SqueezeExcite(middle, squeeze) if squeeze else nn.Identity()
        self.project = nn.Conv2d(middle, channels_out, 1, bias=bias)
        self.act, self.residual, self.pooled = act, residual, pooled

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.widen is None else self.act(self.widen(x))
        y = self.project(self.se(self.act(self.depthwise(y))))
        y = y + x if self.residual else y
        return F.adaptive_avg_pool2d(y, 1) if self.pooled else y


class ResidualBottleneck(nn.Module):
    """Narrow 1x1, spatial convolution, widen 1x1, plus the input or its projection; then the activation (ResNet-D)."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        middle: int,
        act: Activation,
        kernel: int = 3,
        stride: int = 1,
        bias: bool = True,
        residual: bool = False,
        pooled: bool = False,
    ) -> None:
        super().__init__()
        padding = (kernel - 1) // 2
        self.narrow = nn.Conv2d(channels_in, middle, 1, bias=bias)
        self.spatial = nn.Conv2d(middle, middle, kernel, stride, padding, bias=bias)
        self.widen = nn.Conv2d(middle, channels_out, 1, bias=bias)
        self.shortcut = None if residual else nn.Conv2d(channels_in, channels_out, 1, bias=bias)
        self.act, self.stride, self.pooled = act, stride, pooled

    def forward(self, x: Tensor) -> Tensor:
        y = self.widen(self.act(self.spatial(self.act(self.narrow(x)))))
        if self.shortcut is not None:
            if self.stride > 1:
                x = F.avg_pool2d(x, self.stride, ceil_mode=True, count_include_pad=False)
            x = self.shortcut(x)
        y = self.act(y + x)
        return F.adaptive_avg_pool2d(y, 1) if self.pooled else y


class Linear(nn.Module):
    """Flattens, then a fully connected layer."""

    def __init__(
        self,
        features_in: int,
        features_out: int,
        *,
        bias: bool = True,
        act: Activation | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(features_in, features_out, bias=bias)
        self.act, self.residual = act, residual

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        y = self.linear(x)
        y = y if self.act is None else self.act(y)
        return y + x if self.residual else y


class AveragePool(nn.Module):
    """Mean over windows of the image, or over all of it."""

    def __init__(self, kernel: int, stride: int, *, pooled: bool = False) -> None:
        super().__init__()
        self.kernel, self.stride, self.pooled = kernel, stride, pooled

    def forward(self, x: Tensor) -> Tensor:
        if self.pooled:
            return F.adaptive_avg_pool2d(x, 1)
        padding, up = (self.kernel - 1) // 2, self.kernel % 2 == 0
        return F.avg_pool2d(
            x, self.kernel, self.stride, padding, ceil_mode=up, count_include_pad=False
        )


class MaxPool(nn.Module):
    """Largest value of each window of the image."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        padding, up = (self.kernel - 1) // 2, self.kernel % 2 == 0
        return F.max_pool2d(x, self.kernel, self.stride, padding, ceil_mode=up)
