from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from nasstudio.engine.cost.metric import TableLatency
from nasstudio.engine.device.correction import Correction
from nasstudio.engine.errors import InfeasibleLimits, InvalidInput
from nasstudio.engine.search.extremes import check_feasible, extremes
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.search.problem import SearchProblem


@dataclass(frozen=True)
class Opaque:
    """A metric of which nothing is known but its values."""

    inner: object
    error = 0.0
    device = None

    key = property(lambda self: self.inner.key)
    title = property(lambda self: self.inner.title)
    unit = property(lambda self: self.inner.unit)

    def of(self, population):
        return self.inner.of(population)


def test_that_exact_ends_are_those_of_all_networks(small_space, small_metrics, everything):
    rng = np.random.default_rng(0)
    assert len(small_metrics) == 6
    for metric in small_metrics:
        end = extremes(small_space, metric, rng)
        values = metric.of(everything)
        assert end.exact
        assert end.smallest == pytest.approx(values.min()), metric.key
        assert end.largest == pytest.approx(values.max()), metric.key
        assert metric.of(end.at_smallest[None])[0] == end.smallest
        assert metric.of(end.at_largest[None])[0] == end.largest


@pytest.mark.parametrize(
    "correction",
    [
        Correction("line", 0.8, 0.3),
        Correction("kinds", 0.8, 0.3, -0.05, {"mbconv": 0.4, "mbconv with SE": 2.5}),
        Correction("residual", 0.8, 0.0, 0.0, {}, {"weights": 5.0, "kernel": -0.4}),
    ],
)
def test_that_a_calibration_keeps_the_ends_exact(
    small_space, small_table, everything, calibrated, correction
):
    device = small_table.devices[0]
    found = calibrated([1.0, 2, 3, 4], [1.0, 2, 3, 4])
    table = small_table.copy()
    table.calibrations[device.id] = msgspec.structs.replace(found, correction=correction)
    metric = TableLatency(small_space, table, device)
    end = extremes(small_space, metric, np.random.default_rng(0))
    values = metric.of(everything)
    assert end.exact
    assert end.smallest == pytest.approx(values.min())
    assert end.largest == pytest.approx(values.max())


def test_that_the_least_memory_is_exact_and_the_most_is_what_a_network_needs(space, metrics):
    memory = next(metric for metric in metrics if metric.key == "memory")
    end = extremes(space, memory, np.random.default_rng(0))
    seen = memory.of(space.sample(3000, np.random.default_rng(1)))
    assert end.exact
    assert end.smallest <= seen.min()
    assert end.largest >= seen.max()
    assert memory.of(end.at_largest[None])[0] == end.largest


def test_that_an_estimate_says_so_and_reaches_the_exact_end(space, metrics):
    rng = np.random.default_rng(0)
    for metric in metrics:
        exact, estimate = extremes(space, metric, rng), extremes(space, Opaque(metric), rng)
        assert exact.exact
        assert not estimate.exact
        assert estimate.smallest >= exact.smallest * (1 - 1e-12)
        assert estimate.smallest == pytest.approx(exact.smallest, rel=0.02)
        assert estimate.largest == pytest.approx(exact.largest, rel=0.02)


def test_that_an_impossible_limit_is_blamed_with_the_nearest_value(space, metrics, accuracy):
    rng = np.random.default_rng(0)
    end = extremes(space, metrics[0], rng)
    tight = Limit(metrics[0].key, end.smallest * 0.99)
    loose = Limit(metrics[2].key, 1e9)
    with pytest.raises(InfeasibleLimits) as problem:
        check_feasible(SearchProblem(space, metrics, accuracy, [tight, loose]), rng)
    assert metrics[0].key in problem.value.where
    assert f"{end.smallest:.4g}" in problem.value.remedy
    assert "about" not in problem.value.remedy


def test_that_a_limit_at_the_smallest_value_can_be_met(space, metrics, accuracy):
    rng = np.random.default_rng(0)
    for metric in metrics:
        end = extremes(space, metric, rng)
        problem = SearchProblem(space, metrics, accuracy, [Limit(metric.key, end.smallest)])
        found = check_feasible(problem, rng)
        assert problem.feasible(problem.values(found[None])).all()


def test_that_limits_which_exclude_each_other_offer_ways_out(
    small_space, small_metrics, small_accuracy, everything
):
    rng = np.random.default_rng(0)
    a, b = small_metrics[0], small_metrics[1]
    ends = [extremes(small_space, m, rng).smallest for m in (a, b)]
    values = np.stack([m.of(everything) for m in (a, b)], axis=1)
    limits = [Limit(a.key, ends[0]), Limit(b.key, ends[1])]
    assert not (values <= ends).all(axis=1).any()  # otherwise this test says nothing
    with pytest.raises(InfeasibleLimits, match="together") as problem:
        check_feasible(SearchProblem(small_space, small_metrics, small_accuracy, limits), rng)
    nearest = values[values[:, 1] <= ends[1], 0].min()
    assert f"{nearest:.4g}" in problem.value.remedy


def test_that_random_limits_get_the_answer_of_brute_force(
    small_space, small_metrics, small_accuracy, everything
):
    rng = np.random.default_rng(5)
    values = np.stack([m.of(everything) for m in small_metrics], axis=1)
    low, high = values.min(axis=0), values.max(axis=0)
    answers = []
    for _ in range(25):
        most = low + (high - low) * rng.uniform(-0.02, 0.4, len(low))
        limits = [Limit(m.key, float(v)) for m, v in zip(small_metrics, most, strict=True)]
        problem = SearchProblem(small_space, small_metrics, small_accuracy, limits)
        possible = bool((values <= most).all(axis=1).any())
        answers.append(possible)
        if possible:
            found = check_feasible(problem, rng)
            assert problem.feasible(problem.values(found[None])).all()
        else:
            with pytest.raises(InfeasibleLimits):
                check_feasible(problem, rng)
    assert len(set(answers)) == 2


def test_that_a_limit_on_an_unknown_metric_is_refused(space, metrics, accuracy):
    with pytest.raises(InvalidInput, match="'watts'"):
        SearchProblem(space, metrics, accuracy, [Limit("watts", 1)])
