from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.predictor.kinds import KINDS
from nasstudio.engine.predictor.mlp import Mlp, Ranking
from nasstudio.engine.predictor.pairwise import Pairwise
from nasstudio.engine.predictor.report import judged, tau_top, top
from nasstudio.engine.predictor.ridge import Ridge

GENES, OPTIONS = 6, 3


@pytest.fixture(scope="module")
def data():
    """One-hot features, and a target with a pair of genes that do something together; 120 to learn, 200 to test."""
    rng = np.random.default_rng(0)
    options = rng.integers(0, OPTIONS, (320, GENES))
    x = np.zeros((320, GENES * OPTIONS), dtype=np.float32)
    for gene in range(GENES):
        x[np.arange(320), gene * OPTIONS + options[:, gene]] = 1
    y = x @ rng.normal(0, 1, x.shape[1]) + 2.0 * (options[:, 0] - 1) * (options[:, 1] - 1)
    y = (y - y.mean()) / y.std()
    return x[:120], y[:120].astype(np.float64), x[120:], y[120:].astype(np.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_that_every_kind_ranks_what_it_has_not_seen(kind, data):
    x, y, x_test, y_test = data
    model = KINDS[kind].fit(x, y, np.random.default_rng(0))
    assert kendall_tau(model.mean(x_test), y_test) > 0.6
    assert model.members(x_test).shape == (5, 200)
    assert np.allclose(model.members(x_test).mean(axis=0), model.mean(x_test), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_that_a_kind_is_rebuilt_from_its_arrays(kind, data):
    x, y, x_test, _ = data
    model = KINDS[kind].fit(x, y, np.random.default_rng(0))
    shapes = KINDS[kind].shapes(x.shape[1])
    assert {name: array.shape for name, array in model.arrays().items()} == shapes
    assert all(array.dtype == np.float32 for array in model.arrays().values())
    assert np.array_equal(KINDS[kind](model.arrays()).mean(x_test), model.mean(x_test))


def test_that_pairs_of_options_are_learnt_where_the_additive_model_can_not(data):
    x, y, x_test, y_test = data
    errors = {
        kind: np.mean((kind.fit(x, y, np.random.default_rng(0)).mean(x_test) - y_test) ** 2)
        for kind in (Ridge, Pairwise, Mlp)
    }
    assert errors[Pairwise] < 0.5 * errors[Ridge]
    assert errors[Mlp] < errors[Ridge]


def test_that_the_ranking_loss_falls_with_its_gradient():
    rng = np.random.default_rng(0)
    y = rng.normal(size=40).astype(np.float32)
    out = rng.normal(size=(5, 40)).astype(np.float32)
    weights = np.ones_like(out)

    def loss(out: np.ndarray) -> float:
        order = np.sign(y[:, None] - y)
        difference = out[:, :, None] - out[:, None, :]
        rank = np.log1p(np.exp(-3.0 * order * difference))[:, order != 0].sum() / 40
        return float(0.2 * ((out - y) ** 2).sum() / 2 + 0.5 * rank)

    for _ in range(100):
        before = loss(out)
        out = out - 0.05 * Ranking._errors(out, y, weights, rng)
        assert loss(out) < before
        if np.mean([kendall_tau(member, y) for member in out]) > 0.95:
            break
    else:
        pytest.fail("it never came into order")


def test_that_the_best_tenth_is_ranked_if_it_is_enough_networks():
    rng = np.random.default_rng(0)
    actual = rng.random(300)
    assert sorted(actual[top(actual)]) == sorted(actual)[-30:]
    assert len(top(actual[:60])) == 10
    assert len(top(actual[:8])) == 7
    predicted = np.where(actual > np.quantile(actual, 0.9), 1 - actual, actual)
    assert tau_top(predicted, actual) == -1
    found = judged(
        "ridge",
        predicted,
        actual,
        networks=300,
        taus={"ridge": float("nan")},
        taus_top={},
        interval=np.full(300, 0.01),
        holding=0.5,
        chosen=actual > 0.5,
        noise=None,
    )
    assert (found.n_top, found.tau_top, found.taus["ridge"]) == (30, -1, None)
    assert found.optimism_points == pytest.approx(100 * (predicted - actual)[actual > 0.5].mean())
