"""The train job: what it says, and that it goes on bit for bit where it was interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.job.context import StopJob
from nasstudio.engine.job.events import EventReader
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.supervise import start
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.net.tensor_file import read_tensors
from nasstudio.engine.run.train import run
from nasstudio.engine.train.checkpoint import KIND
from nasstudio.engine.train.loop import Diverged
from nasstudio.engine.train.schedule import Phase, Schedule


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    """Of the newest checkpoint."""
    newest = sorted(folder.glob("resume-*.safetensors"))[-1]
    return read_tensors(newest, KIND, "")[0]


def assert_same(left: Path, right: Path) -> None:
    """Both trainings ended in the same state, bit for bit."""
    a, b = tensors_of(left), tensors_of(right)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
    for path in left.glob("supernet-*.safetensors"):
        (net, about), (other, about_other) = load_supernet(path), load_supernet(right / path.name)
        tensors = other.state_dict()
        assert all(torch.equal(t, tensors[name]) for name, t in net.state_dict().items())
        timeless = [msgspec.structs.replace(a, seconds=None) for a in (about, about_other)]
        assert timeless[0] == timeless[1]


def test_that_a_training_reports_its_course(whole: Path, spec) -> None:
    events = EventReader(whole / "events.jsonl").read()
    phases = [e.values for e in events if getattr(e, "name", "") == "phase"]
    assert [(p["state"], p["number"]) for p in phases] == [
        (state, number) for number in (1, 2, 3) for state in ("began", "ended")
    ]
    found = [e for e in events if getattr(e, "kind", "") == "supernet"]
    assert [e.about["final"] for e in found] == [False, False, True]
    curves = [e for e in events if "largest" in getattr(e, "values", {}) and hasattr(e, "step")]
    assert [e.step for e in curves] == [1, 2, 3]
    assert all(0 <= value <= 1 for e in curves for value in e.values.values())
    assert phases[-1]["largest"] == curves[-1].values["largest"]
    supernet, about = load_supernet(whole / found[-1].path)
    assert (about.phase, about.epoch, about.images) == ("Expand", 3, 288)
    assert about.space == spec.space
    assert supernet.space.hash
    assert len(list(whole.glob("resume-*.safetensors"))) == 2


@pytest.mark.parametrize("stops", [(1,), (6, 1, 5), (9, 13), (25, 3, 14)])
def test_that_a_stopped_training_ends_where_an_uninterrupted_one_does(
    make_job, spec, uninterrupted: Path, stops: tuple[int, ...]
) -> None:
    for stop_at in stops:
        with pytest.raises(StopJob):
            run(spec, make_job("parts", spec, stop_at))
    summary = run(spec, make_job("parts", spec))
    assert summary["images"] == 288
    assert_same(uninterrupted, uninterrupted.parent / "parts")


_DIES_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from nasstudio.engine.net import tensor_file
from nasstudio.engine.run.child import main
whole, count = tensor_file.save_file, 0
def torn(tensors, path, header):
    global count
    count += 1
    whole(tensors, path, header)
    if count == 4:
        with open(path, "rb+") as file:
            file.truncate(1000)
        os.kill(os.getpid(), signal.SIGKILL)
tensor_file.save_file = torn
main(Path(sys.argv[1]))
"""


def test_that_a_training_killed_twice_once_inside_a_write_ends_the_same(
    make_job, with_spec, uninterrupted: Path
) -> None:
    spec = with_spec(checkpoint_s=0.0)
    folder = RunFolder.create(uninterrupted.parent / "killed", spec)
    torn = subprocess.run(
        [sys.executable, "-c", _DIES_WHILE_WRITING, str(folder.path)], check=False, timeout=60
    )
    assert torn.returncode == -signal.SIGKILL
    assert list(folder.path.glob(".*.part"))
    before = max(path.name for path in folder.path.glob("resume-*"))
    child = start(folder)
    while max(path.name for path in folder.path.glob("resume-*")) == before:
        assert child.poll() is None
    child.kill()
    child.wait()
    assert child.returncode == -signal.SIGKILL
    run(spec, make_job("killed", spec))
    assert not list(folder.path.glob(".*.part"))
    assert_same(uninterrupted, folder.path)


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty"])
def test_that_a_damaged_checkpoint_is_passed_over_and_said(
    make_job, with_spec, uninterrupted: Path, damage: str
) -> None:
    spec = with_spec(checkpoint_s=0.0)
    with pytest.raises(StopJob):
        run(spec, make_job("damaged", spec, 9))
    folder = uninterrupted.parent / "damaged"
    newest = sorted(folder.glob("resume-*.safetensors"))[-1]
    content = newest.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    newest.write_bytes({"truncated": content[:-5], "altered": flipped, "empty": b""}[damage])
    job = make_job("damaged", spec)
    run(spec, job)
    warnings = [
        e.text for e in EventReader(job.folder.events).read() if type(e).__name__ == "Warned"
    ]
    assert any(newest.name in text for text in warnings)
    assert_same(uninterrupted, folder)


def test_that_damaged_checkpoints_alone_are_an_error_that_names_the_newest(make_job, spec) -> None:
    with pytest.raises(StopJob):
        run(spec, make_job("r", spec, 3))
    job = make_job("r", spec)
    paths = sorted(job.path.glob("resume-*.safetensors"))
    for path in paths:
        path.write_bytes(b"nonsense")
    with pytest.raises(CorruptFile) as problem:
        run(spec, job)
    assert problem.value.where == str(paths[-1])


def test_that_a_checkpoint_of_another_training_is_refused(make_job, spec, with_spec) -> None:
    with pytest.raises(StopJob):
        run(spec, make_job("r", spec, 3))
    for change in ({"seed": 6}, {"data": DataDocument("fashion_mnist_small", {"limit": 97})}):
        with pytest.raises(InvalidInput, match=r"another (seed|data)"):
            run(with_spec(**change), make_job("r", spec))


def test_that_a_diverged_training_stops_and_keeps_its_checkpoint(make_job, with_spec) -> None:
    wild = Schedule("wild", "Wild", (Phase("Full", 1, 1.0), Phase("Mad", 2, 100.0)))
    spec = with_spec(schedule=wild, weight_decay=1e30)
    job = make_job("wild", spec)
    with pytest.raises(Diverged) as problem:
        run(spec, job)
    assert "lower rate" in problem.value.remedy
    for path in job.path.glob("resume-*.safetensors"):
        assert all(bool(torch.isfinite(t).all()) for t in read_tensors(path, KIND, "")[0].values())


def test_that_space_and_data_must_fit(make_job, with_spec, spec) -> None:
    options = dict(spec.space.options, classes=7)
    misfit = with_spec(space=type(spec.space)("mobilenetv3", "seven", "Seven", options))
    with pytest.raises(InvalidInput, match="7 classes"):
        run(misfit, make_job("m", misfit))


def test_that_a_first_phase_without_a_teacher_can_not_distil(make_job, with_spec) -> None:
    spec = with_spec(schedule=Schedule("s", "S", (Phase("Full", 1, 0.1, distill=1.0),)))
    with pytest.raises(InvalidInput, match="teacher"):
        run(spec, make_job("t", spec))


def test_that_a_supernet_of_another_space_may_teach_from_the_first_step_on(
    make_job, with_spec, spec, uninterrupted: Path, monkeypatch
) -> None:
    monkeypatch.setattr("nasstudio.engine.run.train.METRIC_S", 0.0)  # every step is reported
    teacher = RunFolder(uninterrupted).reference(uninterrupted / "supernet-3-expand.safetensors")
    smaller = dict(spec.space.options, head=[8, 12])
    taught = with_spec(
        space=type(spec.space)("mobilenetv3", "smaller", "Smaller", smaller),
        schedule=Schedule("s", "S", (Phase("Full", 2, 0.05, distill=1.0),)),
        teacher=teacher,
        temperature=2.0,
    )
    run(taught, make_job("taught", taught))
    with pytest.raises(StopJob):
        run(taught, make_job("parts", taught, 9))
    job = make_job("parts", taught)
    run(taught, job)
    assert_same(uninterrupted.parent / "taught", job.path)
    assert not any(name.startswith("teacher.") for name in tensors_of(job.path))
    curves = [e.values for e in EventReader(job.folder.events).read() if hasattr(e, "step")]
    assert sum(values.get("loss_kd") is not None for values in curves) >= 12


def test_that_a_teacher_of_other_images_or_for_nobody_is_refused(
    make_job, with_spec, spec, uninterrupted: Path
) -> None:
    teacher = RunFolder(uninterrupted).reference(uninterrupted / "supernet-3-expand.safetensors")
    idle = with_spec(schedule=Schedule("s", "S", (Phase("Full", 1, 0.1),)), teacher=teacher)
    with pytest.raises(InvalidInput, match="No phase"):
        run(idle, make_job("idle", idle))
    other = with_spec(teacher=teacher, data=DataDocument("fashion_mnist_small", {"limit": 97}))
    with pytest.raises(InvalidInput, match="other images"):
        run(other, make_job("other", other))


def test_that_a_gpu_that_is_not_here_is_named(make_job, with_spec, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    spec = with_spec(device="cuda")
    with pytest.raises(InvalidInput, match="no GPU"):
        run(spec, make_job("gpu", spec))


def test_that_a_training_may_start_from_a_supernet(
    make_job, with_spec, uninterrupted: Path
) -> None:
    path = uninterrupted / "supernet-1-full.safetensors"
    source = RunFolder(uninterrupted)
    more = Schedule("more", "More", (Phase("Expand", 1, 1e-9, networks=2, distill=1.0),))
    spec = with_spec(schedule=more, start=source.reference(path))
    job = make_job("more", spec)
    run(spec, job)
    begun, _ = load_supernet(path)
    ended, _ = load_supernet(job.path / "supernet-1-expand.safetensors")
    # At a rate of nothing the weights are the first ones, but sorted by importance for the smaller widths.
    importance = ended.blocks[-1].project.weight.abs().sum(dim=(0, 2, 3))
    assert bool((importance.diff() < 1e-4).all())
    assert not torch.allclose(begun.blocks[-1].project.weight, ended.blocks[-1].project.weight)
    assert torch.allclose(begun.stem.conv.conv.weight, ended.stem.conv.conv.weight, atol=1e-5)
