"""ResnetSupernet: one network that holds every network of a ResNet space.

Sub-networks share their weights: the first blocks of a stage and the first channels of every layer (Cai et al. 2020,
sec. 3.3; OFA: ``OFAResNets``). All blocks of a stage add up, so they share the order of their output channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.elastic.classifier import ElasticClassifier
from nasstudio.engine.net.elastic.order import falling_within
from nasstudio.engine.net.elastic.residual import ElasticConvolution, ElasticResidual
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.static import StaticNetwork
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import Block, Genome


@dataclass(frozen=True)
class _Joint:
    """Channels that several layers write and read in one order.

    Attributes
    ----------
    widths : of subnets, one an option of its gene, rising.
    """

    widths: tuple[int, ...]
    writers: tuple[ElasticConvolution, ...]
    readers: tuple[ElasticConvolution | ElasticClassifier, ...]


class ResnetSupernet(SharedNetwork):
    """All networks of a ResNet space in one set of weights.

    Parameters
    ----------
    space : what it holds.
    generator : source of the fresh weights; None: a generator of seed 0.

    Attributes
    ----------
    stem : its convolutions.
    blocks : the bottlenecks of all stages, in order.
    classifier : behind the mean over the image.
    """

    space: ResNetSpace
    classifier: ElasticClassifier

    def __init__(self, space: ResNetSpace, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.space = space
        full = {block.position: block.layer for block in space.blocks(space.largest())}
        stem = [layer for layer in full.values() if layer.kind == "conv"]
        self.stem = nn.ModuleList(_stem_convolution(layer) for layer in stem)
        blocks = [layer for layer in full.values() if layer.kind == "bottleneck"]
        self.blocks = nn.ModuleList(_elastic(layer) for layer in blocks)
        self.classifier = ElasticClassifier(blocks[-1].channels_out, space.options.classes)
        self._first_block = len(stem) + int(space.options.stem_pool)
        generator = generator or torch.Generator().manual_seed(0)
        for module in self.modules():
            if isinstance(module, ElasticConvolution | ElasticClassifier):
                module.initialise(generator)
        self.to(memory_format=torch.channels_last)
        self._active: list[Block] = []
        self.activate(space.largest())

    # -- subnets ------------------------------------------------------------------------------------------------

    def activate(self, genome: Genome) -> None:
        self._active = self.layers(genome)

    def forward(self, x: Tensor) -> Tensor:
        for block in self._active:
            layer = block.layer
            if layer.kind == "conv":
                y = self.stem[block.position](x, layer.channels_out)
                x = y + x if layer.residual else y
            elif layer.kind == "maxpool":
                x = F.max_pool2d(x, 3, 2, 1)
            elif layer.kind == "bottleneck":
                x = self.blocks[block.position - self._first_block](
                    x, layer.middle, layer.channels_out
                )
        logits: Tensor = self.classifier(x)
        return logits

    def extract(self, genome: Genome) -> StaticNetwork:
        layers = self.layers(genome)
        with torch.device("meta"):
            network = StaticNetwork([block.layer for block in layers])
        copies = {
            f"layers.{place}.{name}": tensor.detach().clone().contiguous()
            for place, block in enumerate(layers)
            for name, tensor in self._weights(block).items()
        }
        network.load_state_dict(copies, strict=True, assign=True)
        network.requires_grad_(True)
        network.to(memory_format=torch.channels_last)
        return network.train(self.training)

    def _weights(self, block: Block) -> dict[str, Tensor]:
        """Tensors of the plain module of one layer, by its names; views."""
        layer = block.layer
        if layer.kind == "conv":
            conv = self.stem[block.position]
            assert isinstance(conv, ElasticConvolution)
            held = conv.weights(layer.channels_in, layer.channels_out)
            return {f"conv.{name}": tensor for name, tensor in held.items()}
        if layer.kind == "bottleneck":
            residual = self.blocks[block.position - self._first_block]
            assert isinstance(residual, ElasticResidual)
            return residual.weights(layer.channels_in, layer.middle, layer.channels_out)
        return self.classifier.weights(layer.channels_in) if layer.kind == "linear" else {}

    # -- training -----------------------------------------------------------------------------------------------

    def reorganise(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        wider = self._opens("width", before, now)
        if wider:
            for joint in self._joints():
                _sort(joint, before.get("width", len(joint.widths)))
        if wider or self._opens("expand", before, now):
            for block, middles in self._middles(before):
                block.sort_middle(middles)

    def _opens(self, kind: str, before: Mapping[str, int], now: Mapping[str, int]) -> bool:
        """Whether some gene of a kind has more options than before."""
        options = [len(gene) for gene in self.space.genes if gene.kind == kind]
        return any(min(now.get(kind, n), n) > min(before.get(kind, n), n) for n in options)

    def _joints(self) -> Iterator[_Joint]:
        """Every place where the width of subnets differs, in the order of the network."""
        first, *again, last = (_convolution(module) for module in self.stem)
        stages = list(self._stages())
        inner, outer = self.space.stem_inner, self.space.stem_outer
        yield _Joint(inner, (first, *again), (*again, last))
        yield _Joint(outer, (last,), _entries(stages[0][0]))
        for stage, widths in enumerate(self.space.stage_channels):
            blocks = stages[stage]
            last_stage = stage + 1 == len(stages)
            behind = () if last_stage else _entries(stages[stage + 1][0])
            read_by_head = (self.classifier,) if last_stage else ()
            inside = [conv for block in blocks[1:] for conv in _entries(block)]
            ends = [conv for block in blocks for conv in (block.widen, block.shortcut) if conv]
            yield _Joint(widths, tuple(ends), (*inside, *behind, *read_by_head))

    def _stages(self) -> Iterator[list[ElasticResidual]]:
        """The blocks of each stage."""
        begin = 0
        for stage in self.space.options.stages:
            blocks = list(self.blocks)[begin : begin + max(stage.depth)]
            yield [block for block in blocks if isinstance(block, ElasticResidual)]
            begin += max(stage.depth)

    def _middles(self, before: Mapping[str, int]) -> Iterator[tuple[ElasticResidual, list[int]]]:
        """Every block with the middle widths that are trained already, rising."""
        for number, (stage, blocks) in enumerate(
            zip(self.space.options.stages, self._stages(), strict=True)
        ):
            widths, expands = len(stage.width), len(stage.expand)
            trained = {
                middle
                for width in range(widths)[-before.get("width", widths) :]
                for middle in self.space.middles(number, width)[-before.get("expand", expands) :]
            }
            for block in blocks:
                yield block, sorted(trained)

    def decayed(self) -> list[str]:
        """Names of the parameters that weight decay acts on: weights of convolutions and of the classifier (OFA)."""
        return [
            f"{place}.weight"
            for place, module in self.named_modules()
            if isinstance(module, ElasticConvolution | ElasticClassifier)
        ]


def _stem_convolution(layer: LayerSpec) -> ElasticConvolution:
    return ElasticConvolution(
        layer.channels_in,
        layer.channels_out,
        kernel=layer.kernel,
        stride=layer.stride,
        act=layer.act,
    )


def _elastic(layer: LayerSpec) -> ElasticResidual:
    return ElasticResidual(
        layer.channels_in,
        layer.middle,
        layer.channels_out,
        kernel=layer.kernel,
        stride=layer.stride,
        act=layer.act,
        projected=not layer.residual,
    )


def _convolution(module: nn.Module) -> ElasticConvolution:
    assert isinstance(module, ElasticConvolution)
    return module


def _entries(block: ElasticResidual) -> tuple[ElasticConvolution, ...]:
    """What reads a block's input."""
    return (block.narrow,) if block.shortcut is None else (block.narrow, block.shortcut)


def _sort(joint: _Joint, trained: int) -> None:
    """Most important channels first, by all weights that read them, inside the borders of the trained widths.

    Parameters
    ----------
    trained : how many of the largest widths subnets were trained with so far.
    """
    importance = torch.stack([reader.importance_in() for reader in joint.readers]).sum(dim=0)
    order = falling_within(importance, sorted(set(joint.widths[-trained:])))
    for writer in joint.writers:
        writer.permute(None, order)
    for reader in joint.readers:
        reader.permute(order, None)
