"""Dropout of what goes into a classifier, drawn from a key, so that a resumed step drops the same.

The masks do not depend on torch's global generator, on the device or on what ran before.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_DROP = 4  # purpose of the random stream


class Dropout:
    """Drops a share of a module's inputs.

    Parameters
    ----------
    module : takes `(n, features, ...)`.
    share : 0: nothing is dropped.

    Attributes
    ----------
    key : of the next forward pass; None: it drops nothing.
    """

    def __init__(self, module: nn.Module, share: float) -> None:
        self.key: tuple[int, ...] | None = None
        self._share = share
        if share > 0:
            module.register_forward_pre_hook(self._drop)

    def _drop(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if self.key is None or not module.training:
            return None
        (x,) = inputs
        drawn = np.random.default_rng((_DROP, *self.key)).random(x.shape[:2], dtype=np.float32)
        kept = torch.from_numpy(drawn >= self._share).to(x.device, x.dtype)
        kept = kept.view(*x.shape[:2], *[1] * (x.ndim - 2))
        return (x * kept / (1 - self._share),)
