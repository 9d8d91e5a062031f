"""Reading foreign checkpoints: tensors and nothing else."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.errors import CorruptFile, InvalidInput, StudioError
from nasstudio.engine.net.published import checkpoint
from nasstudio.engine.net.published.checkpoint import read_checkpoint

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(7)}


class Hostile:
    """What runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.pth"


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_that_named_tensors_are_read_in_every_way_they_are_saved(path, wrapped, zipped):
    held = {"state_dict": TENSORS, "epoch": 180} if wrapped else TENSORS
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(path)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("zipped", [False, True])
def test_that_a_hostile_file_is_refused_by_name_and_not_run(path, tmp_path, zipped):
    mark = tmp_path / "ran"
    held = {"state_dict": TENSORS, "extra": Hostile(mark)}
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CorruptFile) as problem:
        read_checkpoint(path)
    assert "system" in problem.value.what
    assert "weights_only" not in str(problem.value)
    assert problem.value.where == str(path)
    assert not mark.exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("zipped", [False, True])
def test_that_a_truncated_file_is_refused(path, share, zipped):
    torch.save(TENSORS, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CorruptFile) as problem:
        read_checkpoint(path)
    assert problem.value.where == str(path)
    assert problem.value.remedy


@pytest.mark.parametrize("zipped", [False, True])
def test_that_a_damaged_file_gives_tensors_or_an_error_of_ours(path, zipped):
    torch.save(TENSORS, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            found = read_checkpoint(path)
        except StudioError:
            refused += 1
        else:
            assert all(isinstance(tensor, torch.Tensor) for tensor in found.values())
    assert refused > 5


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ([torch.zeros(2)], "list"),
        ({}, "no named tensors"),
        ({"state_dict": [1]}, "list"),
        ({"a": torch.zeros(1), "b": "text"}, "'b' is a str"),
        ({1: torch.zeros(1)}, "'1'"),
        ({"state_dict": {"x": torch.zeros(1), "y": {"z": torch.zeros(1)}}}, "'y' is a dict"),
    ],
)
def test_that_what_is_no_state_dict_is_refused_by_what_it_holds(path, held, said):
    torch.save(held, path)
    with pytest.raises(CorruptFile, match="tensor") as problem:
        read_checkpoint(path)
    assert said in problem.value.what


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x80\x04N."]
)
def test_that_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(CorruptFile):
        read_checkpoint(path)


def test_that_a_file_that_is_not_there_is_said(path):
    with pytest.raises(InvalidInput, match="not there"):
        read_checkpoint(path)


def test_that_a_file_that_is_too_large_or_would_unpack_to_it_is_refused(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "MOST_BYTES", 100_000)
    torch.save({"a": torch.zeros(30_000)}, path)
    with pytest.raises(InvalidInput, match="MiB"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("net/data.pkl", bytes(1_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(InvalidInput, match="MiB"):
        read_checkpoint(path)
