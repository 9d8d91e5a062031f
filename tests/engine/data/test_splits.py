import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.data.splits import chosen, divide, halves, held_back, ranks
from nasstudio.engine.errors import InvalidInput

counts_of_classes = st.lists(st.integers(3, 60), min_size=2, max_size=6)


def shuffled_labels(counts, seed=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


def flat(labels, **options):
    options = {"seed": 0, **options}
    return divide(labels, train=np.arange(len(labels)), test=None, validation=None, **options)


@given(counts=counts_of_classes, seed=st.integers(0, 2**32 - 1))
def test_that_the_three_splits_share_no_image_and_lose_none(counts, seed):
    parts = flat(shuffled_labels(counts), seed=seed)

    together = np.concatenate([parts.train, parts.validation, parts.test])

    assert sorted(together) == list(range(sum(counts)))


@given(counts=counts_of_classes, seed=st.integers(0, 99), share=st.floats(0.01, 0.5))
def test_that_each_class_is_in_each_split_in_its_proportion(counts, seed, share):
    labels = shuffled_labels(counts)
    parts = flat(labels, seed=seed, validation_share=share, test_share=share)

    for held, of in ((parts.test, labels), (parts.validation, np.delete(labels, parts.test))):
        got = np.bincount(labels[held], minlength=len(counts))
        had = np.bincount(of)
        assert np.all(got >= 1)
        assert np.all(np.abs(got - np.clip(share * had, 1, had - 2)) <= len(counts))
    assert np.all(np.bincount(labels[parts.train], minlength=len(counts)) >= 1)


@given(counts=counts_of_classes)
def test_that_the_halves_of_the_validation_images_are_disjoint_complete_and_stratified(counts):
    labels = shuffled_labels(counts)

    first, second = halves(labels)

    assert sorted(np.concatenate([first, second])) == list(range(len(labels)))
    difference = np.bincount(labels[first], minlength=9) - np.bincount(labels[second], minlength=9)
    assert np.abs(difference).max() <= 1


@given(counts=counts_of_classes, n=st.integers(1, 100))
def test_that_every_prefix_of_a_split_has_nearly_its_class_balance(counts, n):
    labels = shuffled_labels(counts)
    train = flat(labels).train

    got = np.bincount(labels[train[:n]], minlength=len(counts))

    share = np.bincount(labels[train], minlength=len(counts)) / len(train)
    assert np.all(np.abs(got - share * min(n, len(train))) <= 1 + len(counts) / 2)


def test_that_the_same_seed_gives_the_same_splits_and_another_gives_others():
    labels = shuffled_labels([50, 40, 30])

    one, again, other = flat(labels), flat(labels), flat(labels, seed=1)

    np.testing.assert_array_equal(one.train, again.train)
    np.testing.assert_array_equal(one.validation, again.validation)
    assert set(one.validation) != set(other.validation)
    assert set(one.test) != set(other.test)


@pytest.mark.parametrize("limit", [3, 20, 59])
def test_that_a_limit_shortens_the_training_images_only(limit):
    labels = shuffled_labels([60, 30, 12])

    whole, limited = flat(labels), flat(labels, limit=limit)

    assert len(limited.train) == limit
    assert set(limited.train) < set(whole.train)
    assert set(labels[limited.train]) == {0, 1, 2}
    np.testing.assert_array_equal(limited.validation, whole.validation)
    np.testing.assert_array_equal(limited.test, whole.test)


def test_that_a_limit_below_the_number_of_classes_is_refused():
    with pytest.raises(InvalidInput, match="fewer than the classes"):
        flat(shuffled_labels([10, 10, 10]), limit=2)


def test_that_given_splits_are_kept():
    labels = shuffled_labels([40, 40])

    parts = divide(
        labels, train=np.arange(40), validation=np.arange(40, 60), test=np.arange(60, 80), seed=3
    )

    assert set(parts.train) == set(range(40))
    assert set(parts.validation) == set(range(40, 60))
    assert set(parts.test) == set(range(60, 80))


@pytest.mark.parametrize(
    ("n", "held"), [(60_000, 6000), (10_000, 2000), (15_000, 2000), (3000, 600)]
)
def test_that_enough_images_are_held_back_to_judge_by(n, held):
    assert round(n * held_back(n)) == held


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_that_ranks_count_within_each_class(labels):
    expected = [labels[:i].count(label) for i, label in enumerate(labels)]

    assert ranks(np.array(labels)).tolist() == expected


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=8), data=st.data())
def test_that_a_choice_has_the_wanted_size_whenever_the_classes_allow_it(counts, data):
    total = data.draw(st.integers(len(counts), sum(counts)))

    taken = chosen(shuffled_labels(counts), total, np.random.default_rng(0))

    assert np.count_nonzero(taken) == total
