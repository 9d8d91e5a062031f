import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.data.pool import ArrayPool
from nasstudio.engine.data.splits import divide
from nasstudio.engine.errors import InvalidInput

PLAIN = Augmentation(0, False)


def image_set(n=130, size=12, channels=3):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 5
    pixels = rng.integers(0, 256, (n, size, size, channels), dtype=np.uint8)
    parts = divide(labels, train=np.arange(n), test=None, validation=None, seed=0)
    return ImageSet("mine", "Mine", tuple("abcde"), ArrayPool(pixels, labels), parts)


IMAGES = image_set()
BATCHES = Batches(IMAGES, "train")


def original(images, split):
    """Bytes again from normalised tensors."""
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (images.mean, images.std))
    return [
        (x * std + mean).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy() for x in split
    ]


@settings(deadline=None)
@given(batch=st.integers(1, 30), epoch=st.integers(0, 5), seed=st.integers(0, 9), data=st.data())
def test_that_an_epoch_resumed_at_a_step_is_the_tail_of_the_whole_one_bit_for_bit(
    batch, epoch, seed, data
):
    start = data.draw(st.integers(0, BATCHES.steps(batch)))

    whole = list(BATCHES.epoch(batch, epoch, seed))
    tail = list(Batches(IMAGES, "train").epoch(batch, epoch, seed, start))

    assert len(whole) == BATCHES.steps(batch)
    assert len(tail) == len(whole) - start
    for (images, labels), (again, labels_again) in zip(whole[start:], tail, strict=True):
        assert torch.equal(images, again)
        assert torch.equal(labels, labels_again)


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_that_pieces_of_a_step_are_the_same_whoever_takes_them(mixup):
    batches = Batches(IMAGES, "train", augmentation=Augmentation(1, True, 0.5, mixup))

    whole = list(batches.pieces(24, 2, 7, 0, 4, range(4)))
    second = list(batches.pieces(24, 2, 7, 1, 4, range(2, 4)))

    expected = [whole[4 * step + part] for step in range(1, len(whole) // 4) for part in (2, 3)]
    assert len(second) == len(expected) > 0
    for (images, labels), (again, labels_again) in zip(expected, second, strict=True):
        assert images.shape[0] == 6
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(images, again)
        assert torch.equal(labels, labels_again)


def test_that_pieces_together_are_the_images_of_the_batch():
    plain = Batches(IMAGES, "train", augmentation=PLAIN)

    (whole, labels), *_ = plain.epoch(24, 0, 3)
    pieces = list(plain.pieces(24, 0, 3, 0, 4, range(4)))[:4]

    assert torch.equal(torch.cat([images for images, _ in pieces]), whole)
    assert torch.equal(torch.cat([found for _, found in pieces]), labels)


def test_that_mixed_images_have_labels_mixed_alike():
    mixing = Batches(IMAGES, "train", augmentation=Augmentation(0, False, mixup=1.0))

    images, labels = next(mixing.pieces(24, 0, 3, 0, 1, range(1)))
    plain, classes = next(Batches(IMAGES, "train", augmentation=PLAIN).epoch(24, 0, 3))

    assert torch.allclose(labels.sum(1), torch.ones(24))
    share = float(labels[torch.arange(24), classes].min())
    rest = (images - share * plain) / (1 - share)  # what was mixed in: other images of the batch
    nearest = (rest[:, None] - plain[None]).abs().amax((2, 3, 4)).min(1).values
    assert float(nearest.max()) < 1e-3
    assert len(set(labels.max(1).values.tolist())) <= 3


def test_that_epochs_and_seeds_differ_in_order_and_in_augmentation():
    def first(epoch, seed):
        return next(iter(BATCHES.epoch(16, epoch, seed)))[0]

    assert not torch.equal(first(0, 0), first(1, 0))
    assert not torch.equal(first(0, 0), first(0, 1))


def test_that_an_epoch_shows_every_image_at_most_once_with_its_label():
    batches = list(Batches(IMAGES, "train", augmentation=PLAIN).epoch(7, 0, 0))
    train = IMAGES.split("train")
    known = {
        image.tobytes(): label
        for image, label in zip(train.images(range(len(train))), train.labels, strict=True)
    }

    seen = np.concatenate(original(IMAGES, [x for x, _ in batches]))
    labels = torch.cat([y for _, y in batches]).tolist()

    assert [known[image.tobytes()] for image in seen] == labels
    assert len({image.tobytes() for image in seen}) == len(seen) == 7 * (len(train) // 7)


def test_that_evaluation_shows_every_image_once_in_order_and_unchanged():
    test = IMAGES.split("test")
    batches = list(Batches(IMAGES, "test").evaluation(10))

    np.testing.assert_array_equal(
        np.concatenate(original(IMAGES, [x for x, _ in batches])), test.images(np.arange(len(test)))
    )
    assert torch.cat([y for _, y in batches]).tolist() == test.labels.tolist()


def test_that_evaluation_can_be_cut_to_a_fair_sample():
    labels = torch.cat([y for _, y in BATCHES.evaluation(4, images=10)])

    assert labels.bincount().tolist() == [2, 2, 2, 2, 2]
    assert sum(len(y) for _, y in BATCHES.evaluation(50, images=10_000)) == len(BATCHES)


@pytest.mark.parametrize("channels", [1, 3])
def test_that_tensors_are_normalised_floats_in_channels_last(channels):
    images, labels = next(iter(Batches(image_set(channels=channels), "train").evaluation(10_000)))

    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.mean((0, 2, 3)).abs().max() < 1e-4
    assert (images.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-4


def test_that_a_split_that_stays_on_disk_gives_the_same_batches():
    resident = list(Batches(IMAGES, "train", resident=True).epoch(8, 2, 3))
    read = list(Batches(IMAGES, "train", resident=False).epoch(8, 2, 3))

    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(resident, read, strict=True))


@pytest.mark.parametrize("batch", [0, 10_000])
def test_that_a_batch_that_cannot_be_filled_is_refused(batch):
    with pytest.raises(InvalidInput, match=r"Mine, train split.*Choose a batch"):
        BATCHES.steps(batch)


def test_that_an_empty_evaluation_batch_is_refused():
    with pytest.raises(InvalidInput, match="Choose 1 or more"):
        next(BATCHES.evaluation(0))


def test_that_the_loader_leaves_the_global_random_state_alone():
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)

    list(BATCHES.epoch(8, 0, 0))

    assert (torch.rand(1), np.random.rand()) == expected


def test_that_the_native_resolution_is_the_tensor_itself():
    images = torch.rand(2, 3, 12, 12)

    assert at_resolution(images, 12) is images


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("px", [6, 9, 16])
def test_that_another_resolution_keeps_brightness_and_layout(px, channels):
    flat = torch.full((2, channels, 12, 12), 0.7).contiguous(memory_format=torch.channels_last)

    scaled = at_resolution(flat, px)

    assert scaled.shape == (2, channels, px, px)
    assert scaled.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(scaled, torch.full_like(scaled, 0.7))


def test_that_scaling_down_is_antialiased():
    stripes = torch.zeros(1, 1, 12, 12)
    stripes[..., ::2] = 1

    assert (at_resolution(stripes, 4) - 0.5).abs().max() < 0.2
