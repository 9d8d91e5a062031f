"""The residual supernet: what is extracted computes what was active, and order of channels changes nothing trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasstudio.engine.cost.counts import params
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.resnet_supernet import ResnetSupernet
from nasstudio.engine.net.static import fused
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import Population, SpaceDocument
from nasstudio.engine.train.progressive import opened

torch.set_num_threads(1)


def perturb(network: nn.Module, generator: torch.Generator) -> None:
    """Give every tensor values of its own, so that nothing is equal by accident."""
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if "running_var" in name:
                tensor.uniform_(0.3, 2.0, generator=generator)
            else:
                noise = torch.empty_like(tensor).normal_(generator=generator)
                tensor.add_(noise, alpha=0.3 * float(tensor.std(unbiased=False)) + 0.05)


def tiny(**changes: object) -> ResNetSpace:
    """A space of seconds with every kind of choice; odd images, so that windows reach over the border."""
    stages = [
        {"channels": 32, "stride": 1, "depth": [1, 2], "expand": [0.25, 0.5, 1], "width": [0.5, 0.75, 1.0]},
        {"channels": 48, "stride": 2, "depth": [1, 3], "expand": [0.2, 0.5], "width": [0.5, 1.0]},
    ]  # fmt: skip
    options: dict[str, object] = {
        "resolution": [9, 14],
        "stages": stages,
        "stem": 32,
        "stem_width": [0.5, 1.0],
        "stem_stride": 1,
        "stem_pool": True,
        "channels": 1,
        "classes": 5,
    }
    return ResNetSpace(SpaceDocument("resnet", "tiny", "Tiny", options | changes))


def perturbed(space: ResNetSpace, seed: int) -> tuple[ResnetSupernet, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    supernet = ResnetSupernet(space, generator)
    perturb(supernet, generator)
    return supernet.eval(), generator


def small() -> ResNetSpace:
    space = build(preset("resnet_32"))
    assert isinstance(space, ResNetSpace)
    return space


def test_that_a_resnet_space_has_a_residual_supernet() -> None:
    space = tiny()
    found = supernet_of(space, torch.Generator().manual_seed(3))
    again = ResnetSupernet(space, torch.Generator().manual_seed(3))
    assert isinstance(found, ResnetSupernet)
    assert all(map(torch.equal, found.state_dict().values(), again.state_dict().values()))


@pytest.mark.parametrize("space", [tiny(), tiny(stem_depth=[0], stem_pool=False), small()])
def test_that_an_extracted_network_computes_what_the_active_path_does(space: ResNetSpace) -> None:
    supernet, generator = perturbed(space, 1)
    population = space.sample(12 if len(space.layers) > 300 else 30, np.random.default_rng(1))
    images = {
        px: torch.randn(3, space.options.channels, px, px, generator=generator)
        for px in space.options.resolution
    }
    logits: dict[bytes, torch.Tensor] = {}
    with torch.no_grad():
        for genome, px in zip(population, space.resolution(population), strict=True):
            supernet.activate(genome)
            expected = supernet(images[int(px)])
            network = supernet.extract(genome)
            spread = expected.max() - expected.min()
            assert spread > 0
            for found in (network, fused(network)):
                assert (expected - found(images[int(px)])).abs().max() <= 1e-5 * spread
            assert sum(p.numel() for p in network.parameters()) == params(space, genome[None])[0]
            logits[genome.tobytes()] = expected
    distinct = list(logits.values())
    assert len(distinct) > 10
    for i, left in enumerate(distinct):
        for right in distinct[:i]:
            assert not torch.allclose(left, right, rtol=0, atol=1e-4 * float(left.std()))


def test_that_the_extracted_network_shares_nothing_with_the_supernet() -> None:
    supernet = ResnetSupernet(tiny())
    before = [tensor.clone() for tensor in supernet.state_dict().values()]
    with torch.no_grad():
        for tensor in supernet.extract(supernet.space.largest()).state_dict().values():
            tensor.add_(1)
    assert all(map(torch.equal, before, supernet.state_dict().values()))


def test_that_training_the_active_path_equals_training_the_static_network() -> None:
    space, generator = tiny(), torch.Generator().manual_seed(2)
    supernet = ResnetSupernet(space, generator)
    perturb(supernet, generator)
    for genome in space.sample(6, np.random.default_rng(2)):
        px = int(space.resolution(genome[None])[0])
        x, y = torch.randn(6, 1, px, px, generator=generator), torch.tensor([0, 1, 2, 3, 4, 0])
        network = supernet.extract(genome)
        assert network.training
        supernet.activate(genome)
        supernet.zero_grad()
        for module in (supernet, network):
            nn.functional.cross_entropy(module(x), y).backward()
        head, stem = network.layers[-1].linear.weight.grad, network.layers[0].conv.conv.weight.grad
        shared = supernet.classifier.weight.grad[:, : head.shape[1]]
        assert torch.allclose(shared, head, rtol=1e-4, atol=1e-6)
        scale = float(stem.abs().max())
        shared = supernet.stem[0].weight.grad[: len(stem)]
        assert torch.allclose(shared, stem, rtol=0, atol=1e-4 * scale)
        statistics = supernet.stem[0].norm.running_mean[: len(stem)]
        assert torch.allclose(statistics, network.layers[0].conv.norm.running_mean, atol=1e-6)


def test_that_a_genome_of_another_space_is_refused() -> None:
    supernet = ResnetSupernet(tiny())
    with pytest.raises(InvalidInput):
        supernet.activate(np.zeros(3, dtype=np.int16))
    with pytest.raises(InvalidInput):
        supernet.activate(np.full(len(supernet.space.genes), 9, dtype=np.int16))


def outputs(
    supernet: ResnetSupernet, population: Population, x: torch.Tensor
) -> list[torch.Tensor]:
    found = []
    with torch.no_grad():
        for genome in population:
            supernet.activate(genome)
            found.append(supernet(x))
    return found


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"expand": 1, "width": 1}, {"expand": 2, "width": 1}),
        ({"expand": 2, "width": 1}, {"width": 1}),
        ({"width": 1}, {"width": 2}),
        ({"width": 2}, {}),
        ({"depth": 1, "expand": 2, "width": 2}, {}),
    ],
)
def test_that_reorganising_changes_no_subnet_that_is_trained(
    before: dict[str, int], now: dict[str, int]
) -> None:
    space = tiny()
    supernet, generator = perturbed(space, 5)
    population = space.sample(16, np.random.default_rng(7))
    trained = np.maximum(population, opened(space, before))
    trained[0] = space.largest()
    trained = space.canonical(trained)
    x = torch.randn(4, 1, 9, 9, generator=generator)
    expected = outputs(supernet, trained, x)
    weights = supernet.blocks[1].spatial.weight.clone()
    supernet.reorganise(before, now)
    assert not torch.equal(weights, supernet.blocks[1].spatial.weight)
    for left, right in zip(expected, outputs(supernet, trained, x), strict=True):
        assert (left - right).abs().max() <= 1e-5 * (left.max() - left.min())


@pytest.mark.parametrize("largest", [{}, {"expand": 1}, {"width": 2, "expand": 2}])
def test_that_nothing_is_reorganised_where_no_smaller_width_is_opened(
    largest: dict[str, int],
) -> None:
    supernet, _ = perturbed(tiny(), 6)
    before = [tensor.clone() for tensor in supernet.state_dict().values()]
    supernet.reorganise(largest | {"depth": 1}, largest)
    assert all(map(torch.equal, before, supernet.state_dict().values()))


def test_that_channels_fall_in_importance_within_the_trained_borders() -> None:
    supernet, _ = perturbed(tiny(), 8)
    supernet.reorganise({"width": 1, "expand": 1}, {})
    block = supernet.blocks[1]
    for reader in (block.widen, block.spatial):
        assert bool((reader.weight.abs().sum(dim=(0, 2, 3)).diff() <= 1e-5).all())
    # Stage 1's outputs are read by its second block, by the next stage's first block and its shortcut.
    readers = (block.narrow, supernet.blocks[2].narrow, supernet.blocks[2].shortcut)
    importance = sum(reader.weight.abs().sum(dim=(0, 2, 3)) for reader in readers)
    assert bool((importance.diff() <= 1e-4).all())
    again, _ = perturbed(tiny(), 8)
    again.reorganise({"width": 2, "expand": 1}, {"expand": 1})
    inside = [block.narrow.weight.abs().sum(dim=(0, 2, 3)) for block in again.blocks[3:]]
    falls = (again.classifier.weight.abs().sum(dim=0) + sum(inside)).diff() <= 1e-4
    assert not bool(falls[23])  # the border of width 0.5 of 48 is between 24 and 25
    assert bool(falls[:23].all())
    assert bool(falls[24:].all())


def test_that_decay_spares_norms_and_biases() -> None:
    supernet = ResnetSupernet(tiny())
    parameters = dict(supernet.named_parameters())
    decayed = set(supernet.decayed())
    for name, parameter in parameters.items():
        spared = "norm" in name or name.endswith("bias")
        assert (name in decayed) != spared
        assert spared or parameter.dim() in (2, 4)
