"""Layers as arrays: work as the exact counts say, and chains along one size."""

import numpy as np
import pytest

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.shapes import SIZES, chains, shapes
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import parse


@pytest.mark.parametrize("name", ["ofa_mbv3", "mbv3_28", "ofa_resnet50"])
def test_that_macs_are_those_of_the_exact_counts(name):
    layers = build(preset(name)).layers
    found = shapes([*layers, None])
    assert found.rows.tolist() == list(range(len(layers)))
    np.testing.assert_array_equal(found.macs, [counts.count(layer).macs for layer in layers])
    assert (found.values > 0).all()


@pytest.mark.parametrize("name", ["ofa_mbv3", "resnet_32"])
@pytest.mark.parametrize("size", SIZES)
def test_that_a_chain_differs_in_one_size_and_rises(size, name):
    layers = build(preset(name)).layers
    found = chains(shapes(layers), size)
    assert sorted(found.order.tolist()) == list(range(len(layers)))
    for a, b in zip(found.order[:-1], found.order[1:], strict=True):
        one, other = layers[a], layers[b]
        at = int(np.flatnonzero(found.order == a)[0])
        if found.chain[at] != found.chain[at + 1]:
            continue
        assert found.size[at] < found.size[at + 1]
        fields = {f for f in one.__dataclass_fields__ if getattr(one, f) != getattr(other, f)}
        allowed = {
            "resolution": {"height", "width"},
            "kernel": {"kernel"},
            "expand": {"middle"},
            "channels": {"channels_out"},
        }
        assert fields == allowed[size]


def test_that_depthwise_channels_rise_together_and_bare_blocks_are_no_smaller_expansion():
    layers = [parse(f"dwconv {c}x8x8 -> {c} k3 s1 g{c}") for c in (8, 16, 32)]
    layers += [parse(f"mbconv 16x8x8 -> 16 k3 s1 e{e} res relu") for e in (1, 3, 6)]
    along = chains(shapes(layers), "channels")
    assert len({int(c) for c, o in zip(along.chain, along.order, strict=True) if o < 3}) == 1
    along = chains(shapes(layers), "expand")
    chain = {int(o): int(c) for c, o in zip(along.chain, along.order, strict=True)}
    assert chain[4] == chain[5] != chain[3]


def test_that_a_table_without_layers_has_no_chains():
    found = shapes([None, None])
    assert len(found.rows) == 0
    assert len(chains(found, "kernel").order) == 0
