"""Which layers of a space are measured and which lie between them."""

import numpy as np

from nasstudio.engine.device.coverage import (
    anchor_resolutions,
    layers_to_measure,
    resolutions_of,
)
from nasstudio.engine.space.families import build, preset


def test_that_the_published_space_is_measured_at_four_resolutions():
    space = build(preset("ofa_mbv3"))
    assert anchor_resolutions(resolutions_of(space)) == (128, 160, 192, 224)
    assert len(space.layers) == 1253
    assert len(layers_to_measure(space)) == 374


def test_that_a_space_of_few_resolutions_is_measured_whole():
    space = build(preset("mbv3_28"))
    assert layers_to_measure(space) == space.layers


def test_that_anchors_are_even_with_both_ends_and_of_equals_the_one_that_halves_well():
    assert anchor_resolutions(range(10, 31)) == (10, 17, 23, 30)
    assert anchor_resolutions([10, 20, 24, 30, 32, 36, 46]) == (10, 24, 32, 46)
    assert anchor_resolutions([64]) == (64,)
    assert anchor_resolutions([]) == ()


def test_that_the_layers_of_a_resolution_are_those_of_its_members():
    space = build(preset("mbv3_28"))
    rng = np.random.default_rng(0)
    population = space.sample(3000, rng)
    population = population[space.resolution(population) == 24]
    used = set(space.rows(space.canonical(population)).ravel().tolist()) - {-1}
    assert {space.layers[row] for row in used} == set(space.layers_at([24]))
    assert space.layers_at([1]) == ()
