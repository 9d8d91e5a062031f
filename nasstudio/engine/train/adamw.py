"""Adam with decoupled weight decay (Loshchilov & Hutter 2019), bit for bit as torch computes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from nasstudio.engine.net.tensor_file import Tensors

BETA2, EPS = 0.999, 1e-8


class AdamW:
    """Takes steps along the gradients; a parameter without a gradient rests, its moments and its count of steps too.

    Parameters
    ----------
    parameters : by name.
    decayed : names of those that decay.
    momentum : beta 1.
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
        self._beta1, self._decay = momentum, weight_decay
        self._first = {name: torch.zeros_like(p) for name, p in self._parameters.items()}
        self._second = {name: torch.zeros_like(p) for name, p in self._parameters.items()}
        self._steps = {name: torch.zeros((), dtype=torch.int64) for name in self._parameters}

    def forget_gradients(self) -> None:
        """Before the gradients of a step are gathered."""
        for parameter in self._parameters.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step.

        With the moments m and v, their bias-corrected values m' and v', and p already decayed by (1 - rate decay):
        p = p - rate m' / (sqrt(v') + eps).
        """
        for name, parameter in self._parameters.items():
            if parameter.grad is None:
                continue
            gradient: Tensor = parameter.grad
            m, v, count = self._first[name], self._second[name], self._steps[name]
            count += 1
            t = int(count)
            if name in self._decayed and self._decay:
                parameter.mul_(1 - rate * self._decay)
            m.lerp_(gradient, 1 - self._beta1)
            v.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
            root = (v.sqrt() / (1 - BETA2**t) ** 0.5).add_(EPS)
            parameter.addcdiv_(m, root, value=-rate / (1 - self._beta1**t))

    def state(self) -> Tensors:
        """Moments and counts of steps, by kind and parameter."""
        kinds = {"first": self._first, "second": self._second, "steps": self._steps}
        return {f"{kind}.{name}": t for kind, held in kinds.items() for name, t in held.items()}
