"""How the batch norms of a space's networks compute.

It decides what a network answers and nothing of what it costs: so it belongs to a space, never to a layer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NormRule:
    """Constants of every batch norm of a network; the defaults are those of OFA's MobileNetV3 and ResNet50.

    Attributes
    ----------
    eps : added to the variance.
    momentum : share of the newest batch in the running statistics, 0 to 1.
    """

    eps: float = 1e-5
    momentum: float = 0.1
