"""The original's ResNet50: its names, its architectures, and what these cost (numbers taken from the `ofa` package)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.cost.counts import macs, params
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.net.published.resnet import genome_of
from nasstudio.engine.net.published.supernet import published_supernet
from nasstudio.engine.net.resnet_supernet import ResnetSupernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import SpaceDocument

SPACE = build(preset("ofa_resnet50"))
TINY = SpaceDocument(
    "resnet",
    "tiny",
    "Tiny",
    {
        "resolution": [32],
        "stages": [
            {"channels": 32, "stride": 1, "depth": [1, 2], "expand": [0.25, 0.5], "width": [0.5, 1]},
            {"channels": 48, "stride": 2, "depth": [1], "expand": [0.25, 0.5], "width": [0.5, 1]},
        ],
        "stem": 32,
        "stem_width": [0.5, 1],
        "classes": 7,
    },
)  # fmt: skip


def original_tensors(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """What ``OFAResNets`` of that shape has in its state dict: six tensors a layer, and the classifier.

    Elastic layers hold ``conv`` and ``bn`` a level deeper than plain ones; the middle of the stem is the ``conv`` of a
    residual block.
    """
    layers = {
        "input_stem.0": (16, 3, 3),
        "input_stem.1.conv": (16, 16, 3),
        "input_stem.2": (32, 16, 3),
        "blocks.0.conv1": (16, 32, 1),
        "blocks.0.conv2": (16, 16, 3),
        "blocks.0.conv3": (32, 16, 1),
        "blocks.0.downsample": (32, 32, 1),
        "blocks.1.conv1": (16, 32, 1),
        "blocks.1.conv2": (16, 16, 3),
        "blocks.1.conv3": (32, 16, 1),
        "blocks.2.conv1": (24, 32, 1),
        "blocks.2.conv2": (24, 24, 3),
        "blocks.2.conv3": (48, 24, 1),
        "blocks.2.downsample": (48, 32, 1),
    }
    found = {}
    for name, (out, inside, kernel) in layers.items():
        found[f"{name}.conv.conv.weight"] = torch.randn(
            out, inside, kernel, kernel, generator=generator
        )
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.bn.bn.{leaf}"] = torch.rand(out, generator=generator)
        found[f"{name}.bn.bn.num_batches_tracked"] = torch.tensor(5)
    found["classifier.linear.linear.weight"] = torch.randn(7, 48, generator=generator)
    found["classifier.linear.linear.bias"] = torch.randn(7, generator=generator)
    return found


def test_that_every_tensor_finds_its_place_in_both_spellings() -> None:
    tensors = original_tensors(torch.Generator().manual_seed(0))
    plain = {
        re.sub(r"\.(conv|bn|linear)\.\1\.", r".\1.", name): tensor
        for name, tensor in tensors.items()
    }
    assert plain.keys().isdisjoint(tensors)
    for spelled in (tensors, plain):
        supernet, about = published_supernet(spelled, Path("file"), TINY)
        assert isinstance(supernet, ResnetSupernet)
        assert about.space == TINY
        own = supernet.state_dict()
        assert len(own) == 14 * 5 + 2
        places = {
            "stem.1.weight": "input_stem.1.conv.conv.conv.weight",
            "stem.2.norm.running_var": "input_stem.2.bn.bn.running_var",
            "blocks.0.shortcut.norm.bias": "blocks.0.downsample.bn.bn.bias",
            "blocks.1.narrow.weight": "blocks.1.conv1.conv.conv.weight",
            "blocks.1.spatial.norm.weight": "blocks.1.conv2.bn.bn.weight",
            "blocks.2.widen.weight": "blocks.2.conv3.conv.conv.weight",
            "classifier.weight": "classifier.linear.linear.weight",
        }
        for ours, theirs in places.items():
            assert torch.equal(own[ours], tensors[theirs])


@pytest.mark.parametrize("name", ["input_stem.1.conv.bn.bn.bias", "blocks.2.downsample.conv.conv.weight"])  # fmt: skip
def test_that_a_missing_tensor_is_named(name: str) -> None:
    tensors = original_tensors(torch.Generator().manual_seed(0))
    del tensors[name]
    with pytest.raises(CorruptFile, match=re.escape(name.rsplit(".", 3)[0])):
        published_supernet(tensors, Path("file"), TINY)


# Architectures that the original drew or that bound its space, and its own counts at that resolution. Its counter adds
# up in float32, so that the last digits are lost.
COUNTED = [
    ([2] * 5, [0.35] * 18, [2] * 6, 224, 7491642368, 48105992),
    ([0] * 5, [0.2] * 18, [0] * 6, 224, 962192128, 6539280),
    (
        [0, 2, 2, 2, 0],
        [
            0.25,
            0.25,
            0.2,
            0.25,
            0.35,
            0.25,
            0.25,
            0.25,
            0.25,
            0.25,
            0.35,
            0.2,
            0.35,
            0.2,
            0.25,
            0.2,
            0.2,
            0.35,
        ],
        [1, 0, 2, 0, 2, 1],
        224,
        3460732416,
        16759104,
    ),
    (
        [0, 2, 2, 2, 0],
        [
            0.25,
            0.35,
            0.2,
            0.25,
            0.25,
            0.25,
            0.35,
            0.35,
            0.2,
            0.35,
            0.25,
            0.25,
            0.35,
            0.25,
            0.2,
            0.35,
            0.2,
            0.2,
        ],
        [2, 1, 1, 0, 2, 1],
        128,
        1167777280,
        19209592,
    ),
    (
        [0, 0, 0, 0, 2],
        [
            0.2,
            0.2,
            0.35,
            0.35,
            0.25,
            0.35,
            0.25,
            0.25,
            0.25,
            0.35,
            0.35,
            0.35,
            0.25,
            0.2,
            0.25,
            0.35,
            0.2,
            0.25,
        ],
        [1, 0, 2, 0, 1, 0],
        172,
        1402161152,
        15662832,
    ),
]


@pytest.mark.parametrize(("depth", "expand", "width", "px", "their_macs", "their_params"), COUNTED)
def test_that_networks_cost_what_they_cost_in_the_original(
    depth: list[int],
    expand: list[float],
    width: list[int],
    px: int,
    their_macs: int,
    their_params: int,
) -> None:
    assert isinstance(SPACE, ResNetSpace)
    genome = genome_of(SPACE, depth, expand, width, px)
    assert params(SPACE, genome[None])[0] == their_params
    assert macs(SPACE, genome[None])[0] == pytest.approx(their_macs, rel=1e-6)


def test_that_the_largest_and_the_smallest_of_the_original_are_ours() -> None:
    assert isinstance(SPACE, ResNetSpace)
    largest = genome_of(SPACE, [2] * 5, [0.35] * 18, [2] * 6, 224)
    smallest = genome_of(SPACE, [0] * 5, [0.2] * 18, [0] * 6, 128)
    assert np.array_equal(largest, SPACE.largest())
    assert np.array_equal(smallest, SPACE.smallest())


def test_that_an_architecture_of_another_space_is_refused() -> None:
    assert isinstance(SPACE, ResNetSpace)
    with pytest.raises(InvalidInput, match=r"stage1.block1.expand has no option 3"):
        genome_of(SPACE, [2] * 5, [3] * 18, [2] * 6, 224)
    with pytest.raises(InvalidInput, match="resolution has no option 225"):
        genome_of(SPACE, [2] * 5, [0.35] * 18, [2] * 6, 225)
