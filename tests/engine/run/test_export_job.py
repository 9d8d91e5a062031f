"""An export is complete, true, and there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.export import card as cards
from nasstudio.engine.export import onnx as onnx_format
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import ExportSpec
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.run import export

CLASSES = ("columns", "rows", "squares")


@pytest.fixture
def spec(trained_project):
    genome = trained_project.space.sample(1, np.random.default_rng(7))[0]
    return ExportSpec(
        **trained_project.basis, genome=tuple(genome.tolist()), title="Patterns: 1 ms"
    )


@pytest.fixture
def quick(spec):
    """Without the package, whose check starts a process."""
    return msgspec.structs.replace(spec, formats=("onnx",), title="Quick")


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_that_an_export_holds_everything_and_keeps_what_it_says(spec, run_job, trained_project):
    devices, table = trained_project.devices, trained_project.table
    ran = run_job(msgspec.structs.replace(spec, devices=devices, table=table))
    assert ran.code == 0, ran.last
    place = ran.folder.path / "export" / "Patterns-1-ms"
    assert names(place.parent) == ["Patterns-1-ms"]
    assert names(place) == ["Patterns-1-ms-pytorch", "Patterns-1-ms.onnx", "card.json", "card.md"]
    _artefacts_are_as_said(ran)
    summary, card = ran.last.summary, cards.read(place / "card.json")
    (exported,) = ran.results("exported")
    assert summary.items() <= exported.items()
    assert summary["folder"] == "export/Patterns-1-ms"
    _accuracy_is_true(summary, spec, trained_project)
    _pictures_are_named_right(place, summary, trained_project)
    assert {item.device.id for item in card.latency} == set(summary["latency"])
    for item in card.latency:
        assert item.measured_ms > 0
        assert item.promised_ms > 0
    assert [(c.what.split()[0], c.batch) for c in card.checks] == [
        ("ONNX", 1),
        ("ONNX", 8),
        ("ONNX", 64),
        ("PyTorch", 60),
    ]
    assert all(check.difference < 1e-5 for check in card.checks)
    assert card.data.fingerprint == open_set(trained_project.data).fingerprint
    assert card.inputs[0].sha256 == trained_project.supernet.sha256
    assert card.training["epochs"] == 8
    for file in card.files:
        content = (place / file.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)
    steps = [event.done for event in ran.of(ev.Progress)]
    assert steps == sorted(steps)
    assert ran.of(ev.Progress)[-1].done == ran.of(ev.Progress)[-1].total


def _artefacts_are_as_said(ran):
    artefacts = {event.kind: event for event in ran.of(ev.Artefact)}
    assert set(artefacts) == {"onnx", "package", "card"}
    for event in artefacts.values():
        content = (ran.folder.path / event.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == event.sha256
        assert (ran.folder.path / event.about["folder"]).is_dir()


def _accuracy_is_true(summary, spec, project):
    """The evaluator's own count says the same; the network is neither perfect nor blind, so this means something."""
    supernet, _ = load_supernet(project.folder / project.supernet.path)
    evaluator = Evaluator(supernet, open_set(project.data), 120, 0)
    genome = np.array(spec.genome, np.int16)
    assert summary["test_accuracy"] == evaluator.accuracy(genome, "test")
    assert summary["test_accuracy_onnx"] == summary["test_accuracy"]
    assert summary["validation_accuracy"] == evaluator.accuracy(genome, "validation_b")
    assert (summary["test_images"], summary["validation_images"]) == (120, 60)
    assert 0.4 < summary["test_accuracy"] < 1.0


def _pictures_are_named_right(place, summary, project):
    """The files alone, used as their metadata and README say, are right as often as the summary says."""
    pictures = sorted((project.pictures / "test").glob("*/*.png"))
    truth = np.array([CLASSES.index(path.parent.name) for path in pictures])
    name = summary["folder"].split("/")[-1]
    by_onnx = _named_by_onnx(place / f"{name}.onnx", pictures)
    assert (by_onnx == truth).mean() == pytest.approx(summary["test_accuracy"], abs=0.009)
    script = place / f"{name}-pytorch" / "predict.py"
    command = [sys.executable, "-E", "-s", "-B", str(script), *map(str, pictures)]
    ran = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True)
    first = [line.rsplit(": ", 1)[1].split()[0] for line in ran.stdout.splitlines()]
    by_package = np.array([CLASSES.index(word) for word in first])
    assert (by_package == truth).mean() == pytest.approx(summary["test_accuracy"], abs=0.009)


def _named_by_onnx(path, pictures):
    about = {e.key: json.loads(e.value) for e in onnx.load(path).metadata_props}
    assert tuple(about["labels"]) == CLASSES
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    size, mean, std = about["size"], about["mean"][0], about["std"][0]
    images = []
    for picture in pictures:
        grey = Image.open(picture).convert("F").resize((size, size), Image.Resampling.BILINEAR)
        images.append((np.asarray(grey) * about["scale"] - mean) / std)
    (logits,) = session.run(None, {"images": np.stack(images)[:, None].astype(np.float32)})
    return logits.argmax(axis=1)


def test_that_a_difference_above_the_tolerance_leaves_nothing(quick, run_job):
    ran = run_job(msgspec.structs.replace(quick, tolerance=1e-12))
    assert ran.code == 1
    assert "ONNX Runtime" in ran.last.what
    assert "differ" in ran.last.what
    assert "1e-12" in ran.last.what
    assert names(ran.folder.path / "export") == []
    assert not ran.of(ev.Artefact)


def test_that_a_written_file_with_other_weights_is_found_out(quick, run_job, monkeypatch):
    def wrong(deployment, folder):
        key = "3.project.weight"
        weights = dict(deployment.weights, **{key: deployment.weights[key] * 1.1})
        return write(replace(deployment, weights=weights), folder)

    write = onnx_format.write
    monkeypatch.setattr(onnx_format, "write", wrong)
    ran = run_job(quick)
    assert ran.code == 1
    assert "differ" in ran.last.what


def test_that_a_full_disk_is_explained_and_the_earlier_export_stays(quick, run_job, monkeypatch):
    first = run_job(quick)
    place = first.folder.path / "export" / "Quick"
    before = {path.name: path.read_bytes() for path in place.iterdir()}

    def full(deployment, folder):
        (folder / "half").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(onnx_format, "write", full)
    ran = run_job(first.folder)
    assert ran.code == 8
    assert ran.last.what == "The disk is full."
    assert ran.last.where == str(place)
    assert names(place.parent) == ["Quick"]
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_that_a_place_that_can_not_be_written_is_explained(quick, run_job, trained_project):
    ran = run_job(msgspec.structs.replace(quick, formats=("nothing",)))
    (ran.folder.path / "export").write_text("in the way")
    (ran.folder.path / "spec.json").write_bytes(msgspec.json.encode(quick))
    again = run_job(ran.folder)
    assert again.code == 1
    assert "can't be written" in again.last.what
    assert again.last.remedy


def test_that_exporting_again_replaces_the_export_and_clears_what_a_killed_one_left(quick, run_job):
    first = run_job(quick)
    exports = first.folder.path / "export"
    (exports / "Quick" / "stale").write_text("old")
    (exports / ".Quick.abc.part").mkdir()
    (exports / ".Quick.abc.old").mkdir()
    again = run_job(first.folder)
    assert again.code == 0, again.last
    assert names(exports) == ["Quick"]
    assert names(exports / "Quick") == ["Quick.onnx", "card.json", "card.md"]


def test_that_a_stopped_export_leaves_nothing_and_can_be_run_again(quick, run_job, monkeypatch):
    progress = JobContext.progress

    def stop_while_checking(job, done, total, **words):
        progress(job, done, total, **words)
        if words.get("label", "").startswith("Checking"):
            job.stop()

    with monkeypatch.context() as patch:
        patch.setattr(JobContext, "progress", stop_while_checking)
        ran = run_job(quick)
    assert isinstance(ran.last, ev.Stopped)
    assert names(ran.folder.path / "export") == []
    assert run_job(ran.folder).code == 0


def test_that_a_title_can_not_leave_the_run_folder(quick, run_job):
    ran = run_job(msgspec.structs.replace(quick, title="../../../evil/<name>"))
    assert ran.code == 0, ran.last
    assert names(ran.folder.path / "export") == ["evil-name"]
    assert ran.last.summary["title"] == "../../../evil/<name>"


@pytest.mark.parametrize(("formats", "word"), [((), "No format"), (("onnx", "tflite"), "'tflite'")])
def test_that_formats_are_checked_before_anything_is_done(quick, run_job, formats, word):
    ran = run_job(msgspec.structs.replace(quick, formats=formats))
    assert ran.code == 2
    assert word in ran.last.what
    assert not ran.of(ev.Progress)


def test_that_latency_under_onnx_runtime_needs_no_onnx_format(
    spec, run_job, trained_project, monkeypatch
):
    monkeypatch.setattr(export, "_check_package", lambda *arguments: None)  # it starts a process
    alone = msgspec.structs.replace(
        spec, formats=("pytorch",), devices=trained_project.devices[1:], title="Package only"
    )
    ran = run_job(alone)
    assert ran.code == 0, ran.last
    assert ran.last.summary["test_accuracy_onnx"] is None
    (timed,) = ran.last.summary["latency"].values()
    assert timed["measured_ms"] > 0
    assert timed["promised_ms"] is None
    assert not list(ran.folder.path.glob("**/*.onnx"))
