"""The additive model: it finds what was planted, and its error is that of networks it has not seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.cost.additive import ABSENT, AdditiveModel, fit_additive, summary
from nasstudio.engine.errors import InvalidInput


def _networks(n, seed, noise=0.0, *, multiplied=False):
    rng = np.random.default_rng(seed)
    depth, kernel = rng.choice([2, 3, 4], n), rng.choice([3, 5, 7], n)
    op, width = rng.choice(["a", "b", "c"], n), rng.uniform(0.5, 2.0, n)
    parts = [0.4 * depth, 0.1 * kernel, 0.7 * (op == "b") + 1.1 * (op == "c"), width]
    y = np.exp(sum(parts)) if multiplied else 2 + sum(parts)
    columns = {"depth": depth, "kernel": kernel, "op": op, "width": width}
    return {k: [str(x) for x in v] for k, v in columns.items()}, y * rng.lognormal(0, noise, n)


@pytest.mark.parametrize("multiplied", [False, True])
def test_that_what_adds_or_multiplies_is_found_and_predicts_others(multiplied):
    columns, y = _networks(200, 0, multiplied=multiplied)
    model = fit_additive(columns, y)
    assert model.logarithmic is multiplied
    fresh, truth = _networks(100, 1, multiplied=multiplied)
    np.testing.assert_allclose(model.predict(fresh), truth, rtol=1e-3)
    terms = {term.column: term for term in model.terms}
    assert terms["depth"].options == ("2", "3", "4")
    assert terms["width"].options == ()
    assert model.mape < 1e-3
    assert model.within5 == model.within10 == 1.0
    assert model.tau > 0.99


def test_that_the_error_is_about_that_of_networks_it_has_not_seen():
    columns, y = _networks(300, 0, noise=0.08)
    model = fit_additive(columns, y)
    fresh, noisy = _networks(2000, 1, noise=0.08)
    error = np.abs(model.predict(fresh) / noisy - 1).mean()
    assert model.mape == pytest.approx(error, rel=0.2)
    assert 0.3 < model.within5 < 0.7
    assert "300 whole networks" in summary(model)


def test_that_columns_of_noise_are_held_down_and_names_left_out():
    columns, y = _networks(120, 0, noise=0.02)
    rng = np.random.default_rng(9)
    columns |= {f"noise{i}": rng.choice(list("pqrst"), 120).tolist() for i in range(8)}
    columns["name"] = [f"net-{i}" for i in range(120)]
    model = fit_additive(columns, y)
    assert model.left_out == ("name",)
    assert model.mape < 0.035


def test_that_an_absent_value_adds_nothing():
    columns, y = _networks(100, 0)
    columns["op"] = [ABSENT if value == "a" else value for value in columns["op"]]
    model = fit_additive(columns, y)
    (term,) = (t for t in model.terms if t.column == "op")
    assert ABSENT not in term.options
    np.testing.assert_allclose(model.predict(columns), y, rtol=1e-3)


def test_that_numbers_are_compared_as_numbers():
    y = np.tile([1.0, 2.0], 20)
    (term,) = fit_additive({"d": ["3", "5.0", "3.00", "5"] * 10}, y).terms
    assert term.options == ("3", "5")


@pytest.mark.parametrize(
    ("columns", "y", "said"),
    [
        ({"a": ["1", "2"] * 9}, np.arange(1, 19), "18 networks with a latency"),
        ({"a": ["1", "2"] * 20}, [np.nan, 0.0] * 20, "0 networks with a latency"),
        ({"a": ["1"] * 40}, np.arange(1, 41), "No column tells"),
        ({}, np.arange(1, 41), "No column tells"),
    ],
)
def test_that_too_little_to_fit_is_said(columns, y, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        fit_additive(columns, y)
    assert caught.value.remedy


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "1", "2", "x"]), st.floats(1e-3, 1e4), st.floats(-1e6, 1e6)),
        min_size=20,
        max_size=40,
    )
)
def test_that_any_columns_give_a_model_of_finite_numbers_or_a_reason(networks):
    columns = {"a": [n[0] for n in networks], "b": [repr(n[2]) for n in networks]}
    try:
        found = fit_additive(columns, [n[1] for n in networks])
    except InvalidInput:
        return
    assert isinstance(found, AdditiveModel)
    assert found.problem() == ""
    assert np.isfinite(found.predict(columns)).all()
