"""The plain modules of residual networks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.static import build_layer, fused, initialise
from nasstudio.engine.space.layer import parse

torch.set_num_threads(1)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("px", [8, 9])
def test_that_a_bottleneck_adds_its_averaged_and_projected_input(stride: int, px: int) -> None:
    block = build_layer(parse(f"bottleneck 8x{px}x{px} -> 16 k3 s{stride} m12 relu"))
    initialise(block, torch.Generator().manual_seed(0))
    block.eval()
    x = torch.randn(2, 8, px, px, generator=torch.Generator().manual_seed(1))
    narrow, spatial = block.narrow.conv.weight, block.spatial.conv.weight
    with torch.no_grad():
        y = F.relu(F.conv2d(x, narrow) / (1 + 1e-5) ** 0.5)
        y = F.relu(F.conv2d(y, spatial, None, stride, 1) / (1 + 1e-5) ** 0.5)
        y = F.conv2d(y, block.widen.conv.weight)
        # A window at the border of an odd image holds fewer pixels: the mean of those.
        ones = F.avg_pool2d(torch.ones(1, 1, px, px), stride, ceil_mode=True)
        beside = F.avg_pool2d(x, stride, ceil_mode=True) / ones
        beside = F.conv2d(beside, block.shortcut.conv.weight)
        expected = F.relu((y + beside) / (1 + 1e-5) ** 0.5)
        found = block(x)
    assert found.shape == (2, 16, -(-px // stride), -(-px // stride))
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(fused(block)(x), expected, atol=1e-5)


def test_that_a_residual_bottleneck_adds_its_input() -> None:
    block = build_layer(parse("bottleneck 16x7x7 -> 16 k3 s1 m8 res relu")).eval()
    assert block.shortcut is None
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        x = torch.randn(2, 16, 7, 7)
        assert torch.equal(block(x), F.relu(x))


@pytest.mark.parametrize("px", [7, 8])
def test_that_max_pooling_is_torchs(px: int) -> None:
    x = torch.randn(2, 4, px, px)
    pool = build_layer(parse(f"maxpool 4x{px}x{px} -> 4 k3 s2 nobn"))
    assert torch.equal(pool(x), nn.MaxPool2d(3, 2, 1)(x))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("bottleneck 16x7x7 -> 16 k3 s1 relu", "middle"),
        ("bottleneck 16x7x7 -> 16 k3 s1 m8 se relu", "gate"),
        ("bottleneck 16x7x7 -> 24 k3 s1 m8 res relu", "equal shapes"),
        ("bottleneck 16x7x7 -> 16 k4 s1 m8 relu", "even"),
        ("maxpool 16x7x7 -> 8 k3 s2", "channels"),
        ("maxpool 16x7x7 -> 16 k3 s2 pool", "averaged"),
    ],
)
def test_that_what_cannot_be_built_is_said(line: str, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        build_layer(parse(line))
