"""Supernet: one network that holds every network of a space.

`activate` chooses a subnet, `forward` runs it at whatever resolution the images have, `extract` copies it out as a
plain network with the same outputs. Sub-networks share their weights: the first blocks of a stage, the first channels
of a block, the transformed centre of a kernel (Cai et al. 2020, sec. 3.3). How it is trained is not its business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nasstudio.engine.net.elastic.bottleneck import (
    ElasticBottleneck,
    ElasticPointwise,
)
from nasstudio.engine.net.elastic.kernel import ElasticDepthwise
from nasstudio.engine.net.elastic.norm import ElasticNorm
from nasstudio.engine.net.static import StaticNetwork, build_layer, initialise
from nasstudio.engine.space.layer import LayerSpec, expanded
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import Block, Genome

_HEAD, _TAIL = 2, 3  # fixed layers of the space before and behind the elastic blocks


@dataclass(frozen=True)
class Choice:
    """One elastic block as a subnet uses it."""

    index: int
    kernel: int
    middle: int


class Supernet(nn.Module):
    """All networks of a MobileNetV3-style space in one set of weights.

    Parameters
    ----------
    space : what it holds.
    generator : source of the fresh weights; None: a generator of seed 0.
    """

    def __init__(self, space: MobileNetSpace, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.space = space
        full = space.blocks(space.largest())
        fixed = [build_layer(block.layer) for block in (*full[:_HEAD], *full[-_TAIL:])]
        self.stem, self.first, self.last, self.mix, self.classifier = fixed
        self.blocks = nn.ModuleList(self._elastic(full[_HEAD:-_TAIL]))
        self._initialise(generator or torch.Generator().manual_seed(0))
        self.to(memory_format=torch.channels_last)
        self._choices: tuple[Choice, ...] = ()
        self.activate(space.largest())

    def _elastic(self, blocks: list[Block]) -> Iterator[ElasticBottleneck]:
        place = {"": 0}
        for block in blocks:
            place[block.stage] = place.get(block.stage, 0) + 1
            gene = f"stage{block.stage}.block{place[block.stage]}"
            kernels = self.space.genes[self.space.column(f"{gene}.kernel")].options
            ratios = self.space.genes[self.space.column(f"{gene}.expand")].options
            layer = block.layer
            yield ElasticBottleneck(
                layer.channels_in,
                layer.channels_out,
                layer.stride,
                tuple(int(size) for size in kernels),
                tuple(expanded(layer.channels_in, ratio) for ratio in ratios),
                layer.act,
                se=layer.se,
                residual=layer.residual,
            )

    def _initialise(self, generator: torch.Generator) -> None:
        initialise(self, generator)
        for module in self.modules():
            if isinstance(module, ElasticPointwise | ElasticDepthwise):
                module.initialise(generator)

    # -- subnets ------------------------------------------------------------------------------------------------

    def activate(self, genome: Genome) -> None:
        """Choose the subnet that `forward` runs.

        Raises
        ------
        InvalidInput
            The genome is not one of the space.
        """
        self._choices = tuple(self._chosen(self.layers(genome)))

    def layers(self, genome: Genome) -> list[Block]:
        """The layers of a subnet, from input to output."""
        return self.space.blocks(self.space.checked(genome)[0])

    def _chosen(self, layers: list[Block]) -> Iterator[Choice]:
        for block in layers[_HEAD:-_TAIL]:
            yield Choice(block.position - _HEAD, block.layer.kernel, block.layer.middle)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the active subnet. `(n, channels, px, px)` to `(n, classes)`."""
        x = self.first(self.stem(x))
        for choice in self._choices:
            x = self.blocks[choice.index](x, choice.kernel, choice.middle)
        logits: Tensor = self.classifier(self.mix(self.last(x)))
        return logits

    def extract(self, genome: Genome) -> StaticNetwork:
        """A subnet as a plain network with copied weights, in the mode (training or not) of the supernet.

        Its batch norms hold the shared running statistics; see `nasstudio.engine.accuracy.calibration`.
        """
        layers = self.layers(genome)
        specs: list[LayerSpec] = [block.layer for block in layers]
        with torch.device("meta"):
            network = StaticNetwork(specs)
        held: dict[str, Tensor] = {}
        modules: list[nn.Module] = [self.stem, self.first, self.last, self.mix, self.classifier]
        places = [0, 1, *range(len(layers) - _TAIL, len(layers))]
        for place, module in zip(places, modules, strict=True):
            held |= {f"layers.{place}.{k}": v for k, v in module.state_dict().items()}
        for place, choice in enumerate(self._chosen(layers), start=_HEAD):
            block = self.blocks[choice.index]
            assert isinstance(block, ElasticBottleneck)
            weights = block.weights(choice.kernel, choice.middle)
            held |= {f"layers.{place}.{k}": v for k, v in weights.items()}
        copies = {name: tensor.detach().clone().contiguous() for name, tensor in held.items()}
        network.load_state_dict(copies, strict=True, assign=True)
        network.requires_grad_(True)
        network.to(memory_format=torch.channels_last)
        return network.train(self.training)

    # -- training -----------------------------------------------------------------------------------------------

    def sort_channels(self, trained: int) -> None:
        """Most important channels first, in every block (see `ElasticBottleneck.sort_middle`).

        Parameters
        ----------
        trained : how many of the largest expand ratios subnets were trained with so far, at least 1.
        """
        for block in self.blocks:
            assert isinstance(block, ElasticBottleneck)
            block.sort_middle(trained)

    def decayed(self) -> list[str]:
        """Names of the parameters that weight decay acts on: weights of convolutions and of the classifier.

        Norms and biases are exempt as in OFA; the kernel matrices too, since decay pulls the identity to zero.
        """
        norms = ElasticNorm | nn.BatchNorm2d | nn.BatchNorm1d
        return [
            f"{place}.weight"
            for place, module in self.named_modules()
            if "weight" in dict(module.named_parameters(recurse=False))
            and not isinstance(module, norms)
        ]
