import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset, preset_names, save
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import SpaceDocument, unique

SMALL = build(preset("mbv3_28"))
seeds = st.integers(0, 2**32 - 1)


def tiny(**changes):
    stage = {"channels": 8, "stride": 2, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
    options = {
        "resolution": [16, 20],
        "stages": [dict(stage, **changes)],
        "channels": 1,
        "classes": 3,
        "head": [16, 16],
    }
    return SpaceDocument("mobilenetv3", "tiny", "Tiny", options)


def test_that_the_published_space_has_the_published_size():
    space = build(preset("ofa_mbv3"))
    assert space.size() == 25 * 7371**5
    assert len(space.genes) == 1 + 5 * (2 + 4 * 2)


def test_that_the_published_space_has_1253_distinct_layers_and_374_at_four_resolutions():
    document = preset("ofa_mbv3")
    four = msgspec.structs.replace(
        document, options=dict(document.options, resolution=[128, 160, 192, 224])
    )
    assert len(build(document).layers) == 1253
    assert len(build(four).layers) == 374


@pytest.mark.parametrize("name", preset_names())
def test_that_every_preset_builds_and_every_option_is_reached(name):
    space = build(preset(name))
    population = space.sample(3000, np.random.default_rng(0))
    reached = np.unique(space.rows(population))
    assert reached.min() == -1
    assert set(reached) >= {0, len(space.layers) - 1}
    assert space.size() > 1000


@given(seeds)
def test_that_equal_networks_have_equal_genomes_and_different_ones_different_rows(seed):
    population = SMALL.sample(40, np.random.default_rng(seed))
    rows = [tuple(r) for r in SMALL.rows(population)]
    genomes = [tuple(g) for g in population]
    assert len(set(rows)) == len(set(genomes)) == len(unique(population))


@given(seeds)
def test_that_mutants_and_children_stay_in_the_space_and_canonical(seed):
    rng = np.random.default_rng(seed)
    parents = SMALL.sample(30, rng)
    for children in (SMALL.mutate(parents, 0.3, rng), SMALL.crossover(parents, parents[::-1], rng)):
        assert np.array_equal(SMALL.checked(children), children)


def test_that_the_size_counts_exactly_the_distinct_networks():
    space = build(tiny())
    every = np.stack(np.meshgrid(*[np.arange(c) for c in space.cardinalities], indexing="ij"), -1)
    population = space.canonical(every.reshape(-1, len(space.genes)).astype(np.int16))
    assert len(unique(population)) == space.size()


def test_that_a_deeper_network_adds_layers_and_the_first_of_a_stage_stay():
    space = build(tiny())
    genome = space.largest()
    shallow = genome.copy()
    shallow[space.column("stage1.depth")] = 0
    deep_layers = [b.layer for b in space.blocks(genome)]
    shallow_layers = [b.layer for b in space.blocks(space.canonical(shallow[None])[0])]
    assert len(deep_layers) == len(shallow_layers) + 1
    assert shallow_layers == deep_layers[:3] + deep_layers[4:]


def test_that_layers_fit_each_other():
    for genome in SMALL.sample(50, np.random.default_rng(1)):
        layers = [block.layer for block in SMALL.blocks(genome)]
        for before, after in itertools.pairwise(layers):
            assert before.channels_out == after.channels_in
            assert (1 if before.pooled else before.height_out) == after.height


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (tiny(kernel=[3, 4]), ("stage 1, kernel", "even")),
        (tiny(kernel=[5, 3]), ("stage 1, kernel", "rise")),
        (tiny(depth=[]), ("stage 1, depth", "no option")),
        (tiny(expand=[0.5]), ("stage 1, expand", "leaves")),
        (tiny(stride=3), ("stage 1", "stride")),
        (tiny(width=[0.5, 1.0]), ("stage 1, width", "not searched")),
        (tiny(colour="red"), ("colour",)),
        (SpaceDocument("mobilenetv3", "x", "X", {"stages": []}), ("resolution",)),
    ],
)
def test_that_a_space_that_cannot_be_names_the_place_and_the_remedy(document, words):
    with pytest.raises(InvalidInput) as caught:
        build(document)
    assert all(word in str(caught.value) for word in words)
    assert caught.value.remedy


def test_that_genomes_of_another_space_are_refused():
    with pytest.raises(InvalidInput, match="does not belong"):
        SMALL.checked([[0, 1, 2]])
    with pytest.raises(InvalidInput, match="has no option"):
        SMALL.checked([[99] * len(SMALL.genes)])


def test_that_a_saved_space_is_the_same_space(tmp_path):
    document = with_data(preset("mbv3_28"), channels=3, classes=7)
    again = msgspec.json.decode(save(document), type=SpaceDocument)
    assert build(again).hash == build(document).hash
    assert build(again).hash != SMALL.hash


def test_that_a_network_has_a_stable_short_name():
    assert SMALL.identity(SMALL.largest()) == SMALL.identity(SMALL.largest())
    assert len({SMALL.identity(g) for g in SMALL.sample(200, np.random.default_rng(0))}) >= 199
