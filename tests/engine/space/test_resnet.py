"""The ResNet space: the original's channels and shapes, canonical genomes, exact size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import SpaceDocument, unique

PUBLISHED = build(preset("ofa_resnet50"))
SMALL = build(preset("resnet_32"))
seeds = st.integers(0, 2**32 - 1)


def document(**changes: object) -> SpaceDocument:
    """Two stages; the widths of the stem and of stage 1 meet in rounding, and some middles too."""
    stages = [
        {"channels": 24, "stride": 1, "depth": [1, 2], "expand": [0.2, 0.25, 0.5], "width": [0.8, 1.0]},
        {"channels": 32, "stride": 2, "depth": [1, 2], "expand": [0.25, 0.5], "width": [0.45, 0.5, 1.0]},
    ]  # fmt: skip
    options: dict[str, object] = {
        "resolution": [16, 20],
        "stages": stages,
        "stem": 16,
        "stem_width": [0.5, 1.0],
        "channels": 1,
        "classes": 3,
    }
    return SpaceDocument("resnet", "tiny", "Tiny", options | changes)


def tiny(**changes: object) -> ResNetSpace:
    return ResNetSpace(document(**changes))


def test_that_the_published_space_is_the_original_one():
    assert isinstance(PUBLISHED, ResNetSpace)
    # OFAResNets with width_mult_list [0.65, 0.8, 1.0]: make_divisible of each (ofa_resnets.py).
    assert PUBLISHED.stem_outer == (40, 48, 64)
    assert PUBLISHED.stem_inner == (24, 24, 32)
    assert PUBLISHED.stage_channels == (
        (168, 208, 256),
        (336, 408, 512),
        (664, 816, 1024),
        (1328, 1640, 2048),
    )
    assert PUBLISHED.middles(0, 0) == (32, 40, 56)
    assert PUBLISHED.middles(3, 2) == (408, 512, 720)
    assert sum(gene.kind == "expand" for gene in PUBLISHED.genes) == 18
    assert sum(gene.kind == "width" for gene in PUBLISHED.genes) == 6
    assert [gene.options for gene in PUBLISHED.genes if gene.kind == "depth"] == [
        (0, 1), (2, 3, 4), (2, 3, 4), (4, 5, 6), (2, 3, 4),
    ]  # fmt: skip


def test_that_the_published_space_has_its_exact_size():
    # Two inner widths of the stem are the same channels, all else differs.
    stages = [
        3 * sum(3**d for d in depth) for depth in ([2, 3, 4], [2, 3, 4], [4, 5, 6], [2, 3, 4])
    ]
    assert PUBLISHED.size() == 25 * 2 * 2 * 3 * int(np.prod(stages, dtype=object))


def test_that_the_layers_of_the_largest_network_are_those_of_the_original():
    names = [text(block.layer) for block in PUBLISHED.blocks(PUBLISHED.largest())]
    assert names[:6] == [
        "conv 3x224x224 -> 32 k3 s2 relu",
        "conv 32x112x112 -> 32 k3 s1 res relu",
        "conv 32x112x112 -> 64 k3 s1 relu",
        "maxpool 64x112x112 -> 64 k3 s2 nobn",
        "bottleneck 64x56x56 -> 256 k3 s1 e0.35 relu",
        "bottleneck 256x56x56 -> 256 k3 s1 e0.35 res relu",
    ]
    assert names[8] == "bottleneck 256x56x56 -> 512 k3 s2 e0.35 relu"
    assert names[-2:] == [
        "pool 2048x7x7 -> 2048 k1 s1 nobn pool",
        "linear 2048x1x1 -> 1000 k1 s1 nobn bias",
    ]
    assert len(names) == 4 + 18 + 2


@given(seeds)
def test_that_equal_networks_have_equal_genomes_and_different_ones_different_rows(seed):
    for space in (SMALL, tiny()):
        population = space.sample(40, np.random.default_rng(seed))
        rows = [tuple(r) for r in space.rows(population)]
        genomes = [tuple(g) for g in population]
        assert len(set(rows)) == len(set(genomes)) == len(unique(population))


@given(seeds)
def test_that_the_canonical_form_keeps_the_network_and_itself(seed):
    rng = np.random.default_rng(seed)
    for space in (PUBLISHED, tiny()):
        drawn = rng.integers(0, space.cardinalities, (30, len(space.genes)), dtype=np.int16)
        canonical = space.canonical(drawn)
        assert np.array_equal(space.rows(drawn), space.rows(canonical))
        assert np.array_equal(space.canonical(canonical), canonical)


@given(seeds)
def test_that_mutants_and_children_stay_in_the_space_and_canonical(seed):
    rng = np.random.default_rng(seed)
    parents = SMALL.sample(30, rng)
    for children in (SMALL.mutate(parents, 0.3, rng), SMALL.crossover(parents, parents[::-1], rng)):
        assert np.array_equal(SMALL.checked(children), children)


@pytest.mark.parametrize("depth", [[0, 1], [0], [1]])
def test_that_the_size_counts_exactly_the_distinct_networks(depth):
    space = tiny(stem_depth=depth)
    every = np.stack(np.meshgrid(*[np.arange(c) for c in space.cardinalities], indexing="ij"), -1)
    population = space.canonical(every.reshape(-1, len(space.genes)).astype(np.int16))
    distinct = population[unique(population)]
    assert len(distinct) == space.size()
    assert len({tuple(rows) for rows in space.rows(distinct)}) == space.size()


def test_that_options_with_the_same_channels_are_one_network():
    space = tiny()
    assert space.stem_outer == (8, 16)
    assert space.stem_inner == (8, 8)
    assert space.stage_channels == ((24, 24), (16, 16, 32))
    assert space.middles(0, 0) == (8, 8, 16)
    genome = space.smallest()
    other = genome.copy()
    for gene in ("stem.inner", "stage1.width", "stage2.width", "stage1.block1.expand"):
        other[space.column(gene)] = 1
    assert np.array_equal(space.canonical(other[None])[0], genome)


def test_that_a_skipped_stem_convolution_and_skipped_blocks_leave_the_others():
    genome = PUBLISHED.largest()
    full = [block.layer for block in PUBLISHED.blocks(genome)]
    for gene in ("stem.depth", "stage3.depth"):
        genome[PUBLISHED.column(gene)] = 0
    genome = PUBLISHED.canonical(genome[None])[0]
    assert [block.layer for block in PUBLISHED.blocks(genome)] == [
        layer for place, layer in enumerate(full) if place not in (1, 16, 17)
    ]
    on = PUBLISHED.active(genome[None])[0]
    off = {gene.name for gene, alive in zip(PUBLISHED.genes, on, strict=True) if not alive}
    assert off == {"stage3.block5.expand", "stage3.block6.expand"}


def test_that_layers_fit_each_other():
    for space in (PUBLISHED, SMALL, tiny(stem_stride=1, stem_pool=False)):
        for genome in space.sample(50, np.random.default_rng(1)):
            layers = [block.layer for block in space.blocks(genome)]
            for before, after in itertools.pairwise(layers):
                assert before.channels_out == after.channels_in
                assert (1 if before.pooled else before.height_out) == after.height


def test_that_the_layers_of_some_resolutions_are_those_of_their_members():
    space = tiny()
    population = space.sample(2000, np.random.default_rng(0))
    at = population[space.resolution(population) == 20]
    reached = {space.layers[row] for row in np.unique(space.rows(at)) if row >= 0}
    assert reached == set(space.layers_at([20]))
    assert set(space.layers_at([16, 20])) == set(space.layers)


def test_that_a_bottleneck_reads_back_from_its_text():
    spec = LayerSpec("bottleneck", 256, 56, 56, 512, 3, 2, middle=176, act="relu")
    assert text(spec) == "bottleneck 256x56x56 -> 512 k3 s2 e0.35 relu"
    assert spec.expand_ratio == 0.35


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stages": []}, ("stages", "at least one")),
        ({"stem_depth": [0, 2]}, ("stem, depth", "leaves")),
        ({"stem_width": [1.0, 0.5]}, ("stem, width", "rise")),
        ({"stem_stride": 3}, ("stem", "stride")),
        ({"colour": "red"}, ("colour",)),
        (
            {"stages": [{"channels": 8, "stride": 1, "depth": [0, 1], "expand": [0.5]}]},
            ("stage 1, depth", "leaves"),
        ),
        (
            {"stages": [{"channels": 8, "stride": 1, "depth": [1], "expand": []}]},
            ("stage 1, expand", "no option"),
        ),
        (
            {"stages": [{"channels": 8, "stride": 4, "depth": [1], "expand": [0.5]}]},
            ("stage 1", "stride"),
        ),
    ],
)
def test_that_a_space_that_cannot_be_names_the_place_and_the_remedy(changes, words):
    with pytest.raises(InvalidInput) as caught:
        build(document(**changes))
    assert all(word in str(caught.value) for word in words)
    assert caught.value.remedy
