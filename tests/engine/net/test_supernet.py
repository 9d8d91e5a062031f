"""The supernet: what is extracted computes what was active."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasstudio.engine.cost.counts import params
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.static import StaticNetwork, fused
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument


def perturb(network: nn.Module, generator: torch.Generator) -> None:
    """Give every tensor values of its own, so that nothing is equal by accident."""
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if "num_batches" in name:
                continue
            if "running_var" in name:
                tensor.uniform_(0.3, 2.0, generator=generator)
            else:
                noise = torch.empty_like(tensor).normal_(generator=generator)
                tensor.add_(noise, alpha=0.3 * float(tensor.std(unbiased=False)) + 0.05)


def tiny(**changes: object) -> MobileNetSpace:
    """A space of seconds: two stages, every kind of choice, one middle as wide as the input."""
    stage = {"depth": [1, 2], "kernel": [3, 5], "expand": [1, 2, 3]}
    options = {
        "resolution": [8, 12],
        "stem": 8,
        "stem_stride": 1,
        "head": [16, 24],
        "channels": 1,
        "classes": 5,
        "stages": [
            {**stage, "channels": 8, "stride": 2, "act": "relu", "se": False},
            {**stage, "channels": 16, "stride": 1, "act": "hswish", "se": True, "kernel": [3, 7]},
        ],
    }
    return MobileNetSpace(SpaceDocument("mobilenetv3", "tiny", "Tiny", options | changes))


@pytest.mark.parametrize("name", ["mbv3_28", "mbv3_28_fast", "tiny"])
def test_that_an_extracted_network_computes_what_the_active_path_does(name: str) -> None:
    space = tiny() if name == "tiny" else build(preset(name))
    assert isinstance(space, MobileNetSpace)
    generator = torch.Generator().manual_seed(1)
    supernet = Supernet(space, generator)
    perturb(supernet, generator)
    supernet.eval()
    population = space.sample(50, np.random.default_rng(1))
    images = {
        int(px): torch.randn(3, 1, px, px, generator=generator) for px in space.options.resolution
    }
    logits: dict[bytes, torch.Tensor] = {}
    with torch.no_grad():
        for genome, px in zip(population, space.resolution(population), strict=True):
            supernet.activate(genome)
            expected = supernet(images[int(px)])
            network = supernet.extract(genome)
            found = network(images[int(px)])
            spread = expected.max() - expected.min()
            assert spread > 0
            assert (expected - found).abs().max() <= 1e-5 * spread
            assert (expected - fused(network)(images[int(px)])).abs().max() <= 1e-5 * spread
            assert sum(p.numel() for p in network.parameters()) == params(space, genome[None])[0]
            logits[genome.tobytes()] = expected
    distinct = list(logits.values())
    for i, left in enumerate(distinct):
        for right in distinct[:i]:
            assert not torch.allclose(left, right, rtol=0, atol=1e-4 * float(left.std()))


def test_that_the_extracted_network_shares_nothing_with_the_supernet() -> None:
    supernet = Supernet(tiny())
    network = supernet.extract(supernet.space.largest())
    before = [tensor.clone() for tensor in supernet.state_dict().values()]
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    assert all(map(torch.equal, before, supernet.state_dict().values()))


def test_that_training_the_active_path_equals_training_the_static_network() -> None:
    space, generator = tiny(), torch.Generator().manual_seed(2)
    supernet = Supernet(space, generator)
    perturb(supernet, generator)
    for genome in space.sample(8, np.random.default_rng(2)):
        px = int(space.resolution(genome[None])[0])
        x, y = torch.randn(6, 1, px, px, generator=generator), torch.tensor([0, 1, 2, 3, 4, 0])
        network = supernet.extract(genome)
        assert network.training
        supernet.activate(genome)
        supernet.zero_grad()
        for module in (supernet, network):
            nn.functional.cross_entropy(module(x), y).backward()
        assert isinstance(network, StaticNetwork)
        head = network.layers[-1].linear.weight.grad
        assert torch.allclose(supernet.classifier.linear.weight.grad, head, rtol=1e-4, atol=1e-6)
        stem = network.layers[0].conv.conv.weight.grad
        scale = float(stem.abs().max())
        assert torch.allclose(supernet.stem.conv.conv.weight.grad, stem, rtol=0, atol=1e-4 * scale)


def test_that_a_genome_of_another_space_is_refused() -> None:
    supernet = Supernet(tiny())
    with pytest.raises(InvalidInput):
        supernet.activate(np.zeros(3, dtype=np.int16))
    with pytest.raises(InvalidInput):
        supernet.activate(np.full(len(supernet.space.genes), 9, dtype=np.int16))


def test_that_sorting_channels_keeps_the_full_network() -> None:
    for name in ("mbv3_28", "tiny"):
        space = tiny() if name == "tiny" else build(preset(name))
        assert isinstance(space, MobileNetSpace)
        generator = torch.Generator().manual_seed(4)
        supernet = Supernet(space, generator)
        perturb(supernet, generator)
        supernet.eval()
        x = torch.randn(4, 1, 12, 12, generator=generator)
        with torch.no_grad():
            before = supernet(x)
            weights = supernet.blocks[-1].project.weight.clone()
            supernet.sort_channels(1)
            after = supernet(x)
        assert not torch.equal(weights, supernet.blocks[-1].project.weight)
        assert (before - after).abs().max() <= 1e-5 * (before.max() - before.min())


def test_that_sorting_again_keeps_every_width_that_is_trained_already() -> None:
    space, generator = tiny(), torch.Generator().manual_seed(5)
    columns = [i for i, gene in enumerate(space.genes) if gene.kind == "expand"]
    for trained in (1, 2, 3):
        supernet = Supernet(space, generator)
        perturb(supernet, generator)
        supernet.eval()
        population = space.sample(12, np.random.default_rng(trained))
        population[:, columns] = np.maximum(population[:, columns], 3 - trained)
        x = torch.randn(4, 1, 8, 8, generator=generator)

        def outputs() -> list[torch.Tensor]:
            found = []
            for genome in population:  # noqa: B023
                supernet.activate(space.canonical(genome[None])[0])  # noqa: B023
                found.append(supernet(x))  # noqa: B023
            return found

        with torch.no_grad():
            before = outputs()
            supernet.sort_channels(trained)
            for left, right in zip(before, outputs(), strict=True):
                assert (left - right).abs().max() <= 1e-5 * (left.max() - left.min())


def test_that_the_sorted_channels_fall_in_importance() -> None:
    supernet = Supernet(tiny())
    supernet.sort_channels(1)
    importance = supernet.blocks[-1].project.weight.abs().sum(dim=(0, 2, 3))
    assert bool((importance.diff() <= 0).all())


def test_that_decay_spares_norms_biases_and_kernel_matrices() -> None:
    supernet = Supernet(build(preset("mbv3_28")))
    parameters = dict(supernet.named_parameters())
    decayed = set(supernet.decayed())
    assert decayed < parameters.keys()
    for name, parameter in parameters.items():
        spared = "norm" in name or name.endswith("bias") or name.split(".")[-1] in ("7to5", "5to3")
        assert (name in decayed) != spared
        assert spared or parameter.dim() in (2, 4)
