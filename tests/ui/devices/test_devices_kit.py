"""A kit is asked for on the Devices page, and its results are dropped there."""

import json

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog

from nasstudio.engine.device.kit import results as kit_results
from nasstudio.engine.errors import CorruptFile, InvalidInput, NoSpaceLeft
from nasstudio.engine.job.specification import KitSpec
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.layer import text
from nasstudio.ui.pages.devices import menus
from nasstudio.ui.workbench import LiveRun

PRESET = "mbv3_28_fast"
KIT = "Make a kit for another device…"


@pytest.fixture
def path(tmp_path):
    project = Project.create(tmp_path / "Board", "Board")
    project.put("space", preset(PRESET))
    project.close()
    return project.path


def kits(bench) -> list[KitSpec]:
    return [spec for spec in bench.made if isinstance(spec, KitSpec)]


def _file(path, space):
    """Results of a kit of the space, as the runner writes them: every layer, and networks that are exact sums."""
    cost = {text(layer): 1e-3 * layer.channels_out for layer in space.layers}
    genomes = space.sample(12, np.random.default_rng(0))

    def times(ms):
        return {"ms": ms, "p10": ms, "p90": ms, "n": 20, "processes": 4}

    networks = []
    for genome in genomes:
        total = sum(cost[text(block.layer)] for block in space.blocks(genome)) + 2e-3
        networks.append({"genome": genome.tolist(), "rounds": [times(total), times(1.01 * total)]})
    run = {
        "threads": 1,
        "empty": times(2e-3),
        "reference": {"model": "layer-001", "ms": [1.0, 1.0]},
        "layers": [{"layer": label, **times(ms + 2e-3)} for label, ms in cost.items()],
        "networks": networks,
        "interrupted": None,
        "processes": 4,
        "seconds": 9.0,
    }
    values = {
        "format": kit_results.FORMAT,
        "version": 1,
        "kit": {"title": "Board", "manifest_sha256": "0" * 64, "space_hash": space.hash},
        "title": "Pi 5",
        "device": {
            "hardware": "Raspberry Pi 5",
            "runtime": "onnxruntime",
            "version": "1.20.0",
            "precision": "fp32",
            "batch": 1,
        },
        "machine": {"cores": 4},
        "measured_at": "2026-01-01T00:00:00+0000",
        "runs": [run],
    }
    values["sha256"] = kit_results.digest(json.dumps(values).encode())
    path.write_text(json.dumps(values))
    return path


def test_that_a_kit_is_asked_for_in_the_menu_of_new_devices(qtbot, path, tmp_path, shown):
    with shown(path) as (page, bench):
        made = menus.add(page)
        (entry,) = [action for action in made.actions() if action.text() == KIT]
        qtbot.waitUntil(lambda: bench.space is not None)
        dialog = menus.ask_kit(page)
        assert isinstance(dialog, QFileDialog)
        assert dialog.selectedFiles()[0].endswith(f"{PRESET}-kit.zip")
        dialog.fileSelected.emit(str(tmp_path / "pi.zip"))
        dialog.close()
        qtbot.waitUntil(lambda: bool(kits(bench)))
        assert kits(bench)[0].target == str(tmp_path / "pi.zip")
        assert entry.isEnabled() == page.model.editable
        made.deleteLater()


def test_that_a_kit_that_fails_later_is_said_on_the_card(path, shown):
    with shown(path) as (page, bench):
        failure = NoSpaceLeft("The disk is full.", where="pi.zip", remedy="Make room.")
        bench.run_ended.emit(LiveRun("kit-1", "Kit", "kit", failure=failure, ended=True))
        assert page.card.error.isVisible()
        page.card.show_error(None)
        bench.run_ended.emit(LiveRun("train-1", "Training", "train", failure=failure, ended=True))
        assert not page.card.error.isVisible()


def test_that_a_place_that_is_taken_is_said_on_the_card(qtbot, path, tmp_path, monkeypatch, shown):
    (tmp_path / "pi.zip").write_bytes(b"mine")
    with shown(path) as (page, bench):
        said = []
        monkeypatch.setattr(page.card, "show_error", said.append)
        menus.make_kit(page, tmp_path / "pi.zip")
        qtbot.waitUntil(lambda: any(said))
        assert isinstance(said[-1], InvalidInput)
        assert not kits(bench)


def test_that_results_of_a_kit_become_a_device_with_its_calibration(
    qtbot, path, tmp_path, space, shown
):
    file = _file(tmp_path / "results-pi.json", space)
    with shown(path) as (page, bench):
        qtbot.waitUntil(lambda: page.model.space is not None)
        page.take_file(file)
        qtbot.waitUntil(lambda: bool(bench.snapshot.table.calibrations))
        table = bench.snapshot.table
        (device,) = table.devices
        assert (device.title, device.here) == ("Pi 5", False)
        assert table.missing(space.layers, device) == []
        assert table.calibrations[device.id].noise == pytest.approx(0.01 / 1.005)


def test_that_results_that_were_edited_change_nothing_and_are_said_on_the_card(
    qtbot, path, tmp_path, space, monkeypatch, shown
):
    file = _file(tmp_path / "results-pi.json", space)
    file.write_text(file.read_text().replace('"n": 20', '"n": 2000'))
    with shown(path) as (page, bench):
        said = []
        page.files.failed.connect(said.append)
        page.take_file(file)
        qtbot.waitUntil(lambda: bool(said))
        assert isinstance(said[0], CorruptFile)
        assert bench.snapshot.table.devices == []
        assert not page.undo_stack.canUndo()
