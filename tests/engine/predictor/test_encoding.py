from __future__ import annotations

import numpy as np

from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.space.families import build, preset

SPACE = build(preset("mbv3_28"))


def test_that_features_are_the_active_options_of_each_genome():
    population = SPACE.sample(200, np.random.default_rng(0))
    encoding = OneHot(SPACE)
    encoded = encoding.of(population)
    assert encoded.shape == (200, encoding.features)
    assert encoded.dtype == np.float32
    for genome, features in zip(population, encoded, strict=True):
        names = {encoding.names[i] for i in np.flatnonzero(features)}
        expected = {
            f"{name}={value:g}"
            for name, value in SPACE.values(genome).items()
            if not name.endswith("width")  # one option: no choice
        }
        assert names == expected
        assert set(features) <= {0.0, 1.0}


def test_that_equal_networks_have_equal_features():
    drawn = np.random.default_rng(1).integers(0, SPACE.cardinalities, (300, len(SPACE.genes)))
    raw = drawn.astype(np.int16)
    encoding = OneHot(SPACE)
    assert np.array_equal(encoding.of(raw), encoding.of(SPACE.canonical(raw)))
    assert (raw != SPACE.canonical(raw)).any()


def test_that_different_networks_have_different_features():
    population = np.unique(SPACE.sample(2000, np.random.default_rng(2)), axis=0)
    assert len(np.unique(OneHot(SPACE).of(population), axis=0)) == len(population)


def test_that_an_empty_population_has_no_features():
    assert OneHot(SPACE).of(SPACE.sample(0, np.random.default_rng(0))).shape[0] == 0
