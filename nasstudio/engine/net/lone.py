"""One network of a space with weights of its own, behind the interface of a supernet.

So a network that is trained alone goes through the very loop that trains a supernet: recipe, checkpoints and exact
resumption are the same by construction. It is a plain network of its shape and as fast as one; its depthwise
convolutions take the supernet's quick weight gradient, so that neither route has the better kernels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.convolution import ConvNormAct
from nasstudio.engine.net.elastic.depthwise import depthwise
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.static import StaticNetwork, initialise
from nasstudio.engine.space.space import Block, Genome, SearchSpace


class LoneNetwork(SharedNetwork):
    """A network of a space, alone: a supernet with one subnet.

    Parameters
    ----------
    space, genome : which network.
    generator : source of the fresh weights, drawn by the rule of a supernet's; None: a generator of seed 0.
    weights : state of a plain network of this shape to begin with, e.g. of a supernet's subnet; None: fresh weights.
    """

    def __init__(
        self,
        space: SearchSpace,
        genome: Genome,
        generator: torch.Generator | None = None,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.space = space
        self.genome = space.checked(genome)[0]
        self.network = self._plain()
        if weights is None:
            initialise(self.network, generator or torch.Generator().manual_seed(0))
        else:
            self.network.load_state_dict(dict(weights), strict=True)
        _quicken(self.network)
        self.to(memory_format=torch.channels_last)

    def _plain(self) -> StaticNetwork:
        layers = [block.layer for block in self.space.blocks(self.genome)]
        return StaticNetwork(layers, norm_rule=self.space.norm_rule)

    @property
    def classifier(self) -> nn.Module:  # type: ignore[override]  # a second name, not a second entry of the state
        """The last layer."""
        return self.network.layers[-1]

    def activate(self, genome: Genome) -> None:
        """Raise `InvalidInput` if another network is meant; there is nothing to choose."""
        self.layers(genome)

    def layers(self, genome: Genome) -> list[Block]:
        wanted = self.space.checked(genome)[0]
        if not np.array_equal(wanted, self.genome):
            raise InvalidInput(
                f"This is the network {self.space.identity(self.genome)} alone, "
                f"not {self.space.identity(wanted)}.",
                where=f"space {self.space.name}",
                remedy="Ask the supernet, or train that network.",
            )
        return self.space.blocks(self.genome)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits

    def extract(self, genome: Genome) -> StaticNetwork:
        self.activate(genome)
        with torch.device("meta"):
            network = self._plain()
        copies = {
            name: tensor.detach().clone().contiguous()
            for name, tensor in self.network.state_dict().items()
        }
        network.load_state_dict(copies, strict=True, assign=True)
        network.requires_grad_(True)
        network.to(memory_format=torch.channels_last)
        return network.train(self.training)

    def reorganise(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Nothing: no smaller width is ever opened."""

    def decayed(self) -> list[str]:
        """Weights of convolutions and of the classifier."""
        return [
            f"{place}.weight"
            for place, module in self.named_modules()
            if isinstance(module, nn.Conv2d | nn.Linear)
        ]


class _Depthwise(nn.Conv2d):
    """A depthwise convolution with the quick weight gradient; its outputs are those of `nn.Conv2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return depthwise(x, self.weight, self.stride[0])


def _quicken(network: StaticNetwork) -> None:
    """Give every depthwise convolution the quick weight gradient; weights and outputs stay."""
    for module in network.modules():
        conv = module.conv if isinstance(module, ConvNormAct) else None
        if conv is None or conv.bias is not None or not 1 < conv.in_channels == conv.groups:
            continue
        quick = _Depthwise(
            conv.in_channels,
            conv.out_channels,
            int(conv.kernel_size[0]),
            int(conv.stride[0]),
            int(conv.padding[0]),
            groups=conv.groups,
            bias=False,
        )
        quick.weight = conv.weight
        module.conv = quick
