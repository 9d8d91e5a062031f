"""What every supernet does, whatever it is made of: the interface that training and evaluation rely on.

A supernet is one network that holds every network of a space, their weights shared (Cai et al. 2020). Which class holds
which space is said in `nasstudio.engine.net.families`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from nasstudio.engine.net.static import StaticNetwork
from nasstudio.engine.space.space import Block, Genome, SearchSpace


class SharedNetwork(nn.Module, ABC):
    """All networks of a space in one set of weights.

    Its state is its `state_dict`; which subnet is active is no part of it.

    Attributes
    ----------
    space : what it holds.
    classifier : the layer that gives the logits. It takes `(n, features, ...)`; its features may be dropped out.
    """

    space: SearchSpace
    classifier: nn.Module

    @abstractmethod
    def activate(self, genome: Genome) -> None:
        """Choose the subnet that `forward` runs.

        Raises
        ------
        InvalidInput
            The genome is not one of the space.
        """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Logits of the active subnet. `(n, channels, px, px)` to `(n, classes)`."""

    def layers(self, genome: Genome) -> list[Block]:
        """The layers of a subnet, from input to output."""
        return self.space.blocks(self.space.checked(genome)[0])

    @abstractmethod
    def extract(self, genome: Genome) -> StaticNetwork:
        """A subnet as a plain network with copied weights, in the mode (training or not) of the supernet.

        Its batch norms hold the shared running statistics; see `nasstudio.engine.accuracy.calibration`.
        """

    @abstractmethod
    def reorganise(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Most important channels first, before smaller widths are opened; the largest network stays what it is.

        Nothing crosses the border of a width that is trained already, so that no subnet trained so far changes.

        Parameters
        ----------
        before, now : gene kind -> how many of its largest options were, and will be, open. A kind that is not named is
            open entirely.
        """

    @abstractmethod
    def decayed(self) -> list[str]:
        """Names of the parameters that weight decay acts on."""
