"""What the training loop asks of an optimiser, and which there are.

Both are ours, because their state is then a plain table of tensors for the checkpoint, weights that a subnet does not
use can rest, and because torch's optimisers import its compiler, two seconds at the start of every job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from torch import nn

from nasstudio.engine.net.tensor_file import Tensors
from nasstudio.engine.train.adamw import AdamW
from nasstudio.engine.train.descent import Descent

Rule = Literal["sgd", "adamw"]


class Optimiser(Protocol):
    """Takes steps along the gradients; a parameter without a gradient rests, and its state too."""

    def forget_gradients(self) -> None:
        """Before the gradients of a step are gathered."""

    def step(self, rate: float) -> None:
        """One step. The gradients are used up by it."""

    def state(self) -> Tensors:
        """Every tensor that the next step depends on, beside the parameters. Not copies."""


def optimiser(
    rule: Rule,
    parameters: Mapping[str, nn.Parameter],
    decayed: Iterable[str],
    *,
    momentum: float,
    weight_decay: float,
) -> Optimiser:
    """A fresh optimiser; the arguments are those of `Descent` and `AdamW`."""
    if rule == "adamw":
        return AdamW(parameters, decayed, momentum=momentum, weight_decay=weight_decay)
    return Descent(parameters, decayed, momentum=momentum, weight_decay=weight_decay)
