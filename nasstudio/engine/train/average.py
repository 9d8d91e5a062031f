"""Exponential moving average of a supernet while it trains.

Everything with a fraction is averaged, the batch norms' running statistics too: subnets get statistics of their own
before they are judged, but the full network that becomes the teacher keeps these, and they must be those of the
weights they stand beside.

An average belongs to one phase. It is what is evaluated and saved, so the next phase goes on from it: what a
phase starts from is the file that the phase before left, whether it follows at once or in another run.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from nasstudio.engine.net.shared import SharedNetwork


class Average:
    """The averaged supernet.

    Parameters
    ----------
    decay : of the average, below 1; in the first steps of a phase less, see `update`.

    Attributes
    ----------
    supernet : for evaluation and saving; it is never trained.
    """

    def __init__(self, supernet: SharedNetwork, decay: float) -> None:
        self.supernet = copy.deepcopy(supernet, {id(supernet.space): supernet.space})
        self.supernet.requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def restart(self, supernet: SharedNetwork) -> None:
        """Begin anew from a supernet."""
        for mean, now in zip(_tensors(self.supernet), _tensors(supernet), strict=True):
            mean.copy_(now)

    @torch.no_grad()
    def adopt(self, supernet: SharedNetwork) -> None:
        """Make the average the supernet's weights."""
        for mean, now in zip(_tensors(self.supernet), _tensors(supernet), strict=True):
            now.copy_(mean)

    @torch.no_grad()
    def update(self, supernet: SharedNetwork, t: int) -> None:
        """After step `t` of a phase: average = d average + (1 - d) supernet, d = min(decay, (1 + t) / (10 + t)).

        The rising decay (TensorFlow's and timm's warm-up) keeps a short phase from dragging its start along.
        """
        share = 1 - min(self._decay, (1 + t) / (10 + t))
        means, nows = _tensors(self.supernet), _tensors(supernet)
        fractions = [mean.is_floating_point() for mean in means]
        torch._foreach_lerp_(  # one call: half the time of a loop over small tensors
            [mean for mean, f in zip(means, fractions, strict=True) if f],
            [now for now, f in zip(nows, fractions, strict=True) if f],
            share,
        )
        for mean, now, f in zip(means, nows, fractions, strict=True):
            if not f:
                mean.copy_(now)


def _tensors(supernet: SharedNetwork) -> list[Tensor]:
    return [*supernet.parameters(), *supernet.buffers()]
