"""Supernet: one network that holds every network of a space of inverted bottlenecks.

`activate` chooses a subnet, `forward` runs it at whatever resolution the images have, `extract` copies it out as a
plain network with the same outputs. Sub-networks share their weights: the first blocks of a stage, the first channels
of a stage and of a block, the transformed centre of a kernel (Cai et al. 2020, sec. 3.3). How it is trained is not its
business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nasstudio.engine.net.elastic.bottleneck import (
    ElasticBottleneck,
    ElasticPointwise,
)
from nasstudio.engine.net.elastic.head import ElasticInput
from nasstudio.engine.net.elastic.kernel import ElasticDepthwise
from nasstudio.engine.net.elastic.norm import ElasticNorm
from nasstudio.engine.net.elastic.order import falling_within
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.static import (
    Convolution,
    StaticNetwork,
    build_layer,
    initialise,
    set_norms,
)
from nasstudio.engine.space.mobilenet import STEM_LAYERS, MobileNetSpace
from nasstudio.engine.space.space import Block, Genome


@dataclass(frozen=True)
class Choice:
    """One elastic block as a subnet uses it: kernel size, middle channels, output channels."""

    index: int
    kernel: int
    middle: int
    channels: int


class Supernet(SharedNetwork):
    """All networks of a `MobileNetSpace` in one set of weights.

    Parameters
    ----------
    space : what it holds.
    generator : source of the fresh weights; None: a generator of seed 0.

    Attributes
    ----------
    stem, first : the fixed layers before the blocks.
    blocks : the elastic blocks, in the order of `MobileNetSpace.slots`.
    last, mix, classifier : the head; `mix` is None in a space without a feature mix.
    """

    def __init__(self, space: MobileNetSpace, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.space: MobileNetSpace = space
        full = space.blocks(space.largest())
        fixed = [build_layer(b.layer) for b in (*full[:STEM_LAYERS], *full[-space.head_layers :])]
        self.stem, self.first, self.last, *mix, self.classifier = fixed
        self.mix = mix[0] if mix else None
        if len(space.stage_channels[-1]) > 1:
            entry = self._entry
            assert isinstance(self.last, Convolution)
            self.last.conv.conv = ElasticInput(entry.in_channels, entry.out_channels)
        self.blocks = nn.ModuleList(self._elastic(full[STEM_LAYERS : -space.head_layers]))
        set_norms(self, space.norm_rule)
        self._initialise(generator or torch.Generator().manual_seed(0))
        self.to(memory_format=torch.channels_last)
        self._choices: tuple[Choice, ...] = ()
        self.activate(space.largest())

    def _elastic(self, blocks: list[Block]) -> Iterator[ElasticBottleneck]:
        for (s, b), block in zip(self.space.slots, blocks, strict=True):
            stage, layer = self.space.options.stages[s], block.layer
            yield ElasticBottleneck(
                self.space.inputs(s, b),
                self.space.stage_channels[s],
                layer.stride,
                stage.kernel,
                stage.expand,
                layer.act,
                se=layer.se,
                residual=layer.residual,
                norm_rule=self.space.norm_rule,
            )

    def _initialise(self, generator: torch.Generator) -> None:
        initialise(self, generator)
        for module in self.modules():
            if isinstance(module, ElasticPointwise | ElasticDepthwise):
                module.initialise(generator)

    @property
    def _entry(self) -> nn.Conv2d:
        """The convolution of the head that reads the last stage."""
        assert isinstance(self.last, Convolution)
        return self.last.conv.conv

    # -- subnets ------------------------------------------------------------------------------------------------

    def activate(self, genome: Genome) -> None:
        self._choices = tuple(self._chosen(self.layers(genome)))

    def _chosen(self, layers: list[Block]) -> Iterator[Choice]:
        for block in layers[STEM_LAYERS : -self.space.head_layers]:
            layer = block.layer
            yield Choice(
                block.position - STEM_LAYERS, layer.kernel, layer.middle, layer.channels_out
            )

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.stem(x))
        for choice in self._choices:
            x = self.blocks[choice.index](x, choice.kernel, choice.middle, choice.channels)
        x = self.last(x)
        if self.mix is not None:
            x = self.mix(x)
        logits: Tensor = self.classifier(x)
        return logits

    def extract(self, genome: Genome) -> StaticNetwork:
        layers = self.layers(genome)
        with torch.device("meta"):
            network = StaticNetwork(
                [block.layer for block in layers], norm_rule=self.space.norm_rule
            )
        copies = {
            f"layers.{place}.{name}": tensor.detach().clone().contiguous()
            for place, held in enumerate(self._weights(layers))
            for name, tensor in held.items()
        }
        network.load_state_dict(copies, strict=True, assign=True)
        network.requires_grad_(True)
        network.to(memory_format=torch.channels_last)
        return network.train(self.training)

    def _weights(self, layers: list[Block]) -> Iterator[Mapping[str, Tensor]]:
        """Tensors of the plain module of each layer of a subnet, by its names; views where they can be."""
        inside = layers[STEM_LAYERS : -self.space.head_layers]
        yield self.stem.state_dict()
        yield self.first.state_dict()
        for block, choice in zip(inside, self._chosen(layers), strict=True):
            elastic = self._block(choice.index)
            yield elastic.weights(
                choice.kernel, choice.middle, block.layer.channels_in, choice.channels
            )
        read = inside[-1].layer.channels_out
        yield self.last.state_dict() | {"conv.conv.weight": self._entry.weight[:, :read]}
        if self.mix is not None:
            yield self.mix.state_dict()
        yield self.classifier.state_dict()

    def _block(self, index: int) -> ElasticBottleneck:
        block = self.blocks[index]
        assert isinstance(block, ElasticBottleneck)
        return block

    # -- training -----------------------------------------------------------------------------------------------

    def reorganise(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Most important channels first, before smaller widths are opened; the largest network stays what it is.

        A channel of a block's middle counts what its projection reads of it (OFA); one of a stage's residual stream
        counts what everything behind reads of it: the stage's later blocks and the first layer of what follows.
        Nothing crosses the border of a width that is trained already, so that no subnet trained so far changes.
        """
        wider = self._opens("width", before, now)
        if wider:
            for stage in range(len(self.space.options.stages)):
                self._sort_stage(stage, before)
        if wider or self._opens("expand", before, now):
            for index in range(len(self.blocks)):
                self._block(index).sort_middle(*self._trained(index, before))

    def _opens(self, kind: str, before: Mapping[str, int], now: Mapping[str, int]) -> bool:
        """Whether some gene of a kind has more options open than before."""
        options = [len(gene) for gene in self.space.genes if gene.kind == kind]
        return any(min(now.get(kind, n), n) > min(before.get(kind, n), n) for n in options)

    def _trained(self, index: int, before: Mapping[str, int]) -> tuple[int, int]:
        """How many of a block's largest input widths and expand ratios were open."""
        block = self._block(index)
        inputs, ratios = len(block.inputs), len(block.ratios)
        return before.get("width", inputs), before.get("expand", ratios)

    def _sort_stage(self, stage: int, before: Mapping[str, int]) -> None:
        """Put the channels of a stage's residual stream in order, everywhere they are written and read."""
        widths = self.space.stage_channels[stage]
        if len(widths) == 1:
            return
        slots = self.space.slots
        readers = [
            i for i, (s, b) in enumerate(slots) if (s, min(b, 1)) in ((stage, 1), (stage + 1, 0))
        ]
        ends = stage == len(self.space.options.stages) - 1
        borders = set(widths[-before.get("width", len(widths)) :])
        importance = self._read_by_head() if ends else torch.zeros(())
        for index in readers:
            block, trained = self._block(index), self._trained(index, before)
            # Where a trained subnet takes the stream for its middle, the middle's borders are the stream's too.
            borders |= {m for m in block.middles(*trained) if m < block.direct(*trained)}
            importance = importance + block.importance_in()
        order = falling_within(importance, sorted(borders))
        for index, (s, _) in enumerate(slots):
            if s == stage:
                self._block(index).permute_output(order)
        for index in readers:
            block = self._block(index)
            block.permute_input(order, block.direct(*self._trained(index, before)))
        if ends:
            with torch.no_grad():
                self._entry.weight.copy_(self._entry.weight[:, order])

    def _read_by_head(self) -> Tensor:
        """L1 norm of the weights of the head that read each channel of the last stage. `(channels,)`."""
        return self._entry.weight.detach().abs().sum(dim=(0, 2, 3))

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
