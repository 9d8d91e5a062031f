"""The `kit` command makes a kit, and `table --import` takes back what its runner has measured."""

import json
import os
import subprocess
import sys

import pytest

from nasstudio.cli.main import main
from nasstudio.engine.job.specification import KitSpec, decode
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument

OPTIONS = {
    "resolution": [8, 12],
    "stem": 8,
    "stem_stride": 1,
    "head": [16, 16],
    "channels": 1,
    "classes": 4,
    "stages": [{"channels": 8, "stride": 2, "depth": [1, 2], "kernel": [3], "expand": [2.0, 3.0]}],
}
TINY = SpaceDocument("mobilenetv3", "tiny", "Tiny", OPTIONS)


@pytest.fixture
def path(tmp_path):
    project = Project.create(tmp_path / "mine.nasproj", "Mine")
    project.put("space", TINY)
    project.close()
    return tmp_path / "mine.nasproj"


def _table(path):
    project = Project.open(path)
    try:
        return project.table
    finally:
        project.close()


def test_that_a_kit_goes_out_and_comes_back_as_a_device(path, tmp_path, capsys):
    kit = tmp_path / "kit"
    assert main(["kit", str(path), "--out", str(kit), "--networks", "5", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["target"] == str(kit)
    assert summary["networks"] >= 4
    done = subprocess.run(
        [sys.executable, str(kit / "run_kit.py"), "--quick", "--title", "board"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    results = kit / "results-board.json"
    assert main(["table", str(path), "--import", str(results)]) == 0
    table, space = _table(path), build(TINY)
    (device,) = table.devices
    assert (device.title, device.runtime) == ("board", "onnxruntime")
    assert table.missing(space.layers, device) == []
    assert len(table.calibrations[device.id].genomes) == summary["networks"]


def test_that_results_that_were_edited_change_nothing(path, tmp_path, capsys):
    file = tmp_path / "results-x.json"
    file.write_text('{"format": "nasstudio-kit-results", "version": 1, "runs": []}')
    assert main(["table", str(path), "--import", str(file)]) == 2
    said = capsys.readouterr().err
    assert "results-x.json" in said
    assert "Run the kit again" in said
    assert _table(path).devices == []


def test_that_the_specification_can_be_looked_at(path, tmp_path, capsys):
    words = ["--formats", "onnx, executorch", "--networks", "7", "--print-spec"]
    assert main(["kit", str(path), "--out", str(tmp_path / "k.zip"), *words]) == 0
    spec = decode(capsys.readouterr().out.encode())
    assert isinstance(spec, KitSpec)
    assert (spec.formats, spec.networks, spec.kind) == (("onnx", "executorch"), 7, "kit")
    assert not spec.exclusive


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--formats", "onnx,coffee"], "coffee"), (["--formats", ""], "needs a format")],
)
def test_that_a_kit_that_can_not_be_made_is_said_and_leaves_nothing(
    path, tmp_path, capsys, words, said
):
    target = tmp_path / "kit"
    assert main(["kit", str(path), "--out", str(target), *words]) != 0
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*kit*"))


def test_that_a_place_that_is_taken_is_refused(path, tmp_path, capsys):
    (tmp_path / "kit.zip").write_bytes(b"mine")
    assert main(["kit", str(path), "--out", str(tmp_path / "kit.zip")]) != 0
    assert "already" in capsys.readouterr().err
    assert (tmp_path / "kit.zip").read_bytes() == b"mine"
