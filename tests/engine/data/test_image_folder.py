import os
import shutil

import numpy as np
import pytest
from PIL import Image

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import InvalidInput


def opened(folder, **options):
    options = {"folder": str(folder), "size": 8, **options}
    return open_set(DataDocument("image_folder", options))


def sizes(images):
    return [len(images.split(n)) for n in ("train", "validation", "test")]


def test_that_a_flat_folder_of_mixed_sizes_is_divided_by_class(photos):
    images = opened(photos)

    assert images.classes == ("boot", "coat", "hat")
    assert images.title == "photos"
    assert sum(images.class_counts(n) for n in ("train", "validation", "test")).tolist() == [
        30,
        20,
        10,
    ]
    assert images.class_counts("test").tolist() == [6, 4, 2]
    assert images.split("train").images([0]).shape == (1, 8, 8, 3)


def test_that_labels_follow_the_class_folders(tmp_path):
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255))):
        (tmp_path / name).mkdir()
        for i in range(5):
            Image.new("RGB", (10 + i, 12), colour).save(tmp_path / name / f"{i}.png")
    images = opened(tmp_path)

    for split in (images.split("train"), images.split("test")):
        strongest = split.images(np.arange(len(split))).mean((1, 2)).argmax(1)
        assert [images.classes[label] for label in split.labels] == [
            ("red", "green", "blue")[c] for c in strongest
        ]


def test_that_given_splits_are_kept_apart(tmp_path, paint):
    for part, n in (("train", 12), ("val", 4), ("Test", 5)):
        for name in ("a", "b"):
            paint(tmp_path / part / name, n, first=100 * n)

    images = opened(tmp_path)

    assert sizes(images) == [24, 8, 10]
    assert not any("training images, too" in note for note in images.notes)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("train",), [26, 6, 8]),
        (("train", "test"), [32, 8, 8]),
        (("training", "validation"), [32, 8, 8]),
    ],
)
def test_that_missing_splits_are_cut_out_of_the_training_images(tmp_path, paint, parts, expected):
    for part in parts:
        for name in ("a", "b"):
            paint(
                tmp_path / part / name, 20 if part.startswith("train") else 4, first=len(part) * 100
            )

    assert sizes(opened(tmp_path)) == expected


def test_that_classes_may_be_called_train_and_test(tmp_path, paint):
    for name in ("train", "test", "bus"):
        paint(tmp_path / name, 6)

    assert opened(tmp_path).classes == ("bus", "test", "train")


def test_that_folders_may_be_nested_below_a_class(tmp_path, paint):
    paint(tmp_path / "a" / "2024" / "may", 5)
    paint(tmp_path / "a", 4)
    paint(tmp_path / "b", 6)

    assert sum(sizes(opened(tmp_path))) == 15


def test_that_other_files_are_left_out_and_counted(photos):
    (photos / "README.txt").write_text("mine")
    (photos / "boot" / "Thumbs.db").write_bytes(b"x")
    (photos / "boot" / "._0001.png").write_bytes(b"x")
    (photos / ".git").mkdir()
    os.symlink(photos / "nowhere.png", photos / "coat" / "broken.png")
    os.mkfifo(photos / "coat" / "pipe.png")
    os.symlink(photos, photos / "hat" / "loop")

    images = opened(photos)

    assert sum(sizes(images)) == 60
    assert images.notes == ("Other files, left out: 5.",)


def test_that_unreadable_images_are_left_out_and_named(photos):
    whole = (photos / "boot" / "0000.png").read_bytes()
    (photos / "boot" / "0000.png").write_bytes(whole[: len(whole) // 2])
    (photos / "coat" / "0003.png").write_bytes(b"this is no image")
    (photos / "hat" / "0001.png").write_bytes(b"")

    images = opened(photos)

    assert sum(sizes(images)) == 57
    for name in ("left out: 3", "boot/0000.png", "coat/0003.png", "hat/0001.png"):
        assert name in images.notes[0]


def test_that_images_that_are_in_two_splits_are_remarked(tmp_path, paint):
    for part in ("train", "test"):
        for name in ("a", "b"):
            paint(tmp_path / part / name, 10)

    assert any("training images, too" in note for note in opened(tmp_path).notes)


def test_that_the_set_is_grey_only_if_every_image_is(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            pixels = np.random.default_rng(i).integers(0, 256, (9, 9), dtype=np.uint8)
            image = Image.fromarray(pixels)
            image = image.convert("RGB") if i == 0 else image
            image.save(tmp_path / name / f"{i}.png")
    grey = opened(tmp_path)
    colour = Image.new("RGB", (9, 9), (250, 10, 10))
    colour.save(tmp_path / "a" / "9.png")

    assert (grey.channels, opened(tmp_path).channels) == (1, 3)


def test_that_grey_pixels_survive_the_way_through_the_cache(tmp_path):
    expected = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(100):  # more than a block
            pixels = np.random.default_rng((i, name == "b")).integers(
                0, 256, (8, 8), dtype=np.uint8
            )
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
            expected.add(pixels.tobytes())
    (tmp_path / "a" / "broken.png").write_bytes(b"x")
    images = opened(tmp_path)

    found = {
        image.tobytes()
        for n in ("train", "validation", "test")
        for image in images.split(n).images(np.arange(len(images.split(n))))
    }

    assert found == expected


def test_that_the_fingerprint_survives_a_move_and_not_a_change(photos, tmp_path):
    before = opened(photos).fingerprint
    copy = tmp_path / "elsewhere"
    shutil.copytree(photos, copy)
    moved = opened(copy).fingerprint
    Image.new("RGB", (9, 9), "red").save(copy / "hat" / "0000.png")

    assert moved == before
    assert opened(copy).fingerprint != before
    assert opened(photos, size=9).fingerprint != before


def test_that_the_limit_and_the_mirror_option_are_passed_on(photos):
    images = opened(photos, limit=10, flip=False)

    assert sizes(images)[0] == 10
    assert not images.flip


def test_that_a_share_is_refused_where_the_folder_has_its_own_split(tmp_path, paint):
    for part in ("train", "val"):
        for name in ("a", "b"):
            paint(tmp_path / part / name, 5)

    with pytest.raises(InvalidInput, match="validation images of its own"):
        opened(tmp_path, validation=0.2)


def test_that_a_folder_without_class_folders_explains_the_layout(tmp_path, paint):
    paint(tmp_path, 5)

    with pytest.raises(InvalidInput, match=r"no class folders.*train/CLASS"):
        opened(tmp_path)


def test_that_an_empty_folder_explains_the_layout(tmp_path):
    with pytest.raises(InvalidInput, match=r"no class folders"):
        opened(tmp_path)


def test_that_class_folders_without_images_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    with pytest.raises(InvalidInput, match="hold no images"):
        opened(tmp_path)


def test_that_an_empty_class_is_named(photos):
    (photos / "scarf").mkdir()

    with pytest.raises(InvalidInput, match=r"scarf.*'scarf' has no images"):
        opened(photos)


def test_that_a_single_class_is_refused(tmp_path, paint):
    paint(tmp_path / "boot", 5)

    with pytest.raises(InvalidInput, match="only one class, 'boot'"):
        opened(tmp_path)


def test_that_a_test_class_that_is_not_trained_is_named(tmp_path, paint):
    for name in ("train/a", "train/b", "test/a", "test/b", "test/c"):
        paint(tmp_path / name, 4)

    with pytest.raises(InvalidInput, match="'c' is not among the training classes"):
        opened(tmp_path)


def test_that_a_class_with_too_few_readable_images_is_named(photos):
    for path in sorted((photos / "hat").iterdir())[2:]:
        path.write_bytes(b"damaged")

    with pytest.raises(InvalidInput, match=r"'hat' has 2 readable training images; at least 3"):
        opened(photos)


def test_that_a_test_folder_without_readable_images_is_refused(tmp_path, paint):
    for name in ("train/a", "train/b", "test/a"):
        paint(tmp_path / name, 4)
    for path in (tmp_path / "test" / "a").iterdir():
        path.write_bytes(b"damaged")

    with pytest.raises(InvalidInput, match="fewer than 2 readable test images"):
        opened(tmp_path)


def test_that_a_folder_in_which_nothing_can_be_read_is_refused(photos):
    for path in photos.rglob("*.png"):
        path.write_bytes(b"damaged")

    with pytest.raises(InvalidInput, match=r"None of the 60 image files.*boot/0000\.png"):
        opened(photos)
