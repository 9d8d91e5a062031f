"""`nasstudio table`: import of every format, filling, comparing; and what a wrong word gets."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasstudio.cli.main import main
from nasstudio.engine.cost import counts
from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset

TABLES = Path(__file__).parents[1] / "engine" / "cost" / "formats" / "tables"
SPACE = build(preset("mbv3_28_fast"))


@pytest.fixture
def place(tmp_path):
    project = Project.create(tmp_path / "mine", "Mine")
    project.put("space", preset("mbv3_28_fast"))
    path = project.path
    project.close()
    return path


@pytest.fixture
def run(place, capsys):
    """run(*words) -> (exit code, what was printed, what was complained)."""

    def go(*words):
        code = main(["table", str(place), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


@pytest.fixture
def run_json(run):
    def go(*words):
        code, out, err = run(*words, "--json")
        assert code == 0, err
        return json.loads(out.splitlines()[-1])

    return go


def _own(path, factors=(1.0, 0.3), missing=()):
    """A table of the space with two devices, as our own file."""
    work = np.array([counts.count(layer).macs / 1e9 + 0.002 for layer in SPACE.layers])
    table = LatencyTable(
        devices=[Device(name, "table", title=name) for name in ("A", "B")],
        cells=Cells.missing((0, 2)),
    )
    table.add_rows(SPACE.layers)
    table.cells = Cells.of(work[:, None] * np.array(factors), Source.IMPORTED)
    table.put(list(missing), [1] * len(missing), Cells.missing((len(missing),)))
    path.write_bytes(to_json(table))
    return path


def test_that_cells_that_are_no_times_are_taken_in_flagged_and_survive_saving(run, run_json, place):
    found = run_json("--import", TABLES / "ofa_160.yaml", "--device", "Jetson")
    assert (found["known"], found["not_times"]) == (8, 1)
    assert [flag["device"] for flag in found["flags"]] == ["Jetson"]
    assert "not a time" in found["flags"][0]["reason"]
    assert any("AvgPool2D" in note for note in found["notes"])
    project = Project.open(place)
    try:
        assert project.table.cells.flawed.sum() == 1
        assert project.table.cells.ms.min() == -0.0021
    finally:
        project.close()
    code, out, _ = run("--import", TABLES / "operations.tsv")
    assert code == 0
    assert "cells look wrong" in out
    assert "DWConv 3x3, C=64, NPU: not a time: 0 ms" in out


def test_that_a_device_of_whole_networks_is_kept_and_what_a_search_lacks_is_said(run, place):
    code, out, _ = run("--import", TABLES / "hat_xeon.csv", "--device", "Xeon")
    assert code == 0
    assert "fitted to 120 whole networks, error" in out
    assert "A search in mbv3_28_fast can't use Xeon: the space has no gene" in out
    project = Project.open(place)
    try:
        (device,) = project.table.devices
        assert device.name == "Xeon"
        assert project.table.fitted[device.id].n == 120
    finally:
        project.close()


def test_that_missing_times_are_filled_with_the_error_of_the_rule(run, run_json, tmp_path):
    missing = [SPACE.layers.index(layer) for layer in SPACE.layers if layer.kernel == 5][:20]
    run_json("--import", _own(tmp_path / "t.json", missing=missing))
    found = run_json("--fill", "interpolate", "--device", "B")
    assert found["filled"] > 0
    assert found["error"] < 0.05
    left = 2 * len(SPACE.layers) - found["known"]
    scaled = run_json("--fill", "scale", "--device", "B", "--from", "A")
    assert scaled["filled"] == left
    assert scaled["known"] == 2 * len(SPACE.layers)
    code, out, _ = run("--fill", "interpolate", "--device", "B")
    assert code == 0
    assert "Filled 0 cells; the rule's error is" in out


def test_that_another_table_is_compared_and_nothing_is_changed(run, run_json, place, tmp_path):
    run_json("--import", _own(tmp_path / "t.json"))
    before = (place / "tables" / "latency.json").read_bytes()
    found = run_json("--diff", _own(tmp_path / "u.json", factors=(1.0, 0.6)))["diff"]
    assert [column["factor"] for column in found["columns"]] == pytest.approx([1.0, 2.0])
    assert found["columns"][0]["beyond"] == []
    assert len(found["columns"][1]["beyond"]) == len(SPACE.layers)
    code, out, _ = run("--diff", tmp_path / "u.json")
    assert code == 0
    assert "B: " in out
    assert "the second 2.00 times the first" in out
    assert (place / "tables" / "latency.json").read_bytes() == before


def test_that_what_is_exported_comes_back(run_json, tmp_path):
    run_json("--import", _own(tmp_path / "t.json"))
    for name in ("out.csv", "out.json"):
        run_json("--export", tmp_path / name)
        again = run_json("--diff", tmp_path / name)["diff"]
        assert all(column["beyond"] == [] for column in again["columns"])
        assert again["only_left"] == again["only_right"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fill", "interpolate"), "--fill needs --device"),
        (("--fill", "scale", "--device", "B"), "--fill scale needs --from"),
        (("--from", "A"), "--from needs --fill scale"),
        (("--resolution", "160"), "--resolution needs --import"),
        (("--device", "A"), "--device needs --import or --fill"),
        (("--fill", "interpolate", "--device", "Z"), "has no device 'Z'"),
        (("--import", TABLES / "ofa_160.yaml", "--resolution", "big"), "not a list of input sizes"),
        (
            ("--import", TABLES / "ofa_160.yaml", "--resolution", "224"),
            "No file has the resolution",
        ),
        (("--import", TABLES / "operations.tsv", "--device", "X"), "2 devices, and one name"),
        (("--diff", TABLES / "operations.tsv"), "no device in common"),
        (("--import", TABLES / "ofa_broken.yaml"), "line 14"),
        (("--import", TABLES / "proxyless_broken.yaml"), "line 9"),
        (("--import", TABLES / "hat_broken.csv"), "line 8, column 12"),
        (("--import", TABLES / "nasbench_broken.csv"), "line 5"),
        (("--import", TABLES / "operations_broken.csv"), "kg is no unit of time"),
    ],
)
def test_that_what_is_wrong_is_said_and_changes_nothing(run, place, words, said):
    before = sorted(place.rglob("*"))
    code, out, err = run(*words)
    assert code == 2
    assert said in err
    assert "remedy" in err
    assert "Traceback" not in out + err
    assert sorted(place.rglob("*")) == before
