import pickle
import shutil

import numpy as np
import pytest

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, InvalidInput


def cifar(**options):
    return DataDocument("cifar10", {k: str(v) if k == "folder" else v for k, v in options.items()})


def test_that_the_binary_version_is_read_across_its_files(cifar_folder):
    images = open_set(cifar(folder=cifar_folder))

    train, validation, test = (images.split(n) for n in ("train", "validation", "test"))
    assert (len(train), len(validation), len(test)) == (80, 20, 20)
    assert (images.size, images.channels, images.title) == (32, 3, "CIFAR-10")
    for split in (train, validation, test):
        pixels = split.images(np.arange(len(split)))
        numbers = (
            pixels[:, 0, 0, 0].astype(int) * 256 + pixels[:, 0, 1, 0]
        )  # marked in the red plane
        np.testing.assert_array_equal(numbers, split.index)
        np.testing.assert_array_equal(split.labels, split.index % 10)
    assert set(test.index) == set(range(100, 120))


def test_that_pixels_keep_their_rows_columns_and_colours(cifar_folder):
    test = open_set(cifar(folder=cifar_folder)).split("test")
    record = np.fromfile(cifar_folder / "test_batch.bin", dtype=np.uint8)[:3073]

    image = test.images([int(np.flatnonzero(test.index == 100)[0])])[0]

    for channel in range(3):
        np.testing.assert_array_equal(
            image[..., channel].ravel(), record[1:].reshape(3, -1)[channel]
        )


def test_that_it_is_found_in_the_data_folder(cifar_folder):
    assert len(open_set(cifar(), cifar_folder.parent).split("test")) == 20


def test_that_the_fingerprint_follows_the_content(cifar_folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(cifar_folder, copy)
    one, two = (open_set(cifar(folder=f)).fingerprint for f in (cifar_folder, copy))
    content = bytearray((copy / "data_batch_3.bin").read_bytes())
    content[100] ^= 1
    (copy / "data_batch_3.bin").write_bytes(content)

    assert one == two != open_set(cifar(folder=copy)).fingerprint


def test_that_the_jpeg_tree_is_read_and_named_for_what_it_is(cifar_tree):
    images = open_set(cifar(folder=cifar_tree))

    assert images.title == "CIFAR-10 (JPEG)"
    assert images.classes[0] == "airplane"
    assert [len(images.split(n)) for n in ("train", "validation", "test")] == [30, 10, 20]
    assert any("published" in note for note in images.notes)


def test_that_the_pickled_version_is_refused_and_never_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was read",))

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "test_batch"):
        (folder / name).write_bytes(pickle.dumps(Trap()))

    for place in (folder, tmp_path):
        with pytest.raises(InvalidInput, match=r"pickles.*cifar-10-binary\.tar\.gz"):
            open_set(cifar(folder=place))


def test_that_a_truncated_file_is_named(cifar_folder):
    path = cifar_folder / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(CorruptFile, match=r"data_batch_4\.bin.*not a whole number"):
        open_set(cifar(folder=cifar_folder))


def test_that_an_empty_file_is_named(cifar_folder):
    (cifar_folder / "data_batch_2.bin").write_bytes(b"")

    with pytest.raises(CorruptFile, match=r"data_batch_2\.bin"):
        open_set(cifar(folder=cifar_folder))


def test_that_a_label_out_of_range_is_named(cifar_folder):
    path = cifar_folder / "test_batch.bin"
    content = bytearray(path.read_bytes())
    content[3073 * 5] = 77
    path.write_bytes(content)

    with pytest.raises(CorruptFile, match=r"test_batch\.bin.*Label 77 of image 5"):
        open_set(cifar(folder=cifar_folder))


def test_that_a_missing_file_is_named(cifar_folder):
    (cifar_folder / "data_batch_5.bin").unlink()

    with pytest.raises(InvalidInput, match=r"lacks data_batch_5\.bin"):
        open_set(cifar(folder=cifar_folder))


def test_that_a_missing_set_says_what_to_get(tmp_path):
    with pytest.raises(InvalidInput, match=r"cifar-10-binary\.tar\.gz"):
        open_set(cifar(), tmp_path)
