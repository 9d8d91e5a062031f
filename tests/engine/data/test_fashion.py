import gzip
import shutil

import numpy as np
import pytest

from nasstudio.engine.data.catalog import DEFAULT, open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.fashion import PARTS, read_part
from nasstudio.engine.data.idx import write_idx
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.resources import resource


def full(**options):
    return DataDocument("fashion_mnist", options)


@pytest.fixture(scope="module")
def small():
    return open_set(DEFAULT)


def test_that_the_shipped_set_has_its_12000_images_in_balanced_splits(small):
    counts = {name: small.class_counts(name).tolist() for name in ("train", "validation", "test")}

    assert counts == {"train": [800] * 10, "validation": [200] * 10, "test": [200] * 10}
    assert (small.size, small.channels, len(small.classes)) == (28, 1, 10)


def test_that_the_shipped_files_hold_1000_and_200_of_each_class():
    for part, each in zip(PARTS, (1000, 200), strict=True):
        images, labels = read_part(resource("data/fashion_mnist_small"), part, "")
        assert images.shape == (each * 10, 28, 28)
        assert np.bincount(labels).tolist() == [each] * 10


def test_that_the_shipped_images_are_all_different(small):
    images = np.concatenate(
        [
            small.split(n).images(np.arange(len(small.split(n))))
            for n in ("train", "validation", "test")
        ]
    )

    assert len({image.tobytes() for image in images}) > 11_990  # the original has a few twins


def test_that_the_shipped_images_show_what_their_labels_say(small):
    """Trousers are narrow, bags are wide: mean images of the classes differ as they should."""
    train = small.split("train")
    images, labels = train.images(np.arange(len(train)))[..., 0] / 255, train.labels

    wide = {c: images[labels == i].mean(0)[14].mean() for i, c in enumerate(small.classes)}

    assert wide["Trouser"] < 0.5 * wide["Coat"]
    assert wide["Sandal"] < 0.5 * wide["Bag"]


def test_that_its_licence_lies_beside_the_shipped_set():
    text = (resource("data/fashion_mnist_small") / "LICENSE").read_text(encoding="utf-8")

    assert "MIT" in text
    assert "Zalando" in text


def test_that_the_moments_are_those_of_the_training_images(small):
    train = small.split("train")
    pixels = train.images(np.arange(len(train))) / 255

    assert small.mean == pytest.approx([pixels.mean()], abs=1e-9)
    assert small.std == pytest.approx([pixels.std()], abs=1e-9)


def test_that_the_full_set_is_found_in_a_named_folder(idx_folder):
    images = open_set(full(folder=str(idx_folder)))

    assert [len(images.split(n)) for n in ("train", "validation", "test")] == [320, 80, 100]


def test_that_the_full_set_is_found_where_debian_puts_it(idx_folder, bare_machine):
    place = bare_machine / "share" / "datasets" / "fashion-mnist"
    place.parent.mkdir(parents=True)
    shutil.copytree(idx_folder, place)

    assert len(open_set(full()).split("test")) == 100


def test_that_the_full_set_is_found_unpacked_where_torchvision_puts_it(idx_folder, tmp_path):
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in idx_folder.iterdir():
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))

    assert len(open_set(full(), tmp_path / "data").split("test")) == 100


def test_that_the_fingerprint_depends_on_content_and_splits_and_not_on_the_place(
    idx_folder, tmp_path
):
    copy = tmp_path / "elsewhere"
    shutil.copytree(idx_folder, copy)

    prints = [
        open_set(full(folder=str(folder), **options)).fingerprint
        for folder, options in (
            (idx_folder, {}),
            (copy, {}),
            (idx_folder, {"seed": 1}),
            (copy, {"limit": 50}),
        )
    ]

    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_that_a_changed_pixel_changes_the_fingerprint(idx_folder):
    before = open_set(full(folder=str(idx_folder))).fingerprint
    path = idx_folder / "t10k-images-idx3-ubyte.gz"
    images = read_part(idx_folder, "t10k", "")[0].copy()
    images[0, 5, 5] ^= 1
    write_idx(path, images)

    assert open_set(full(folder=str(idx_folder))).fingerprint != before


def test_that_files_that_are_not_the_original_ones_are_remarked(idx_folder):
    assert "not the original" in open_set(full(folder=str(idx_folder))).notes[0]


def test_that_a_missing_set_says_how_to_get_it(tmp_path):
    with pytest.raises(InvalidInput, match=r"dataset-fashion-mnist.*download"):
        open_set(full(), tmp_path)


def test_that_a_missing_file_is_named(idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte.gz").unlink()

    with pytest.raises(InvalidInput, match="lacks t10k-labels-idx1-ubyte"):
        open_set(full(folder=str(idx_folder)))


def test_that_a_label_out_of_range_is_named(idx_folder):
    labels = np.arange(100, dtype=np.uint8) % 10
    labels[33] = 10
    write_idx(idx_folder / "t10k-labels-idx1-ubyte.gz", labels)

    with pytest.raises(CorruptFile, match=r"t10k-labels.*Label 10 of image 33"):
        open_set(full(folder=str(idx_folder)))


def test_that_labels_for_other_images_are_noticed(idx_folder):
    write_idx(idx_folder / "t10k-labels-idx1-ubyte.gz", np.arange(90, dtype=np.uint8) % 10)

    with pytest.raises(CorruptFile, match="90 labels for 100 images"):
        open_set(full(folder=str(idx_folder)))


def test_that_images_of_another_size_are_noticed(idx_folder):
    write_idx(idx_folder / "t10k-images-idx3-ubyte.gz", np.zeros((100, 28, 32), dtype=np.uint8))

    with pytest.raises(CorruptFile, match="28 x 32 px"):
        open_set(full(folder=str(idx_folder)))


def test_that_a_class_without_training_images_is_named(idx_folder):
    write_idx(idx_folder / "train-labels-idx1-ubyte.gz", np.arange(400, dtype=np.uint8) % 9)

    with pytest.raises(CorruptFile, match="0 training images of class Ankle boot"):
        open_set(full(folder=str(idx_folder)))
