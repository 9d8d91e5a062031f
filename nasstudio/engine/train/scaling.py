"""Loss scaling for half precision (Micikevicius et al. 2018): gradients must not vanish below its smallest number.

Losses are multiplied by a large number. A step whose gradients overflow is not taken and halves it; many good steps
in a row double it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from nasstudio.engine.net.tensor_file import Tensors

FIRST, GROWTH_STEPS = 2.0**16, 2000


class LossScale:
    """The factor, and how long it has held."""

    def __init__(self) -> None:
        self._factor = torch.tensor(FIRST)
        self._good = torch.zeros((), dtype=torch.int64)

    @property
    def factor(self) -> float:
        """By which losses are multiplied."""
        return float(self._factor)

    @property
    def exhausted(self) -> bool:
        """Whether gradients overflow without any scaling: the training has diverged."""
        return self.factor < 1

    @torch.no_grad()
    def unscale(self, gradients: Iterable[Tensor]) -> None:
        """Divide by the factor, in place."""
        for gradient in gradients:
            gradient.div_(self.factor)

    def judge(self, *, finite: bool) -> None:
        """After the gradients of a step: whether they were finite numbers."""
        if not finite:
            self._factor.div_(2)
            self._good.zero_()
            return
        self._good += 1
        if int(self._good) == GROWTH_STEPS:
            self._factor.mul_(2)
            self._good.zero_()

    def state(self) -> Tensors:
        """What the next step depends on. Not copies."""
        return {"factor": self._factor, "good": self._good}
