"""Differences of accuracies on the same images, and how sure they are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from nasstudio.engine.study.paired import differences, over_images, over_trainings, student95


def test_that_a_difference_is_counted_image_by_image() -> None:
    ours = np.array([1, 1, 1, 0, 0], bool)
    theirs = np.array([[1, 0, 0, 1, 0], [1, 0, 1, 1, 0]], bool)
    assert differences(ours, theirs).tolist() == [0, 1, 0.5, -1, 0]
    found = over_images([differences(ours, theirs)])
    assert found.mean == pytest.approx(0.1)
    assert found.low < found.mean < found.high


def test_that_equal_answers_leave_no_doubt() -> None:
    same = np.random.default_rng(0).random(100) < 0.9
    found = over_images([differences(same, same)])
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_that_pairing_is_sharper_than_two_accuracies() -> None:
    rng = np.random.default_rng(1)
    hard = rng.random(2000) < 0.1
    one, other = ~hard, ~hard ^ (rng.random(2000) < 0.01)
    paired = over_images([differences(one, other)])
    apart = 1.96 * np.hypot(one.std(), other.std()) / np.sqrt(2000)
    assert paired.high - paired.mean < apart / 3


def test_that_the_interval_of_images_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        drawn = rng.choice([-1.0, 0.0, 1.0], size=(3, 300), p=[0.05, 0.87, 0.08])
        found = over_images(list(drawn))
        held += found.low <= 0.03 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_that_trainings_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    rows = [rng.choice([-1.0, 0.0, 1.0], size=500, p=[p, 0.9 - p, 0.1]) for p in (0.02, 0.2)]
    images, trainings = over_images(rows), over_trainings(rows)
    assert trainings.mean == pytest.approx(images.mean)
    assert trainings.low < images.low
    assert over_trainings(rows[:1]).low == -np.inf


def test_that_students_quantiles_fall_to_the_normal_one() -> None:
    widths = [student95(n) for n in range(1, 200)]
    assert all(a >= b for a, b in pairwise(widths))
    assert student95(4) == pytest.approx(2.776)
    assert student95(60) == pytest.approx(2.000, abs=2e-3)
    assert student95(0) == np.inf
