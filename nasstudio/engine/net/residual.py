"""Plain modules of residual networks: the bottleneck with its shortcut, and max pooling.

The bottleneck is that of Once-for-All's ResNet50 (`ofa/utils/layers.py: ResNetBottleneckBlock`): the stride sits in the
k x k convolution, and a shortcut that has to change its shape is averaged over windows of the stride and then projected
(ResNet-D, He et al. 2019), so that no pixel is passed over.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.convolution import ACTIVATION, ConvNormAct
from nasstudio.engine.space.layer import LayerSpec


def shrunk(x: Tensor, stride: int) -> Tensor:
    """Means over windows of the stride; one at the border counts only what is inside. `(n, c, h, w)`."""
    if stride == 1:
        return x
    return F.avg_pool2d(x, stride, stride, ceil_mode=True, count_include_pad=False)


class ResidualBottleneck(nn.Module):
    """`bottleneck`: narrow 1x1, spatial k x k, widen 1x1, plus the shortcut; then the activation."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        middle, norm, bias = spec.middle, spec.norm, spec.bias
        self.narrow = ConvNormAct(spec.channels_in, middle, norm=norm, bias=bias, act=spec.act)
        self.spatial = ConvNormAct(
            middle,
            middle,
            kernel=spec.kernel,
            stride=spec.stride,
            norm=norm,
            bias=bias,
            act=spec.act,
        )
        self.widen = ConvNormAct(middle, spec.channels_out, norm=norm, bias=bias)
        self.shortcut = (
            None
            if spec.residual
            else ConvNormAct(spec.channels_in, spec.channels_out, norm=norm, bias=bias)
        )
        self.stride, self.act, self.pooled = spec.stride, spec.act, spec.pooled

    def forward(self, x: Tensor) -> Tensor:
        beside = x if self.shortcut is None else self.shortcut(shrunk(x, self.stride))
        y = self.widen(self.spatial(self.narrow(x)))
        y = ACTIVATION[self.act](y + beside)
        return F.adaptive_avg_pool2d(y, 1) if self.pooled else y


class MaxPool(nn.Module):
    """`maxpool`: the largest value of each window of the image."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.kernel, self.stride = spec.kernel, spec.stride

    def forward(self, x: Tensor) -> Tensor:
        up = self.kernel % 2 == 0
        return F.max_pool2d(x, self.kernel, self.stride, (self.kernel - 1) // 2, ceil_mode=up)
