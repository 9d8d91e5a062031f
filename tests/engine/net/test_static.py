"""Plain networks: shapes, counts and folding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nasstudio.engine.cost.counts import count
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.static import StaticNetwork, build_layer, fused, initialise
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec, parse


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


layers = st.builds(
    LayerSpec,
    kind=st.sampled_from(["conv", "mbconv"]),
    channels_in=st.sampled_from([8, 16]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels_out=st.sampled_from([8, 24]),
    kernel=st.sampled_from([1, 3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    middle=st.sampled_from([8, 16, 40]),
    act=st.sampled_from(["none", "relu", "relu6", "hswish", "swish", "gelu"]),
    se=st.booleans(),
    pooled=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(layers)
def test_that_a_layer_gives_the_shape_and_the_parameters_its_spec_says(spec: LayerSpec) -> None:
    if spec.kind == "conv":
        spec = LayerSpec(**{**spec.__dict__, "middle": 0})
    layer = build_layer(spec).eval()
    found = layer(torch.zeros(2, spec.channels_in, spec.height, spec.width))
    sides = (1, 1) if spec.pooled else (spec.height_out, spec.width_out)
    assert tuple(found.shape) == (2, spec.channels_out, *sides)
    assert sum(p.numel() for p in layer.parameters()) == count(spec).params


@pytest.mark.parametrize("window", ["k3 s2", "k2 s2", "k3 s1", "k1 s1 pool"])
def test_that_pooling_keeps_a_constant_image_constant(window: str) -> None:
    spec = parse(f"pool 4x7x7 -> 4 {window}")
    found = build_layer(spec)(torch.full((1, 4, 7, 7), 3.0))
    side = 1 if spec.pooled else spec.height_out
    assert torch.allclose(found, torch.full((1, 4, side, side), 3.0))


def test_that_a_depthwise_row_is_depthwise() -> None:
    spec = parse("dwconv 64x14x14 -> 64 k3 s1 relu")
    assert build_layer(spec).conv.conv.groups == 64


@pytest.mark.parametrize(
    "line",
    [
        "attention 192x196x1 -> 192 k1 s1 h3",
        "conv 8x7x7 -> 8 k2 s1",
        "conv 8x7x7 -> 16 k3 s1 res",
        "conv 8x7x7 -> 9 k3 s1 g4",
        "linear 8x7x7 -> 9 k1 s1",
        "pool 8x7x7 -> 9 k3 s1",
    ],
)
def test_that_an_impossible_layer_is_refused_by_name(line: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        build_layer(parse(line))
    assert problem.value.where == line


def test_that_folding_keeps_the_outputs_of_perturbed_networks() -> None:
    space = build(preset("mbv3_28"))
    rng, generator = np.random.default_rng(3), torch.Generator().manual_seed(3)
    for genome in space.sample(6, rng):
        network = StaticNetwork([b.layer for b in space.blocks(genome)], dropout=0.5)
        initialise(network, generator)
        perturb(network, generator)
        network.eval()
        px = int(space.resolution(genome[None])[0])
        x = torch.randn(4, 1, px, px, generator=generator)
        with torch.no_grad():
            expected, found = network(x), fused(network)(x)
        assert not any(isinstance(m, nn.BatchNorm2d) for m in fused(network).modules())
        assert (expected - found).abs().max() <= 1e-5 * (expected.max() - expected.min())


def test_that_folding_leaves_the_network_itself_alone() -> None:
    network = StaticNetwork(
        [parse("conv 1x8x8 -> 8 k3 s1 relu pool"), parse("linear 8x1x1 -> 3 k1 s1")]
    )
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fused(network)
    assert network.training
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_that_dropout_acts_in_training_only() -> None:
    network = StaticNetwork([parse("linear 64x1x1 -> 3 k1 s1 nobn bias")], dropout=0.5)
    x = torch.ones(1, 64, 1, 1)
    network.train()
    torch.manual_seed(0)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_that_fresh_weights_follow_from_the_generator_alone() -> None:
    space = build(preset("mbv3_28_fast"))
    first, second = (StaticNetwork([b.layer for b in space.blocks(space.largest())]) for _ in "ab")
    for network in (first, second):
        initialise(network, torch.Generator().manual_seed(5))
    assert all(map(torch.equal, first.parameters(), second.parameters()))
