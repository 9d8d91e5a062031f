import numpy as np
import pytest

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.counts import count
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec, parse


def test_that_the_largest_published_network_has_the_published_parameters():
    space = build(preset("ofa_mbv3"))
    # 7.68 M with the kernel matrices of the supernet (20 blocks x 706): the extracted network is without them.
    assert counts.params(space, space.largest()[None])[0] / 1e6 == pytest.approx(7.66, abs=0.03)


def test_that_a_convolution_is_counted_by_hand():
    counted = count(LayerSpec("conv", 3, 8, 8, 16, 3, 2))
    assert counted.macs == 3 * 16 * 9 * 16
    assert counted.params == 3 * 16 * 9 + 32


def test_that_an_inverted_bottleneck_is_counted_by_hand():
    counted = count(parse("mbconv 8x4x4 -> 8 k3 s1 e2 se res relu"))
    assert counted.macs == 16 * (8 * 16 + 16 * 9 + 16 * 8) + 2 * 16 * 8
    assert counted.params == (8 * 16 + 32) + (16 * 9 + 32) + (16 * 8 + 16) + (2 * 16 * 8 + 8 + 16)


def test_that_a_residual_bottleneck_is_counted_by_hand():
    counted = count(parse("bottleneck 8x5x5 -> 16 k3 s2 m4 relu"))
    assert counted.macs == 25 * 8 * 4 + 9 * (4 * 4 * 9 + 4 * 16 + 8 * 16)
    assert counted.params == (8 * 4 + 8) + (4 * 4 * 9 + 8) + (4 * 16 + 32) + (8 * 16 + 32)
    same = count(parse("bottleneck 16x5x5 -> 16 k3 s1 m4 res relu"))
    assert same.macs == 25 * (16 * 4 + 4 * 4 * 9 + 4 * 16)
    assert same.params == (16 * 4 + 8) + (4 * 4 * 9 + 8) + (4 * 16 + 32)


def test_that_counts_of_a_population_are_sums_over_its_layers():
    space = build(preset("mbv3_28_fast"))
    population = space.sample(20, np.random.default_rng(0))
    for genome, macs, params, size in zip(
        population,
        counts.macs(space, population),
        counts.params(space, population),
        counts.size_mib(space, population),
        strict=True,
    ):
        each = [count(block.layer) for block in space.blocks(genome)]
        assert macs == sum(c.macs for c in each)
        assert params == sum(c.params for c in each)
        # A file's head is the same for all networks.
        assert 1e3 < size * 1024**2 - sum(c.file_bytes for c in each) < 2e3


def test_that_a_normed_convolution_is_stored_with_a_bias_and_another_without():
    normed = count(LayerSpec("conv", 3, 8, 8, 16, 3, 2)).file_bytes
    bare = count(LayerSpec("conv", 3, 8, 8, 16, 3, 2, norm=False)).file_bytes
    weights, bias = 4 * 3 * 16 * 9, 4 * 16
    assert weights < bare < weights + 300
    assert bias < normed - bare < bias + 50
