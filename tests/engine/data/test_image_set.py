import numpy as np
import pytest

from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.pool import ArrayPool
from nasstudio.engine.data.splits import divide
from nasstudio.engine.errors import InvalidInput

COUNTS = (200, 100, 50)


@pytest.fixture(scope="module")
def images():
    labels = np.repeat(np.arange(3), COUNTS)
    pixels = np.random.default_rng(0).integers(0, 256, (350, 8, 8, 3), dtype=np.uint8)
    pixels[..., 2] = 77
    parts = divide(labels, train=np.arange(350), test=None, validation=None, seed=0)
    return ImageSet("mine", "Mine", ("a", "b", "c"), ArrayPool(pixels, labels), parts)


def test_that_no_image_is_in_two_splits(images):
    splits = {n: set(images.split(n).index) for n in ("train", "validation", "test")}

    assert not splits["train"] & splits["validation"]
    assert not splits["train"] & splits["test"]
    assert not splits["validation"] & splits["test"]


def test_that_the_halves_make_up_the_validation_split(images):
    whole, first, second = (
        set(images.split(n).index) for n in ("validation", "validation_a", "validation_b")
    )

    assert first | second == whole
    assert not first & second
    assert abs(len(first) - len(second)) <= len(images.classes)


def test_that_an_unknown_split_is_refused_with_the_known_ones(images):
    with pytest.raises(InvalidInput, match="validation_a"):
        images.split("dev")


def test_that_images_and_labels_belong_together(images):
    split = images.split("test")

    np.testing.assert_array_equal(split.labels, np.repeat(np.arange(3), COUNTS)[split.index])
    assert split.images([0, 3]).shape == (2, 8, 8, 3)


def test_that_images_are_copies(images):
    split = images.split("test")
    split.images([0])[:] = 0

    assert split.images([0]).any()


def test_that_class_counts_are_those_of_the_labels(images):
    counts = sum(images.class_counts(n) for n in ("train", "validation", "test"))

    assert counts.tolist() == list(COUNTS)


def test_that_thumbnails_show_every_class_equally_and_repeatably(images):
    pixels, labels = images.thumbnails("train", 9, np.random.default_rng(5))
    again, _ = images.thumbnails("train", 9, np.random.default_rng(5))
    other, _ = images.thumbnails("train", 9, np.random.default_rng(6))

    assert labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(pixels, again)
    assert (pixels != other).any()


def test_that_more_thumbnails_than_images_are_all_images(images):
    pixels, labels = images.thumbnails("test", 10_000, np.random.default_rng(0))

    assert len(pixels) == len(labels) == len(images.split("test"))


def test_that_moments_are_computed_channel_by_channel_and_a_constant_one_divides_by_one(images):
    train = images.split("train")
    pixels = train.images(np.arange(len(train))) / 255

    assert images.mean == pytest.approx(pixels.mean((0, 1, 2)))
    assert images.std[:2] == pytest.approx(pixels.std((0, 1, 2))[:2])
    assert images.std[2] == 1
