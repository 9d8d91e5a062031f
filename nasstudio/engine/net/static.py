"""Plain networks: what a `LayerSpec` means in torch, and a chain of them.

A static network is what is measured, verified and exported: ordinary modules, no choice left. Its layers are the rows
of the latency tables, one module for one `LayerSpec`. Images are `(n, channels, height, width)` float32; padding is
"same" (k // 2). Nothing here trains and nothing here knows a search space.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.convolution import ACTIVATION, ConvNormAct, SqueezeExcite
from nasstudio.engine.net.residual import MaxPool, ResidualBottleneck
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.norm import NormRule

_DEFAULT_NORMS = NormRule()


class Convolution(nn.Module):
    """`conv` and `dwconv`: convolution, gate, residual, pooling, each as its spec says."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        groups = spec.channels_in if spec.kind == "dwconv" else spec.groups
        _check_groups(spec, groups)
        self.conv = ConvNormAct(
            spec.channels_in,
            spec.channels_out,
            kernel=spec.kernel,
            stride=spec.stride,
            groups=groups,
            norm=spec.norm,
            bias=spec.bias,
            act=spec.act,
        )
        self.se = SqueezeExcite(spec.channels_out, spec.squeeze) if spec.se else None
        self.residual, self.pooled = spec.residual, spec.pooled

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if self.se is not None:
            y = self.se(y)
        if self.residual:
            y = y + x
        return F.adaptive_avg_pool2d(y, 1) if self.pooled else y


class InvertedBottleneck(nn.Module):
    """`mbconv`: widen 1x1 (unless the middle is as wide as the input), depthwise, gate, project 1x1 (MobileNetV3)."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        middle = spec.middle or spec.channels_in
        self.widen = (
            ConvNormAct(spec.channels_in, middle, norm=spec.norm, bias=spec.bias, act=spec.act)
            if middle != spec.channels_in
            else None
        )
        self.depthwise = ConvNormAct(
            middle,
            middle,
            kernel=spec.kernel,
            stride=spec.stride,
            groups=middle,
            norm=spec.norm,
            act=spec.act,
            bias=spec.bias,
        )
        self.se = SqueezeExcite(middle, spec.squeeze) if spec.se else None
        self.project = ConvNormAct(middle, spec.channels_out, norm=spec.norm, bias=spec.bias)
        self.residual, self.pooled = spec.residual, spec.pooled

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.widen is None else self.widen(x)
        y = self.depthwise(y)
        if self.se is not None:
            y = self.se(y)
        y = self.project(y)
        if self.residual:
            y = y + x
        return F.adaptive_avg_pool2d(y, 1) if self.pooled else y


class Linear(nn.Module):
    """`linear`: flattens, then a fully connected layer with optional norm and activation. Gives `(n, features)`."""

    def __init__(self, spec: LayerSpec, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.linear = nn.Linear(spec.channels_in, spec.channels_out, bias=spec.bias)
        self.norm: nn.BatchNorm1d | None = nn.BatchNorm1d(spec.channels_out) if spec.norm else None
        self.act, self.residual = spec.act, spec.residual

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.training and self.dropout > 0:
            x = F.dropout(x, self.dropout)
        y = self.linear(x)
        if self.norm is not None:
            y = self.norm(y)
        y = ACTIVATION[self.act](y)
        return y + x if self.residual else y

    def fold(self) -> None:
        """Move the batch norm into the matrix; the module must be in eval mode."""
        if self.norm is not None:
            self.linear = fuse_linear_bn_eval(self.linear, self.norm)
            self.norm = None


class AveragePool(nn.Module):
    """`pool`: mean over windows of the image (borders count only what is inside), or over all of it if `pooled`."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.pooled, self.kernel, self.stride = spec.pooled, spec.kernel, spec.stride

    def forward(self, x: Tensor) -> Tensor:
        if self.pooled:
            return F.adaptive_avg_pool2d(x, 1)
        return F.avg_pool2d(
            x,
            self.kernel,
            self.stride,
            (self.kernel - 1) // 2,
            ceil_mode=self.kernel % 2 == 0,
            count_include_pad=False,
        )


def build_layer(spec: LayerSpec) -> nn.Module:
    """The module of one layer, with torch's default weights. Input `(n, channels_in, height, width)`.

    Raises
    ------
    InvalidInput
        The layer can't be built: another kind, or sizes that do not fit together.
    """
    _check(spec)
    if spec.kind in ("conv", "dwconv"):
        return Convolution(spec)
    if spec.kind == "mbconv":
        return InvertedBottleneck(spec)
    if spec.kind == "linear":
        return Linear(spec)
    if spec.kind == "bottleneck":
        return ResidualBottleneck(spec)
    if spec.kind == "maxpool":
        return MaxPool(spec)
    return AveragePool(spec)


def _check(spec: LayerSpec) -> None:
    if spec.kind not in ("conv", "dwconv", "mbconv", "linear", "pool", "bottleneck", "maxpool"):
        raise _impossible(spec, f"no module is known for the kind '{spec.kind}'")
    if spec.kind == "linear" and spec.height * spec.width != 1:
        raise _impossible(spec, "a linear layer takes a vector, 1x1")
    convolves = spec.kind in ("conv", "dwconv", "mbconv", "bottleneck")
    if convolves and spec.kernel % 2 == 0 and spec.stride == 1:
        raise _impossible(spec, "an even kernel can't keep the image's size")
    if spec.kind in ("pool", "maxpool") and spec.channels_in != spec.channels_out:
        raise _impossible(spec, "pooling keeps the number of channels")
    windows = spec.kind == "maxpool" or (spec.kind == "pool" and not spec.pooled)
    if windows and spec.kernel % 2 == 0 and spec.stride == 1:
        raise _impossible(spec, "an even window can't keep the image's size")
    if spec.kind == "maxpool" and spec.pooled:
        raise _impossible(spec, "a maximum over windows is not averaged")
    if spec.kind == "bottleneck" and (spec.middle < 1 or spec.se or spec.groups != 1):
        raise _impossible(spec, "a bottleneck has a middle, one group and no gate")
    if spec.residual and (spec.stride != 1 or spec.channels_in != spec.channels_out):
        raise _impossible(spec, "a residual needs equal shapes before and after")


def _check_groups(spec: LayerSpec, groups: int) -> None:
    if spec.channels_in % groups or spec.channels_out % groups:
        raise _impossible(spec, f"the channels do not divide into {groups} groups")


def _impossible(spec: LayerSpec, why: str) -> InvalidInput:
    return InvalidInput(
        f"This layer can't be built: {why}.", where=text(spec), remedy="Correct or remove the row."
    )


class StaticNetwork(nn.Module):
    """A chain of layers. `(n, channels, height, width)` images in, `(n, classes)` logits out.

    Parameters
    ----------
    layers : from input to output, e.g. ``[block.layer for block in space.blocks(genome)]``.
    dropout : share of the classifier's inputs that is dropped, in training mode only.
    norm_rule : of its batch norms: that of the space it comes from.
    """

    def __init__(
        self,
        layers: Sequence[LayerSpec],
        dropout: float = 0.0,
        norm_rule: NormRule = _DEFAULT_NORMS,
    ) -> None:
        super().__init__()
        self.specs = tuple(layers)
        self.layers = nn.ModuleList(build_layer(spec) for spec in layers)
        set_norms(self, norm_rule)
        last = self.layers[-1] if len(self.layers) else None
        if isinstance(last, Linear):
            last.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def set_norms(network: nn.Module, rule: NormRule) -> None:
    """Make every batch norm of a network compute by a rule."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps, module.momentum = rule.eps, rule.momentum


def fused(network: nn.Module) -> nn.Module:
    """A copy in eval mode with every batch norm folded into the convolution (or matrix) before it."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, ConvNormAct | Linear):
            module.fold()
    return folded


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Fresh weights: He over the fan out (OFA: ``he_fout``), norms to one and zero, biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            # OFA counts k * k * out for depthwise convolutions too; the norm after them evens it out.
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            module.weight.normal_(0.0, math.sqrt(2.0 / fan_out), generator=generator)
        elif isinstance(module, nn.Linear):
            bound = 1.0 / math.sqrt(module.in_features)
            module.weight.uniform_(-bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            continue
        else:
            continue
        if module.bias is not None:
            module.bias.zero_()
