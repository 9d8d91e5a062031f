"""Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013), as torch computes it.

Ours, because its state is then a plain table of tensors for the checkpoint, weights that a subnet does not use can
rest, and because torch's optimisers import its compiler, two seconds at the start of every job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


class Descent:
    """Takes steps along the gradients; a parameter without a gradient rests, its momentum too.

    Parameters
    ----------
    parameters : by name.
    decayed : names of those that decay.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        decayed: Iterable[str],
        *,
        momentum: float,
        weight_decay: float,
    ) -> None:
        self._parameters = dict(parameters)
        self._decayed = frozenset(decayed)
        self._factor, self._decay = momentum, weight_decay
        self.momentum = {name: torch.zeros_like(p) for name, p in self._parameters.items()}

    def forget_gradients(self) -> None:
        """Before the gradients of a step are gathered."""
        for parameter in self._parameters.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step. With d = g + decay p and v = momentum v + d: p = p - rate (d + momentum v)."""
        for name, parameter in self._parameters.items():
            if parameter.grad is None:
                continue
            change: Tensor = parameter.grad
            if name in self._decayed and self._decay:
                change = change.add(parameter, alpha=self._decay)
            velocity = self.momentum[name]
            velocity.mul_(self._factor).add_(change)
            change = change.add(velocity, alpha=self._factor)
            parameter.add_(change, alpha=-rate)
