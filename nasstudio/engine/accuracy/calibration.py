"""Batch-norm statistics of one subnet, measured anew.

The statistics that a supernet gathers while it trains are a mixture over all of its subnets and fit none (Cai et al.
2020; Yu & Huang 2019). A subnet is run over some training images in batches of nearly equal size; each norm's mean and
variance become the averages over these batches. It works on a network of its own, never on the supernet.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nasstudio.engine.net.convolution import overwriting

Norm = nn.BatchNorm1d | nn.BatchNorm2d


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Sequence[Tensor]) -> None:
    """Replace the running statistics of every batch norm, in place; leaves the network in eval mode.

    Parameters
    ----------
    batches : training images, each `(n, channels, px, px)` with n of at least 2.
    """
    norms = [module for module in network.modules() if isinstance(module, Norm)]
    usual = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over batches
        norm.train()
    with overwriting(network):
        for batch in batches:
            network(batch)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    network.eval()
