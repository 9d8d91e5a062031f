"""Small data sets of every kind, made on the spot, and a machine without any other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasstudio.engine.data.cifar import CLASSES as CIFAR_CLASSES
from nasstudio.engine.data.idx import write_idx


@pytest.fixture(autouse=True)
def bare_machine(tmp_path_factory, monkeypatch):
    """No data set of this machine is found; caches and data go into a temporary folder, which is returned."""
    home = tmp_path_factory.mktemp("machine")
    monkeypatch.setenv("XDG_DATA_DIRS", str(home / "share"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("NASSTUDIO_DATA", str(home / "data"))
    (home / "data").mkdir()
    return home


def marked(n: int, size: int, channels: int = 1) -> np.ndarray:
    """Random images whose first pixels spell their number: each can be recognised."""
    images = np.random.default_rng(n).integers(0, 256, (n, size, size, channels), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.arange(n) // 256, np.arange(n) % 256
    return images


@pytest.fixture
def idx_folder(tmp_path):
    """Fashion-MNIST in little: 40 training and 10 test images of each class, in four gzipped IDX files."""
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    images = marked(500, 28)[..., 0]
    labels = np.arange(500, dtype=np.uint8) % 10
    for part, own in (("train", slice(0, 400)), ("t10k", slice(400, 500))):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images[own])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels[own])
    return folder


@pytest.fixture
def cifar_folder(tmp_path):
    """CIFAR-10 in little: five training files of 20 records and a test file of 20."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    planes = marked(120, 32, 3).transpose(0, 3, 1, 2).reshape(120, -1)
    records = np.concatenate([(np.arange(120, dtype=np.uint8) % 10)[:, None], planes], axis=1)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    for name, part in zip(names, np.split(records, 6), strict=True):
        part.tofile(folder / name)
    return folder


@pytest.fixture
def cifar_tree(tmp_path):
    """CIFAR-10 as JPEG files, 4 training and 2 test images of each class."""
    pixels = marked(60, 32, 3)
    for number, image in enumerate(pixels):
        part = "train" if number < 40 else "test"
        folder = tmp_path / "tree" / part / CIFAR_CLASSES[number % 10]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number:04}.jpg")
    return tmp_path / "tree"


@pytest.fixture
def paint():
    """A function that writes `n` different colour images into a folder. `size` is (width, height)."""

    def paint(folder: Path, n: int, size: tuple[int, int] = (20, 16), first: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + n):
            rng = np.random.default_rng((number, *folder.name.encode()))
            pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:04}.png")

    return paint


@pytest.fixture
def photos(tmp_path, paint):
    """A flat image folder of three unbalanced classes: 30, 20 and 10 images of several sizes."""
    folder = tmp_path / "photos"
    paint(folder / "boot", 30)
    paint(folder / "coat", 20, (40, 70))
    paint(folder / "hat", 10, (9, 9))
    return folder
