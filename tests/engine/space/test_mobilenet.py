import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.counts import params
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset, preset_names, read, save
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.norm import NormRule
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


def chain(**changes):
    document = tiny()
    return msgspec.structs.replace(document, options=document.options | changes)


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


def test_that_once_for_alls_wider_space_has_its_channels():
    # OFAMobileNetV3(width_mult=1.2)
    space = build(preset("ofa_mbv3_w12"))
    assert (space.stem_channels, space.first_channels) == (24, 24)
    assert space.stage_channels == ((32,), (48,), (96,), (136,), (192,))
    assert space.head_channels == (1152, 1536)
    ends = np.stack([space.smallest(), space.largest()])
    assert params(space, ends).tolist() == [4_602_456, 10_701_632]
    assert space.norm_rule == NormRule(1e-5, 0.1)


def test_that_once_for_alls_proxylessnas_has_its_layers():
    # OFAProxylessNASNets(width_mult=1.3); the numbers of parameters were counted in the original.
    space = build(preset("ofa_proxyless_w13"))
    assert space.stage_channels == ((32,), (56,), (104,), (128,), (248,), (416,))
    assert space.size() == 25 * 7371**5 * 9
    assert space.norm_rule == NormRule(1e-3, 0.1)
    blocks = space.blocks(space.largest())
    layers = [block.layer for block in blocks]
    assert text(layers[0]) == "conv 3x224x224 -> 40 k3 s2 relu6"
    assert text(layers[1]) == "mbconv 40x112x112 -> 24 k3 s1 e1 relu6"
    assert text(layers[-2]) == "conv 416x7x7 -> 1664 k1 s1 pool relu6"
    assert text(layers[-1]) == "linear 1664x1x1 -> 1000 k1 s1 nobn bias"
    assert len(layers) == 2 + 21 + 2
    assert [layer.stride for layer in layers[2:-2:4]] == [2, 2, 2, 1, 2, 1]
    assert not any(layer.se for layer in layers)
    ends = np.stack([space.smallest(), space.largest()])
    assert params(space, ends).tolist() == [3_718_832, 7_942_056]
    assert {len(gene) for gene in space.genes if gene.name.startswith("stage6.block1")} == {3}


def test_that_the_norms_of_a_space_do_not_make_other_layers():
    document = preset("proxyless_28")
    other = msgspec.structs.replace(document, options=document.options | {"bn_eps": 1e-5})
    assert build(other).hash == build(document).hash
    assert build(other).norm_rule != build(document).norm_rule


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
        (tiny(width=[0.75, 1.0]), ("stage 1, width", "0.75 and 1 both give 8 channels")),
        (tiny(width=[1.0, 0.5]), ("stage 1, width", "rise")),
        (tiny(expand=[2, 2.1]), ("stage 1, expand", "2 and 2.1 both give", "in the middle")),
        (tiny(act="relu7"), ("stage 1, act", "'relu7'", "relu6")),
        (chain(head=[]), ("head", "one or two")),
        (chain(head=[8, 8, 8]), ("head", "one or two")),
        (chain(head=[0]), ("head", "one or two")),
        (chain(first=0), ("first", "less than 1")),
        (chain(stem_act="tanh"), ("stem_act", "'tanh'", "hswish")),
        (chain(head_act="tanh"), ("head_act", "'tanh'")),
        (chain(stem_stride=4), ("stem_stride", "4")),
        (chain(width_mult=0), ("width_mult", "leaves 0.1 to 10")),
        (chain(bn_eps=0), ("bn_eps", "leaves")),
        (chain(bn_momentum=1.5), ("bn_momentum", "leaves")),
        (chain(head="1280"), ("$.head",)),
        (chain(bn_epsilon=1e-3), ("bn_epsilon",)),
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


def test_that_a_space_in_a_file_is_read_without_python(tmp_path):
    document = chain(first=8, stem_act="relu6", head=[24], head_act="relu6", bn_eps=1e-3)
    path = tmp_path / "mine.json"
    path.write_bytes(save(document))
    space = build(read(path))
    assert [block.stage for block in space.blocks(space.largest())[-2:]] == ["Out", "Out"]
    assert space.norm_rule == NormRule(1e-3, 0.1)


def test_that_what_is_wrong_in_a_file_is_said_with_its_place(tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(save(chain(stages=[{"channels": 8, "stride": 1, "depth": ["two"]}])))
    with pytest.raises(InvalidInput, match=r"\$.stages\[0\]") as caught:
        build(read(path))
    assert "nasstudio space --preset" in caught.value.remedy
    path.write_text('{"family": "mobilenetv3", "name": "x"')
    with pytest.raises(InvalidInput, match="not a space") as caught:
        read(path)
    assert caught.value.where == str(path)


def test_that_a_network_has_a_stable_short_name():
    assert SMALL.identity(SMALL.largest()) == SMALL.identity(SMALL.largest())
    assert len({SMALL.identity(g) for g in SMALL.sample(200, np.random.default_rng(0))}) >= 199
