"""What the plain modules of every kind of layer are made of: activations, normed convolutions, gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Activation = Callable[[Tensor], Tensor]


def _identity(x: Tensor) -> Tensor:
    return x


ACTIVATION: dict[str, Activation] = {
    "none": _identity,
    "relu": F.relu,
    "relu6": F.relu6,
    "hswish": F.hardswish,
    "swish": F.silu,
    "gelu": F.gelu,
}


# The same, writing over their input: faster where there is no gradient.
_OVERWRITING: dict[str, Activation] = {
    **ACTIVATION,
    "relu": F.relu_,
    "relu6": partial(F.relu6, inplace=True),
    "hswish": partial(F.hardswish, inplace=True),
    "swish": partial(F.silu, inplace=True),
}


class SqueezeExcite(nn.Module):
    """Channel gate (Hu et al. 2018) with MobileNetV3's hard sigmoid. `(n, c, h, w)` in and out."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze, 1)
        self.expand = nn.Conv2d(squeeze, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.adaptive_avg_pool2d(x, 1)
        gate = self.expand(F.relu(self.reduce(gate)))
        return x * F.hardsigmoid(gate)


class ConvNormAct(nn.Module):
    """Convolution, batch norm (unless folded or not wanted), activation."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        norm: bool = True,
        bias: bool = False,
        act: str = "none",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in,
            channels_out,
            kernel,
            stride,
            (kernel - 1) // 2,
            groups=groups,
            bias=bias,
        )
        self.norm: nn.BatchNorm2d | None = nn.BatchNorm2d(channels_out) if norm else None
        self.act = act
        self.overwrites = False  # see `overwriting`

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return (_OVERWRITING if self.overwrites else ACTIVATION)[self.act](x)

    def fold(self) -> None:
        """Move the batch norm into the convolution; the module must be in eval mode."""
        if self.norm is not None:
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = None


@contextmanager
def overwriting(network: nn.Module) -> Iterator[None]:
    """Let activations write over their input meanwhile. For evaluation: nothing may ask for a gradient, or export."""
    modules = [module for module in network.modules() if isinstance(module, ConvNormAct)]
    for module in modules:
        module.overwrites = True
    try:
        yield
    finally:
        for module in modules:
            module.overwrites = False
