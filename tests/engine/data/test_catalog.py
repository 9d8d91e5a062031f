import json
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from nasstudio.engine.data import catalog
from nasstudio.engine.data.catalog import DEFAULT, open_set, sets
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.fashion import SMALL
from nasstudio.engine.errors import InvalidInput, NeedsExtra, StudioError

PLUGIN = SMALL  # an object that a package could register


def register(monkeypatch, value):
    point = EntryPoint("birds", value, catalog.GROUP)
    monkeypatch.setattr(
        catalog,
        "entry_points",
        lambda group, name=None: (
            [point] if group == catalog.GROUP and name in (None, "birds") else []
        ),
    )


def test_that_a_bare_machine_offers_the_shipped_set_and_says_how_to_get_the_others():
    found = {d.family: d for d in sets()}

    assert [f for f, d in found.items() if d.present] == ["fashion_mnist_small", "image_folder"]
    assert "dataset-fashion-mnist" in found["fashion_mnist"].remedy
    assert "cifar-10-binary" in found["cifar10"].remedy
    assert found[DEFAULT.family].remedy == ""


def test_that_sets_in_the_data_folder_are_present(idx_folder, cifar_folder):
    assert all(d.present for d in sets(idx_folder.parent))


def test_that_options_are_described_with_kind_bounds_and_default():
    options = {o.name: o for o in next(d for d in sets() if d.family == "image_folder").options}

    assert options["folder"].required
    assert options["folder"].kind == "folder"
    assert (options["size"].kind, options["size"].default) == ("integer", 64)
    assert (options["size"].least, options["size"].most) == (8, 512)
    assert (options["validation"].kind, options["validation"].default) == ("share", None)
    assert options["flip"].kind == "flag"
    assert all(o.title and o.about for o in options.values())


@pytest.mark.parametrize(
    ("family", "options", "place"),
    [
        ("fashion_mnist_small", {"folder": "x"}, "folder"),
        ("fashion_mnist_small", {"seed": -1}, r"\$\.seed"),
        ("fashion_mnist_small", {"seed": "0"}, r"\$\.seed"),
        ("fashion_mnist_small", {"validation": 0}, r"\$\.validation"),
        ("fashion_mnist_small", {"validation": float("nan")}, r"\$\.validation"),
        ("fashion_mnist_small", {"limit": 0}, r"\$\.limit"),
        ("image_folder", {}, "folder"),
        ("image_folder", {"folder": "x", "size": 4096}, r"\$\.size"),
        ("image_folder", {"folder": ""}, r"\$\.folder"),
        ("cifar10", {"folder": ["x"]}, r"\$\.folder"),
    ],
)
def test_that_a_wrong_option_is_named(family, options, place):
    with pytest.raises(InvalidInput, match=place) as caught:
        open_set(DataDocument(family, options))

    assert caught.value.remedy.startswith("Options: ")


@pytest.mark.parametrize("name", ["nowhere", "a\0b"])
def test_that_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(InvalidInput, match="folder"):
        open_set(DataDocument("image_folder", {"folder": name}))


def test_that_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"PK")

    with pytest.raises(InvalidInput, match="a file, not a folder"):
        open_set(DataDocument("image_folder", {"folder": str(tmp_path / "photos.zip")}))


def test_that_a_relative_folder_is_inside_the_data_folder(photos):
    images = open_set(DataDocument("image_folder", {"folder": "photos", "size": 8}), photos.parent)

    assert images.classes == ("boot", "coat", "hat")


def test_that_an_unknown_family_says_what_it_needs():
    with pytest.raises(NeedsExtra, match="birds"):
        open_set(DataDocument("birds"))


def test_that_a_family_of_another_package_is_listed_and_opened(monkeypatch):
    register(monkeypatch, "nasstudio.engine.data.fashion:SMALL")

    assert sets()[-1].family == "birds"
    assert open_set(DataDocument("birds", {"limit": 10})).size == 28


@pytest.mark.parametrize(
    "value", ["no_such_module_here:X", "nasstudio.engine.data.fashion:CLASSES"]
)
def test_that_a_broken_package_is_blamed_by_name(monkeypatch, value):
    register(monkeypatch, value)

    with pytest.raises(StudioError, match="birds"):
        open_set(DataDocument("birds"))


def test_that_opening_a_set_imports_no_torch():
    program = (
        "import json, sys; from nasstudio.engine.data.catalog import *; s = open_set(DEFAULT); sets(); s.mean;"
        "from nasstudio.engine.data import augmentation;"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    heavy = {"torch", "torchvision", "scipy", "pandas", "sklearn", "onnx", "onnxruntime"}
    assert not heavy & set(json.loads(done.stdout))
