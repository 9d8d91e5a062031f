from __future__ import annotations

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nasstudio.engine.search import pareto

# Few distinct values, so that ties are common.
grid = st.integers(0, 8).map(lambda i: i / 8)
points = hnp.arrays(np.float64, st.tuples(st.integers(0, 40), st.just(2)), elements=grid)


def beaten(objectives, i):
    """Whether another point is at least as good everywhere and better somewhere; all minimised."""
    no_worse = (objectives <= objectives[i]).all(axis=1)
    better = (objectives < objectives[i]).any(axis=1)
    return bool((no_worse & better).any())


@settings(max_examples=40, deadline=None)
@given(points)
def test_that_the_front_is_complete_and_not_dominated(array):
    accuracy, cost = array[:, 0], array[:, 1]
    objectives = np.stack([-accuracy, cost], axis=1)
    found = pareto.front(accuracy, cost)
    expected = {tuple(objectives[i]) for i in range(len(array)) if not beaten(objectives, i)}
    assert {tuple(objectives[i]) for i in found} == expected
    assert len(found) == len(expected)  # equal points once
    assert (np.diff(cost[found]) > 0).all()
    assert (np.diff(accuracy[found]) > 0).all()


@settings(max_examples=40, deadline=None)
@given(points)
def test_that_the_front_names_the_first_of_equal_points(array):
    for i in pareto.front(array[:, 0], array[:, 1]):
        assert i == np.flatnonzero((array == array[i]).all(axis=1))[0]


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(0, 25), st.just(3)), elements=grid))
def test_that_non_dominated_points_of_three_objectives_are_those_of_brute_force(array):
    found = array[pareto.non_dominated(array)]
    expected = {tuple(array[i]) for i in range(len(array)) if not beaten(array, i)}
    assert {tuple(row) for row in found} == expected
    assert len(found) == len(expected)


@settings(max_examples=40, deadline=None)
@given(points)
def test_that_the_hypervolume_is_that_of_moocore(array):
    accuracy, cost = array[:, 0], array[:, 1]
    ours = pareto.hypervolume(accuracy, cost, 0.1, 0.9)
    theirs = moocore.hypervolume(np.stack([-accuracy, cost], axis=1), ref=[-0.1, 0.9])
    assert ours == pytest.approx(theirs, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(points)
def test_that_the_staircase_covers_the_hypervolume(array):
    accuracy, cost = array[:, 0], array[:, 1]
    best = pareto.front(accuracy, cost)
    x, y = pareto.steps(accuracy[best], cost[best], 2.0)
    area = float((np.diff(x) * y[:-1]).sum()) if len(x) else 0.0
    assert area == pytest.approx(pareto.hypervolume(accuracy, cost, 0.0, 2.0), abs=1e-12)


def test_that_a_box_scales_the_hypervolume_to_one():
    box = pareto.Box(1.0, 3.0, 0.5, 0.9)
    assert box.hypervolume(np.array([0.9]), np.array([1.0])) == pytest.approx(1.0)
    assert box.hypervolume(np.array([0.9]), np.array([2.0])) == pytest.approx(0.5)
    assert box.hypervolume(np.zeros(0), np.zeros(0)) == 0.0
    assert pareto.Box(1.0, 1.0, 0.5, 0.9).hypervolume(np.array([0.9]), np.array([1.0])) == 0.0


def test_that_ends_have_all_the_room_and_equal_gaps_the_same():
    line = np.stack([np.arange(5.0), -np.arange(5.0)], axis=1)
    room = pareto.crowding(line)
    assert np.isinf(room[[0, 4]]).all()
    assert room[1:4] == pytest.approx([1.0, 1.0, 1.0])
