from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.predictor.uncertainty import Leverage, best_predicted, calibrated


def test_that_leverage_is_the_distance_that_ridge_regression_sees():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (50, 6)).astype(np.float32)
    x[:, 5] = 0  # an option that was never measured
    leverage = Leverage.fit(x)
    centred = x - x.mean(axis=0)
    inverse = np.linalg.inv(centred.T @ centred + np.eye(6))
    assert leverage.of(x) == pytest.approx(
        np.einsum("nf,fg,ng->n", centred, inverse, centred), abs=1e-5
    )
    new = x[:5].copy()
    new[:, 5] = 1
    assert (leverage.of(new) > leverage.of(x[:5]) + 0.9).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 3), st.floats(0, 3))
def test_that_intervals_hold_nine_of_ten_and_grow_where_errors_do(seed, growth, members):
    rng = np.random.default_rng(seed)
    leverage, variance = rng.exponential(size=(2, 400))
    sd = np.sqrt(1 + growth * leverage + members * variance)
    errors = sd * rng.normal(size=400)
    sure = calibrated(errors[:200], leverage[:200], variance[:200])
    half = sure.interval(leverage[200:], variance[200:])
    assert 0.8 < (np.abs(errors[200:]) <= half).mean() < 0.98
    assert (sure.interval(leverage + 1, variance) >= sure.interval(leverage, variance)).all()
    assert (half > 0).all()


def test_that_intervals_also_hold_the_networks_that_a_search_would_choose():
    rng = np.random.default_rng(1)
    errors = 0.1 * rng.normal(size=300)
    chosen = np.arange(300) < 30
    errors[chosen] += 1.0  # promised too much
    none = np.zeros(300)
    sure = calibrated(errors, none, none, chosen)
    half = sure.interval(none, none)
    assert (np.abs(errors) <= half)[chosen].mean() >= 0.9
    assert (
        half[0] > calibrated(errors[~chosen], none[~chosen], none[~chosen]).interval(none, none)[0]
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 1000))
def test_that_the_fronts_are_chosen_one_behind_the_other(n, least, seed):
    rng = np.random.default_rng(seed)
    predicted, costs = rng.integers(0, 12, (2, n)).astype(float)
    chosen = best_predicted(predicted, costs, least)
    assert chosen.sum() >= min(least, n)
    for i in np.flatnonzero(
        ~chosen
    ):  # what was left has a chosen one that is as good, and no dearer
        assert ((predicted >= predicted[i]) & (costs <= costs[i]) & chosen).any()
