"""Peak memory: by hand for small chains, and what must hold for any network of a space."""

from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.cost.buffers import plan
from nasstudio.engine.cost.liveness import (
    MIB,
    RULES,
    memory_mib,
    network_peak_bytes,
    peak_bytes,
    row_mib,
)
from nasstudio.engine.cost.operations import operations
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec, parse


def chain(*lines):
    return [parse(line) for line in lines]


def networks(space, population):
    return [[block.layer for block in space.blocks(genome)] for genome in population]


# -- ONNX Runtime -----------------------------------------------------------------------------------------------


def test_that_two_convolutions_need_their_blocks_of_channels():
    # 32 channels, then 8 that are stored as 16; the images are the caller's, the result (8, plain) comes last.
    layers = chain("conv 3x16x16 -> 32 k3 s1 relu", "conv 32x16x16 -> 8 k3 s1")
    assert network_peak_bytes(layers, "onnxruntime", 4) == 4 * 4 * 256 * (32 + 16)
    # The block stays until the call ends, beside the result.
    assert network_peak_bytes(layers, "onnxruntime-block", 4) == 4 * 4 * 256 * (32 + 16 + 8)


def test_that_a_bottleneck_needs_its_input_and_two_wide_images_if_it_adds_its_input():
    row = parse("mbconv 16x8x8 -> 16 k3 s1 e4 res relu")
    assert peak_bytes(row) == 4 * 64 * (16 + 64 + 64)
    without = parse("mbconv 16x8x8 -> 32 k3 s1 e4 relu")
    assert peak_bytes(without) == 4 * 64 * (64 + 64)


def test_that_a_residual_bottleneck_projects_its_input_just_before_it_is_added():
    image = 4 * 64
    row = parse("bottleneck 16x8x8 -> 64 k3 s1 m16 relu")
    # The input, the middle and what it is added to, in whose buffer the result is made.
    assert peak_bytes(row) == image * (16 + 16 + 64)
    assert peak_bytes(parse("bottleneck 64x8x8 -> 64 k3 s1 m16 res relu")) == image * (64 + 16 + 16)
    # Two images of the middle wait for the next block while the one between uses others.
    network = chain(
        "conv 3x8x8 -> 64 k3 s1 relu",
        "bottleneck 64x8x8 -> 64 k3 s1 m16 res relu",
        "bottleneck 64x8x8 -> 64 k3 s1 m32 res relu",
        "bottleneck 64x8x8 -> 64 k3 s1 m16 res relu",
        "pool 64x8x8 -> 64 pool",
        "linear 64x1x1 -> 4 k1 s1 nobn bias",
    )
    assert network_peak_bytes(network) == image * (64 + 2 * 16 + 2 * 32)
    assert network_peak_bytes(network[:3] + network[4:]) == image * (64 + 2 * 32)
    assert network_peak_bytes(network[:2] + network[3:]) == image * (64 + 2 * 16)


def test_that_a_residual_is_added_in_the_buffer_of_the_input():
    found = plan(operations(chain("conv 3x8x8 -> 16 k3 s1", "mbconv 16x8x8 -> 16 k3 s1 e2 res")), 1)
    assert found.at_once == {(16, 8, 8): 1, (32, 8, 8): 2}


def test_that_a_buffer_is_kept_for_a_later_layer_with_images_of_the_same_shape():
    def network(middle):
        return chain(
            "conv 3x16x16 -> 16 k3 s1",
            "mbconv 16x16x16 -> 16 k3 s1 e4 res",
            f"mbconv 16x16x16 -> 16 k3 s1 e{middle} res",
            "mbconv 16x16x16 -> 16 k3 s1 e4 res",
        )

    alike, between = network(4), network(3)
    assert network_peak_bytes(alike) == 4 * 256 * (16 + 2 * 64)
    # The two of 64 channels wait while two of 48 are used.
    assert network_peak_bytes(between) == 4 * 256 * (16 + 2 * 64 + 2 * 48)


def test_that_a_gate_needs_a_plain_copy_of_images_whose_channels_do_not_fill_their_blocks():
    full = parse("mbconv 32x8x8 -> 32 k3 s1 e2 se res")  # 64 channels
    ragged = parse("mbconv 24x8x8 -> 24 k3 s1 e3 se res")  # 72 channels, stored as 80
    vectors = 4 * 3 * 80
    assert 0 <= peak_bytes(full) - 4 * 64 * (32 + 64 + 64) <= vectors
    # The input (24 stored as 32), the copy, the product, and the buffer that the product will be copied back to.
    assert 0 <= peak_bytes(ragged) - 4 * 64 * (32 + 72 + 72 + 80) <= vectors


def test_that_few_channels_are_read_plain():
    found = operations(chain("conv 3x8x8 -> 8 k3 s1", "conv 8x8x8 -> 8 k1 s1"))
    assert [found.tensors[s.writes].shape[0] for s in found.steps] == [16, 8, 16, 8]


def test_that_an_activation_no_convolution_does_is_an_image_of_its_own():
    fused = operations(chain("conv 3x8x8 -> 16 k3 s1 hswish", "pool 16x8x8 -> 16 pool"))
    apart = operations(chain("conv 3x8x8 -> 16 k3 s1 gelu", "pool 16x8x8 -> 16 pool"))
    assert [plan(each, 1).at_once[16, 8, 8] for each in (fused, apart)] == [1, 2]


def test_that_a_block_has_gaps():
    layers = chain(
        "conv 3x16x16 -> 16 k3 s1",
        "mbconv 16x16x16 -> 64 k3 s1 e2",
        "mbconv 64x16x16 -> 64 k3 s1 e2 res",
    )
    found = plan(operations(layers), 1)
    assert found.peak_bytes == 4 * 256 * (64 + 2 * 128)
    # 16, 32 and 32 in a row; 64 do not fit into the first 48 and go behind; then twice 128; the result is beside.
    assert found.block_bytes == 4 * 256 * (80 + 64 + 2 * 128 + 64)


# -- PyTorch ----------------------------------------------------------------------------------------------------


def test_that_eager_keeps_a_layers_input_and_makes_a_tensor_of_each_activation():
    image = 4 * 4 * 256
    row = parse("mbconv 16x16x16 -> 16 k3 s1 e4 relu")
    # Depthwise: the input, the wide image, the convolution's output and its activation.
    assert peak_bytes(row, "torch", 4) == image * (16 + 3 * 64)
    # Without activation there are the weights in oneDNN's order instead.
    row = parse("mbconv 16x16x16 -> 16 k3 s1 e4")
    assert peak_bytes(row, "torch", 4) == image * (16 + 2 * 64) + 4 * 64 * 9


def test_that_eager_keeps_both_sides_of_a_sum_until_its_activation_is_there():
    image = 4 * 4 * 256
    row = parse("bottleneck 64x16x16 -> 64 k3 s1 m16 res relu")
    # The input, the last convolution's output, the sum and its activation.
    assert peak_bytes(row, "torch", 4) == image * 4 * 64
    row = parse("bottleneck 32x16x16 -> 64 k3 s1 m16 relu")
    assert peak_bytes(row, "torch", 4) == image * (32 + 4 * 64)
    # Max pooling also says where the maximum was, in 8 bytes each.
    assert peak_bytes(parse("maxpool 64x16x16 -> 64 k3 s2"), "torch") == 4 * 64 * 256 + 12 * 64 * 64


def test_that_eager_unfolds_a_small_single_image():
    layers = chain("conv 1x8x8 -> 4 k3 s1")
    assert network_peak_bytes(layers, "torch", 1) == 4 * 64 * (9 + 4)
    assert network_peak_bytes(layers, "torch", 2) == 2 * 4 * 64 * 4 + 8216 + 4 * 9 * 16


def test_that_a_network_in_eager_needs_what_its_largest_layer_needs():
    space = build(preset("mbv3_28"))
    population = space.sample(20, np.random.default_rng(0))
    found = memory_mib(space, population, "torch", 3)
    exact = [network_peak_bytes(layers, "torch", 3) for layers in networks(space, population)]
    np.testing.assert_array_equal(found * MIB, exact)


# -- populations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mbv3_28", "mbv3_32", "ofa_mbv3", "resnet_32", "ofa_resnet50"])
def test_that_a_population_at_once_is_as_its_members_one_by_one(name):
    space = build(preset(name))
    population = space.sample(60, np.random.default_rng(1))
    exact = np.array([network_peak_bytes(layers) for layers in networks(space, population)]) / MIB
    errors = np.abs(memory_mib(space, population) / exact - 1)
    assert errors.mean() < 0.01
    assert errors.max() < 0.1


def test_that_no_network_needs_less_than_its_largest_layer_nor_a_block_less_than_buffers():
    space = build(preset("mbv3_28_fast"))
    population = space.sample(50, np.random.default_rng(2))
    alone = np.append(row_mib(space), 0.0)[space.rows(population)].copy()
    alone[:, 0] = 0.0  # its input is the caller's
    found = memory_mib(space, population)
    assert (found >= alone.max(axis=1) * (1 - 1e-9)).all()
    block = memory_mib(space, population, "onnxruntime-block")
    exact = [network_peak_bytes(layers) / MIB for layers in networks(space, population)]
    assert (block >= np.array(exact)).all()
    assert (block > 1.05 * np.array(exact)).any()


@pytest.mark.parametrize("rules", RULES)
def test_that_memory_grows_with_the_batch_but_for_working_space(rules):
    space = build(preset("mbv3_28"))
    population = space.sample(10, np.random.default_rng(3))
    sixteen, two = (memory_mib(space, population, rules, n) for n in (32, 64))
    np.testing.assert_allclose(two, 2 * sixteen, rtol=0.02)


def test_that_kernels_do_not_matter_to_activations():
    small, large = (
        parse("mbconv 16x8x8 -> 16 k3 s1 e4 relu"),
        parse("mbconv 16x8x8 -> 16 k7 s1 e4 relu"),
    )
    assert peak_bytes(small) == peak_bytes(large)


def test_that_what_is_not_known_is_refused():
    unknown = LayerSpec("attention", 64, 16, 1, 64, heads=4)
    for rules in RULES:
        with pytest.raises(InvalidInput, match="attention"):
            peak_bytes(unknown, rules)
        with pytest.raises(InvalidInput, match="at least one layer"):
            network_peak_bytes([], rules)
    with pytest.raises(InvalidInput, match="memory rules"):
        peak_bytes(parse("conv 3x8x8 -> 8 k3 s1"), "tflite")
    with pytest.raises(InvalidInput, match="at least one image"):
        network_peak_bytes([parse("conv 3x8x8 -> 8 k3 s1")], batch=0)
