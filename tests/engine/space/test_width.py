"""Elastic width: which layers follow from the widths of a stage and of the one before."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import expanded, make_divisible
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument, unique

WIDE = build(preset("mbv3_28_width"))
assert isinstance(WIDE, MobileNetSpace)


def two_stages(*widths: list[float], depth: tuple[int, ...] = (1, 2)) -> MobileNetSpace:
    """Stages of 16 channels, stride 1 throughout, so that every block could have a residual."""
    stage = {"channels": 16, "stride": 1, "depth": list(depth), "kernel": [3], "expand": [2, 3]}
    options = {
        "resolution": [8, 12],
        "stages": [dict(stage, width=width) for width in widths],
        "stem": 16,
        "channels": 1,
        "classes": 3,
        "head": [16, 16],
    }
    return MobileNetSpace(SpaceDocument("mobilenetv3", "two", "Two", options))


def every_network(space: MobileNetSpace) -> np.ndarray:
    grid = np.meshgrid(*[np.arange(c) for c in space.cardinalities], indexing="ij")
    genomes = np.stack(grid, -1).reshape(-1, len(space.genes)).astype(np.int16)
    return genomes[unique(space.canonical(genomes))]


def test_that_the_size_counts_exactly_the_distinct_networks_of_every_width():
    space = two_stages([0.5, 1.0], [1.0, 2.0, 3.0])
    population = every_network(space)
    assert len(population) == space.size() == 2 * 2 * 3 * (2 + 4) ** 2
    assert len({tuple(row) for row in space.rows(population)}) == len(population)


def test_that_a_block_reads_the_width_of_the_stage_before_and_writes_that_of_its_own():
    for genome in WIDE.sample(200, np.random.default_rng(0)):
        chosen = WIDE.values(genome)
        layers = [block.layer for block in WIDE.blocks(genome)]
        for before, after in itertools.pairwise(layers):
            assert before.channels_out == after.channels_in
        for block in WIDE.blocks(genome)[2:-3]:
            stage = WIDE.options.stages[int(block.stage) - 1]
            width = chosen[f"stage{block.stage}.width"]
            assert block.layer.channels_out == make_divisible(stage.channels * width)


def test_that_the_middle_follows_the_active_input_width():
    space = two_stages([0.5, 1.0], [1.0])
    for genome in every_network(space):
        chosen = space.values(genome)
        at = dict.fromkeys("12", 0)
        for block in space.blocks(genome)[2:-3]:
            at[block.stage] += 1
            ratio = chosen[f"stage{block.stage}.block{at[block.stage]}.expand"]
            assert block.layer.middle == expanded(block.layer.channels_in, ratio)


def test_that_stem_and_head_have_one_width_and_the_head_reads_the_last_stage():
    seen = set()
    for genome in WIDE.sample(60, np.random.default_rng(1)):
        blocks = WIDE.blocks(genome)
        assert [b.layer.channels_out for b in blocks[:2]] == [16, 16]
        assert [b.layer.channels_out for b in blocks[-3:]] == [192, 256, 10]
        seen.add(blocks[-3].layer.channels_in)
    assert seen == set(WIDE.stage_channels[-1])


def test_that_a_first_block_has_a_residual_only_where_no_width_could_forbid_it():
    def firsts(space):
        """Whether the first blocks of the two stages have residuals, over all networks."""
        found = set()
        for genome in every_network(space):
            blocks = space.blocks(genome)
            found.add(
                tuple(next(b for b in blocks if b.stage == s).layer.residual for s in ("1", "2"))
            )
        return found

    assert firsts(two_stages([1.0], [1.0])) == {(True, True)}
    assert firsts(two_stages([0.5, 1.0], [1.0])) == {(False, False)}
    assert firsts(two_stages([0.5, 1.0], [0.5, 1.0])) == {(False, False)}
    assert firsts(two_stages([1.0], [0.5, 1.0])) == {(True, False)}


def test_that_later_blocks_always_have_a_residual():
    space = two_stages([0.5, 1.0], [1.0, 2.0])
    second = {"1": 3, "2": 5}
    for genome in every_network(space):
        for block in space.blocks(genome)[2:-3]:
            if block.position == second[block.stage]:
                assert block.layer.residual


def test_that_the_layers_of_some_resolutions_are_those_that_their_networks_use():
    population = every_network(two_stages([0.5, 1.0], [1.0, 2.0]))
    space = two_stages([0.5, 1.0], [1.0, 2.0])
    some = population[space.resolution(population) == 12]
    used = {space.layers[row] for row in np.unique(space.rows(some)) if row >= 0}
    assert set(space.layers_at([12])) == used
    assert set(space.layers_at([8, 12])) == set(space.layers)


def test_that_one_width_after_rounding_twice_is_refused():
    with pytest.raises(Exception, match=r"stage 2, width: 0.75 and 1 both give 16 channels of 16"):
        two_stages([1.0], [0.75, 1.0])


# The rows of tables and the results of searches refer to these.
@pytest.mark.parametrize(
    ("name", "identity", "layers"),
    [
        ("mbv3_28", "dc7749f18d73975c", 209),
        ("mbv3_28_fast", "f66b1993c09477dd", 136),
        ("mbv3_32", "6e13d05f43ae03bc", 209),
        ("ofa_mbv3", "59f96640a8aadcd4", 1253),
    ],
)
def test_that_spaces_of_one_width_keep_their_identity(name, identity, layers):
    space = build(preset(name))
    assert (space.hash, len(space.layers)) == (identity, layers)
