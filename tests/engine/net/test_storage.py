"""Supernets on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.net.storage import KIND, SupernetAbout, load_supernet, save_supernet
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.net.tensor_file import read_tensors, write_tensors
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument

DOCUMENT = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [8, 12],
        "stem": 8,
        "head": [16, 24],
        "channels": 3,
        "classes": 4,
        "stages": [
            {"channels": 8, "stride": 1, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
        ],
    },
)
ABOUT = SupernetAbout(
    space=DOCUMENT, phase="Größte", epoch=3, largest={"kernel": 1}, accuracy={"largest": 0.5}
)


@pytest.fixture
def supernet() -> Supernet:
    return Supernet(MobileNetSpace(DOCUMENT), torch.Generator().manual_seed(3))


@pytest.fixture
def path(tmp_path: Path, supernet: Supernet) -> Path:
    save_supernet(tmp_path / "s.safetensors", supernet, ABOUT)
    return tmp_path / "s.safetensors"


def test_that_a_supernet_reads_as_it_was_written(path: Path, supernet: Supernet) -> None:
    found, about = load_supernet(path)
    assert about == ABOUT
    assert found.space.hash == supernet.space.hash
    assert found.state_dict().keys() == supernet.state_dict().keys()
    assert all(map(torch.equal, found.state_dict().values(), supernet.state_dict().values()))


def test_that_equal_supernets_are_equal_files(path: Path, supernet: Supernet) -> None:
    save_supernet(path.with_name("t.safetensors"), supernet, ABOUT)
    assert path.with_name("t.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("place", [0.0, 0.02, 0.3, 0.6, 0.999])
def test_that_any_altered_byte_is_noticed(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 4
    path.write_bytes(content)
    with pytest.raises(CorruptFile) as problem:
        load_supernet(path)
    assert problem.value.where == str(path)


@pytest.mark.parametrize("length", [0, 7, 200, -1])
def test_that_a_truncated_file_is_noticed(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CorruptFile) as problem:
        load_supernet(path)
    assert problem.value.where == str(path)


def test_that_a_foreign_file_is_refused(tmp_path: Path) -> None:
    foreign, other = tmp_path / "foreign.safetensors", tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, foreign)
    write_tensors(other, "nasstudio-checkpoint", {"a": torch.zeros(2)}, b"{}")
    for path in (foreign, other):
        with pytest.raises(CorruptFile, match="not a nasstudio-supernet"):
            load_supernet(path)
    with pytest.raises(InvalidInput, match="not there"):
        load_supernet(tmp_path / "none.safetensors")


@pytest.mark.parametrize("change", ["missing", "unknown", "shape", "type", "nan"])
def test_that_a_tensor_that_does_not_fit_is_named(path: Path, change: str) -> None:
    tensors, about = read_tensors(path, KIND, "")
    name = "blocks.1.depthwise.5to3"
    match change:
        case "missing":
            del tensors[name]
        case "unknown":
            name = "blocks.9.extra"
            tensors[name] = torch.zeros(2)
        case "shape":
            tensors[name] = torch.zeros(8, 8)
        case "type":
            tensors[name] = tensors[name].double()
        case "nan":
            tensors[name][0, 0] = float("nan")
    write_tensors(path, KIND, tensors, about)
    with pytest.raises(CorruptFile, match=name):
        load_supernet(path)


def test_that_a_description_that_does_not_read_is_refused(path: Path) -> None:
    tensors, _ = read_tensors(path, KIND, "")
    write_tensors(path, KIND, tensors, b'{"space": 3}')
    with pytest.raises(CorruptFile, match="description"):
        load_supernet(path)


def test_that_the_file_is_plain_safetensors(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        assert "classifier.linear.weight" in file.keys()  # noqa: SIM118
