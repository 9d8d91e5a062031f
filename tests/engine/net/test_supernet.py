"""The supernet: what is extracted computes what was active."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasstudio.engine.cost.counts import params
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.elastic.norm import ElasticNorm
from nasstudio.engine.net.static import StaticNetwork, fused
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.progressive import opened


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


def wide(**changes: object) -> MobileNetSpace:
    """Elastic width everywhere: a gate, a middle that is the input itself, stages whose residuals add up."""
    stage = {"depth": [1, 2], "kernel": [3, 5], "expand": [1, 1.5, 3], "stride": 1}
    options = {
        "stages": [
            {**stage, "channels": 24, "width": [1 / 3, 2 / 3, 1.0], "act": "relu", "se": True},
            {**stage, "channels": 32, "width": [0.5, 1.0], "act": "hswish", "se": False},
            {**stage, "channels": 32, "width": [0.5, 1.0], "act": "hswish", "expand": [1]},
        ],
    }
    return tiny(**options | changes)


def proxyless() -> MobileNetSpace:
    """ProxylessNAS in small: relu6, a narrower first block, a head without a feature mix, norms of its own."""
    return tiny(
        stem=16,
        first=8,
        stem_act="relu6",
        head=[24],
        head_act="relu6",
        bn_eps=1e-3,
        bn_momentum=0.2,
    )


def space_of(name: str) -> MobileNetSpace:
    made = {"tiny": tiny, "wide": wide, "proxyless": proxyless}
    space = made[name]() if name in made else build(preset(name))
    assert isinstance(space, MobileNetSpace)
    return space


@pytest.mark.parametrize(
    "name",
    ["mbv3_28", "mbv3_28_fast", "mbv3_28_width", "proxyless_28", "tiny", "wide", "proxyless"],
)
def test_that_an_extracted_network_computes_what_the_active_path_does(name: str) -> None:
    space = space_of(name)
    generator = torch.Generator().manual_seed(1)
    supernet = Supernet(space, generator)
    perturb(supernet, generator)
    supernet.eval()
    population = space.sample(30, np.random.default_rng(1))
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


@pytest.mark.parametrize("name", ["tiny", "wide", "proxyless"])
def test_that_training_the_active_path_equals_training_the_static_network(name: str) -> None:
    space, generator = space_of(name), torch.Generator().manual_seed(2)
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


def test_that_the_norms_compute_by_the_rule_of_the_space() -> None:
    space = proxyless()
    supernet = Supernet(space)
    network = supernet.extract(space.largest())
    for part in (supernet, network):
        norms = [m for m in part.modules() if isinstance(m, ElasticNorm | nn.BatchNorm2d)]
        assert len(norms) > 5
        assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.2)}
    assert supernet.mix is None
    x = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(3))
    mean = supernet.blocks[0].project_norm.running_mean.clone()
    supernet(x)
    network(x)
    moved = network.layers[2].project.norm.running_mean
    assert not torch.equal(moved, mean)
    assert torch.allclose(supernet.blocks[0].project_norm.running_mean, moved, atol=1e-6)


def test_that_the_published_spaces_have_the_originals_number_of_weights() -> None:
    # Counted in OFAProxylessNASNets(width_mult=1.3) and OFAMobileNetV3(width_mult=1.2), kernel matrices included.
    for name, count in (("ofa_proxyless_w13", 7_956_882), ("ofa_mbv3_w12", 10_715_752)):
        supernet = Supernet(space_of(name))
        assert sum(p.numel() for p in supernet.parameters()) == count


# -- order of channels ----------------------------------------------------------------------------------------------


def outputs(supernet: Supernet, population: np.ndarray, images: torch.Tensor) -> list[torch.Tensor]:
    found = []
    with torch.no_grad():
        for genome in population:
            supernet.activate(genome)
            found.append(supernet(images))
    return found


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"width": 1, "expand": 1}, {}),
        ({"width": 1}, {"width": 2}),
        ({"expand": 1}, {"expand": 2}),
        ({"width": 2, "expand": 2}, {"width": 2}),
        ({"width": 2, "expand": 2}, {}),
        ({"width": 2, "expand": 3}, {}),
        ({"width": 3, "expand": 1}, {}),
    ],
)
@pytest.mark.parametrize("name", ["tiny", "wide", "proxyless"])
def test_that_reorganising_keeps_every_subnet_that_is_trained_already(
    name: str, before: dict[str, int], now: dict[str, int]
) -> None:
    space, generator = space_of(name), torch.Generator().manual_seed(5)
    supernet = Supernet(space, generator)
    perturb(supernet, generator)
    supernet.eval()
    rng = np.random.default_rng(6)
    least = opened(space, before)
    drawn = rng.integers(least, space.cardinalities, (24, len(space.genes)), dtype=np.int16)
    trained = np.vstack([space.largest(), space.canonical(least[None]), space.canonical(drawn)])
    x = torch.randn(3, 1, 8, 8, generator=generator)
    expected = outputs(supernet, trained, x)
    supernet.reorganise(before, now)
    for left, right in zip(expected, outputs(supernet, trained, x), strict=True):
        assert (left - right).abs().max() <= 1e-5 * (left.max() - left.min())


def test_that_reorganising_puts_the_most_important_channels_first() -> None:
    space, generator = wide(), torch.Generator().manual_seed(7)
    supernet = Supernet(space, generator)
    perturb(supernet, generator)
    supernet.reorganise({"width": 1, "expand": 1}, {})
    for block in supernet.blocks:
        if block.widen is not None:
            assert bool((block.project.importance_in().diff() <= 1e-5).all())
    second, third, fourth, fifth, sixth = list(supernet.blocks)[1:]
    for readers in ((second, third), (fourth, fifth)):
        total = readers[0].importance_in() + readers[1].importance_in()
        assert bool((total.diff() <= 1e-4).all())
    head = supernet.last.conv.conv.weight.detach().abs().sum(dim=(0, 2, 3))
    assert bool(((sixth.importance_in() + head).diff() <= 1e-4).all())


def test_that_a_width_that_is_trained_is_a_border_of_the_order() -> None:
    space, generator = wide(), torch.Generator().manual_seed(8)
    supernet = Supernet(space, generator)
    perturb(supernet, generator)
    inner = supernet.blocks[0].project.weight[:16].clone()
    supernet.reorganise({"width": 2, "expand": 1}, {"width": 3})
    after = supernet.blocks[0].project.weight[:16]
    # The middle was sorted too; what a row holds stays.
    rows = after.flatten(1).sort(dim=1).values
    same = inner.flatten(1).sort(dim=1).values
    assert sorted(rows.sum(dim=1).tolist()) == pytest.approx(sorted(same.sum(dim=1).tolist()))
    total = supernet.blocks[1].importance_in() + supernet.blocks[2].importance_in()
    for part in (total[:16], total[16:]):
        assert bool((part.diff() <= 1e-4).all())
    assert not bool((total.diff() <= 1e-4).all())


def test_that_nothing_moves_where_no_smaller_width_is_opened() -> None:
    for before, now in (({}, {}), ({"expand": 2}, {"expand": 2}), ({"kernel": 1, "depth": 1}, {})):
        supernet = Supernet(wide())
        held = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
        supernet.reorganise(before, now)
        assert all(torch.equal(held[name], t) for name, t in supernet.state_dict().items())


def test_that_decay_spares_norms_biases_and_kernel_matrices() -> None:
    supernet = Supernet(build(preset("mbv3_28")))
    parameters = dict(supernet.named_parameters())
    decayed = set(supernet.decayed())
    assert decayed < parameters.keys()
    for name, parameter in parameters.items():
        spared = "norm" in name or name.endswith("bias") or name.split(".")[-1] in ("7to5", "5to3")
        assert (name in decayed) != spared
        assert spared or parameter.dim() in (2, 4)
