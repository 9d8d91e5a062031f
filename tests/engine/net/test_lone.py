"""A network alone behind the interface of a supernet."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.lone import LoneNetwork
from nasstudio.engine.net.static import StaticNetwork, initialise
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument

STAGE = {"depth": [1, 2], "kernel": [3, 5, 7], "expand": [2, 3], "act": "hswish", "se": True}
SPACE = build(
    SpaceDocument(
        "mobilenetv3",
        "tiny",
        "Tiny",
        {
            "resolution": [8, 12],
            "stem": 8,
            "head": [16, 24],
            "channels": 1,
            "classes": 10,
            "stages": [
                {**STAGE, "channels": 8, "stride": 1},
                {**STAGE, "channels": 16, "stride": 2},
            ],
        },
    )
)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(6, 1, 12, 12, generator=torch.Generator().manual_seed(1))


def plain(genome) -> StaticNetwork:
    network = StaticNetwork([block.layer for block in SPACE.blocks(genome)])
    initialise(network, torch.Generator().manual_seed(7))
    return network


@pytest.mark.parametrize("number", range(4))
def test_that_it_learns_exactly_as_a_plain_network_does(number, images) -> None:
    genome = SPACE.sample(4, np.random.default_rng(3))[number]
    lone = LoneNetwork(SPACE, genome, torch.Generator().manual_seed(7)).train()
    usual = plain(genome).train()
    a, b = lone(images), usual(images)
    assert torch.allclose(a, b, atol=1e-5)
    a.square().sum().backward()
    b.square().sum().backward()
    for one, other in zip(lone.parameters(), usual.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-4)


def test_that_what_is_extracted_answers_the_same_and_is_a_copy(images) -> None:
    lone = LoneNetwork(SPACE, SPACE.largest()).eval()
    copied = lone.extract(SPACE.largest())
    assert type(copied) is StaticNetwork
    assert not any(type(module).__name__ == "_Depthwise" for module in copied.modules())
    before = lone(images)
    assert torch.allclose(copied(images), before, atol=1e-6)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert torch.equal(lone(images), before)


def test_that_it_refuses_to_be_another_network() -> None:
    lone = LoneNetwork(SPACE, SPACE.largest())
    lone.activate(SPACE.largest())
    with pytest.raises(InvalidInput, match="alone"):
        lone.activate(SPACE.smallest())
    with pytest.raises(InvalidInput, match="alone"):
        lone.extract(SPACE.smallest())


def test_that_it_begins_with_a_subnets_weights(images) -> None:
    supernet = Supernet(SPACE, torch.Generator().manual_seed(2)).eval()
    genome = SPACE.sample(1, np.random.default_rng(5))[0]
    lone = LoneNetwork(SPACE, genome, weights=supernet.extract(genome).state_dict()).eval()
    supernet.activate(genome)
    assert torch.allclose(lone(images), supernet(images), atol=1e-5)


def test_that_the_same_kinds_of_weights_decay_as_in_a_supernet() -> None:
    lone = LoneNetwork(SPACE, SPACE.largest())
    decayed = set(lone.decayed())
    norms = {
        f"{place}.weight"
        for place, module in lone.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    names = dict(lone.named_parameters())
    assert decayed <= names.keys()
    assert decayed.isdisjoint(norms)
    assert {n for n in names if n.endswith("weight")} == decayed | norms
