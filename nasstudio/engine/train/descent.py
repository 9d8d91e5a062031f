"""Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013), as torch computes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from nasstudio.engine.net.tensor_file import Tensors


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
        """One step. With d = g + decay p and v = momentum v + d: p = p - rate (d + momentum v).

        It works inside the gradients: fresh memory of their size would cost as much as the arithmetic.
        """
        for name, parameter in self._parameters.items():
            if parameter.grad is None:
                continue
            change: Tensor = parameter.grad
            if name in self._decayed and self._decay:
                change.add_(parameter, alpha=self._decay)
            velocity = self.momentum[name]
            velocity.mul_(self._factor).add_(change)
            parameter.add_(change.add_(velocity, alpha=self._factor), alpha=-rate)

    def state(self) -> Tensors:
        """The momentum of each parameter."""
        return {f"momentum.{name}": velocity for name, velocity in self.momentum.items()}
