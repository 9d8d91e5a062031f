import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.data.augmentation import Augmentation, augmented

IMAGES = np.random.default_rng(1).integers(1, 256, (40, 9, 9, 3), dtype=np.uint8)


@given(padding=st.integers(0, 4), flip=st.booleans(), seed=st.integers(0, 1000))
def test_that_every_image_is_a_shifted_and_perhaps_mirrored_copy(padding, flip, seed):
    result = augmented(IMAGES, Augmentation(padding, flip), np.random.default_rng(seed))

    steps = range(2 * padding + 1)
    for image, got in zip(IMAGES, result, strict=True):
        padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
        crops = [padded[y : y + 9, x : x + 9] for y in steps for x in steps]
        crops += [crop[:, ::-1] for crop in crops] if flip else []
        assert any(np.array_equal(got, crop) for crop in crops)


def test_that_images_of_a_batch_are_changed_independently():
    same = np.repeat(IMAGES[:1], 60, axis=0)

    result = augmented(same, Augmentation(3, True), np.random.default_rng(0))

    assert len({image.tobytes() for image in result}) > 30  # of 98


def test_that_about_half_are_mirrored():
    result = augmented(
        np.repeat(IMAGES[:1], 1000, axis=0), Augmentation(0, True), np.random.default_rng(0)
    )

    mirrored = (result == IMAGES[0][:, ::-1]).all((1, 2, 3)).sum()

    assert 440 < mirrored < 560


def test_that_no_padding_and_no_flip_change_nothing():
    result = augmented(IMAGES, Augmentation(0, False), np.random.default_rng(0))

    np.testing.assert_array_equal(result, IMAGES)


def test_that_a_share_of_the_images_loses_a_rectangle_of_the_published_size():
    flat = np.full((400, 20, 20, 1), 7, dtype=np.uint8)

    result = augmented(flat, Augmentation(0, False, erase=0.25), np.random.default_rng(0))

    gone = (result != 7)[..., 0]
    hit = gone.any((1, 2))
    assert 70 < hit.sum() < 130
    for image in gone[hit]:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert image.sum() >= 0.9 * area - 2  # noise may have the old brightness here and there
        assert area <= 0.36 * 400
