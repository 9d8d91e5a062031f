import importlib.util
from pathlib import Path

import numpy as np
import pytest

from nasstudio.engine.data.fashion import read_part

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_fashion_subset.py"


@pytest.fixture
def script():
    specification = importlib.util.spec_from_file_location("make_fashion_subset", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_that_the_subset_is_the_first_of_each_class_in_file_order(script, idx_folder, tmp_path):
    script.make(idx_folder, tmp_path / "subset", {"train": 3, "t10k": 2})

    for part, each in (("train", 3), ("t10k", 2)):
        images, labels = read_part(idx_folder, part, "")
        kept = [i for i, label in enumerate(labels) if list(labels[:i]).count(label) < each]
        small, small_labels = read_part(tmp_path / "subset", part, "")
        np.testing.assert_array_equal(small, images[kept])
        np.testing.assert_array_equal(small_labels, labels[kept])


def test_that_the_same_source_gives_the_same_bytes(script, idx_folder, tmp_path):
    for name in ("one", "two"):
        script.make(idx_folder, tmp_path / name, {"train": 3, "t10k": 2})

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
