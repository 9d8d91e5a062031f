"""Batch norm over the first channels of a layer whose width is elastic.

All widths share one scale, shift and pair of running statistics (OFA). The shared statistics fit no subnet well: a
subnet is evaluated with statistics of its own (`nasstudio.engine.accuracy.calibration`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.space.norm import NormRule

_DEFAULT = NormRule()


def first(tensor: Tensor, n: int) -> Tensor:
    """The first `n` entries along dimension 0, a view; the tensor itself if that is all of it."""
    return tensor if n == tensor.shape[0] else tensor[:n]


class ElasticNorm(nn.Module):
    """Batch norm of as many channels as its input has, `(n, c, h, w)` with c up to `channels`.

    Parameters
    ----------
    rule : that of the space that the network comes from.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, rule: NormRule = _DEFAULT) -> None:
        super().__init__()
        self.eps, self.momentum = rule.eps, rule.momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        return F.batch_norm(
            x,
            first(self.running_mean, n),
            first(self.running_var, n),
            first(self.weight, n),
            first(self.bias, n),
            self.training,
            self.momentum,
            self.eps,
        )

    def weights(self, channels: int) -> dict[str, Tensor]:
        """Tensors of a plain batch norm over the first `channels`, as views."""
        return {
            "weight": self.weight[:channels],
            "bias": self.bias[:channels],
            "running_mean": self.running_mean[:channels],
            "running_var": self.running_var[:channels],
            "num_batches_tracked": torch.zeros((), dtype=torch.int64, device=self.weight.device),
        }

    @torch.no_grad()
    def permute(self, order: Tensor) -> None:
        """Put the channels into another order."""
        for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
            tensor.copy_(tensor[order])
