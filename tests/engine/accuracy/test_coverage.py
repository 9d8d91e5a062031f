from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.accuracy.coverage import coverage, depth
from nasstudio.engine.cost.counts import macs
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import SpaceDocument, unique

STAGE = {"depth": [1, 2], "kernel": [3, 5], "expand": [2, 3], "channels": 8, "stride": 2}
TINY = build(
    SpaceDocument(
        "mobilenetv3",
        "tiny",
        "Tiny",
        {
            "resolution": [8, 12],
            "stem": 8,
            "head": [16, 24],
            "channels": 1,
            "classes": 10,
            "stages": [STAGE],
        },
    )
)
SPACE = build(preset("mbv3_28"))


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 80), st.integers(0, 1000))
def test_that_networks_are_distinct_and_as_many_as_asked(n: int, seed: int) -> None:
    for space in (TINY, SPACE):
        found = coverage(space, n, np.random.default_rng(seed))
        assert len(found) == min(n, space.size())
        assert len(unique(found)) == len(found)
        assert np.array_equal(found, space.canonical(found))
        assert np.array_equal(found, coverage(space, n, np.random.default_rng(seed)))
        genomes = found.tolist()
        assert space.smallest().tolist() in genomes
        assert space.largest().tolist() in genomes


def test_that_one_network_covers_nothing() -> None:
    with pytest.raises(InvalidInput):
        coverage(SPACE, 1, np.random.default_rng(0))


def test_that_they_spread_over_the_whole_range_of_macs() -> None:
    found = np.log(macs(SPACE, coverage(SPACE, 200, np.random.default_rng(0))))
    uniform = np.log(macs(SPACE, SPACE.sample(200, np.random.default_rng(0))))
    edges = np.linspace(found.min(), found.max(), 9)
    chosen, plain = np.histogram(found, edges)[0], np.histogram(uniform, edges)[0]
    assert chosen.min() >= 5
    assert plain.min() < 5


def test_that_every_depth_is_met() -> None:
    depths = depth(SPACE, coverage(SPACE, 200, np.random.default_rng(0)))
    low, high = depth(SPACE, np.stack([SPACE.smallest(), SPACE.largest()]))
    counts = np.bincount((depths - low).astype(int))
    assert len(counts) == high - low + 1
    assert counts.min() >= 6
    plain = np.bincount(
        (depth(SPACE, SPACE.sample(200, np.random.default_rng(0))) - low).astype(int)
    )
    assert plain.min() < 6
