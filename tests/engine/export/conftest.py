"""A small network to export: real layers of a real space, random weights, batch norms that have seen data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from nasstudio.engine.export.deployment import Deployment, Preprocessing
from nasstudio.engine.export.folded import folded_weights
from nasstudio.engine.net.static import StaticNetwork, initialise
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import Genome, SpaceDocument

LABELS = ("T-shirt", "Bag", "Ankle boot")

torch.set_num_threads(1)


def _lived_in(network: nn.Module, shape: tuple[int, ...], seed: int = 0) -> nn.Module:
    """The network with random weights and batch-norm statistics that are not those of a fresh one."""
    generator = torch.Generator().manual_seed(seed)
    initialise(network, generator)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
        network.train()
        for _ in range(5):
            network(torch.randn((16, *shape), generator=generator) * 2 + 0.5)
    return network.eval()


def _tiny_document(channels: int = 1, classes: int = len(LABELS)) -> SpaceDocument:
    stages = [
        {"channels": 8, "stride": 1, "depth": [1, 2], "kernel": [3, 5], "expand": [1, 2]},
        {"channels": 16, "stride": 2, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]},
    ]
    stages[1] |= {"act": "hswish", "se": True}
    options = {
        "resolution": [8, 12],
        "stem": 8,
        "head": [16, 24],
        "channels": channels,
        "classes": classes,
        "stages": stages,
    }
    return SpaceDocument("mobilenetv3", "tiny", "Tiny | space", options)


@pytest.fixture(scope="session")
def lived_in() -> Callable[..., nn.Module]:
    """Gives a network random weights and batch-norm statistics of its own."""
    return _lived_in


@pytest.fixture(scope="session")
def space() -> MobileNetSpace:
    return MobileNetSpace(_tiny_document())


@pytest.fixture(scope="session")
def genome(space: MobileNetSpace) -> Genome:
    return space.sample(1, np.random.default_rng(3))[0]


@pytest.fixture(scope="session")
def network(space: MobileNetSpace, genome: Genome) -> nn.Module:
    size = int(space.resolution(genome[None])[0])
    return _lived_in(StaticNetwork([b.layer for b in space.blocks(genome)]), (1, size, size))


@pytest.fixture(scope="session")
def shared_deployment(space: MobileNetSpace, genome: Genome, network: nn.Module) -> Deployment:
    size = int(space.resolution(genome[None])[0])
    return Deployment(
        name="tiny-net",
        title='Tiny "net"',
        blocks=tuple(space.blocks(genome)),
        weights=folded_weights(network),
        labels=LABELS,
        preprocessing=Preprocessing(1, size, 14, (0.3,), (0.25,)),
        architecture=space.values(genome),
        facts={"accuracy": 0.75},
    )


@pytest.fixture
def deployment(shared_deployment: Deployment) -> Deployment:
    return shared_deployment


@pytest.fixture
def images(deployment: Deployment) -> np.ndarray:
    shape = (20, *deployment.input_shape)
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)
