from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.cost.counts import macs
from nasstudio.engine.predictor.active import next_networks
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.ensemble import fit
from nasstudio.engine.predictor.kinds import SWIFT
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import unique

SPACE = build(preset("mbv3_28"))


def cost(population):
    return macs(SPACE, population)


def truth(population):
    """Accuracy that saturates: adding up the best options promises too much."""
    x = OneHot(SPACE).of(population).astype(np.float64)
    score = x @ np.random.default_rng(7).uniform(0, 1, x.shape[1])
    return 0.9 - 0.4 * np.exp(-score / 12)


@pytest.fixture(scope="module")
def known():
    return SPACE.sample(120, np.random.default_rng(0))


@pytest.fixture(scope="module")
def predictor(known):
    rng = np.random.default_rng(1)
    return fit(SPACE, known, truth(known), rng, costs=cost(known), judges=1, kinds=SWIFT)


@pytest.fixture(scope="module")
def chosen(known, predictor):
    return next_networks(predictor, cost, known, 20, np.random.default_rng(2))


def test_that_as_many_new_networks_are_chosen_as_asked(known, chosen):
    assert chosen.shape == (20, len(SPACE.genes))
    assert np.array_equal(chosen, SPACE.canonical(chosen))
    both = np.concatenate([known, chosen])
    assert len(unique(both)) == len(unique(known)) + 20


def test_that_they_are_what_a_search_would_find(known, predictor, chosen):
    """Hardly a random network of no more cost is predicted to be better."""
    others = SPACE.sample(2000, np.random.default_rng(3))
    better = [
        (predictor.of(others[cost(others) <= price]) > predicted).mean()
        for price, predicted in zip(cost(chosen), predictor.of(chosen), strict=True)
        if (cost(others) <= price).sum() > 20
    ]
    assert np.mean(better) < 0.02
    assert len(better) >= 5


def test_that_they_are_spread_over_costs(chosen):
    logs = np.log(cost(chosen))
    ends = np.log(cost(np.stack([SPACE.smallest(), SPACE.largest()])))
    assert np.ptp(logs) > 0.4 * np.ptp(ends)


def test_that_the_same_seed_chooses_the_same(known, predictor, chosen):
    again = next_networks(predictor, cost, known, 20, np.random.default_rng(2))
    assert np.array_equal(again, chosen)


def test_that_measuring_them_takes_the_optimism_away(known, predictor, chosen):
    rng = np.random.default_rng(4)
    found, before = known, predictor
    for _ in range(2):
        new = next_networks(before, cost, found, 20, rng)
        found = np.concatenate([found, new])
        before = fit(SPACE, found, truth(found), rng, costs=cost(found), judges=1, kinds=SWIFT)
    fresh = next_networks(before, cost, found, 20, rng)
    first = np.abs(predictor.of(chosen) - truth(chosen)).mean()
    later = np.abs(before.of(fresh) - truth(fresh)).mean()
    assert later < 0.7 * first
