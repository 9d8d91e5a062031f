"""Orders of channels, the most important first: narrower subnets keep what matters (Cai et al. 2020, sec. 3.3)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor


def falling_within(importance: Tensor, borders: list[int]) -> Tensor:
    """An order of channels: falling importance from each border to the next; equal ones stay as they are.

    Parameters
    ----------
    importance : `(channels,)`.
    borders : rising, the last one the number of channels.
    """
    parts = [
        low + importance[low:high].argsort(descending=True, stable=True)
        for low, high in pairwise([0, *borders])
    ]
    return torch.cat(parts)
