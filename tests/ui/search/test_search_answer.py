import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.search.limit import Limit
from nasstudio.ui.views.answer import answer, arrange
from nasstudio.ui.views.seen import Seen


def seen_of(rng, n, *, coarse):
    """Random networks; coarse values make ties."""
    values = {key: rng.random(n) for key in ("latency:a", "macs", "accuracy")}
    if coarse:
        values = {key: np.round(column, 1) for key, column in values.items()}
    genomes = np.arange(n, dtype=np.int16)[:, None]
    return Seen(genomes, values, np.arange(n, dtype=float) // 5)


def front_by_hand(x, y, mask, x_sign, y_sign):
    """Points that no other one beats, by comparing all pairs; signs turn merit up."""
    members = np.flatnonzero(mask)
    a, b = x_sign * x, y_sign * y
    return {
        (float(x[i]), float(y[i]))
        for i in members
        if not any(
            (a[j] >= a[i] and b[j] > b[i]) or (a[j] > a[i] and b[j] >= b[i]) for j in members
        )
    }


@pytest.mark.parametrize(
    "axes", [("latency:a", "accuracy"), ("accuracy", "macs"), ("latency:a", "macs")]
)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 40), coarse=st.booleans())
@settings(max_examples=40, deadline=None)
def test_that_the_answer_is_the_one_found_by_comparing_every_pair(axes, seed, n, coarse):
    rng = np.random.default_rng(seed)
    seen = seen_of(rng, n, coarse=coarse)
    limits = [Limit("latency:a", float(rng.random())), Limit("macs", float(rng.random()))]
    found = answer(arrange(seen, *axes), limits)

    mask = (seen.values["latency:a"] <= limits[0].most) & (seen.values["macs"] <= limits[1].most)
    np.testing.assert_array_equal(found.mask, mask)
    assert found.count == mask.sum()
    if mask.any():
        assert mask[found.best]
        assert seen.values["accuracy"][found.best] == seen.values["accuracy"][mask].max()
    else:
        assert found.best is None
    x, y = seen.values[axes[0]], seen.values[axes[1]]
    signs = [1 if key == "accuracy" else -1 for key in axes]
    assert {(float(x[i]), float(y[i])) for i in found.front} == front_by_hand(x, y, mask, *signs)


@given(seed=st.integers(0, 10_000), most=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_that_the_front_beyond_begins_where_the_limit_on_the_axis_ends(seed, most):
    seen = seen_of(np.random.default_rng(seed), 60, coarse=False)
    found = answer(arrange(seen, "latency:a", "accuracy"), [Limit("latency:a", most)])
    assert (seen.values["latency:a"][found.beyond] > most).all()
    assert set(found.front.tolist()) | set(found.beyond.tolist()) == set(found.whole.tolist())


def test_that_of_equally_accurate_networks_the_cheapest_is_the_best():
    values = {"latency:a": np.array([3.0, 1.0, 2.0]), "accuracy": np.array([0.9, 0.9, 0.9])}
    seen = Seen(np.zeros((3, 1), np.int16), values, np.zeros(3))
    assert answer(arrange(seen, "latency:a", "accuracy"), []).best == 1


def test_that_a_replayed_generation_shows_only_what_was_known_then():
    seen = seen_of(np.random.default_rng(0), 50, coarse=False)
    found = answer(arrange(seen, "latency:a", "accuracy"), [], generation=3)
    assert found.count == 20
    assert found.best == int(np.argmax(seen.values["accuracy"][:20]))


def test_that_a_value_that_is_no_number_meets_no_limit():
    values = {"latency:a": np.array([np.nan, 2.0]), "accuracy": np.array([0.9, 0.5])}
    seen = Seen(np.zeros((2, 1), np.int16), values, np.zeros(2))
    found = answer(arrange(seen, "latency:a", "accuracy"), [Limit("latency:a", 5.0)])
    assert found.best == 1
