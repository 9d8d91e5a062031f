"""Gradients and running statistics of a step whose images are learnt in several micro-batches.

The gradient of the step is the sum of the micro-batches' gradients (their losses are divided by how many there are).
Each micro-batch moves the batch norms' running statistics from where the step began; afterwards they are the mean of
where these moves ended. So it makes no difference whether one process takes the micro-batches one after the other or
several take them side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.train.distributed import Ranks


class Gathering:
    """Gathers the micro-batches of one step after the other.

    Parameters
    ----------
    parts : micro-batches a step, all processes together.

    Attributes
    ----------
    mine : the numbers of those that this process takes.

    Raises
    ------
    InvalidInput
        They can't be shared out evenly.
    """

    def __init__(self, network: nn.Module, parts: int, ranks: Ranks) -> None:
        if parts % ranks.world:
            raise InvalidInput(
                f"{parts} micro-batches a step can't be shared out to {ranks.world} processes.",
                where="torchrun",
                remedy="Set `accumulate` to a multiple of the number of processes: "
                f"`nasstudio train --accumulate {ranks.world}`.",
            )
        self.parts, self._ranks = parts, ranks
        own = parts // ranks.world
        self.mine = range(ranks.rank * own, (ranks.rank + 1) * own)
        self._network = network
        self._start: list[Tensor] = []
        self._gradients: dict[nn.Parameter, Tensor] = {}
        self._statistics: list[Tensor] = []

    def begin(self) -> None:
        """Before the first micro-batch; there are no gradients."""
        self._gradients = {}
        self._statistics = []
        if len(self.mine) > 1:
            self._start = [buffer.clone() for buffer in self._network.buffers()]

    @torch.no_grad()
    def add(self, part: int) -> None:
        """After the backward passes of one micro-batch."""
        if len(self.mine) == 1:
            return
        for parameter in self._network.parameters():
            if parameter.grad is None:
                continue
            if parameter in self._gradients:
                self._gradients[parameter].add_(parameter.grad)
            else:
                self._gradients[parameter] = parameter.grad
            parameter.grad = None
        if self._statistics:
            for total, now in zip(self._statistics, self._averaged(), strict=True):
                total.add_(now)
        else:
            self._statistics = [now.clone() for now in self._averaged()]
        if part != self.mine[-1]:
            for buffer, start in zip(self._network.buffers(), self._start, strict=True):
                buffer.copy_(start)

    @torch.no_grad()
    def finish(self, losses: Tensor) -> None:
        """After the last micro-batch: parameters have the step's gradients, norms their statistics.

        Parameters
        ----------
        losses : summed over this process's micro-batches, each divided by `parts`; then over all of them.
        """
        if self.parts == 1:
            return
        if len(self.mine) > 1:
            for parameter, gradient in self._gradients.items():
                parameter.grad = gradient
            for now, total in zip(self._averaged(), self._statistics, strict=True):
                now.copy_(total)
        gradients = [p.grad for p in self._network.parameters() if p.grad is not None]
        self._ranks.sum([*gradients, *self._averaged(), losses])
        for now in self._averaged():
            now.div_(self.parts)

    def _averaged(self) -> list[Tensor]:
        return [buffer for buffer in self._network.buffers() if buffer.is_floating_point()]
