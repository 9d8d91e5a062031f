"""The PyTorch package runs on its own, in another folder, without this program, and says the same."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nasstudio.engine.errors import StudioError
from nasstudio.engine.export import package
from nasstudio.engine.export.deployment import Deployment
from nasstudio.engine.export.equality import difference, package_logits, torch_logits

FILES = {
    "LICENSE.txt",
    "README.md",
    "labels.txt",
    "network.py",
    "predict.py",
    "preprocess.json",
    "requirements.txt",
    "weights.safetensors",
}


@pytest.fixture
def folder(deployment: Deployment, tmp_path: Path) -> Path:
    return package.write(deployment, tmp_path).parent


def predict(folder: Path, *pictures: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run predict.py as a user would, with nothing of this program to be found.

    -E and -s keep PYTHONPATH and the user's packages out; the folder of the script stays, as for a user.
    """
    command = [sys.executable, "-E", "-s", "-B", str(folder / "predict.py"), *map(str, pictures)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_that_a_package_is_complete(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES
    assert folder.name == "tiny-net-pytorch"


def test_that_a_package_gives_the_networks_logits_in_a_process_without_this_program(
    folder: Path, network: nn.Module, images: np.ndarray
) -> None:
    found = package_logits(folder, images)
    assert difference(torch_logits(network, images, 20), found) < 1e-5


def test_that_a_package_that_does_not_run_says_why(folder: Path, images: np.ndarray) -> None:
    (folder / "network.py").write_text("raise ImportError('no module named nonsense')")
    with pytest.raises(StudioError, match="nonsense"):
        package_logits(folder, images)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of every kind that people have, and two files that are none."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    shapes = {"grey": (30, 40), "exact": (14, 14), "colour": (14, 14, 3), "alpha": (50, 9, 4)}
    for name, shape in shapes.items():
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(folder / f"{name}.png")
    deep = (rng.integers(0, 256, (14, 20)) << 8).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    palette = Image.fromarray(rng.integers(0, 256, (20, 20)).astype(np.uint8)).convert("P")
    palette.save(folder / "palette.gif")
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def predicted(
    pictures: Path, tmp_path_factory: pytest.TempPathFactory, shared_deployment: Deployment
) -> subprocess.CompletedProcess[str]:
    """What predict.py says about all of them, run once: a start of torch takes seconds."""
    folder = package.write(shared_deployment, tmp_path_factory.mktemp("package"))
    files = [*sorted(pictures.iterdir()), pictures / "gone.png"]
    return predict(folder.parent, *files, cwd=pictures)


def test_that_predict_names_the_class_of_pictures_of_every_kind(
    predicted: subprocess.CompletedProcess[str], deployment: Deployment
) -> None:
    lines = predicted.stdout.splitlines()
    assert len(lines) == 6, predicted.stderr
    for line in lines:
        named = line.rsplit(": ", 1)[1]
        assert any(named.startswith(label) for label in deployment.labels)
        assert named.count("%") == 3


def test_that_predict_goes_on_after_a_file_that_is_no_picture(
    predicted: subprocess.CompletedProcess[str],
) -> None:
    assert predicted.returncode == 2
    assert "bad.png" in predicted.stderr
    assert "gone.png" in predicted.stderr
    assert "Traceback" not in predicted.stderr


def test_that_predict_says_what_the_network_says_about_an_image_of_the_set(
    predicted: subprocess.CompletedProcess[str],
    pictures: Path,
    deployment: Deployment,
    network: nn.Module,
) -> None:
    pixels = np.asarray(Image.open(pictures / "exact.png"))
    size = deployment.preprocessing.resolution
    image = torch.from_numpy(pixels.astype(np.float32))[None, None]
    image = nn.functional.interpolate(image, size=(size, size), mode="bilinear", antialias=True)
    with torch.inference_mode():
        shares = network((image / 255 - 0.3) / 0.25).softmax(1)[0]
    best = int(shares.argmax())
    (said,) = (line for line in predicted.stdout.splitlines() if "exact.png" in line)
    expected = f"{deployment.labels[best]} {100 * float(shares[best]):.1f} %"
    assert said.rsplit(": ", 1)[1].startswith(expected)


@pytest.mark.parametrize("title", ['"""', "a\\", "two\nlines", "{size} %s", "'''\\\"\"\""])
def test_that_no_title_breaks_the_source(
    deployment: Deployment, title: str, tmp_path: Path
) -> None:
    odd = replace(deployment, title=title, facts={"data": title, "data_licence": "MIT"})
    folder = package.write(odd, tmp_path).parent
    compile((folder / "network.py").read_text("utf-8"), "network.py", "exec")
    assert "MIT" in (folder / "LICENSE.txt").read_text("utf-8")


def test_that_a_label_stays_on_its_line(deployment: Deployment, tmp_path: Path) -> None:
    odd = replace(deployment, labels=("a\nb", "c\u2028d", "Größe"))
    folder = package.write(odd, tmp_path).parent
    labels = (folder / "labels.txt").read_text("utf-8").splitlines()
    assert labels == ["a b", "c d", "Größe"]


def test_that_preprocessing_is_written_in_full(folder: Path, deployment: Deployment) -> None:
    found = json.loads((folder / "preprocess.json").read_text("utf-8"))
    assert (found["channels"], found["size"], found["size"]) == deployment.input_shape
    assert found["source_size"] == 14
    assert (found["mean"], found["std"]) == ([0.3], [0.25])


def test_that_a_folder_that_is_in_the_way_is_not_overwritten(
    deployment: Deployment, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileExistsError):
        package.write(deployment, tmp_path)
